"""Master data in and out as spreadsheets: a file is brought, looked at by a worker, and written once somebody says so.

What an import says of itself is in its report. Leaving the page stops nothing.
"""

import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, stream_with_context, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import NotFound

from server.exchange.asked import (
    FILE_BYTES_MAX,
    AskedImport,
    ask_import,
    cancel_import,
    confirm_import,
    list_asked,
    marked_key,
    read_asked,
)
from server.exchange.doing import IMPORTERS
from server.exchange.faults import (
    MIB,
    NoSuchImport,
    NoSuchRun,
    NotNow,
    TooManyImports,
    TooMuchWaits,
)
from server.exchange.report import KEPT_MAX, told_fault, told_reading
from server.exchange.runs import Run, list_runs, read_run
from server.exchange.sheet import Sheet
from server.exchange.sheets import ALL_SHEETS, SHEETS
from server.exchange.table import COLUMNS_MAX, ROWS_MAX
from server.exports.sheets import empty_sheet
from server.http.bodies import BodyBounds
from server.identity.external_ids import SYSTEM_MAX
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_moment
from server.media.installed import Media
from server.media.storage import NotStored
from server.web.desk import FORM_BODY, Desk, draw
from server.web.exporters import sheet_of
from server.web.listing import (
    FORMS,
    Badge,
    Column,
    Link,
    Listing,
    answer_listing,
    draw_rows,
    pages_of,
    send_exported,
    send_listing,
)
from server.web.marks import moment_and_id
from server.web.menu import ADMIN
from server.web.sheet_words import ASKED_STATES, CHANGES, FAULT_WORDS, RUN_STATES, SHEET_TITLES
from sync.unit_of_work import UnitOfWork

# The file, and what a form has beside it.
IMPORT_BODY = BodyBounds(FILE_BYTES_MAX + 64 * 1024, FILE_BYTES_MAX + 64 * 1024)
R = TypeVar("R")
Json = Mapping[str, Any]


def _told_cell(fault: Json) -> str:
    """As C12; of a whole row its number."""
    return tell("row {row}", row=fault["row"]) if fault["column"] is None else str(fault["cell"])


FAULT_COLUMNS: tuple[Column[Json], ...] = (
    Column(sentence("Row"), lambda one: str(one["row"]), lambda one: one["row"], is_number=True),
    Column(sentence("Cell"), _told_cell, _told_cell),
    Column(sentence("Column"), lambda one: one["column"], lambda one: one["column"]),
    Column(sentence("What stands there"), lambda one: one["value"], lambda one: one["value"]),
    Column(
        sentence("What is wrong"),
        lambda one: tell(FAULT_WORDS.get(one["code"], one["code"])),
        lambda one: tell(FAULT_WORDS.get(one["code"], one["code"])),
    ),
    Column(sentence("Details"), told_fault, told_fault),
)


def _told_fields(change: Json) -> str | None:
    """What of a record differs. Of a new one its name says enough."""
    if change["what"] == "added":
        return None
    return "; ".join(
        f"{name}: {before or '–'} → {after or '–'}"
        for name, (before, after) in change["fields"].items()
    )


CHANGE_COLUMNS: tuple[Column[Json], ...] = (
    Column(sentence("Row"), lambda one: str(one["row"]), lambda one: one["row"], is_number=True),
    Column(
        sentence("What happens"),
        lambda one: Badge(tell(CHANGES[one["what"]][0]), CHANGES[one["what"]][1]),
        lambda one: tell(CHANGES[one["what"]][0]),
    ),
    Column(sentence("Record"), lambda one: one["named"], lambda one: one["named"]),
    Column(sentence("What changes"), _told_fields, _told_fields),
)


