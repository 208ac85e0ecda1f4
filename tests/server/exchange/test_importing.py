"""A file is checked whole, then written: as one, or in slices that can be run again. Nothing is half done."""

import dataclasses
import io
import json
from collections.abc import Callable
from threading import Thread
from typing import Any
from uuid import uuid4

import openpyxl
import pytest
from sqlalchemy import text

from server.exchange import importing
from server.exchange.faults import FAULT_CODES, FileInvalid, HeaderInvalid
from server.exchange.importing import File, import_file, read_table
from server.exchange.report import Report, write_marked
from server.exchange.runs import RunMoved, begin_run, find_run, list_runs, move_run
from server.exchange.sheets import SHEETS
from server.identity.change_log import changes_of
from server.identity.external_ids import list_systems
from server.planning.errors import CodeTaken
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, pull_all
from tests.server.exchange.conftest import BY, faults, id_of

Bring = Callable[..., Report]
Take = Callable[..., list[str]]
HEADER = "code,name,channel"


def stores(db: Database, cast: Cast, begin: str = "N") -> list[tuple[str, str]]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select code, name from store where starts_with(code, :begin) order by code",
            begin=begin,
        )
    return [tuple(row) for row in rows]


def test_what_a_file_does_is_told_field_by_field_before_and_after(
    bring: Bring, db: Database, cast: Cast
) -> None:
    report = bring("store", HEADER, "N1,Corner,kiosk", "N2,Market,kiosk")
    assert (report.state, report.added, report.changed, report.left_alone) == ("DONE", 2, 0, 0)
    assert stores(db, cast) == [("N1", "Corner"), ("N2", "Market")]
    again = bring(
        "store", f"{HEADER},status", "N1,Corner Shop,kiosk,", "N2,Market,kiosk,closed", is_dry=True
    )
    assert [str(change) for change in again.changes] == [
        "~ N1 (row 2): name: Corner → Corner Shop",
        "- N2 (row 3): status: ACTIVE → CLOSED",
    ]
    assert (again.changed, again.closed, again.left_alone) == (2, 1, 0)
    assert "Nothing was written" in list(again.lines())[-1]


def test_a_dry_run_writes_nothing_at_all(
    bring: Bring, db: Database, cast: Cast, owner_engine: Any
) -> None:
    def count() -> list[Any]:
        with owner_engine.connect() as connection:
            tables = ("store", "record", "change_log", "import_run", "outbox")
            return [
                connection.scalar(
                    text(f"select count(*) from {table} where company_id = {cast.company.id}")
                )
                for table in tables
            ]

    before = count()
    report = bring("store", HEADER, "N1,Corner,kiosk", is_dry=True)
    assert (report.state, report.added) == ("CHECKED", 1)
    assert count() == before


def test_while_one_cell_is_wrong_no_row_is_written(bring: Bring, db: Database, cast: Cast) -> None:
    report = bring(
        "store",
        f"{HEADER},class,lat,lon,region",
        "N1,Corner,kiosk,,,,",
        "N2,,kiosk,Z,91,0,NOWHERE",
        "N3,Market,kiosk,,10,,",
        ",Nameless,kiosk,,,,",
        "N1,Again,kiosk,,,,",
    )
    assert faults(report) == [
        ("B3", "required"),
        ("D3", "not_a_choice"),
        ("E3", "out_of_range"),
        ("G3", "unknown"),
        ("A5", "required"),
        ("A6", "twice"),
    ]
    assert report.state == "REFUSED"
    assert stores(db, cast) == []
    assert {fault.code for fault in report.faults} <= FAULT_CODES.keys()


