"""A settlement as a file: CSV or XLSX, a row for each store, from what was kept when the activity was settled."""

from collections.abc import Iterator
from datetime import date
from typing import IO
from uuid import UUID

from server.activities.settlement import (
    Settlement,
    SettlementRow,
    digest_of_rows,
    find_settlement,
    settlement_rows,
)
from server.audits.errors import WrongState
from server.exchange.cells import Raw
from server.exchange.csv_file import csv_writer
from server.exchange.exporting import Form
from server.exchange.xlsx_file import xlsx_writer
from server.language import Said
from sync.unit_of_work import UnitOfWork

NOTES = (
    ("place", "the order of the rows"),
    ("activity", "its code"),
    ("store", "its code"),
    ("name", "of the store, as it was called then"),
    ("state", "PAID in full, REDUCED to half, REFUSED"),
    ("basis", "AUDITED by verdicts, REPORTED by the rep and never drawn, NOTHING was brought"),
    ("passed", "required items that passed"),
    ("required", "required items that were judged"),
    ("compliance_permille", "passed of required in thousandths, rounded down"),
    ("share", "of the pay: FULL, HALF, NONE"),
    ("amount_minor", "in minor units of the currency"),
    ("currency", "ISO 4217"),
    ("verdicts", "the ids of the verdicts that it follows from"),
    ("activity_store", "the id of the store in the activity"),
)


def write_settlement(
    uow: UnitOfWork,
    activity_id: UUID,
    file: IO[bytes],
    form: Form,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> Settlement:
    """Write a settlement into a file, and return what it comes to.

    Raises NoSuchActivity, BeyondScope; WrongState where its rows are not as they were kept.
    """
    settlement = find_settlement(uow, activity_id, today=today, asker_id=asker_id)
    if digest_of_rows(settlement_rows(uow, activity_id)) != settlement.digest:
        raise WrongState(Said("the rows of the settlement are not those that were kept"))
    rows = _rows(uow, settlement)
    if form == "csv":
        with csv_writer(file) as writer:
            for cells in rows:
                writer.write(cells)
    else:
        with xlsx_writer(file, "settlement", NOTES) as sheet:
            for cells in rows:
                sheet.write(cells)
    return settlement


def _rows(uow: UnitOfWork, settlement: Settlement) -> Iterator[list[Raw]]:
    yield [name for name, _ in NOTES]
    for row in settlement_rows(uow, settlement.activity_id):
        yield _cells(settlement, row)


def _cells(settlement: Settlement, row: SettlementRow) -> list[Raw]:
    return [
        row.place,
        settlement.code,
        row.store_code,
        row.store_name,
        row.state,
        row.basis,
        row.passed,
        row.required,
        row.compliance_permille,
        row.share,
        row.amount_minor,
        row.currency,
        " ".join(map(str, row.verdict_ids)),
        str(row.activity_store_id),
    ]
