"""A proposal is decided: as it was proposed, otherwise, or refused. What that does to phones and weeks is shown before."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.store import CLASSES
from server.identity.permissions import positions_to_act_for
from server.identity.sessions import Visitor
from server.language import Said, tell
from server.planning.decision_lines import in_order
from server.planning.errors import (
    FieldInvalid,
    NoSuchProposal,
    PlanningError,
    StopsInvalid,
)
from server.planning.office_decisions import decide_proposal, position_of, read_stops
from server.planning.office_routes import Effects, Rehearsed, rehearse
from server.planning.proposals import NewStorePlace, Proposal, find_proposal, refuse
from server.planning.rules import stored_rule, with_held_windows
from server.web.desk import FORM_BODY, Desk, draw
from server.web.menu import PLANNERS
from server.web.route_edit import (
    compared_weeks,
    editor_values,
    named_positions,
    told_sheet,
    typed_stops,
)
from server.web.route_words import placed, told_refusal
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

Form = MultiDict[str, str]
DrawPage = Callable[[Visitor, UUID, Form, str], ResponseReturnValue]
_E7 = 10_000_000
_LAT_MAX, _LON_MAX = 90, 180
_DIGITS_MAX = 20


@dataclass(frozen=True, slots=True)
class Decision:
    """What a form decides; without `changes` it is as proposed."""

    changes: Mapping[str, Any] | None
    answer: str | None
    place: NewStorePlace | None
    knows: bool


def decision_routes(desk: Desk, routes: Blueprint, page: DrawPage) -> None:
    """What is done on the pages under /routes/proposals; `page` draws a proposal with what was typed."""

    @routes.get("/proposals/<uuid:proposal_id>/amend")
    @desk.page(*PLANNERS)
    def amend_page(visitor: Visitor, proposal_id: UUID) -> ResponseReturnValue:
        """The editor of stops, with those that are proposed."""
        with desk.database.reading(visitor.company_id) as uow:
            proposal = found_proposal(uow, visitor, proposal_id)
            is_own = proposal.is_by(visitor.person_id)
            if proposal.state != "WAITING" or is_own or "stops" not in proposal.changes:
                raise NotFound
            sheet = _sheet(desk, uow, proposal, _asked_rules(proposal, visitor), visitor)
        return _editor(desk, visitor, proposal, sheet)

    @routes.post("/proposals/<uuid:proposal_id>/rehearse")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def rehearse_proposal(visitor: Visitor, proposal_id: UUID) -> ResponseReturnValue:
        """What deciding it like this would do: to phones, and of a route to the six weeks. Nothing is kept."""
        form = request.form
        with desk.database.reading(visitor.company_id) as uow:
            proposal = found_proposal(uow, visitor, proposal_id)
            position_id = position_of(uow, proposal) if proposal.kind == "route" else None
        try:
            decision = _typed(form, proposal)
            found = _rehearsed(desk, visitor, proposal, decision, position_id)
        except PlanningError as refused:
            return draw("routes/refused.html", told=told_refusal(refused))
        with desk.database.reading(visitor.company_id) as uow:
            named = named_positions(uow, visitor, [] if position_id is None else [position_id])
        return draw(
            "routes/decided.html",
            found=found,
            weeks=compared_weeks(found, named),
            is_amended=decision.changes is not None,
            form="route-form" if "sheet" in form else "decide-form",
        )

    @routes.post("/proposals/<uuid:proposal_id>")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def decide(visitor: Visitor, proposal_id: UUID) -> ResponseReturnValue:
        """Approve it, decide otherwise, or refuse it with a reason; the rep's phone is told."""
        form = request.form
        with desk.database.reading(visitor.company_id) as uow:
            proposal = found_proposal(uow, visitor, proposal_id)
        try:
            if form.get("act") == "refuse":
                with desk.database.company(visitor.company_id) as uow:
                    refuse(uow, visitor.actor, proposal.id, form.get("reason", ""))
            elif form.get("act") == "approve":
                decision = _typed(form, proposal)
                with desk.database.company(visitor.company_id) as uow:
                    _carry_out(uow, visitor, proposal, decision)
            else:
                raise NotFound
        except PlanningError as refused:
            return _kept(desk, visitor, proposal, told_refusal(refused), page)
        flash(tell("Decided. The phone is told at its next sync."), "notice")
        return redirect(url_for("routes.proposal_list"), code=303)


