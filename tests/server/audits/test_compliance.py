"""What stores showed by final verdicts, what they get, and the settlement that keeps it."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import openpyxl
import pytest
from click.testing import Result
from sqlalchemy import Engine

from server.activities.activities import end_activity, settle_activity
from server.activities.errors import (
    BeyondScope,
    FieldInvalid,
    NoSuchActivity,
    NoSuchActivityStore,
)
from server.activities.errors import WrongState as ActivityWrongState
from server.activities.settlement import digest_of_rows, find_settlement, settlement_rows
from server.activities.stores import pay_stores
from server.audits.appeals import open_appeals
from server.audits.compliance import (
    audit_stores,
    count_reported,
    count_verdicts,
    stores_to_audit,
)
from server.audits.draws import draw_weeks
from server.audits.errors import WrongState
from server.audits.settlement_file import write_settlement
from server.audits.standing import end_appeal_times
from server.identity.change_log import Actor, changes_of
from sync.unit_of_work import Database
from tests.activities_factories import STANDARDS
from tests.audit_factories import (
    ANSWERS,
    NOW,
    Running,
    add_running,
    bring,
    brought,
    claim,
    judged,
    stand,
)
from tests.factories import TODAY, Cast, Person
from tests.sync.talking import DAY, HOUR, Phone, counted_statements

PhoneOf = Callable[[Person], Phone]
Run = Callable[..., Result]
FIRST = UUID(int=0)
LATER = NOW + timedelta(days=8)


@pytest.fixture
def running(cast: Cast, db: Database) -> Running:
    """An activity that pays an odd amount."""
    return add_running(cast, db, pay_minor=30_001, currency="CNY")


@dataclass(frozen=True)
class Audited:
    """Of Ana's three stores the first passed, the second failed one of two, the third was not drawn."""

    phone: Phone
    ids: tuple[UUID, ...]
    verdicts: tuple[UUID, ...]


@pytest.fixture
def audited(cast: Cast, db: Database, phone: PhoneOf, running: Running) -> Audited:
    ana = phone(cast.ana)
    ana.booted_at -= 100 * DAY
    ids, verdicts = [], []
    every: tuple[dict[str, Any], ...] = ({}, {"POSTER": "NOT_THERE"})
    for store, failed in zip(cast.ana_stores, every, strict=False):
        ids += bring(ana, db, running, store, flagged=True)
        (turn,) = claim(db, cast.aki)
        verdicts.append(judged(db, cast.aki, turn, **failed))
    stand(db, cast)
    end_appeal_times(db, cast.company.id, now=LATER)
    return Audited(ana, tuple(ids), tuple(verdicts))


def taking_part(running: Running, cast: Cast) -> list[UUID]:
    return [running.taking_part[store] for store in cast.ana_stores]


def test_what_counts_of_each_required_item_is_its_last_verdict() -> None:
    assert count_verdicts(
        STANDARDS, {"END_CAP": "PASS", "POSTER": "FAIL", "PRICE_TAG": "FAIL"}
    ) == (1, 2)
    assert count_verdicts(STANDARDS, {"END_CAP": "NOT_APPLICABLE", "POSTER": "PASS"}) == (1, 1)
    assert count_verdicts(STANDARDS, {}) == (0, 0)


def test_what_was_never_drawn_counts_as_it_was_reported() -> None:
    assert count_reported(STANDARDS, {"END_CAP": ("DONE", 2), "POSTER": ("NOT_DONE", 1)}) == (2, 2)
    assert count_reported(STANDARDS, {"END_CAP": ("DONE", 1), "POSTER": ("DONE", 0)}) == (0, 2)
    assert count_reported(STANDARDS, {"END_CAP": ("NOT_APPLICABLE", 0)}) == (0, 1)
    assert count_reported([], {}) == (0, 0)


