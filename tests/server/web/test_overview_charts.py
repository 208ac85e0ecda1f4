"""A trend never falls because a day is not over."""

from datetime import date, timedelta
from uuid import UUID

import pytest

from server.measures.figures import Figure
from server.web.overview_asked import Asked
from server.web.overview_charts import Series, told_series

TODAY = date(2026, 3, 4)


def asked(first: date, last: date) -> Asked:
    return Asked(
        first=first,
        last=last,
        today=TODAY,
        show="work",
        by="person",
        narrowed={},
        asker_id=UUID(int=1),
    )


def told(first: date, last: date, *ratios: tuple[str, int, int]) -> dict[str, object]:
    trend = {key: Figure("PLANNED_RATE", "ratio", done, of) for key, done, of in ratios}
    found = told_series(asked(first, last), "TC", Series(trend, {}, None, {}))["trend"]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize(
    ("done", "drawn", "said"),
    [(0, None, "–"), (3, 50, "50.0% so far")],
    ids=["before work begins", "under way"],
)
def test_today_is_told_so_far_and_is_nothing_before_something_has_come_of_it(
    done: int, drawn: int | None, said: str
) -> None:
    week = told(date(2026, 3, 2), date(2026, 3, 8), ("2026-03-03", 0, 6), ("2026-03-04", done, 6))
    steps, words = week["now"], week["told"]
    assert isinstance(steps, list)
    assert isinstance(words, list)
    # A day that is over and on which nothing was done is a zero.
    assert steps[1] == 0
    assert words[1] == "0.0%"
    assert (steps[2] is None) is (drawn is None)
    assert words[2] == said
    assert week["open"] == (None if drawn is None else 2)


def test_days_that_are_ahead_are_nothing_though_their_plans_are_there() -> None:
    week = told(date(2026, 3, 2), date(2026, 3, 8), ("2026-03-05", 0, 6), ("2026-03-07", 0, 6))
    assert week["now"] == [None] * 7
    assert week["told"] == ["–"] * 7


def test_the_week_that_goes_on_is_told_so_far_too() -> None:
    months = told(TODAY - timedelta(days=90), TODAY, ("2026-W09", 1, 2), ("2026-W10", 1, 2))
    words = months["told"]
    assert isinstance(words, list)
    assert words[-2:] == ["50.0%", "50.0% so far"]
    assert months["open"] == len(words) - 1
