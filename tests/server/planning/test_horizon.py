from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import msgspec

from server.identity.change_log import Actor
from server.planning.conflicts import choose
from server.planning.day_begins import begin_day
from server.planning.day_plans import plan_id
from server.planning.horizon import retire_past, turn_plans
from server.planning.proposals import refuse
from sync.document import decode_document
from sync.engine import Engine as SyncEngine
from sync.record_kind import CONFLICT, ITEM, PROPOSAL
from sync.unit_of_work import Database
from tests.factories import NOON_MS, TODAY, Cast, Person, item, pull_all, push_items
from tests.form_factories import published

Visible = Callable[[Person], set[UUID]]


def attend(cast: Cast, engine: SyncEngine, name: str) -> UUID:
    id_ = cast.company.named(name)
    event = {"event": "ON", "occurred": {"at": NOON_MS, "uptime_ms": 6 * 3_600_000}}
    (result,) = push_items(engine, cast.ana.device, [item("attendance", "create", id_, event)])
    assert result["status"] == "applied"
    return id_


def visit(cast: Cast, engine: SyncEngine, name: str) -> UUID:
    id_ = cast.company.named(name)
    payload = {
        "store_id": str(cast.ana_stores[0]),
        "is_by_phone": False,
        "check_in": {"at": NOON_MS, "uptime_ms": 6 * 3_600_000},
        "steps": [],
    }
    (result,) = push_items(engine, cast.ana.device, [item("visit", "create", id_, payload)])
    assert result["status"] == "applied"
    return id_


def fill_in(cast: Cast, engine: SyncEngine, db: Database, visit_id: UUID) -> UUID:
    id_ = cast.company.named("a form")
    payload = {
        "visit_id": str(visit_id),
        "store_id": str(cast.ana_stores[0]),
        "template_id": str(published(db, cast.company)),
        "template_version": 1,
        "answered": {"at": NOON_MS, "uptime_ms": 6 * 3_600_000},
        "answers": {"has_display": True},
    }
    (result,) = push_items(engine, cast.ana.device, [item("form_answer", "create", id_, payload)])
    assert result["status"] == "applied"
    return id_


