"""A company with a fixed cast of people whose rights are known, and rows of the usual kinds.

    Wharf (country) ── Harbour (city) ─┬─ North (district)   Ana's stores
                                       └─ South (district)   Ben's stores

    Ana, Ben    reps of North and South, each with a route of three stores
    Sam         supervisor of Harbour: sees both
    Mia         regional manager of Wharf: sees everything
    Aki         auditor of Wharf
    Ada         admin of Wharf

Everybody has one enrolled device. Ids are derived from the company's code, so they are the same
in every run; each cast is a company of its own, so tests that commit do not meet.
"""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Any, Protocol
from uuid import UUID, uuid4, uuid5

import msgspec
from sqlalchemy import Connection, Engine, Insert, insert, text

from mobile_contract.compiled import OutboxState, Pull, PushEnvelope
from sync import organisation
from sync.engine import Engine as SyncEngine
from sync.kinds.day_plan.table import day_plan, day_plan_stop
from sync.kinds.policy.publish import publish_policy
from sync.kinds.route.publish import publish_routes
from sync.kinds.route.table import route, route_stop
from sync.kinds.store.publish import publish_stores
from sync.kinds.store.table import store
from sync.scope import rescope
from sync.senders import Claim
from sync.unit_of_work import Database, UnitOfWork

TODAY = date(2026, 3, 4)
"""The Wednesday on which tests happen, unless they say otherwise."""

MONDAY = date(2026, 1, 5)
"""The anchor of every rule that `rule()` makes."""

_NAMESPACE = UUID("6f1d1f0e-5f3c-4d5b-9f0e-1f2f3a4b5c6d")
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Company:
    id: int
    key: UUID
    code: str
    time_zone: str

    def named(self, name: str) -> UUID:
        """The id of whatever has this name in this company: the same in every run."""
        return uuid5(_NAMESPACE, f"{self.code} {name}")


@dataclass(frozen=True, slots=True)
class Device:
    id: UUID
    token: str
    company_id: int

    @property
    def token_hash(self) -> bytes:
        return hashlib.sha256(self.token.encode()).digest()

    @property
    def claim(self) -> Claim:
        """What the device says of itself to the engine."""
        return Claim(self.company_id, str(self.id), self.token_hash)

    @property
    def authorization(self) -> str:
        """The value of its Authorization header."""
        return f"Bearer {self.token}"


@dataclass(frozen=True, slots=True)
class Person:
    id: UUID
    name: str
    position_id: UUID
    device: Device


@dataclass(frozen=True, slots=True)
class Regions:
    wharf: UUID
    harbour: UUID
    north: UUID
    south: UUID


@dataclass(frozen=True, slots=True)
class Cast:
    """The company and everybody in it."""

    company: Company
    regions: Regions
    ana: Person
    ben: Person
    sam: Person
    mia: Person
    aki: Person
    ada: Person
    # Three stores each, in the order of their routes; the last of Ben's has no pin.
    ana_stores: tuple[UUID, ...]
    ben_stores: tuple[UUID, ...]
    ana_route: UUID
    ben_route: UUID

    @property
    def people(self) -> tuple[Person, ...]:
        return (self.ana, self.ben, self.sam, self.mia, self.aki, self.ada)


class Inserting(Protocol):
    """A connection, or rows that wait for one."""

    def execute(self, statement: Insert, rows: Any, /) -> object:
        """Insert a row, or several."""


class Gathered:
    """Rows that are inserted at the end: with one round for those of a table instead of one for each."""

    def __init__(self) -> None:
        self._rows: dict[tuple[Any, frozenset[str]], list[Mapping[str, Any]]] = {}

    def execute(self, statement: Insert, rows: Any, /) -> None:
        """Keep them; tables are filled in the order in which they are first named."""
        for row in rows if isinstance(rows, list) else [rows]:
            self._rows.setdefault((statement.table, frozenset(row)), []).append(row)

    def insert(self, connection: Connection) -> None:
        """Insert all."""
        for (table, _), rows in self._rows.items():
            connection.execute(insert(table), rows)


