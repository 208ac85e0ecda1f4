"""Products as the company sets them: made, described, discontinued.

Each function takes a set, publishes the records again and logs every product, in the caller's
transaction. Prices are computed from them: see `prices_changed`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.records.product import (
    BARCODE_MAX,
    BASE_UNITS_MAX,
    GROUP_MAX,
    MUST_STOCK_MAX,
    PRODUCT_CODE_MAX,
    PRODUCT_NAME_MAX,
    PRODUCT_NUMBER_MAX,
    PRODUCT_STATUSES,
    QUANTITY_MAX,
    UNIT_MAX,
    UNITS_MAX,
)
from mobile_contract.records.store import CHANNEL_MAX, CLASSES
from server.catalogue.checks import check_text, check_whole, differing
from server.catalogue.errors import CodeTaken, FieldInvalid, NoSuchProduct
from server.identity.change_log import Actor, log_changes
from server.language import Said
from sync.kinds.product.publish import publish_products
from sync.price_book import prices_changed
from sync.publish import hold
from sync.rows import array
from sync.unit_of_work import UnitOfWork

# column → its type in the database
_COLUMNS = {
    "code": "text",
    "barcode": "text",
    "name": "text",
    "category": "text",
    "brand": "text",
    "is_own": "bool",
    "division_id": "uuid",
    "shelf_life_days": "int4",
    "min_order_quantity": "int4",
    "status": "text",
}
_LENGTHS = {
    "code": (1, PRODUCT_CODE_MAX),
    "barcode": (1, BARCODE_MAX),
    "name": (1, PRODUCT_NAME_MAX),
    "category": (0, GROUP_MAX),
    "brand": (0, GROUP_MAX),
}
_MAY_BE_NULL = ("barcode", "division_id", "shelf_life_days")
EDITABLE = (*_COLUMNS, "units", "must_stock")

_NAMES = ", ".join(_COLUMNS)
_ARRAYS = ", ".join(f"%s::{kind}[]" for kind in _COLUMNS.values())
_INSERT = f"""
insert into product (company_id, id, number, {_NAMES})
select %s, r.* from unnest(%s::uuid[], %s::int4[], {_ARRAYS}) as r(id, number, {_NAMES})
"""  # noqa: S608  the names are the table's own, above
_UPDATE = f"""
update product set {", ".join(f"{name} = r.{name}" for name in _COLUMNS)}
from unnest(%s::uuid[], {_ARRAYS}) as r(id, {_NAMES})
where product.company_id = %s and product.id = r.id
"""  # noqa: S608
_HELD = f"""
select p.id, {", ".join(f"p.{name}" for name in _COLUMNS)},
  (select coalesce(jsonb_agg(jsonb_build_array(u.unit, u.base_units) order by u.place), '[]')
   from product_unit u where u.company_id = p.company_id and u.product_id = p.id) as units,
  (select coalesce(jsonb_agg(jsonb_build_array(m.channel, m.store_class) order by m.place), '[]')
   from must_stock m where m.company_id = p.company_id and m.product_id = p.id) as must_stock
from product p where p.company_id = :company and p.id = any(:ids) order by p.id for update of p
"""  # noqa: S608
_NEXT = "select coalesce(max(number), 0) as last from product where company_id = :company"
_TAKEN = """
select code from product
where company_id = :company and id <> all(:ids)
  and code = any(:codes) limit 1
"""
_DIVISIONS = "select count(*) as n from division where company_id = :company and id = any(:ids)"
_UNITS = """
insert into product_unit (company_id, product_id, unit, base_units, place)
select %s, r.* from unnest(%s::uuid[], %s::text[], %s::int4[], %s::int2[])
     as r(product_id, unit, base_units, place)
"""
_NO_UNITS = "delete from product_unit where company_id = %s and product_id = any(%s::uuid[])"
_MUST_STOCK = """
insert into must_stock (company_id, product_id, place, channel, store_class)
select %s, r.* from unnest(%s::uuid[], %s::int2[], %s::text[], %s::text[])
     as r(product_id, place, channel, store_class)
