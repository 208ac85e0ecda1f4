"""What leaving took is given back where its day had not come and nobody else has it since.

The change log says what each leave ended: its entries carry the moment of its transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.identity.change_log import Actor, log_changes
from sync.unit_of_work import UnitOfWork

_LEAVES = """
select at, action, before ->> 'left_on' as left_before from change_log
where company_id = :company and subject_kind = 'person' and subject_id = :person
  and action in ('person.leave', 'person.return')
order by id desc
"""
# The end that an occupancy had before leaving changed it; none where somebody has ended it since.
_ENDED = """
select o.id, o.position_id, o.ends_on, o.is_acting, l.before from occupancy o
cross join lateral (
    select g.id, g.at, g.before from change_log g
    where g.company_id = o.company_id and g.subject_kind = 'occupancy'
      and g.subject_id = o.id::text and g.action = 'occupancy.end'
      and g.id > coalesce((select max(x.id) from change_log x
                           where x.company_id = o.company_id and x.subject_kind = 'occupancy'
                             and x.subject_id = o.id::text and not x.at = any(:moments)), 0)
    order by g.id limit 1
) l
where o.company_id = :company and o.person_id = :person and o.ends_on >= :today
order by o.id
"""
_HELD_LATER = """
select 1 from occupancy
where company_id = :company and position_id = :position and not is_acting and id <> :this
  and (ends_on is null or ends_on > :after)
  and (cast(:until as date) is null or starts_on <= :until)
limit 1
"""
_REOPEN = "update occupancy set ends_on = :until where company_id = :company and id = :this"
_ENDING = """
select p.code, o.ends_on as day,
       (select min(n.name) from occupancy l
        join person n on n.company_id = l.company_id and n.id = l.person_id
        where l.company_id = o.company_id and l.position_id = o.position_id and not l.is_acting
          and l.starts_on = o.ends_on + 1) as next_holder
from occupancy o join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.person_id = :person and o.ends_on >= :today
  and o.starts_on <= :today
order by p.code
"""
_TAKEN = """
select p.code, cast(g.before ->> 'starts_on' as date) as day from change_log g
join position p on p.company_id = g.company_id
               and p.id = cast(g.before ->> 'position_id' as uuid)
where g.company_id = :company and g.subject_kind = 'occupancy' and g.at = any(:moments)
  and g.action = 'occupancy.take_away' and g.before ->> 'person_id' = :person
  and g.id > (select min(f.id) from change_log f
              where f.company_id = :company and f.subject_kind = 'person'
                and f.subject_id = :person and f.at = any(:moments))
order by g.id
"""


@dataclass(frozen=True, slots=True)
class Ending:
    """A position that somebody holds until a day, and who holds it from the next, if anybody."""

    code: str
    last_day: date
    next_holder: str | None


@dataclass(frozen=True, slots=True)
class TakenAway:
    """A position that somebody would have held from a day on, had they not been to leave."""

    code: str
    first_day: date


@dataclass(frozen=True, slots=True)
class Returned:
    """What is not as it was before a person was to leave; `was_gone` where the day had come."""

    was_gone: bool
    ending: tuple[Ending, ...] = ()
    taken_away: tuple[TakenAway, ...] = ()


def leaves_taken_back(uow: UnitOfWork, person_id: UUID) -> list[datetime]:
    """The moments of the leaves that stand: one, or more where the day was set again."""
    moments = []
    for row in uow.rows(_LEAVES, company=uow.company_id, person=str(person_id)):
        if row.action != "person.leave":
            break
        moments.append(row.at)
        if row.left_before is None:
            break
    return moments


def reopen_occupancies(
    uow: UnitOfWork, actor: Actor, person_id: UUID, moments: Sequence[datetime], today: date
) -> None:
    """Give what these leaves ended its former end again. Nobody's scope of today changes by it.

    What somebody else holds since, or somebody has ended since, stays as it is.
    """
    reopened = []
    for row in uow.rows(
        _ENDED, company=uow.company_id, person=person_id, moments=list(moments), today=today
    ):
        until = _day(row.before["ends_on"])
        if not row.is_acting and uow.rows(
            _HELD_LATER,
            company=uow.company_id,
            position=row.position_id,
            this=row.id,
            after=row.ends_on,
            until=until,
        ):
            continue
        uow.run(_REOPEN, company=uow.company_id, this=row.id, until=until)
        reopened.append((row, until))
    log_changes(
        uow,
        actor,
        "occupancy.reopen",
        "occupancy",
        [(row.id, {"ends_on": row.ends_on}, {"ends_on": until}) for row, until in reopened],
    )


def not_given_back(
    uow: UnitOfWork, person_id: UUID, moments: Sequence[datetime], today: date, *, was_gone: bool
) -> Returned:
    """What ends all the same, and what these leaves took away, for whoever decides about it."""
    asked: dict[str, Any] = {"company": uow.company_id, "today": today}
    ending = uow.rows(_ENDING, **asked, person=person_id)
    taken = uow.rows(_TAKEN, company=uow.company_id, person=str(person_id), moments=list(moments))
    return Returned(
        was_gone=was_gone,
        ending=tuple(Ending(row.code, row.day, row.next_holder) for row in ending),
        taken_away=tuple(TakenAway(row.code, row.day) for row in taken),
    )


def _day(told: str | None) -> date | None:
    return None if told is None else date.fromisoformat(told)
