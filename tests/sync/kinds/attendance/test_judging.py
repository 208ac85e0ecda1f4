"""What becomes of attendance events: facts that stay, with corrections as versions."""

import json
from collections.abc import Callable
from datetime import date

from sync.unit_of_work import Database
from tests.factories import Cast, Person
from tests.sync.talking import HOUR, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]


def test_an_event_is_held_with_its_day_and_its_position(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    event = ana.attendance("ON")
    assert ana.push_one(event)["status"] == "applied"
    ana.pull()
    fields = ana.fields(event["entity_id"])
    assert (fields["event"], fields["business_day"]) == ("ON", "2026-03-04")
    assert fields["position_id"] == str(cast.ana.position_id)
    row = only(rows_of(db, cast, "select event, business_day, person_id from attendance"))
    assert tuple(row) == ("ON", date(2026, 3, 4), cast.ana.id)


def test_a_wrong_button_is_corrected_and_what_it_was_stays(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    ana = phone(cast.ana)
    event = ana.attendance("OFF")
    payload = {"reason": "it was a break", "changes": {"event": "BREAK"}}
    correct = ana.item("attendance", "correct", event["entity_id"], payload, base_version=1)
    assert ana.statuses(correct, event) == ["applied", "applied"]
    ana.pull()
    assert ana.fields(event["entity_id"])["event"] == "BREAK"
    old = only(rows_of(db, cast, "select version, doc from record_version"))
    assert (old.version, json.loads(old.doc)["event"]) == (1, "OFF")
    row = only(rows_of(db, cast, "select version, event from attendance"))
    assert tuple(row) == (2, "BREAK")


def test_an_event_with_a_mocked_position_is_kept_and_flagged(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    place = (313_500_000, 1_215_000_000)
    event = ana.attendance("ON", occurred=ana.event(HOUR, place=place, is_mock=True))
    ana.push_one(event)
    ana.pull()
    assert ana.fields(event["entity_id"])["flags"] == [{"flag": "mock_location"}]


def test_an_event_of_somebody_else_is_not_there_to_be_corrected(cast: Cast, phone: PhoneOf) -> None:
    ana, sam = phone(cast.ana), phone(cast.sam)
    event = ana.attendance("ON")
    ana.push_one(event)
    payload = {"reason": "no", "changes": {"event": "OFF"}}
    item = sam.item("attendance", "correct", event["entity_id"], payload, base_version=1)
    assert sam.push_one(item)["status"] == "deferred"
