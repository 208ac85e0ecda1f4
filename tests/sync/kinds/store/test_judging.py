"""What becomes of what phones say of stores: merged, in conflict, applied or waiting."""

from collections.abc import Callable
from uuid import UUID

import pytest

from sync.record_kind import Known
from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.sync.talking import HOUR, Json, Phone, only, rows_of, spot

PhoneOf = Callable[[Person], Phone]
PHOTO = "ab" * 32
# Metres to the north, in degrees × 10^7.
METRE = 90


def pin(lat_e7: int, lon_e7: int = 1_215_000_000, **other: object) -> Json:
    return {"lat_e7": lat_e7, "lon_e7": lon_e7, "datum": "WGS84", "accuracy_cm": 500, **other}


def proposals(phone: Phone) -> list[Json]:
    phone.pull()
    return [r["fields"] for r in phone.held.values() if r["kind"] == "proposal"]


# ---- merge --------------------------------------------------------------------------------------


def test_an_edit_on_the_version_that_is_held_applies(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    result = ana.push_one(ana.edit(store, 1, address="7 Quay", contact_phone=None))
    assert (result["status"], result["version"]) == ("applied", 2)
    row = only(
        rows_of(db, cast, "select address, code, region_id from store where id = :i", i=store)
    )
    assert tuple(row) == ("7 Quay", "ANCHOR", cast.regions.north)


def test_edits_of_different_fields_merge_and_say_what_stayed(cast: Cast, phone: PhoneOf) -> None:
    ana, sam, store = phone(cast.ana), phone(cast.sam), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, delivery_note="ring twice"))
    result = ana.push_one(ana.edit(store, 1, contact_name="Wu"))
    assert result["status"] == "merged"
    assert result["merged"] == {"delivery_note": {"kept": "ring twice", "lost": None}}
    ana.pull()
    assert (ana.fields(store)["delivery_note"], ana.fields(store)["contact_name"]) == (
        "ring twice",
        "Wu",
    )


def test_edits_that_agree_do_not_conflict(cast: Cast, phone: PhoneOf) -> None:
    ana, sam, store = phone(cast.ana), phone(cast.sam), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, contact_name="Wu"))
    assert ana.push_one(ana.edit(store, 1, contact_name="Wu"))["status"] in ("applied", "merged")
    ana.pull()
    assert ana.ids("conflict") == set()


def test_two_edits_of_one_field_conflict_keep_both_values_and_tell_both_people(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam, ben, store = phone(cast.ana), phone(cast.sam), phone(cast.ben), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, contact_name="Li"))
    result = ana.push_one(ana.edit(store, 1, contact_name="Wu", address="7 Quay"))
    assert result["status"] == "conflict"
    for each in (ana, sam, ben):
        each.pull()
    told = ana.fields(result["conflict_id"])
    assert told == sam.fields(result["conflict_id"])
    assert told["fields"] == {"contact_name": {"base": None, "held": "Li", "sent": "Wu"}}
    assert (told["held_by"], told["sent_by"], told["state"]) == ("Sam", "Ana", "OPEN")
    assert ben.ids("conflict") == set()
    # The held value stays in force; what did not conflict applies.
    assert ana.fields(store)["contact_name"] == "Li"
    assert ana.fields(store)["address"] == "7 Quay"
    row = only(rows_of(db, cast, "select held_by, sent_by, state from conflict"))
    assert tuple(row) == (cast.sam.id, cast.ana.id, "OPEN")


def test_whoever_made_the_held_value_is_told_also_when_others_changed_the_record_since(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, sam, mia, store = phone(cast.ana), phone(cast.sam), phone(cast.mia), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, contact_name="Li"))
    mia.push_one(mia.edit(store, 2, opening_hours="9-5"))
    result = ana.push_one(ana.edit(store, 1, contact_name="Wu"))
    for each in (ana, sam, mia):
        each.pull()
    assert ana.fields(result["conflict_id"])["held_by"] == "Sam"
    assert sam.ids("conflict") == {UUID(result["conflict_id"])}
    assert mia.ids("conflict") == set()


