"""A worker as its own process reads what has come, also what one that was killed had begun.

It has a database of its own: a worker does the work of all companies, also what other tests left behind.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from sqlalchemy import Engine, make_url

from server.media.files import keep_file
from server.media.keys import copy_key
from server.media.storage import LocalStorage
from server.photos.facts import READER_VERSION
from sync.unit_of_work import Database
from tests import photo_files as files
from tests.factories import Cast, make_cast

ROOT = Path(__file__).resolve().parents[3]
SOON_S = 60.0
PHOTOS = 12


def until(is_so: Callable[[], bool], what: str) -> None:
    ends = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


@pytest.fixture
def db(fresh_engine: Engine) -> Database:
    return Database(fresh_engine)


@pytest.fixture
def cast(fresh_owner_engine: Engine, db: Database) -> Cast:
    return make_cast(fresh_owner_engine, db)


@pytest.fixture
def start(
    fresh_database: dict[str, str], redis_url: str, tmp_path: Path
) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    started: list[subprocess.Popen[bytes]] = []

    def start_worker() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "worker"],
            env={
                **os.environ,
                "DATABASE_URL": fresh_database["app"],
                "REDIS_URL": redis_url,
                "SECRET_KEY": "a secret of thirty-two characters and more",
                "ROADBOOK_VAR": str(tmp_path),
                "MEDIA_READERS": "1",
                "ROADBOOK_LOG_LEVEL": "error",
            },
            cwd=ROOT,
        )
        started.append(process)
        return process

    yield start_worker
    for process in started:
        process.kill()
        process.wait()


def children_of(pid: int) -> list[int]:
    listed = [
        (thread / "children").read_text(encoding="ascii").split()
        for thread in Path(f"/proc/{pid}/task").iterdir()
    ]
    return [int(one) for ids in listed for one in ids]


def is_there(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:
        return False


def rows(db: Database, cast: Cast, statement: str) -> list[Any]:
    with db.company(cast.company.id) as uow:
        return uow.rows(statement)


@pytest.mark.slow
def test_what_a_killed_worker_had_begun_is_read_once_by_the_next(
    start: Callable[[], subprocess.Popen[bytes]],
    fresh_database: dict[str, str],
    db: Database,
    cast: Cast,
    tmp_path: Path,
) -> None:
    storage = LocalStorage(tmp_path / "media" / "files")
    digests = []
    for number in range(PHOTOS):
        file = files.jpeg(files.noise(1200, 900, seed=number))
        path = tmp_path / str(number)
        path.write_bytes(file)
        digests.append(sha256(file).hexdigest())
        keep_file(
            db, storage, cast.company.id, path, sha256=digests[-1], size=len(file),
            device_id=cast.ana.device.id, person_id=cast.ana.id,
        )  # fmt: skip
    worker = start()
    until(lambda: len(rows(db, cast, "select from file_reading")) >= 2, "nothing is read")
    (reader,) = children_of(worker.pid)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    until(lambda: not is_there(reader), "the process that reads outlives its worker")
    assert 2 <= len(rows(db, cast, "select from file_reading")) < PHOTOS

    # What would come by itself after half a minute comes now.
    address = make_url(fresh_database["admin"])
    with psycopg.connect(
        host=str(address.query["host"]), user=address.username, dbname=address.database
    ) as admin:
        admin.execute(
            "update file set reading_until = now() - interval '1 second' where reading_until is not null"
        )
        admin.execute(
            "update outbox set enqueued_at = null where company_id = %s", [cast.company.id]
        )
    start()
    until(
        lambda: not rows(db, cast, "select from file where state <> 'READ'"), "some are never read"
    )
    read = rows(db, cast, "select sha256, reader_version from file_reading")
    assert sorted(row.sha256 for row in read) == sorted(digests)
    assert max(row.attempts for row in rows(db, cast, "select attempts from file")) <= 2
    for digest in digests:
        for name in ("full", "screen", "thumb"):
            assert storage.size(copy_key(cast.company.id, digest, READER_VERSION, name))
    until(
        lambda: not rows(db, cast, "select from outbox where topic = 'file_read'"),
        "their work is never done",
    )


@pytest.mark.slow
def test_a_worker_stops_when_told_though_it_reads(
    start: Callable[[], subprocess.Popen[bytes]], db: Database, cast: Cast, tmp_path: Path
) -> None:
    storage = LocalStorage(tmp_path / "media" / "files")
    path = tmp_path / "one"
    file = files.jpeg()
    path.write_bytes(file)
    keep_file(
        db, storage, cast.company.id, path, sha256=sha256(file).hexdigest(), size=len(file),
        device_id=cast.ana.device.id, person_id=cast.ana.id,
    )  # fmt: skip
    worker = start()
    until(lambda: bool(rows(db, cast, "select from file_reading")), "nothing is read")
    (reader,) = children_of(worker.pid)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=30) == 0
    until(lambda: not is_there(reader), "the process that reads outlives its worker")
