"""Products: what is sold or looked for, in which units, and which stores must stock it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from mobile_contract.records.product import (
    BARCODE_MAX,
    GROUP_MAX,
    MUST_STOCK_MAX,
    PRODUCT_CODE_MAX,
    PRODUCT_NAME_MAX,
    PRODUCT_STATUSES,
    QUANTITY_MAX,
    UNITS_MAX,
)
from server.catalogue.errors import FieldInvalid
from server.catalogue.products import NewProduct, check_product, edit_products, make_products
from server.exchange.cells import Choice, Code, Pairs, Value, Whole, Words, YesNo
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.identity.change_log import Actor
from server.language import Said, in_english, said_by, sentence
from sync.unit_of_work import UnitOfWork

ANY = "*"
_NAMES = (
    "code",
    "name",
    "units",
    "category",
    "brand",
    "is_own",
    "barcode",
    "shelf_life_days",
    "min_order_quantity",
    "must_stock",
    "status",
)
_WHEN_EMPTY: Mapping[str, Any] = {
    "category": "",
    "brand": "",
    "is_own": True,
    "min_order_quantity": 0,
    "must_stock": (),
    "status": "ACTIVE",
}


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, _today: date
) -> None:
    """Make and change products as sets."""
    new = []
    edits = {}
    for change in changes:
        division = references.id_or_none("division", change.values["division"])
        if change.is_new:
            new.append(NewProduct(**_fields(change, *_NAMES), division_id=division))
            continue
        edits[change.id] = _fields(change, *change.after(*_NAMES))
        if "division" in change.fields:
            edits[change.id]["division_id"] = division
    make_products(uow, actor, new)
    edit_products(uow, actor, {id_: fields for id_, fields in edits.items() if fields})


def _fields(change: Change, *names: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in names:
        value: Value = change.values[name]
        if value is None:
            value = _WHEN_EMPTY.get(name)
        elif name == "units":
            value = tuple((unit, int(base)) for unit, base in value)
        elif name == "must_stock":
            value = tuple(
                (None if channel == ANY else channel, None if class_ == ANY else class_)
                for channel, class_ in value
            )
        fields[name] = value
    return fields


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """Units and must-stock rules are such as a product may have."""
    for change in changes:
        if not all(base.isascii() and base.isdecimal() for _, base in change.values["units"] or ()):
            says = Said("after each unit comes how many base units it holds")
            yield Told(change, "units", "not_pairs", says)
            continue
        whole = {**_fields(change, *_NAMES), "division_id": None, "external_id": None}
        if whole["units"] is None:
            continue
        try:
            check_product(whole)
        except FieldInvalid as invalid:
            name = in_english(invalid).partition(":")[0]
            column = name if PRODUCT.column(name) is not None else None
            yield Told(change, column, "conflicts", said_by(invalid))


def closes(change: Change) -> bool:
    """Whether a product is sold no more."""
    return change.after("status").get("status") not in (None, "ACTIVE")


PRODUCT = Sheet(
    name="product",
    about=sentence("What is sold, and what of competitors is looked for."),
    columns=(
        Column(
            name="code",
            cell=Code(PRODUCT_CODE_MAX, has_spaces=True),
            about=sentence("its code (SKU)"),
            is_required=True,
        ),
        Column(
            name="name", cell=Words(PRODUCT_NAME_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="units",
            cell=Pairs(UNITS_MAX, "bottle 1; case 24"),
            about=sentence("its units and how many base units each holds, the base unit first"),
            is_required=True,
        ),
        Column(name="category", cell=Words(GROUP_MAX), about=sentence("the product group")),
        Column(name="brand", cell=Words(GROUP_MAX), about=sentence("the brand")),
        Column(
            name="is_own",
            cell=YesNo(),
            about=sentence("whether it is the company's; empty leaves it, and a new one is"),
            keeps_when_empty=True,
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("whose it is; empty: of all"),
            refers_to="division",
        ),
        Column(name="barcode", cell=Words(BARCODE_MAX), about=sentence("as on the base unit")),
        Column(
            name="shelf_life_days", cell=Whole(1, 36_500), about=sentence("how many days it keeps")
        ),
        Column(
            name="min_order_quantity",
            cell=Whole(0, QUANTITY_MAX),
            about=sentence("the least of an order line, in base units; empty leaves it"),
            keeps_when_empty=True,
        ),
        Column(
            name="must_stock",
            cell=Pairs(MUST_STOCK_MAX, "kiosk A; grocery *; * B"),
            about=sentence("the stores that must have it, by channel and class, * for any"),
        ),
        Column(
            name="status",
            cell=Choice(PRODUCT_STATUSES),
            about=sentence("empty leaves it, and a new one is ACTIVE"),
            keeps_when_empty=True,
        ),
    ),
    key=("code",),
    select="""
        select p.id, p.code, p.name, nullif(p.category, '') as category, nullif(p.brand, '') as brand,
               p.is_own, d.code as division, p.barcode, p.shelf_life_days, p.min_order_quantity, p.status,
               (select jsonb_agg(jsonb_build_array(u.unit, u.base_units) order by u.place)
                from product_unit u where u.company_id = p.company_id and u.product_id = p.id) as units,
               (select jsonb_agg(jsonb_build_array(coalesce(m.channel, '*'), coalesce(m.store_class, '*'))
                                 order by m.place)
                from must_stock m where m.company_id = p.company_id and m.product_id = p.id) as must_stock
        from product p
        left join division d on d.company_id = p.company_id and d.id = p.division_id
        where p.company_id = :company
    """,
    apply=apply,
    check=check,
    closes=closes,
    takes_turn=without_turn,
)
