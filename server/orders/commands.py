"""`roadbook order`: orders, from their arrival to the books. Each command is one transaction, logged under
the operator's name.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

import click

from server.catalogue.product_list import products_by_code
from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.change_log import Actor
from server.identity.companies import company_zone
from server.identity.occupancies import position_by_code
from server.identity.people import person_by_email
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.language import Said
from server.orders.amending import NewLine, amend_order
from server.orders.decisions import (
    cancel_orders,
    close_orders,
    confirm_orders,
    dispatch_orders,
    reject_orders,
    release_orders,
)
from server.orders.errors import LineInvalid, OrderError
from server.orders.one_order import OrderRead, VersionRead, compare_versions, read_order
from server.orders.order_list import OrderListed, list_orders, order_named
from server.orders.printing import print_slip
from server.orders.words import told_holds, told_line, told_price
from server.planning.named_stores import stores_by_code
from sync.kinds.order.states import ORDERING
from sync.money import read_amount, told_amount
from sync.unit_of_work import UnitOfWork

_STATES = tuple(state for state in ORDERING.stored_states if state != "SUBMITTED")
_orders = click.argument("orders", nargs=-1, required=True, metavar="ORDER…")
_reason = click.option("--reason", required=True, help="Told to who took the order.")
_day = click.DateTime(("%Y-%m-%d",))


@click.group()
def order() -> None:
    """Orders from their arrival to the books. ORDER is a number, or the begin of an id."""


@order.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES, case_sensitive=False))
@click.option("--day", type=_day, help="Of this business day.")
@click.option("--since", type=_day, help="From this business day on.")
@click.option("--store", "store_code", help="Of this store.")
@click.option("--seen-by", help="As far as this person may see, by email.")
@at_most_option
@company_option
def list_orders_command(
    *,
    states: tuple[str, ...],
    day: datetime | None,
    since: datetime | None,
    store_code: str | None,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List orders with both totals, the latest first."""
    with company_of(company, OrderError) as uow:
        found = list_orders(
            uow,
            states=states or None,
            first_day=_date(day or since),
            last_day=_date(day),
            store_id=None if store_code is None else stores_by_code(uow, [store_code])[0],
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("ORDER", "TYPE", "STATE", "DAY", "STORE", "BY", "TOTAL", "SERVER'S", "HELD FOR", "FLAGS"),
        [_row(one) for one in found],
        "There are no such orders.",
        at_most=at_most,
    )


@order.command("show")
@click.argument("named", metavar="ORDER")
@click.option("--version", "number", type=int, help="Another version of it than the last.")
@company_option
def show_order_command(*, named: str, number: int | None, company: str | None) -> None:
    """Show an order: its lines, how each price came about, its versions."""
    with company_of(company, OrderError) as uow:
        found = read_order(uow, order_named(uow, named))
        zone = company_zone(uow)
    _say_order(found, found.version(number))
    say("")
    for version in found.versions:
        why = "" if version.reason is None else f": {version.reason}"
        total = told_amount(version.total_minor, found.currency)
        made = told_moment(version.made_at, zone)
        say(
            f"Version {version.order_version}: {version.origin}, {version.actor}, {made}, {total}{why}"
        )


@order.command("compare")
@click.argument("named", metavar="ORDER")
@click.argument("before", type=int)
@click.argument("after", type=int)
@company_option
def compare_versions_command(*, named: str, before: int, after: int, company: str | None) -> None:
    """Say how two versions of an order differ."""
    with company_of(company, OrderError) as uow:
        found = read_order(uow, order_named(uow, named))
    changes = compare_versions(found.version(before), found.version(after))
    say_list(
        ("PRODUCT", "UNIT", "QUANTITY", "", "TOTAL", ""),
        [
            (
                one.product_code,
                one.unit,
                *(NOTHING if quantity is None else str(quantity) for quantity in one.quantities),
                *(
                    NOTHING if total is None else told_amount(total, found.currency)
                    for total in one.totals_minor
                ),
            )
            for one in changes
        ],
        "The lines of the two are the same.",
        at_most=len(changes),
    )


@order.command("release")
@_orders
@_reason
@company_option
def release_command(*, orders: tuple[str, ...], reason: str, company: str | None) -> None:
    """Let held orders go on at the prices they were sent with."""
    _decide(orders, company, "Released", lambda u, a, ids: release_orders(u, a, ids, reason))


@order.command("reject")
@_orders
@_reason
@company_option
def reject_command(*, orders: tuple[str, ...], reason: str, company: str | None) -> None:
    """Say that orders will not be delivered."""
    _decide(orders, company, "Rejected", lambda u, a, ids: reject_orders(u, a, ids, reason))


@order.command("confirm")
@_orders
@company_option
def confirm_command(*, orders: tuple[str, ...], company: str | None) -> None:
    """Confirm accepted orders: phones change them no more."""
    _decide(orders, company, "Confirmed", confirm_orders)


@order.command("amend")
@click.argument("named", metavar="ORDER")
@click.option(
    "--line",
    "lines",
    nargs=3,
    multiple=True,
    required=True,
    metavar="PRODUCT UNIT QUANTITY[@PRICE]",
    help="All its lines; a price of its own after @, as in 12@9.50.",
)
@_reason
@click.option("--deliver-on", type=_day)
@company_option
def amend_command(
    *,
    named: str,
    lines: tuple[tuple[str, str, str], ...],
    reason: str,
    deliver_on: datetime | None,
    company: str | None,
) -> None:
    """Give a confirmed order other lines, as a version of the office's."""
    with company_of(company, OrderError) as uow:
        order_id = order_named(uow, named)
        found = read_order(uow, order_id)
        wanted = _typed_lines(uow, lines, found)
        number = amend_order(
            uow, operator(), order_id, wanted, reason=reason, delivery_on=_date(deliver_on)
        )
    say(f"Changed: order {found.number} is at version {number}. Its slip is to be printed again.")