"""
_NO_MUST_STOCK = "delete from must_stock where company_id = %s and product_id = any(%s::uuid[])"

Rows = Mapping[UUID, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProduct:
    """A product to be made. `units`: (unit, base units), the base unit first.

    `must_stock`: (channel, class) pairs, None for any: a store that one of them fits must stock it.
    """

    code: str
    name: str
    units: tuple[tuple[str, int], ...]
    category: str = ""
    brand: str = ""
    is_own: bool = True
    division_id: UUID | None = None
    barcode: str | None = None
    shelf_life_days: int | None = None
    # In base units.
    min_order_quantity: int = 0
    must_stock: tuple[tuple[str | None, str | None], ...] = ()
    status: str = "ACTIVE"
    id: UUID | None = None

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in EDITABLE}


def make_products(uow: UnitOfWork, actor: Actor, products: Sequence[NewProduct]) -> list[UUID]:
    """New products, in the order given, each with a number of its own. Raises FieldInvalid, CodeTaken."""
    if not products:
        return []
    rows = {each.id or uuid4(): _like_held(each.fields()) for each in products}
    for row in rows.values():
        check_product(row)
    prices_changed(uow)
    _must_be_free(uow, rows)
    last = uow.rows(_NEXT, company=uow.company_id)[0].last
    if last + len(rows) > PRODUCT_NUMBER_MAX:
        raise FieldInvalid(Said("number: the company has used up its numbers of products"))
    numbers = array("int4", list(range(last + 1, last + 1 + len(rows))))
    uow.driver.execute(
        _INSERT, [uow.company_id, array("uuid", list(rows)), numbers, *_arrays(rows)]
    )
    _write_parts(uow, rows)
    publish_products(uow, list(rows))
    log_changes(
        uow, actor, "product.make", "product", ((id_, None, row) for id_, row in rows.items())
    )
    return list(rows)


def edit_products(
    uow: UnitOfWork, actor: Actor, changes: Mapping[UUID, Mapping[str, Any]]
) -> list[UUID]:
    """Set these fields (`EDITABLE`) of these products; the ids of those where something differs.

    `units` and `must_stock` are set whole. Raises NoSuchProduct, FieldInvalid, CodeTaken.
    """
    if not changes:
        return []
    for fields in changes.values():
        for name in fields:
            if name not in EDITABLE:
                raise FieldInvalid(
                    Said("{name}: a product has no such field to set", name=Said(name))
                )
    prices_changed(uow)
    hold(uow, sorted(changes))
    held = {
        row.id: {name: getattr(row, name) for name in EDITABLE}
        for row in uow.rows(_HELD, company=uow.company_id, ids=sorted(changes))
    }
    missing = changes.keys() - held.keys()
    if missing:
        raise NoSuchProduct(
            Said("there is no product {missing} in this company", missing=min(missing))
        )
    rows = {
        id_: row
        for id_, fields in sorted(changes.items())
        if (row := {**held[id_], **_like_held(fields)}) != held[id_]
    }
    if not rows:
        return []
    for row in rows.values():
        check_product(row)
    _must_be_free(uow, rows)
    uow.driver.execute(_UPDATE, [array("uuid", list(rows)), *_arrays(rows), uow.company_id])
    _write_parts(uow, rows)
    publish_products(uow, list(rows))
    log_changes(
        uow,
        actor,
        "product.edit",
        "product",
        ((id_, *differing(held[id_], row)) for id_, row in rows.items()),
    )
    return list(rows)


def check_product(row: Mapping[str, Any]) -> None:
    """Raise FieldInvalid, naming the field, where a product cannot be like this."""
    for name in _COLUMNS:
        if row[name] is None and name not in _MAY_BE_NULL:
            raise FieldInvalid(Said("{name}: must be there", name=Said(name)))
        if row[name] is not None and name in _LENGTHS:
            check_text(name, row[name], *_LENGTHS[name])
    check_whole("min_order_quantity", row["min_order_quantity"], 0, QUANTITY_MAX)
    if row["shelf_life_days"] is not None:
        check_whole("shelf_life_days", row["shelf_life_days"], 1, 36_500)
    if type(row["is_own"]) is not bool:
        raise FieldInvalid(Said("is_own: true or false"))
    if row["status"] not in PRODUCT_STATUSES:
        raise FieldInvalid(Said("status: one of {choices}", choices=", ".join(PRODUCT_STATUSES)))
    _check_units(row["units"])
    _check_must_stock(row["must_stock"])


def _check_units(units: Sequence[Any]) -> None:
    if not 1 <= len(units) <= UNITS_MAX or len({unit for unit, _ in units}) < len(units):
        raise FieldInvalid(Said("units: 1 to {most}, each once", most=UNITS_MAX))
    for unit, base_units in units:
        check_text("units", unit, 1, UNIT_MAX)
        check_whole("units", base_units, 1, BASE_UNITS_MAX)
    if units[0][1] != 1:
        raise FieldInvalid(Said("units: the first is the base unit and holds 1"))


def _check_must_stock(pairs: Sequence[Any]) -> None:
    if len(pairs) > MUST_STOCK_MAX:
        raise FieldInvalid(Said("must_stock: at most {most}", most=MUST_STOCK_MAX))
    for channel, store_class in pairs:
        if channel is not None:
            check_text("must_stock", channel, 1, CHANNEL_MAX)
        if store_class is not None and store_class not in CLASSES:
            raise FieldInvalid(
                Said("must_stock: a class is one of {choices}", choices=", ".join(CLASSES))
            )


def _like_held(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of pairs as the database gives them back, so that they compare."""
    pairs = ("units", "must_stock")
    return {
        name: [list(pair) for pair in value] if name in pairs else value
        for name, value in fields.items()
    }


