"""What takes longer than a page may is read by a worker while the page waits; nobody else is told what it found."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from server.answers.asked import ANSWER, KEPT_MAX, WAITING_MAX, Answerer, purge_answers
from server.app import build_app
from server.http.service import Service
from server.jobs.work import EFFECTS, Workshop, do_row
from server.measures.errors import QuestionInvalid
from server.web.answerers import ANSWERERS
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database, OutOfTime
from tests.factories import TODAY, Cast, add_occupancy
from tests.measures_factories import add_visit
from tests.server.web.conftest import Office
from tests.standing import SECRET

QUESTION = "period=2026-03&show=visits"
SERIES = f"/overview/series?{QUESTION}&measure=TC"
AS_PART = {"HX-Request": "true"}


@pytest.fixture
def office(db: Database, cast: Cast, owner_engine: Engine) -> Office:
    """An office whose pages have no time at all; Ana was at two stores, Ben at one."""
    with owner_engine.begin() as connection:
        for store in cast.ana_stores[:2]:
            add_visit(connection, cast.company, cast.ana, store, day=TODAY)
        add_visit(connection, cast.company, cast.ben, cast.ben_stores[0], day=TODAY)
    return office_within(0, db, cast)


def office_within(milliseconds: int, db: Database, cast: Cast) -> Office:
    service = Service(database=db, engine=SyncEngine(db, ALL_KINDS, SECRET), secret=SECRET)
    return Office(build_app(service, answers_within_ms=milliseconds), db, cast)


@pytest.fixture
def shop(db: Database) -> Workshop:
    return Workshop(db, SyncEngine(db, ALL_KINDS, SECRET), answerers=ANSWERERS)


def work(office: Office, shop: Workshop) -> list[str]:
    """Let a worker do what there is to do."""
    company_id = office.cast.company.id
    with office.database.reading(company_id) as uow:
        rows = uow.rows(
            "select id from outbox where company_id = :company and topic = :topic",
            company=company_id,
            topic=ANSWER,
        )
    return [do_row(shop, company_id, row.id, EFFECTS) for row in rows]


def asked(office: Office) -> list[Any]:
    with office.database.reading(office.cast.company.id) as uow:
        return uow.rows(
            "select name, state, arguments, failure from long_answer where company_id = :company",
            company=uow.company_id,
        )


def let_pass(owner_engine: Engine, office: Office, seconds: int) -> None:
    """As if all of this had been so much earlier."""
    earlier = ", ".join(
        f"{column} = {column} - make_interval(secs => :seconds)"
        for column in ("asked_at", "held_until", "read_at", "ended_at")
    )
    with owner_engine.begin() as connection:
        connection.execute(
            text(f"update long_answer set {earlier} where company_id = :company"),
            {"seconds": seconds, "company": office.cast.company.id},
        )


def figures(client: FlaskClient, **headers: str) -> Any:
    return client.get(f"/overview/figures?{QUESTION}", headers=AS_PART | headers)


def test_figures_that_take_long_are_waited_for_and_told_with_their_moment(
    office: Office, shop: Workshop
) -> None:
    mia = office.browser(office.cast.mia)
    waiting = figures(mia).text
    assert "a worker is at it" in waiting
    assert 'hx-trigger="every 300ms"' in waiting
    assert work(office, shop) == ["done"]
    told = figures(mia).text
    assert "a worker is at it" not in told
    assert ">3</a>" in told
    assert "As of " in told


@pytest.mark.usefixtures("shop")
def test_a_part_that_waits_is_told_nothing_while_nothing_changes(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    assert figures(mia, **{"X-Waiting": "waits"}).status_code == 204


def test_who_looks_again_asks_no_worker_twice(office: Office, shop: Workshop) -> None:
    mia = office.browser(office.cast.mia)
    for _ in range(3):
        figures(mia)
    assert len(work(office, shop)) == 1
    assert [row.state for row in asked(office)] == ["READY"]


def test_that_no_worker_takes_it_up_is_said(office: Office, owner_engine: Engine) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    let_pass(owner_engine, office, 11)
    assert "No worker has taken it up yet" in figures(mia, **{"X-Waiting": "waits"}).text


def test_an_answer_is_told_for_a_minute_and_then_read_anew(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    work(office, shop)
    with owner_engine.begin() as connection:
        cast = office.cast
        add_visit(connection, cast.company, cast.ben, cast.ben_stores[1], day=TODAY)
    let_pass(owner_engine, office, 30)
    assert ">3</a>" in figures(mia).text
    let_pass(owner_engine, office, 31)
    assert "a worker is at it" in figures(mia).text
    work(office, shop)
    assert ">4</a>" in figures(mia).text


def test_what_was_quick_for_the_worker_the_page_reads_itself_the_next_time(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    figures(office.browser(office.cast.mia))
    work(office, shop)
    let_pass(owner_engine, office, 61)
    later = office_within(60_000, office.database, office.cast)
    told = figures(later.browser(office.cast.mia)).text
    assert ">3</a>" in told
    assert "As of" not in told


def test_what_was_long_for_the_worker_goes_to_one_at_once_the_next_time(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    figures(office.browser(office.cast.mia))
    work(office, shop)
    let_pass(owner_engine, office, 61)
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "update long_answer set read_at = read_at - interval '2 min'"
                " where company_id = :company"
            ),
            {"company": office.cast.company.id},
        )
    later = office_within(60_000, office.database, office.cast)
    assert "a worker is at it" in figures(later.browser(office.cast.mia)).text


def test_nobody_is_told_what_a_worker_found_for_somebody_else(
    office: Office, shop: Workshop
) -> None:
    figures(office.browser(office.cast.mia))
    work(office, shop)
    sam = office.browser(office.cast.sam)
    assert "a worker is at it" in figures(sam).text
    work(office, shop)
    assert ">3</a>" in figures(sam).text
    assert len(asked(office)) == 2


def test_the_table_the_charts_and_the_facts_wait_as_well(office: Office, shop: Workshop) -> None:
    mia = office.browser(office.cast.mia)
    table, facts = f"/overview/groups?{QUESTION}&by=person", f"/facts/?{QUESTION}&measure=TC"
    assert mia.get(SERIES).status_code == 202
    for page in (table, facts):
        assert "a worker is at it" in mia.get(page).text
    assert work(office, shop) == ["done"] * 3
    told = json.loads(mia.get(SERIES).data)
    assert sum(step or 0 for step in told["trend"]["now"]) == 3
    assert office.cast.ana.name in mia.get(table).text
    assert mia.get(facts).text.count("/days/?day=") == 3


def test_a_file_of_a_table_waits_for_no_worker(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    with mia.get(f"/overview/groups?{QUESTION}&format=csv") as sent:
        assert office.cast.ana.name in sent.data.decode("utf-8-sig")
    assert asked(office) == []


def test_a_question_that_has_no_answer_says_why_and_can_be_asked_again(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    def refuse(*_: object) -> None:
        raise QuestionInvalid("there are too many of them")

    mia = office.browser(office.cast.mia)
    figures(mia)
    name = "overview-figures"
    work(office, replace(shop, answerers={name: Answerer(name, dict, refuse)}))
    assert "there are too many of them" in figures(mia).text
    let_pass(owner_engine, office, 11)
    assert "a worker is at it" in figures(mia).text
    work(office, shop)
    assert ">3</a>" in figures(mia).text


def test_an_error_ends_the_waiting_and_nothing_of_the_inside_is_told(
    office: Office, shop: Workshop, caplog: pytest.LogCaptureFixture
) -> None:
    def break_(*_: object) -> None:
        raise RuntimeError("inside")

    mia = office.browser(office.cast.mia)
    figures(mia)
    name = "overview-figures"
    assert work(office, replace(shop, answerers={name: Answerer(name, dict, break_)})) == ["done"]
    told = figures(mia).text
    assert "Something went wrong here. Incident " in told
    # Whoever looks into the log finds it there.
    incident = told.split("Incident ")[1].split(".")[0]
    assert any(f"incident {incident}" in line.getMessage() for line in caplog.records)
    assert "inside" not in told


def test_who_holds_no_position_any_more_gets_no_answer(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    figures(office.browser(office.cast.mia))
    with owner_engine.begin() as connection:
        connection.execute(
            text("delete from occupancy where company_id = :company and person_id = :person"),
            {"company": office.cast.company.id, "person": office.cast.mia.id},
        )
    work(office, shop)
    assert [row.state for row in asked(office)] == ["FAILED"]


def test_what_a_killed_worker_had_is_taken_up_by_the_next(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "update long_answer set state = 'READING', held_until = now() + interval '90 s',"
                " read_at = now() where company_id = :company"
            ),
            {"company": office.cast.company.id},
        )
    # The work stays for whoever comes when it is no longer held.
    assert work(office, shop) == ["held"]
    assert "a worker is at it" in figures(mia).text
    let_pass(owner_engine, office, 91)
    assert work(office, shop) == ["done"]
    assert ">3</a>" in figures(mia).text


def test_what_the_database_could_not_do_now_is_given_back_and_tried_again(
    office: Office, shop: Workshop
) -> None:
    def meet(*_: object) -> None:
        raise psycopg.errors.LockNotAvailable("somebody has it")

    mia = office.browser(office.cast.mia)
    figures(mia)
    name = "overview-figures"
    assert work(office, replace(shop, answerers={name: Answerer(name, dict, meet)})) == ["failed"]
    assert "a worker is at it" in figures(mia).text
    assert work(office, shop) == ["done"]
    assert ">3</a>" in figures(mia).text


def test_an_answer_that_took_longer_than_it_is_told_for_is_told(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    work(office, shop)
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "update long_answer set read_at = read_at - interval '80 s' where company_id = :company"
            ),
            {"company": office.cast.company.id},
        )
    assert ">3</a>" in figures(mia).text


def test_what_takes_a_worker_too_long_ends_and_says_what_to_do(
    office: Office, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.answers.reading.READ_WITHIN_MS", 0)
    mia = office.browser(office.cast.mia)
    figures(mia)
    assert work(office, shop) == ["done"]
    assert "Ask for less at once" in figures(mia).text


def test_why_there_is_no_answer_is_told_in_the_language_of_whoever_asked(
    office: Office, shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.answers.reading.READ_WITHIN_MS", 0)
    mia = office.browser(office.cast.mia)
    figures(mia, **{"Accept-Language": "zh"})
    work(office, shop)
    told = figures(mia, **{"Accept-Language": "zh"}).text
    assert "Ask for less at once" not in told
    assert "缩小范围" in told


def test_a_statement_of_any_kind_that_is_ended_lets_the_page_wait(
    db: Database, cast: Cast, owner_engine: Engine
) -> None:
    mia = office_within(100, db, cast).browser(cast.mia)
    with owner_engine.begin() as connection:
        # The tree of regions is read past `rows`.
        connection.execute(text("lock table region in access exclusive mode"))
        assert "a worker is at it" in figures(mia).text


def test_pages_that_wait_for_more_than_one_person_may_ask_at_once_give_up_instead_of_asking_anew(
    office: Office, shop: Workshop
) -> None:
    mia = office.browser(office.cast.mia)
    pages = [f"/overview/figures?period=2026-03-{day:02}..2026-03-31" for day in range(1, 15)]
    for page in pages:
        mia.get(page, headers=AS_PART)
    for _ in range(3):
        told = [mia.get(page, headers=AS_PART | {"X-Waiting": "waits"}) for page in pages]
    assert [answer.status_code for answer in told].count(204) == WAITING_MAX
    assert sum("this was given up" in answer.text for answer in told) == len(pages) - WAITING_MAX
    assert len(work(office, shop)) == len(pages)


def test_who_holds_other_positions_than_before_is_told_nothing_of_what_was_read_before(
    office: Office, shop: Workshop, owner_engine: Engine
) -> None:
    mia = office.browser(office.cast.mia)
    figures(mia)
    work(office, shop)
    with owner_engine.begin() as connection:
        add_occupancy(
            connection,
            office.cast.company,
            position_id=office.cast.ben.position_id,
            person_id=office.cast.mia.id,
            is_acting=True,
        )
    assert "a worker is at it" in figures(mia).text


def test_who_asks_for_much_gives_up_what_they_asked_for_first(
    office: Office, shop: Workshop
) -> None:
    mia = office.browser(office.cast.mia)
    for day in range(1, KEPT_MAX + 2):
        mia.get(f"/overview/figures?period=2026-03-{day:02}..2026-03-31", headers=AS_PART)
    assert len(asked(office)) == WAITING_MAX
    assert len(work(office, shop)) == KEPT_MAX + 1
    assert {row.state for row in asked(office)} == {"READY"}


def test_what_was_asked_goes_after_an_hour(office: Office, owner_engine: Engine) -> None:
    figures(office.browser(office.cast.mia))
    company_id, now = office.cast.company.id, datetime.now(UTC)
    assert purge_answers(office.database, company_id, now) == 0
    assert purge_answers(office.database, company_id, now + timedelta(hours=2)) == 1
    assert asked(office) == []


def test_a_statement_is_ended_when_the_time_is_over(db: Database, cast: Cast) -> None:
    def sleep() -> None:
        with db.reading(cast.company.id) as uow:
            uow.end_within(50)
            uow.rows("select pg_sleep(60)")

    with pytest.raises(OutOfTime):
        sleep()
    # The next to have the connection has as much time as ever.
    with db.reading(cast.company.id) as uow:
        (row,) = uow.rows("select current_setting('statement_timeout') as found")
    assert not row.found.endswith("ms")
