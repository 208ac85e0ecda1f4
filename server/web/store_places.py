"""Stores are given to positions: by list, by a line drawn around them on the map, or by a spreadsheet."""

from collections.abc import Callable

import msgspec
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number
from server.planning.errors import PlanningError
from server.planning.office_routes import ASSIGNED_MAX, Effects, give_stores, rehearse
from server.planning.positions import list_positions, list_regions
from server.planning.route_sheets import (
    CELLS_MAX,
    FOUND_MAX,
    StoreFound,
    StoreSearch,
    find_stores,
    place_stores,
)
from server.web.desk import FORM_BODY, Desk, draw, packed
from server.web.listing import Column, Listing, answer_listing, pages_of
from server.web.marks import text_and_id
from server.web.menu import PLANNERS
from server.web.route_words import map_words, placed, told_refusal
from server.web.typed import typed_uuid
from sync.geo import Point, to_wgs84
from sync.unit_of_work import UnitOfWork

COLUMNS: tuple[Column[StoreFound], ...] = (
    Column(sentence("Code"), lambda store: store.code, lambda store: store.code),
    Column(sentence("Store"), lambda store: store.name, lambda store: store.name),
    Column(sentence("Address"), lambda store: store.address, lambda store: store.address),
    Column(sentence("Channel"), lambda store: store.channel, lambda store: store.channel),
    Column(sentence("Class"), lambda store: store.store_class, lambda store: store.store_class),
    Column(sentence("Region"), lambda store: store.region, lambda store: store.region),
    Column(sentence("Belongs to"), lambda store: store.owner, lambda store: store.owner),
    Column(
        sentence("On routes"),
        lambda store: ", ".join(store.routes) or None,
        lambda store: ", ".join(store.routes),
    ),
)


