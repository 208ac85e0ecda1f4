"""Accounts: the customers that pay, and their credit as the ERP tells it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from mobile_contract.records.price_list import CURRENCY_PATTERN
from mobile_contract.records.store_terms import ACCOUNT_CODE_MAX, ACCOUNT_NAME_MAX
from server.catalogue.accounts import NewAccount, edit_accounts, make_accounts
from server.exchange.cells import Amount, Code, Moment, Value, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency, minor_of, troubles_with_amounts
from server.identity.change_log import Actor
from server.language import sentence
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

_AMOUNTS = {
    "credit_limit": "credit_limit_minor",
    "open_receivables": "open_receivables_minor",
    "unapplied_receipts": "unapplied_receipts_minor",
}
_FIELDS = {
    name: name for name in ("code", "name", "currency", "as_of", "receipts_as_of")
} | _AMOUNTS


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], _references: References, _today: date
) -> None:
    """Make and change accounts as sets."""
    make_accounts(
        uow,
        actor,
        [
            NewAccount(**_with_moment(c, _columns(c, *_FIELDS), "as_of"))
            for c in changes
            if c.is_new
        ],
    )
    edit_accounts(
        uow,
        actor,
        {
            c.id: _with_moment(c, _columns(c, *c.after(*_FIELDS)), "unapplied_receipts")
            for c in changes
            if not c.is_new
        },
    )


def _with_moment(change: Change, columns: dict[str, Any], moved_by: str) -> dict[str, Any]:
    """The columns; where no moment is said of what was paid ahead, and that is moved, it is that of what is owed."""
    if columns.get("receipts_as_of") is None and moved_by in change.fields:
        return {**columns, "receipts_as_of": change.values["as_of"]}
    return columns


def _columns(change: Change, *names: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in names:
        value: Value = change.values[name]
        if name in _AMOUNTS:
            value = minor_of(value, change.values["currency"])
            # What nobody owes is nothing; a limit that is not set is none.
            if value is None and name != "credit_limit":
                value = 0
        columns[_FIELDS[name]] = value
    return columns


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """Amounts have as many digits as their currency."""
    for change in changes:
        yield from troubles_with_amounts(change, change.values["currency"], tuple(_AMOUNTS))


def _from_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    amounts = {
        name: None if row[name] is None else Decimal(told_amount(row[name], row["currency"]))
        for name in _AMOUNTS
    }
    return {**row, **amounts}


ACCOUNT = Sheet(
    name="account",
    about=sentence("The customers that pay, with their credit."),
    columns=(
        Column(
            name="code",
            cell=Code(ACCOUNT_CODE_MAX, has_spaces=True),
            about=sentence("its code"),
            is_required=True,
        ),
        Column(
            name="name", cell=Words(ACCOUNT_NAME_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="currency",
            cell=Currency(CURRENCY_PATTERN),
            about=sentence("in which it owes"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="credit_limit",
            cell=Amount(),
            about=sentence("how much it may owe; empty: no limit"),
        ),
        Column(
            name="open_receivables",
            cell=Amount(),
            about=sentence("what it owes; empty leaves it"),
            keeps_when_empty=True,
        ),
        Column(
            name="unapplied_receipts",
            cell=Amount(),
            about=sentence("what it has paid ahead; empty leaves it"),
            keeps_when_empty=True,
        ),
        Column(name="as_of", cell=Moment(), about=sentence("when it owed this")),
        Column(
            name="receipts_as_of",
            cell=Moment(),
            about=sentence(
                "when it had paid this ahead; not named: as_of, where that amount differs"
            ),
        ),
    ),
    key=("code",),
    select="""
        select id, code, name, currency, credit_limit_minor as credit_limit,
               open_receivables_minor as open_receivables,
               unapplied_receipts_minor as unapplied_receipts, as_of, receipts_as_of
        from account where company_id = :company
    """,
    from_row=_from_row,
    apply=apply,
    check=check,
    takes_turn=without_turn,
)
