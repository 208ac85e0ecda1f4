"""Phones in memory that talk to the engine itself, without HTTP and without a file.

`Phone` builds items and envelopes, pushes them, pulls until complete into `held`, and repairs by
digest. It checks what every phone may rely on: pages keep to their limit, and what is older than what
is held is passed over.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from mobile_contract.canonical import bucket_of, hash_text, record_hash
from mobile_contract.compiled import decode_digest, decode_pull, decode_push
from mobile_contract.version import CURRENT
from sync import direct
from sync.engine import Engine
from sync.unit_of_work import Database
from tests.factories import Cast, Device, Person

NOON = int(datetime(2026, 3, 4, 4, tzinfo=UTC).timestamp() * 1000)
"""Noon of TODAY in the cast's time zone."""

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000

Json = dict[str, Any]


@dataclass(slots=True)
class Phone:
    """A phone with an honest clock; `now` is the true time, which the server's clock shows too."""

    engine: Engine
    device: Device
    contract: int = CURRENT
    now: int = NOON
    booted_at: int = NOON - 10 * HOUR
    boot_id: str = "0b000000-0000-4000-8000-000000000001"
    # What the phone's wall clock shows beyond the true time.
    wrong_by: int = 0
    cursor: str | None = None
    # record id → {kind, id, version, fields}
    held: dict[str, Json] = field(default_factory=dict)
    # Every change that ever came, in its order.
    came: list[Json] = field(default_factory=list)

    # ---- what it writes ----------------------------------------------------------------------

    def uptime(self, at: int) -> int:
        return at - self.booted_at

    def item(self, kind: str, op: str, entity_id: object, payload: Json, **other: Any) -> Json:
        """An item captured five seconds ago, with an op_id of its own."""
        at = other.pop("at", self.now - 5 * SECOND)
        return {
            "op_id": str(uuid4()),
            "kind": kind,
            "entity_id": str(entity_id),
            "op": op,
            "captured_at": at + self.wrong_by,
            "captured_boot_id": self.boot_id,
            "captured_uptime_ms": self.uptime(at),
            "payload": payload,
            **other,
        }

    def event(self, ago: int = MINUTE, *, place: tuple[int, int] | None = None, **fix: Any) -> Json:
        """Something that happened so long ago, at a place (lat_e7, lon_e7) where one is given."""
        at = self.now - ago
        event: Json = {"at": at + self.wrong_by, "uptime_ms": self.uptime(at)}
        if place is not None:
            event["fix"] = {
                "lat_e7": place[0],
                "lon_e7": place[1],
                "datum": "WGS84",
                "accuracy_cm": 900,
                "is_mock": False,
                **fix,
            }
        return event

    def visit(
        self, store: object, *, visit: object = None, ago: int = HOUR, **payload: Any
    ) -> Json:
        """A visit that began so long ago and is still open."""
        at = payload.pop("at", self.now - ago)
        other = payload.pop("item", {})
        return self.item(
            "visit",
            "create",
            visit or uuid4(),
            {
                "store_id": str(store),
                "is_by_phone": False,
                "check_in": self.event(self.now - at, place=payload.pop("place", None)),
                "steps": [],
                **payload,
            },
            at=at,
            **other,
        )

    def finish(self, visit: object, *, ago: int = 10 * MINUTE, **payload: Any) -> Json:
        return self.item(
            "visit",
            "finish",
            visit,
            {"check_out": self.event(ago), "closed_by": "PERSON", "steps": [], **payload},
            at=self.now - ago,
        )

    def correct(self, visit: object, base_version: int, **changes: Any) -> Json:
        payload = {"reason": "I was wrong", "changes": changes}
        return self.item("visit", "correct", visit, payload, base_version=base_version)

    def edit(self, store: object, base_version: int, **changes: Any) -> Json:
        return self.item("store", "edit", store, {"changes": changes}, base_version=base_version)

    def attendance(self, event: str = "ON", *, ago: int = HOUR, **payload: Any) -> Json:
        return self.item(
            "attendance",
            "create",
            uuid4(),
            {"event": event, "occurred": self.event(ago), **payload},
            at=self.now - ago,
        )

    def new_store(self, name: str = "Gallery", **payload: Any) -> Json:
        return self.item(
            "store",
            "create",
            uuid4(),
            {"name": name, "channel": "grocery", "address": "9 Pier", **payload},
        )

    # ---- push ----------------------------------------------------------------------------------

    def envelope(self, *items: Json | bytes, **other: Any) -> bytes:
        """A push as bytes; items that are bytes already go in as they are."""
        raw = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        head = {
            "contract": self.contract,
            "device_id": str(self.device.id),
            "batch_id": str(uuid4()),
            "sent_at": self.now + self.wrong_by,
            "boot_id": self.boot_id,
            "uptime_ms": self.uptime(self.now),
            "app_version": "2.0.0",
            "outbox": {"count": len(items), "oldest_at": None, "bytes": 100},
            **other,
        }
        return json.dumps(head).encode()[:-1] + b', "items": [' + b", ".join(raw) + b"]}"

    def send(self, envelope: bytes) -> Json:
        answer: Json = json.loads(
            self.engine.push(self.device.claim, decode_push(envelope), self.now).answer
        )
        return answer

    def push(self, *items: Json | bytes, **other: Any) -> list[Json]:
        """The results of a batch, in its order."""
        results: list[Json] = self.send(self.envelope(*items, **other))["results"]
        assert len(results) == len(items)
        return results

    def push_one(self, item: Json | bytes) -> Json:
        return self.push(item)[0]

    def statuses(self, *items: Json | bytes) -> list[str]:
        return [result["status"] for result in self.push(*items)]

    # ---- pull ----------------------------------------------------------------------------------

    def page(self, limit: int = 500) -> Json:
        """Pull one page and apply it, with its cursor."""
        request = {"contract": self.contract, "cursor": self.cursor, "limit": limit}
        answer: Json = json.loads(
            self.engine.pull(self.device.claim, decode_pull(json.dumps(request).encode()), self.now)
        )
        assert len(answer["changes"]) <= limit
        self.apply(answer["changes"])
        self.cursor = answer["cursor"]
        return answer

    def pull(self, limit: int = 500) -> list[Json]:
        """Pull until complete; the changes that came."""
        changes: list[Json] = []
        for _ in range(10_000):
            answer = self.page(limit)
            changes += answer["changes"]
            if answer["complete"]:
                return changes
        raise AssertionError("the pull never ends")

    def apply(self, changes: list[Json], *, is_repair: bool = False) -> None:
        self.came += changes
        for change in changes:
            held = self.held.get(change["id"])
            if held is not None and held["version"] > change["version"] and not is_repair:
                continue
            if change["op"] == "put":
                self.held[change["id"]] = {
                    name: change[name] for name in ("kind", "id", "version", "fields")
                }
            else:
                self.held.pop(change["id"], None)

    def ids(self, kind: str | None = None) -> set[UUID]:
        return {UUID(id_) for id_, r in self.held.items() if kind in (None, r["kind"])}

    def fields(self, record_id: object) -> Json:
        fields: Json = self.held[str(record_id)]["fields"]
        return fields

    # ---- digest --------------------------------------------------------------------------------

    def hashes(self) -> dict[str, dict[str, list[tuple[str, int]]]]:
        """kind → bucket → (id, record hash) of everything held."""
        found: dict[str, dict[str, list[tuple[str, int]]]] = {}
        for r in self.held.values():
            hashed = record_hash(r["kind"], r["id"], r["version"], r["fields"])
            found.setdefault(r["kind"], {}).setdefault(bucket_of(r["id"]), []).append(
                (r["id"], hashed)
            )
        return found

    def compare(self) -> Json:
        """The first step of a digest."""
        buckets: dict[str, dict[str, str]] = {}
        for kind, by_bucket in self.hashes().items():
            for bucket, rows in by_bucket.items():
                mixed = 0
                for _, hashed in rows:
                    mixed ^= hashed
                buckets.setdefault(kind, {})[bucket] = hash_text(mixed)
        return self._digest({"contract": self.contract, "buckets": buckets})

    def repair(self) -> list[Json]:
        """Both steps; the changes of the second. Takes the cursor of the first."""
        answer = self.compare()
        hashes = self.hashes()
        held = {
            kind: {
                bucket: [
                    [id_, hash_text(hashed)] for id_, hashed in hashes.get(kind, {}).get(bucket, [])
                ]
                for bucket in buckets
            }
            for kind, buckets in answer["differs"].items()
        }
        changes: list[Json] = []
        if held:
            changes = self._digest({"contract": self.contract, "held": held})["changes"]
            self.apply(changes, is_repair=True)
        self.cursor = answer["cursor"]
        return changes

    def _digest(self, request: Json) -> Json:
        answer: Json = json.loads(
            self.engine.digest(self.device.claim, decode_digest(json.dumps(request).encode()))
        )
        return answer


