"""The points of tracks are kept for as long as the company says, and their partitions are at hand.

Rows past the company's `track_days` go in bounded batches; a whole month goes at once when it is past that
of every company. What was sent of a track that could not be applied goes by the same rule: decided items
lose their bytes, and what still waits for a person after so long is set aside.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from server.jobs.purge import BATCH, Purged
from sync.errors import NotThere
from sync.kinds.track.judge import TRACK_DAY, person_day
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work

if TYPE_CHECKING:
    from sync.engine import Engine

DECIDED_BY = "retention of tracks"
ITEMS_AT_ONCE = 200

_OLD = """
delete from track where company_id = :company and (received_at, id) in (
    select received_at, id from track
    where company_id = :company and received_at < now() - make_interval(days => :days)
    limit :batch)
returning person_id, business_day
"""
_DECIDED = """
update kept_item set raw = '', mended = null
where company_id = :company and (op_id, digest) in (
    select op_id, digest from kept_item
    where company_id = :company and kind = 'track' and state in ('RELEASED', 'SET_ASIDE') and raw <> ''
    limit :batch)
"""
_KNOWN = """
select distinct person_id, business_day from track_part
where company_id = :company and person_id = any(:people) and business_day = any(:days)
"""
# Of segments that went with their whole month.
_LEFT_BEHIND = """
delete from track_part where company_id = :company and (person_id, business_day, track_id) in (
    select p.person_id, p.business_day, p.track_id from track_part p
    where p.company_id = :company
      and p.business_day < cast(now() - make_interval(days => :days) as date) - 2
      and not exists (
          select from track t where t.company_id = p.company_id and t.person_id = p.person_id
          and t.business_day in (p.business_day, p.business_day - 1))
    limit :batch)
"""
_WAITING = """
select op_id, digest from kept_item
where company_id = :company and kind = 'track' and state in ('QUARANTINED', 'DEFERRED')
  and received_at < now() - make_interval(days => :days)
order by received_at limit :batch
"""


def keep_partitions(database: Database) -> list[str]:
    """Make the partitions of the months ahead and drop those past every retention; what was done."""
    with database.installation() as uow:
        return [row[0] for row in uow.rows("select keep_track_partitions()")]


def purge_tracks(database: Database, company_id: int, *, batches: int = 20) -> Purged:
    """Delete tracks older than the company keeps them, at most so many batches."""
    rows = 0
    for _ in range(batches):
        with database.company(company_id) as uow:
            days = current_policy(uow)[1].track_days
            left = uow.rows(_OLD, company=company_id, days=days, batch=BATCH)
            _read_again(uow, left)
        rows += len(left)
        if len(left) < BATCH:
            with database.company(company_id) as uow:
                uow.run(_LEFT_BEHIND, company=company_id, days=days, batch=BATCH)
            return Purged(rows, is_done=True)
    return Purged(rows, is_done=False)


def _read_again(uow: UnitOfWork, gone: list[Any]) -> None:
    """How far people went on days of which points are gone is what the others say."""
    days = {day for row in gone for day in (row.business_day, row.business_day + timedelta(days=1))}
    people = {row.person_id for row in gone}
    known = uow.rows(_KNOWN, company=uow.company_id, people=list(people), days=list(days))
    leave_work(uow, TRACK_DAY, [person_day(*row) for row in known])


def forget_kept_points(database: Database, engine: "Engine", company_id: int) -> Purged:
    """Of tracks that were not applied: set aside what nobody decided in time, empty what is decided."""
    with database.company(company_id) as uow:
        days = current_policy(uow)[1].track_days
        waiting: list[Any] = uow.rows(_WAITING, company=company_id, days=days, batch=ITEMS_AT_ONCE)
    reason = f"nobody decided within the {days} days that points are kept"
    for row in waiting:
        try:
            engine.set_aside(
                company_id, row.op_id, bytes(row.digest), decided_by=DECIDED_BY, reason=reason
            )
        except NotThere:
            continue  # decided meanwhile
    with database.company(company_id) as uow:
        emptied = uow.run(_DECIDED, company=company_id, batch=BATCH)
    return Purged(emptied, is_done=len(waiting) < ITEMS_AT_ONCE and emptied < BATCH)
