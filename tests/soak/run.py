"""One soak: start everything, let it live and be hurt, restore a backup, become quiet, check.

The order is fixed: work under blows for most of the time, a base backup in the middle of it, then
the disk is lost and the backup restored while phones still hold what they sent since; more work;
quiet; checks.
"""

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from mobile_contract.records import RECORDS
from mobile_contract.version import CURRENT
from server.play.enrolment import EnrolmentDesk
from server.play.facts import FACT_KINDS
from sync.unit_of_work import Database
from tests.soak.actors import Actor, Plan, Stage
from tests.soak.chaos import Chaos
from tests.soak.checks import Verdict
from tests.soak.full_disk import FullDisk
from tests.soak.installation import ROOT, Installation
from tests.soak.kept import Quiet, check, read_phones
from tests.soak.office import OfficeAtWork

Say = Callable[[str], None]
T = TypeVar("T")
# What was received this long before a backup began is committed by the time it ends.
IN_FLIGHT = timedelta(seconds=45)
_QUIET_S = 120.0
# A soak as long as this leaves no kind of work out.
_LONG_S = 300.0
WORK = {each.kind for each in FACT_KINDS} | {
    "activity_store",
    "day_plan",
    "location_check",
    "notice",
    "route",
    "store",
    "task",
}


@dataclass(slots=True)
class Done:
    """What a soak did, and its verdicts."""

    seed: int
    seconds: float
    figures: dict[str, int | str] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return bool(self.verdicts) and all(verdict.is_held for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "figures": self.figures,
            "promises": {
                v.promise: {"held": v.is_held, "evidence": v.evidence, "faults": v.faults}
                for v in self.verdicts
            },
        }


