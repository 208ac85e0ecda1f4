"""The rows of a version's prices: read from text, checked as a whole, every fault with its place."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from uuid import UUID

from mobile_contract.pricing import Slab
from mobile_contract.records.price_list import PRICE_MINOR_MAX
from mobile_contract.records.product import QUANTITY_MAX
from server.catalogue.errors import RowFault, RowsInvalid
from server.catalogue.product_list import products_by_code
from server.language import Said
from sync.money import read_amount
from sync.unit_of_work import UnitOfWork

COLUMNS = ("product", "unit", "from_quantity", "price")
ROWS_MAX = 100_000
SLABS_MAX = 20
FAULTS_MAX = 1_000
# No quantity has more; Python reads no number of thousands.
_DIGITS_MAX = 15
LINE_MAX = 100_000

_UNITS = """
select p.code, u.unit from product p
join product_unit u on u.company_id = p.company_id and u.product_id = p.id
where p.company_id = :company and p.code = any(:codes)
"""

Prices = dict[tuple[int, str], tuple[Slab, ...]]


@dataclass(frozen=True, slots=True)
class PriceRow:
    """From a quantity on, the price of one unit of a product. `row` is its place, from 1."""

    row: int
    product: str
    unit: str
    from_quantity: int
    price_minor: int


def read_price_csv(text: str, currency: str) -> list[PriceRow]:
    """The rows of a CSV with the columns product, unit, from_quantity, price; comma or semicolon.

    from_quantity may be left out or empty: 1. Raises RowsInvalid with every fault.
    """
    # Before the reader, whose own bound is one for the whole process.
    for line_number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LINE_MAX:
            words = Said("a line has at most {most} characters", most=LINE_MAX)
            raise RowsInvalid([RowFault(line_number, "product", words)])
    head = text.partition("\n")[0]
    delimiter = ";" if head.count(";") > head.count(",") else ","
    reader = csv.DictReader(StringIO(text.removeprefix("\ufeff")), delimiter=delimiter)
    names = {name.strip().lower(): name for name in reader.fieldnames or () if name}
    faults = [
        RowFault(0, name, Said("this column is missing"))
        for name in COLUMNS
        if name not in names and name != "from_quantity"
    ]
    if faults:
        raise RowsInvalid(faults)
    given = (
        {name: row.get(names[name]) or "" for name in COLUMNS if name in names} for row in reader
    )
    try:
        return read_price_rows(given, currency)
    except csv.Error as error:
        raise RowsInvalid([RowFault(reader.line_num, "product", str(error))]) from error


def read_price_rows(given: Iterable[Mapping[str, str]], currency: str) -> list[PriceRow]:
    """The rows of texts by column, as a spreadsheet has them. Raises RowsInvalid with every fault."""
    rows: list[PriceRow] = []
    faults: list[RowFault] = []
    for place, texts in enumerate(given, start=1):
        if place > ROWS_MAX:
            faults.append(
                RowFault(place, "product", Said("there are more than {most} rows", most=ROWS_MAX))
            )
            break
        quantity = texts.get("from_quantity", "").strip() or "1"
        if not quantity.isdecimal() or not quantity.isascii() or len(quantity) > _DIGITS_MAX:
            faults.append(RowFault(place, "from_quantity", Said("must be a whole number")))
            quantity = "1"
        try:
            price = read_amount(texts["price"], currency)
        except ValueError as error:
            faults.append(RowFault(place, "price", str(error)))
            price = 0
        rows.append(
            PriceRow(place, texts["product"].strip(), texts["unit"].strip(), int(quantity), price)
        )
    if faults:
        raise RowsInvalid(faults[:FAULTS_MAX])
    return rows


def check_price_rows(uow: UnitOfWork, rows: Sequence[PriceRow], division_id: UUID | None) -> Prices:
    """The rows as prices by product number and unit. Raises RowsInvalid with every fault.

    A list of a division prices that division's products. Two queries.
    """
    if not rows:
        raise RowsInvalid([RowFault(0, "product", Said("there is no row"))])
    codes = {row.product for row in rows}
    products = products_by_code(uow, codes)
    units = {
        (found.code, found.unit)
        for found in uow.rows(_UNITS, company=uow.company_id, codes=sorted(codes))
    }
    faults: list[RowFault] = []
    slabs: dict[tuple[str, str], dict[int, int]] = {}
    for row in rows:
        product = products.get(row.product)
        if product is None:
            faults.append(
                RowFault(
                    row.row, "product", Said("there is no product {product!r}", product=row.product)
                )
            )
            continue
        if division_id is not None and product.division_id != division_id:
            faults.append(RowFault(row.row, "product", Said("is not of the division of the list")))
        if (row.product, row.unit) not in units:
            faults.append(
                RowFault(
                    row.row,
                    "unit",
                    Said("{product} has no unit {unit!r}", product=row.product, unit=row.unit),
                )
            )
        if not 1 <= row.from_quantity <= QUANTITY_MAX:
            faults.append(
                RowFault(
                    row.row, "from_quantity", Said("must be from 1 to {most}", most=QUANTITY_MAX)
                )
            )
        if not 0 <= row.price_minor <= PRICE_MINOR_MAX:
            faults.append(RowFault(row.row, "price", Said("must not be below zero, nor too large")))
        found = slabs.setdefault((row.product, row.unit), {})
        if row.from_quantity in found:
            faults.append(RowFault(row.row, "from_quantity", Said("this price is given twice")))
        elif len(found) == SLABS_MAX:
            faults.append(
                RowFault(
                    row.row, "from_quantity", Said("at most {most} for a unit", most=SLABS_MAX)
                )
            )
        found[row.from_quantity] = row.price_minor
    if faults:
        raise RowsInvalid(faults[:FAULTS_MAX])
    return {
        (products[code].number, unit): tuple(Slab(*pair) for pair in sorted(found.items()))
        for (code, unit), found in slabs.items()
    }
