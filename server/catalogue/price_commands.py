"""`roadbook price`: price lists. Each command is one transaction, logged under the operator's name."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from server.catalogue.asked import (
    REFUSALS,
    period_options,
    read_end,
    read_period,
    read_whom_options,
    told_period,
    told_whom,
    whom_options,
)
from server.catalogue.divisions import division_by_code
from server.catalogue.errors import RowFault, RowsInvalid
from server.catalogue.price_lists import (
    NewPriceList,
    edit_price_list,
    end_price_list,
    make_price_list,
    publish_prices,
)
from server.catalogue.price_rows import read_price_csv
from server.catalogue.terms_list import (
    PriceListListed,
    list_price_lists,
    price_list_by_code,
    prices_of,
    versions_of,
    whom_of,
)
from server.cli import say, say_error
from server.identity.aligned import NOTHING, say_list
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from sync.money import told_amount
from sync.policy import current_policy

FAULTS_SAID = 20


@click.group()
def price() -> None:
    """Price lists: whom each is for, and its prices by version."""


@price.command("list")
@click.option("--all", "is_with_ended", is_flag=True, help="Those that have ended, too.")
@at_most_option
@company_option
def list_price_lists_command(at_most: int, company: str | None, *, is_with_ended: bool) -> None:
    """List price lists by code, each with the version that is in force."""
    with company_of(company, *REFUSALS) as uow:
        zone = current_policy(uow)[1].zone
        found = list_price_lists(uow, with_ended=is_with_ended, at_most=at_most + 1)
        rows = [
            (
                one.code,
                one.name,
                one.currency,
                told_whom(uow, whom_of(uow, "price_list", one.id, one.level)),
                one.division_code or NOTHING,
                NOTHING if one.version is None else str(one.version),
                told_period(one.valid_from, one.valid_until, zone),
                NOTHING if one.entries is None else str(one.entries),
            )
            for one in found
        ]
    say_list(
        ("CODE", "NAME", "CURRENCY", "FOR", "DIVISION", "VERSION", "IN FORCE", "PRICES"),
        rows,
        "There is no price list yet.",
        at_most=at_most,
    )


@price.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--currency", help="ISO 4217. Default: the company's.")
@click.option("--division", "division_code", help="It prices this division's products alone.")
@whom_options
@company_option
def add_price_list_command(
    *,
    code: str,
    name: str,
    currency: str | None,
    division_code: str | None,
    company: str | None,
    **typed: Any,
) -> None:
    """Add a price list. For whom: values of one level; the root region's list is the base list."""
    with company_of(company, *REFUSALS) as uow:
        whom = read_whom_options(uow, typed)
        if whom is None:
            raise click.BadParameter("say whom it is for: --store, --account, --class, …")
        new = NewPriceList(
            code=code,
            name=name,
            currency=currency or current_policy(uow)[1].currency,
            whom=whom,
            division_id=None if division_code is None else division_by_code(uow, division_code),
        )
        make_price_list(uow, operator(), new)
    say(f"Added: price list {code}. It has no prices yet: roadbook price publish {code} FILE")


@price.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--code", "new_code", help="Another code.")
@whom_options
@company_option
def edit_price_list_command(
    *, code: str, name: str | None, new_code: str | None, company: str | None, **typed: Any
) -> None:
    """Change a price list; what is not given stays. For whom is given whole, of the same level."""
    with company_of(company, *REFUSALS) as uow:
        held = price_list_by_code(uow, code)
        whom = read_whom_options(uow, typed)
        is_changed = edit_price_list(uow, operator(), held.id, code=new_code, name=name, whom=whom)
    say(f"Changed: price list {code}." if is_changed else f"Price list {code} is so already.")


