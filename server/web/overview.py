"""The overview: what the facts of a period add up to, for whoever looks after people and stores.

The page is drawn at once; its figures, its table, its charts and who is out now each come in an answer of their own.
"""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.answers.asked import Answered, Failed, Waiting
from server.days.reading import read_days
from server.days.teams import Team, list_teams, phones_of
from server.identity.permissions import visible_positions
from server.identity.sessions import Visitor
from server.language import sentence, tell
from server.measures.errors import MeasuresError
from server.measures.names import name_things
from server.targets.standings import Standing
from server.web.day_rows import row_of
from server.web.desk import Desk, draw, packed
from server.web.figure_words import (
    FIGURE_SETS,
    MEASURE_MEANINGS,
    MEASURE_WORDS,
    NOTHING,
    told_change,
    told_figure,
    told_parts,
)
from server.web.listing import draw_rows, send_listing
from server.web.menu import OFFICE
from server.web.overview_answers import GROUPS, SERIES, STANDINGS
from server.web.overview_asked import DIMENSIONS, Asked, read_asked
from server.web.overview_charts import told_series
from server.web.overview_groups import listing_of, named_groups, read_groups
from server.web.waiting import answer_to, draw_stand, stand_told, told_as_of
from sync.unit_of_work import UnitOfWork

MOST_PEOPLE = 200
PEOPLE_SHOWN = 12
# In which order people are listed: first who may need somebody.
_TONES = ("warn", "good", "quiet")


def overview_routes(desk: Desk) -> Blueprint:
    """/overview and what is below it."""
    routes = Blueprint("overview", __name__, url_prefix="/overview")

    @routes.get("/")
    @desk.page(*OFFICE)
    def page(visitor: Visitor) -> ResponseReturnValue:
        """The page without its figures."""
        asked = read_asked(visitor, request.args)
        with desk.database.reading(visitor.company_id) as uow:
            seen = visible_positions(uow, visitor.person_id, visitor.today)
            teams = list_teams(uow, visitor.today, seen)
            narrowed = narrowed_told(uow, asked, teams, seen)
        return draw(
            "overview/page.html",
            asked=asked,
            teams=teams,
            narrowed=narrowed,
            quick=_quick(asked),
            sets=[(name, tell(held.title)) for name, held in FIGURE_SETS.items()],
            dimensions=[(name, tell(words)) for name, words in DIMENSIONS.items()],
            sort=request.args.get("sort"),
            measure=_charted(asked),
            measure_name=tell(MEASURE_WORDS[_charted(asked)]),
            by_name=tell(DIMENSIONS[asked.by]),
            words=msgspec.json.encode(_words()).decode(),
        )

    @routes.get("/figures")
    @desk.page(*OFFICE)
    def figures(visitor: Visitor) -> ResponseReturnValue:
        """The figures of the period, with what to hold each against."""
        asked = read_asked(visitor, request.args)
        found = answer_to(desk, visitor, STANDINGS, asked.kept)
        if not isinstance(found, Answered):
            return draw_stand(found, "#figures", url_for("overview.page", **asked.kept))
        return draw(
            "overview/figures.html",
            asked=asked,
            cards=[_card(asked, standing) for standing in found.value],
            charted=_charted(asked),
            as_of=told_as_of(visitor, found),
        )

    @routes.get("/groups")
    @desk.page(*OFFICE)
    def groups(visitor: Visitor) -> ResponseReturnValue:
        """The table by people, places or products; a file of it."""
        asked = read_asked(visitor, request.args)
        form = request.args.get("format")
        try:
            if form is not None:
                return _groups_in_file(desk, visitor, asked, form)
            return _groups_drawn(desk, visitor, asked)
        except MeasuresError as refused:
            return draw("parts/alert.html", 400, detail=str(refused))

    @routes.get("/series")
    @desk.page(*OFFICE)
    def series(visitor: Visitor) -> ResponseReturnValue:
        """One measure over the period and by groups, for the charts; with 202 where it is still being read."""
        asked = read_asked(visitor, request.args)
        measure = _charted(asked)
        found = answer_to(desk, visitor, SERIES, {**asked.kept, "measure": measure})
        if isinstance(found, Failed):
            return packed(msgspec.json.encode({"failed": stand_told(found).failure}))
        if isinstance(found, Waiting):
            return Response(status=202)
        return packed(msgspec.json.encode(told_series(asked, measure, found.value)))

    @routes.get("/now")
    @desk.page(*OFFICE)
    def now(visitor: Visitor) -> ResponseReturnValue:
        """Who is out now: the few who may need somebody first."""
        with desk.database.reading(visitor.company_id) as uow:
            duties = read_days(
                uow,
                visitor.today,
                desk.now_ms(),
                asker_id=visitor.person_id,
                at_most=MOST_PEOPLE,
                is_duty_only=True,
            )
            phones = phones_of(uow, [each.person_id for each in duties])
            rows = [row_of(each, phones.get(each.person_id), desk.clock()) for each in duties]
            rows.sort(key=lambda row: (_TONES.index(row.tone), row.name))
            shown = [row for row in rows if row.tone != "quiet" or row.phone][:PEOPLE_SHOWN]
            days = read_days(
                uow,
                visitor.today,
                desk.now_ms(),
                person_ids=[row.person_id for row in shown],
                asker_id=visitor.person_id,
            )
        whole = {
            each.person_id: row_of(each, phones.get(each.person_id), desk.clock()) for each in days
        }
        return draw(
            "overview/now.html",
            rows=[whole[row.person_id] for row in shown if row.person_id in whole],
            counts={tone: sum(row.tone == tone for row in rows) for tone in _TONES},
            is_cut=len(rows) == MOST_PEOPLE,
        )

    return routes


