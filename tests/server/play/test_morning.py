from datetime import date, datetime
from zoneinfo import ZoneInfo

from server.play.morning import work_dates, working_hours

ZONE = ZoneInfo("Asia/Shanghai")
TUESDAY_NOON = datetime(2026, 3, 10, 12, 0, tzinfo=ZONE)
TUESDAY_NIGHT = datetime(2026, 3, 10, 21, 0, tzinfo=ZONE)


def test_work_lies_in_days_that_are_over() -> None:
    assert work_dates(TUESDAY_NOON, 1) == [date(2026, 3, 9)]
    assert work_dates(TUESDAY_NIGHT, 1) == [date(2026, 3, 10)]


def test_days_off_are_not_worked() -> None:
    assert work_dates(TUESDAY_NOON, 3) == [date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 9)]


def test_late_work_is_only_older() -> None:
    assert work_dates(TUESDAY_NOON, 1, late_days=8) == [date(2026, 3, 2)]


def test_working_hours_are_those_of_the_companys_zone() -> None:
    starts_ms, ends_ms = working_hours(date(2026, 3, 9), ZONE)
    assert datetime.fromtimestamp(starts_ms / 1000, ZONE).hour == 8
    assert ends_ms - starts_ms == (9 * 60 + 30) * 60_000
