"""What a day of some people is read from, each sort of it with one statement.

How many statements there are does not depend on how many people, visits or stops there are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from sync.geo import Boundary, Point, boundaries_of
from sync.policy import Policy, read_policy
from sync.unit_of_work import UnitOfWork

# Who is expected to have a day, also one on which nothing was done.
FIELD_ROLES = ("rep", "driver")

# The settings in force when the day ended; a day before all settings is read by the first ones.
_POLICY = """
select p.version, p.settings from policy p
join company c on c.id = p.company_id
cross join lateral (
    select p.since < cast(cast(:day as date) + 1 as timestamp) at time zone c.time_zone as is_in_force
) f
where p.company_id = :company
order by f.is_in_force desc, case when f.is_in_force then -p.version else p.version end
limit 1
"""

# Asked for each person, so that the indexes on person and day answer: a scan of all facts of a
# company grows with the years.
_PEOPLE = """
select p.id, p.name, p.email from person p
where p.company_id = :company
  and (p.name, p.id) > (:after_name, cast(:after_id as uuid))
  and (case when :is_named then p.id = any(:people) else
       exists (select from visit v where v.company_id = p.company_id
               and v.person_id = p.id and v.business_day = :day)
    or exists (select from attendance a where a.company_id = p.company_id
               and a.person_id = p.id and a.business_day = :day)
    or exists (select from track t where t.company_id = p.company_id
               and t.person_id = p.id and t.business_day = :day)
    or exists (select from occupancy o
               join position s on s.company_id = o.company_id and s.id = o.position_id
               where o.company_id = p.company_id and o.person_id = p.id
               and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
               and (s.role = any(:roles) or exists (
                   select from day_plan d where d.company_id = o.company_id
                   and d.position_id = o.position_id and d.day = :day)))
       end)
  and (case when :is_all_seen then true else p.id = :asker
    or exists (select from occupancy o where o.company_id = p.company_id and o.person_id = p.id
               and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
               and o.position_id = any(:seen))
    or exists (select from visit v where v.company_id = p.company_id and v.person_id = p.id
               and v.business_day = :day and v.position_id = any(:seen))
    or exists (select from attendance a where a.company_id = p.company_id and a.person_id = p.id
               and a.business_day = :day and a.position_id = any(:seen))
    or exists (select from track t where t.company_id = p.company_id and t.person_id = p.id
               and t.business_day = :day and t.position_id = any(:seen))
       end)
order by p.name, p.id limit :at_most
"""

_SEATS = """
select o.person_id, o.position_id, bool_or(o.is_acting) as is_acting, min(s.code) as code
from occupancy o join position s on s.company_id = o.company_id and s.id = o.position_id
where o.company_id = :company and o.person_id = any(:people)
  and o.starts_on <= :day and (o.ends_on is null or o.ends_on >= :day)
group by o.person_id, o.position_id order by min(s.code), o.position_id
"""

# A phone names the plan that it had, and may name anything: it counts where it is a plan for that
# day, of the position that the visit was made for or of one that its person holds, and has the
# store, or had it in an earlier version.
_VISITS = """
select v.person_id, v.id, r.doc, s.name as store_name,
       exists (select from day_plan p
               join day_plan_stop t on t.company_id = p.company_id and t.day_plan_id = p.id
                                   and t.store_id = v.store_id
               where p.company_id = v.company_id and p.id = v.day_plan_id
               and p.day = v.business_day
               and (p.position_id = v.position_id or exists (
                   select from occupancy o where o.company_id = p.company_id
                   and o.position_id = p.position_id and o.person_id = v.person_id
                   and o.starts_on <= p.day and (o.ends_on is null or o.ends_on >= p.day)))
              ) as is_in_named_plan
