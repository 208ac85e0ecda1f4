"""What must fail, fails: each control breaks one thing, and the checkers of these proofs see it.

A proof that passes whatever the server does proves nothing. Each control is run beside the real
thing, by the same checker.
"""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, create_engine, event, text

from server import processes
from server.embedded import Embedded
from server.embedded_postgres import APP, DATABASE, OWNER
from server.migrate import migrate
from sync.change_feed import NEVER, Feed
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.store.publish import publish_stores
from sync.ledger import LEDGER
from sync.rows import RowSet, Statements
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import NOON_MS, Cast, Device, envelope, item, make_cast
from tests.proof.schedule import EngineFeed, Page, Reader, Walk, orders, some_readers

SECRET = b"s" * 32


@dataclass(frozen=True, slots=True)
class Scene:
    cast: Cast
    database: Database
    engine: SyncEngine
    owner: Engine

    @property
    def company_id(self) -> int:
        return self.cast.company.id


@pytest.fixture
def scene(engine: Engine, owner_engine: Engine) -> Scene:
    database = Database(engine)
    cast = make_cast(owner_engine, database)
    return Scene(cast, database, SyncEngine(database, ALL_KINDS, SECRET), owner_engine)


# ---- cursors ----------------------------------------------------------------------------------

_CHANGED = """
select c.seq, r.id::text as id, r.version, r.doc,
       (extract(epoch from r.changed_at) * 1000000)::bigint as changed_at
from change c
join record r on r.company_id = c.company_id and r.id = c.id
join holder_key h on h.company_id = c.company_id and h.key = c.key and h.person_id = :person
where c.company_id = :company and r.doc is not null and r.kind = 1
"""


@dataclass(frozen=True, slots=True)
class NumberFeed:
    """A control: the cursor is a number that grows, `seq` of the change or `changed_at` of the record."""

    database: Database
    device: Device
    person_id: UUID
    column: str

    def __call__(self, cursor: str | None, limit: int) -> Page:  # noqa: ARG002  a feed's shape
        last = int(cursor or 0)
        with self.database.reading(self.device.company_id) as uow:
            rows = uow.rows(_CHANGED, company=uow.company_id, person=self.person_id)
        rows = sorted(
            (row for row in rows if getattr(row, self.column) > last), key=lambda r: r.seq
        )
        changes = [
            {
                "kind": "store",
                "id": row.id,
                "version": row.version,
                "op": "put",
                "fields": json.loads(row.doc),
            }
            for row in rows
        ]
        reached = max([last, *(getattr(row, self.column) for row in rows)])
        return {"changes": changes, "cursor": str(reached), "complete": True}


def skipped_changes(scene: Scene, make_feed: Callable[[], Any]) -> int:
    """How many changes readers of a feed miss over every order of two writers that commit."""
    stores, missed = scene.cast.ana_stores[:2], 0
    for number, events in enumerate(orders(("commit", "commit"))):
        wanted = {str(store): f"{number}-{place}" for place, store in enumerate(stores)}

        def write(uow: UnitOfWork, store: UUID, address: str) -> None:
            uow.run("update store set address = :a where id = :id", a=address, id=store)
            publish_stores(uow, [store])

        writes = [partial(write, store=store, address=wanted[str(store)]) for store in stores]
        readers = some_readers(lambda **how: Reader(make_feed(), **how), len(events))
        for reader in readers:
            reader.catch_up()
        Walk(scene.database, scene.company_id, writes).go(events, readers)
        for reader in readers:
            held = reader.held("store")
            missed += sum(held[id_]["address"] != address for id_, address in wanted.items())
    return missed


def test_the_engines_own_cursor_skips_nothing(scene: Scene) -> None:
    assert skipped_changes(scene, lambda: EngineFeed(scene.engine, scene.cast.ana.device)) == 0


@pytest.mark.parametrize("column", ["seq", "changed_at"])
def test_a_cursor_that_is_a_sequence_or_a_time_skips_what_commits_late(
    scene: Scene, column: str
) -> None:
    ana = scene.cast.ana
    assert (
        skipped_changes(scene, lambda: NumberFeed(scene.database, ana.device, ana.id, column)) > 0
    )


# ---- a snapshot of a transaction that writes -----------------------------------------------------


