"""Importing a file: checked whole, then written in one transaction or in slices that can be run again.

Nothing is written while anything in the file is at fault. What is to be written in slices is done once
before, each slice in a transaction that is taken back: so what only the office's own rules refuse is found,
too. Only what slices bring about together, as more records than a phone holds, shows when they are written. What changes no more records than one
transaction takes is written as one: all of it or nothing. More is written slice by slice, because a change
from above holds the company's turn, and nobody shall wait for ten thousand rows: each slice compares its
records anew with what is there, so a run that was broken off goes on by importing the same file again, and
records that are done are left alone.
"""

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from uuid import UUID

from server.exchange.cells import Value
from server.exchange.csv_file import read_csv
from server.exchange.faults import Cancelled, Fault, FileInvalid, NotForThem
from server.exchange.matching import Matched, match
from server.exchange.reach import Reach, reach_of
from server.exchange.reading import held_by_key
from server.exchange.references import References, resolve
from server.exchange.report import KEPT_MAX, Report, tell_change
from server.exchange.runs import IMPORTING, Run, begin_run, end_run, move_run, note_progress
from server.exchange.sheet import Change, Record, Sheet
from server.exchange.table import Table
from server.exchange.understanding import AT, ID, Understood, understand
from server.exchange.xlsx_file import read_xlsx
from server.identity.change_log import Actor
from server.identity.companies import company_day
from server.identity.external_ids import call_records
from server.language import Said, said_by
from sync.failures import is_passing, is_refusal
from sync.scope import take_turn
from sync.unit_of_work import Database, UnitOfWork

TRIES = 5
PAUSE_S = 0.2
ZIP = b"PK\x03\x04"

# Imports of a company follow one another, a slice at a time: two of one file at once would each add
# what the other is just adding. Phones never wait for it.
_TURN = "select pg_advisory_xact_lock(6, :company)"

Progress = Callable[[int, int], None]
"""Is told how many records are done, of how many; raises Cancelled where no more is wanted."""


@dataclass(frozen=True, slots=True)
class File:
    """A file to import: its bytes, its name, and what about reading it is not left to guessing.

    `system` is whose ids stand under `external_id`.
    """

    data: bytes
    name: str
    system: str | None = None
    encoding: str | None = None
    worksheet: str | None = None

    @property
    def digest(self) -> bytes:
        return hashlib.sha256(self.data).digest()


