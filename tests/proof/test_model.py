"""Phones, office and faults in random interleavings on a real database, held against a plain model.

Hypothesis chooses what happens next. At every answer: each result is what the model says, and
nothing outside the scope of the moment is on the wire. After quiet: every phone equals its scope,
every acknowledged item is there once, every unapplied one is visible, every outbox is empty.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from mobile_contract.phone import sync_loop
from mobile_contract.phone.captured import Call, Fix
from mobile_contract.phone.outbox import OutboxItem
from server.identity.change_log import Actor
from server.planning.conflicts import choose
from server.planning.proposals import NewStorePlace, approve, refuse
from sync.kinds.route.publish import publish_routes
from sync.kinds.store.publish import publish_stores
from sync.scope import people_concerned, rescope
from tests.conftest import copied_database
from tests.factories import add_device
from tests.proof.model import MAKES, Intent, Occupancy
from tests.proof.works import WORK_KINDS, WORKS, Place
from tests.proof.world import (
    DAY_MS,
    HOUR_MS,
    RULE,
    Carried,
    World,
    day_after,
    owner_rows,
    store_fields,
)

OFFICE = Actor.command("proof")
FAULTS = st.sampled_from(
    [
        "none",
        "none",
        "answer lost",
        "sent twice",
        "request cut",
        "answer cut",
        "request lost",
        "late",
        "busy",
        "stale",
        "killed",
        "overtaken",
    ]
)
# PROOF_EXAMPLES=500 looks for longer, each time elsewhere.
EXAMPLES = int(os.environ.get("PROOF_EXAMPLES", "20"))
WHO = st.integers(0, 3)
PICK = st.integers(0, 10_000)


class RoadbookMachine(RuleBasedStateMachine):
    """Four phones of three people, an office, a queue and everything that goes wrong."""

    urls: ClassVar[dict[str, str]] = {}
    runs: ClassVar[int] = 0
    seen: ClassVar[Counter[str]] = Counter()

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        RoadbookMachine.runs += 1
        self.world = world = World(self.urls, seed=seed)
        cast = world.cast
        for work in WORKS:
            work.prepare(world)
        with world.owner.begin() as connection:
            second = add_device(
                connection, cast.company, "Ana old", person_id=cast.ana.id, contract=1
            )
        world.give_phone(cast.ana, cast.ana.device, contract=2)
        world.give_phone(cast.ana, second, contract=1, max_items=2)
        world.give_phone(cast.ben, cast.ben.device, contract=2, max_items=1)
        world.give_phone(cast.sam, cast.sam.device, contract=2, max_items=50)
        self.visits: dict[int, list[str]] = {n: [] for n in range(4)}
        self.stores: dict[str, str] = {}
        self.events: dict[int, list[str]] = {n: [] for n in range(4)}
        self.open_office: Any = None
        self.is_overtaking = False
        self.days = 0
        for carried in world.phones:
            self._sync(carried, [])

    # ---- phones ---------------------------------------------------------------------------

    @rule(who=WHO, pick=PICK, whole=st.booleans(), has_fix=st.booleans())
    def visit(self, who: int, pick: int, whole: bool, has_fix: bool) -> None:
        with self._phone(who) as (carried, phone):
            store = self._some_store(carried, pick)
            fix = self._fix(carried) if has_fix else None
            check_in = phone.event(fix)
            if whole:
                carried.clock.wait_ms(300_000)
            check_out = phone.event(fix) if whole else None
            visit = phone.record_visit(
                Call(
                    store_id=store,
                    check_in=check_in,
                    check_out=check_out,
                    closed_by="PERSON" if whole else None,
                    note="as found",
                )
            )
            self.visits[who].append(visit)
            self.stores[visit] = store
            changes = {"state": "DONE" if whole else "OPEN", "note": "as found"}
            self._note(carried, changes, store=store)
            if whole:
                self.world.true_times[visit] = carried.clock.true_ms - 300_000
            else:
                self.world.true_times[visit] = carried.clock.true_ms

    @rule(who=WHO, picks=st.lists(PICK, min_size=1, max_size=4))
    def work_at_visits(self, who: int, picks: list[int]) -> None:
        """Whatever else people do in a store, of any kind."""
        for pick in picks:
            self._work_at_visit(who, pick)

    def _work_at_visit(self, who: int, pick: int) -> None:
        if self.world.phones[who].contract == 1:
            return
        if not self.visits[who]:
            self.visit(who, pick, True, True)
        with self._phone(who) as (carried, phone):
            visit = self.visits[who][pick % len(self.visits[who])]
            place = Place(visit, self.stores[visit], self._fix(carried), pick)
            work = WORKS[pick // 7 % len(WORKS)]
            self.world.seen[f"work {work.kind}"] += 1
            meant = work.capture(phone, place)
            if meant is not None:
                self._note(
                    carried,
                    dict(meant.fields),
                    store=meant.store,
                    needs=meant.needs,
                    is_told=meant.is_told,
                )

    @rule(who=WHO, pick=PICK)
    def finish(self, who: int, pick: int) -> None:
        if self.visits[who]:
            with self._phone(who) as (carried, phone):
                visit = self.visits[who][pick % len(self.visits[who])]
                phone.check_out(visit, self._fix(carried), note=f"left {pick}")
                self._note(carried, {"note": f"left {pick}"})

    @rule(who=WHO, pick=PICK)
    def correct(self, who: int, pick: int) -> None:
        if self.visits[who]:
            with self._phone(who) as (carried, phone):
                visit = self.visits[who][pick % len(self.visits[who])]
                phone.correct_visit(visit, "was wrong", note=f"corrected {pick}")
                self._note(carried, {"note": f"corrected {pick}"})

    @rule(who=WHO, pick=PICK)
    def attend(self, who: int, pick: int) -> None:
        with self._phone(who) as (carried, phone):
            if pick % 3 or not self.events[who]:
                event = phone.clock_on(self._fix(carried) if pick % 2 else None)
                self.events[who].append(event)
                self.world.true_times[event] = carried.clock.true_ms
                self._note(carried, {"event": "ON"})
            else:
                event = self.events[who][pick % len(self.events[who])]
                phone.correct_attendance(event, "wrong button", "CLOCK_OFF")
                self._note(carried, {"event": "OFF"})

    @rule(
        who=WHO,
        pick=PICK,
        names=st.sets(
            st.sampled_from(["contact_name", "contact_phone", "address", "name"]), min_size=1
        ),
    )
    def edit_store(self, who: int, pick: int, names: set[str]) -> None:
        with self._phone(who) as (carried, phone):
            store = self._some_store(carried, pick)
            changes = {name: f"{name} {pick % 5}" for name in sorted(names)}
            phone.edit_store(store, changes)
            self._note(carried, changes)

    @rule(who=WHO, picks=st.lists(PICK, min_size=3, max_size=7))
    def work(self, who: int, picks: list[int]) -> None:
        """Some hours in the field."""
        for pick in picks:
            match pick % 7:
                case 0:
                    self.visit(who, pick, pick % 4 == 0, pick % 8 > 1)
                case 1:
                    self.visit(who, pick // 7, pick % 4 == 1, pick % 8 > 2)
                case 2:
                    self.finish(who, pick)
                case 3:
                    self.correct(who, pick)
                case 4:
                    self.attend(who, pick)
                case 5:
                    self._work_at_visit(who, pick)
                case _:
                    self.edit_store(who, pick, {"contact_phone"})

    @rule(
        picks=st.lists(PICK, min_size=2, max_size=6),
        name=st.sampled_from(["contact_name", "address"]),
    )
    def several_edit_one_store(self, picks: list[int], name: str) -> None:
        """Each on what they saw last, whoever syncs first."""
        store = self._any_store(picks[0])
        for pick in picks:
            who = pick % 4
            with self._phone(who) as (carried, phone):
                if phone.scope.version_of("store", store) is not None:
                    phone.edit_store(store, {name: f"{name} {pick % 7}"})
                    self._note(carried, {name: f"{name} {pick % 7}"})
        for pick in picks[1:]:
            self._sync(self.world.phones[pick % 4], [])

    @rule(who=WHO, pick=PICK)
    def propose_store(self, who: int, pick: int) -> None:
        with self._phone(who) as (carried, phone):
            name = f"New {pick}"
            phone.propose_store(name=name, channel="grocery", address="by the bridge")
            self._note(carried, store_fields(name, "by the bridge"))

    @rule(who=WHO, pick=PICK)
    def propose_route(self, who: int, pick: int) -> None:
        with self._phone(who) as (carried, phone):
            routes = phone.held("route")
            if routes:
                route = routes[pick % len(routes)]
                phone.propose_route(route.id, "shorter", route.fields["stops"][::-1])
                self._note(carried, {})

    @rule(who=WHO, pick=PICK)
    def send_nonsense(self, who: int, pick: int) -> None:
        """An app with a fault: an item that is none, or one under an op_id that is another's."""
        with self._phone(who) as (carried, phone):
            now = carried.clock.read()
            known = [i.op_id for i in self.world.intents.values()]
            mine = {item.op_id for item in phone.outbox.items()}
            op_id = str(UUID(int=pick * 1_000_003 + len(self.world.intents), version=4))
            if pick % 2 and known and known[pick % len(known)] not in mine:
                op_id = known[pick % len(known)]
            phone.outbox.add(
                {
                    "op_id": op_id,
                    "kind": "visit",
                    "entity_id": str(UUID(int=pick, version=4)),
                    "op": "create",
                    "captured_at": now.wall_ms,
                    "captured_boot_id": now.boot_id,
                    "captured_uptime_ms": now.uptime_ms,
                    "payload": {"is_by_phone": pick},
                },
                contract=carried.contract,
            )
            self._note(carried, {}, is_spoiled=True)

    @rule(who=WHO, pick=PICK)
    def break_clock(self, who: int, pick: int) -> None:
        carried = self.world.phones[who]
        with self.world.using(carried):
            if pick % 3 == 0:
                carried.clock.reboot()
            else:
                carried.clock.set_wall_offset((pick % 48 - 24) * HOUR_MS)

    @rule(who=WHO, faults=st.lists(FAULTS, max_size=4), is_newest_first=st.booleans())
    def sync_badly(self, who: int, faults: list[str], is_newest_first: bool) -> None:
        self.sync(who, faults, is_newest_first)

    @rule(who=WHO, faults=st.lists(FAULTS, max_size=4), is_newest_first=st.booleans())
    def sync(self, who: int, faults: list[str], is_newest_first: bool) -> None:
        carried = self.world.phones[who]
        carried.phone._loop._habits.is_newest_first = lambda: is_newest_first
        self._sync(carried, faults)

    @rule()
    def all_sync(self) -> None:
        """An evening: everybody has network."""
        for carried in self.world.phones:
            self._sync(carried, [])

    @rule(who=WHO, pages=st.integers(1, 4))
    def sync_and_break_off(self, who: int, pages: int) -> None:
        """A pull that ends in the middle and goes on whenever."""
        self._sync(self.world.phones[who], ["none"] * pages + ["request lost"] * 60)

    @rule(who=WHO, pick=PICK)
    def corrupt(self, who: int, pick: int) -> None:
        """A byte goes wrong on a phone's disk."""
        carried = self.world.phones[who]
        stores = carried.phone.scope.all_of("store")
        if stores:
            carried.is_corrupt = True
            with carried.phone._file.transaction() as connection:
                connection.execute(
                    "UPDATE record SET fields = '{}' WHERE id = ?", (stores[pick % len(stores)].id,)
                )

    @rule(who=WHO)
    def app_is_updated(self, who: int) -> None:
        """What lies in the outbox stays as it was written, and may have been answered already."""
        carried = self.world.phones[who]
        if carried.contract == 1:
            carried.contract = 2
            with self.world.using(carried) as phone:
                phone.speak_contract(2)

    # ---- the server ------------------------------------------------------------------------

    @precondition(lambda self: self.open_office is None)
    @rule()
    def work_queue(self) -> None:
        self.world.work_queue()

    @rule()
    def late_requests_arrive(self) -> None:
        self.world.deliver_late()

    @precondition(lambda self: self.open_office is None)
    @rule()
    def purge_changes(self) -> None:
        self.world.purge()

    @precondition(lambda self: self.open_office is None)
    @rule()
    def turn_epoch(self) -> None:
        self.world.turn_epoch()

    @precondition(lambda self: self.open_office is None)
    @rule()
    def back_up(self) -> None:
        self.world.back_up()

    @precondition(lambda self: self.open_office is None and self.world.backup is not None)
    @rule()
    def restore(self) -> None:
        self.world.restore()

    @precondition(lambda self: self.open_office is None)
    @rule()
    def receipts_run_out(self) -> None:
        self.world.purge_receipts()

    @precondition(lambda self: self.days < 3)
    @rule()
    def next_day(self) -> None:
        self.days += 1
        self._office_ends(True)
        self.world.now += DAY_MS
        self.world.begin_day()

    # ---- the office ------------------------------------------------------------------------

    @rule(pick=PICK, address=st.sampled_from(["1 Quay", "2 Quay", "3 Quay"]))
    def office_edits_store(self, pick: int, address: str) -> None:
        store = self._any_store(pick)

        def change(uow: Any) -> None:
            uow.run(
                "update store set address = :address where company_id = :company and id = :id",
                address=address,
                company=self.world.company_id,
                id=UUID(store),
            )
            publish_stores(uow, [UUID(store)])

        self._office(change, lambda: self.world.truth.change_store(store, address=address))

    @rule(pick=PICK, is_north=st.booleans())
    def office_moves_store(self, pick: int, is_north: bool) -> None:
        """To another region: it leaves the overseers of the one for those of the other."""
        store = self._any_store(pick)
        regions = self.world.cast.regions
        region = regions.wharf if is_north else regions.south

        def change(uow: Any) -> None:
            uow.run(
                "update store set region_id = :region where company_id = :company and id = :id",
                region=region,
                company=self.world.company_id,
                id=UUID(store),
            )
            publish_stores(uow, [UUID(store)])

        def believe() -> None:
            held = self.world.truth.records[store]
            self.world.truth.change_store(store, region_id=str(region))
            if (held.fields or {})["status"] == "ACTIVE":
                own = {k for k in held.own_keys if k in self.world.truth.positions}
                held.own_keys = frozenset({str(region), *own})

        self._office(change, believe)

    @rule(pick=PICK, wanted=st.lists(PICK, max_size=4))
    def office_sets_stops(self, pick: int, wanted: list[int]) -> None:
        route = self._any_route(pick)
        stops = list(dict.fromkeys(self._any_store(n, is_active=True) for n in wanted))

        def change(uow: Any) -> None:
            uow.run(
                "delete from route_stop where company_id = :company and route_id = :route",
                company=self.world.company_id,
                route=UUID(route),
            )
            for place, store in enumerate(stops):
                uow.run(
                    "insert into route_stop (company_id, route_id, sequence, store_id, rule)"
                    " values (:company, :route, :place, :store, cast(:rule as jsonb))",
                    company=self.world.company_id,
                    route=UUID(route),
                    place=place,
                    store=UUID(store),
                    rule=json.dumps(RULE),
                )
            publish_routes(uow, [UUID(route)])

        def believe() -> None:
            self.world.truth.routes[route].stops = stops
            self.world.truth.publish_route(route, RULE)

        self._office(change, believe)

    @rule(pick=PICK, is_closed=st.booleans())
    def office_moves_route(self, pick: int, is_closed: bool) -> None:
        route = self._any_route(pick)
        truth = self.world.truth
        others = [p for p, (role, _) in truth.positions.items() if role == "rep"]
        position = others[pick % len(others)]
        is_active = not (is_closed and pick % 4 == 0)

        def change(uow: Any) -> None:
            concerned = {UUID(truth.routes[route].position), UUID(position)}
            uow.run(
                "update route set position_id = :position, is_active = :active"
                " where company_id = :company and id = :route",
                position=UUID(position),
                active=is_active,
                company=self.world.company_id,
                route=UUID(route),
            )
            publish_routes(uow, [UUID(route)])
            rescope(uow, people_concerned(uow, concerned), self.world.today)

        def believe() -> None:
            truth = self.world.truth
            truth.routes[route].position = position
            truth.routes[route].is_active = is_active
            truth.publish_route(route, RULE)

        self._office(change, believe)

    @rule(pick=PICK, starts_in=st.integers(0, 2), lasts=st.integers(0, 2))
    def office_gives_position(self, pick: int, starts_in: int, lasts: int) -> None:
        """Somebody stands in for somebody, from a day to a day."""
        truth = self.world.truth
        position = list(truth.positions)[pick % len(truth.positions)]
        person = truth.people[(pick // 7) % len(truth.people)]
        starts = day_after(self.world.today, starts_in)
        ends = day_after(starts, lasts)
        occupancy = UUID(int=self.world.random.getrandbits(128), version=4)

        def change(uow: Any) -> None:
            uow.run(
                "insert into occupancy (company_id, id, position_id, person_id, starts_on, ends_on,"
                " is_acting) values (:company, :id, :position, :person, :starts, :ends, true)",
                company=self.world.company_id,
                id=occupancy,
                position=UUID(position),
                person=UUID(person),
                starts=starts,
                ends=ends,
            )
            rescope(uow, people_concerned(uow, [UUID(position)]), self.world.today)

        self._office(
            change,
            lambda: self.world.truth.occupancies.append(Occupancy(position, person, starts, ends)),
        )

    @rule(pick=PICK)
    def office_takes_position(self, pick: int) -> None:
        """An occupancy ends today, or yesterday: then the position is vacant at once."""
        truth = self.world.truth
        open_ones = [o for o in truth.occupancies if o.ends_on is None]
        if len(open_ones) < 2:
            return
        chosen = open_ones[pick % len(open_ones)]
        last = day_after(self.world.today, -(pick % 2))
        index = truth.occupancies.index(chosen)

        def change(uow: Any) -> None:
            uow.run(
                "update occupancy set ends_on = :last where company_id = :company"
                " and position_id = :position and person_id = :person and ends_on is null",
                last=last,
                company=self.world.company_id,
                position=UUID(chosen.position),
                person=UUID(chosen.person),
            )
            rescope(uow, people_concerned(uow, [UUID(chosen.position)]), self.world.today)

        def believe() -> None:
            self.world.truth.occupancies[index].ends_on = last

        self._office(change, believe)

    @precondition(lambda self: self.open_office is None)
    @rule(pick=PICK, is_refused=st.booleans())
    def office_decides_proposal(self, pick: int, is_refused: bool) -> None:
        truth = self.world.truth
        waiting = [o for o, w in truth.wishes.items() if w.state == "WAITING"]
        if not waiting:
            return
        wish = truth.wishes[waiting[pick % len(waiting)]]
        held = truth.records[wish.entity]
        is_new = wish.kind == "store" and not wish.changes
        if is_new and (held.fields or {})["status"] != "PROPOSED":
            return
        with self.world.office_work() as uow:
            (row,) = uow.rows(
                "select id from proposal where company_id = :company and op_id = :op",
                company=self.world.company_id,
                op=UUID(wish.op_id),
            )
            if is_refused or wish.kind == "route":
                refuse(uow, OFFICE, row.id, "not now")
                wish.state = "REFUSED"
                if is_new:
                    truth.change_store(wish.entity, status="REFUSED")
                return
            position = self.world.cast.ana.position_id
            region = self.world.cast.regions.north
            code = f"C{pick}-{wish.op_id[:8]}"
            approve(
                uow,
                OFFICE,
                row.id,
                today=self.world.today,
                place=NewStorePlace(code=code, region_id=region, position_id=position),
                knows_it_is_outdated=True,
            )
            wish.state = "APPROVED"
            if is_new:
                truth.change_store(wish.entity, status="ACTIVE", code=code, region_id=str(region))
                held.own_keys = frozenset({str(region), str(position)})
            else:
                truth.change_store(wish.entity, **wish.changes)
        truth.look()

    @precondition(lambda self: self.open_office is None)
    @rule(pick=PICK, is_sent=st.booleans())
    def office_decides_conflict(self, pick: int, is_sent: bool) -> None:
        truth = self.world.truth
        waiting = [o for o, c in truth.clashes.items() if c.state == "OPEN"]
        if not waiting:
            return
        clash = truth.clashes[waiting[pick % len(waiting)]]
        with self.world.office_work() as uow:
            (row,) = uow.rows(
                "select id from conflict where company_id = :company and op_id = :op",
                company=self.world.company_id,
                op=UUID(clash.op_id),
            )
            choose(uow, OFFICE, row.id, dict.fromkeys(clash.fields, "sent" if is_sent else "held"))
        clash.state = "DECIDED"
        if is_sent:
            values = {name: value["sent"] for name, value in clash.fields.items()}
            truth.change_store(clash.entity, **values)

    @precondition(lambda self: self.open_office is None)
    @rule()
    def office_begins_and_waits(self) -> None:
        """The next change of the office is written and not committed yet."""
        self.open_office = ()

    @precondition(lambda self: self.open_office is None)
    @rule(who=WHO, pages=st.integers(0, 3))
    def office_overtakes_an_answer(self, who: int, pages: int) -> None:
        """The office changes something between a page of a pull and the next."""
        if self.world.pending_office is None:
            self.is_overtaking = True
        else:
            self._sync(self.world.phones[who], ["none"] * pages + ["overtaken"])

    @precondition(lambda self: self.open_office is not None)
    @rule(is_committed=st.booleans())
    def office_ends(self, is_committed: bool) -> None:
        self._office_ends(is_committed)

    # ---- after quiet -----------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            if hasattr(self, "days"):
                self._become_quiet()
                for carried in self.world.phones:
                    self._check_phone(carried)
                self._check_server()
        finally:
            self.seen.update(self.world.seen)
            self._office_ends(False)
            self.world.close()

    def _become_quiet(self) -> None:
        world = self.world
        self._office_ends(True)
        world.office_goes_on()
        for carried in world.phones:
            carried.wire.delayed.clear()
        for _ in range(3):
            world.now += HOUR_MS
            for carried in world.phones:
                report = self._sync(carried, [], most_tries=9)
                assert report.is_quiet, (carried.name, report)
            world.work_queue()
        for carried in world.phones:
            self._sync(carried, [], most_tries=9)

    def _check_phone(self, carried: Carried) -> None:
        world, phone = self.world, carried.phone
        with world.using(carried):
            before = [item.body for item in phone.outbox.items()]
            if carried.is_corrupt and not phone.is_equal():
                assert phone.repair() > 0
            assert phone.is_equal(), (carried.name, "differs from its scope")
            assert [item.body for item in phone.outbox.items()] == before
        assert phone.outbox.summary().count == 0, (carried.name, phone.outbox.items())
        scope = world.truth.scope(carried.person_id)
        named = {"store", "route", "visit", "attendance", "policy", "item", *WORK_KINDS}
        for kind in named - ({"policy", *WORK_KINDS} if carried.contract == 1 else set()):
            held = {record.id: record for record in phone.held(kind)}
            wanted = {id_: r for id_, r in scope.items() if r.kind == kind}
            if kind == "item":
                aside = [
                    k
                    for k in world.truth.kept
                    if not k.record and k.intent.person == carried.person_id
                ]
                assert len(held) == len(wanted) + len(aside), (carried.name, held, wanted)
            else:
                assert held.keys() == wanted.keys(), (carried.name, kind, held, wanted)
            for id_, record in wanted.items():
                world._hold_fields(kind, record.fields or {}, held[id_].fields, carried.contract)
        if carried.contract == 2:
            self._check_histories(carried, {i for i, r in scope.items() if r.kind == "store"})
        wishes = [w for w in world.truth.wishes.values() if w.person == carried.person_id]
        told = sorted((r.fields["entity_id"], r.fields["state"]) for r in phone.held("proposal"))
        assert told == sorted((w.entity, w.state) for w in wishes), carried.name
        if carried.contract == 2:
            clashes = {
                o: c.state for o, c in world.truth.clashes.items() if carried.person_id in c.people
            }
            found = {r.fields["op_id"]: r.fields["state"] for r in phone.held("conflict")}
            assert found == clashes, (carried.name, "hears of other conflicts")

    def _check_histories(self, carried: Carried, stores: set[str]) -> None:
        """Of each store in scope that was visited the last three visits, and of no other store."""
        visits: dict[str, list[str]] = {}
        for held in self.world.truth.records.values():
            if held.kind == "visit" and (fields := held.fields) and fields["store_id"] in stores:
                visits.setdefault(fields["store_id"], []).append(fields["state"])
        found = {
            self.world.store_of(record.id): record.fields["visits"]["state"]
            for record in carried.phone.held("store_history")
        }
        assert found.keys() == visits.keys(), (carried.name, found, visits)
        for store, states in visits.items():
            told = Counter(found[store])
            assert told.total() == min(3, len(states)), (carried.name, store, told, states)
            assert told <= Counter(states), (carried.name, store, told, states)

    def _check_server(self) -> None:
        world = self.world
        company = {"c": world.company_id}
        with world.owner.begin() as connection:
            records = {
                str(row.id): row
                for row in owner_rows(
                    connection,
                    "select id, kind, version, doc from record where company_id = :c",
                    **company,
                )
            }
            kept = {
                (str(row.op_id), bytes(row.raw)): row.state
                for row in owner_rows(
                    connection,
                    "select op_id, raw, state from kept_item where company_id = :c",
                    **company,
                )
            }
            receipts = {
                str(row.op_id)
                for row in owner_rows(
                    connection, "select op_id from ledger where company_id = :c", **company
                )
            }
            outbox = owner_rows(connection, "select 1 from outbox where company_id = :c", **company)
        truth = world.truth
        assert not outbox
        for id_, held in truth.records.items():
            if held.kind in ("item", "policy"):
                continue
            assert records[id_].version == held.version, (id_, held)
        bodies = {(i.op_id, raw): i for raw, i in world.intents.items()}
        for carried in world.phones:
            for op_id, intent in carried.acknowledged.items():
                is_kept_aside = (op_id, intent) in truth.aside
                is_made = intent.op in MAKES and intent.entity in truth.records
                assert op_id in receipts or is_kept_aside or is_made or op_id in truth.receipts, (
                    "lost",
                    intent,
                )
        by_intent = {intent: key for key, intent in bodies.items()}
        for item in truth.kept:
            assert kept[by_intent[item.intent]] == item.state, item
        assert len(kept) == len(truth.kept)
        self._check_times(records)

    def _check_times(self, records: dict[str, Any]) -> None:
        """Corrected times are compared with the simulated truth."""
        world = self.world
        for id_, held in world.truth.records.items():
            if held.kind not in ("visit", "attendance") or id_ not in world.true_times:
                continue
            fields = json.loads(records[id_].doc)
            event = fields["check_in" if held.kind == "visit" else "occurred"]
            if fields["clock"]["trust"] == "UNVERIFIED":
                continue
            off = abs(event["corrected_at"] - world.true_times[id_])
            delay = max(world.delays.values(), default=0)
            assert off <= 2_000 + delay, (fields, world.true_times[id_])

    # ---- what the rules share --------------------------------------------------------------

    def _sync(self, carried: Carried, faults: list[str], most_tries: int = 1) -> Any:
        world = self.world
        world.now += 5_000
        world.may_break = "killed" in faults
        carried.wire.faults = list(faults)
        with world.using(carried) as phone:
            report = phone.sync(most_tries=most_tries)
        carried.wire.faults = []
        world.office_goes_on()
        return report

    @contextmanager
    def _phone(self, who: int) -> Iterator[tuple[Carried, Any]]:
        carried = self.world.phones[who]
        self.world.now += 60_000
        with self.world.using(carried) as phone:
            yield carried, phone

    def _note(
        self,
        carried: Carried,
        changes: dict[str, Any],
        *,
        store: str | None = None,
        needs: tuple[str, ...] = (),
        is_spoiled: bool = False,
        is_told: bool = True,
    ) -> None:
        def make(item: OutboxItem, parsed: dict[str, Any]) -> Intent:
            return Intent(
                op_id=item.op_id,
                person=carried.person_id,
                kind=item.kind,
                op=item.op,
                entity=item.entity_id,
                base_version=parsed.get("base_version"),
                store=store,
                changes=Changes(changes, item.body),
                needs=(*parsed.get("depends_on", ()), *needs),
                is_spoiled=is_spoiled,
                is_told=is_told,
            )

        self.world.note(carried, make)

    @staticmethod
    def _fix(carried: Carried) -> Fix:
        return Fix(
            lat_e7=313_500_000,
            lon_e7=1_215_000_000,
            accuracy_cm=900,
            gps_time=carried.clock.true_ms,
        )

    def _some_store(self, carried: Carried, pick: int) -> str:
        """A store on the phone, or now and then one that is on no phone of this person."""
        held = [record.id for record in carried.phone.held("store")]
        mine = [
            item.entity_id
            for item in carried.phone.outbox.items()
            if item.kind == "store" and item.op == "create"
        ]
        if pick % 11 == 0:
            return self._any_store(pick)
        if pick % 13 == 0:
            return str(UUID(int=pick % 3 + 1, version=4))
        choices = sorted({*held, *mine}) or [self._any_store(pick)]
        return choices[pick % len(choices)]

    def _any_store(self, pick: int, *, is_active: bool = False) -> str:
        stores = [
            id_
            for id_, held in self.world.truth.records.items()
            if held.kind == "store" and (not is_active or (held.fields or {})["status"] == "ACTIVE")
        ]
        return stores[pick % len(stores)]

    def _any_route(self, pick: int) -> str:
        routes = list(self.world.truth.routes)
        return routes[pick % len(routes)]

    def _office(self, change: Any, believe: Any) -> None:
        """The office changes something: at once, while an answer is on its way, or slowly."""
        world = self.world
        if world.pending_office is not None:
            return
        if self.open_office == ():
            context = world.office.company(world.company_id)
            change(context.__enter__())
            self.open_office = (context, believe)
            world.is_lock_held = True
        elif self.open_office is None:

            def act() -> None:
                with world.office_work() as uow:
                    change(uow)
                believe()
                world.truth.look()

            if self.is_overtaking:
                # While an answer is on its way to a phone, or after that sync at the latest.
                self.is_overtaking, world.pending_office = False, act
            else:
                act()

    def _office_ends(self, is_committed: bool) -> None:
        open_office, self.open_office = self.open_office, None
        self.world.is_lock_held = False
        if not open_office:
            return
        context, believe = open_office
        if is_committed:
            context.__exit__(None, None, None)
            believe()
            self.world.truth.look()
        else:
            error = RuntimeError("the office changed its mind")
            assert not context.__exit__(RuntimeError, error, None)


class Changes(dict[str, Any]):
    """What an item changes; two items with other bytes are never the same."""

    def __init__(self, changes: dict[str, Any], body: bytes) -> None:
        super().__init__(changes)
        self._body = body

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Changes) and self._body == other._body

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self._body)


@pytest.mark.slow
def test_phones_and_server_agree_with_the_plain_model_whatever_happens_in_between(
    servers: dict[str, str], worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_loop, "CHANGES_A_PAGE", 3)
    with copied_database(servers, f"roadbook_model_{worker_id}") as urls:
        RoadbookMachine.urls = urls
        run_state_machine_as_test(
            RoadbookMachine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=60,
                deadline=None,
                derandomize=EXAMPLES == 20,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    print(sorted(RoadbookMachine.seen.items()))
