"""A storage in a folder of its own, a company's database, and phones that send files."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from server.media.s3 import S3Storage
from server.media.storage import LocalStorage
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast

SOON_S = 30.0
KEY_ID, SECRET = "a key", "a secret"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server of this machine, a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        ends = time.monotonic() + SOON_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert time.monotonic() < ends, "the S3 server does not start"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SOON_S)


@pytest.fixture
def bucket(s3_server: str) -> S3Storage:
    """A bucket of its own."""
    name = f"files-{uuid4().hex}"
    request = urllib.request.Request(f"{s3_server}/{name}", method="PUT")
    urllib.request.urlopen(request, timeout=SOON_S).close()
    return S3Storage(name, endpoint=s3_server, region="us-east-1", key_id=KEY_ID, secret=SECRET)


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "files")


@pytest.fixture(scope="session")
def media_database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, media_database: Database) -> Cast:
    return make_cast(owner_engine, media_database)
