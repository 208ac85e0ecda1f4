"""Who may see whose work: the same rule as a query and as a predicate, side by side.

| role | sees |
| --- | --- |
| rep, driver | the positions they hold |
| supervisor, regional_manager | those, and every position in their region or below it |
| auditor | those, and every position outside their own region, which they never get to audit |
| admin | every position of the company |

What somebody sees as an auditor they look at, and that is all: they judge what was photographed there (server/audits), and
decide, ask, tell or plan nothing. `positions_to_act_for` has what is theirs to act for; lists of what waits for somebody
have the same, so that nothing stands there that they may not decide.

A region is "own" for an auditor with all that is below it. A seat at a region with no parent
stands for the whole company: an auditor there has no own region and sees everything.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import CTE, Select, or_, select, true

from sync.organisation import occupancy, position, region
from sync.scope import OVERSEERS
from sync.unit_of_work import UnitOfWork

SEES_ELSEWHERE = ("auditor",)
SEES_ALL = ("admin",)


@dataclass(frozen=True, slots=True)
class Seat:
    """A position, as far as seeing goes."""

    position_id: UUID
    role: str
    region_id: UUID


def seats_of(uow: UnitOfWork, person_id: UUID, today: date) -> tuple[Seat, ...]:
    """The positions that a person holds today, acting or not."""
    rows = uow.connection.execute(
        select(position.c.id, position.c.role, position.c.region_id)
        .where(position.c.company_id == uow.company_id)
        .where(position.c.id.in_(_held_by(uow.company_id, person_id, today)))
        .order_by(position.c.id)
    )
    return tuple(Seat(row.id, row.role, row.region_id) for row in rows)


def visible_positions(
    uow: UnitOfWork, person_id: UUID, today: date, *, but: Sequence[str] = ()
) -> frozenset[UUID]:
    """The positions whose work this person may see today; with `but`, by their seats of other roles than these."""
    asked = visible_positions_query(uow.company_id, person_id, today, but=but)
    return frozenset(uow.connection.execute(asked).scalars())


def positions_seen_by(
    uow: UnitOfWork, asker_id: UUID | None, today: date, *, but: Sequence[str] = ()
) -> frozenset[UUID] | None:
    """`visible_positions` of an asker; None, which is all, where nobody in the company asks."""
    return None if asker_id is None else visible_positions(uow, asker_id, today, but=but)


def positions_to_act_for(
    uow: UnitOfWork, asker_id: UUID | None, today: date
) -> frozenset[UUID] | None:
    """The positions for which an asker decides, asks, tells and plans; None, which is all, where nobody in the company asks.

    Those that they see, without what they see only as an auditor.
    """
    return positions_seen_by(uow, asker_id, today, but=SEES_ELSEWHERE)


def sees_all(uow: UnitOfWork, asker_id: UUID | None, today: date) -> bool:
    """Whether an asker sees everything of the company; so does a command, which is nobody in it."""
    return asker_id is None or any(seat.role in SEES_ALL for seat in seats_of(uow, asker_id, today))


def visible_positions_query(
    company_id: int, person_id: UUID, today: date, *, but: Sequence[str] = ()
) -> Select[UUID]:
    """`visible_positions` as a query of position ids, to be used inside another."""
    held = _held_by(company_id, person_id, today).subquery("held")
    seat = (
        select(position.c.role, position.c.region_id)
        .where(position.c.company_id == company_id, position.c.id.in_(select(held.c.position_id)))
        .where(position.c.role.not_in(but))
        .cte("seat")
    )
    below = _at_or_below(
        company_id, select(seat.c.region_id).where(seat.c.role.in_(OVERSEERS)), "below"
    )
    # An auditor of several regions must not get any of them by way of the other seat.
    own = _at_or_below(
        company_id,
        select(seat.c.region_id)
        .join(region, (region.c.company_id == company_id) & (region.c.id == seat.c.region_id))
        .where(seat.c.role.in_(SEES_ELSEWHERE), region.c.parent_id.is_not(None)),
        "own",
    )
    sees_all = select(true()).select_from(seat).where(seat.c.role.in_(SEES_ALL)).exists()
    sees_elsewhere = (
        select(true()).select_from(seat).where(seat.c.role.in_(SEES_ELSEWHERE)).exists()
    )
    return select(position.c.id).where(
        position.c.company_id == company_id,
        or_(
            position.c.id.in_(select(held.c.position_id)),
            sees_all,
            position.c.region_id.in_(select(below.c.id)),
            sees_elsewhere & position.c.region_id.not_in(select(own.c.id)),
        ),
    )


def may_see_position(
    seats: tuple[Seat, ...], asked: Seat, parents: Mapping[UUID, UUID | None]
) -> bool:
    """Whether somebody with these seats may see the position; `parents` is the region tree."""
    above = _at_or_above(asked.region_id, parents)
    audits = [seat for seat in seats if seat.role in SEES_ELSEWHERE]
    return (
        any(seat.position_id == asked.position_id for seat in seats)
        or any(seat.role in SEES_ALL for seat in seats)
        or any(seat.role in OVERSEERS and seat.region_id in above for seat in seats)
        or (
            bool(audits)
            and not any(
                parents.get(seat.region_id) is not None and seat.region_id in above
                for seat in audits
            )
        )
    )


def region_parents(uow: UnitOfWork) -> dict[UUID, UUID | None]:
    """The region tree of the company: each region with its parent."""
    rows = uow.connection.execute(
        select(region.c.id, region.c.parent_id).where(region.c.company_id == uow.company_id)
    )
    return {row.id: row.parent_id for row in rows}


def _held_by(company_id: int, person_id: UUID, today: date) -> Select[UUID]:
    return select(occupancy.c.position_id).where(
        occupancy.c.company_id == company_id,
        occupancy.c.person_id == person_id,
        occupancy.c.starts_on <= today,
        or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= today),
    )


def _at_or_below(company_id: int, roots: Select[UUID], name: str) -> CTE:
    tree = roots.with_only_columns(roots.selected_columns[0].label("id")).cte(name, recursive=True)
    # `union`, not `union all`: it also ends on a tree that somebody bent into a ring.
    return tree.union(
        select(region.c.id)
        .join(tree, region.c.parent_id == tree.c.id)
        .where(region.c.company_id == company_id)
    )


def _at_or_above(region_id: UUID, parents: Mapping[UUID, UUID | None]) -> frozenset[UUID]:
    above: set[UUID] = set()
    place: UUID | None = region_id
    while place is not None and place not in above:
        above.add(place)
        place = parents.get(place)
    return frozenset(above)
