"""Write the file of an export that somebody asked for: rows as of one moment, a slice after the other.

What its rows are is said by an exporter of its name, which whoever starts the workers hands over: lists live above this. The
person is asked for anew: what they may no longer see is not in it.
"""

import contextlib
import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol
from uuid import UUID

from mobile_contract.schema import plain
from server.exchange.cells import Raw
from server.exchange.csv_file import csv_writer
from server.exchange.xlsx_file import xlsx_writer
from server.exports.errors import StillWritten, TurnLeft
from server.exports.runs import (
    ExportRun,
    claim_export,
    end_export,
    file_key,
    is_being_written,
    note_rows,
    pass_on,
)
from server.identity.sessions import Visitor, read_visitor
from server.language import Said, speaking
from server.media.installed import Media
from sync.unit_of_work import Database, UnitOfWork

# A slice is one statement, which finds its facts anew: large ones spare work.
ROWS_AT_ONCE = 20_000
ROWS_MAX = 1_000_000

logger = logging.getLogger("roadbook.jobs")


@dataclass(frozen=True, slots=True)
class Exported:
    """What a file has: a title for each column, and rows after a mark (None: from the begin), at most so many, with the
    mark of the last, None where no more follow.
    """

    name: str
    titles: Sequence[str]
    read: Callable[[UnitOfWork, str | None, int], tuple[Sequence[Sequence[Raw]], str | None]]
    # How many rows there are, where that is told quickly.
    count: Callable[[UnitOfWork], int] | None = None
    # Else: how far through the list a mark stands, in thousandths.
    part_done: Callable[[str], int] | None = None
    # What each column is, in words: a second worksheet.
    notes: Sequence[tuple[str, str]] = ()


Exporter = Callable[[UnitOfWork, Visitor, Mapping[str, str]], Exported]
"""What a file has that somebody asks for with these arguments. Raises ValueError where there is no such list."""


class Writer(Protocol):
    """Writes rows into a file of some form."""

    def write(self, cells: Sequence[Raw]) -> None:
        """Write a row."""


def writer_of(form: str, file: IO[bytes], exported: Exported) -> AbstractContextManager[Writer]:
    """What writes the rows of a list as csv or xlsx."""
    if form == "csv":
        return csv_writer(file)
    return xlsx_writer(file, exported.name[:31], exported.notes)


def write_export(
    database: Database,
    media: Media,
    exporters: Mapping[str, Exporter],
    company_id: int,
    export_id: UUID,
    *,
    is_stopping: Callable[[], bool] = bool,
) -> None:
    """Write an export and keep its file; nothing where it is over. Raises StillWritten while another worker has it.

    What is wrong with the question itself ends it FAILED; whatever else raises is tried again. Where this worker is to stop
    there is work anew.
    """
    with database.company(company_id) as uow:
        run = claim_export(uow, export_id)
        if run is None and is_being_written(uow, export_id):
            raise StillWritten(
                Said("export {export_id} is being written by another worker", export_id=export_id)
            )
    if run is None:
        return
    exporter = exporters.get(run.name)
    with database.reading(company_id) as uow:
        visitor = read_visitor(uow, run.person_id, datetime.now(UTC))
    if exporter is None or visitor is None or not visitor.roles:
        _fail(database, company_id, export_id, "it cannot be written for this person any more")
        return
    with tempfile.TemporaryDirectory(prefix="roadbook-export-") as folder:
        path = Path(folder) / f"rows.{run.form}"
        try:
            rows = _write(database, exporter, visitor, run, path, is_stopping)
        except TurnLeft:
            with database.company(company_id) as uow:
                pass_on(uow, export_id)
            return
        except (LookupError, ValueError) as error:
            logger.exception("export %s of company %d cannot be written", export_id, company_id)
            _fail(database, company_id, export_id, f"{type(error).__name__}: {error}")
            return
        if rows is None:
            return
        size = path.stat().st_size
        media.storage.put(file_key(company_id, export_id, run.form), path)
    with database.company(company_id) as uow:
        end_export(uow, export_id, rows=rows, size=size)


def _write(
    database: Database,
    exporter: Exporter,
    visitor: Visitor,
    run: ExportRun,
    path: Path,
    is_stopping: Callable[[], bool],
) -> int | None:
    """How many rows were written; None where it was taken away meanwhile. Raises TurnLeft."""
    with speaking(run.language), path.open("wb") as file:
        done, after = 0, None
        with contextlib.ExitStack() as held:
            uow = held.enter_context(database.reading(visitor.company_id))
            exported = exporter(uow, visitor, run.arguments)
            writer = held.enter_context(writer_of(run.form, file, exported))
            writer.write(exported.titles)
            expected = None if exported.count is None else exported.count(uow)
            while done < ROWS_MAX:
                rows, after = exported.read(uow, after, min(ROWS_AT_ONCE, ROWS_MAX - done))
                for row in rows:
                    writer.write(row)
                done += len(rows)
                if after is not None and exported.count is None and exported.part_done is not None:
                    part = exported.part_done(after)
                    expected = done * 1_000 // part if part else None
                with database.company(visitor.company_id) as noting:
                    if not note_rows(noting, run.id, done, expected):
                        return None
                if after is None:
                    break
                if is_stopping():
                    raise TurnLeft
    return done


def _fail(database: Database, company_id: int, export_id: UUID, said: str) -> None:
    with database.company(company_id) as uow:
        end_export(uow, export_id, failure=plain(said))
