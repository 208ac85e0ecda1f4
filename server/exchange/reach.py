"""What somebody who is no admin reaches when they import: positions that they may see, and stores as their planning sees them.

What they do not reach is, for their import, not there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from server.identity.permissions import SEES_ALL, positions_to_act_for, seats_of
from server.planning.positions import SEEN_STORES, stores_seen
from sync.unit_of_work import UnitOfWork

_POSITIONS = """
select code from position where company_id = :company and code = any(:codes) and id = any(:seen)
"""
_REACHED = "select code from position where company_id = :company and id = any(:seen)"
_STORES = f"{SEEN_STORES} select code from seen_store where code = any(:codes)"  # noqa: S608  a constant


@dataclass(frozen=True, slots=True)
class Reach:
    """What the asker reaches in this transaction."""

    uow: UnitOfWork
    asker_id: UUID
    today: date
    positions: frozenset[UUID]

    def beyond(self, sheet: str, codes: Iterable[str]) -> set[str]:
        """Those of these codes that they do not reach; of sheets that are nobody's: none."""
        wanted = set(codes)
        if sheet == "position":
            rows = self.uow.rows(
                _POSITIONS,
                company=self.uow.company_id,
                codes=sorted(wanted),
                seen=sorted(self.positions),
            )
        elif sheet == "store":
            asked: Any = stores_seen(self.uow, today=self.today, asker_id=self.asker_id)
            rows = self.uow.rows(_STORES, **asked, codes=sorted(wanted))
        else:
            return set()
        return wanted - {row.code for row in rows}


def reach_of(uow: UnitOfWork, asker_id: UUID, today: date) -> Reach | None:
    """What somebody reaches; None where that is everything."""
    if any(seat.role in SEES_ALL for seat in seats_of(uow, asker_id, today)):
        return None
    positions = positions_to_act_for(uow, asker_id, today)
    return None if positions is None else Reach(uow, asker_id, today, positions)


def positions_reached(uow: UnitOfWork, asker_id: UUID, today: date) -> frozenset[str] | None:
    """The codes of the positions that somebody reaches; None where these are all."""
    reach = reach_of(uow, asker_id, today)
    if reach is None:
        return None
    rows = uow.rows(_REACHED, company=uow.company_id, seen=sorted(reach.positions))
    return frozenset(row.code for row in rows)
