"""A route is set: its stops, their order and rules, its name and its position. What that does is shown before it is saved."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, NotFound

from mobile_contract.records.route import STOPS_MAX
from server.identity.sessions import Visitor
from server.language import tell, told_day, told_number, told_weekday_names
from server.planning.best_order import BetterOrder
from server.planning.errors import NoSuchPosition, NoSuchRoute, PlanningError, StopsInvalid
from server.planning.office_routes import (
    Effects,
    Rehearsed,
    add_route,
    edit_route,
    end_route,
    rehearse,
)
from server.planning.positions import PositionListed, find_position, list_positions
from server.planning.route_order import better_order
from server.planning.route_sheets import RouteSheet, SheetStop, read_route
from server.planning.rules import Stop, stored_rule
from server.web.desk import FORM_BODY, Desk, draw, packed
from server.web.menu import PLANNERS
from server.web.route_words import map_words, placed, told_refusal
from server.web.rule_words import holiday_choices, told_rule
from server.web.spans import told_way
from server.web.typed import typed_day, typed_uuid
from sync.unit_of_work import UnitOfWork

POSITIONS_MAX = 1_000


class Sheet(msgspec.Struct):
    """The stops as the page sends them: rules once each, and each stop by the number of its rule."""

    rules: Annotated[list[dict[str, Any]], msgspec.Meta(max_length=STOPS_MAX)]
    stops: Annotated[
        list[tuple[UUID, Annotated[int, msgspec.Meta(ge=0)]]], msgspec.Meta(max_length=STOPS_MAX)
    ]


def edit_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages that set a route."""

    @routes.get("/<uuid:route_id>")
    @desk.page(*PLANNERS)
    def route_page(visitor: Visitor, route_id: UUID) -> ResponseReturnValue:
        """The editor of a route."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                sheet = read_route(uow, route_id, today=visitor.today, asker_id=visitor.person_id)
                positions = _positions(uow, visitor)
        except NoSuchRoute:
            raise NotFound from None
        if not sheet.is_active:
            raise NotFound
        return _editor(desk, visitor, sheet, sheet.position_id, positions)

    @routes.get("/positions/<uuid:position_id>/new")
    @desk.page(*PLANNERS)
    def new_route(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """The editor of a route that is not there yet."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                find_position(uow, position_id, today=visitor.today, asker_id=visitor.person_id)
                positions = _positions(uow, visitor)
        except NoSuchPosition:
            raise NotFound from None
        return _editor(desk, visitor, None, position_id, positions)

    @routes.get("/<uuid:route_id>/sheet")
    @desk.page(*PLANNERS)
    def sheet(visitor: Visitor, route_id: UUID) -> ResponseReturnValue:
        """The stops of a route with their rules in words, for the editor's script."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                held = read_route(uow, route_id, today=visitor.today, asker_id=visitor.person_id)
        except NoSuchRoute:
            raise NotFound from None
        return packed(msgspec.json.encode(told_sheet(desk, held.stops, visitor.today)))

    @routes.get("/rule")
    @desk.page(*PLANNERS)
    def rule(visitor: Visitor) -> ResponseReturnValue:
        """The rule that a form says, checked, and in words."""
        try:
            asked = _asked_rule(request.args)
        except StopsInvalid as refused:
            raise BadRequest(str(refused)) from None
        told = {"rule": asked, "words": told_rule(asked, visitor.today)}
        return packed(msgspec.json.encode(told))

    _changing_routes(desk, routes)


def _changing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/rehearse")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def rehearse_route(visitor: Visitor) -> ResponseReturnValue:
        """What saving would do: to phones, and to the six weeks. Nothing is kept."""
        try:
            change, positions = _change(request.form, visitor)
            found = rehearse(desk.database, visitor.company_id, change, positions, visitor.today)
            with desk.database.reading(visitor.company_id) as uow:
                named = named_positions(uow, visitor, positions)
        except PlanningError as refused:
            return draw("routes/refused.html", told=told_refusal(refused))
        return draw(
            "routes/rehearsed.html",
            found=found,
            weeks=compared_weeks(found, named),
            act=request.form.get("act", ""),
        )

    @routes.post("/order")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def order(visitor: Visitor) -> ResponseReturnValue:
        """A better order for the stops of the sheet, for the editor's script. Nothing is kept."""
        day = request.form.get("day", "")
        try:
            stops = typed_stops(request.form.get("sheet", ""))
            with desk.database.reading(visitor.company_id) as uow:
                found = better_order(
                    uow,
                    stops,
                    typed_day(day) if day else None,
                    policy=visitor.policy,
                    today=visitor.today,
                    asker_id=visitor.person_id,
                )
        except PlanningError as refused:
            raise BadRequest(told_refusal(refused)) from None
        told = {
            "order": found.best.store_ids if found.is_better else [],
            "says": _told_order(found),
        }
        return packed(msgspec.json.encode(told))

    @routes.post("/")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def save_route(visitor: Visitor) -> ResponseReturnValue:
        """Make the change; phones take it at their next sync."""
        form = request.form
        try:
            change, positions = _change(form, visitor)
            with desk.database.company(visitor.company_id) as uow:
                change(uow)
        except PlanningError as refused:
            flash(told_refusal(refused), "alert")
            return redirect(_editor_of(form), code=303)
        if form.get("act") == "end":
            flash(tell("The route has ended."), "notice")
        else:
            flash(tell("Saved. Phones take it at their next sync."), "notice")
        return redirect(url_for("routes.position_page", position_id=positions[-1]), code=303)


