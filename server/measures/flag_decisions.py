"""Deciding about the flags of visits: accepted or rejected, by whom, when and why.

A decision changes which visits count in every measure, from the next question on. Each decision stays;
the last one about a flag holds. The verdict of a check-in is decided under its name in small letters.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert

from server.days.reading import read_day
from server.identity.change_log import Actor, log_change
from server.identity.companies import company_day
from server.identity.errors import NoSuchPerson
from server.identity.permissions import positions_to_act_for
from server.language import Said
from server.measures.errors import DecisionInvalid, NoSuchFlag, NoSuchVisit
from server.measures.work import REFRESH
from sync.kinds.visit.table import DECISIONS, flag_decision
from sync.kinds.visit.verdict import Verdict
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

REASON_LENGTH_MAX = 400

_VISIT = """
select v.id, v.person_id, v.position_id, v.business_day, v.flags, lower(v.verdict) as verdict
from visit v where v.company_id = :company and v.id = :visit
"""
_LAST = """
select d.number, d.decision, d.reason from flag_decision d
where d.company_id = :company and d.visit_id = :visit and d.flag = :flag
order by d.number desc limit 1
"""
# Visits with something to decide have an index of their own (sync/kinds/visit/table.py), in the order of the list.
_IS_ODD = "(v.flags <> '{}' or v.verdict in ('OFFSITE', 'UNCERTAIN', 'UNPINNED'))"
_ODD_VERDICTS = frozenset({"offsite", "uncertain", "unpinned"})
_VERDICTS = frozenset(verdict.lower() for verdict in Verdict)
# Somebody decided about it, though nothing is stored with the visit.
_IS_DECIDED = """
v.id in (select e.visit_id from flag_decision e
         where e.company_id = :company and e.business_day between :first_day and :last_day)
"""
# A business day begins and ends within a day of UTC's: the bounds by time only spare work, and `+ 0` says that no index by
# day is to be used instead of theirs.
_FLAGGED_FORM = """
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select c.visit_id, c.person_id, c.business_day, c.began_at, n.name as person_name,
       p.code as position_code, s.name as store_name, c.flag, c.decision, c.decided_by, c.decided_at,
       c.reason
