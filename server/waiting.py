"""What waits for somebody, in all companies together: for `roadbook doctor`.

Read as the service's role, company by company, so row-level security is what keeps them apart.
"""

from dataclasses import dataclass
from time import monotonic

from sqlalchemy import Connection, text

# With very many companies what was read by then is told, and that it is not all.
READ_FOR_S = 5.0

_OF_COMPANY = """
select
  (select count(*) from kept_item where state = 'QUARANTINED'),
  (select coalesce(extract(epoch from now() - min(received_at)), 0)::bigint
   from kept_item where state = 'QUARANTINED'),
  (select count(*) from kept_item where state = 'DEFERRED'),
  (select coalesce(extract(epoch from now() - min(received_at)), 0)::bigint
   from kept_item where state = 'DEFERRED'),
  (select count(*) from outbox where not is_set_aside),
  (select coalesce(extract(epoch from now() - min(created_at)), 0)::bigint
   from outbox where not is_set_aside),
  (select count(*) from outbox where is_set_aside),
  (select count(*) from conflict where state = 'OPEN'),
  (select count(*) from proposal where state = 'WAITING'),
  (select count(*) from file where state = 'STORED'),
  (select coalesce(extract(epoch from now() - min(stored_at)), 0)::bigint
   from file where state = 'STORED'),
  (select count(*) from file where state = 'SET_ASIDE')
"""


@dataclass(slots=True)
class Waiting:
    """Counts, and ages of the oldest in seconds."""

    quarantined: int = 0
    quarantined_oldest_s: int = 0
    deferred: int = 0
    deferred_oldest_s: int = 0
    work: int = 0
    work_oldest_s: int = 0
    given_up: int = 0
    conflicts: int = 0
    proposals: int = 0
    files: int = 0
    files_oldest_s: int = 0
    files_set_aside: int = 0
    companies: int = 0
    companies_unread: int = 0


def read_waiting(connection: Connection, *, for_s: float = READ_FOR_S) -> Waiting:
    """What waits now. Leaves the connection in a transaction of the last company."""
    found = Waiting()
    until = monotonic() + for_s
    companies = list(connection.execute(text("select company_ids()")).scalars())
    found.companies = len(companies)
    for place, company_id in enumerate(companies):
        if monotonic() > until:
            found.companies_unread = len(companies) - place
            break
        connection.execute(
            text("select set_config('roadbook.company', :company, true)"),
            {"company": str(company_id)},
        )
        row = connection.execute(text(_OF_COMPANY)).one()
        found.quarantined += row[0]
        found.quarantined_oldest_s = max(found.quarantined_oldest_s, row[1])
        found.deferred += row[2]
        found.deferred_oldest_s = max(found.deferred_oldest_s, row[3])
        found.work += row[4]
        found.work_oldest_s = max(found.work_oldest_s, row[5])
        found.given_up += row[6]
        found.conflicts += row[7]
        found.proposals += row[8]
        found.files += row[9]
        found.files_oldest_s = max(found.files_oldest_s, row[10])
        found.files_set_aside += row[11]
    return found