@order.command("cancel")
@_orders
@_reason
@company_option
def cancel_command(*, orders: tuple[str, ...], reason: str, company: str | None) -> None:
    """Cancel confirmed orders. What is not confirmed yet is rejected."""
    _decide(orders, company, "Cancelled", lambda u, a, ids: cancel_orders(u, a, ids, reason))


@order.command("print")
@click.argument("named", metavar="ORDER")
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The PDF's file; order-NUMBER.pdf unless it is named.",
)
@click.option(
    "--font",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TrueType font to put into the file. Without one its reader needs STSong-Light.",
)
@company_option
def print_command(
    *, named: str, target: Path | None, font: Path | None, company: str | None
) -> None:
    """Write the delivery slip of a confirmed order as PDF."""
    with company_of(company, OrderError) as uow:
        order_id = order_named(uow, named)
        page = print_slip(uow, operator(), order_id, font=font)
        number = read_order(uow, order_id).number
        written = target or Path(f"order-{number}.pdf")
        try:
            # Before the commit: what could not be written was not printed.
            written.write_bytes(page)
        except OSError as error:
            raise click.ClickException(f"{written}: {error.strerror}") from error
    say(f"Printed: {written}.")


@order.command("dispatch")
@_orders
@click.option("--to", "position_code", required=True, help="The position that delivers them.")
@company_option
def dispatch_command(*, orders: tuple[str, ...], position_code: str, company: str | None) -> None:
    """Send printed orders out with a driver."""

    def send(uow: UnitOfWork, actor: Actor, ids: Sequence[UUID]) -> int:
        return dispatch_orders(uow, actor, ids, position_by_code(uow, position_code))

    _decide(orders, company, "Dispatched", send)


@order.command("close")
@_orders
@company_option
def close_command(*, orders: tuple[str, ...], company: str | None) -> None:
    """Close delivered orders: the books have them."""
    _decide(orders, company, "Closed", close_orders)


def _decide(
    orders: Sequence[str],
    company: str | None,
    done: str,
    act: Callable[[UnitOfWork, Actor, Sequence[UUID]], int],
) -> None:
    with company_of(company, OrderError) as uow:
        changed = act(uow, operator(), [order_named(uow, named) for named in orders])
    say(f"{done}: {changed} order{'' if changed == 1 else 's'}.")


def _typed_lines(
    uow: UnitOfWork, lines: Sequence[tuple[str, str, str]], found: OrderRead
) -> list[NewLine]:
    """Lines as they were typed. A product that comes back keeps the reason it had."""
    products = products_by_code(uow, [code for code, _, _ in lines])
    reasons = {line.product_id: line.reason for line in found.version().lines}
    wanted = []
    for place, (code, unit, typed) in enumerate(lines, start=1):
        if code not in products:
            raise LineInvalid(
                Said(
                    "line {place}: there is no product {code} in this company",
                    place=place,
                    code=code,
                )
            )
        product_id = products[code].id
        quantity, _, price = typed.partition("@")
        try:
            wanted.append(
                NewLine(
                    product_id,
                    unit,
                    int(quantity),
                    read_amount(price, found.currency) if price else None,
                    reasons.get(product_id, "OTHER") if found.order_type == "RETURN" else None,
                )
            )
        except ValueError as error:
            raise LineInvalid(
                Said(
                    "line {place}: {typed} is no quantity, or quantity@price",
                    place=place,
                    typed=typed,
                )
            ) from error
    return wanted


def _date(typed: datetime | None) -> date | None:
    return None if typed is None else typed.date()


def _row(one: OrderListed) -> tuple[str, ...]:
    server = one.server_total_minor
    return (
        one.number or str(one.id)[:8],
        one.order_type.lower(),
        one.state,
        one.business_day.isoformat(),
        one.store_code or one.store_name,
        one.person,
        f"{told_amount(one.total_minor, one.currency)} {one.currency}",
        NOTHING if server is None else told_amount(server, one.currency),
        ", ".join(one.holds) or NOTHING,
        ", ".join(one.flags) or NOTHING,
    )


def _say_order(found: OrderRead, version: VersionRead) -> None:
    currency = found.currency
    server = version.server_total_minor
    say(
        f"{found.order_type.title()} {found.number} of {found.store_code or ''} {found.store_name},"
        f" taken by {found.person} on {found.business_day}: {found.state}"
    )
    if version.holds and found.state == "HELD":
        say(f"Held: {told_holds(version.holds)}")
    if found.look_alike is not None:
        say(f"Looks like order {found.look_alike}.")
    if found.returns_number is not None:
        say(f"The goods came with order {found.returns_number}.")
    if found.fields["answer"] is not None:
        say(f"The office said: {found.fields['answer']}")
    told = "no price for every line" if server is None else told_amount(server, currency)
    say(
        f"Total {told_amount(version.total_minor, currency)} {currency}; by the server's prices {told}."
    )
    for line in version.lines:
        say(f"{line.line:>3}. {line.product_code} {line.product_name}: {told_line(line, currency)}")
        if line.server_total_minor != line.total_minor:
            say(f"     the server: {told_price(line, currency)}")
        elif line.price_list_code is not None:
            say(f"     {told_price(line, currency)}")
        if line.delivered is not None:
            why = "" if line.delivery_reason is None else f", {line.delivery_reason}"
            say(
                f"     delivered {line.delivered}, short {line.short}, returned {line.returned}{why}"
            )
