"""Who holds what, as people in the office change it: given, ended, moved, handed over; and what that does, shown before.

A change is set for a day, which may be to come. So phones and days of work are compared as they would be on that day with the change
and without it. `rehearse_holding` makes the change, looks, and takes it back. An asker who is no admin may hand over positions
and routes of the field below them, to people whom they see; the rest is for admins, and pages declare so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.identity.change_log import Actor
from server.identity.leaving import return_person
from server.identity.occupancies import end_occupancy, give_occupancy, move_person
from server.identity.people import locked_person
from server.identity.people_list import check_people_seen
from server.identity.permissions import sees_all
from server.language import Said
from server.planning.errors import NoSuchPosition, NoSuchRoute, TooEarly
from server.planning.handover import hand_over, hand_over_leaver
from server.planning.organisation import edit_position
from server.planning.phones import PhoneEffect, phone_effects, watch_phones
from server.planning.positions import ROUTED_ROLES, check_positions_seen, check_route_seen
from server.planning.routes import move_route
from server.planning.workload import (
    Workload,
    read_calendar,
    read_workloads,
    six_weeks,
    together,
)
from sync.policy import current_policy
from sync.scope import people_concerned, rescope, take_turn
from sync.unit_of_work import Database, UnitOfWork

_ROLES = "select id, role from position where company_id = :company and id = any(:positions)"
_KEYS = """
select person_id, array_agg(distinct key) as keys from holder_key
where company_id = :company and person_id = any(:people) group by person_id
"""
_NAMES = "select id, name from person where company_id = :company and id = any(:people)"
# Records at the keys of the one side that are at none of the other.
_ONLY_AT = """
select count(*) as number from (
    select distinct k.id from record_key k
    where k.company_id = :company and k.key = any(:keys)
) g
where not exists (select from record_key x where x.company_id = :company and x.id = g.id
                  and x.key = any(:others))
"""
_AT = """
select count(distinct id) as number from record_key where company_id = :company and key = any(:keys)
"""
_HELD_ON = """
select o.person_id, n.name, array_agg(distinct o.position_id) as positions
from occupancy o
join person n on n.company_id = o.company_id and n.id = o.person_id
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.person_id = any(:people) and p.role = any(:roles)
  and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
  and (n.left_on is null or n.left_on > :day)
