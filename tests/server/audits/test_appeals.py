"""A rep appeals once and in time; another auditor looks, and both verdicts stay."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.audits.appeals import appeal_for, open_appeals
from server.audits.errors import BeyondScope, FieldInvalid, NoSuchAuditVisit, WrongState
from server.audits.replay import replay_verdict
from server.audits.shown import look
from server.audits.standing import end_appeal_times
from server.identity.change_log import Actor, changes_of
from sync.unit_of_work import Database
from tests.audit_factories import (
    NOW,
    Running,
    add_auditor,
    bring,
    claim,
    digest_of,
    judged,
    stand,
    states_of,
)
from tests.factories import Cast, Person
from tests.sync.talking import DAY, MINUTE, Json, Phone, only, rows_of

PhoneOf = Callable[[Person], Phone]
LATER = NOW + timedelta(minutes=10)


@dataclass(frozen=True)
class Failed:
    """What Aki failed two items of, as Ana's phone has it."""

    id: UUID
    phone: Phone
    verdict: UUID

    def appeal(self, *items: str, **other: int) -> Json:
        payload = {"items": list(items or ["END_CAP"]), "reason": "Look at the second one"}
        return self.phone.item("audit_visit", "appeal", self.id, payload, **other)


@pytest.fixture
def failed(cast: Cast, db: Database, phone: PhoneOf, running: Running) -> Failed:
    ana = phone(cast.ana)
    ana.booted_at -= 100 * DAY
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    verdict = judged(db, cast.aki, turn, END_CAP="UNCLEAR", PRICE_TAG="NOT_THERE")
    stand(db, cast)
    ana.now += 11 * MINUTE
    ana.pull()
    return Failed(id_, ana, verdict)


def opened(db: Database, failed: Failed) -> int:
    with db.company(failed.phone.device.company_id) as uow:
        return open_appeals(uow, [failed.id], now=LATER)


def test_another_auditor_decides_what_is_appealed_against_and_both_verdicts_stay(
    cast: Cast, db: Database, failed: Failed, sol: Person
) -> None:
    ana = failed.phone
    assert ana.push_one(failed.appeal())["status"] == "applied"
    ana.pull()
    told = ana.fields(failed.id)["verdict"]
    assert (told["state"], told["appeal"]["items"]) == ("APPEALED", ["END_CAP"])
    assert opened(db, failed) == 1
    assert opened(db, failed) == 0
    photos = rows_of(db, cast, "select state from photo")
    assert sorted(row.state for row in photos) == ["APPEALED", "APPEALED", "PASS"]
    # Whoever judged it first never gets it.
    assert claim(db, cast.aki, now=LATER) == []
    (turn,) = claim(db, sol, now=LATER)
    assert turn.is_appeal
    with db.reading(cast.company.id) as uow:
        shown = look(uow, sol.id, turn.id, now=LATER)
    assert (shown.asked, shown.appeal) == (("END_CAP",), "Look at the second one")
    second = judged(db, sol, turn, now=LATER)
    stand(db, cast, now=LATER + timedelta(minutes=10))
    ana.pull()
    told = ana.fields(failed.id)["verdict"]
    assert (told["id"], told["state"], told["result"]) == (str(second), "FINAL", "FAIL")
    assert [(each["item"], each["verdict"]) for each in told["items"]] == [
        ("END_CAP", "PASS"),
        ("POSTER", "PASS"),
        ("PRICE_TAG", "FAIL"),
    ]
    assert told["appeal"]["first"][0]["reason_code"] == "UNCLEAR"
    kept = rows_of(db, cast, "select purpose, result from audit_verdict order by purpose")
    assert [tuple(row) for row in kept] == [("APPEAL", "PASS"), ("FIRST", "FAIL")]
    case = only(rows_of(db, cast, "select * from audit_case"))
    assert (case.state, case.verdict_id, case.appeal_verdict_id) == (
        "FINAL",
        failed.verdict,
        second,
    )
    # What is right by now is nobody's task; what is not stays one.
    tasks = {ana.fields(id_)["sort"]: ana.fields(id_)["state"] for id_ in ana.ids("task")}
    assert tasks == {"SHOOT_AGAIN": "WITHDRAWN", "PUT_RIGHT": "OPEN"}
    photos = rows_of(db, cast, "select state from photo")
    assert sorted(row.state for row in photos) == ["FINAL", "FINAL", "PASS"]
    # Looked at again, nothing happens.
    assert opened(db, failed) == 0
    assert ana.push_one(failed.appeal())["code"] == "wrong_state"


