"""Stores are set: what moves one between phones is shown before it is saved, and nothing is saved over what somebody else
changed meanwhile.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from mobile_contract.records.store import CLASSES
from server.catalogue.divisions import list_divisions
from server.catalogue.errors import CatalogueError
from server.catalogue.whom_named import customers_called
from server.identity.sessions import Visitor
from server.language import tell, told_number
from server.planning.errors import CodeTaken, NoSuchPosition, NoSuchStore, PlanningError
from server.planning.office_routes import Effects, rehearse
from server.planning.office_stores import (
    add_store,
    close_store,
    reopen_store,
    save_store,
    settable_regions,
)
from server.planning.positions import list_positions
from server.planning.store_sheet import StoreSheet, list_channels, read_store, routes_of_store
from server.planning.stores import EDITABLE, NewStore
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.menu import ADMIN, PLANNERS
from server.web.route_words import placed, told_refusal
from sync.unit_of_work import UnitOfWork

_TEXTS = ("contact_name", "contact_phone", "opening_hours", "delivery_note")
_PLACE = ("lat_e7", "lon_e7", "region_id", "position_id")
_BY_PIN = "pin"


def store_edit_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages that change stores."""

    @routes.get("/new")
    @desk.page(*PLANNERS)
    def new_store(visitor: Visitor) -> ResponseReturnValue:
        """A form for a new store."""
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, desk, visitor, Filled({"region_id": _BY_PIN}), None)

    @routes.post("/new")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def save_new_store(visitor: Visitor) -> ResponseReturnValue:
        """Add a store."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            fields, divisions = _fields(uow, visitor, form)
        if not form.text("code"):
            form.fault("code", tell("must be there"))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    store_id, _ = add_store(
                        uow,
                        visitor.actor,
                        NewStore(**fields),
                        division_ids=divisions or (),
                        today=visitor.today,
                        asker_id=visitor.person_id,
                    )
            except PlanningError as refused:
                _note(form, refused)
            else:
                return _done(store_id, tell("Added: {name}.", name=fields["name"]))
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, desk, visitor, form, None)

    _moving_routes(desk, routes)
    _closing_routes(desk, routes)


def _moving_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:store_id>/edit")
    @desk.page(*PLANNERS)
    def edit_store(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """A form with the store as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            store = _read(uow, visitor, store_id)
            return _form(uow, desk, visitor, Filled(_typed(store)), store)

    @routes.post("/<uuid:store_id>/edit")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def save(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """Change a store; where that moves it, show first what it does to phones."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            store = _read(uow, visitor, store_id)
            fields, divisions = _fields(uow, visitor, form)

        def change(uow: UnitOfWork) -> tuple[bool, Effects]:
            return save_store(
                uow,
                visitor.actor,
                store_id,
                fields,
                division_ids=divisions,
                basis=form["basis"],
                today=visitor.today,
                asker_id=visitor.person_id,
            )

        if form.is_good:
            moved = [name for name in _PLACE if fields.get(name) != getattr(store, name)]
            try:
                if moved and form["act"] != "save":
                    found = rehearse(
                        desk.database,
                        visitor.company_id,
                        lambda uow: change(uow)[1],
                        [],
                        visitor.today,
                    )
                    return draw(
                        "stores/moving.html",
                        store=store,
                        form=form,
                        names=[*_FORM_NAMES, "basis"],
                        lines=_told_moves(desk, visitor, store, fields),
                        is_pin_moved=bool({"lat_e7", "lon_e7"} & set(moved)),
                        found=found,
                    )
                with desk.database.company(visitor.company_id) as uow:
                    is_changed, _ = change(uow)
            except PlanningError as refused:
                _note(form, refused)
            else:
                return _done(
                    store_id,
                    tell("Saved. Phones take it at their next sync.")
                    if is_changed
                    else tell("It is like this already."),
                )
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, desk, visitor, form, store)


def _closing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:store_id>/close")
    @desk.page(*PLANNERS)
    def ask_close(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """How a store is closed, or opened again; what that does to phones is looked for by itself."""
        with desk.database.reading(visitor.company_id) as uow:
            store = _read(uow, visitor, store_id)
            travelled = routes_of_store(uow, store_id, today=visitor.today)
        if store.status not in ("ACTIVE", "CLOSED"):
            raise NotFound
        return draw("stores/closing.html", store=store, routes=travelled)

    @routes.post("/<uuid:store_id>/close/rehearse")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def rehearse_close(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """What closing or opening would do to phones. Nothing is kept."""
        with desk.database.reading(visitor.company_id) as uow:
            status = _read(uow, visitor, store_id).status
        if status not in ("ACTIVE", "CLOSED"):
            raise NotFound
        act, form = close_store if status == "ACTIVE" else reopen_store, Filled()
        try:
            effects = desk.database.rehearse(
                visitor.company_id, _change(visitor, store_id, form["basis"], act)
            )
        except PlanningError as refused:
            return draw("stores/not_closing.html", words=told_refusal(refused))
        return draw("stores/closed.html", effects=effects, is_closing=status == "ACTIVE")

    @routes.post("/<uuid:store_id>/close")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def close(visitor: Visitor, store_id: UUID) -> ResponseReturnValue:
        """Close a store, or open it again."""
        form = Filled()
        acts: dict[str, Callable[..., Effects]] = {"close": close_store, "reopen": reopen_store}
        if form["act"] not in acts:
            raise NotFound
        try:
            with desk.database.company(visitor.company_id) as uow:
                _change(visitor, store_id, form["basis"], acts[form["act"]])(uow)
        except PlanningError as refused:
            flash(told_refusal(refused), "alert")
            return redirect(url_for("stores.store_page", store_id=store_id), code=303)
        if form["act"] == "close":
            return _done(store_id, tell("Closed. It leaves phones at their next sync."))
        return _done(store_id, tell("Opened again. It is on no route yet."))


def _change(
    visitor: Visitor, store_id: UUID, basis: str, act: Callable[..., Effects]
) -> Callable[[UnitOfWork], Effects]:
    def change(uow: UnitOfWork) -> Effects:
        return act(
            uow,
            visitor.actor,
            store_id,
            basis=basis,
            today=visitor.today,
            asker_id=visitor.person_id,
        )

    return change


_FORM_NAMES = (
    "code",
    "name",
    "channel",
    "store_class",
    "address",
    *_TEXTS,
    "lat",
    "lon",
    "fence_radius_m",
    "region_id",
    "position_id",
    "account",
)


def _typed(store: StoreSheet) -> dict[str, str | list[str]]:
    """A store as it stands in the form."""
    return {
        **{
            name: str(getattr(store, name) or "") for name in ("code", "name", "channel", "address")
        },
        **{name: getattr(store, name) or "" for name in ("store_class", *_TEXTS)},
        "lat": "" if store.lat_e7 is None else _degrees(store.lat_e7),
        "lon": "" if store.lon_e7 is None else _degrees(store.lon_e7),
        "fence_radius_m": str(store.fence_radius_m or ""),
        "region_id": str(store.region_id or ""),
        "position_id": str(store.position_id or ""),
        "account": store.account_code or "",
        "division": [str(id_) for id_ in store.division_ids],
        "basis": store.basis,
    }


def _degrees(value_e7: int) -> str:
    sign = "-" if value_e7 < 0 else ""
    return f"{sign}{abs(value_e7) // 10_000_000}.{abs(value_e7) % 10_000_000:07d}"


def _fields(
    uow: UnitOfWork, visitor: Visitor, form: Filled
) -> tuple[dict[str, Any], list[UUID] | None]:
    """What was typed, as the fields of a store and the divisions that it buys from; None: not the visitor's to set."""
    fields: dict[str, Any] = {
        "code": form.text_or_none("code"),
        "name": form.text("name"),
        "channel": form.text("channel"),
        "store_class": form.text_or_none("store_class"),
        "address": form.text("address"),
        **{name: form.text_or_none(name) for name in _TEXTS},
        "lat_e7": form.degrees_e7("lat", 90),
        "lon_e7": form.degrees_e7("lon", 180),
        "fence_radius_m": form.whole("fence_radius_m"),
        "position_id": form.id("position_id"),
        "region_id": None if form["region_id"] == _BY_PIN else form.id("region_id"),
    }
    if (fields["lat_e7"] is None) != (fields["lon_e7"] is None):
        form.fault("lat", tell("A pin has both coordinates."))
    if not visitor.has_role(*ADMIN):
        return fields, None
    fields["account_id"] = None
    if form.text("account"):
        try:
            _, accounts = customers_called(uow, (), [form.text("account")])
            (fields["account_id"],) = accounts
        except CatalogueError as refused:
            form.refused(refused, (), {"accounts": "account"})
    known = {str(one.id): one.id for one in list_divisions(uow)}
    return fields, [known[typed] for typed in form.every("division") if typed in known]


def _form(
    uow: UnitOfWork, desk: Desk, visitor: Visitor, form: Filled, store: StoreSheet | None
) -> ResponseReturnValue:
    who: dict[str, Any] = {"today": visitor.today, "asker_id": visitor.person_id}
    regions = [
        (str(id_), "\u2003" * depth + name) for id_, name, depth in settable_regions(uow, **who)
    ]
    if store is not None and str(store.region_id) not in {id_ for id_, _ in regions}:
        regions.insert(0, (str(store.region_id or ""), store.region or tell("none")))
    positions = [(str(one.id), one.told) for one in list_positions(uow, at_most=1_000, **who)]
    if store is not None and store.position_id and str(store.position_id) not in dict(positions):
        positions.insert(0, (str(store.position_id), store.owner or "–"))
    is_admin = visitor.has_role(*ADMIN)
    held = None if store is None else placed(store.lat_e7, store.lon_e7, desk.base_map)
    fence_m = visitor.policy.fence_for(
        None if store is None else store.fence_radius_m,
        None if store is None else store.store_class,
    )
    return draw(
        "stores/edit.html",
        200 if form.is_good else 422,
        form=form,
        store=store,
        regions=([(_BY_PIN, tell("that of its pin"))] if store is None else [])
        + ([("", tell("none"))] if is_admin and ("", tell("none")) not in regions else [])
        + regions,
        positions=[("", tell("nobody")), *positions],
        classes=[("", tell("none"))] + [(one, one) for one in CLASSES],
        channels=list_channels(uow),
        divisions=[(str(one.id), one.name) for one in list_divisions(uow)] if is_admin else [],
        is_admin=is_admin,
        base=desk.base_map,
        pin=msgspec.json.encode({"at": held, "fence_m": fence_m}).decode(),
        fence_m=told_number(visitor.policy.fence_for(None, None)),
        data_words=tell("Land and borders: Natural Earth"),
    )


def _told_moves(
    desk: Desk, visitor: Visitor, store: StoreSheet, fields: dict[str, Any]
) -> list[tuple[str, str, str]]:
    """What of the store's place differs: its name, as it is, as it will be."""
    who: dict[str, Any] = {"today": visitor.today, "asker_id": visitor.person_id}
    with desk.database.reading(visitor.company_id) as uow:
        regions = {id_: name for id_, name, _ in settable_regions(uow, **who)}
        positions = {
            one.id: one.told
            for one in list_positions(
                uow, only=[id_ for id_ in (store.position_id, fields["position_id"]) if id_], **who
            )
        }
    found = []
    pins = ((store.lat_e7, store.lon_e7), (fields["lat_e7"], fields["lon_e7"]))
    if pins[0] != pins[1]:
        told = [
            tell("none")
            if pin[0] is None or pin[1] is None
            else f"{_degrees(pin[0])} {_degrees(pin[1])}"
            for pin in pins
        ]
        found.append((tell("Pin"), told[0], told[1]))
    if fields["region_id"] != store.region_id:
        after = fields["region_id"]
        found.append(
            (
                tell("Region"),
                store.region or tell("none"),
                tell("none") if after is None else regions.get(after, str(after)),
            )
        )
    if fields["position_id"] != store.position_id:
        after = fields["position_id"]
        found.append(
            (
                tell("Belongs to"),
                tell("nobody")
                if store.position_id is None
                else positions.get(store.position_id, store.owner or "–"),
                tell("nobody") if after is None else positions.get(after, str(after)),
            )
        )
    return found


def _read(uow: UnitOfWork, visitor: Visitor, store_id: UUID) -> StoreSheet:
    try:
        store = read_store(uow, store_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchStore:
        raise NotFound from None
    if store.status == "REFUSED":
        raise NotFound
    return store


def _note(form: Filled, refused: PlanningError) -> None:
    match refused:
        case NoSuchStore():
            raise NotFound
        case CodeTaken():
            form.fault("code", str(refused))
        case NoSuchPosition():
            form.fault("position_id", tell("Choose one of the list."))
        case _:
            aliases = {"lat_e7": "lat", "lon_e7": "lon"}
            if ": " in str(refused) and refused.code == "field_invalid":
                form.refused(refused, EDITABLE, aliases)
            else:
                form.fault("", told_refusal(refused))


def _done(store_id: UUID, words: str) -> ResponseReturnValue:
    flash(words, "notice")
    return redirect(url_for("stores.store_page", store_id=store_id), code=303)
