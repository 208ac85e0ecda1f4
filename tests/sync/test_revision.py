"""Who hears of two edits that met on a field: whoever wrote the field, not whoever wrote last."""

from typing import Any

from sqlalchemy import Engine

from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast, Person, item, make_cast, pull_all, push_items


def edit(engine: SyncEngine, cast: Cast, person: Person, **changes: Any) -> dict[str, Any]:
    sent = item("store", "edit", cast.ana_stores[0], {"changes": changes}, base_version=1)
    return push_items(engine, person.device, [sent])[0]


def conflicts_of(engine: SyncEngine, person: Person) -> list[dict[str, Any]]:
    changes, _ = pull_all(engine, person.device)
    return [change["fields"] for change in changes if change["kind"] == "conflict"]


def test_the_person_who_wrote_the_field_hears_of_the_conflict_and_nobody_else(
    engine: Engine, owner_engine: Engine
) -> None:
    database = Database(engine)
    cast = make_cast(owner_engine, database)
    roadbook = SyncEngine(database, ALL_KINDS, b"x" * 32)
    assert edit(roadbook, cast, cast.ana, contact_phone="1")["status"] == "applied"
    assert edit(roadbook, cast, cast.sam, address="2 Quay")["status"] == "merged"
    assert edit(roadbook, cast, cast.mia, contact_phone="3")["status"] == "conflict"
    told = conflicts_of(roadbook, cast.ana)
    assert told == conflicts_of(roadbook, cast.mia)
    assert [(one["held_by"], one["sent_by"]) for one in told] == [("Ana", "Mia")]
    assert conflicts_of(roadbook, cast.sam) == []


def test_each_of_several_people_whose_fields_were_met_hears_of_the_conflict(
    engine: Engine, owner_engine: Engine
) -> None:
    database = Database(engine)
    cast = make_cast(owner_engine, database)
    roadbook = SyncEngine(database, ALL_KINDS, b"x" * 32)
    edit(roadbook, cast, cast.ana, contact_phone="1")
    edit(roadbook, cast, cast.sam, address="2 Quay")
    result = edit(roadbook, cast, cast.mia, contact_phone="3", address="3 Quay")
    assert result["status"] == "conflict"
    for person in (cast.ana, cast.sam, cast.mia):
        assert [one["held_by"] for one in conflicts_of(roadbook, person)] == ["Ana, Sam"]