def make_company(
    owner_engine: Engine, *, code: str | None = None, time_zone: str = "Asia/Shanghai"
) -> Company:
    """A company with nothing in it but the default policy; committed.

    Only the owner of the schema may make one. Without a code it gets the next free number.
    """
    with owner_engine.begin() as connection:
        taken = set(connection.scalars(text("select code from company")))
        chosen = code or next(c for n in _numbers if (c := f"CAST{n}") not in taken)
        key = uuid5(_NAMESPACE, chosen)
        company_id = connection.scalar(
            insert(organisation.company)
            .values(key=key, code=chosen, name=f"{chosen} Ltd", time_zone=time_zone)
            .returning(organisation.company.c.id)
        )
        assert company_id is not None
        company = Company(company_id, key, chosen, time_zone)
        add_policy(connection, company, version=1)
    return company


def add_policy(connection: Connection, company: Company, *, version: int, **settings: Any) -> None:
    """A version of the company's policy; what is not given has its default."""
    connection.execute(
        insert(organisation.policy).values(
            company_id=company.id,
            version=version,
            settings={"time_zone": company.time_zone, **settings},
        )
    )


def add_region(
    connection: Inserting,
    company: Company,
    name: str,
    *,
    parent_id: UUID | None = None,
    boundary: Mapping[str, Any] | None = None,
) -> UUID:
    region_id = company.named(f"region {name}")
    connection.execute(
        insert(organisation.region),
        {
            "company_id": company.id,
            "id": region_id,
            "parent_id": parent_id,
            "code": name.upper(),
            "name": name,
            "boundary": boundary,
        },
    )
    return region_id


def add_position(
    connection: Inserting, company: Company, code: str, *, role: str, region_id: UUID
) -> UUID:
    position_id = company.named(f"position {code}")
    connection.execute(
        insert(organisation.position),
        {
            "company_id": company.id,
            "id": position_id,
            "code": code,
            "name": code.title(),
            "role": role,
            "region_id": region_id,
        },
    )
    return position_id


def add_person(connection: Inserting, company: Company, name: str) -> UUID:
    """A person who holds no position yet."""
    person_id = company.named(f"person {name}")
    connection.execute(
        insert(organisation.person),
        {
            "company_id": company.id,
            "id": person_id,
            "name": name,
            "email": f"{name.lower()}@{company.code.lower()}.example",
        },
    )
    return person_id


def add_occupancy(
    connection: Inserting,
    company: Company,
    *,
    position_id: UUID,
    person_id: UUID,
    starts_on: date = MONDAY,
    ends_on: date | None = None,
    is_acting: bool = False,
) -> UUID:
    occupancy_id = company.named(f"occupancy {position_id} {person_id} {starts_on}")
    connection.execute(
        insert(organisation.occupancy),
        {
            "company_id": company.id,
            "id": occupancy_id,
            "position_id": position_id,
            "person_id": person_id,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "is_acting": is_acting,
        },
    )
    return occupancy_id


def token_of(company: Company, device_id: UUID) -> str:
    """A token of the real form, with bits that follow from the device instead of from chance."""
    bits = hashlib.sha256(device_id.bytes).digest()
    return f"rbd_{company.id}_{device_id.hex}_{urlsafe_b64encode(bits).decode().rstrip('=')}"


def add_device(
    connection: Inserting,
    company: Company,
    name: str,
    *,
    person_id: UUID,
    state: str = "ACTIVE",
    contract: int = 2,
) -> Device:
    """An enrolled device with a token that works."""
    device_id = company.named(f"device {name}")
    device = Device(device_id, token_of(company, device_id), company.id)
    connection.execute(
        insert(organisation.device),
        {
            "company_id": company.id,
            "id": device_id,
            "person_id": person_id,
            "state": state,
            "token_hash": device.token_hash,
            "model": "Testphone 3",
            "os": "Android 15",
            "app_version": "2.0.0",
            "contract": contract,
        },
    )
    return device


def add_store(connection: Inserting, company: Company, name: str, **columns: Any) -> UUID:
    """An active store with a pin; every column can be given."""
    store_id = company.named(f"store {name}")
    values = {
        "code": name.upper(),
        "name": name,
        "channel": "grocery",
        "store_class": "B",
        "address": f"1 {name} Street",
        "lat_e7": 312_304_000,
        "lon_e7": 1_214_737_000,
        "status": "ACTIVE",
        **columns,
    }
    connection.execute(insert(store), {"company_id": company.id, "id": store_id, **values})
    return store_id


def rule(**changed: Any) -> dict[str, Any]:
    """A visiting rule as it is stored and sent: every weekday but Sunday, every week."""
    return {
        "weekdays": [1, 2, 3, 4, 5, 6],
        "cycle_weeks": 1,
        "week_groups": [0],
        "anchor": MONDAY.isoformat(),
        "starts_on": MONDAY.isoformat(),
        "ends_on": None,
        "on_holiday": "SKIP",
        "open_from_min": None,
        "open_until_min": None,
        **changed,
    }


