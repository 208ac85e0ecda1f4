"""`roadbook product`: what is sold. Each command is one transaction, logged under the operator's name."""

from typing import Any

import click

from mobile_contract.records.product import PRODUCT_STATUSES
from server.catalogue.asked import REFUSALS
from server.catalogue.divisions import division_by_code
from server.catalogue.product_list import ProductListed, list_products, product_by_code
from server.catalogue.products import NewProduct, edit_products, make_products
from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.external_ids import call_record, called_elsewhere
from server.identity.terminal import (
    at_most_option,
    company_of,
    company_option,
    external_id_option,
    operator,
)

_unit = click.option(
    "--unit",
    "units",
    multiple=True,
    metavar="UNIT=N",
    help="A larger unit and how many base units it holds, as CTN=24.",
)
_must = click.option(
    "--must-stock",
    "must_stock",
    multiple=True,
    metavar="CHANNEL:CLASS",
    help="Stores that must stock it; * for any, as grocery:A or *:A.",
)
_status = click.option("--status", type=click.Choice(PRODUCT_STATUSES, case_sensitive=False))


@click.group()
def product() -> None:
    """Products: what is sold, and what is looked for in stores."""


@product.command("list")
@click.option("--category", help="Those of this product group.")
@click.option("--division", "division_code", help="Those of this division.")
@click.option("--code", "code_begins", help="Those whose code begins like this.")
@click.option("--all", "is_with_discontinued", is_flag=True, help="Discontinued ones, too.")
@at_most_option
@company_option
def list_products_command(
    *,
    category: str | None,
    division_code: str | None,
    code_begins: str | None,
    is_with_discontinued: bool,
    at_most: int,
    company: str | None,
) -> None:
    """List products by code."""
    with company_of(company, *REFUSALS) as uow:
        found = list_products(
            uow,
            statuses=PRODUCT_STATUSES if is_with_discontinued else ("ACTIVE",),
            division_id=None if division_code is None else division_by_code(uow, division_code),
            category=category,
            code_begins=code_begins,
            at_most=at_most + 1,
        )
    say_list(
        ("NUMBER", "CODE", "NAME", "CATEGORY", "BRAND", "DIVISION", "UNITS", "STATUS"),
        [_row(one) for one in found],
        "There is no product like this.",
        at_most=at_most,
    )


@product.command("show")
@click.argument("code")
@company_option
def show_product_command(code: str, company: str | None) -> None:
    """Everything about one product."""
    with company_of(company, *REFUSALS) as uow:
        held = product_by_code(uow, code)
        elsewhere = called_elsewhere(uow, "product", held.id)
        one = list_products(uow, statuses=PRODUCT_STATUSES, code=code)[0]
    for name, value in (
        ("number", str(one.number)),
        ("code", one.code),
        ("name", one.name),
        ("barcode", one.barcode),
        ("category", one.category),
        ("brand", one.brand),
        ("own", "yes" if one.is_own else "no, a competitor's"),
        ("division", one.division_code),
        ("units", _units(one)),
        ("least order", f"{one.min_order_quantity} {one.units[0][0]}"),
        ("shelf life", None if one.shelf_life_days is None else f"{one.shelf_life_days} days"),
        ("must stock", ", ".join(f"{c or '*'}:{k or '*'}" for c, k in one.must_stock)),
        ("status", one.status.lower()),
        ("elsewhere", ", ".join(f"{system}={id_}" for system, id_ in elsewhere.items())),
    ):
        say(f"{name:12} {value or NOTHING}")


@product.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--base-unit", default="PC", show_default=True)
@_unit
@click.option("--category", default="")
@click.option("--brand", default="")
@click.option("--barcode")
@click.option("--division", "division_code")
@click.option("--shelf-life", "shelf_life_days", type=int, metavar="DAYS")
@click.option("--least", "min_order_quantity", type=int, default=0, help="Least order, base units.")
@click.option(
    "--competitor", "is_competitors", is_flag=True, help="Of another company: never sold."
)
@_must
@external_id_option
@company_option
def add_product_command(
    *,
    code: str,
    name: str,
    base_unit: str,
    units: tuple[str, ...],
    division_code: str | None,
    is_competitors: bool,
    must_stock: tuple[str, ...],
    external_ids: tuple[str, ...],
    company: str | None,
    **typed: Any,
) -> None:
    """Add a product."""
    new_units = ((base_unit, 1), *_read_units(units))
    with company_of(company, *REFUSALS) as uow:
        make_products(
            uow,
            operator(),
            [
                NewProduct(
                    code=code,
                    name=name,
                    units=new_units,
                    division_id=None
                    if division_code is None
                    else division_by_code(uow, division_code),
                    is_own=not is_competitors,
                    must_stock=_read_must_stock(must_stock),
                    **typed,
                )
            ],
        )
        made = product_by_code(uow, code)
        call_record(uow, operator(), "product", made.id, external_ids)
        number = made.number
    say(f"Added: product {code}, number {number}.")


@product.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--code", "new_code", help="Another code.")
@_unit
@click.option("--category")
@click.option("--brand")
@click.option("--barcode")
@click.option("--division", "division_code")
@click.option("--shelf-life", "shelf_life_days", type=int, metavar="DAYS")
@click.option("--least", "min_order_quantity", type=int, help="Least order, base units.")
@_must
@_status
@external_id_option
@company_option
def edit_product_command(
    *,
    code: str,
    new_code: str | None,
    units: tuple[str, ...],
    division_code: str | None,
    must_stock: tuple[str, ...],
    status: str | None,
    external_ids: tuple[str, ...],
    company: str | None,
    **typed: Any,
) -> None:
    """Change a product; what is not given stays. Units and must-stock are given whole."""
    with company_of(company, *REFUSALS) as uow:
        held = product_by_code(uow, code)
        one = list_products(uow, statuses=PRODUCT_STATUSES, code=code)[0]
        changes: dict[str, Any] = {k: v for k, v in typed.items() if v is not None}
        if new_code is not None:
            changes["code"] = new_code
        if status is not None:
            changes["status"] = status.upper()
        if division_code is not None:
            changes["division_id"] = division_by_code(uow, division_code)
        if units:
            changes["units"] = (tuple(one.units[0]), *_read_units(units))
        if must_stock:
            changes["must_stock"] = _read_must_stock(must_stock)
        is_changed = bool(edit_products(uow, operator(), {held.id: changes}))
        is_changed |= call_record(uow, operator(), "product", held.id, external_ids)
    say(f"Changed: product {code}." if is_changed else f"Product {code} is like this already.")


def _read_units(units: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    found = []
    for text in units:
        name, _, number = text.partition("=")
        if not number.isdecimal():
            raise click.BadParameter(f"--unit {text}: as CTN=24")
        found.append((name, int(number)))
    return tuple(found)


def _read_must_stock(pairs: tuple[str, ...]) -> tuple[tuple[str | None, str | None], ...]:
    found = []
    for text in pairs:
        channel, _, store_class = text.rpartition(":")
        found.append(
            (None if channel in ("", "*") else channel, None if store_class == "*" else store_class)
        )
    return tuple(found)


def _units(one: ProductListed) -> str:
    return ", ".join(f"{unit}={base}" if base > 1 else unit for unit, base in one.units)


def _row(one: ProductListed) -> tuple[str, ...]:
    return (
        str(one.number),
        one.code,
        one.name,
        one.category or NOTHING,
        one.brand or NOTHING,
        one.division_code or NOTHING,
        _units(one),
        one.status.lower(),
    )
