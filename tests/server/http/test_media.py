"""Uploads against tus 1.0, section by section (https://tus.io/protocols/resumable-upload)."""

import hashlib
import io
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from werkzeug.test import TestResponse

from server.media.installed import MediaBounds
from server.media.keys import original_key
from server.media.staging import Staging
from server.media.storage import LocalStorage, StorageAway
from tests.factories import Cast, Device
from tests.server.http.conftest import AT, Site, code_of, item_of, push_of

OCTETS = "application/offset+octet-stream"
BOOT = "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a04"
PHOTO = bytes(range(256)) * 40


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def metadata(**pairs: str) -> str:
    return ",".join(
        f"{key} {b64encode(value.encode()).decode()}".rstrip() for key, value in pairs.items()
    )


def checksum(content: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {b64encode(hashlib.new(algorithm, content).digest()).decode()}"


class Client:
    """A client of tus that says what it is told to."""

    def __init__(self, site: Site, device: Device) -> None:
        self.site = site
        self.headers = {"Tus-Resumable": "1.0.0", "Authorization": device.authorization}

    def ask(
        self,
        method: str,
        path: str = "/v1/media",
        body: bytes | None = None,
        /,
        **headers: str | None,
    ) -> TestResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        said = {**self.headers, **({} if body is None else {"Content-Type": OCTETS}), **named}
        sent = {name: value for name, value in said.items() if value is not None}
        return self.site.client.open(path, method=method, data=body, headers=sent)

    def create(self, content: bytes = PHOTO, /, **headers: str | None) -> TestResponse:
        said: dict[str, str | None] = {
            "Upload_Length": str(len(content)),
            "Upload_Metadata": metadata(sha256=digest(content), role="shelf"),
        }
        return self.ask("POST", **{**said, **headers})

    def location(self, content: bytes = PHOTO, /, **headers: str | None) -> str:
        response = self.create(content, **headers)
        assert response.status_code == 201
        return response.headers["Location"]

    def patch(self, path: str, offset: int, body: bytes, /, **headers: str | None) -> TestResponse:
        return self.ask("PATCH", path, body, **{"Upload_Offset": str(offset), **headers})

    def offset(self, path: str) -> int:
        response = self.ask("HEAD", path)
        assert response.status_code == 200
        return int(response.headers["Upload-Offset"])


@pytest.fixture
def ana(site: Site, cast: Cast) -> Client:
    return Client(site, cast.ana.device)


@pytest.fixture
def fresh() -> bytes:
    """Bytes that the company does not have."""
    return uuid4().bytes * 100


def rows(site: Site, cast: Cast, statement: str, **values: Any) -> list[Any]:
    with site.service.database.reading(cast.company.id) as uow:
        return [tuple(row) for row in uow.rows(statement, **values)]


def stored(site: Site, cast: Cast, content: bytes) -> bytes | None:
    media = site.service.media
    assert media is not None
    key = original_key(cast.company.id, digest(content))
    if media.storage.size(key) is None:
        return None
    return b"".join(media.storage.stream(key))


# --- Core protocol --------------------------------------------------------------------------------


def test_every_answer_says_the_version(ana: Client, fresh: bytes) -> None:
    created = ana.create(fresh)
    location = created.headers["Location"]
    refused = ana.ask("HEAD", f"/v1/media/{uuid4()}")
    for response in (created, ana.ask("HEAD", location), ana.ask("DELETE", location), refused):
        assert response.headers["Tus-Resumable"] == "1.0.0"


@pytest.mark.parametrize("said", [None, "0.2.2", "1.0.1"])
def test_another_version_is_refused_and_the_right_one_told(ana: Client, said: str | None) -> None:
    location = ana.location()
    for response in (
        ana.create(Tus_Resumable=said),
        ana.patch(location, 0, b"x", Tus_Resumable=said),
    ):
        assert code_of(response) == (412, "tus_version")
        assert response.headers["Tus-Version"] == "1.0.0"
    assert ana.offset(location) == 0


def test_options_says_what_is_understood_without_a_token(ana: Client) -> None:
    response = ana.ask("OPTIONS", Authorization=None, Tus_Resumable=None)
    assert response.status_code == 204
    assert response.headers["Tus-Version"] == "1.0.0"
    assert int(response.headers["Tus-Max-Size"]) == 30 * 1024 * 1024
    assert response.headers["Tus-Checksum-Algorithm"] == "sha1,sha256"
    assert set(response.headers["Tus-Extension"].split(",")) == {
        "creation",
        "creation-with-upload",
        "checksum",
        "expiration",
        "termination",
    }


def test_head_tells_offset_length_and_metadata_and_is_not_kept_by_caches(
    ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:100])
    response = ana.ask("HEAD", location)
    assert (response.status_code, response.data) == (200, b"")
    assert response.headers["Upload-Offset"] == "100"
    assert response.headers["Upload-Length"] == str(len(fresh))
    assert response.headers["Upload-Metadata"] == metadata(sha256=digest(fresh), role="shelf")
    assert response.headers["Cache-Control"] == "no-store"


