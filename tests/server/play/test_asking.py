"""The office asks something of everybody who plays, and takes back what nobody answered."""

import pytest
from sqlalchemy import Engine as DatabaseEngine

from server.identity.change_log import Actor
from server.play.asking import ask_people, take_back
from sync.unit_of_work import Database
from tests.factories import Cast, make_cast
from tests.sync.talking import rows_of

ACTOR = Actor.command("play")


@pytest.fixture(scope="session")
def db(engine: DatabaseEngine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: DatabaseEngine, db: Database) -> Cast:
    return make_cast(owner_engine, db)


def states(db: Database, cast: Cast) -> list[tuple[str, str]]:
    rows = rows_of(
        db,
        cast,
        "select 'task' as kind, state from task union all select 'check', state from location_check"
        " union all select 'notice', state from notice order by 1, 2",
    )
    return [(row.kind, row.state) for row in rows]


def test_everybody_has_a_task_and_is_asked_where_they_are_and_all_of_it_is_taken_back(
    db: Database, cast: Cast
) -> None:
    asked = ask_people(db, cast.company.id, ACTOR, [cast.ana.id, cast.ben.id, cast.ana.id])
    assert states(db, cast) == [
        ("check", "ASKED"),
        ("check", "ASKED"),
        ("notice", "GIVEN"),
        ("task", "OPEN"),
        ("task", "OPEN"),
    ]
    with db.company(cast.company.id) as uow:
        uow.run("update task set state = 'DONE', over_at = now() where id = :id", id=asked.tasks[0])
    take_back(db, cast.company.id, ACTOR, asked)
    assert states(db, cast) == [
        ("check", "WITHDRAWN"),
        ("check", "WITHDRAWN"),
        ("notice", "RECALLED"),
        ("task", "DONE"),
        ("task", "WITHDRAWN"),
    ]
    take_back(db, cast.company.id, ACTOR, asked)


def test_whoever_is_asked_already_is_not_asked_again(db: Database, cast: Cast) -> None:
    first = ask_people(db, cast.company.id, ACTOR, [cast.ana.id])
    again = ask_people(db, cast.company.id, ACTOR, [cast.ana.id])
    assert len(first.checks) == 1
    assert again.checks == []
