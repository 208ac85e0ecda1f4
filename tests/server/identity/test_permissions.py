"""Who may see whose work; the query and the predicate are the same rule."""

import random
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.identity.permissions import (
    Seat,
    may_see_position,
    region_parents,
    seats_of,
    visible_positions,
)
from sync.organisation import ROLES
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import (
    MONDAY,
    TODAY,
    Cast,
    add_occupancy,
    add_person,
    add_position,
    add_region,
    make_company,
)

ALL = {"ana", "ben", "sam", "mia", "aki", "ada"}


@pytest.mark.parametrize(
    ("who", "seen"),
    [
        ("ana", {"ana"}),
        ("ben", {"ben"}),
        ("sam", {"ana", "ben", "sam"}),
        ("mia", ALL),
        ("ada", ALL),
    ],
)
def test_each_role_sees_what_it_may(db: Database, rows: Cast, who: str, seen: set[str]) -> None:
    with db.reading(rows.company.id) as uow:
        visible = visible_positions(uow, getattr(rows, who).id, TODAY)
    assert visible == {getattr(rows, name).position_id for name in seen}


def seat_auditor(owner_engine: Engine, cast: Cast, region_id: UUID, name: str = "Abe") -> UUID:
    with owner_engine.begin() as connection:
        person_id = add_person(connection, cast.company, name)
        position_id = add_position(
            connection, cast.company, f"AUDITOR-{name}", role="auditor", region_id=region_id
        )
        add_occupancy(connection, cast.company, position_id=position_id, person_id=person_id)
    return person_id


def test_an_auditor_sees_everything_but_the_region_that_is_theirs(
    db: Database, rows: Cast, owner_engine: Engine
) -> None:
    abe = seat_auditor(owner_engine, rows, rows.regions.north)
    with db.reading(rows.company.id) as uow:
        visible = visible_positions(uow, abe, TODAY)
    assert rows.ana.position_id not in visible
    assert {rows.ben.position_id, rows.sam.position_id, rows.mia.position_id} <= visible


def test_below_an_auditors_region_is_theirs_too(
    db: Database, rows: Cast, owner_engine: Engine
) -> None:
    abe = seat_auditor(owner_engine, rows, rows.regions.harbour)
    with db.reading(rows.company.id) as uow:
        visible = visible_positions(uow, abe, TODAY)
    hidden = {one.position_id for one in (rows.ana, rows.ben, rows.sam)}
    assert not hidden & visible
    assert rows.mia.position_id in visible


def test_an_auditor_of_the_whole_company_has_no_own_region(db: Database, rows: Cast) -> None:
    with db.reading(rows.company.id) as uow:
        assert len(visible_positions(uow, rows.aki.id, TODAY)) == len(ALL)


def test_before_the_first_day_and_after_the_last_nothing_is_seen(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        uow.run(
            "update occupancy set ends_on = :last where person_id = :sam",
            last=TODAY,
            sam=rows.sam.id,
        )
        assert visible_positions(uow, rows.sam.id, MONDAY - timedelta(days=1)) == frozenset()
        assert rows.ana.position_id in visible_positions(uow, rows.sam.id, TODAY)
        assert visible_positions(uow, rows.sam.id, TODAY + timedelta(days=1)) == frozenset()


def test_a_person_of_another_company_sees_nothing_here(
    db: Database, rows: Cast, other: Cast
) -> None:
    with db.reading(rows.company.id) as uow:
        assert visible_positions(uow, other.ada.id, TODAY) == frozenset()
        assert seats_of(uow, other.ada.id, TODAY) == ()


def all_seats(uow: UnitOfWork) -> list[Seat]:
    rows = uow.rows("select id, role, region_id from position")
    return [Seat(row.id, row.role, row.region_id) for row in rows]


@pytest.mark.parametrize("seed", range(12))
def test_the_query_and_the_predicate_agree_on_any_organisation(
    db: Database, owner_engine: Engine, seed: int
) -> None:
    draw = random.Random(seed)
    company = make_company(owner_engine)
    with owner_engine.begin() as connection:
        regions: list[UUID] = []
        for place in range(draw.randint(1, 9)):
            parent = draw.choice([None, *regions]) if regions else None
            regions.append(add_region(connection, company, f"R{place}", parent_id=parent))
        positions = [
            add_position(
                connection,
                company,
                f"P{place}",
                role=draw.choice(ROLES),
                region_id=draw.choice(regions),
            )
            for place in range(draw.randint(1, 14))
        ]
        people = [add_person(connection, company, f"N{place}") for place in range(6)]
        for person_id in people:
            for position_id in draw.sample(positions, min(len(positions), draw.randint(0, 3))):
                starts_on = TODAY + timedelta(days=draw.randint(-2, 1))
                add_occupancy(
                    connection,
                    company,
                    position_id=position_id,
                    person_id=person_id,
                    starts_on=starts_on,
                    ends_on=draw.choice([None, starts_on, starts_on + timedelta(days=1)]),
                    is_acting=True,
                )
    with db.reading(company.id) as uow:
        parents = region_parents(uow)
        for person_id in people:
            seats = seats_of(uow, person_id, TODAY)
            assert visible_positions(uow, person_id, TODAY) == {
                one.position_id for one in all_seats(uow) if may_see_position(seats, one, parents)
            }