from visit v
join record r on r.company_id = v.company_id and r.id = v.id and r.doc is not null
left join store s on s.company_id = v.company_id and s.id = v.store_id
where v.company_id = :company and v.person_id = any(:people) and v.business_day = :day
"""

_ATTENDANCE = """
select a.person_id, a.id, r.doc from attendance a
join record r on r.company_id = a.company_id and r.id = a.id and r.doc is not null
where a.company_id = :company and a.person_id = any(:people) and a.business_day = :day
"""

_BOUNDARIES = """
select g.boundary, array_agg(s.id) as positions from position s
join region g on g.company_id = s.company_id and g.id = s.region_id
where s.company_id = :company and s.id = any(:positions) and g.boundary is not null
group by g.company_id, g.id
"""

# The latest version of a plan is the one in force; who else was there for the same position shows
# a stop that is not missed although its holder did not go.
_STOPS = """
select p.position_id, s.store_id, t.name, t.lat_e7, t.lon_e7,
       array(select v.person_id from visit v where v.company_id = p.company_id
             and v.store_id = s.store_id and v.business_day = p.day
             and (v.position_id = p.position_id or v.day_plan_id = p.id)
             and not v.is_by_phone),
       p.has_acting
from (
    select d.*, exists (select from occupancy o where o.company_id = d.company_id
                        and o.position_id = d.position_id and o.is_acting and o.starts_on <= d.day
                        and (o.ends_on is null or o.ends_on >= d.day)) as has_acting
    from day_plan d
    where d.company_id = :company and d.day = :day and d.position_id = any(:positions)
    offset 0
) p
join day_plan_stop s on s.company_id = p.company_id and s.day_plan_id = p.id
                    and s.plan_version = p.plan_version
join store t on t.company_id = s.company_id and t.id = s.store_id
order by p.position_id, s.sequence
"""

NOBODY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Seat:
    """A position that somebody holds on the day."""

    position_id: UUID
    code: str
    is_acting: bool


class Stop(NamedTuple):
    """A stop of the plan in force, and who was there for its position, or said why not. A day of many people has
    thousands: as tuples they are made in a fifth of the time.
    """

    position_id: UUID
    store_id: UUID
    store_name: str
    # Where the store is now; None where it has no pin.
    pin: Point | None
    reached_by: frozenset[UUID]
    # Then the plan is theirs, and not that of the holder who is away.
    has_acting: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """A record of the day: an attendance event, or a visit with the name of its store and whether
    the plan that it names is one that it stands in.
    """

    id: UUID
    fields: Mapping[str, Any]
    store_name: str = ""
    is_in_named_plan: bool = False


@dataclass(frozen=True, slots=True)
class Areas:
    """The boundaries of the positions that somebody works for; inside one of them is inside."""

    boundaries: tuple[Boundary, ...]

    def outside_cm(self, point: Point, /) -> int:
        """How far outside of the nearest a point lies; 0 inside."""
        return min(boundary.outside_cm(point) for boundary in self.boundaries)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """All that one person's day is read from. `area` is None where any place will do."""

    person_id: UUID
    name: str
    email: str | None
    seats: tuple[Seat, ...]
    visits: tuple[Fact, ...]
    attendance: tuple[Fact, ...]
    stops: tuple[Stop, ...]
    area: Areas | None


@dataclass(frozen=True, slots=True)
class Page:
    """Which people: those named, or everybody who has a day; `at_most` of them, by name."""

    people: Collection[UUID] | None
    after: tuple[str, UUID]
    at_most: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What an asker may see: the day of whoever holds, or worked for, one of these positions."""

    asker_id: UUID
    positions: frozenset[UUID]


def read_policy_of(uow: UnitOfWork, day: date) -> tuple[int, Policy]:
    """The company's settings that a day is read by, and their version."""
    (found,) = uow.rows(_POLICY, company=uow.company_id, day=day)
    return found.version, read_policy(found.settings)


def find_people(uow: UnitOfWork, day: date, page: Page, seen: Seen | None) -> list[Any]:
    """Whose days these are: id, name and e-mail, in the order of their names."""
    return uow.rows(
        _PEOPLE,
        company=uow.company_id,
        day=day,
        is_named=page.people is not None,
        people=list(page.people or ()),
        roles=list(FIELD_ROLES),
        after_name=page.after[0],
        after_id=page.after[1],
        is_all_seen=seen is None,
        asker=NOBODY if seen is None else seen.asker_id,
        seen=[] if seen is None else list(seen.positions),
        at_most=page.at_most,
    )


