"""The map: a day of a team or of one person, replayed, with what is odd told in words.

The page is drawn with the first of its people; the map's script asks for the places of so many at once and, where there are
more, for the next with their part of the list. The statements are the same in number for one person and for two hundred.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.days.person_day import PersonDay
from server.days.reading import FIRST, read_days
from server.days.teams import list_teams, people_of_team, phones_of
from server.days.tracks import read_day_tracks
from server.days.visit_facts import read_visit_facts
from server.identity.permissions import visible_positions
from server.identity.sessions import Visitor
from server.language import tell, told_number
from server.measures.errors import DecisionInvalid, NoSuchFlag, NoSuchVisit
from server.measures.flag_decisions import decide_flag
from server.planning.positions import stores_to_open
from server.vocabulary import flag_name
from server.web.day_map import map_of
from server.web.day_rows import Row, row_of
from server.web.desk import FORM_BODY, Desk, draw, packed
from server.web.marks import text_and_id
from server.web.menu import FIELD, OFFICE
from server.web.region_shapes import placed_boundary
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

MOST_PEOPLE = 200
# A team is drawn at once; of more people each part takes a short while of the server.
PEOPLE_AT_ONCE = 25
CM_A_KM = 100_000
_TOTALS = ("planned", "visited", "missed", "unplanned")
_LONGEST_BACK = timedelta(days=3_660)


def day_routes(desk: Desk) -> Blueprint:
    """/days and what is below it."""
    routes = Blueprint("days", __name__, url_prefix="/days")
    everybody = (*OFFICE, *FIELD)

    @routes.get("/")
    @desk.page(*everybody)
    def map_page(visitor: Visitor) -> ResponseReturnValue:
        """The day of a team, or of one person."""
        day = _day(visitor)
        with desk.database.reading(visitor.company_id) as uow:
            seen = visible_positions(uow, visitor.person_id, visitor.today)
            teams = list_teams(uow, day, seen)
            team = _team(teams)
            part = _read(uow, desk, visitor, day, team, seen)
        return draw(
            "days/map.html",
            day=day,
            before=day - timedelta(days=1),
            after=day + timedelta(days=1),
            today=visitor.today,
            teams=teams,
            team=team,
            rows=part.rows,
            totals=_totals_told(
                **{name: told_number(total) for name, total in part.totals.items()}
            ),
            has_more=part.more is not None,
            most=MOST_PEOPLE,
            base=desk.base_map,
            nobody=UUID(int=0),
            # The visit whose panel is open at first.
            opened=typed_uuid(request.args["visit"]) if request.args.get("visit") else None,
            words=msgspec.json.encode(_words()).decode(),
        )

    @routes.get("/places")
    @desk.page(*everybody)
    def places(visitor: Visitor) -> ResponseReturnValue:
        """Where people of the team were on the day, for the map's script; with their lines of the list where they are not
        the first.
        """
        day, after = _day(visitor), request.args.get("after")
        with desk.database.reading(visitor.company_id) as uow:
            seen = visible_positions(uow, visitor.person_id, visitor.today)
            team = _team(list_teams(uow, day, seen))
            part = _read(uow, desk, visitor, day, team, seen, after)
            told = map_of(
                uow, part.days, day, desk.now_ms(), visitor.person_id, desk.base_map.datum
            )
        told |= {"more": part.more, "totals": part.totals}
        if after is not None:
            told["list"] = render_template("days/rows.html", rows=part.rows)
        return packed(msgspec.json.encode(told))

    @routes.get("/people/<uuid:person_id>")
    @desk.page(*everybody)
    def person_panel(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """One person's day in its order, for the panel."""
        day = _day(visitor)
        with desk.database.reading(visitor.company_id) as uow:
            found = read_days(
                uow, day, desk.now_ms(), person_ids=[person_id], asker_id=visitor.person_id
            )
            if not found:
                raise NotFound
            may_open = _may_open(uow, visitor, [stop.store_id for stop in found[0].missed])
            (track,) = read_day_tracks(
                uow, [person_id], day, desk.now_ms(), asker_id=visitor.person_id
            )
        return draw(
            "days/person.html",
            person=found[0],
            day=day,
            track=track,
            length_km=(Decimal(track.distance_cm) / CM_A_KM).quantize(Decimal("0.1")),
            stores_to_open=may_open,
        )

    @routes.get("/visits/<uuid:visit_id>")
    @desk.page(*everybody)
    def visit_panel(visitor: Visitor, visit_id: UUID) -> ResponseReturnValue:
        """One visit with its evidence, for the panel."""
        return _visit(desk, visitor, visit_id)

    @routes.post("/visits/<uuid:visit_id>/flags/<flag>")
    @desk.page(*OFFICE, body=FORM_BODY)
    def decide(visitor: Visitor, visit_id: UUID, flag: str) -> ResponseReturnValue:
        """Accept or reject a flag, with a reason."""
        told = None
        try:
            with desk.database.company(visitor.company_id) as uow:
                decide_flag(
                    uow,
                    visitor.actor,
                    visit_id,
                    flag,
                    request.form.get("decision", ""),
                    request.form.get("reason", ""),
                    now=desk.clock(),
                    asker_id=visitor.person_id,
                )
        except (NoSuchVisit, NoSuchFlag):
            raise NotFound from None
        except DecisionInvalid as refused:
            told = str(refused)
        if request.headers.get("HX-Request") != "true":
            return redirect(url_for("days.map_page"), code=303)
        return _visit(desk, visitor, visit_id, told=told, flag=flag)

    @routes.get("/regions")
    @desk.page(*everybody)
    def regions(visitor: Visitor) -> ResponseReturnValue:
        """The boundaries of the company's regions, for the map."""
        with desk.database.reading(visitor.company_id) as uow:
            rows = uow.rows(
                "select id, name, boundary from region where company_id = :company"
                " and boundary is not null order by code limit 2000",
                company=uow.company_id,
            )
        told = {
            "type": "FeatureCollection",
            "features": [
                {
                    "type": "Feature",
                    "properties": {"id": str(row.id), "name": row.name},
                    "geometry": placed_boundary(row.boundary, desk.base_map.datum),
                }
                for row in rows
            ],
        }
        return packed(msgspec.json.encode(told))

    return routes