group by o.person_id, n.name
"""
_PHONES_OF = """
select id, model, outbox_count, outbox_oldest_at from device
where company_id = :company and person_id = :person and state = 'ACTIVE'
order by enrolled_at, id limit 50
"""


@dataclass(frozen=True, slots=True)
class DaysOf:
    """What the six weeks to come ask of somebody with all that they hold, without the change and with it."""

    person_id: UUID
    name: str
    before: Workload
    after: Workload


@dataclass(frozen=True, slots=True)
class HoldingRehearsed:
    """What a change would do from `day` on. `too_full` are those whose phones would hold more than the policy allows."""

    day: date
    effects: tuple[PhoneEffect, ...]
    days: tuple[DaysOf, ...]
    too_full: tuple[PhoneEffect, ...]
    records_max: int


@dataclass(frozen=True, slots=True)
class PhoneHeld:
    """A phone of somebody who leaves, and how many items it last said that it still holds."""

    id: UUID
    model: str
    outbox_count: int | None


def rehearse_holding(
    database: Database,
    company_id: int,
    change: Callable[[UnitOfWork], object],
    *,
    people: Iterable[UUID],
    day: date,
    today: date,
    moved: Iterable[UUID] = (),
) -> HoldingRehearsed:
    """Make the change, note what it does from the day on, and take it back. Raises what the change raises.

    `people` are those who hold something else by it. Who is above them has the same positions below as before; only where
    positions are `moved` to another region, role or division are they looked at, too.
    """
    first_day = max(day, today)

    def act(uow: UnitOfWork) -> HoldingRehearsed:
        take_turn(uow)
        policy = current_policy(uow)[1]
        named = set(people)
        concerned = sorted(named | people_concerned(uow, moved))
        rescope(uow, concerned, first_day, is_bounded=False)
        keys_before = _keys(uow, concerned)
        held_before = _held_on(uow, named, first_day)
        rescope(uow, concerned, today, is_bounded=False)
        change(uow)
        rescope(uow, concerned, first_day, is_bounded=False)
        keys_after = _keys(uow, concerned)
        held_after = _held_on(uow, named, first_day)
        effects = _effects(uow, keys_before, keys_after)
        return HoldingRehearsed(
            first_day,
            effects,
            _days_of(uow, held_before, held_after, today),
            tuple(one for one in effects if one.gained and one.records > policy.max_scope_records),
            policy.max_scope_records,
        )

    return database.rehearse(company_id, act)


def give_position(
    uow: UnitOfWork,
    actor: Actor,
    *,
    person_id: UUID,
    position_id: UUID,
    first_day: date,
    last_day: date | None,
    is_acting: bool,
    is_instead: bool,
    today: date,
) -> None:
    """Somebody holds a position from a day on: beside what they hold, or with `is_instead` instead of it.

    Raises what `give_occupancy` and `move_person` raise.
    """
    if is_instead:
        move_person(
            uow,
            actor,
            person_id=person_id,
            position_id=position_id,
            first_day=first_day,
            today=today,
        )
        return
    give_occupancy(
        uow,
        actor,
        person_id=person_id,
        position_id=position_id,
        starts_on=first_day,
        ends_on=last_day,
        is_acting=is_acting,
        today=today,
    )


def end_holding(
    uow: UnitOfWork, actor: Actor, occupancy_id: UUID, *, last_day: date, today: date
) -> None:
    """An occupancy ends with a day. Raises what `end_occupancy` raises."""
    end_occupancy(uow, actor, occupancy_id, last_day=last_day, today=today)


def let_go(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    *,
    left_on: date,
    successors: Mapping[UUID, UUID],
    is_meant: bool,
    today: date,
) -> None:
    """A person leaves, and positions of theirs go to successors. Raises what `hand_over_leaver` raises.

    Where they were to leave sooner, what that ended is theirs again until the new day, unless somebody else was given it.
    """
    set_before = locked_person(uow, person_id).left_on
    if set_before is not None and today < set_before < left_on:
        return_person(uow, actor, person_id, today=today)
    hand_over_leaver(
        uow,
        actor,
        person_id,
        left_on=left_on,
        today=today,
        successors=dict(successors),
        is_meant=is_meant,
    )


def change_position(
    uow: UnitOfWork,
    actor: Actor,
    position_id: UUID,
    *,
    code: str,
    name: str,
    role: str,
    region_id: UUID,
    division_id: UUID | None,
    today: date,
) -> None:
    """Give a position this code, name, role, region and division. Raises what `edit_position` raises."""
    edit_position(
        uow,
        actor,
        position_id,
        code=code,
        name=name,
        role=role,
        region_id=region_id,
        division_id=division_id,
        today=today,
    )


def hand_over_position(
    uow: UnitOfWork,
    actor: Actor,
    position_id: UUID,
    *,
    to_person_id: UUID,
    first_day: date,
    last_day: date | None,
    is_acting: bool,
    today: date,
    asker_id: UUID | None,
) -> None:
    """Another person holds a position of the field from a day on; the present holder's time ends, unless the other is acting.

    Raises NoSuchPosition and NoSuchPerson, also for those that the asker may not see, TooEarly for a day in the past where they
    are no admin, and what `hand_over` raises.
    """
    take_turn(uow)
    check_may_hand_over(uow, [position_id], today=today, asker_id=asker_id)
    if first_day < today and not sees_all(uow, asker_id, today):
        raise TooEarly(Said("a position is handed over from today on"))
    check_people_seen(uow, [to_person_id], today=today, asker_id=asker_id)
    hand_over(
        uow,
        actor,
        position_id=position_id,
        to_person_id=to_person_id,
        first_day=first_day,
        last_day=last_day,
        is_acting=is_acting,
        today=today,
    )


def hand_over_routes(
    uow: UnitOfWork,
    actor: Actor,
    position_id: UUID,
    to_positions: Mapping[UUID, UUID],
    *,
    today: date,
    asker_id: UUID | None,
) -> tuple[PhoneEffect, ...]:
    """Routes of a position become those of others, from today on, as one change.

    Raises NoSuchPosition and NoSuchRoute, also for those that the asker may not see, NameTaken, PhoneTooFull.
    """
    take_turn(uow)
    both = {position_id, *to_positions.values()}
    check_may_hand_over(uow, both, today=today, asker_id=asker_id)
    for route_id in to_positions:
        if check_route_seen(uow, route_id, today=today, asker_id=asker_id) != position_id:
            raise NoSuchRoute(Said("there is no such route of this position"))
    before = watch_phones(uow, position_ids=both, keys=[*to_positions, *both])
    for route_id, to_position in sorted(to_positions.items()):
        move_route(uow, actor, route_id, to_position, today=today)
    return phone_effects(uow, before)


def check_may_hand_over(
    uow: UnitOfWork, position_ids: Iterable[UUID], *, today: date, asker_id: UUID | None
) -> None:
    """Raise NoSuchPosition where one is not there for the asker, or no position of the field and they are no admin."""
    wanted = set(position_ids)
    check_positions_seen(uow, wanted, today=today, asker_id=asker_id)
    roles = {
        row.id: row.role
        for row in uow.rows(_ROLES, company=uow.company_id, positions=sorted(wanted))
    }
    is_admin = sees_all(uow, asker_id, today)
    allowed = {id_ for id_, role in roles.items() if is_admin or role in ROUTED_ROLES}
    if allowed != wanted:
        raise NoSuchPosition(Said("there is no such position in this company"))


def workloads_now(
    uow: UnitOfWork, person_ids: Iterable[UUID], today: date
) -> dict[UUID, tuple[str, Workload]]:
    """The name of each of these people, and what the six weeks ask of them with all that they hold today."""
    held = _held_on(uow, person_ids, today)
    return {id_: (name, load) for id_, name, load, _ in _loads(uow, held, held, today)}


def phones_of(uow: UnitOfWork, person_id: UUID) -> list[PhoneHeld]:
    """The phones that will drain when somebody leaves. One query."""
    rows = uow.rows(_PHONES_OF, company=uow.company_id, person=person_id)
    return [PhoneHeld(row.id, row.model, row.outbox_count) for row in rows]


def _keys(uow: UnitOfWork, people: Iterable[UUID]) -> dict[UUID, frozenset[UUID]]:
    rows = uow.rows(_KEYS, company=uow.company_id, people=list(people))
    return {row.person_id: frozenset(row.keys) for row in rows}


def _effects(
    uow: UnitOfWork,
    before: Mapping[UUID, frozenset[UUID]],
    after: Mapping[UUID, frozenset[UUID]],
) -> tuple[PhoneEffect, ...]:
    """What people whose keys differ see then and did not, and the other way round, by name."""
    none: frozenset[UUID] = frozenset()
    differing = [
        id_
        for id_ in sorted(before.keys() | after.keys())
        if before.get(id_, none) != after.get(id_, none)
    ]
    rows = uow.rows(_NAMES, company=uow.company_id, people=differing)
    names = {row.id: row.name for row in rows}
    found = []
    for id_ in differing:
        then, now = sorted(after.get(id_, none)), sorted(before.get(id_, none))
        asked = {"company": uow.company_id}
        gained = uow.rows(_ONLY_AT, **asked, keys=then, others=now)[0].number
        lost = uow.rows(_ONLY_AT, **asked, keys=now, others=then)[0].number
        if gained or lost:
            records = uow.rows(_AT, **asked, keys=then)[0].number
            found.append(PhoneEffect(id_, names[id_], gained, lost, records))
    return tuple(sorted(found, key=lambda one: (one.name, one.person_id)))


def _held_on(
    uow: UnitOfWork, people: Iterable[UUID], day: date
) -> dict[UUID, tuple[str, tuple[UUID, ...]]]:
    """What these people hold of the field on a day."""
    rows = uow.rows(
        _HELD_ON, company=uow.company_id, people=list(people), day=day, roles=list(ROUTED_ROLES)
    )
    return {row.person_id: (row.name, tuple(row.positions)) for row in rows}


def _days_of(
    uow: UnitOfWork,
    before: Mapping[UUID, tuple[str, tuple[UUID, ...]]],
    after: Mapping[UUID, tuple[str, tuple[UUID, ...]]],
    today: date,
) -> tuple[DaysOf, ...]:
    return tuple(
        DaysOf(id_, name, now, then)
        for id_, name, now, then in _loads(uow, before, after, today)
        if now.days or then.days
    )


def _loads(
    uow: UnitOfWork,
    before: Mapping[UUID, tuple[str, tuple[UUID, ...]]],
    after: Mapping[UUID, tuple[str, tuple[UUID, ...]]],
    today: date,
) -> list[tuple[UUID, str, Workload, Workload]]:
    """Of each person: the days of all that they hold, on either side. Three queries, whatever their number."""
    positions = {
        position for held in (before, after) for _, each in held.values() for position in each
    }
    policy = current_policy(uow)[1]
    first, last = six_weeks(today)
    calendar = read_calendar(uow, policy)
    loads = read_workloads(uow, sorted(positions), first, last, policy=policy, calendar=calendar)
    names = {id_: name for held in (before, after) for id_, (name, _) in held.items()}
    none: tuple[str, tuple[UUID, ...]] = ("", ())
    return sorted(
        (
            (
                id_,
                name,
                together([loads[p] for p in before.get(id_, none)[1]]),
                together([loads[p] for p in after.get(id_, none)[1]]),
            )
            for id_, name in names.items()
        ),
        key=lambda one: (one[1], one[0]),
    )
