"""`roadbook import` and `roadbook export`: masters as CSV and XLSX, each sheet a command of its own."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from server.cli import say, say_error
from server.exchange.exporting import FORMS, Form, export_sheet, header
from server.exchange.faults import ExchangeError, NoSuchRun
from server.exchange.importing import File, import_file, read_table
from server.exchange.report import Report, write_marked
from server.exchange.runs import Run, find_run, list_runs
from server.exchange.sheet import Sheet
from server.exchange.sheets import ALL_SHEETS, SHEETS
from server.exchange.table import BYTES_MAX
from server.exchange.whole_file import written_whole
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.companies import company_zone
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from sync.organisation import import_run
from sync.unit_of_work import UnitOfWork

_IN = click.Path(exists=True, dir_okay=False, path_type=Path)
_OUT = click.Path(dir_okay=False, path_type=Path)
_system = click.option(
    "--system", metavar="NAME", help="Whose ids `external_id` holds, as ERP. Also as id@ERP."
)


class _BySheet(click.Group):
    """A command for each sheet, beside those that are there."""

    def __init__(self, *args: Any, make: Callable[[Sheet], click.Command], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._make = make

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*(sheet.name for sheet in ALL_SHEETS), *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in SHEETS:
            return self._make(SHEETS[cmd_name])
        return super().get_command(ctx, cmd_name)


def _make_import(sheet: Sheet) -> click.Command:
    @click.command(sheet.name, help=_help(sheet), short_help=sheet.about)
    @click.argument("file", type=_IN)
    @click.option("--dry-run", "is_dry", is_flag=True, help="Only say what it would do.")
    @_system
    @click.option("--encoding", metavar="NAME", help="Of a CSV file, where it is not found out.")
    @click.option("--worksheet", metavar="NAME", help="Of an XLSX file. Default: the first.")
    @click.option("--report", "report_to", type=_OUT, help="Write the whole report here, as JSON.")
    @click.option("--marked", type=_OUT, help="Write a copy here in which faults are marked, XLSX.")
    @click.option("--json", "as_json", is_flag=True, help="The report as JSON instead of lines.")
    @company_option
    def run(
        *,
        file: Path,
        is_dry: bool,
        system: str | None,
        encoding: str | None,
        worksheet: str | None,
        report_to: Path | None,
        marked: Path | None,
        as_json: bool,
        company: str | None,
    ) -> None:
        given = File(_read(file), file.name, system, encoding, worksheet)
        with opened(company, ExchangeError) as found:
            report = import_file(
                found.database,
                found.company_id,
                operator(),
                SHEETS,
                sheet,
                given,
                is_dry=is_dry,
                progress=_say_progress,
            )
            if marked is not None:
                with written_whole(marked) as copy:
                    write_marked(copy, read_table(given, sheet), report)
        if report_to is not None:
            with written_whole(report_to) as out:
                out.write(json.dumps(report.as_json(), ensure_ascii=False, indent=1).encode())
        _say_report(report, as_json=as_json)

    return run


def _make_export(sheet: Sheet) -> click.Command:
    @click.command(sheet.name, help=_help(sheet), short_help=sheet.about)
    @click.argument("file", type=_OUT)
    @click.option(
        "--form", type=click.Choice(FORMS), help="Default: as the file's name ends, else csv."
    )
    @_system
    @company_option
    def run(*, file: Path, form: Form | None, system: str | None, company: str | None) -> None:
        ending = file.suffix.lstrip(".").lower()
        chosen: Form = form or ("xlsx" if ending == "xlsx" else "csv")
        with opened(company, ExchangeError) as found, written_whole(file) as out:
            done = export_sheet(found.database, found.company_id, sheet, out, chosen, system=system)
        say(f"{file}: {done.records} of {sheet.name}, {done.rows} rows.")

    return run


import_group = _BySheet(
    "import",
    make=_make_import,
    help="Bring a master in from CSV or XLSX: checked whole, then written; nothing while a cell is wrong.",
)
export_group = _BySheet(
    "export",
    make=_make_export,
    help="Write a master as CSV or XLSX, with the columns of import.",
)


@import_group.command("runs")
@at_most_option
@company_option
def list_runs_command(at_most: int, company: str | None) -> None:
    """List imports, the latest first."""
    with company_of(company, ExchangeError) as uow:
        found = list_runs(uow, at_most=at_most + 1)
        zone = company_zone(uow)
    say_list(
        ("RUN", "SHEET", "FILE", "STATE", "STARTED", "BY", "DONE", "LEFT ALONE"),
        [
            (
                one.short,
                one.sheet,
                one.file_name,
                one.state,
                told_moment(one.started_at, zone),
                one.actor,
                f"{one.done}/{one.to_do}",
                str(one.left_alone),
            )
            for one in found
        ],
        "Nothing was imported yet.",
        at_most=at_most,
    )


@import_group.command("show")
@click.argument("run_id", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Its report as JSON.")
@company_option
def show_run_command(run_id: str, company: str | None, *, as_json: bool) -> None:
    """Show an import: what was wrong, what was done."""
    with company_of(company, ExchangeError) as uow:
        run = _run(uow, run_id)
        zone = company_zone(uow)
    if as_json:
        say(json.dumps(run.report, ensure_ascii=False))
        return
    ended = NOTHING if run.ended_at is None else told_moment(run.ended_at, zone)
    say(f"{run.id}  {run.sheet}  {run.file_name}  {run.state}")
    say(
        f"Begun {told_moment(run.started_at, zone)} by {run.actor}, ended {ended}. Times of {zone}."
    )
    say(f"{run.added} added, {run.changed} changed, {run.closed} of these closed; of {run.to_do}.")
    for fault in (run.report or {}).get("faults", ()):
        say(f"{fault['cell']} {fault['column'] or ''}: {fault['says']} [{fault['code']}]")


@import_group.command("columns")
@click.argument("sheet", type=click.Choice(list(SHEETS)))
def columns_command(sheet: str) -> None:
    """Say what columns a sheet has."""
    for line in _columns(SHEETS[sheet]):
        say(line)


def _run(uow: UnitOfWork, typed: str) -> Run:
    return find_run(
        uow,
        id_that_begins(uow, import_run.c.id, typed, what="such import", refusal=NoSuchRun),
    )


def _help(sheet: Sheet) -> str:
    return f"{sheet.about}\n\n\b\n" + "\n".join(_columns(sheet))


def _columns(sheet: Sheet) -> Iterator[str]:
    said = {column.name: column.said for column in (*sheet.columns, *sheet.line_columns)}
    width = max(map(len, said))
    for name in header(sheet):
        yield f"{name:{width}}  {said.get(name, 'which record it is, as an export has it')}"


def _read(file: Path) -> bytes:
    with file.open("rb") as opened_file:
        # One more than may be, so that what is too long is refused and not cut.
        return opened_file.read(BYTES_MAX + 1)


def _say_progress(done: int, to_do: int) -> None:
    if done < to_do:
        say_error(f"{done:,} of {to_do:,} written.")


def _say_report(report: Report, *, as_json: bool) -> None:
    if as_json:
        say(json.dumps(report.as_json(), ensure_ascii=False))
    else:
        for line in report.lines():
            say(line)
    if report.faults:
        sys.exit(1)
