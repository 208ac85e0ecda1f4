"""Stores as the company sets them from above: made, described, moved, pinned, closed.

Each function takes a set, publishes the records with their keys again and logs every store, in
the caller's transaction. What is at which key follows from the store's region and position, so
moving a store moves it between phones.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID, uuid4

from psycopg.errors import UniqueViolation

from mobile_contract.records.store import (
    ADDRESS_MAX,
    CHANNEL_MAX,
    CLASSES,
    CODE_MAX,
    CONTACT_NAME_MAX,
    CONTACT_PHONE_MAX,
    DELIVERY_NOTE_MAX,
    NAME_MAX,
    OPENING_HOURS_MAX,
)
from server.field_bounds import wanted_text, wanted_whole
from server.identity.change_log import Actor, log_changes
from server.language import Said
from server.planning.errors import CodeTaken, FieldInvalid, NoSuchStore
from server.planning.routes import take_out_of_routes
from sync.kinds.store.publish import publish_stores
from sync.kinds.store_terms.publish import bring_terms_up
from sync.publish import hold
from sync.rows import array
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

# column → its type in the database
_COLUMNS = {
    "code": "text",
    "name": "text",
    "channel": "text",
    "store_class": "text",
    "address": "text",
    "contact_name": "text",
    "contact_phone": "text",
    "opening_hours": "text",
    "delivery_note": "text",
    "lat_e7": "int4",
    "lon_e7": "int4",
    "fence_radius_m": "int4",
    "region_id": "uuid",
    "position_id": "uuid",
    # The customer that pays for what it orders.
    "account_id": "uuid",
    "status": "text",
}
# text field → its least and greatest length; None may stand in where the least is 0
_LENGTHS = {
    "code": (1, CODE_MAX),
    "name": (1, NAME_MAX),
    "channel": (1, CHANNEL_MAX),
    "address": (0, ADDRESS_MAX),
    "contact_name": (0, CONTACT_NAME_MAX),
    "contact_phone": (0, CONTACT_PHONE_MAX),
    "opening_hours": (0, OPENING_HOURS_MAX),
    "delivery_note": (0, DELIVERY_NOTE_MAX),
}
_NEVER_NULL = ("name", "channel", "address", "status")
_RANGES = {
    "lat_e7": (-900_000_000, 900_000_000),
    "lon_e7": (-1_800_000_000, 1_800_000_000),
    "fence_radius_m": (10, 20_000),
}
EDITABLE = tuple(name for name in _COLUMNS if name != "status")

_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())
_LOCK = f"""
select id, {_NAMES} from store where company_id = :company and id = any(:ids)
order by id for update
"""  # noqa: S608  the names are the table's own, above
_INSERT = f"""
insert into store (company_id, id, {_NAMES})
select %s, r.* from unnest(%s::uuid[], {_ARRAYS}) as r(id, {_NAMES})
"""  # noqa: S608
_UPDATE = f"""
update store set {", ".join(f"{name} = r.{name}" for name in _COLUMNS)}
from unnest(%s::uuid[], {_ARRAYS}) as r(id, {_NAMES})
where store.company_id = %s and store.id = r.id
"""  # noqa: S608
_TAKEN = """
select code from store where company_id = :company and code = any(:codes) and id <> all(:ids)
limit 1
"""
_KNOWN = """
select (select count(*) from region where company_id = :company and id = any(:regions)),
       (select count(*) from position where company_id = :company and id = any(:positions)),
       (select count(*) from account where company_id = :company and id = any(:accounts))
