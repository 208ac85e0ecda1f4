"""Auditors judge item by item; what they find stands after a while, and then it is told."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, update

from server.activities.day_begins import begin_activities
from server.audits.errors import (
    AuditError,
    ChangedMeanwhile,
    FieldInvalid,
    NoSuchTurn,
    NoSuchVerdict,
    VerdictTaken,
    WrongState,
)
from server.audits.queue import look_at_waiting
from server.audits.shown import look
from server.audits.standing import end_appeal_times, let_some_stand
from server.audits.verdicts import ItemVerdict, give_verdict, undo_verdict
from server.identity.change_log import Actor, changes_of
from server.identity.policy import change_policy
from sync.organisation import position
from sync.unit_of_work import Database
from tests.audit_factories import (
    NOW,
    SHOWN,
    Running,
    acting,
    bring,
    claim,
    judged,
    stand,
    states_of,
    verdict_of,
)
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Phone, counted_statements, only, rows_of

PhoneOf = Callable[[Person], Phone]
LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def ana(phone: PhoneOf, cast: Cast) -> Phone:
    return phone(cast.ana)


def photo_states(db: Database, cast: Cast) -> list[str]:
    return sorted(row.state for row in rows_of(db, cast, "select state from photo"))


def test_what_passes_is_final_and_the_phone_is_told(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn)
    ana.pull()
    assert ana.fields(id_)["verdict"] is None
    assert stand(db, cast, now=NOW + timedelta(minutes=9)) == 0
    assert stand(db, cast) == 1
    assert stand(db, cast) == 0
    ana.pull()
    told = ana.fields(id_)["verdict"]
    assert (told["id"], told["state"], told["result"]) == (str(verdict), "FINAL", "PASS")
    assert told["appeal_until"] is None
    assert [each["item"] for each in told["items"]] == ["END_CAP", "POSTER", "PRICE_TAG"]
    assert photo_states(db, cast) == ["PASS"] * 3
    assert ana.ids("task") == set()
    assert states_of(db, cast) == {id_: "FINAL"}


def test_what_fails_is_a_task_and_its_photos_fail(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR", PRICE_TAG="NOT_THERE")
    stand(db, cast)
    ana.pull()
    told = ana.fields(id_)["verdict"]
    assert (told["state"], told["result"]) == ("JUDGED", "FAIL")
    assert told["appeal_until"] == (LATER + timedelta(days=7)).timestamp() * 1000
    assert told["items"][0] == {
        "item": "END_CAP",
        "verdict": "FAIL",
        "reason_code": "UNCLEAR",
        "reason": "END_CAP as it stands",
    }
    assert photo_states(db, cast) == ["FAIL", "FAIL", "PASS"]
    tasks = {task["sort"]: task for task in map(ana.fields, ana.ids("task"))}
    assert set(tasks) == {"SHOOT_AGAIN", "PUT_RIGHT"}
    shoot = tasks["SHOOT_AGAIN"]
    assert shoot["text"] == (
        "An end cap beside the cooler. Too dark, blurred or cut off to tell. END_CAP as it stands"
    )
    assert shoot["photo_sha256"] in {
        photo["sha256"] for photo in ana.fields(id_)["photos"] if photo["item"] == "END_CAP"
    }
    assert (shoot["store_id"], shoot["visit_id"]) == (
        str(cast.ana_stores[0]),
        ana.fields(id_)["visit_id"],
    )
    assert (shoot["position_id"], shoot["due_on"]) == (str(cast.ana.position_id), "2026-03-07")
    assert tasks["PUT_RIGHT"]["photo_sha256"] is None


def test_a_verdict_names_what_it_was_made_with(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], shown=SHOWN[1:], flagged=True)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn)
    kept = only(rows_of(db, cast, "select * from audit_verdict"))
    assert (kept.id, kept.audit_visit_id, kept.version) == (verdict, id_, 1)
    assert (kept.auditor_id, kept.policy_version, kept.standards_version) == (cast.aki.id, 2, 1)
    assert [flag["flag"] for flag in kept.evidence["flags"]] == ["photos_missing"]
    assert [photo["file_state"] for photo in kept.evidence["photos"]] == ["READ", "READ"]
    with db.reading(cast.company.id) as uow:
        logged = changes_of(uow, subject_kind="audit_verdict")
    assert [(one.action, one.actor) for one in logged] == [("audit.judge", "Aki")]


def test_the_same_verdict_again_is_the_same_and_another_is_refused(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person
) -> None:
    bring(ana, db, running, *cast.ana_stores[:2], flagged=True)
    mine, other = claim(db, cast.aki)
    verdict = uuid4()
    with db.company(cast.company.id) as uow:
        shown = look(uow, cast.aki.id, mine.id, now=NOW)
        new = verdict_of(shown, verdict, POSTER="NOT_THERE")
        for _ in range(2):
            give_verdict(uow, acting(cast.aki), cast.aki.id, mine.id, new, now=NOW)
        with pytest.raises(VerdictTaken):
            give_verdict(
                uow, acting(cast.aki), cast.aki.id, mine.id, replace(new, note="Well"), now=NOW
            )
        with pytest.raises(VerdictTaken):
            give_verdict(uow, acting(sol), sol.id, mine.id, new, now=NOW)
        with pytest.raises(VerdictTaken):
            give_verdict(uow, acting(cast.aki), cast.aki.id, other.id, new, now=NOW)
        with pytest.raises(WrongState):
            give_verdict(
                uow, acting(cast.aki), cast.aki.id, mine.id, replace(new, id=uuid4()), now=NOW
            )
    assert len(rows_of(db, cast, "select id from audit_verdict")) == 1


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([ItemVerdict("END_CAP", "PASS")], "items: exactly"),
        ([ItemVerdict("END_CAP", "FAIL")], "END_CAP: what fails"),
        ([ItemVerdict("END_CAP", "PASS", "UNCLEAR")], "END_CAP: what fails"),
        ([ItemVerdict("END_CAP", "FAIL", "BECAUSE")], "END_CAP: a reason of NOT_SHOWN"),
        ([ItemVerdict("END_CAP", "MAYBE")], "END_CAP: one of PASS"),
        ([ItemVerdict("END_CAP", "FAIL", "UNCLEAR", "x" * 401)], "END_CAP: reason: a text"),
        ([ItemVerdict("END_CAP", "PASS")] * 2, "items: each once"),
    ],
)
def test_a_verdict_is_about_every_item_once_and_a_failed_one_has_a_reason(
    cast: Cast, db: Database, ana: Phone, running: Running, items: list[ItemVerdict], words: str
) -> None:
    bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    with db.company(cast.company.id) as uow:
        shown = look(uow, cast.aki.id, turn.id, now=NOW)
        named = {each.item for each in items}
        rest = [ItemVerdict(item, "PASS") for item in shown.asked if item not in named]
        whole = [*items, *(rest if "exactly" not in words else [])]
        new = replace(verdict_of(shown, uuid4()), items=whole)
        with pytest.raises(FieldInvalid, match=words):
            give_verdict(uow, acting(cast.aki), cast.aki.id, turn.id, new, now=NOW)


def test_a_verdict_on_what_has_changed_since_the_look_is_refused(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    with db.company(cast.company.id) as uow:
        shown = look(uow, cast.aki.id, turn.id, now=NOW)
    changes = {"reason": "One word more", "changes": {"note": "By the door"}}
    ana.push_one(ana.item("audit_visit", "correct", id_, changes, base_version=1))
    with db.company(cast.company.id) as uow:
        with pytest.raises(ChangedMeanwhile):
            give_verdict(
                uow, acting(cast.aki), cast.aki.id, turn.id, verdict_of(shown, uuid4()), now=NOW
            )
        again = look(uow, cast.aki.id, turn.id, now=NOW)
        assert (again.version, again.note, again.photos) == (2, "By the door", shown.photos)
        give_verdict(
            uow, acting(cast.aki), cast.aki.id, turn.id, verdict_of(again, uuid4()), now=NOW
        )


def test_a_verdict_after_the_claims_time_counts_unless_another_has_it(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person
) -> None:
    bring(ana, db, running, *cast.ana_stores[:2], flagged=True)
    first, second = claim(db, cast.aki)
    late = NOW + timedelta(hours=1)
    with db.company(cast.company.id) as uow:
        shown = {turn.id: look(uow, cast.aki.id, turn.id, now=NOW) for turn in (first, second)}
        with pytest.raises(NoSuchTurn):
            look(uow, cast.aki.id, first.id, now=late)
        new = verdict_of(shown[first.id], uuid4())
        assert give_verdict(uow, acting(cast.aki), cast.aki.id, first.id, new, now=late) == "PASS"
    (taken,) = claim(db, sol, now=late)
    assert taken.id == second.id
    with db.company(cast.company.id) as uow, pytest.raises(NoSuchTurn):
        give_verdict(
            uow,
            acting(cast.aki),
            cast.aki.id,
            second.id,
            verdict_of(shown[second.id], uuid4()),
            now=late,
        )


def test_two_verdicts_at_once_on_one_claim_are_one(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    with db.reading(cast.company.id) as uow:
        shown = look(uow, cast.aki.id, turn.id, now=NOW)

    def give(verdict_id: UUID) -> str:
        try:
            with db.company(cast.company.id) as uow:
                return give_verdict(
                    uow,
                    acting(cast.aki),
                    cast.aki.id,
                    turn.id,
                    verdict_of(shown, verdict_id),
                    now=NOW,
                )
        except AuditError as refused:
            return refused.code

    with ThreadPoolExecutor(4) as pool:
        got = sorted(pool.map(give, [uuid4() for _ in range(4)]))
    assert got == ["PASS", "wrong_state", "wrong_state", "wrong_state"]


def test_an_auditor_undoes_a_verdict_before_it_stands(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    soon = NOW + timedelta(minutes=9)
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchVerdict):
            undo_verdict(uow, acting(sol), sol.id, verdict, now=soon)
        undo_verdict(uow, acting(cast.aki), cast.aki.id, verdict, now=soon)
        with pytest.raises(NoSuchVerdict):
            undo_verdict(uow, acting(cast.aki), cast.aki.id, verdict, now=soon)
    assert stand(db, cast, now=NOW + timedelta(hours=1)) == 0
    with pytest.raises(WrongState, match="undone"):
        judged(db, cast.aki, turn, now=soon, verdict_id=verdict, END_CAP="UNCLEAR")
    again = judged(db, cast.aki, turn, now=soon)
    assert stand(db, cast, now=NOW + timedelta(hours=1)) == 1
    ana.pull()
    assert ana.fields(id_)["verdict"]["id"] == str(again)
    with db.company(cast.company.id) as uow, pytest.raises(WrongState, match="too late"):
        undo_verdict(uow, acting(cast.aki), cast.aki.id, again, now=NOW + timedelta(hours=1))
    # Both stay.
    assert len(rows_of(db, cast, "select id from audit_verdict")) == 2


def test_a_second_look_is_blind_and_changes_nothing(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"audit_second_percent": 100})
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (one,) = claim(db, cast.aki)
    (other,) = claim(db, sol)
    assert one.id != other.id
    assert replace(one, id=other.id, claimed_at=NOW) == replace(other, claimed_at=NOW)
    with db.reading(cast.company.id) as uow:
        assert look(uow, cast.aki.id, one.id, now=NOW) == look(uow, sol.id, other.id, now=NOW)
    purposes = {
        row.id: row.purpose for row in rows_of(db, cast, "select id, purpose from audit_turn")
    }
    verdicts: dict[str, UUID] = {}
    for auditor, turn in ((cast.aki, one), (sol, other)):
        failed: dict[str, Any] = {}
        if purposes[turn.id] == "BLIND":
            failed["POSTER"] = "NOT_THERE"
        verdicts[purposes[turn.id]] = judged(db, auditor, turn, **failed)
    assert stand(db, cast) == 2
    ana.pull()
    assert ana.fields(id_)["verdict"]["id"] == str(verdicts["FIRST"])
    assert ana.fields(id_)["verdict"]["result"] == "PASS"
    assert ana.ids("task") == set()


def test_nobody_sees_what_they_have_not_claimed(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person
) -> None:
    bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    with db.reading(cast.company.id) as uow:
        for person in (sol, cast.ana, cast.ada):
            with pytest.raises(NoSuchTurn):
                look(uow, person.id, turn.id, now=NOW)
        with pytest.raises(NoSuchTurn):
            look(uow, cast.aki.id, uuid4(), now=NOW)


def test_photos_without_record_or_bytes_are_visible_as_such(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], are_read=False, answers=[])
    photos = [{"item": "POSTER", "sha256": "f" * 64, "size": 9}]
    changes = {"reason": "Another", "changes": {"photos": photos}}
    ana.push_one(ana.item("audit_visit", "correct", id_, changes, base_version=1))
    with db.company(cast.company.id) as uow:
        uow.run("update audit_case set wait_until = :now", now=NOW)
        uow.run("update audit_case set looked_at = null")
    look_at_waiting(db, cast.company.id, now=NOW)
    (turn,) = claim(db, cast.aki)
    with db.reading(cast.company.id) as uow:
        shown = look(uow, cast.aki.id, turn.id, now=NOW)
    (one,) = shown.photos
    assert [flag["flag"] for flag in one.flags] == ["no_capture_record", "bytes_missing"]
    assert (one.photo_id, one.file_state) == (None, None)


def test_the_time_to_appeal_ends_and_the_verdict_is_final(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    stand(db, cast)
    week = LATER + timedelta(days=7)
    assert end_appeal_times(db, cast.company.id, now=week - timedelta(seconds=1)) == 0
    assert end_appeal_times(db, cast.company.id, now=week) == 1
    ana.pull()
    assert ana.fields(id_)["verdict"]["state"] == "FINAL"
    assert ana.fields(id_)["verdict"]["result"] == "FAIL"
    assert states_of(db, cast) == {id_: "FINAL"}


def test_the_statements_do_not_grow_with_the_verdicts_that_come_to_stand(
    cast: Cast, db: Database, ana: Phone, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for stores in (cast.ana_stores[:1], cast.ana_stores * 4):
        bring(ana, db, running, *stores, flagged=True)
        for turn in claim(db, cast.aki):
            judged(db, cast.aki, turn, END_CAP="UNCLEAR", POSTER="NOT_THERE")
        with counted_statements(monkeypatch) as statements, db.company(cast.company.id) as uow:
            assert let_some_stand(uow, LATER) == len(stores)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_what_a_store_brings_after_it_failed_is_looked_at(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    stand(db, cast)
    (again,) = bring(ana, db, running, cast.ana_stores[0])
    (elsewhere,) = bring(ana, db, running, cast.ana_stores[1])
    states = states_of(db, cast)
    assert (states[again], states[elsewhere]) == ("OPEN", "CANDIDATE")
    assert (
        only(rows_of(db, cast, "select entry from audit_case where id = :id", id=again)).entry
        == "FOLLOW_UP"
    )


def test_a_verdict_brings_back_what_had_left_the_phone_and_stays_while_it_is_news(
    cast: Cast, db: Database, ana: Phone, running: Running
) -> None:
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    company, day = cast.company.id, timedelta(days=1)
    begin_activities(db, company, TODAY + 20 * day)
    ana.pull()
    assert id_ not in ana.ids()
    late = NOW + 20 * day
    (turn,) = claim(db, cast.aki, now=late)
    judged(db, cast.aki, turn, now=late, END_CAP="UNCLEAR")
    stand(db, cast, now=late + timedelta(hours=1))
    for begins, is_there in ((21, True), (27, True), (34, True), (36, False)):
        end_appeal_times(db, company, now=NOW + begins * day)
        begin_activities(db, company, TODAY + begins * day)
        ana.pull()
        assert (id_ in ana.ids()) is is_there


def test_who_moved_to_its_region_since_the_claim_may_not_judge_it(
    cast: Cast, db: Database, ana: Phone, running: Running, sol: Person, owner_engine: Engine
) -> None:
    bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, sol)
    with owner_engine.begin() as connection:
        connection.execute(
            update(position)
            .where(position.c.company_id == cast.company.id, position.c.id == sol.position_id)
            .values(region_id=cast.regions.north)
        )
    with pytest.raises(NoSuchTurn):
        judged(db, sol, turn)
    assert rows_of(db, cast, "select id from audit_verdict") == []
