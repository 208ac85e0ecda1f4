"""What a company is made of, set and changed by hand: regions and positions.

Each change is logged, and who is concerned is re-scoped, in the caller's transaction.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

from shapely.errors import ShapelyError
from sqlalchemy import insert, select, update

from server.identity.admins import keep_an_admin
from server.identity.change_log import Actor, log_change
from server.language import Said
from server.planning.errors import (
    BoundaryInvalid,
    CodeTaken,
    FieldInvalid,
    NoSuchDivision,
    NoSuchPosition,
    NoSuchRegion,
)
from server.planning.phones import rescope_people
from server.planning.region_notices import bring_notices_up, notices_above
from server.planning.regions import find_trouble
from sync.geo import boundaries_of
from sync.organisation import ROLES, division, position, region
from sync.scope import people_concerned, rescope, take_turn
from sync.unit_of_work import UnitOfWork

CODE_LENGTH_MAX = 40
NAME_LENGTH_MAX = 200
CORNERS_MAX = 50_000

NO_BOUNDARY: Mapping[str, Any] = MappingProxyType({})
"""What `edit_region` takes for a region that shall have none."""

_AROUND = """
with recursive above as (
    select id, parent_id from region where company_id = :company and id = :region
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id
    where r.company_id = :company
)
select p.id from position p join above a on a.id = p.region_id where p.company_id = :company
"""
_ABOVE = """
with recursive above as (
    select id, parent_id from region where company_id = :company and id = :region
    union
    select r.id, r.parent_id from region r join above a on r.id = a.parent_id
    where r.company_id = :company
) select id from above
"""
_SEATS_BELOW = """
with recursive below as (
    select id from region where company_id = :company and id = :region
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select p.id from position p join below b on b.id = p.region_id where p.company_id = :company
"""
_SEATS_OF_NO_DIVISION = (
    "select id from position where company_id = :company and division_id is null"
)


def add_region(
    uow: UnitOfWork,
    actor: Actor,
    *,
    code: str,
    name: str,
    today: date,
    above: UUID | None = None,
    boundary: Mapping[str, Any] | None = None,
    region_id: UUID | None = None,
) -> UUID:
    """A new region below another, or at the top. `boundary` is GeoJSON, WGS-84 degrees.

    Raises CodeTaken, FieldInvalid.
    """
    take_turn(uow)
    values: dict[str, Any] = {
        "parent_id": above,
        "code": _checked_code(code),
        "name": _checked_name(name),
        "boundary": None if boundary is None else checked_boundary(boundary),
    }
    _must_be_free(uow, region, values["code"])
    region_id = region_id or uuid4()
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
    code: str | None = None,
    name: str | None = None,
    boundary: Mapping[str, Any] | None = None,
) -> None:
    """Give a region another code, name or boundary; what is not given stays. `NO_BOUNDARY` takes it away.

    Stores stay in the region that they were put into (`region_changes` moves them); whoever clocks in
    from now on is measured by the new boundary. Raises NoSuchRegion, CodeTaken, FieldInvalid.
    """
    held = _locked(uow, region, region_id)
    if held is None:
        raise NoSuchRegion(Said("there is no such region in this company"))
    values: dict[str, Any] = {}
    if code is not None:
        values["code"] = _checked_code(code)
        if values["code"] != held["code"]:
            _must_be_free(uow, region, values["code"])
    if name is not None:
        values["name"] = _checked_name(name)
    if boundary is not None:
        values["boundary"] = None if boundary is NO_BOUNDARY else checked_boundary(boundary)
    _change(uow, actor, region, region_id, held, values)


def move_region(
    uow: UnitOfWork, actor: Actor, region_id: UUID, *, above: UUID | None, today: date
) -> None:
    """Make a region part of another one, or of none, with all that is below it.

    What is in it comes to who oversees the new place, and goes from who oversaw the old one. Raises
    NoSuchRegion, FieldInvalid where it would be part of itself, PhoneTooFull.
    """
    take_turn(uow)
    held = _locked(uow, region, region_id)
    if held is None or (above is not None and _locked(uow, region, above) is None):
        raise NoSuchRegion(Said("there is no such region in this company"))
    if held["parent_id"] == above:
        return
    if above is not None and region_id in {
        row.id for row in uow.rows(_ABOVE, company=uow.company_id, region=above)
    }:
        raise FieldInvalid(Said("above: {code} would be part of itself", code=held["code"]))
    seats = [row.id for row in uow.rows(_SEATS_BELOW, company=uow.company_id, region=region_id)]
    around = [row.id for row in uow.rows(_AROUND, company=uow.company_id, region=region_id)]
    overseen = people_concerned(uow, [*seats, *around])
    notices = notices_above(uow, [region_id], today)
    _change(uow, actor, region, region_id, held, {"parent_id": above}, action="region.move")
    around = [row.id for row in uow.rows(_AROUND, company=uow.company_id, region=region_id)]
    rescope_people(uow, overseen | people_concerned(uow, around), today)
    bring_notices_up(uow, notices | notices_above(uow, [region_id], today), today)


def add_position(
    uow: UnitOfWork,
    actor: Actor,
    *,
    code: str,
    name: str,
    role: str,
    region_id: UUID,
    today: date,
    division_id: UUID | None = None,
) -> UUID:
    """A new position in a region, held by nobody yet; of a division, or of all. Raises CodeTaken,
    FieldInvalid, NoSuchRegion, NoSuchDivision.
    """
    take_turn(uow)
    _must_be_there(uow, region_id, division_id)
    values: dict[str, Any] = {
        "code": _checked_code(code),
        "name": _checked_name(name),
        "role": _checked_role(role),
        "region_id": region_id,
        "division_id": division_id,
    }
    _must_be_free(uow, position, values["code"])
    position_id = uuid4()
    uow.connection.execute(
        insert(position).values(company_id=uow.company_id, id=position_id, **values)
    )
    log_change(uow, actor, "position.add", "position", position_id, after=values)
    rescope(uow, people_concerned(uow, [position_id]), today)
    bring_notices_up(uow, notices_above(uow, [region_id], today), today)
    return position_id


AS_IT_IS = UUID(int=0)
"""The division that an edit leaves as it is; None would take it away."""


def edit_position(
    uow: UnitOfWork,
    actor: Actor,
    position_id: UUID,
    *,
    today: date,
    code: str | None = None,
    name: str | None = None,
    role: str | None = None,
    region_id: UUID | None = None,
    division_id: UUID | None = AS_IT_IS,
) -> None:
    """Give a position another code, name, role or division, or move it to another region; what is not
    given stays.

    Its routes and stores stay its own: they come to who oversees the new region, and go from who
    oversaw the old one. Raises NoSuchPosition, NoSuchRegion, NoSuchDivision, CodeTaken, FieldInvalid,
    PhoneTooFull. The transaction ends in LastAdmin where nobody would be admin.
    """
    take_turn(uow)
    if role is not None:
        keep_an_admin(uow, today)
    _must_be_there(uow, region_id, None if division_id == AS_IT_IS else division_id)
    held = _locked(uow, position, position_id)
    if held is None:
        raise NoSuchPosition(Said("there is no such position in this company"))
    values: dict[str, Any] = {}
    if code is not None:
        values["code"] = _checked_code(code)
        if values["code"] != held["code"]:
            _must_be_free(uow, position, values["code"])
    if name is not None:
        values["name"] = _checked_name(name)
    if role is not None:
        values["role"] = _checked_role(role)
    if region_id is not None:
        values["region_id"] = region_id
    if division_id != AS_IT_IS:
        values["division_id"] = division_id
    overseen = people_concerned(uow, [position_id])
    if _change(uow, actor, position, position_id, held, values):
        rescope_people(uow, overseen | people_concerned(uow, [position_id]), today)
        if values.get("region_id", held["region_id"]) != held["region_id"]:
            moved = notices_above(uow, [held["region_id"], region_id], today)
            bring_notices_up(uow, moved, today)


def region_by_code(uow: UnitOfWork, code: str) -> UUID:
    """The region with this code. Raises NoSuchRegion."""
    found = _by_code(uow, region, code)
    if found is None:
        raise NoSuchRegion(Said("there is no region {code!r} in this company", code=code))
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


def _change(
    uow: UnitOfWork,
    actor: Actor,
    table: Any,
    id_: UUID,
    held: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    action: str | None = None,
) -> bool:
    """Set what differs and log it; whether anything does."""
    differing = {key: value for key, value in values.items() if value != held[key]}
    if differing:
        _set(uow, table, id_, differing)
        before = {key: held[key] for key in differing}
        done = action or f"{table.name}.edit"
        log_change(uow, actor, done, table.name, id_, before=before, after=differing)
    return bool(differing)


def _must_be_there(uow: UnitOfWork, region_id: UUID | None, division_id: UUID | None) -> None:
    if region_id is not None and _locked(uow, region, region_id) is None:
        raise NoSuchRegion(Said("there is no such region in this company"))
    if division_id is not None and _locked(uow, division, division_id) is None:
        raise NoSuchDivision(Said("there is no such division in this company"))


def _must_be_free(uow: UnitOfWork, table: Any, code: str) -> None:
    # Two who take the same one at once meet at the unique key; the second is told by its error.
    if _by_code(uow, table, code) is not None:
        raise CodeTaken(Said("there is a {what} {code} already", what=Said(table.name), code=code))


def _checked_code(code: str) -> str:
    clean = code.strip()
    if not 1 <= len(clean) <= CODE_LENGTH_MAX or not clean.isprintable() or " " in clean:
        raise FieldInvalid(
            Said("code: 1 to {most} printable characters without a space", most=CODE_LENGTH_MAX)
        )
    return clean


def _checked_role(role: str) -> str:
    if role not in ROLES:
        raise FieldInvalid(Said("role: one of {choices}", choices=", ".join(ROLES)))
    return role


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= NAME_LENGTH_MAX or not clean.isprintable():
        raise FieldInvalid(Said("name: 1 to {most} printable characters", most=NAME_LENGTH_MAX))
    return clean


def checked_boundary(boundary: Mapping[str, Any]) -> Mapping[str, Any]:
    """The boundary, where it is one. Raises BoundaryInvalid."""
    try:
        is_area = boundary["type"] in {"Polygon", "MultiPolygon"} and bool(boundaries_of(boundary))
        trouble = find_trouble(boundary) if is_area else None
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, ShapelyError):
        is_area = False
    if not is_area:
        raise BoundaryInvalid(
            Said("a GeoJSON Polygon or MultiPolygon in WGS-84 degrees"), "no_area"
        )
    if trouble is not None:
        raise BoundaryInvalid(trouble.said, "trouble", at=trouble.at, what=trouble.what)
    if _corners(boundary["coordinates"]) > CORNERS_MAX:
        raise BoundaryInvalid(
            Said("at most {most} corners", most=CORNERS_MAX), "corners", most=CORNERS_MAX
        )
    return boundary


def _corners(coordinates: Any) -> int:
    """How many positions there are in the coordinates of a polygon or several."""
    is_ring = bool(coordinates) and isinstance(coordinates[0][0], int | float)
    return len(coordinates) if is_ring else sum(_corners(part) for part in coordinates)
