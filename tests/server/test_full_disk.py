"""A disk that runs full under the running service: phones wait, nothing is lost, all goes on."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from server import processes
from server.counts import MEMORY, counts_folder, drop_counts_of_the_dead, make_counts_folder
from server.demo.known import CODE
from server.embedded import Embedded
from server.embedded_postgres import APP, DATABASE, OWNER, SUPERUSER
from server.migrate import migrate
from server.processes import CannotStart
from sync.unit_of_work import Database
from tests.factories import Cast, Device, make_cast
from tests.server.http.conftest import push_of, visit_of

ROOT = Path(__file__).resolve().parents[2]
DISK_MB = 640
SOON_S = 60.0


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk of its own."""
    folder = Path(tempfile.mkdtemp(prefix="roadbook-disk-"))
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=755", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        folder.rmdir()
        pytest.skip("only root may mount a disk that is small enough to be filled")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture
def cast(disk: Path) -> Cast:
    """People in the embedded database on that disk, in place of the demo company."""
    servers = Embedded.start(disk / "var", with_redis=False)
    with ExitStack() as stack:
        stack.callback(servers.stop)
        migrate(servers.url(OWNER), app_role=APP)
        owner, app = (create_engine(servers.url(role), poolclass=NullPool) for role in (OWNER, APP))
        return make_cast(owner, Database(app), code=CODE)


class Served:
    """`roadbook serve` with its data on the small disk."""

    def __init__(self, var: Path, port: int) -> None:
        self.var, self.port = var, port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve"],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "ROADBOOK_VAR": str(var),
                "ROADBOOK_PORT": str(port),
                "WEB_WORKERS": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None
        assert any("Stop with Ctrl-C" in line for line in self.process.stdout)

    def push(self, device: Device, body: Any) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SOON_S)
        said = {"Content-Type": "application/json", "Authorization": device.authorization}
        connection.request("POST", "/v1/push", json.dumps(body), said)
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def web_processes(self) -> set[int]:
        web = processes.recall(self.var / "run" / "web.pid")
        assert web is not None
        children = Path(f"/proc/{web.pid}/task/{web.pid}/children").read_text(encoding="ascii")
        return {web.pid, *map(int, children.split())}


@pytest.fixture
def served(disk: Path, cast: Cast) -> Iterator[Served]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = Served(disk / "var", port)
    found.wait_until_ready()
    yield found
    found.process.terminate()
    found.process.communicate(timeout=SOON_S)


def fill(folder: Path) -> Path:
    """A file that leaves not one page free."""
    file = folder / "filling"
    with suppress(OSError), file.open("wb", buffering=0) as stream:
        for piece in (2**20, 4096):
            with suppress(OSError):
                while True:
                    assert stream.write(b"x" * piece)
    return file


@pytest.mark.slow
def test_a_full_disk_keeps_phones_waiting_loses_nothing_and_is_over_when_there_is_room(
    disk: Path, served: Served, cast: Cast
) -> None:
    device = cast.ana.device
    batches = [
        push_of(device, *(visit_of(cast.ana_stores[0]) for _ in range(100))) for _ in range(30)
    ]
    before = served.web_processes()
    filling = fill(disk)
    waiting: list[dict[str, Any]] = []
    for batch in batches:
        status, answer = served.push(device, batch)
        results = {one["status"] for one in answer.get("results", [])}
        assert (status, results) in ((200, {"applied"}), (200, {"retry"}), (503, set())), answer
        if results != {"applied"}:
            waiting.append(batch)
    assert waiting, "the disk was not full"
    assert served.web_processes() == before, "a web process has died"

    filling.unlink()
    until = monotonic() + SOON_S
    while waiting:
        status, answer = served.push(device, waiting[-1])
        if status == 200 and {one["status"] for one in answer["results"]} <= {
            "applied",
            "duplicate",
        }:
            waiting.pop()
        else:
            assert monotonic() < until, answer
            sleep(0.1)
    assert served.web_processes() == before
    sockets = str(served.var / "sockets")
    with psycopg.connect(host=sockets, user=SUPERUSER, dbname=DATABASE) as connection:
        found = connection.execute("select count(*) from visit").fetchone()
    assert found == (len(batches) * 100,)


def test_counts_are_in_memory_in_a_folder_that_is_ours_alone(tmp_path: Path) -> None:
    folder = counts_folder(tmp_path)
    assert folder.parent == MEMORY
    assert folder != counts_folder(tmp_path / "other")
    make_counts_folder(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        make_counts_folder(folder)
    folder.unlink()


def test_counts_of_processes_that_have_ended_go_and_with_the_last_the_folder(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "counts"
    make_counts_folder(folder)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    mine = folder / f"counter_{os.getpid()}.db"
    for file in (mine, folder / f"histogram_{ended.pid}.db"):
        file.touch()
    drop_counts_of_the_dead(folder)
    assert list(folder.iterdir()) == [mine]
    mine.unlink()
    drop_counts_of_the_dead(folder)
    assert not folder.exists()