"""
# What the terms of a store follow from.
_OF_TERMS = ("channel", "store_class", "region_id", "account_id", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStore:
    """A store to be made; coordinates are WGS-84, degrees × 10⁷."""

    code: str
    name: str
    channel: str
    address: str
    store_class: str | None = None
    contact_name: str | None = None
    contact_phone: str | None = None
    opening_hours: str | None = None
    delivery_note: str | None = None
    lat_e7: int | None = None
    lon_e7: int | None = None
    fence_radius_m: int | None = None
    region_id: UUID | None = None
    position_id: UUID | None = None
    account_id: UUID | None = None
    id: UUID | None = None

    def columns(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in EDITABLE} | {"status": "ACTIVE"}


def make_stores(uow: UnitOfWork, actor: Actor, stores: Sequence[NewStore]) -> list[UUID]:
    """New active stores, in the order given. Raises FieldInvalid, CodeTaken.

    Four queries and the publishing, whatever the number of stores.
    """
    if not stores:
        return []
    rows = {store.id or uuid4(): store.columns() for store in stores}
    for columns in rows.values():
        check_store(columns)
    _must_be_free(uow, rows)
    _write(uow, _INSERT, rows, is_update=False)
    publish_stores(uow, list(rows))
    bring_terms_up(uow, rows)
    log_changes(uow, actor, "store.make", "store", ((id_, None, row) for id_, row in rows.items()))
    return list(rows)


def edit_stores(
    uow: UnitOfWork, actor: Actor, changes: Mapping[UUID, Mapping[str, Any]]
) -> list[UUID]:
    """Set these fields of these stores; the ids of those where something differs.

    Fields are those of `EDITABLE`; a pin is `lat_e7` and `lon_e7` together, both null to take it
    away. Raises NoSuchStore, FieldInvalid, CodeTaken. Five queries and the publishing.
    """
    for fields in changes.values():
        for name in fields:
            if name not in EDITABLE:
                raise FieldInvalid(
                    Said("{name}: a store has no such field to set", name=Said(name))
                )
    return change_stores(uow, actor, "store.edit", changes)


def move_stores(
    uow: UnitOfWork,
    actor: Actor,
    store_ids: Iterable[UUID],
    *,
    region_id: UUID | None,
    position_id: UUID | None,
) -> list[UUID]:
    """Put stores into a region and under a position of their own; those that moved."""
    place = {"region_id": region_id, "position_id": position_id}
    return change_stores(uow, actor, "store.move", dict.fromkeys(store_ids, place))


def close_stores(
    uow: UnitOfWork, actor: Actor, store_ids: Iterable[UUID], *, today: date
) -> list[UUID]:
    """Close stores: they leave every route and the plans from today on; their past stays."""
    # Before any store is locked: whoever sets a route's stops has its turn first, and its stores then.
    take_turn(uow)
    changed = change_stores(
        uow, actor, "store.close", {key: {"status": "CLOSED"} for key in store_ids}
    )
    if changed:
        take_out_of_routes(uow, changed, today)
    return changed


def reopen_stores(uow: UnitOfWork, actor: Actor, store_ids: Iterable[UUID]) -> list[UUID]:
    """Open closed stores again, on no route; those that were closed."""
    return change_stores(
        uow, actor, "store.reopen", {key: {"status": "ACTIVE"} for key in store_ids}
    )


def change_stores(
    uow: UnitOfWork, actor: Actor, action: str, changes: Mapping[UUID, Mapping[str, Any]]
) -> list[UUID]:
    """Change columns of stores, status among them, and log it as `action`; those that differ."""
    if not changes:
        return []
    # In the order of phones' edits: first the records, then the rows.
    hold(uow, sorted(changes))
    held = {
        row.id: {name: getattr(row, name) for name in _COLUMNS}
        for row in uow.rows(_LOCK, company=uow.company_id, ids=sorted(changes))
    }
    missing = changes.keys() - held.keys()
    if missing:
        raise NoSuchStore(Said("there is no store {missing} in this company", missing=min(missing)))
    rows = {id_: {**held[id_], **fields} for id_, fields in sorted(changes.items())}
    rows = {id_: row for id_, row in rows.items() if row != held[id_]}
    if not rows:
        return []
    for row in rows.values():
        check_store(row)
    _must_be_free(uow, rows)
    _write(uow, _UPDATE, rows, is_update=True)
    publish_stores(uow, list(rows))
    bring_terms_up(
        uow, [id_ for id_ in rows if any(rows[id_][name] != held[id_][name] for name in _OF_TERMS)]
    )
    log_changes(
        uow, actor, action, "store", ((id_, *_differing(held[id_], rows[id_])) for id_ in rows)
    )
    return list(rows)


def store_columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of a store as on the wire, as columns; a pin is WGS-84. Raises FieldInvalid."""
    columns = {name: value for name, value in fields.items() if name != "pin"}
    if "pin" in fields:
        pin = fields["pin"]
        if pin is not None and (not isinstance(pin, Mapping) or set(pin) != {"lat_e7", "lon_e7"}):
            raise FieldInvalid(Said("pin: has lat_e7 and lon_e7"))
        columns["lat_e7"] = None if pin is None else pin["lat_e7"]
        columns["lon_e7"] = None if pin is None else pin["lon_e7"]
    return columns


