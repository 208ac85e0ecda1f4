"""Positions change hands: by a decision today, or because a date that was set has come.

Routes, plans and stores belong to positions, so handing over moves no row of them: whoever holds
the position from the day on gets its future plans, and facts of the past stay with the person who
made them. What moves are scope keys, in the transaction that changes who holds what.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from server.identity.change_log import Actor
from server.identity.occupancies import Given, end_occupancy, give_occupancy
from server.identity.people import drain_leavers, leave_person
from sync.scope import ScopeChange, rescope
from sync.unit_of_work import UnitOfWork

# Whose keys do not say what their occupancies say today: a date has come. Set-based, and right also
# after days on which the job did not run.
_TURNED = """
with holding as (
    select o.person_id, o.position_id from occupancy o
    join person n on n.company_id = o.company_id and n.id = o.person_id
    where o.company_id = :company and o.starts_on <= :today
      and (o.ends_on is null or o.ends_on >= :today)
      and (n.left_on is null or n.left_on > :today)
), held as (
    select person_id, key as position_id from holder_key
    where company_id = :company and reason = 'holds'
), left_with_keys as (
    select n.id as person_id from person n
    where n.company_id = :company and n.left_on <= :today
      and exists (select from holder_key k where k.company_id = n.company_id and k.person_id = n.id)
)
select person_id from ((select * from holding except select * from held)
                       union (select * from held except select * from holding)) as turned
union select person_id from left_with_keys
order by person_id limit :at_most
"""
_HOLDERS = """
select id, person_id, starts_on from occupancy
where company_id = :company and position_id = :position and not is_acting
  and (ends_on is null or ends_on >= :first_day)
order by starts_on
"""


@dataclass(frozen=True, slots=True)
class Turned:
    """What the day's begin did: whose scope changed, and the phones that now only send."""

    scopes: dict[UUID, ScopeChange]
    drained_devices: tuple[UUID, ...]


def turn_occupancies(uow: UnitOfWork, actor: Actor, today: date, *, at_most: int = 200) -> Turned:
    """Re-scope whoever's occupancy begins or ends today, and drain the phones of leavers.

    For the job that begins the company's day; at most so many people at once, so call it again
    while `scopes` is not empty. A date that has come is carried out whatever the size of the
    phone's scope becomes: nobody may go on seeing what they no longer hold. Raises nothing of its
    own. One query, those of `rescope`, and those of `drain_leavers`.
    """
    found = uow.rows(_TURNED, company=uow.company_id, today=today, at_most=at_most)
    people = [row.person_id for row in found]
    scopes = rescope(uow, people, today, is_bounded=False)
    drained = drain_leavers(uow, actor, today)
    return Turned(scopes, tuple(drained))


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
) -> list[Given]:
    """A person leaves; from `left_on` on the positions named go to their successors, the rest
    stay vacant.

    Sessions end and phones drain as in `leave_person`; what the phones still hold is sent and kept.
    """
    leave_person(uow, actor, person_id, left_on=left_on, today=today)
    return [
        hand_over(
            uow,
            actor,
            position_id=position_id,
            to_person_id=to_person_id,
            first_day=left_on,
            today=today,
        )
        for position_id, to_person_id in sorted(successors.items())
    ]