def _must_be_free(uow: UnitOfWork, rows: Rows) -> None:
    given = [row["code"] for row in rows.values()]
    if len(set(given)) < len(given):
        raise CodeTaken(
            Said(
                "code {code} is given twice",
                code=next(one for one in given if given.count(one) > 1),
            )
        )
    taken = uow.rows(
        _TAKEN,
        company=uow.company_id,
        ids=list(rows),
        codes=[row["code"] for row in rows.values()],
    )
    if taken:
        raise CodeTaken(Said("another product has the code {code}", code=taken[0].code))
    divisions = {row["division_id"] for row in rows.values()} - {None}
    if uow.rows(_DIVISIONS, company=uow.company_id, ids=list(divisions))[0].n < len(divisions):
        raise FieldInvalid(Said("division_id: there is no such division in this company"))


def _arrays(rows: Rows) -> list[Any]:
    return [array(kind, [row[name] for row in rows.values()]) for name, kind in _COLUMNS.items()]


def _write_parts(uow: UnitOfWork, rows: Rows) -> None:
    company, every = uow.company_id, array("uuid", list(rows))
    uow.driver.execute(_NO_UNITS, [company, every])
    units = [
        (id_, *pair, place) for id_, row in rows.items() for place, pair in enumerate(row["units"])
    ]
    kinds = ("uuid", "text", "int4", "int2")
    uow.driver.execute(_UNITS, [company, *_columns(kinds, units)])
    uow.driver.execute(_NO_MUST_STOCK, [company, every])
    must = [
        (id_, place, *pair)
        for id_, row in rows.items()
        for place, pair in enumerate(row["must_stock"])
    ]
    uow.driver.execute(_MUST_STOCK, [company, *_columns(("uuid", "int2", "text", "text"), must)])


def _columns(kinds: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[Any]:
    return [array(kind, [row[at] for row in rows]) for at, kind in enumerate(kinds)]
