"""A server on loopback for a play: one fake server for each phone, which makes records of what it takes."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import zstandard

from mobile_contract.phone.link import unpack
from mobile_contract.phone.transport import Answer
from server.play.played_clock import now_ms
from tests.mobile_contract.phone.fake_server import FakeServer, Refusal, seeded_ids

ROUTE_RULE = {
    "weekdays": [1, 2, 3, 4, 5, 6],
    "cycle_weeks": 1,
    "week_groups": [0],
    "anchor": "2024-01-01",
    "starts_on": "2024-01-01",
    "ends_on": None,
    "on_holiday": "SKIP",
    "open_from_min": None,
    "open_until_min": None,
}


class RecordingServer(FakeServer):
    """A fake server whose facts come down again; `forgets` and `doubles` break its promises."""

    def __init__(self) -> None:
        super().__init__(now_ms)
        self.forgets = False
        self.doubles = False

    def _take(self, item: dict[str, Any]) -> dict[str, Any]:
        result = super()._take(item)
        if result["status"] == "applied" and item["kind"] in {"visit", "attendance"}:
            if self.forgets and item["op"] == "create" and len(self.applied) % 7 == 0:
                return result
            times = 2 if self.doubles and len(self.applied) % 7 == 0 else 1
            for _ in range(times):
                self.put(item["kind"], item["entity_id"], _held(item))
        if result["status"] == "applied" and item["kind"] == "store" and item["op"] == "create":
            self.put("store", item["entity_id"], store_fields(0, status="PROPOSED"))
        return result


def _held(item: dict[str, Any]) -> dict[str, Any]:
    event = item["payload"].get("check_in") or item["payload"].get("occurred")
    at = None if event is None else {"corrected_at": event["at"]}
    return {
        "verdict": {"verdict": "ONSITE"},
        "state": "DONE",
        "flags": [],
        "clock": {"trust": "CLOCK"},
        "check_in": at,
        "occurred": at,
    }


def store_fields(number: int, *, status: str = "ACTIVE") -> dict[str, Any]:
    pin = {"lat_e7": 399_000_000 + number * 20_000, "lon_e7": 1_164_000_000}
    return {
        "name": f"Store {number}",
        "channel": "grocery",
        "status": status,
        "pin": pin,
        "fence_radius_m": 200,
    }


def fill(server: FakeServer, seed: int, plan_dates: list[date]) -> None:
    make_id = seeded_ids(seed)
    stores = [make_id() for _ in range(30)]
    for number, store_id in enumerate(stores):
        server.put("store", store_id, store_fields(number))
    position_id = make_id()
    stops = [
        {"store_id": store_id, "sequence": number, "rule": ROUTE_RULE}
        for number, store_id in enumerate(stores)
    ]
    server.put("route", make_id(), {"name": "R", "position_id": position_id, "stops": stops})
    for day in plan_dates:
        server.put(
            "day_plan",
            make_id(),
            {
                "date": day.isoformat(),
                "position_id": position_id,
                "stops": [
                    {"store_id": store_id, "sequence": number}
                    for number, store_id in enumerate(stores[:20])
                ],
            },
        )


@contextmanager
def loopback(servers: dict[str, FakeServer]) -> Iterator[str]:
    """The address of a server that gives each phone, by its enrolment code, a fake one of its own."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 5

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            packed = self.rfile.read(length)
            if len(packed) < length:
                self.close_connection = True
                return
            with lock:
                status, value = self._answer(packed)
            body = zstandard.ZstdCompressor().compress(json.dumps(value).encode())
            self.send_response(status)
            self.send_header("Content-Encoding", "zstd")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _answer(self, packed: bytes) -> tuple[int, dict[str, Any]]:
            encoding = self.headers.get("Content-Encoding", "identity")
            try:
                raw = unpack(Answer(200, {"content-encoding": encoding}, packed))
                body = json.loads(raw)
            except Exception:  # noqa: BLE001 - a cut body may break anywhere
                return 400, {"code": "malformed_json", "status": 400}
            code = body.get("code") or self.headers["Authorization"].removeprefix("Bearer ")
            try:
                answer = servers[code].answer(self.path, raw)
            except Refusal as refusal:
                return refusal.status, {"code": refusal.code, "status": refusal.status}
            return 200, {**answer, "token": code} if "token" in answer else answer

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        httpd.daemon_threads = True
        thread = threading.Thread(target=httpd.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{httpd.server_address[1]}"
        finally:
            httpd.shutdown()
            thread.join()