def test_all_that_failed_may_pass_in_the_end(
    cast: Cast, db: Database, failed: Failed, sol: Person
) -> None:
    failed.phone.push_one(failed.appeal("END_CAP", "PRICE_TAG"))
    opened(db, failed)
    (turn,) = claim(db, sol, now=LATER)
    judged(db, sol, turn, now=LATER)
    stand(db, cast, now=LATER + timedelta(minutes=10))
    failed.phone.pull()
    assert failed.phone.fields(failed.id)["verdict"]["result"] == "PASS"
    assert only(rows_of(db, cast, "select result from audit_case")).result == "PASS"


def test_an_appeal_counts_by_when_it_was_captured(cast: Cast, db: Database, failed: Failed) -> None:
    week = LATER + timedelta(days=7)
    assert end_appeal_times(db, cast.company.id, now=week) == 1
    ana = failed.phone
    captured = ana.now + 6 * DAY
    ana.now += 9 * DAY
    late = ana.push_one(failed.appeal(at=ana.now - MINUTE))
    assert (late["status"], late["code"], late["detail"]) == (
        "quarantined",
        "wrong_state",
        "The time to appeal was over.",
    )
    assert ana.push_one(failed.appeal(at=captured))["status"] == "applied"
    assert opened(db, failed) == 1
    assert states_of(db, cast) == {failed.id: "APPEALED"}


def test_an_appeal_and_the_end_of_its_time_do_not_undo_each_other(
    cast: Cast, db: Database, failed: Failed
) -> None:
    assert failed.phone.push_one(failed.appeal())["status"] == "applied"
    # The time ends before the effect of the appeal was there.
    assert end_appeal_times(db, cast.company.id, now=LATER + timedelta(days=8)) == 0
    assert opened(db, failed) == 1
    assert states_of(db, cast) == {failed.id: "APPEALED"}


def test_only_what_failed_of_ones_own_is_appealed_against(
    cast: Cast, db: Database, failed: Failed, phone: PhoneOf, running: Running
) -> None:
    ana, ben = failed.phone, phone(cast.ben)
    (unjudged,) = bring(ana, db, running, cast.ana_stores[1])
    refused = ana.push_one(failed.appeal("END_CAP", "POSTER"))
    assert (refused["code"], refused["where"]) == ("wrong_state", "payload.items[1]")
    payload = {"items": ["END_CAP"], "reason": "No"}
    waits = ana.push_one(ana.item("audit_visit", "appeal", unjudged, payload))
    assert (waits["code"], waits["detail"]) == ("wrong_state", "Nobody has judged it.")
    # To another it is not there.
    assert (
        ben.push_one(ben.item("audit_visit", "appeal", failed.id, payload))["status"] == "deferred"
    )
    twice = ana.push(failed.appeal(), failed.appeal("PRICE_TAG"))
    assert [result["status"] for result in twice] == ["applied", "quarantined"]
    assert twice[1]["detail"] == "It was appealed against before."


def test_once_a_store_got_what_it_gets_it_is_too_late(
    cast: Cast, db: Database, failed: Failed, running: Running
) -> None:
    with db.company(cast.company.id) as uow:
        uow.run(
            "update activity_store set state = 'PAID' where id = :id",
            id=running.taking_part[cast.ana_stores[0]],
        )
    refused = failed.phone.push_one(failed.appeal())
    assert (refused["code"], refused["detail"]) == ("wrong_state", "The store is paid by now.")


