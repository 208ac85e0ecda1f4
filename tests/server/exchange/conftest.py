import io
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from server.exchange.exporting import export_sheet
from server.exchange.importing import File, import_file
from server.exchange.report import Report
from server.exchange.sheets import SHEETS
from server.identity.change_log import Actor
from sync.unit_of_work import Database
from tests import factories
from tests.factories import TODAY, Cast

BY = Actor.command("the office")


@pytest.fixture
def db(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def cast(owner_engine: Engine, db: Database) -> Cast:
    return factories.make_cast(owner_engine, db)


@pytest.fixture
def bring(db: Database, cast: Cast) -> Callable[..., Report]:
    """Import lines of CSV: `bring("store", "code,name", "S1,Shop")`."""

    def import_lines(sheet: str, *lines: str, is_dry: bool = False, **other: Any) -> Report:
        data = "\n".join(lines).encode()
        return import_file(
            db, cast.company.id, BY, SHEETS, SHEETS[sheet], File(data, "file.csv", **other),
            is_dry=is_dry, today=TODAY,
        )  # fmt: skip

    return import_lines


@pytest.fixture
def take(db: Database, cast: Cast) -> Callable[..., list[str]]:
    """Export a sheet as CSV, as lines without their mark."""

    def export_lines(sheet: str, system: str | None = None) -> list[str]:
        out = io.BytesIO()
        export_sheet(db, cast.company.id, SHEETS[sheet], out, "csv", system=system)
        return out.getvalue().decode("utf-8-sig").splitlines()

    return export_lines


def faults(report: Report) -> list[tuple[str, str]]:
    """Where something is wrong, and its code."""
    return [(fault.cell, fault.code) for fault in report.faults]


def id_of(db: Database, cast: Cast, table: str, code: str) -> UUID:
    with db.reading(cast.company.id) as uow:
        found: UUID = uow.rows(f"select id from {table} where code = :code", code=code)[0].id
    return found