def phone_of(engine: Engine, person: Person, **other: Any) -> Phone:
    return Phone(engine, person.device, **other)


def spot(cast: Cast, database: Database, store: UUID) -> tuple[int, int]:
    """The pin of a store as (lat_e7, lon_e7)."""
    with database.reading(cast.company.id) as uow:
        row = uow.rows("select lat_e7, lon_e7 from store where id = :id", id=store)[0]
    return row.lat_e7, row.lon_e7


def scope_of(database: Database, cast: Cast, person: Person) -> dict[UUID, int]:
    """What a person may see: record id → version, straight from the tables."""
    with database.reading(cast.company.id) as uow:
        return {
            row.id: row.version
            for row in uow.rows(
                "select r.id, r.version from record r where r.doc is not null and exists"
                " (select from record_key k join holder_key h on h.key = k.key"
                "  where k.id = r.id and h.person_id = :person)",
                person=person.id,
            )
        }


def rows_of(database: Database, cast: Cast, statement: str, **values: Any) -> list[Any]:
    """The rows of a statement, as the company sees its tables."""
    with database.reading(cast.company.id) as uow:
        return uow.rows(statement, **values)


def only(rows: list[Any]) -> Any:
    assert len(rows) == 1, rows
    return rows[0]


@contextmanager
def counted_statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What connections send to the database meanwhile."""
    statements: list[str] = []

    def counting(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(self: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            statements.append(str(query))
            return method(self, query, *args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for name in ("execute", "executemany"):
            patch.setattr(psycopg.Cursor, name, counting(getattr(psycopg.Cursor, name)))
        sends = direct.send
        for module in list(sys.modules.values()):
            if getattr(module, "send", None) is sends:
                patch.setattr(module, "send", counting(sends))
        yield statements


def without_receipt(result: Mapping[str, Any]) -> Json:
    return {name: value for name, value in result.items() if name != "receipt"}
