"""Who may add to an upload, and how much of it is there."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from server.media.staging import Gone, NoRoom, OffsetDiffers, Overtaken, Staging

COMPANY = 7


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(tmp_path / "uploads")


@pytest.fixture
def upload(staging: Staging) -> UUID:
    made = uuid4()
    staging.make(COMPANY, made)
    return made


def test_bytes_are_there_in_the_order_in_which_they_were_added(
    staging: Staging, upload: UUID
) -> None:
    writer = staging.begin(COMPANY, upload, 0, is_proved=True)
    for piece in (b"one ", b"two ", b"three"):
        writer.add(piece)
    assert writer.keep() == 13
    assert staging.path(COMPANY, upload).read_bytes() == b"one two three"


def test_one_begins_where_the_upload_is(staging: Staging, upload: UUID) -> None:
    staging.begin(COMPANY, upload, 0, is_proved=True).add(b"12345")
    with pytest.raises(OffsetDiffers) as differs:
        staging.begin(COMPANY, upload, 4, is_proved=True)
    assert differs.value.offset == 5


@pytest.mark.parametrize(
    "comes",
    [
        lambda staging, upload: staging.offset(COMPANY, upload),
        lambda staging, upload: staging.begin(COMPANY, upload, 3, is_proved=True),
        lambda staging, upload: staging.end(COMPANY, upload),
    ],
    ids=["asks", "writes", "ends"],
)
def test_who_comes_later_goes_on_and_who_was_there_cannot(
    staging: Staging, upload: UUID, comes: Callable[[Staging, UUID], object]
) -> None:
    first = staging.begin(COMPANY, upload, 0, is_proved=True)
    first.add(b"123")
    comes(staging, upload)
    for act in (lambda: first.add(b"4"), first.keep, first.take_back, first.prove):
        with pytest.raises(Overtaken):
            act()


def test_unproved_bytes_do_not_count_for_whoever_comes_next(staging: Staging, upload: UUID) -> None:
    staging.begin(COMPANY, upload, 0, is_proved=True).add(b"proved")
    staging.begin(COMPANY, upload, 6, is_proved=False).add(b" or not")
    # As after a crash: nobody says anything more.
    assert staging.offset(COMPANY, upload) == 6
    assert staging.path(COMPANY, upload).read_bytes() == b"proved"


def test_proved_bytes_count(staging: Staging, upload: UUID) -> None:
    writer = staging.begin(COMPANY, upload, 0, is_proved=False)
    writer.add(b"proved")
    assert writer.prove() == 6
    assert staging.offset(COMPANY, upload) == 6


def test_what_is_taken_back_is_gone(staging: Staging, upload: UUID) -> None:
    staging.begin(COMPANY, upload, 0, is_proved=True).add(b"123")
    writer = staging.begin(COMPANY, upload, 3, is_proved=False)
    writer.add(b"456")
    assert writer.take_back() == 3
    assert staging.offset(COMPANY, upload) == 3


def test_after_the_end_there_is_nothing(staging: Staging, upload: UUID) -> None:
    staging.end(COMPANY, upload)
    staging.end(COMPANY, upload)
    with pytest.raises(Gone):
        staging.offset(COMPANY, upload)
    with pytest.raises(Gone):
        staging.begin(COMPANY, upload, 0, is_proved=True)


def test_a_note_that_a_power_cut_emptied_is_read_as_nobodys(staging: Staging, upload: UUID) -> None:
    staging.begin(COMPANY, upload, 0, is_proved=True).add(b"123")
    note = staging.path(COMPANY, upload).with_name(f"{upload}.writer")
    note.write_bytes(b"")
    assert staging.offset(COMPANY, upload) == 3


def test_who_makes_an_upload_that_is_there_changes_nothing_about_it(
    staging: Staging, upload: UUID
) -> None:
    staging.begin(COMPANY, upload, 0, is_proved=True).add(b"proved")
    staging.begin(COMPANY, upload, 6, is_proved=False).add(b" or not")
    staging.make(COMPANY, upload)
    assert staging.offset(COMPANY, upload) == 6


def test_below_the_room_that_stays_free_there_is_none(staging: Staging) -> None:
    Staging(staging.folder, 0).check_room(1)
    with pytest.raises(NoRoom):
        Staging(staging.folder, 2**60).check_room(1)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_when_the_disk_is_full_what_there_was_room_for_is_kept(small_disk: Path) -> None:
    staging, upload = Staging(small_disk / "uploads"), uuid4()
    staging.make(COMPANY, upload)
    content = os.urandom(2 * 1024 * 1024)
    writer = staging.begin(COMPANY, upload, 0, is_proved=True)
    with pytest.raises(NoRoom):
        writer.add(content)
    kept = writer.keep()
    assert 500_000 < kept < 1024 * 1024
    assert staging.offset(COMPANY, upload) == kept
    assert staging.path(COMPANY, upload).read_bytes() == content[:kept]
