"""Publishing routes: their documents, their keys, and their stores at the route's own key."""

from collections.abc import Iterable
from uuid import UUID

from sync.kinds.route.judge import ROUTE
from sync.publish import Draft, hold, place, publish
from sync.unit_of_work import UnitOfWork

_ROUTES = """
select id, name, position_id, is_active from route
where company_id = :company and id = any(:ids) order by id
"""
_STOPS = """
select route_id, sequence, store_id, rule from route_stop
where company_id = :company and route_id = any(:ids) order by route_id, sequence
"""


def publish_routes(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the records of these routes up to their rows; returns their versions.

    A route is seen by whoever holds its own key or that of its position; its stores are placed at
    its own key, so a route that moves to another position moves with all its stores. A route that
    is no longer active is deleted from phones and lets its stores go.
    """
    wanted = list(ids)
    hold(uow, wanted)
    routes = uow.rows(_ROUTES, company=uow.company_id, ids=wanted)
    stops: dict[UUID, list[dict[str, object]]] = {}
    stores: dict[UUID, set[UUID]] = {}
    for stop in uow.rows(_STOPS, company=uow.company_id, ids=wanted):
        stops.setdefault(stop.route_id, []).append(
            {"store_id": str(stop.store_id), "sequence": stop.sequence, "rule": stop.rule}
        )
        stores.setdefault(stop.route_id, set()).add(stop.store_id)
    drafts = [
        Draft(
            ROUTE,
            route.id,
            {
                "name": route.name,
                "position_id": str(route.position_id),
                "stops": stops.get(route.id, []),
            }
            if route.is_active
            else None,
            frozenset({route.id, route.position_id}),
        )
        for route in routes
    ]
    versions = publish(uow, drafts)
    for route in routes:
        place(uow, route.id, stores.get(route.id, set()) if route.is_active else ())
    return versions