def add_route(
    connection: Inserting,
    company: Company,
    name: str,
    *,
    position_id: UUID,
    store_ids: Sequence[UUID],
    stop_rule: Mapping[str, Any] | None = None,
) -> UUID:
    """A route with these stores in this order, all by one rule."""
    route_id = company.named(f"route {name}")
    connection.execute(
        insert(route),
        {"company_id": company.id, "id": route_id, "position_id": position_id, "name": name},
    )
    stops = [
        {
            "company_id": company.id,
            "route_id": route_id,
            "sequence": sequence,
            "store_id": store_id,
            "rule": dict(stop_rule or rule()),
        }
        for sequence, store_id in enumerate(store_ids)
    ]
    if stops:
        connection.execute(insert(route_stop), stops)
    return route_id


def add_day_plan(
    connection: Connection,
    company: Company,
    *,
    position_id: UUID,
    day: date,
    store_ids: Sequence[UUID],
    route_id: UUID | None = None,
) -> UUID:
    """A plan of its first version, not frozen."""
    plan_id = company.named(f"plan {position_id} {day}")
    connection.execute(
        insert(day_plan).values(
            company_id=company.id, id=plan_id, position_id=position_id, day=day, plan_version=1
        )
    )
    stops = [
        {
            "company_id": company.id,
            "day_plan_id": plan_id,
            "plan_version": 1,
            "sequence": sequence,
            "store_id": store_id,
            "route_id": route_id,
        }
        for sequence, store_id in enumerate(store_ids)
    ]
    if stops:
        connection.execute(insert(day_plan_stop), stops)
    return plan_id


def add_holiday(connection: Connection, company: Company, day: date, name: str = "Fair") -> None:
    connection.execute(
        insert(organisation.holiday).values(company_id=company.id, day=day, name=name)
    )


_SQUARES = {  # west, south, east, north in degrees
    "Wharf": (121.0, 31.0, 122.0, 32.0),
    "Harbour": (121.4, 31.2, 121.6, 31.4),
    "North": (121.4, 31.3, 121.6, 31.4),
    "South": (121.4, 31.2, 121.6, 31.3),
}


def square(name: str) -> dict[str, Any]:
    """The boundary of one of the cast's regions, as GeoJSON."""
    west, south, east, north = _SQUARES[name]
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def make_cast_rows(owner_engine: Engine, *, code: str | None = None) -> Cast:
    """The cast as rows only: nothing is published, nobody's scope is made. Committed."""
    company = make_company(owner_engine, code=code)
    rows = Gathered()
    regions = _add_regions(rows, company)
    people = {
        name: add_holder(rows, company, name, role, region_id)
        for name, role, region_id in (
            ("Ana", "rep", regions.north),
            ("Ben", "rep", regions.south),
            ("Sam", "supervisor", regions.harbour),
            ("Mia", "regional_manager", regions.wharf),
            ("Aki", "auditor", regions.wharf),
            ("Ada", "admin", regions.wharf),
        )
    }
    ana_stores = tuple(
        add_store(
            rows,
            company,
            name,
            region_id=regions.north,
            lat_e7=313_500_000 + 20_000 * place,
            lon_e7=1_215_000_000,
        )
        for place, name in enumerate(("Anchor", "Beacon", "Compass"))
    )
    ben_stores = tuple(
        add_store(
            rows,
            company,
            name,
            region_id=regions.south,
            lat_e7=None if name == "Ferry" else 312_500_000 + 20_000 * place,
            lon_e7=None if name == "Ferry" else 1_215_000_000,
        )
        for place, name in enumerate(("Dock", "Estuary", "Ferry"))
    )
    ana, ben = people["Ana"], people["Ben"]
    cast = Cast(
        company=company,
        regions=regions,
        ana=ana,
        ben=ben,
        sam=people["Sam"],
        mia=people["Mia"],
        aki=people["Aki"],
        ada=people["Ada"],
        ana_stores=ana_stores,
        ben_stores=ben_stores,
        ana_route=add_route(
            rows,
            company,
            "North round",
            position_id=ana.position_id,
            store_ids=ana_stores,
        ),
        ben_route=add_route(
            rows,
            company,
            "South round",
            position_id=ben.position_id,
            store_ids=ben_stores,
        ),
    )
    with owner_engine.begin() as connection:
        rows.insert(connection)
    return cast