def test_an_upload_that_is_not_there_has_no_offset(ana: Client) -> None:
    for path in (f"/v1/media/{uuid4()}", "/v1/media/not-an-id"):
        response = ana.ask("HEAD", path)
        assert response.status_code == 404
        assert "Upload-Offset" not in response.headers
    assert code_of(ana.patch(f"/v1/media/{uuid4()}", 0, b"x")) == (404, "not_found")


def test_patches_add_up_to_the_file(site: Site, cast: Cast, ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    offset = 0
    while offset < len(fresh):
        response = ana.patch(location, offset, fresh[offset : offset + 700])
        assert response.status_code == 204
        assert response.data == b""
        offset = int(response.headers["Upload-Offset"])
    assert response.headers["Upload-Sha256"] == digest(fresh)
    assert stored(site, cast, fresh) == fresh


def test_a_patch_elsewhere_is_refused_and_changes_nothing(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:100])
    for offset in (0, 99, 101, len(fresh)):
        assert code_of(ana.patch(location, offset, b"x" * 10)) == (409, "offset_differs")
    assert ana.offset(location) == 100


def test_a_patch_of_another_type_is_refused(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    for said in ("application/octet-stream", "image/jpeg", None):
        response = ana.patch(location, 0, fresh, Content_Type=said)
        assert code_of(response) == (415, "not_octets")
    assert code_of(ana.patch(location, 0, fresh, Content_Encoding="gzip"))[0] == 415
    assert ana.offset(location) == 0


@pytest.mark.parametrize("said", [None, "", "-1", "1.5", "abc", "9" * 20])
def test_an_offset_that_is_none_is_refused(ana: Client, said: str | None) -> None:
    location = ana.location()
    response = ana.patch(location, 0, b"x", Upload_Offset=said)
    assert code_of(response) == (400, "upload_header")
    assert response.json is not None
    assert response.json["where"] == "Upload-Offset"


def test_more_bytes_than_announced_are_refused_whole(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    assert code_of(ana.patch(location, 0, fresh + b"x")) == (413, "file_too_large")
    assert ana.offset(location) == 0


def test_a_patch_of_nothing_changes_nothing(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:5])
    assert ana.patch(location, 5, b"").headers["Upload-Offset"] == "5"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_the_method_may_be_named_by_a_header(ana: Client, fresh: bytes, method: str) -> None:
    location = ana.location(fresh)
    named = {"X_HTTP_Method_Override": "PATCH", "Upload_Offset": "0"}
    assert ana.ask(method, location, fresh[:9], **named).headers["Upload-Offset"] == "9"
    assert ana.ask(method, location, X_HTTP_Method_Override="HEAD").headers["Upload-Offset"] == "9"
    assert ana.ask(method, location, X_HTTP_Method_Override="DELETE").status_code == 204


def test_the_method_of_other_requests_is_not_named_by_a_header(site: Site) -> None:
    response = site.client.get("/healthz", headers={"X-HTTP-Method-Override": "DELETE"})
    assert response.status_code == 200


# --- Creation, creation with upload ---------------------------------------------------------------


def test_a_creation_tells_where_to_send(ana: Client, fresh: bytes) -> None:
    response = ana.create(fresh)
    assert response.status_code == 201
    assert response.headers["Location"].startswith("/v1/media/")
    assert response.headers["Upload-Offset"] == "0"


@pytest.mark.parametrize("said", [None, "-1", "x", "1e3"])
def test_a_length_that_is_none_is_refused(ana: Client, said: str | None) -> None:
    assert code_of(ana.create(Upload_Length=said)) == (400, "upload_header")


def test_what_is_not_understood_is_refused(ana: Client) -> None:
    for header in ("Upload_Defer_Length", "Upload_Concat"):
        assert code_of(ana.create(**{header: "1"})) == (400, "upload_header")


def test_a_file_that_is_too_large_is_refused_when_it_is_announced(ana: Client) -> None:
    response = ana.create(Upload_Length=str(30 * 1024 * 1024 + 1))
    assert code_of(response) == (413, "file_too_large")
    assert response.json is not None
    assert response.json["limit"] == 30 * 1024 * 1024


@pytest.mark.parametrize(
    "said",
    [
        "sha256 !!!",
        "sha256",
        f"sha256 {b64encode(b'short').decode()}",
        f"sha256 {b64encode(('A' * 64).encode()).decode()}",
        "role YQ==,role YQ==",
        " ,",
        "a key YQ==",
        "x" * 5000,
    ],
)
def test_metadata_that_cannot_be_read_is_refused(ana: Client, said: str) -> None:
    assert code_of(ana.create(Upload_Metadata=said)) == (400, "upload_header")


def test_other_metadata_is_given_back_and_means_nothing(ana: Client, fresh: bytes) -> None:
    said = f"{metadata(filename='../../etc/passwd', sha256=digest(fresh))},is_confidential"
    location = ana.location(fresh, Upload_Metadata=said)
    assert ana.ask("HEAD", location).headers["Upload-Metadata"] == said


def test_without_a_digest_the_answer_names_it(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh, Upload_Metadata=None)
    response = ana.patch(location, 0, fresh)
    assert response.headers["Upload-Sha256"] == digest(fresh)
    assert stored(site, cast, fresh) == fresh


def test_a_creation_may_bring_the_first_bytes(ana: Client, fresh: bytes) -> None:
    response = ana.ask(
        "POST",
        "/v1/media",
        fresh[:300],
        Upload_Length=str(len(fresh)),
        Upload_Metadata=metadata(sha256=digest(fresh)),
    )
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "300")
    assert ana.patch(response.headers["Location"], 300, fresh[300:]).status_code == 204


