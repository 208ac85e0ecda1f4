"""No change is ever skipped, whatever the order in which transactions write and commit."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from threading import Event as Flag
from threading import Thread, get_ident
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, event

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.route.publish import publish_routes
from sync.kinds.store.publish import publish_stores
from sync.scope import people_concerned, rescope
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import (
    TODAY,
    Cast,
    Device,
    Person,
    add_device,
    item,
    make_cast,
    push_items,
    rule,
)
from tests.proof.schedule import EngineFeed, Reader, Walk, Write, orders, some_readers
from tests.sync.office import second_route


@dataclass(frozen=True, slots=True)
class Scene:
    """A company, an engine, and connections enough for writers that are held."""

    cast: Cast
    database: Database
    engine: SyncEngine

    def reader(self, person: Person, **how: Any) -> Reader:
        return Reader(EngineFeed(self.engine, person.device), **how)

    def walk(self, writes: Sequence[Write]) -> Walk:
        return Walk(self.database, self.cast.company.id, writes)


@pytest.fixture
def scene(engine: Engine, owner_engine: Engine) -> Scene:
    database = Database(engine)
    cast = make_cast(owner_engine, database)
    return Scene(cast, database, SyncEngine(database, ALL_KINDS, b"s" * 32))


def edits(store: UUID, address: str, *, in_savepoint: bool = False) -> Write:
    def write(uow: UnitOfWork) -> None:
        if in_savepoint:
            with uow.connection.begin_nested():
                write_it(uow)
        else:
            write_it(uow)

    def write_it(uow: UnitOfWork) -> None:
        uow.run("update store set address = :address where id = :id", address=address, id=store)
        publish_stores(uow, [store])

    return write


def addresses(reader: Reader) -> dict[str, str]:
    return {id_: fields["address"] for id_, fields in reader.held("store").items()}


@pytest.mark.slow
def test_no_order_of_three_writers_and_pulls_skips_a_change(scene: Scene) -> None:
    wanted: dict[str, str] = {}
    first = scene.reader(scene.cast.ana, points=lambda _: False)
    first.pull()
    wanted = addresses(first)
    for number, events in enumerate(_in_their_order()):
        stores = scene.cast.ana_stores
        writes = [
            edits(store, f"{number}-{place}", in_savepoint=place == 1)
            for place, store in enumerate(stores)
        ]
        readers = some_readers(lambda **how: scene.reader(scene.cast.ana, **how), len(events))
        for reader in readers:
            reader.pull()
        scene.walk(writes).go(events, readers)
        wanted |= {str(store): f"{number}-{place}" for place, store in enumerate(stores)}
        for reader in readers:
            assert addresses(reader) == wanted, events


def test_no_order_with_rollbacks_skips_a_change_or_shows_what_was_rolled_back(
    scene: Scene,
) -> None:
    stores = scene.cast.ana_stores[:2]
    wanted = dict.fromkeys(map(str, stores), "")
    number = 0
    for endings in product(("commit", "rollback"), repeat=2):
        for events in orders(endings):
            number += 1
            readers = some_readers(lambda **how: scene.reader(scene.cast.ana, **how), len(events))
            for reader in readers:
                reader.pull()
            for place, store in enumerate(stores):
                if endings[place] == "commit":
                    wanted[str(store)] = f"{number}-{place}"
                elif not wanted[str(store)]:
                    wanted[str(store)] = addresses(readers[0])[str(store)]
            writes = [edits(store, f"{number}-{place}") for place, store in enumerate(stores)]
            scene.walk(writes).go(events, readers)
            for reader in readers:
                assert {id_: addresses(reader)[id_] for id_ in wanted} == wanted, (endings, events)


@pytest.mark.slow
def test_no_order_of_scope_changes_and_edits_leaves_a_phone_with_another_scope(
    scene: Scene,
) -> None:
    """Ben comes to hold Ana's position, one of her stores changes, another leaves the region."""
    cast = scene.cast
    edited, moved = cast.ana_stores[0], cast.ana_stores[1]
    for number, events in enumerate([*orders(("commit", "commit", "commit"))][::3]):
        is_coming = number % 2 == 0

        def hand_over(uow: UnitOfWork, *, is_coming: bool = is_coming) -> None:
            uow.run("delete from occupancy where is_acting and person_id = :ben", ben=cast.ben.id)
            if is_coming:
                uow.run(
                    "insert into occupancy (company_id, id, position_id, person_id, starts_on,"
                    " is_acting) values (:company, :id, :position, :ben, :today, true)",
                    company=cast.company.id,
                    id=uuid4(),
                    position=cast.ana.position_id,
                    ben=cast.ben.id,
                    today=TODAY,
                )
            people = people_concerned(uow, [cast.ana.position_id])
            rescope(uow, {cast.ben.id, *people}, TODAY)

        def move(uow: UnitOfWork, *, is_coming: bool = is_coming) -> None:
            region = cast.regions.wharf if is_coming else cast.regions.north
            uow.run("update store set region_id = :to where id = :id", to=region, id=moved)
            publish_stores(uow, [moved])

        people = (cast.ana, cast.ben, cast.sam)
        every = some_readers(lambda **how: scene.reader(cast.ben, **how), len(events))
        often = {"points": lambda _: True, "limit": 2}
        readers = [*every, scene.reader(cast.ana, **often), scene.reader(cast.sam, **often)]
        for reader in readers:
            reader.pull()
        scene.walk([hand_over, edits(edited, f"{number} Quay"), move]).go(events, readers)
        north, south = set(map(str, cast.ana_stores)), set(map(str, cast.ben_stores))
        for reader in readers:
            held = addresses(reader)
            person = next(p for p in people if reader._feed == EngineFeed(scene.engine, p.device))
            scope = {
                "Ana": north,
                "Ben": south | (north if is_coming else set()),
                "Sam": north | south,
            }
            assert held.keys() == scope[person.name], (person.name, events)
            if str(edited) in held:
                assert held[str(edited)] == f"{number} Quay", events