def make_cast(
    owner_engine: Engine, database: Database, *, code: str | None = None, today: date = TODAY
) -> Cast:
    """The cast with its records published and everybody's scope as of `today`. Committed."""
    cast = make_cast_rows(owner_engine, code=code)
    with database.company(cast.company.id) as uow:
        publish_cast(uow, cast, today=today)
    return cast


def publish_cast(uow: UnitOfWork, cast: Cast, *, today: date = TODAY) -> None:
    """Make the records of what is in the cast's tables, and everybody's scope."""
    publish_policy(uow)
    publish_stores(uow, [*cast.ana_stores, *cast.ben_stores])
    publish_routes(uow, [cast.ana_route, cast.ben_route])
    rescope(uow, [person.id for person in cast.people], today)


def _add_regions(connection: Inserting, company: Company) -> Regions:
    wharf = add_region(connection, company, "Wharf", boundary=square("Wharf"))
    harbour = add_region(
        connection, company, "Harbour", parent_id=wharf, boundary=square("Harbour")
    )
    return Regions(
        wharf=wharf,
        harbour=harbour,
        north=add_region(connection, company, "North", parent_id=harbour, boundary=square("North")),
        south=add_region(connection, company, "South", parent_id=harbour, boundary=square("South")),
    )


def add_holder(
    connection: Inserting, company: Company, name: str, role: str, region_id: UUID
) -> Person:
    """A person with a position of that role from the first Monday on, and a device."""
    person_id = add_person(connection, company, name)
    position_id = add_position(
        connection, company, f"{role}-{name}".upper(), role=role, region_id=region_id
    )
    add_occupancy(connection, company, position_id=position_id, person_id=person_id)
    device = add_device(connection, company, name, person_id=person_id)
    return Person(person_id, name, position_id, device)


NOON_MS = 1_772_596_800_000
"""Noon of `TODAY` in Shanghai, in Unix milliseconds."""

_BOOT = "b0000000-0000-4000-8000-000000000001"
_BOOTED_MS = NOON_MS - 6 * 3_600_000


def item(
    kind: str,
    op: str,
    entity_id: UUID,
    payload: Mapping[str, Any],
    *,
    op_id: UUID | None = None,
    base_version: int | None = None,
    at: int = NOON_MS,
) -> dict[str, Any]:
    """An item of contract 2, captured at `at` by a phone whose clock is right."""
    return {
        "op_id": str(op_id or uuid4()),
        "kind": kind,
        "entity_id": str(entity_id),
        "op": op,
        "base_version": base_version,
        "captured_at": at,
        "captured_boot_id": _BOOT,
        "captured_uptime_ms": at - _BOOTED_MS,
        "payload": dict(payload),
    }


def envelope(
    device: Device, items: Sequence[Mapping[str, Any]], *, sent_at: int = NOON_MS + 60_000
) -> PushEnvelope:
    """A push of these items by a phone whose clock is right."""
    raw = [msgspec.json.encode(one) for one in items]
    return PushEnvelope(
        contract=2,
        device_id=str(device.id),
        batch_id=str(uuid4()),
        sent_at=sent_at,
        boot_id=_BOOT,
        uptime_ms=sent_at - _BOOTED_MS,
        app_version="2.0.0",
        outbox=OutboxState(
            count=len(raw), oldest_at=sent_at if raw else None, bytes=sum(map(len, raw))
        ),
        items=raw,
    )


def push_items(
    engine: SyncEngine,
    device: Device,
    items: Sequence[Mapping[str, Any]],
    *,
    sent_at: int = NOON_MS + 60_000,
) -> list[dict[str, Any]]:
    """Push as this device, received as it was sent; the results."""
    answer = engine.push(device.claim, envelope(device, items, sent_at=sent_at), sent_at).answer
    results: list[dict[str, Any]] = msgspec.json.decode(answer)["results"]
    return results


def pull_all(
    engine: SyncEngine, device: Device, cursor: str | None = None
) -> tuple[list[dict[str, Any]], str]:
    """Everything that changed for this device since the cursor, and the cursor after it."""
    changes: list[dict[str, Any]] = []
    while True:
        request = Pull(contract=2, cursor=cursor, limit=500)
        answer = msgspec.json.decode(engine.pull(device.claim, request, NOON_MS))
        changes += answer["changes"]
        cursor = answer["cursor"]
        if answer["complete"]:
            return changes, cursor
