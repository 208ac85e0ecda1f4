"""Regions as people in the office draw them: name, place in the tree and line as one change, with the stores that change
sides and what that does to phones.

Each takes the asker, and the basis that the asker saw. `rehearse_region` makes a change, keeps what it did, and takes it back.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from server.identity.change_log import Actor
from server.language import Said
from server.planning.errors import ManyStores, NoSuchRegion, Outdated
from server.planning.organisation import (
    NO_BOUNDARY,
    add_region,
    checked_boundary,
    edit_region,
    move_region,
)
from server.planning.phones import PhoneEffect, phone_effects, watch_phones
from server.planning.region_lines import (
    Lines,
    Redrawn,
    box_of,
    changed_ground,
    lines_at,
    points_on,
    redraw,
)
from server.planning.region_list import RegionReach, find_region, region_reach
from server.planning.regions import RegionLine, lowest_regions, read_lines
from server.planning.stores import change_stores
from sync.geo import Point
from sync.scope import take_turn
from sync.unit_of_work import Database, UnitOfWork

# So many stores are written by one statement, and between them it is told how far it is.
STORES_AT_ONCE = 500

_STORES = """
select id, region_id, lat_e7, lon_e7 from store
where company_id = :company and status in ('ACTIVE', 'CLOSED')
  and lat_e7 between :south and :north and lon_e7 between :west and :east
