"""`python -m tests.bench.photos`: photos a second, from the phone's file to its evidence, with one worker.

Phones push the records of their photos, then send the files by tus while a worker reads and judges them. Files are drawn
beforehand, each another picture, of the sizes of the domain's terminal team. Prints a table, and the same as JSON with
`--json FILE`.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from mobile_contract.compiled import decode_push
from server.play.pictures import Taking, draw_shelf
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from tests.bench.day import BEGINS_MS, ENDS_MS, Day, MakeUp, attendance, visits
from tests.bench.stage import Phone, Stage, cpu_ms, staged

KILOBYTES = 200
CALLS = 12
_INTO_VISIT_MS = 60_000
AT_ONCE = 8
# Nothing was looked at for so long: it is not going on.
SILENCE_S = 120
_COUNTS = """
select count(*) filter (where state not in ('EXPECTED', 'UPLOADING')) as stored,
       count(*) filter (where state in ('OK', 'FLAGGED')) as looked_at,
       count(*) filter (where state = 'FLAGGED') as flagged
from photo
"""


@dataclass(frozen=True, slots=True)
class File:
    """A picture that is ready to be sent."""

    data: bytes
    digest: str


def main() -> int:
    """Measure and report."""
    options = argparse.ArgumentParser(
        prog="python -m tests.bench.photos", description="Measure photos from phone to evidence."
    )
    options.add_argument("--photos", type=int, default=200)
    options.add_argument("--json", type=Path, help="write the figures here as well")
    chosen = options.parse_args()
    files = _draw(chosen.photos)
    with staged(AT_ONCE, web_workers=os.cpu_count() or 2, questions=(1,)) as stage:
        figures = {"cores": os.cpu_count(), **measure(stage, files)}
    say = sys.stdout.write
    for name, figure in figures.items():
        say(f"{name.replace('_', ' '):36}{figure:>12,}\n")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0 if figures["looked_at"] == chosen.photos else 1


def measure(stage: Stage, files: Sequence[File]) -> dict[str, Any]:
    """Send the files and wait until each was looked at; figures of the whole and of its parts."""
    phones = stage.phones[:AT_ONCE]
    parts = [files[n :: len(phones)] for n in range(len(phones))]
    began = time.monotonic()
    for phone, part in zip(phones, parts, strict=True):
        _push_records(stage, phone, part)
    pushed = time.monotonic()
    with _worker(stage) as worker:
        cpu = {
            "web": (stage.web.pid, cpu_ms(stage.web.pid)),
            "worker": (worker.pid, cpu_ms(worker.pid)),
            "database": (stage.postmaster_pid, cpu_ms(stage.postmaster_pid)),
        }
        sending = time.monotonic()
        with ThreadPoolExecutor(len(phones)) as pool:
            list(pool.map(lambda both: _send(stage.port, *both), zip(phones, parts, strict=True)))
        sent = time.monotonic()
        counts = _wait(stage, len(files))
        done = time.monotonic()
        spent = {
            f"{name}_cpu_ms_a_photo": round((cpu_ms(pid) - before) / len(files), 1)
            for name, (pid, before) in cpu.items()
        }
    size = sum(len(file.data) for file in files)
    return {
        "photos": len(files),
        "bytes_a_photo": size // len(files),
        "records_pushed_a_second": round(len(files) / (pushed - began), 1),
        "files_sent_a_second": round(len(files) / (sent - sending), 1),
        "photos_a_second_end_to_end": round(len(files) / (done - sending), 2),
        "stored": counts.stored,
        "looked_at": counts.looked_at,
        "flagged": counts.flagged,
        **spent,
    }


def _draw(number: int) -> list[File]:
    """So many different pictures, each with the time and the place of the visit that it is sent as of."""
    files = []
    for n in range(number):
        place = n // AT_ONCE % CALLS
        ago_ms = BEGINS_MS - (BEGINS_MS - ENDS_MS) // (CALLS + 1) * (place + 1) - _INTO_VISIT_MS
        taking = Taking(
            taken_at=datetime.now(UTC) - timedelta(milliseconds=ago_ms),
            place=(31.2304 + place * 0.0003, 121.4737),
            make="Xiaomi",
            model="Redmi 9A",
        )
        picture = draw_shelf(f"bench/{n}", shelf=f"bench/{n}", kilobytes=KILOBYTES, taking=taking)
        files.append(File(picture, sha256(picture).hexdigest()))
    return files


def _push_records(stage: Stage, phone: Phone, files: Sequence[File]) -> None:
    """A day of visits at the phone's stores, and the records of the photos taken at them."""
    make_up = MakeUp("photos", CALLS, points=0, forms=0, questions=0, orders=0, lines=0)
    day = Day(phone, make_up, random.Random(str(phone.person_id)))
    attendance(day)
    visits(day)
    for number, file in enumerate(files):
        place = number % len(day.calls)
        call = day.calls[place]
        payload = {
            "visit_id": call.visit_id,
            "sha256": file.digest,
            "size": len(file.data),
            "role": "shelf",
            "occurred": day.event(call.began_ago - _INTO_VISIT_MS, place),
            "source": "CAMERA",
        }
        day.add("photo", payload, call.began_ago - _INTO_VISIT_MS)
    engine = Engine(stage.database, ALL_KINDS, b"bench" * 8)
    body = decode_push(day.push())
    answer = json.loads(engine.push(phone.device.claim, body, body.sent_at).answer)
    statuses = {result["status"] for result in answer["results"]}
    if statuses != {"applied"}:
        sys.exit(f"the records were not applied: {statuses}")


def _send(port: int, phone: Phone, files: Sequence[File]) -> None:
    """Announce and send each file over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    own = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {phone.device.token}"}
    for file in files:
        told = b64encode(file.digest.encode()).decode()
        headers = {"Upload-Length": str(len(file.data)), "Upload-Metadata": f"sha256 {told}"}
        status, location = _ask(connection, "POST", "/v1/media", {**own, **headers})
        if status != 201 or location is None:
            sys.exit(f"an upload was not taken: {status}")
        part = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "0"}
        status, _ = _ask(connection, "PATCH", location, {**own, **part}, file.data)
        if status != 204:
            sys.exit(f"a file was not taken: {status}")
    connection.close()


def _ask(
    connection: HTTPConnection, method: str, path: str, headers: dict[str, str], body: bytes = b""
) -> tuple[int, str | None]:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("Location")


@contextmanager
def _worker(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    worker = subprocess.Popen([sys.executable, "-m", "server", "worker"], env=stage.environment)
    try:
        yield worker
    finally:
        worker.terminate()
        worker.wait(60)


def _wait(stage: Stage, number: int) -> Any:
    """Until each photo was looked at, or nothing has gone on for long."""
    last, since = -1, time.monotonic()
    while True:
        with stage.database.reading(stage.cast.company.id) as uow:
            (counts,) = uow.rows(_COUNTS)
        if counts.looked_at != last:
            last, since = counts.looked_at, time.monotonic()
        if last >= number or time.monotonic() - since > SILENCE_S:
            return counts
        time.sleep(0.25)


if __name__ == "__main__":
    sys.exit(main())