def _groups_in_file(desk: Desk, visitor: Visitor, asked: Asked, form: str) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        rows = named_groups(read_groups(uow, asked, now=desk.clock()))
    return send_listing(desk, visitor, listing_of(asked, rows, _sort()), form)


def _groups_drawn(desk: Desk, visitor: Visitor, asked: Asked) -> ResponseReturnValue:
    found = answer_to(desk, visitor, GROUPS, asked.kept)
    is_part = request.headers.get("HX-Request") == "true"
    again = url_for("overview.page", **asked.kept)
    drawn = stand = None
    if isinstance(found, Answered):
        listing = listing_of(asked, named_groups(found.value), _sort())
        with desk.database.reading(visitor.company_id) as uow:
            drawn = draw_rows(uow, listing)
    elif is_part:
        return draw_stand(found, "#groups", again)
    else:
        stand = stand_told(found)
    return draw(
        "overview/groups.html",
        asked=asked,
        is_part=is_part,
        caption=tell("By {what}", what=tell(DIMENSIONS[asked.by]).lower()),
        listing=drawn,
        stand=stand,
        as_of=told_as_of(visitor, found),
        again=again,
    )


def _sort() -> str:
    return request.args.get("sort", "name")


def narrowed_told(
    uow: UnitOfWork, asked: Asked, teams: list[Team], seen: frozenset[UUID]
) -> list[dict[str, Any]]:
    """What the question is narrowed to, by name, each with the way out of it. Raises NotFound where it is narrowed
    to a place or somebody that its asker may not see.
    """
    told = []
    for name, value in asked.narrowed.items():
        found = name_things(uow, name, [value])
        if name == "region" and value not in {str(team.region_id) for team in teams}:
            raise NotFound
        if name == "position" and UUID(value) not in seen:
            raise NotFound
        if name == "person" and not _held_any(uow, UUID(value), seen, asked.asker_id):
            raise NotFound
        left = {key: held for key, held in asked.kept.items() if key != name}
        told.append({"name": name, "words": found[value], "without": left})
    return told


def _held_any(uow: UnitOfWork, person_id: UUID, seen: frozenset[UUID], asker_id: UUID) -> bool:
    """Whether a person is the asker, or ever held a position that the asker may see."""
    return person_id == asker_id or bool(
        uow.rows(
            "select from occupancy where company_id = :company and person_id = :person"
            " and position_id = any(:seen) limit 1",
            company=uow.company_id,
            person=person_id,
            seen=list(seen),
        )
    )


def _charted(asked: Asked) -> str:
    measure = request.args.get("measure", "")
    if measure and measure not in MEASURE_WORDS:
        raise NotFound
    return measure if measure in asked.measures else asked.measures[0]


def _card(asked: Asked, standing: Standing) -> dict[str, Any]:
    figure = standing.figure
    measure = figure.measure
    target = standing.target
    before = NOTHING if standing.before is None else told_figure(standing.before)
    return {
        "measure": measure,
        "name": tell(MEASURE_WORDS[measure]),
        "meaning": tell(MEASURE_MEANINGS[measure]),
        "figure": told_figure(figure),
        "parts": told_parts(figure),
        "change": told_change(figure, standing.before),
        "before": None if before == NOTHING else before,
        "target": None if not target else _target(standing, target),
        "facts": url_for("facts.facts_page", measure=measure, **asked.kept),
        "chart": url_for("overview.page", measure=measure, **asked.kept),
    }


def _target(standing: Standing, target: int) -> dict[str, Any]:
    done = standing.figure.numerator * 1000 // target
    pace = None if standing.expected is None else standing.expected * 1000 // target
    return {
        "permille": done,
        "pace": pace,
        "is_behind": pace is not None and done < pace,
        "amount": target,
        "currency": standing.figure.currency,
    }


def _quick(asked: Asked) -> list[tuple[str, str, bool]]:
    """The periods that are looked at most: their addresses, names, and whether each is shown."""
    today = asked.today
    monday = today - timedelta(days=today.weekday())
    before = monday - timedelta(days=7)
    last_month = today.replace(day=1) - timedelta(days=1)
    places = (
        (f"{today:%Y-%m}", sentence("This month")),
        (f"{last_month:%Y-%m}", sentence("Last month")),
        (_week(monday), sentence("This week")),
        (_week(before), sentence("Last week")),
    )
    return [(place, tell(words), place == asked.period) for place, words in places]


def _week(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def _words() -> dict[str, str]:
    """What the charts' script says."""
    return {
        "now": tell("this period"),
        "before": tell("the period before"),
        "failed": tell("The chart could not be fetched. Open the page anew."),
        "waits": tell(
            "There is much to read: a worker is at it. You can go on meanwhile; it is kept for you."
        ),
        "failed_part": tell("This part could not be fetched. Open the page anew."),
        "nothing": tell("There is nothing to draw in this period."),
    }
