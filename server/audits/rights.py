"""Who may audit what, and who may see what came of it.

An auditor gets what somebody else brought at a position outside of every region of theirs, from a store that does
not stand in one either, for an activity that the division of their seat runs. A region is "own" with all that is below it; for whoever holds another
seat beside that of an auditor its region is own too. An auditor at a region with no parent has no own region
by that seat, as in server/identity/permissions.py. Source: domain rules, "Activities and audits".
"""

from datetime import date
from typing import Any
from uuid import UUID

from server.audits.errors import BeyondScope
from server.identity.permissions import (
    SEES_ALL,
    positions_seen_by,
    positions_to_act_for,
    seats_of,
)
from server.language import Said
from sync.scope import OVERSEERS
from sync.unit_of_work import UnitOfWork

# Begins a statement that names :company, :asker and :today: the seats of the asker and their own regions.
AUDITOR = """
with recursive seat as (
    select p.id, p.role, p.region_id, p.division_id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
), own as (
    select s.region_id as id from seat s
    join region r on r.company_id = :company and r.id = s.region_id
    where s.role <> 'admin' and not (s.role = 'auditor' and r.parent_id is null)
    union
    select r.id from own o join region r on r.company_id = :company and r.parent_id = o.id
)
"""
# Whether the asker may audit the case `c` of the activity `a`.
MAY_AUDIT = """
(exists (select from seat
         where seat.role = 'auditor'
           and (a.division_id is null or seat.division_id is null or seat.division_id = a.division_id))
 and c.person_id <> :asker
 and (case when c.position_id is null then not exists (select from own)
           else not exists (select from position p
                            where p.company_id = c.company_id and p.id = c.position_id
                              and (p.region_id in (select id from own) or p.id in (select id from seat)))
      end)
 and not exists (select from store g
                 where g.company_id = c.company_id and g.id = c.store_id
                   and g.region_id in (select id from own)))
"""
# Whether the asker, who sees these positions, sees what came of the case `c`.
CASE_IS_SEEN = "(:sees_all or c.position_id = any(:positions) or c.person_id = :asker)"
# Whoever looks after audits: draws, statistics, agreement, settlements.
_KEEPERS = frozenset(SEES_ALL)
# Whoever may appeal for somebody else.
_DECIDERS = frozenset({*OVERSEERS, *SEES_ALL})


def seen(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    """The values of `CASE_IS_SEEN`."""
    return _values(positions_seen_by(uow, asker_id, today), asker_id)


def appealed_by(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    """The values of `CASE_IS_SEEN` for what the asker may appeal for: not what they only audit."""
    return _values(positions_to_act_for(uow, asker_id, today), asker_id)


def _values(positions: frozenset[UUID] | None, asker_id: UUID | None) -> dict[str, Any]:
    return {"sees_all": positions is None, "positions": sorted(positions or ()), "asker": asker_id}


def oversees(uow: UnitOfWork, asker_id: UUID | None, today: date) -> bool:
    """Whether the asker sees what waits for auditors: who oversees positions and is none of the auditors, or an
    admin, or nobody in the company.
    """
    if asker_id is None:
        return True
    roles = {seat.role for seat in seats_of(uow, asker_id, today)}
    return bool(roles & _KEEPERS) or bool(roles & _DECIDERS and "auditor" not in roles)


def must_keep(uow: UnitOfWork, asker_id: UUID | None, today: date) -> None:
    """Raise BeyondScope unless the asker is an admin, or nobody in the company asks."""
    _must_have(uow, asker_id, today, _KEEPERS, Said("only an admin sees this"))


def must_decide(uow: UnitOfWork, asker_id: UUID | None, today: date) -> None:
    """Raise BeyondScope unless the asker oversees positions, or nobody in the company asks."""
    _must_have(uow, asker_id, today, _DECIDERS, Said("only who oversees positions does this"))


def _must_have(
    uow: UnitOfWork, asker_id: UUID | None, today: date, roles: frozenset[str], words: Said
) -> None:
    if asker_id is None:
        return
    if not any(seat.role in roles for seat in seats_of(uow, asker_id, today)):
        raise BeyondScope(words)
