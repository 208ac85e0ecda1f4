"""Everybody who is signed in changes their own password, sees where else they are signed in, and ends that."""

import re
from datetime import UTC, datetime

import pytest

from server.identity.change_log import Actor
from server.identity.passwords import set_password, verify
from server.language import speaking
from server.web.browsers import told_browser
from tests.factories import TODAY
from tests.server.web.conftest import Office, token_in

OLD, NEW = "correct horse battery", "a staple of the office"


@pytest.fixture
def ana_knows(office: Office) -> Office:
    with office.database.company(office.cast.company.id) as uow:
        set_password(uow, Actor.command("test"), office.cast.ana.id, OLD, today=TODAY)
    return office


def is_password(office: Office, password: str) -> bool:
    with office.database.company(office.cast.company.id) as uow:
        (row,) = uow.rows("select email from person where id = :id", id=office.cast.ana.id)
        return verify(uow, row.email, password, today=TODAY) is not None


def test_a_rep_too_has_the_page_and_only_their_own(office: Office) -> None:
    for person in (office.cast.ana, office.cast.aki, office.cast.ada):
        text = office.browser(person).get("/me/").text
        assert f"<h1>{person.name}</h1>" in text
        assert text.count("this one") == 1
    assert office.browser().get("/me/").status_code == 303


def test_the_password_is_changed_and_other_sessions_end(ana_knows: Office) -> None:
    here, there = ana_knows.browser(ana_knows.cast.ana), ana_knows.browser(ana_knows.cast.ana)
    assert there.get("/me/").status_code == 200
    token = token_in(here.get("/me/"))
    sent = {"_token": token, "present": OLD, "new": NEW, "again": NEW}
    assert here.post("/me/password", data=sent).status_code == 303
    assert is_password(ana_knows, NEW)
    assert here.get("/me/").status_code == 200
    assert there.get("/me/").status_code == 303
    with ana_knows.database.reading(ana_knows.cast.company.id) as uow:
        logged = uow.rows(
            "select actor from change_log where action = 'person.set_password' order by id"
        )
    assert [row.actor for row in logged] == ["test", "Ana"]


@pytest.mark.parametrize(
    ("sent", "told", "status"),
    [
        ({"present": "wrong one altogether"}, "That is not your password.", 403),
        ({"again": "another one again"}, "The two are not the same.", 422),
        ({"new": "short", "again": "short"}, "at least 10 characters", 422),
        ({"new": "x" * 12, "again": "x" * 12}, "the first that anybody would try", 422),
    ],
)
def test_what_is_wrong_is_told_beside_it_and_nothing_changes(
    ana_knows: Office, sent: dict[str, str], told: str, status: int
) -> None:
    ana = ana_knows.browser(ana_knows.cast.ana)
    form = {"_token": token_in(ana.get("/me/")), "present": OLD, "new": NEW, "again": NEW} | sent
    answer = ana.post("/me/password", data=form)
    assert answer.status_code == status
    assert told in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert NEW not in answer.text
    assert is_password(ana_knows, OLD)


def test_guessing_the_present_password_is_throttled(ana_knows: Office) -> None:
    ana = ana_knows.browser(ana_knows.cast.ana)
    form = {"_token": token_in(ana.get("/me/")), "present": "wrong", "new": NEW, "again": NEW}
    statuses = [ana.post("/me/password", data=form).status_code for _ in range(12)]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    right = ana.post("/me/password", data=form | {"present": OLD})
    assert "Too many tries" in right.text
    assert is_password(ana_knows, OLD)


def test_sessions_are_listed_and_ended_one_by_one_or_all(office: Office) -> None:
    ana = office.cast.ana
    here, *others = (office.browser(ana) for _ in range(4))
    page = here.get("/me/")
    ends = re.findall(r'action="(/me/sessions/[0-9a-f-]{36}/end)"', page.text)
    assert len(ends) == 3
    token = token_in(page)
    # Somebody else's is not there.
    ben = office.browser(office.cast.ben)
    assert ben.post(ends[0], data={"_token": token_in(ben.get("/me/"))}).status_code == 404
    assert here.post(ends[0], data={"_token": token}).status_code == 303
    assert sum(one.get("/me/").status_code == 200 for one in others) == 2
    told = here.post("/me/sessions/end", data={"_token": token}, follow_redirects=True)
    assert "2 sessions are ended." in told.text
    assert [one.get("/me/").status_code for one in others] == [303] * 3


def test_a_session_that_ran_out_is_not_listed(office: Office) -> None:
    ana = office.browser(office.cast.ana)
    office.browser(office.cast.ana)
    with office.database.company(office.cast.company.id) as uow:
        uow.run(
            "update browser_session set seen_at = :then where id in (select id from browser_session"
            " where person_id = :person order by began_at desc limit 1)",
            then=datetime(2026, 1, 1, tzinfo=UTC),
            person=office.cast.ana.id,
        )
    assert ana.get("/me/").text.count("<tr>") == 2


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1 (KHTML, like Gecko) Version/18.0 Safari/604.1",
            "Safari on iPad",
        ),
        ("", "a browser that does not say which"),
    ],
)
def test_a_browser_is_told_in_words(said: str, told: str) -> None:
    with speaking("en"):
        assert told_browser(said) == told
