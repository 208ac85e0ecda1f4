"""What goes into the auditors' queue, and when: flagged audit visits at once, the others by the draw of their
week, each once its photos are read or it has waited long enough.

Everything here may run twice, and looks at what is there when it runs.
"""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from server.audits.drawing import is_given_twice
from server.photos.judging import judge_files
from sync.kinds.audit_visit.states import AUDITING, TURN
from sync.policy import Policy, current_policy
from sync.unit_of_work import Database, UnitOfWork

SEED_BYTES = 32
LOOKED_AT_ONCE = 500
# What waits for its photos is looked at again after this, whether or not somebody said that they came.
LOOK_AGAIN_AFTER = timedelta(minutes=10)

# A case for each of these audit visits that has none.
_TAKE_UP = """
insert into audit_case (company_id, id, activity_id, activity_store_id, store_id, person_id, position_id,
                        business_day, week_starts_on, state)
select v.company_id, v.id, v.activity_id, v.activity_store_id, v.store_id, v.person_id, v.position_id,
       v.business_day, v.business_day - (extract(isodow from v.business_day)::integer - 1), :state
from audit_visit v where v.company_id = :company and v.id = any(:ids)
on conflict do nothing
"""
# The photos of what is in its latest version: with their capture records, and the files with their bytes.
_SHOWN = """
select distinct on (v.id, m.sha256) v.id, m.sha256, p.state as photo_state, f.state as file_state
from audit_visit v
join audit_photo m on m.company_id = v.company_id and m.audit_visit_id = v.id
                  and m.version = v.version
left join photo p on p.company_id = v.company_id and p.sha256 = m.sha256
                 and p.person_id = v.person_id
left join file f on f.company_id = v.company_id and f.sha256 = m.sha256
where v.company_id = :company and v.id = any(:ids)
order by v.id, m.sha256, p.visit_id is not distinct from v.visit_id desc, p.id
"""
# Files that are read and that no capture record is about: judged for the audit visit that names them.
_UNJUDGED = """
select v.id, array_agg(distinct m.sha256) as digests
from audit_visit v
join audit_photo m on m.company_id = v.company_id and m.audit_visit_id = v.id
                  and m.version = v.version
join file f on f.company_id = v.company_id and f.sha256 = m.sha256 and f.state in ('READ', 'SET_ASIDE')
where v.company_id = :company and v.id = any(:ids)
  and not exists (select from photo p
                  where p.company_id = v.company_id and p.sha256 = m.sha256
                    and p.person_id = v.person_id)
  and not exists (select from file_evidence e
                  where e.company_id = v.company_id and e.audit_visit_id = v.id
                    and e.sha256 = m.sha256)
group by v.id order by v.id
"""
_LOCK = f"""
with shown as ({_SHOWN})
select c.id, c.state, c.week_starts_on, c.wait_until,
       v.flags <> '{{}}'
       or exists (select from shown s where s.id = c.id and s.photo_state = 'FLAGGED')
       or exists (select from file_evidence e
                  where e.company_id = c.company_id and e.audit_visit_id = c.id
                    and e.flags <> '[]'::jsonb) as is_flagged,
       (select o.result from audit_case o
        where o.company_id = c.company_id and o.activity_store_id = c.activity_store_id
          and o.result is not null and o.business_day <= c.business_day and o.id <> c.id
        order by o.business_day desc, o.judged_at desc limit 1) = 'FAIL' as has_failed,
       not exists (select from shown s
                   where s.id = c.id
                     and (coalesce(s.file_state, '') not in ('READ', 'SET_ASIDE')
                          or s.photo_state in ('EXPECTED', 'UPLOADING', 'STORED'))) as is_read
from audit_case c
join audit_visit v on v.company_id = c.company_id and v.id = c.id
where c.company_id = :company and c.id = any(:ids) and c.state = any(:states)
order by c.id for update of c
"""  # noqa: S608  put together from constants, above
_ENTER = """
update audit_case c set state = r.state, entry = r.entry, entered_at = :now, wait_until = :wait_until
from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:entries as text[])) as r(id, state, entry)
where c.company_id = :company and c.id = r.id
"""
_LOOKED = "update audit_case set looked_at = :now where company_id = :company and id = any(:ids)"
_OFFER = """
update audit_case set state = :state, looked_at = :now where company_id = :company and id = any(:ids)
"""
_TURNS = """
insert into audit_turn (company_id, id, audit_visit_id, purpose, state, since)
select :company, r.id, r.audit_visit_id, r.purpose, :state, :now
from unnest(cast(:ids as uuid[]), cast(:visits as uuid[]), cast(:purposes as text[]))
     as r(id, audit_visit_id, purpose)
on conflict do nothing
"""
_SEED = """
insert into audit_draw (company_id, week_starts_on, draw, seed, policy_version, sample_percent,
                        second_percent, made_at)
select :company, w.week, 0, w.seed, :version, :sample, :second, :now
from unnest(cast(:weeks as date[]), cast(:seeds as text[])) as w(week, seed)
on conflict do nothing
"""
_SEEDS = """
select week_starts_on, seed, second_percent from audit_draw
where company_id = :company and week_starts_on = any(:weeks) and draw = 0
"""
_OF_PHOTOS = """
select distinct v.id from photo p
join audit_photo m on m.company_id = p.company_id and m.sha256 = p.sha256
join audit_visit v on v.company_id = m.company_id and v.id = m.audit_visit_id
                  and v.version = m.version and v.person_id = p.person_id
where p.company_id = :company and p.id = any(:ids)
"""
_WAITING = """
select id from audit_case
where company_id = :company and state = 'WAITING' and (looked_at is null or looked_at < :before)
order by looked_at nulls first, id limit :at_most for update skip locked
"""