@price.command("publish")
@click.argument("code")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@period_options
@click.option("--dry-run", "is_dry", is_flag=True, help="Check everything and change nothing.")
@company_option
def publish_prices_command(
    *,
    code: str,
    file: Path,
    starts: datetime | None,
    ends: datetime | None,
    may_be_past: bool,
    is_dry: bool,
    company: str | None,
) -> None:
    """Publish a version of a list from a CSV: product, unit, from_quantity, price.

    The file is checked whole and taken whole or not at all. Prices are amounts like 12.50.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise click.ClickException(f"{file.name} is not in UTF-8") from error
    try:
        with (
            opened(company, *REFUSALS) as found,
            (found.database.rehearsal if is_dry else found.database.company)(
                found.company_id
            ) as uow,
        ):
            held = price_list_by_code(uow, code)
            asked = read_period(uow, starts, ends, may_be_past=may_be_past)
            done = publish_prices(
                uow,
                operator(),
                held.id,
                read_price_csv(text, held.currency),
                valid_from=asked.valid_from,
                valid_until=asked.valid_until,
                may_be_past=asked.may_be_past,
            )
    except click.ClickException as refused:
        if isinstance(refused.__cause__, RowsInvalid):
            _say_faults(refused.__cause__.faults)
            raise click.ClickException("Nothing was published.") from refused
        raise
    if is_dry:
        say(f"All well: {done.entries} prices could be published. Nothing was changed.")
    else:
        size = f"{done.entries} prices, {done.size} bytes"
        say(f"Published: version {done.version} of {code}, {size}.")


def _say_faults(faults: Sequence[RowFault]) -> None:
    for fault in faults[:FAULTS_SAID]:
        say_error(str(fault))
    if len(faults) > FAULTS_SAID:
        say_error(f"… and {len(faults) - FAULTS_SAID} more")


@price.command("show")
@click.argument("code")
@click.option("--version", type=int, help="Default: the one that is in force.")
@at_most_option
@company_option
def show_price_list_command(
    code: str, version: int | None, at_most: int, company: str | None
) -> None:
    """Whom a list is for, its versions, and the prices of one."""
    with company_of(company, *REFUSALS) as uow:
        zone = current_policy(uow)[1].zone
        held = price_list_by_code(uow, code)
        versions = versions_of(uow, held.id)
        chosen = version or held.version
        prices = [] if chosen is None else prices_of(uow, held.id, chosen)
        whom = told_whom(uow, whom_of(uow, "price_list", held.id, held.level))
    say(f"{held.code} {held.name}, {held.currency}, for {whom}{_told_end(held)}")
    say_list(
        ("VERSION", "HOLDS", "PRICES", "PUBLISHED BY"),
        [
            (
                str(one.version),
                told_period(one.valid_from, one.valid_until, zone),
                str(one.entries),
                one.published_by,
            )
            for one in versions[:10]
        ],
        "It has no version yet.",
        at_most=10,
    )
    if chosen is not None:
        say(f"Prices of version {chosen}:")
        say_list(
            ("PRODUCT", "NAME", "UNIT", "PRICE"),
            [
                (
                    one.product_code,
                    one.product_name,
                    one.unit,
                    ", ".join(
                        told_amount(slab.price_minor, held.currency)
                        + (f" from {slab.from_quantity}" if slab.from_quantity > 1 else "")
                        for slab in one.slabs
                    ),
                )
                for one in prices
            ],
            "None.",
            at_most=at_most,
        )


@price.command("end")
@click.argument("code")
@click.option(
    "--after",
    "ends",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    metavar="DAY",
    help="Its last day. Default: it ends now.",
)
@company_option
def end_price_list_command(code: str, ends: datetime | None, company: str | None) -> None:
    """End a price list: none of its versions is in force any more. Its past stays."""
    with company_of(company, *REFUSALS) as uow:
        held = price_list_by_code(uow, code)
        end_price_list(uow, operator(), held.id, at=read_end(uow, ends))
    say(f"Ended: price list {code}.")


def _told_end(held: PriceListListed) -> str:
    return "" if held.ended_at is None else f", ended {held.ended_at:%Y-%m-%d %H:%M} UTC"
