"""The exports that people asked for: what of, how far each has come, and for how long its file stays.

A worker holds an export for a while and longer with each slice of rows: one that is killed leaves it to the next. How many rows it will
have is counted, or estimated, when it is begun.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from server.exports.errors import NoSuchExport, NotNow, TooManyExports
from server.language import Said
from server.media.installed import Media
from sync.organisation import export_run
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work_each

EXPORT = "export"
"""Topic of the outbox: write this export."""

OPEN_MAX = 3
STAYS = timedelta(days=1)
HELD_FOR_S = 120
_PURGED_AT_ONCE = 100

EXPORTING = StateMachine(
    "export_run",
    "The file of a long list that somebody asked for. A day after it was asked for it goes, whatever its state.",
    (
        Step(None, "ask", "WAITING", "whoever wants it"),
        Step("WAITING", "take up", "RUNNING", "a worker"),
        Step("RUNNING", "take up", "RUNNING", "the next worker, where one was killed"),
        Step("RUNNING", "write", "READY", "the worker"),
        Step(
            "RUNNING",
            "fail",
            "FAILED",
            "the worker, where the question is none, or no longer theirs",
        ),
        Step("WAITING", "cancel", "CANCELLED", "whoever wanted it"),
        Step("RUNNING", "cancel", "CANCELLED", "whoever wanted it"),
    ),
)
_OPEN_STATES = EXPORTING.sources_of("cancel")

_COLUMNS = """
id, person_id, name, form, arguments, language, state, rows_done, rows_expected, size, failure, asked_at, ended_at
"""
_OPEN = """
select count(*) as open from export_run
where company_id = :company and person_id = :person and state = any(:states)
"""
_ONE = f"""
select {_COLUMNS} from export_run where company_id = :company and id = :id and person_id = :person
"""  # noqa: S608 - the columns are ours
_OF_PERSON = f"""
select {_COLUMNS} from export_run where company_id = :company and person_id = :person
order by asked_at desc, id limit :at_most
"""  # noqa: S608 - as above
_CLAIM = f"""
update export_run set state = :state, rows_done = 0,
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id and state = any(:sources)
  and (state <> :state or held_until < clock_timestamp())
returning {_COLUMNS}
"""  # noqa: S608 - as above
_STATE = "select state from export_run where company_id = :company and id = :id"
_NOTE = """
update export_run set rows_done = :rows, rows_expected = coalesce(:expected, rows_expected),
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id and state = any(:sources)
"""
_END = """
update export_run set state = :state, size = :size, failure = :failure, rows_done = coalesce(:rows, rows_done),
       ended_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id and state = any(:sources)
"""
_LEAVE = """
update export_run set held_until = clock_timestamp()
where company_id = :company and id = :id and state = any(:sources)
"""
_CANCEL = """
update export_run set state = :state, ended_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id and person_id = :person and state = any(:sources)
"""
_OLD = """
select id, form from export_run
where company_id = :company and asked_at < :before order by asked_at limit :at_most
"""
_FORGET = "delete from export_run where company_id = :company and id = any(:ids)"


@dataclass(frozen=True, slots=True)
class ExportRun:
    """An export. `size` is that of its file once it is READY, `failure` says why it is FAILED."""

    id: UUID
    person_id: UUID
    name: str
    form: str
    arguments: Mapping[str, Any]
    language: str
    state: str
    rows_done: int
    # As far as that can be told before.
    rows_expected: int | None
    size: int | None
    failure: str | None
    asked_at: datetime
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in _OPEN_STATES

    @property
    def stays_until(self) -> datetime:
        """When its file goes."""
        return self.asked_at + STAYS


def ask_export(
    uow: UnitOfWork,
    person_id: UUID,
    name: str,
    form: str,
    arguments: Mapping[str, str],
    *,
    language: str,
) -> UUID:
    """Ask for a file of all rows of a list; what changes nothing is not logged. Raises TooManyExports."""
    # One after the other, so that the bound holds.
    uow.rows("select pg_advisory_xact_lock(hashtextextended(:key, 7))", key=f"export {person_id}")
    if _number_open(uow, person_id) >= OPEN_MAX:
        raise TooManyExports(
            Said("{most} exports are being written already: wait for one of them", most=OPEN_MAX)
        )
    id_ = uuid4()
    uow.connection.execute(
        insert(export_run).values(
            company_id=uow.company_id,
            id=id_,
            person_id=person_id,
            name=name,
            form=form,
            arguments=dict(arguments),
            language=language,
            state=EXPORTING.after(None, "ask"),
        )
    )
    leave_work_each(uow, EXPORT, [id_])
    return id_


def read_export(uow: UnitOfWork, person_id: UUID, export_id: UUID) -> ExportRun:
    """One of somebody's own exports. Raises NoSuchExport."""
    found = uow.rows(_ONE, company=uow.company_id, id=export_id, person=person_id)
    if not found:
        raise NoSuchExport(Said("there is no such export of yours"))
    return _run(found[0])


