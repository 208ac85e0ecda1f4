"""What the charts of the overview draw: a measure over the period beside the one before, and by groups.

Numbers are whole steps of which `scale` are one; what is read beside them is told here, in the visitor's language.

What is not over is no fall: a day that still goes on has brought only a part of what it will. Its point is marked, with no line
that leads down to it, and told "so far"; where nothing has come of it yet there is none, as of days that are ahead.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from babel.numbers import get_currency_precision

from server.language import sentence, tell, told_day, told_month
from server.measures.figures import Figure
from server.measures.names import name_things
from server.measures.period import period_before
from server.measures.question import PRODUCTS, Question
from server.measures.reading import read_measures
from server.web.figure_words import (
    MEASURE_WORDS,
    is_by_product,
    is_by_store,
    scale_of,
    scaled_figure,
    told_figure,
)
from server.web.overview_asked import DIMENSIONS, Asked
from sync.unit_of_work import UnitOfWork

BARS_MAX = 15
# Up to so many days a trend is told by day, up to so many by week.
_BY_DAY_MAX = 45
_BY_WEEK_MAX = 200

_NOT_OVER = {
    "day": sentence("Today is not over: its point is hollow."),
    "week": sentence("This week is not over: its point is hollow."),
    "month": sentence("This month is not over: its point is hollow."),
}


@dataclass(frozen=True, slots=True)
class Series:
    """A measure's figures by day, week or month of a period and of the one before, and by groups where it is told by
    them, with what the groups are called.
    """

    trend: Mapping[str, Figure]
    before: Mapping[str, Figure]
    groups: Mapping[str, Figure] | None
    names: Mapping[str, str]


def read_series(uow: UnitOfWork, asked: Asked, measure: str, *, now: datetime) -> Series:
    """What the charts draw. The statements are those of three questions, and one."""
    question = asked.question(_unit_of(asked))
    first, last = _span_before(asked)
    trend = _by_key(uow, question, measure, now)
    before = _by_key(uow, replace(question, first_day=first, last_day=last), measure, now)
    if not _has_groups(asked, measure):
        return Series(trend, before, None, {})
    found = _by_key(uow, asked.question(asked.by), measure, now)
    ranked = sorted(found.items(), key=lambda each: (-_number(each[1]), each[0]))[:BARS_MAX]
    return Series(
        trend, before, dict(ranked), name_things(uow, asked.by, [key for key, _ in ranked])
    )


def told_series(asked: Asked, measure: str, series: Series) -> dict[str, Any]:
    """The trend and the bars of a measure, in the visitor's language."""
    return {
        "name": tell(MEASURE_WORDS[measure]),
        "trend": _trend(asked, series),
        "bars": _bars(asked, series),
    }


def _unit_of(asked: Asked) -> str:
    days = (asked.last - asked.first).days + 1
    return "day" if days <= _BY_DAY_MAX else "week" if days <= _BY_WEEK_MAX else "month"


def _span_before(asked: Asked) -> tuple[date, date]:
    return period_before(asked.first, asked.last, asked.last)


def _has_groups(asked: Asked, measure: str) -> bool:
    return (
        asked.by not in {"day", "week", "month"}
        and (asked.by not in PRODUCTS or is_by_product(measure))
        and (asked.by not in {"channel", "store_class"} or is_by_store(measure))
    )


def _trend(asked: Asked, series: Series) -> dict[str, Any]:
    unit = _unit_of(asked)
    some = next(iter([*series.trend.values(), *series.before.values()]), None)
    keys = _keys(asked.first, asked.last, unit)
    keys_before = _keys(*_span_before(asked), unit)[: len(keys)]
    running = _key(asked.today, unit)
    points = [_point(series.trend.get(key), key, running) for key in keys]
    points_before = [_point(series.before.get(key), key, running) for key in keys_before]
    is_begun = running in keys and points[keys.index(running)][0] is not None
    open_at = keys.index(running) if is_begun else None
    return {
        "labels": [told_key(key, unit) for key in keys],
        "is_percent": some is not None and some.unit == "ratio",
        "scale": 1 if some is None else _drawn_scale(some),
        "now": [step for step, _ in points],
        "before": [step for step, _ in points_before],
        "told": [told for _, told in points],
        "told_before": [told for _, told in points_before],
        "unit": tell(DIMENSIONS[unit]),
        "open": open_at,
        "open_told": None if open_at is None else tell(_NOT_OVER[unit]),
    }


def _point(figure: Figure | None, key: str, running: str) -> tuple[int | None, str]:
    """The step that is drawn of a day, week or month, and how it is told; `running` is the key of that which has today. Keys
    are in the order of time.
    """
    if key < running:
        return _step(figure), _told(figure)
    if key > running or figure is None or not figure.numerator:
        return None, "–"
    return _step(figure), tell("{figure} so far", figure=_told(figure))


def _bars(asked: Asked, series: Series) -> dict[str, Any]:
    by = tell(DIMENSIONS[asked.by])
    if series.groups is None:
        return {"labels": [], "now": [], "told": [], "by": by, "scale": 1}
    some = next(iter(series.groups.values()), None)
    return {
        "labels": [series.names.get(key) or tell("none") for key in series.groups],
        "is_percent": some is not None and some.unit == "ratio",
        "scale": 1 if some is None else _drawn_scale(some),
        "now": [_step(figure) for figure in series.groups.values()],
        "told": [_told(figure) for figure in series.groups.values()],
        "by": by,
    }


def _by_key(uow: UnitOfWork, question: Question, measure: str, now: datetime) -> dict[str, Figure]:
    """The figure of each group; of several currencies the first by name."""
    groups = read_measures(uow, question, [measure], now=now)
    return {group.key[0]: group.figures[0] for group in groups if group.figures}


def _keys(first: date, last: date, unit: str) -> list[str]:
    """The names of all days, weeks or months of a period, also of those without facts."""
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    return list(dict.fromkeys(_key(day, unit) for day in days))


def _key(day: date, unit: str) -> str:
    if unit == "day":
        return day.isoformat()
    if unit == "month":
        return f"{day:%Y-%m}"
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def told_key(key: str, unit: str) -> str:
    """A day, week, month … by the key of its group, as people say it."""
    if unit == "day":
        return told_day(date.fromisoformat(key))
    if unit == "month":
        return told_month(date.fromisoformat(f"{key}-01"))
    return key


def _drawn_scale(figure: Figure) -> int:
    if figure.unit == "cm":
        return 1000
    if figure.unit == "minutes":
        return 60
    if figure.currency is not None:
        return int(10 ** get_currency_precision(figure.currency))
    return scale_of(figure)


def _step(figure: Figure | None) -> int | None:
    return None if figure is None else scaled_figure(figure)


def _told(figure: Figure | None) -> str:
    return "–" if figure is None else told_figure(figure)


def _number(figure: Figure) -> Fraction:
    if figure.denominator is None:
        return Fraction(figure.numerator)
    return Fraction(-1) if figure.quotient is None else figure.quotient
