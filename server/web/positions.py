"""Positions in their regions: who holds them, since when nobody does; added, changed, given and ended."""

from collections.abc import Mapping
from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.identity.people_list import held_by
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_day, told_number
from server.planning.errors import NoSuchPosition
from server.planning.office_people import (
    HoldingRehearsed,
    change_position,
    end_holding,
    give_position,
    rehearse_holding,
)
from server.planning.organisation import add_position
from server.planning.position_list import (
    HOLDINGS,
    PositionHeld,
    PositionsAsked,
    find_held_position,
    find_holding,
    holders_of,
    list_divisions_named,
    list_held_positions,
    list_region_tree,
)
from server.planning.positions import ROUTED_ROLES
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.choices import people_choices, position_choices
from server.web.confirmed import is_done, say_saved
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.handing_over import handing_over_routes
from server.web.listing import Badge, Column, Link, Listing, Shown, answer_listing, pages_of
from server.web.marks import text_and_id
from server.web.people_words import (
    ADMINS,
    READERS,
    REFUSALS,
    ROLE_WORDS,
    asked_day,
    asked_last_day,
    roles_told,
    told_refused,
    told_role,
    unbroken,
)
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

HOLDING_WORDS = {
    "HELD": sentence("held|position"),
    "VACANT": sentence("vacant"),
    "UNCOVERED": sentence("vacant, and nobody stands in"),
}


def _held(one: PositionHeld) -> Shown:
    if one.holder is not None:
        return one.holder
    found = [Badge(tell("vacant"), "warn")]
    if one.acting:
        found.append(Badge(tell("{names} stands in", names=", ".join(one.acting))))
    return found


def _since(one: PositionHeld) -> str:
    """Since when it is held, or is not."""
    if one.held_since is not None:
        return unbroken(told_day(one.held_since))
    if one.last_day is None:
        return tell("never held")
    return tell(
        "{day}, before {name}",
        day=unbroken(told_day(one.last_day + timedelta(days=1))),
        name=one.last_holder,
    )


COLUMNS: tuple[Column[PositionHeld], ...] = (
    Column(
        sentence("Position"),
        lambda one: Link(one.code, url_for("positions.position_page", position_id=one.id)),
        lambda one: one.code,
    ),
    Column(sentence("Name"), lambda one: one.name, lambda one: one.name),
    Column(sentence("Role"), lambda one: told_role(one.role), lambda one: one.role),
    Column(sentence("Region"), lambda one: one.region, lambda one: one.region),
    Column(sentence("Division"), lambda one: one.division, lambda one: one.division),
    Column(
        sentence("Held by"),
        _held,
        lambda one: one.holder or ", ".join(one.acting),
    ),
    Column(
        sentence("Since day"),
        _since,
        lambda one: one.held_since or (one.last_day and one.last_day + timedelta(days=1)),
    ),
    Column(
        sentence("Next"),
        lambda one: (
            None
            if one.next_day is None
            else tell("{name} from {day} on", name=one.next_holder, day=told_day(one.next_day))
        ),
        lambda one: one.next_holder,
    ),
    Column(
        sentence("Routes"),
        lambda one: told_number(one.routes) if one.routes else None,
        lambda one: one.routes,
        is_number=True,
    ),
)