class WritesAtEachPull:
    """A feed that changes a record whenever it is asked: in the transaction that takes the snapshot,
    or in one of its own."""

    def __init__(self, scene: Scene, *, is_one_transaction: bool) -> None:
        self._scene = scene
        self._is_one = is_one_transaction
        self._pull = EngineFeed(scene.engine, scene.cast.ana.device)
        self.number = 0

    def __call__(self, cursor: str | None, limit: int) -> Page:
        scene = self._scene
        self.number += 1

        def write(uow: UnitOfWork) -> None:
            store = scene.cast.ana_stores[0]
            uow.run(
                "update store set address = :a where id = :id", a=f"{self.number} Quay", id=store
            )
            publish_stores(uow, [store])

        if not self._is_one:
            page = self._pull(cursor, limit)
            with scene.database.company(scene.company_id) as uow:
                write(uow)
            return page

        @contextmanager
        def writing(company_id: int) -> Iterator[UnitOfWork]:
            with scene.database.company(company_id) as uow:
                uow.run("select pg_current_xact_id()")
                with scene.owner.begin() as other:
                    # Somebody later is done first: from then on our own id counts as seen.
                    other.execute(text("select pg_current_xact_id()"))
                yield uow
                write(uow)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scene.database, "reading", writing)
            return self._pull(cursor, limit)


@pytest.mark.parametrize("is_one_transaction", [False, True])
def test_a_snapshot_taken_by_a_transaction_that_writes_skips_what_it_writes(
    scene: Scene, is_one_transaction: bool
) -> None:
    feed = WritesAtEachPull(scene, is_one_transaction=is_one_transaction)
    reader = Reader(feed, points=lambda _: True)
    reader.pull()
    written = feed.number
    plain = Reader(EngineFeed(scene.engine, scene.cast.ana.device), points=lambda _: True)
    plain.store.set_cursor(reader.store.cursor)
    plain.pull()
    found = plain.held("store").get(str(scene.cast.ana_stores[0]), {}).get("address")
    is_found = found == f"{written} Quay"
    assert is_found is not is_one_transaction


# ---- pushes ------------------------------------------------------------------------------------


def attendance(scene: Scene, record: UUID, op: str = "create") -> dict[str, Any]:
    if op == "create":
        payload = {"event": "ON", "occurred": {"at": NOON_MS, "uptime_ms": 21_600_000}}
        return item("attendance", op, record, payload)
    return item(
        "attendance", op, record, {"reason": "x", "changes": {"event": "OFF"}}, base_version=1
    )


