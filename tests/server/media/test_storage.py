"""What every storage promises, shown for each of them."""

import socket
import urllib.request
from datetime import timedelta
from pathlib import Path

import pytest

from server.media.s3 import S3Storage
from server.media.storage import LocalStorage, NotStored, Storage, StorageAway

KEY = "7/original/3f/9a/" + "3f9a" * 16


@pytest.fixture(params=["folder", "bucket"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path / "files")
    found: Storage = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "staged"
    made.write_bytes(b"the bytes of a photo")
    return made


@pytest.fixture
def kept(storage: Storage, path: Path) -> Storage:
    storage.put(KEY, path)
    path.unlink()
    return storage


def test_what_was_put_is_there_whole(kept: Storage) -> None:
    assert kept.size(KEY) == 20
    assert b"".join(kept.stream(KEY)) == b"the bytes of a photo"


def test_a_part_can_be_read(kept: Storage) -> None:
    assert b"".join(kept.stream(KEY, 4, 5)) == b"bytes"
    assert b"".join(kept.stream(KEY, 15)) == b"photo"


def test_a_copy_can_be_fetched(kept: Storage, tmp_path: Path) -> None:
    kept.fetch(KEY, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"the bytes of a photo"


def test_the_first_to_come_stays(kept: Storage, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"something else")
    kept.put(KEY, other)
    assert kept.size(KEY) == 20


def test_what_is_not_there_is_said_not_to_be(storage: Storage, tmp_path: Path) -> None:
    assert storage.size(KEY) is None
    with pytest.raises(NotStored):
        storage.stream(KEY)
    with pytest.raises(NotStored):
        storage.fetch(KEY, tmp_path / "copy")


def test_what_was_deleted_is_gone_and_may_be_deleted_again(kept: Storage) -> None:
    kept.delete(KEY)
    kept.delete(KEY)
    assert kept.size(KEY) is None


def test_all_that_is_kept_is_listed_by_prefix(kept: Storage) -> None:
    assert [(each.key, each.size) for each in kept.stored("7/")] == [(KEY, 20)]
    assert list(kept.stored("8/")) == []


def test_a_file_of_no_bytes_is_kept(storage: Storage, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    storage.put(KEY, tmp_path / "empty")
    assert storage.size(KEY) == 0
    assert b"".join(storage.stream(KEY)) == b""


def test_no_key_leads_out_of_the_folder(tmp_path: Path) -> None:
    for key in ("../outside", "7/../../outside", "/etc/passwd", "7//x", ""):
        with pytest.raises(ValueError, match="no key"):
            LocalStorage(tmp_path / "files").size(key)


def test_a_folder_that_cannot_be_written_is_a_storage_that_is_away(
    tmp_path: Path, path: Path
) -> None:
    (tmp_path / "files").write_text("a file where the folder should be")
    with pytest.raises(StorageAway):
        LocalStorage(tmp_path / "files" / "below").put(KEY, path)


def test_a_server_that_is_not_there_is_a_storage_that_is_away(path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    bucket = S3Storage(
        "files", endpoint=f"http://127.0.0.1:{port}", region="us-east-1", key_id="a", secret="b"
    )
    with pytest.raises(StorageAway):
        bucket.put(KEY, path)


def test_a_large_file_goes_to_the_bucket_in_parts(bucket: S3Storage, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as sparse:
        sparse.truncate(33 * 1024 * 1024)
    bucket.put(KEY, large)
    bucket.put(KEY, large)
    assert bucket.size(KEY) == 33 * 1024 * 1024


def test_the_bucket_serves_a_link_that_makes_a_browser_save_an_original(
    bucket: S3Storage, path: Path
) -> None:
    bucket.put(KEY, path)
    link = bucket.presigned(KEY, timedelta(minutes=5))
    assert link is not None
    with urllib.request.urlopen(link, timeout=30) as response:
        assert response.read() == b"the bytes of a photo"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["Content-Type"] == "application/octet-stream"