def test_stores_are_audited_paid_and_settled(
    cast: Cast,
    db: Database,
    phone: PhoneOf,
    running: Running,
    audited: Audited,
    office: Actor,
    tmp_path: Path,
) -> None:
    ana = audited.phone
    full, half, none = taking_part(running, cast)
    with db.company(cast.company.id) as uow:
        due = stores_to_audit(uow, running.activity, FIRST)
        assert set(due) == set(running.taking_part.values())
        results = {
            one.activity_store_id: one
            for one in audit_stores(uow, office, due, today=TODAY, now=LATER)
        }
        assert stores_to_audit(uow, running.activity, FIRST) == []
    told = {
        id_: (one.basis, one.passed, one.required, one.share, one.amount_minor)
        for id_, one in results.items()
    }
    assert told[full] == ("AUDITED", 2, 2, "FULL", 30_001)
    assert told[half] == ("AUDITED", 1, 2, "NONE", 0)
    assert told[none] == ("NOTHING", 0, 2, "NONE", 0)
    assert results[half].verdict_ids == audited.verdicts[1:]
    with db.company(cast.company.id) as uow:
        with pytest.raises(FieldInvalid):
            pay_stores(uow, office, [full, full], today=TODAY, answer="x" * 401)
        states = pay_stores(uow, office, list(results), today=TODAY, answer="Thank you")
        logged = changes_of(uow, subject_kind="activity_store")
    assert (states[full], states[half]) == ("PAID", "REFUSED")
    assert {one.action for one in logged} == {"activity_store.audit", "activity_store.pay"}
    ana.pull()
    assert (ana.fields(full)["state"], ana.fields(full)["answer"]) == ("PAID", "Thank you")
    with db.company(cast.company.id) as uow:
        with pytest.raises(NoSuchActivity):
            find_settlement(uow, running.activity, today=TODAY)
        end_activity(uow, office, running.activity, today=TODAY)
        settle_activity(uow, office, running.activity, today=TODAY)
        settlement = find_settlement(uow, running.activity, today=TODAY, asker_id=cast.ada.id)
        with pytest.raises(BeyondScope):
            find_settlement(uow, running.activity, today=TODAY, asker_id=cast.ana.id)
        rows = list(settlement_rows(uow, running.activity))
    assert (settlement.stores, settlement.total_minor, settlement.currency) == (6, 30_001, "CNY")
    assert sum(row.amount_minor or 0 for row in rows) == settlement.total_minor
    assert [row.store_code for row in rows] == sorted(str(row.store_code) for row in rows)
    assert settlement.digest == digest_of_rows(rows)
    # What changes later changes nothing of it.
    with db.company(cast.company.id) as uow:
        uow.run("update store set name = 'Elsewhere'")
    for form in ("csv", "xlsx"):
        with (tmp_path / f"it.{form}").open("wb") as file, db.reading(cast.company.id) as uow:
            write_settlement(uow, running.activity, file, form, today=TODAY)
    with (tmp_path / "it.csv").open(encoding="utf-8-sig", newline="") as text:
        written = list(csv.reader(text))
    assert written[0][:5] == ["place", "activity", "store", "name", "state"]
    assert written[1][2:12] == [
        "ANCHOR", "Anchor", "PAID", "AUDITED", "2", "2", "1000", "FULL", "30001", "CNY",
    ]  # fmt: skip
    assert written[2][4:9] == ["REFUSED", "AUDITED", "1", "2", "500"]
    sheet = openpyxl.load_workbook(tmp_path / "it.xlsx")["settlement"]
    assert [str(cell.value) for cell in sheet[2]][:11] == written[1][:11]
    assert sum(row[10].value or 0 for row in sheet.iter_rows(min_row=2)) == 30_001


def test_rows_that_are_not_those_that_were_kept_are_not_written(
    cast: Cast,
    db: Database,
    running: Running,
    audited: Audited,
    office: Actor,
    owner_engine: Engine,
) -> None:
    with db.company(cast.company.id) as uow:
        due = stores_to_audit(uow, running.activity, FIRST)
        audit_stores(uow, office, due, today=TODAY, now=LATER)
        pay_stores(uow, office, due, today=TODAY)
        end_activity(uow, office, running.activity, today=TODAY)
        settle_activity(uow, office, running.activity, today=TODAY)
    with owner_engine.begin() as connection:
        connection.exec_driver_sql(
            "update activity_settlement_row set amount_minor = 1 where place = 1 and company_id = "
            f"{cast.company.id}"
        )
    with db.reading(cast.company.id) as uow, pytest.raises(WrongState):
        write_settlement(uow, running.activity, io.BytesIO(), "csv", today=TODAY)


