"""Pictures on a phone: nothing is lost over a link that breaks, and nothing goes before the server has it."""

import hashlib
import json
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.compiled import decode_item
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.link import Problem
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.photos import PictureState, drop_stored, photo_states, take_photo
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import LinkFailure
from mobile_contract.phone.uploads import PART_BYTES, TRIES, upload_photos, upload_wait_ms
from tests.mobile_contract.phone.fake_media import FakeMedia
from tests.mobile_contract.phone.fake_server import NOW

World = SimpleNamespace
FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8, gps_time=NOW)
BYTES = Random(1).randbytes(3_000)
LARGE = Random(2).randbytes(2 * PART_BYTES + 1_000)


@pytest.fixture
def world(world: World) -> World:
    """A phone whose server takes files too."""
    world.media = FakeMedia(world.transport)
    world.phone.link = type(world.phone.link)(world.media)
    return world


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def shoot(world: World, data: bytes = BYTES, **rest: Any) -> Any:
    return take_photo(world.phone, data, role="shelf", fix=FIX, **rest)


def say(world: World, photo: Any, state: str) -> None:
    """The server's record of a photo, as the phone pulls it."""
    fields = {"sha256": photo.sha256, "state": state, "state_at": world.clock.true_ms}
    world.server.put("photo", photo.id, fields)
    world.phone.sync()


def until_quiet(world: World, most_tries: int = 40) -> Any:
    return upload_photos(world.phone, most_tries=most_tries)


def test_a_photo_is_an_item_that_names_its_parents_and_bytes_that_wait(world: World) -> None:
    phone: Phone = world.phone
    visit_id = phone.check_in(world.store_id, FIX)
    photo = shoot(world, visit_id=visit_id, note="left")
    item: Any = decode_item(json.dumps(phone.outbox.items()[-1].parsed()).encode(), 2)
    assert (item.kind, item.op, item.entity_id) == ("photo", "create", photo.id)
    assert item.depends_on == (visit_id,)
    told = (item.payload.sha256, item.payload.size, item.payload.role, item.payload.source)
    assert told == (digest(BYTES), len(BYTES), "shelf", "CAMERA")
    assert photo.as_media() == {"sha256": digest(BYTES), "size": len(BYTES), "role": "shelf"}
    assert photo.as_audit_photo("POSTER")["item"] == "POSTER"
    assert photo_states(phone) == {photo.id: "EXPECTED"}
    assert phone.pictures.to_send() == 1


def test_bytes_go_up_whole_and_stay_until_their_record_says_that_they_are_stored(
    world: World,
) -> None:
    photo = shoot(world, LARGE)
    report = until_quiet(world)
    assert (report.is_quiet, report.uploaded, report.bytes) == (True, 1, len(LARGE))
    assert world.media.stored == {digest(LARGE): LARGE}
    assert world.media.methods() == ["POST", "PATCH", "PATCH", "PATCH"]
    assert drop_stored(world.phone) == 0
    say(world, photo, "UPLOADING")
    assert drop_stored(world.phone) == 0
    say(world, photo, "STORED")
    assert drop_stored(world.phone) == 1
    assert world.phone.pictures.all() == []


def test_after_a_cut_only_the_rest_is_sent(world: World) -> None:
    shoot(world, LARGE)
    world.media.cut_parts = [700_000, 0, 123]
    report = until_quiet(world)
    assert report.is_quiet
    assert (report.resumed, world.media.stored[digest(LARGE)]) == (3, LARGE)
    assert world.media.methods().count("POST") == 1


def test_a_lost_answer_is_asked_for_and_not_sent_again(world: World) -> None:
    shoot(world)
    world.media.lose_answers = 1
    assert isinstance(upload_photos(world.phone).failure, LinkFailure)
    world.phone.wait_ms(upload_wait_ms(world.phone))
    # The announcement was lost, then the answer to the only part.
    world.media.refusals = []
    upload_photos(world.phone)
    assert world.media.stored == {digest(BYTES): BYTES}

    shoot(world, LARGE)
    world.media.cut_parts = [PART_BYTES]
    upload_photos(world.phone)
    before = len(world.media.requests)
    assert until_quiet(world).is_quiet
    assert world.media.methods()[before:] == ["HEAD", "PATCH", "PATCH"]


def test_a_file_that_the_server_has_is_not_sent(world: World) -> None:
    world.media.stored[digest(BYTES)] = BYTES
    shoot(world)
    report = upload_photos(world.phone)
    assert (report.at_once, report.bytes, world.media.methods()) == (1, 0, ["POST"])


def test_one_file_of_two_photos_is_sent_once(world: World) -> None:
    first, second = shoot(world), shoot(world)
    assert first.id != second.id
    assert until_quiet(world).uploaded == 1
    say(world, first, "STORED")
    assert drop_stored(world.phone) == 1


def test_what_a_record_says_is_stored_is_not_sent(world: World) -> None:
    photo = shoot(world)
    say(world, photo, "STORED")
    report = upload_photos(world.phone)
    assert (report.is_quiet, world.media.requests, report.dropped) == (True, [], 1)


def test_the_phone_waits_as_long_as_it_was_asked_to(world: World) -> None:
    shoot(world)
    world.media.refusals = [("POST", 503, "busy", 90)]
    report = upload_photos(world.phone)
    assert isinstance(report.failure, Problem)
    assert upload_wait_ms(world.phone) >= 90_000
    assert not upload_photos(world.phone).was_due
    assert len(world.media.requests) == 1
    world.phone.wait_ms(upload_wait_ms(world.phone))
    assert upload_photos(world.phone).uploaded == 1


