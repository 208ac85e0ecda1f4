"""What becomes of what phones report of visits: facts that stay, with what they are judged by."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from sync.kinds.store.publish import publish_stores
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_policy
from tests.sync.talking import DAY, HOUR, MINUTE, SECOND, Json, Phone, only, rows_of, spot

PhoneOf = Callable[[Person], Phone]


def names(fields: Json) -> list[str]:
    return [flag["flag"] for flag in fields["flags"]]


def report(ana: Phone, visit: Json) -> Json:
    assert ana.push_one(visit)["status"] == "applied"
    ana.pull()
    return ana.fields(visit["entity_id"])


def test_a_visit_is_finished_by_a_later_item(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    assert report(ana, visit)["state"] == "OPEN"
    steps = [{"step": "GREET", "outcome": "DONE"}]
    fields = report(ana, ana.finish(visit["entity_id"], steps=steps, note="all well"))
    assert (fields["state"], fields["closed_by"], fields["note"]) == ("DONE", "PERSON", "all well")
    assert [s["step"] for s in fields["steps"]] == ["GREET"]
    row = only(rows_of(db, cast, "select state, version, ended_at is not null from visit"))
    assert tuple(row) == ("DONE", 2, True)


def test_a_visit_that_has_ended_is_not_finished_again(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    results = ana.push(visit, ana.finish(visit["entity_id"]), ana.finish(visit["entity_id"]))
    assert [r["status"] for r in results] == ["applied", "applied", "quarantined"]
    assert (results[2]["code"], results[2]["where"]) == ("not_open", "op")


def test_a_visit_that_was_sent_whole_is_not_finished(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0], check_out=ana.event(MINUTE), closed_by="PERSON")
    results = ana.push(visit, ana.finish(visit["entity_id"]))
    assert (results[0]["status"], results[1]["code"]) == ("applied", "not_open")


def test_a_correction_is_a_new_version_and_the_old_ones_stay(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0], note="one")
    ana.push(visit, ana.finish(visit["entity_id"]))
    ana.push_one(ana.correct(visit["entity_id"], 2, note="two"))
    result = ana.push_one(ana.correct(visit["entity_id"], 3, note="three"))
    assert (result["status"], result["version"]) == ("applied", 4)
    kept = rows_of(
        db,
        cast,
        "select version, doc from record_version where id = :id order by version",
        id=visit["entity_id"],
    )
    seen = [(r.version, json.loads(r.doc)["state"], json.loads(r.doc)["note"]) for r in kept]
    assert seen == [(1, "OPEN", "one"), (2, "DONE", "one"), (3, "DONE", "two")]


def test_a_correction_to_another_store_is_judged_against_its_pin(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    wrong, right = cast.ana_stores[0], cast.ana_stores[2]
    visit = ana.visit(wrong, place=spot(cast, db, right))
    first = report(ana, visit)
    assert first["verdict"]["verdict"] == "OFFSITE"
    fields = report(ana, ana.correct(visit["entity_id"], 1, store_id=str(right)))
    assert fields["store_id"] == str(right)
    assert fields["verdict"]["verdict"] == "ONSITE"


def test_the_verdict_stores_its_figures_and_a_later_pin_move_does_not_change_it(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    lat, lon = spot(cast, db, store)
    visit = ana.visit(store, place=(lat + 90 * 213, lon))
    first = report(ana, visit)["verdict"]
    assert first["verdict"] == "OFFSITE"
    assert first["distance_cm"] // 100 in range(210, 216)
    assert (first["accuracy_cm"], first["radius_m"], first["policy_version"]) == (900, 200, 1)
    assert first["pin"] == {"lat_e7": lat, "lon_e7": lon}
    with db.company(cast.company.id) as uow:
        uow.run("update store set lat_e7 = lat_e7 + 90000 where id = :id", id=store)
        publish_stores(uow, [store])
    ana.pull()
    assert ana.fields(visit["entity_id"])["verdict"] == first
    after = report(ana, ana.finish(visit["entity_id"]))
    assert after["verdict"] == first
    corrected = ana.push_one(ana.correct(visit["entity_id"], 2, note="late"))
    assert corrected["status"] == "applied"
    ana.pull()
    assert ana.fields(visit["entity_id"])["verdict"] == first


def test_a_visit_is_judged_by_the_policy_of_its_arrival_and_names_its_version(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, fence_radius_m=50, min_visit_s=7200)
    with db.company(cast.company.id) as uow:
        publish_stores(uow, cast.ana_stores)
    ana, store = phone(cast.ana), cast.ana_stores[0]
    lat, lon = spot(cast, db, store)
    visit = ana.visit(store, place=(lat + 90 * 100, lon))
    ana.push(visit, ana.finish(visit["entity_id"]))
    ana.pull()
    fields = ana.fields(visit["entity_id"])
    assert (fields["verdict"]["radius_m"], fields["verdict"]["policy_version"]) == (50, 2)
    assert "too_short" in names(fields)


def test_a_store_without_a_pin_leaves_a_visit_unpinned(cast: Cast, phone: PhoneOf) -> None:
    ben = phone(cast.ben)
    visit = ben.visit(cast.ben_stores[2], place=(312_500_000, 1_215_000_000))
    assert report(ben, visit)["verdict"]["verdict"] == "UNPINNED"


def test_a_visit_by_phone_has_no_verdict(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    assert report(ana, ana.visit(cast.ana_stores[0], is_by_phone=True))["verdict"] is None


def test_a_point_is_converted_from_its_datum_once(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(
        cast.ana_stores[0],
        check_in=ana.event(HOUR, place=(313_500_000, 1_215_000_000), datum="GCJ02"),
    )
    fix = report(ana, visit)["check_in"]["fix"]
    assert fix["datum"] == "WGS84"
    assert 10_000 < abs(fix["lat_e7"] - 313_500_000) < 100_000
    again = report(ana, ana.finish(visit["entity_id"]))["check_in"]["fix"]
    assert again == fix


def skipped(ana: Phone, store: UUID) -> Json:
    return ana.item(
        "visit",
        "skip",
        uuid4(),
        {
            "store_id": str(store),
            "day_plan_id": str(uuid4()),
            "reason": "ROAD",
            "note": "flooded",
            "skipped": ana.event(),
        },
    )


def test_a_planned_visit_that_was_not_made_is_skipped_with_its_reason(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    skip = skipped(ana, cast.ana_stores[0])
    fields = report(ana, skip)
    assert (fields["state"], fields["skip_reason"], fields["check_in"]) == ("SKIPPED", "ROAD", None)
    assert fields["check_out"]["at"] == skip["payload"]["skipped"]["at"]
    assert only(rows_of(db, cast, "select state from visit")).state == "SKIPPED"
    assert ana.push_one(ana.finish(skip["entity_id"]))["code"] == "not_open"


def test_a_skipped_visit_is_corrected_only_to_a_store_that_is_there_and_in_scope(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    skip = skipped(ana, cast.ana_stores[0])
    ana.push_one(skip)
    nowhere = uuid4()
    waiting = ana.push_one(ana.correct(skip["entity_id"], 1, store_id=str(nowhere)))
    assert (waiting["status"], waiting["missing"]) == ("deferred", [str(nowhere)])
    bens = ana.push_one(ana.correct(skip["entity_id"], 1, store_id=str(cast.ben_stores[0])))
    assert (bens["code"], bens["where"]) == ("not_in_scope", "payload.changes.store_id")
    right = ana.correct(skip["entity_id"], 1, store_id=str(cast.ana_stores[1]))
    assert report(ana, right)["store_id"] == str(cast.ana_stores[1])
    assert ana.fields(skip["entity_id"])["verdict"] is None


# ---- time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong_by", [0, 26 * HOUR, -26 * HOUR, 700 * DAY])
def test_the_business_day_is_that_of_the_corrected_time_in_the_companys_zone(
    cast: Cast, phone: PhoneOf, wrong_by: int
) -> None:
    ana = phone(cast.ana)
    # Twenty past midnight in Shanghai is still the day before in UTC.
    ana.now = int(datetime(2026, 3, 4, 16, 20, tzinfo=UTC).timestamp() * 1000)
    ana.wrong_by = wrong_by
    before = ana.visit(cast.ana_stores[0], ago=25 * MINUTE)
    after = ana.visit(cast.ana_stores[1], ago=15 * MINUTE)
    ana.now += 3 * DAY  # arrival does not matter
    ana.push(before, after)
    ana.pull()
    days = [ana.fields(v["entity_id"])["business_day"] for v in (before, after)]
    assert days == [date(2026, 3, 4).isoformat(), date(2026, 3, 5).isoformat()]
    fields = ana.fields(after["entity_id"])
    assert fields["clock"]["trust"] == "CLOCK"
    assert ("clock_offset" in names(fields)) == bool(wrong_by)


def test_a_clock_that_was_set_between_the_event_and_sending_is_flagged_with_its_size(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    ana.wrong_by = 2 * HOUR
    fields = report(ana, visit)
    assert fields["clock"] == {
        "trust": "UNVERIFIED",
        "offset_ms": -2 * HOUR,
        "drift_ms": 2 * HOUR,
    }
    assert {"flag": "clock_changed", "change_ms": 2 * HOUR} in fields["flags"]


def test_satellites_tell_the_time_where_the_clock_does_not(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    true_time = ana.now - HOUR
    event = ana.event(HOUR, place=(313_500_000, 1_215_000_000), gps_time=true_time)
    visit = ana.visit(cast.ana_stores[0], check_in=event)
    ana.wrong_by = 2 * HOUR
    fields = report(ana, visit)
    assert fields["clock"]["trust"] == "GPS"
    assert fields["check_in"]["corrected_at"] == true_time


# ---- flags --------------------------------------------------------------------------------------


def test_what_is_odd_is_flagged_and_never_refused(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    ana.now -= 7 * HOUR  # five in the morning
    visit = ana.visit(
        cast.ana_stores[0],
        ago=MINUTE,
        check_in=ana.event(MINUTE, place=(313_500_000, 1_215_000_000), is_mock=True),
        check_out=ana.event(30 * SECOND),
        closed_by="PERSON",
    )
    fields = report(ana, visit)
    assert names(fields) == ["mock_location", "outside_working_window", "too_short"]
    short = only([flag for flag in fields["flags"] if flag["flag"] == "too_short"])
    assert (short["lasted_ms"], short["limit_ms"]) == (30 * SECOND, 120 * SECOND)


def test_a_create_that_comes_again_under_a_new_op_id_does_not_make_a_second_visit(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    ana.push_one(visit)
    again = {**visit, "op_id": str(uuid4())}
    assert ana.push_one(again)["code"] == "entity_taken"
    assert {row.id for row in rows_of(db, cast, "select id from visit")} == {
        UUID(visit["entity_id"])
    }
