"""Accounts: the customers that pay. Their credit comes from the ERP, as of a moment that it names."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import bindparam, func, insert, select, update

from mobile_contract.records.store_terms import ACCOUNT_CODE_MAX, ACCOUNT_NAME_MAX, MONEY_MAX
from server.catalogue.checks import (
    check_currency,
    check_text,
    check_whole,
    differing,
)
from server.catalogue.errors import CodeTaken, FieldInvalid, NoSuchAccount
from server.identity.change_log import Actor, log_changes
from server.language import Said
from sync.accounts import account
from sync.kinds.store.table import store
from sync.kinds.store_terms.publish import bring_terms_up
from sync.unit_of_work import UnitOfWork

REASON_MAX = 200
EDITABLE = (
    "code",
    "name",
    "currency",
    "credit_limit_minor",
    "open_receivables_minor",
    "unapplied_receipts_minor",
    "as_of",
    "receipts_as_of",
)
# Of each amount that the ERP tells: as of when it is so. What was delivered since `as_of` counts with the receivables, so
# that moment moves with no other amount than theirs.
_MOMENT_OF = {"open_receivables_minor": "as_of", "unapplied_receipts_minor": "receipts_as_of"}
_NEVER_NULL = ("code", "name", "currency", "open_receivables_minor", "unapplied_receipts_minor")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account to be made. Amounts are minor units; a limit of None is no limit."""

    code: str
    name: str
    currency: str
    credit_limit_minor: int | None = None
    open_receivables_minor: int = 0
    unapplied_receipts_minor: int = 0
    # When the ERP said what it owes, and what it has paid.
    as_of: datetime | None = None
    receipts_as_of: datetime | None = None
    id: UUID | None = None

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in EDITABLE}


@dataclass(frozen=True, slots=True)
class AccountListed:
    """An account as it is listed, with how many stores it pays for."""

    id: UUID
    code: str
    name: str
    currency: str
    credit_limit_minor: int | None
    open_receivables_minor: int
    unapplied_receipts_minor: int
    as_of: datetime | None
    receipts_as_of: datetime | None
    stores: int


def make_accounts(uow: UnitOfWork, actor: Actor, accounts: Sequence[NewAccount]) -> list[UUID]:
    """New accounts, in the order given; no store has them yet. Raises FieldInvalid, CodeTaken."""
    if not accounts:
        return []
    rows = {each.id or uuid4(): each.fields() for each in accounts}
    for row in rows.values():
        _check(row)
    _must_be_free(uow, rows)
    uow.connection.execute(
        insert(account),
        [{"company_id": uow.company_id, "id": id_, **row} for id_, row in rows.items()],
    )
    log_changes(
        uow, actor, "account.make", "account", ((id_, None, row) for id_, row in rows.items())
    )
    return list(rows)


def edit_accounts(
    uow: UnitOfWork,
    actor: Actor,
    changes: Mapping[UUID, Mapping[str, Any]],
    *,
    reason: str | None = None,
) -> list[UUID]:
    """Set these fields (`EDITABLE`) of these accounts; the ids of those where something differs.

    The terms of their stores follow. A reason is logged with the change. Raises NoSuchAccount, FieldInvalid, CodeTaken.
    """
    if reason is not None:
        check_text("reason", reason, 1, REASON_MAX)
    for fields in changes.values():
        for name in fields:
            if name not in EDITABLE:
                raise FieldInvalid(
                    Said("{name}: an account has no such field to set", name=Said(name))
                )
    held = {
        row["id"]: {name: row[name] for name in EDITABLE}
        for row in uow.connection.execute(
            select(account)
            .where(account.c.company_id == uow.company_id, account.c.id.in_(list(changes)))
            .order_by(account.c.id)
            .with_for_update()
        ).mappings()
    }
    missing = changes.keys() - held.keys()
    if missing:
        raise NoSuchAccount(
            Said("there is no account {missing} in this company", missing=min(missing))
        )
    rows = {
        id_: row
        for id_, fields in sorted(changes.items())
        if (row := {**held[id_], **fields}) != held[id_]
    }
    if not rows:
        return []
    for row in rows.values():
        _check(row)
    _must_be_free(uow, rows)
    uow.connection.execute(
        update(account)
        .where(account.c.company_id == uow.company_id, account.c.id == bindparam("changed"))
        .values({name: bindparam(name) for name in EDITABLE}),
        [{"changed": id_, **row} for id_, row in rows.items()],
    )
    log_changes(
        uow,
        actor,
        "account.edit",
        "account",
        (
            (id_, before, after if reason is None else {**after, "reason": reason})
            for id_, row in rows.items()
            for before, after in [differing(held[id_], row)]
        ),
    )
    bring_terms_up(uow, stores_of_accounts(uow, rows))
    return list(rows)


