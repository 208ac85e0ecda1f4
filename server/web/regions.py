"""Regions: the tree on a map with its stores, each drawn and set; what that does is shown before it is saved."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec
from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.errands.asked import ask_errand
from server.errands.errors import TooManyErrands
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import Said, sentence, tell, tell_number, told_number
from server.planning.errors import BoundaryInvalid, ManyStores, NoSuchRegion, PlanningError
from server.planning.region_changes import (
    Moving,
    RegionAsked,
    RegionChange,
    rehearse_region,
)
from server.planning.region_errand import REDRAW, Redraw, asked_redraw, change_of
from server.planning.region_list import (
    RegionReach,
    RegionRow,
    RegionSheet,
    find_region,
    list_boundaries,
    list_region_tree,
    region_reach,
)
from server.web.desk import Desk, draw, packed
from server.web.errands import TOO_MANY_ERRANDS, errands_on_the_way
from server.web.listing import Badge, Column, Link, Listing, Shown, answer_listing, pages_of
from server.web.menu import PLANNERS
from server.web.region_shapes import (
    Boundary,
    placed_boundary,
    read_geojson,
    taken_boundary,
)
from server.web.region_words import editor_words, told_faults, told_ground
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

# Of so many stores somebody waits for what a line does: about a second.
IN_PAGE_MAX = 300
# A line of as many corners as one may have.
LINE_BODY = BodyBounds(wire_bytes=4 * 1024 * 1024, unpacked_bytes=4 * 1024 * 1024)


@dataclass(frozen=True, slots=True)
class Typed:
    """What a form of a region says, as it was typed; `boundary` is of the base map's datum."""

    region_id: UUID | None
    basis: str
    code: str
    name: str
    above: str
    boundary: str
    makes_room: bool
    stores_follow: bool


def region_routes(desk: Desk) -> Blueprint:
    """/regions and what is below it."""
    routes = Blueprint("regions", __name__, url_prefix="/regions")

    @routes.get("/")
    @desk.page(*PLANNERS)
    def region_list(visitor: Visitor) -> ResponseReturnValue:
        """The regions that the visitor may see, as a tree and on the map."""
        with desk.database.reading(visitor.company_id) as uow:
            reach = region_reach(uow, visitor.person_id, visitor.today)
            errands = errands_on_the_way(uow, desk, visitor, REDRAW)

        read = pages_of(
            lambda uow, after, at_most: list_region_tree(
                uow,
                today=visitor.today,
                asker_id=visitor.person_id,
                after=after,
                at_most=at_most,
            ),
            lambda one: str(one.id),
            UUID,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="regions",
                columns=_columns(reach),
                read=read,
                nothing=sentence("There is no region yet."),
            ),
            "regions/list.html",
            errands=errands,
            base=desk.base_map,
            words=msgspec.json.encode(editor_words()).decode(),
        )

    @routes.get("/lines")
    @desk.page(*PLANNERS)
    def lines(visitor: Visitor) -> ResponseReturnValue:
        """The lines of the regions that the visitor may see, as they lie on the base map, for the scripts."""
        with desk.database.reading(visitor.company_id) as uow:
            reach = region_reach(uow, visitor.person_id, visitor.today)
            found = list_boundaries(uow, reach)
        told = {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {
                        "id": id_,
                        "name": name,
                        "place": url_for("regions.region_page", region_id=id_)
                        if reach.may_set(id_)
                        else None,
                    },
                    "geometry": placed_boundary(boundary, desk.base_map.datum),
                }
                for id_, _, name, boundary in found
            ],
        }
        return packed(msgspec.json.encode(told))

    _editing(desk, routes)
    return routes


