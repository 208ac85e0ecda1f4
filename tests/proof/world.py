"""Phones, an office and a server in one process, each step also told to the plain model.

The phones are the reference phone; between them and the engine lies a `Wire` that carries the very
bytes and makes faults. Everything the server answers is held against the model at once: results of
items, and that nothing outside the scope of this moment is on the wire.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import psycopg
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from mobile_contract.answers import encode_answer
from mobile_contract.compiled import decode_digest, decode_pull, decode_push
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.outbox import OutboxItem
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import Answer, LinkFailure, Request
from mobile_contract.problems import RequestRefused
from mobile_contract.records import lower_record
from server.jobs.work import Workshop, do_row
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.store_history.publish import history_id
from sync.schema import metadata
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import Cast, Device, Person, make_cast, rule
from tests.proof.model import MAKES, Expected, Intent, Occupancy, Route, Truth
from tests.proof.works import WORK_KINDS

SECRET = b"the proof's own secret, 32 bytes"
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
# A phone waits for an answer before its next request, so no two of its pushes have one receipt.
ROUND_TRIP_MS = 1
RULE = rule()
MODELLED = {
    "store",
    "route",
    "visit",
    "attendance",
    "policy",
    "item",
    "proposal",
    "conflict",
    *WORK_KINDS,
}
DECIDES = {"applied", "merged", "conflict", "deferred", "quarantined"}


@dataclass(slots=True)
class Carried:
    """A phone in somebody's pocket."""

    name: str
    person: Person
    contract: int
    phone: Phone
    clock: SimulatedClock
    wire: "Wire"
    listed_to: int = 0
    is_corrupt: bool = False
    # op_id → what the phone was told first, and when it truly happened
    acknowledged: dict[str, Intent] = field(default_factory=dict)

    @property
    def person_id(self) -> str:
        return str(self.person.id)