def test_columns_that_are_not_there_and_cells_that_are_empty_are_not_the_same(
    bring: Bring, take: Take
) -> None:
    bring("store", f"{HEADER},class,address", "N1,Corner,kiosk,A,Main Street")
    assert bring("store", "code,class", "N1,B").changed == 1
    assert any(line.startswith("N1,Corner,kiosk,B,Main Street,") for line in take("store"))
    assert bring("store", "code,address", "N1,").changed == 1
    assert any(line.startswith("N1,Corner,kiosk,B,,") for line in take("store"))


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("code,colour", "colour"),
        ("code,name,Name", "twice"),
        ("code,na\x1b[31mme", "B1 has control characters"),
        ("code,id@ER\x07P", "B1 has control characters"),
        ("name,channel", "code"),
        ("code,external_id", "--system"),
        ("code,region@", "system"),
        ("code,name@ERP", "no column"),
    ],
)
def test_a_header_that_is_no_column_is_refused_by_name(
    bring: Bring, header: str, said: str
) -> None:
    with pytest.raises(HeaderInvalid, match=said):
        bring("store", header, "x,y,z")


def test_a_cell_under_no_header_is_not_passed_over(bring: Bring) -> None:
    assert faults(bring("store", HEADER, "N1,Corner,kiosk,more")) == [("row 2", "no_column")]


def test_a_record_is_named_by_its_id_so_that_its_code_may_change(
    bring: Bring, db: Database, cast: Cast
) -> None:
    bring("store", HEADER, "N1,Corner,kiosk", "N2,Market,kiosk")
    store_id = id_of(db, cast, "store", "N1")
    report = bring("store", "id,code", f"{store_id},N9")
    assert [str(change) for change in report.changes] == ["~ N1 (row 2): code: N1 → N9"]
    assert stores(db, cast) == [("N2", "Market"), ("N9", "Corner")]
    assert faults(bring("store", "id,code", f"{store_id},N2")) == [("B2", "ambiguous")]
    assert faults(bring("store", "id,code", f"{uuid4()},N2")) == [("A2", "unknown")]
    assert faults(bring("store", "id,code", "12,N2")) == [("A2", "unknown")]