def _editing(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*PLANNERS)
    def new_region(visitor: Visitor) -> ResponseReturnValue:
        """The editor of a region that is not there yet."""
        above = request.args.get("above", "")
        if above:
            typed_uuid(above)
        return _editor(desk, visitor, Typed(None, "", "", "", above, "", True, True))

    @routes.get("/<uuid:region_id>")
    @desk.page(*PLANNERS)
    def region_page(visitor: Visitor, region_id: UUID) -> ResponseReturnValue:
        """The editor of a region."""
        held = _found(desk, visitor, region_id)
        line = (
            ""
            if held.boundary is None
            else json.dumps(placed_boundary(held.boundary, desk.base_map.datum))
        )
        above = "" if held.parent_id is None else str(held.parent_id)
        typed = Typed(region_id, held.basis, held.code, held.name, above, line, True, True)
        return _editor(desk, visitor, typed)

    @routes.get("/<uuid:region_id>/line.geojson")
    @desk.page(*PLANNERS)
    def line_file(visitor: Visitor, region_id: UUID) -> ResponseReturnValue:
        """The line of a region as a file, in WGS-84."""
        held = _found(desk, visitor, region_id)
        if held.boundary is None:
            raise NotFound
        told = {
            "type": "Feature",
            "properties": {"code": held.code, "name": held.name},
            "geometry": held.boundary,
        }
        answer = Response(json.dumps(told), content_type="application/geo+json")
        name = f"region-{region_id}.geojson"
        answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer

    @routes.post("/place")
    @desk.page(*PLANNERS, body=LINE_BODY)
    def place_file(_: Visitor) -> ResponseReturnValue:
        """The area of a file that somebody chose, as it lies on the base map, for the editor's script."""
        try:
            read = read_geojson(request.form.get("file", "").encode())
        except BoundaryInvalid as refused:
            return packed(msgspec.json.encode({"fault": told_faults(refused)["boundary"]}))
        placed = placed_boundary(read, desk.base_map.datum)
        return packed(msgspec.json.encode({"boundary": placed}))

    _saving(desk, routes)


