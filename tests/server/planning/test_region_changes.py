"""A region is drawn anew: stores change sides, neighbours make room, and the phones above them follow."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.planning.errors import (
    CodeTaken,
    FieldInvalid,
    NoSuchRegion,
    Outdated,
    PhoneTooFull,
)
from server.planning.region_changes import (
    RegionAsked,
    RegionChange,
    change_region,
    create_region,
    rehearse_region,
)
from server.planning.region_list import (
    ALL_REGIONS,
    find_region,
    list_region_tree,
    region_reach,
)
from server.planning.regions import regions_of
from sync.geo import Point
from sync.kinds.store.publish import publish_stores
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork
from tests import factories
from tests.factories import TODAY, Cast, square

BY = Actor.command("test")


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


# North with the ground of two of Ben's stores.
LONGER = box(121.4, 31.2515, 121.6, 31.4)
Change = Callable[..., RegionChange]


@pytest.fixture
def change(db: Database, cast: Cast) -> Change:
    """Change North, as Mia unless said otherwise; committed."""

    def act(
        region_id: UUID = cast.regions.north, *, asker: Any = cast.mia, **other: Any
    ) -> RegionChange:
        with db.company(cast.company.id) as uow:
            held = find_region(uow, region_id, ALL_REGIONS)
            asked = {
                "code": held.code,
                "name": held.name,
                "above": held.parent_id,
                "boundary": held.boundary,
            }
            basis = other.pop("basis", held.basis)
            return change_region(
                uow,
                BY,
                region_id,
                RegionAsked(**(asked | other)),
                basis=basis,
                today=TODAY,
                asker_id=None if asker is None else asker.id,
            )

    return act


def regions_by_store(uow: UnitOfWork) -> dict[UUID, UUID]:
    return {row.id: row.region_id for row in uow.rows("select id, region_id from store")}


def overseer(owner_engine: Engine, db: Database, cast: Cast, name: str, region_id: UUID) -> UUID:
    """A supervisor of a region, with their keys."""
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, f"SUP-{name}", role="supervisor", region_id=region_id
        )
        person_id = factories.add_person(connection, cast.company, name)
        factories.add_occupancy(connection, cast.company, position_id=seat, person_id=person_id)
    with db.company(cast.company.id) as uow:
        rescope(uow, [person_id], TODAY)
    return person_id


def test_stores_change_sides_with_the_line_and_the_neighbour_makes_room(
    db: Database, cast: Cast, owner_engine: Engine, change: Change
) -> None:
    nora = overseer(owner_engine, db, cast, "Nora", cast.regions.north)
    sid = overseer(owner_engine, db, cast, "Sid", cast.regions.south)
    with owner_engine.begin() as connection:
        # On no route, so that its region alone says who has it.
        place = {"lat_e7": 312_600_000, "lon_e7": 1_215_000_000}
        free = factories.add_store(
            connection, cast.company, "Free", region_id=cast.regions.south, **place
        )
    with db.company(cast.company.id) as uow:
        publish_stores(uow, [free])
    done = change(boundary=LONGER)
    assert [(one.from_name, one.to_name, one.number) for one in done.moved] == [
        ("South", "North", 2)
    ]
    assert [ground.name for ground in done.redrawn.gave] == ["South"]
    assert done.redrawn.gave[0].hectares == pytest.approx(10_260, rel=0.02)
    told = {effect.person_id: (effect.gained, effect.lost) for effect in done.effects}
    # The other is still on the route that Sid oversees.
    assert told == {nora: (2, 0), sid: (0, 1)}
    with db.reading(cast.company.id) as uow:
        assert regions_by_store(uow)[cast.ben_stores[1]] == cast.regions.north
        assert regions_by_store(uow)[cast.ben_stores[0]] == cast.regions.south
        edge = [Point(312_520_000, 1_214_500_000), Point(312_510_000, 1_214_500_000)]
        assert regions_of(uow, edge) == [cast.regions.north, cast.regions.south]
        actions = {one.action for one in changes_of(uow)}
    assert {"region.edit", "store.move"} <= actions


def test_a_rehearsed_change_leaves_all_as_it_was(db: Database, cast: Cast) -> None:
    with db.reading(cast.company.id) as uow:
        held, before = find_region(uow, cast.regions.north, ALL_REGIONS), regions_by_store(uow)
    asked = RegionAsked(code=held.code, name="Far North", above=held.parent_id, boundary=LONGER)
    found = rehearse_region(
        db,
        cast.company.id,
        lambda uow: change_region(
            uow, BY, held.id, asked, basis=held.basis, today=TODAY, asker_id=cast.mia.id
        ),
    )
    assert found.stores == 1
    with db.reading(cast.company.id) as uow:
        assert regions_by_store(uow) == before
        assert find_region(uow, held.id, ALL_REGIONS) == held


def test_without_making_room_what_overlaps_is_told_and_stores_may_stay(
    db: Database, cast: Cast, change: Change
) -> None:
    done = change(boundary=LONGER, makes_room=False, stores_follow=False)
    assert [ground.name for ground in done.redrawn.shared] == ["South"]
    assert done.moved == ()
    with db.reading(cast.company.id) as uow:
        assert find_region(uow, cast.regions.south, ALL_REGIONS).boundary == square("South")


def test_ground_that_is_given_up_falls_to_the_region_above(
    db: Database, cast: Cast, change: Change
) -> None:
    done = change(boundary=box(121.4, 31.3525, 121.6, 31.4))
    assert [(one.from_name, one.to_name, one.number) for one in done.moved] == [
        ("North", "Harbour", 2)
    ]


def test_stores_put_elsewhere_by_hand_stay_there(
    db: Database, cast: Cast, owner_engine: Engine, change: Change
) -> None:
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update store set region_id = %s where id = %s",
            (cast.regions.wharf, cast.ben_stores[1]),
        )
    done = change(boundary=LONGER)
    assert (done.by_hand, done.stores) == (1, 0)


def test_a_region_above_grows_around_it_where_it_is_theirs(cast: Cast, change: Change) -> None:
    wider = box(121.3, 31.3, 121.6, 31.4)
    done = change(boundary=wider)
    assert [ground.name for ground in done.redrawn.grew] == ["Harbour"]
    beyond = box(120.9, 31.3, 121.6, 31.4)
    with pytest.raises(FieldInvalid, match="reaches beyond Wharf"):
        change(boundary=beyond)
    assert "Wharf" in [one.name for one in change(boundary=beyond, asker=cast.ada).redrawn.grew]


def test_a_region_without_ground_is_refused(cast: Cast, change: Change) -> None:
    with pytest.raises(FieldInvalid, match="South would have no ground left"):
        change(boundary=box(121.4, 31.2, 121.6, 31.4))


def test_whoever_holds_a_region_sets_those_below_and_not_their_own(
    db: Database, cast: Cast, change: Change
) -> None:
    with pytest.raises(NoSuchRegion):
        change(cast.regions.wharf, name="Mine")
    with pytest.raises(NoSuchRegion):
        change(name="Mine", asker=cast.sam)
    with pytest.raises(NoSuchRegion):
        change(above=None)
    with pytest.raises(Outdated):
        change(name="Mine", basis="older")
    with pytest.raises(CodeTaken):
        change(code="SOUTH")
    change(cast.regions.wharf, name="Mine", asker=cast.ada)
    with db.reading(cast.company.id) as uow:
        reach = region_reach(uow, cast.mia.id, TODAY)
        assert reach.sees == {*reach.sets, cast.regions.wharf}  # type: ignore[misc]
        rows = list_region_tree(uow, today=TODAY, asker_id=cast.mia.id)
        assert [(row.name, row.depth, row.stores) for row in rows] == [
            ("Mine", 0, 0),
            ("Harbour", 1, 0),
            ("North", 2, 3),
            ("South", 2, 3),
        ]
        assert rows[0].overseers == ("Mia",)
        after = list_region_tree(uow, today=TODAY, asker_id=None, after=rows[1].id, at_most=1)
        assert [row.name for row in after] == ["North"]
        assert list_region_tree(uow, today=TODAY, asker_id=cast.ana.id) == []


def test_a_region_moves_with_all_that_is_in_it(
    db: Database, cast: Cast, owner_engine: Engine, change: Change
) -> None:
    sid = overseer(owner_engine, db, cast, "Sid", cast.regions.south)
    done = change(above=cast.regions.south)
    told = {effect.name: (effect.gained, effect.lost) for effect in done.effects}
    assert told["Sid"][0] > 3
    assert "Mia" not in told
    with db.reading(cast.company.id) as uow:
        rows = uow.rows("select key from holder_key where person_id = :person", person=sid)
        assert cast.ana_route in {row.key for row in rows}


def test_a_new_region_takes_the_stores_on_its_ground(db: Database, cast: Cast) -> None:
    asked = RegionAsked(
        code="QUAY",
        name="Quay",
        above=cast.regions.north,
        boundary=box(121.49, 31.3505, 121.51, 31.3525),
    )
    with db.company(cast.company.id) as uow:
        done = create_region(uow, BY, asked, today=TODAY, asker_id=cast.mia.id)
        assert [(one.from_name, one.to_name, one.number) for one in done.moved] == [
            ("North", "Quay", 1)
        ]
        assert find_region(uow, done.region_id, ALL_REGIONS).parent_id == cast.regions.north
        with pytest.raises(NoSuchRegion):
            create_region(uow, BY, asked, today=TODAY, asker_id=cast.sam.id)


def test_a_phone_that_would_be_too_full_refuses_it(
    db: Database, cast: Cast, owner_engine: Engine, change: Change
) -> None:
    overseer(owner_engine, db, cast, "Nora", cast.regions.north)
    with owner_engine.begin() as connection:
        factories.add_policy(connection, cast.company, version=2, max_scope_records=1)
    with pytest.raises(PhoneTooFull, match="Nora"):
        change(boundary=LONGER)
