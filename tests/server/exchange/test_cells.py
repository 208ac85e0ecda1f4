"""Cells: each kind reads text and a spreadsheet's own values, and says what it cannot read."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from server.exchange.cells import (
    Amount,
    Choice,
    Code,
    Codes,
    Day,
    Json,
    Moment,
    Names,
    Pairs,
    Raw,
    Scaled,
    Whole,
    Words,
    YesNo,
)
from server.exchange.faults import CellInvalid
from server.exchange.sheets.person import Email
from server.exchange.sheets.route import RuleWords

DEGREES = Scaled(7, -900_000_000, 900_000_000, is_rounded=True)
MONEY = Scaled(2, 0, 10**12)
NEW_YEAR = date(2027, 1, 2)


@pytest.mark.parametrize(
    ("cell", "raw", "value"),
    [
        (Words(20), "  Corner \n Shop ", "Corner Shop"),
        (Words(20, is_of_lines=True), " two\nlines ", "two\nlines"),
        (Words(20), 17, "17"),
        (Words(20), 17.0, "17"),
        (Words(20), True, "yes"),
        (Code(), 1001.0, "1001"),
        (Code(has_spaces=True), "S 1", "S 1"),
        (Codes(5), "B, A;B", ("A", "B")),
        (Whole(0, 99), " 7 ", 7),
        (Whole(0, 99), 7.0, 7),
        (Whole(0, 9999), "1e3", 1000),
        (DEGREES, "39.9042", 399_042_000),
        (DEGREES, "39,9042", 399_042_000),
        (DEGREES, -33.8688197, -338_688_197),
        (DEGREES, "0.00000001", 0),
        (MONEY, "12.50", 1250),
        (MONEY, 0.1, 10),
        (Day(), "2027-01-02", NEW_YEAR),
        (Day(), "2027/1/2", NEW_YEAR),
        (Day(), "2027-01-02 00:00:00", NEW_YEAR),
        (Day(), datetime(2027, 1, 2), NEW_YEAR),  # noqa: DTZ001
        (YesNo(), "Yes", True),
        (YesNo(), False, False),
        (YesNo(), "0", False),
        (YesNo(), 1, True),
        (Choice(("ACTIVE", "CLOSED")), "closed", "CLOSED"),
        (Json(99), '{"b": 1, "a": [2]}', '{"a":[2],"b":1}'),
        (Json(99, "list"), "[1]", "[1]"),
        (Email(), "Ana@Example.COM ", "ana@example.com"),
        (Names(3, 9), "kiosk ; grocery;", ("grocery", "kiosk")),
        (Pairs(3, "bottle 1"), "bottle 1;  case  24", (("bottle", "1"), ("case", "24"))),
        (Amount(), "12.50", Decimal("12.5")),
        (Amount(), 0.1, Decimal("0.1")),
        (Amount(), 300, Decimal(300)),
        (Moment(), "2027-01-31T16:00:00.1239+08:00", datetime(2027, 1, 31, 8, 0, 0, 123000, UTC)),
        (
            RuleWords(),
            "wed,mon from 2026-01-05",
            "mon,wed every week from 2026-01-05, not on holidays",
        ),
    ],
)
def test_a_cell_is_read(cell: Any, raw: Raw, value: object) -> None:
    read = cell.read(raw)
    assert read == value
    assert cell.read(cell.write(read)) == read
    assert cell.about


@pytest.mark.parametrize(
    ("cell", "raw", "code"),
    [
        (Words(3), "long", "too_long"),
        (Words(9), "a\x01", "not_text"),
        (Code(3), "long", "too_long"),
        (Code(), "A B", "not_text"),
        (Codes(1), "A,B", "too_long"),
        (Whole(0, 9), "x", "not_a_number"),
        (Whole(0, 9), "1.5", "not_a_number"),
        (Whole(0, 9), True, "not_a_number"),
        (Whole(0, 9), "10", "out_of_range"),
        (Whole(0, 9), "1,000", "not_a_number"),
        (Whole(0, 9), "NaN", "not_a_number"),
        (Whole(0, 9), "1e999999", "not_a_number"),
        (DEGREES, "91", "out_of_range"),
        (DEGREES, date(2027, 1, 2), "not_a_number"),
        (MONEY, "0.005", "not_a_number"),
        (MONEY, "1,000", "not_a_number"),
        (Day(), "02.01.2027", "not_a_day"),
        (Day(), "2027-02-30", "not_a_day"),
        (Day(), datetime(2027, 1, 2, 3), "not_a_day"),  # noqa: DTZ001
        (Day(), "1900-01-01", "out_of_range"),
        (YesNo(), "perhaps", "not_yes_or_no"),
        (Choice(("A", "B")), "C", "not_a_choice"),
        (Json(99), "[1]", "not_json"),
        (Json(99), '{"a": NaN}', "not_json"),
        (Json(9), '{"a": 12345}', "too_long"),
        (Email(), "ana", "not_text"),
        (Names(1, 9), "a;b", "too_long"),
        (Pairs(3, "bottle 1"), "bottle", "not_pairs"),
        (Pairs(1, "bottle 1"), "a 1; b 2", "too_long"),
        (Amount(), "-1", "out_of_range"),
        (Amount(), "0.00001", "out_of_range"),
        (Amount(), "1e15", "out_of_range"),
        (Moment(), "2027-01-31T08:00:00", "not_a_moment"),
        (Moment(), "tomorrow", "not_a_moment"),
        (RuleWords(), "sometimes", "not_a_rule"),
    ],
)
def test_what_a_cell_cannot_be_is_told_by_code(cell: Any, raw: Raw, code: str) -> None:
    with pytest.raises(CellInvalid) as invalid:
        cell.read(raw)
    assert invalid.value.code == code
