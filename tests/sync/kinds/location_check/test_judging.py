"""What becomes of answers to location checks: an event like any other, with where it lies."""

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy

from sync.geo import Point, boundaries_of
from sync.kinds.location_check.verdict import Surroundings, judge_answer
from sync.unit_of_work import Database
from tests.activities_factories import add_location_check
from tests.factories import TODAY, Cast, Person, add_day_plan, square
from tests.sync.talking import MINUTE, Json, Phone, only, rows_of, spot

PhoneOf = Callable[[Person], Phone]


def answer(phone: Phone, check: object, place: tuple[int, int] | None = None) -> Json:
    return phone.item("location_check", "answer", check, {"answered": phone.event(place=place)})


@pytest.fixture
def check(cast: Cast, db: Database) -> UUID:
    with db.company(cast.company.id) as uow:
        return add_location_check(uow, cast, cast.ana)


def test_it_comes_down_to_who_is_asked_and_who_asks(
    cast: Cast, phone: PhoneOf, check: UUID
) -> None:
    for person, sees in ((cast.ana, True), (cast.sam, True), (cast.mia, False), (cast.ben, False)):
        one = phone(person)
        one.pull()
        assert (check in one.ids("location_check")) is sees


def test_an_answer_says_where_it_lies_against_the_region_and_the_days_stores(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine, check: UUID
) -> None:
    with owner_engine.begin() as connection:
        add_day_plan(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            day=TODAY,
            store_ids=cast.ana_stores,
        )
    ana, sam = phone(cast.ana), phone(cast.sam)
    place = spot(cast, db, cast.ana_stores[1])
    assert ana.push_one(answer(ana, check, place))["status"] == "applied"
    sam.pull()
    fields = sam.fields(check)
    assert fields["state"] == "ANSWERED"
    assert fields["answer"]["flags"] == []
    assert fields["answer"]["verdict"] == {
        "region": "INSIDE",
        "region_id": str(cast.regions.north),
        "outside_cm": 0,
        "accuracy_cm": 900,
        "stores": 3,
        "nearest_store_id": str(cast.ana_stores[1]),
        "nearest_cm": 0,
    }
    row = only(rows_of(db, cast, "select region, stores, nearest_cm from location_answer"))
    assert tuple(row) == ("INSIDE", 3, 0)


def test_an_answer_without_a_fix_is_an_answer(
    cast: Cast, phone: PhoneOf, db: Database, check: UUID
) -> None:
    ana = phone(cast.ana)
    assert ana.push_one(answer(ana, check))["status"] == "applied"
    ana.pull()
    told = ana.fields(check)["answer"]
    assert (told["verdict"]["region"], told["flags"]) == ("UNCERTAIN", [{"flag": "no_fix"}])


def test_a_late_answer_is_taken_and_flagged(
    cast: Cast, phone: PhoneOf, db: Database, check: UUID
) -> None:
    ana = phone(cast.ana)
    ana.now += 60 * MINUTE
    assert ana.push_one(answer(ana, check, (313_500_000, 1_215_000_000)))["status"] == "applied"
    ana.pull()
    fields = ana.fields(check)
    assert fields["state"] == "ANSWERED"
    # Captured a minute before: half an hour and 29 minutes after it was asked for.
    assert fields["answer"]["flags"] == [{"flag": "answered_late", "late_ms": 29 * MINUTE}]


def test_a_second_answer_is_kept_and_told(
    cast: Cast, phone: PhoneOf, db: Database, check: UUID
) -> None:
    ana = phone(cast.ana)
    ana.push_one(answer(ana, check))
    result = ana.push_one(answer(ana, check, (313_500_000, 1_215_000_000)))
    assert result["status"] == "merged"
    assert result["merged"]["state"] == {"kept": "ANSWERED", "lost": "ASKED"}
    kept = rows_of(db, cast, "select is_settling from location_answer order by 1")
    assert [row.is_settling for row in kept] == [False, True]


def test_only_who_is_asked_answers(cast: Cast, phone: PhoneOf, check: UUID) -> None:
    sam, ben = phone(cast.sam), phone(cast.ben)
    refused = sam.push_one(answer(sam, check))
    assert (refused["code"], refused["where"]) == ("not_permitted", "entity_id")
    assert ben.push_one(answer(ben, check))["code"] == "not_in_scope"


NORTH = Surroundings("r", tuple(boundaries_of(square("North"))), {})
EDGE = 314_000_000
"""The northern edge of North, degrees × 10⁷; 9 of them are a metre."""


@pytest.mark.parametrize(
    ("north_m", "accuracy_cm", "region"),
    [
        (-10, 900, "INSIDE"),
        (-10, 20_001, "UNCERTAIN"),
        (50, 6_000, "TOLERATED"),
        (50, 4_000, "OUTSIDE"),
        (120, 15_000, "OUTSIDE"),
    ],
)
def test_the_first_verdict_that_holds_is_told(north_m: int, accuracy_cm: int, region: str) -> None:
    point = Point(EDGE + 90 * north_m, 1_215_000_000)
    verdict = judge_answer(point, accuracy_cm, NORTH)
    assert (verdict["region"], verdict["region_id"]) == (region, "r")
    assert (verdict["outside_cm"] == 0) is (north_m < 0)


def test_without_a_boundary_there_is_no_verdict_on_the_region() -> None:
    verdict = judge_answer(Point(EDGE, 0), 900, Surroundings(None, (), {"s": Point(EDGE, 0)}))
    assert (verdict["region"], verdict["outside_cm"]) == ("NO_BOUNDARY", None)
    assert (verdict["nearest_store_id"], verdict["nearest_cm"]) == ("s", 0)


def test_the_boundary_of_the_region_above_is_used_where_the_own_has_none(
    cast: Cast, phone: PhoneOf, db: Database, check: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        uow.run("update region set boundary = null where id = :id", id=cast.regions.north)
    ana = phone(cast.ana)
    ana.push_one(answer(ana, check, (313_500_000, 1_215_000_000)))
    ana.pull()
    verdict = ana.fields(check)["answer"]["verdict"]
    assert (verdict["region"], verdict["region_id"]) == ("INSIDE", str(cast.regions.harbour))
