from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor
from server.identity.errors import LeaveDoubtful
from server.planning.day_begins import begin_day
from server.planning.handover import hand_over, hand_over_leaver, turn_occupancies
from sync.engine import Engine as SyncEngine
from sync.errors import Refused
from sync.unit_of_work import Database
from tests import factories
from tests.factories import MONDAY, NOON_MS, TODAY, Cast, Person, item, pull_all, push_items

Visible = Callable[[Person], set[UUID]]
TOMORROW = TODAY + timedelta(days=1)


def call_at(store_id: UUID, at: int = NOON_MS) -> dict[str, object]:
    event = {"at": at, "uptime_ms": at - NOON_MS + 6 * 3_600_000}
    return {"store_id": str(store_id), "is_by_phone": False, "check_in": event, "steps": []}


def test_a_dated_handover_takes_place_when_its_day_begins_with_nobody_at_work(
    planned: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    cast = planned
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.ben.id,
            first_day=TOMORROW, today=TODAY,
        )  # fmt: skip
    assert cast.ana_route in visible_to(cast.ana)
    assert cast.ana_route not in visible_to(cast.ben)

    done = begin_day(db, cast.company.id, TOMORROW)

    assert done.scopes == 2
    assert cast.ana_route not in visible_to(cast.ana)
    assert {cast.ana_route, *cast.ana_stores} <= visible_to(cast.ben)


def test_an_acting_holder_has_the_position_from_the_first_day_to_the_last(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.ben.id,
            first_day=TOMORROW, last_day=TOMORROW, is_acting=True, today=TODAY,
        )  # fmt: skip
    for day, is_held in ((0, False), (1, True), (2, False)):
        with db.company(cast.company.id) as uow:
            turn_occupancies(uow, office, TODAY + timedelta(days=day))
        assert (cast.ana_route in visible_to(cast.ben)) is is_held
        assert cast.ana_route in visible_to(cast.ana)


def test_days_that_the_job_missed_are_caught_up_with(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.ben.id,
            first_day=TOMORROW, today=TODAY,
        )  # fmt: skip
    with db.company(cast.company.id) as uow:
        turned = turn_occupancies(uow, office, TODAY + timedelta(days=9))
        assert set(turned.scopes) == {cast.ana.id, cast.ben.id}
    with db.company(cast.company.id) as uow:
        assert turn_occupancies(uow, office, TODAY + timedelta(days=9)).scopes == {}
    assert cast.ana_route not in visible_to(cast.ana)


def test_keys_that_something_left_behind_are_put_right_when_the_day_begins(
    planned: Cast, db: Database, visible_to: Visible
) -> None:
    cast = planned
    before = visible_to(cast.sam)
    with db.company(cast.company.id) as uow:
        uow.run(
            "delete from holder_key where person_id = :sam and key = any(:keys)",
            sam=cast.sam.id,
            keys=[cast.regions.north, cast.ana_route],
        )
    assert before - visible_to(cast.sam) == set(cast.ana_stores)
    assert begin_day(db, cast.company.id, TODAY).scopes == 1
    assert visible_to(cast.sam) == before


def test_people_are_looked_at_in_slices_that_meet_everybody_once(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        uow.run("delete from holder_key where reason = 'self'")
    after: UUID | None = UUID(int=0)
    turned: list[UUID] = []
    looks = 0
    while after is not None:
        with db.company(cast.company.id) as uow:
            done = turn_occupancies(uow, office, TODAY, after=after, at_most=2)
        turned += done.scopes
        looks += 1
        after = done.last
    assert sorted(turned) == sorted(person.id for person in cast.people)
    # Six people by two; a full last slice is followed by an empty one.
    assert looks == 4


def test_a_date_that_has_come_takes_effect_however_full_the_phone_becomes(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor, visible_to: Visible
) -> None:
    with db.company(cast.company.id) as uow:
        hand_over(
            uow, office, position_id=cast.ana.position_id, to_person_id=cast.ben.id,
            first_day=TOMORROW, today=TODAY,
        )  # fmt: skip
    with owner_engine.begin() as connection:
        factories.add_policy(connection, cast.company, version=2, max_scope_records=1)
    with db.company(cast.company.id) as uow:
        turn_occupancies(uow, office, TOMORROW)
    assert cast.ana_route not in visible_to(cast.ana)


def test_a_leavers_plans_go_to_the_successor_and_their_facts_stay_theirs(
    planned: Cast, db: Database, office: Actor, sync_engine: SyncEngine, visible_to: Visible
) -> None:
    cast = planned
    visit_id = cast.company.named("a visit")
    visit = item("visit", "create", visit_id, call_at(cast.ana_stores[0]))
    (result,) = push_items(sync_engine, cast.ana.device, [visit])
    assert result["status"] == "applied"

    with db.company(cast.company.id) as uow:
        hand_over_leaver(
            uow, office, cast.ana.id, left_on=TODAY, today=TODAY,
            successors={cast.ana.position_id: cast.ben.id},
        )  # fmt: skip

    assert {cast.ana_route, *cast.ana_stores} <= visible_to(cast.ben)
    assert visit_id not in visible_to(cast.ben)
    with db.reading(cast.company.id) as uow:
        (row,) = uow.rows("select person_id, position_id from visit")
        plans = {r.id for r in uow.rows("select id from day_plan where day > :day", day=TODAY)}
    assert (row.person_id, row.position_id) == (cast.ana.id, cast.ana.position_id)
    assert plans <= visible_to(cast.ben)


@pytest.mark.parametrize(
    ("left_on", "last_day"),
    [
        (TODAY - timedelta(days=2), TODAY - timedelta(days=3)),
        # What began after the day of leaving has been theirs until yesterday.
        (MONDAY - timedelta(days=9), TODAY - timedelta(days=1)),
    ],
)
def test_a_leave_dated_back_over_work_is_handed_over_where_that_is_meant(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine, left_on: date, last_day: date
) -> None:
    visit = item("visit", "create", cast.company.named("a visit"), call_at(cast.ana_stores[0]))
    push_items(sync_engine, cast.ana.device, [visit])

    def hand(*, is_meant: bool) -> None:
        with db.company(cast.company.id) as uow:
            hand_over_leaver(
                uow, office, cast.ana.id, left_on=left_on, today=TODAY,
                successors={cast.ana.position_id: cast.ben.id}, is_meant=is_meant,
            )  # fmt: skip

    with pytest.raises(LeaveDoubtful):
        hand(is_meant=False)
    hand(is_meant=True)
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select person_id, starts_on, ends_on from occupancy where position_id = :id"
            " order by starts_on",
            id=cast.ana.position_id,
        )
    assert [tuple(row) for row in rows] == [
        (cast.ana.id, MONDAY, last_day),
        (cast.ben.id, last_day + timedelta(days=1), None),
    ]


def test_a_leavers_phone_sends_what_it_holds_and_gets_nothing_more(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine
) -> None:
    with db.company(cast.company.id) as uow:
        hand_over_leaver(uow, office, cast.ana.id, left_on=TODAY, today=TODAY, successors={})
    late = item(
        "visit", "create", cast.company.named("late"), call_at(cast.ana_stores[0], NOON_MS - 1000),
        at=NOON_MS - 1000,
    )  # fmt: skip
    (result,) = push_items(sync_engine, cast.ana.device, [late])
    assert result["status"] == "applied"
    with pytest.raises(Refused):
        pull_all(sync_engine, cast.ana.device)
