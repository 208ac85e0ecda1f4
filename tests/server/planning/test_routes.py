from collections.abc import Callable
from datetime import timedelta
from itertools import cycle
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.identity.occupancies import give_occupancy
from server.planning.errors import (
    NameTaken,
    NoSuchPosition,
    NoSuchRoute,
    PhoneTooFull,
    StopsInvalid,
)
from server.planning.handover import hand_over
from server.planning.route_list import find_route
from server.planning.routes import close_route, make_route, move_route, set_stops
from server.planning.rules import Stop
from server.planning.stores import close_stores
from sync.engine import Engine as SyncEngine
from sync.kinds.store.publish import publish_stores
from sync.unit_of_work import Database
from tests import factories
from tests.factories import TODAY, Cast, Person, rule

Visible = Callable[[Person], set[UUID]]


def stops(*store_ids: UUID) -> list[Stop]:
    return [Stop(store_id, rule()) for store_id in store_ids]


def test_moving_a_route_moves_it_and_its_stores_from_one_phone_to_the_other(
    planned: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    cast = planned
    before = {person.name: visible_to(person) for person in cast.people}

    with db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)

    moved = {cast.ana_route, *cast.ana_stores}
    assert before["Ana"] - visible_to(cast.ana) == moved
    assert visible_to(cast.ana) - before["Ana"] == set()
    assert visible_to(cast.ben) - before["Ben"] == moved
    assert before["Ben"] - visible_to(cast.ben) == set()
    for person in (cast.sam, cast.mia, cast.aki, cast.ada):
        assert visible_to(person) == before[person.name]


def test_the_effects_of_a_move_are_what_phones_gain_and_lose(
    planned: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    cast = planned
    before = {person.id: visible_to(person) for person in cast.people}

    with db.company(cast.company.id) as uow:
        effects = move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)

    assert [effect.name for effect in effects] == ["Ana", "Ben"]
    for effect in effects:
        person = next(one for one in cast.people if one.id == effect.person_id)
        after = visible_to(person)
        assert effect.gained == len(after - before[person.id])
        assert effect.lost == len(before[person.id] - after)
        assert effect.records == len(after)


def test_phones_pull_a_moved_route_as_evicted_here_and_put_there(
    cast: Cast, db: Database, office: Actor, sync_engine: SyncEngine
) -> None:
    _, ana_cursor = factories.pull_all(sync_engine, cast.ana.device)
    _, ben_cursor = factories.pull_all(sync_engine, cast.ben.device)

    with db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)

    evicted, _ = factories.pull_all(sync_engine, cast.ana.device, ana_cursor)
    put, _ = factories.pull_all(sync_engine, cast.ben.device, ben_cursor)
    moved = {str(id_) for id_ in (cast.ana_route, *cast.ana_stores)}
    assert {change["id"] for change in evicted if change["op"] == "evict"} == moved
    assert moved <= {change["id"] for change in put if change["op"] == "put"}


def test_moving_a_route_moves_its_stops_in_the_plans_from_today_on(
    planned: Cast, db: Database, office: Actor
) -> None:
    cast = planned
    with db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)
        rows = uow.rows(
            "select p.position_id, p.day, p.plan_version, count(s.store_id) as stops"
            " from day_plan p left join day_plan_stop s on s.company_id = p.company_id"
            " and s.day_plan_id = p.id and s.plan_version = p.plan_version"
            " group by p.position_id, p.day, p.plan_version"
        )
    plans = {(row.position_id, row.day): (row.plan_version, row.stops) for row in rows}
    yesterday, tomorrow = TODAY - timedelta(days=1), TODAY + timedelta(days=1)
    assert plans[cast.ana.position_id, yesterday] == (1, 3)
    assert plans[cast.ana.position_id, TODAY] == (2, 0)
    assert plans[cast.ben.position_id, TODAY] == (2, 6)
    assert plans[cast.ana.position_id, tomorrow] == (1, 0)
    assert plans[cast.ben.position_id, tomorrow] == (1, 6)


