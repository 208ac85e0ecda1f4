"""A period is compared with the one before it, as far as it has come."""

from datetime import date

import pytest

from server.measures.period import period_before


@pytest.mark.parametrize(
    ("first", "last", "today", "before"),
    [
        # A month that is over, with the whole month before; of other lengths, too.
        ("2026-03-01", "2026-03-31", "2026-05-01", ("2026-02-01", "2026-02-28")),
        ("2026-01-01", "2026-01-31", "2026-05-01", ("2025-12-01", "2025-12-31")),
        # One that goes on, as far as it has come; never beyond the end of the one before.
        ("2026-03-01", "2026-03-31", "2026-03-10", ("2026-02-01", "2026-02-10")),
        ("2026-03-01", "2026-03-31", "2026-03-30", ("2026-02-01", "2026-02-28")),
        # Whole months with as many; days with as many.
        ("2026-01-01", "2026-03-31", "2026-05-01", ("2025-10-01", "2025-12-31")),
        ("2026-03-02", "2026-03-08", "2026-03-20", ("2026-02-23", "2026-03-01")),
        ("2026-03-02", "2026-03-08", "2026-03-03", ("2026-02-23", "2026-02-24")),
        ("2026-03-02", "2026-03-02", "2026-03-02", ("2026-03-01", "2026-03-01")),
    ],
)
def test_the_period_before_is_as_long_and_as_far_gone(
    first: str, last: str, today: str, before: tuple[str, str]
) -> None:
    named = period_before(*map(date.fromisoformat, (first, last, today)))
    assert tuple(map(str, named)) == before