def _change(
    form: MultiDict[str, str], visitor: Visitor
) -> tuple[Callable[[UnitOfWork], Effects], list[UUID]]:
    """What the form asks for, and the positions that it concerns, where it leads last. Raises PlanningError."""
    route_id, held_by = typed_uuid(form.get("route")), typed_uuid(form.get("held_by"))
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    if form.get("act") == "end":
        basis = form.get("basis", "")
        return (
            lambda uow: end_route(uow, visitor.actor, route_id, basis=basis, **who),  # type: ignore[arg-type]
            [held_by],
        )
    position_id = typed_uuid(form.get("position"))
    stops = typed_stops(form.get("sheet", ""))
    name = form.get("name", "")
    if not form.get("basis"):
        return (
            lambda uow: add_route(
                uow,
                visitor.actor,
                route_id,
                name=name,
                position_id=position_id,
                stops=stops,
                today=visitor.today,
                asker_id=visitor.person_id,
            ),
            [position_id],
        )
    return (
        lambda uow: edit_route(
            uow,
            visitor.actor,
            route_id,
            name=name,
            position_id=position_id,
            stops=stops,
            basis=form["basis"],
            today=visitor.today,
            asker_id=visitor.person_id,
        ),
        list(dict.fromkeys([held_by, position_id])),
    )


def typed_stops(typed: str) -> list[Stop]:
    try:
        sheet = msgspec.json.decode(typed, type=Sheet)
        return [Stop(store_id, sheet.rules[number]) for store_id, number in sheet.stops]
    except (msgspec.DecodeError, IndexError, RecursionError):
        raise StopsInvalid("the stops of this page cannot be read: open it anew") from None


def _asked_rule(form: MultiDict[str, str]) -> dict[str, Any]:
    """The rule of the form's fields. Raises StopsInvalid."""
    weeks = _whole(form.get("cycle_weeks", "1"))
    opens, closes = _minute(form.get("opens")), _minute(form.get("closes"))
    rule = {
        "weekdays": [_whole(day) for day in form.getlist("weekday")[:7]],
        "cycle_weeks": weeks,
        "week_groups": [_whole(group) - 1 for group in form.getlist("group")[:8]]
        if weeks > 1
        else [0],
        "anchor": _monday(form.get("anchor", "")),
        "starts_on": form.get("starts_on", ""),
        "ends_on": form.get("ends_on") or None,
        "on_holiday": form.get("on_holiday", "SKIP"),
        "open_from_min": opens,
        "open_until_min": closes,
    }
    if not rule["weekdays"]:
        raise StopsInvalid(tell("Choose a weekday."))
    if not rule["week_groups"]:
        raise StopsInvalid(tell("Choose a week of the cycle."))
    return stored_rule(rule)


def _editor(
    desk: Desk,
    visitor: Visitor,
    sheet: RouteSheet | None,
    position_id: UUID,
    positions: list[PositionListed],
) -> Response:
    today = visitor.today
    return draw(
        "routes/edit.html",
        route=sheet,
        route_id=uuid4() if sheet is None else sheet.id,
        held_by=position_id,
        holder=next((one for one in positions if one.id == position_id), None),
        positions=[(str(one.id), one.told) for one in positions],
        sheet=msgspec.json.encode(
            {"rules": [], "stops": []} if sheet is None else told_sheet(desk, sheet.stops, today)
        ).decode(),
        proposal=None,
        **editor_values(desk, today),
    )


