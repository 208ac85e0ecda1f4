"""What the benchmark runs on: a fresh embedded PostgreSQL, a company, its phones, the web server.

The phones' days are made beforehand as the bytes of whole HTTP requests, so that sending them costs
the client next to nothing.
"""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
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
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.factories import (
    TODAY,
    Cast,
    Company,
    Device,
    add_device,
    add_occupancy,
    add_person,
    add_position,
    add_route,
    add_store,
    make_cast,
)

STORES_A_PHONE = 50
VISITS_A_DAY = 40
STEPS = ("PREPARE", "GREET", "CHECK_STORE", "MERCHANDISE", "TAKE_STOCK", "AGREE_ORDER")


@dataclass(slots=True)
class Phone:
    """A phone with the stores of its route."""

    person_id: UUID
    device: Device
    store_ids: list[UUID]
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
    phones: list[Phone]
    web: subprocess.Popen[bytes]
    postmaster_pid: int


@contextmanager
def staged(phones: int, *, web_workers: int) -> Iterator[Stage]:
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
            made = [_phone(owner_engine, database, cast.company, n, cast) for n in range(phones)]
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
                made,
                web,
                int((var / "postgres" / "postmaster.pid").read_text().split()[0]),
            )
        finally:
            if web is not None:
                web.terminate()
                web.wait(20)
            embedded.stop()


def _phone(owner: Engine, database: Database, company: Company, number: int, cast: Cast) -> Phone:
    name = f"rep{number}"
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
            for n in range(STORES_A_PHONE)
        ]
        route = add_route(connection, company, name, position_id=position, store_ids=stores)
    with database.company(company.id) as uow:
        publish_stores(uow, stores)
        publish_routes(uow, [route])
        rescope(uow, [person], TODAY)
    return Phone(person, device, stores)


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


def phone_day(phone: Phone, chance: random.Random) -> bytes:
    """The push of a general trade day (40 visits, four attendance events) as JSON."""
    now = time.time_ns() // 1_000_000
    up = 50_000_000
    items: list[dict[str, Any]] = []

    def add(kind: str, payload: dict[str, Any], ago: int) -> None:
        items.append(
            {
                "op_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "kind": kind,
                "entity_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "op": "create",
                "captured_at": now - ago,
                "captured_boot_id": phone.boot_id,
                "captured_uptime_ms": up - ago,
                "payload": payload,
            }
        )

    def event(ago: int, place: int) -> dict[str, Any]:
        return {
            "at": now - ago,
            "uptime_ms": up - ago,
            "fix": {
                "lat_e7": 312_304_000 + place * 3_000 + chance.randint(-9_000, 9_000),
                "lon_e7": 1_214_737_000 + chance.randint(-9_000, 9_000),
                "datum": "WGS84",
                "accuracy_cm": chance.randint(300, 3_000),
                "gps_time": now - ago - 200,
                "is_mock": False,
            },
        }

    for name, ago in (("ON", 36_000_000), ("BREAK", 20_000_000), ("ON", 18_000_000)):
        add("attendance", {"event": name, "occurred": event(ago, 0)}, ago)
    for number in range(VISITS_A_DAY):
        ago = 35_000_000 - number * 800_000
        steps = [{"step": s, "outcome": "DONE", "at": now - ago + 60_000} for s in STEPS]
        add(
            "visit",
            {
                "store_id": str(phone.store_ids[number]),
                "is_by_phone": False,
                "check_in": event(ago, number),
                "check_out": event(ago - 600_000, number),
                "closed_by": "PERSON",
                "steps": steps,
                "note": "Shelf tidy, display in place",
            },
            ago - 600_000,
        )
    add("attendance", {"event": "OFF", "occurred": event(1_000_000, 0)}, 1_000_000)
    return json.dumps(
        {
            "contract": 2,
            "device_id": str(phone.device.id),
            "batch_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "sent_at": now,
            "boot_id": phone.boot_id,
            "uptime_ms": up,
            "app_version": "2.0.0",
            "outbox": {"count": len(items), "oldest_at": now - 36_000_000, "bytes": 40_000},
            "items": items,
        },
        separators=(",", ":"),
    ).encode()
