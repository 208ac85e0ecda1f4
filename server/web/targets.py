"""How far the targets are, of the positions that somebody sees in a month, or of one position month by month."""

import json
from datetime import date, timedelta
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.days.teams import list_teams
from server.identity.permissions import visible_positions
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_money, told_month, told_number, told_permille
from server.targets.errors import TargetInvalid
from server.targets.months import read_month
from server.targets.progress_list import ProgressMark, TargetProgress, list_progress
from server.web.desk import Desk
from server.web.figure_words import MEASURE_WORDS
from server.web.listing import Badge, Column, Link, Listing, Shown, answer_listing, pages_of
from server.web.menu import OFFICE, PLANNERS
from server.web.target_plans import plan_routes
from sync.unit_of_work import UnitOfWork

MONTHS_SHOWN = 12
_MARK_MAX = 1_000


def target_routes(desk: Desk) -> Blueprint:
    """/targets and what is below it."""
    routes = Blueprint("targets", __name__, url_prefix="/targets")

    @routes.get("/")
    @desk.page(*OFFICE)
    def progress(visitor: Visitor) -> ResponseReturnValue:
        """The targets of a month with how far each is; of one position those of a year."""
        asked = request.args
        month = _month(asked.get("month", ""), visitor.today)
        measure = asked.get("measure", "")
        if measure and measure not in MEASURE_WORDS:
            raise NotFound
        position, region = _uuid(asked.get("position", "")), _uuid(asked.get("region", ""))
        with desk.database.reading(visitor.company_id) as uow:
            seen = visible_positions(uow, visitor.person_id, visitor.today)
            teams = list_teams(uow, visitor.today, seen)
            name = _position_name(uow, position)
        is_region_seen = region is None or region in {team.region_id for team in teams}
        if not is_region_seen or (position is not None and position not in seen):
            raise NotFound
        first = month if position is None else _months_before(month, MONTHS_SHOWN - 1)

        read = pages_of(
            lambda uow, after, at_most: list_progress(
                uow,
                first,
                last_month=month,
                region_id=region,
                position_id=position,
                measure=measure or None,
                asker_id=visitor.person_id,
                after=after,
                at_most=at_most,
            ),
            _mark_of,
            _mark,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="targets",
                columns=_columns(is_of_one=position is not None),
                read=read,
                nothing=sentence("No position here has a target in this month."),
            ),
            "targets/list.html",
            may_set=visitor.has_role(*PLANNERS),
            month=month,
            earlier=_months_before(month, 1),
            later=(month + timedelta(days=31)).replace(day=1),
            told=told_month(month),
            teams=teams,
            region=region,
            position=position,
            name=name,
            measure=measure,
            measures=[(key, tell(words)) for key, words in MEASURE_WORDS.items()],
            kept={
                key: value
                for key, value in (("region", region), ("position", position), ("measure", measure))
                if value
            },
        )

    plan_routes(desk, routes)
    return routes


def _columns(*, is_of_one: bool) -> list[Column[TargetProgress]]:
    first: Column[TargetProgress] = (
        Column(
            sentence("Month"), lambda row: told_month(row.month), lambda row: f"{row.month:%Y-%m}"
        )
        if is_of_one
        else Column(
            sentence("Position"),
            lambda row: Link(
                f"{row.position_code} {row.position_name}",
                url_for("targets.progress", position=row.position_id, month=f"{row.month:%Y-%m}"),
            ),
            lambda row: row.position_code,
        )
    )
    return [
        first,
        Column(
            sentence("Figure"),
            lambda row: tell(MEASURE_WORDS.get(row.measure, row.measure)),
            lambda row: row.measure,
        ),
        Column(
            sentence("Product group"),
            lambda row: row.product_group or tell("all"),
            lambda row: row.product_group or "",
        ),
        Column(
            sentence("Target"),
            lambda row: _amount(row, row.target),
            lambda row: row.target,
            is_number=True,
        ),
        Column(
            sentence("So far"),
            lambda row: _amount(row, row.actual),
            lambda row: row.actual,
            is_number=True,
        ),
        Column(
            sentence("Of the target"),
            lambda row: told_permille(_permille(row.actual, row.target)),
            lambda row: _percent(row.actual, row.target),
            is_number=True,
            unit="%",
        ),
        Column(sentence("Pace"), _pace, lambda row: row.expected, is_number=True),
        Column(
            sentence("Still to go"),
            lambda row: _amount(row, row.remaining),
            lambda row: row.remaining,
            is_number=True,
        ),
        Column(sentence("Currency"), lambda row: row.currency, lambda row: row.currency or ""),
    ]


def _amount(row: TargetProgress, amount: int) -> str:
    return told_number(amount) if row.currency is None else told_money(amount, row.currency)


def _pace(row: TargetProgress) -> Shown:
    """What an even pace would have reached, and whether the position is there."""
    told = _amount(row, row.expected)
    return Badge(told, "good" if row.actual >= row.expected else "warn")


def _permille(part: int, whole: int) -> int | None:
    return part * 1000 // whole if whole else None


def _percent(part: int, whole: int) -> float | None:
    permille = _permille(part, whole)
    return None if permille is None else permille / 10


def _month(typed: str, today: date) -> date:
    if not typed:
        return today.replace(day=1)
    try:
        month = read_month(typed)
    except TargetInvalid:
        raise NotFound from None
    if not 2000 <= month.year <= 2200:
        raise NotFound
    return month


def _months_before(month: date, number: int) -> date:
    place = month.year * 12 + month.month - 1 - number
    return date(place // 12, place % 12 + 1, 1)


def _position_name(uow: UnitOfWork, position_id: UUID | None) -> str | None:
    if position_id is None:
        return None
    found = uow.rows(
        "select code || ' ' || name as name from position where company_id = :company and id = :id",
        company=uow.company_id,
        id=position_id,
    )
    return str(found[0].name) if found else None


def _uuid(typed: str) -> UUID | None:
    if not typed:
        return None
    try:
        return UUID(typed)
    except ValueError:
        raise NotFound from None


def _mark_of(row: TargetProgress) -> str:
    return json.dumps(
        [f"{row.month:%Y-%m}", str(row.id), row.measure, row.position_code, row.product_group]
    )


def _mark(typed: str) -> ProgressMark:
    read = json.loads(typed) if len(typed) <= _MARK_MAX else None
    if not isinstance(read, list) or len(read) != 5:
        raise ValueError
    month, id_, measure, code, group = (None if part is None else str(part) for part in read)
    return ProgressMark(
        code or "", measure or "", group, date.fromisoformat(f"{month}-01"), UUID(id_)
    )