def test_a_store_that_somebody_has_by_another_route_stays(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    shared = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        make_route(
            uow,
            office,
            position_id=cast.ana.position_id,
            name="Second round",
            stops=stops(shared),
            today=TODAY,
        )
    with db.company(cast.company.id) as uow:
        effects = close_route(uow, office, cast.ana_route, today=TODAY)

    # The deleted route itself leaves as a delete, so only its stores count as lost.
    assert shared in visible_to(cast.ana)
    assert set(cast.ana_stores[1:]).isdisjoint(visible_to(cast.ana))
    assert {effect.name for effect in effects} == {"Ana"}


def test_two_removals_at_once_still_evict(
    cast: Cast, db: Database, office: Actor, visible_to: Visible, sync_engine: SyncEngine
) -> None:
    shared = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        second = make_route(
            uow,
            office,
            position_id=cast.ana.position_id,
            name="Second round",
            stops=stops(shared),
            today=TODAY,
        ).route_id
    _, cursor = factories.pull_all(sync_engine, cast.ana.device)
    has_removed, may_commit = Event(), Event()

    def take_out_of_first() -> None:
        with db.company(cast.company.id) as uow:
            set_stops(uow, office, cast.ana_route, stops(*cast.ana_stores[1:]), today=TODAY)
            has_removed.set()
            assert may_commit.wait(10)

    def move_second() -> None:
        assert has_removed.wait(10)
        with db.company(cast.company.id) as uow:
            move_route(uow, office, second, cast.ben.position_id, today=TODAY)

    both = [Thread(target=take_out_of_first), Thread(target=move_second)]
    for thread in both:
        thread.start()
    assert has_removed.wait(10)
    # The second waits for the first, or runs beside it: either way both take the store away.
    both[1].join(0.3)
    may_commit.set()
    for thread in both:
        thread.join(10)

    changes, _ = factories.pull_all(sync_engine, cast.ana.device, cursor)
    assert shared not in visible_to(cast.ana)
    assert ("evict", str(shared)) in {(change["op"], change["id"]) for change in changes}


def test_two_routes_moved_away_at_once_both_leave(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    shared = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        second = make_route(
            uow,
            office,
            position_id=cast.ana.position_id,
            name="Second round",
            stops=stops(shared),
            today=TODAY,
        ).route_id
    failures: list[Exception] = []

    def move(route_id: UUID) -> None:
        try:
            with db.company(cast.company.id) as uow:
                move_route(uow, office, route_id, cast.ben.position_id, today=TODAY)
        except Exception as error:  # noqa: BLE001  shown below
            failures.append(error)

    both = [Thread(target=move, args=(route_id,)) for route_id in (cast.ana_route, second)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(10)

    assert failures == []
    assert shared not in visible_to(cast.ana)
    assert {shared, second, cast.ana_route} <= visible_to(cast.ben)


def test_a_new_route_reaches_a_supervisor_given_at_the_same_moment(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor, visible_to: Visible
) -> None:
    with owner_engine.begin() as connection:
        # Of no region: seen only by way of its route.
        far = factories.add_store(connection, cast.company, "Far")
    with db.company(cast.company.id) as uow:
        publish_stores(uow, [far])

    def make() -> None:
        with db.company(cast.company.id) as uow:
            make_route(
                uow, office, position_id=cast.ana.position_id, name="Far round",
                stops=stops(far), today=TODAY,
            )  # fmt: skip

    making = Thread(target=make)
    with db.company(cast.company.id) as uow:
        give_occupancy(
            uow, office, person_id=cast.ben.id, position_id=cast.sam.position_id,
            starts_on=TODAY, today=TODAY, is_acting=True,
        )  # fmt: skip
        making.start()
        # It waits for this one, or runs beside it: either way both supervisors get the store.
        making.join(0.3)
    making.join(10)
    assert far in visible_to(cast.sam)
    assert far in visible_to(cast.ben)


def test_changes_that_take_several_steps_at_once_never_deadlock(
    cast: Cast, db: Database, office: Actor
) -> None:
    """Two hand over the same two positions crosswise, a third moves a route between them."""
    failures: list[Exception] = []

    def act(change: Callable[[Any], object]) -> None:
        for _ in range(5):
            try:
                with db.company(cast.company.id) as uow:
                    change(uow)
            except Exception as error:  # noqa: BLE001  shown below
                failures.append(error)

    def swap(first: Person, second: Person) -> Callable[[Any], object]:
        def change(uow: Any) -> None:
            for person, position in ((first, second), (second, first)):
                hand_over(
                    uow, office, position_id=position.position_id, to_person_id=person.id,
                    first_day=TODAY, today=TODAY,
                )  # fmt: skip

        return change

    positions = cycle((cast.ben.position_id, cast.ana.position_id))
    changes: tuple[Callable[[Any], object], ...] = (
        swap(cast.ana, cast.ben),
        swap(cast.ben, cast.ana),
        lambda uow: move_route(uow, office, cast.ana_route, next(positions), today=TODAY),
    )
    acting = [Thread(target=act, args=(change,)) for change in changes]
    for thread in acting:
        thread.start()
    for thread in acting:
        thread.join(30)
    assert failures == []


def test_a_route_that_would_overfill_a_phone_is_refused_by_name_and_nothing_changes(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor, visible_to: Visible
) -> None:
    before = visible_to(cast.ben)
    with owner_engine.begin() as connection:
        factories.add_policy(connection, cast.company, version=2, max_scope_records=len(before) + 2)
    with pytest.raises(PhoneTooFull, match="Ben") as refused, db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)
    assert refused.value.limit == len(before) + 2
    assert visible_to(cast.ben) == before
    assert cast.ana_route in visible_to(cast.ana)


def test_stops_that_would_overfill_a_phone_are_refused(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor, visible_to: Visible
) -> None:
    limit = len(visible_to(cast.ana)) + 1
    with owner_engine.begin() as connection:
        factories.add_policy(connection, cast.company, version=2, max_scope_records=limit)
        more = [factories.add_store(connection, cast.company, f"More {n}") for n in range(3)]
    with db.company(cast.company.id) as uow:
        publish_stores(uow, more)
    with pytest.raises(PhoneTooFull, match="Ana"), db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, stops(*cast.ana_stores, *more), today=TODAY)


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"anchor": "2026-01-06"}, "anchor"),
        ({"week_groups": [1]}, "week_groups"),
        ({"weekdays": []}, "weekdays"),
        ({"on_holiday": "NEVER"}, "on_holiday"),
        ({"open_from_min": 600}, "open_until_min"),
    ],
)
def test_a_rule_that_is_not_one_is_refused_with_its_place(
    cast: Cast, db: Database, office: Actor, changed: dict[str, Any], fault: str
) -> None:
    wrong = [Stop(cast.ana_stores[0], rule(**changed))]
    with pytest.raises(StopsInvalid, match=rf"^stops\[0\]\.rule\.{fault} must "):  # noqa: SIM117
        with db.company(cast.company.id) as uow:
            set_stops(uow, office, cast.ana_route, wrong, today=TODAY)


