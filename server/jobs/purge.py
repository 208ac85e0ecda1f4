"""What is older than its retention goes, in bounded batches: receipts and changes.

Phones whose cursor is older than what was purged are told so (`cursor_too_old`) and repair by
digest: the horizon is raised in the transaction that deletes, so no pull sees the one without the
other.
"""

from dataclasses import dataclass

from sync.unit_of_work import Database, UnitOfWork

BATCH = 2_000

_LEDGER = """
delete from ledger where company_id = :company and op_id in (
    select op_id from ledger
    where company_id = :company and received_at < now() - make_interval(days => :days)
    limit :batch)
"""
# The newest mark that is old enough. A mark from the future of this database (restored from
# somewhere else) says nothing about it.
_OLD_XID = """
select xid::text from xid_mark
where at < now() - make_interval(days => :days) and xid < pg_snapshot_xmin(pg_current_snapshot())
order by at desc limit 1
"""
_RAISE_HORIZON = """
insert into feed_horizon (company_id, purged_below) values (:company, cast(:xid as xid8))
on conflict (company_id) do update
set purged_below = excluded.purged_below, purged_at = now()
where feed_horizon.purged_below < excluded.purged_below
"""
_CHANGES = """
delete from {table} where company_id = :company and ctid = any(array(
    select ctid from {table} where company_id = :company and xid < cast(:xid as xid8)
    limit :batch))
"""
_MARK = """
insert into xid_mark (at) select now()
where not exists (select from xid_mark where at > now() - make_interval(mins => 55))
on conflict (at) do nothing
"""
# One mark older than the retention stays: the purge goes by it.
_OLD_MARKS = """
delete from xid_mark where at < (
    select max(at) from xid_mark where at < now() - make_interval(days => :days + 1))
"""


@dataclass(frozen=True, slots=True)
class Purged:
    """How many rows went, and whether more of them wait."""

    rows: int
    is_done: bool


def purge_ledger(database: Database, company_id: int, *, days: int, batches: int = 20) -> Purged:
    """Delete receipts older than so many days, at most so many batches."""
    rows = 0
    for _ in range(batches):
        with database.company(company_id) as uow:
            gone = uow.run(_LEDGER, company=company_id, days=days, batch=BATCH)
        rows += gone
        if gone < BATCH:
            return Purged(rows, is_done=True)
    return Purged(rows, is_done=False)


def purge_changes(database: Database, company_id: int, *, days: int, batches: int = 20) -> Purged:
    """Delete changes older than so many days, at most so many batches, and say how far."""
    with database.installation() as uow:
        marks = uow.rows(_OLD_XID, days=days)
    if not marks:
        return Purged(0, is_done=True)
    xid = marks[0][0]
    rows = 0
    for _ in range(batches):
        with database.company(company_id) as uow:
            uow.run(_RAISE_HORIZON, company=company_id, xid=xid)
            gone = sum(_purge_table(uow, table, xid) for table in ("change", "holder_change"))
        rows += gone
        if gone == 0:
            return Purged(rows, is_done=True)
    return Purged(rows, is_done=False)


def _purge_table(uow: UnitOfWork, table: str, xid: str) -> int:
    return uow.run(_CHANGES.format(table=table), company=uow.company_id, xid=xid, batch=BATCH)


def mark_xid(database: Database, *, days: int) -> None:
    """Note which transaction id belongs to now, about once an hour; forget marks nobody needs."""
    with database.installation() as uow:
        uow.run(_MARK)
        uow.run(_OLD_MARKS, days=days)
