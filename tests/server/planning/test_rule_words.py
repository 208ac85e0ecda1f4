"""A visiting rule told in words is read as the same rule."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.planning.errors import StopsInvalid
from server.planning.rule_words import read_rule_words, told_rule
from server.planning.rules import stored_rule
from sync.calendar import due_days, read_rule

FIRST = date(2026, 1, 5)


@given(
    weekdays=st.sets(st.integers(1, 7), min_size=1),
    weeks=st.integers(1, 8),
    groups=st.sets(st.integers(0, 7), min_size=1),
    anchor=st.integers(-20, 20),
    starts=st.integers(-30, 30),
    length=st.none() | st.integers(0, 200),
    holiday=st.sampled_from(["SKIP", "NEXT", "PREVIOUS"]),
    window=st.none() | st.tuples(st.integers(0, 700), st.integers(701, 1440)),
)
def test_what_is_told_is_read_as_a_rule_with_the_same_days(
    *,
    weekdays: set[int],
    weeks: int,
    groups: set[int],
    anchor: int,
    starts: int,
    length: int | None,
    holiday: str,
    window: tuple[int, int] | None,
) -> None:
    starts_on = FIRST + timedelta(days=starts)
    rule: dict[str, Any] = {
        "weekdays": sorted(weekdays),
        "cycle_weeks": weeks,
        "week_groups": sorted({group % weeks for group in groups}),
        "anchor": (FIRST + timedelta(weeks=anchor)).isoformat(),
        "starts_on": starts_on.isoformat(),
        "ends_on": None if length is None else (starts_on + timedelta(days=length)).isoformat(),
        "on_holiday": holiday,
        "open_from_min": None if window is None else window[0],
        "open_until_min": None if window is None else window[1],
    }
    read = stored_rule(read_rule_words(told_rule(rule)))
    assert told_rule(read) == told_rule(rule)
    holidays = frozenset({FIRST + timedelta(days=9)})
    span = (FIRST - timedelta(days=60), FIRST + timedelta(days=120))
    assert due_days(read_rule(read), *span, holidays=holidays) == due_days(
        read_rule(rule), *span, holidays=holidays
    )
    assert [read[name] for name in ("open_from_min", "open_until_min")] == list(
        window or (None, None)
    )


def test_words_may_be_short_and_in_either_case() -> None:
    read = read_rule_words("Monday, WED  every 2 weeks from 2026-01-07")
    assert told_rule(read) == (
        "mon,wed every 2 weeks counted from 2026-01-05, from 2026-01-07, not on holidays"
    )
    assert read_rule_words("fri from 2026-01-07")["cycle_weeks"] == 1


@pytest.mark.parametrize(
    "words",
    [
        "",
        "someday from 2026-01-05",
        "mon",
        "mon,mon from 2026-01-05",
        "mon from 2026-02-30",
        "mon every 9 weeks from 2026-01-05",
        "mon every 2 weeks counted from 2026-01-05 and 2026-01-19, from 2026-01-05",
        "mon from 2026-01-05 to 2026-01-04",
        "mon from 2026-01-05 between 25:00 and 26:00",
        "mon from 2026-01-05, on holidays",
    ],
)
def test_words_that_are_no_rule_are_refused(words: str) -> None:
    with pytest.raises(StopsInvalid):
        read_rule_words(words)
