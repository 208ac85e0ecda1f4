"""What a worker does with an errand: looks at it, or does it, as whoever asked for it.

The person is read anew: what they may no longer do is not done.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from server.errands.asked import Errand, end_turn, leave_turn, note_done, take_up
from server.errands.errors import CannotBeDone, GivenUp, StillDone
from server.identity.sessions import Visitor, read_visitor
from server.language import Said, said_by
from sync.failures import is_collision
from sync.unit_of_work import Database, UnitOfWork

TRIES = 5
# Of one that meets somebody else at work: at once, before it waits for its next turn.
MEETINGS_MAX = 3

logger = logging.getLogger("roadbook.jobs")


@dataclass(frozen=True, slots=True)
class Work:
    """An errand that a worker has, and for whom."""

    database: Database
    errand: Errand
    visitor: Visitor

    def note(self, done: int, to_do: int, report: dict[str, Any] | None = None) -> None:
        """Say how far it has come, in a transaction of its own. Raises GivenUp."""
        with self.database.company(self.visitor.company_id) as uow:
            is_wanted = note_done(uow, self.errand, done, to_do, report)
        if not is_wanted:
            raise GivenUp(is_cancelled=is_wanted is False)

    def end(self, uow: UnitOfWork, report: dict[str, Any], done: int | None = None) -> None:
        """It is done: noted with the last of what it writes, so that nothing is done twice. Raises GivenUp."""
        if not end_turn(uow, self.errand, "end", report=report, done=done):
            raise GivenUp(is_cancelled=False)


@dataclass(frozen=True, slots=True)
class ErrandKind:
    """A sort of errand, for whoever holds one of these roles. `look` says what it would do and keeps nothing; `do` ends it.

    Both raise CannotBeDone where it is refused. `do` may be begun again by another worker: what is noted is done.
    """

    name: str
    roles: tuple[str, ...]
    do: Callable[[Work], None]
    look: Callable[[Work], dict[str, Any]] | None = None


def do_errand(
    database: Database, kinds: Mapping[str, ErrandKind], company_id: int, errand_id: UUID
) -> None:
    """Do what an errand waits for; nothing where it is over. Raises StillDone while another worker has it.

    What is refused ends it FAILED and says why; whatever else raises is tried again.
    """
    with database.company(company_id) as uow:
        errand, is_held = take_up(uow, errand_id)
    if is_held:
        raise StillDone(
            Said("errand {errand_id} is being done by another worker", errand_id=errand_id)
        )
    if errand is None:
        return
    try:
        _done(database, kinds[errand.name], company_id, errand)
    except GivenUp:
        return
    except CannotBeDone as refused:
        with database.company(company_id) as uow:
            end_turn(uow, errand, "fail", failure=said_by(refused))
    except Exception as error:
        with database.company(company_id) as uow:
            if errand.turn >= TRIES:
                end_turn(uow, errand, "fail", failure=f"{type(error).__name__}: {error}")
            else:
                leave_turn(uow, errand)
        raise


def _done(database: Database, kind: ErrandKind, company_id: int, errand: Errand) -> None:
    with database.reading(company_id) as uow:
        visitor = read_visitor(uow, errand.person_id, datetime.now(UTC))
    if visitor is None or not visitor.has_role(*kind.roles):
        raise CannotBeDone(Said("this person may not do it any more"))
    work = Work(database, errand, visitor)
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
