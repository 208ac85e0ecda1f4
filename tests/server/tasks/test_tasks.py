"""Tasks as the office gives them and sees what became of them, within what each may see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from click.testing import Result

from server.identity.change_log import Actor, changes_of
from server.tasks.day_begins import begin_tasks
from server.tasks.errors import (
    FieldInvalid,
    NoSuchPerson,
    NoSuchPosition,
    NoSuchRecord,
    NoSuchTask,
    TaskError,
    WrongState,
)
from server.tasks.tasks import (
    NewTask,
    answers_to,
    give_tasks,
    list_tasks,
    open_tasks,
    withdraw_tasks,
)
from sync.unit_of_work import Database
from tests.activities_factories import add_activity, add_activity_store, add_task
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Json, Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
DAY = timedelta(days=1)


def new(**fields: Any) -> NewTask:
    return NewTask(**{"sort": "PUT_RIGHT", "text": "Straighten it", "due_on": TODAY, **fields})


def answer(phone: Phone, task: UUID, **payload: Any) -> Json:
    return phone.item("task", "answer", task, {"done": phone.event(), **payload})


def test_tasks_reach_the_phones_of_positions_and_of_people(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        ids = give_tasks(
            uow,
            office,
            [
                new(position_id=cast.ana.position_id, store_id=cast.ana_stores[0]),
                new(person_id=cast.aki.id, photo_sha256="a" * 64),
            ],
            today=TODAY,
        )
        assert give_tasks(uow, office, [], today=TODAY) == []
    ana, aki = phone(cast.ana), phone(cast.aki)
    ana.pull()
    aki.pull()
    assert (ana.ids("task"), aki.ids("task")) == ({ids[0]}, {ids[1]})
    fields = ana.fields(ids[0])
    assert (fields["sort"], fields["store_id"], fields["given_by"]) == (
        "PUT_RIGHT",
        str(cast.ana_stores[0]),
        "the office",
    )


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"sort": "DANCE"}, FieldInvalid),
        ({"text": ""}, FieldInvalid),
        ({"text": "x" * 1_001}, FieldInvalid),
        ({"due_on": TODAY - DAY}, FieldInvalid),
        ({"due_on": TODAY + 400 * DAY}, FieldInvalid),
        ({"position_id": None}, FieldInvalid),
        ({"person_id": uuid4()}, FieldInvalid),
        ({"photo_sha256": "A" * 64}, FieldInvalid),
        ({"position_id": uuid4()}, NoSuchPosition),
        ({"position_id": None, "person_id": uuid4()}, NoSuchPerson),
        ({"visit_id": uuid4()}, NoSuchRecord),
    ],
)
def test_what_a_task_cannot_be_is_refused(
    cast: Cast, db: Database, office: Actor, fields: Any, refusal: type[TaskError]
) -> None:
    with db.company(cast.company.id) as uow, pytest.raises(refusal):
        give_tasks(
            uow, office, [new(**{"position_id": cast.ana.position_id, **fields})], today=TODAY
        )


def test_a_task_is_about_what_its_giver_may_see_alone(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    ana, ben = phone(cast.ana), phone(cast.ben)
    hers, his = ana.visit(cast.ana_stores[0]), ben.visit(cast.ben_stores[0])
    assert ana.statuses(hers) + ben.statuses(his) == ["applied"] * 2
    with db.company(cast.company.id) as uow:
        activity = add_activity(uow)
        anas_part, bens_part = (
            add_activity_store(uow, activity, stores[0])
            for stores in (cast.ana_stores, cast.ben_stores)
        )
        for name, anas, bens in (
            ("store_id", cast.ana_stores[0], cast.ben_stores[0]),
            ("visit_id", UUID(hers["entity_id"]), UUID(his["entity_id"])),
            ("activity_store_id", anas_part, bens_part),
        ):
            for asker, about, may in (
                (cast.ana, anas, True),
                (cast.ana, bens, False),
                (cast.sam, bens, True),
                (cast.ada, bens, True),
            ):
                task = new(position_id=cast.ana.position_id, **{name: about})
                if may:
                    give_tasks(uow, office, [task], today=TODAY, asker_id=asker.id)
                else:
                    with pytest.raises(NoSuchRecord, match=name):
                        give_tasks(uow, office, [task], today=TODAY, asker_id=asker.id)


def test_a_store_in_the_place_of_a_visit_is_not_there(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow, pytest.raises(NoSuchRecord, match="visit_id"):
        give_tasks(
            uow,
            office,
            [new(position_id=cast.ana.position_id, visit_id=cast.ana_stores[0])],
            today=TODAY,
        )


def test_who_gives_a_task_gives_it_within_their_scope(
    cast: Cast, db: Database, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        for owner, refusal in (
            ({"position_id": cast.ben.position_id}, NoSuchPosition),
            ({"person_id": cast.ben.id}, NoSuchPerson),
        ):
            with pytest.raises(refusal):
                give_tasks(uow, office, [new(**owner)], today=TODAY, asker_id=cast.ana.id)
            assert give_tasks(uow, office, [new(**owner)], today=TODAY, asker_id=cast.sam.id)


def test_an_open_task_is_overdue_after_its_day_and_done_once_answered(
    cast: Cast, db: Database, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_task(uow, cast.ana.position_id)
        add_task(uow, cast.ben.position_id, due_on=TODAY + 5 * DAY)
        assert [one.is_overdue for one in list_tasks(uow, today=TODAY)] == [False, False]
        late = list_tasks(uow, today=TODAY + DAY, only_overdue=True)
        assert [(one.id, one.position_code, one.state) for one in late] == [
            (id_, "REP-ANA", "OPEN")
        ]
        told = [
            (one.position_code, one.open, one.overdue) for one in open_tasks(uow, today=TODAY + DAY)
        ]
        assert told == [("REP-ANA", 1, 1), ("REP-BEN", 1, 0)]
        seen = open_tasks(uow, today=TODAY, asker_id=cast.ben.id)
        assert [one.position_code for one in seen] == ["REP-BEN"]
    ana = phone(cast.ana)
    ana.push(answer(ana, id_, note="one"), answer(ana, id_, note="two"))
    with db.company(cast.company.id) as uow:
        (done,) = list_tasks(uow, today=TODAY + DAY, states=("DONE",))
        assert (done.id, done.answers, done.is_overdue) == (id_, 2, False)
        answers = answers_to(uow, id_, today=TODAY, asker_id=cast.sam.id)
        assert sorted((one.note or "", one.is_settling) for one in answers) == [
            ("one", True),
            ("two", False),
        ]
        assert answers_to(uow, id_, today=TODAY, asker_id=cast.ben.id) == []


def test_what_is_withdrawn_says_why_and_may_not_be_withdrawn_again(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        id_ = add_task(uow, cast.ana.position_id)
        with pytest.raises(NoSuchTask):
            withdraw_tasks(uow, office, [id_], "no", today=TODAY, asker_id=cast.ben.id)
        with pytest.raises(FieldInvalid):
            withdraw_tasks(uow, office, [id_], " ", today=TODAY)
        withdraw_tasks(uow, office, [id_], "They closed", today=TODAY, asker_id=cast.sam.id)
        with pytest.raises(WrongState):
            withdraw_tasks(uow, office, [id_], "again", today=TODAY)
    ana = phone(cast.ana)
    ana.pull()
    fields = ana.fields(id_)
    assert (fields["state"], fields["withdrawn_because"]) == ("WITHDRAWN", "They closed")


def test_what_is_over_leaves_phones_after_a_while_and_what_is_open_stays(
    cast: Cast, db: Database, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        over_at = datetime(2026, 3, 4, 4, tzinfo=UTC)
        done = add_task(uow, cast.ana.position_id, state="DONE", over_at=over_at)
        still_open = add_task(uow, cast.ana.position_id)
    ana = phone(cast.ana)
    for days, expected in ((14, {done, still_open}), (15, {still_open}), (300, {still_open})):
        begin_tasks(db, cast.company.id, TODAY + days * DAY)
        ana.pull()
        assert ana.ids("task") == expected


def test_giving_and_withdrawing_are_logged(cast: Cast, db: Database, office: Actor) -> None:
    with db.company(cast.company.id) as uow:
        (id_,) = give_tasks(uow, office, [new(position_id=cast.ana.position_id)], today=TODAY)
        withdraw_tasks(uow, office, [id_], "They closed", today=TODAY)
        withdrawn, given = changes_of(uow, subject_kind="task", subject_id=id_)
    assert (given.action, withdrawn.action) == ("task.give", "task.withdraw")
    assert given.after is not None
    assert given.after["text"] == "Straighten it"
    assert withdrawn.after == {"state": "WITHDRAWN", "reason": "They closed"}


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [refusal.code for refusal in TaskError.__subclasses__()]
    assert len(set(codes)) == len(codes)
    assert TaskError.code not in codes


def test_tasks_are_given_and_seen_from_the_command_line(
    cast: Cast, db: Database, phone: PhoneOf, run: Run
) -> None:
    due = f"{datetime.now(UTC).date() + 3 * DAY}"
    given = run(
        "task",
        "give",
        "Shoot it again",
        "--due",
        due,
        "--position",
        "REP-ANA",
        "--sort",
        "shoot_again",
        "--store",
        "ANCHOR",
    )
    assert given.exit_code == 0, given.output
    short = given.output.split()[1].strip(".")
    listed = run("task", "list").output
    assert "SHOOT_AGAIN" in listed
    assert "REP-ANA" in run("task", "open").output
    assert run("task", "answers", short).output == "Nobody has answered it.\n"
    assert run("task", "withdraw", short, "--reason", "No").output == "Withdrawn: 1.\n"
    assert run("task", "list").output == "No task is like this.\n"
    refused = run("task", "give", "x", "--due", due, "--position", "NOBODY")
    assert refused.output == "Error: there is no position 'NOBODY' in this company\n"
