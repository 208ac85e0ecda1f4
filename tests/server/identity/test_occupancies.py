"""A position has one holder at a time, dates decide, and scopes follow at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from server.identity.change_log import Actor
from server.identity.errors import (
    NoSuchOccupancy,
    NoSuchPerson,
    NoSuchPosition,
    PeriodInvalid,
    PersonHasLeft,
    PositionHeld,
)
from server.identity.leaving import leave_person
from server.identity.occupancies import Given, end_occupancy, give_occupancy
from server.identity.people import create_person
from server.identity.policy import change_policy
from sync.errors import ScopeTooLarge
from sync.organisation import occupancy
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import MONDAY, TODAY, Cast

OPERATOR = Actor.command("test")
YESTERDAY, TOMORROW = TODAY - timedelta(days=1), TODAY + timedelta(days=1)


def holds(uow: UnitOfWork, person_id: UUID, key: UUID) -> bool:
    return bool(
        uow.rows(
            "select 1 from holder_key where person_id = :person and key = :key",
            person=person_id,
            key=key,
        )
    )


def occupancy_of(uow: UnitOfWork, person_id: UUID) -> UUID:
    found: UUID = uow.rows(
        "select id from occupancy where person_id = :person order by starts_on", person=person_id
    )[0].id
    return found


def newcomer(db: Database, cast: Cast, name: str = "Zoe") -> UUID:
    with db.company(cast.company.id) as uow:
        return create_person(uow, OPERATOR, name)


def vacate(db: Database, cast: Cast) -> None:
    """Ana's position is vacant from today on."""
    with db.company(cast.company.id) as uow:
        end_occupancy(
            uow, OPERATOR, occupancy_of(uow, cast.ana.id), last_day=YESTERDAY, today=TODAY
        )


def test_a_position_ends_for_one_and_begins_for_another_and_scopes_follow(
    db: Database, cast: Cast
) -> None:
    zoe = newcomer(db, cast)
    vacate(db, cast)
    with db.company(cast.company.id) as uow:
        assert not holds(uow, cast.ana.id, cast.ana_route)
        given = give_occupancy(
            uow,
            OPERATOR,
            person_id=zoe,
            position_id=cast.ana.position_id,
            starts_on=TODAY,
            today=TODAY,
        )
        assert holds(uow, zoe, cast.ana_route)
        assert holds(uow, zoe, cast.ana.position_id)
    # Three stores, the route, the policy.
    assert given.scope_records == 5


def test_an_occupancy_that_begins_tomorrow_shows_nothing_today(db: Database, cast: Cast) -> None:
    zoe = newcomer(db, cast)
    vacate(db, cast)
    with db.company(cast.company.id) as uow:
        give_occupancy(
            uow,
            OPERATOR,
            person_id=zoe,
            position_id=cast.ana.position_id,
            starts_on=TOMORROW,
            today=TODAY,
        )
        assert not holds(uow, zoe, cast.ana_route)


def test_one_position_has_one_holder_and_an_acting_one_may_stand_beside(
    db: Database, cast: Cast
) -> None:
    zoe = newcomer(db, cast)
    with db.company(cast.company.id) as uow:
        with pytest.raises(PositionHeld, match="held by Ana"):
            give_occupancy(
                uow,
                OPERATOR,
                person_id=zoe,
                position_id=cast.ana.position_id,
                starts_on=TOMORROW,
                today=TODAY,
            )
        give_occupancy(
            uow,
            OPERATOR,
            person_id=zoe,
            position_id=cast.ana.position_id,
            starts_on=TODAY,
            ends_on=TOMORROW,
            is_acting=True,
            today=TODAY,
        )
        assert holds(uow, zoe, cast.ana_route)
        assert holds(uow, cast.ana.id, cast.ana_route)


def test_the_day_after_the_last_one_is_free_and_the_last_one_is_not(
    db: Database, cast: Cast
) -> None:
    zoe = newcomer(db, cast)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, OPERATOR, occupancy_of(uow, cast.ana.id), last_day=TODAY, today=TODAY)

        def give(starts_on: object) -> Given:
            return give_occupancy(
                uow,
                OPERATOR,
                person_id=zoe,
                position_id=cast.ana.position_id,
                starts_on=starts_on,  # type: ignore[arg-type]
                today=TODAY,
            )

        with pytest.raises(PositionHeld):
            give(TODAY)
        give(TOMORROW)


