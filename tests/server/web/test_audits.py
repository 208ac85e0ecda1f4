"""Auditors judge what they claimed, item by item, and take back what they gave a moment ago."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, update

from server.audits.claims import list_claimed
from server.web import audits
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.kinds.audit_visit.audit_table import audit_turn
from sync.unit_of_work import Database
from tests.audit_factories import Running, add_auditor, add_running, bring, states_of
from tests.factories import Cast, Person
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import Phone, counted_statements


@pytest.fixture
def running(cast: Cast, db: Database) -> Running:
    return add_running(cast, db)


@pytest.fixture
def sol(owner_engine: Engine, cast: Cast) -> Person:
    """The auditor of the south: what Ana brings in the north is theirs to judge."""
    return add_auditor(owner_engine, cast, "Sol", cast.regions.south)


@pytest.fixture
def audit_visits(cast: Cast, db: Database, running: Running) -> list[UUID]:
    ana = Phone(SyncEngine(db, ALL_KINDS, SECRET), cast.ana.device)
    return bring(ana, db, running, *cast.ana_stores, flagged=True)


def taken(browser: FlaskClient) -> str:
    """Claim, and the path of the first to be judged."""
    token = token_in(browser.get("/audits/"))
    answer = browser.post("/audits/claim", data={"_token": token})
    assert answer.status_code == 303
    return str(answer.location)


def field(text: str, name: str) -> str:
    return text.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]


def form_of(browser: FlaskClient, path: str, **said: str) -> dict[str, str]:
    text = browser.get(path).text
    items = {
        f"item-{part.split(chr(34))[0]}": "PASS"
        for part in text.split('class="item" data-item="')[1:]
    }
    return {
        "_token": field(text, "_token"),
        "verdict": field(text, "verdict"),
        "seen": field(text, "seen"),
        **items,
        **said,
    }


def test_an_auditor_takes_some_and_judges_one_after_the_other(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    text = browser.get(path).text
    assert "END_CAP" not in text.split("<fieldset")[0]
    assert "dark: darkness" in text or "dark" in text
    places = [path]
    for _ in audit_visits[1:]:
        answer = browser.post(path, data=form_of(browser, path))
        path = str(answer.location)
        places.append(path)
    answer = browser.post(path, data=form_of(browser, path))
    assert answer.location == "/audits/"
    assert len(set(places)) == len(audit_visits)
    with db.reading(cast.company.id) as uow:
        given = uow.rows("select result, auditor_id from audit_verdict")
    assert [(row.result, row.auditor_id) for row in given] == [("PASS", sol.id)] * 3


def test_a_failed_item_has_its_reason_and_words(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    text = browser.get(path).text
    assert 'name="words-POSTER"' in text
    reason = text.split('value="FAIL:')[1].split('"')[0]
    said = {"item-POSTER": f"FAIL:{reason}", "words-POSTER": "it hangs behind the door"}
    browser.post(path, data=form_of(browser, path, **said))
    with db.reading(cast.company.id) as uow:
        (failed,) = uow.rows(
            "select item, reason_code, reason from audit_verdict_item where verdict = 'FAIL'"
        )
    assert tuple(failed) == ("POSTER", reason, "it hangs behind the door")


def test_what_is_not_judged_whole_is_not_judged(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    form = form_of(browser, path)
    del form["item-POSTER"]
    answer = browser.post(path, data=form, follow_redirects=True)
    assert 'role="alert"' in answer.text
    with db.reading(cast.company.id) as uow:
        assert uow.rows("select from audit_verdict") == []


def test_the_last_verdict_is_undone_and_looked_at_again(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    first = taken(browser)
    form = form_of(browser, first)
    second = str(browser.post(first, data=form).location)
    assert f"/audits/verdicts/{form['verdict']}/undo" in browser.get(second).text
    answer = browser.post(
        f"/audits/verdicts/{form['verdict']}/undo", data={"_token": form["_token"]}
    )
    assert answer.location == first
    # What is given now has an id of its own.
    assert browser.post(first, data=form_of(browser, first)).status_code == 303


def test_what_another_auditor_has_is_not_there(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    aki = office.browser(cast.aki)
    assert aki.get(path).location == "/audits/"
    form = form_of(browser, path)
    form["_token"] = token_in(aki.get("/audits/"))
    assert aki.post(path, data=form).status_code == 404
    assert aki.post(f"/audits/verdicts/{uuid4()}/undo", data=form).status_code == 404


def test_who_is_no_auditor_has_no_such_page(office: Office, cast: Cast) -> None:
    for person in (cast.ana, cast.sam, cast.mia, cast.ada):
        assert office.browser(person).get("/audits/").status_code == 404


def test_everything_is_given_back(
    office: Office, db: Database, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    taken(browser)
    token = token_in(browser.get("/audits/"))
    assert (
        "Given back."
        in browser.post("/audits/give-back", data={"_token": token}, follow_redirects=True).text
    )
    with db.reading(cast.company.id) as uow:
        assert {row.state for row in uow.rows("select state from audit_turn")} == {"READY"}
    assert set(states_of(db, cast)) == set(audit_visits)


def test_the_statements_of_a_review_grow_with_nothing(
    office: Office,
    sol: Person,
    audit_visits: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    counts = []
    for _ in range(2):
        with counted_statements(monkeypatch) as statements:
            assert browser.get(path).status_code == 200
        counts.append(len(statements))
        path = str(browser.post(path, data=form_of(browser, path)).location)
    assert counts[0] == counts[1] <= 16


def test_a_verdict_that_may_not_be_undone_any_more_leads_back_to_the_queue(
    office: Office, owner_engine: Engine, cast: Cast, sol: Person, audit_visits: list[UUID]
) -> None:
    browser = office.browser(sol)
    path = taken(browser)
    browser.post(path, data=form_of(browser, path))
    with owner_engine.begin() as connection:
        connection.execute(
            update(audit_turn)
            .where(audit_turn.c.company_id == cast.company.id, audit_turn.c.state == "GIVEN")
            .values(undo_until=audit_turn.c.claimed_at)
        )
    answer = browser.get(path)
    assert (answer.status_code, answer.location) == (303, "/audits/")


def test_what_was_given_back_meanwhile_leads_back_to_the_queue(
    office: Office,
    db: Database,
    cast: Cast,
    sol: Person,
    audit_visits: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    browser = office.browser(sol)
    form = {"_token": field(browser.get(taken(browser)).text, "_token")}
    with db.reading(cast.company.id) as uow:
        held = list_claimed(uow, sol.id, now=datetime.now(UTC))
    assert len(held) == len(audit_visits)
    assert browser.post("/audits/give-back", data=form).status_code == 303
    # As another request read it that had begun before.
    monkeypatch.setattr(audits, "list_claimed", lambda *_, **__: held)
    answer = browser.post("/audits/give-back", data=form)
    assert (answer.status_code, answer.location) == (303, "/audits/")
