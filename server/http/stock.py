"""What is held at the moment: kept items, the outbox, phones' outboxes, PostgreSQL's own edges."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import psycopg
import sqlalchemy.exc

from sync.unit_of_work import Database

logger = logging.getLogger("roadbook.http")

# Reading stops here; what is left unread is said, not hidden.
READ_FOR_S = 3.0

_OF_COMPANY = """
select (select coalesce(jsonb_object_agg(s.state, s.n), '{}')
        from (select state, count(*) as n from kept_item
              where state in ('DEFERRED', 'QUARANTINED', 'CONFLICT') group by state) s),
       o.waiting, o.aside, o.oldest_s, d.devices, d.silent, d.items, d.bytes, d.oldest_s,
       (select count(*) from conflict where state = 'OPEN'),
       f.waiting, f.oldest_s, (select count(*) from file where state = 'SET_ASIDE'),
       u.open, u.bytes
from (select count(*) filter (where not is_set_aside) as waiting,
             count(*) filter (where is_set_aside) as aside,
             coalesce(extract(epoch from now() - min(created_at) filter (where not is_set_aside)),
                      0)::float8 as oldest_s
      from outbox) o,
     (select count(*) as devices,
             count(*) filter (where last_seen_at < now() - interval '3 days') as silent,
             coalesce(sum(outbox_count), 0)::float8 as items,
             coalesce(sum(outbox_bytes), 0)::float8 as bytes,
             coalesce(extract(epoch from now() - min(outbox_oldest_at)), 0)::float8 as oldest_s
      from device where state in ('ACTIVE', 'DRAINING')) d,
     (select count(*) as waiting,
             coalesce(extract(epoch from now() - min(stored_at)), 0)::float8 as oldest_s
      from file where state = 'STORED') f,
     (select count(*) as open, coalesce(sum(received), 0)::float8 as bytes
      from upload where state = 'OPEN') u
"""
# A snapshot's list of running transactions grows with what is open; a cursor holds such a list.
_OF_INSTALLATION = """
select (select max(age(datfrozenxid))::float8 from pg_database),
       (select count(*)::float8 from pg_snapshot_xip(pg_current_snapshot())),
       (pg_snapshot_xmax(pg_current_snapshot())::text::numeric
        - pg_snapshot_xmin(pg_current_snapshot())::text::numeric)::float8,
       (select count(*)::float8 from pg_prepared_xacts),
       coalesce((select extract(epoch from now() - min(xact_start)) from pg_stat_activity
                 where datname = current_database() and pid <> pg_backend_pid()), 0)::float8
"""


@dataclass(slots=True)
class Stock:
    """One reading, added up over companies."""

    is_up: bool = False
    kept_items: Counter[str] = field(default_factory=Counter)
    conflicts_open: float = 0
    outbox_waiting: float = 0
    outbox_set_aside: float = 0
    outbox_oldest_s: float = 0
    devices: float = 0
    devices_silent: float = 0
    device_items: float = 0
    device_bytes: float = 0
    device_oldest_s: float = 0
    files_waiting: float = 0
    files_oldest_s: float = 0
    files_set_aside: float = 0
    uploads_open: float = 0
    upload_bytes: float = 0
    companies: float = 0
    companies_unread: float = 0
    oldest_xid_age: float = 0
    transactions_in_progress: float = 0
    snapshot_span: float = 0
    prepared_transactions: float = 0
    oldest_transaction_s: float = 0

    def gauges(self) -> Iterator[tuple[str, str, float]]:
        """Name, what it is, value."""
        yield "conflicts_open", "Conflicts that nobody has decided.", self.conflicts_open
        yield "outbox_rows", "Work for the queue that is not done.", self.outbox_waiting
        yield "outbox_set_aside_rows", "Work that failed for good.", self.outbox_set_aside
        yield "outbox_age_seconds", "Age of the oldest work not done.", self.outbox_oldest_s
        yield "devices", "Phones that may send.", self.devices
        yield "devices_silent", "Phones not heard of for 3 days.", self.devices_silent
        yield "device_outbox_items", "Items phones said they hold unsent.", self.device_items
        yield "device_outbox_bytes", "Their size.", self.device_bytes
        yield "device_outbox_age_seconds", "Age of the oldest of them.", self.device_oldest_s
        yield "files_to_read", "Files that have come and are not read.", self.files_waiting
        yield "files_to_read_age_seconds", "Age of the oldest of them.", self.files_oldest_s
        yield "files_set_aside", "Files that could not be read.", self.files_set_aside
        yield "uploads_open", "Uploads that are not finished.", self.uploads_open
        yield "uploads_open_bytes", "What is there of them.", self.upload_bytes
        yield "companies", "Companies.", self.companies
        yield "companies_unread", "Companies left out for want of time.", self.companies_unread
        yield "oldest_xid_age", "Transactions since the oldest unfrozen one.", self.oldest_xid_age
        yield (
            "transactions_in_progress",
            "Length of the in-progress list of a snapshot taken now.",
            self.transactions_in_progress,
        )
        yield "snapshot_span", "Transaction ids between xmin and xmax.", self.snapshot_span
        yield "prepared_transactions", "There should be none.", self.prepared_transactions
        yield (
            "oldest_transaction_seconds",
            "Age of the oldest open transaction that the service may see.",
            self.oldest_transaction_s,
        )


def read_stock(database: Database) -> Stock:
    """A reading; with `is_up` false where the database does not answer."""
    stock = Stock()
    ends = time.monotonic() + READ_FOR_S
    try:
        with database.installation() as uow:
            companies = [row[0] for row in uow.rows("select company_ids()")]
            (
                stock.oldest_xid_age,
                stock.transactions_in_progress,
                stock.snapshot_span,
                stock.prepared_transactions,
                stock.oldest_transaction_s,
            ) = uow.rows(_OF_INSTALLATION)[0]
        stock.companies = len(companies)
        for place, company_id in enumerate(companies):
            if time.monotonic() > ends:
                stock.companies_unread = len(companies) - place
                break
            _add_company(stock, database, company_id)
    except (sqlalchemy.exc.SQLAlchemyError, psycopg.Error) as error:
        logger.warning("metrics: %s", str(error).partition("\n")[0])
        return Stock()
    stock.is_up = True
    return stock


def _add_company(stock: Stock, database: Database, company_id: int) -> None:
    with database.reading(company_id) as uow:
        (
            kept,
            waiting,
            aside,
            oldest_s,
            devices,
            silent,
            items,
            size,
            held_s,
            conflicts,
            files,
            file_s,
            files_aside,
            uploads,
            upload_bytes,
        ) = uow.rows(_OF_COMPANY)[0]
    stock.kept_items.update(kept)
    stock.outbox_waiting += waiting
    stock.outbox_set_aside += aside
    stock.outbox_oldest_s = max(stock.outbox_oldest_s, oldest_s)
    stock.devices += devices
    stock.devices_silent += silent
    stock.device_items += items
    stock.device_bytes += size
    stock.device_oldest_s = max(stock.device_oldest_s, held_s)
    stock.conflicts_open += conflicts
    stock.files_waiting += files
    stock.files_oldest_s = max(stock.files_oldest_s, file_s)
    stock.files_set_aside += files_aside
    stock.uploads_open += uploads
    stock.upload_bytes += upload_bytes
