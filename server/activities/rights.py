"""Who may see an activity, and who may make, change and end one.

| role | sees | runs |
| --- | --- | --- |
| admin | every activity | every activity |
| regional_manager | what is approved for the division of the seat, and what they run | those of regions at or below their own, and of the seat's division where it has one |
| any other | what is approved for the division of the seat | none |

A seat of no division has them all. An activity for every region is an admin's to run. Where nobody in
the company asks, all is there. Source: domain rules, "Activities and audits".
"""

from datetime import date
from typing import Any
from uuid import UUID

from server.activities.errors import BeyondScope
from server.identity.permissions import (
    SEES_ALL,
    positions_seen_by,
    positions_to_act_for,
    seats_of,
)
from server.language import Said
from sync.scope import OVERSEERS
from sync.unit_of_work import UnitOfWork

# Begins a statement that names :company, :asker and :today: the seats of the asker, and the regions of
# those from which activities are run.
SEATS = """
with recursive seat as (
    select p.id, p.role, p.region_id, p.division_id from occupancy o
    join position p on p.company_id = o.company_id and p.id = o.position_id
    where o.company_id = :company and o.person_id = :asker
      and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
), below as (
    select s.id as seat_id, s.division_id, s.region_id from seat s where s.role = 'regional_manager'
    union
    select b.seat_id, b.division_id, r.id from below b
    join region r on r.company_id = :company and r.parent_id = b.region_id
), manager as (
    select seat_id, division_id, array_agg(region_id) as region_ids from below group by 1, 2
)
"""
# Whether the asker runs the activity `a`.
IS_RUN = """
(cast(:asker as uuid) is null
 or exists (select from seat where seat.role = 'admin')
 or exists (select from manager m
            where a.region_ids <> '{}' and a.region_ids <@ m.region_ids
              and (m.division_id is null or m.division_id = a.division_id)))
"""
# Whether the asker sees the activity `a`.
IS_SEEN = f"""
({IS_RUN}
 or (a.state <> 'DRAFT'
     and exists (select from seat
                 where a.division_id is null or seat.division_id is null
                    or seat.division_id = a.division_id)))
"""
_RUN = f"""
{SEATS} select {IS_RUN} as is_run from activity a
where a.company_id = :company and a.id = :activity
"""  # noqa: S608  put together from constants, above
# Whether the asker, who sees these positions, sees the store `s` in the activity `p`.
STORE_IS_SEEN = """
(:sees_all or p.position_id = any(:positions) or s.position_id = any(:positions)
 or exists (select from route_stop t
            join route o on o.company_id = t.company_id and o.id = t.route_id and o.is_active
            where t.company_id = s.company_id and t.store_id = s.id
              and o.position_id = any(:positions)))
"""
# Whoever decides about the stores of others.
_DECIDERS = frozenset({*OVERSEERS, *SEES_ALL})


def must_run(uow: UnitOfWork, activity_id: UUID, asker_id: UUID | None, today: date) -> None:
    """Raise BeyondScope where the activity, as it is now, is not the asker's to run."""
    if asker_id is None:
        return
    rows = uow.rows(_RUN, company=uow.company_id, activity=activity_id, asker=asker_id, today=today)
    if not rows[0].is_run:
        raise BeyondScope(Said("it reaches beyond the regions or the division of who asks"))


def must_decide(uow: UnitOfWork, asker_id: UUID | None, today: date) -> None:
    """Raise BeyondScope where the asker holds no seat that decides about stores in activities."""
    if asker_id is None:
        return
    if not any(seat.role in _DECIDERS for seat in seats_of(uow, asker_id, today)):
        raise BeyondScope(Said("only who oversees positions decides about stores in activities"))


def seen(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    """The values of `STORE_IS_SEEN`."""
    return _values(positions_seen_by(uow, asker_id, today))


def decided_by(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    """The values of `STORE_IS_SEEN` where it is decided about stores: what somebody only audits is not theirs to decide."""
    return _values(positions_to_act_for(uow, asker_id, today))


def _values(positions: frozenset[UUID] | None) -> dict[str, Any]:
    return {"sees_all": positions is None, "positions": sorted(positions or ())}
