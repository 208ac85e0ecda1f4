"""What a company is made of, set and changed by hand: regions and positions.

Each change is logged, and who is concerned is re-scoped, in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from shapely.errors import ShapelyError
from sqlalchemy import insert, select, update

from server.identity.change_log import Actor, log_change
from server.planning.errors import CodeTaken, FieldInvalid, NoSuchPosition, NoSuchRegion
from server.planning.phones import rescope_people
from server.planning.regions import trouble_with
from sync.geo import boundaries_of
from sync.organisation import ROLES, position, region
from sync.scope import people_concerned, rescope, take_turn
from sync.unit_of_work import UnitOfWork

CODE_LENGTH_MAX = 40
NAME_LENGTH_MAX = 200

_AROUND = """
with recursive above as (
    select id, parent_id from region where company_id = :company and id = :region
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id
    where r.company_id = :company
)
select p.id from position p join above a on a.id = p.region_id where p.company_id = :company
"""


def add_region(
    uow: UnitOfWork,
    actor: Actor,
    *,
    code: str,
    name: str,
    today: date,
    above: UUID | None = None,
    boundary: Mapping[str, Any] | None = None,
) -> UUID:
    """A new region below another, or at the top. `boundary` is GeoJSON, WGS-84 degrees.

    Raises CodeTaken, FieldInvalid.
    """
    take_turn(uow)
    values: dict[str, Any] = {
        "parent_id": above,
        "code": _checked_code(code),
        "name": _checked_name(name),
        "boundary": None if boundary is None else _checked_boundary(boundary),
    }
    _must_be_free(uow, region, values["code"])
    region_id = uuid4()
    uow.connection.execute(insert(region).values(company_id=uow.company_id, id=region_id, **values))
    has_boundary = boundary is not None
    told = {**values, "boundary": "given" if has_boundary else None}
    log_change(uow, actor, "region.add", "region", region_id, after=told)
    around = uow.rows(_AROUND, company=uow.company_id, region=region_id)
    rescope(uow, people_concerned(uow, [row.id for row in around]), today)
    return region_id


def edit_region(
    uow: UnitOfWork,
    actor: Actor,
    region_id: UUID,
    *,
    name: str | None = None,
    boundary: Mapping[str, Any] | None = None,
) -> None:
    """Give a region another name or boundary; what is not given stays.

    Stores stay in the region that they were put into; whoever clocks in from now on is measured
    by the new boundary. Raises NoSuchRegion, FieldInvalid.
    """
    held = _locked(uow, region, region_id)
    if held is None:
        raise NoSuchRegion("there is no such region in this company")
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _checked_name(name)
    if boundary is not None:
        values["boundary"] = _checked_boundary(boundary)
    values = {key: value for key, value in values.items() if value != held[key]}
    if not values:
        return
    _set(uow, region, region_id, values)
    before, after = ({key: row[key] for key in values} for row in (held, values))
    log_change(uow, actor, "region.edit", "region", region_id, before=before, after=after)


def add_position(
    uow: UnitOfWork,
    actor: Actor,
    *,
    code: str,
    name: str,
    role: str,
    region_id: UUID,
    today: date,
) -> UUID:
    """A new position in a region, held by nobody yet. Raises CodeTaken, FieldInvalid."""
    if role not in ROLES:
        raise FieldInvalid(f"role: one of {', '.join(ROLES)}")
    take_turn(uow)
    values: dict[str, Any] = {
        "code": _checked_code(code),
        "name": _checked_name(name),
        "role": role,
        "region_id": region_id,
    }
    _must_be_free(uow, position, values["code"])
    position_id = uuid4()
    uow.connection.execute(
        insert(position).values(company_id=uow.company_id, id=position_id, **values)
    )
    log_change(uow, actor, "position.add", "position", position_id, after=values)
    rescope(uow, people_concerned(uow, [position_id]), today)
    return position_id


def edit_position(
    uow: UnitOfWork,
    actor: Actor,
    position_id: UUID,
    *,
    today: date,
    name: str | None = None,
    region_id: UUID | None = None,
) -> None:
    """Give a position another name, or move it to another region; what is not given stays.

    Its routes and stores stay its own: they come to who oversees the new region, and go from who
    oversaw the old one. Raises NoSuchPosition, FieldInvalid, PhoneTooFull.
    """
    take_turn(uow)
    held = _locked(uow, position, position_id)
    if held is None:
        raise NoSuchPosition("there is no such position in this company")
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _checked_name(name)
    if region_id is not None:
        values["region_id"] = region_id
    values = {key: value for key, value in values.items() if value != held[key]}
    if not values:
        return
    overseen = people_concerned(uow, [position_id])
    _set(uow, position, position_id, values)
    rescope_people(uow, overseen | people_concerned(uow, [position_id]), today)
    before, after = ({key: row[key] for key in values} for row in (held, values))
    log_change(uow, actor, "position.edit", "position", position_id, before=before, after=after)


def region_by_code(uow: UnitOfWork, code: str) -> UUID:
    """The region with this code. Raises NoSuchRegion."""
    found = _by_code(uow, region, code)
    if found is None:
        raise NoSuchRegion(f"there is no region {code!r} in this company")
    return found


def _by_code(uow: UnitOfWork, table: Any, code: str) -> UUID | None:
    found: UUID | None = uow.connection.execute(
        select(table.c.id).where(table.c.company_id == uow.company_id, table.c.code == code.strip())
    ).scalar_one_or_none()
    return found


def _locked(uow: UnitOfWork, table: Any, id_: UUID) -> dict[str, Any] | None:
    """The row, locked until the transaction ends, by column."""
    row = uow.connection.execute(
        select(table)
        .where(table.c.company_id == uow.company_id, table.c.id == id_)
        .with_for_update(key_share=True)
    ).one_or_none()
    return None if row is None else dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def _set(uow: UnitOfWork, table: Any, id_: UUID, values: Mapping[str, Any]) -> None:
    uow.connection.execute(
        update(table).where(table.c.company_id == uow.company_id, table.c.id == id_).values(values)
    )


def _must_be_free(uow: UnitOfWork, table: Any, code: str) -> None:
    # Two who take the same one at once meet at the unique key; the second is told by its error.
    if _by_code(uow, table, code) is not None:
        raise CodeTaken(f"there is a {table.name} {code} already")


def _checked_code(code: str) -> str:
    clean = code.strip()
    if not 1 <= len(clean) <= CODE_LENGTH_MAX or not clean.isprintable() or " " in clean:
        raise FieldInvalid(f"code: 1 to {CODE_LENGTH_MAX} printable characters without a space")
    return clean


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= NAME_LENGTH_MAX or not clean.isprintable():
        raise FieldInvalid(f"name: 1 to {NAME_LENGTH_MAX} printable characters")
    return clean


def _checked_boundary(boundary: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        is_area = boundary["type"] in {"Polygon", "MultiPolygon"} and bool(boundaries_of(boundary))
        trouble = trouble_with(boundary) if is_area else None
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, ShapelyError):
        is_area = False
    if not is_area:
        raise FieldInvalid("boundary: a GeoJSON Polygon or MultiPolygon in WGS-84 degrees")
    if trouble is not None:
        raise FieldInvalid(f"boundary: {trouble}")
    return boundary
