"""The prices of lists: the latest version of each, a row for each price. What differs is a new version."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from mobile_contract.price_bodies import decode_prices
from mobile_contract.records.price_list import TERMS_CODE_MAX
from mobile_contract.records.product import PRODUCT_CODE_MAX, QUANTITY_MAX, UNIT_MAX
from server.catalogue.errors import RowsInvalid
from server.catalogue.price_lists import publish_prices
from server.catalogue.price_rows import PriceRow, check_price_rows
from server.exchange.cells import Amount, Code, Moment, Value, Whole, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import minor_of
from server.identity.change_log import Actor
from server.language import Said, sentence
from sync.bodies import read_bodies
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

_LISTS = """
select l.id, l.currency, l.division_id from price_list l
where l.company_id = :company and l.id = any(:ids)
"""
_NUMBERS = "select number, code from product where company_id = :company and number = any(:numbers)"


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], _references: References, _today: date
) -> None:
    """Publish a new version of each list whose prices differ."""
    lists = _lists(uow, changes)
    for change in changes:
        lines = change.held.lines if change.lines is None and change.held else change.lines
        publish_prices(
            uow,
            actor,
            change.id,
            _price_rows(lines or (), lists[change.id].currency),
            valid_from=change.values["valid_from"],
            valid_until=change.values["valid_until"],
            may_be_past=_is_first(change),
        )


def check(uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """New prices hold from a moment to come, or are a list's first; each is of a product that it may have."""
    lists = _lists(uow, [change for change in changes if not change.is_new])
    for change in changes:
        if change.is_new:
            says = Said("prices are given to a price list that there is")
            yield Told(change, "price_list", "unknown", says)
            continue
        valid_from, valid_until = change.values["valid_from"], change.values["valid_until"]
        if valid_from is None or (not _is_first(change) and valid_from <= datetime.now(UTC)):
            says = Said("say from when the new prices hold: a moment to come")
            yield Told(change, "valid_from", "conflicts", says)
        if valid_from is not None and valid_until is not None and valid_until <= valid_from:
            yield Told(change, "valid_until", "conflicts", Said("it ends before it begins"))
        if change.lines is not None:
            yield from _troubles_with_prices(uow, change, lists[change.id])


def _troubles_with_prices(uow: UnitOfWork, change: Change, of_list: Any) -> Iterable[Told]:
    lines, given = change.lines or (), change.record.lines
    wrong = False
    for line, row in zip(lines, given, strict=False):
        try:
            minor_of(line["price"], of_list.currency)
        except ValueError as error:
            wrong = True
            yield Told(change, "price", "not_a_number", str(error), row.row)
    if wrong:
        return
    try:
        check_price_rows(uow, _price_rows(lines, of_list.currency), of_list.division_id)
    except RowsInvalid as invalid:
        for fault in invalid.faults:
            row_number = given[fault.row - 1].row if 1 <= fault.row <= len(given) else None
            yield Told(change, fault.column, "conflicts", fault.words, row_number)


def _is_first(change: Change) -> bool:
    return change.held is not None and change.held.values["valid_from"] is None


def _lists(uow: UnitOfWork, changes: Sequence[Change]) -> dict[UUID, Any]:
    ids = [change.id for change in changes]
    return {row.id: row for row in uow.rows(_LISTS, company=uow.company_id, ids=ids)}


def _price_rows(lines: Sequence[Mapping[str, Value]], currency: str) -> list[PriceRow]:
    return [
        PriceRow(
            place,
            line["product"],
            line["unit"],
            line["from_quantity"] or 1,
            minor_of(line["price"], currency) or 0,
        )
        for place, line in enumerate(lines, start=1)
    ]


def read_lines(
    uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]
) -> dict[UUID, list[dict[str, Value]]]:
    """The prices of these lists, from the bodies of their latest versions. Two queries."""
    bodies = read_bodies(uow, [bytes(row["sha256"]) for row in rows if row["sha256"] is not None])
    prices = {digest: decode_prices(body) for digest, body in bodies.items()}
    numbers = sorted({number for entries in prices.values() for number, _ in entries})
    codes = {
        row.number: row.code for row in uow.rows(_NUMBERS, company=uow.company_id, numbers=numbers)
    }
    return {
        row["id"]: [
            {
                "product": codes[number],
                "unit": unit,
                "from_quantity": slab.from_quantity,
                "price": Decimal(told_amount(slab.price_minor, row["currency"])),
            }
            for (number, unit), slabs in prices[bytes(row["sha256"])].items()
            for slab in slabs
        ]
        for row in rows
        if row["sha256"] is not None
    }


PRICE = Sheet(
    name="price",
    about=sentence(
        "The prices of lists, a row for each: the rows of a list are all its prices. Where they differ from "
        "its latest version they are published as a new one."
    ),
    columns=(
        Column(
            name="price_list",
            cell=Code(TERMS_CODE_MAX, has_spaces=True),
            about=sentence("the list"),
            is_required=True,
            is_fixed=True,
            refers_to="price_list",
        ),
        Column(
            name="valid_from",
            cell=Moment(),
            about=sentence(
                "from when they hold; a moment to come, where the list has prices already"
            ),
        ),
        Column(
            name="valid_until",
            cell=Moment(),
            about=sentence("and until when; empty: until others hold"),
        ),
    ),
    line_columns=(
        Column(
            name="product",
            cell=Code(PRODUCT_CODE_MAX, has_spaces=True),
            about=sentence("of what"),
            is_required=True,
            refers_to="product",
        ),
        Column(
            name="unit", cell=Words(UNIT_MAX), about=sentence("of which unit"), is_required=True
        ),
        Column(
            name="from_quantity",
            cell=Whole(1, QUANTITY_MAX),
            about=sentence("from how many units on"),
            is_required=True,
        ),
        Column(
            name="price", cell=Amount(), about=sentence("the price of one unit"), is_required=True
        ),
    ),
    line_key=("product", "unit", "from_quantity"),
    has_ordered_lines=False,
    key=("price_list",),
    select="""
        select l.id, l.code as price_list, l.currency, v.valid_from, v.valid_until, v.sha256
        from price_list l
        left join lateral (
            select valid_from, valid_until, sha256 from price_list_version v
            where v.company_id = l.company_id and v.price_list_id = l.id
            order by v.version desc limit 1
        ) v on true
        where l.company_id = :company
    """,
    read_lines=read_lines,
    apply=apply,
    check=check,
    has_id=False,
    takes_turn=without_turn,
    records_at_once=20,
)
