"""Imports that people ask for on a page: the file waits in the storage, a worker looks at it, and writes it once they say so.

A worker holds an import for a while, and longer with each slice: one that is killed leaves it to the next. A file goes as soon as
nothing more is done with it, where the storage does not answer with the next purge; what somebody and what a company has waiting is bounded in bytes. What is older than a week
goes altogether; what was imported stays among the runs (`runs.py`).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from mobile_contract.schema import plain
from server.exchange.faults import NoSuchImport, NotNow, TooManyImports, TooMuchWaits
from server.language import Said, keep, read_kept
from server.media.installed import Media
from server.media.storage import StorageAway
from sync.document import encode_document
from sync.organisation import asked_import
from sync.state_machine import StateMachine, Step
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work_each

IMPORT = "import"
"""Topic of the outbox: look at this import, or write it."""

FILE_BYTES_MAX = 32 * 1024 * 1024
OPEN_MAX = 3
STAYS = timedelta(days=7)
# Between two slices, of which reading and comparing the whole file is the longest.
HELD_FOR_S = 300
TRIES = 5
_PURGED_AT_ONCE = 100
_OPEN_STATES = ("WAITING", "LOOKING", "CONFIRMED", "WRITING")
# In which the file may still be read.
_KEEPING = (*_OPEN_STATES, "READY", "STOPPED")

ASKING = StateMachine(
    "asked_import",
    "An import that somebody asked for on a page. Its file is looked at first; what is written is an import_run.",
    (
        Step(None, "bring", "WAITING", "whoever imports"),
        Step("WAITING", "take up", "LOOKING", "a worker"),
        Step("LOOKING", "take up", "LOOKING", "the next worker, where one was killed"),
        Step("LOOKING", "find faults", "FAULTY", "the rehearsal"),
        Step("LOOKING", "find none", "READY", "the rehearsal"),
        Step("READY", "confirm", "CONFIRMED", "whoever imports"),
        Step("CONFIRMED", "take up", "WRITING", "a worker"),
        Step("WRITING", "take up", "WRITING", "the next worker, where one was killed"),
        Step("WRITING", "find faults", "FAULTY", "the check, where something changed since"),
        Step("WRITING", "write the last slice", "DONE", "the import"),
        Step("WRITING", "stop", "STOPPED", "the office's rules"),
        Step("WRITING", "cancel", "STOPPED", "whoever imports; the slice at hand is written"),
        Step("STOPPED", "confirm", "CONFIRMED", "whoever imports, to go on"),
        *(
            Step(state, "cancel", "CANCELLED", "whoever imports")
            for state in ("WAITING", "LOOKING", "READY", "CONFIRMED")
        ),
        Step("STOPPED", "let go", "CANCELLED", "whoever imports; what was written stays"),
        Step("FAULTY", "let go", "CANCELLED", "whoever imports, of the marked copy"),
        Step("LOOKING", "fail", "FAILED", "the worker, where the file cannot be read"),
        Step("WRITING", "fail", "FAILED", "the worker"),
    ),
)

_COLUMNS = """
a.id, a.person_id, n.name as person, a.sheet, a.file_name, a.system, a.size, a.state, a.turn, a.done, a.to_do,
a.failure, a.has_marked, a.run_id, a.asked_at, a.changed_at
"""
_FROM = """
from asked_import a left join person n on n.company_id = a.company_id and n.id = a.person_id
where a.company_id = :company and (cast(:asker as uuid) is null or a.person_id = :asker)
"""
# Whoever follows one that goes on does not read its report over and over.
_ONE = f"""
select {_COLUMNS}, case when not a.state = any(:open) then a.report end as report {_FROM} and a.id = :id
"""
_LIST = f"""
select {_COLUMNS}, cast(null as jsonb) as report {_FROM}
order by a.asked_at desc, a.id limit :at_most
"""
_OPEN = """
select count(*) as open from asked_import
where company_id = :company and person_id = :person and state = any(:states)
"""
_HELD = """
select coalesce(sum(held_bytes) filter (where person_id = :person), 0)::bigint as of_person,
       coalesce(sum(held_bytes), 0)::bigint as of_company
