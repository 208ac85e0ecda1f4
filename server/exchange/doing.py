"""What a worker does with an import that somebody asked for: look at its file, or write it, as that person.

The person is read anew: what they may no longer import is not imported. The first look rehearses the whole file; writing it
checks it again, because things may have changed.
"""

import logging
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from server.exchange.asked import (
    TRIES,
    AskedImport,
    end_turn,
    file_key,
    leave_turn,
    let_files_go,
    marked_key,
    note_done,
    note_sheet,
    pass_on,
    take_up,
)
from server.exchange.faults import FAULTS_MAX, Cancelled, ExchangeError, StillImported, TurnLeft
from server.exchange.guessing import guess_sheet
from server.exchange.importing import File, Progress, import_file, read_table
from server.exchange.report import KEPT_MAX, Report, write_marked
from server.exchange.sheet import Sheet
from server.identity.sessions import Visitor, read_visitor
from server.incidents import told_incident
from server.language import Said, said_by, speaking
from server.media.installed import Media
from server.media.storage import NotStored
from sync.unit_of_work import Database

IMPORTERS = ("admin", "regional_manager")

logger = logging.getLogger("roadbook.jobs")


def do_import(
    database: Database,
    media: Media,
    sheets: Mapping[str, Sheet],
    company_id: int,
    import_id: UUID,
    *,
    is_stopping: Callable[[], bool] = bool,
) -> None:
    """Do what an import waits for; nothing where it is over. Raises StillImported while another worker has it.

    What is wrong with the file itself ends it FAILED or FAULTY; whatever else raises is tried again. Where this worker is to
    stop there is work anew.
    """
    with database.company(company_id) as uow:
        asked, is_held = take_up(uow, import_id)
    if is_held:
        raise StillImported(
            Said("import {import_id} is being done by another worker", import_id=import_id)
        )
    if asked is None:
        return
    try:
        _do(database, media, sheets, company_id, asked, is_stopping)
    except TurnLeft:
        with database.company(company_id) as uow:
            pass_on(uow, asked)
    except (ExchangeError, NotStored) as error:
        _end(database, media, company_id, asked, "fail", failure=_said(error))
    except Exception as error:
        if asked.turn >= TRIES:
            said = told_incident(logger, f"import {import_id} of company {company_id}", error)
            _end(database, media, company_id, asked, "fail", failure=said)
        else:
            with database.company(company_id) as uow:
                leave_turn(uow, asked)
        raise


def _do(
    database: Database,
    media: Media,
    sheets: Mapping[str, Sheet],
    company_id: int,
    asked: AskedImport,
    is_stopping: Callable[[], bool],
) -> None:
    with database.reading(company_id) as uow:
        visitor = read_visitor(uow, asked.person_id, datetime.now(UTC))
    if visitor is None or not visitor.has_role(*IMPORTERS):
        said = Said("this person may import nothing any more")
        _end(database, media, company_id, asked, "fail", failure=said)
        return
    data = b"".join(media.storage.stream(file_key(company_id, asked.id)))
    file = File(data, asked.file_name, asked.system)
    sheet = guess_sheet(file, sheets) if asked.sheet is None else sheets[asked.sheet]
    if asked.sheet is None:
        with database.company(company_id) as uow:
            note_sheet(uow, asked, sheet.name)
    is_dry = asked.state == "LOOKING"

    def note(done: int, to_do: int) -> None:
        with database.company(company_id) as uow:
            if not note_done(uow, asked, done, to_do):
                raise Cancelled(Said("nobody wants it any more"))
        if is_stopping():
            raise TurnLeft

    report = _imported(database, visitor, sheets, sheet, file, note, is_dry=is_dry)
    if report is None:
        return
    marked = _keep_marked(media, visitor, asked, file, sheet, report) if report.faults else 0
    _end(
        database,
        media,
        company_id,
        asked,
        _act(report, is_dry=is_dry),
        report=report.as_json(at_most=KEPT_MAX, faults_at_most=FAULTS_MAX),
        done=report.done,
        to_do=report.added + report.changed,
        run_id=report.run_id,
        marked_bytes=marked,
    )


def _end(
    database: Database, media: Media, company_id: int, asked: AskedImport, act: str, **came: Any
) -> None:
    """Be through with it; what nobody reads any more goes from the storage."""
    with database.company(company_id) as uow:
        is_over = end_turn(uow, asked, act, **came)
    if is_over:
        let_files_go(database, media, company_id, asked.id)


def _imported(
    database: Database,
    visitor: Visitor,
    sheets: Mapping[str, Sheet],
    sheet: Sheet,
    file: File,
    note: Progress,
    *,
    is_dry: bool,
) -> Report | None:
    """None where it was cancelled while it was looked at."""
    try:
        return import_file(
            database,
            visitor.company_id,
            visitor.actor,
            sheets,
            sheet,
            file,
            is_dry=is_dry,
            progress=note,
            # What is tried once more before it is written counts for nothing yet.
            rehearsed=note if is_dry else lambda _, to_do: note(0, to_do),
            asker_id=visitor.person_id,
        )
    except Cancelled:
        return None


def _act(report: Report, *, is_dry: bool) -> str:
    if is_dry:
        return "find faults" if report.faults else "find none"
    return {"DONE": "write the last slice", "STOPPED": "stop"}.get(report.state, "find faults")


def _keep_marked(
    media: Media, visitor: Visitor, asked: AskedImport, file: File, sheet: Sheet, report: Report
) -> int:
    """Keep a copy of the file in which the faults are marked; how many bytes it has, 0 where it could not be written."""
    key = marked_key(visitor.company_id, asked.id)
    with tempfile.TemporaryDirectory(prefix="roadbook-import-") as folder:
        path = Path(folder) / "marked.xlsx"
        try:
            with path.open("wb") as out, speaking(visitor.language or "en"):
                write_marked(out, read_table(file, sheet), report)
        except ExchangeError as error:
            # A cell of a CSV file may be longer than one of XLSX; the table of faults says all the same.
            logger.info("import %s has no marked copy: %s", asked.id, error)
            return 0
        # What was marked at an earlier look makes room: the first to come stays in the storage.
        media.storage.delete(key)
        size = path.stat().st_size
        media.storage.put(key, path)
    return size


def _said(error: Exception) -> Said | str:
    if isinstance(error, NotStored):
        return Said("its file is not there any more: bring it again")
    return said_by(error)