def test_two_removals_at_once_evict_in_every_order(scene: Scene, owner_engine: Engine) -> None:
    """Two routes give up a store that nothing else brings: neither sees the other."""
    cast = scene.cast
    store, others = cast.ana_stores[0], cast.ana_stores[1:]
    with scene.database.company(cast.company.id) as uow:
        uow.run("update store set region_id = null where id = :id", id=store)
        publish_stores(uow, [store])
    second = second_route(owner_engine, scene.database, cast, [store])

    def stops(route: UUID, *wanted: UUID) -> Write:
        def write(uow: UnitOfWork) -> None:
            uow.run("delete from route_stop where route_id = :route", route=route)
            for place, id_ in enumerate(wanted):
                uow.run(
                    "insert into route_stop (company_id, route_id, sequence, store_id, rule)"
                    " values (:company, :route, :place, :store, cast(:rule as jsonb))",
                    company=cast.company.id,
                    route=route,
                    place=place,
                    store=id_,
                    rule=json.dumps(rule()),
                )
            publish_routes(uow, [route])

        return write

    people = (cast.ana, cast.sam)
    for events in orders(("commit", "commit")):
        readers = [
            reader
            for person in people
            for reader in some_readers(
                lambda person=person, **how: scene.reader(person, **how), len(events)
            )
        ]
        for reader in readers:
            reader.catch_up()
            assert str(store) in reader.held("store")
        scene.walk([stops(cast.ana_route, *others), stops(second)]).go(events, readers)
        for reader in readers:
            assert str(store) not in reader.held("store"), events
        one_by_one = [(n, what) for n in (0, 1) for what in ("write", "commit")]
        back = [stops(cast.ana_route, store, *others), stops(second, store)]
        scene.walk(back).go(one_by_one, readers)


