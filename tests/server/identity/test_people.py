"""People join, are named, leave and return; what they did and held stays."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import insert, select

from server.identity.change_log import Actor, changes_of
from server.identity.device_list import list_devices
from server.identity.devices import issue_enrolment_code
from server.identity.errors import (
    EmailInvalid,
    EmailTaken,
    LeaveDoubtful,
    NameInvalid,
    NoSuchPerson,
    PersonHasLeft,
)
from server.identity.leaving import drain_leavers, leave_person, return_person
from server.identity.occupancies import end_occupancy, give_occupancy, occupancy_of
from server.identity.passwords import set_password, verify
from server.identity.people import (
    change_email,
    create_person,
    person_by_email,
    rename_person,
)
from sync.kinds.attendance.table import attendance
from sync.organisation import enrolment_code, occupancy, person
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import MONDAY, TODAY, Cast, add_occupancy

OPERATOR = Actor.command("test")
TOMORROW = TODAY + timedelta(days=1)


def keys_of(uow: UnitOfWork, person_id: UUID) -> set[UUID]:
    return {
        row.key
        for row in uow.rows(
            "select key from holder_key where person_id = :person", person=person_id
        )
    }


def periods_of(uow: UnitOfWork, person_id: UUID) -> list[tuple[date, date | None]]:
    rows = uow.connection.execute(
        select(occupancy.c.starts_on, occupancy.c.ends_on)
        .where(occupancy.c.company_id == uow.company_id, occupancy.c.person_id == person_id)
        .order_by(occupancy.c.starts_on)
    )
    return [(row.starts_on, row.ends_on) for row in rows]


def states_of(uow: UnitOfWork, person_id: UUID) -> list[str]:
    return [one.state for one in list_devices(uow, person_id)]


def worked(uow: UnitOfWork, cast: Cast, day: date) -> None:
    """Ana was on duty that day."""
    uow.connection.execute(
        insert(attendance).values(
            company_id=uow.company_id,
            id=uuid4(),
            version=1,
            person_id=cast.ana.id,
            position_id=cast.ana.position_id,
            device_id=cast.ana.device.id,
            event="ON",
            business_day=day,
            occurred_at=datetime.now(UTC),
            trust="CLOCK",
            flags=[],
            received_at=datetime.now(UTC),
        )
    )


def test_a_new_person_is_found_by_e_mail_however_it_is_written(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        made = create_person(uow, OPERATOR, "  Zoë   Zimmer ", " Zoe@Example.COM")
        assert person_by_email(uow, "zoe@example.com ") == made
        name = uow.connection.execute(
            select(person.c.name).where(person.c.company_id == rows.company.id, person.c.id == made)
        ).scalar_one()
    assert name == "Zoë Zimmer"


def test_an_e_mail_belongs_to_one_person_of_a_company(
    db: Database, rows: Cast, other: Cast
) -> None:
    with db.company(rows.company.id) as uow:
        create_person(uow, OPERATOR, "Zoe", "zoe@example.com")
        with pytest.raises(EmailTaken):
            create_person(uow, OPERATOR, "Another Zoe", "ZOE@example.com")
        with pytest.raises(EmailTaken):
            change_email(uow, OPERATOR, rows.ana.id, "zoe@example.com")
    with db.company(other.company.id) as uow:
        create_person(uow, OPERATOR, "Zoe of the others", "zoe@example.com")


def test_people_without_e_mail_do_not_meet(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        assert create_person(uow, OPERATOR, "Zoe") != create_person(uow, OPERATOR, "Zoe")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "Zoe\0", "Zoe\ud800", "Zoe\x07"])
def test_a_name_that_cannot_be_shown_is_refused(db: Database, rows: Cast, name: str) -> None:
    with pytest.raises(NameInvalid), db.company(rows.company.id) as uow:
        create_person(uow, OPERATOR, name)


@pytest.mark.parametrize(
    "email",
    ["", "zoe", "@example.com", "zoe@", "z oe@example.com", "x" * 250 + "@e.com", "a\0@b.c"],
)
def test_what_is_no_e_mail_is_refused(db: Database, rows: Cast, email: str) -> None:
    with pytest.raises(EmailInvalid), db.company(rows.company.id) as uow:
        create_person(uow, OPERATOR, "Zoe", email)


def test_the_password_stays_when_the_e_mail_changes(db: Database, rows: Cast) -> None:
    with db.company(rows.company.id) as uow:
        set_password(uow, OPERATOR, rows.ana.id, "correct horse battery", today=TODAY)
        change_email(uow, OPERATOR, rows.ana.id, "ana@new.example")
        assert verify(uow, "ana@new.example", "correct horse battery", today=TODAY) is not None


def test_who_leaves_holds_nothing_sees_nothing_and_their_phones_drain(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        issue_enrolment_code(
            uow,
            cast.ana.id,
            OPERATOR,
            now=datetime(2026, 3, 3, tzinfo=UTC),
            valid_for=timedelta(9999),
        )
        assert cast.ana.position_id in keys_of(uow, cast.ana.id)
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TODAY, today=TODAY)
    with db.company(cast.company.id) as uow:
        assert keys_of(uow, cast.ana.id) == set()
        assert periods_of(uow, cast.ana.id) == [(MONDAY, TODAY - timedelta(days=1))]
        assert states_of(uow, cast.ana.id) == ["DRAINING"]
        assert states_of(uow, cast.ben.id) == ["ACTIVE"]
        assert uow.connection.execute(select(enrolment_code.c.tries_left)).scalars().all() == [0]
        with pytest.raises(PersonHasLeft):
            leave_person(uow, OPERATOR, cast.ana.id, left_on=TODAY, today=TODAY)


def test_a_leave_that_is_dated_ahead_changes_nothing_today_and_drains_on_its_day(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TOMORROW, today=TODAY)
        assert cast.ana.position_id in keys_of(uow, cast.ana.id)
        assert states_of(uow, cast.ana.id) == ["ACTIVE"]
        assert drain_leavers(uow, OPERATOR, TODAY) == []
    with db.company(cast.company.id) as uow:
        assert drain_leavers(uow, OPERATOR, TOMORROW) == [cast.ana.device.id]
        assert states_of(uow, cast.ana.id) == ["DRAINING"]
        assert drain_leavers(uow, OPERATOR, TOMORROW) == []


def test_an_occupancy_that_would_only_have_begun_later_is_taken_away(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        add_occupancy(
            uow.connection,
            cast.company,
            position_id=cast.ben.position_id,
            person_id=cast.ana.id,
            starts_on=TODAY + timedelta(days=7),
            is_acting=True,
        )
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TOMORROW, today=TODAY)
        assert periods_of(uow, cast.ana.id) == [(MONDAY, TODAY)]
        (entry,) = [
            one
            for one in changes_of(uow, subject_kind="occupancy")
            if one.action == "occupancy.take_away"
        ]
    assert entry.before is not None
    assert entry.before["starts_on"] == "2026-03-11"


@pytest.mark.parametrize(
    ("days_back", "said"),
    [
        (1900, "it is 1900 days ago"),
        (32, "it is 32 days ago"),
        ((TODAY - MONDAY).days, "they hold ANA since 2026-01-05"),
        (2, "they worked on 2026-03-02"),
    ],
)
def test_a_leave_that_is_dated_back_takes_nothing_back_unless_that_is_meant(
    db: Database, cast: Cast, days_back: int, said: str
) -> None:
    left_on = TODAY - timedelta(days=days_back)
    with db.company(cast.company.id) as uow:
        seat = uow.rows("select code from position where id = :id", id=cast.ana.position_id)
        worked(uow, cast, TODAY - timedelta(days=2))
    doubt = said.replace("ANA", seat[0].code)
    with pytest.raises(LeaveDoubtful, match=doubt), db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.ana.id, left_on=left_on, today=TODAY)
    with db.company(cast.company.id) as uow:
        assert states_of(uow, cast.ana.id) == ["ACTIVE"]
        assert periods_of(uow, cast.ana.id) == [(MONDAY, None)]
        leave_person(uow, OPERATOR, cast.ana.id, left_on=left_on, today=TODAY, is_meant=True)
        assert states_of(uow, cast.ana.id) == ["DRAINING"]


def test_a_leave_is_asked_about_for_no_day_after_the_last_work_of_late(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        worked(uow, cast, TODAY - timedelta(days=2))
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TODAY - timedelta(days=1), today=TODAY)
        assert periods_of(uow, cast.ana.id) == [(MONDAY, TODAY - timedelta(days=2))]


def test_a_leave_of_long_ago_leaves_what_was_held_as_it_was(db: Database, cast: Cast) -> None:
    ended = (MONDAY, MONDAY + timedelta(days=6))
    with db.company(cast.company.id) as uow:
        add_occupancy(
            uow.connection,
            cast.company,
            position_id=cast.ben.position_id,
            person_id=cast.ana.id,
            starts_on=ended[0],
            ends_on=ended[1],
            is_acting=True,
        )
        long_ago = MONDAY - timedelta(days=300)
        leave_person(uow, OPERATOR, cast.ana.id, left_on=long_ago, today=TODAY, is_meant=True)
        yesterday = TODAY - timedelta(days=1)
        assert sorted(periods_of(uow, cast.ana.id)) == [ended, (MONDAY, yesterday)]
        return_person(uow, OPERATOR, cast.ana.id, today=TODAY)
        give_occupancy(
            uow,
            OPERATOR,
            person_id=cast.ana.id,
            position_id=cast.ana.position_id,
            starts_on=TODAY,
            today=TODAY,
        )
        assert cast.ana.position_id in keys_of(uow, cast.ana.id)


def test_who_returns_may_get_a_phone_again_but_what_ended_stays_ended(
    db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TODAY, today=TODAY)
        return_person(uow, OPERATOR, cast.ana.id, today=TODAY)
        issue_enrolment_code(uow, cast.ana.id, OPERATOR)
        assert states_of(uow, cast.ana.id) == ["DRAINING"]
        assert periods_of(uow, cast.ana.id) == [(MONDAY, TODAY - timedelta(days=1))]
        # What everybody of the company holds, and their own records, are theirs again at once.
        assert keys_of(uow, cast.ana.id) == {cast.company.key, cast.ana.id}


def test_who_was_to_leave_keeps_what_they_hold_as_long_as_they_would_have_held_it(
    db: Database, cast: Cast
) -> None:
    until = TODAY + timedelta(days=90)
    with db.company(cast.company.id) as uow:
        add_occupancy(
            uow.connection,
            cast.company,
            position_id=cast.ben.position_id,
            person_id=cast.ana.id,
            starts_on=TODAY,
            ends_on=until,
            is_acting=True,
        )
    before = {(MONDAY, None), (TODAY, until)}
    # The day is set again, earlier and later: what counts is how it was before the first.
    for days in (7, 3, 9):
        with db.company(cast.company.id) as uow:
            day = TODAY + timedelta(days=days)
            leave_person(uow, OPERATOR, cast.ana.id, left_on=day, today=TODAY)
    with db.company(cast.company.id) as uow:
        assert set(periods_of(uow, cast.ana.id)) != before
        returned = return_person(uow, OPERATOR, cast.ana.id, today=TODAY)
        assert set(periods_of(uow, cast.ana.id)) == before
        assert [one.last_day for one in returned.ending] == [until]
        assert changes_of(uow)[0].action == "occupancy.reopen"
        # Nothing is left to take back.
        return_person(uow, OPERATOR, cast.ana.id, today=TODAY)
        assert changes_of(uow)[0].action == "occupancy.reopen"


def test_what_somebody_was_given_or_ended_since_is_not_reopened(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.ana.id, left_on=TOMORROW, today=TODAY)
    with db.company(cast.company.id) as uow:
        give_occupancy(
            uow,
            OPERATOR,
            person_id=cast.ben.id,
            position_id=cast.ana.position_id,
            starts_on=TOMORROW,
            today=TODAY,
        )
    with db.company(cast.company.id) as uow:
        (ending,) = return_person(uow, OPERATOR, cast.ana.id, today=TODAY).ending
        assert (ending.last_day, ending.next_holder) == (TODAY, "Ben")
        assert periods_of(uow, cast.ana.id) == [(MONDAY, TODAY)]
    with db.company(cast.company.id) as uow:
        leave_person(uow, OPERATOR, cast.sam.id, left_on=TODAY + timedelta(days=7), today=TODAY)
    with db.company(cast.company.id) as uow:
        held = occupancy_of(uow, cast.sam.id, cast.sam.position_id, TODAY)
        end_occupancy(uow, OPERATOR, held, last_day=TOMORROW, today=TODAY)
    with db.company(cast.company.id) as uow:
        (ending,) = return_person(uow, OPERATOR, cast.sam.id, today=TODAY).ending
        assert (ending.last_day, ending.next_holder) == (TOMORROW, None)


def test_nobody_of_another_company_can_be_named_changed_or_sent_away(
    db: Database, cast: Cast, other: Cast
) -> None:
    theirs = other.ana.id
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchPerson):
            rename_person(uow, OPERATOR, theirs, "Mallory")
        with pytest.raises(NoSuchPerson):
            change_email(uow, OPERATOR, theirs, "mallory@example.com")
        with pytest.raises(NoSuchPerson):
            leave_person(uow, OPERATOR, theirs, left_on=TODAY, today=TODAY)
        with pytest.raises(NoSuchPerson):
            return_person(uow, OPERATOR, theirs, today=TODAY)
        with pytest.raises(NoSuchPerson):
            person_by_email(uow, f"ana@{other.company.code.lower()}.example")