def test_a_store_stands_on_a_route_once_and_has_to_exist(
    cast: Cast, db: Database, office: Actor
) -> None:
    twice = stops(cast.ana_stores[0], cast.ana_stores[0])
    too_many = stops(*[cast.ana_stores[0]] * 401)
    for wrong, said in (
        (twice, "is named twice"),
        (stops(uuid4()), "is no active store"),
        (too_many, "at most 400 stops, not 401"),
    ):
        with pytest.raises(StopsInvalid, match=said), db.company(cast.company.id) as uow:
            set_stops(uow, office, cast.ana_route, wrong, today=TODAY)


def test_what_is_not_of_this_company_is_not_there(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor
) -> None:
    other = factories.make_cast_rows(owner_engine)
    with pytest.raises(NoSuchRoute), db.company(cast.company.id) as uow:
        move_route(uow, office, other.ana_route, cast.ben.position_id, today=TODAY)
    with pytest.raises(NoSuchPosition), db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, other.ben.position_id, today=TODAY)
    with pytest.raises(StopsInvalid), db.company(cast.company.id) as uow:
        set_stops(uow, office, cast.ana_route, stops(other.ana_stores[0]), today=TODAY)


def test_every_change_of_a_route_is_logged_with_before_and_after(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        move_route(uow, office, cast.ana_route, cast.ben.position_id, today=TODAY)
        logged = changes_of(uow, subject_kind="route", subject_id=cast.ana_route)
    assert [(entry.action, entry.actor) for entry in logged] == [("route.move", "the office")]
    assert logged[0].before == {"position_id": str(cast.ana.position_id)}
    assert logged[0].after == {"position_id": str(cast.ben.position_id)}


def test_the_queries_of_a_change_do_not_grow_with_its_stops(
    cast: Cast,
    db: Database,
    owner_engine: Engine,
    office: Actor,
    count_queries: Callable[[], Any],
) -> None:
    with owner_engine.begin() as connection:
        many = [factories.add_store(connection, cast.company, f"Many {n}") for n in range(60)]
    with db.company(cast.company.id) as uow:
        publish_stores(uow, many)
    counts = []
    for chosen in (many[:2], many[2:20], many[20:]):
        with db.company(cast.company.id) as uow, count_queries() as statements:
            set_stops(uow, office, cast.ana_route, stops(*chosen), today=TODAY)
        counts.append(len(statements))
    assert counts[1] == counts[2]
    assert max(counts) <= 60


def test_a_position_has_one_active_route_of_a_name(cast: Cast, db: Database, office: Actor) -> None:
    with db.company(cast.company.id) as uow:
        name = uow.rows("select name from route where id = :id", id=cast.ana_route)[0].name
        made = make_route(
            uow, office, position_id=cast.ben.position_id, name=name, stops=[], today=TODAY
        )
    with pytest.raises(NameTaken, match="already"), db.company(cast.company.id) as uow:
        make_route(
            uow, office, position_id=cast.ana.position_id, name=f" {name}", stops=[], today=TODAY
        )
    with pytest.raises(NameTaken), db.company(cast.company.id) as uow:
        move_route(uow, office, made.route_id, cast.ana.position_id, today=TODAY)
    with db.company(cast.company.id) as uow:
        close_route(uow, office, cast.ana_route, today=TODAY)
        move_route(uow, office, made.route_id, cast.ana.position_id, today=TODAY)


def test_a_route_is_named_by_its_name_whatever_ids_begin_like(
    cast: Cast, db: Database, office: Actor
) -> None:
    one, other = (UUID(f"{digit * 8}-0000-4000-8000-000000000000") for digit in "21")
    with db.company(cast.company.id) as uow:
        for id_, name in ((one, "1"), (other, "111111")):
            make_route(
                uow,
                office,
                position_id=cast.ana.position_id,
                name=name,
                stops=[],
                today=TODAY,
                route_id=id_,
            )
        assert find_route(uow, "1", cast.ana.position_id).id == one
        assert find_route(uow, "222222").id == one
        assert find_route(uow, "11111111").id == other


def test_what_few_letters_of_an_id_might_mean_is_no_route(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        make_route(
            uow,
            office,
            position_id=cast.ana.position_id,
            name="Old",
            stops=[],
            today=TODAY,
            route_id=UUID("e2e2e2e2-0000-4000-8000-000000000000"),
        )
        for mistyped in ("E2", "e", "E2E2E"):
            with pytest.raises(NoSuchRoute, match=f"no active route '{mistyped}'"):
                find_route(uow, mistyped)


def test_a_store_that_cannot_be_a_stop_is_named_by_its_code(
    cast: Cast, db: Database, office: Actor
) -> None:
    one, two, _ = cast.ana_stores
    with (
        pytest.raises(StopsInvalid, match="ANCHOR Anchor is named"),
        db.company(cast.company.id) as uow,
    ):
        set_stops(uow, office, cast.ana_route, stops(one, two, one), today=TODAY)
    with db.company(cast.company.id) as uow:
        close_stores(uow, office, [one], today=TODAY)
    with (
        pytest.raises(StopsInvalid, match="ANCHOR Anchor is no active"),
        db.company(cast.company.id) as uow,
    ):
        set_stops(uow, office, cast.ana_route, stops(one), today=TODAY)
