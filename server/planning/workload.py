"""What the days to come ask of a position: stops due, minutes of the calls and of the way, against what a day has.

Worked out from the routes as they are in the transaction, so that a change can be looked at before it is made. Source: domain
rules, "Routes and the calendar"; the formula is "Workload of a day" in docs/FORMULAS.md.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

import numpy as np

from server.planning.due import RuledStop, due_by_day
from server.planning.travel import lengths_m, travel_min
from sync.calendar import StopRule, is_working_day, read_rule
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

WEEKS = 6

# In the order in which a day has them.
_STOPS = """
select r.position_id, r.id as route_id, s.store_id, cast(s.rule as text) as rule,
       t.channel, t.lat_e7, t.lon_e7
from route r
join route_stop s on s.company_id = r.company_id and s.route_id = r.id
join store t on t.company_id = s.company_id and t.id = s.store_id
where r.company_id = :company and r.position_id = any(:positions) and r.is_active
  and t.status = 'ACTIVE'
order by r.position_id, r.name, r.id, s.sequence
"""
_CALENDAR = "select day, name, is_worked from holiday where company_id = :company"


@dataclass(frozen=True, slots=True)
class Calendar:
    """On which days the company works; `names` are of days that are unlike their weekday."""

    holidays: frozenset[date]
    worked_days: frozenset[date]
    working_weekdays: frozenset[int]
    names: Mapping[date, str]

    def is_worked(self, day: date) -> bool:
        return is_working_day(
            day,
            holidays=self.holidays,
            working_weekdays=self.working_weekdays,
            worked_days=self.worked_days,
        )


@dataclass(frozen=True, slots=True)
class DayLoad:
    """A day: its stops in order, minutes of calls, and the way between them in metres and minutes."""

    day: date
    stores: tuple[UUID, ...]
    call_min: int
    travel_m: int
    travel_min: int
    capacity_min: int

    @property
    def minutes(self) -> int:
        return self.call_min + self.travel_min

    @property
    def is_over(self) -> bool:
        """Whether the day asks for more than it has."""
        return self.minutes > self.capacity_min


@dataclass(frozen=True, slots=True)
class Workload:
    """The days of a period on which something is due, and over how many working days they are spread."""

    days: tuple[DayLoad, ...]
    working_days: int

    @property
    def visits(self) -> int:
        return sum(len(day.stores) for day in self.days)

    @property
    def most_visits(self) -> int:
        return max((len(day.stores) for day in self.days), default=0)

    @property
    def most_minutes(self) -> int:
        return max((day.minutes for day in self.days), default=0)

    @property
    def days_over(self) -> int:
        return sum(day.is_over for day in self.days)

    @property
    def minutes_a_day(self) -> int:
        """Minutes of a working day on average, rounded up."""
        return -(-sum(day.minutes for day in self.days) // max(self.working_days, 1))

    @property
    def visits_a_day_tenths(self) -> int:
        """Tenths of a visit of a working day on average, to the nearest."""
        days = max(self.working_days, 1)
        return (self.visits * 10 + days // 2) // days


def six_weeks(today: date) -> tuple[date, date]:
    """The Monday of this week, and the Sunday five weeks later."""
    monday = today - timedelta(days=today.weekday())
    return monday, monday + timedelta(days=7 * WEEKS - 1)


def read_calendar(uow: UnitOfWork, policy: Policy) -> Calendar:
    """The company's calendar. One query."""
    rows = uow.rows(_CALENDAR, company=uow.company_id)
    return Calendar(
        frozenset(row.day for row in rows if not row.is_worked),
        frozenset(row.day for row in rows if row.is_worked),
        frozenset(policy.working_weekdays),
        {row.day: row.name for row in rows},
    )


def read_workloads(
    uow: UnitOfWork,
    position_ids: Iterable[UUID],
    first: date,
    last: date,
    *,
    policy: Policy,
    calendar: Calendar,
) -> dict[UUID, Workload]:
    """The workload of each of these positions from the first day to the last. One query, whatever their number."""
    positions = list(position_ids)
    stops: dict[UUID, list[RuledStop]] = {id_: [] for id_ in positions}
    stores: dict[UUID, tuple[int, int | None, int | None]] = {}
    rules: dict[str, StopRule] = {}
    minutes: dict[str, int] = {}
    for position_id, route_id, store_id, rule, channel, lat, lon in uow.rows(
        _STOPS, company=uow.company_id, positions=positions
    ):
        read = rules.get(rule)
        if read is None:
            read = rules[rule] = read_rule(json.loads(rule))
        if channel not in minutes:
            minutes[channel] = policy.call_min_for(channel)
        stops[position_id].append(RuledStop(store_id, route_id, read))
        stores[store_id] = (minutes[channel], lat, lon)
    known: dict[StopRule, tuple[date, ...]] = {}
    due = {
        position_id: due_by_day(
            held,
            first,
            last,
            holidays=calendar.holidays,
            working_weekdays=calendar.working_weekdays,
            worked_days=calendar.worked_days,
            known=known,
        )
        for position_id, held in stops.items()
    }
    plans = [
        (position_id, day, tuple(store_id for store_id, _ in found[day]))
        for position_id, found in due.items()
        for day in sorted(found)
    ]
    ways = _ways_m([ids for _, _, ids in plans], stores)
    loads: dict[UUID, list[DayLoad]] = {id_: [] for id_ in positions}
    for (position_id, day, ids), way_m in zip(plans, ways, strict=True):
        loads[position_id].append(
            DayLoad(
                day,
                ids,
                sum(stores[id_][0] for id_ in ids),
                way_m,
                travel_min(way_m, policy.travel_speed_kmh),
                policy.day_capacity_min,
            )
        )
    worked = sum(
        calendar.is_worked(first + timedelta(days=number))
        for number in range((last - first).days + 1)
    )
    return {id_: Workload(tuple(days), worked) for id_, days in loads.items()}


def _ways_m(
    days: Sequence[Sequence[UUID]], stores: Mapping[UUID, tuple[int, int | None, int | None]]
) -> list[int]:
    """The way of each day from its first store with a pin to its last, in metres."""
    lat: list[int] = []
    lon: list[int] = []
    number: list[int] = []
    for place, ids in enumerate(days):
        for id_ in ids:
            _, at_lat, at_lon = stores[id_]
            if at_lat is not None and at_lon is not None:
                lat.append(at_lat)
                lon.append(at_lon)
                number.append(place)
    if len(lat) < 2:
        return [0] * len(days)
    lats, lons, numbers = np.array(lat), np.array(lon), np.array(number)
    legs = lengths_m(lats[:-1], lons[:-1], lats[1:], lons[1:])
    is_leg = numbers[:-1] == numbers[1:]
    ways = np.zeros(len(days), dtype=np.int64)
    np.add.at(ways, numbers[:-1][is_leg], legs[is_leg])
    return [int(way) for way in ways]