def stand_again(db: Database, cast: Cast) -> None:
    stand(db, cast)


def end_times(db: Database, cast: Cast) -> None:
    end_appeal_times(db, cast.company.id, now=LATER)


def test_a_store_waits_until_all_of_it_is_final(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor
) -> None:
    ana = phone(cast.ana)
    first = running.taking_part[cast.ana_stores[0]]
    bring(ana, db, running, cast.ana_stores[0])
    with db.company(cast.company.id) as uow:
        with pytest.raises(WrongState, match="store ANCHOR: 1 audit visits"):
            audit_stores(uow, office, [first], today=TODAY)
        assert first not in stores_to_audit(uow, running.activity, FIRST)
    draw_weeks(db, cast.company.id, TODAY + timedelta(days=7), now=NOW)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, END_CAP="UNCLEAR")
    for go_on in (stand_again, end_times):
        with db.company(cast.company.id) as uow, pytest.raises(WrongState):
            audit_stores(uow, office, [first], today=TODAY)
        go_on(db, cast)
    with db.company(cast.company.id) as uow:
        (result,) = audit_stores(uow, office, [first], today=TODAY)
    assert (result.basis, result.passed, result.required) == ("AUDITED", 1, 2)


def test_what_was_put_right_counts_by_what_was_seen_last(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, audited: Audited, office: Actor
) -> None:
    store = cast.ana_stores[1]
    bring(audited.phone, db, running, store, ago=HOUR)
    (turn,) = claim(db, cast.aki)
    judged(db, cast.aki, turn, PRICE_TAG="NOT_THERE")
    stand(db, cast)
    end_appeal_times(db, cast.company.id, now=LATER)
    with db.company(cast.company.id) as uow:
        (result,) = audit_stores(uow, office, [running.taking_part[store]], today=TODAY)
    # The price tag is not required.
    assert (result.passed, result.required, result.share) == (2, 2, "FULL")


def test_a_store_that_was_never_drawn_is_taken_as_reported(
    cast: Cast, db: Database, phone: PhoneOf, running: Running, office: Actor
) -> None:
    ben = phone(cast.ben)
    ids = bring(ben, db, running, *cast.ben_stores, answers=ANSWERS)
    draw_weeks(db, cast.company.id, TODAY + timedelta(days=7), now=NOW)
    (turn,) = claim(db, cast.aki)
    left = next(
        running.taking_part[store]
        for store, id_ in zip(cast.ben_stores, ids, strict=True)
        if id_ != turn.audit_visit_id
    )
    with db.company(cast.company.id) as uow:
        (result,) = audit_stores(uow, office, [left], today=TODAY)
    assert (result.basis, result.passed, result.required) == ("REPORTED", 2, 2)
    assert result.audit_visit_id in ids


