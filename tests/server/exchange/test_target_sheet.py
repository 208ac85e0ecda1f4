"""Targets as a sheet: what a manager sends, what is refused by cell, and that an export changes nothing."""

import io
from collections.abc import Callable
from datetime import date

import openpyxl
import pytest
from sqlalchemy import Engine

from server.exchange.importing import File, import_file
from server.exchange.report import Report
from server.exchange.sheets import SHEETS
from server.identity.change_log import changes_of
from server.targets.plan_list import list_plans
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast
from tests.measures_factories import add_product
from tests.server.exchange.conftest import BY, faults

Bring = Callable[..., Report]
Take = Callable[..., list[str]]
PLAN = "year,measure,region,division,total,weights"
FIXED = f"{PLAN},month,part,amount"
WHARF = "2026,TC,WHARF,*,2400,0/0/1000"


def amounts(db: Database, cast: Cast) -> dict[tuple[str, str], int]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select p.code, to_char(t.month, 'YYYY-MM') as month, t.amount from target t"
            " join position p on p.id = t.position_id where t.product_group is null"
        )
    return {(row.code, row.month): row.amount for row in rows}


def test_a_target_comes_with_the_parts_that_a_manager_fixes(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    report = bring(
        "target", FIXED, f"{WHARF},2026-04,REP-ANA,130", f"{WHARF},2026/5,NORTH,90",
        f"{WHARF},2026-06-01,,180",
    )  # fmt: skip
    assert (report.state, report.added, faults(report)) == ("DONE", 1, [])
    held = amounts(db, cast)
    assert sum(held.values()) == 2_400
    assert held["REP-ANA", "2026-04"] == 130
    assert held["REP-ANA", "2026-05"] == 90
    assert held["REP-ANA", "2026-06"] + held["REP-BEN", "2026-06"] == 180
    # Months over which the year's split goes first: 2220 ÷ 11, of which each rep has half.
    assert held["REP-BEN", "2026-04"] == 202 - 130
    lines = [line.rsplit(",", 1)[0] for line in take("target")]
    assert lines == [
        "year,measure,region,division,currency,total,weights,groups,month,part,group,amount",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-04,REP-ANA,,130",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-05,NORTH,,90",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-06,,,180",
    ]
    again = bring("target", *take("target"))
    assert (again.changed, again.left_alone) == (0, 1)


def test_the_rows_of_a_target_are_all_its_fixed_parts(
    bring: Bring, db: Database, cast: Cast
) -> None:
    bring("target", FIXED, f"{WHARF},2026-04,REP-ANA,130", f"{WHARF},2026-05,REP-ANA,90")
    report = bring("target", FIXED, f"{WHARF},2026-05,REP-ANA,95")
    assert report.changed == 1
    assert amounts(db, cast)["REP-ANA", "2026-04"] == 100
    assert amounts(db, cast)["REP-ANA", "2026-05"] == 95
    # Without the columns of parts they stay as they are.
    assert bring("target", PLAN, WHARF.replace("2400", "2412")).changed == 1
    assert amounts(db, cast)["REP-ANA", "2026-05"] == 95
    with db.reading(cast.company.id) as uow:
        (plan,) = list_plans(uow)
        logged = [one.action for one in changes_of(uow, subject_kind="target_plan")]
    assert (plan.version, plan.total) == (3, 2_412)
    assert plan.made_by.startswith("the office, import ")
    assert logged == ["target.split_plan", "target.split_plan", "target.make_plan"]


def test_what_is_wrong_is_told_by_cell_and_nothing_is_written(
    bring: Bring, db: Database, cast: Cast
) -> None:
    bring("target", PLAN, WHARF)
    report = bring(
        "target",
        "year,measure,region,division,currency,total,weights,groups,month,part,group,amount",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-02,REP-ANA,,1",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2027-04,REP-ANA,,1",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-04,NOBODY,,1",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-04,NORTH,Tea,1",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-05,,,1",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-05,,,2",
        "2026,TC,WHARF,*,,2400,0/0/1000,,2026-06,,,1.5",
        "2026,TC,WHARF,*,,2400,0/0/1000,,,REP-ANA,,1",
        "2026,PC,WHARF,XX,EUR,10.5,0/0/999,Tea,,,,",
        "2026,SC,NOWHERE,,,,,,2026-13,,,",
    )
    assert report.state == "REFUSED"
    assert set(faults(report)) >= {("B11", "not_a_choice"), ("G10", "out_of_range")}
    told = bring(
        "target",
        "year,measure,region,division,currency,total,groups,month,part,group,amount",
        "2026,TC,WHARF,*,,2400,,2026-02,REP-ANA,,1",
        "2026,TC,WHARF,*,,2400,,2027-04,REP-ANA,,1",
        "2026,TC,WHARF,*,,2400,,2026-04,NOBODY,,1",
        "2026,TC,WHARF,*,,2400,,2026-04,NORTH,Tea,1",
        "2026,TC,WHARF,*,,2400,,2026-05,,,1",
        "2026,TC,WHARF,*,,2400,,2026-06,,,1.5",
        "2026,TC,WHARF,*,,2400,,,REP-ANA,,1",
        "2026,PC,WHARF,XX,EUR,10.5,Tea,,,,",
    )
    assert faults(told) == [
        ("H2", "conflicts"),
        ("H3", "conflicts"),
        ("I4", "unknown"),
        ("I5", "conflicts"),
        ("K7", "not_a_number"),
        ("H8", "required"),
        ("D9", "unknown"),
        ("E9", "conflicts"),
        ("F9", "not_a_number"),
        ("G9", "conflicts"),
    ]
    with db.reading(cast.company.id) as uow:
        assert [plan.version for plan in list_plans(uow)] == [1]


def test_what_cannot_be_split_names_the_row(bring: Bring, db: Database, cast: Cast) -> None:
    bring("target", PLAN, WHARF)
    report = bring("target", FIXED, f"{WHARF},2026-04,REP-ANA,900", is_dry=True)
    assert [(fault.cell, fault.code) for fault in report.faults] == [("row 2", "refused")]
    assert "too much" in str(report.faults[0].says)


@pytest.mark.parametrize("total", ["1234.56", "1,234.567"])
def test_money_has_the_digits_of_its_currency(
    bring: Bring, take: Take, cast: Cast, owner_engine: Engine, total: str
) -> None:
    with owner_engine.begin() as connection:
        add_product(connection, cast.company, "Green", number=1, category="Tea", units={"EA": 1})
    header = "year,measure,region,division,currency,total,groups,month,part,group,amount"
    report = bring(
        "target", header, f'2026,NET_VALUE,WHARF,*,EUR,"{total}",Tea,2026-04,REP-ANA,Tea,10.5'
    )
    if total == "1,234.567":
        assert faults(report) == [("F2", "not_a_number")]
        return
    assert report.state == "DONE", report.faults
    assert ",EUR,1234.56,600/300/100,Tea,2026-04,REP-ANA,Tea,10.5," in take("target")[1]


def test_a_spreadsheet_makes_days_of_months(db: Database, cast: Cast) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(FIXED.split(","))
    sheet.append([2026.0, "tc", "WHARF", "*", 2400, "0/0/1000", date(2026, 4, 1), "REP-ANA", 130.0])
    out = io.BytesIO()
    book.save(out)
    report = import_file(
        db,
        cast.company.id,
        BY,
        SHEETS,
        SHEETS["target"],
        File(out.getvalue(), "t.xlsx"),
        today=TODAY,
    )
    assert report.state == "DONE", report.faults
    assert amounts(db, cast)["REP-ANA", "2026-04"] == 130
