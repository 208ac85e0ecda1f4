"""Stores: where each is, who looks after it, what it buys on, who was there; added, moved, closed and opened again."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from mobile_contract.records.store import CLASSES, STATUSES
from server.identity.permissions import positions_to_act_for
from server.identity.sessions import Visitor
from server.language import sentence, tell
from server.orders.order_list import list_orders
from server.planning.errors import NoSuchStore
from server.planning.positions import list_regions
from server.planning.proposals import list_proposals
from server.planning.regions import regions_of
from server.planning.store_sheet import (
    StoreAsked,
    StoreLine,
    StoreSheet,
    list_channels,
    list_store_lines,
    read_store,
    routes_of_store,
    terms_of_store,
    visits_of_store,
)
from server.web.desk import Desk, draw, packed
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import text_and_id
from server.web.master_words import FOUND_MAX, found_for_scripts, told_changes
from server.web.menu import ADMIN, OFFICE, PLANNERS
from server.web.orders import STATES as ORDER_STATES
from server.web.route_words import placed
from server.web.rule_words import told_rule
from server.web.store_edit import store_edit_routes
from server.web.typed import typed_text, typed_uuid
from sync.geo import Datum, Point, to_wgs84
from sync.unit_of_work import UnitOfWork

STATES = {
    "ACTIVE": (sentence("open|store"), "good"),
    "PROPOSED": (sentence("proposed"), "warn"),
    "CLOSED": (sentence("closed|store"), ""),
    "REFUSED": (sentence("refused"), "bad"),
}
OPEN = ("ACTIVE", "PROPOSED")
ORDERS_SHOWN = 8
PROPOSALS_SHOWN = 10
_E6 = 1_000_000
VERDICTS = {
    "ONSITE": (sentence("at the store"), "good"),
    "TOLERATED": (sentence("near enough"), "good"),
    "OFFSITE": (sentence("elsewhere"), "bad"),
    "UNCERTAIN": (sentence("cannot be told"), "warn"),
    "UNPINNED": (sentence("no pin"), ""),
}
VISIT_STATES = {
    "OPEN": sentence("not ended"),
    "DONE": sentence("done"),
    "SKIPPED": sentence("not visited"),
}


def _badges(store: StoreLine) -> list[Badge]:
    words, tone = STATES[store.status]
    found = [Badge(tell(words), tone)]
    if not store.has_pin:
        found.append(Badge(tell("no pin"), "warn"))
    return found


COLUMNS: tuple[Column[StoreLine], ...] = (
    Column(
        sentence("Store"),
        lambda one: Link(one.name, url_for("stores.store_page", store_id=one.id)),
        lambda one: one.name,
    ),
    Column(sentence("Code"), lambda one: one.code, lambda one: one.code),
    Column(sentence("Address"), lambda one: one.address or None, lambda one: one.address),
    Column(sentence("Channel"), lambda one: one.channel, lambda one: one.channel),
    Column(sentence("Class"), lambda one: one.store_class, lambda one: one.store_class),
    Column(sentence("Region"), lambda one: one.region, lambda one: one.region),
    Column(sentence("Belongs to"), lambda one: one.owner, lambda one: one.owner),
    Column(sentence("Account"), lambda one: one.account_code, lambda one: one.account_code),
    Column(sentence("State"), _badges, lambda one: one.status),
)


@dataclass(frozen=True, slots=True)
class PinDrawn:
    """What the small map is told: the pin on its base map in 10⁻⁶ degrees, and the fence in metres."""

    at: list[int] | None
    fence_m: int


def store_routes(desk: Desk) -> Blueprint:
    """/stores and what is below it."""
    routes = Blueprint("stores", __name__, url_prefix="/stores")

    @routes.get("/")
    @desk.page(*OFFICE)
    def store_list(visitor: Visitor) -> ResponseReturnValue:
        """The stores that the visitor may see, by name."""
        asked = _asked(request.args)

        read = pages_of(
            lambda uow, after, at_most: list_store_lines(
                uow,
                asked,
                today=visitor.today,
                asker_id=visitor.person_id,
                after=after,
                at_most=at_most,
            ),
            lambda one: f"{one.name}~{one.id}",
            text_and_id,
        )

        with desk.database.reading(visitor.company_id) as uow:
            regions = list_regions(uow, today=visitor.today, asker_id=visitor.person_id)
            channels = list_channels(uow)
        return answer_listing(
            desk,
            visitor,
            Listing(
                name="stores",
                columns=COLUMNS,
                read=read,
                nothing=sentence("There is no store like this."),
            ),
            "stores/list.html",
            asked=asked,
            state=request.args.get("state", "OPEN"),
            states=[("OPEN", tell("open and proposed"))]
            + [(key, tell(words)) for key, (words, _) in STATES.items()],
            regions=[(str(one.id), "\u2003" * one.depth + one.name) for one in regions],
            channels=[(one, one) for one in channels],
            classes=[(one, one) for one in CLASSES],
            may_set=visitor.has_role(*PLANNERS),
        )

    @routes.get("/found")
    @desk.page(*OFFICE)
    def stores_found(visitor: Visitor) -> ResponseReturnValue:
        """Stores by code, name or address, for scripts."""
        asked = StoreAsked(words=request.args.get("words", ""))
        with desk.database.reading(visitor.company_id) as uow:
            found = list_store_lines(
                uow, asked, today=visitor.today, asker_id=visitor.person_id, at_most=FOUND_MAX
            )
        return found_for_scripts((one.code or str(one.id), one.name) for one in found)

    @routes.get("/pinned")
    @desk.page(*PLANNERS)
    def pinned(visitor: Visitor) -> ResponseReturnValue:
        """A place on the base map (`at`) or in WGS-84 (`pin`), 10⁻⁶ degrees, as the other, and the region that it lies
        in; for the script of the form.
        """
        typed, datum = request.args.get("at"), desk.base_map.datum
        if typed is None:
            typed, datum = request.args.get("pin", ""), Datum.WGS84
        try:
            lat, lon = (int(part) for part in typed.split(",", 1))
        except ValueError:
            raise NotFound from None
        if not (abs(lat) <= 90 * _E6 and abs(lon) <= 180 * _E6):
            raise NotFound
        pin = to_wgs84(lat * 10, lon * 10, datum)
        with desk.database.reading(visitor.company_id) as uow:
            region_id = regions_of(uow, [Point(pin.lat_e7, pin.lon_e7)])[0]
        told = {
            "lat": f"{pin.lat_e7 / 1e7:.6f}",
            "lon": f"{pin.lon_e7 / 1e7:.6f}",
            "at": placed(pin.lat_e7, pin.lon_e7, desk.base_map),
            "region": None if region_id is None else str(region_id),
        }
        return packed(msgspec.json.encode(told))

    @routes.get("/<uuid:store_id>")
    @desk.page(*OFFICE)
    def store_page(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """One store and all that is known of it."""
        return _store_page(desk, visitor, store_id)

    store_edit_routes(desk, routes)
    return routes


def _store_page(desk: Desk, visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        store = _read(uow, visitor, store_id)
        theirs = positions_to_act_for(uow, visitor.person_id, visitor.today)
        routes = routes_of_store(uow, store_id, today=visitor.today)
        visits = visits_of_store(uow, store_id)
        orders = list_orders(
            uow, store_id=store_id, asker_id=visitor.person_id, at_most=ORDERS_SHOWN
        )
        proposals = list_proposals(uow, seen=theirs, entity_id=store_id, at_most=PROPOSALS_SHOWN)
        terms = terms_of_store(uow, store_id)
        changes = told_changes(uow, "store", store_id, visitor.policy.time_zone)
    policy = visitor.policy
    return draw(
        "stores/store.html",
        store=store,
        state=STATES[store.status],
        pin=_pin_words(desk, store, policy.fence_for(store.fence_radius_m, store.store_class)),
        base=desk.base_map,
        fence_m=policy.fence_for(store.fence_radius_m, store.store_class),
        routes=[
            (one, told_rule(one.rule, visitor.today), theirs is None or one.position_id in theirs)
            for one in routes
        ],
        visits=[
            (one, VERDICTS.get(one.verdict or ""), tell(VISIT_STATES[one.state])) for one in visits
        ],
        orders=[(one, ORDER_STATES[one.state]) for one in orders],
        proposals=proposals,
        terms=terms,
        changes=changes,
        zone=policy.time_zone,
        may_set=visitor.has_role(*PLANNERS) and store.status != "REFUSED",
        is_admin=visitor.has_role(*ADMIN),
        data_words=tell("Land and borders: Natural Earth"),
        ms=lambda at: round(at.timestamp() * 1000),
    )


def _pin_words(desk: Desk, store: StoreSheet, fence_m: int) -> str:
    """What the small map's script reads."""
    drawn = PinDrawn(placed(store.lat_e7, store.lon_e7, desk.base_map), fence_m)
    return msgspec.json.encode(drawn).decode()


def _read(uow: UnitOfWork, visitor: Visitor, store_id: UUID) -> StoreSheet:
    try:
        return read_store(uow, store_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchStore:
        raise NotFound from None


def _asked(arguments: Mapping[str, str]) -> StoreAsked:
    state = arguments.get("state", "OPEN")
    store_class = arguments.get("class") or None
    if state not in {"OPEN", *STATUSES} or store_class not in {None, *CLASSES}:
        raise NotFound
    return StoreAsked(
        words=arguments.get("words", ""),
        statuses=OPEN if state == "OPEN" else (state,),
        channel=typed_text(arguments.get("channel")) or None,
        store_class=store_class,
        region_id=typed_uuid(arguments["region"]) if arguments.get("region") else None,
        account_id=typed_uuid(arguments["account"]) if arguments.get("account") else None,
        without_pin=arguments.get("pin") == "none",
    )
