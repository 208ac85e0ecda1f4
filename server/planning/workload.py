"""What the days to come ask of a position: stops due, minutes of the calls and of the way, against what a day has.

Worked out from the routes as they are in the transaction, so that a change can be looked at before it is made. Source: domain
rules, "Routes and the calendar"; the formula is "Workload of a day" in docs/FORMULAS.md.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from server.planning.travel import Whole, lengths_m, travel_min
from sync.calendar import due_days, is_working_day, read_rule
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

WEEKS = 6
_NO_PIN = 1 << 40
_NONE = np.array([], dtype=np.int64)

# In the order in which a day has them.
_STOPS = """
select array_position(cast(:positions as uuid[]), r.position_id) as owner, s.store_id,
       cast(s.rule as text) as rule, t.channel, t.lat_e7, t.lon_e7
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
    """A day: its stops in order (where they were asked for) and number, minutes of calls, and the way between them in
    metres and minutes.
    """

    day: date
    stores: tuple[UUID, ...]
    visits: int
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
        return sum(day.visits for day in self.days)

    @property
    def most_visits(self) -> int:
        return max((day.visits for day in self.days), default=0)

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


def together(loads: Iterable[Workload]) -> Workload:
    """What several positions ask of one person: their days added up; the ways between them are not reckoned."""
    days: dict[date, list[DayLoad]] = {}
    working_days = 0
    for load in loads:
        working_days = load.working_days
        for day in load.days:
            days.setdefault(day.day, []).append(day)
    return Workload(
        tuple(
            DayLoad(
                day,
                tuple(store for part in parts for store in part.stores),
                sum(part.visits for part in parts),
                sum(part.call_min for part in parts),
                sum(part.travel_m for part in parts),
                sum(part.travel_min for part in parts),
                parts[0].capacity_min,
            )
            for day, parts in sorted(days.items())
        ),
        working_days,
    )


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
    with_stores: bool = False,
) -> dict[UUID, Workload]:
    """The workload of each of these positions from the first day to the last. One query, whatever their number.

    As `due_by_day` has it: a store that two routes bring on one day stands once, at its first place. All stops of all
    positions are worked out at once, in arrays: a page of fifty positions has a hundred thousand stops in six weeks.
    """
    positions = list(position_ids)
    owner, store, rule, call_min, lats, lons, ids, rules = _read_stops(uow, positions, policy)
    span = (last - first).days + 1
    due = [
        np.array(
            [
                (day - first).days
                for day in due_days(
                    each,
                    first,
                    last,
                    holidays=calendar.holidays,
                    working_weekdays=calendar.working_weekdays,
                    worked_days=calendar.worked_days,
                )
            ],
            dtype=np.int64,
        )
        for each in rules
    ]
    stop = np.repeat(np.arange(len(rule)), [len(due[number]) for number in rule])
    key = owner[stop] * span + np.concatenate([due[number] for number in rule] or [_NONE])
    in_turn = np.argsort(key, kind="stable")
    key, stop = key[in_turn], stop[in_turn]
    _, firsts = np.unique(key * max(len(ids), 1) + store[stop], return_index=True)
    firsts.sort()
    key, stop = key[firsts], stop[firsts]
    days, begins = np.unique(key, return_index=True)
    minutes = np.add.reduceat(call_min[stop], begins) if len(days) else _NONE
    ways = _ways_m(key, days, lats[stop], lons[stop])
    ends = np.append(begins[1:], len(key))[: len(days)]
    loads: dict[UUID, list[DayLoad]] = {id_: [] for id_ in positions}
    visited = store[stop].tolist()
    for day, begin, end, calls, way_m in zip(
        days.tolist(), begins.tolist(), ends.tolist(), minutes.tolist(), ways.tolist(), strict=True
    ):
        loads[positions[day // span]].append(
            DayLoad(
                first + timedelta(days=day % span),
                tuple(ids[number] for number in visited[begin:end]) if with_stores else (),
                end - begin,
                calls,
                way_m,
                travel_min(way_m, policy.travel_speed_kmh),
                policy.day_capacity_min,
            )
        )
    worked = sum(calendar.is_worked(first + timedelta(days=number)) for number in range(span))
    return {id_: Workload(tuple(held), worked) for id_, held in loads.items()}


def _read_stops(uow: UnitOfWork, positions: list[UUID], policy: Policy) -> tuple[Any, ...]:
    """The stops in the order in which days have them, as arrays: whose, which store, by which rule, minutes of the
    call, latitude and longitude (`_NO_PIN` where there is none); then the ids of the stores and the rules.
    """
    rows = uow.rows(_STOPS, company=uow.company_id, positions=positions)
    stores: dict[UUID, int] = {}
    known: dict[str, int] = {}
    minutes: dict[str, int] = {}
    columns: list[tuple[int, int, int, int, int, int]] = []
    for owner, store_id, rule, channel, lat, lon in rows:
        call_min = minutes.get(channel)
        if call_min is None:
            call_min = minutes[channel] = policy.call_min_for(channel)
        columns.append(
            (
                owner - 1,
                stores.setdefault(store_id, len(stores)),
                known.setdefault(rule, len(known)),
                call_min,
                _NO_PIN if lat is None else lat,
                _NO_PIN if lon is None else lon,
            )
        )
    table = np.array(columns, dtype=np.int64).reshape(-1, 6).T
    return (*table, list(stores), [read_rule(json.loads(rule)) for rule in known])


def _ways_m(key: Whole, days: Whole, lats: Whole, lons: Whole) -> Whole:
    """The way of each day from its first store with a pin to its last, in metres."""
    pinned = lats != _NO_PIN
    at, lat, lon = key[pinned], lats[pinned], lons[pinned]
    legs = lengths_m(lat[:-1], lon[:-1], lat[1:], lon[1:])
    is_leg = at[:-1] == at[1:]
    ways = np.zeros(len(days), dtype=np.int64)
    np.add.at(ways, np.searchsorted(days, at[:-1][is_leg]), legs[is_leg])
    return ways