def editor_values(desk: Desk, today: date) -> dict[str, Any]:
    """What the editor's template wants, whatever it edits."""
    return {
        "weekdays": list(enumerate(told_weekday_names(), start=1)),
        "holidays": holiday_choices(),
        "monday": today - timedelta(days=today.weekday()),
        "today": today,
        "base": desk.base_map,
        "words": msgspec.json.encode(map_words()).decode(),
    }


def told_sheet(desk: Desk, stops: Iterable[SheetStop], today: date) -> dict[str, Any]:
    """Stops for the editor's script: rules once each, and each stop by the number of its rule."""
    rules: list[dict[str, Any]] = []
    numbers: dict[str, int] = {}
    told = []
    for stop in stops:
        key = msgspec.json.encode(dict(stop.rule)).decode()
        if key not in numbers:
            numbers[key] = len(rules)
            rules.append({"rule": stop.rule, "words": told_rule(stop.rule, today)})
        told.append(
            [
                stop.store_id,
                stop.code,
                stop.name,
                placed(stop.lat_e7, stop.lon_e7, desk.base_map),
                numbers[key],
            ]
        )
    return {"rules": rules, "stops": told}


def _positions(uow: UnitOfWork, visitor: Visitor) -> list[PositionListed]:
    return list_positions(
        uow, today=visitor.today, asker_id=visitor.person_id, at_most=POSITIONS_MAX
    )


def named_positions(uow: UnitOfWork, visitor: Visitor, positions: list[UUID]) -> dict[UUID, str]:
    found = list_positions(
        uow, today=visitor.today, asker_id=visitor.person_id, only=positions, at_most=10
    )
    return {one.id: one.told for one in found}


def compared_weeks(found: Rehearsed, named: dict[UUID, str]) -> list[dict[str, Any]]:
    """The six weeks of each position, before and after."""
    told = []
    for position_id, name in named.items():
        before, after = found.before[position_id], found.after[position_id]
        told.append(
            {
                "name": name,
                "lines": [
                    (tell("Visits in six weeks"), before.visits, after.visits),
                    (tell("Most on a day"), before.most_visits, after.most_visits),
                    (tell("Minutes a day"), before.minutes_a_day, after.minutes_a_day),
                    (tell("Minutes of the fullest day"), before.most_minutes, after.most_minutes),
                    (tell("Days too full"), before.days_over, after.days_over),
                ],
                "over": [
                    (told_day(day.day), told_number(day.minutes))
                    for day in after.days
                    if day.is_over
                ][:5],
            }
        )
    return told


def _told_order(found: BetterOrder) -> str:
    """What a better order saves, or that there is none."""
    before, best = found.before, found.best
    if not before.store_ids:
        return tell("No stop with a pin is due on this day.")
    if not found.is_better:
        return tell("The order is the best that was found: {way}.", way=told_way(before.length_m))
    told = [
        tell(
            "{before} become {after}: {saved} less, {minutes} min saved.",
            before=told_way(before.length_m),
            after=told_way(best.length_m),
            saved=told_way(found.saved_m),
            minutes=told_number(found.saved_min),
        )
    ]
    if before.late_s or best.late_s:
        told.append(
            tell(
                "Outside of windows: {before} min before, {after} min after.",
                before=told_number(-(-before.late_s // 60)),
                after=told_number(-(-best.late_s // 60)),
            )
        )
    return " ".join(told)


def _editor_of(form: MultiDict[str, str]) -> str:
    if form.get("basis"):
        return url_for("routes.route_page", route_id=typed_uuid(form.get("route")))
    return url_for("routes.new_route", position_id=typed_uuid(form.get("held_by")))


def _monday(typed: str) -> str:
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise StopsInvalid(tell("Say from which week it is counted.")) from None
    return (day - timedelta(days=day.weekday())).isoformat()


def _minute(typed: str | None) -> int | None:
    if not typed:
        return None
    hours, _, minutes = typed.partition(":")
    return _whole(hours) * 60 + _whole(minutes)


def _whole(typed: str) -> int:
    if not typed.isdecimal() or len(typed) > 4:
        raise StopsInvalid(tell("This is no number: {typed}", typed=typed[:20]))
    return int(typed)