def test_a_creation_may_bring_all(site: Site, cast: Cast, ana: Client, fresh: bytes) -> None:
    response = ana.ask(
        "POST",
        "/v1/media",
        fresh,
        Upload_Length=str(len(fresh)),
        Upload_Metadata=metadata(role="shelf"),
    )
    assert response.headers["Upload-Offset"] == str(len(fresh))
    assert response.headers["Upload-Sha256"] == digest(fresh)
    assert stored(site, cast, fresh) == fresh


def test_a_file_of_no_bytes_is_stored_when_it_is_announced(
    site: Site, cast: Cast, ana: Client
) -> None:
    response = ana.create(b"")
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, "0")
    assert stored(site, cast, b"") == b""


# --- Checksum -------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_bytes_with_their_checksum_are_kept(ana: Client, fresh: bytes, algorithm: str) -> None:
    location = ana.location(fresh)
    response = ana.patch(location, 0, fresh[:64], Upload_Checksum=checksum(fresh[:64], algorithm))
    assert response.headers["Upload-Offset"] == "64"
    rest = fresh[64:]
    assert ana.patch(location, 64, rest, Upload_Checksum=checksum(rest)).status_code == 204


def test_bytes_with_another_checksum_are_dropped(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:10])
    response = ana.patch(location, 10, fresh[10:], Upload_Checksum=checksum(b"others"))
    assert code_of(response) == (460, "checksum_differs")
    assert ana.offset(location) == 10
    assert ana.patch(location, 10, fresh[10:]).status_code == 204


