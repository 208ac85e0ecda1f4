"""Photos through connections that break and processes that are killed: each stored once, processed once, none lost.

    python -m tests.media_proof [--photos 1000] [--phones 10] [--seed 1]

Reference phones take photos and send records and bytes over links that break after a random number of
bytes, while web processes and the worker are killed (SIGKILL) every few seconds. Then, in peace, what phones,
rows, storage and readings say is compared. Some photos are taken twice, by two phones: their bytes come once.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from sqlalchemy import create_engine

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.photos import PictureState, photo_states, take_photo
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import HttpTransport, LinkFailure
from mobile_contract.phone.uploads import upload_photos
from server.embedded import Embedded
from server.embedded_postgres import APP, OWNER
from server.identity.change_log import Actor
from server.identity.devices import issue_enrolment_code
from server.media.check import check_files
from server.media.installed import Media
from server.media.keys import original_key
from server.media.staging import Staging
from server.media.storage import LocalStorage
from server.migrate import migrate
from sync.unit_of_work import Database
from tests.factories import make_cast
from tests.photo_files import jpeg, noise
from tests.serving import HERE, BreakingLink, Served, web_server

# Of ten photos one is a copy of another phone's.
COPIED_EVERY = 10
KILLED_EVERY_S = (3.0, 9.0)
JUDGED = ("OK", "FLAGGED")
_HABITS = SendingHabits(first_backoff_ms=50, longest_backoff_ms=1_000)


@dataclass(frozen=True, slots=True)
class House:
    """What is proved: an installation that serves, with a company and people who have codes."""

    database: Database
    media: Media
    served: Served
    worker_environment: dict[str, str]
    company_id: int
    people: Sequence[UUID]
    folder: Path


@dataclass(slots=True)
class Proof:
    """What came of it. `faults` is empty where all is as promised."""

    photos: int = 0
    files: int = 0
    bytes: int = 0
    cuts: int = 0
    web_processes_killed: int = 0
    workers_killed: int = 0
    resumed: int = 0
    at_once: int = 0
    read_more_than_once: int = 0
    sending_s: float = 0.0
    settled_s: float = 0.0
    states: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def prove(house: House, *, photos: int, phones: int, seed: int) -> Proof:
    """Send, kill and break, and compare."""
    proof = Proof(photos=photos)
    taken = _share_out(photos, phones, seed)
    began = time.monotonic()
    with _worker(house) as worker:
        with (
            BreakingLink(house.served.address, _breaking(seed)) as link,
            _killing(house, worker, seed, proof),
            ThreadPoolExecutor(phones) as pool,
        ):
            list(
                pool.map(
                    lambda number: _send_all(house, link.url, number, taken[number], seed, proof),
                    range(phones),
                )
            )
            proof.cuts = link.cuts
        proof.sending_s = round(time.monotonic() - began, 1)
        distinct = {sha256(content).hexdigest() for some in taken for content in some}
        _settle(house, len(distinct), photos)
        proof.settled_s = round(time.monotonic() - began, 1)
        _compare(house, taken, distinct, proof)
        with ThreadPoolExecutor(phones) as pool:
            list(
                pool.map(
                    lambda number: _ask_phone(house, number, len(taken[number]), proof),
                    range(phones),
                )
            )
    return proof


def _share_out(photos: int, phones: int, seed: int) -> list[list[bytes]]:
    """The photos of each phone: small pictures and large, each another, but for the copies."""
    numbers = Random(seed)
    made: list[bytes] = []
    taken: list[list[bytes]] = [[] for _ in range(phones)]
    for number in range(photos):
        if number % COPIED_EVERY == COPIED_EVERY - 1 and phones > 1:
            content = made[-1]  # the next phone's turn: another phone has just taken it
        else:
            side = numbers.choice((96, 160, 320, 480))
            content = jpeg(noise(side, side * 3 // 4, seed * 1_000_000 + number))
            made.append(content)
        taken[number % phones].append(content)
    return taken


def _breaking(seed: int) -> Callable[[], int | None]:
    numbers, lock = Random(f"{seed}/link"), threading.Lock()

    def cut_after() -> int | None:
        with lock:
            return numbers.randrange(2_000, 400_000) if numbers.random() < 0.8 else None

    return cut_after


# --- phones ---------------------------------------------------------------------------------------


def _open(house: House, url: str, number: int) -> Phone:
    return Phone.open(
        house.folder / f"phone-{number}.db",
        HttpTransport(url, silence_s=20, whole_s=60),
        random=Random(number),
        habits=_HABITS,
    )


def _send_all(
    house: House, url: str, number: int, contents: Sequence[bytes], seed: int, proof: Proof
) -> None:
    """A phone's day: it takes its photos, then sends until the server has all of them."""
    with house.database.company(house.company_id) as uow:
        person = house.people[number % len(house.people)]
        code = issue_enrolment_code(uow, person, Actor.command("proof"))
    phone = _open(house, house.served.url, number)
    _insist(lambda: phone.enrol(code, model="Proof", os="Linux", app_version="1"))
    phone.close()
    phone = _open(house, url, number)
    order = Random(f"{seed}/{number}")
    for place, content in enumerate(contents):
        fix = Fix(lat_e7=312_000_000 + place * 1_000, lon_e7=1_214_000_000, accuracy_cm=500)
        take_photo(phone, content, role="shelf", fix=fix)
    while phone.pictures.to_send() or any(item.is_unsent for item in phone.outbox.items()):
        # Records first, or bytes first.
        for act in order.sample((_sync, _upload), 2):
            act(phone, proof)
    phone.close()