def list_exports(uow: UnitOfWork, person_id: UUID, *, at_most: int = 50) -> list[ExportRun]:
    """Somebody's own exports, the latest first."""
    rows = uow.rows(_OF_PERSON, company=uow.company_id, person=person_id, at_most=at_most)
    return [_run(row) for row in rows]


def claim_export(uow: UnitOfWork, export_id: UUID) -> ExportRun | None:
    """Begin to write an export; None where somebody is at it or it is over."""
    found = uow.rows(
        _CLAIM, company=uow.company_id, id=export_id, held_s=HELD_FOR_S, **_act("take up")
    )
    return _run(found[0]) if found else None


def is_being_written(uow: UnitOfWork, export_id: UUID) -> bool:
    """Whether a worker has it."""
    found = uow.rows(_STATE, company=uow.company_id, id=export_id)
    return bool(found) and found[0].state in EXPORTING.sources_of("write")


def note_rows(uow: UnitOfWork, export_id: UUID, rows: int, expected: int | None = None) -> bool:
    """Note how far it has come, and hold it for longer; whether it is still wanted."""
    return bool(
        uow.run(
            _NOTE,
            company=uow.company_id,
            id=export_id,
            rows=rows,
            expected=expected,
            held_s=HELD_FOR_S,
            sources=list(EXPORTING.sources_of("write")),
        )
    )


def pass_on(uow: UnitOfWork, export_id: UUID) -> None:
    """Leave it to the next worker, with work anew; nothing where it is over."""
    sources = list(EXPORTING.sources_of("write"))
    if uow.run(_LEAVE, company=uow.company_id, id=export_id, sources=sources):
        leave_work_each(uow, EXPORT, [export_id])


def end_export(
    uow: UnitOfWork,
    export_id: UUID,
    *,
    rows: int | None = None,
    size: int | None = None,
    failure: str | None = None,
) -> None:
    """It is ready with a file of this size, or has failed; nothing where it was cancelled meanwhile."""
    act = _act("write" if failure is None else "fail")
    uow.run(
        _END, company=uow.company_id, id=export_id, rows=rows, size=size, failure=failure, **act
    )


def cancel_export(uow: UnitOfWork, person_id: UUID, export_id: UUID) -> None:
    """Want one's own export no more. Raises NoSuchExport, NotNow where it is over."""
    read_export(uow, person_id, export_id)
    if not uow.run(
        _CANCEL, company=uow.company_id, id=export_id, person=person_id, **_act("cancel")
    ):
        raise NotNow(Said("the export is over already"))


def purge_exports(database: Database, media: Media, company_id: int, now: datetime) -> int:
    """Let go of the files and rows of exports that were asked for more than a day ago; how many."""
    purged = 0
    while True:
        with database.reading(company_id) as uow:
            old = uow.rows(_OLD, company=company_id, before=now - STAYS, at_most=_PURGED_AT_ONCE)
        for row in old:
            media.storage.delete(file_key(company_id, row.id, row.form))
        with database.company(company_id) as uow:
            uow.run(_FORGET, company=company_id, ids=[row.id for row in old])
        purged += len(old)
        if len(old) < _PURGED_AT_ONCE:
            return purged


def file_key(company_id: int, export_id: UUID, form: str) -> str:
    """Where an export's file is in the storage."""
    return f"{company_id}/export/{export_id}.{form}"


def _act(act: str) -> dict[str, Any]:
    """The states in which it may happen, and the one that it leads to from each of them."""
    sources = EXPORTING.sources_of(act)
    return {"sources": list(sources), "state": EXPORTING.after(sources[0], act)}


def _number_open(uow: UnitOfWork, person_id: UUID) -> int:
    found = uow.rows(_OPEN, company=uow.company_id, person=person_id, states=list(_OPEN_STATES))
    open_: int = found[0].open
    return open_


def _run(row: Any) -> ExportRun:
    return ExportRun(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