"""
_COMPANIONS = (
    "select distinct id from companion where company_id = :company and lead_id = any(:ids)"
)
# The seats in these regions and above: their people, and those above them, see what is in the regions.
_AROUND = """
with recursive above as (
    select id, parent_id from region where company_id = :company and id = any(:regions)
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id
    where r.company_id = :company
)
select p.id from position p join above a on a.id = p.region_id where p.company_id = :company
"""
# What moves with a region: its own key, those of all below, of their seats and of the routes of these.
_KEYS_BELOW = """
with recursive below as (
    select id from region where company_id = :company and id = :region
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
), seat as (
    select p.id from position p join below b on b.id = p.region_id where p.company_id = :company
)
select id, false as is_seat from below union all select id, true from seat
union all select r.id, false from route r join seat s on s.id = r.position_id
where r.company_id = :company and r.is_active
"""


@dataclass(frozen=True, slots=True)
class Moving:
    """How stores change sides: at most so many, where it is bounded, and who is told how many did, of how many."""

    at_most: int | None = None
    note: Callable[[int, int], None] = lambda _done, _to_do: None


MOVING = Moving()


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionAsked:
    """A region as somebody wants it; `boundary` is GeoJSON in WGS-84 degrees, None where it has none.

    `makes_room`: regions beside it give up what it takes, those above grow around it. `stores_follow`: stores
    that lay where the lines said lie where they say then; those that were put elsewhere by hand stay there.
    """

    code: str
    name: str
    above: UUID | None
    boundary: Mapping[str, Any] | None
    makes_room: bool = True
    stores_follow: bool = True


@dataclass(frozen=True, slots=True)
class StoresMoved:
    """So many stores leave one region for another."""

    from_name: str | None
    to_name: str
    number: int


@dataclass(frozen=True, slots=True)
class RegionChange:
    """What a change of a region does.

    `by_hand` stores lie on the ground and stay in the region that they were put into; `elsewhere` ones would change
    from or to a region that is not within reach, and stay; `outside` ones lie in no region's line any more, and stay.
    """

    region_id: UUID
    effects: tuple[PhoneEffect, ...]
    moved: tuple[StoresMoved, ...]
    by_hand: int
    elsewhere: int
    outside: int
    redrawn: Redrawn

    @property
    def stores(self) -> int:
        """How many stores change their region."""
        return sum(each.number for each in self.moved)


def rehearse_region(
    database: Database, company_id: int, change: Callable[[UnitOfWork], RegionChange]
) -> RegionChange:
    """Make the change with all that follows, note what it did, and take it back. Raises what the change raises."""
    return database.rehearse(company_id, change)


def change_region(
    uow: UnitOfWork,
    actor: Actor,
    region_id: UUID,
    asked: RegionAsked,
    *,
    basis: str,
    today: date,
    asker_id: UUID | None,
    moving: Moving = MOVING,
) -> RegionChange:
    """Give a region this code, name, place and line, as one change.

    Raises NoSuchRegion, Outdated, CodeTaken, FieldInvalid, PhoneTooFull, ManyStores.
    """
    take_turn(uow)
    reach = region_reach(uow, asker_id, today)
    held = find_region(uow, region_id, reach)
    if held.basis != basis:
        raise Outdated(Said("somebody changed this region meanwhile: look at it as it is now"))
    is_moved = held.parent_id != asked.above
    if is_moved:
        _check_above(reach, asked.above)

    def act() -> None:
        boundary = NO_BOUNDARY if asked.boundary is None else asked.boundary
        edit_region(uow, actor, region_id, code=asked.code, name=asked.name, boundary=boundary)
        if is_moved:
            move_region(uow, actor, region_id, above=asked.above, today=today)

    below = _keys_below(uow, region_id) if is_moved else ([], [])
    concerned = {region_id, held.parent_id, asked.above} if is_moved else {region_id}
    return _redraw(uow, actor, region_id, asked, reach, act, concerned, below, moving)


def create_region(
    uow: UnitOfWork,
    actor: Actor,
    asked: RegionAsked,
    *,
    today: date,
    asker_id: UUID | None,
    moving: Moving = MOVING,
) -> RegionChange:
    """A new region, with its line drawn among the others.

    Raises NoSuchRegion, CodeTaken, FieldInvalid, PhoneTooFull, ManyStores.
    """
    take_turn(uow)
    reach = region_reach(uow, asker_id, today)
    _check_above(reach, asked.above)
    region_id = uuid4()

    def act() -> None:
        add_region(
            uow,
            actor,
            code=asked.code,
            name=asked.name,
            above=asked.above,
            boundary=asked.boundary,
            today=today,
            region_id=region_id,
        )

    within = RegionReach(
        None if reach.sees is None else reach.sees | {region_id},
        None if reach.sets is None else reach.sets | {region_id},
    )
    return _redraw(uow, actor, region_id, asked, within, act, {asked.above}, ([], []), moving)


def _redraw(
    uow: UnitOfWork,
    actor: Actor,
    region_id: UUID,
    asked: RegionAsked,
    reach: RegionReach,
    act: Callable[[], None],
    concerned: Iterable[UUID | None],
    below: tuple[list[UUID], list[UUID]],
    moving: Moving,
) -> RegionChange:
    """Do `act`, and what follows from the line; see what it did to phones."""
    before = read_lines(uow)
    boundary = None if asked.boundary is None else checked_boundary(asked.boundary)
    drawn = RegionLine(region_id, asked.code, asked.name, asked.above, boundary)
    held = before.get(region_id)
    is_same = (None if held is None else held.boundary) == boundary
    redrawn = (
        Redrawn({**before, region_id: drawn})
        if is_same
        else redraw(before, drawn, reach, makes_room=asked.makes_room)
    )
    found = _Sides() if is_same else _sides(uow, before, redrawn.lines, reach)
    if not asked.stores_follow:
        found = _Sides()
    number = len(found.moves)
    if moving.at_most is not None and number > moving.at_most:
        raise ManyStores(number)
    moving.note(0, number)
    keys, seats = below
    regions = {*concerned, *found.regions} - {None}
    around = uow.rows(_AROUND, company=uow.company_id, regions=sorted(regions, key=str))
    ids = sorted(found.moves)
    companions = uow.rows(_COMPANIONS, company=uow.company_id, ids=ids) if ids else []
    watch = watch_phones(
        uow,
        position_ids={*seats, *(row.id for row in around)},
        keys=keys,
        ids=[*ids, *(row.id for row in companions)],
    )
    act()
    for ground in (*redrawn.gave, *redrawn.grew):
        line = redrawn.lines[ground.region_id]
        assert line.boundary is not None
        edit_region(uow, actor, line.id, boundary=line.boundary)
    for start in range(0, number, STORES_AT_ONCE):
        some = ids[start : start + STORES_AT_ONCE]
        goes = {id_: {"region_id": found.moves[id_][1]} for id_ in some}
        change_stores(uow, actor, "store.move", goes)
        moving.note(start + len(some), number)
    names = {line.id: line.name for line in redrawn.lines.values()}
    counted = Counter(found.moves.values())
    return RegionChange(
        region_id,
        phone_effects(uow, watch),
        tuple(
            StoresMoved(None if from_id is None else names[from_id], names[to], number)
            for (from_id, to), number in counted.most_common()
        ),
        found.by_hand,
        found.elsewhere,
        found.outside,
        redrawn,
    )


@dataclass(slots=True)
class _Sides:
    """The stores that change sides, each from where to where; and how many stay all the same."""

    moves: dict[UUID, tuple[UUID | None, UUID]]
    by_hand: int
    elsewhere: int
    outside: int

    def __init__(self) -> None:
        self.moves = {}
        self.by_hand = self.elsewhere = self.outside = 0

    @property
    def regions(self) -> set[UUID | None]:
        return {region_id for pair in self.moves.values() for region_id in pair}


def _sides(uow: UnitOfWork, before: Lines, after: Lines, reach: RegionReach) -> _Sides:
    found = _Sides()
    ground = changed_ground(before, after)
    if ground.is_empty:
        return found
    south, west, north, east = box_of(ground)
    near = uow.rows(_STORES, company=uow.company_id, south=south, west=west, north=north, east=east)
    is_on = points_on(ground, [Point(row.lat_e7, row.lon_e7) for row in near])
    rows = [row for row, on in zip(near, is_on, strict=True) if on]
    points = [Point(row.lat_e7, row.lon_e7) for row in rows]
    was = lowest_regions(lines_at(before, ground), points)
    now = lowest_regions(lines_at(after, ground), points)
    for row, old, new in zip(rows, was, now, strict=True):
        if new in {old, row.region_id}:
            continue
        if row.region_id not in (None, old):
            found.by_hand += 1
        elif new is None:
            found.outside += 1
        elif not reach.may_see(new) or not (row.region_id is None or reach.may_see(row.region_id)):
            found.elsewhere += 1
        else:
            found.moves[row.id] = (row.region_id, new)
    return found


def _keys_below(uow: UnitOfWork, region_id: UUID) -> tuple[list[UUID], list[UUID]]:
    """The keys that move with a region, and the seats among them."""
    rows = uow.rows(_KEYS_BELOW, company=uow.company_id, region=region_id)
    return [row.id for row in rows], [row.id for row in rows if row.is_seat]


def _check_above(reach: RegionReach, above: UUID | None) -> None:
    """Raise NoSuchRegion where the region above is not theirs to put something into."""
    if not reach.may_see(above):
        raise NoSuchRegion(Said("there is no such region in this company"))
