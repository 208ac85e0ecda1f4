"""The company's calendar: what is loaded, what it set itself, and what plans make of both."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from server.identity.change_log import Actor, changes_of
from server.planning import replanning
from server.planning.day_plans import plan_again
from server.planning.errors import CodeTaken, FieldInvalid
from server.planning.holiday_commands import holiday
from server.planning.holidays import (
    CalendarDay,
    add_holiday,
    compare_days,
    country_days,
    load_country,
    remove_holiday,
    set_days,
    stops_planned,
)
from server.planning.replanning import TOPIC, plan_positions_again
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast

BY = Actor.command("test")
SATURDAY = date(2026, 2, 28)
_ON_DAY = """
select count(*) from day_plan_stop s
join day_plan p on p.id = s.day_plan_id and p.plan_version = s.plan_version where p.day = :day
"""


def planned_on(uow: UnitOfWork, day: date) -> int:
    return int(uow.rows(_ON_DAY, day=day)[0][0])


def first_planned(uow: UnitOfWork, cast: Cast) -> date:
    plan_again(uow, [cast.ana.position_id, cast.ben.position_id], TODAY)
    found: date = uow.rows(
        "select p.day from day_plan p join day_plan_stop s on s.day_plan_id = p.id"
        " and s.plan_version = p.plan_version where p.day > :today order by 1 limit 1",
        today=TODAY,
    )[0].day
    return found


def test_plans_follow_a_holiday_that_is_added_and_taken_away(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        day = first_planned(uow, cast)
        before = planned_on(uow, day)
        assert before > 0
        assert stops_planned(uow, [day, TODAY - timedelta(days=7)], today=TODAY) == before
        add_holiday(uow, BY, day, "Lantern Fair", today=TODAY)
        assert planned_on(uow, day) == 0
        with pytest.raises(CodeTaken):
            add_holiday(uow, BY, day, "Again", today=TODAY)
        remove_holiday(uow, BY, day, today=TODAY)
        assert planned_on(uow, day) == before
        with pytest.raises(FieldInvalid):
            remove_holiday(uow, BY, day + timedelta(days=1), today=TODAY)
        assert [one.action for one in changes_of(uow, subject_kind="holiday")] == [
            "holiday.remove",
            "holiday.add",
        ]


def test_a_year_of_china_has_its_holidays_and_the_weekends_worked_for_them() -> None:
    days = {each.day: each for each in country_days("cn", 2026, language="en_US")}
    assert days[date(2026, 10, 1)] == CalendarDay(date(2026, 10, 1), "National Day", False, "CN")
    assert days[SATURDAY].is_worked
    assert {each.day.year for each in days.values()} == {2026}
    assert sum(each.is_worked for each in days.values()) == 6


def test_a_subdivision_has_days_of_its_own() -> None:
    epiphany = date(2026, 1, 6)
    bavaria = {each.day: each for each in country_days("DE", 2026, subdivision="BY")}
    assert bavaria[epiphany].calendar == "DE-BY"
    assert epiphany not in {each.day for each in country_days("DE", 2026)}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"country": "XX", "year": 2026}, "ISO 3166"),
        ({"country": "DE", "year": 1900}, "year"),
        ({"country": "DE", "year": 2026, "subdivision": "XX"}, "BY"),
        ({"country": "CN", "year": 2026, "language": "xx"}, "zh_CN"),
    ],
)
def test_what_no_calendar_has_is_refused_with_what_there_is(
    asked: dict[str, object], said: str
) -> None:
    with pytest.raises(FieldInvalid, match=said):
        country_days(**asked)  # type: ignore[arg-type]


def test_loading_again_brings_a_year_up_to_date_and_leaves_what_the_company_set() -> None:
    def day(number: int, name: str, calendar: str | None = "CN") -> CalendarDay:
        return CalendarDay(date(2027, 5, number), name, calendar=calendar)

    held = [day(1, "Labour Day"), day(2, "Gone since"), day(3, "Ours", None), day(4, "DE's", "DE")]
    wanted = [day(1, "Labor Day"), day(3, "Labor Day"), day(4, "Labor Day"), day(5, "Labor Day")]
    changes = compare_days(held, wanted, "CN")
    assert changes.added == (wanted[3],)
    assert changes.changed == ((held[0], wanted[0]),)
    assert changes.removed == (held[1],)
    assert changes.own == (held[2],)
    assert changes.unchanged == 1


def test_a_loaded_day_gives_way_to_the_companys_own(db: Database, cast: Cast) -> None:
    wanted = country_days("CN", 2026, language="en_US")
    new_year = date(2026, 1, 1)
    with db.company(cast.company.id) as uow:
        load_country(uow, BY, wanted, "CN", 2026, today=TODAY)
        add_holiday(uow, BY, new_year, "We work", is_worked=True, today=TODAY)
        again = load_country(uow, BY, wanted, "CN", 2026, today=TODAY)
        assert (again.added, again.changed, again.removed) == ((), (), ())
        assert [each.name for each in again.own] == ["We work"]
        assert len(changes_of(uow, subject_kind="holiday")) == len(wanted) + 1


def test_only_days_that_differ_are_logged(db: Database, cast: Cast) -> None:
    fair = CalendarDay(TODAY, "Fair")
    with db.company(cast.company.id) as uow:
        assert set_days(uow, BY, {TODAY: fair}, today=TODAY) == [TODAY]
        assert set_days(uow, BY, {TODAY: fair}, today=TODAY) == []
        assert len(changes_of(uow, subject_kind="holiday")) == 1


def test_a_company_of_many_positions_leaves_the_rest_of_its_plans_to_the_queue(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replanning, "POSITIONS_AT_ONCE", 1)
    # The effect plans from the company's own day on.
    monkeypatch.setattr(replanning, "company_day", lambda _: TODAY)
    with db.company(cast.company.id) as uow:
        day = first_planned(uow, cast)
        both = planned_on(uow, day)
        add_holiday(uow, BY, day, "Lantern Fair", today=TODAY)
        assert 0 < planned_on(uow, day) < both
        (work,) = uow.rows("select topic, payload from outbox")
    assert work.topic == TOPIC
    for _ in range(2):
        plan_positions_again(db, cast.company.id, map(UUID, work.payload["ids"]))
        with db.reading(cast.company.id) as uow:
            assert planned_on(uow, day) == 0


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Callable[..., Result]:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    return lambda *words: CliRunner().invoke(holiday, [*words, "--company", cast.company.code])


def test_a_dry_run_shows_what_loading_would_do_and_changes_nothing(
    run: Callable[..., Result],
) -> None:
    load = ("load", "--country", "CN", "--year", "2026", "--language", "en_US")
    dry = run(*load, "--dry-run").output
    assert "+ 2026-02-28 Worked weekend (worked)" in dry
    assert "28 added, 0 changed, 0 removed" in dry
    assert run("list").output == "There is none yet.\n"
    assert "28 added" in run(*load).output
    assert "0 added, 0 changed, 0 removed, 28 as they were" in run(*load).output
    assert "2026-02-28  Worked weekend" in run("list", "--year", "2026").output
    assert run("list", "--year", "2025").output == "There is none yet.\n"
    assert run("load", "--country", "XX", "--year", "2026").exit_code == 1


def test_names_are_in_the_countrys_language_wherever_the_server_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for spoken in ("C.UTF-8", "en_US.UTF-8", "zh_CN.UTF-8"):
        monkeypatch.setenv("LANGUAGE", spoken)
        monkeypatch.setenv("LANG", spoken)
        assert country_days("DE", 2027)[0].name == "Neujahr"
    assert country_days("DE", 2027, language="en_US")[0].name == "New Year's Day"