def test_the_office_appeals_for_somebody(
    cast: Cast, db: Database, failed: Failed, sol: Person
) -> None:
    sam = Actor("Sam", cast.sam.id)
    with db.company(cast.company.id) as uow:
        for asker in (cast.ben.id, sol.id):
            with pytest.raises((NoSuchAuditVisit, BeyondScope)):
                appeal_for(uow, sam, failed.id, ["END_CAP"], "No", now=LATER, asker_id=asker)
        with pytest.raises(BeyondScope):
            appeal_for(uow, sam, failed.id, ["END_CAP"], "No", now=LATER, asker_id=cast.ana.id)
        with pytest.raises(FieldInvalid):
            appeal_for(uow, sam, failed.id, [], "No", now=LATER)
        with pytest.raises(WrongState, match="POSTER did not fail"):
            appeal_for(uow, sam, failed.id, ["POSTER"], "No", now=LATER)
        with pytest.raises(WrongState, match="time to appeal"):
            appeal_for(uow, sam, failed.id, ["END_CAP"], "No", now=LATER + timedelta(days=7))
        appeal_for(uow, sam, failed.id, ["END_CAP"], "It is there", now=LATER, asker_id=cast.sam.id)
        (logged, *_) = changes_of(uow, subject_kind="audit_visit")
    assert (logged.action, logged.actor) == ("audit.appeal", "Sam")
    failed.phone.pull()
    assert failed.phone.fields(failed.id)["verdict"]["state"] == "APPEALED"
    refused = failed.phone.push_one(failed.appeal("PRICE_TAG"))
    assert refused["code"] == "wrong_state"
    assert opened(db, failed) == 1


def test_an_appeal_waits_for_an_auditor_who_has_not_looked(
    cast: Cast, db: Database, failed: Failed, owner_engine: Engine
) -> None:
    failed.phone.push_one(failed.appeal())
    opened(db, failed)
    nora = add_auditor(owner_engine, cast, "Nora", cast.regions.north)
    assert claim(db, nora, now=LATER) == []
    assert claim(db, cast.aki, now=LATER) == []
    assert (
        len(claim(db, add_auditor(owner_engine, cast, "Sol", cast.regions.south), now=LATER)) == 1
    )


def test_an_appeal_is_about_what_the_first_auditor_saw_whatever_was_corrected_since(
    cast: Cast, db: Database, failed: Failed, sol: Person
) -> None:
    ana = failed.phone
    other = [{"item": "END_CAP", "sha256": digest_of("a better one"), "size": 1_000}]
    change = {
        "reason": "It was put right",
        "changes": {"photos": other, "answers": [{"item": "END_CAP", "answer": "DONE"}]},
    }
    base = ana.held[str(failed.id)]["version"]
    corrected = ana.item("audit_visit", "correct", failed.id, change, base_version=base)
    assert ana.push_one(corrected)["status"] == "applied"
    assert ana.push_one(failed.appeal())["status"] == "applied"
    opened(db, failed)
    (turn,) = claim(db, sol, now=LATER)
    with db.reading(cast.company.id) as uow:
        shown = look(uow, sol.id, turn.id, now=LATER)
    assert (shown.version, len(shown.photos), len(shown.answers)) == (1, 3, 3)
    assert other[0]["sha256"] not in {photo.sha256 for photo in shown.photos}
    assert "items_unanswered" not in {flag["flag"] for flag in shown.flags}
    second = judged(db, sol, turn, now=LATER)
    stand(db, cast, now=LATER + timedelta(minutes=10))
    photos = rows_of(db, cast, "select state from photo")
    assert sorted(row.state for row in photos) == ["FINAL", "FINAL", "PASS"]
    with db.reading(cast.company.id) as uow:
        assert replay_verdict(uow, second, today=NOW.date()).is_same
