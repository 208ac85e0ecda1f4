from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from mobile_contract.phone.phone import Phone
from server.play import fleet
from server.play.enrolment import Seat
from server.play.faults import FAULTS, FaultRates
from server.play.fleet import Play, play_fleet
from server.play.morning import work_dates
from server.play.played_clock import now_ms
from server.play.rep import Rep
from server.play.report import report_lines
from server.play.tally import Tally, promised_to, tally_up
from server.play.teams import TEAMS, Team
from tests.mobile_contract.phone.fake_server import Refusal
from tests.server.play.loopback import RecordingServer, fill, loopback

SMALL = Team(
    visits_a_day=8,
    unplanned_share=0.25,
    points_a_day=40,
    orders_a_day=4,
    lines_an_order=3,
    answers_a_day=24,
)
QUICK = replace(
    FAULTS["field"], socket_stalled=0.0, sent_twice=0.3, newest_first=0.3, answer_lost=0.1
)


def played(
    tmp_path: Path,
    *,
    phones: int = 3,
    rates: FaultRates = QUICK,
    breaks: str | None = None,
    make_server: type[RecordingServer] = RecordingServer,
) -> tuple[Tally, list[Rep], list[RecordingServer]]:
    zone = ZoneInfo("Asia/Shanghai")
    dates = work_dates(datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone(zone), 3)
    servers = [make_server() for _ in range(phones)]
    for number, server in enumerate(servers):
        fill(server, number, dates)
        if breaks is not None:
            setattr(server, breaks, True)
    seats = [Seat(f"Rep {number}", f"CODE-{number}", uuid4()) for number in range(phones)]
    codes = {seat.code: server for seat, server in zip(seats, servers, strict=True)}
    words: list[str] = []
    with loopback(dict(codes)) as url:
        play = Play(url=url, days=2, team=SMALL, rates=rates, seed=3, run_id="run", folder=tmp_path)
        reps = play_fleet(play, seats, note=words.append)
        tally = tally_up(reps, played_until_ms=now_ms())
    assert len(words) == phones * 5
    for rep in reps:
        rep.phone.close()
    return tally, reps, servers


def test_a_fleet_on_a_rough_network_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    tally, reps, servers = played(tmp_path)
    assert tally.is_good, "\n".join(report_lines(tally))
    assert tally.phones == tally.equal == 3
    assert tally.items == sum(len(server.applied) for server in servers) > 60
    assert len(promised_to(reps)) == tally.items
    assert tally.faults.sent_twice
    assert tally.faults.newest_first
    told = "\n".join(report_lines(tally))
    assert f"{tally.faults.newest_first} batches newest first" in told
    assert tally.traffic.up_wire_bytes < tally.traffic.up_raw_bytes


def test_an_honest_phones_clock_agrees_with_the_servers_while_it_talks(tmp_path: Path) -> None:
    _, _, servers = played(tmp_path, phones=1, rates=FAULTS["none"])
    (server,) = servers
    for path, body in server.requests:
        if path == "/v1/push":
            assert abs(now_ms() - body["sent_at"]) < 60_000
            for item in body["items"]:
                assert item["captured_boot_id"] == body["boot_id"]
                wall_ms = body["sent_at"] - item["captured_at"]
                assert wall_ms == body["uptime_ms"] - item["captured_uptime_ms"]
                assert wall_ms > 0


@pytest.mark.parametrize(("breaks", "told"), [("forgets", "lost"), ("doubles", "twice")])
def test_a_server_that_breaks_a_promise_is_found_out(
    tmp_path: Path, breaks: str, told: str
) -> None:
    tally, _, _ = played(tmp_path, phones=1, rates=FAULTS["none"], breaks=breaks)
    assert getattr(tally, told)
    assert not tally.is_good


class WorkerBehind(RecordingServer):
    """One visit waits for something; a worker applies it after the phone has compared once."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: dict[str, Any] | None = None
        self.compared = 0

    def _take(self, item: dict[str, Any]) -> dict[str, Any]:
        if item["kind"] != "visit" or item["op"] != "create" or self.waits is not None:
            return super()._take(item)
        self.waits = item
        self.verdicts["visit"] = {"status": "deferred", "missing": [item["entity_id"]]}
        result = super()._take(item)
        del self.verdicts["visit"]
        self.put("item", item["op_id"], {"state": "DEFERRED", "result": None})
        return result

    def _digest(self, body: dict[str, Any]) -> dict[str, Any]:
        answer = super()._digest(body)
        self.compared += 1
        if self.compared == 1 and self.waits is not None:
            super()._take({**self.waits, "op_id": str(uuid4())})
            self.put("item", self.waits["op_id"], {"state": "RELEASED", "result": "applied"})
        return answer


def test_what_the_worker_applies_at_the_end_is_waited_for_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "_WORKER_MS", 1)
    tally, _, _ = played(tmp_path, phones=1, rates=FAULTS["none"], make_server=WorkerBehind)
    assert tally.statuses["deferred"] == 1
    assert tally.settled == Counter({"deferred → applied": 1})
    assert tally.is_good, "\n".join(report_lines(tally))


class SlowToStart(RecordingServer):
    """Its database is away when the phone comes first."""

    def __init__(self) -> None:
        super().__init__()
        self.refuse_next["/v1/devices/enrol"] = [Refusal(503, "not_ready")]


def test_a_phone_that_comes_before_the_server_is_ready_enrols_later(tmp_path: Path) -> None:
    tally, _, _ = played(tmp_path, phones=1, rates=FAULTS["none"], make_server=SlowToStart)
    assert tally.is_good


def test_a_fleet_compares_a_few_phones_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No server is asked for more whole scopes at once than it lets in."""
    lock, inside, most = Lock(), 0, 0
    compare = Phone.is_equal

    def counted(phone: Phone) -> bool:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        try:
            return compare(phone)
        finally:
            with lock:
                inside -= 1

    monkeypatch.setattr(Phone, "is_equal", counted)
    tally, _, _ = played(tmp_path, phones=9, rates=FAULTS["none"])
    assert tally.is_good
    assert 1 <= most <= 4


def test_the_sizes_of_teams_are_those_of_the_field() -> None:
    assert TEAMS["general"] == Team(40, 0.10, 320, 25, 5, 240, 10, 120)
    assert TEAMS["terminal"].answers_a_day == 625
    assert (TEAMS["terminal"].photos_a_day, TEAMS["terminal"].photo_kb) == (60, 200)