def said_at(amounts: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """These fields, with the moment as of which each amount among them is so."""
    return {**amounts, **{_MOMENT_OF[name]: moment for name in amounts if name in _MOMENT_OF}}


def stores_of_accounts(uow: UnitOfWork, account_ids: Iterable[UUID]) -> list[UUID]:
    """The stores that these accounts pay for."""
    return list(
        uow.connection.scalars(
            select(store.c.id)
            .where(store.c.company_id == uow.company_id, store.c.account_id.in_(list(account_ids)))
            .order_by(store.c.id)
        )
    )


def list_accounts(
    uow: UnitOfWork, *, code: str | None = None, code_begins: str | None = None, at_most: int = 100
) -> list[AccountListed]:
    """Accounts by code. One query."""
    asked = select(
        account.c.id,
        *(account.c[name] for name in EDITABLE),
        select(func.count())
        .where(store.c.company_id == account.c.company_id, store.c.account_id == account.c.id)
        .scalar_subquery()
        .label("stores"),
    ).where(account.c.company_id == uow.company_id)
    if code is not None:
        asked = asked.where(account.c.code == code)
    if code_begins is not None:
        asked = asked.where(func.starts_with(account.c.code, code_begins))
    rows = uow.connection.execute(asked.order_by(account.c.code).limit(at_most))
    return [AccountListed(**row) for row in rows.mappings()]


def account_by_code(uow: UnitOfWork, code: str) -> UUID:
    """The account with this code. Raises NoSuchAccount."""
    found = list_accounts(uow, code=code)
    if not found:
        raise NoSuchAccount(Said("there is no account {code}", code=code))
    return found[0].id


def _check(row: Mapping[str, Any]) -> None:
    for name in _NEVER_NULL:
        if row[name] is None:
            raise FieldInvalid(Said("{name}: must be there", name=Said(name)))
    check_text("code", row["code"], 1, ACCOUNT_CODE_MAX)
    check_text("name", row["name"], 1, ACCOUNT_NAME_MAX)
    check_currency(row["currency"])
    check_whole("open_receivables_minor", row["open_receivables_minor"], 0, MONEY_MAX // 4)
    check_whole("unapplied_receipts_minor", row["unapplied_receipts_minor"], 0, MONEY_MAX // 4)
    if row["credit_limit_minor"] is not None:
        check_whole("credit_limit_minor", row["credit_limit_minor"], 0, MONEY_MAX // 4)


def _must_be_free(uow: UnitOfWork, rows: Mapping[UUID, Mapping[str, Any]]) -> None:
    given = [row["code"] for row in rows.values()]
    if len(set(given)) < len(given):
        raise CodeTaken(
            Said("code {code} is given twice", code=next(x for x in given if given.count(x) > 1))
        )
    taken = uow.connection.scalars(
        select(account.c.code).where(
            account.c.company_id == uow.company_id,
            account.c.id.not_in(list(rows)),
            account.c.code.in_(given),
        )
    ).first()
    if taken is not None:
        raise CodeTaken(Said("another account has the code {taken}", taken=taken))
