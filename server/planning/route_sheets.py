"""A position's routes with all that somebody needs to plan them: stores with their pins, rules, who else has them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from server.language import Said
from server.planning.errors import NoSuchRoute
from server.planning.positions import (
    SEEN_STORES,
    check_positions_seen,
    check_route_seen,
    stores_seen,
)
from sync.unit_of_work import UnitOfWork

FOUND_MAX = 50
# More than a map of stores can show one by one: they are counted by the cells of a grid then.
PLACED_MAX = 1_000
CELLS_MAX = 24

_ROUTES = """
select r.id, r.name, r.position_id, r.is_active, p.code as position_code
from route r join position p on p.company_id = r.company_id and p.id = r.position_id
where r.company_id = :company and (r.id = cast(:route as uuid)
      or (r.position_id = cast(:position as uuid) and r.is_active))
order by r.name, r.id
"""
_STOPS = """
select s.route_id, s.store_id, s.rule, t.code, t.name, t.channel, t.store_class, t.status,
       t.lat_e7, t.lon_e7
from route_stop s join store t on t.company_id = s.company_id and t.id = s.store_id
where s.company_id = :company and s.route_id = any(:routes) order by s.route_id, s.sequence
"""
_STORE = """
select t.id, t.code, t.name, t.channel, t.store_class, t.address, t.lat_e7, t.lon_e7,
       g.name as region, o.code as owner,
       array(select distinct q.code || ' ' || r.name from route_stop s
             join route r on r.company_id = s.company_id and r.id = s.route_id and r.is_active
             join position q on q.company_id = r.company_id and q.id = r.position_id
             where s.company_id = t.company_id and s.store_id = t.id
             order by 1 limit 5) as routes
from {source} t
left join region g on g.company_id = t.company_id and g.id = t.region_id
left join position o on o.company_id = t.company_id and o.id = t.position_id
"""
_FOUND = f"""
{SEEN_STORES}, below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
{_STORE.format(source="seen_store")}
where t.status = 'ACTIVE'
  and (cast(:words as text) is null or t.code ilike :words or t.name ilike :words
       or t.address ilike :words)
  and (cast(:region as uuid) is null or t.region_id in (select id from below))
  and (cast(:position as uuid) is null or t.position_id = :position
       or exists (select from route_stop s
                  join route r on r.company_id = s.company_id and r.id = s.route_id and r.is_active
                  where s.company_id = t.company_id and s.store_id = t.id
                    and r.position_id = :position))
  and (not :is_free or (t.position_id is null and not exists (
       select from route_stop s
       join route r on r.company_id = s.company_id and r.id = s.route_id and r.is_active
       where s.company_id = t.company_id and s.store_id = t.id)))
  and (cast(:after_name as text) is null or (t.name, t.id) > (:after_name, cast(:after_id as uuid)))
order by t.name, t.id limit :at_most
"""  # noqa: S608  put together from constants, above

_PLACED = f"""
{SEEN_STORES}
select t.id, t.code, t.name, t.lat_e7, t.lon_e7,
       coalesce(o.code, (
           select min(q.code) from route_stop s
           join route r on r.company_id = s.company_id and r.id = s.route_id and r.is_active
           join position q on q.company_id = r.company_id and q.id = r.position_id
           where s.company_id = t.company_id and s.store_id = t.id)) as owner
from seen_store t
left join position o on o.company_id = t.company_id and o.id = t.position_id
where t.status = 'ACTIVE' and t.lat_e7 between :south and :north and t.lon_e7 between :west and :east
order by t.id
"""  # noqa: S608


# The grid lies still under the map: a cell has the same stores wherever the map was moved to.
_COUNTED = f"""
{SEEN_STORES}
select round(avg(t.lat_e7))::int as lat_e7, round(avg(t.lon_e7))::int as lon_e7, count(*)::int as stores,
       min(t.lat_e7) as south, min(t.lon_e7) as west, max(t.lat_e7) as north, max(t.lon_e7) as east
from seen_store t
where t.status = 'ACTIVE' and t.lat_e7 between :south and :north and t.lon_e7 between :west and :east
group by floor(t.lat_e7 / cast(:high as float8)), floor(t.lon_e7 / cast(:wide as float8))
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class SheetStop:
    """A stop of a route with its store."""

    store_id: UUID
    code: str | None
    name: str
    channel: str
    store_class: str | None
    is_active: bool
    lat_e7: int | None
    lon_e7: int | None
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RouteSheet:
    """A route as it is; `basis` names this state of it, for whoever changes what they saw."""

    id: UUID
    name: str
    position_id: UUID
    position_code: str
    is_active: bool
    stops: tuple[SheetStop, ...]

    @property
    def basis(self) -> str:
        return basis_of(
            self.name, self.position_id, [(stop.store_id, stop.rule) for stop in self.stops]
        )


