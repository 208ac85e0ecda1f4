"""How figures stand: against the period before, and against the targets of the positions they are of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from server.measures.figures import Figure
from server.measures.period import period_before
from server.measures.question import Question, find_seats
from server.measures.reading import read_measures
from server.targets.months import read_calendar
from sync.unit_of_work import UnitOfWork

_TARGETS = """
select measure, currency, cast(sum(amount) as bigint) as amount from target
where company_id = :company and month between :first_month and :last_month
  and (cast(:positions as uuid[]) is null or position_id = any(:positions))
  and product_group is not distinct from cast(:product_group as text)
group by measure, currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A figure, the same of the period before, and the target with what an even pace would have reached
    by the end of yesterday. A target is of what stands above the line.
    """

    figure: Figure
    before: Figure | None
    target: int | None = None
    expected: int | None = None


def read_standings(
    uow: UnitOfWork, question: Question, measures: Sequence[str], *, today: date, now: datetime
) -> list[Standing]:
    """The figures of an ungrouped question, each with what to hold it against.

    A target is told of whole months, and where the question is of positions: of a region, of some, of all
    that its asker may see. The statements are those of two questions, and three.
    """
    first, last = period_before(question.first_day, question.last_day, today)
    current = read_measures(uow, question, measures, now=now)[0].figures
    earlier = read_measures(
        uow, replace(question, first_day=first, last_day=last), measures, now=now
    )[0].figures
    before = {(each.measure, each.currency): each for each in earlier}
    targets = _sum_targets(uow, question)
    gone, days = _working_days(uow, question, today) if targets else (0, 0)
    standings = []
    for figure in current:
        target = targets.get((figure.measure, figure.currency))
        standings.append(
            Standing(
                figure=figure,
                before=before.get((figure.measure, figure.currency)),
                target=target,
                expected=None if target is None or not days else target * gone // days,
            )
        )
    return standings


def _sum_targets(uow: UnitOfWork, question: Question) -> dict[tuple[str, str | None], int]:
    is_of_months = question.first_day.day == 1 and _ends_a_month(question.last_day)
    narrower = (
        question.person_id,
        question.division_id,
        question.channel,
        question.store_class,
        question.product_id,
    )
    if not is_of_months or any(each is not None for each in narrower):
        return {}
    seats: list[UUID] | None = find_seats(uow, question).ids
    rows = uow.rows(
        _TARGETS,
        company=uow.company_id,
        first_month=question.first_day,
        last_month=question.last_day,
        positions=seats,
        product_group=question.product_group,
    )
    return {(row.measure, row.currency): row.amount for row in rows}


def _working_days(uow: UnitOfWork, question: Question, today: date) -> tuple[int, int]:
    """How many of the period's working days are gone, and how many it has."""
    calendar = read_calendar(uow, question.first_day, question.last_day)
    yesterday = min(question.last_day, today - timedelta(days=1))
    return (
        calendar.between(question.first_day, yesterday),
        calendar.between(question.first_day, question.last_day),
    )


def _ends_a_month(day: date) -> bool:
    return (day + timedelta(days=1)).day == 1
