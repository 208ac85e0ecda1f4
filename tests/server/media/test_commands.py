"""`roadbook media`, as an operator types it."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from click.testing import Result

from server.media.files import keep_file
from server.media.links import PATH, Links
from server.media.storage import LocalStorage
from sync.unit_of_work import Database
from tests.factories import Cast

Run = Callable[..., Result]
DIGEST = "3f9a" * 16


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStorage:
    monkeypatch.setenv("MEDIA_FOLDER", str(tmp_path / "media"))
    monkeypatch.setenv("MEDIA_KEEP_FREE_MB", "0")
    return LocalStorage(tmp_path / "media" / "files")


@pytest.fixture
def key(db: Database, cast: Cast, files: LocalStorage, tmp_path: Path) -> str:
    """The key of a file that is stored."""
    path = tmp_path / "photo"
    path.write_bytes(b"a photo")
    keep_file(
        db,
        files,
        cast.company.id,
        path,
        sha256=DIGEST,
        size=7,
        device_id=cast.ana.device.id,
        person_id=cast.ana.id,
    )
    (found,) = files.stored()
    return found.key


@pytest.mark.usefixtures("key")
def test_files_that_agree_are_well(run: Run) -> None:
    checked = run("media", "check")
    assert checked.exit_code == 0
    assert "files: 1" in checked.output
    assert "rows without their bytes: 0" in checked.output


def test_lost_bytes_are_told_and_mended(run: Run, files: LocalStorage, key: str) -> None:
    files.delete(key)
    checked = run("media", "check")
    assert checked.exit_code == 1
    assert DIGEST in checked.output
    assert "roadbook media check --mend" in checked.output
    assert run("media", "check", "--mend").exit_code == 0
    assert run("media", "check").exit_code == 0


def test_a_storage_that_lacks_most_files_is_doubted_before_anything_is_mended(
    run: Run, db: Database, cast: Cast, files: LocalStorage, key: str
) -> None:
    files.delete(key)
    with db.company(cast.company.id) as uow:
        for number in range(1, 5):
            uow.run(
                "insert into file (company_id, id, sha256, size, state, stored_at)"
                " values (:c, :id, :sha256, 7, 'STORED', now())",
                c=cast.company.id,
                id=uuid4(),
                sha256=f"{number:064x}",
            )
    refused = run("media", "check", "--mend")
    assert refused.exit_code == 1
    assert "5 of 5 files are not in the storage" in refused.output
    assert "is the disk mounted?" in refused.output
    assert "rows without their bytes: 5" in run("media", "check").output
    assert "mended: 5" in run("media", "check", "--mend", "--all").output
    assert run("media", "check").exit_code == 0


@pytest.mark.usefixtures("files")
def test_what_is_being_sent_is_listed(run: Run, db: Database, cast: Cast) -> None:
    assert run("media", "uploads").output == "nothing is being sent\n"
    with db.company(cast.company.id) as uow:
        uow.run(
            "insert into upload (company_id, id, device_id, person_id, size, received, metadata,"
            " state, expires_at) values (:c, :id, :d, :p, 2048, 1024, '', 'OPEN', now())",
            c=cast.company.id,
            id=uuid4(),
            d=cast.ana.device.id,
            p=cast.ana.id,
        )
    assert cast.ana.name in run("media", "uploads").output


def test_a_link_leads_to_the_original(run: Run, key: str) -> None:
    made = run("media", "link", DIGEST[:8]).output.strip()
    links = Links(b"x" * 48, LocalStorage(Path()))
    found = links.read(made.removeprefix(f"{PATH}/"))
    assert found is not None
    assert found[0] == key
    assert "no such file" in run("media", "link", "ffff").output
