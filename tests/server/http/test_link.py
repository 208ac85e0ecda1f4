"""What a link serves: whole, in part, and never anything that a browser would run."""

from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from server.media.keys import copy_key, original_key
from server.media.links import Links
from tests.server.http.conftest import Site, code_of

CONTENT = b"<script>alert(1)</script>" * 50
ORIGINAL = original_key(7, "ab" * 32)
COPY = copy_key(7, "ab" * 32, 1, "thumb")


@pytest.fixture
def kept(site: Site, tmp_path: Path) -> Site:
    assert site.service.media is not None
    for key in (ORIGINAL, COPY):
        path = tmp_path / key.replace("/", "-")
        path.write_bytes(CONTENT)
        site.service.media.storage.put(key, path)
    return site


def get(site: Site, key: str, **headers: str) -> TestResponse:
    assert site.service.media is not None
    link = Links(site.service.secret, site.service.media.storage).make(key)
    return site.client.get(link, headers={k.replace("_", "-"): v for k, v in headers.items()})


def test_an_original_is_saved_and_never_opened_in_place(kept: Site) -> None:
    response = get(kept, ORIGINAL)
    assert (response.status_code, response.data) == (200, CONTENT)
    assert response.content_type == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_a_copy_is_shown_and_kept_by_its_reader_alone(kept: Site) -> None:
    response = get(kept, COPY)
    assert response.content_type == "image/webp"
    assert "Content-Disposition" not in response.headers
    assert response.headers["Cache-Control"].startswith("private, max-age=")
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_a_part_is_served(kept: Site) -> None:
    response = get(kept, ORIGINAL, Range="bytes=10-19")
    assert (response.status_code, response.data) == (206, CONTENT[10:20])
    assert response.headers["Content-Range"] == f"bytes 10-19/{len(CONTENT)}"
    assert get(kept, ORIGINAL, Range="bytes=-5").data == CONTENT[-5:]
    assert get(kept, ORIGINAL, Range="bytes=10-19", If_Range='"another"').data == CONTENT
    for all_of_it in ("bytes=0-1,4-5", "bytes=99999-", "lines=1-2", "nonsense"):
        assert get(kept, ORIGINAL, Range=all_of_it).data == CONTENT


def test_who_has_it_is_told_so(kept: Site) -> None:
    etag = get(kept, COPY).headers["ETag"]
    response = get(kept, COPY, If_None_Match=etag)
    assert (response.status_code, response.data) == (304, b"")


def test_a_link_of_nobody_or_to_nothing_leads_nowhere(site: Site) -> None:
    assert code_of(site.client.get("/files/made-up")) == (404, "not_found")
    assert code_of(get(site, ORIGINAL)) == (404, "not_found")
