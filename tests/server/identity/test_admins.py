"""A company keeps an admin, whatever way a change takes."""

from datetime import date, timedelta

import pytest
from sqlalchemy import Engine

from server.identity.admins import first_day_lost
from server.identity.change_log import Actor
from server.identity.errors import LastAdmin
from server.identity.leaving import leave_person
from server.identity.occupancies import end_occupancy, give_occupancy, move_person, occupancy_of
from server.planning.organisation import edit_position
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, add_position

DAY = timedelta(days=1)
OFFICE = Actor.command("the office")
EVER = date.max


def days(first: int, last: int | None) -> tuple[date, date]:
    return TODAY + first * DAY, EVER if last is None else TODAY + last * DAY


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ([], [], None),
        ([days(-9, None)], [days(-9, None)], None),
        ([days(-9, None)], [], 0),
        ([days(-9, None)], [days(-9, 4)], 5),
        # Another takes over, and both at once is as good.
        ([days(-9, None)], [days(-9, 4), days(5, None)], None),
        ([days(-9, None)], [days(-9, 7), days(5, None)], None),
        ([days(-9, None)], [days(-9, 4), days(6, None)], 5),
        # Days that had nobody before, and days that are past, are not lost.
        ([days(-9, 4), days(9, None)], [days(-9, 4), days(9, None)], None),
        ([days(-9, 4), days(9, None)], [days(-9, 4), days(9, 12)], 13),
        ([days(-9, -2)], [], None),
    ],
)
def test_a_day_that_had_an_admin_is_not_lost(
    before: list[tuple[date, date]], after: list[tuple[date, date]], lost: int | None
) -> None:
    assert first_day_lost(before, after, TODAY) == (None if lost is None else TODAY + lost * DAY)


def test_no_function_takes_the_last_admin_away(
    cast: Cast, db: Database, owner_engine: Engine
) -> None:
    ada, seat = cast.ada.id, cast.ada.position_id
    with owner_engine.begin() as connection:
        vacant = add_position(
            connection, cast.company, "VACANT", role="rep", region_id=cast.regions.north
        )
    with db.reading(cast.company.id) as uow:
        held = occupancy_of(uow, ada, seat, TODAY)
    with pytest.raises(LastAdmin), db.company(cast.company.id) as uow:
        end_occupancy(uow, OFFICE, held, last_day=TODAY, today=TODAY)
    with pytest.raises(LastAdmin), db.company(cast.company.id) as uow:
        leave_person(uow, OFFICE, ada, left_on=TODAY + 3 * DAY, today=TODAY)
    with pytest.raises(LastAdmin), db.company(cast.company.id) as uow:
        edit_position(uow, OFFICE, seat, role="rep", today=TODAY)
    with pytest.raises(LastAdmin), db.company(cast.company.id) as uow:
        move_person(
            uow,
            OFFICE,
            person_id=ada,
            position_id=vacant,
            first_day=TODAY + DAY,
            today=TODAY,
        )
    with pytest.raises(LastAdmin), db.rehearsal(cast.company.id) as uow:
        end_occupancy(uow, OFFICE, held, last_day=TODAY, today=TODAY)
    with db.reading(cast.company.id) as uow:
        assert occupancy_of(uow, ada, seat, TODAY) == held


def test_the_last_admin_may_be_followed_by_another_in_one_transaction(
    cast: Cast, db: Database
) -> None:
    with db.company(cast.company.id) as uow:
        leave_person(uow, OFFICE, cast.ada.id, left_on=TODAY + 3 * DAY, today=TODAY)
        give_occupancy(
            uow,
            OFFICE,
            person_id=cast.ben.id,
            position_id=cast.ada.position_id,
            starts_on=TODAY + 3 * DAY,
            today=TODAY,
        )
    with db.company(cast.company.id) as uow:
        edit_position(uow, OFFICE, cast.ada.position_id, name="Office", today=TODAY)