from asked_import where company_id = :company and held_bytes > 0
"""
_TURN = "select pg_advisory_xact_lock(hashtextextended(:key, 7))"
_LOCK = """
select state, turn, held_until < clock_timestamp() as is_left from asked_import
where company_id = :company and id = :id and (cast(:asker as uuid) is null or person_id = :asker) for update
"""
_MOVE = """
update asked_import set state = :state, changed_at = clock_timestamp(), held_until = null,
       has_marked = has_marked and :state = any(:keeping), is_leaving = is_leaving or not :state = any(:keeping)
where company_id = :company and id = :id
"""
_TAKE_UP = """
update asked_import set state = :state, turn = turn + 1, done = 0, to_do = 0, changed_at = clock_timestamp(),
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id
"""
_NOTE = """
update asked_import set done = :done, to_do = :to_do, changed_at = clock_timestamp(),
       held_until = clock_timestamp() + make_interval(secs => :held_s)
where company_id = :company and id = :id and turn = :turn and state in ('LOOKING', 'WRITING')
"""
_END = """
update asked_import set state = :state, report = coalesce(cast(:report as jsonb), report),
       failure = :failure, has_marked = :marked_bytes > 0,
       held_bytes = size + :marked_bytes, is_leaving = not :state = any(:keeping), run_id = coalesce(cast(:run as uuid), run_id),
       done = case when cast(:report as jsonb) is null then done else :done end,
       to_do = case when cast(:report as jsonb) is null then to_do else :to_do end,
       changed_at = clock_timestamp(), held_until = null
where company_id = :company and id = :id
"""
_NOTE_SHEET = "update asked_import set sheet = :sheet where company_id = :company and id = :id"
_KEPT = "select state, has_marked from asked_import where company_id = :company and id = :id"
_NOTE_LEAVING = """
update asked_import set is_leaving = true where company_id = :company and id = :id and not state = any(:keeping)
"""
# Nothing where it was decided meanwhile that its marked copy goes, too.
_NOTE_GONE = """
update asked_import set is_leaving = false, held_bytes = case when has_marked then held_bytes - size else 0 end
where company_id = :company and id = :id and is_leaving and has_marked = :has_marked
"""
_LEAVING = """
select id from asked_import where company_id = :company and is_leaving order by asked_at limit :at_most
"""
_LEAVE = """
update asked_import set held_until = clock_timestamp()
where company_id = :company and id = :id and turn = :turn
"""
_OLD = """
select id from asked_import
where company_id = :company and asked_at < :before order by asked_at limit :at_most
"""
_FORGET = "delete from asked_import where company_id = :company and id = any(:ids)"

logger = logging.getLogger("roadbook.media")


@dataclass(frozen=True, slots=True)
class AskedImport:
    """An import as whoever asked for it sees it. `report` is that of the last look at it, or of writing it."""

    id: UUID
    person_id: UUID
    person: str | None
    # None until it is found out from the file.
    sheet: str | None
    file_name: str
    system: str | None
    size: int
    state: str
    turn: int
    done: int
    to_do: int
    failure: Said | str | None
    has_marked: bool
    run_id: UUID | None
    asked_at: datetime
    changed_at: datetime
    report: dict[str, Any] | None

    @property
    def is_open(self) -> bool:
        """Whether a worker has something to do with it."""
        return self.state in _OPEN_STATES

    def may(self, act: str) -> bool:
        """Whether this may happen to it now."""
        return ASKING.after(self.state, act) is not None


def ask_import(
    database: Database,
    media: Media,
    company_id: int,
    person_id: UUID,
    *,
    sheet: str | None,
    file_name: str,
    path: Path,
    system: str | None,
) -> UUID:
    """Let a worker look at the file at `path`, which nobody changes any more. Nothing of the company changes by it, so it
    is not logged. Raises TooManyImports, TooMuchWaits.
    """
    id_ = uuid4()
    key, size = file_key(company_id, id_), path.stat().st_size
    with database.reading(company_id) as uow:
        _must_have_room(uow, media, person_id, size)
    # Before the transaction: what phones are told waits for every one that is open.
    media.storage.put(key, path)
    try:
        with database.company(company_id) as uow:
            # One after the other, so that the bounds hold.
            uow.rows(_TURN, key=f"imports of {company_id}")
            _must_have_room(uow, media, person_id, size)
            uow.connection.execute(
                insert(asked_import).values(
                    company_id=company_id,
                    id=id_,
                    person_id=person_id,
                    sheet=sheet,
                    file_name=plain(file_name)[:200],
                    system=system,
                    size=size,
                    held_bytes=size,
                    state=ASKING.after(None, "bring"),
                )
            )
            leave_work_each(uow, IMPORT, [id_])
    except BaseException:
        media.storage.delete(key)
        raise
    return id_


def read_asked(uow: UnitOfWork, import_id: UUID, asker_id: UUID | None) -> AskedImport:
    """One import, with its report unless a worker has something to do with it; of an asker only their own.

    Raises NoSuchImport.
    """
    found = uow.rows(
        _ONE, company=uow.company_id, id=import_id, asker=asker_id, open=list(_OPEN_STATES)
    )
    if not found:
        raise NoSuchImport(Said("there is no such import"))
    return _asked(found[0])


def list_asked(uow: UnitOfWork, asker_id: UUID | None, *, at_most: int = 50) -> list[AskedImport]:
    """Imports that people asked for in the last days, the latest first, without reports; of an asker only their own."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        asker=asker_id,
        at_most=at_most,
    )
    return [_asked(row) for row in rows]


