"""What the benchmark runs on: a fresh embedded PostgreSQL, a company, its phones, the web server."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, create_engine

from server.embedded import Embedded
from server.embedded_postgres import APP
from server.migrate import driver_url, migrate
from sync.kinds.route.publish import publish_routes
from sync.kinds.store.publish import publish_stores
from sync.kinds.store_terms.publish import publish_store_terms
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.bench.masters import Masters, make_masters
from tests.factories import (
    TODAY,
    Cast,
    Device,
    add_device,
    add_occupancy,
    add_person,
    add_policy,
    add_position,
    add_route,
    add_store,
    make_cast,
)

STORES_A_PHONE = 50
ALWAYS: dict[str, Any] = {
    "working_from_min": 0,
    "working_until_min": 1_440,
    "working_weekdays": [1, 2, 3, 4, 5, 6, 7],
}


@dataclass(slots=True)
class Phone:
    """A phone with the stores of its route."""

    person_id: UUID
    device: Device
    store_ids: list[UUID]
    masters: Masters
    boot_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(slots=True)
class Stage:
    """Everything the measurements need."""

    var: Path
    owner_url: str
    app_url: str
    port: int
    database: Database
    owner_engine: Engine
    cast: Cast
    masters: Masters
    phones: list[Phone]
    web: subprocess.Popen[bytes]
    postmaster_pid: int
    # What the server's processes are started with.
    environment: dict[str, str]


@contextmanager
def staged(phones: int, *, web_workers: int, questions: Sequence[int]) -> Iterator[Stage]:
    """The stage, taken down again at the end."""
    with tempfile.TemporaryDirectory(prefix="roadbook-bench-") as folder:
        var = Path(folder)
        embedded = Embedded.start(var)
        web = None
        try:
            urls = embedded.addresses
            migrate(urls.owner_database_url, app_role=APP)
            owner_engine = create_engine(driver_url(urls.owner_database_url), pool_size=40)
            app_engine = create_engine(driver_url(urls.database_url), pool_size=4)
            database = Database(app_engine)
            cast = make_cast(owner_engine, database)
            with owner_engine.begin() as connection:
                # A day is always now: none of it is outside of working hours.
                add_policy(connection, cast.company, version=2, **ALWAYS)
            masters = make_masters(
                database, cast.company.id, region=cast.regions.wharf, questions=questions
            )
            made = [
                add_phone(owner_engine, database, cast, masters, f"rep{n}") for n in range(phones)
            ]
            port = _free_port()
            environment = os.environ | {
                "DATABASE_URL": urls.database_url,
                "DATABASE_OWNER_URL": urls.owner_database_url,
                "REDIS_URL": urls.redis_url,
                "SECRET_KEY": "bench " * 8,
                "ROADBOOK_PORT": str(port),
                "ROADBOOK_VAR": str(var),
                "WEB_WORKERS": str(web_workers),
            }
            web = subprocess.Popen([sys.executable, "-m", "server", "web"], env=environment)
            _wait_for(port)
            yield Stage(
                var,
                urls.owner_database_url,
                urls.database_url,
                port,
                database,
                owner_engine,
                cast,
                masters,
                made,
                web,
                int((var / "postgres" / "postmaster.pid").read_text().split()[0]),
                environment,
            )
        finally:
            if web is not None:
                web.terminate()
                web.wait(20)
            embedded.stop()


def add_phone(
    owner: Engine,
    database: Database,
    cast: Cast,
    masters: Masters,
    name: str,
    stores_owned: int = STORES_A_PHONE,
) -> Phone:
    """A rep with a phone and a route of stores."""
    company = cast.company
    with owner.begin() as connection:
        person = add_person(connection, company, name)
        position = add_position(connection, company, name, role="rep", region_id=cast.regions.north)
        add_occupancy(connection, company, position_id=position, person_id=person)
        device = add_device(connection, company, name, person_id=person)
        stores = [
            add_store(
                connection,
                company,
                f"{name} store {n}",
                lat_e7=312_304_000 + n * 3_000,
                region_id=cast.regions.north,
            )
            for n in range(stores_owned)
        ]
        route = add_route(connection, company, name, position_id=position, store_ids=stores)
    with database.company(company.id) as uow:
        publish_stores(uow, stores)
        publish_routes(uow, [route])
        publish_store_terms(uow, stores)
        rescope(uow, [person], TODAY)
    return Phone(person, device, stores, masters)


def cpu_ms(root: int) -> float:
    """CPU that a process and all its descendants have used so far, those that ended included."""
    import psutil  # type: ignore[import-untyped]

    total = 0.0
    parent = psutil.Process(root)
    for process in (parent, *parent.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total * 1000


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
                probe.sendall(b"GET /healthz HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
                if probe.recv(64).startswith(b"HTTP/1.1 200"):
                    return
        except OSError:
            time.sleep(0.1)
    message = "the web server did not come up"
    raise RuntimeError(message)
