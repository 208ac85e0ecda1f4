"""Imports that were begun: which file, by whom, how far they came, what was wrong.

A run is of one file: the same file imported again goes on where its run was stopped, or where its process
ended. Every slice notes its progress in its own transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import func, insert, select, tuple_, update

from server.exchange.faults import ExchangeError, NoSuchRun
from server.identity.change_log import Actor
from server.language import Said
from sync.organisation import import_run
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import UnitOfWork

IMPORTING = StateMachine(
    "import_run",
    "The import of one file. Whatever its state, what its slices have written stays, and no row is half "
    "written; the same file goes on from there.",
    (
        Step(None, "begin", "CHECKING", "whoever imports"),
        Step("CHECKING", "find faults", "REFUSED", "the check"),
        Step("CHECKING", "find none", "APPLYING", "the check"),
        Step("APPLYING", "write the last slice", "DONE", "the import"),
        Step("APPLYING", "stop at a slice", "STOPPED", "the office's rules"),
        Step("APPLYING", "stop before the first slice", "REFUSED", "the office's rules"),
        Step("CHECKING", "cancel", "STOPPED", "whoever imports, before anything is written"),
        Step("APPLYING", "cancel", "STOPPED", "whoever imports, between two slices"),
        Step("CHECKING", "go on", "CHECKING", "the same file again, its process having ended"),
        Step("APPLYING", "go on", "CHECKING", "the same file again, its process having ended"),
        Step("STOPPED", "go on", "CHECKING", "the same file again"),
    ),
)
_GOES_ON = IMPORTING.sources_of("go on")


class RunMoved(ExchangeError):
    """Somebody else has taken the same run further meanwhile."""

    code = "run_moved"


@dataclass(frozen=True, slots=True)
class Run:
    """An import as it is listed."""

    id: UUID
    sheet: str
    file_name: str
    file_digest: bytes
    system: str | None
    state: str
    actor: str
    person_id: UUID | None
    started_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    rows: int
    to_do: int
    added: int
    changed: int
    closed: int
    left_alone: int
    report: dict[str, Any] | None

    @property
    def done(self) -> int:
        return self.added + self.changed

    @property
    def short(self) -> str:
        return str(self.id)[:8]


def begin_run(
    uow: UnitOfWork,
    actor: Actor,
    *,
    sheet: str,
    file_name: str,
    file_digest: bytes,
    system: str | None,
) -> Run:
    """A new run, or that of the same file which is to go on; whoever begins it is its actor."""
    table = import_run
    found = uow.connection.execute(
        select(table.c.id, table.c.state)
        .where(
            table.c.company_id == uow.company_id,
            table.c.sheet == sheet,
            table.c.file_digest == file_digest,
            table.c.system.is_not_distinct_from(system),
            table.c.state.in_(_GOES_ON),
        )
        .order_by(table.c.started_at.desc())
        .limit(1)
        .with_for_update()
    ).one_or_none()
    if found is not None:
        move_run(uow, found.id, found.state, "go on", ended_at=None, report=None)
        return find_run(uow, found.id)
    run_id = uuid4()
    uow.connection.execute(
        insert(table).values(
            company_id=uow.company_id,
            id=run_id,
            sheet=sheet,
            file_name=file_name[:200],
            file_digest=file_digest,
            system=system,
            state=IMPORTING.after(None, "begin"),
            actor=actor.name,
            person_id=actor.person_id,
        )
    )
    return find_run(uow, run_id)


def move_run(uow: UnitOfWork, run_id: UUID, state: str, act: str, **values: Any) -> str:
    """The state after an act; RunMoved where it is not in the state that it was believed to be in."""
    after = IMPORTING.after(state, act)
    if after is None:
        raise RunMoved(
            Said("an import that is {state} cannot {act}", state=Said(state.lower()), act=Said(act))
        )
    _write(uow, run_id, state, {"state": after, **values})
    return after


def end_run(
    uow: UnitOfWork,
    run_id: UUID,
    state: str,
    act: str,
    rows: int,
    left_alone: int,
    report: Mapping[str, Any],
) -> None:
    """A run ends by an act, with its report."""
    move_run(
        uow,
        run_id,
        state,
        act,
        rows=rows,
        left_alone=left_alone,
        ended_at=func.clock_timestamp(),
        report=report,
    )


def note_progress(uow: UnitOfWork, run_id: UUID, counts: Mapping[str, int]) -> None:
    """Add what a slice has done."""
    table = import_run
    added = {name: table.c[name] + count for name, count in counts.items()}
    _write(uow, run_id, "APPLYING", added)


def find_run(uow: UnitOfWork, run_id: UUID) -> Run:
    """The run with this id, which is there."""
    row = uow.connection.execute(
        select(*_COLUMNS).where(
            import_run.c.company_id == uow.company_id, import_run.c.id == run_id
        )
    ).one()
    return Run(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def list_runs(
    uow: UnitOfWork,
    *,
    person_id: UUID | None = None,
    after: tuple[datetime, UUID] | None = None,
    at_most: int = 50,
) -> list[Run]:
    """Imports, the latest first, of one person where they are named; without their reports.

    `after` is the place of the last one that was seen.
    """
    columns = [column for column in _COLUMNS if column.name != "report"]
    table = import_run
    asked = select(*columns).where(table.c.company_id == uow.company_id)
    if person_id is not None:
        asked = asked.where(table.c.person_id == person_id)
    if after is not None:
        asked = asked.where(tuple_(table.c.started_at, table.c.id) < tuple_(*after))
    rows = uow.connection.execute(
        asked.order_by(table.c.started_at.desc(), table.c.id.desc()).limit(at_most)
    )
    return [Run(**row._mapping, report=None) for row in rows]  # noqa: SLF001


def read_run(uow: UnitOfWork, run_id: UUID, *, person_id: UUID | None = None) -> Run:
    """An import with its report; of a person only their own. Raises NoSuchRun."""
    row = uow.connection.execute(
        select(*_COLUMNS).where(
            import_run.c.company_id == uow.company_id, import_run.c.id == run_id
        )
    ).one_or_none()
    if row is None or (person_id is not None and row.person_id != person_id):
        raise NoSuchRun(Said("there is no such import"))
    return Run(**row._mapping)  # noqa: SLF001


_COLUMNS = [column for column in import_run.c if column.name != "company_id"]


def _write(uow: UnitOfWork, run_id: UUID, state: str, values: Mapping[str, Any]) -> None:
    done = uow.connection.execute(
        update(import_run)
        .where(
            import_run.c.company_id == uow.company_id,
            import_run.c.id == run_id,
            import_run.c.state == state,
        )
        .values(**values)
        .values(changed_at=func.clock_timestamp())
    )
    if done.rowcount != 1:
        raise RunMoved(
            Said(
                "the import {run_id} is not {state} any more: somebody else goes on with it",
                run_id=run_id,
                state=Said(state.lower()),
            )
        )