def _sync(phone: Phone, _proof: Proof) -> None:
    phone.sync(most_tries=2)


def _upload(phone: Phone, proof: Proof) -> None:
    report = upload_photos(phone, most_tries=3)
    proof.resumed += report.resumed
    proof.at_once += report.at_once


def _insist(act: Callable[[], Any]) -> None:
    while True:
        try:
            act()
        except LinkFailure:
            time.sleep(0.1)
        else:
            return


def _ask_phone(house: House, number: int, taken: int, proof: Proof) -> None:
    """What the phone itself says of its photos, once all is quiet."""
    phone = _open(house, house.served.url, number)
    phone.sync(most_tries=20)
    upload_photos(phone)
    # Somebody's other phone has taken photos, too.
    own = {item.entity_id for item in phone.outbox.items() if item.kind == "photo"}
    states = Counter(state for id_, state in photo_states(phone).items() if id_ in own)
    if sum(states[state] for state in JUDGED) != taken:
        proof.faults.append(f"phone {number} took {taken} photos and was told {dict(states)}")
    waiting = len(phone.pictures.all(PictureState.WAITING, PictureState.SET_ASIDE))
    if waiting:
        proof.faults.append(f"phone {number} has {waiting} files that it could not send")
    phone.close()


# --- what goes wrong ------------------------------------------------------------------------------


@dataclass(slots=True)
class _Worker:
    process: subprocess.Popen[bytes]


@contextmanager
def _worker(house: House) -> Iterator[_Worker]:
    """A worker that is started again whenever it ends, as a supervisor does."""

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "server", "worker"],
            env=house.worker_environment,
            cwd=HERE,
            stderr=subprocess.DEVNULL,
        )

    worker = _Worker(start())
    stopping = threading.Event()

    def keep() -> None:
        while not stopping.wait(0.2):
            if worker.process.poll() is not None:
                worker.process = start()

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        yield worker
    finally:
        stopping.set()
        keeper.join()
        worker.process.terminate()
        worker.process.wait(60)


@contextmanager
def _killing(house: House, worker: _Worker, seed: int, proof: Proof) -> Iterator[None]:
    """SIGKILL, every few seconds: a web process, or the worker."""
    numbers = Random(f"{seed}/kill")
    stopping = threading.Event()

    def kill() -> None:
        while not stopping.wait(numbers.uniform(*KILLED_EVERY_S)):
            with suppress(ProcessLookupError, FileNotFoundError):
                if numbers.random() < 0.6:
                    children = house.served.children
                    if children:
                        os.kill(numbers.choice(children), signal.SIGKILL)
                        proof.web_processes_killed += 1
                else:
                    worker.process.kill()
                    proof.workers_killed += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        stopping.set()
        killer.join()


# --- what is so at the end ------------------------------------------------------------------------


def _settle(house: House, files: int, photos: int) -> None:
    """Wait until nothing is left to do; who waits too long goes on and finds what is wrong."""
    ends = time.monotonic() + max(120, photos)
    while time.monotonic() < ends:
        with house.database.reading(house.company_id) as uow:
            read, judged, left = uow.rows(
                "select (select count(*) from file where state = 'READ'),"
                " (select count(*) from photo where state = any(:judged)),"
                " (select count(*) from outbox where not is_set_aside)",
                judged=list(JUDGED),
            )[0]
        if read == files and judged == photos and not left:
            return
        time.sleep(0.5)


