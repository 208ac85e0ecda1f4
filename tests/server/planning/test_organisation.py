"""A company is filled by hand: what is added is logged, seen by those above, and planned with."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from server.identity.change_log import Actor, changes_of
from server.identity.occupancies import give_occupancy
from server.planning.errors import CodeTaken, FieldInvalid, NoSuchPosition, NoSuchRegion
from server.planning.organisation import (
    add_position,
    add_region,
    edit_position,
    edit_region,
    region_by_code,
)
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast

BY = Actor.command("test")
SQUARE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]]]}


def region(uow: UnitOfWork, code: str = "EAST", **other: Any) -> Any:
    return add_region(uow, BY, code=code, name="East", today=TODAY, **other)


def position(uow: UnitOfWork, code: str, region_id: Any) -> Any:
    return add_position(
        uow, BY, code=code, name="Rep East", role="rep", region_id=region_id, today=TODAY
    )


def keys_of(uow: UnitOfWork, person_id: Any) -> set[Any]:
    rows = uow.rows("select key from holder_key where person_id = :person", person=person_id)
    return {row.key for row in rows}


def test_who_holds_a_region_holds_what_is_added_below_it(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        above = uow.rows("select region_id from position where id = :id", id=cast.mia.position_id)[
            0
        ].region_id
        region_id = region(uow, above=above)
        position_id = position(uow, "REP-EAST", region_id)
        assert {region_id, position_id} & keys_of(uow, cast.mia.id)
        assert not {region_id, position_id} & keys_of(uow, cast.ana.id)
        assert [one.action for one in changes_of(uow)] == ["position.add", "region.add"]


def test_a_boundary_is_geojson_or_refused(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        region(uow, boundary=SQUARE)
        for wrong in (
            {"type": "Point", "coordinates": [0, 0]},
            {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]},
            {"type": "Polygon"},
            {},
        ):
            with pytest.raises(FieldInvalid, match="boundary"):
                region(uow, "WEST", boundary=wrong)


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        ([[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]], "self-intersection at longitude, latitude 1, 1"),
        ([[0, 0], [1, 0], [1, 95], [0, 0]], "longitude comes first"),
        ([[0, 0], [1, 0], [2, 0], [0, 0]], "self-intersection at longitude, latitude"),
    ],
)
def test_a_boundary_of_which_nobody_could_say_what_is_inside_is_refused_with_the_place(
    db: Database, cast: Cast, ring: list[list[float]], said: str
) -> None:
    boundary = {"type": "Polygon", "coordinates": [ring]}
    with db.company(cast.company.id) as uow, pytest.raises(FieldInvalid, match=said):
        region(uow, boundary=boundary)


def test_codes_are_taken_once_and_found_again(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        region_id = region(uow)
        position(uow, "REP-EAST", region_id)
        assert region_by_code(uow, " EAST ") == region_id
        with pytest.raises(CodeTaken):
            region(uow)
        with pytest.raises(CodeTaken):
            position(uow, "REP-EAST", region_id)
        with pytest.raises(NoSuchRegion):
            region_by_code(uow, "WEST")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda uow: region(uow, ""),
        lambda uow: region(uow, "A B"),
        lambda uow: region(uow, "A" * 41),
        lambda uow: add_region(uow, BY, code="X", name=" ", today=TODAY),
        lambda uow: add_position(
            uow, BY, code="X", name="X", role="king", region_id=region(uow), today=TODAY
        ),
    ],
)
def test_what_cannot_be_is_refused(
    db: Database, cast: Cast, wrong: Callable[[UnitOfWork], None]
) -> None:
    with db.company(cast.company.id) as uow, pytest.raises(FieldInvalid):
        wrong(uow)


def test_a_new_position_reaches_a_supervisor_given_at_the_same_moment(
    db: Database, cast: Cast
) -> None:
    made: list[Any] = []

    def add() -> None:
        with db.company(cast.company.id) as uow:
            made.append(position(uow, "REP-NEW", cast.regions.north))

    adding = Thread(target=add)
    with db.company(cast.company.id) as uow:
        give_occupancy(
            uow, BY, person_id=cast.ben.id, position_id=cast.sam.position_id, starts_on=TODAY,
            today=TODAY, is_acting=True,
        )  # fmt: skip
        adding.start()
        # It waits for this one, or runs beside it: either way both supervisors get the position.
        adding.join(0.3)
    adding.join(10)
    with db.reading(cast.company.id) as uow:
        assert set(made) <= keys_of(uow, cast.sam.id)
        assert set(made) <= keys_of(uow, cast.ben.id)
    assert made


def test_a_region_is_renamed_and_given_another_boundary_and_both_are_logged(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        edit_region(uow, BY, cast.regions.north, name="Far North", boundary=SQUARE)
        edit_region(uow, BY, cast.regions.north, name="Far North")
        (logged,) = changes_of(uow, subject_kind="region", subject_id=cast.regions.north)
        assert (logged.action, logged.after) == (
            "region.edit",
            {"name": "Far North", "boundary": SQUARE},
        )
        assert logged.before is not None
        assert logged.before["name"] == "North"
        with pytest.raises(FieldInvalid, match="boundary"):
            edit_region(uow, BY, cast.regions.north, boundary={"type": "Point"})
        with pytest.raises(NoSuchRegion):
            edit_region(uow, BY, cast.ana.id, name="Nowhere")


def test_a_position_that_moves_to_another_region_comes_to_who_oversees_that(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        east = region(uow, above=cast.regions.wharf)
        moved = {cast.ana.position_id, cast.ana_route}
        assert moved <= keys_of(uow, cast.sam.id)
        edit_position(uow, BY, cast.ana.position_id, region_id=east, today=TODAY)
        assert not moved & keys_of(uow, cast.sam.id)
        assert moved <= keys_of(uow, cast.mia.id)
        assert moved <= keys_of(uow, cast.ana.id)
        edit_position(uow, BY, cast.ana.position_id, region_id=cast.regions.south, today=TODAY)
        assert moved <= keys_of(uow, cast.sam.id)
        logged, _ = changes_of(uow, subject_kind="position", subject_id=cast.ana.position_id)
        assert (logged.action, logged.before) == ("position.edit", {"region_id": str(east)})
        with pytest.raises(NoSuchPosition):
            edit_position(uow, BY, cast.ana.id, name="X", today=TODAY)