def find_seats(uow: UnitOfWork, day: date, people: Collection[UUID]) -> dict[UUID, list[Seat]]:
    """The positions that each of these people holds on the day."""
    seats: dict[UUID, list[Seat]] = {person_id: [] for person_id in people}
    for row in uow.rows(_SEATS, company=uow.company_id, people=list(people), day=day):
        seats[row.person_id].append(Seat(row.position_id, row.code, row.is_acting))
    return seats


def read_facts(
    uow: UnitOfWork, day: date, page: Page, seen: Seen | None, *, is_duty_only: bool = False
) -> list[PersonFacts]:
    """What the day of each of these people is read from, in the order of their names; without visits and stops where only
    their duty matters.
    """
    company = uow.company_id
    people = find_people(uow, day, page, seen)
    ids = [person.id for person in people]
    seats = find_seats(uow, day, ids)
    visits: dict[UUID, list[Fact]] = {person_id: [] for person_id in ids}
    found = [] if is_duty_only else uow.rows(_VISITS, company=company, people=ids, day=day)
    for row in found:
        fields = msgspec.json.decode(row.doc)
        visits[row.person_id].append(
            Fact(row.id, fields, row.store_name or "", row.is_in_named_plan)
        )
    attendance: dict[UUID, list[Fact]] = {person_id: [] for person_id in ids}
    for row in uow.rows(_ATTENDANCE, company=company, people=ids, day=day):
        attendance[row.person_id].append(Fact(row.id, msgspec.json.decode(row.doc)))
    held = {seat.position_id for some in seats.values() for seat in some}
    worked = {
        person_id: {seat.position_id for seat in seats[person_id]}
        | {
            UUID(fact.fields["position_id"])
            for fact in attendance[person_id]
            if fact.fields["position_id"] is not None
        }
        for person_id in ids
    }
    boundaries = _boundaries(uow, set().union(held, *worked.values()))
    stops = {} if is_duty_only else _stops(uow, day, held)
    return [
        PersonFacts(
            person_id=person.id,
            name=person.name,
            email=person.email,
            seats=tuple(seats[person.id]),
            visits=tuple(visits[person.id]),
            attendance=tuple(attendance[person.id]),
            stops=tuple(
                stop
                for seat in seats[person.id]
                for stop in stops.get(seat.position_id, ())
                if seat.is_acting or not stop.has_acting
            ),
            area=_area(worked[person.id], boundaries),
        )
        for person in people
    ]


def _boundaries(uow: UnitOfWork, positions: Collection[UUID]) -> dict[UUID, tuple[Boundary, ...]]:
    """The boundary of each position's region; a position whose region has none is left out."""
    found: dict[UUID, tuple[Boundary, ...]] = {}
    for row in uow.rows(_BOUNDARIES, company=uow.company_id, positions=list(positions)):
        polygons = tuple(boundaries_of(row.boundary))
        found.update((position_id, polygons) for position_id in row.positions)
    return found


def _stops(uow: UnitOfWork, day: date, positions: Collection[UUID]) -> dict[UUID, list[Stop]]:
    stops: dict[UUID, list[Stop]] = {}
    rows = uow.rows(_STOPS, company=uow.company_id, day=day, positions=list(positions))
    for position_id, store_id, name, lat_e7, lon_e7, reached_by, has_acting in rows:
        pin = None if lat_e7 is None else Point(lat_e7, lon_e7)
        stop = Stop(position_id, store_id, name, pin, frozenset(reached_by), has_acting)
        stops.setdefault(position_id, []).append(stop)
    return stops


def _area(
    positions: Collection[UUID], boundaries: Mapping[UUID, tuple[Boundary, ...]]
) -> Areas | None:
    """Where somebody with these positions works; None where one of them has no boundary."""
    if not positions or any(position_id not in boundaries for position_id in positions):
        return None
    return Areas(tuple(dict.fromkeys(b for each in positions for b in boundaries[each])))
