"""A region that is drawn anew with more stores than somebody waits for: a worker finds out what it does, and does it.

All of it is one transaction, so that a worker that is killed leaves nothing of it. What people of the office set meanwhile, and what
phones send of these stores, waits for it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import msgspec

from server.errands.doing import ErrandKind, Work
from server.errands.errors import CannotBeDone
from server.errands.kept import kept_as, request_as
from server.identity.sessions import Visitor
from server.language import Said, said_by
from server.planning.errors import PlanningError
from server.planning.region_changes import (
    Moving,
    RegionAsked,
    RegionChange,
    change_region,
    create_region,
    rehearse_region,
)
from sync.unit_of_work import UnitOfWork

REDRAW = "redraw"
ROLES = ("admin", "regional_manager")
# Below that for which a worker holds an errand without saying anything.
LONGEST_S = 240


@dataclass(frozen=True, slots=True)
class Redraw:
    """What is asked for: of a region, or of one that is not there yet, as it was when it was looked at."""

    region_id: UUID | None
    basis: str
    asked: RegionAsked


def asked_redraw(redraw: Redraw) -> dict[str, Any]:
    """As the request of an errand."""
    request: dict[str, Any] = msgspec.to_builtins(redraw)
    return request


def read_change(report: dict[str, Any] | None) -> RegionChange | None:
    """What an errand does, or did, by its report; None where there is none of this form."""
    return kept_as(RegionChange, report)


def read_redraw(request: dict[str, Any]) -> Redraw | None:
    """What is asked for, by the request of an errand; None where it is of another form."""
    return kept_as(Redraw, request)


def change_of(
    redraw: Redraw, visitor: Visitor, moving: Moving
) -> Callable[[UnitOfWork], RegionChange]:
    """The change that is asked for, as this person makes it."""
    who: dict[str, Any] = {
        "today": visitor.today,
        "asker_id": visitor.person_id,
        "moving": moving,
    }
    actor, region_id = visitor.actor, redraw.region_id
    if region_id is None:
        return lambda uow: create_region(uow, actor, redraw.asked, **who)
    return lambda uow: change_region(uow, actor, region_id, redraw.asked, basis=redraw.basis, **who)


def _look(work: Work) -> dict[str, Any]:
    try:
        found = rehearse_region(work.database, work.visitor.company_id, _change(work))
    except PlanningError as refused:
        raise CannotBeDone(said_by(refused)) from refused
    return _report(found)


def _do(work: Work) -> None:
    change = _change(work)
    try:
        with work.database.company(work.visitor.company_id) as uow:
            found = change(uow)
            work.end(uow, _report(found), found.stores)
    except PlanningError as refused:
        raise CannotBeDone(said_by(refused)) from refused


def _change(work: Work) -> Callable[[UnitOfWork], RegionChange]:
    ends_at = time.monotonic() + LONGEST_S

    def note(done: int, to_do: int) -> None:
        if time.monotonic() > ends_at:
            raise CannotBeDone(
                Said(
                    "it takes longer than {minutes} minutes: draw it in steps",
                    minutes=LONGEST_S // 60,
                )
            )
        work.note(done, to_do)

    redraw = request_as(Redraw, work.errand)
    return change_of(redraw, work.visitor, Moving(note=note))


def _report(found: RegionChange) -> dict[str, Any]:
    # How all lines are then is in the regions.
    told = replace(found, redrawn=replace(found.redrawn, lines={}))
    report: dict[str, Any] = msgspec.to_builtins(told)
    return report


REDRAWING = ErrandKind(REDRAW, ROLES, do=_do, look=_look)
