"""What runs by the clock runs once a day of each company, catches up, and fails alone."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from sqlalchemy import Engine, create_engine

from server.forms.edits import begin_new, edits_of
from server.jobs import schedule as schedule_module
from server.jobs.schedule import RedisMemory, Schedule
from server.jobs.work import Workshop
from sync.unit_of_work import Database
from tests.conftest import copied_database
from tests.factories import Company, add_policy, make_cast, make_cast_rows, make_company
from tests.measures_factories import add_visit

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


class Days:
    """Stands in for the begin of a day: notes it, and fails for whom it is told."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, date]] = []
        self.fails: set[int] = set()

    def __call__(self, _database: Any, company_id: int, today: date) -> str:
        if company_id in self.fails:
            raise ValueError("a broken rule")
        self.begun.append((company_id, today))
        return "begun"

    def of(self, company: Company) -> list[str]:
        return [day.isoformat() for company_id, day in self.begun if company_id == company.id]


@pytest.fixture(scope="module")
def alone(servers: dict[str, str], worker_id: str) -> Iterator[dict[str, str]]:
    """A database of this module's own: a round looks at every company that there is."""
    with copied_database(servers, f"roadbook_schedule_{worker_id}") as urls:
        yield urls


@pytest.fixture(scope="module")
def owner_engine(alone: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(alone["owner"])
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def job_database(alone: dict[str, str]) -> Iterator[Database]:
    made = create_engine(alone["app"])
    yield Database(made)
    made.dispose()


@pytest.fixture
def days(monkeypatch: pytest.MonkeyPatch) -> Days:
    made = Days()
    monkeypatch.setattr(schedule_module, "begin_day", made)
    return made


@pytest.fixture
def memory(client: redis.Redis) -> RedisMemory:
    return RedisMemory(client)


def make_schedule(shop: Workshop, memory: RedisMemory) -> Schedule:
    return Schedule(shop.database, shop.engine, memory, ledger_days=400, change_days=90)


def test_a_day_begins_once_at_the_midnight_of_its_company(
    shop: Workshop, memory: RedisMemory, days: Days, owner_engine: Engine
) -> None:
    shanghai = make_company(owner_engine, time_zone="Asia/Shanghai")
    lima = make_company(owner_engine, time_zone="America/Lima")
    schedule = make_schedule(shop, memory)
    for hours in range(0, 30, 2):
        schedule.round(NOON + timedelta(hours=hours))
    assert days.of(shanghai) == ["2026-03-04", "2026-03-05", "2026-03-06"]
    assert days.of(lima) == ["2026-03-04", "2026-03-05"]


def test_another_worker_does_not_do_it_again(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company
) -> None:
    make_schedule(shop, memory).round(NOON)
    make_schedule(shop, memory).round(NOON)
    assert days.of(company) == ["2026-03-04"]


def test_without_redis_it_is_done_once_more_and_no_more(
    shop: Workshop, days: Days, company: Company
) -> None:
    away = RedisMemory(redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)))
    schedule = make_schedule(shop, away)
    schedule.round(NOON)
    schedule.round(NOON)
    make_schedule(shop, away).round(NOON)
    assert days.of(company) == ["2026-03-04", "2026-03-04"]


def test_who_is_at_it_already_is_left_alone(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company
) -> None:
    assert memory.claim(f"day:{company.id}")
    schedule = make_schedule(shop, memory)
    schedule.round(NOON)
    assert days.of(company) == []
    memory.give_back(f"day:{company.id}")
    schedule.round(NOON)
    assert days.of(company) == ["2026-03-04"]


def test_after_days_without_a_worker_today_begins(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company
) -> None:
    make_schedule(shop, memory).round(NOON)
    make_schedule(shop, memory).round(NOON + timedelta(days=10))
    assert days.of(company) == ["2026-03-04", "2026-03-14"]


def test_a_company_that_fails_keeps_no_other_from_its_day_and_is_tried_again(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company, owner_engine: Engine
) -> None:
    other = make_company(owner_engine)
    days.fails = {company.id}
    schedule = make_schedule(shop, memory)
    schedule.round(NOON)
    assert (days.of(company), days.of(other)) == ([], ["2026-03-04"])
    days.fails = set()
    schedule.round(NOON + timedelta(minutes=1))
    assert days.of(company) == []
    schedule.round(NOON + timedelta(minutes=6))
    assert days.of(company) == ["2026-03-04"]


