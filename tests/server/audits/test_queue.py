"""What enters the auditors' queue, and when."""

from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID, uuid4

import pytest

from server.audits.draws import draw_weeks, list_draws, redraw_week
from server.audits.errors import BeyondScope, NoSuchWeek
from server.audits.queue import look_at, look_at_photos, look_at_waiting
from server.identity.change_log import Actor
from server.identity.policy import change_policy
from sync.unit_of_work import Database
from tests.audit_factories import (
    ANSWERS,
    NOW,
    Running,
    add_readings,
    bring,
    brought,
    read_files,
    states_of,
)
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import DAY, Phone, counted_statements, rows_of

PhoneOf = Callable[[Person], Phone]
MONDAY_AFTER = date(2026, 3, 9)
WEEK = date(2026, 3, 2)


def test_what_is_flagged_enters_at_once_and_the_rest_waits_for_the_draw(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    (fine,) = bring(ana, db, running, cast.ana_stores[0])
    (lacking,) = bring(ana, db, running, cast.ana_stores[1], shown=["END_CAP", "POSTER"])
    (dark,) = bring(ana, db, running, cast.ana_stores[2], flagged=True)
    assert states_of(db, cast) == {fine: "CANDIDATE", lacking: "OPEN", dark: "OPEN"}
    entries = rows_of(db, cast, "select id, entry from audit_case where entry is not null")
    assert {row.id: row.entry for row in entries} == {lacking: "FLAGGED", dark: "FLAGGED"}


def test_it_is_offered_once_its_photos_are_read_or_it_has_waited_enough(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    stores = cast.ana_stores[:2]
    (reads, waits) = bring(ana, db, running, *stores, are_read=False, answers=ANSWERS[:2])
    assert states_of(db, cast) == {reads: "WAITING", waits: "WAITING"}
    with db.company(cast.company.id) as uow:
        shown = uow.rows(
            "select p.id, p.sha256, p.size from photo p join audit_photo m on m.sha256 = p.sha256"
            " where m.audit_visit_id = :id",
            id=reads,
        )
        read_files(
            uow,
            ana,
            [{"sha256": row.sha256, "size": row.size} for row in shown],
            [row.id for row in shown],
        )
        look_at_photos(uow, [row.id for row in shown], now=NOW)
    assert states_of(db, cast) == {reads: "OPEN", waits: "WAITING"}
    assert look_at_waiting(db, cast.company.id, now=NOW + timedelta(minutes=5)) == 0
    assert look_at_waiting(db, cast.company.id, now=NOW + timedelta(hours=47)) == 1
    assert states_of(db, cast)[waits] == "WAITING"
    look_at_waiting(db, cast.company.id, now=NOW + timedelta(hours=48))
    assert states_of(db, cast)[waits] == "OPEN"


def test_what_is_looked_at_twice_is_in_the_queue_once(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ids = bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    with db.company(cast.company.id) as uow:
        look_at(uow, ids, now=NOW)
        look_at(uow, [*ids, uuid4()], now=NOW)
    turns = rows_of(db, cast, "select purpose from audit_turn")
    assert [row.purpose for row in turns].count("FIRST") == 1


def test_a_week_is_drawn_when_it_is_over_and_from_each_person_something(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    of_ana = bring(phone(cast.ana), db, running, *cast.ana_stores)
    of_ben = bring(phone(cast.ben), db, running, cast.ben_stores[0])
    assert draw_weeks(db, cast.company.id, date(2026, 3, 8), now=NOW) == 0
    assert draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW) == 4
    states = states_of(db, cast)
    assert sorted(states[id_] for id_ in of_ana) == ["LEFT_OUT", "LEFT_OUT", "OPEN"]
    assert states[of_ben[0]] == "OPEN"
    assert draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW) == 0


def test_a_draw_can_be_made_again_from_what_is_stored(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor
) -> None:
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"audit_sample_percent": 40})
    for _ in range(3):
        bring(phone(cast.ana), db, running, *cast.ana_stores)
    bring(phone(cast.ana), db, running, cast.ana_stores[0], flagged=True)
    draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW)
    # What is decided later changes nothing of a draw that was made.
    with db.company(cast.company.id) as uow:
        change_policy(uow, office, {"audit_sample_percent": 90})
        (again,) = redraw_week(uow, TODAY, today=TODAY)
        (listed,) = list_draws(uow, today=TODAY)
    assert again.is_same
    assert (again.week_starts_on, again.draw, again.sample_percent) == (WEEK, 0, 40)
    assert [one.is_chosen for _, one in again.drawn].count(True) == 4
    assert (listed.candidates, listed.entered, listed.chosen, listed.people) == (10, 1, 4, 1)
    with db.company(cast.company.id) as uow:
        # Somebody would have chosen otherwise.
        uow.run(
            "update audit_draw set seed = repeat('0', 64) where week_starts_on = :week", week=WEEK
        )
        (other,) = redraw_week(uow, TODAY, today=TODAY)
        assert not other.is_same


