"""A position without a holder keeps its work; whoever stands in has it on their phone."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner, Result

from server.identity.change_log import Actor
from server.identity.occupancies import end_occupancy, occupancy_of
from server.planning.day_begins import begin_day
from server.planning.day_plans import plan_id, set_plan_stops
from server.planning.errors import NoSuchPlan
from server.planning.handover import hand_over
from server.planning.organisation_commands import position
from server.planning.plan_commands import plan
from server.planning.plan_list import show_plan
from server.planning.vacancies import list_vacancies
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests.factories import NOON_MS, TODAY, Cast, Person, item, pull_all, push_items

Visible = Callable[[Person], set[UUID]]
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
LAST_DAY = TODAY + timedelta(days=2)


@pytest.fixture
def vacant(planned: Cast, db: Database, office: Actor) -> Cast:
    """Ana's position is vacant since today."""
    with db.company(planned.company.id) as uow:
        held = occupancy_of(uow, planned.ana.id, planned.ana.position_id, TODAY)
        end_occupancy(uow, office, held, last_day=YESTERDAY, today=TODAY)
    return planned


def stand_in(cast: Cast, db: Database, office: Actor) -> None:
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.ben.id,
            first_day=TODAY, last_day=LAST_DAY, is_acting=True, today=TODAY,
        )  # fmt: skip


def test_a_vacant_position_is_listed_with_who_was_there_who_stands_in_and_who_comes(
    vacant: Cast, db: Database, office: Actor
) -> None:
    cast = vacant
    stand_in(cast, db, office)
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.aki.id,
            first_day=TODAY + timedelta(days=9), today=TODAY,
        )  # fmt: skip
        (found,) = list_vacancies(uow, TODAY)
        assert list_vacancies(uow, TODAY, is_uncovered=True) == []
        assert [one.code for one in list_vacancies(uow, TODAY, region_id=cast.regions.harbour)]
        assert list_vacancies(uow, TODAY, region_id=cast.regions.south) == []
        (later,) = list_vacancies(uow, LAST_DAY + timedelta(days=1), is_uncovered=True)
        assert list_vacancies(uow, YESTERDAY) == []
        assert list_vacancies(uow, TODAY + timedelta(days=9)) == []
    assert (found.position_id, found.last_holder, found.last_day) == (
        cast.ana.position_id,
        "Ana",
        YESTERDAY,
    )
    assert (found.acting, found.acting_until) == (("Ben",), LAST_DAY)
    assert (found.next_holder, found.next_day) == ("Aki", TODAY + timedelta(days=9))
    assert found.routes == 1
    assert found.stops_due > 0
    assert later.acting == ()


def test_the_plans_of_a_vacant_position_go_to_the_phone_of_who_stands_in_and_leave_it_again(
    vacant: Cast, db: Database, office: Actor, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    cast = vacant
    plan_today = plan_id(cast.ana.position_id, TODAY)
    assert plan_today not in visible_to(cast.ana)
    assert plan_today not in visible_to(cast.ben)
    stand_in(cast, db, office)
    changes, _ = pull_all(sync_engine, cast.ben.device)
    pulled = {change["id"] for change in changes}
    assert {str(plan_today), str(cast.ana_route), *map(str, cast.ana_stores)} <= pulled
    # Plans go on being made while nobody holds the position.
    begin_day(db, cast.company.id, LAST_DAY)
    assert plan_id(cast.ana.position_id, LAST_DAY + timedelta(days=5)) in visible_to(cast.ben)
    begin_day(db, cast.company.id, LAST_DAY + timedelta(days=1))
    assert plan_today not in visible_to(cast.ben)


@pytest.mark.parametrize("is_named", [True, False])
def test_work_of_who_stands_in_is_of_the_position_that_it_names_else_of_their_own(
    vacant: Cast, db: Database, office: Actor, sync_engine: SyncEngine, *, is_named: bool
) -> None:
    cast = vacant
    stand_in(cast, db, office)
    payload: dict[str, object] = {
        "store_id": str(cast.ana_stores[0]),
        "is_by_phone": False,
        "check_in": {"at": NOON_MS, "uptime_ms": 6 * 3_600_000},
        "steps": [],
    }
    if is_named:
        payload["position_id"] = str(cast.ana.position_id)
    visit = item("visit", "create", cast.company.named("a visit"), payload)
    (result,) = push_items(sync_engine, cast.ben.device, [visit])
    assert result["status"] == "applied"
    with db.reading(cast.company.id) as uow:
        (row,) = uow.rows("select person_id, position_id from visit")
    expected = cast.ana.position_id if is_named else cast.ben.position_id
    assert (row.person_id, row.position_id) == (cast.ben.id, expected)


def test_every_version_of_a_plan_is_shown_with_when_and_by_whom(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    with db.company(cast.company.id) as uow:
        set_plan_stops(
            uow, office, plan_id(cast.ana.position_id, TODAY), [cast.ben_stores[0]], today=TODAY
        )
    with db.reading(cast.company.id) as uow:
        shown = show_plan(uow, cast.ana.position_id, TODAY)
        with pytest.raises(NoSuchPlan):
            show_plan(uow, cast.ana.position_id, TODAY - timedelta(days=300))
    first, second = shown.versions
    assert shown.frozen_at is not None
    assert [stop.store_id for stop in first.stops] == list(cast.ana_stores)
    assert {stop.route for stop in first.stops} == {"North round"}
    assert [(stop.store_id, stop.route) for stop in second.stops] == [(cast.ben_stores[0], None)]
    assert (first.made_by, second.made_by) == (None, "the office")
    assert first.made_at is not None
    assert second.made_at is not None
    assert first.made_at <= second.made_at


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    groups = {"position": position, "plan": plan}
    return lambda group, *words: CliRunner().invoke(groups[group], list(words))


def test_vacancies_and_plans_are_read_on_the_command_line(
    vacant: Cast, run: Callable[..., Result], db: Database
) -> None:
    company = ("--company", vacant.company.code)
    day = TODAY.isoformat()
    with db.reading(vacant.company.id) as uow:
        code = list_vacancies(uow, TODAY)[0].code
    assert f"Ana {YESTERDAY}" in run("position", "vacancies", "--on", day, *company).output
    held = run("position", "vacancies", "--on", YESTERDAY.isoformat(), *company).output
    assert held == "Every position is held.\n"
    shown = run("plan", "show", code, "--on", day, *company).output
    assert "Version 1" in shown
    assert "from routes: 3 stop(s)" in shown
    assert run("plan", "show", code, "--on", day, "--all", *company).output == shown
    missing = run("plan", "show", code, "--on", day, "--version", "2", *company)
    assert missing.exit_code == 1
    assert "versions 1 to 1" in missing.output