def found_proposal(uow: UnitOfWork, visitor: Visitor, proposal_id: UUID) -> Proposal:
    """A proposal that concerns positions of the visitor's. Raises NotFound."""
    seen = positions_to_act_for(uow, visitor.person_id, visitor.today)
    try:
        return find_proposal(uow, proposal_id, seen=seen)
    except NoSuchProposal:
        raise NotFound from None


def places_of(desk: Desk, uow: UnitOfWork, proposal: Proposal) -> str | None:
    """Where the stops, or the pin, lie before and after, for the page's map; None where no place is another."""
    if "stops" in proposal.changes:
        held, asked = proposal.held.get("stops") or (), proposal.changes["stops"]
        was, now = in_order(held), in_order(asked)
        stops = read_stops(uow, {id_: {} for id_ in {*was, *now}})

        def line(ids: list[UUID]) -> list[Any]:
            return [
                [stops[id_].name, placed(stops[id_].lat_e7, stops[id_].lon_e7, desk.base_map)]
                for id_ in ids
                if id_ in stops
            ]

        sides = [line(was), line(now)]
    elif proposal.changes.get("pin"):
        pins = (proposal.held.get("pin"), proposal.changes["pin"])
        sides = [
            [[proposal.subject, placed(pin["lat_e7"], pin["lon_e7"], desk.base_map)]] if pin else []
            for pin in pins
        ]
    else:
        return None
    if not any(at for side in sides for _, at in side):
        return None
    return msgspec.json.encode({"before": sides[0], "after": sides[1]}).decode()


def written_values(proposal: Proposal) -> dict[str, str]:
    """The proposed values of a store as they are typed, by the field of the form."""
    values = {}
    for name, value in proposal.changes.items():
        if name == "pin":
            for field, axis in (("set-pin-lat", "lat_e7"), ("set-pin-lon", "lon_e7")):
                degrees = Decimal(value[axis]) / _E7 if value else None
                values[field] = "" if degrees is None else f"{degrees:.7f}"
        elif name != "stops":
            values[f"set-{name}"] = "" if value is None else str(value)
    return values


def _rehearsed(
    desk: Desk,
    visitor: Visitor,
    proposal: Proposal,
    decision: Decision,
    position_id: UUID | None,
) -> Rehearsed:
    return rehearse(
        desk.database,
        visitor.company_id,
        lambda uow: _carry_out(uow, visitor, proposal, decision),
        [] if position_id is None else [position_id],
        visitor.today,
    )


def _carry_out(
    uow: UnitOfWork, visitor: Visitor, proposal: Proposal, decision: Decision
) -> Effects:
    return decide_proposal(
        uow,
        visitor.actor,
        proposal.id,
        changes=decision.changes,
        answer=decision.answer,
        place=decision.place,
        knows_it_is_outdated=decision.knows,
        today=visitor.today,
        asker_id=visitor.person_id,
    )


def _typed(form: Form, proposal: Proposal) -> Decision:
    """What the form decides. Raises StopsInvalid, FieldInvalid."""
    code = form.get("code", "").strip()
    region, position = form.get("region", ""), form.get("position", "")
    place = NewStorePlace(
        code=code,
        region_id=typed_uuid(region) if region else None,
        position_id=typed_uuid(position) if position else None,
    )
    return Decision(
        _typed_changes(form, proposal),
        form.get("reason", "").strip() or None,
        place if code else None,
        form.get("knows") == "1",
    )