def test_an_upload_that_the_server_forgot_begins_anew(world: World) -> None:
    shoot(world, LARGE)
    world.media.cut_parts = [10]
    upload_photos(world.phone)
    world.media.uploads.clear()
    assert until_quiet(world).is_quiet
    assert world.media.stored == {digest(LARGE): LARGE}


def test_a_file_that_is_refused_each_time_is_set_aside_and_holds_up_no_other(world: World) -> None:
    bad, good = shoot(world, b"bad"), shoot(world)
    world.media.damaged = {bad.sha256}
    report = until_quiet(world)
    assert (report.is_quiet, report.uploaded, report.set_aside) == (True, 1, 1)
    assert set(world.media.stored) == {good.sha256}
    (aside,) = world.phone.pictures.all(PictureState.SET_ASIDE)
    assert (aside.sha256, aside.code, aside.refusals) == (bad.sha256, "digest_differs", TRIES)
    world.media.damaged = set()
    world.phone.pictures.try_again(bad.sha256)
    assert until_quiet(world).uploaded == 1


def test_bytes_stay_until_the_backups_have_them_where_the_server_names_a_watermark(
    world: World,
) -> None:
    world.server.watermark = NOW - 1
    photo = shoot(world)
    until_quiet(world)
    say(world, photo, "STORED")
    assert drop_stored(world.phone) == 0
    world.server.watermark = world.clock.true_ms + 1
    world.phone.sync()
    assert drop_stored(world.phone) == 1


def test_after_a_restore_of_the_server_its_bytes_are_sent_again(world: World) -> None:
    world.server.watermark = NOW - 1
    photo = shoot(world)
    until_quiet(world)
    say(world, photo, "STORED")
    world.media.stored.clear()
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    say(world, photo, "EXPECTED")
    assert world.phone.pictures.to_send() == 1
    assert until_quiet(world).uploaded == 1
    assert world.media.stored == {digest(BYTES): BYTES}


def test_records_of_a_life_that_is_over_neither_drop_bytes_nor_keep_them_from_being_sent(
    world: World,
) -> None:
    photo = shoot(world)
    until_quiet(world)
    world.server.watermark = NOW - 1
    say(world, photo, "STORED")
    # The server was restored to before; the phone hears of it by its push, and of its records not yet.
    world.media.stored.clear()
    world.server.restore("epoch-2", keep_up_to_receipt=0)
    world.server.watermark = None
    world.transport.down_for = {"/v1/pull", "/v1/digest"}
    world.phone.check_in(world.store_id, FIX)
    world.phone.sync()
    assert world.phone.device.is_repair_due
    assert drop_stored(world.phone) == 0
    assert until_quiet(world).uploaded == 1
    assert world.media.stored == {digest(BYTES): BYTES}


def test_bytes_that_the_server_lost_after_all_are_sent_again_once_a_pull_says_so(
    world: World,
) -> None:
    photo = shoot(world)
    until_quiet(world)
    say(world, photo, "EXPECTED")
    assert upload_photos(world.phone).at_once == 1
    # Until the next pull nothing more is asked.
    asked = len(world.media.requests)
    upload_photos(world.phone)
    assert len(world.media.requests) == asked
    world.media.stored.clear()
    world.clock.wait_ms(1_000)
    world.phone.sync()
    assert until_quiet(world).bytes == len(BYTES)


def test_what_was_uploaded_and_left_the_phone_goes(world: World) -> None:
    photo = shoot(world)
    until_quiet(world)
    say(world, photo, "STORED")
    world.server.take_away("photo", photo.id)
    world.phone.sync()
    # Its item still names it, for as long as the phone keeps that.
    assert drop_stored(world.phone) == 0
    world.server.watermark = world.clock.true_ms + 1
    world.phone.sync()
    assert drop_stored(world.phone) == 1


def test_a_phone_is_not_wiped_before_its_pictures_are_sent(world: World) -> None:
    shoot(world)
    world.server.is_draining = True
    world.phone.sync()
    assert not world.phone.device.is_wiped
    assert until_quiet(world).uploaded == 1
    assert world.phone.device.is_wiped
    assert world.phone.pictures.all() == []


def test_a_refused_token_signs_the_phone_out_and_deletes_nothing(world: World) -> None:
    shoot(world)
    world.media.refusals = [("POST", 401, "token_invalid", None)]
    upload_photos(world.phone)
    assert world.phone.device.is_signed_out
    assert not upload_photos(world.phone).was_due
    assert world.phone.pictures.to_send() == 1


def test_bytes_survive_the_end_of_the_app(world: World, tmp_path: Any) -> None:
    path = tmp_path / "phone.sqlite"
    kept = []
    for opened in range(2):
        phone = Phone.open(path, world.media, clock=world.clock, habits=SendingHabits())
        if not opened:
            phone.enrol("CODE", model="M", os="O", app_version="1")
            take_photo(phone, BYTES, role="shelf", fix=None)
        kept.append([phone.pictures.read(one, 0, 10_000) for one in phone.pictures.all()])
        phone.close()
    assert kept == [[BYTES], [BYTES]]


def test_contract_1_has_no_photos(world: World) -> None:
    world.phone.speak_contract(1)
    with pytest.raises(NotInContract):
        shoot(world)
    assert world.phone.pictures.all() == []