def confirm_import(uow: UnitOfWork, import_id: UUID, asker_id: UUID | None) -> None:
    """Let a worker write what was looked at, or go on with what was stopped. Raises NoSuchImport, NotNow."""
    _move(uow, import_id, asker_id, "confirm")
    leave_work_each(uow, IMPORT, [import_id])


def cancel_import(
    database: Database,
    media: Media,
    company_id: int,
    import_id: UUID,
    asker_id: UUID | None,
    act: str = "cancel",
) -> None:
    """Want no more of it; what was written stays. Its file goes, unless it may go on from where it stops: then by the act
    "let go". Raises NoSuchImport, NotNow.
    """
    with database.company(company_id) as uow:
        _move(uow, import_id, asker_id, act)
    let_files_go(database, media, company_id, import_id)


def take_up(uow: UnitOfWork, import_id: UUID) -> tuple[AskedImport | None, bool]:
    """Have an import for oneself: it, and whether another worker has it instead."""
    locked = uow.rows(_LOCK, company=uow.company_id, id=import_id, asker=None)
    if not locked:
        return None, False
    state = ASKING.after(locked[0].state, "take up")
    if state is None:
        return None, False
    # In a state that a worker has put it in, one may still be at it.
    if state == locked[0].state and locked[0].is_left is False:
        return None, True
    uow.run(_TAKE_UP, company=uow.company_id, id=import_id, state=state, held_s=HELD_FOR_S)
    return read_asked(uow, import_id, None), False


def note_done(uow: UnitOfWork, asked: AskedImport, done: int, to_do: int) -> bool:
    """Note how far it has come, and hold it for longer; whether it is still wanted, and by us."""
    values = {"done": done, "to_do": to_do, "turn": asked.turn, "held_s": HELD_FOR_S}
    return bool(uow.run(_NOTE, company=uow.company_id, id=asked.id, **values))


def note_sheet(uow: UnitOfWork, asked: AskedImport, sheet: str) -> None:
    """Note what its file is of."""
    uow.run(_NOTE_SHEET, company=uow.company_id, id=asked.id, sheet=sheet)


def end_turn(
    uow: UnitOfWork,
    asked: AskedImport,
    act: str,
    *,
    report: dict[str, Any] | None = None,
    done: int = 0,
    to_do: int = 0,
    run_id: UUID | None = None,
    failure: Said | str | None = None,
    marked_bytes: int = 0,
) -> bool:
    """A worker is through with it; whether its file may go. Of one that was cancelled meanwhile it is only noted how far it
    came.
    """
    locked = uow.rows(_LOCK, company=uow.company_id, id=asked.id, asker=None)
    if not locked or locked[0].turn != asked.turn:
        return not locked
    state = ASKING.after(locked[0].state, act)
    if state is None:
        if locked[0].state != "STOPPED":
            return locked[0].state not in _KEEPING
        state = "STOPPED"
    uow.run(
        _END,
        company=uow.company_id,
        id=asked.id,
        state=state,
        report=None if report is None else encode_document(report).decode(),
        done=done,
        to_do=to_do,
        run=run_id,
        failure=None if failure is None else plain(keep(failure)),
        marked_bytes=marked_bytes,
        keeping=list(_KEEPING),
    )
    return state not in _KEEPING


def leave_turn(uow: UnitOfWork, asked: AskedImport) -> None:
    """Leave it to the next worker."""
    uow.run(_LEAVE, company=uow.company_id, id=asked.id, turn=asked.turn)