def import_routes(desk: Desk) -> Blueprint:
    """/imports and what is below it."""
    routes = Blueprint("imports", __name__, url_prefix="/imports")

    @routes.get("/")
    @desk.page(*IMPORTERS)
    def import_list(visitor: Visitor) -> ResponseReturnValue:
        """What was imported and what is on its way, and where to bring a file."""
        if request.args.get("format") is None and request.headers.get("HX-Request") == "true":
            return draw("imports/on_the_way.html", **_on_the_way(desk, visitor))
        return answer_listing(
            desk,
            visitor,
            _run_listing(visitor),
            "imports/list.html",
            **_on_the_way(desk, visitor),
            **_bringing(visitor, request.args),
        )

    @routes.post("/")
    @desk.page(*IMPORTERS, body=IMPORT_BODY)
    def bring(visitor: Visitor) -> ResponseReturnValue:
        """A file is brought: a worker looks at it."""
        media = _media(desk)
        form, file = request.form, request.files.get("file")
        sheet, system = form.get("sheet", ""), form.get("system", "").strip()
        if sheet and sheet not in _sheets(visitor):
            raise NotFound
        fault = _fault_in(file, system)
        import_id = None
        if fault is None and file is not None:
            try:
                import_id = _brought(desk, media, visitor, file, sheet or None, system or None)
            except TooManyImports:
                fault = tell("Three of your files are on their way already. Wait for one.")
            except TooMuchWaits as refused:
                fault = _told_waiting(refused)
        if import_id is None:
            with desk.database.reading(visitor.company_id) as uow:
                listing = draw_rows(uow, _run_listing(visitor))
            return draw(
                "imports/list.html",
                422,
                listing=listing,
                **_on_the_way(desk, visitor),
                **_bringing(visitor, form, fault),
            )
        return redirect(url_for("imports.import_page", import_id=import_id), code=303)

    _one_import_routes(desk, routes)
    _run_routes(desk, routes)
    _sheet_routes(desk, routes)
    return routes


def _one_import_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:import_id>")
    @desk.page(*IMPORTERS)
    def import_page(visitor: Visitor, import_id: UUID) -> ResponseReturnValue:
        """One import: how far it is, what is wrong with its file, what it would change."""
        asked = _asked(desk, visitor, import_id)
        listing = _report_listing(asked.report)
        form = request.args.get("format")
        if form is not None:
            return send_listing(desk, visitor, listing, form)
        with desk.database.reading(visitor.company_id) as uow:
            drawn = draw_rows(uow, listing)
        return draw(
            "imports/import.html",
            asked=asked,
            listing=drawn,
            report=asked.report,
            told_reading=told_reading,
            title=_title_of(asked.sheet),
            state=tuple(map(tell, ASKED_STATES[asked.state])),
            kept_max=KEPT_MAX,
            is_part=request.headers.get("HX-Request") == "true",
        )

    @routes.post("/<uuid:import_id>")
    @desk.page(*IMPORTERS, body=FORM_BODY)
    def act(visitor: Visitor, import_id: UUID) -> ResponseReturnValue:
        """Write it, go on with it, or want no more of it."""
        chosen = request.form.get("act", "")
        if chosen not in {"confirm", "cancel", "let go"}:
            raise NotFound
        media = _media(desk)
        try:
            if chosen == "confirm":
                with desk.database.company(visitor.company_id) as uow:
                    confirm_import(uow, import_id, _asker(visitor))
            else:
                cancel_import(
                    desk.database, media, visitor.company_id, import_id, _asker(visitor), chosen
                )
        except NoSuchImport:
            raise NotFound from None
        except NotNow:
            flash(tell("It has gone on meanwhile: look at it as it is now."), "alert")
        return redirect(url_for("imports.import_page", import_id=import_id), code=303)

    @routes.get("/<uuid:import_id>/marked")
    @desk.page(*IMPORTERS)
    def marked(visitor: Visitor, import_id: UUID) -> ResponseReturnValue:
        """The file as XLSX in which the cells at fault are marked and say why."""
        asked = _asked(desk, visitor, import_id)
        if not asked.has_marked:
            raise NotFound
        try:
            pieces = _media(desk).storage.stream(marked_key(visitor.company_id, asked.id))
        except NotStored:
            raise NotFound from None
        response = Response(stream_with_context(pieces), content_type=FORMS["xlsx"])
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{asked.sheet}-marked-{str(asked.id)[:8]}.xlsx"'
        )
        return response


