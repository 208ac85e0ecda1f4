"""What comes of tracks that phones push: kept, cleaned, measured, and never beyond working hours."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sqlalchemy

from mobile_contract.packed_points import PackedPoint, pack_text, unpack
from sync.geo import Datum, Point, from_wgs84
from sync.kinds.track.points import read_held
from sync.unit_of_work import Database
from tests.factories import Cast, Person, add_policy
from tests.sync.talking import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    Json,
    Phone,
    counted_statements,
    only,
    rows_of,
)
from tests.track_factories import ANCHOR_E6, point, stand, track, walk_north

PhoneOf = Callable[[Person], Phone]
TEN = NOON - 2 * HOUR


def held(db: Database, cast: Cast, item: Json | None = None) -> Any:
    rows = rows_of(
        db,
        cast,
        "select t.*, r.doc from track t join record r on r.company_id = t.company_id and r.id = t.id"
        " where cast(:id as uuid) is null or t.id = cast(:id as uuid)",
        id=None if item is None else item["entity_id"],
    )
    return only(rows)


def test_a_track_is_kept_as_it_came_with_its_figures(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    points = [*walk_north(30), *stand(8, after_s=300, at_m=420)]
    gap = (TEN + 720_000, TEN + 780_000, "GPS_OFF")
    item = track(ana, points, began=TEN, gaps=[gap])
    result = ana.push_one(item)
    assert (result["status"], result["version"]) == ("applied", 1)
    row = held(db, cast)
    assert unpack(bytes(row.packed)) == points
    assert row.wgs84_shift is None
    assert (row.person_id, row.position_id) == (cast.ana.id, cast.ana.position_id)
    assert str(row.business_day) == "2026-03-04"
    assert (row.points, row.removed) == (38, 0)
    assert 42_000 <= row.distance_cm <= 47_000
    assert row.began_at.timestamp() * 1000 == TEN
    assert row.ended_at.timestamp() * 1000 == TEN + 720_000
    assert row.gaps == [{"from_at": gap[0], "until_at": gap[1], "cause": "GPS_OFF"}]
    assert len(row.stops) == 1
    assert (row.trust, row.flags) == ("CLOCK", [])


def test_a_track_costs_no_key_and_no_change_and_comes_down_to_nobody(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    ana.pull()
    sam.pull()
    item = track(ana, walk_north(5), began=TEN)
    ana.push(item)
    for table in ("record_key", "change"):
        asked = f"select 1 from {table} where id = :id"
        assert rows_of(db, cast, asked, id=item["entity_id"]) == []
    assert ana.pull() == []
    assert sam.pull() == []
    assert ana.compare()["differs"] == {}


def test_a_track_sent_again_has_no_second_effect(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    item = track(ana, walk_north(5), began=TEN)
    ana.push(item)
    again = ana.push_one(item)
    assert (again["status"], again["first"]["status"]) == ("duplicate", "applied")
    other = track(ana, walk_north(6), began=TEN, entity_id=item["entity_id"])
    assert ana.push_one(other)["code"] == "entity_taken"
    assert held(db, cast).points == 5


@pytest.mark.parametrize("datum", ["GCJ02", "BD09"])
def test_the_datum_is_converted_once_and_what_came_stays(
    cast: Cast, phone: PhoneOf, db: Database, datum: str
) -> None:
    ana = phone(cast.ana)
    true = walk_north(20, step_m=20)
    sent = [
        PackedPoint(p.after_s, round(q.lat_e7 / 10), round(q.lon_e7 / 10), p.accuracy_m)
        for p in true
        for q in (_sent(p, datum),)
    ]
    ana.push(track(ana, sent, began=TEN, datum=datum))
    row = held(db, cast)
    assert row.datum == datum
    assert unpack(bytes(row.packed)) == sent
    converted = read_held(bytes(row.packed), bytes(row.wgs84_shift), TEN)
    assert np.abs(converted.lat_e7 - [p.lat_e6 * 10 for p in true]).max() <= 10
    assert np.abs(converted.lon_e7 - [p.lon_e6 * 10 for p in true]).max() <= 10
    assert abs(row.distance_cm - 38_000) <= 300


def _sent(p: PackedPoint, datum: str) -> Point:
    return from_wgs84(Point(p.lat_e6 * 10, p.lon_e6 * 10), Datum(datum))


def test_points_outside_of_working_hours_are_removed_before_anything_is_stored(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.now = NOON + 11 * HOUR
    half_past_seven = NOON + 7 * HOUR + 30 * MINUTE
    points = [point(600 * n, 100 * n, is_mock=n > 5) for n in range(10)]
    item = track(ana, points, began=half_past_seven)
    ana.push(item)
    row = held(db, cast)
    assert (row.points, row.removed) == (3, 7)
    assert unpack(bytes(row.packed)) == points[:3]
    assert row.ended_at.timestamp() * 1000 == half_past_seven + 20 * MINUTE
    assert row.flags == []
    assert '"removed":7' in row.doc.replace(" ", "")
    _assert_nowhere(db, cast, item)


def test_of_a_night_nothing_but_the_number_is_left(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = track(ana, walk_north(12), began=NOON - 8 * HOUR)
    assert ana.push_one(item)["status"] == "applied"
    row = held(db, cast)
    assert (row.points, row.removed, row.distance_cm, row.stops) == (0, 12, 0, [])
    assert unpack(bytes(row.packed)) == []
    _assert_nowhere(db, cast, item)


def test_on_a_day_off_all_points_are_removed(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    ana.now = NOON + 4 * DAY  # Sunday
    ana.push(track(ana, walk_north(12), began=ana.now - HOUR))
    assert (held(db, cast).points, held(db, cast).removed) == (0, 12)


def test_a_night_inside_of_a_segment_is_cut_out(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    evening = NOON - 17 * HOUR  # 19:00 of the day before
    ana.booted_at = evening - HOUR
    points = [point(1_800 * n, 100 * n) for n in range(32)]
    ana.push(track(ana, points, began=evening))
    kept = [p.after_s // 1_800 for p in unpack(bytes(held(db, cast).packed))]
    assert kept == [0, 1, *range(24, 32)]


def test_working_hours_are_those_of_the_companys_settings(
    cast: Cast, phone: PhoneOf, db: Database, owner_engine: sqlalchemy.Engine
) -> None:
    with owner_engine.begin() as connection:
        add_policy(connection, cast.company, version=2, working_from_min=11 * 60)
    ana = phone(cast.ana)
    ana.push(track(ana, [point(600 * n, n) for n in range(12)], began=TEN))
    row = held(db, cast)
    assert (row.points, row.removed, row.policy_version) == (6, 6, 2)


def test_hours_are_judged_by_the_corrected_time(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    ana.wrong_by = 12 * HOUR  # its clock shows the night
    ana.push(track(ana, walk_north(12), began=TEN))
    row = held(db, cast)
    assert (row.points, row.removed) == (12, 0)
    assert row.began_at.timestamp() * 1000 == TEN
    assert row.flags == ["clock_offset"]


def test_a_clock_set_during_a_segment_is_flagged_and_satellites_put_it_right(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    item = track(ana, walk_north(12), began=TEN, gps_time=TEN + 500)
    item["payload"]["began"]["at"] += 90 * MINUTE
    ana.push(item)
    row = held(db, cast)
    assert (row.trust, row.flags) == ("GPS", ["clock_changed"])
    assert row.began_at.timestamp() * 1000 == TEN + 500


def test_gaps_are_corrected_as_the_begin_was(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    ana.wrong_by = -5 * HOUR
    ana.push(track(ana, walk_north(5), began=TEN, gaps=[(TEN - HOUR, TEN, "OFF")]))
    assert held(db, cast).gaps == [{"from_at": TEN - HOUR, "until_at": TEN, "cause": "OFF"}]


def test_simulated_points_are_kept_and_flagged(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    points = [point(10 * n, 14 * n, is_mock=n in (3, 4)) for n in range(8)]
    ana.push(track(ana, points, began=TEN))
    row = held(db, cast)
    assert (row.points, row.flags) == (8, ["mock_location"])
    assert '"points":2' in row.doc.replace(" ", "")


def test_a_jump_is_flagged(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    ana.push(track(ana, [point(0), point(10, 30_000), point(20, 14)], began=TEN))
    row = held(db, cast)
    assert (row.dropped_fast, row.flags) == (1, ["implied_speed"])


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("????", "payload.points is not base64."),
        ("AgA=", "payload.points is of form 2 at byte 0; this server reads form 1."),
        ("AQFUgA==", "payload.points ends at byte 4, before its points are complete."),
    ],
)
def test_malformed_points_are_quarantined_with_their_place(
    cast: Cast, phone: PhoneOf, text: str, detail: str
) -> None:
    ana = phone(cast.ana)
    bad, good = track(ana, text, began=TEN), track(ana, walk_north(3), began=TEN)
    result, other = ana.push(bad, good)
    assert (result["status"], result["code"]) == ("quarantined", "malformed_points")
    assert (result["where"], result["detail"]) == ("payload.points", detail)
    assert other["status"] == "applied"


def test_who_holds_no_position_of_the_field_sends_no_track(cast: Cast, phone: PhoneOf) -> None:
    ada = phone(cast.ada)
    assert ada.push_one(track(ada, walk_north(3), began=TEN))["code"] == "not_permitted"


def test_a_position_that_was_never_held_is_refused(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    item = track(ana, walk_north(3), began=TEN)
    item["payload"]["position_id"] = str(cast.ben.position_id)
    result = ana.push_one(item)
    assert (result["code"], result["where"]) == ("not_permitted", "payload.position_id")


def test_a_segment_of_gaps_alone_is_taken(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    ana.push(track(ana, [], began=TEN, gaps=[(TEN - HOUR, TEN, "OFF")]))
    row = held(db, cast)
    assert (row.points, len(row.gaps)) == (0, 1)


def test_a_month_without_a_partition_is_taken_all_the_same(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    ana.push(track(ana, walk_north(3), began=TEN))
    asked = "select tableoid::regclass::text as part from track"
    assert only(rows_of(db, cast, asked)).part == "track_default"


def test_the_statements_of_a_push_do_not_grow_with_its_segments(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)

    def statements(number: int) -> int:
        items = [track(ana, walk_north(5), began=TEN + n * MINUTE) for n in range(number)]
        envelope = ana.envelope(*items)
        with counted_statements(monkeypatch) as counted:
            ana.send(envelope)
        return len(counted)

    statements(1)
    assert statements(1) == statements(12)


def _assert_nowhere(db: Database, cast: Cast, item: Json) -> None:
    """No table has the points as they were sent."""
    assert rows_of(db, cast, "select 1 from kept_item") == []
    asked = "select result from ledger where op_id = :op"
    result = only(rows_of(db, cast, asked, op=item["op_id"])).result
    assert item["payload"]["points"] not in result
    # The first sixteen letters hold the first point; they stand in no document either.
    for table in ("record", "record_version"):
        docs = rows_of(db, cast, f"select doc from {table} where doc is not null")
        assert not any(item["payload"]["points"][:16] in row.doc for row in docs)
        assert not any(str(ANCHOR_E6[0] * 10) in row.doc for row in docs if '"removed"' in row.doc)


def test_packing_is_shorter_than_points_in_the_open() -> None:
    points = walk_north(100)
    assert len(pack_text(points)) < 100 * 8
