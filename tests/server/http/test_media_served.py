"""Uploads over real HTTP, from the web server as it is installed: connections that break, processes that
are killed, phones that stop talking, and the public clients as they are.
"""

import hashlib
import http.client
import json
import os
import random
import signal
import socket
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from tusclient.client import TusClient

from server.gathering import GATHERED_UPLOAD_BYTES_MAX
from server.media.keys import original_key
from server.media.storage import LocalStorage
from tests.factories import Cast
from tests.server.http.conftest import push_of
from tests.serving import SOON_S, BreakingLink, Served, web_server
from tests.tus_client.install import HERE, NODE, install

pytestmark = pytest.mark.slow
OCTETS = "application/offset+octet-stream"
LARGE = 3 * GATHERED_UPLOAD_BYTES_MAX


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("media-served")


@pytest.fixture(scope="module")
def served(database: dict[str, str], redis_url: str, var: Path) -> Iterator[Served]:
    with web_server(database["app"], redis_url, var) as found:
        yield found


def made(size: int) -> bytes:
    """Bytes that the company does not have."""
    return random.Random(os.urandom(8)).randbytes(size)


class Phone:
    """Uploads one file over one connection after the other."""

    def __init__(self, served: Served, cast: Cast, content: bytes) -> None:
        self.served = served
        self.content = content
        self.sha256 = hashlib.sha256(content).hexdigest()
        self.headers = {
            "Tus-Resumable": "1.0.0",
            "Authorization": cast.ana.device.authorization,
        }
        coded = b64encode(self.sha256.encode()).decode()
        announced = {"Upload-Length": str(len(content)), "Upload-Metadata": f"sha256 {coded}"}
        response = self.ask("POST", "/v1/media", **announced)
        assert response.status == 201
        self.location = response.headers["Location"]

    def ask(
        self, method: str, path: str, body: bytes | None = None, /, **headers: str
    ) -> http.client.HTTPResponse:
        connection = self.served.connect()
        typed = {} if body is None else {"Content-Type": OCTETS}
        connection.request(method, path, body, {**self.headers, **typed, **headers})
        response = connection.getresponse()
        response.read()
        connection.close()
        return response

    def offset(self) -> int:
        response = self.ask("HEAD", self.location)
        assert response.status == 200
        return int(response.headers["Upload-Offset"])

    def patch(self, offset: int) -> http.client.HTTPResponse:
        return self.ask(
            "PATCH", self.location, self.content[offset:], **{"Upload-Offset": str(offset)}
        )

    def begin_patch(self, offset: int, sent: int) -> socket.socket:
        """A PATCH that says it has all the rest, and sends so much of it."""
        said = {
            **self.headers,
            "Host": "here",
            "Content-Type": OCTETS,
            "Upload-Offset": str(offset),
            "Content-Length": str(len(self.content) - offset),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
        sock = socket.create_connection(self.served.address, timeout=SOON_S)
        sock.sendall(f"PATCH {self.location} HTTP/1.1\r\n{head}\r\n".encode())
        sock.sendall(self.content[offset : offset + sent])
        return sock

    def is_stored(self, cast: Cast, var: Path) -> bool:
        key = original_key(cast.company.id, self.sha256)
        storage = LocalStorage(var / "media" / "files")
        return (
            storage.size(key) == len(self.content) and b"".join(storage.stream(key)) == self.content
        )


def until_kept(phone: Phone, var: Path, size: int) -> None:
    """Wait until so much is in the staging file. Asking would end whoever writes it."""
    (path,) = (var / "media" / "uploads").glob(f"*/{phone.location.rpartition('/')[2]}")
    ends = monotonic() + SOON_S
    while path.stat().st_size < size:
        assert monotonic() < ends
        sleep(0.02)


@pytest.mark.parametrize("size", [100_000, LARGE], ids=["collected", "streamed"])
def test_after_a_cut_what_came_is_there_and_the_rest_follows(
    served: Served, cast: Cast, var: Path, size: int
) -> None:
    phone = Phone(served, cast, made(size))
    phone.begin_patch(0, 60_000).close()
    until_kept(phone, var, 60_000)
    offset = phone.offset()
    assert offset == 60_000
    assert phone.patch(offset).status == 204
    assert phone.is_stored(cast, var)


def test_whoever_asks_wins_over_a_request_that_hangs(served: Served, cast: Cast, var: Path) -> None:
    phone = Phone(served, cast, made(LARGE))
    with phone.begin_patch(0, LARGE - 1000) as hanging:
        until_kept(phone, var, LARGE - 1000)
        began = monotonic()
        offset = phone.offset()
        # What the old request still brings is dropped: it is told so, and the rest is the new one's.
        with suppress(OSError):
            hanging.sendall(phone.content[offset : offset + 500])
        answer = http.client.HTTPResponse(hanging)
        answer.begin()
        assert answer.status == 409
        assert monotonic() - began < 8
        assert phone.offset() == offset
        assert phone.patch(offset).status == 204
    assert phone.is_stored(cast, var)


def test_a_killed_process_loses_nothing_that_was_kept(
    served: Served, cast: Cast, var: Path
) -> None:
    phone = Phone(served, cast, made(LARGE))
    with phone.begin_patch(0, LARGE - 5):
        until_kept(phone, var, LARGE - 5)
        for pid in served.children:
            os.kill(pid, signal.SIGKILL)
    ends = monotonic() + SOON_S
    while True:
        try:
            offset = phone.offset()
            break
        except OSError:
            assert monotonic() < ends
            sleep(0.05)
    assert offset == LARGE - 5
    assert phone.patch(offset).status == 204
    assert phone.is_stored(cast, var)


def test_slow_uploads_leave_threads_for_pushes_and_the_rest_are_asked_to_come_again(
    served: Served, cast: Cast
) -> None:
    device = cast.ana.device
    with ExitStack() as stack:
        # More than all threads of both processes.
        hanging = [
            stack.enter_context(Phone(served, cast, made(LARGE)).begin_patch(0, 600_000))
            for _ in range(8)
        ]
        began = monotonic()
        for _ in range(4):
            status, _ = served.ask(
                "POST", "/v1/push", push_of(device), Authorization=device.authorization
            )
            assert status == 200
        assert monotonic() - began < 8
        answers = []
        for sock in hanging:
            sock.settimeout(0.2)
            with suppress(TimeoutError):
                answer = http.client.HTTPResponse(sock)
                answer.begin()
                answers.append((answer.status, int(answer.headers["Retry-After"])))
    assert len(answers) >= 4
    assert all(status == 503 and again >= 5 for status, again in answers)


def test_a_large_file_is_never_held_in_memory(served: Served, cast: Cast, var: Path) -> None:
    def held_kb() -> int:
        statuses = [Path(f"/proc/{pid}/status").read_text() for pid in served.children]
        lines = [line for text in statuses for line in text.splitlines() if "VmRSS" in line]
        return sum(int(line.split()[1]) for line in lines)

    before = held_kb()
    phone = Phone(served, cast, made(29 * 1024 * 1024))
    assert phone.patch(0).status == 204
    assert held_kb() - before < 20_000
    assert phone.is_stored(cast, var)


# --- the public clients ---------------------------------------------------------------------------


def cutting(seed: int, until: int) -> Any:
    """Connections break after 20 to 200 kB, so many of them."""
    numbers = random.Random(seed)
    left = [until]

    def cut_after() -> int | None:
        left[0] -= 1
        return numbers.randrange(20_000, 200_000) if left[0] >= 0 else None

    return cut_after


def test_tuspy_resumes_over_connections_that_break(
    served: Served, cast: Cast, var: Path, tmp_path: Path
) -> None:
    content = made(900_000)
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with BreakingLink(served.address, cutting(1, 8)) as link, path.open("rb") as stream:
        client = TusClient(
            f"{link.url}/v1/media", headers={"Authorization": cast.ana.device.authorization}
        )
        uploader = client.uploader(
            file_stream=stream,
            chunk_size=300_000,
            retries=20,
            retry_delay=0,
            metadata={"sha256": hashlib.sha256(content).hexdigest()},
        )
        uploader.upload()
        assert link.cuts >= 2
    assert uploader.offset == len(content)
    key = original_key(cast.company.id, hashlib.sha256(content).hexdigest())
    assert b"".join(LocalStorage(var / "media" / "files").stream(key)) == content


def run_tus_js(link_url: str, cast: Cast, path: Path, **options: Any) -> dict[str, Any]:
    trouble = install()
    if trouble is not None:
        pytest.skip(trouble)
    asked = {
        "endpoint": f"{link_url}/v1/media",
        "token": cast.ana.device.authorization.removeprefix("Bearer "),
        "path": str(path),
        "metadata": {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "filename": path.name,
        },
        "options": options,
    }
    ended = subprocess.run(
        [NODE, "upload.js", json.dumps(asked)],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=SOON_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize(
    "options",
    [{}, {"uploadDataDuringCreation": True}, {"overridePatchMethod": True}],
    ids=["plain", "with upload", "with method override"],
)
def test_tus_js_client_resumes_over_connections_that_break(
    served: Served, cast: Cast, var: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    content = made(900_000)
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with BreakingLink(served.address, cutting(2, 8)) as link:
        told = run_tus_js(link.url, cast, path, **options)
        assert link.cuts >= 2
        assert told["url"].startswith(f"{link.url}/v1/media/")
    key = original_key(cast.company.id, hashlib.sha256(content).hexdigest())
    assert b"".join(LocalStorage(var / "media" / "files").stream(key)) == content


@pytest.mark.parametrize("with_upload", [False, True])
def test_tus_js_client_finds_that_the_company_has_the_file(
    served: Served, cast: Cast, tmp_path: Path, *, with_upload: bool
) -> None:
    phone = Phone(served, cast, made(50_000))
    phone.patch(0)
    path = tmp_path / "photo.jpg"
    path.write_bytes(phone.content)
    told = run_tus_js(served.url, cast, path, uploadDataDuringCreation=with_upload)
    assert told["events"] == (
        ["POST 201"] if with_upload else ["POST 201", "PATCH 409", "HEAD 200"]
    )
