"""Notices as the office gives and recalls them, and who has read them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result
from sqlalchemy import Engine

from server.identity.change_log import Actor, changes_of
from server.identity.occupancies import give_occupancy
from server.planning.organisation import add_position, edit_position, move_region
from server.tasks.day_begins import begin_tasks
from server.tasks.errors import BeyondScope, FieldInvalid, NoSuchNotice, WrongState
from server.tasks.notices import (
    NewNotice,
    Text,
    give_notice,
    list_notices,
    readers_of,
    recall_notice,
)
from sync.organisation import division
from sync.scope import rescope
from sync.unit_of_work import Database
from tests import factories
from tests.activities_factories import add_notice
from tests.factories import TODAY, Cast, Person, add_occupancy, add_region
from tests.sync.talking import Json, Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
DAY = timedelta(days=1)


def new(**fields: Any) -> NewNotice:
    return NewNotice(
        **{
            "texts": [Text(language="en", title="Stocktake", body="On Friday.")],
            "starts_on": TODAY,
            "ends_on": TODAY + 2 * DAY,
            **fields,
        }
    )


def read(phone: Phone, notice: UUID) -> Json:
    return phone.item("notice", "read", notice, {"read": phone.event()})


def test_a_notice_is_on_phones_from_its_first_day_to_its_last(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = give_notice(uow, office, new(starts_on=TODAY + DAY), today=TODAY)
    ana = phone(cast.ana)
    shown = []
    for days in range(5):
        begin_tasks(db, cast.company.id, TODAY + days * DAY)
        ana.pull()
        shown.append(id_ in ana.ids("notice"))
    assert shown == [False, True, True, False, False]
    with db.company(cast.company.id) as uow:
        (one,) = list_notices(uow, today=TODAY + 4 * DAY)
    assert (one.state, one.title, one.languages) == ("OVER", "Stocktake", ("en",))


def test_a_notice_that_is_shown_is_not_sent_again_by_a_day_that_begins(
    cast: Cast, db: Database, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        add_notice(uow)
    ana = phone(cast.ana)
    ana.pull()
    begin_tasks(db, cast.company.id, TODAY + DAY)
    assert ana.pull() == []


def test_a_recalled_notice_leaves_every_phone_at_once(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_notice(uow)
    ana = phone(cast.ana)
    ana.pull()
    with db.company(cast.company.id) as uow:
        recall_notice(uow, office, id_, "Wrong day", today=TODAY)
        with pytest.raises(WrongState):
            recall_notice(uow, office, id_, "Again", today=TODAY)
        with pytest.raises(NoSuchNotice):
            recall_notice(uow, office, uuid4(), "Again", today=TODAY)
        (logged,) = changes_of(uow, subject_kind="notice")
    ana.pull()
    assert id_ not in ana.ids()
    assert logged.after == {"state": "RECALLED", "reason": "Wrong day"}
    # What was opened before the recall was known is still told.
    assert ana.push_one(read(ana, id_))["status"] == "applied"
    begin_tasks(db, cast.company.id, TODAY + DAY)
    ana.pull()
    assert id_ not in ana.ids()


def test_notices_of_regions_follow_positions_that_move_at_once(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    north, south, wharf = cast.regions.north, cast.regions.south, cast.regions.wharf
    with db.company(cast.company.id) as uow:
        norths, souths, harbours, wharfs = (
            add_notice(uow, "REGION", [region])
            for region in (north, south, cast.regions.harbour, wharf)
        )
        coming = add_notice(uow, "REGION", [south], starts_on=TODAY + DAY)
    ana = phone(cast.ana)

    def shown() -> set[UUID]:
        ana.pull()
        return ana.ids("notice")

    assert shown() == {norths, harbours, wharfs}
    seat = cast.ana.position_id
    with db.company(cast.company.id) as uow:
        edit_position(uow, office, seat, region_id=south, today=TODAY)
    assert shown() == {souths, harbours, wharfs}
    with db.company(cast.company.id) as uow:
        edit_position(uow, office, seat, region_id=wharf, today=TODAY)
    assert shown() == {wharfs}
    with db.company(cast.company.id) as uow:
        edit_position(uow, office, seat, region_id=north, today=TODAY)
        move_region(uow, office, north, above=south, today=TODAY)
    assert shown() == {norths, souths, harbours, wharfs}
    with db.company(cast.company.id) as uow:
        move_region(uow, office, south, above=None, today=TODAY)
    assert shown() == {norths, souths}
    with db.company(cast.company.id) as uow:
        new_seat = add_position(
            uow, office, code="NEW", name="New", role="rep", region_id=south, today=TODAY
        )
        give_occupancy(
            uow,
            office,
            person_id=cast.aki.id,
            position_id=new_seat,
            starts_on=TODAY,
            today=TODAY,
        )
    aki = phone(cast.aki)
    aki.pull()
    assert aki.ids("notice") == {souths, wharfs}
    assert coming not in ana.ids()


def test_a_notice_that_is_given_while_a_position_moves_is_where_it_is_then(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    given: list[UUID] = []
    norths = new(audience="REGION", audience_ids=[cast.regions.north])

    def give() -> None:
        with db.company(cast.company.id) as uow:
            given.append(give_notice(uow, office, norths, today=TODAY))

    giving = Thread(target=give)
    with db.company(cast.company.id) as uow:
        edit_position(uow, office, cast.ana.position_id, region_id=cast.regions.south, today=TODAY)
        giving.start()
        giving.join(0.3)
    giving.join(20)
    ana = phone(cast.ana)
    ana.pull()
    assert len(given) == 1
    assert ana.ids("notice") == set()


def test_a_position_that_something_else_put_into_a_region_gets_its_notices_with_the_next_day(
    cast: Cast, db: Database, owner_engine: Engine, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_notice(uow, "REGION", [cast.regions.harbour])
    with owner_engine.begin() as connection:
        seat = factories.add_position(
            connection, cast.company, "REP-NEW", role="rep", region_id=cast.regions.south
        )
        add_occupancy(connection, cast.company, position_id=seat, person_id=cast.aki.id)
    with db.company(cast.company.id) as uow:
        rescope(uow, [cast.aki.id], TODAY)
    aki = phone(cast.aki)
    aki.pull()
    assert id_ not in aki.ids()
    begin_tasks(db, cast.company.id, TODAY + DAY)
    aki.pull()
    assert id_ in aki.ids()


def test_who_has_read_it_and_who_has_not(cast: Cast, db: Database, phone: PhoneOf) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_notice(uow, "REGION", [cast.regions.harbour])
    for person in (cast.ana, cast.mia):
        one = phone(person)
        assert one.push_one(read(one, id_))["status"] == "applied"
    with db.company(cast.company.id) as uow:
        found = readers_of(uow, id_, today=TODAY)
        # Mia sees what lies below her and has read it, but is not of its audience.
        assert [(one.person, one.position_code, one.read_at is None) for one in found] == [
            ("Ben", "REP-BEN", True),
            ("Sam", "SUPERVISOR-SAM", True),
            ("Ana", "REP-ANA", False),
            ("Mia", None, False),
        ]
        unread = readers_of(uow, id_, today=TODAY, only_unread=True)
        assert [one.person for one in unread] == ["Ben", "Sam"]
        seen = readers_of(uow, id_, today=TODAY, asker_id=cast.ana.id)
        assert [one.person for one in seen] == ["Ana"]
        (listed,) = list_notices(uow, today=TODAY)
    assert listed.readers == 2


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"texts": []}, "texts"),
        ({"texts": [Text(language="fr", title="a")]}, "language"),
        ({"texts": [Text(language="en", title="")]}, "title"),
        ({"texts": [Text(language="en", title="a", body="x" * 4_001)]}, "body"),
        ({"texts": [Text(language="en", title="a")] * 2}, "of its own"),
        ({"ends_on": TODAY - DAY}, "ends_on"),
        ({"ends_on": TODAY + 400 * DAY}, "ends_on"),
        ({"audience": "WORLD"}, "audience"),
        ({"audience_ids": [uuid4()]}, "audience_ids"),
        ({"audience": "REGION"}, "audience_ids"),
        ({"audience": "REGION", "audience_ids": [uuid4()]}, "audience_ids"),
        ({"audience": "DIVISION", "audience_ids": [uuid4()]}, "audience_ids"),
        ({"audience": "POSITIONS", "audience_ids": [uuid4()]}, "audience_ids"),
    ],
)
def test_what_a_notice_cannot_be_is_named(
    cast: Cast, db: Database, office: Actor, fields: Any, words: str
) -> None:
    with db.company(cast.company.id) as uow, pytest.raises(FieldInvalid, match=words):
        give_notice(uow, office, new(**fields), today=TODAY)


def test_nobody_tells_more_people_than_they_may_see(
    cast: Cast, db: Database, office: Actor
) -> None:
    harbour = {"audience": "REGION", "audience_ids": [cast.regions.harbour]}
    for person, fields, may in (
        (cast.sam, harbour, True),
        (cast.sam, {}, False),
        (cast.ana, harbour, False),
        (cast.ana, {"audience": "POSITIONS", "audience_ids": [cast.ana.position_id]}, True),
        (cast.ada, {}, True),
    ):
        with db.rehearsal(cast.company.id) as uow:
            if may:
                give_notice(uow, office, new(**fields), today=TODAY, asker_id=person.id)
            else:
                with pytest.raises(BeyondScope):
                    give_notice(uow, office, new(**fields), today=TODAY, asker_id=person.id)
    with db.company(cast.company.id) as uow:
        id_ = add_notice(uow)
        with pytest.raises(BeyondScope):
            recall_notice(uow, office, id_, "Mine", today=TODAY, asker_id=cast.sam.id)


def test_a_list_has_the_notices_for_positions_that_the_asker_sees_and_counts_their_readers(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, owner_engine: Engine
) -> None:
    drinks = uuid4()
    with db.company(cast.company.id) as uow:
        uow.connection.execute(
            division.insert().values(company_id=uow.company_id, id=drinks, code="D", name="D")
        )
        ids = {
            "company": add_notice(uow),
            "north": add_notice(uow, "REGION", [cast.regions.north]),
            "south": add_notice(uow, "REGION", [cast.regions.south]),
            "harbour": add_notice(uow, "REGION", [cast.regions.harbour]),
            "ben": add_notice(uow, "POSITIONS", [cast.ben.position_id]),
            "drinks": add_notice(uow, "DIVISION", [drinks]),
        }
        uow.run(
            "update position set division_id = :drinks where id = :id",
            drinks=drinks,
            id=cast.ben.position_id,
        )
        rescope(uow, [cast.ben.id], TODAY)
    for person in (cast.ana, cast.ben):
        one = phone(person)
        assert one.push_one(read(one, ids["company"]))["status"] == "applied"
    names = {id_: name for name, id_ in ids.items()}
    expected = {
        cast.ana.id: ({"company", "north", "harbour", "drinks"}, 1),
        cast.ben.id: ({"company", "south", "harbour", "ben", "drinks"}, 1),
        cast.sam.id: (set(ids), 2),
        cast.ada.id: (set(ids), 2),
        uuid4(): (set(), 0),
    }
    with db.company(cast.company.id) as uow:
        for asker, (seen, readers) in expected.items():
            found = list_notices(uow, today=TODAY, asker_id=asker)
            assert {names[one.id] for one in found} == seen
            assert sum(one.readers for one in found) == readers
        with pytest.raises(NoSuchNotice):
            recall_notice(uow, office, ids["ben"], "Mine", today=TODAY, asker_id=cast.ana.id)


def test_nobody_tells_a_region_in_which_nobody_is_theirs(
    cast: Cast, db: Database, office: Actor, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        empty = add_region(connection, cast.company, "Island", boundary=None)
    fields = {"audience": "REGION", "audience_ids": [empty]}
    with db.company(cast.company.id) as uow, pytest.raises(BeyondScope):
        give_notice(uow, office, new(**fields), today=TODAY, asker_id=cast.sam.id)


def test_giving_is_logged(cast: Cast, db: Database, office: Actor) -> None:
    with db.company(cast.company.id) as uow:
        id_ = give_notice(uow, office, new(), today=TODAY)
        (logged,) = changes_of(uow, subject_kind="notice", subject_id=id_)
    assert (logged.action, logged.actor) == ("notice.give", "the office")
    assert logged.after is not None
    assert logged.after["audience"] == "COMPANY"


def test_notices_are_given_and_followed_from_the_command_line(
    cast: Cast, db: Database, run: Run
) -> None:
    last = f"{datetime.now(UTC).date() + 5 * DAY}"
    zh = ("--zh", "盘点", "周五下午不发货。")
    given = run("notice", "give", *zh, "--en", "Stocktake", "On Friday.", "--to", last)
    assert given.exit_code == 0, given.output
    short = given.output.split()[2].strip(".")
    shown = run("notice", "list", "--shown").output
    assert "zh+en" in shown
    # In the language of whoever reads the list.
    assert "Stocktake" in shown
    assert "盘点" not in shown
    assert "REP-ANA" in run("notice", "readers", short, "--unread").output
    assert run("notice", "recall", short, "--reason", "Wrong").output == "Recalled.\n"
    assert "RECALLED" in run("notice", "list").output
    refused = run("notice", "give", "--to", last)
    assert refused.output == "Error: texts: in one language or two\n"
    narrow = run("notice", "give", *zh, "--to", last, "--region", "NORTH", "--position", "REP-BEN")
    assert narrow.exit_code == 2
