"""Over real HTTP, from the web server as it is installed: what only sockets can show."""

import http.client
import json
import os
import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from time import monotonic, sleep

import pytest

from mobile_contract.version import BODY_BYTES
from tests.factories import Cast
from tests.server.http.conftest import push_of, visit_of
from tests.server.http.test_media_served import LARGE, Phone, made
from tests.serving import SOON_S, Served, web_server

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def served(
    database: dict[str, str], redis_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    var = tmp_path_factory.mktemp("served")
    with web_server(database["app"], redis_url, var, REQUEST_READ_S="6") as found:
        yield found


def head_of(cast: Cast, length: int | str, path: str = "/v1/push", **headers: str) -> str:
    more = "".join(f"\n{name.replace('_', '-')}: {value}" for name, value in headers.items())
    size = f"Content-Length: {length}" if isinstance(length, int) else length
    return (
        f"POST {path} HTTP/1.1\nHost: here\n{size}\n"
        f"Authorization: {cast.ana.device.authorization}{more}"
    )


def test_a_phone_pushes_and_pulls_over_one_connection(served: Served, cast: Cast) -> None:
    device = cast.ana.device
    connection = served.connect()
    said = {"Authorization": device.authorization, "Content-Type": "application/json"}
    found = []
    for path, body in (
        ("/v1/push", push_of(device, visit_of(cast.ana_stores[0]))),
        ("/v1/pull", {"contract": 2, "cursor": None}),
    ):
        connection.request("POST", path, json.dumps(body), said)
        response = connection.getresponse()
        found.append((response.status, json.loads(response.read())))
        assert not response.will_close
    connection.close()
    assert found[0][1]["results"][0]["status"] == "applied"
    assert found[1][1]["complete"]


def test_a_body_in_chunks_is_read(served: Served, cast: Cast) -> None:
    connection = served.connect()
    body = json.dumps({"contract": 2, "cursor": None}).encode()
    connection.request(
        "POST",
        "/v1/pull",
        iter([body[:5], body[5:]]),
        {"Authorization": cast.ana.device.authorization, "Content-Type": "application/json"},
        encode_chunked=True,
    )
    assert connection.getresponse().status == 200
    connection.close()


def test_a_body_that_is_too_large_is_answered_before_it_is_sent(served: Served, cast: Cast) -> None:
    status, problem = served.raw(head_of(cast, BODY_BYTES + 1), b"x" * 200_000)
    assert (status, problem["code"], problem["limit"]) == (413, "body_too_large", BODY_BYTES)


def test_a_body_in_chunks_is_bounded_as_well(served: Served, cast: Cast) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = head_of(cast, "Transfer-Encoding: chunked")
    status, problem = served.raw(head, chunk * (BODY_BYTES // 0x10000 + 2))
    assert (status, problem["code"]) == (413, "body_too_large")


def test_a_body_that_stalls_is_too_slow(served: Served, cast: Cast) -> None:
    began = monotonic()
    status, problem = served.raw(head_of(cast, 1000), b'{"contract"')
    assert (status, problem["code"]) == (408, "too_slow")
    assert monotonic() - began < 12


def test_uploads_whose_bytes_stop_coming_are_answered_with_what_came(
    served: Served, cast: Cast
) -> None:
    with ExitStack() as stack:
        # Collected in the loop, and streamed by a thread.
        hanging = [
            stack.enter_context(Phone(served, cast, made(size)).begin_patch(0, 50_000))
            for size in (100_000, LARGE)
        ]
        for sock in hanging:
            answer = http.client.HTTPResponse(sock)
            answer.begin()
            assert (answer.status, answer.headers["Upload-Offset"]) == (204, "50000")


def test_a_body_that_breaks_off_is_said_to_be_cut(served: Served, cast: Cast) -> None:
    status, problem = served.raw(head_of(cast, 1000), b'{"contract"', is_shut=True)
    assert (status, problem["code"]) == (400, "malformed_json")


def test_counts_of_all_processes_are_added_up(served: Served) -> None:
    def counted() -> float:
        page = served.ask("GET", "/metrics")[1].decode()
        found = re.search(r'roadbook_requests_total\{route="/readyz",status="200"\} (\S+)', page)
        return float(found[1]) if found else 0.0

    before = counted()
    for _ in range(20):
        served.ask("GET", "/readyz")
    assert {counted() for _ in range(5)} == {before + 20}


def test_a_process_that_is_killed_is_replaced_and_nothing_else_notices(
    served: Served, cast: Cast
) -> None:
    victims = served.children
    os.kill(victims[0], signal.SIGKILL)
    device = cast.ana.device
    ends = monotonic() + SOON_S
    while True:
        try:
            status, _ = served.ask(
                "POST", "/v1/push", push_of(device), Authorization=device.authorization
            )
            assert status == 200
            if len(served.children) == len(victims):
                break
        except OSError:
            pass  # it was on the killed process
        assert monotonic() < ends
        sleep(0.05)