def send(engine: SyncEngine, device: Device, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Push, as a phone that keeps what it is told; [] where no answer came."""
    try:
        answer = engine.push(device.claim, envelope(device, items), NOON_MS + 60_000).answer
    except Exception:  # noqa: BLE001  whatever it was, the phone got no answer
        return []
    results: list[dict[str, Any]] = json.loads(answer)["results"]
    return results


def lost_items(scene: Scene, results: list[dict[str, Any]]) -> int:
    """How many items a phone was told are held, and are not."""
    told = [UUID(result["op_id"]) for result in results if result["status"] != "retry"]
    with scene.database.reading(scene.company_id) as uow:
        held = uow.rows("select op_id from ledger where op_id = any(:ids)", ids=told)
    return len(told) - len(held)


@pytest.mark.parametrize("is_control", [False, True])
def test_an_answer_sent_before_the_commit_says_yes_to_what_is_rolled_back(
    database: dict[str, str], scene: Scene, monkeypatch: pytest.MonkeyPatch, is_control: bool
) -> None:
    """The connection is cut by the database between the last write and every commit."""
    pool = create_engine(database["app"], pool_size=1, max_overflow=0)
    admin = create_engine(database["admin"])
    is_cutting = [True]

    @event.listens_for(pool, "commit")
    def cut(connection: Any) -> None:
        if is_cutting[0]:
            pid = connection.connection.driver_connection.info.backend_pid
            with admin.begin() as killer:
                killer.execute(text("select pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    frail = Database(pool)
    if is_control:
        real = frail.company

        @contextmanager
        def early(company_id: int) -> Iterator[UnitOfWork]:
            # What comes after the block is the answer; nobody waits for how the commit ends.
            try:
                with real(company_id) as uow:
                    yield uow
            except Exception:  # noqa: BLE001  the control does not look
                return

        monkeypatch.setattr(frail, "company", early)
    engine = SyncEngine(frail, ALL_KINDS, SECRET)
    results = send(engine, scene.cast.ana.device, [attendance(scene, uuid4())])
    is_cutting[0] = False
    assert lost_items(scene, results) == (1 if is_control else 0)
    pool.dispose()
    admin.dispose()


@pytest.mark.parametrize("is_control", [False, True])
def test_a_ledger_outside_of_the_transaction_lets_an_item_happen_twice(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, is_control: bool
) -> None:
    """The process dies after the effect is durable; the phone heard nothing and sends again."""
    cast, record = scene.cast, uuid4()
    made = send(scene.engine, cast.ana.device, [attendance(scene, record)])
    assert [result["status"] for result in made] == ["applied"]
    correction = attendance(scene, record, "correct")
    real = Statements.add_rows
    if is_control:
        later: list[Any] = []

        def add_rows(self: Statements, rows: RowSet, company_id: int, values: Any) -> None:
            if rows is LEDGER:
                later.append(values)
            else:
                real(self, rows, company_id, values)

        monkeypatch.setattr(Statements, "add_rows", add_rows)

    push = SyncEngine.push

    def dies(*given: Any) -> Any:
        push(*given)
        raise SystemExit

    with monkeypatch.context() as patch:
        # The effect is committed; what would come next, an answer or the receipts, does not.
        patch.setattr(SyncEngine, "push", dies)
        with pytest.raises(SystemExit):
            send(scene.engine, cast.ana.device, [correction])
    monkeypatch.setattr(Statements, "add_rows", real)
    again = send(scene.engine, cast.ana.device, [correction])
    with scene.database.reading(scene.company_id) as uow:
        (row,) = uow.rows("select version from record where id = :id", id=record)
    assert (row.version, again[0]["status"]) == ((3, "applied") if is_control else (2, "duplicate"))


# ---- a crash --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="finds the processes to kill in /proc")
def test_after_a_crash_transaction_ids_come_again_and_only_a_clamped_cursor_sees_their_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private PostgreSQL is killed with SIGKILL while transactions that have taken ids abort."""
    servers = Embedded.start(tmp_path / "var", with_redis=False)
    try:
        _log_no_snapshots(servers)
        migrate(servers.url(OWNER), app_role=APP)
        owner, app = create_engine(servers.url(OWNER)), create_engine(servers.url(APP))
        cast = make_cast(owner, Database(app))
        taken = _take_ids_and_abort(servers, 200)
        feed = EngineFeed(SyncEngine(Database(app), ALL_KINDS, SECRET), cast.ana.device)
        readers = {"clamped": Reader(feed, points=lambda _: True)}
        readers["not clamped"] = Reader(feed, points=lambda _: True)
        for reader in readers.values():
            reader.catch_up()
        app.dispose()
        owner.dispose()
        _kill(servers)
        servers.postgres.start()

        app = create_engine(servers.url(APP))
        database = Database(app)
        with database.company(cast.company.id) as uow:
            (row,) = uow.rows("select pg_current_xact_id()::text::bigint as xid")
            uow.run("update store set address = 'new' where id = :id", id=cast.ana_stores[0])
            publish_stores(uow, [cast.ana_stores[0]])
        assert row.xid in taken, "the id was not handed out again"
        feed = EngineFeed(SyncEngine(database, ALL_KINDS, SECRET), cast.ana.device)
        found = {}
        for name, reader in readers.items():
            with monkeypatch.context() as patch:
                if name == "not clamped":
                    patch.setattr(Feed, "_clamp", lambda *_: NEVER)
                reader._feed = feed
                reader.catch_up()
            found[name] = reader.held("store")[str(cast.ana_stores[0])]["address"] == "new"
        assert found == {"clamped": True, "not clamped": False}
        app.dispose()
    finally:
        servers.stop()


def _log_no_snapshots(servers: Embedded) -> None:
    """With this the next id is not logged every 15 seconds: on a slow machine none would come again."""
    with servers.postgres.connect("postgres") as connection:
        connection.autocommit = True
        connection.execute("alter system set wal_level = minimal")
        connection.execute("alter system set max_wal_senders = 0")
    _kill(servers)
    servers.postgres.start()


def _take_ids_and_abort(servers: Embedded, number: int) -> set[int]:
    """Ids that nothing but memory knows of: no row is written, the aborts are not flushed."""
    taken = set()
    with servers.postgres.connect(DATABASE, APP) as connection:
        for _ in range(number):
            connection.execute("begin")
            row = connection.execute("select pg_current_xact_id()::text::bigint").fetchone()
            assert row is not None
            taken.add(int(row[0]))
            connection.execute("rollback")
    return taken


def _kill(servers: Embedded) -> None:
    """kill -9 of the postmaster and every process it started, and wait until they are gone."""
    child = servers.postgres.child
    assert child is not None
    pids = processes.processes_in("postgres", servers.postgres.data)
    os.kill(child.pid, signal.SIGKILL)
    for pid in pids:
        if pid != child.pid:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    child.wait()
    assert processes.wait_until_left("postgres", servers.postgres.data, 30)
    servers.postgres.child = None
