"""What becomes of the capture records of photos: kept with what is odd about the capture, bytes or none."""

from collections.abc import Callable
from datetime import date
from uuid import UUID

import pytest

from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.photo_factories import digest_of, shot
from tests.sync.talking import DAY, Json, Phone, counted_statements, only, rows_of

PhoneOf = Callable[[Person], Phone]
SPOT = (312304160, 1214737010)


def held(phone: Phone, item: Json) -> Json:
    phone.pull()
    return phone.fields(item["entity_id"])


def test_a_photo_is_expected_until_its_bytes_come_and_goes_to_who_took_it_alone(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    visit = ana.visit(cast.ana_stores[0])
    item = shot(
        ana,
        visit_id=visit["entity_id"],
        occurred=ana.event(place=SPOT),
        source="CAMERA",
        note="left",
    )
    assert ana.statuses(visit, item) == ["applied"] * 2
    fields = held(ana, item)
    assert (fields["state"], fields["flags"]) == ("EXPECTED", [])
    assert fields["store_id"] == str(cast.ana_stores[0])
    assert fields["position_id"] == str(cast.ana.position_id)
    sam.pull()
    assert item["entity_id"] not in sam.held
    row = only(
        rows_of(
            db,
            cast,
            "select version, store_id, visit_id, role, sha256, size, business_day, lat_e7, lon_e7,"
            " accuracy_cm, is_mock, source, state, flags from photo",
        )
    )
    assert tuple(row) == (
        1,
        cast.ana_stores[0],
        UUID(visit["entity_id"]),
        "shelf",
        digest_of("shelf"),
        1_000,
        date(2026, 3, 4),
        *SPOT,
        900,
        False,
        "CAMERA",
        "EXPECTED",
        [],
    )


def test_a_photo_may_be_of_no_store_and_without_a_position(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    item = shot(ana)
    assert ana.statuses(item) == ["applied"]
    fields = held(ana, item)
    assert (fields["store_id"], fields["visit_id"], fields["source"]) == (None, None, None)
    assert fields["occurred"]["fix"] is None


@pytest.mark.parametrize("is_visit_first", [True, False])
def test_a_photo_waits_for_its_visit(cast: Cast, phone: PhoneOf, *, is_visit_first: bool) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    item = shot(ana, visit_id=visit["entity_id"])
    if is_visit_first:
        ana.push(visit)
        assert ana.push_one(item)["status"] == "applied"
    else:
        result = ana.push_one(item)
        assert (result["status"], result["missing"]) == ("deferred", [visit["entity_id"]])


def test_a_photo_waits_for_the_store_that_it_names(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    store = ana.new_store()
    item = shot(ana, store_id=store["entity_id"])
    assert ana.push_one(item)["missing"] == [store["entity_id"]]


def test_a_store_that_the_person_never_had_is_not_in_scope(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    result = ana.push_one(shot(ana, store_id=cast.ben_stores[0]))
    assert (result["code"], result["where"]) == ("not_in_scope", "payload.store_id")


def test_what_is_odd_about_the_capture_is_flagged(cast: Cast, phone: PhoneOf, db: Database) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    item = shot(
        ana,
        visit_id=visit["entity_id"],
        store_id=cast.ana_stores[1],
        occurred=ana.event(place=SPOT, is_mock=True),
        source="GALLERY",
    )
    assert ana.statuses(visit, item) == ["applied"] * 2
    flags = [flag["flag"] for flag in held(ana, item)["flags"]]
    assert flags == ["mock_location", "from_gallery", "other_store"]
    row = only(rows_of(db, cast, "select store_id, is_mock, flags from photo"))
    assert tuple(row) == (cast.ana_stores[1], True, flags)


def test_a_wrong_clock_is_flagged_and_the_day_is_the_corrected_one(
    cast: Cast, phone: PhoneOf
) -> None:
    ana = phone(cast.ana)
    ana.wrong_by = 3 * DAY
    fields = held(ana, (item := shot(ana), ana.push(item))[0])
    assert fields["business_day"] == "2026-03-04"
    assert [flag["flag"] for flag in fields["flags"]] == ["clock_offset"]


def test_one_file_may_be_of_several_photos_and_one_id_is_one_photo(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    first, second = shot(ana), shot(ana)
    assert ana.statuses(first, second) == ["applied"] * 2
    again = shot(ana, "other", photo_id=first["entity_id"])
    assert ana.push_one(again)["code"] == "entity_taken"
    assert ana.push_one(first)["status"] == "duplicate"
    assert len(rows_of(db, cast, "select from photo")) == len([first, second])


def test_a_day_of_photos_takes_no_more_statements_than_one(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    ana.push(visit)
    counts = []
    for number in (1, 60):
        items = [shot(ana, f"{number} {nth}", visit_id=visit["entity_id"]) for nth in range(number)]
        with counted_statements(monkeypatch) as statements:
            assert ana.statuses(*items) == ["applied"] * number
        counts.append(len(statements))
    assert counts[0] == counts[1]