def pass_on(uow: UnitOfWork, asked: AskedImport) -> None:
    """Leave it to the next worker, with work anew; nothing where another has it."""
    if uow.run(_LEAVE, company=uow.company_id, id=asked.id, turn=asked.turn):
        leave_work_each(uow, IMPORT, [asked.id])


def purge_imports(database: Database, media: Media, company_id: int, now: datetime) -> int:
    """Let go of the files and rows of imports that were asked for more than a week ago; how many. Before that, of files that
    nobody reads any more and that the storage did not let go of.
    """
    with database.reading(company_id) as uow:
        leaving = uow.rows(_LEAVING, company=company_id, at_most=_PURGED_AT_ONCE)
    for row in leaving:
        # One that does not answer would be waited for as many times.
        if not let_files_go(database, media, company_id, row.id):
            break
    purged = 0
    while True:
        with database.reading(company_id) as uow:
            old = uow.rows(_OLD, company=company_id, before=now - STAYS, at_most=_PURGED_AT_ONCE)
        for row in old:
            forget_files(media, company_id, row.id)
        with database.company(company_id) as uow:
            uow.run(_FORGET, company=company_id, ids=[row.id for row in old])
        purged += len(old)
        if len(old) < _PURGED_AT_ONCE:
            return purged


def let_files_go(database: Database, media: Media, company_id: int, import_id: UUID) -> bool:
    """Let go of what nobody reads of an import any more; whether it is gone. Where the storage does not answer it counts as
    held, and goes with the next purge.
    """
    who = {"company": company_id, "id": import_id}
    with database.reading(company_id) as uow:
        found = uow.rows(_KEPT, **who)
    if found and found[0].state in _KEEPING:
        return True
    has_marked = bool(found) and found[0].has_marked
    try:
        media.storage.delete(file_key(company_id, import_id))
        if not has_marked:
            media.storage.delete(marked_key(company_id, import_id))
    except StorageAway as error:
        logger.warning("files of import %s of company %d stay: %s", import_id, company_id, error)
        with database.company(company_id) as uow:
            uow.run(_NOTE_LEAVING, **who, keeping=list(_KEEPING))
        return False
    with database.company(company_id) as uow:
        uow.run(_NOTE_GONE, **who, has_marked=has_marked)
    return True


def forget_files(media: Media, company_id: int, import_id: UUID) -> None:
    """Let go of an import's file, and of the copy of it in which faults are marked."""
    media.storage.delete(file_key(company_id, import_id))
    media.storage.delete(marked_key(company_id, import_id))


def file_key(company_id: int, import_id: UUID) -> str:
    """Where an import's file is in the storage."""
    return f"{company_id}/import/{import_id}"


def marked_key(company_id: int, import_id: UUID) -> str:
    """Where the copy is in which faults are marked."""
    return f"{company_id}/import/{import_id}.marked.xlsx"


def _must_have_room(uow: UnitOfWork, media: Media, person_id: UUID, size: int) -> None:
    found = uow.rows(_OPEN, company=uow.company_id, person=person_id, states=list(_OPEN_STATES))
    if found[0].open >= OPEN_MAX:
        raise TooManyImports(
            Said("{most} imports are on their way already: wait for one of them", most=OPEN_MAX)
        )
    (held,) = uow.rows(_HELD, company=uow.company_id, person=person_id)
    bounds = media.bounds
    if held.of_person + size > bounds.import_person_bytes:
        raise TooMuchWaits(held.of_person, bounds.import_person_bytes, is_own=True)
    if held.of_company + size > bounds.import_company_bytes:
        raise TooMuchWaits(held.of_company, bounds.import_company_bytes, is_own=False)


def _move(uow: UnitOfWork, import_id: UUID, asker_id: UUID | None, act: str) -> str:
    locked = uow.rows(_LOCK, company=uow.company_id, id=import_id, asker=asker_id)
    if not locked:
        raise NoSuchImport(Said("there is no such import"))
    state = ASKING.after(locked[0].state, act)
    if state is None:
        raise NotNow(
            Said(
                "the import is {state} by now: look at it as it is",
                state=Said(locked[0].state.lower()),
            )
        )
    uow.run(_MOVE, company=uow.company_id, id=import_id, state=state, keeping=list(_KEEPING))
    return state


def _asked(row: Any) -> AskedImport:
    found = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    if found["failure"] is not None:
        found["failure"] = read_kept(found["failure"])
    return AskedImport(**found)