def _compare(house: House, taken: list[list[bytes]], distinct: set[str], proof: Proof) -> None:
    with house.database.reading(house.company_id) as uow:
        files = {row.sha256: row for row in uow.rows("select sha256, size, state from file")}
        readings = Counter(row[0] for row in uow.rows("select sha256 from file_reading"))
        attempts = uow.rows("select count(*) from file where attempts > 1")[0][0]
        photos = uow.rows("select id, sha256, state from photo")
        judged = Counter(
            row[0]
            for row in uow.rows("select photo_id from photo_evidence where photo_id is not null")
        )
        aside = uow.rows("select topic, failure from outbox where is_set_aside")
        under_way = uow.rows("select count(*) from upload where state = 'OPEN'")[0][0]
    proof.files, proof.bytes = len(files), sum(row.size for row in files.values())
    proof.read_more_than_once = attempts
    proof.states = dict(Counter(row.state for row in photos))
    say = proof.faults.append
    if set(files) != distinct:
        say(
            f"{len(distinct - set(files))} files lost, {len(set(files) - distinct)} that nobody took"
        )
    for digest, row in files.items():
        if row.state != "READ" or readings[digest] != 1:
            say(f"{digest[:12]} is {row.state}, with {readings[digest]} readings")
        content = b"".join(house.media.storage.stream(original_key(house.company_id, digest)))
        if sha256(content).hexdigest() != digest:
            say(f"{digest[:12]} has other bytes")
    if Counter(row.sha256 for row in photos) != Counter(
        sha256(content).hexdigest() for some in taken for content in some
    ):
        say("the records are not those of the photos that were taken")
    for row in photos:
        if row.state not in JUDGED or not judged[row.id]:
            say(f"photo {row.id} is {row.state}, judged {judged[row.id]} times")
    proof.faults += [f"set aside: {row.topic}: {row.failure}" for row in aside]
    checked = check_files(house.database, house.media, house.company_id)
    if not checked.is_well:
        say(f"rows and bytes differ: {checked}")
    # An upload that was announced, and whose answer was lost, waits for its end; its file came by another.
    if under_way and checked.upload_bytes > proof.bytes:
        say(f"{under_way} uploads are under way")


@contextmanager
def house_of(
    app_url: str, owner_url: str, redis_url: str, folder: Path, **settings: str
) -> Iterator[House]:
    """A company on a migrated database, and a web server for it."""
    var = folder / "var"
    common = {"REQUEST_READ_S": "20", "WEB_THREADS": "4", **settings}
    with ExitStack() as stack:
        owner, app = (create_engine(url, pool_size=5) for url in (owner_url, app_url))
        stack.callback(owner.dispose)
        stack.callback(app.dispose)
        database = Database(app)
        cast = make_cast(owner, database)
        served = stack.enter_context(web_server(app_url, redis_url, var, **common))
        yield House(
            database=database,
            media=Media(LocalStorage(var / "media" / "files"), Staging(var / "media" / "uploads")),
            served=served,
            worker_environment={
                **os.environ,
                "DATABASE_URL": app_url,
                "REDIS_URL": redis_url,
                "SECRET_KEY": "a secret of thirty-two characters and more",
                "ROADBOOK_VAR": str(var),
                **common,
            },
            company_id=cast.company.id,
            people=(cast.ana.id, cast.ben.id),
            folder=folder,
        )


def main() -> int:
    """Prove it on an installation of its own, and say what came of it."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--photos", type=int, default=1000)
    asked.add_argument("--phones", type=int, default=10)
    asked.add_argument("--seed", type=int, default=1)
    said = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadbook-proof-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        servers = Embedded.start(folder / "servers")
        try:
            migrate(servers.url(OWNER), app_role=APP)
            with house_of(
                servers.url(APP), servers.url(OWNER), servers.addresses.redis_url, folder
            ) as house:
                proof = prove(house, photos=said.photos, phones=said.phones, seed=said.seed)
        finally:
            servers.stop()
    print(json.dumps(asdict(proof), indent=1))
    return 1 if proof.faults else 0


if __name__ == "__main__":
    sys.exit(main())
