"""A better order for the stops of a route, of all of them or of those that are due on a day, as somebody has them before them."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from server.planning.best_order import BetterOrder, Place, find_better_order
from server.planning.positions import check_stores_seen
from server.planning.rules import Stop, stored_stops
from server.planning.workload import read_calendar
from sync.calendar import is_due, read_rule
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

_STORES = """
select id, channel, lat_e7, lon_e7 from store
where company_id = :company and id = any(:ids) and status = 'ACTIVE' and lat_e7 is not null
"""


def better_order(
    uow: UnitOfWork,
    stops: Sequence[Stop],
    day: date | None,
    *,
    policy: Policy,
    today: date,
    asker_id: UUID | None,
) -> BetterOrder:
    """A better order of the stops that are due on the day, those without a pin left out. None: of all, which are of no one
    day, so their windows do not count.

    Raises NoSuchStore, StopsInvalid.
    """
    ruled = stored_stops(stops)
    ids = [store_id for store_id, _ in ruled]
    check_stores_seen(uow, ids, today=today, asker_id=asker_id)
    stores = {row.id: row for row in uow.rows(_STORES, company=uow.company_id, ids=ids)}
    if day is not None:
        calendar = read_calendar(uow, policy)
        ruled = [
            (store_id, rule)
            for store_id, rule in ruled
            if is_due(
                read_rule(rule),
                day,
                holidays=calendar.holidays,
                working_weekdays=calendar.working_weekdays,
                worked_days=calendar.worked_days,
            )
        ]
    places = [
        Place(
            store_id,
            stores[store_id].lat_e7,
            stores[store_id].lon_e7,
            policy.call_min_for(stores[store_id].channel),
            *((None, None) if day is None else (rule["open_from_min"], rule["open_until_min"])),
        )
        for store_id, rule in ruled
        if store_id in stores
    ]
    return find_better_order(
        places, speed_kmh=policy.travel_speed_kmh, begins_min=policy.working_from_min
    )
