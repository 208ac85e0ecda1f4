from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.planning.errors import CodeTaken, FieldInvalid, NoSuchStore
from server.planning.regions import regions_of
from server.planning.stores import NewStore, edit_stores, make_stores, move_stores
from sync.geo import Point
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, Person

Visible = Callable[[Person], set[UUID]]


def new(code: str, **fields: Any) -> NewStore:
    return NewStore(code=code, name=code.title(), channel="kiosk", address="1 Quay", **fields)


def test_stores_made_from_above_are_seen_where_they_lie(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    with db.company(cast.company.id) as uow:
        north, owned = make_stores(
            uow,
            office,
            [
                new("N1", region_id=cast.regions.north),
                new("B1", region_id=cast.regions.north, position_id=cast.ben.position_id),
            ],
        )
    assert {north, owned} <= visible_to(cast.sam)
    assert owned in visible_to(cast.ben)
    assert north not in visible_to(cast.ben)


def test_moving_a_store_moves_it_between_phones(
    cast: Cast, db: Database, office: Actor, visible_to: Visible
) -> None:
    with db.company(cast.company.id) as uow:
        (store_id,) = make_stores(
            uow,
            office,
            [new("A1", region_id=cast.regions.north, position_id=cast.ana.position_id)],
        )
    with db.company(cast.company.id) as uow:
        move_stores(
            uow,
            office,
            [store_id],
            region_id=cast.regions.south,
            position_id=cast.ben.position_id,
        )
    assert store_id not in visible_to(cast.ana)
    assert store_id in visible_to(cast.ben)
    assert store_id in visible_to(cast.sam)


def test_a_pin_is_set_moved_and_taken_away(cast: Cast, db: Database, office: Actor) -> None:
    store_id = cast.ben_stores[2]
    for pin in ({"lat_e7": 1, "lon_e7": 2}, {"lat_e7": None, "lon_e7": None}):
        with db.company(cast.company.id) as uow:
            assert edit_stores(uow, office, {store_id: pin}) == [store_id]
            assert edit_stores(uow, office, {store_id: pin}) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"lat_e7": 5, "lon_e7": None},
        {"lat_e7": 900_000_001},
        {"name": ""},
        {"name": None},
        {"store_class": "D"},
        {"status": "CLOSED"},
        {"fence_radius_m": 1},
        {"address": "nul \x00"},
        {"region_id": UUID(int=7)},
        {"position_id": UUID(int=7)},
    ],
)
def test_what_a_store_cannot_be_is_refused_by_the_name_of_the_field(
    cast: Cast, db: Database, office: Actor, fields: dict[str, Any]
) -> None:
    with pytest.raises(FieldInvalid, match=next(iter(fields))):  # noqa: SIM117
        with db.company(cast.company.id) as uow:
            edit_stores(uow, office, {cast.ana_stores[0]: fields})


def test_a_code_belongs_to_one_store(
    cast: Cast, db: Database, owner_engine: Engine, office: Actor
) -> None:
    factories.make_cast_rows(owner_engine)  # another company has the same codes
    with pytest.raises(CodeTaken, match="ANCHOR"), db.company(cast.company.id) as uow:
        make_stores(uow, office, [new("ANCHOR")])
    with pytest.raises(CodeTaken, match="twice"), db.company(cast.company.id) as uow:
        make_stores(uow, office, [new("Q"), new("Q")])
    with pytest.raises(CodeTaken), db.company(cast.company.id) as uow:
        edit_stores(uow, office, {cast.ana_stores[1]: {"code": "ANCHOR"}})


def test_a_store_that_is_not_there_is_refused(cast: Cast, db: Database, office: Actor) -> None:
    with pytest.raises(NoSuchStore), db.company(cast.company.id) as uow:
        edit_stores(uow, office, {UUID(int=9): {"name": "x"}})


def test_each_store_is_logged_with_the_fields_that_differ(
    cast: Cast, db: Database, office: Actor
) -> None:
    store_id = cast.ana_stores[0]
    with db.company(cast.company.id) as uow:
        edit_stores(uow, office, {store_id: {"name": "Anchorage", "channel": "grocery"}})
        (entry,) = changes_of(uow, subject_kind="store", subject_id=store_id)
    assert (entry.before, entry.after) == ({"name": "Anchor"}, {"name": "Anchorage"})


def test_a_point_lies_in_the_lowest_region_that_contains_it(cast: Cast, db: Database) -> None:
    points = [
        Point(313_500_000, 1_215_000_000),
        Point(310_500_000, 1_210_500_000),
        Point(0, 0),
    ]
    with db.reading(cast.company.id) as uow:
        assert regions_of(uow, points) == [cast.regions.north, cast.regions.wharf, None]


def test_the_queries_of_making_stores_do_not_grow_with_their_number(
    cast: Cast, db: Database, office: Actor, count_queries: Callable[[], Any]
) -> None:
    counts = []
    for batch in ([new("ONE")], [new(f"M{n}") for n in range(50)]):
        with db.company(cast.company.id) as uow, count_queries() as statements:
            make_stores(uow, office, batch)
        counts.append(len(statements))
    assert counts[0] == counts[1]