@dataclass(frozen=True, slots=True)
class StoreFound:
    """A store that could be put on a route: where it lies, whose it is, and which routes have it."""

    id: UUID
    code: str | None
    name: str
    channel: str
    store_class: str | None
    address: str
    lat_e7: int | None
    lon_e7: int | None
    region: str | None
    owner: str | None
    routes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StorePlaced:
    """A store on the map, and the code of the position that it belongs to, else of one whose route has it."""

    id: UUID
    code: str | None
    name: str
    lat_e7: int
    lon_e7: int
    owner: str | None


@dataclass(frozen=True, slots=True)
class StoresCounted:
    """So many stores lie around this place, and between these edges."""

    lat_e7: int
    lon_e7: int
    stores: int
    south: int
    west: int
    north: int
    east: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSearch:
    """Which stores are looked for; `is_free` are those that belong to no position and are on no route."""

    words: str = ""
    region_id: UUID | None = None
    position_id: UUID | None = None
    is_free: bool = False


def basis_of(name: str, position_id: UUID, stops: Sequence[tuple[UUID, Mapping[str, Any]]]) -> str:
    """What names a state of a route: the same for the same name, position and stops only."""
    told = [name, str(position_id), [[str(id_), dict(rule)] for id_, rule in stops]]
    return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def read_position_routes(
    uow: UnitOfWork, position_id: UUID, *, today: date, asker_id: UUID | None
) -> list[RouteSheet]:
    """The active routes of a position, by name. Raises NoSuchPosition. Three queries."""
    check_positions_seen(uow, [position_id], today=today, asker_id=asker_id)
    return _sheets(uow, position_id=position_id)


def read_route(
    uow: UnitOfWork, route_id: UUID, *, today: date, asker_id: UUID | None
) -> RouteSheet:
    """A route, ended or not. Raises NoSuchRoute. Four queries."""
    check_route_seen(uow, route_id, today=today, asker_id=asker_id)
    found = _sheets(uow, route_id=route_id)
    if not found:
        raise NoSuchRoute(Said("there is no such route in this company"))
    return found[0]


def find_stores(
    uow: UnitOfWork,
    search: StoreSearch,
    *,
    today: date,
    asker_id: UUID | None,
    after: tuple[str, UUID] | None = None,
    at_most: int = FOUND_MAX,
) -> list[StoreFound]:
    """Active stores that the asker may see, by name. At most three queries."""
    words = " ".join(search.words.split())[:100]
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = uow.rows(
        _FOUND,
        **stores_seen(uow, today=today, asker_id=asker_id),
        words=f"%{escaped}%" if words else None,
        region=search.region_id,
        position=search.position_id,
        is_free=search.is_free,
        after_name=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [
        StoreFound(
            row.id,
            row.code,
            row.name,
            row.channel,
            row.store_class,
            row.address,
            row.lat_e7,
            row.lon_e7,
            row.region,
            row.owner,
            tuple(row.routes),
        )
        for row in rows
    ]


def place_stores(
    uow: UnitOfWork,
    box: tuple[int, int, int, int],
    *,
    today: date,
    asker_id: UUID | None,
    cells: tuple[int, int] = (CELLS_MAX, CELLS_MAX),
    at_most: int = PLACED_MAX,
) -> tuple[list[StorePlaced], list[StoresCounted]]:
    """Active stores that the asker may see in a box of south, west, north, east, degrees × 10⁷; where there are more than
    so many, none of them, but how many lie where, in so many cells from south to north and from west to east at most.
    At most four queries.
    """
    south, west, north, east = box
    seen = stores_seen(uow, today=today, asker_id=asker_id)
    here = {"south": south, "west": west, "north": north, "east": east}
    rows = uow.rows(
        _COUNTED,
        **seen,
        **here,
        high=_cell(north - south, cells[0]),
        wide=_cell(east - west, cells[1]),
    )
    counted = [StoresCounted(*row) for row in rows]
    if sum(one.stores for one in counted) > at_most:
        return [], counted
    return [StorePlaced(*row) for row in uow.rows(_PLACED, **seen, **here)], []


def _cell(span: int, cells: int) -> int:
    """The side of a cell, of which so many at most go into a span: a power of two, so that zooming halves cells."""
    return 1 << max(0, -(-span // cells) - 1).bit_length()


def _sheets(
    uow: UnitOfWork, *, position_id: UUID | None = None, route_id: UUID | None = None
) -> list[RouteSheet]:
    rows = uow.rows(_ROUTES, company=uow.company_id, position=position_id, route=route_id)
    stops: dict[UUID, list[SheetStop]] = {row.id: [] for row in rows}
    for stop in uow.rows(_STOPS, company=uow.company_id, routes=list(stops)):
        stops[stop.route_id].append(
            SheetStop(
                stop.store_id,
                stop.code,
                stop.name,
                stop.channel,
                stop.store_class,
                stop.status == "ACTIVE",
                stop.lat_e7,
                stop.lon_e7,
                stop.rule,
            )
        )
    return [
        RouteSheet(
            row.id,
            row.name,
            row.position_id,
            row.position_code,
            row.is_active,
            tuple(stops[row.id]),
        )
        for row in rows
    ]
