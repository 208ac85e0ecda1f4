"""A process full of reference phones, told what to do by lines on its standard input.

`work` until told otherwise; `hold` stops between two syncs; `settle` ends with every outbox empty;
`corrupt` spoils a byte on phones' disks and has it found; `resend` sends everything again that is
still kept; `report` writes what every phone knows to a file; `end`. Each command is answered by a
line of JSON when it is done.
"""

import argparse
import hashlib
import json
import sys
import threading
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from mobile_contract.phone.catalogue import fetch_prices
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.link import Problem
from mobile_contract.phone.outbox import Outbox
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import HttpTransport, LinkFailure
from mobile_contract.records import RECORDS
from server.play.camera import Camera
from server.play.faults import DAY_MS, FAULTS, PhoneFaults, draw_phone_faults
from server.play.morning import read_morning, work_dates
from server.play.parts import DOING, fill_workday
from server.play.played_clock import PlayedClock, now_ms
from server.play.rep import Rep
from server.play.rough_link import RoughTransport
from server.play.teams import TEAMS
from server.play.workday import make_workday
from tests.soak.mischief import make_mischief

_TRIES = 90
_LONGEST_WAIT_S = 1.5
_HOLD_S = 120
_PHOTO_KB = 40
_UPLOADS = ("uploaded", "at_once", "resumed", "bytes")