class _Refused(Exception):
    """A slice is not written; the row at fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, slots=True)
class _Import:
    """What is imported, by whom, into what."""

    database: Database
    company_id: int
    actor: Actor
    sheet: Sheet
    sheets: Mapping[str, Sheet]
    found: Understood
    today: date | None
    # None where whoever asks reaches everything.
    asker_id: UUID | None


def read_table(file: File, sheet: Sheet) -> Table:
    """The rows of a file that is of this sheet. Raises FileInvalid."""
    return read_rows(file, {column.name for column in sheet.all_columns})


def read_rows(file: File, names: Iterable[str]) -> Table:
    """The rows of a file, CSV or XLSX by what is in it; its columns may have these names. Raises FileInvalid."""
    if file.data.startswith(ZIP):
        return read_xlsx(file.data, worksheet=file.worksheet)
    if file.data.startswith(b"\xd0\xcf\x11\xe0"):
        raise FileInvalid(
            Said("this is the old form XLS, or one with a password: save it as XLSX without one")
        )
    known = sorted({ID, "external_id", *names})
    return read_csv(file.data, known, encoding=file.encoding)


def import_file(
    database: Database,
    company_id: int,
    actor: Actor,
    sheets: Mapping[str, Sheet],
    sheet: Sheet,
    file: File,
    *,
    is_dry: bool = False,
    today: date | None = None,
    progress: Progress | None = None,
    rehearsed: Progress | None = None,
    asker_id: UUID | None = None,
) -> Report:
    """Import a file, or with `is_dry` only say what importing it would do: nothing at all is written then.

    `progress` is told what is written, `rehearsed` what was tried before. `today` is the company's own day, unless it is named. Of an asker who is no admin only what they reach is
    there. Raises FileInvalid, HeaderInvalid, NotForThem; whatever is wrong with its rows is in the report.
    """
    with database.reading(company_id) as uow:
        must_be_for(uow, sheet, asker_id, today or company_day(uow))
    table = read_table(file, sheet)
    found = understand(sheet, table, file.system)
    report = Report(
        sheet=sheet.name,
        file_name=file.name,
        digest=file.digest.hex(),
        told=table.told,
        state="CHECKING",
        rows=found.rows,
        is_dry=is_dry,
    )
    work = _Import(database, company_id, actor, sheet, sheets, found, today, asker_id)
    if is_dry:
        changes = _check(work, report)
        if not report.faults:
            _rehearse(work, changes, report, rehearsed)
        report.state = "REFUSED" if report.faults else "CHECKED"
        return report
    with database.company(company_id) as uow:
        run = begin_run(
            uow,
            actor,
            sheet=sheet.name,
            file_name=file.name,
            file_digest=file.digest,
            system=file.system,
        )
    report.run_id = run.id
    changes = _check(work, report)
    # Whose the changes are is told with the run by which they came.
    work = replace(work, actor=replace(actor, name=f"{actor.name}, import {run.short}"))
    _run(work, run, changes, report, progress, rehearsed)
    return report


def must_be_for(uow: UnitOfWork, sheet: Sheet, asker_id: UUID | None, today: date) -> None:
    """Raise NotForThem where the asker imports no such sheet."""
    if asker_id is None or sheet.bound_by is not None:
        return
    if reach_of(uow, asker_id, today) is not None:
        raise NotForThem(
            Said("{sheet_name}: only admins import this sheet", sheet_name=Said(sheet.name))
        )


def _check(work: _Import, report: Report) -> tuple[Change, ...]:
    """Compare the whole file with what is there; faults go into the report."""
    with work.database.reading(work.company_id) as uow:
        today = work.today or company_day(uow)
        reach = _reach(uow, work, today)
        resolve(uow, work.sheets, work.sheet, work.found, reach)
        matched = match(uow, work.sheet, work.found, work.found.records)
        _stay_within(reach, work.sheet, work.found, matched.changes)
        if not work.found.faults:
            _ask_sheet(uow, work.sheet, work.found, matched.changes, today)
    report.faults = sorted(work.found.faults, key=lambda fault: (fault.row, fault.letter or ""))
    # What stands beyond their reach is not told either.
    is_told = reach is None or not report.faults
    report.changes = [tell_change(work.sheet, change) for change in matched.changes if is_told]
    report.added = sum(change.is_new for change in matched.changes)
    report.changed = len(matched.changes) - report.added
    report.closed = sum(one.what == "closed" for one in report.changes)
    report.left_alone = matched.left_alone
    return matched.changes


def _reach(uow: UnitOfWork, work: _Import, today: date) -> Reach | None:
    return None if work.asker_id is None else reach_of(uow, work.asker_id, today)


def _stay_within(
    reach: Reach | None, sheet: Sheet, found: Understood, changes: Sequence[Change]
) -> None:
    """A record of whoever they do not see is not there."""
    if reach is None or sheet.bound_by is None:
        return
    bound = [
        (change.record.row, change.held.values[sheet.bound_by])
        for change in changes
        if change.held is not None
    ]
    beyond = reach.beyond("position", [code for _, code in bound])
    for row, code in bound:
        if code in beyond:
            says = Said("there is no {sheet_name} with this id", sheet_name=Said(sheet.name))
            found.fault(row, None, "unknown", says)


def _ask_sheet(
    uow: UnitOfWork, sheet: Sheet, found: Understood, changes: Sequence[Change], today: date
) -> None:
    for told in sheet.check(uow, changes, today):
        row = told.change.record.row if told.row is None else told.row
        value = None if told.column is None else told.change.values.get(told.column)
        found.fault(row, found.header_of(told.column), told.code, told.says, value)


def _run(
    work: _Import,
    run: Run,
    changes: Sequence[Change],
    report: Report,
    progress: Progress | None,
    rehearsed: Progress | None,
) -> None:
    try:
        if not report.faults and len(changes) > work.sheet.records_at_once:
            _rehearse(work, changes, report, rehearsed)
    except Cancelled:
        _end(work, run, report, "CHECKING", "cancel")
        return
    if report.faults:
        _end(work, run, report, "CHECKING", "find faults")
        return
    with work.database.company(work.company_id) as uow:
        move_run(
            uow, run.id, "CHECKING", "find none", rows=report.rows, to_do=run.done + len(changes)
        )
    records = [change.record for change in changes]
    size = work.sheet.records_at_once
    for start in range(0, len(records), size):
        slice_ = records[start : start + size]
        try:
            _write_slice(work, slice_, run)
        except _Refused as refused:
            report.faults.append(refused.fault)
            is_first = start == 0 and run.done == 0
            act = "stop before the first slice" if is_first else "stop at a slice"
            _end(work, run, report, "APPLYING", act)
            return
        report.done += len(slice_)
        if len(records) > size:
            _bring_statistics_up(work, start // size + 1, is_last=start + size >= len(records))
        try:
            _tell(progress, report.done, len(records))
        except Cancelled:
            if report.done < len(records):
                _end(work, run, report, "APPLYING", "cancel")
                return
    _end(work, run, report, "APPLYING", "write the last slice")


def _tell(progress: Progress | None, done: int, to_do: int) -> None:
    if progress is not None:
        progress(done, to_do)


def _bring_statistics_up(work: _Import, slices: int, *, is_last: bool) -> None:
    """Tell the planner what came, whenever the slices have doubled and at the end.

    Until it knows, phones that pull meanwhile wait for plans that were made for an emptier company.
    """
    if is_last or slices & (slices - 1) == 0:
        with work.database.company(work.company_id) as uow:
            uow.rows("select analyse_records()")


def _end(work: _Import, run: Run, report: Report, state: str, act: str) -> None:
    report.state = IMPORTING.after(state, act) or state
    with work.database.company(work.company_id) as uow:
        end_run(
            uow,
            run.id,
            state,
            act,
            report.rows,
            report.left_alone,
            report.as_json(at_most=KEPT_MAX),
        )


def _write_slice(work: _Import, records: Sequence[Record], run: Run) -> None:
    """Write these records as one transaction. Raises _Refused, naming the row."""

    def write() -> None:
        with work.database.company(work.company_id) as uow:
            note_progress(uow, run.id, _apply(uow, work, records))

    try:
        _patiently(write)
    except Exception as error:
        if _is_refusal(work.sheet, error):
            raise _Refused(_locate(work, records, error)) from error
        raise


def _patiently(act: Callable[[], None]) -> None:
    """Do it, and again where it met somebody else."""
    for attempt in range(TRIES):
        try:
            act()
        except Exception as error:
            if isinstance(error, _Refused) or not is_passing(error) or attempt + 1 == TRIES:
                raise
            time.sleep(PAUSE_S * (attempt + 1))
        else:
            return


def _apply(uow: UnitOfWork, work: _Import, records: Sequence[Record]) -> dict[str, int]:
    """Do what these records say, compared anew with what is there now; how many it were."""
    sheet = work.sheet
    uow.rows(_TURN, company=uow.company_id)
    if sheet.takes_turn(records):
        take_turn(uow)
    today = work.today or company_day(uow)
    found = Understood(work.found.places)
    matched: Matched = match(uow, sheet, found, records)
    _stay_within(_reach(uow, work, today), sheet, found, matched.changes)
    if not found.faults:
        _ask_sheet(uow, sheet, found, matched.changes, today)
    if found.faults:
        raise _Refused(found.faults[0])
    references = References(uow, work.sheets)
    references.look_up_changes(sheet, matched.changes)
    sheet.apply(uow, work.actor, matched.changes, references, today)
    _name_records(uow, work.actor, sheet, matched.changes)
    return {
        "added": sum(change.is_new for change in matched.changes),
        "changed": sum(not change.is_new for change in matched.changes),
        "closed": sum(sheet.closes(change) for change in matched.changes if not change.is_new),
    }


def _name_records(uow: UnitOfWork, actor: Actor, sheet: Sheet, changes: Sequence[Change]) -> None:
    """Note what records are called in other systems; new ones have their ids now."""
    names: dict[str, dict[UUID, str]] = {}
    named = [c for c in changes if any(name.startswith(f"{ID}{AT}") for name in c.fields)]
    keys = {
        tuple(c.values.get(name, c.values.get(sheet.columns[0].name)) for name in sheet.key): c
        for c in named
        if c.is_new
    }
    ids = {id(keys[key]): held.id for key, held in held_by_key(uow, sheet, list(keys)).items()}
    for change in named:
        record_id = ids.get(id(change)) if change.is_new else change.id
        if record_id is None:
            continue
        for system, external in change.record.external_ids.items():
            names.setdefault(system, {})[record_id] = external
    for system, of_records in names.items():
        call_records(uow, actor, system, sheet.name, of_records)


def _locate(work: _Import, records: Sequence[Record], error: Exception) -> Fault:
    """The row that is refused: the last of the shortest beginning that is refused, found by halves."""
    passes, refused = 0, len(records)
    while refused - passes > 1:
        middle = (passes + refused) // 2
        at_middle = _rehearsed(work, records[:middle])
        if at_middle is None:
            passes = middle
        else:
            refused, error = middle, at_middle
    return Fault(records[refused - 1].row, None, "refused", _first_line(error))


def _rehearse(
    work: _Import, changes: Sequence[Change], report: Report, progress: Progress | None
) -> None:
    """Do each slice and take it back, so that what only doing it shows is found, of each slice the first.

    What a slice names as above its records goes with it, where the same file brings that.
    """
    sheet, size = work.sheet, work.sheet.records_at_once
    by_key = {change.values.get(sheet.key[0]): change for change in changes if sheet.above}
    for start in range(0, len(changes), size):
        _tell(progress, start, len(changes))
        slice_ = changes[start : start + size]
        records = [change.record for change in (*_above(sheet, slice_, by_key), *slice_)]
        try:
            error = _rehearsed(work, records)
        except _Refused as refused:
            report.faults.append(refused.fault)
            continue
        if error is not None:
            report.faults.append(_locate(work, records, error))


def _above(
    sheet: Sheet, slice_: Sequence[Change], by_key: Mapping[Value, Change]
) -> Sequence[Change]:
    """What stands above the changes of a slice and is of an earlier one, the topmost first."""
    if sheet.above is None:
        return ()
    met = {change.values[sheet.key[0]] for change in slice_}
    found: list[Change] = []
    for change in slice_:
        path: list[Change] = []
        above = by_key.get(change.values[sheet.above])
        while above is not None and above.values[sheet.key[0]] not in met:
            met.add(above.values[sheet.key[0]])
            path.append(above)
            above = by_key.get(above.values[sheet.above])
        found += reversed(path)
    return found


def _rehearsed(work: _Import, records: Sequence[Record]) -> Exception | None:
    """What refuses these records, in a transaction that is taken back."""

    def rehearse() -> None:
        with work.database.rehearsal(work.company_id) as uow:
            _apply(uow, work, records)

    try:
        _patiently(rehearse)
    except Exception as error:
        if not _is_refusal(work.sheet, error):
            raise
        return error
    return None


def _is_refusal(sheet: Sheet, error: Exception) -> bool:
    return isinstance(error, sheet.refusals) or is_refusal(error)


def _first_line(error: BaseException) -> str | Said:
    said = said_by(error)
    if isinstance(said, Said):
        return said
    return (str(error) or type(error).__name__).partition("\n")[0][:400]
