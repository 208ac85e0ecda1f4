"""Progress is what the facts say: it follows late facts and decisions, and tells phones only what changed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from mobile_contract.phone.targets import pace_of
from mobile_contract.records.target import expected_by, remaining_of
from server.identity.change_log import Actor
from server.jobs.work import EFFECTS, Workshop
from server.measures.flag_decisions import decide_flag
from server.targets.errors import TargetInvalid
from server.targets.months import Calendar, days_of, last_day, read_calendar, read_month
from server.targets.progress import (
    refresh_all_targets,
    refresh_targets,
    refresh_targets_since,
)
from server.targets.progress_list import (
    PersonShare,
    TargetProgress,
    days_held,
    list_progress,
    share_by_person,
)
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person, add_holiday, add_occupancy, add_policy
from tests.measures_factories import add_visit
from tests.server.targets.conftest import MARCH, NOW, Make
from tests.sync.talking import HOUR, Phone, counted_statements, rows_of

Listed = Callable[..., list[TargetProgress]]


@pytest.fixture
def listed(db: Database, cast: Cast) -> Listed:
    def ask(month: date = MARCH, **asked: Any) -> list[TargetProgress]:
        with db.reading(cast.company.id) as uow:
            return list_progress(uow, month, **asked)

    return ask


@pytest.fixture
def shared(db: Database, cast: Cast) -> Callable[..., list[PersonShare]]:
    def ask(month: date = MARCH, **asked: Any) -> list[PersonShare]:
        with db.reading(cast.company.id) as uow:
            return share_by_person(uow, list_progress(uow, month, **asked))

    return ask


def march_of(phone: Phone) -> dict[str, Any]:
    return next(f for f in map(phone.fields, phone.ids("target")) if f["month"] == "2026-03")


def test_a_visit_that_was_sent_shows_as_progress_on_the_phone(
    make: Make, db: Database, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    make()
    ana = phone(cast.ana)
    ana.pull()
    assert march_of(ana)["actual"] == 0
    assert ana.statuses(ana.visit(cast.ana_stores[0], ago=HOUR)) == ["applied"]
    later = NOW + timedelta(minutes=5)
    changed = refresh_targets_since(db, cast.company.id, NOW - timedelta(minutes=1), TODAY, later)
    assert changed == 1
    came = [(change["kind"], change["op"]) for change in ana.pull()]
    assert came.count(("target", "put")) == 1
    assert march_of(ana)["actual"] == 1
    assert march_of(ana)["as_of"] == int(later.timestamp() * 1000)


def test_figures_that_are_the_same_make_no_version(
    make: Make, db: Database, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    make()
    ana = phone(cast.ana)
    ana.pull()
    before = rows_of(db, cast, "select id, version from record where kind = 23 order by id")
    for minutes in (1, 2):
        refresh_all_targets(db, cast.company.id, TODAY, NOW + timedelta(minutes=minutes))
    assert ana.pull() == []
    after = rows_of(db, cast, "select id, version from record where kind = 23 order by id")
    assert after == before


def test_only_who_sent_something_is_looked_at(make: Make, db: Database, cast: Cast) -> None:
    make()
    assert refresh_targets_since(db, cast.company.id, NOW, TODAY, NOW) == 0


def test_what_was_kept_counts_once_it_is_released(
    make: Make, roadbook: SyncEngine, cast: Cast, phone: Callable[[Person], Phone]
) -> None:
    make()
    ana = phone(cast.ana)
    store = ana.new_store()
    assert ana.statuses(ana.visit(store["entity_id"], ago=HOUR)) == ["deferred"]
    later = datetime.now(UTC)
    changed = refresh_targets_since(roadbook.database, cast.company.id, later, TODAY, NOW)
    assert changed == 0
    assert ana.statuses(store) == ["applied"]
    roadbook.release_deferred(cast.company.id, [UUID(store["entity_id"])])
    with roadbook.database.company(cast.company.id) as uow:
        # What was sent was sent long ago.
        uow.run("update ledger set received_at = received_at - interval '1 day'")
    refresh_targets_since(roadbook.database, cast.company.id, later, TODAY, NOW)
    ana.pull()
    assert march_of(ana)["actual"] == 1


def test_a_new_day_moves_the_working_days(
    make: Make, db: Database, cast: Cast, phone: Callable[[Person], Phone], owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        add_holiday(connection, cast.company, TODAY)
    make()
    ana = phone(cast.ana)
    ana.pull()
    assert (march_of(ana)["working_days_gone"], march_of(ana)["working_days"]) == (2, 25)
    refresh_all_targets(db, cast.company.id, TODAY + timedelta(days=1), NOW + timedelta(days=1))
    # The holiday is no working day that has gone, so nothing changed.
    assert ana.pull() == []
    refresh_all_targets(db, cast.company.id, TODAY + timedelta(days=2), NOW + timedelta(days=2))
    ana.pull()
    assert march_of(ana)["working_days_gone"] == 3


def test_a_late_visit_counts_in_its_own_month(
    make: Make, db: Database, cast: Cast, owner_engine: Engine, listed: Listed
) -> None:
    make()
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0], day=date(2026, 2, 27))
    refresh_all_targets(db, cast.company.id, TODAY, NOW)
    held = rows_of(db, cast, "select month from target where actual = 1")
    assert [row.month for row in held] == [date(2026, 2, 1)]
    assert [each.actual for each in listed(date(2026, 2, 1))] == [1, 0]


def test_a_decision_about_a_flag_comes_to_the_phone(
    make: Make,
    db: Database,
    cast: Cast,
    roadbook: SyncEngine,
    phone: Callable[[Person], Phone],
    owner_engine: Engine,
) -> None:
    today = rows_of(db, cast, "select (now() at time zone 'Asia/Shanghai')::date as day")[0].day
    make(year=today.year, today=today)
    ana = phone(cast.ana)
    ana.pull()
    with owner_engine.begin() as connection:
        visit = add_visit(
            connection, cast.company, cast.ana, cast.ana_stores[0], day=today, verdict="OFFSITE"
        )
    with db.company(cast.company.id) as uow:
        decide_flag(
            uow,
            Actor("Sam"),
            visit,
            "offsite",
            "ACCEPTED",
            "The pin.",
            now=datetime.now().astimezone(),
        )
    (row,) = rows_of(db, cast, "select id, topic, payload from outbox")
    EFFECTS[row.topic](Workshop(db, roadbook), cast.company.id, row.payload)
    ana.pull()
    months = {f["month"]: f["actual"] for f in map(ana.fields, ana.ids("target"))}
    assert months[f"{today:%Y-%m}"] == 1
    assert sum(months.values()) == 1


def test_the_statements_of_a_refresh_grow_with_nothing(
    make: Make, db: Database, cast: Cast, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    make()
    counts = []
    for positions, person in (
        ([cast.ana.position_id], cast.ana),
        ([cast.ana.position_id, cast.ben.position_id], cast.ben),
    ):
        with owner_engine.begin() as connection:
            for place, store in enumerate((*cast.ana_stores, *cast.ben_stores)):
                add_visit(connection, cast.company, person, store, hour=9 + place)
        with counted_statements(monkeypatch) as statements, db.company(cast.company.id) as uow:
            assert refresh_targets(uow, positions, TODAY, NOW) > 0
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_progress_says_what_is_expected_and_what_remains(
    make: Make, db: Database, cast: Cast, owner_engine: Engine, listed: Listed
) -> None:
    make()
    with owner_engine.begin() as connection:
        for place, store in enumerate(cast.ana_stores):
            add_visit(connection, cast.company, cast.ana, store, hour=9 + place)
    ana, ben = listed()
    assert (ana.position_code, ana.target, ana.actual, ana.remaining) == ("REP-ANA", 100, 3, 97)
    assert ana.expected == 100 * ana.working_days_gone // ana.working_days
    assert (ben.position_code, ben.actual) == ("REP-BEN", 0)
    assert [each.position_code for each in listed(region_id=cast.regions.south)] == ["REP-BEN"]
    assert [each.position_code for each in listed(position_id=cast.ana.position_id)] == ["REP-ANA"]
    assert listed(measure="PC") == []
    assert listed(date(2027, 3, 1)) == []
    first = listed(at_most=1)
    assert [each.position_code for each in listed(after=first[0])] == ["REP-BEN"]


def test_an_asker_sees_the_targets_of_the_positions_they_may_see(
    make: Make, cast: Cast, listed: Listed
) -> None:
    make()
    assert [each.position_code for each in listed(asker_id=cast.ben.id)] == ["REP-BEN"]
    assert len(listed(asker_id=cast.sam.id)) == 2


def test_who_moves_in_the_middle_of_a_month_has_a_part_of_it(
    make: Make,
    cast: Cast,
    owner_engine: Engine,
    shared: Callable[..., list[PersonShare]],
) -> None:
    make()
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update occupancy set ends_on = '2026-03-11' where company_id = %s and person_id = %s",
            (cast.company.id, cast.ana.id),
        )
        add_occupancy(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            person_id=cast.mia.id,
            starts_on=date(2026, 3, 16),
        )
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
    parts = [
        (share.person_name, share.working_days, share.target, share.actual)
        for share in shared(position_id=cast.ana.position_id)
    ]
    # Nine, fourteen and, until the successor came, three of twenty-six working days of 100.
    assert parts == [("Ana", 9, 35, 1), ("Mia", 14, 54, 0), (None, 3, 11, 0)]


def test_who_stands_in_has_the_days(
    make: Make, cast: Cast, owner_engine: Engine, shared: Callable[..., list[PersonShare]]
) -> None:
    make()
    with owner_engine.begin() as connection:
        add_occupancy(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            person_id=cast.ben.id,
            starts_on=date(2026, 3, 16),
            is_acting=True,
        )
    parts = [
        (share.person_name, share.working_days, share.target)
        for share in shared(position_id=cast.ana.position_id)
    ]
    assert parts == [("Ana", 12, 46), ("Ben", 14, 54)]
    assert shared(date(2027, 1, 1)) == []


@dataclass(frozen=True)
class Held:
    person_id: UUID
    starts_on: date
    ends_on: date | None = None
    is_acting: bool = False


def test_days_that_nobody_held_come_last() -> None:
    one = uuid4()
    days = list(days_of(date(2026, 3, 2), date(2026, 3, 7)))
    assert list(days_held([Held(one, date(2026, 3, 4))], days).items()) == [(one, 4), (None, 2)]
    assert days_held([], days) == {None: 6}


def test_a_month_follows_the_companys_calendar(
    db: Database, cast: Cast, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        add_holiday(connection, cast.company, date(2026, 3, 9))
        connection.exec_driver_sql(
            "insert into holiday (company_id, day, name, is_worked)"
            " values (%s, '2026-03-08', 'A worked Sunday', true)",
            (cast.company.id,),
        )
        add_policy(connection, cast.company, version=2, working_weekdays=[1, 2, 3, 4, 5])
    with db.reading(cast.company.id) as uow:
        calendar = read_calendar(uow, MARCH, last_day(MARCH))
    assert calendar.in_month(MARCH) == 22
    assert calendar.gone(MARCH, date(2026, 3, 10)) == 6
    assert calendar.gone(MARCH, date(2026, 5, 1)) == 22
    assert calendar.gone(MARCH, date(2026, 2, 1)) == 0
    assert Calendar(()).in_month(MARCH) == 0


def test_a_month_is_read_as_it_is_typed() -> None:
    assert read_month("2026-12") == date(2026, 12, 1)
    assert last_day(date(2026, 12, 1)) == date(2026, 12, 31)
    for typed in ("2026", "2026-13", "March", "2026-03-01"):
        with pytest.raises(TargetInvalid):
            read_month(typed)


@pytest.mark.parametrize(
    ("target", "actual", "gone", "days", "expected", "remaining", "is_behind"),
    [
        (860, 512, 15, 25, 516, 348, True),
        (860, 516, 15, 25, 516, 344, False),
        (100, 120, 10, 20, 50, 0, False),
        (100, 0, 0, 22, 0, 100, False),
        (7, 3, 1, 3, 2, 4, False),
        (7, 0, 0, 0, 7, 7, True),
        (0, -5, 1, 2, 0, 5, True),
    ],
)
def test_the_phone_computes_the_pace_as_the_server_does(
    target: int, actual: int, gone: int, days: int, expected: int, remaining: int, is_behind: bool
) -> None:
    assert expected_by(target, gone, days) == expected
    assert remaining_of(target, actual) == remaining
    fields = {
        "target": target,
        "actual": actual,
        "working_days_gone": gone,
        "working_days": days,
    }
    pace = pace_of(fields)
    assert (pace.expected, pace.remaining, pace.is_behind) == (expected, remaining, is_behind)
