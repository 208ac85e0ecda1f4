"""What auditors do not get to is closed by the office, and no store waits for ever."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from click.testing import Result

from server.audits.appeals import appeal_for, open_appeals
from server.audits.closing import close_cases
from server.audits.compliance import audit_stores
from server.audits.draws import draw_weeks, redraw_week
from server.audits.errors import BeyondScope, FieldInvalid, NoSuchAuditVisit, WrongState
from server.identity.change_log import Actor, changes_of
from sync.unit_of_work import Database
from tests.audit_factories import NOW, Running, bring, claim, judged, stand, states_of
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import Phone, rows_of

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]


def test_what_nobody_looks_at_is_closed_and_its_store_is_taken_as_reported(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor
) -> None:
    ana = phone(cast.ana)
    (fine,) = bring(ana, db, running, cast.ana_stores[0])
    (open_one,) = bring(ana, db, running, cast.ana_stores[1], flagged=True)
    (turn,) = claim(db, cast.aki)
    with db.company(cast.company.id) as uow:
        for asker in (cast.sam.id, cast.aki.id):
            with pytest.raises(BeyondScope):
                close_cases(uow, office, [fine], "Nobody there", today=TODAY, asker_id=asker)
        with pytest.raises(FieldInvalid):
            close_cases(uow, office, [fine], " ", today=TODAY)
        with pytest.raises(NoSuchAuditVisit):
            close_cases(uow, office, [fine, uuid4()], "Nobody there", today=TODAY)
        assert close_cases(uow, office, [fine, open_one], "Nobody there", today=TODAY) == 2
        with pytest.raises(WrongState):
            close_cases(uow, office, [fine], "Again", today=TODAY)
        logged = changes_of(uow, subject_kind="audit_visit")
    assert {one.action for one in logged} == {"audit.close"}
    assert states_of(db, cast) == {fine: "CLOSED", open_one: "CLOSED"}
    with pytest.raises(Exception, match="no such turn"):
        judged(db, cast.aki, turn)
    assert claim(db, cast.aki) == []
    draw_weeks(db, cast.company.id, TODAY + timedelta(days=7), now=NOW)
    assert states_of(db, cast) == {fine: "CLOSED", open_one: "CLOSED"}
    with db.company(cast.company.id) as uow:
        assert redraw_week(uow, TODAY, today=TODAY)[0].is_same
        ids = [running.taking_part[store] for store in cast.ana_stores[:2]]
        results = audit_stores(uow, office, ids, today=TODAY)
    assert {one.basis for one in results} == {"REPORTED"}


def test_of_an_appeal_that_nobody_hears_the_first_verdict_counts(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor
) -> None:
    ana = phone(cast.ana)
    (id_,) = bring(ana, db, running, cast.ana_stores[0], flagged=True)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    with db.company(cast.company.id) as uow, pytest.raises(WrongState, match="just now"):
        close_cases(uow, office, [id_], "Nobody else", today=TODAY)
    stand(db, cast)
    with db.company(cast.company.id) as uow:
        with pytest.raises(WrongState, match="judged"):
            close_cases(uow, office, [id_], "Nobody else", today=TODAY)
        appeal_for(uow, office, id_, ["END_CAP"], "It is there", now=NOW)
        open_appeals(uow, [id_], now=NOW)
        close_cases(uow, office, [id_], "Nobody else", today=TODAY)
    ana.pull()
    told = ana.fields(id_)["verdict"]
    assert (told["state"], told["result"], told["items"][0]["verdict"]) == ("FINAL", "FAIL", "FAIL")
    photos = rows_of(db, cast, "select state from photo")
    assert sorted(row.state for row in photos) == ["FINAL", "FINAL", "PASS"]
    # Nothing opens it again.
    with db.company(cast.company.id) as uow:
        assert open_appeals(uow, [id_], now=NOW) == 0


def test_a_verdict_that_cannot_stand_does_not_keep_others_from_it(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    broken, sound = bring(phone(cast.ana), db, running, *cast.ana_stores[:2], flagged=True)
    for turn in claim(db, cast.aki):
        judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    with db.company(cast.company.id) as uow:
        # As if its store were gone from phones for good.
        uow.run(
            "update record set doc = null where id ="
            " (select visit_id from audit_visit where id = :id)",
            id=broken,
        )
    assert stand(db, cast) == 1
    assert states_of(db, cast) == {broken: "OPEN", sound: "JUDGED"}


def test_the_office_closes_an_activity_by_command(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, run: Run
) -> None:
    bring(phone(cast.ana), db, running, *cast.ana_stores)
    (one,) = bring(phone(cast.ben), db, running, cast.ben_stores[0])
    assert run("audit", "close", one.hex[:8], "--reason", "r").output == "Closed: 1.\n"
    code = running.activity.hex[:8]
    assert run("audit", "close", "--activity", code, "--reason", "r").output == "Closed: 3.\n"
    assert run("audit", "close", "--reason", "r").exit_code == 2
    assert run("audit", "stores", code).output == "Audited: 6.\n"