class Field:
    """The phones of one process."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config
        self.seed = f"{config['seed']}/{config['number']}"
        self.random = Random(self.seed)
        faults = draw_phone_faults(Random(self.seed), FAULTS["harsh"], len(config["codes"]))
        self.reps = [
            self._make_rep(number, code, faults[number])
            for number, code in enumerate(config["codes"])
        ]
        self.is_working = threading.Event()
        self.is_ending = False
        self._idle = list(self.reps)
        self._lock = threading.Condition()
        self._busy = 0
        self.cycles = 0
        self.broken: list[str] = []

    # ---- work -------------------------------------------------------------------------------

    def run(self) -> None:
        """One thread: take a phone, let its rep work for a while, sync, put it back."""
        while not self.is_ending:
            self.is_working.wait()
            with self._lock:
                if not self._idle or not self.is_working.is_set():
                    rep = None
                else:
                    rep = self._idle.pop(0)
                    self._busy += 1
            if rep is None:
                time.sleep(0.05)
                continue
            try:
                self._live(rep)
            except Exception:  # noqa: BLE001
                # A phone that breaks is a finding, and must not end the thread.
                self.broken.append(traceback.format_exc(limit=4))
            finally:
                with self._lock:
                    self._idle.append(rep)
                    self._busy -= 1
                    self.cycles += 1
                    self._lock.notify_all()

    def hold(self) -> None:
        """Return when no phone is at it."""
        self.is_working.clear()
        with self._lock:
            if not self._lock.wait_for(lambda: self._busy == 0, _HOLD_S):
                raise RuntimeError("a phone does not come back from its sync")

    def _live(self, rep: Rep) -> None:
        if rep.random.random() < 0.8:
            zone = ZoneInfo(rep.phone.device.enrolment.company["time_zone"])
            now = datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone(zone)
            dates = work_dates(now, 3, late_days=rep.faults.late_days)
            morning = read_morning(
                rep.phone, rep.random.choice(dates), zone, syncs_on_the_way=False
            )
            team = rep.random.choice(list(TEAMS.values()))
            # Few and small: drawing them takes more than sending them.
            team = replace(team, photos_a_day=team.visits_a_day // 3, photo_kb=_PHOTO_KB)
            acts = make_workday(rep.random, morning.sheet, team)
            acts = fill_workday(f"{self.seed}/{rep.random.random()}", acts, team)
            first = rep.random.randrange(max(1, len(acts)))
            rep.work(acts[first : first + rep.random.randint(2, 10)], morning)
            make_mischief(rep)
            rep._list_new()
        if rep.random.random() < 0.02:
            rep.clock.line.set_wall_offset(
                rep.random.randint(-DAY_MS, DAY_MS), from_true_ms=now_ms()
            )
        if rep.random.random() < 0.02:
            rep.clock.line.reboot(at_true_ms=now_ms())
        rep.sync(most_tries=2)
        if rep.contract > 1:
            self._fetch_prices(rep)
        rep.phone.link.close()
        time.sleep(rep.random.uniform(0.0, 2 * self.config["pause_s"]))

    @staticmethod
    def _fetch_prices(rep: Rep) -> None:
        """Without them nothing can be ordered; with a bad network a phone stays without for a while."""
        with suppress(LinkFailure, Problem), rep.clock.live():
            fetch_prices(rep.phone)

    # ---- commands -------------------------------------------------------------------------------

    def settle(self) -> dict[str, Any]:
        """Sync without faults of our own until every outbox is empty and every phone equal."""
        with ThreadPoolExecutor(self.config["threads"]) as pool:
            quiet = list(pool.map(self._settle_one, self.reps))
        return {"quiet": sum(quiet), "phones": len(self.reps)}

    def _settle_one(self, rep: Rep) -> bool:
        rep.link.is_rough = False
        # A full disk has phones wait ten minutes; it is not full any more.
        rep.phone.upload_backoff.note_success()
        for _ in range(_TRIES):
            report = rep.sync(most_tries=4)
            if report.is_quiet and not rep.phone.pictures.to_send():
                return True
            time.sleep(0.2)
        return False

    def compare(self) -> dict[str, Any]:
        """Ask the server whether each phone equals its scope."""
        for rep in self.reps:
            for _ in range(5):
                self._settle_one(rep)
                try:
                    with rep.clock.live():
                        rep.is_equal = rep.phone.is_equal()
                except (LinkFailure, Problem):
                    rep.is_equal = None
                if rep.is_equal:
                    break
        return {"equal": sum(bool(rep.is_equal) for rep in self.reps), "phones": len(self.reps)}

    def corrupt(self) -> dict[str, Any]:
        """A byte goes wrong on half of the disks; the digest finds it and leaves the outbox alone."""
        found = untouched = tried = 0
        for rep in self.reps[::2]:
            stores = rep.phone.held("store")
            if not stores:
                continue
            tried += 1
            before = [item.body for item in rep.phone.outbox.items()]
            with rep.phone._file.transaction() as connection:
                connection.execute(
                    'UPDATE record SET fields = replace(fields, \'"name":"\', \'"name":"~\') WHERE id = ?',
                    (stores[0].id,),
                )
            with rep.clock.live():
                is_seen = not rep.phone.is_equal()
                rep.phone.repair()
                rep.phone.sync()
                found += is_seen and rep.phone.is_equal()
            untouched += before == [item.body for item in rep.phone.outbox.items()]
        return {"tried": tried, "repaired": found, "outbox untouched": untouched}

    def resend(self) -> dict[str, Any]:
        """Send every item that a phone still keeps once more; nothing may come of it."""
        again = other = 0
        for rep in self.reps:
            kept = {item.op_id: item for item in rep.phone.outbox.items() if not item.is_unsent}
            with rep.phone._file.transaction() as connection:
                connection.execute(
                    "UPDATE outbox SET state = 'waiting' WHERE state IN ('acknowledged', 'needs attention')"
                )
            self._settle_one(rep)
            for item in rep.phone.outbox.items():
                if item.op_id in kept:
                    again += 1
                    told = item.result or {}
                    first = kept[item.op_id].result or {}
                    first = first.get("first") or first
                    is_same = told.get("status") == "duplicate" and told.get("first") == first
                    other += not is_same
        return {"resent": again, "answered otherwise": other}

    def report(self, path: str) -> dict[str, Any]:
        for each in self.broken[:3]:
            print(each, file=sys.stderr)
        Path(path).write_text(json.dumps([self._report_one(rep) for rep in self.reps]))
        return {"cycles": self.cycles, "broken": len(self.broken)}

    def _report_one(self, rep: Rep) -> dict[str, Any]:
        rep.note()
        enrolment = rep.phone.device.enrolment
        bodies = {
            item.op_id: hashlib.sha256(item.body).hexdigest() for item in rep.phone.outbox.items()
        }
        kinds = [each.kind for each in RECORDS if each.down[rep.contract] is not None]
        return {
            "device_id": enrolment.device_id,
            "person_id": enrolment.person["id"],
            "contract": rep.contract,
            "unsent": rep.phone.outbox.summary().count,
            "is_equal": rep.is_equal,
            "items": [
                {
                    "op_id": each.op_id,
                    "kind": each.kind,
                    "op": each.op,
                    "entity_id": each.entity_id,
                    "status": each.status,
                    "code": each.first_result.get("code") if each.result else None,
                    "sendings": each.sendings,
                    "digest": bodies.get(each.op_id),
                    "is_unsent": each.is_unsent,
                }
                for each in rep.tracked.values()
            ],
            "true_times": rep.true_times,
            "photos": {
                shot.photo_id: shot.sha256
                for shot in (() if rep.camera is None else rep.camera.shots)
            },
            "pictures": Counter(picture.state for picture in rep.phone.pictures.all()),
            "uploads": {name: getattr(rep.uploads, name) for name in _UPLOADS},
            "held": {
                kind: {r.id: [r.version, r.fields] for r in rep.phone.held(kind)} for kind in kinds
            },
            "traffic": asdict(rep.phone.link.traffic),
            "faults": asdict(rep.link.count),
        }

    # ---- making phones ---------------------------------------------------------------------------

    def _make_rep(self, number: int, code: str, faults: PhoneFaults) -> Rep:
        random, ids = (
            Random(f"{self.seed}/{number}"),
            Random(f"{self.seed}/{number}/{uuid.uuid4()}"),
        )

        def make_id() -> str:
            return str(uuid.UUID(int=ids.getrandbits(128), version=4))

        line = SimulatedClock(
            true_ms=now_ms(),
            booted_true_ms=now_ms() - 40 * DAY_MS,
            wall_offset_ms=faults.clock_offset_ms,
            boot_id=make_id(),
        )
        # A phone that backs off for minutes is put back in the pocket, not waited for.
        clock = PlayedClock(line, sleep=lambda seconds: time.sleep(min(seconds, _LONGEST_WAIT_S)))
        link = RoughTransport(
            HttpTransport(self.config["url"], silence_s=15, whole_s=30),
            FAULTS[self.config["faults"]],
            Random(f"{self.seed}/{number}/link"),
        )
        phone = Phone.open(
            Path(self.config["folder"]) / f"phone-{self.config['number']}-{number}.sqlite",
            link,
            clock=clock,
            random=random,
            make_id=make_id,
            habits=SendingHabits(
                max_items=random.randint(5, 60),
                first_backoff_ms=150,
                # A quarter of an hour, as after many blows in a row, is longer than anybody waits here.
                longest_backoff_ms=20_000,
                is_newest_first=lambda: random.random() < 0.2,
            ),
            encoding=random.choice(("gzip", "zstd")),
            is_durable=False,
        )
        rep = Rep(
            number=number,
            name=code,
            phone=phone,
            clock=clock,
            link=link,
            faults=faults,
            random=random,
            camera=None
            if faults.contract == 1
            else Camera(
                f"{self.seed}/{number}/{make_id()}", _PHOTO_KB, Random(f"{self.seed}/{number}")
            ),
            doing=DOING,
        )
        before_forgetting(phone.outbox, rep.note)
        with clock.live():
            phone.enrol(
                code, model="Soak", os="Android 15", app_version="1.9", contract=faults.contract
            )
        return rep


def before_forgetting(outbox: Outbox, note: Callable[[], None]) -> None:
    """Look at an outbox before anything is dropped from it: an item whose answers were all lost until a backup
    covered it has its result and is forgotten in one sync.
    """
    forget = outbox.forget

    def forget_noted(*, watermark: int | None, server_now: int) -> int:
        note()
        return forget(watermark=watermark, server_now=server_now)

    outbox.forget = forget_noted  # type: ignore[method-assign]


def main() -> None:
    """Answer commands until `end`."""
    argparse.ArgumentParser(
        prog="python -m tests.soak.field",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    field = Field(json.loads(sys.stdin.readline()))
    for _ in range(field.config["threads"]):
        threading.Thread(target=field.run, daemon=True).start()
    _answer({"enrolled": len(field.reps)})
    for line in sys.stdin:
        command, *words = line.split()
        if command == "work":
            field.is_working.set()
            _answer({})
        elif command == "hold":
            field.hold()
            _answer({"cycles": field.cycles})
        elif command == "end":
            field.is_ending = True
            _answer({})
            return
        else:
            _answer(getattr(field, command)(*words))


def _answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