def position_routes(desk: Desk) -> Blueprint:
    """/positions and what is below it."""
    routes = Blueprint("positions", __name__, url_prefix="/positions")

    @routes.get("/")
    @desk.page(*READERS)
    def position_list(visitor: Visitor) -> ResponseReturnValue:
        """The regions as a tree with their vacancies, and the positions of the one that is chosen."""
        asked = _asked(request.args)
        with desk.database.reading(visitor.company_id) as uow:
            tree = list_region_tree(uow, today=visitor.today, asker_id=visitor.person_id)
        if asked.region_id is not None and asked.region_id not in {one.id for one in tree}:
            raise NotFound
        return answer_listing(
            desk,
            visitor,
            position_listing(visitor, request.args),
            "positions/list.html",
            asked=asked,
            tree=tree,
            roles=roles_told(),
            holdings=[(key, tell(HOLDING_WORDS[key])) for key in HOLDINGS],
            may_set=visitor.has_role(*ADMINS),
        )

    @routes.get("/<uuid:position_id>")
    @desk.page(*READERS)
    def position_page(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """A position: who holds it, will and did."""
        with desk.database.reading(visitor.company_id) as uow:
            position = _position(uow, visitor, position_id)
            holders = holders_of(uow, position_id, today=visitor.today, asker_id=visitor.person_id)
        is_admin = visitor.has_role(*ADMINS)
        return draw(
            "positions/position.html",
            position=position,
            role=told_role(position.role),
            holders=holders,
            since=_since(position),
            has_routes=position.role in ROUTED_ROLES or position.routes > 0,
            may_hand_over=is_admin or position.role in ROUTED_ROLES,
            may_set=is_admin,
        )

    @routes.get("/choices")
    @desk.page(*READERS)
    def choices(visitor: Visitor) -> ResponseReturnValue:
        """Positions by what they are called, for a select."""
        words = request.args.get("find", "")
        with desk.database.reading(visitor.company_id) as uow:
            found = position_choices(uow, visitor, words=words)
        return draw("people/options.html", choices=found, vacant=False)

    _giving_routes(desk, routes)
    _setting_routes(desk, routes)
    handing_over_routes(desk, routes)
    return routes


def position_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[PositionHeld]:
    """The list of positions that an address asks for. Raises NotFound."""
    asked = _asked(arguments)

    read = pages_of(
        lambda uow, after, at_most: list_held_positions(
            uow,
            asked,
            today=visitor.today,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.code}~{one.id}",
        text_and_id,
    )

    return Listing(
        name="positions",
        columns=COLUMNS,
        read=read,
        nothing=sentence("No position like this is here."),
    )


def _giving_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/give")
    @desk.page(*ADMINS)
    def ask_give(visitor: Visitor) -> ResponseReturnValue:
        """Who gets which position, from when on."""
        form = MultiDict(
            {
                "person": request.args.get("person", ""),
                "position": request.args.get("position", ""),
                "first": visitor.today.isoformat(),
            }
        )
        return _give_page(desk, visitor, form)

    @routes.post("/give")
    @desk.page(*ADMINS, body=FORM_BODY)
    def give(visitor: Visitor) -> ResponseReturnValue:
        """Show what it does; where that is confirmed, do it."""
        form = request.form
        if not form.get("person") or not form.get("position"):
            return _give_page(desk, visitor, form, told=tell("Choose a person and a position."))
        person_id, position_id = typed_uuid(form["person"]), typed_uuid(form["position"])
        first_day = asked_day(form, "first", visitor.today)
        last_day = asked_last_day(form, "last")
        how = form.get("how", "")

        def change(uow: UnitOfWork) -> None:
            give_position(
                uow,
                visitor.actor,
                person_id=person_id,
                position_id=position_id,
                first_day=first_day,
                last_day=None if how == "instead" else last_day,
                is_acting=how == "acting",
                is_instead=how == "instead",
                today=visitor.today,
            )

        try:
            if is_done(desk, visitor, form, change):
                return say_saved(url_for("people.person_page", person_id=person_id))
            found = rehearse_holding(
                desk.database,
                visitor.company_id,
                change,
                people=[person_id],
                day=first_day,
                today=visitor.today,
            )
        except REFUSALS as refused:
            return _give_page(desk, visitor, form, told=told_refused(refused))
        return _give_page(desk, visitor, form, found=found, first_day=first_day)

    @routes.get("/occupancies/<uuid:occupancy_id>/end")
    @desk.page(*ADMINS)
    def ask_end(visitor: Visitor, occupancy_id: UUID) -> ResponseReturnValue:
        """With which day an occupancy ends."""
        return _end_page(
            desk, visitor, occupancy_id, MultiDict({"last": visitor.today.isoformat()})
        )

    @routes.post("/occupancies/<uuid:occupancy_id>/end")
    @desk.page(*ADMINS, body=FORM_BODY)
    def end(visitor: Visitor, occupancy_id: UUID) -> ResponseReturnValue:
        """Show what it does; where that is confirmed, do it."""
        form = request.form
        last_day = asked_day(form, "last", visitor.today)

        def change(uow: UnitOfWork) -> None:
            end_holding(uow, visitor.actor, occupancy_id, last_day=last_day, today=visitor.today)

        try:
            with desk.database.reading(visitor.company_id) as uow:
                holding = find_holding(uow, occupancy_id)
            if is_done(desk, visitor, form, change):
                return say_saved(
                    url_for("positions.position_page", position_id=holding.position_id)
                )
            found = rehearse_holding(
                desk.database,
                visitor.company_id,
                change,
                people=[holding.person_id],
                day=last_day + timedelta(days=1),
                today=visitor.today,
            )
        except REFUSALS as refused:
            return _end_page(desk, visitor, occupancy_id, form, told=told_refused(refused))
        return _end_page(desk, visitor, occupancy_id, form, found=found)


def _setting_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*ADMINS)
    def new_position(visitor: Visitor) -> ResponseReturnValue:
        """The form of a position that is not there yet."""
        form = {"region": request.args.get("region", ""), "role": "rep"}
        return _position_form(desk, visitor, None, form)

    @routes.post("/new")
    @desk.page(*ADMINS, body=FORM_BODY)
    def make_position(visitor: Visitor) -> ResponseReturnValue:
        """A new position, which nobody holds yet."""
        form = request.form
        try:
            with desk.database.company(visitor.company_id) as uow:
                position_id = add_position(
                    uow,
                    visitor.actor,
                    code=form.get("code", ""),
                    name=form.get("name", ""),
                    role=form.get("role", ""),
                    region_id=typed_uuid(form.get("region")),
                    division_id=typed_uuid(form["division"]) if form.get("division") else None,
                    today=visitor.today,
                )
        except REFUSALS as refused:
            return _position_form(desk, visitor, None, form, told=told_refused(refused))
        flash(tell("Added. Nobody holds it yet."), "notice")
        return redirect(url_for("positions.position_page", position_id=position_id), code=303)

    @routes.get("/<uuid:position_id>/edit")
    @desk.page(*ADMINS)
    def edit_position_page(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """The form of a position."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _position(uow, visitor, position_id)
            form = Filled(with_basis(uow, "position", position_id, _typed(held))).values
        return _position_form(desk, visitor, held, form)

    @routes.post("/<uuid:position_id>/edit")
    @desk.page(*ADMINS, body=FORM_BODY)
    def save_position(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """Show what it does to phones; where that is confirmed, do it."""
        form = request.form
        with desk.database.reading(visitor.company_id) as uow:
            held = _position(uow, visitor, position_id)

        def change(uow: UnitOfWork) -> None:
            must_be_as_drawn(uow, visitor, "position", position_id, form.get("basis", ""))
            change_position(
                uow,
                visitor.actor,
                position_id,
                code=form.get("code", ""),
                name=form.get("name", ""),
                role=form.get("role", ""),
                region_id=typed_uuid(form.get("region")),
                division_id=typed_uuid(form["division"]) if form.get("division") else None,
                today=visitor.today,
            )

        try:
            if is_done(desk, visitor, form, change):
                return say_saved(url_for("positions.position_page", position_id=position_id))
            with desk.database.reading(visitor.company_id) as uow:
                holders = holders_of(
                    uow, position_id, today=visitor.today, asker_id=visitor.person_id
                )
            found = rehearse_holding(
                desk.database,
                visitor.company_id,
                change,
                people=[one.person_id for one in holders if one.lasts(visitor.today)],
                moved=[position_id],
                day=visitor.today,
                today=visitor.today,
            )
        except ChangedMeanwhile as refused:
            anew = Filled()
            anew.refused(refused)
            with desk.database.reading(visitor.company_id) as uow:
                anew.bring_up(_typed(_position(uow, visitor, position_id)))
            return _position_form(desk, visitor, held, anew.values, told=str(refused))
        except REFUSALS as refused:
            return _position_form(desk, visitor, held, form, told=told_refused(refused))
        return _position_form(desk, visitor, held, form, found=found)


def _give_page(
    desk: Desk,
    visitor: Visitor,
    form: Mapping[str, str],
    *,
    found: HoldingRehearsed | None = None,
    first_day: date | None = None,
    told: str | None = None,
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        people = people_choices(uow, visitor, chosen=[form.get("person") or ""])
        positions = position_choices(uow, visitor, chosen=[form.get("position") or ""])
        ends = (
            []
            if first_day is None or form.get("how") != "instead"
            else [
                one.code
                for one in held_by(
                    uow,
                    typed_uuid(form.get("person")),
                    today=visitor.today,
                    asker_id=visitor.person_id,
                )
                if not one.is_acting and not one.is_over(first_day)
            ]
        )
    return draw(
        "positions/give.html",
        422 if told is not None else 200,
        form=form,
        people=people,
        positions=positions,
        ends=ends,
        found=found,
        told=told,
    )


def _end_page(
    desk: Desk,
    visitor: Visitor,
    occupancy_id: UUID,
    form: Mapping[str, str],
    *,
    found: HoldingRehearsed | None = None,
    told: str | None = None,
) -> Response:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            holding = find_holding(uow, occupancy_id)
    except NoSuchPosition:
        raise NotFound from None
    return draw(
        "positions/end.html",
        422 if told is not None else 200,
        holding=holding,
        form=form,
        found=found,
        told=told,
    )


def _typed(held: PositionHeld) -> dict[str, str | list[str]]:
    """A position as it stands in the form."""
    return {
        "code": held.code,
        "name": held.name,
        "role": held.role,
        "region": str(held.region_id),
        "division": str(held.division_id or ""),
    }


def _position_form(
    desk: Desk,
    visitor: Visitor,
    held: PositionHeld | None,
    form: Mapping[str, str],
    *,
    found: HoldingRehearsed | None = None,
    told: str | None = None,
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        tree = list_region_tree(uow, today=visitor.today, asker_id=visitor.person_id)
        divisions = list_divisions_named(uow)
    return draw(
        "positions/form.html",
        422 if told is not None else 200,
        held=held,
        form=form,
        roles=roles_told(),
        regions=[(str(one.id), "\u2003" * one.depth + one.name) for one in tree],
        divisions=[("", tell("all divisions"))] + [(str(id_), name) for id_, name in divisions],
        found=found,
        told=told,
    )


def _asked(arguments: Mapping[str, str]) -> PositionsAsked:
    role, holding = arguments.get("role", ""), arguments.get("holding", "")
    if (role and role not in ROLE_WORDS) or (holding and holding not in HOLDINGS):
        raise NotFound
    return PositionsAsked(
        words=arguments.get("words", "")[:200],
        region_id=typed_uuid(arguments["region"]) if arguments.get("region") else None,
        role=role,
        holding=holding,
    )


def _position(uow: UnitOfWork, visitor: Visitor, position_id: UUID) -> PositionHeld:
    try:
        return find_held_position(uow, position_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchPosition:
        raise NotFound from None