def test_a_record_that_leaves_a_lost_key_between_two_pages_is_evicted_all_the_same(
    scene: Scene,
) -> None:
    """The pull goes up to a snapshot in which the route is lost and the store still on it."""
    cast = scene.cast
    elsewhere = str(cast.ana_stores[2])
    with scene.database.company(cast.company.id) as uow:
        # Only the route brings it to Ana.
        uow.run("update store set region_id = null where id = :id", id=cast.ana_stores[2])
        publish_stores(uow, [cast.ana_stores[2]])
    phone = scene.reader(cast.ana, points=lambda _: True, limit=1, pages=1)
    phone.pull()
    assert elsewhere in phone.held("store")

    def give_away(uow: UnitOfWork) -> None:
        uow.run(
            "update route set position_id = :ben where id = :id",
            ben=cast.ben.position_id,
            id=cast.ana_route,
        )
        publish_routes(uow, [cast.ana_route])
        rescope(uow, people_concerned(uow, [cast.ana.position_id, cast.ben.position_id]), TODAY)

    def take_out(uow: UnitOfWork) -> None:
        uow.run("delete from route_stop where store_id = :id", id=cast.ana_stores[2])
        publish_routes(uow, [cast.ana_route])

    with scene.database.company(cast.company.id) as uow:
        give_away(uow)
    phone.at(0)
    with scene.database.company(cast.company.id) as uow:
        take_out(uow)
    for _ in range(3):
        phone.pull()
    assert elsewhere not in phone.held("store")


@pytest.fixture
def held_engine(database: dict[str, str]) -> Iterator[Engine]:
    made = create_engine(database["app"], pool_size=4, max_overflow=0)
    yield made
    made.dispose()


@pytest.mark.slow
def test_no_order_in_which_pushes_commit_skips_or_answers_too_early(
    scene: Scene, held_engine: Engine, owner_engine: Engine
) -> None:
    """Three pushes of two people are held between write and commit, and let go in every order."""
    cast = scene.cast
    with owner_engine.begin() as connection:
        second = add_device(connection, cast.company, "Ana's second", person_id=cast.ana.id)
    devices = (cast.ana.device, cast.ben.device, second)
    names = ("Ana", "Ben", "Ana")

    @event.listens_for(held_engine, "commit")
    def hold(_connection: Connection) -> None:
        push = _HeldPush.of_thread.get(get_ident())
        if push is not None:
            push.written.set()
            assert push.may_commit.wait(60)

    held = SyncEngine(Database(held_engine), ALL_KINDS, b"s" * 32)
    seen: dict[str, set[str]] = {"Ana": set(), "Ben": set()}
    for number, order in enumerate(_in_their_order()):
        ids = [uuid4() for _ in devices]
        readers = {
            name: some_readers(lambda person=person, **how: scene.reader(person, **how), 6)
            for name, person in (("Ana", cast.ana), ("Ben", cast.ben))
        }
        pushes: list[_HeldPush] = []
        for step, (who, what) in enumerate(order):
            if what == "write":
                pushes.append(_HeldPush(held, devices[who], ids[who], who))
                pushes[-1].write()
            else:
                push = next(p for p in pushes if p.who == who)
                assert push.answer is None, "answered before the commit"
                push.commit()
                seen[names[who]].add(str(ids[who]))
            for each in readers.values():
                for reader in each:
                    reader.at(step)
        for name, each in readers.items():
            for reader in each:
                reader.catch_up()
                assert reader.held("attendance").keys() == seen[name], (number, order)


def _in_their_order() -> list[tuple[tuple[int, str], ...]]:
    """Of the 90 orders the 15 in which the writers, all alike, begin in their order."""
    return [
        order
        for order in orders(("commit", "commit", "commit"))
        if [who for who, what in order if what == "write"] == [0, 1, 2]
    ]


class _HeldPush:
    """A push in a thread of its own that stops before its commit."""

    of_thread: ClassVar[dict[int, "_HeldPush"]] = {}

    def __init__(self, engine: SyncEngine, device: Device, record: UUID, who: int) -> None:
        self.who = who
        self.answer: list[dict[str, Any]] | None = None
        self.written, self.may_commit = Flag(), Flag()
        self._engine, self._device, self._record = engine, device, record
        self._thread = Thread(target=self._push, daemon=True)

    def write(self) -> None:
        self._thread.start()
        assert self.written.wait(60)

    def commit(self) -> None:
        self.may_commit.set()
        self._thread.join(60)
        assert self.answer is not None
        assert [result["status"] for result in self.answer] == ["applied"]

    def _push(self) -> None:
        self.of_thread[get_ident()] = self
        payload = {"event": "ON", "occurred": {"at": 1_772_596_800_000, "uptime_ms": 21_600_000}}
        sent = item("attendance", "create", self._record, payload)
        self.answer = push_items(self._engine, self._device, [sent])
        del self.of_thread[get_ident()]