def test_everybody_whose_value_is_held_is_told(cast: Cast, phone: PhoneOf) -> None:
    ana, sam, mia, store = phone(cast.ana), phone(cast.sam), phone(cast.mia), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, contact_name="Li"))
    mia.push_one(mia.edit(store, 2, opening_hours="9-5"))
    result = ana.push_one(ana.edit(store, 1, contact_name="Wu", opening_hours="8-4"))
    for each in (ana, sam, mia):
        each.pull()
        assert each.ids("conflict") == {UUID(result["conflict_id"])}
    assert ana.fields(result["conflict_id"])["held_by"] == "Sam, Mia"


def test_nobody_conflicts_with_their_own_edits_from_one_offline_day(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    results = ana.push(
        ana.edit(store, 1, contact_name="Wu"),
        ana.edit(store, 1, contact_name="Wang", address="7 Quay"),
        ana.edit(store, 1, address="8 Quay"),
    )
    assert {r["status"] for r in results} <= {"applied", "merged"}
    assert [r["version"] for r in results] == [2, 3, 4]
    again = ana.push_one(ana.edit(store, 1, contact_name="Wong"))
    assert (again["status"], again["version"]) == ("applied", 5)
    ana.pull()
    assert (ana.fields(store)["contact_name"], ana.fields(store)["address"]) == ("Wong", "8 Quay")


def test_many_edits_on_one_old_base_look_back_no_further_each_time(
    cast: Cast, phone: PhoneOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana, sam, store = phone(cast.ana), phone(cast.sam), cast.ana_stores[0]
    sam.push_one(sam.edit(store, 1, contact_name="Li"))
    looked: list[int] = []
    fields = Known.fields

    def counted(known: Known) -> Json:
        looked.append(known.version)
        found: Json = fields.fget(known)  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr(Known, "fields", property(counted))
    took = []
    for n in range(4):
        edits = [
            ana.edit(store, 1, contact_name=f"Wu {n} {i}", address=f"{n} Quay {i}")
            for i in range(50)
        ]
        looked.clear()
        assert set(ana.statuses(*edits)) == {"conflict"}
        took.append(len(looked))
    # What lies before is read once more a push, not once more an edit.
    assert took[3] - took[2] == took[2] - took[1] <= 2 * 50


def test_an_edit_on_a_version_that_never_was_is_kept(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    result = ana.push_one(ana.edit(cast.ana_stores[0], 9, address="x"))
    assert (result["status"], result["code"]) == ("quarantined", "wrong_base_version")


def test_a_conflict_with_the_office_names_the_office(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    from sync.kinds.store.publish import publish_stores

    ana, store = phone(cast.ana), cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        uow.run("update store set contact_name = 'Li' where id = :id", id=store)
        publish_stores(uow, [store])
    result = ana.push_one(ana.edit(store, 1, contact_name="Wu"))
    ana.pull()
    assert ana.fields(result["conflict_id"])["held_by"] == "the office"


# ---- what waits ---------------------------------------------------------------------------------


def test_name_code_and_class_wait_as_a_proposal_and_the_rest_applies(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    edit = ana.edit(store, 1, name="Harbour Sign", code="H1", store_class="A", address="7 Quay")
    edit["payload"]["reason"] = "new sign"
    result = ana.push_one(edit)
    assert result["status"] == "applied"
    waiting = only(proposals(ana))
    assert waiting["changes"] == {"name": "Harbour Sign", "code": "H1", "store_class": "A"}
    assert (waiting["state"], waiting["reason"]) == ("WAITING", "new sign")
    assert ana.fields(store)["name"] == "Anchor"
    assert ana.fields(store)["address"] == "7 Quay"
    row = only(rows_of(db, cast, "select id, op_id, base_version, person_id from proposal"))
    assert (str(row.id), row.person_id, row.base_version) == (
        result["proposal_id"],
        cast.ana.id,
        1,
    )


def test_a_new_store_can_be_visited_by_its_proposer_before_it_is_approved(
    cast: Cast, phone: PhoneOf
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    store = ana.new_store(pin=pin(313_900_000, photo_sha256=PHOTO))
    place = (313_900_000, 1_215_000_000)
    visit = ana.visit(store["entity_id"], place=place)
    results = ana.push(store, visit)
    assert [r["status"] for r in results] == ["applied", "applied"]
    ana.pull()
    ben.pull()
    assert ana.fields(store["entity_id"])["status"] == "PROPOSED"
    assert ana.fields(visit["entity_id"])["verdict"]["verdict"] == "ONSITE"
    assert UUID(store["entity_id"]) not in ben.ids()
    assert ana.fields(results[0]["proposal_id"])["state"] == "WAITING"
    other = ben.push_one(ben.visit(store["entity_id"]))
    assert other["code"] == "not_in_scope"


def test_a_new_store_has_no_pin_before_approval_without_a_photo_of_its_front(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    store = ana.new_store(pin=pin(313_900_000))
    visit = ana.visit(store["entity_id"], place=(313_900_000, 1_215_000_000))
    assert ana.statuses(store, visit) == ["applied"] * 2
    there = {"lat_e7": 313_900_000, "lon_e7": 1_215_000_000}
    assert only(proposals(ana))["changes"]["pin"] == there
    assert ana.fields(store["entity_id"])["pin"] is None
    assert ana.fields(visit["entity_id"])["verdict"]["verdict"] == "UNPINNED"
    waits_for = only(rows_of(db, cast, "select waits_for from proposal")).waits_for
    assert waits_for == {"rule": "NEW_STORE", "photo_sha256": None}


def test_a_rep_proposes_other_stops_and_nothing_changes_until_somebody_decides(
    cast: Cast, phone: PhoneOf
) -> None:
    from tests.factories import rule

    ana = phone(cast.ana)
    ana.pull()
    before = ana.fields(cast.ana_route)
    stops = [{"store_id": str(cast.ana_stores[1]), "rule": rule()}]
    result = ana.push_one(
        ana.item(
            "route",
            "propose",
            cast.ana_route,
            {"reason": "it is closer", "stops": stops},
            base_version=1,
        )
    )
    assert result["status"] == "applied"
    waiting = only(proposals(ana))
    assert [s["store_id"] for s in waiting["changes"]["stops"]] == [str(cast.ana_stores[1])]
    assert ana.fields(cast.ana_route) == before


# ---- pins ---------------------------------------------------------------------------------------


def pin_of(ana: Phone, store: UUID) -> Json | None:
    ana.pull()
    held: Json | None = ana.fields(store)["pin"]
    return held


@pytest.mark.parametrize("has_photo", [True, False])
def test_a_first_pin_applies_with_a_photo_of_the_front_and_waits_without(
    cast: Cast, phone: PhoneOf, has_photo: bool
) -> None:
    ben, ferry = phone(cast.ben), cast.ben_stores[2]
    sent = pin(312_600_000, photo_sha256=PHOTO) if has_photo else pin(312_600_000)
    assert ben.push_one(ben.edit(ferry, 1, pin=sent))["status"] == "applied"
    waiting = proposals(ben)
    if has_photo:
        assert pin_of(ben, ferry) == {"lat_e7": 312_600_000, "lon_e7": 1_215_000_000}
        assert waiting == []
    else:
        assert pin_of(ben, ferry) is None
        assert only(waiting)["changes"]["pin"]["lat_e7"] == 312_600_000


@pytest.mark.parametrize(("metres", "applies"), [(40, True), (49, True), (60, False)])
def test_a_small_move_of_a_pin_applies_and_a_large_one_waits(
    cast: Cast, phone: PhoneOf, db: Database, metres: int, applies: bool
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    lat = spot(cast, db, store)[0]
    ana.push_one(ana.edit(store, 1, pin=pin(lat + metres * METRE)))
    held = pin_of(ana, store)
    assert held is not None
    assert (held["lat_e7"] == lat + metres * METRE) == applies
    assert bool(proposals(ana)) != applies
    if not applies:
        row = only(rows_of(db, cast, "select waits_for from proposal"))
        assert (row.waits_for["rule"], row.waits_for["reason"]) == ("PIN", "TOO_FEW_VISITS")
        assert row.waits_for["moved_cm"] // 100 in range(58, 62)


@pytest.mark.parametrize(("visits", "applies"), [(2, False), (3, True)])
def test_the_median_of_three_visits_lets_a_large_move_through(
    cast: Cast, phone: PhoneOf, db: Database, visits: int, applies: bool
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    lat = spot(cast, db, store)[0]
    there = lat + 300 * METRE
    made = [
        ana.visit(store, ago=(n + 1) * HOUR, place=(there + n * METRE, 1_215_000_000))
        for n in range(visits)
    ]
    ana.push(*made)
    ana.push_one(ana.edit(store, 1, pin=pin(there)))
    held = pin_of(ana, store)
    assert held is not None
    assert (held["lat_e7"] == there) == applies


def test_two_pins_that_meet_are_a_conflict_of_which_both_people_hear(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam, store = phone(cast.ana), phone(cast.sam), cast.ana_stores[0]
    lat, lon = spot(cast, db, store)
    first = ana.push_one(ana.edit(store, 1, pin=pin(lat + 22 * METRE)))
    second = sam.push_one(sam.edit(store, 1, pin=pin(lat - 17 * METRE)))
    assert (first["status"], second["status"], second.get("merged")) == (
        "applied",
        "conflict",
        None,
    )
    held = {"lat_e7": lat + 22 * METRE, "lon_e7": lon}
    assert pin_of(ana, store) == pin_of(sam, store) == held
    told = ana.fields(second["conflict_id"])
    assert told == sam.fields(second["conflict_id"])
    assert told["fields"]["pin"] == {
        "base": {"lat_e7": lat, "lon_e7": lon},
        "held": held,
        "sent": {"lat_e7": lat - 17 * METRE, "lon_e7": lon},
    }


@pytest.mark.parametrize("apart_m", [30, 300])
def test_two_first_pins_with_photos_that_meet_are_a_conflict(
    cast: Cast, phone: PhoneOf, apart_m: int
) -> None:
    ben, mia, ferry = phone(cast.ben), phone(cast.mia), cast.ben_stores[2]
    lat = 312_600_000
    assert ben.push_one(ben.edit(ferry, 1, pin=pin(lat, photo_sha256=PHOTO)))["version"] == 2
    there = pin(lat + apart_m * METRE, photo_sha256=PHOTO)
    assert mia.push_one(mia.edit(ferry, 1, pin=there))["status"] == "conflict"
    assert pin_of(ben, ferry) == {"lat_e7": lat, "lon_e7": 1_215_000_000}
    assert len(ben.ids("conflict")) == 1


def test_a_pin_sent_back_as_it_was_seen_does_not_undo_a_move(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, sam, store = phone(cast.ana), phone(cast.sam), cast.ana_stores[0]
    lat, lon = spot(cast, db, store)
    ana.push_one(ana.edit(store, 1, pin=pin(lat + 22 * METRE)))
    seen, moved = {"lat_e7": lat, "lon_e7": lon}, {"lat_e7": lat + 22 * METRE, "lon_e7": lon}
    result = sam.push_one(sam.edit(store, 1, pin=pin(lat), address="7 Quay"))
    assert (result["status"], result["merged"]) == (
        "merged",
        {"pin": {"kept": moved, "lost": seen}},
    )
    assert pin_of(sam, store) == moved
    assert proposals(sam) == []


def test_a_person_may_move_a_pin_again_that_they_moved_on_the_same_offline_day(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    lat = spot(cast, db, store)[0]
    edits = [ana.edit(store, 1, pin=pin(lat + metres * METRE)) for metres in (22, 40)]
    assert ana.statuses(*edits) == ["applied"] * 2
    held = pin_of(ana, store)
    assert held is not None
    assert held["lat_e7"] == lat + 40 * METRE


def test_visits_with_a_mocked_position_or_by_phone_do_not_vouch_for_a_pin(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana, store = phone(cast.ana), cast.ana_stores[0]
    there = spot(cast, db, store)[0] + 300 * METRE
    at = (there, 1_215_000_000)
    mocked = [
        ana.visit(store, ago=ago, check_in=ana.event(ago, place=at, is_mock=True))
        for ago in (HOUR, 2 * HOUR)
    ]
    by_phone = ana.visit(store, ago=3 * HOUR, place=at, is_by_phone=True)
    assert ana.statuses(*mocked, by_phone) == ["applied"] * 3
    ana.push_one(ana.edit(store, 1, pin=pin(there)))
    assert only(proposals(ana))["changes"]["pin"]["lat_e7"] == there


def test_a_pin_is_stored_in_wgs84(cast: Cast, phone: PhoneOf) -> None:
    ben, ferry = phone(cast.ben), cast.ben_stores[2]
    ben.push_one(ben.edit(ferry, 1, pin=pin(312_600_000, datum="GCJ02", photo_sha256=PHOTO)))
    held = pin_of(ben, ferry)
    assert held is not None
    assert 10_000 < abs(held["lat_e7"] - 312_600_000) < 100_000