def test_facts_leave_the_phone_after_the_companys_days_and_stay_in_the_database(
    cast: Cast, db: Database, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    call = visit(cast, sync_engine, "a visit")
    facts = {call, attend(cast, sync_engine, "at work"), fill_in(cast, sync_engine, db, call)}
    _, cursor = pull_all(sync_engine, cast.ana.device)
    with db.company(cast.company.id) as uow:
        assert retire_past(uow, TODAY + timedelta(days=14)).records == 0
    assert facts <= visible_to(cast.ana)
    with db.company(cast.company.id) as uow:
        assert retire_past(uow, TODAY + timedelta(days=15)).records == 3
    assert facts.isdisjoint(visible_to(cast.ana))
    changes, _ = pull_all(sync_engine, cast.ana.device, cursor)
    assert {(c["op"], c["id"]) for c in changes} >= {("evict", str(id_)) for id_ in facts}
    with db.reading(cast.company.id) as uow:
        assert len(uow.rows("select id from visit")) == 1


def test_photos_leave_the_phone_with_their_day_unless_something_is_still_to_come(
    cast: Cast, db: Database, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    photos = {}
    for state in ("EXPECTED", "UPLOADING", "STORED", "OK", "FLAGGED", "PASS", "APPEALED"):
        photos[state] = cast.company.named(f"photo {state}")
        payload = {
            "sha256": sha256(state.encode()).hexdigest(),
            "size": 1,
            "role": "shelf",
            "occurred": {"at": NOON_MS, "uptime_ms": 6 * 3_600_000},
        }
        push_items(sync_engine, cast.ana.device, [item("photo", "create", photos[state], payload)])
        with db.company(cast.company.id) as uow:
            uow.run("update photo set state = :state where id = :id", state=state, id=photos[state])
    with db.company(cast.company.id) as uow:
        retire_past(uow, TODAY + timedelta(days=15))
    stay = {state for state, id_ in photos.items() if id_ in visible_to(cast.ana)}
    assert stay == {"EXPECTED", "UPLOADING", "APPEALED"}


def test_facts_that_a_wrong_clock_dates_ahead_leave_as_of_their_receipt(
    cast: Cast, db: Database, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    call = visit(cast, sync_engine, "a visit")
    facts = {call, attend(cast, sync_engine, "at work"), fill_in(cast, sync_engine, db, call)}
    received = datetime.fromtimestamp(NOON_MS / 1000, UTC)
    with db.company(cast.company.id) as uow:
        for table in ("visit", "attendance", "form_answer"):
            uow.run(
                f"update {table} set business_day = '2090-01-01', received_at = :at",
                at=received,
            )
        assert retire_past(uow, TODAY + timedelta(days=14)).records == 0
        assert retire_past(uow, TODAY + timedelta(days=15)).records == 3
    assert facts.isdisjoint(visible_to(cast.ana))


def told(visible: Visible, db: Database, cast: Cast, person: Person) -> dict[str, list[str]]:
    """The states of what somebody's phone is told of their items, proposals and conflicts."""
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select id, kind, doc from record where kind = any(:kinds)",
            kinds=[ITEM.number, PROPOSAL.number, CONFLICT.number],
        )
    names = {kind.number: kind.name for kind in (ITEM, PROPOSAL, CONFLICT)}
    seen = visible(person)
    states: dict[str, list[str]] = {}
    for row in rows:
        if row.id in seen:
            states.setdefault(names[row.kind], []).append(decode_document(row.doc)["state"])
    return {name: sorted(found) for name, found in states.items()}


def test_what_is_over_leaves_the_phone_after_the_companys_days_and_what_waits_stays(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    # Two of each, received long before they are decided: the one is, the other is not.
    def edits(person: Person, **changes: object) -> list[dict[str, Any]]:
        return [
            item("store", "edit", store, {"changes": changes}, base_version=1)
            for store in cast.ana_stores[:2]
        ]

    push_items(sync_engine, cast.sam.device, edits(cast.sam, address="Sam's"))
    conflicts = push_items(sync_engine, cast.ana.device, edits(cast.ana, address="Ana's"))
    proposals = push_items(sync_engine, cast.ana.device, edits(cast.ana, name="Ana's"))
    bad = [item("visit", "no such op", uuid4(), {}) for _ in range(2)]
    push_items(sync_engine, cast.ana.device, bad)
    with db.company(cast.company.id) as uow:
        choose(uow, office, UUID(conflicts[0]["conflict_id"]), {"address": "held"})
        refuse(uow, office, UUID(proposals[0]["proposal_id"]), "no")
    sync_engine.set_aside(
        cast.company.id,
        UUID(bad[0]["op_id"]),
        sha256(msgspec.json.encode(bad[0])).digest(),
        decided_by="the office",
        reason="junk",
    )
    before = {
        "conflict": ["DECIDED", "OPEN"],
        "item": ["QUARANTINED", "SET_ASIDE"],
        "proposal": ["REFUSED", "WAITING"],
    }
    assert told(visible_to, db, cast, cast.ana) == before

    decided_on = datetime.now(UTC).date()
    begin_day(db, cast.company.id, decided_on + timedelta(days=13))
    assert told(visible_to, db, cast, cast.ana) == before
    _, cursor = pull_all(sync_engine, cast.ana.device)
    begin_day(db, cast.company.id, decided_on + timedelta(days=16))
    assert told(visible_to, db, cast, cast.ana) == {
        "conflict": ["OPEN"],
        "item": ["QUARANTINED"],
        "proposal": ["WAITING"],
    }
    assert told(visible_to, db, cast, cast.sam)["conflict"] == ["OPEN"]
    changes, _ = pull_all(sync_engine, cast.ana.device, cursor)
    gone = [c["kind"] for c in changes if c["op"] == "evict" and c["kind"] != "day_plan"]
    assert sorted(gone) == ["conflict", "item", "proposal"]


def test_owners_are_looked_at_in_slices_that_meet_everybody_once(
    cast: Cast, db: Database, sync_engine: SyncEngine
) -> None:
    visit(cast, sync_engine, "a visit")
    looked, retired, after = 0, 0, UUID(int=0)
    while True:
        with db.company(cast.company.id) as uow:
            done = retire_past(uow, TODAY + timedelta(days=15), after=after, at_most=2)
        looked += 1
        retired += done.records
        if done.last is None:
            break
        after = done.last
    assert retired == 1
    # Six people by two; a full last slice is followed by an empty one.
    assert looked == 4


def test_plans_enter_and_leave_phones_as_the_window_moves(
    planned: Cast, db: Database, visible_to: Visible
) -> None:
    cast = planned
    first, last = TODAY - timedelta(days=7), TODAY + timedelta(days=14)
    oldest, latest = plan_id(cast.ana.position_id, first), plan_id(cast.ana.position_id, last)
    assert oldest in visible_to(cast.ana)
    begin_day(db, cast.company.id, TODAY + timedelta(days=1))
    assert oldest not in visible_to(cast.ana)
    assert latest in visible_to(cast.ana)
    with db.company(cast.company.id) as uow:
        assert turn_plans(uow, TODAY + timedelta(days=1)).records == 0


def test_beginning_a_day_makes_and_freezes_its_plans_and_twice_does_nothing_more(
    cast: Cast, db: Database
) -> None:
    first = begin_day(db, cast.company.id, TODAY)
    assert first.plans_made == 2 * 13  # two positions, fifteen days with two Sundays among them
    assert first.plans_frozen == 2
    second = begin_day(db, cast.company.id, TODAY)
    assert (second.plans_made, second.plans_frozen, second.plans_turned) == (0, 0, 0)
