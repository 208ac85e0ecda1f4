"""The stops due on each day of a period, in the order in which routes name them."""

from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sync.calendar import StopRule, due_days


@dataclass(frozen=True, slots=True)
class RuledStop:
    """A store on a route, with its rule."""

    store_id: UUID
    route_id: UUID
    rule: StopRule


def due_by_day(
    stops: Iterable[RuledStop],
    first: date,
    last: date,
    *,
    holidays: AbstractSet[date],
    working_weekdays: Collection[int],
    worked_days: AbstractSet[date] = frozenset(),
) -> dict[date, tuple[tuple[UUID, UUID], ...]]:
    """(store, route) of every stop due, by day; days on which nothing is due are not there.

    A store that two routes bring on one day stands once, at its first place. Each distinct rule
    is worked out once, whatever the number of stops that have it.
    """
    days_of: dict[StopRule, tuple[date, ...]] = {}
    due: dict[date, dict[UUID, UUID]] = {}
    for stop in stops:
        if stop.rule not in days_of:
            days_of[stop.rule] = due_days(
                stop.rule,
                first,
                last,
                holidays=holidays,
                working_weekdays=working_weekdays,
                worked_days=worked_days,
            )
        for day in days_of[stop.rule]:
            due.setdefault(day, {}).setdefault(stop.store_id, stop.route_id)
    return {day: tuple(stores.items()) for day, stores in due.items()}
