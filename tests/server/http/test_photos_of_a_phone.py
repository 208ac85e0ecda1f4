"""The reference phone and the service, from the picture that is taken to the copy that is deleted."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.clock import SystemClock
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.photos import PictureState, photo_states, take_photo
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import Answer, LinkFailure, Request
from mobile_contract.phone.uploads import PART_BYTES, upload_photos
from mobile_contract.version import CURRENT
from server.app import build_app
from server.media.installed import MediaBounds
from server.media.keys import original_key
from tests.factories import Cast, Device
from tests.server.http.conftest import Site

FIX = Fix.from_degrees(31.2304, 121.4737, accuracy_m=8)


@dataclass(slots=True)
class InProcess:
    """A phone's way to the application itself. Of parts in `cut` so many bytes arrive, and no answer comes."""

    site: Site
    cut: list[int] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def exchange(self, request: Request) -> Answer:
        self.sent.append(request.method)
        body, is_cut = request.body, False
        if request.method == "PATCH" and self.cut:
            body, is_cut = body[: self.cut.pop(0)], True
        headers = {**request.headers, "Host": "localhost"}
        response = self.site.client.open(
            request.path, method=request.method, headers=headers, data=body or None
        )
        if is_cut:
            raise LinkFailure("the line broke")
        told = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, told, response.data)

    def close(self) -> None:
        pass


@pytest.fixture
def way(site: Site) -> InProcess:
    return InProcess(site)


@pytest.fixture
def phone(way: InProcess, cast: Cast) -> Iterator[Phone]:
    made = opened(way)
    become(made, cast.ana.device, cast)
    yield made
    made.close()


def opened(way: InProcess) -> Phone:
    """A phone that waits for nothing."""
    return Phone.open(
        ":memory:",
        way,
        clock=SystemClock(),
        random=Random(1),
        habits=SendingHabits(first_backoff_ms=0, longest_backoff_ms=0),
        is_durable=False,
    )


def become(phone: Phone, device: Device, cast: Cast) -> None:
    """The phone is enrolled as this device."""
    told: dict[str, Any] = {
        "device_id": str(device.id),
        "token": device.token,
        "company": {"code": cast.company.code, "name": "", "time_zone": "Asia/Shanghai"},
        "person": {"id": str(cast.ana.id), "name": "Ana"},
        "epoch": str(uuid4()),
        "limits": {"items_per_push": 500},
    }
    phone.device.keep_enrolment(told, contract=CURRENT)


def is_wiped(phone: Phone) -> bool:
    return phone.device.is_wiped


def state(phone: Phone, photo_id: str) -> str:
    phone.sync()
    return photo_states(phone)[photo_id]


def test_a_photo_goes_up_over_cuts_is_stored_and_its_copy_deleted(
    phone: Phone, way: InProcess, cast: Cast, site: Site
) -> None:
    picture = Random(uuid4().hex).randbytes(2 * PART_BYTES + 5_000)
    phone.sync()
    visit = phone.check_in(str(cast.ana_stores[0]), FIX)
    photo = take_photo(phone, picture, role="shelf", fix=FIX, visit_id=visit)
    assert state(phone, photo.id) == "EXPECTED"
    way.cut = [700_000, 1, 300_000]
    report = upload_photos(phone, most_tries=10)
    assert (report.is_quiet, report.uploaded, report.resumed) == (True, 1, 3)
    assert state(phone, photo.id) == "STORED"
    assert site.service.media is not None
    key = original_key(cast.company.id, photo.sha256)
    assert b"".join(site.service.media.storage.stream(key)) == picture
    assert upload_photos(phone).dropped == 1
    assert phone.pictures.all() == []


def test_bytes_come_before_their_record_and_another_photo_of_them_costs_nothing(
    phone: Phone, way: InProcess
) -> None:
    picture = Random(uuid4().hex).randbytes(5_000)
    first = take_photo(phone, picture, role="shelf", fix=FIX)
    assert upload_photos(phone).uploaded == 1
    assert state(phone, first.id) == "STORED"
    upload_photos(phone)
    second = take_photo(phone, picture, role="shelf", fix=FIX)
    way.sent.clear()
    # The phone knows from the first one's record that the server has them.
    assert (upload_photos(phone).dropped, way.sent) == (1, [])
    assert state(phone, second.id) == "STORED"


def test_a_file_that_another_phone_sent_is_announced_and_not_sent(
    phone: Phone, way: InProcess, cast: Cast
) -> None:
    picture = Random(uuid4().hex).randbytes(5_000)
    take_photo(phone, picture, role="shelf", fix=FIX)
    upload_photos(phone)
    other = opened(way)
    become(other, cast.sam.device, cast)
    take_photo(other, picture, role="shelf", fix=FIX)
    way.sent.clear()
    assert upload_photos(other).at_once == 1
    assert way.sent == ["POST"]
    other.close()


def test_a_phone_that_drains_sends_its_pictures_before_it_is_wiped(
    phone: Phone, cast: Cast, site: Site
) -> None:
    become(phone, cast.ben.device, cast)
    phone.sync()
    picture = Random(uuid4().hex).randbytes(5_000)
    photo = take_photo(phone, picture, role="shelf", fix=FIX)
    with site.service.database.company(cast.company.id) as uow:
        uow.run("update device set state = 'DRAINING' where id = :id", id=cast.ben.device.id)
    phone.sync()
    phone.sync()
    assert not is_wiped(phone)
    assert upload_photos(phone, most_tries=3).uploaded == 1
    assert is_wiped(phone)
    with site.service.database.reading(cast.company.id) as uow:
        (row,) = uow.rows("select state from photo where id = :id", id=UUID(photo.id))
    assert row.state == "STORED"


def test_what_is_too_large_for_the_server_is_set_aside_and_shown(
    phone: Phone, way: InProcess, site: Site
) -> None:
    assert site.service.media is not None
    small = replace(site.service.media, bounds=MediaBounds(file_bytes=1_000))
    service = replace(site.service, media=small)
    way.site = Site(build_app(service), service)
    large = take_photo(phone, Random(1).randbytes(2_000), role="shelf", fix=FIX)
    report = upload_photos(phone, most_tries=5)
    assert (report.is_quiet, report.set_aside) == (True, 1)
    aside = phone.pictures.get(large.sha256)
    assert aside is not None
    assert (aside.state, aside.code) == (PictureState.SET_ASIDE, "file_too_large")