def _words() -> dict[str, str]:
    """What the map's script says."""
    return {
        "play": tell("Replay"),
        "pause": tell("Pause"),
        "planned": tell("planned stop"),
        "stay": tell("stayed here"),
        "data": tell("Land and borders: Natural Earth"),
        "totals": _totals_told("{visited}", "{planned}", "{missed}", "{unplanned}"),
        "cut": tell(
            "These are the first {number} people. Choose a team for the others.",
            number=told_number(MOST_PEOPLE),
        ),
        "failed": tell("The places of this day could not be fetched. Open the page anew."),
    }


def _totals_told(visited: str, planned: str, missed: str, unplanned: str) -> str:
    return tell(
        "{visited} of {planned} planned stops visited, {missed} missed, {unplanned} others",
        visited=visited,
        planned=planned,
        missed=missed,
        unplanned=unplanned,
    )


def _visit(
    desk: Desk,
    visitor: Visitor,
    visit_id: UUID,
    *,
    told: str | None = None,
    flag: str | None = None,
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        facts = read_visit_facts(uow, visit_id, desk.now_ms(), asker_id=visitor.person_id)
        if facts is None:
            raise NotFound
        may_open = _may_open(uow, visitor, [facts.visit.store_id])
    return draw(
        "days/visit.html",
        person=facts.person,
        visit=facts.visit,
        facts=facts,
        told=told,
        told_of=flag,
        flag_names={flag: flag_name(flag) for photo in facts.photos for flag in photo.flags},
        pictures={
            photo.photo_id: {
                name: desk.picture(visitor, photo.sha256, photo.reader_version, name)
                for name in ("thumb", "full")
            }
            for photo in facts.photos
        },
        may_open=visitor.has_role(*OFFICE),
        stores_to_open=may_open,
        may_decide=visitor.has_role(*OFFICE) and facts.may_decide,
    )


def _may_open(uow: UnitOfWork, visitor: Visitor, store_ids: list[UUID]) -> frozenset[UUID]:
    """The stores of these whose pages are there for the visitor."""
    if not store_ids or not visitor.has_role(*OFFICE):
        return frozenset()
    return stores_to_open(uow, store_ids, today=visitor.today, asker_id=visitor.person_id)


@dataclass(frozen=True, slots=True)
class _Part:
    """People of a team by name, each with their line of the list, and the mark after which more follow."""

    days: list[PersonDay]
    rows: list[Row]
    more: str | None

    @property
    def totals(self) -> dict[str, int]:
        return {name: sum(getattr(row, name) for row in self.rows) for name in _TOTALS}


def _read(
    uow: UnitOfWork,
    desk: Desk,
    visitor: Visitor,
    day: date,
    team: UUID | None,
    seen: frozenset[UUID],
    after: str | None = None,
) -> _Part:
    """The days of so many of the team's people. Raises NotFound where `after` is no mark."""
    named = None if team is None else people_of_team(uow, team, day, seen)
    who = request.args.get("person", "")
    if who:
        named = [typed_uuid(who)]
    try:
        begin = FIRST if after is None else text_and_id(after)
    except ValueError:
        raise NotFound from None
    found = read_days(
        uow,
        day,
        desk.now_ms(),
        person_ids=named,
        asker_id=visitor.person_id,
        after=begin,
        at_most=PEOPLE_AT_ONCE + 1,
    )
    days = found[:PEOPLE_AT_ONCE]
    phones = phones_of(uow, [each.person_id for each in days])
    return _Part(
        days,
        [row_of(each, phones.get(each.person_id), desk.clock()) for each in days],
        f"{days[-1].name}~{days[-1].person_id}" if len(found) > PEOPLE_AT_ONCE else None,
    )


def _team(teams: list[Any]) -> UUID | None:
    """The team that is asked for; none asked for, or one that is not theirs: all that they may see."""
    asked = request.args.get("team", "")
    found = next((team.region_id for team in teams if str(team.region_id) == asked), None)
    if asked and found is None:
        raise NotFound
    return found


def _day(visitor: Visitor) -> date:
    typed = request.args.get("day", "")
    if not typed:
        return visitor.today
    try:
        day = date.fromisoformat(typed)
    except ValueError:
        raise NotFound from None
    if not visitor.today - _LONGEST_BACK <= day <= visitor.today + timedelta(days=366):
        raise NotFound
    return day
