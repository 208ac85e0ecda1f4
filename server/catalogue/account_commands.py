"""`roadbook account` and `roadbook division`. Each command is one transaction, logged under the operator."""

from datetime import UTC, datetime
from typing import Any

import click

from server.catalogue.accounts import (
    AccountListed,
    NewAccount,
    account_by_code,
    edit_accounts,
    list_accounts,
    make_accounts,
    said_at,
)
from server.catalogue.asked import REFUSALS
from server.catalogue.divisions import add_division, list_divisions
from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.companies import company_day
from server.identity.external_ids import call_record
from server.identity.terminal import (
    at_most_option,
    company_of,
    company_option,
    external_id_option,
    operator,
)
from server.planning.named_stores import stores_by_code
from server.planning.stores import edit_stores
from sync.money import read_amount, told_amount
from sync.policy import current_policy

_limit = click.option("--limit", help="Credit limit, as 50000.00.")
_receivables = click.option("--receivables", help="What it owes.")
_receipts = click.option("--receipts", help="What it paid that is set against nothing yet.")


@click.group()
def account() -> None:
    """Accounts: the customers that pay for what stores order."""


@account.command("list")
@click.option("--code", "code_begins", help="Those whose code begins like this.")
@at_most_option
@company_option
def list_accounts_command(code_begins: str | None, at_most: int, company: str | None) -> None:
    """List accounts by code, with their credit as the books said last."""
    with company_of(company, *REFUSALS) as uow:
        found = list_accounts(uow, code_begins=code_begins, at_most=at_most + 1)
    say_list(
        (
            "CODE",
            "NAME",
            "CURRENCY",
            "LIMIT",
            "RECEIVABLES",
            "RECEIPTS",
            "OWES AS OF",
            "PAID AS OF",
            "STORES",
        ),
        [_row(one) for one in found],
        "There is no account yet.",
        at_most=at_most,
    )


@account.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--currency", help="ISO 4217. Default: the company's.")
@_limit
@_receivables
@_receipts
@click.option("--store", "stores", multiple=True, metavar="CODE", help="It pays for this store.")
@external_id_option
@company_option
def add_account_command(
    *,
    code: str,
    name: str,
    currency: str | None,
    stores: tuple[str, ...],
    external_ids: tuple[str, ...],
    company: str | None,
    **typed: Any,
) -> None:
    """Add an account. Without a limit its stores order without one."""
    with company_of(company, *REFUSALS) as uow:
        chosen = currency or current_policy(uow)[1].currency
        new = NewAccount(code=code, name=name, currency=chosen, **_money(typed, chosen))
        (account_id,) = make_accounts(uow, operator(), [new])
        call_record(uow, operator(), "account", account_id, external_ids)
        places = {store: {"account_id": account_id} for store in stores_by_code(uow, stores)}
        edit_stores(uow, operator(), places)
    say(f"Added: account {code}.")


@account.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--code", "new_code", help="Another code.")
@_limit
@click.option("--no-limit", "is_unlimited", is_flag=True)
@_receivables
@_receipts
@click.option("--store", "stores", multiple=True, metavar="CODE", help="It pays for this one, too.")
@external_id_option
@company_option
def edit_account_command(
    *,
    code: str,
    name: str | None,
    new_code: str | None,
    is_unlimited: bool,
    stores: tuple[str, ...],
    external_ids: tuple[str, ...],
    company: str | None,
    **typed: Any,
) -> None:
    """Change an account; what is not given stays. Each amount that is given is as of now."""
    with company_of(company, *REFUSALS) as uow:
        account_id = account_by_code(uow, code)
        held = list_accounts(uow, code=code)[0]
        named = {"code": new_code, "name": name}
        changes: dict[str, Any] = {key: value for key, value in named.items() if value is not None}
        changes |= _money(typed, held.currency)
        if is_unlimited:
            changes["credit_limit_minor"] = None
        is_changed = bool(edit_accounts(uow, operator(), {account_id: changes}))
        is_changed |= call_record(uow, operator(), "account", account_id, external_ids)
        places = {store: {"account_id": account_id} for store in stores_by_code(uow, stores)}
        is_changed |= bool(edit_stores(uow, operator(), places))
    say(f"Changed: account {code}." if is_changed else f"Account {code} is so already.")


def _money(typed: dict[str, Any], currency: str) -> dict[str, Any]:
    columns = {
        "limit": "credit_limit_minor",
        "receivables": "open_receivables_minor",
        "receipts": "unapplied_receipts_minor",
    }
    found: dict[str, Any] = {}
    for name, column in columns.items():
        if typed[name] is not None:
            try:
                found[column] = read_amount(typed[name], currency)
            except ValueError as error:
                raise click.BadParameter(f"--{name} {error}") from error
    return said_at(found, datetime.now(UTC))


def _row(one: AccountListed) -> tuple[str, ...]:
    limit = one.credit_limit_minor
    return (
        one.code,
        one.name,
        one.currency,
        "none" if limit is None else told_amount(limit, one.currency),
        told_amount(one.open_receivables_minor, one.currency),
        told_amount(one.unapplied_receipts_minor, one.currency),
        _moment(one.as_of),
        _moment(one.receipts_as_of),
        str(one.stores),
    )


@click.group()
def division() -> None:
    """Divisions: parts of a company with a catalogue of their own."""


@division.command("list")
@company_option
def list_divisions_command(company: str | None) -> None:
    """List divisions by code."""
    with company_of(company, *REFUSALS) as uow:
        found = list_divisions(uow)
    say_list(
        ("CODE", "NAME"),
        [(one.code, one.name) for one in found],
        "There is no division: everybody sells everything.",
        at_most=len(found),
    )


@division.command("add")
@click.argument("code")
@click.argument("name")
@company_option
def add_division_command(code: str, name: str, company: str | None) -> None:
    """Add a division. Positions of no division have it, too."""
    with company_of(company, *REFUSALS) as uow:
        add_division(uow, operator(), code=code, name=name, today=company_day(uow))
    say(f"Added: division {code}.")


def _moment(at: datetime | None) -> str:
    return NOTHING if at is None else f"{at:%Y-%m-%d %H:%M} UTC"
