"""Positions change hands: by a decision today, or because a date that was set has come.

Routes, plans and stores belong to positions, so handing over moves no row of them: whoever holds
the position from the day on gets its future plans, and facts of the past stay with the person who
made them. What moves are scope keys, in the transaction that changes who holds what.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from server.identity.change_log import Actor
from server.identity.leaving import drain_leavers, leave_person
from server.identity.occupancies import Given, end_occupancy, give_occupancy
from server.planning.horizon import FIRST
from sync.scope import ScopeChange, people_out_of_date, rescope, take_turn
from sync.unit_of_work import UnitOfWork

_PEOPLE = """
select id from person where company_id = :company and id > :after order by id limit :at_most
"""
_HOLDERS = """
select id, person_id, starts_on from occupancy
where company_id = :company and position_id = :position and not is_acting
  and (ends_on is null or ends_on >= :first_day)
order by starts_on
"""
_LAST_DAYS = """
select position_id, max(ends_on) as last_day from occupancy
where company_id = :company and person_id = :person and position_id = any(:positions)
  and ends_on is not null
group by position_id
"""


@dataclass(frozen=True, slots=True)
class Turned:
    """What the day's begin did: whose scope changed, the phones that now only send, and the last
    person who was looked at; None when that was everybody.
    """

    scopes: dict[UUID, ScopeChange]
    drained_devices: tuple[UUID, ...]
    last: UUID | None


def turn_occupancies(
    uow: UnitOfWork, actor: Actor, today: date, *, after: UUID = FIRST, at_most: int = 200
) -> Turned:
    """Re-scope whoever's occupancy begins or ends today, and drain the phones of leavers.

    For the job that begins the company's day. It looks at the next people in the order of their ids
    and compares every key that they hold with those that they should hold: right also after days on
    which the job did not run, and it heals what anything else left behind. A date that has come is
    carried out whatever the size of the phone's scope becomes: nobody may go on seeing what they no
    longer hold. Raises nothing of its own. Two queries, those of `rescope` where somebody's keys
    differ, and after the last people those of `drain_leavers`.
    """
    people = [
        row.id for row in uow.rows(_PEOPLE, company=uow.company_id, after=after, at_most=at_most)
    ]
    differing = people_out_of_date(uow, people, today)
    scopes = rescope(uow, differing, today, is_bounded=False)
    last = people[-1] if len(people) == at_most else None
    drained = drain_leavers(uow, actor, today) if last is None else []
    return Turned(scopes, tuple(drained), last)


def hand_over(
    uow: UnitOfWork,
    actor: Actor,
    *,
    position_id: UUID,
    to_person_id: UUID,
    first_day: date,
    today: date,
    last_day: date | None = None,
    is_acting: bool = False,
) -> Given:
    """From the first day on another person holds the position; the present holder's time ends.

    An acting holder stands beside the holder, or in for one where the position is vacant, and ends
    nobody's time. Raises what `give_occupancy` and `end_occupancy` raise.
    """
    take_turn(uow)
    if not is_acting:
        for row in uow.rows(
            _HOLDERS, company=uow.company_id, position=position_id, first_day=first_day
        ):
            end_occupancy(uow, actor, row.id, last_day=first_day - timedelta(days=1), today=today)
    return give_occupancy(
        uow,
        actor,
        person_id=to_person_id,
        position_id=position_id,
        starts_on=first_day,
        ends_on=last_day,
        is_acting=is_acting,
        today=today,
    )


def hand_over_leaver(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    *,
    left_on: date,
    today: date,
    successors: dict[UUID, UUID],
    is_meant: bool = False,
) -> list[Given]:
    """A person leaves; from `left_on` on the positions named go to their successors, the rest
    stay vacant.

    Sessions end and phones drain as in `leave_person`; what the phones still hold is sent and kept.
    A day in the past that would take back what has been raises LeaveDoubtful, unless it is meant:
    what stays the leaver's until a later day goes to the successor from the day after.
    """
    take_turn(uow)
    leave_person(uow, actor, person_id, left_on=left_on, today=today, is_meant=is_meant)
    held_until = {
        row.position_id: row.last_day
        for row in uow.rows(
            _LAST_DAYS, company=uow.company_id, person=person_id, positions=list(successors)
        )
    }
    day = timedelta(days=1)
    return [
        hand_over(
            uow,
            actor,
            position_id=position_id,
            to_person_id=to_person_id,
            first_day=max(left_on, held_until.get(position_id, left_on - day) + day),
            today=today,
        )
        for position_id, to_person_id in sorted(successors.items())
    ]