def store_place_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages under /routes/stores."""

    @routes.get("/stores")
    @desk.page(*PLANNERS)
    def store_list(visitor: Visitor) -> ResponseReturnValue:
        """The stores that the visitor may see, to be given to positions."""
        search = _search()

        read = pages_of(
            lambda uow, after, at_most: find_stores(
                uow,
                search,
                today=visitor.today,
                asker_id=visitor.person_id,
                after=after,
                at_most=at_most,
            ),
            lambda one: f"{one.name}~{one.id}",
            text_and_id,
        )

        with desk.database.reading(visitor.company_id) as uow:
            who = {"today": visitor.today, "asker_id": visitor.person_id}
            regions = list_regions(uow, **who)  # type: ignore[arg-type]
            positions = list_positions(uow, at_most=1_000, **who)  # type: ignore[arg-type]
        return answer_listing(
            desk,
            visitor,
            Listing(
                name="stores",
                columns=COLUMNS,
                read=read,
                key=lambda store: str(store.id),
                nothing=sentence("No such stores here."),
            ),
            "routes/stores.html",
            search=search,
            regions=[(str(one.id), "\u2003" * one.depth + one.name) for one in regions],
            positions=[(str(one.id), one.told) for one in positions],
            base=desk.base_map,
            words=msgspec.json.encode(map_words()).decode(),
        )

    @routes.get("/stores/found")
    @desk.page(*PLANNERS)
    def stores_found(visitor: Visitor) -> ResponseReturnValue:
        """Stores by what they are called, for the scripts."""
        return _answer(desk, visitor, _search(), FOUND_MAX)

    @routes.get("/stores/places")
    @desk.page(*PLANNERS)
    def store_places(visitor: Visitor) -> ResponseReturnValue:
        """What the part of the map that is shown has, for the scripts: its stores as id, code, name, place, whose they are;
        of more than can be drawn how many lie where.
        """
        box, cells = _box(desk), _cells()
        with desk.database.reading(visitor.company_id) as uow:
            found, counted = place_stores(
                uow, box, today=visitor.today, asker_id=visitor.person_id, cells=cells
            )
        told = {
            "stores": [
                [
                    one.id,
                    one.code,
                    one.name,
                    placed(one.lat_e7, one.lon_e7, desk.base_map),
                    one.owner,
                ]
                for one in found
            ],
            "counted": [
                [placed(one.lat_e7, one.lon_e7, desk.base_map), one.stores] for one in counted
            ],
            "around": [
                placed(
                    min(one.south for one in counted),
                    min(one.west for one in counted),
                    desk.base_map,
                ),
                placed(
                    max(one.north for one in counted),
                    max(one.east for one in counted),
                    desk.base_map,
                ),
            ]
            if counted
            else None,
        }
        return packed(msgspec.json.encode(told))

    @routes.post("/stores")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def give(visitor: Visitor) -> ResponseReturnValue:
        """Show what giving the chosen stores to a position does; where that is confirmed, do it."""
        ids = [typed_uuid(typed) for typed in request.form.getlist("id")[: ASSIGNED_MAX + 1]]
        position = request.form.get("position", "")
        position_id = typed_uuid(position) if position else None

        def change(uow: UnitOfWork) -> Effects:
            return give_stores(
                uow,
                visitor.actor,
                ids,
                position_id,
                today=visitor.today,
                asker_id=visitor.person_id,
            )

        if not ids:
            flash(tell("No store was chosen."), "alert")
            return redirect(url_for("routes.store_list"), code=303)
        try:
            if request.form.get("act") == "save":
                return _given(desk, visitor, change, len(set(ids)))
            found = rehearse(desk.database, visitor.company_id, change, [], visitor.today)
            with desk.database.reading(visitor.company_id) as uow:
                named = list_positions(
                    uow,
                    today=visitor.today,
                    asker_id=visitor.person_id,
                    only=[] if position_id is None else [position_id],
                )
        except PlanningError as refused:
            flash(told_refusal(refused), "alert")
            return redirect(url_for("routes.store_list"), code=303)
        return draw(
            "routes/giving.html",
            ids=ids,
            position_id=position_id,
            position=named[0].told if named else None,
            found=found,
        )


def _given(
    desk: Desk, visitor: Visitor, change: Callable[[UnitOfWork], Effects], number: int
) -> ResponseReturnValue:
    with desk.database.company(visitor.company_id) as uow:
        change(uow)
    flash(
        tell_number(
            "One store was given. Phones take it at their next sync.",
            "{number} stores were given. Phones take them at their next sync.",
            number,
        ),
        "notice",
    )
    return redirect(url_for("routes.store_list"), code=303)


def _answer(desk: Desk, visitor: Visitor, search: StoreSearch, at_most: int) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        found = find_stores(
            uow, search, today=visitor.today, asker_id=visitor.person_id, at_most=at_most
        )
    told = {
        "stores": [
            [
                one.id,
                one.code,
                one.name,
                placed(one.lat_e7, one.lon_e7, desk.base_map),
                ", ".join(one.routes) or one.owner,
            ]
            for one in found
        ]
    }
    return packed(msgspec.json.encode(told))


def _search() -> StoreSearch:
    asked = request.args
    return StoreSearch(
        words=asked.get("words", ""),
        region_id=typed_uuid(asked["region"]) if asked.get("region") else None,
        position_id=typed_uuid(asked["position"]) if asked.get("position") else None,
        is_free=asked.get("free") == "1",
    )


def _box(desk: Desk) -> tuple[int, int, int, int]:
    """South, west, north, east of the part of the map that is asked for, of the base map's datum."""
    try:
        south, west, north, east = (int(each) for each in request.args["box"].split(",", 3))
    except (KeyError, ValueError):
        raise NotFound from None
    if not (-90_000_000 <= south <= north <= 90_000_000 and west <= east):
        raise NotFound
    low, high = (
        to_wgs84(lat * 10, max(-180_000_000, min(180_000_000, lon)) * 10, desk.base_map.datum)
        for lat, lon in ((south, west), (north, east))
    )
    return Point(*low).lat_e7, low.lon_e7, high.lat_e7, high.lon_e7


def _cells() -> tuple[int, int]:
    """How many numbers of stores the map has room for, from top to bottom and from left to right."""
    try:
        high, wide = (int(each) for each in request.args.get("cells", "12,12").split(",", 1))
    except ValueError:
        raise NotFound from None
    return max(1, min(CELLS_MAX, high)), max(1, min(CELLS_MAX, wide))
