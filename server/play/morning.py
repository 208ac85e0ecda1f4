"""What a rep's phone knows in the morning of a day, read from its own scope and nothing else."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from mobile_contract.phone.phone import Phone
from mobile_contract.phone.scope_store import HeldRecord
from server.play.places import Place
from server.play.workday import DaySheet, Outlet
from sync.calendar import WORKING_WEEKDAYS, RouteStop, planned_stops, read_rule

_E7 = 10_000_000
_BEGINS = time(8, 30)
_ENDS = time(18, 0)
# From then on a day of work, with what comes after the last visit, lies wholly in the past.
_IS_OVER = time(19, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Morning:
    """The sheet of a day, and what the app puts into the items of that day."""

    sheet: DaySheet
    position_id: str | None
    day_plan_id: str | None
    route: HeldRecord | None
    channel: str


def work_dates(
    now: datetime,
    days: int,
    *,
    late_days: int = 0,
    working_weekdays: Collection[int] = WORKING_WEEKDAYS,
) -> list[date]:
    """The last `days` working days that are over at `now` (in the company's zone), oldest first.

    For a phone that is `late_days` late they end that much earlier.
    """
    day = now.date() - timedelta(days=late_days)
    if not late_days and now.time() < _IS_OVER:
        day -= timedelta(days=1)
    found: list[date] = []
    while len(found) < days:
        if day.isoweekday() in working_weekdays:
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def working_hours(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """When work begins and ends on a day, in milliseconds since 1970."""
    begins, ends = (datetime.combine(day, each, zone) for each in (_BEGINS, _ENDS))
    return round(begins.timestamp() * 1000), round(ends.timestamp() * 1000)


def read_morning(phone: Phone, day: date, zone: ZoneInfo, *, syncs_on_the_way: bool) -> Morning:
    """The day plan of the day if the phone holds one, else what its routes say is due, else all stores."""
    outlets = {
        record.id: Outlet(record.id, _place(record), int(record.fields["fence_radius_m"]))
        for record in phone.held("store")
        if record.fields["status"] == "ACTIVE"
    }
    routes = phone.held("route")
    plan = next((p for p in phone.held("day_plan") if p.fields["date"] == day.isoformat()), None)
    if plan is not None:
        stops = sorted(plan.fields["stops"], key=lambda stop: stop["sequence"])
        planned = [stop["store_id"] for stop in stops]
    else:
        planned = [stop.store_id for stop in planned_stops(_stops_of(routes), day)]
    if not planned:
        planned = list(outlets)
    starts_ms, ends_ms = working_hours(day, zone)
    owner = plan or (routes[0] if routes else None)
    channels = sorted({record.fields["channel"] for record in phone.held("store")})
    return Morning(
        sheet=DaySheet(
            starts_ms=starts_ms,
            ends_ms=ends_ms,
            planned=[outlets[store_id] for store_id in planned if store_id in outlets],
            others=list(outlets.values()),
            has_day_plan=plan is not None,
            has_route=bool(routes),
            syncs_on_the_way=syncs_on_the_way,
        ),
        position_id=None if owner is None else owner.fields["position_id"],
        day_plan_id=None if plan is None else plan.id,
        route=routes[0] if routes else None,
        channel=channels[0] if channels else "grocery",
    )


def _place(store: HeldRecord) -> Place | None:
    pin = store.fields["pin"]
    return None if pin is None else Place(pin["lat_e7"] / _E7, pin["lon_e7"] / _E7)


def _stops_of(routes: list[HeldRecord]) -> list[RouteStop]:
    return [
        RouteStop(stop["store_id"], route.id, stop["sequence"], read_rule(stop["rule"]))
        for route in routes
        for stop in route.fields["stops"]
    ]
