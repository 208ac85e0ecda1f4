"""All items of one reason, kind, person or phone are released by a worker, once what held them was mended.

Each is judged again by itself, as one that somebody releases: one that breaks is counted and holds back no other. A worker that is
killed leaves it to the next, which goes on after the last item that was noted; after a minute each leaves it to the next, so that
what others ask for comes between. The log has each item, and how many there were, also of one that was stopped.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from server.errands.asked import Errand
from server.errands.doing import ErrandKind, Work
from server.errands.errors import CannotBeDone
from server.errands.kept import kept_as, request_as
from server.identity.change_log import Actor, log_change
from server.language import said_by
from server.quarantine.deciding import DONE, Key, check_reason, release_kept
from server.quarantine.errors import AlreadyDecided, FieldInvalid
from server.quarantine.kept_list import Alike, KeptMark, count_alike, next_alike
from sync.failures import is_lost
from sync.unit_of_work import Database, UnitOfWork

if TYPE_CHECKING:
    from sync.engine import Engine

RELEASE = "release"
ROLES = ("admin",)
ITEMS_AT_ONCE = 20
# So many are counted before, for how far it is.
COUNTED_MAX = 100_000

logger = logging.getLogger("roadbook.jobs")


@dataclass(frozen=True, slots=True)
class ReleaseAll:
    """Which items, and why."""

    alike: Alike
    reason: str | None = None


@dataclass(slots=True)
class CameOf:
    """What came of them by now: how many by the status that they have, and of those still kept by their reasons.

    `broken` could not be judged now; `after` is the last that was looked at.
    """

    done: int = 0
    waiting: int = 0
    kept: int = 0
    before: int = 0
    broken: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    after: KeptMark | None = None

    @property
    def items(self) -> int:
        return self.done + self.waiting + self.kept + self.before + self.broken

    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = msgspec.to_builtins(self)
        return report


def read_came(report: dict[str, Any] | None) -> CameOf | None:
    """What came of an errand, by its report; None where there is none of this form."""
    return kept_as(CameOf, report)


def asked_release(asked: ReleaseAll) -> dict[str, Any]:
    """As the request of an errand. Raises FieldInvalid."""
    check_reason(asked.reason)
    request: dict[str, Any] = msgspec.to_builtins(asked)
    return request


def release_alike(
    engine: "Engine",
    database: Database,
    company_id: int,
    actor: Actor,
    asked: ReleaseAll,
    came: CameOf,
    note: Callable[[int], None],
) -> None:
    """Release all of these that came after `came.after`, and add to it what came of each; `note` is told how many
    there are, as far as they are counted, and hears of every few of them.
    """
    with database.reading(company_id) as uow:
        there = count_alike(uow, asked.alike, COUNTED_MAX, after=came.after)
    to_do = came.items + there
    note(to_do)
    while True:
        with database.reading(company_id) as uow:
            some = next_alike(uow, asked.alike, came.after, ITEMS_AT_ONCE)
        if not some:
            return
        for mark in some:
            _release(engine, company_id, actor, (mark.op_id, mark.digest), asked.reason, came)
            came.after = mark
        note(max(to_do, came.items))


def log_released(
    uow: UnitOfWork, actor: Actor, errand_id: UUID, asked: ReleaseAll, came: CameOf
) -> None:
    """Log who released how many of which, and what came of them."""
    which = {
        "code": asked.alike.code,
        "kind": asked.alike.kind,
        "person_id": asked.alike.person_id,
        "device_id": asked.alike.device_id,
    }
    log_change(
        uow,
        actor,
        "quarantine.release_all",
        "kept_items",
        errand_id,
        after={
            **{name: value for name, value in which.items() if value is not None},
            "reason": asked.reason,
            "items": came.items,
            "applied": came.done,
            "still_kept": came.kept,
            "still_waiting": came.waiting,
            "decided_before": came.before,
            "not_judged": came.broken,
        },
    )


def _release(
    engine: "Engine", company_id: int, actor: Actor, key: Key, reason: str | None, came: CameOf
) -> None:
    try:
        result = release_kept(engine, company_id, actor, key, reason=reason)
    except AlreadyDecided:
        came.before += 1
        return
    except Exception as error:
        # Without a database nothing can be judged: that is tried again, and no item's fault.
        if is_lost(error):
            raise
        logger.exception("item %s of company %d cannot be released", key[0], company_id)
        came.broken += 1
        return
    came.done += result.status in DONE
    came.waiting += result.status == "deferred"
    if result.status == "quarantined":
        came.kept += 1
        code = result.code or ""
        came.codes[code] = came.codes.get(code, 0) + 1


def releasing(engine: "Engine") -> ErrandKind:
    """The errands that release, by this engine."""

    def do(work: Work) -> None:
        asked = request_as(ReleaseAll, work.errand)
        came = read_came(work.errand.report) or CameOf()
        company_id, actor = work.visitor.company_id, work.visitor.actor

        def note(to_do: int) -> None:
            work.note(came.items, to_do, came.report())

        try:
            release_alike(engine, work.database, company_id, actor, asked, came, note)
            with work.database.company(company_id) as uow:
                log_released(uow, actor, work.errand.id, asked, came)
                work.end(uow, came.report(), came.items)
        except FieldInvalid as refused:
            raise CannotBeDone(said_by(refused)) from refused

    return ErrandKind(RELEASE, ROLES, do=do, in_parts=True, stopped=_log_stopped)


def _log_stopped(uow: UnitOfWork, errand: Errand) -> None:
    asked = kept_as(ReleaseAll, errand.request)
    came = read_came(errand.report)
    if asked is not None and came is not None:
        actor = Actor(errand.person or str(errand.person_id), errand.person_id)
        log_released(uow, actor, errand.id, asked, came)
