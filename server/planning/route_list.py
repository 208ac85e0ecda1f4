"""Routes as those who look after them see them: whose they are, which stores, by which rules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.identity.prefixes import ids_that_begin
from server.language import Said
from server.planning.errors import NoSuchRoute, StopsInvalid
from server.planning.named_stores import StoreNamed, named_stores
from server.planning.rules import Stop
from sync.unit_of_work import UnitOfWork

_SELECT = """
select r.id, r.name, r.is_active, r.position_id, p.code as position_code
from route r join position p on p.company_id = r.company_id and p.id = r.position_id
where r.company_id = :company and (r.is_active or :ended)
  and (cast(:position as uuid) is null or r.position_id = :position)
"""
_LIST = f"{_SELECT} order by p.code, r.name, r.is_active desc, r.id limit :at_most"
_NAMED = f"{_SELECT} and r.name = :name order by p.code, r.id limit :at_most"
_BEGUN = f"{_SELECT} and r.id between :first and :last order by p.code, r.id limit :at_most"
_STOPS = """
select route_id, store_id, rule from route_stop
where company_id = :company and route_id = any(:routes) order by route_id, sequence
"""
_NAMED_AT_MOST = 10
# Routes have names like "1", "B" or "E2", and people mistype them.
_ID_DIGITS_MIN = 6


@dataclass(frozen=True, slots=True)
class StopListed:
    """A stop of a route, in its order."""

    store_id: UUID
    store: StoreNamed
    rule: dict[str, Any]


@dataclass(frozen=True, slots=True)
class RouteListed:
    """A route with all its stops."""

    id: UUID
    name: str
    position_id: UUID
    position_code: str
    is_active: bool
    stops: tuple[StopListed, ...]


def list_routes(
    uow: UnitOfWork,
    *,
    position_id: UUID | None = None,
    is_with_ended: bool = False,
    at_most: int = 100,
) -> list[RouteListed]:
    """Routes by position and name. Three queries."""
    rows = uow.rows(
        _LIST, company=uow.company_id, position=position_id, ended=is_with_ended, at_most=at_most
    )
    return _with_stops(uow, rows)


def find_route(uow: UnitOfWork, named: str, position_id: UUID | None = None) -> RouteListed:
    """The active route with this name; where none has it, the one whose id begins like this.

    Raises NoSuchRoute. A name wins over every id, and few letters are no id.
    """
    asked = {
        "company": uow.company_id,
        "position": position_id,
        "ended": False,
        "at_most": _NAMED_AT_MOST,
    }
    rows = uow.rows(_NAMED, **asked, name=" ".join(named.split()))
    begin = ids_that_begin(named, digits_min=_ID_DIGITS_MIN)
    if not rows and begin is not None:
        rows = uow.rows(_BEGUN, **asked, first=begin[0], last=begin[1])
    if not rows:
        raise NoSuchRoute(Said("there is no active route {named!r} in this company", named=named))
    if len(rows) > 1:
        which = ", ".join(f"{row.position_code} {str(row.id)[:8]}" for row in rows)
        raise NoSuchRoute(
            Said(
                "several routes are {named!r}: name the --position, or an id of {which}",
                named=named,
                which=which,
            )
        )
    return _with_stops(uow, rows)[0]


def ruled_stops(
    uow: UnitOfWork,
    store_ids: Sequence[UUID],
    rules: dict[UUID, dict[str, Any]],
    rule: dict[str, Any] | None = None,
) -> list[Stop]:
    """These stores as stops: by `rule`, else each by the one that it has in `rules`.

    A store that has none goes by the one rule that all of `rules` share. Raises StopsInvalid,
    naming the store, where they differ.
    """
    shared = next(iter(rules.values()), None)
    if any(each != shared for each in rules.values()):
        shared = None
    stops = [(id_, rule or rules.get(id_, shared)) for id_ in store_ids]
    without = [id_ for id_, found in stops if found is None]
    if without:
        named = named_stores(uow, without)[without[0]]
        raise StopsInvalid(
            Said("{named} is new here, and the others have no one rule: say its own", named=named)
        )
    return [Stop(id_, found) for id_, found in stops if found is not None]


def _with_stops(uow: UnitOfWork, rows: Sequence[Any]) -> list[RouteListed]:
    held: dict[UUID, list[Any]] = {row.id: [] for row in rows}
    for stop in uow.rows(_STOPS, company=uow.company_id, routes=list(held)):
        held[stop.route_id].append(stop)
    names = named_stores(uow, (stop.store_id for stops in held.values() for stop in stops))
    return [
        RouteListed(
            id=row.id,
            name=row.name,
            position_id=row.position_id,
            position_code=row.position_code,
            is_active=row.is_active,
            stops=tuple(
                StopListed(stop.store_id, names[stop.store_id], stop.rule) for stop in held[row.id]
            ),
        )
        for row in rows
    ]
