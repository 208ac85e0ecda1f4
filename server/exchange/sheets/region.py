"""Regions: the tree of sales areas, each with its boundary where it has one."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from server.exchange.cells import Code, Json, Value, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told
from server.exchange.table import CELL_MAX
from server.identity.change_log import Actor
from server.language import Said, said_by, sentence
from server.planning.errors import FieldInvalid
from server.planning.organisation import (
    NAME_LENGTH_MAX,
    add_region,
    checked_boundary,
    edit_region,
    move_region,
)
from sync.unit_of_work import UnitOfWork

_TREE = """
select r.code, a.code as above from region r
left join region a on a.company_id = r.company_id and a.id = r.parent_id
where r.company_id = :company
"""


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Add, rename, move and bound regions, each after the one above it."""
    for change in changes:
        boundary = _boundary(change.values["boundary"])
        above = references.id_or_none("region", change.values["above"])
        if change.is_new:
            add_region(
                uow,
                actor,
                code=change.values["code"],
                name=change.values["name"],
                above=above,
                boundary=boundary,
                today=today,
            )
            continue
        if "above" in change.fields:
            move_region(uow, actor, change.id, above=above, today=today)
        edit_region(
            uow,
            actor,
            change.id,
            name=change.after("name").get("name"),
            boundary=boundary if "boundary" in change.fields else None,
        )


def check(uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """No region is part of itself, and what is inside of a boundary can be said."""
    above = {row.code: row.above for row in uow.rows(_TREE, company=uow.company_id)}
    above |= {change.values["code"]: change.values["above"] for change in changes}
    for change in changes:
        if "above" in change.fields and _is_circle(change.values["code"], above):
            yield Told(change, "above", "circle", Said("the region would be part of itself"))
        if "boundary" in change.fields and change.values["boundary"] is not None:
            try:
                checked_boundary(json.loads(change.values["boundary"]))
            except FieldInvalid as invalid:
                yield Told(change, "boundary", "not_json", said_by(invalid))


def _is_circle(code: Value, above: Mapping[Value, Value]) -> bool:
    here = above.get(code)
    for _ in range(len(above)):
        if here is None:
            return False
        if here == code:
            return True
        here = above.get(here)
    return False


def _boundary(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    read: dict[str, Any] = json.loads(text)
    return read


REGION = Sheet(
    name="region",
    about=sentence("The tree of sales areas."),
    columns=(
        Column(
            name="code", cell=Code(), about=sentence("its code"), is_required=True, is_fixed=True
        ),
        Column(
            name="name", cell=Words(NAME_LENGTH_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="above",
            cell=Code(),
            about=sentence("the region that it is part of; empty at the top"),
            refers_to="region",
        ),
        Column(
            name="boundary",
            cell=Json(CELL_MAX),
            about=sentence("a GeoJSON Polygon or MultiPolygon, WGS 84; empty leaves it"),
            keeps_when_empty=True,
        ),
    ),
    key=("code",),
    select="""
        select r.id, r.code, r.name, a.code as above, r.boundary from region r
        left join region a on a.company_id = r.company_id and a.id = r.parent_id
        where r.company_id = :company
    """,
    apply=apply,
    check=check,
    above="above",
    records_at_once=50,
)
