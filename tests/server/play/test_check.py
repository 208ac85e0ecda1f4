from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import Engine as DatabaseEngine
from sqlalchemy import create_engine, make_url, text

from server.identity.device_list import list_devices
from server.media.files import make_known
from server.play.check import (
    Amounts,
    Count,
    FileCount,
    PlayedDays,
    Promised,
    count_files,
    count_in_database,
    read_played_days,
)
from server.play.ending import end_play
from server.play.enrolment import EnrolmentDesk, NobodyToPlay
from server.play.patience import ask_patiently
from server.play.rep import Rep
from server.play.report import report_lines
from server.play.tally import Tally, add_database_count
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import NOON_MS, TODAY, Cast, item, make_cast, push_items


@pytest.fixture(scope="session")
def db(engine: DatabaseEngine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: DatabaseEngine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


def visit_of(cast: Cast) -> dict[str, Any]:
    event = {"at": NOON_MS, "uptime_ms": 6 * 3_600_000}
    return item(
        "visit",
        "create",
        uuid4(),
        {
            "store_id": str(cast.ana_stores[0]),
            "is_by_phone": False,
            "check_in": event,
            "steps": [],
        },
    )


def pushed(db: Database, cast: Cast, items: list[dict[str, Any]]) -> list[Promised]:
    engine = Engine(db, ALL_KINDS, b"s" * 32)
    results = push_items(engine, cast.ana.device, items)
    return [
        Promised(each["op_id"], each["kind"], each["entity_id"], result["status"])
        for each, result in zip(items, results, strict=True)
    ]


def count(db: Database, cast: Cast, promised: list[Promised]) -> Count:
    return count_in_database(db, cast.company.id, promised, [str(cast.ana.device.id)])


def test_what_was_promised_and_is_there_once_is_neither_lost_nor_twice(
    db: Database, cast: Cast
) -> None:
    promised = pushed(db, cast, [visit_of(cast), visit_of(cast)])
    assert [each.status for each in promised] == ["applied", "applied"]
    assert count(db, cast, promised) == Count(lost=(), twice=())


def test_an_item_kept_aside_is_not_lost(db: Database, cast: Cast) -> None:
    waits = visit_of(cast)
    waits["payload"]["store_id"] = str(uuid4())
    promised = pushed(db, cast, [waits])
    assert [each.status for each in promised] == ["deferred"]
    assert count(db, cast, promised) == Count(lost=(), twice=())


def test_an_edit_in_conflict_is_not_lost(db: Database, cast: Cast) -> None:
    def edit(phone: str) -> dict[str, Any]:
        changes = {"changes": {"contact_phone": phone}}
        return item("store", "edit", cast.ana_stores[0], changes, base_version=1)

    push_items(Engine(db, ALL_KINDS, b"s" * 32), cast.sam.device, [edit("1")])
    promised = pushed(db, cast, [edit("2")])
    assert promised[0].status == "conflict"
    assert count(db, cast, promised).lost == ()


def test_a_promise_without_a_record_is_lost(db: Database, cast: Cast) -> None:
    made_up = Promised(str(uuid4()), "visit", str(uuid4()), "applied")
    lost = count(db, cast, [made_up]).lost
    assert [line.split(": ")[1] for line in lost] == [
        "no receipt",
        "applied, but there is no record",
        "applied, but there is no row",
    ]


def test_a_row_that_went_missing_is_lost(
    db: Database, cast: Cast, owner_engine: DatabaseEngine
) -> None:
    promised = pushed(db, cast, [visit_of(cast)])
    with owner_engine.begin() as connection:
        connection.execute(text("delete from visit where id = :id"), {"id": promised[0].entity_id})
    assert len(count(db, cast, promised).lost) == 1


def test_an_item_with_two_effects_is_counted_twice(
    db: Database, cast: Cast, owner_engine: DatabaseEngine
) -> None:
    promised = pushed(db, cast, [visit_of(cast)])
    with owner_engine.begin() as connection:
        connection.execute(
            text("update record set version = version + 1 where id = :id"),
            {"id": promised[0].entity_id},
        )
    assert count(db, cast, promised).twice == (f"{promised[0].entity_id}: version 2 from 1 items",)


def test_a_fact_that_nobody_captured_is_found(db: Database, cast: Cast) -> None:
    first, second = pushed(db, cast, [visit_of(cast), visit_of(cast)])
    assert count(db, cast, [first]).twice == (f"{second.entity_id}: nobody captured it",)


def test_photos_whose_files_are_not_there_are_found(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        make_known(
            uow, sha256="a" * 64, size=1, device_id=cast.ana.device.id, person_id=cast.ana.id
        )
    found = count_files(db, cast.company.id, ["a" * 64, "b" * 64, "a" * 64])
    assert found == FileCount(files=1, readings=0, lost=("b" * 64,), twice=())


def test_what_follows_from_the_whole_day_is_counted_for_what_was_played(
    db: Database, cast: Cast
) -> None:
    pushed(db, cast, [visit_of(cast), visit_of(cast), visit_of(cast)])
    end_of_day = NOON_MS + 12 * 3_600_000
    devices = [str(cast.ana.device.id)]
    read = read_played_days(db, cast.company.id, devices, end_of_day)
    assert read == PlayedDays(Counter({"repeated_store": 2}), days=1, shared=0)
    others = [str(cast.ben.device.id)]
    assert read_played_days(db, cast.company.id, others, end_of_day) == PlayedDays(Counter(), 0, 0)


def test_a_day_that_another_phone_worked_too_is_said_to_be_shared(
    db: Database, cast: Cast, owner_engine: DatabaseEngine
) -> None:
    first, *_ = pushed(db, cast, [visit_of(cast), visit_of(cast)])
    older = uuid4()
    with owner_engine.begin() as connection:
        connection.execute(
            text("update visit set device_id = :older where id = :id"),
            {"older": older, "id": first.entity_id},
        )
    read = read_played_days(db, cast.company.id, [str(older)], NOON_MS)
    assert (read.days, read.shared) == (1, 1)


def test_without_the_database_the_flags_are_those_of_each_visit_by_itself() -> None:
    tally = Tally(flags=Counter({"too_short": 2}))

    def told() -> list[str]:
        return [line.split(maxsplit=1)[1] for line in report_lines(tally) if line[:6] == "flags "]

    assert told() == ["2 too_short (of each visit by itself)"]
    add_database_count(
        tally,
        Count(lost=(), twice=()),
        Amounts(Counter(), Counter()),
        PlayedDays(Counter({"overlapping": 1}), 3, 1),
        FileCount(0, 0, (), ()),
    )
    assert told() == ["1 overlapping, 2 too_short"]


def test_every_rep_is_given_a_code_and_then_the_next_round_begins(db: Database, cast: Cast) -> None:
    seats = EnrolmentDesk(db, cast.company.code).seats(3)
    assert [seat.name for seat in seats] == ["Ana", "Ben", "Ana"]
    assert len({seat.code for seat in seats}) == 3


def test_a_company_that_is_not_there_is_named(db: Database) -> None:
    with pytest.raises(NobodyToPlay, match="nowhere"):
        EnrolmentDesk(db, "nowhere")


@dataclass(frozen=True, slots=True)
class Played:
    """As much of a rep as the end of a play looks at."""

    phone: Any
    dates: list[date]
    tracked: dict[str, Any] = field(default_factory=dict)
    track_moved_m: float = 0.0
    camera: Any = None


def played_by(cast: Cast) -> list[Rep]:
    enrolment = SimpleNamespace(device_id=str(cast.ana.device.id))
    phone = SimpleNamespace(device=SimpleNamespace(enrolment=enrolment))
    return [Played(phone, [TODAY])]  # type: ignore[list-item]


def states(db: Database, cast: Cast) -> list[str]:
    with db.reading(cast.company.id) as uow:
        return [one.state for one in list_devices(uow, cast.ana.id)]


def test_a_play_counts_in_the_database_and_gives_its_phones_back(db: Database, cast: Cast) -> None:
    desk, tally = EnrolmentDesk(db, cast.company.code), Tally()
    notes = end_play(db, desk, played_by(cast), tally, keeps_phones=True)
    assert "1 phones stay enrolled: roadbook device list" in notes
    assert states(db, cast) == ["ACTIVE"]
    notes = end_play(db, desk, played_by(cast), tally, keeps_phones=False)
    assert notes == [f"to read the day: roadbook day --date {TODAY} --company {cast.company.code}"]
    assert states(db, cast) == ["REVOKED"]
    assert tally.is_database_counted


def test_a_play_whose_connections_were_killed_counts_all_the_same(
    db: Database, cast: Cast, database: dict[str, str]
) -> None:
    desk, tally = EnrolmentDesk(db, cast.company.code), Tally()
    url = make_url(database["admin"])
    with psycopg.connect(
        host=str(url.query["host"]), user=url.username, dbname=url.database, autocommit=True
    ) as admin:
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and usename = %s",
            [db.engine.url.username],
        )
    end_play(db, desk, played_by(cast), tally, keeps_phones=False)
    assert tally.is_database_counted
    assert states(db, cast) == ["REVOKED"]


def test_without_its_database_a_play_is_told_by_pull_alone(db: Database, cast: Cast) -> None:
    desk, tally = EnrolmentDesk(db, cast.company.code), Tally()
    away = Database(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none"))
    notes = end_play(away, desk, played_by(cast), tally, keeps_phones=False, for_s=0)
    told = report_lines(tally, notes)
    assert any(line.endswith("pull alone: the database did not answer") for line in told)
    assert "1 phones stay enrolled: roadbook device list" in told
    assert told[-1].startswith("good")


def test_the_database_is_asked_until_it_answers_and_not_for_ever() -> None:
    now = [0.0]

    def pause(seconds: float) -> None:
        now[0] += seconds

    def ask() -> float:
        if now[0] < 5:
            raise psycopg.OperationalError("gone")
        return now[0]

    assert ask_patiently(ask, for_s=9, clock=lambda: now[0], pause=pause) == 5
    now[0] = 0
    assert ask_patiently(ask, for_s=3, clock=lambda: now[0], pause=pause) is None
    with pytest.raises(ZeroDivisionError):
        ask_patiently(lambda: 1 / 0)