def look_at(uow: UnitOfWork, ids: Iterable[UUID], *, now: datetime) -> None:
    """Take these audit visits up as candidates, let flagged ones enter the queue, and offer those whose
    photos are read. Nine statements at most, whatever their number; more only for files that no capture record
    is about, which are judged here.
    """
    wanted = sorted(set(ids))
    if not wanted:
        return
    company = uow.company_id
    version, policy = current_policy(uow)
    uow.run(_TAKE_UP, company=company, ids=wanted, state=AUDITING.after(None, "bring"))
    for row in uow.rows(_UNJUDGED, company=company, ids=wanted):
        judge_files(uow, row.id, row.digests)
    looked = _lock(uow, wanted)
    entering = {row.id: entry for row in looked if (entry := _entry(row)) is not None}
    enter(uow, entering, policy, now=now)
    waiting = [row for row in looked if row.id in entering or row.state == "WAITING"]
    _offer(uow, waiting, version, policy, now=now)


def look_at_photos(uow: UnitOfWork, photo_ids: Iterable[UUID], *, now: datetime) -> None:
    """`look_at` what these photos were brought for."""
    rows = uow.rows(_OF_PHOTOS, company=uow.company_id, ids=list(photo_ids))
    look_at(uow, [row.id for row in rows], now=now)


def look_at_waiting(database: Database, company_id: int, *, now: datetime) -> int:
    """Look again at what waits for its photos, those first that nobody looked at for longest; how many.

    A file that nobody has a capture record of says to nobody that it was read; and waiting ends.
    """
    with database.company(company_id) as uow:
        rows = uow.rows(
            _WAITING,
            company=company_id,
            before=now - LOOK_AGAIN_AFTER,
            at_most=LOOKED_AT_ONCE,
        )
        look_at(uow, [row.id for row in rows], now=now)
    return len(rows)


def enter(
    uow: UnitOfWork, entering: Mapping[UUID, tuple[str, str]], policy: Policy, *, now: datetime
) -> None:
    """Let these, which are locked, enter the queue: id → (the state that they get, why)."""
    if not entering:
        return
    uow.run(
        _ENTER,
        company=uow.company_id,
        ids=list(entering),
        states=[state for state, _ in entering.values()],
        entries=[entry for _, entry in entering.values()],
        now=now,
        wait_until=now + timedelta(hours=policy.audit_wait_h),
    )


def offer_read(uow: UnitOfWork, ids: Iterable[UUID], *, now: datetime) -> None:
    """Offer those of these that wait and have their photos read."""
    version, policy = current_policy(uow)
    _offer(uow, _lock(uow, sorted(ids)), version, policy, now=now)


def seeds_of(
    uow: UnitOfWork, weeks: Iterable[date], version: int, policy: Policy, *, now: datetime
) -> dict[date, tuple[bytes, int]]:
    """The seed of each week, made where there is none, and how much of it is given twice."""
    wanted = sorted(set(weeks))
    uow.run(
        _SEED,
        company=uow.company_id,
        weeks=wanted,
        seeds=[secrets.token_hex(SEED_BYTES) for _ in wanted],
        version=version,
        sample=policy.audit_sample_percent,
        second=policy.audit_second_percent,
        now=now,
    )
    rows = uow.rows(_SEEDS, company=uow.company_id, weeks=wanted)
    return {row.week_starts_on: (bytes.fromhex(row.seed), row.second_percent) for row in rows}


def _lock(uow: UnitOfWork, ids: Sequence[UUID]) -> list[Any]:
    states = [*AUDITING.sources_of("flag"), *AUDITING.sources_of("offer")]
    return uow.rows(_LOCK, company=uow.company_id, ids=list(ids), states=states)


def _entry(row: Any) -> tuple[str, str] | None:
    """The state by which it enters the queue before the draw of its week, and why, if it does."""
    for holds, act, entry in (
        (row.is_flagged, "flag", "FLAGGED"),
        (row.has_failed, "follow up", "FOLLOW_UP"),
    ):
        state = AUDITING.after(row.state, act)
        if holds and state is not None:
            return state, entry
    return None


def _offer(
    uow: UnitOfWork, waiting: Sequence[Any], version: int, policy: Policy, *, now: datetime
) -> None:
    due = [row for row in waiting if row.is_read or (row.wait_until and row.wait_until <= now)]
    ids = [row.id for row in due]
    still = sorted({row.id for row in waiting} - set(ids))
    if still:
        uow.run(_LOOKED, company=uow.company_id, ids=still, now=now)
    if not due:
        return
    state = AUDITING.after("WAITING", "offer")
    uow.run(_OFFER, company=uow.company_id, ids=ids, state=state, now=now)
    seeds = seeds_of(uow, {row.week_starts_on for row in due}, version, policy, now=now)
    turns = [(row.id, "FIRST") for row in due]
    for row in due:
        seed, percent = seeds[row.week_starts_on]
        if is_given_twice(seed, row.id, percent):
            turns.append((row.id, "BLIND"))
    offer_turns(uow, turns, now=now)


def offer_turns(uow: UnitOfWork, turns: Sequence[tuple[UUID, str]], *, now: datetime) -> None:
    """Put (audit visit, purpose) into the queue, where they are not there yet."""
    uow.run(
        _TURNS,
        company=uow.company_id,
        ids=[uuid4() for _ in turns],
        visits=[id_ for id_, _ in turns],
        purposes=[purpose for _, purpose in turns],
        state=TURN.after(None, "offer"),
        now=now,
    )