def test_what_comes_late_is_drawn_by_a_draw_of_its_own(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    bring(ana, db, running, *cast.ana_stores)
    draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW)
    (late,) = bring(ana, db, running, cast.ana_stores[0])
    assert draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW) == 1
    assert states_of(db, cast)[late] == "OPEN"
    with db.reading(cast.company.id) as uow:
        first, second = redraw_week(uow, WEEK, today=TODAY)
    assert (first.draw, second.draw) == (0, 1)
    assert first.seed != second.seed
    assert first.is_same
    assert second.is_same
    assert [one.id for _, one in second.drawn] == [late]


def test_a_flag_that_is_found_after_the_draw_still_counts(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ids = bring(phone(cast.ana), db, running, *cast.ana_stores)
    draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW)
    left = next(id_ for id_ in ids if states_of(db, cast)[id_] == "LEFT_OUT")
    with db.company(cast.company.id) as uow:
        uow.run(
            "update photo set state = 'FLAGGED' where sha256 in"
            " (select sha256 from audit_photo where audit_visit_id = :id)",
            id=left,
        )
        look_at(uow, [left], now=NOW)
    assert states_of(db, cast)[left] == "OPEN"


def test_only_an_admin_sees_draws(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    bring(phone(cast.ana), db, running, cast.ana_stores[0])
    draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW)
    with db.reading(cast.company.id) as uow:
        assert list_draws(uow, today=TODAY, asker_id=cast.ada.id)
        for person in (cast.aki, cast.sam, cast.ana):
            with pytest.raises(BeyondScope):
                redraw_week(uow, WEEK, today=TODAY, asker_id=person.id)
        with pytest.raises(NoSuchWeek):
            redraw_week(uow, WEEK - timedelta(days=7), today=TODAY)


def test_the_statements_of_a_look_do_not_grow_with_what_is_looked_at(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = phone(cast.ana)
    counts = []
    for stores in (cast.ana_stores[:1], cast.ana_stores * 4):
        ids = bring(ana, db, running, *stores, are_read=False)
        with db.company(cast.company.id) as uow:
            uow.run(
                "update audit_visit set flags = '{odd}', photos = 0 where id = any(:ids)", ids=ids
            )
            uow.run("update audit_visit set version = 9 where id = any(:ids)", ids=ids)
        with counted_statements(monkeypatch) as statements, db.company(cast.company.id) as uow:
            look_at(uow, ids, now=NOW)
        assert {states_of(db, cast)[id_] for id_ in ids} == {"OPEN"}
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 12


def test_weeks_begin_on_monday_in_the_companys_time_zone(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    ana.booted_at -= 10 * DAY
    items, _ = brought(ana, running, cast.ana_stores[0], ago=3 * DAY)
    ana.push(*items)
    id_ = UUID(items[1]["entity_id"])
    with db.company(cast.company.id) as uow:
        look_at(uow, [id_], now=NOW)
        (row,) = uow.rows(
            "select business_day, week_starts_on from audit_case where id = :id", id=id_
        )
    # A Sunday.
    assert (row.business_day, row.week_starts_on) == (date(2026, 3, 1), date(2026, 2, 23))


def test_a_file_without_a_capture_record_is_judged_for_what_names_it(
    cast: Cast, db: Database, phone: PhoneOf, running: Running
) -> None:
    ana = phone(cast.ana)
    items, photos = brought(ana, running, cast.ana_stores[0])
    # The records of the photos never come.
    ana.push(*items[:2])
    id_ = UUID(items[1]["entity_id"])
    with db.company(cast.company.id) as uow:
        look_at(uow, [id_], now=NOW)
        assert states_of(db, cast) == {}
        read_files(uow, ana, photos, [])
        add_readings(uow, darkness=990)
    draw_weeks(db, cast.company.id, MONDAY_AFTER, now=NOW)
    (case,) = rows_of(db, cast, "select state, entry from audit_case")
    assert (case.state, case.entry) == ("OPEN", "FLAGGED")
    assert len(rows_of(db, cast, "select sha256 from file_evidence")) == 3
