"""Stores in activities as the office decides about them, within what each may see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import Result

from server.activities.activity_list import list_brought
from server.activities.day_begins import begin_activities
from server.activities.errors import (
    AlreadyIn,
    FieldInvalid,
    NoSuchActivity,
    NoSuchActivityStore,
    NoSuchStore,
    WrongState,
)
from server.activities.stores import (
    approve_requests,
    count_by_state,
    enter_stores,
    list_activity_stores,
    refuse_stores,
    start_some,
)
from server.identity.change_log import Actor, changes_of
from sync.kinds.activity_store.publish import put_beside_stores
from sync.unit_of_work import Database
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Json, Phone

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
DAY = timedelta(days=1)


def request(phone: Phone, activity: UUID, store: UUID) -> Json:
    payload = {
        "activity_id": str(activity),
        "store_id": str(store),
        "requested": phone.event(),
        "note": "a good corner",
    }
    return phone.item("activity_store", "request", uuid4(), payload)


@pytest.fixture
def activity(cast: Cast, db: Database) -> UUID:
    with db.company(cast.company.id) as uow:
        return add_activity(uow)


def asked(phone: Phone, db: Database, activity: UUID, store: UUID) -> UUID:
    """The id of a request that has come and stands beside its store."""
    item = request(phone, activity, store)
    assert phone.push_one(item)["status"] == "applied"
    id_ = UUID(item["entity_id"])
    with db.company(phone.device.company_id) as uow:
        put_beside_stores(uow, [id_])
    return id_


def test_a_request_that_is_approved_runs_where_the_activity_is_open(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, activity: UUID
) -> None:
    ana = phone(cast.ana)
    id_ = asked(ana, db, activity, cast.ana_stores[0])
    with db.company(cast.company.id) as uow:
        states = approve_requests(uow, office, [id_], today=TODAY, answer="Good shop")
        (logged,) = changes_of(uow, subject_kind="activity_store")
    assert states == {id_: "RUNNING"}
    assert (logged.action, logged.before) == ("activity_store.approve", {"state": "REQUESTED"})
    ana.pull()
    fields = ana.fields(id_)
    assert (fields["state"], fields["answer"]) == ("RUNNING", "Good shop")
    assert fields["decided_at"] is not None
    assert fields["note"] == "a good corner"


def test_where_it_is_not_open_yet_it_waits_and_starts_with_it(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf
) -> None:
    with db.company(cast.company.id) as uow:
        coming = add_activity(uow, state="APPROVED", starts_on=TODAY + DAY)
    id_ = asked(phone(cast.ana), db, coming, cast.ana_stores[0])
    with db.company(cast.company.id) as uow:
        assert approve_requests(uow, office, [id_], today=TODAY) == {id_: "APPROVED"}
        assert start_some(uow, [coming]) == 0
    begin_activities(db, cast.company.id, TODAY + DAY)
    with db.company(cast.company.id) as uow:
        assert start_some(uow, [coming]) == 1
        (one,) = list_activity_stores(uow, today=TODAY)
    assert (one.state, one.person, one.position_code) == ("RUNNING", "Ana", "REP-ANA")


def test_a_refusal_says_why_and_leaves_phones_after_a_while(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, activity: UUID
) -> None:
    ana = phone(cast.ana)
    id_ = asked(ana, db, activity, cast.ana_stores[0])
    second = request(ana, activity, cast.ana_stores[0])
    ana.push_one(second)
    then = datetime(2026, 3, 4, 4, tzinfo=UTC)
    with db.company(cast.company.id) as uow:
        with pytest.raises(FieldInvalid):
            refuse_stores(uow, office, [id_], "  ", today=TODAY)
        refuse_stores(uow, office, [id_], "No room", today=TODAY, now=then)
        with pytest.raises(WrongState):
            approve_requests(uow, office, [id_], today=TODAY)
    ana.pull()
    assert (ana.fields(id_)["state"], ana.fields(id_)["answer"]) == ("REFUSED", "No room")
    both = {id_, UUID(second["entity_id"])}
    for days, is_there in ((14, True), (15, False)):
        begin_activities(db, cast.company.id, TODAY + days * DAY)
        ana.pull()
        assert (both <= ana.ids(), bool(both & ana.ids())) == (is_there, is_there)


def test_the_office_puts_stores_in_and_each_once(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        ids = enter_stores(uow, office, activity, cast.ana_stores[:2], today=TODAY)
        with pytest.raises(AlreadyIn):
            enter_stores(uow, office, activity, cast.ana_stores[1:], today=TODAY)
        with pytest.raises(NoSuchStore):
            enter_stores(uow, office, activity, [uuid4()], today=TODAY)
        with pytest.raises(NoSuchActivity):
            enter_stores(uow, office, uuid4(), cast.ana_stores[2:], today=TODAY)
        ended = add_activity(uow, state="ENDED")
        with pytest.raises(WrongState):
            enter_stores(uow, office, ended, cast.ana_stores[2:], today=TODAY)
        assert count_by_state(uow, activity, today=TODAY) == {"RUNNING": 2}
        logged = changes_of(uow, subject_kind="activity_store")
    assert {one.action for one in logged} == {"activity_store.enter"}
    ana = phone(cast.ana)
    ana.pull()
    assert ana.ids("activity_store") == set(ids)
    # A phone that asks for it all the same is told.
    second = request(ana, activity, cast.ana_stores[0])
    ana.push_one(second)
    ana.pull()
    assert ana.fields(second["entity_id"])["instead_id"] == str(ids[0])


def test_who_asks_sees_and_decides_within_their_scope_alone(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, activity: UUID
) -> None:
    anas = asked(phone(cast.ana), db, activity, cast.ana_stores[0])
    bens = asked(phone(cast.ben), db, activity, cast.ben_stores[0])
    expected = {cast.ana: {anas}, cast.ben: {bens}, cast.sam: {anas, bens}, cast.ada: {anas, bens}}
    with db.company(cast.company.id) as uow:
        for person, seen in expected.items():
            found = list_activity_stores(uow, today=TODAY, asker_id=person.id)
            assert {one.id for one in found} == seen
        counted = count_by_state(uow, activity, today=TODAY, asker_id=cast.ana.id)
        assert counted == {"REQUESTED": 1}
        for act in (
            lambda: approve_requests(uow, office, [bens], today=TODAY, asker_id=cast.ana.id),
            lambda: refuse_stores(uow, office, [bens], "no", today=TODAY, asker_id=cast.ana.id),
        ):
            with pytest.raises(NoSuchActivityStore) as refused:
                act()
            with pytest.raises(NoSuchActivityStore) as missing:
                approve_requests(uow, office, [uuid4()], today=TODAY)
            assert str(refused.value) == str(missing.value)
        with pytest.raises(NoSuchStore):
            enter_stores(
                uow, office, activity, [cast.ben_stores[1]], today=TODAY, asker_id=cast.ana.id
            )
        approve_requests(uow, office, [anas, bens], today=TODAY, asker_id=cast.sam.id)


def test_all_are_decided_or_none(
    cast: Cast, db: Database, office: Actor, phone: PhoneOf, activity: UUID
) -> None:
    id_ = asked(phone(cast.ana), db, activity, cast.ana_stores[0])
    with db.company(cast.company.id) as uow:
        running = add_activity_store(uow, activity, cast.ana_stores[1])
        with pytest.raises(WrongState):
            approve_requests(uow, office, [id_, running], today=TODAY)
        assert count_by_state(uow, activity, today=TODAY) == {"REQUESTED": 1, "RUNNING": 1}


def test_what_was_brought_is_listed_to_who_may_see_who_brought_it(
    cast: Cast, db: Database, phone: PhoneOf, activity: UUID
) -> None:
    with db.company(cast.company.id) as uow:
        taking_part = add_activity_store(uow, activity, cast.ana_stores[0])
    ana = phone(cast.ana)
    visit = ana.visit(cast.ana_stores[0])
    brought = ana.item(
        "audit_visit",
        "create",
        uuid4(),
        {
            "activity_store_id": str(taking_part),
            "visit_id": visit["entity_id"],
            "standards_version": 1,
            "occurred": ana.event(),
            "answers": [{"item": "POSTER", "answer": "DONE"}],
            "photos": [],
        },
    )
    assert ana.statuses(visit, brought) == ["applied"] * 2
    with db.company(cast.company.id) as uow:
        (one,) = list_brought(uow, activity, today=TODAY, asker_id=cast.sam.id)
        assert list_brought(uow, activity, today=TODAY, asker_id=cast.ben.id) == []
        (listed,) = list_activity_stores(uow, today=TODAY, activity_id=activity)
    assert (one.person, one.answers, one.photos) == ("Ana", 1, 0)
    assert one.flags == ("items_unanswered", "photos_missing")
    assert listed.audit_visits == 1
    with db.company(cast.company.id) as uow:
        # As if a wrong clock had dated it ahead.
        uow.run("update audit_visit set business_day = '2090-01-01'")
    begin_activities(db, cast.company.id, TODAY + 14 * DAY)
    ana.pull()
    assert UUID(brought["entity_id"]) in ana.ids()
    begin_activities(db, cast.company.id, TODAY + 15 * DAY)
    ana.pull()
    assert UUID(brought["entity_id"]) not in ana.ids()


def test_an_activity_is_run_from_the_command_line(
    cast: Cast, db: Database, phone: PhoneOf, run: Run, tmp_path: Path
) -> None:
    standards = tmp_path / "standards.json"
    standards.write_text('[{"item": "POSTER", "text": "The poster", "photos": 1}]')
    period = ("--from", "2026-03-01", "--to", "2036-03-01")
    too_long = run("activity", "add", "Posters", *period)
    assert (too_long.exit_code, "ends_on" in too_long.output) == (1, True)
    period = ("--from", "2026-01-01", "--to", "2028-12-31")
    words = ("--pay", "30000", "--currency", "CNY", "--standards", str(standards))
    added = run("activity", "add", "Posters", *period, *words, "--region", "NORTH")
    assert added.exit_code == 0, added.output
    draft = added.output.split()[2].strip(",")
    assert "DRAFT" in run("activity", "list").output
    assert run("activity", "approve", draft, "--code", "P1").output == "Approved: activity P1.\n"
    assert "30000 CNY" in run("activity", "list", "--state", "open").output
    assert run("activity", "enter", "P1", "ANCHOR").output == "Entered: 1.\n"
    twice = run("activity", "enter", "P1", "ANCHOR")
    assert twice.output == "Error: store ANCHOR is in the activity already\n"
    with db.reading(cast.company.id) as uow:
        (activity,) = (row.id for row in uow.rows("select id from activity"))
    id_ = asked(phone(cast.ana), db, activity, cast.ana_stores[1])
    assert "a good corner" in run("activity", "stores", "P1", "--state", "requested").output
    taken = run("activity", "take", id_.hex[:8], "--answer", "Yes")
    assert taken.output == "Taken in: 1, 1 of them running.\n"
    assert "Ana" in run("activity", "stores", "--seen-by", _email(db, cast.sam)).output
    assert run("activity", "refuse", id_.hex[:8], "--reason", "Closed").output == "Refused: 1.\n"
    assert run("activity", "brought", "P1").output == "Nothing was brought.\n"
    for step, said in (
        (("edit", "P1", "--name", "Posters of spring"), "Changed.\n"),
        (("suspend", "P1", "--reason", "No posters"), "Suspended.\n"),
        (("reopen", "P1"), "Open again.\n"),
        (("end", "P1"), "Ended.\n"),
    ):
        assert run("activity", *step).output == said
    refused = run("activity", "settle", "P1")
    assert refused.output == "Error: 1 stores of it are still open: decide about them first\n"


def _email(db: Database, person: Person) -> str:
    with db.reading(person.device.company_id) as uow:
        (row,) = uow.rows("select email from person where id = :id", id=person.id)
    email: str = row.email
    return email