def test_an_appeal_that_comes_late_keeps_a_store_from_being_paid_until_it_is_worked_out_again(
    cast: Cast,
    db: Database,
    running: Running,
    audited: Audited,
    office: Actor,
    sol: Person,
) -> None:
    _, half, _ = taking_part(running, cast)
    with db.company(cast.company.id) as uow:
        audit_stores(uow, office, [half], today=TODAY, now=LATER)
    ana = audited.phone
    captured = ana.now + DAY
    ana.now += 9 * DAY
    payload = {"items": ["POSTER"], "reason": "It hangs there"}
    late = ana.item("audit_visit", "appeal", audited.ids[1], payload, at=captured)
    assert ana.push_one(late)["status"] == "applied"
    with db.company(cast.company.id) as uow:
        open_appeals(uow, audited.ids, now=LATER)
    after = LATER + timedelta(hours=1)
    with db.company(cast.company.id) as uow, pytest.raises(ActivityWrongState, match="not final"):
        pay_stores(uow, office, [half], today=TODAY)
    (turn,) = claim(db, sol, now=after)
    judged(db, sol, turn, now=after)
    stand(db, cast, now=after + timedelta(hours=1))
    with db.company(cast.company.id) as uow:
        with pytest.raises(ActivityWrongState, match="audit it again"):
            pay_stores(uow, office, [half], today=TODAY)
        assert half in stores_to_audit(uow, running.activity, FIRST)
        (result,) = audit_stores(uow, office, [half], today=TODAY, now=after + timedelta(hours=2))
        assert (result.passed, result.required) == (2, 2)
        assert pay_stores(uow, office, [half], today=TODAY) == {half: "PAID"}


def test_what_audits_have_not_taken_up_yet_holds_the_pay_back(
    cast: Cast, db: Database, running: Running, audited: Audited, office: Actor
) -> None:
    full, half, _ = taking_part(running, cast)
    with db.company(cast.company.id) as uow:
        audit_stores(uow, office, [full, half], today=TODAY, now=LATER)
    ana = audited.phone
    captured = ana.now + DAY
    ana.now += 9 * DAY
    payload = {"items": ["POSTER"], "reason": "It hangs there"}
    appeal = ana.item("audit_visit", "appeal", audited.ids[1], payload, at=captured)
    items, _ = brought(ana, running, cast.ana_stores[0])
    assert {result["status"] for result in ana.push(appeal, *items)} == {"applied"}
    for store in (full, half):
        with (
            db.company(cast.company.id) as uow,
            pytest.raises(ActivityWrongState, match="not final"),
        ):
            pay_stores(uow, office, [store], today=TODAY)


def test_who_may_not_see_a_store_neither_audits_nor_pays_it(
    cast: Cast, db: Database, running: Running, audited: Audited, office: Actor
) -> None:
    full, *_ = taking_part(running, cast)
    with db.company(cast.company.id) as uow:
        for act in (audit_stores, pay_stores):
            with pytest.raises(NoSuchActivityStore):
                act(uow, office, [full], today=TODAY, asker_id=cast.ben.id)
            with pytest.raises(BeyondScope):
                act(uow, office, [full], today=TODAY, asker_id=cast.ana.id)
        assert audit_stores(uow, office, [full], today=TODAY, asker_id=cast.sam.id)


def test_the_statements_do_not_grow_with_the_stores(
    cast: Cast,
    db: Database,
    running: Running,
    audited: Audited,
    office: Actor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = list(running.taking_part.values())
    counts = []
    for some in (ids[:1], ids[1:]):
        with counted_statements(monkeypatch) as statements, db.company(cast.company.id) as uow:
            audit_stores(uow, office, some, today=TODAY)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_the_office_does_it_by_command(
    cast: Cast, db: Database, running: Running, audited: Audited, run: Run, tmp_path: Path
) -> None:
    with db.reading(cast.company.id) as uow:
        code = uow.rows("select code from activity")[0].code
    assert run("audit", "stores", code).output == "Audited: 6.\n"
    assert run("audit", "pay", code).output == "1 paid, 5 refused\n"
    assert run("audit", "pay", code).output == "No store of it is audited and not paid.\n"
    early = run("audit", "settlement", code, "--to", str(tmp_path / "s.csv"))
    assert early.output == "Error: there is no such activity in this company that is settled\n"
    assert not (tmp_path / "s.csv").exists()
    assert run("activity", "end", code).output == "Ended.\n"
    assert run("activity", "settle", code).output == "Settled.\n"
    written = run("audit", "settlement", code, "--to", str(tmp_path / "s.xlsx"))
    assert written.output.startswith(f"{code}: 6 stores, 30001 CNY in minor units; digest ")
    assert openpyxl.load_workbook(tmp_path / "s.xlsx")["settlement"].max_row == 7