def _run_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/runs/<uuid:run_id>")
    @desk.page(*IMPORTERS)
    def run_page(visitor: Visitor, run_id: UUID) -> ResponseReturnValue:
        """An import that was written or refused, with its report; also one by command."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                run = read_run(uow, run_id, person_id=_asker(visitor))
        except NoSuchRun:
            raise NotFound from None
        return answer_listing(
            desk,
            visitor,
            _report_listing(run.report),
            "imports/run.html",
            run=run,
            report=run.report,
            told_reading=told_reading,
            title=_title_of(run.sheet),
            state=(tell(RUN_STATES[run.state][0]), RUN_STATES[run.state][1]),
            kept_max=KEPT_MAX,
            zone=visitor.policy.time_zone,
            as_ms=_ms,
        )


def _sheet_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/sheets/")
    @desk.page(*IMPORTERS)
    def sheet_list(visitor: Visitor) -> ResponseReturnValue:
        """Every sheet that the visitor imports: empty, and as it stands."""
        return draw(
            "imports/sheets.html",
            sheets=[(name, tell(SHEET_TITLES[name])) for name in _sheets(visitor)],
        )

    @routes.get("/sheets/<name>")
    @desk.page(*IMPORTERS)
    def sheet(visitor: Visitor, name: str) -> ResponseReturnValue:
        """What the columns of a sheet may hold; with ?format= a file of it, empty or as it stands."""
        if name not in _sheets(visitor):
            raise NotFound
        found, form = SHEETS[name], request.args.get("format")
        if form is None:
            return draw(
                "imports/sheet.html",
                sheet=found,
                title=tell(SHEET_TITLES[name]),
            )
        if "empty" in request.args:
            return send_exported(desk, visitor, empty_sheet(found), form, None, "")
        with desk.database.reading(visitor.company_id) as uow:
            exported = sheet_of(uow, visitor, name)
        return send_exported(desk, visitor, exported, form, "sheet", f"sheet={found.name}")


def _media(desk: Desk) -> Media:
    """The storage that pages and workers reach. Without one nothing is imported here."""
    media = desk.service.media
    if media is None:
        raise NotFound
    return media


def _asker(visitor: Visitor) -> UUID | None:
    """Admins see the imports of everybody, others their own."""
    return None if visitor.has_role(*ADMIN) else visitor.person_id


def _sheets(visitor: Visitor) -> Sequence[str]:
    """The sheets that somebody imports."""
    if visitor.has_role(*ADMIN):
        return [sheet.name for sheet in ALL_SHEETS]
    return [sheet.name for sheet in ALL_SHEETS if _is_for_all(sheet)]


def _is_for_all(sheet: Sheet) -> bool:
    return sheet.bound_by is not None


def _title_of(sheet: str | None) -> str:
    return "" if sheet is None else tell(SHEET_TITLES.get(sheet, sheet))


def _asked(desk: Desk, visitor: Visitor, import_id: UUID) -> AskedImport:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            return read_asked(uow, import_id, _asker(visitor))
    except NoSuchImport:
        raise NotFound from None


def _brought(
    desk: Desk,
    media: Media,
    visitor: Visitor,
    file: FileStorage,
    sheet: str | None,
    system: str | None,
) -> UUID:
    with tempfile.TemporaryDirectory(prefix="roadbook-import-") as folder:
        path = Path(folder) / "file"
        file.save(path)
        return ask_import(
            desk.database,
            media,
            visitor.company_id,
            visitor.person_id,
            sheet=sheet,
            file_name=Path(file.filename or "file").name,
            path=path,
            system=system,
        )


def _fault_in(file: FileStorage | None, system: str) -> str | None:
    """What is wrong with what was sent, before anybody looks into the file."""
    if file is None or not file.filename:
        return tell("Choose a file first.")
    if len(system) > SYSTEM_MAX or not system.isprintable():
        return tell("The name of a system has at most {number} letters.", number=SYSTEM_MAX)
    size = file.seek(0, 2)
    file.seek(0)
    if size == 0:
        return tell("The file is empty.")
    if size > FILE_BYTES_MAX:
        return tell("The file has more than {number} MiB: split it.", number=FILE_BYTES_MAX // MIB)
    return None


def _told_waiting(refused: TooMuchWaits) -> str:
    numbers = {"held": refused.held // MIB, "most": refused.most // MIB}
    if refused.is_own:
        return tell(
            "Your files that wait have {held} MiB; they may have {most}. Write, cancel or let go of one below first.",
            **numbers,
        )
    return tell(
        "The files of your company that wait have {held} MiB; they may have {most}. Ask whoever brought them to write or cancel one.",
        **numbers,
    )


def _on_the_way(desk: Desk, visitor: Visitor) -> dict[str, Any]:
    with desk.database.reading(visitor.company_id) as uow:
        found = list_asked(uow, _asker(visitor), at_most=20)
    return {
        "on_the_way": found,
        "is_open": any(one.is_open for one in found),
        "states": {name: (tell(words), tone) for name, (words, tone, _) in ASKED_STATES.items()},
        "titles": {name: tell(words) for name, words in SHEET_TITLES.items()},
        "zone": visitor.policy.time_zone,
        "as_ms": _ms,
    }


def _bringing(
    visitor: Visitor, typed: Mapping[str, str], fault: str | None = None
) -> dict[str, Any]:
    """What the form to bring a file has."""
    names = _sheets(visitor)
    chosen = typed.get("sheet", "")
    return {
        "choices": [
            *([("", tell("Find out from its columns"))] if len(names) > 1 else []),
            *((name, tell(SHEET_TITLES[name])) for name in names),
        ],
        "chosen": chosen if chosen in names else "",
        "system": typed.get("system", ""),
        "system_max": SYSTEM_MAX,
        "fault": fault,
        "bytes_max": FILE_BYTES_MAX,
        "mib_max": FILE_BYTES_MAX // MIB,
        "rows_max": ROWS_MAX,
        "columns_max": COLUMNS_MAX,
    }


def _run_listing(visitor: Visitor) -> Listing[Run]:
    zone, person_id = visitor.policy.time_zone, _asker(visitor)

    return Listing(
        name="imports",
        columns=_run_columns(zone),
        read=pages_of(
            lambda uow, after, at_most: list_runs(
                uow, person_id=person_id, after=after, at_most=at_most
            ),
            lambda run: f"{run.started_at.isoformat()}~{run.id}",
            moment_and_id,
        ),
        nothing=sentence("Nothing was imported yet."),
    )


def _run_columns(zone: str) -> tuple[Column[Run], ...]:
    return (
        Column(
            sentence("File"),
            lambda run: Link(run.file_name, url_for("imports.run_page", run_id=run.id)),
            lambda run: run.file_name,
        ),
        Column(sentence("Sheet"), lambda run: _title_of(run.sheet), lambda run: run.sheet),
        Column(
            sentence("State"),
            lambda run: Badge(tell(RUN_STATES[run.state][0]), RUN_STATES[run.state][1]),
            lambda run: run.state,
        ),
        Column(
            sentence("Begun"),
            lambda run: told_moment(_ms(run.started_at), zone),
            lambda run: run.started_at.isoformat(),
        ),
        Column(sentence("By"), lambda run: run.actor, lambda run: run.actor),
        Column(
            sentence("Added"), lambda run: str(run.added), lambda run: run.added, is_number=True
        ),
        Column(
            sentence("Changed"),
            lambda run: str(run.changed),
            lambda run: run.changed,
            is_number=True,
        ),
        Column(
            sentence("Left alone"),
            lambda run: str(run.left_alone),
            lambda run: run.left_alone,
            is_number=True,
        ),
    )


def _report_listing(report: Json | None) -> Listing[Json]:
    """The faults of a report, or where there are none the changes."""
    faults: Sequence[Json] = [] if report is None else report["faults"]
    if faults:
        return _held_listing("faults", FAULT_COLUMNS, faults)
    changes: Sequence[Json] = [] if report is None else report["changes"]
    return _held_listing("changes", CHANGE_COLUMNS, changes)


def _held_listing(name: str, columns: Sequence[Column[R]], rows: Sequence[R]) -> Listing[R]:
    """A list of rows that are there already."""

    def read(_uow: UnitOfWork, after: str | None, at_most: int) -> tuple[Sequence[R], str | None]:
        begin = 0 if after is None else int(after)
        if not 0 <= begin <= len(rows):
            raise ValueError(after)
        end = begin + at_most
        return rows[begin:end], str(end) if end < len(rows) else None

    return Listing(
        name=name,
        columns=columns,
        read=read,
        nothing=sentence("Nothing differs from what is there."),
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