def test_a_time_zone_that_does_not_exist_is_taken_as_utc(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        add_policy(connection, company, version=2, time_zone="Mars/Olympus")
    make_schedule(shop, memory).round(NOON)
    assert days.of(company) == ["2026-03-04"]


def test_a_worker_that_stops_begins_no_other_day(
    shop: Workshop, memory: RedisMemory, days: Days, company: Company
) -> None:
    schedule = make_schedule(shop, memory)
    schedule.is_stopping = lambda: True
    schedule.round(NOON)
    assert days.begun == []


def test_the_true_begin_of_a_day_runs_for_every_company(
    shop: Workshop, memory: RedisMemory, company: Company
) -> None:
    schedule = make_schedule(shop, memory)
    schedule.round(NOON)
    assert memory.recall(f"day:{company.id}") == "2026-03-04"
    assert memory.recall(f"purge:{company.id}") == "2026-03-04"


class Followed:
    """Stands in for the refreshing of targets: notes since when facts are looked at, and may fail."""

    def __init__(self) -> None:
        self.since: list[tuple[int, datetime]] = []
        self.is_failing = False

    def __call__(self, _database: Any, company_id: int, since: datetime, *_: Any) -> int:
        if self.is_failing:
            raise ValueError("a broken measure")
        self.since.append((company_id, since))
        return 0

    def of(self, company: Company) -> list[datetime]:
        return [since for company_id, since in self.since if company_id == company.id]


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> Followed:
    made = Followed()
    monkeypatch.setattr(schedule_module, "refresh_targets_since", made)
    return made


@pytest.mark.usefixtures("days")
def test_targets_follow_the_facts_of_the_time_since_they_did(
    shop: Workshop, memory: RedisMemory, followed: Followed, company: Company
) -> None:
    schedule = make_schedule(shop, memory)
    for minutes in (0, 1, 9, 12, 20, 25):
        schedule.round(NOON + timedelta(minutes=minutes))
    # Each time from a little before the last, so that nothing committed late is passed over.
    assert followed.of(company) == [NOON + timedelta(minutes=m) for m in (-12, -2, 10)]


@pytest.mark.usefixtures("days")
def test_another_worker_goes_on_where_one_ended(
    shop: Workshop, memory: RedisMemory, followed: Followed, company: Company
) -> None:
    make_schedule(shop, memory).round(NOON)
    make_schedule(shop, memory).round(NOON + timedelta(minutes=5))
    make_schedule(shop, memory).round(NOON + timedelta(hours=3))
    assert followed.of(company) == [NOON - timedelta(minutes=12), NOON - timedelta(minutes=2)]


@pytest.mark.usefixtures("days")
def test_facts_that_could_not_be_followed_are_followed_later(
    shop: Workshop, memory: RedisMemory, followed: Followed, company: Company
) -> None:
    schedule = make_schedule(shop, memory)
    schedule.round(NOON)
    followed.is_failing = True
    schedule.round(NOON + timedelta(minutes=10))
    followed.is_failing = False
    schedule.round(NOON + timedelta(minutes=11))
    schedule.round(NOON + timedelta(minutes=16))
    assert followed.of(company) == [NOON - timedelta(minutes=12), NOON - timedelta(minutes=2)]


def test_days_that_changed_are_counted_by_the_next_round(
    shop: Workshop, memory: RedisMemory, days: Days, owner_engine: Engine
) -> None:
    cast = make_cast_rows(owner_engine)
    schedule = make_schedule(shop, memory)
    schedule.round(NOON)
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
    schedule.round(NOON + timedelta(minutes=1))
    with shop.database.reading(cast.company.id) as uow:
        assert not uow.rows("select from days_changed")
        assert [row.store_id for row in uow.rows("select store_id from visited_days")] == [
            cast.ana_stores[0]
        ]


def test_forms_that_nobody_goes_on_making_are_let_go(
    shop: Workshop, memory: RedisMemory, owner_engine: Engine
) -> None:
    cast = make_cast(owner_engine, shop.database)
    with shop.database.company(cast.company.id) as uow:
        begin_new(uow, cast.ada.id, code="OLD", title="Old", titles={})
    schedule, now = make_schedule(shop, memory), datetime.now(UTC)
    left = []
    for days_later in (0, 29, 31):
        schedule.round(now + timedelta(days=days_later))
        with shop.database.reading(cast.company.id) as uow:
            left.append(len(edits_of(uow, cast.ada.id)))
    assert left == [1, 1, 0]
