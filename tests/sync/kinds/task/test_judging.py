"""What becomes of answers to tasks: the first settles one, every other is kept beside it and told."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from sync.unit_of_work import Database
from tests.activities_factories import NOW, add_task
from tests.factories import TODAY, Cast, Person
from tests.sync.office import end_occupancy, start_occupancy
from tests.sync.talking import Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]
PHOTO = {"sha256": "a" * 64, "size": 10, "role": "answer"}


def answer(phone: Phone, task: object, *, media: Any = (), **payload: Any) -> Json:
    return phone.item("task", "answer", task, {"done": phone.event(), **payload}, media=list(media))


def give(db: Database, cast: Cast, position: UUID | None = None, **columns: Any) -> UUID:
    with db.company(cast.company.id) as uow:
        return add_task(uow, position, **columns)


def test_a_task_comes_down_to_its_position_and_those_above(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    for person, sees in ((cast.ana, True), (cast.sam, True), (cast.ben, False), (cast.aki, False)):
        one = phone(person)
        one.pull()
        assert (id_ in one.ids("task")) is sees


def test_the_first_answer_settles_it(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    ana = phone(cast.ana)
    result = ana.push_one(answer(ana, id_, media=[PHOTO], note="all shot"))
    assert (result["status"], result["version"]) == ("applied", 2)
    ana.pull()
    fields = ana.fields(id_)
    assert fields["state"] == "DONE"
    told = {name: fields["answer"][name] for name in ("answered_by", "note", "photos", "visit_id")}
    assert told == {"answered_by": "Ana", "note": "all shot", "photos": 1, "visit_id": None}
    row = only(rows_of(db, cast, "select state, over_at is not null from task"))
    assert tuple(row) == ("DONE", True)
    kept = only(rows_of(db, cast, "select is_settling, photos, note from task_answer"))
    assert tuple(kept) == (True, 1, "all shot")


def test_a_second_answer_is_kept_and_told_what_was_first(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    with db.company(cast.company.id) as uow:
        start_occupancy(uow, cast, cast.ben, cast.ana.position_id, TODAY)
    ana, ben = phone(cast.ana), phone(cast.ben)
    ana.push_one(answer(ana, id_, note="first"))
    second = answer(ben, id_, note="second", media=[PHOTO])
    result = ben.push_one(second)
    assert (result["status"], result["version"]) == ("merged", 2)
    assert result["merged"]["state"] == {"kept": "DONE", "lost": "OPEN"}
    assert result["merged"]["answer"]["kept"]["answered_by"] == "Ana"
    assert result["merged"]["answer"]["lost"] is None
    kept = rows_of(db, cast, "select is_settling, note from task_answer order by note")
    assert [tuple(row) for row in kept] == [(True, "first"), (False, "second")]
    assert ben.push_one(second)["status"] == "duplicate"
    assert len(rows_of(db, cast, "select from task_answer")) == len(kept)


def test_the_answer_to_a_task_that_was_withdrawn_is_kept_and_told(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast, cast.ana.position_id, state="WITHDRAWN", over_at=NOW)
    ana = phone(cast.ana)
    result = ana.push_one(answer(ana, id_))
    assert (result["status"], result["merged"]) == (
        "merged",
        {"state": {"kept": "WITHDRAWN", "lost": "OPEN"}},
    )
    assert only(rows_of(db, cast, "select is_settling from task_answer")).is_settling is False


def test_a_successor_gets_the_task_and_answers_it(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    with db.company(cast.company.id) as uow:
        end_occupancy(uow, cast.ana, TODAY - timedelta(days=1))
        start_occupancy(uow, cast, cast.ben, cast.ana.position_id, TODAY)
    ana, ben = phone(cast.ana), phone(cast.ben)
    ana.pull()
    ben.pull()
    assert (id_ in ana.ids(), id_ in ben.ids()) == (False, True)
    assert ben.push_one(answer(ben, id_))["status"] == "applied"


def test_who_sees_a_task_without_holding_its_position_does_not_answer_it(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    sam, ben = phone(cast.sam), phone(cast.ben)
    refused = sam.push_one(answer(sam, id_))
    assert (refused["code"], refused["where"]) == ("not_permitted", "entity_id")
    assert ben.push_one(answer(ben, id_))["code"] == "not_in_scope"


def test_a_task_of_a_person_stays_theirs(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = give(db, cast, person_id=cast.aki.id)
    aki, sam = phone(cast.aki), phone(cast.sam)
    sam.pull()
    assert id_ not in sam.ids()
    assert sam.push_one(answer(sam, id_))["status"] == "quarantined"
    assert aki.push_one(answer(aki, id_))["status"] == "applied"


def test_an_answer_waits_for_its_visit(cast: Cast, phone: PhoneOf, db: Database) -> None:
    id_ = give(db, cast, cast.ana.position_id)
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    answered = answer(ana, id_, visit_id=visit["entity_id"])
    assert ana.push_one(answered)["missing"] == [visit["entity_id"]]
    other = give(db, cast, cast.ana.position_id)
    assert ana.statuses(answer(ana, other, visit_id=visit["entity_id"]), visit) == ["applied"] * 2
    ana.pull()
    assert ana.fields(other)["answer"]["visit_id"] == visit["entity_id"]


def test_an_answer_to_a_task_that_is_not_there_waits(cast: Cast, phone: PhoneOf) -> None:
    ana = phone(cast.ana)
    assert ana.push_one(answer(ana, uuid4()))["status"] == "deferred"