def _saving(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/rehearse")
    @desk.page(*PLANNERS, body=LINE_BODY)
    def rehearse(visitor: Visitor) -> ResponseReturnValue:
        """What saving would do: to stores, to neighbours and to phones. Nothing is kept."""
        typed = _typed(request.form)
        try:
            redraw = _redraw(desk, visitor, typed)
            found = rehearse_region(desk.database, visitor.company_id, _change(visitor, redraw))
        except ManyStores as many:
            errand_id = _left_to_a_worker(desk, visitor, redraw)
            return draw(
                "regions/left.html",
                errand_id=errand_id,
                number=many.number,
                too_many=tell(TOO_MANY_ERRANDS),
            )
        except PlanningError as refused:
            return draw("regions/refused.html", faults=told_faults(refused), at=_at(desk, refused))
        return draw(
            "regions/told.html", found=found, told_ground=told_ground, is_new=not typed.basis
        )

    @routes.post("/")
    @desk.page(*PLANNERS, body=LINE_BODY)
    def save(visitor: Visitor) -> ResponseReturnValue:
        """Make the change; phones take it at their next sync."""
        typed = _typed(request.form)
        try:
            redraw = _redraw(desk, visitor, typed)
            with desk.database.company(visitor.company_id) as uow:
                done = _change(visitor, redraw)(uow)
        except ManyStores:
            errand_id = _left_to_a_worker(desk, visitor, redraw)
            if errand_id is None:
                faults = {"": tell(TOO_MANY_ERRANDS)}
                return _editor(desk, visitor, typed, faults=faults)
            return redirect(url_for("errands.errand_page", errand_id=errand_id), code=303)
        except PlanningError as refused:
            return _editor(desk, visitor, typed, faults=told_faults(refused), at=_at(desk, refused))
        flash(
            tell_number(
                "Saved. One store changed its region.",
                "Saved. {number} stores changed their region.",
                done.stores,
            ),
            "notice",
        )
        return redirect(url_for("regions.region_list"), code=303)


def _found(desk: Desk, visitor: Visitor, region_id: UUID) -> RegionSheet:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            return find_region(uow, region_id, region_reach(uow, visitor.person_id, visitor.today))
    except NoSuchRegion:
        raise NotFound from None


def _typed(form: MultiDict[str, str]) -> Typed:
    region = form.get("region", "")
    return Typed(
        typed_uuid(region) if region else None,
        form.get("basis", ""),
        form.get("code", ""),
        form.get("name", ""),
        form.get("above", ""),
        form.get("boundary", ""),
        form.get("makes_room") == "1",
        form.get("stores_follow") == "1",
    )


def _redraw(desk: Desk, visitor: Visitor, typed: Typed) -> Redraw:
    """What the form asks for. Raises PlanningError."""
    asked = RegionAsked(
        code=typed.code,
        name=typed.name,
        above=typed_uuid(typed.above) if typed.above else None,
        boundary=_line(desk, visitor, typed),
        makes_room=typed.makes_room,
        stores_follow=typed.stores_follow,
    )
    return Redraw(typed.region_id, typed.basis, asked)


def _change(visitor: Visitor, redraw: Redraw) -> Callable[[UnitOfWork], RegionChange]:
    """It, as a page makes it: of more stores than somebody waits for it raises ManyStores."""
    return change_of(redraw, visitor, Moving(at_most=IN_PAGE_MAX))


def _left_to_a_worker(desk: Desk, visitor: Visitor, redraw: Redraw) -> UUID | None:
    """A worker looks what it does, and whoever asked says then whether it is done; None where they wait for too much."""
    request = asked_redraw(redraw)
    try:
        with desk.database.company(visitor.company_id) as uow:
            return ask_errand(uow, visitor.person_id, REDRAW, request, is_shown_first=True)
    except TooManyErrands:
        return None


def _line(desk: Desk, visitor: Visitor, typed: Typed) -> Boundary | None:
    """What was drawn, in WGS-84; None where there is no line. Raises BoundaryInvalid."""
    if not typed.boundary:
        return None
    with desk.database.reading(visitor.company_id) as uow:
        reach = region_reach(uow, visitor.person_id, visitor.today)
        known = {id_: line for id_, _, _, line in list_boundaries(uow, reach)}
    datum = desk.base_map.datum
    try:
        drawn = json.loads(typed.boundary)
    except (ValueError, RecursionError):
        raise BoundaryInvalid(Said("no GeoJSON area"), "no_area") from None
    held = None if typed.region_id is None else known.get(typed.region_id)
    # Untouched: as it is kept, digit by digit.
    if held is not None and drawn == placed_boundary(held, datum):
        return held
    return taken_boundary(drawn, datum, known.values())


def _at(desk: Desk, refused: PlanningError) -> str | None:
    """The place of a fault on the base map, for the editor's script."""
    if not isinstance(refused, BoundaryInvalid) or refused.at is None:
        return None
    lat, lon = refused.at
    point = {"type": "Polygon", "coordinates": [[[lon, lat]]]}
    ((at,),) = placed_boundary(point, desk.base_map.datum)["coordinates"]
    return f"{at[1]},{at[0]}"


def _editor(
    desk: Desk,
    visitor: Visitor,
    typed: Typed,
    *,
    faults: Mapping[str, str] | None = None,
    at: str | None = None,
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        reach = region_reach(uow, visitor.person_id, visitor.today)
        rows = list_region_tree(uow, today=visitor.today, asker_id=visitor.person_id)
    choices = [("", tell("nothing: it is at the top"))] if reach.sees is None else []
    choices += [
        (str(row.id), "\u2003" * row.depth + row.name) for row in rows if row.id != typed.region_id
    ]
    held = next((row for row in rows if row.id == typed.region_id), None)
    return draw(
        "regions/edit.html",
        422 if faults else 200,
        typed=typed,
        held=held,
        choices=choices,
        faults=faults or {},
        at=at,
        base=desk.base_map,
        words=msgspec.json.encode(editor_words()).decode(),
    )


def _columns(reach: RegionReach) -> tuple[Column[RegionRow], ...]:
    def named(row: RegionRow) -> Shown:
        if not reach.may_set(row.id):
            return "\u2003" * row.depth + row.name
        return Link(row.name, url_for("regions.region_page", region_id=row.id), row.depth)

    return (
        Column(sentence("Region"), named, lambda row: row.name),
        Column(sentence("Code"), lambda row: row.code, lambda row: row.code),
        Column(
            sentence("Overseen by"),
            lambda row: ", ".join(row.overseers) or None,
            lambda row: ", ".join(row.overseers),
        ),
        Column(
            sentence("Stores"),
            lambda row: told_number(row.stores),
            lambda row: row.stores,
            is_number=True,
        ),
        Column(
            sentence("Positions"),
            lambda row: told_number(row.positions),
            lambda row: row.positions,
            is_number=True,
        ),
        Column(
            sentence("Line"),
            lambda row: tell("drawn") if row.has_boundary else Badge(tell("none"), "warn"),
            lambda row: "drawn" if row.has_boundary else "",
        ),
    )