def test_two_who_give_one_seat_at_once_cannot_both(db: Database, cast: Cast) -> None:
    people = [newcomer(db, cast, name) for name in ("Zoe", "Zed", "Zach", "Zara")]
    vacate(db, cast)

    def give(person_id: UUID) -> bool:
        try:
            with db.company(cast.company.id) as uow:
                give_occupancy(
                    uow,
                    OPERATOR,
                    person_id=person_id,
                    position_id=cast.ana.position_id,
                    starts_on=TODAY,
                    today=TODAY,
                )
        except PositionHeld:
            return False
        return True

    with ThreadPoolExecutor(len(people)) as pool:
        assert sum(pool.map(give, people)) == 1


def test_what_has_ended_is_not_written_again(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        held = occupancy_of(uow, cast.ana.id)
        end_occupancy(uow, OPERATOR, held, last_day=YESTERDAY, today=TODAY)
        with pytest.raises(PeriodInvalid):
            end_occupancy(uow, OPERATOR, held, last_day=MONDAY, today=TODAY)


def test_an_end_can_be_set_earlier_but_not_later(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        held = occupancy_of(uow, cast.ana.id)
        end_occupancy(uow, OPERATOR, held, last_day=TOMORROW, today=TODAY)
        end_occupancy(uow, OPERATOR, held, last_day=TODAY, today=TODAY)
        with pytest.raises(PeriodInvalid):
            end_occupancy(uow, OPERATOR, held, last_day=TOMORROW, today=TODAY)


def test_one_that_never_began_is_taken_away(db: Database, cast: Cast) -> None:
    zoe = newcomer(db, cast)
    with db.company(cast.company.id) as uow:
        given = give_occupancy(
            uow,
            OPERATOR,
            person_id=zoe,
            position_id=cast.ana.position_id,
            starts_on=TOMORROW,
            is_acting=True,
            today=TODAY,
        )
        end_occupancy(uow, OPERATOR, given.occupancy_id, last_day=TODAY, today=TODAY)
        assert (
            uow.connection.execute(
                occupancy.select().where(occupancy.c.id == given.occupancy_id)
            ).all()
            == []
        )


def test_nothing_is_held_after_the_day_of_leaving(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.ben.id, left_on=TOMORROW, today=TODAY)
        for ends_on in (None, TOMORROW):
            with pytest.raises(PersonHasLeft):
                give_occupancy(
                    uow,
                    OPERATOR,
                    person_id=cast.ben.id,
                    position_id=cast.ana.position_id,
                    starts_on=TODAY,
                    ends_on=ends_on,
                    is_acting=True,
                    today=TODAY,
                )


def test_an_assignment_that_would_overfill_a_phone_is_refused_whole(
    db: Database, cast: Cast
) -> None:
    zoe = newcomer(db, cast)
    vacate(db, cast)
    with db.company(cast.company.id) as uow:
        uow.run(
            "insert into policy (company_id, version, settings) select company_id, version + 1,"
            " settings || '{\"max_scope_records\": 4}' from policy order by version desc limit 1"
        )
    with pytest.raises(ScopeTooLarge) as refused, db.company(cast.company.id) as uow:
        give_occupancy(
            uow,
            OPERATOR,
            person_id=zoe,
            position_id=cast.ana.position_id,
            starts_on=TODAY,
            today=TODAY,
        )
    assert (refused.value.size, refused.value.limit) == (5, 4)
    with db.company(cast.company.id) as uow:
        assert not holds(uow, zoe, cast.ana.position_id)
        change_policy(uow, OPERATOR, {"max_scope_records": 50_000})


def test_nothing_of_another_company_can_be_given_or_ended(
    db: Database, cast: Cast, other: Cast
) -> None:
    with db.company(other.company.id) as uow:
        theirs = occupancy_of(uow, other.ana.id)

    def give(uow: UnitOfWork, person_id: UUID, position_id: UUID) -> None:
        give_occupancy(
            uow,
            OPERATOR,
            person_id=person_id,
            position_id=position_id,
            starts_on=TODAY,
            is_acting=True,
            today=TODAY,
        )

    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchPosition):
            give(uow, cast.ana.id, other.ana.position_id)
        with pytest.raises(NoSuchPerson):
            give(uow, other.ana.id, cast.ana.position_id)
        with pytest.raises(NoSuchPosition):
            give(uow, cast.ana.id, uuid4())
        with pytest.raises(NoSuchOccupancy):
            end_occupancy(uow, OPERATOR, theirs, last_day=TODAY, today=TODAY)