@pytest.mark.parametrize("said", ["md5 YQ==", "sha1", "sha1 ???", "sha1 YQ==", ""])
def test_a_checksum_that_is_none_is_refused(ana: Client, fresh: bytes, said: str) -> None:
    location = ana.location(fresh)
    response = ana.patch(location, 0, fresh, Upload_Checksum=said)
    assert code_of(response) == (400, "upload_header")
    assert ana.offset(location) == 0


class Broken(io.BytesIO):
    """A body whose client goes away."""

    def read1(self, size: int | None = -1, /) -> bytes:
        piece = super().read1(size)
        if not piece:
            raise ConnectionResetError
        return piece


def cut_patch(
    client: Client, location: str, offset: int, sent: bytes, headers: Mapping[str, str]
) -> TestResponse:
    """A PATCH that says it has more than comes."""
    return client.site.client.open(
        location,
        method="PATCH",
        input_stream=Broken(sent),
        headers={
            **client.headers,
            "Content-Type": OCTETS,
            "Upload-Offset": str(offset),
            "Content-Length": str(len(sent) + 50),
            **headers,
        },
    )


def test_of_a_patch_that_breaks_off_what_came_is_kept(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    response = cut_patch(ana, location, 0, fresh[:777], {})
    assert (response.status_code, response.headers["Upload-Offset"]) == (204, "777")
    assert ana.offset(location) == 777


def test_a_patch_of_which_nothing_came_is_too_slow(ana: Client, fresh: bytes) -> None:
    location = ana.location(fresh)
    assert code_of(cut_patch(ana, location, 0, b"", {})) == (408, "too_slow")


def test_of_a_patch_with_a_checksum_that_breaks_off_nothing_is_kept(
    ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    said = {"Upload-Checksum": checksum(fresh[:827])}
    assert code_of(cut_patch(ana, location, 0, fresh[:777], said)) == (408, "too_slow")
    assert ana.offset(location) == 0


# --- Expiration, termination ----------------------------------------------------------------------


def test_an_upload_says_until_when_it_is_kept(ana: Client, fresh: bytes) -> None:
    created = ana.create(fresh)
    assert created.headers["Upload-Expires"].endswith(" GMT")
    patched = ana.patch(created.headers["Location"], 0, fresh[:10])
    assert patched.headers["Upload-Expires"] >= created.headers["Upload-Expires"]


def test_an_upload_that_has_expired_is_gone(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    with site.service.database.company(cast.company.id) as uow:
        uow.run(
            "update upload set expires_at = now() - interval '1 second' where id = :id",
            id=location.rpartition("/")[2],
        )
    assert ana.ask("HEAD", location).status_code == 410
    assert code_of(ana.patch(location, 0, fresh)) == (410, "upload_gone")


def test_an_upload_that_was_ended_is_gone_with_its_bytes(
    site: Site, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:100])
    assert ana.ask("DELETE", location).status_code == 204
    assert ana.ask("HEAD", location).status_code == 410
    assert code_of(ana.patch(location, 100, fresh[100:])) == (410, "upload_gone")
    assert code_of(ana.ask("DELETE", location)) == (410, "upload_gone")


def test_ending_an_upload_leaves_the_file_that_is_stored(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh)
    assert ana.ask("DELETE", location).status_code == 204
    assert stored(site, cast, fresh) == fresh


# --- what Roadbook makes of it --------------------------------------------------------------------


def test_a_file_that_the_company_has_is_answered_at_once(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    ana.patch(ana.location(fresh), 0, fresh)
    response = ana.create(fresh)
    assert (response.status_code, response.headers["Upload-Offset"]) == (201, str(len(fresh)))
    location = response.headers["Location"]
    assert ana.offset(location) == len(fresh)
    # A client that does not look there is told, and finds that all is there.
    assert code_of(ana.patch(location, 0, fresh)) == (409, "offset_differs")
    assert ana.patch(location, len(fresh), b"").status_code == 204
    assert rows(site, cast, "select count(*) from file where sha256 = :d", d=digest(fresh)) == [
        (1,)
    ]


def test_another_company_does_not_have_it(
    site: Site, ana: Client, strangers: Cast, fresh: bytes
) -> None:
    ana.patch(ana.location(fresh), 0, fresh)
    theirs = Client(site, strangers.ana.device)
    assert theirs.create(fresh).headers["Upload-Offset"] == "0"


def test_an_upload_of_another_device_is_not_there(
    site: Site, cast: Cast, strangers: Cast, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    for other in (cast.ben.device, strangers.ana.device):
        client = Client(site, other)
        assert client.ask("HEAD", location).status_code == 404
        assert code_of(client.patch(location, 0, b"x")) == (404, "not_found")
        assert code_of(client.ask("DELETE", location)) == (404, "not_found")
    assert ana.offset(location) == 0


def test_bytes_of_another_digest_are_dropped_and_the_upload_is_over(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    wrong = fresh[:-1] + b"?"
    assert code_of(ana.patch(location, 0, wrong)) == (422, "digest_differs")
    assert ana.ask("HEAD", location).status_code == 410
    assert stored(site, cast, wrong) is None
    assert stored(site, cast, fresh) is None
    assert ana.patch(ana.location(fresh), 0, fresh).status_code == 204


def test_a_digest_with_another_size_is_refused(ana: Client, fresh: bytes) -> None:
    ana.patch(ana.location(fresh), 0, fresh)
    assert code_of(ana.create(fresh, Upload_Length="5")) == (422, "digest_differs")


def test_a_phone_has_a_bounded_number_of_unfinished_uploads(
    site: Site, strangers: Cast, fresh: bytes
) -> None:
    change_bounds(site, open_uploads=2)
    ben = without_uploads(site, strangers, strangers.ben.device)
    first = ben.location(fresh)
    ben.location(fresh + b"2")
    assert code_of(ben.create(fresh + b"3")) == (429, "too_many_uploads")
    ben.ask("DELETE", first)
    assert ben.create(fresh + b"3").status_code == 201


def test_announcements_whose_answers_were_lost_do_not_shut_a_phone_out(
    site: Site, strangers: Cast, fresh: bytes
) -> None:
    change_bounds(site, open_uploads=2)
    ben = without_uploads(site, strangers, strangers.ben.device)
    lost = [ben.location(fresh) for _ in range(2)]
    last = ben.location(fresh)
    assert [ben.ask("HEAD", each).status_code for each in lost] == [410, 410]
    other = ben.location(fresh + b"2")
    # Of what is announced once nothing is given up.
    assert code_of(ben.create(fresh + b"3")) == (429, "too_many_uploads")
    assert ben.patch(last, 0, fresh).status_code == 204
    assert ben.offset(other) == 0


def test_an_announcement_is_given_up_too_whose_file_has_come_by_a_later_one(
    site: Site, strangers: Cast, fresh: bytes
) -> None:
    change_bounds(site, open_uploads=2)
    ben = without_uploads(site, strangers, strangers.ben.device)
    lost = ben.location(fresh)
    ben.patch(ben.location(fresh), 0, fresh)
    ben.location(fresh + b"2")
    assert ben.create(fresh + b"3").status_code == 201
    assert ben.ask("HEAD", lost).status_code == 410


def test_who_asks_while_another_request_finishes_the_upload_is_told_that_all_is_there(
    site: Site, ana: Client, fresh: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:50])
    look = Staging.offset

    def look_late(staging: Staging, company_id: int, upload_id: UUID) -> int:
        monkeypatch.setattr(Staging, "offset", look)
        assert ana.patch(location, 50, fresh[50:]).status_code == 204
        return look(staging, company_id, upload_id)

    monkeypatch.setattr(Staging, "offset", look_late)
    assert ana.offset(location) == len(fresh)


def test_a_phone_announces_a_bounded_number_of_bytes_a_day(
    site: Site, strangers: Cast, fresh: bytes
) -> None:
    change_bounds(site, device_day_bytes=len(fresh) + 10)
    mia = Client(site, strangers.mia.device)
    location = mia.location(fresh)
    response = mia.create(b"x" * 11)
    assert code_of(response) == (429, "quota_reached")
    assert int(response.headers["Retry-After"]) >= 60
    # What is announced goes on, and what the company has costs nothing.
    assert mia.patch(location, 0, fresh).status_code == 204
    assert mia.create(fresh).status_code == 201


def test_below_the_room_that_stays_free_nothing_is_taken(
    site: Site, ana: Client, fresh: bytes
) -> None:
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:50])
    media = site.service.media
    assert media is not None
    object.__setattr__(media.staging, "keep_free_bytes", 2**60)
    for response in (ana.create(fresh), ana.patch(location, 50, fresh[50:])):
        assert code_of(response) == (507, "disk_full")
        assert int(response.headers["Retry-After"]) > 0
    assert ana.offset(location) == 50


class AwayStorage(LocalStorage):
    """A storage that is away until it is said to be back."""

    is_away = True

    def put(self, key: str, path: Path) -> None:
        if self.is_away:
            raise StorageAway
        super().put(key, path)


def test_while_the_storage_is_away_the_bytes_stay_and_whoever_asks_next_finishes(
    site: Site, cast: Cast, ana: Client, fresh: bytes, tmp_path: Path
) -> None:
    away = AwayStorage(tmp_path / "files")
    object.__setattr__(site.service.media, "storage", away)
    location = ana.location(fresh)
    assert code_of(ana.patch(location, 0, fresh)) == (503, "busy")
    assert ana.ask("HEAD", location).status_code == 503
    away.is_away = False
    assert ana.offset(location) == len(fresh)
    assert stored(site, cast, fresh) == fresh
    # As a client does that goes on where it was.
    assert ana.patch(location, len(fresh), b"").headers["Upload-Sha256"] == digest(fresh)


def test_a_device_that_drains_may_send_what_it_holds(
    site: Site, strangers: Cast, fresh: bytes
) -> None:
    aki = Client(site, strangers.aki.device)
    with site.service.database.company(strangers.company.id) as uow:
        uow.run("update device set state = 'DRAINING' where id = :id", id=strangers.aki.device.id)
    assert aki.patch(aki.location(fresh), 0, fresh).status_code == 204


def test_a_photo_shows_how_far_its_file_is(
    site: Site, cast: Cast, ana: Client, fresh: bytes
) -> None:
    event = {"at": AT, "uptime_ms": 3_600_000, "boot_id": BOOT}
    item = item_of(
        "photo",
        "create",
        {"sha256": digest(fresh), "size": len(fresh), "role": "shelf", "occurred": event},
    )
    pushed = site.ask("/v1/push", push_of(cast.ana.device, item), device=cast.ana.device)
    assert pushed.json is not None
    assert pushed.json["results"][0]["status"] == "applied"

    def state() -> str:
        found = rows(site, cast, "select state from photo where id = :i", i=item["entity_id"])
        return str(found[0][0])

    seen = [state()]
    location = ana.location(fresh)
    ana.patch(location, 0, fresh[:9])
    seen.append(state())
    ana.ask("DELETE", location)
    seen.append(state())
    ana.patch(ana.location(fresh), 0, fresh)
    seen.append(state())
    assert seen == ["EXPECTED", "UPLOADING", "EXPECTED", "STORED"]


def without_uploads(site: Site, cast: Cast, device: Device) -> Client:
    with site.service.database.company(cast.company.id) as uow:
        uow.run("delete from upload where device_id = :device", device=device.id)
    return Client(site, device)


def change_bounds(site: Site, **changed: Any) -> None:
    media = site.service.media
    assert media is not None
    object.__setattr__(media, "bounds", MediaBounds(**changed))
