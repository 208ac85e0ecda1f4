"""Location checks as supervisors ask them and read the answers."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from click.testing import Result
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.identity.occupancies import end_occupancy
from server.identity.policy import change_policy
from server.tasks.day_begins import begin_tasks
from server.tasks.errors import (
    AskedAlready,
    FieldInvalid,
    NoSuchCheck,
    NoSuchPerson,
    OutsideWorkingHours,
    WrongState,
)
from server.tasks.locate_commands import where_line
from server.tasks.location_checks import ask_location, list_checks, withdraw_check
from sync.unit_of_work import Database
from tests.activities_factories import NOW, add_location_check
from tests.factories import TODAY, Cast, Person, add_holiday
from tests.sync.talking import Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
DAY = timedelta(days=1)
SAM = Actor(name="Sam")


def sam(cast: Cast) -> Actor:
    return Actor(name="Sam", person_id=cast.sam.id)


def test_a_supervisor_asks_and_the_phone_answers(cast: Cast, db: Database, phone: PhoneOf) -> None:
    with db.company(cast.company.id) as uow:
        id_ = ask_location(
            uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, note="At the market?", now=NOW
        )
        (logged,) = changes_of(uow, subject_kind="location_check")
    assert (logged.action, logged.actor) == ("location_check.ask", "Sam")
    ana = phone(cast.ana)
    ana.pull()
    fields = ana.fields(id_)
    assert (fields["asked_by"], fields["note"], fields["state"]) == (
        "Sam",
        "At the market?",
        "ASKED",
    )
    assert fields["expires_at"] - fields["asked_at"] == 15 * 60_000
    answered = {"answered": ana.event(place=(314_000_000 + 45_000, 1_215_000_000))}
    assert ana.push_one(ana.item("location_check", "answer", id_, answered))["status"] == "applied"
    with db.company(cast.company.id) as uow:
        (one,) = list_checks(uow, today=TODAY, now=NOW, asker_id=cast.sam.id)
    assert (one.state, one.region, one.person, one.flags) == ("ANSWERED", "OUTSIDE", "Ana", ())
    assert where_line(one).endswith("m outside of the region")


def test_where_somebody_is_leaves_who_asked_with_the_seat_from_which_they_did(
    cast: Cast, db: Database, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW)
    ana, asker, ben = phone(cast.ana), phone(cast.sam), phone(cast.ben)
    answered = ana.item("location_check", "answer", id_, {"answered": ana.event(place=(1, 1))})
    assert ana.push_one(answered)["status"] == "applied"
    for one, sees in ((asker, True), (ben, False)):
        one.pull()
        assert (id_ in one.ids()) is sees
    with db.company(cast.company.id) as uow:
        (seat,) = uow.rows("select id from occupancy where person_id = :sam", sam=cast.sam.id)
        end_occupancy(uow, sam(cast), seat.id, last_day=TODAY - DAY, today=TODAY)
    for one, sees in ((asker, False), (ana, True)):
        one.pull()
        assert (id_ in one.ids()) is sees
    begin_tasks(db, cast.company.id, TODAY + 15 * DAY)
    ana.pull()
    assert id_ not in ana.ids()


def test_a_check_expires_when_nobody_answers(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, SAM, {"location_check_min": 30})
        ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW)
        states = [
            list_checks(uow, today=TODAY, now=NOW + timedelta(minutes=minutes))[0].state
            for minutes in (29, 30)
        ]
    assert states == ["ASKED", "EXPIRED"]


def test_nobody_is_asked_by_somebody_who_may_not_see_them(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        for asker, person in (
            (cast.ana, cast.ben.id),
            (cast.ben, cast.sam.id),
            (cast.sam, cast.sam.id),
            (cast.sam, uuid4()),
            # An admin's work is not in the field.
            (cast.mia, cast.ada.id),
        ):
            with pytest.raises(NoSuchPerson):
                ask_location(uow, Actor(asker.name, asker.id), person, asker_id=asker.id, now=NOW)
        ask_location(uow, sam(cast), cast.ben.id, asker_id=cast.sam.id, now=NOW)
        assert list_checks(uow, today=TODAY, asker_id=cast.ana.id) == []
        # Whoever is asked sees that they were.
        assert len(list_checks(uow, today=TODAY, asker_id=cast.ben.id)) == 1


def test_nobody_is_asked_outside_of_working_hours(
    cast: Cast, db: Database, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        add_holiday(connection, cast.company, TODAY + DAY)
    with db.company(cast.company.id) as uow:
        # At night, on a Sunday, on a holiday.
        for moment in (NOW + timedelta(hours=9), NOW + 4 * DAY, NOW + DAY):
            with pytest.raises(OutsideWorkingHours):
                ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=moment)
        ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW + 2 * DAY)


def test_nobody_is_asked_twice_at_a_time(cast: Cast, db: Database) -> None:
    with db.company(cast.company.id) as uow:
        first = ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW)
        with pytest.raises(AskedAlready):
            ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW)
        with pytest.raises(FieldInvalid):
            ask_location(uow, sam(cast), cast.ben.id, note="", now=NOW)
        withdraw_check(uow, sam(cast), first, today=TODAY, asker_id=cast.sam.id)
        ask_location(uow, sam(cast), cast.ana.id, asker_id=cast.sam.id, now=NOW)


def test_a_withdrawn_check_is_told_to_the_phone(cast: Cast, db: Database, phone: PhoneOf) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_location_check(uow, cast, cast.ana)
        with pytest.raises(NoSuchCheck):
            withdraw_check(uow, SAM, id_, today=TODAY, asker_id=cast.ben.id)
        withdraw_check(uow, SAM, id_, today=TODAY, asker_id=cast.sam.id)
        with pytest.raises(WrongState):
            withdraw_check(uow, SAM, id_, today=TODAY)
    ana = phone(cast.ana)
    ana.pull()
    assert ana.fields(id_)["state"] == "WITHDRAWN"
    answered = ana.item("location_check", "answer", id_, {"answered": ana.event()})
    assert ana.push_one(answered)["merged"] == {"state": {"kept": "WITHDRAWN", "lost": "ASKED"}}
    for days, is_there in ((14, True), (15, False)):
        begin_tasks(db, cast.company.id, TODAY + days * DAY)
        ana.pull()
        assert (id_ in ana.ids()) is is_there


def test_people_are_asked_from_the_command_line(cast: Cast, db: Database, run: Run) -> None:
    with db.company(cast.company.id) as uow:
        every_day = {"working_from_min": 0, "working_until_min": 1_440}
        change_policy(uow, SAM, {**every_day, "working_weekdays": (1, 2, 3, 4, 5, 6, 7)})
        (row,) = uow.rows("select email from person where id = :id", id=cast.ana.id)
    asked = run("locate", "ask", row.email, "--note", "Where are you?")
    assert asked.exit_code == 0, asked.output
    assert run("locate", "ask", row.email).exit_code == 1
    assert "Where are you?" not in run("locate", "list", "--day", "2020-01-01").output
    assert "ASKED" in run("locate", "list", "--person", row.email).output
    short = asked.output.split()[2].strip(".")
    assert run("locate", "withdraw", short).output == "Withdrawn.\n"