def _typed_changes(form: Form, proposal: Proposal) -> Mapping[str, Any] | None:
    if "sheet" in form:
        if "stops" not in proposal.changes:
            raise NotFound
        stops = typed_stops(form["sheet"])
        if not stops:
            raise StopsInvalid(Said("no stop would be left: refuse it instead"))
        if proposal.kind == "day_plan":
            return {"stops": [{"store_id": str(stop.store_id)} for stop in stops]}
        return {
            "stops": [{"store_id": str(stop.store_id), "rule": dict(stop.rule)} for stop in stops]
        }
    written = written_values(proposal)
    if not written or all(form.get(name, value) == value for name, value in written.items()):
        return None
    changes: dict[str, Any] = {}
    for name in proposal.changes:
        if name == "pin":
            changes[name] = _typed_pin(form, written)
        else:
            typed = form.get(f"set-{name}", written[f"set-{name}"]).strip()
            changes[name] = typed or (None if name in {"code", "store_class"} else "")
    return changes


def _typed_pin(form: Form, written: Mapping[str, str]) -> dict[str, int] | None:
    degrees = [
        form.get(name, written[name]).strip()[:_DIGITS_MAX]
        for name in ("set-pin-lat", "set-pin-lon")
    ]
    if not any(degrees):
        return None
    wrong = FieldInvalid(Said("pin: latitude and longitude in degrees"))
    try:
        lat, lon = (Decimal(each) for each in degrees)
        is_on_earth = abs(lat) <= _LAT_MAX and abs(lon) <= _LON_MAX
    except ArithmeticError:
        raise wrong from None
    if not is_on_earth:
        raise wrong
    return {"lat_e7": round(lat * _E7), "lon_e7": round(lon * _E7)}


def _kept(
    desk: Desk, visitor: Visitor, proposal: Proposal, told: str, page: DrawPage
) -> ResponseReturnValue:
    """The page again, with what was typed and why it is refused."""
    form = request.form
    with desk.database.reading(visitor.company_id) as uow:
        proposal = found_proposal(uow, visitor, proposal.id)
        if "sheet" in form and proposal.state == "WAITING":
            try:
                rules = {stop.store_id: stop.rule for stop in typed_stops(form["sheet"])}
            except StopsInvalid:
                rules = _asked_rules(proposal, visitor)
            sheet = _sheet(desk, uow, proposal, rules, visitor)
            return _editor(desk, visitor, proposal, sheet, told)
    return page(visitor, proposal.id, form, told)


def _asked_rules(proposal: Proposal, visitor: Visitor) -> dict[UUID, Mapping[str, Any]]:
    """The proposed stops in their order, each with its rule; those of a day plan have one that says nothing."""
    asked = {UUID(stop["store_id"]): stop for stop in proposal.changes["stops"]}
    held = {UUID(stop["store_id"]): stop.get("rule") for stop in proposal.held.get("stops") or ()}
    day = visitor.today.isoformat()
    always = {
        "weekdays": [1, 2, 3, 4, 5, 6, 7],
        "cycle_weeks": 1,
        "week_groups": [0],
        "anchor": day,
        "starts_on": day,
        "ends_on": None,
        "on_holiday": "SKIP",
        "open_from_min": None,
        "open_until_min": None,
    }
    return {
        id_: stored_rule(with_held_windows(asked[id_]["rule"], held.get(id_)))
        if "rule" in asked[id_]
        else always
        for id_ in in_order(proposal.changes["stops"])
    }


def _sheet(
    desk: Desk,
    uow: UnitOfWork,
    proposal: Proposal,
    rules: Mapping[UUID, Mapping[str, Any]],
    visitor: Visitor,
) -> str:
    stops = read_stops(uow, rules)
    sheet = told_sheet(desk, [stops[id_] for id_ in rules if id_ in stops], visitor.today)
    if proposal.kind == "day_plan":
        for rule in sheet["rules"]:
            rule["words"] = ""
    return msgspec.json.encode(sheet).decode()


def _editor(
    desk: Desk, visitor: Visitor, proposal: Proposal, sheet: str, refused: str | None = None
) -> Response:
    return draw(
        "routes/edit.html",
        422 if refused else 200,
        proposal=proposal,
        reason=request.form.get("reason", ""),
        refused=refused,
        route=None,
        holder=None,
        sheet=sheet,
        **editor_values(desk, visitor.today),
    )


def store_classes() -> list[tuple[str, str]]:
    """The classes of stores, to choose from."""
    return [("", "–"), *((name, name) for name in CLASSES)]