from (
    select v.company_id, v.id as visit_id, v.person_id, v.position_id, v.store_id, v.business_day,
           v.began_at, f.flag, d.decision, d.decided_by, d.decided_at, d.reason
    from visit v
    cross join lateral (
        select u.flag from unnest(v.flags) as u(flag)
        union select lower(v.verdict) where lower(v.verdict) = any(:to_accept)
        union select e.flag from flag_decision e
        where e.company_id = v.company_id and e.visit_id = v.id
          and (e.is_derived or e.flag = lower(v.verdict))
    ) f
    left join lateral (
        select e.decision, e.decided_by, e.decided_at, e.reason from flag_decision e
        where e.company_id = v.company_id and e.visit_id = v.id and e.flag = f.flag
        order by e.number desc limit 1
    ) d on true
    where v.company_id = :company and {which}
      and {day} between :first_day and :last_day
      and v.began_at >= cast(:first_day as timestamp) at time zone 'UTC' - interval '1 day'
      and v.began_at < cast(:last_day as timestamp) at time zone 'UTC' + interval '2 days'
      and (cast(:seen as uuid[]) is null or v.position_id = any(:seen))
      and (cast(:region as uuid) is null or v.position_id in (
               select i.id from position i
               where i.company_id = :company and i.region_id in (select id from below)))
      and (cast(:flag as text) is null or f.flag = :flag)
      and (not :is_open or d.decision is null)
      and (cast(:after_at as timestamptz) is null
           or v.began_at >= :after_at
              and (v.began_at, v.id, f.flag) > (:after_at, cast(:after_visit as uuid), :after_flag))
    order by v.began_at, v.id, f.flag limit :at_most
) c
left join person n on n.company_id = c.company_id and n.id = c.person_id
left join position p on p.company_id = c.company_id and p.id = c.position_id
left join store s on s.company_id = c.company_id and s.id = c.store_id
order by c.began_at, c.visit_id, c.flag
"""
_OPEN = _FLAGGED_FORM.format(which=_IS_ODD, day="v.business_day + 0")
_ALL = _FLAGGED_FORM.format(which=f"({_IS_ODD} or {_IS_DECIDED})", day="v.business_day")
# Where a company wants verdicts accepted that most visits have.
_OF_ANY_VERDICT = _FLAGGED_FORM.format(which="true", day="v.business_day")


@dataclass(frozen=True, slots=True)
class FlagMark:
    """Where a page of flags ended."""

    began_at: datetime
    visit_id: UUID
    flag: str


@dataclass(frozen=True, slots=True)
class FlagListed:
    """A flag of a visit with what was decided last; no decision: nobody looked yet."""

    visit_id: UUID
    person_id: UUID
    business_day: date
    began_at: datetime
    person_name: str | None
    position_code: str | None
    store_name: str | None
    flag: str
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None


def decide_flag(
    uow: UnitOfWork,
    actor: Actor,
    visit_id: UUID,
    flag: str,
    decision: str,
    reason: str,
    *,
    now: datetime,
    asker_id: UUID | None = None,
) -> int:
    """Decide about a flag of a visit; which decision about it this is, from 1. The same again is none.

    A flag that follows from the day's other visits is looked for as the day reads `now`. With an asker
    only visits are there whose position they may act for, and nobody decides about their own. Raises
    NoSuchVisit, NoSuchFlag, DecisionInvalid.
    """
    why = " ".join(reason.split())
    if decision not in DECISIONS:
        raise DecisionInvalid(Said("decision: one of {choices}", choices=", ".join(DECISIONS)))
    if not 1 <= len(why) <= REASON_LENGTH_MAX or not why.isprintable():
        raise DecisionInvalid(
            Said("reason: 1 to {most} printable characters", most=REASON_LENGTH_MAX)
        )
    found = uow.rows(_VISIT, company=uow.company_id, visit=visit_id)
    if not found or not _may_decide(uow, found[0].position_id, asker_id):
        raise NoSuchVisit(Said("there is no such visit in this company"))
    visit = found[0]
    if asker_id is not None and asker_id == visit.person_id:
        raise DecisionInvalid(Said("nobody decides about a visit of their own"))
    is_derived = flag not in visit.flags and flag != visit.verdict
    if is_derived and flag not in _derived(uow, visit.person_id, visit.business_day, visit_id, now):
        raise NoSuchFlag(Said("the visit has no flag {flag!r}", flag=flag))
    # One decision about a visit after the other, so that each has its number.
    uow.rows("select pg_advisory_xact_lock(hashtextextended(:key, 6))", key=f"flag {visit_id}")
    last = uow.rows(_LAST, company=uow.company_id, visit=visit_id, flag=flag)
    before = {"decision": last[0].decision, "reason": last[0].reason} if last else None
    after = {"decision": decision, "reason": why}
    if before == after:
        return int(last[0].number)
    number = last[0].number + 1 if last else 1
    uow.connection.execute(
        insert(flag_decision).values(
            company_id=uow.company_id,
            visit_id=visit_id,
            flag=flag,
            number=number,
            decision=decision,
            is_derived=is_derived,
            business_day=visit.business_day,
            reason=why,
            person_id=actor.person_id,
            decided_by=actor.name,
        )
    )
    told = {"flag": flag}
    log_change(
        uow,
        actor,
        "visit.decide_flag",
        "visit",
        visit_id,
        before=None if before is None else told | before,
        after=told | after,
    )
    if visit.position_id is not None:
        leave_work(uow, REFRESH, [visit.position_id])
    return int(number)


def decide_flags(
    uow: UnitOfWork,
    actor: Actor,
    flags: Iterable[tuple[UUID, str]],
    decision: str,
    reason: str,
    *,
    now: datetime,
    asker_id: UUID | None = None,
) -> int:
    """Decide the same about several flags, each a visit and its name; how many. All of them or none.

    Raises as `decide_flag` does.
    """
    chosen = sorted(set(flags))
    for visit_id, flag in chosen:
        decide_flag(uow, actor, visit_id, flag, decision, reason, now=now, asker_id=asker_id)
    return len(chosen)


def list_flags(
    uow: UnitOfWork,
    first_day: date,
    last_day: date,
    *,
    flag: str | None = None,
    is_open: bool = False,
    asker_id: UUID | None = None,
    region_id: UUID | None = None,
    after: FlagListed | FlagMark | None = None,
    at_most: int = 100,
) -> list[FlagListed]:
    """The flags of visits of a period, and the verdicts that have to be accepted, with the last decision.

    Flags that follow from others are among them once somebody decided about them. By time; `is_open`:
    those that nobody decided about; `region_id`: of visits for positions at it or below it. A page with fewer than `at_most` is the last. Two queries, and
    one more with an asker.
    """
    seen = positions_to_act_for(uow, asker_id, company_day(uow)) if asker_id else None
    to_accept = set(current_policy(uow)[1].flags_to_accept)
    statement = _OPEN if is_open else _ALL
    if to_accept & (_VERDICTS - _ODD_VERDICTS):
        statement = _OF_ANY_VERDICT
    rows = uow.rows(
        statement,
        company=uow.company_id,
        first_day=first_day,
        last_day=last_day,
        to_accept=sorted(to_accept),
        seen=None if seen is None else sorted(seen),
        flag=flag,
        region=region_id,
        is_open=is_open,
        after_at=None if after is None else after.began_at,
        after_visit=None if after is None else after.visit_id,
        after_flag=None if after is None else after.flag,
        at_most=at_most,
    )
    return [FlagListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _may_decide(uow: UnitOfWork, position_id: UUID | None, asker_id: UUID | None) -> bool:
    seen = positions_to_act_for(uow, asker_id, company_day(uow)) if asker_id else None
    return seen is None or position_id in seen


def _derived(
    uow: UnitOfWork, person_id: UUID, day: date, visit_id: UUID, now: datetime
) -> set[str]:
    """The flags of a visit that follow from the day's others."""
    try:
        read = read_day(uow, person_id, day, int(now.timestamp() * 1000))
    except NoSuchPerson:
        return set()
    return {
        told.name
        for visit in read.visits
        if visit.visit_id == visit_id
        for told in visit.flags
        if told.is_derived
    }
