"""`roadbook promotion`. Each command is one transaction, logged under the operator's name."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import click

from mobile_contract.records.promotion import AMOUNT_PER, BENEFITS
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
from server.catalogue.promotion_terms import PromotionTerms
from server.catalogue.promotion_words import told_promotion
from server.catalogue.promotions import (
    NewPromotion,
    draft_promotion,
    edit_promotion,
    end_promotion,
    publish_promotion,
)
from server.catalogue.terms_list import (
    list_promotions,
    product_names,
    promotion_by_code,
    whom_of,
)
from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.terminal import at_most_option, company_of, company_option, operator
from sync.money import read_amount
from sync.policy import current_policy

Command = TypeVar("Command", bound=Callable[..., Any])

_TERMS = (
    click.option("--benefit", type=click.Choice(BENEFITS, case_sensitive=False)),
    click.option("--percent", help="PERCENT_OFF, BUY_X_GET_Y: as 10 or 12.5."),
    click.option("--amount", help="AMOUNT_OFF: as 2.50."),
    click.option("--per", type=click.Choice(AMOUNT_PER, case_sensitive=False)),
    click.option("--buy", type=int, help="BUY_X_GET_Y: so many bought."),
    click.option("--get", type=int, help="BUY_X_GET_Y: so many given."),
    click.option("--item", "items", multiple=True, metavar="CODE[:UNIT]", help="What it is about."),
    click.option(
        "--gift", "gifts", multiple=True, metavar="CODE[:UNIT]", help="What is given, if other."
    ),
    click.option(
        "--portion", "portions", multiple=True, metavar="CODE:UNIT:N", help="BUNDLE: a part."
    ),
    click.option("--price", help="BUNDLE: of all parts together, as 99.00."),
    click.option("--from-quantity", "min_quantity", type=int, default=0),
    click.option("--from-amount", help="From so much on, as 500.00."),
    click.option("--at-most-times", "max_times", type=int, help="In an order."),
    click.option("--at-most-amount", help="Taken off an order, as 100.00."),
    click.option("--order", "stack_order", type=int, default=0, help="Lower ones are taken first."),
    click.option("--group", "stack_group", help="Of one group one applies to a line."),
    click.option("--exclusive", "is_exclusive", is_flag=True, help="It shares a line with none."),
)


def _terms_options(command: Command) -> Command:
    for option in reversed(_TERMS):
        command = option(command)
    return command


@click.group()
def promotion() -> None:
    """Promotions: what is taken off the price of lines."""


@promotion.command("list")
@click.option("--all", "is_with_ended", is_flag=True, help="Those that have ended, too.")
@at_most_option
@company_option
def list_promotions_command(at_most: int, company: str | None, *, is_with_ended: bool) -> None:
    """List promotions by code: what each says, for whom, and when."""
    with company_of(company, *REFUSALS) as uow:
        zone = current_policy(uow)[1].zone
        states = None if is_with_ended else ("DRAFT", "PUBLISHED")
        found = list_promotions(uow, states=states, at_most=at_most + 1)
        numbers = {number for one in found for number in _numbers(one.said)}
        named = product_names(uow, numbers)
        rows = [
            (
                one.code,
                one.name,
                told_promotion(one.said, one.currency, named),
                told_whom(uow, whom_of(uow, "promotion", one.id, one.level)),
                one.state.lower(),
                told_period(one.valid_from, one.valid_until, zone),
            )
            for one in found
        ]
    say_list(
        ("CODE", "NAME", "SAYS", "FOR", "STATE", "HOLDS"),
        rows,
        "There is no promotion yet.",
        at_most=at_most,
    )


@promotion.command("add")
@click.argument("code")
@click.argument("name")
@_terms_options
@click.option("--currency", help="ISO 4217. Default: the company's.")
@click.option("--division", "division_code")
@whom_options
@company_option
def add_promotion_command(
    *, code: str, name: str, division_code: str | None, company: str | None, **typed: Any
) -> None:
    """Draft a promotion; phones see it when it is published. For whom: default every store."""
    if typed["benefit"] is None:
        raise click.BadParameter(f"--benefit: one of {', '.join(BENEFITS)}")
    with company_of(company, *REFUSALS) as uow:
        currency = typed["currency"] or current_policy(uow)[1].currency
        new = NewPromotion(
            code=code,
            name=name,
            currency=currency,
            terms=_read_terms(typed, currency),
            whom=read_whom_options(uow, typed),
            division_id=None if division_code is None else division_by_code(uow, division_code),
        )
        draft_promotion(uow, operator(), new)
    say(f"Drafted: promotion {code}. Publish it: roadbook promotion publish {code}")


@promotion.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--code", "new_code", help="Another code.")
@_terms_options
@whom_options
@company_option
def edit_promotion_command(
    *, code: str, name: str | None, new_code: str | None, company: str | None, **typed: Any
) -> None:
    """Change a promotion. With --benefit what it says is drafted anew, as a whole."""
    with company_of(company, *REFUSALS) as uow:
        held = promotion_by_code(uow, code)
        is_changed = edit_promotion(
            uow,
            operator(),
            held.id,
            code=new_code,
            name=name,
            terms=None if typed["benefit"] is None else _read_terms(typed, held.currency),
            whom=read_whom_options(uow, typed),
        )
    say(f"Changed: promotion {code}." if is_changed else f"Promotion {code} is so already.")


@promotion.command("publish")
@click.argument("code")
@period_options
@company_option
def publish_promotion_command(
    *,
    code: str,
    starts: datetime | None,
    ends: datetime | None,
    may_be_past: bool,
    company: str | None,
) -> None:
    """Publish what is drafted, or again what was published, for another time."""
    with company_of(company, *REFUSALS) as uow:
        held = promotion_by_code(uow, code)
        asked = read_period(uow, starts, ends, may_be_past=may_be_past)
        version = publish_promotion(
            uow,
            operator(),
            held.id,
            valid_from=asked.valid_from,
            valid_until=asked.valid_until,
            may_be_past=asked.may_be_past,
        )
    say(f"Published: version {version} of promotion {code}.")


@promotion.command("end")
@click.argument("code")
@click.option(
    "--after",
    "ends",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    metavar="DAY",
    help="Its last day. Default: it ends now.",
)
@company_option
def end_promotion_command(code: str, ends: datetime | None, company: str | None) -> None:
    """End a promotion. What was priced with it stays."""
    with company_of(company, *REFUSALS) as uow:
        held = promotion_by_code(uow, code)
        end_promotion(uow, operator(), held.id, at=read_end(uow, ends))
    say(f"Ended: promotion {code}.")


@promotion.command("show")
@click.argument("code")
@company_option
def show_promotion_command(code: str, company: str | None) -> None:
    """What a promotion says and what is drafted, for whom and when."""
    with company_of(company, *REFUSALS) as uow:
        zone = current_policy(uow)[1].zone
        one = promotion_by_code(uow, code)
        named = product_names(uow, _numbers(one.terms or {}) | _numbers(one.draft or {}))
        whom = told_whom(uow, whom_of(uow, "promotion", one.id, one.level))
    say(f"{one.code} {one.name}, {one.state.lower()}, for {whom}")
    if one.terms is not None:
        holds = told_period(one.valid_from, one.valid_until, zone)
        say(f"version {one.version}, {holds}: {told_promotion(one.terms, one.currency, named)}")
    if one.draft is not None:
        say(f"drafted: {told_promotion(one.draft, one.currency, named)}")
    say(f"division {one.division_code or NOTHING}, number {one.number}")


def _numbers(terms: dict[str, Any]) -> set[int]:
    return {
        each["product"] for name in ("items", "gifts", "portions") for each in terms.get(name, ())
    }


def _read_terms(typed: dict[str, Any], currency: str) -> PromotionTerms:
    def amount(name: str) -> int | None:
        if typed[name] is None:
            return None
        try:
            return read_amount(typed[name], currency)
        except ValueError as error:
            raise click.BadParameter(f"--{name.replace('_', '-')} {error}") from error

    benefit = typed["benefit"].upper()
    percent = typed["percent"] or ("100" if benefit == "BUY_X_GET_Y" else None)
    return PromotionTerms(
        benefit=benefit,
        basis_points=None if percent is None else _basis_points(percent),
        amount_minor=amount("amount"),
        per=typed["per"].upper() if typed["per"] else ("UNIT" if benefit == "AMOUNT_OFF" else None),
        buy=typed["buy"],
        get=typed["get"],
        gifts=tuple(_item(text) for text in typed["gifts"]),
        portions=tuple(_portion(text) for text in typed["portions"]),
        price_minor=amount("price"),
        items=tuple(_item(text) for text in typed["items"]),
        min_quantity=typed["min_quantity"],
        min_amount_minor=amount("from_amount") or 0,
        max_times=typed["max_times"],
        max_minor=amount("at_most_amount"),
        stack_order=typed["stack_order"],
        stack_group=typed["stack_group"],
        is_exclusive=typed["is_exclusive"],
    )


def _basis_points(text: str) -> int:
    try:
        # A percentage has two digits after the point, as most money has.
        return read_amount(text.removesuffix("%"), "USD")
    except ValueError as error:
        raise click.BadParameter("--percent: as 10 or 12.5") from error


def _item(text: str) -> tuple[str, str | None]:
    code, _, unit = text.partition(":")
    return code, unit or None


def _portion(text: str) -> tuple[str, str, int]:
    code, unit, number = (*text.split(":"), "", "")[:3]
    if not number.isdecimal():
        raise click.BadParameter(f"--portion {text}: as OAT-200:CTN:2")
    return code, unit, int(number)
