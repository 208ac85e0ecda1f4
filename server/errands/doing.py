"""What a worker does with an errand: looks at it, or does it, as whoever asked for it.

The person is read anew: what they may no longer do is not done.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from server.errands.asked import (
    Errand,
    close_cancelled,
    end_turn,
    leave_turn,
    note_done,
    pass_on,
    read_errand,
    take_up,
)
from server.errands.errors import CannotBeDone, GivenUp, StillDone, TurnLeft
from server.identity.sessions import Visitor, read_visitor
from server.incidents import told_incident
from server.language import Said, said_by
from sync.failures import is_collision
from sync.unit_of_work import Database, UnitOfWork

TRIES = 5
# Of one that meets somebody else at work: at once, before it waits for its next turn.
MEETINGS_MAX = 3
# Then one that is done in parts is left to the next, so that what others ask for comes between.
TURN_S = 60.0

logger = logging.getLogger("roadbook.jobs")


@dataclass(frozen=True, slots=True)
class Work:
    """An errand that a worker has, and for whom."""

    database: Database
    errand: Errand
    visitor: Visitor
    # Whether this worker is to stop.
    is_stopping: Callable[[], bool] = bool
    # By the steady clock: when it is the turn of others, where that may come between.
    ends_at: float | None = None

    def note(self, done: int, to_do: int, report: dict[str, Any] | None = None) -> None:
        """Say how far it has come, in a transaction of its own. Raises GivenUp, and TurnLeft where another worker is to
        go on.
        """
        with self.database.company(self.visitor.company_id) as uow:
            is_wanted = note_done(uow, self.errand, done, to_do, report)
        if not is_wanted:
            raise GivenUp
        if self.is_stopping() or (self.ends_at is not None and time.monotonic() >= self.ends_at):
            raise TurnLeft

    def end(self, uow: UnitOfWork, report: dict[str, Any], done: int | None = None) -> None:
        """It is done: noted with the last of what it writes, so that nothing is done twice. Raises GivenUp."""
        if not end_turn(uow, self.errand, "end", report=report, done=done):
            raise GivenUp


@dataclass(frozen=True, slots=True)
class ErrandKind:
    """A sort of errand, for whoever holds one of these roles. `look` says what it would do and keeps nothing; `do` ends it.

    Both raise CannotBeDone where it is refused. `do` may be begun again by another worker: what is noted is done. Where it
    is done `in_parts`, others come between. `stopped` logs what is noted of one that was begun and then was cancelled or
    failed.
    """

    name: str
    roles: tuple[str, ...]
    do: Callable[[Work], None]
    look: Callable[[Work], dict[str, Any]] | None = None
    in_parts: bool = False
    stopped: Callable[[UnitOfWork, Errand], None] | None = None


def do_errand(
    database: Database,
    kinds: Mapping[str, ErrandKind],
    company_id: int,
    errand_id: UUID,
    *,
    is_stopping: Callable[[], bool] = bool,
) -> None:
    """Do what an errand waits for; nothing where it is over. Raises StillDone while another worker has it.

    What is refused ends it FAILED and says why; whatever else raises is tried again. Where it is left to others, or
    because this worker is to stop, there is work anew.
    """
    with database.company(company_id) as uow:
        errand, is_held = take_up(uow, errand_id)
    if is_held:
        raise StillDone(
            Said("errand {errand_id} is being done by another worker", errand_id=errand_id)
        )
    if errand is None:
        with database.company(company_id) as uow:
            _log_stopped(uow, kinds, close_cancelled(uow, errand_id))
        return
    try:
        _done(database, kinds[errand.name], company_id, errand, is_stopping)
    except GivenUp:
        with database.company(company_id) as uow:
            _log_stopped(uow, kinds, close_cancelled(uow, errand_id, errand.turn))
    except TurnLeft:
        with database.company(company_id) as uow:
            pass_on(uow, errand)
    except CannotBeDone as refused:
        _fail(database, kinds, company_id, errand, said_by(refused))
    except Exception as error:
        if errand.tries >= TRIES:
            said = told_incident(logger, f"errand {errand_id} of company {company_id}", error)
            _fail(database, kinds, company_id, errand, said)
        else:
            with database.company(company_id) as uow:
                leave_turn(uow, errand)
        raise


def _fail(
    database: Database,
    kinds: Mapping[str, ErrandKind],
    company_id: int,
    errand: Errand,
    said: Said | str,
) -> None:
    with database.company(company_id) as uow:
        if end_turn(uow, errand, "fail", failure=said):
            _log_stopped(uow, kinds, read_errand(uow, errand.id, None))
        else:
            _log_stopped(uow, kinds, close_cancelled(uow, errand.id, errand.turn))


def _log_stopped(uow: UnitOfWork, kinds: Mapping[str, ErrandKind], errand: Errand | None) -> None:
    kind = None if errand is None else kinds.get(errand.name)
    if errand is not None and errand.report is not None and kind is not None and kind.stopped:
        kind.stopped(uow, errand)


def _done(
    database: Database,
    kind: ErrandKind,
    company_id: int,
    errand: Errand,
    is_stopping: Callable[[], bool],
) -> None:
    with database.reading(company_id) as uow:
        visitor = read_visitor(uow, errand.person_id, datetime.now(UTC))
    if visitor is None or not visitor.has_role(*kind.roles):
        raise CannotBeDone(Said("this person may not do it any more"))
    ends_at = time.monotonic() + TURN_S if kind.in_parts else None
    work = Work(database, errand, visitor, is_stopping, ends_at)
    for meeting in range(1, MEETINGS_MAX + 1):
        try:
            _do(kind, work)
        except Exception as error:
            if not is_collision(error) or meeting == MEETINGS_MAX:
                raise
            logger.info("errand %s met somebody at work: %s", errand.id, error)
        else:
            return


def _do(kind: ErrandKind, work: Work) -> None:
    if work.errand.state != "LOOKING" or kind.look is None:
        kind.do(work)
        return
    report = kind.look(work)
    with work.database.company(work.visitor.company_id) as uow:
        end_turn(uow, work.errand, "show", report=report)
