from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from server.planning.day_begins import begin_day
from server.planning.day_plans import plan_id
from server.planning.horizon import retire_facts, turn_plans
from sync.engine import Engine as SyncEngine
from sync.unit_of_work import Database
from tests.factories import NOON_MS, TODAY, Cast, Person, item, pull_all, push_items

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


def test_facts_leave_the_phone_after_the_companys_days_and_stay_in_the_database(
    cast: Cast, db: Database, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    facts = {visit(cast, sync_engine, "a visit"), attend(cast, sync_engine, "at work")}
    _, cursor = pull_all(sync_engine, cast.ana.device)
    with db.company(cast.company.id) as uow:
        assert retire_facts(uow, TODAY + timedelta(days=14)).records == 0
    assert facts <= visible_to(cast.ana)
    with db.company(cast.company.id) as uow:
        assert retire_facts(uow, TODAY + timedelta(days=15)).records == 2
    assert facts.isdisjoint(visible_to(cast.ana))
    changes, _ = pull_all(sync_engine, cast.ana.device, cursor)
    assert {(c["op"], c["id"]) for c in changes} >= {("evict", str(id_)) for id_ in facts}
    with db.reading(cast.company.id) as uow:
        assert len(uow.rows("select id from visit")) == 1


def test_owners_are_looked_at_in_slices_that_meet_everybody_once(
    cast: Cast, db: Database, sync_engine: SyncEngine
) -> None:
    visit(cast, sync_engine, "a visit")
    looked, retired, after = 0, 0, UUID(int=0)
    while True:
        with db.company(cast.company.id) as uow:
            done = retire_facts(uow, TODAY + timedelta(days=15), after=after, at_most=2)
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