def test_ids_of_another_system_name_records_and_are_references_in_every_sheet(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    bring("region", "code,name,id@ERP", "EAST,East,77")
    report = bring(
        "store", f"{HEADER},external_id,region@ERP", "N1,Corner,kiosk,4711,77", system="ERP"
    )
    assert report.faults == []
    with db.reading(cast.company.id) as uow:
        assert list_systems(uow) == [("ERP", "region", 1), ("ERP", "store", 1)]
        region = uow.rows("select region_id from store where code = 'N1'")[0].region_id
    assert region == id_of(db, cast, "region", "EAST")
    # The code is another now; the ERP's id says which store it is.
    renamed = bring("store", "id@ERP,code,name", "4711,N7,Corner Shop")
    assert [str(c) for c in renamed.changes] == [
        "~ N1 (row 2): code: N1 → N7; name: Corner → Corner Shop"
    ]
    assert any(line.startswith("N7,") and line.endswith(",4711") for line in take("store", "ERP"))
    assert faults(bring("store", "code,region@ERP", "N7,78")) == [("B2", "unknown")]
    # Called otherwise from now on; the id that it had is free.
    bring("store", "code,id@ERP", "N7,4712")
    assert bring("store", "code,name,channel,id@ERP", "N8,New,kiosk,4711").added == 1


def test_a_new_record_needs_every_required_column(bring: Bring) -> None:
    assert faults(bring("store", "code,name", "N1,Corner")) == [("row 2", "required")]


def test_an_import_is_kept_with_who_what_and_its_report_and_changes_name_it(
    bring: Bring, db: Database, cast: Cast
) -> None:
    report = bring("store", HEADER, "N1,Corner,kiosk")
    wrong = bring("store", HEADER, "N2,,kiosk")
    with db.reading(cast.company.id) as uow:
        latest, first = list_runs(uow)
        assert report.run_id is not None
        run = find_run(uow, report.run_id)
        (entry,) = [one for one in changes_of(uow) if one.action == "store.make"]
    assert (latest.state, first.state) == ("REFUSED", "DONE")
    assert (run.sheet, run.file_name, run.actor, run.rows, run.to_do, run.added) == (
        "store", "file.csv", "the office", 1, 1, 1,
    )  # fmt: skip
    assert run.file_digest.hex() == report.digest
    assert run.ended_at is not None
    assert run.report == json.loads(json.dumps(report.as_json()))
    assert entry.actor == f"the office, import {run.short}"
    assert wrong.as_json()["faults"] == [
        {
            "row": 2, "cell": "B2", "column": "name", "code": "required",
            "says": "must not be empty", "said": ["must not be empty", {}], "value": None,
        }
    ]  # fmt: skip


def small_slices(sheet: str, size: int) -> dict[str, Any]:
    return {**SHEETS, sheet: dataclasses.replace(SHEETS[sheet], records_at_once=size)}


def run(db: Database, cast: Cast, sheets: dict[str, Any], data: str, **other: Any) -> Report:
    return import_file(
        db, cast.company.id, BY, sheets, sheets["store"], File(data.encode(), "stores.csv"),
        today=TODAY, **other,
    )  # fmt: skip


FIVE = "\n".join([HEADER, *(f"N{n},Shop {n},kiosk" for n in range(5))])


def test_a_long_import_goes_in_slices_and_says_how_far_it_is(db: Database, cast: Cast) -> None:
    seen: list[tuple[int, int]] = []
    report = run(
        db, cast, small_slices("store", 2), FIVE, progress=lambda done, of: seen.append((done, of))
    )
    assert (report.state, report.done) == ("DONE", 5)
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert len(stores(db, cast)) == 5


def test_the_planner_is_told_of_what_a_long_import_brings(
    db: Database, cast: Cast, owner_engine: Any
) -> None:
    def analysed() -> list[Any]:
        with owner_engine.connect() as connection:
            connection.execute(text("select pg_stat_clear_snapshot()"))
            rows = connection.execute(
                text(
                    "select relname, analyze_count from pg_stat_user_tables where relname"
                    " in ('record', 'record_key', 'companion', 'store') order by 1"
                )
            )
            return [row.analyze_count for row in rows]

    before = analysed()
    run(db, cast, dict(SHEETS), FIVE)
    assert analysed() == before
    many = "\n".join([HEADER, *(f"M{n},Shop {n},kiosk" for n in range(5))])
    run(db, cast, small_slices("store", 1), many)
    # After one, two and four slices, and the last.
    assert analysed() == [count + 4 for count in before]


def failing(
    sheets: dict[str, Any], code: str, error: Exception, *, once_there: str | None = None
) -> dict[str, Any]:
    """The same sheets, of which that of stores does not take one code, or only once another is there."""
    whole = sheets["store"].apply

    def apply(uow: Any, actor: Any, changes: Any, *rest: Any) -> None:
        there = uow.rows("select from store where code = :code", code=once_there)
        if any(change.values["code"] == code for change in changes) and (
            there or once_there is None
        ):
            raise error
        whole(uow, actor, changes, *rest)

    return {**sheets, "store": dataclasses.replace(sheets["store"], apply=apply)}


def test_a_slice_that_is_refused_stops_the_run_and_the_same_file_goes_on_from_there(
    db: Database, cast: Cast
) -> None:
    sheets = small_slices("store", 2)
    quicker = failing(sheets, "N3", CodeTaken("somebody was quicker"), once_there="N1")
    stopped = run(db, cast, quicker, FIVE)
    assert (stopped.state, stopped.done) == ("STOPPED", 2)
    assert [(f.row, f.code, str(f.says)) for f in stopped.faults] == [
        (5, "refused", "somebody was quicker")
    ]
    # Not half a slice: N2 stood before N3 in it.
    assert [code for code, _ in stores(db, cast)] == ["N0", "N1"]
    done = run(db, cast, sheets, FIVE)
    assert (done.state, done.run_id, done.left_alone) == ("DONE", stopped.run_id, 2)
    with db.reading(cast.company.id) as uow:
        (kept,) = list_runs(uow)
    assert (kept.state, kept.added, kept.to_do) == ("DONE", 5, 5)


def test_what_only_the_rules_of_the_office_refuse_is_found_before_the_first_slice(
    db: Database, cast: Cast
) -> None:
    for is_dry in (True, False):
        sheets = failing(small_slices("store", 2), "N4", CodeTaken("taken"))
        report = run(db, cast, sheets, FIVE, is_dry=is_dry)
        assert (report.state, report.done) == ("REFUSED", 0)
        assert [(fault.row, str(fault.says)) for fault in report.faults] == [(6, "taken")]
        assert stores(db, cast) == []
    with db.reading(cast.company.id) as uow:
        (kept,) = list_runs(uow)
    assert kept.state == "REFUSED"


def test_of_each_slice_one_refusal_is_told(db: Database, cast: Cast) -> None:
    sheets = small_slices("store", 1)
    sheets = failing(failing(sheets, "N1", CodeTaken("taken")), "N3", CodeTaken("taken, too"))
    report = run(db, cast, sheets, FIVE)
    assert [(fault.row, str(fault.says)) for fault in report.faults] == [
        (3, "taken"),
        (5, "taken, too"),
    ]


def test_a_slice_is_rehearsed_with_what_stands_above_it(db: Database, cast: Cast) -> None:
    sheets = small_slices("region", 1)
    lines = ["code,name,above", *(f"R{n},Region {n},{f'R{n - 1}' if n else ''}" for n in range(5))]
    report = import_file(
        db, cast.company.id, BY, sheets, sheets["region"],
        File("\n".join(lines).encode(), "regions.csv"), today=TODAY,
    )  # fmt: skip
    assert (report.state, report.done, report.faults) == ("DONE", 5, [])


def test_what_is_refused_in_the_first_slice_is_not_written_at_all(db: Database, cast: Cast) -> None:
    sheets = failing(dict(SHEETS), "N3", CodeTaken("taken"))
    report = run(db, cast, sheets, FIVE)
    assert (report.state, report.done) == ("REFUSED", 0)
    assert [fault.row for fault in report.faults] == [5]
    assert stores(db, cast) == []
    dry = run(db, cast, sheets, FIVE, is_dry=True)
    assert [(fault.row, fault.code) for fault in dry.faults] == [(5, "refused")]


def test_a_run_whose_process_ended_goes_on_with_the_same_file(db: Database, cast: Cast) -> None:
    class Killed(BaseException):
        pass

    sheets = small_slices("store", 2)

    def kill(done: int, _of: int) -> None:
        if done == 4:
            raise Killed

    with pytest.raises(Killed):
        run(db, cast, sheets, FIVE, progress=kill)
    with db.reading(cast.company.id) as uow:
        (kept,) = list_runs(uow)
    assert (kept.state, kept.added, kept.to_do) == ("APPLYING", 4, 5)
    done = run(db, cast, sheets, FIVE)
    assert (done.run_id, done.done, done.left_alone) == (kept.id, 1, 4)


def test_a_slice_is_tried_again_where_it_met_somebody_else(
    db: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg

    monkeypatch.setattr(importing, "PAUSE_S", 0)
    sheets = dict(SHEETS)
    whole = sheets["store"].apply
    met: list[bool] = []

    def apply(*everything: Any) -> None:
        if not met:
            met.append(True)
            raise psycopg.errors.DeadlockDetected
        whole(*everything)

    sheets["store"] = dataclasses.replace(sheets["store"], apply=apply)
    assert run(db, cast, sheets, FIVE).state == "DONE"
    assert met


def test_two_imports_of_one_file_at_once_add_each_record_once(db: Database, cast: Cast) -> None:
    sheets = small_slices("store", 1)
    reports: list[Report] = []
    moved: list[RunMoved] = []

    def act() -> None:
        try:
            reports.append(run(db, cast, sheets, FIVE))
        except RunMoved as error:
            moved.append(error)

    both = [Thread(target=act) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(60)
    assert len(reports) + len(moved) == 2
    assert len(stores(db, cast)) == 5
    assert all(report.state == "DONE" for report in reports)
    assert reports


def test_an_import_waits_for_the_slice_of_another_and_sees_what_it_wrote(
    db: Database, cast: Cast
) -> None:
    second: list[Report] = []

    def bring_second() -> None:
        second.append(run(db, cast, dict(SHEETS), f"{HEADER}\nN1,Corner Shop,kiosk\n"))

    waiting = Thread(target=bring_second)
    whole = SHEETS["store"].apply

    def apply(*everything: Any) -> None:
        whole(*everything)
        waiting.start()
        # It cannot end before this one has.
        waiting.join(0.5)
        assert not second

    sheets = {**SHEETS, "store": dataclasses.replace(SHEETS["store"], apply=apply)}
    assert run(db, cast, sheets, f"{HEADER}\nN1,Corner,kiosk\n").state == "DONE"
    waiting.join(60)
    assert [report.state for report in second] == ["DONE"]
    assert stores(db, cast) == [("N1", "Corner Shop")]


def test_phones_pull_while_a_slice_is_being_written(db: Database, cast: Cast) -> None:
    """Sam oversees where the stores come: until the slice is committed they see it as it was."""
    engine = Engine(db, ALL_KINDS, b"a key of the tests" * 2)
    sheets = dict(SHEETS)
    whole = sheets["store"].apply
    pulled: list[int] = []

    def apply(uow: Any, *rest: Any) -> None:
        whole(uow, *rest)
        for person in (cast.ana, cast.sam):
            changes, _ = pull_all(engine, person.device)
            pulled.append(sum(change["kind"] == "store" for change in changes))

    sheets["store"] = dataclasses.replace(sheets["store"], apply=apply)
    code = next(iter(stores(db, cast, "")))[0]
    data = f"code,name,channel,region\n{code},Renamed,kiosk,\nN1,New,kiosk,NORTH\n"
    assert run(db, cast, sheets, data).state == "DONE"
    assert pulled == [3, 6]
    changes, _ = pull_all(engine, cast.sam.device)
    assert sum(change["kind"] == "store" for change in changes) == 7


def test_a_run_is_moved_only_from_the_state_that_it_is_in(db: Database, cast: Cast) -> None:
    with db.company(cast.company.id) as uow:
        made = begin_run(uow, BY, sheet="store", file_name="f", file_digest=b"1" * 32, system=None)
        assert move_run(uow, made.id, "CHECKING", "find none") == "APPLYING"
        with pytest.raises(RunMoved):
            move_run(uow, made.id, "CHECKING", "find none")
        with pytest.raises(RunMoved):
            move_run(uow, made.id, "DONE", "find none")
        with pytest.raises(RunMoved):
            move_run(uow, made.id, "STOPPED", "go on")


def test_faults_are_marked_in_a_copy_of_the_file(bring: Bring) -> None:
    data = b"code,name,channel\nN1,Corner,kiosk\nN2,,kiosk\n"
    report = bring("store", *data.decode().splitlines(), is_dry=True)
    out = io.BytesIO()
    write_marked(out, read_table(File(data, "f"), SHEETS["store"]), report)
    sheet = openpyxl.load_workbook(out)["store"]
    assert sheet["B3"].comment.text == "required: must not be empty"
    assert sheet["B3"].fill.fgColor.rgb == "FFFFC7CE"
    assert sheet["A2"].comment is None
    assert [cell.value for cell in sheet[2]] == ["N1", "Corner", "kiosk"]


def test_the_old_form_of_spreadsheets_is_named(bring: Bring, db: Database, cast: Cast) -> None:
    file = File(b"\xd0\xcf\x11\xe0" + b"\0" * 100, "old.xls")
    with pytest.raises(FileInvalid, match="XLSX"):
        import_file(db, cast.company.id, BY, SHEETS, SHEETS["store"], file, today=TODAY)


def test_another_company_sees_neither_records_nor_runs_nor_ids(
    bring: Bring, db: Database, owner_engine: Any
) -> None:
    from tests.factories import make_cast

    bring("store", f"{HEADER},id@ERP", "N1,Corner,kiosk,4711")
    other = make_cast(owner_engine, db)
    with db.reading(other.company.id) as uow:
        assert list_runs(uow) == []
        assert list_systems(uow) == []
    report = import_file(
        db, other.company.id, BY, SHEETS, SHEETS["store"],
        File(f"{HEADER},id@ERP\nN1,Corner,kiosk,4711\n".encode(), "f"), today=TODAY,
    )  # fmt: skip
    assert report.added == 1