class Wire:
    """Carries the bytes of one phone; `faults` are what happens to the next requests."""

    def __init__(self, world: "World", device: Device) -> None:
        self.world = world
        self.device = device
        self.faults: list[str] = []
        self.delayed: list[tuple[int, Request]] = []
        self.last_page: tuple[str, Answer] | None = None
        self.carried: Carried | None = None

    def exchange(self, request: Request) -> Answer:
        """Carry a request and its answer, which takes time: what came first was received earlier."""
        try:
            return self._carry(request)
        finally:
            if self.carried is not None:
                self.carried.clock.wait_ms(ROUND_TRIP_MS)

    def _carry(self, request: Request) -> Answer:
        fault = self.faults.pop(0) if self.faults else "none"
        self.world.seen[fault] += 1
        if fault in ("request lost", "late"):
            if fault == "late" and request.path == "/v1/push":
                self.delayed.append((self.world.time_at(self), request))
            raise LinkFailure("the request was lost, or is on its way for long")
        if fault == "busy":
            return _problem(RequestRefused("busy", "too much to do", retry_after_s=1))
        if fault == "request cut":
            request = Request(request.path, request.headers, request.body[: len(request.body) // 2])
        if fault == "stale" and request.path == "/v1/pull" and self.last_page is not None:
            epoch, page = self.last_page
            if epoch == self.world.epoch:
                return page
        if fault == "killed":
            self.world.kill_connections()
        if fault == "sent twice":
            self.world.serve(self, request)
        return self._come_back(fault, request, self.world.serve(self, request))

    def _come_back(self, fault: str, request: Request, answer: Answer) -> Answer:
        if fault == "overtaken":
            # The answer is on its way while the office goes on.
            self.world.office_goes_on()
        if fault == "answer lost":
            raise LinkFailure("the answer was lost")
        if fault == "answer cut":
            return Answer(answer.status, answer.headers, answer.body[: len(answer.body) // 2])
        if request.path == "/v1/pull" and answer.status == 200:
            self.last_page = (json.loads(answer.body)["epoch"], answer)
        return answer

    def close(self) -> None:
        """Nothing is open between requests."""


class World:
    """One company with its phones, as of `now`, the simulated truth in Unix milliseconds."""

    def __init__(self, urls: dict[str, str], *, seed: int = 0) -> None:
        limits = {"options": "-c lock_timeout=250", "application_name": "proof-app"}
        self.app = create_engine(
            urls["app"], pool_size=3, max_overflow=0, pool_timeout=2, connect_args=limits
        )
        self.office_app = create_engine(urls["app"], pool_size=1, max_overflow=0)
        self.owner = create_engine(urls["owner"], pool_size=1, max_overflow=0)
        self.admin = create_engine(urls["admin"], pool_size=1, max_overflow=0)
        self.database = Database(self.app)
        self.engine = Engine(self.database, ALL_KINDS, SECRET)
        self.office = Database(self.office_app)
        self.random = Random(seed)
        # Noon of this day at the company: the database has its own now, and nothing else differs
        # between two runs with one seed.
        self.now = int(datetime.now(UTC).timestamp()) // 86_400 * DAY_MS + 4 * HOUR_MS
        self.is_lock_held = False
        self.may_break = False
        self.backup: dict[str, Any] | None = None
        self.delays: dict[str, int] = {}
        # What happened, so that a test can tell that it did.
        self.seen: Counter[str] = Counter()
        self.true_times: dict[str, int] = {}
        self.intents: dict[bytes, Intent] = {}
        self.pending_office: Callable[[], None] | None = None
        with self.owner.begin() as connection:
            connection.execute(text("delete from backup_watermark"))
        self.cast = make_cast(self.owner, self.office, code="PROOF", today=self.today)
        self.truth = self._first_truth()
        self.epoch = ""
        self.phones: list[Carried] = []

    def close(self) -> None:
        for carried in self.phones:
            carried.phone.close()
        with self.admin.begin() as connection:
            # The next world has the same ids.
            connection.execute(text("set local session_replication_role = replica"))
            for table in _tables():
                connection.execute(
                    text(f"delete from {table} where company_id = :c"), {"c": self.company_id}
                )
            connection.execute(text("delete from company where id = :c"), {"c": self.company_id})
        for engine in (self.app, self.office_app, self.owner, self.admin):
            engine.dispose()

    @property
    def today(self) -> date:
        zone = ZoneInfo("Asia/Shanghai")
        return datetime.fromtimestamp(self.now / 1000, zone).date()

    @property
    def company_id(self) -> int:
        return self.cast.company.id

    # ---- phones ---------------------------------------------------------------------------

    def give_phone(
        self, person: Person, device: Device, *, contract: int, max_items: int = 3
    ) -> Carried:
        """A phone that is enrolled as this device of the cast."""
        number = len(self.phones)
        ids = Random(f"{self.cast.company.code}/{number}")
        clock = SimulatedClock(
            true_ms=self.now, booted_true_ms=self.now - DAY_MS, boot_id=_uuid(ids)
        )
        wire = Wire(self, device)
        is_newest_first = [False]
        phone = Phone.open(
            ":memory:",
            wire,
            clock=clock,
            random=Random(number),
            make_id=lambda: _uuid(ids),
            habits=SendingHabits(
                max_items=max_items,
                first_backoff_ms=1,
                is_newest_first=lambda: is_newest_first[0],
            ),
            encoding="gzip",
            is_durable=False,
        )
        with self.office.reading(self.company_id) as uow:
            epoch = _epoch_of(uow)
        self.epoch = epoch
        phone.device.keep_enrolment(
            {
                "device_id": str(device.id),
                "token": device.token,
                "company": {
                    "code": self.cast.company.code,
                    "name": "",
                    "time_zone": "Asia/Shanghai",
                },
                "person": {"id": str(person.id), "name": person.name},
                "epoch": epoch,
                "limits": {},
            },
            contract=contract,
        )
        carried = Carried(f"{person.name}-{number}", person, contract, phone, clock, wire)
        wire.carried = carried
        self.phones.append(carried)
        return carried

    @contextmanager
    def using(self, carried: Carried) -> Iterator[Phone]:
        """Somebody uses a phone now; what it captures is noted."""
        carried.clock.travel_to(max(self.now, carried.clock.true_ms))
        yield carried.phone
        self.now = max(self.now, carried.clock.true_ms)

    def note(self, carried: Carried, make: Callable[[OutboxItem, dict[str, Any]], Intent]) -> None:
        """Tell the model what was meant with the item that was just captured."""
        for item in carried.phone.outbox.captured_after(carried.listed_to):
            carried.listed_to = item.position
            self.intents[item.body] = make(item, item.parsed())
            self.true_times[item.op_id] = carried.clock.true_ms

    # ---- the server -----------------------------------------------------------------------

    def time_at(self, wire: Wire) -> int:
        """The true time for somebody who talks to the server."""
        return max(wire.carried.clock.true_ms if wire.carried is not None else 0, self.now)

    def serve(
        self, wire: Wire, request: Request, sent_at: int | None = None, delay_ms: int = 0
    ) -> Answer:
        """Do what the server does with a request, and hold the answer against the model."""
        at = (self.time_at(wire) if sent_at is None else sent_at) + delay_ms
        claim = wire.device.claim
        try:
            body = request.body
            if request.headers.get("Content-Encoding") == "gzip":
                body = _unpacked(body)
            if request.path == "/v1/push":
                envelope = decode_push(body)
                answer = self.engine.push(claim, envelope, at).answer
                self._hold_results(wire, envelope.items, json.loads(answer), at, delay_ms)
            elif request.path == "/v1/pull":
                answer = self.engine.pull(claim, decode_pull(body), at)
                self._hold_changes(wire, json.loads(answer))
            else:
                answer = self.engine.digest(claim, decode_digest(body))
                self._hold_changes(wire, json.loads(answer))
        except RequestRefused as refused:
            self.seen[refused.code] += 1
            return _problem(refused)
        except (DBAPIError, psycopg.Error, PoolTimeout) as error:
            if not self.may_break:
                raise AssertionError("the database broke by itself") from error
            return _problem(RequestRefused("busy", "the database went away"))
        return Answer(200, {}, answer)

    def _hold_results(
        self,
        wire: Wire,
        items: list[bytes],
        answer: dict[str, Any],
        at: int,
        delay_ms: int,
    ) -> None:
        results = answer["results"]
        self.seen.update(result["status"] for result in results)
        self.seen.update(result["code"] for result in results if result.get("code"))
        if results and all(result["status"] == "retry" for result in results):
            assert self.is_lock_held or self.may_break, results
            return
        carried = wire.carried
        assert carried is not None
        intents = [self.intents[raw] for raw in items]
        expected = self.truth.receive(intents, at)
        for raw, intent, result, wanted in zip(items, intents, results, expected, strict=True):
            told = Expected(
                result["status"],
                (result.get("first") or result).get("code"),
                result.get("version"),
            )
            assert _agree(told, wanted), (carried.name, told, wanted, intent, result, raw)
            carried.acknowledged[intent.op_id] = intent
            if told.status in DECIDES:
                self.delays[intent.op_id] = delay_ms

    def _hold_changes(self, wire: Wire, answer: dict[str, Any]) -> None:
        """At every pull: what is on the wire is in scope now, and as it is now."""
        assert wire.carried is not None
        scope = self.truth.scope(wire.carried.person_id)
        for change in answer.get("changes", ()):
            self.seen[f"{change['op']} {change['kind']}"] += 1
            if change["kind"] not in MODELLED and change["kind"] != "store_history":
                # Masters that work needs: the digest tells whether each phone has what it should.
                continue
            if change["kind"] == "store_history":
                # It goes where its store goes; what it says is compared when all is quiet.
                assert (change["op"] == "put") == (self.store_of(change["id"]) in scope), change
                continue
            if change["op"] != "put":
                assert change["id"] not in scope, ("evicted from within", change)
                continue
            if change["kind"] in ("proposal", "conflict"):
                continue
            held = scope.get(change["id"])
            if held is None and change["kind"] == "item":
                assert self._is_aside(wire.carried.person_id), change
                continue
            assert held is not None, (wire.carried.name, "outside the scope", change)
            assert held.kind == change["kind"], change
            self._hold_fields(held.kind, held.fields or {}, change["fields"], wire.carried.contract)
            assert held.version == change["version"] or held.kind in ("item", "policy"), (
                held.version,
                change,
            )

    def _hold_fields(
        self, kind: str, wanted: dict[str, Any], found: dict[str, Any], contract: int
    ) -> None:
        if kind in ("store", "route"):
            assert found == lower_record(kind, wanted, contract), (wanted, found)
        elif kind == "item":
            assert found["state"] == wanted["state"], (wanted, found)
        elif kind == "visit":
            assert found["store_id"] == wanted["store_id"]
            assert found["note"] == wanted["note"], (wanted, found)
            if contract == 2:
                assert found["state"] == wanted["state"], (wanted, found)
        elif kind in WORK_KINDS:
            told = {name: found.get(name) for name in wanted}
            assert told == wanted, (kind, wanted, found)

    def store_of(self, history: str) -> str | None:
        """The store that a history is of."""
        stores = (id_ for id_, held in self.truth.records.items() if held.kind == "store")
        return next((id_ for id_ in stores if str(history_id(UUID(id_))) == history), None)

    def _is_aside(self, person: str) -> bool:
        return any(not kept.record and kept.intent.person == person for kept in self.truth.kept)

    # ---- what befalls the server ------------------------------------------------------------

    def kill_connections(self) -> None:
        """Every connection of the application is cut by the database."""
        self.may_break = True
        with self.admin.begin() as connection:
            connection.execute(
                text(
                    "select pg_terminate_backend(pid, 2000) from pg_stat_activity"
                    " where application_name = 'proof-app' and datname = current_database()"
                )
            )

    def work_queue(self) -> None:
        """A worker does whatever lies in the outbox, and looks for what is ready."""
        shop = Workshop(self.database, self.engine)
        self._again_while_broken(lambda: self.engine.release_ready(self.company_id))
        while True:
            rows = self._again_while_broken(self._outbox_rows)
            if not rows:
                break
            for row in rows:
                self._again_while_broken(partial(do_row, shop, self.company_id, row))
        self.truth.release()

    def _outbox_rows(self) -> list[int]:
        with self.database.company(self.company_id) as uow:
            found = uow.rows(
                "select id from outbox where company_id = :company order by id",
                company=self.company_id,
            )
        return [row.id for row in found]

    def _again_while_broken(self, act: Callable[[], Any]) -> Any:
        for _ in range(6):
            try:
                return act()
            except (DBAPIError, psycopg.Error):
                assert self.may_break
        raise AssertionError("the database stays away")

    def deliver_late(self) -> None:
        """Requests that were long on their way arrive."""
        for carried in self.phones:
            while carried.wire.delayed:
                sent_at, request = carried.wire.delayed.pop(0)
                # A server gives up a request that takes longer than this.
                self.serve(carried.wire, request, sent_at, self.random.randint(0, 30_000))

    # ---- the office -------------------------------------------------------------------------

    @contextmanager
    def office_work(self) -> Iterator[UnitOfWork]:
        with self.office.company(self.company_id) as uow:
            yield uow

    def office_goes_on(self) -> None:
        """Do what the office was about to do, if anything."""
        act, self.pending_office = self.pending_office, None
        if act is not None:
            act()

    def purge(self) -> None:
        """Everything in the feed that no transaction under way can still add to is purged."""
        from server.jobs.purge import purge_changes

        with self.owner.begin() as connection:
            connection.execute(
                text("insert into xid_mark (at) values (clock_timestamp() - interval '1 s')")
            )
        purge_changes(self.office, self.company_id, days=0)

    def purge_receipts(self) -> None:
        """Receipts of creations, and of items that are kept, run out."""
        for op_id, (intent, answer) in list(self.truth.receipts.items()):
            if any(op_id == other for other, _ in self.truth.aside):
                continue
            is_kept = answer.status in ("deferred", "quarantined")
            if not (is_kept or (intent.op in MAKES and answer.status == "applied")):
                continue
            with self.office_work() as uow:
                uow.run(
                    "delete from ledger where company_id = :company and op_id = :op",
                    company=self.company_id,
                    op=UUID(op_id),
                )
            if is_kept:
                self.truth.run_out.add(op_id)
            else:
                del self.truth.receipts[op_id]

    def set_watermark(self, at: int) -> None:
        with self.owner.begin() as connection:
            connection.execute(
                text("insert into backup_watermark (covers_until) values (:at)"),
                {"at": datetime.fromtimestamp(at / 1000, UTC)},
            )

    def turn_epoch(self) -> None:
        with self.owner.begin() as connection:
            connection.execute(text("insert into epoch (reason) values ('proof')"))
        with self.office.reading(self.company_id) as uow:
            self.epoch = _epoch_of(uow)

    def back_up(self) -> None:
        """A copy of every table of the company, and of the model; then the watermark is set."""
        rows: dict[str, Any] = {}
        with self.admin.begin() as connection:
            for table in _tables():
                copy = f"backup_{table}"
                connection.execute(text(f"drop table if exists {copy}"))
                connection.execute(
                    text(f"create table {copy} as select * from {table} where company_id = :c"),
                    {"c": self.company_id},
                )
        rows["truth"] = deepcopy(self.truth)
        rows["at"] = self.now
        self.backup = rows
        self.set_watermark(self.now)

    def restore(self) -> None:
        """The company's tables become those of the backup, and the epoch is turned."""
        assert self.backup is not None
        with self.admin.begin() as connection:
            connection.execute(text("set local session_replication_role = replica"))
            for table in _tables():
                connection.execute(
                    text(f"delete from {table} where company_id = :c"), {"c": self.company_id}
                )
                kept = _kept_columns(table)
                connection.execute(
                    text(
                        f"insert into {table} ({kept}) overriding system value"
                        f" select {kept} from backup_{table}"
                    )
                )
            connection.execute(
                text("delete from backup_watermark where covers_until >= :at"),
                {"at": datetime.fromtimestamp(self.backup["at"] / 1000, UTC)},
            )
        self.truth = deepcopy(self.backup["truth"])
        self.truth.today = self.today
        self.turn_epoch()
        self.begin_day()

    def begin_day(self) -> None:
        """Dated occupancies begin and end, with nobody at work."""
        from server.identity.change_log import Actor
        from server.planning.handover import turn_occupancies

        self.truth.today = self.today
        with self.office_work() as uow:
            turn_occupancies(uow, Actor.command("the day begins"), self.today)
        self.truth.look()

    # ---- the model's beginning --------------------------------------------------------------

    def _first_truth(self) -> Truth:
        cast, regions = self.cast, self.cast.regions
        truth = Truth(
            str(cast.company.key),
            {
                str(regions.wharf): None,
                str(regions.harbour): str(regions.wharf),
                str(regions.north): str(regions.harbour),
                str(regions.south): str(regions.harbour),
            },
            self.today,
        )
        roles = {
            "Ana": ("rep", regions.north),
            "Ben": ("rep", regions.south),
            "Sam": ("supervisor", regions.harbour),
        }
        for person in (cast.ana, cast.ben, cast.sam):
            role, region = roles[person.name]
            truth.people.append(str(person.id))
            truth.positions[str(person.position_id)] = (role, str(region))
            truth.occupancies.append(
                Occupancy(str(person.position_id), str(person.id), date(2026, 1, 5))
            )
        truth.put(str(uuid5(cast.company.key, "policy")), "policy", {}, {truth.company_key})
        with self.office.reading(self.company_id) as uow:
            names = {
                str(row.id): row.name
                for row in uow.rows(
                    "select id, name from store where company_id = :c", c=self.company_id
                )
            }
        for area, stores in ((regions.north, cast.ana_stores), (regions.south, cast.ben_stores)):
            first = 313_500_000 if area == regions.north else 312_500_000
            for place, id_ in enumerate(map(str, stores)):
                name = names[id_]
                pin = {"lat_e7": first + 20_000 * place, "lon_e7": 1_215_000_000}
                fields = store_fields(name, f"1 {name} Street") | {
                    "code": name.upper(),
                    "store_class": "B",
                    "region_id": str(area),
                    "status": "ACTIVE",
                    "pin": None if name == "Ferry" else pin,
                }
                truth.put(id_, "store", fields, {str(area)})
        for route, name, person, stops in (
            (cast.ana_route, "North round", cast.ana, cast.ana_stores),
            (cast.ben_route, "South round", cast.ben, cast.ben_stores),
        ):
            truth.routes[str(route)] = Route(str(person.position_id), name, [*map(str, stops)])
            truth.publish_route(str(route), RULE)
        truth.look()
        return truth


def store_fields(name: str, address: str) -> dict[str, Any]:
    """A store's document as far as a phone can make it, all of its fields."""
    return {
        "code": None,
        "name": name,
        "channel": "grocery",
        "store_class": None,
        "address": address,
        "contact_name": None,
        "contact_phone": None,
        "opening_hours": None,
        "delivery_note": None,
        "pin": None,
        "fence_radius_m": 200,
        "region_id": None,
        "status": "PROPOSED",
    }


def day_after(day: date, days: int = 1) -> date:
    return day + timedelta(days=days)


def _agree(told: Expected, wanted: Expected) -> bool:
    if told.status != wanted.status:
        return False
    if wanted.code is not None and told.code != wanted.code:
        return False
    return wanted.version is None or told.version == wanted.version


def _tables() -> list[str]:
    return [table.name for table in metadata.sorted_tables if "company_id" in table.c]


def _kept_columns(table: str) -> str:
    """The columns of a table that are kept as they are; others the database works out."""
    return ", ".join(f'"{c.name}"' for c in metadata.tables[table].columns if c.computed is None)


def _epoch_of(uow: UnitOfWork) -> str:
    from sync.epoch import current_epoch

    return current_epoch(uow.driver).name


def _unpacked(body: bytes) -> bytes:
    try:
        return gzip.decompress(body)
    except (OSError, EOFError) as error:
        raise RequestRefused("malformed_json", "the body is damaged") from error


def _problem(refused: RequestRefused) -> Answer:
    return Answer(refused.status, {}, encode_answer(refused.document()))


def _uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def owner_rows(connection: Connection, statement: str, **values: Any) -> list[Any]:
    return list(connection.execute(text(statement), values))


__all__ = ["Cast", "World"]