def check_store(columns: Mapping[str, Any]) -> None:
    """Raise FieldInvalid, naming the field, where a store cannot be like this."""
    for name, value in columns.items():
        if value is None:
            if name in _NEVER_NULL:
                raise FieldInvalid(Said("{name}: must be there", name=Said(name)))
        elif name in _LENGTHS:
            least, most = _LENGTHS[name]
            if not isinstance(value, str) or "\x00" in value or not least <= len(value) <= most:
                raise FieldInvalid(wanted_text(name, least, most))
        elif name in _RANGES:
            least, most = _RANGES[name]
            if type(value) is not int or not least <= value <= most:
                raise FieldInvalid(wanted_whole(name, least, most))
        elif name == "store_class" and value not in CLASSES:
            raise FieldInvalid(Said("store_class: one of {choices}", choices=", ".join(CLASSES)))
    if (columns["lat_e7"] is None) != (columns["lon_e7"] is None):
        raise FieldInvalid(Said("lat_e7: a pin has both coordinates"))


def _must_be_free(uow: UnitOfWork, rows: Mapping[UUID, Mapping[str, Any]]) -> None:
    codes = [row["code"] for row in rows.values() if row["code"] is not None]
    if len(set(codes)) < len(codes):
        twice = next(code for code in codes if codes.count(code) > 1)
        raise CodeTaken(Said("the code {twice} is given twice", twice=twice))
    taken = uow.rows(_TAKEN, company=uow.company_id, codes=codes, ids=list(rows))
    if taken:
        raise CodeTaken(Said("another store has the code {code}", code=taken[0].code))
    regions = {row["region_id"] for row in rows.values()} - {None}
    positions = {row["position_id"] for row in rows.values()} - {None}
    accounts = {row["account_id"] for row in rows.values()} - {None}
    found = uow.rows(
        _KNOWN,
        company=uow.company_id,
        regions=list(regions),
        positions=list(positions),
        accounts=list(accounts),
    )[0]
    if found[0] < len(regions):
        raise FieldInvalid(Said("region_id: there is no such region in this company"))
    if found[1] < len(positions):
        raise FieldInvalid(Said("position_id: there is no such position in this company"))
    if found[2] < len(accounts):
        raise FieldInvalid(Said("account_id: there is no such account in this company"))


def _write(
    uow: UnitOfWork, statement: str, rows: Mapping[UUID, Mapping[str, Any]], *, is_update: bool
) -> None:
    arrays = [array("uuid", list(rows))] + [
        array(kind, [row[name] for row in rows.values()]) for name, kind in _COLUMNS.items()
    ]
    company = [uow.company_id]
    try:
        uow.driver.execute(
            statement,
            [*arrays, *company] if is_update else [*company, *arrays],
        )
    except UniqueViolation as refused:
        # Two took one code at the same moment: the check above could not see the other.
        raise CodeTaken(Said("another store has taken one of these codes meanwhile")) from refused


def _differing(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = [name for name in after if after[name] != before[name]]
    return {name: before[name] for name in names}, {name: after[name] for name in names}
