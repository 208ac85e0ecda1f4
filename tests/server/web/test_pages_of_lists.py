"""How any list is read a page at a time, and the marks that its pages follow."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, cast
from uuid import UUID

import pytest

from server.web.listing import pages_of, told_pages
from server.web.marks import day_and_id, day_moment_and_id, moment_and_id, text_and_id
from sync.unit_of_work import UnitOfWork

ID = UUID("0198c1f2-7a10-7000-8000-000000000001")
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
# These finders ask no database.
UOW = cast("UnitOfWork", None)


def _find(uow: UnitOfWork, after: int | None, at_most: int) -> list[int]:
    return [number for number in range(1, 8) if after is None or number > after][:at_most]


def test_the_marks_lead_through_the_whole_list_and_end_with_it() -> None:
    read = pages_of(_find, str, int)

    assert read(UOW, None, 3) == ([1, 2, 3], "3")
    assert read(UOW, "3", 3) == ([4, 5, 6], "6")
    assert read(UOW, "6", 3) == ([7], None)


def test_a_page_that_ends_with_the_list_names_no_next() -> None:
    assert pages_of(_find, str, int)(UOW, None, 7) == ([1, 2, 3, 4, 5, 6, 7], None)


def test_an_empty_list_is_one_empty_page() -> None:
    read = pages_of(_find, str, int)

    assert read(UOW, "7", 3) == ([], None)


def test_a_mark_that_is_none_raises_value_error() -> None:
    with pytest.raises(ValueError, match="here"):
        pages_of(_find, str, int)(UOW, "here", 3)


def test_rows_are_told_together_and_only_those_of_the_page() -> None:
    read = told_pages(
        pages_of(_find, str, int), lambda _, rows: [f"{one} of {len(rows)}" for one in rows]
    )

    assert read(UOW, "4", 2) == (["5 of 2", "6 of 2"], "6")


@pytest.mark.parametrize(
    ("mark", "typed", "read"),
    [
        (text_and_id, f"Corner ~ Shop~{ID}", ("Corner ~ Shop", ID)),
        (text_and_id, f"~{ID}", ("", ID)),
        (day_and_id, f"2026-03-02~{ID}", (date(2026, 3, 2), ID)),
        (moment_and_id, f"{AT.isoformat()}~{ID}", (AT, ID)),
        (day_moment_and_id, f"2026-03-02~{AT.isoformat()}~{ID}", (date(2026, 3, 2), AT, ID)),
    ],
)
def test_a_mark_is_read_as_it_was_written(
    mark: Callable[[str], Any], typed: str, read: Any
) -> None:
    assert mark(typed) == read


@pytest.mark.parametrize(
    ("mark", "typed"),
    [
        (text_and_id, f"a\0b~{ID}"),
        (text_and_id, "a" * 301 + f"~{ID}"),
        (text_and_id, "a~b"),
        (text_and_id, ""),
        (day_and_id, f"2026-02-30~{ID}"),
        (day_and_id, "2026-03-02"),
        (moment_and_id, f"2026-03-02T09:30:00~{ID}"),
        (moment_and_id, f"{AT.isoformat()}~{ID}~{ID}"),
        (moment_and_id, "~"),
        (day_moment_and_id, f"2026-03-02~2026-03-02T09:30:00~{ID}"),
        (day_moment_and_id, f"2026-03-02~{ID}"),
    ],
)
def test_what_is_no_mark_raises_value_error(mark: Callable[[str], Any], typed: str) -> None:
    with pytest.raises(ValueError):
        mark(typed)
