"""A position of the field, or its routes, handed over: who gets what, what that asks of them, what phones gain and lose."""

from collections.abc import Mapping
from uuid import UUID

from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import tell
from server.planning.errors import NoSuchPosition
from server.planning.office_people import (
    HoldingRehearsed,
    check_may_hand_over,
    hand_over_position,
    hand_over_routes,
    rehearse_holding,
)
from server.planning.office_routes import Effects, Rehearsed, rehearse
from server.planning.position_list import PositionHeld, find_held_position, holders_of
from server.planning.positions import PositionListed, list_positions
from server.planning.route_sheets import RouteSheet, read_position_routes
from server.planning.workload import read_calendar, read_workloads, six_weeks
from server.web.choices import people_choices
from server.web.confirmed import is_done, say_saved
from server.web.desk import FORM_BODY, Desk, draw
from server.web.people_words import (
    READERS,
    REFUSALS,
    asked_day,
    asked_last_day,
    told_refused,
)
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

NEAR_MAX = 60
"""How many positions are offered for routes; a route's own page offers all."""


def handing_over_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages that hand over, below /positions."""

    @routes.get("/<uuid:position_id>/hand-over")
    @desk.page(*READERS)
    def ask_hand_over(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """The whole position to a person, or its routes to other positions."""
        return _page(desk, visitor, position_id, MultiDict({"first": visitor.today.isoformat()}))

    @routes.post("/<uuid:position_id>/hand-over")
    @desk.page(*READERS, body=FORM_BODY)
    def hand_over_whole(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """Show what handing over the position does; where that is confirmed, do it."""
        form = request.form
        if not form.get("to"):
            return _page(desk, visitor, position_id, form, told=tell("Choose who gets it."))
        to_person_id = typed_uuid(form["to"])
        first_day = asked_day(form, "first", visitor.today)
        last_day = asked_last_day(form, "last")

        def change(uow: UnitOfWork) -> None:
            hand_over_position(
                uow,
                visitor.actor,
                position_id,
                to_person_id=to_person_id,
                first_day=first_day,
                last_day=last_day,
                is_acting=form.get("acting") == "1",
                today=visitor.today,
                asker_id=visitor.person_id,
            )

        try:
            if is_done(desk, visitor, form, change):
                return say_saved(url_for("positions.position_page", position_id=position_id))
            with desk.database.reading(visitor.company_id) as uow:
                held = holders_of(uow, position_id, today=visitor.today, asker_id=visitor.person_id)
            found = rehearse_holding(
                desk.database,
                visitor.company_id,
                change,
                people=[to_person_id, *(one.person_id for one in held if one.lasts(first_day))],
                day=first_day,
                today=visitor.today,
            )
        except REFUSALS as refused:
            return _page(desk, visitor, position_id, form, told=told_refused(refused))
        return _page(desk, visitor, position_id, form, found=found)

    @routes.post("/<uuid:position_id>/hand-over/routes")
    @desk.page(*READERS, body=FORM_BODY)
    def hand_over_parts(visitor: Visitor, position_id: UUID) -> ResponseReturnValue:
        """Show what giving routes to other positions does; where that is confirmed, do it."""
        form = request.form
        chosen = {
            typed_uuid(name.removeprefix("route-")): typed_uuid(value)
            for name, value in list(form.items())[:1000]
            if name.startswith("route-") and value
        }
        if not chosen:
            return _page(
                desk, visitor, position_id, form, told_parts=tell("No route goes anywhere else.")
            )

        def change(uow: UnitOfWork) -> Effects:
            return hand_over_routes(
                uow,
                visitor.actor,
                position_id,
                chosen,
                today=visitor.today,
                asker_id=visitor.person_id,
            )

        try:
            if is_done(desk, visitor, form, change):
                return say_saved(url_for("positions.position_page", position_id=position_id))
            found = rehearse(
                desk.database,
                visitor.company_id,
                change,
                {position_id, *chosen.values()},
                visitor.today,
            )
        except REFUSALS as refused:
            return _page(desk, visitor, position_id, form, told_parts=told_refused(refused))
        return _page(desk, visitor, position_id, form, parts=found)


def _page(
    desk: Desk,
    visitor: Visitor,
    position_id: UUID,
    form: Mapping[str, str],
    *,
    found: HoldingRehearsed | None = None,
    parts: Rehearsed | None = None,
    told: str | None = None,
    told_parts: str | None = None,
) -> Response:
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    try:
        with desk.database.reading(visitor.company_id) as uow:
            check_may_hand_over(uow, [position_id], **who)  # type: ignore[arg-type]
            position: PositionHeld = find_held_position(uow, position_id, **who)  # type: ignore[arg-type]
            people = people_choices(uow, visitor, chosen=[form.get("to") or ""])
            sheets: list[RouteSheet] = list(read_position_routes(uow, position_id, **who))  # type: ignore[arg-type]
            others = _near(uow, visitor, position) if sheets else []
            first, last = six_weeks(visitor.today)
            loads = read_workloads(
                uow,
                [one.id for one in others],
                first,
                last,
                policy=visitor.policy,
                calendar=read_calendar(uow, visitor.policy),
            )
    except NoSuchPosition:
        raise NotFound from None
    named = {one.id: one.told for one in others}
    return draw(
        "positions/hand_over.html",
        422 if told is not None or told_parts is not None else 200,
        position=position,
        form=form,
        people=people,
        sheets=sheets,
        others=[
            (
                str(one.id),
                tell(
                    "{position}: {minutes} of {capacity} min a day",
                    position=one.told,
                    minutes=loads[one.id].minutes_a_day,
                    capacity=visitor.policy.day_capacity_min,
                ),
            )
            for one in others[:NEAR_MAX]
            if one.id != position_id
        ],
        is_cut=len(others) > NEAR_MAX,
        found=found,
        parts=parts,
        parts_days=[]
        if parts is None
        else [
            {"name": named.get(id_, position.told), "before": before, "after": parts.after[id_]}
            for id_, before in parts.before.items()
        ],
        told=told,
        told_parts=told_parts,
    )


def _near(uow: UnitOfWork, visitor: Visitor, position: PositionHeld) -> list[PositionListed]:
    """Positions that could have a route of this one: first of the region above its own, then others, up to one too many."""
    who = {"today": visitor.today, "asker_id": visitor.person_id}
    at_most = NEAR_MAX + 1
    near = list_positions(uow, region_id=position.above_id, at_most=at_most, **who)  # type: ignore[arg-type]
    if position.above_id is None or len(near) == at_most:
        return near
    there = {one.id for one in near}
    further = list_positions(uow, at_most=at_most, **who)  # type: ignore[arg-type]
    return [*near, *(one for one in further if one.id not in there)][:at_most]