class FieldProcess:
    """A process of phones and the line to it."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.field"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._send(json.dumps(config))
        self.answer()

    def _send(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()

    def answer(self) -> dict[str, int]:
        assert self.child.stdout is not None
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError("a process of phones ended")
        told: dict[str, int] = json.loads(line)
        return told

    def tell(self, command: str) -> None:
        self._send(command)

    def end(self) -> None:
        if self.child.poll() is None:
            with suppress(OSError):
                self.child.kill()
        self.child.wait()
        for stream in (self.child.stdin, self.child.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()


def actors(stage: Stage) -> list[Actor]:
    """Who acts while phones work."""
    return [OfficeAtWork(stage), Chaos(stage), FullDisk(stage)]


def soak(plan: Plan, *, say: Say) -> Done:
    """Run it; the installation and the phones are gone when this returns."""
    site = Installation.on_a_free_port(plan.folder / "var")
    fields: list[FieldProcess] = []
    done = Done(plan.seed, plan.seconds)
    began = time.monotonic()
    try:
        site.start()
        say(f"serving after {time.monotonic() - began:.0f} s; seed {plan.seed}")
        return _soak(plan, site, fields, done, say)
    finally:
        for each in fields:
            each.end()
        site.stop()
        site.files.unmount()


def _soak(
    plan: Plan, site: Installation, fields: list[FieldProcess], done: Done, said: Say
) -> Done:
    began_s = time.monotonic()

    def say(line: str) -> None:
        said(f"{time.monotonic() - began_s:6.1f} s  {line}")

    app = create_engine(
        site.database_url, poolclass=NullPool, connect_args={"application_name": "soak"}
    )
    owner = create_engine(site.owner_url, poolclass=NullPool)
    database = Database(app)
    desk = EnrolmentDesk(database, "DEMO")
    seats = desk.seats(plan.phones)
    desk.ask(seats)
    fields += _phones(plan, site, [seat.code for seat in seats])
    say(f"{plan.phones} phones in {plan.processes} processes")
    acting = actors(Stage(plan, site, database, owner, desk.company_id))
    _tell_all(fields, "work")
    _start(acting)

    _let_live(site, plan.seconds * 0.35)
    began = _back_up(site)
    _patiently(partial(_set_watermark, owner, began - IN_FLIGHT))
    say("base backup taken under load, watermark set")
    _let_live(site, plan.seconds * 0.25)
    _stop(acting)
    say("roadbook serve itself is killed")
    site.kill_everything()
    say("serving again")
    _start(acting)
    _let_live(site, plan.seconds * 0.15)
    _stop(acting)

    _tell_all(fields, "hold")
    say("phones hold")
    lost = _count(owner, "select count(*) from ledger")
    site.restore()
    kept = _count(owner, "select count(*) from ledger")
    say(f"disk lost: {lost - kept} receipts were not in the backup that was restored")
    _tell_all(fields, "work")
    _start(acting)
    _let_live(site, plan.seconds * 0.25)
    _stop(acting)

    _tell_all(fields, "hold")
    say("phones hold")
    site.wait_until_ready()
    told = _become_quiet(fields, owner, say)
    reports = [plan.folder / f"report-{n}.json" for n in range(len(fields))]
    told["report"] = _tell_all(fields, "report {}", [str(report) for report in reports])
    quiet = Quiet(desk.company_id, datetime.now(UTC), told)
    quiet.write(plan.folder)
    phones = read_phones(plan.folder)
    done.verdicts = [
        *check(database, owner, quiet, phones, site.files.folder),
        _every_kind(plan, phones),
    ]
    done.verdicts += [verdict for each in acting for verdict in each.verdicts()]
    done.figures = _figures(phones, lost - kept)
    done.figures["kill -9 of roadbook serve"] = 1
    for each in acting:
        done.figures |= each.figures()
    return done


def _phones(plan: Plan, site: Installation, codes: Sequence[str]) -> Iterator[FieldProcess]:
    """Processes that share the phones."""
    for number in range(plan.processes):
        yield FieldProcess(
            {
                "number": number,
                "seed": plan.seed,
                "codes": codes[number :: plan.processes],
                "url": site.url,
                "folder": str(plan.folder),
                "faults": plan.faults,
                "threads": plan.threads,
                "pause_s": plan.pause_s,
            }
        )


def _let_live(site: Installation, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        site.require_serving()
        time.sleep(min(1.0, left))


def _start(acting: Sequence[Actor]) -> None:
    for each in acting:
        each.start()


def _stop(acting: Sequence[Actor]) -> None:
    for each in acting:
        each.stop()


def _back_up(site: Installation) -> datetime:
    for _ in range(60):
        began = site.back_up()
        if began is not None:
            return began
        time.sleep(1)
    raise RuntimeError("no base backup could be taken")


def _become_quiet(
    fields: Sequence[FieldProcess], owner: Engine, say: Say
) -> dict[str, dict[str, int]]:
    """Everything is sent, the queue is worked off, everything is pulled; then the last questions."""
    told = {"settle": _tell_all(fields, "settle")}
    say("every outbox is empty")
    deadline = time.monotonic() + _QUIET_S
    while time.monotonic() < deadline:
        waiting = _count(owner, "select count(*) from outbox") + _count(
            owner,
            "select count(*) from kept_item k where k.state = 'DEFERRED' and not exists"
            " (select from unnest(k.missing) m where not exists"
            "  (select from record r where r.company_id = k.company_id and r.id = m))",
        )
        if not waiting:
            break
        time.sleep(1)
    say(f"quiet: {told['settle']}")
    for command in ("settle", "compare", "corrupt", "resend", "settle", "compare"):
        told[command] = _tell_all(fields, command)
        say(f"{command}: {told[command]}")
    return told


def _tell_all(
    fields: Sequence[FieldProcess], command: str, words: Sequence[str] | None = None
) -> dict[str, int]:
    """Tell every process, wait for all, add their answers up."""
    for number, each in enumerate(fields):
        each.tell(command.format(words[number]) if words else command)
    total: Counter[str] = Counter()
    for each in fields:
        # Counter.update keeps zeros, which + would drop.
        total.update(each.answer())
    return dict(total)


def _set_watermark(owner: Engine, at: datetime) -> None:
    with owner.begin() as connection:
        connection.execute(
            text("insert into backup_watermark (covers_until) values (:at)"), {"at": at}
        )


def _count(owner: Engine, statement: str) -> int:
    def count() -> int:
        with owner.connect() as connection:
            return int(connection.execute(text(statement)).scalar_one())

    return _patiently(count)


def _patiently(act: Callable[[], T]) -> T:
    """Do it, again and again while the database is away because of us."""
    for _ in range(200):
        try:
            return act()
        except SQLAlchemyError:
            time.sleep(0.3)
    raise RuntimeError("the database does not come back")


def _every_kind(plan: Plan, phones: Sequence[Mapping[str, Any]]) -> Verdict:
    """Whether phones did everything that there is: in a short soak chance may leave something out."""
    sent = {(item["kind"], item["op"]) for phone in phones for item in phone["items"]}
    ops = {(kind.kind, op) for kind in RECORDS for op in kind.ops.get(CURRENT, ())}
    found = Verdict(
        "phones did every kind of work",
        f"{len(ops & sent)} of {len(ops)} ops of contract {CURRENT};"
        f" not: {', '.join(sorted(f'{kind} {op}' for kind, op in ops - sent)) or 'none'}",
    )
    if plan.seconds >= _LONG_S:
        missing = WORK - {kind for kind, _ in sent}
        found.faults += [f"no phone sent a {kind}" for kind in sorted(missing)]
    return found


def _figures(phones: Sequence[Mapping[str, Any]], lost: int) -> dict[str, int | str]:
    items = [item for phone in phones for item in phone["items"]]
    traffic: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    uploads: Counter[str] = Counter()
    for phone in phones:
        traffic.update(phone["traffic"])
        uploads.update(phone["uploads"])
        faults.update(phone["faults"])
    figures: dict[str, int | str] = {
        "phones": len(phones),
        "requests": traffic["requests"],
        "requests without an answer": traffic["failures"],
        "items captured": len(items),
        "items sent more than once": sum(item["sendings"] > 1 for item in items),
        "sendings of items": sum(item["sendings"] for item in items),
        "restores": 1,
        "receipts lost by the restore": lost,
    }
    figures |= {f"files {name.replace('_', ' ')}": number for name, number in uploads.items()}
    figures |= {f"fault: {name.replace('_', ' ')}": n for name, n in sorted(faults.items())}
    statuses = Counter(
        f"{item['status']} {item['code']}" if item["code"] else str(item["status"])
        for item in items
    )
    figures |= {f"items {status}": number for status, number in sorted(statuses.items())}
    sent = Counter(f"{item['kind']} {item['op']}" for item in items)
    figures |= {f"sent: {name}": number for name, number in sorted(sent.items())}
    held: Counter[str] = Counter()
    for phone in phones:
        held.update({kind: len(of) for kind, of in phone["held"].items()})
    return figures | {f"held: {name}": number for name, number in sorted(held.items())}
