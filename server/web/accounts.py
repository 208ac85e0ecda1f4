"""Accounts: who pays for what stores order, what each may still order for, and what is held for it."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.account_sheet import AccountLine, list_account_lines, read_account
from server.catalogue.accounts import (
    EDITABLE,
    NewAccount,
    edit_accounts,
    make_accounts,
    said_at,
)
from server.catalogue.errors import CatalogueError, CodeTaken, NoSuchAccount
from server.catalogue.whom_named import customers_called
from server.identity.errors import IdentityError
from server.identity.external_ids import call_record, called_elsewhere
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_money, told_number
from server.orders.errors import NoSuchOrder
from server.orders.one_order import read_order
from server.orders.order_list import OrderListed, list_orders
from server.planning.errors import PlanningError
from server.planning.store_sheet import StoreAsked, list_store_lines
from server.planning.stores import edit_stores
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.master_words import FOUND_MAX, found_for_scripts, told_changes, told_hour
from server.web.menu import ADMIN, OFFICE
from server.web.orders import HOLDS
from server.web.orders import STATES as ORDER_STATES
from server.web.typed import typed_text, typed_uuid
from sync.accounts import UNDELIVERED
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

ORDERS_SHOWN = 50
STORES_SHOWN = 50
_FIGURES = {
    "limit": "credit_limit_minor",
    "receivables": "open_receivables_minor",
    "receipts": "unapplied_receipts_minor",
}


def _available(one: AccountLine) -> str | Badge:
    available = one.available_minor
    if available is None:
        return tell("any amount")
    told = told_money(available, one.currency)
    return Badge(told, "bad") if available < 0 else told


COLUMNS: tuple[Column[AccountLine], ...] = (
    Column(
        sentence("Code"),
        lambda one: Link(one.code, url_for("accounts.account_page", account_id=one.id)),
        lambda one: one.code,
    ),
    Column(sentence("Account"), lambda one: one.name, lambda one: one.name),
    Column(
        sentence("Credit limit"),
        lambda one: (
            tell("none")
            if one.credit_limit_minor is None
            else told_money(one.credit_limit_minor, one.currency)
        ),
        lambda one: one.credit_limit_minor,
        is_number=True,
    ),
    Column(
        sentence("Open receivables"),
        lambda one: told_money(one.open_receivables_minor, one.currency),
        lambda one: one.open_receivables_minor,
        is_number=True,
    ),
    Column(
        sentence("Not yet delivered"),
        lambda one: told_money(one.undelivered_minor, one.currency),
        lambda one: one.undelivered_minor,
        is_number=True,
    ),
    Column(
        sentence("May still order for"),
        _available,
        lambda one: one.available_minor,
        is_number=True,
    ),
    Column(
        sentence("Held orders"),
        lambda one: Badge(told_number(one.held), "warn") if one.held else None,
        lambda one: one.held,
        is_number=True,
    ),
    Column(
        sentence("Stores"),
        lambda one: told_number(one.stores),
        lambda one: one.stores,
        is_number=True,
    ),
    Column(sentence("Currency"), lambda one: one.currency, lambda one: one.currency),
)


def account_routes(desk: Desk) -> Blueprint:
    """/accounts and what is below it."""
    routes = Blueprint("accounts", __name__, url_prefix="/accounts")

    @routes.get("/")
    @desk.page(*OFFICE)
    def account_list(visitor: Visitor) -> ResponseReturnValue:
        """The accounts that the visitor may see, by code."""
        read = pages_of(
            lambda uow, after, at_most: list_account_lines(
                uow,
                words=request.args.get("words", ""),
                today=visitor.today,
                asker_id=visitor.person_id,
                after=after,
                at_most=at_most,
            ),
            lambda one: one.code,
            typed_text,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="accounts",
                columns=COLUMNS,
                read=read,
                nothing=sentence("There is no account like this."),
            ),
            "accounts/list.html",
            may_set=visitor.has_role(*ADMIN),
        )

    @routes.get("/found")
    @desk.page(*ADMIN)
    def accounts_found(visitor: Visitor) -> ResponseReturnValue:
        """Accounts by code or name, for scripts."""
        with desk.database.reading(visitor.company_id) as uow:
            found = list_account_lines(
                uow,
                words=request.args.get("words", ""),
                today=visitor.today,
                asker_id=visitor.person_id,
                at_most=FOUND_MAX,
            )
        return found_for_scripts((one.code, one.name) for one in found)

    @routes.get("/<uuid:account_id>")
    @desk.page(*OFFICE)
    def account_page(visitor: Visitor, account_id: UUID) -> ResponseReturnValue:
        """One account: how its credit comes about, what is held and on its way, whom it pays for."""
        return _account_page(desk, visitor, account_id, Filled({}))

    _limit_routes(desk, routes)
    _edit_routes(desk, routes)
    return routes


def _account_page(
    desk: Desk, visitor: Visitor, account_id: UUID, form: Filled
) -> ResponseReturnValue:
    who: dict[str, Any] = {"today": visitor.today, "asker_id": visitor.person_id}
    with desk.database.reading(visitor.company_id) as uow:
        account = _read(uow, visitor, account_id)
        came_from = _came_from(uow, visitor)

        def orders(states: tuple[str, ...]) -> list[OrderListed]:
            return list_orders(
                uow,
                states=states,
                account_id=account_id,
                asker_id=visitor.person_id,
                at_most=ORDERS_SHOWN,
            )

        held, coming = orders(("HELD",)), orders(UNDELIVERED)
        stores = list_store_lines(
            uow, StoreAsked(account_id=account_id), at_most=STORES_SHOWN + 1, **who
        )
        changes = told_changes(
            uow, "account", account_id, visitor.policy.time_zone, account.currency
        )
        elsewhere = called_elsewhere(uow, "account", account_id)
        shown = with_basis(uow, "account", account_id, {"limit": _limit_told(account)})
        form.bring_up(shown)
    zone = visitor.policy.time_zone
    return draw(
        "accounts/account.html",
        200 if form.is_good else 422,
        account=account,
        available=account.available_minor,
        as_of=None if account.as_of is None else told_hour(account.as_of, zone),
        receipts_as_of=None
        if account.receipts_as_of is None
        else told_hour(account.receipts_as_of, zone),
        came_from=came_from,
        tables=[
            (tell("Held orders"), tell("No order of it that you may see is held."), held),
            (tell("On their way"), tell("No order of it that you may see is on its way."), coming),
        ],
        states=ORDER_STATES,
        holds={name: tell(words) for name, words in HOLDS.items()},
        stores=stores[:STORES_SHOWN],
        more=len(stores) > STORES_SHOWN,
        elsewhere=elsewhere,
        changes=changes,
        zone=zone,
        form=form,
        basis=form["basis"] or shown["basis"],
        limit=form["limit"] or shown["limit"],
        may_set=visitor.has_role(*ADMIN),
    )


def _came_from(uow: UnitOfWork, visitor: Visitor) -> tuple[UUID, str] | None:
    """The order that somebody came from, to go back to."""
    typed = request.args.get("order")
    if not typed:
        return None
    try:
        order = read_order(uow, typed_uuid(typed), asker_id=visitor.person_id)
    except NoSuchOrder:
        raise NotFound from None
    return order.id, order.number or str(order.id)[:8]


def _limit_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/<uuid:account_id>/limit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def set_limit(visitor: Visitor, account_id: UUID) -> ResponseReturnValue:
        """Set the limit of an account's credit, with a reason."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            account = _read(uow, visitor, account_id)
        limit = None if form["none"] == "1" else form.amount("limit", account.currency)
        if limit is None and form["none"] != "1":
            form.fault("limit", tell("An amount like 12.50, please."))
        if not form.text("reason"):
            form.fault("reason", tell("Say why."))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    must_be_as_drawn(
                        uow, visitor, "account", account_id, form["basis"], account.currency
                    )
                    done = edit_accounts(
                        uow,
                        visitor.actor,
                        {account_id: {"credit_limit_minor": limit}},
                        reason=form.text("reason"),
                    )
            except (CatalogueError, ChangedMeanwhile) as refused:
                form.refused(refused, ("reason",), {"credit_limit_minor": "limit"})
            else:
                flash(
                    tell("Saved. Held orders stay held until somebody releases them.")
                    if done
                    else tell("It is like this already."),
                    "notice",
                )
                return redirect(
                    url_for(
                        "accounts.account_page",
                        account_id=account_id,
                        order=request.args.get("order"),
                    ),
                    code=303,
                )
        return _account_page(desk, visitor, account_id, form)


def _edit_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*ADMIN)
    def new_account(visitor: Visitor) -> ResponseReturnValue:
        """A form for a new account."""
        return _form(Filled({"currency": visitor.policy.currency}), None)

    @routes.post("/new")
    @desk.page(*ADMIN, body=FORM_BODY)
    def add_account(visitor: Visitor) -> ResponseReturnValue:
        """Add an account."""
        form = Filled()
        currency = form.text("currency")
        fields: dict[str, Any] = {
            "code": form.text("code"),
            "name": form.text("name"),
            "currency": currency,
        }
        figures = said_at(_figures(form, currency), desk.clock())

        def add(uow: UnitOfWork) -> UUID:
            (account_id,) = make_accounts(uow, visitor.actor, [NewAccount(**fields, **figures)])
            _beside(uow, visitor, account_id, form)
            return account_id

        return _tried(desk, visitor, form, None, add) or _form(form, None)

    @routes.get("/<uuid:account_id>/edit")
    @desk.page(*ADMIN)
    def edit_account(visitor: Visitor, account_id: UUID) -> ResponseReturnValue:
        """A form with the account as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            account = _read(uow, visitor, account_id)
            shown = with_basis(uow, "account", account_id, _typed(uow, account))
        return _form(Filled(shown), account)

    @routes.post("/<uuid:account_id>/edit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save_account(visitor: Visitor, account_id: UUID) -> ResponseReturnValue:
        """Change an account; its limit has a form of its own."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            account = _read(uow, visitor, account_id)
        figures = _figures(form, account.currency)
        fields: dict[str, Any] = {"code": form.text("code"), "name": form.text("name")}
        for column in ("open_receivables_minor", "unapplied_receipts_minor"):
            if figures.get(column, getattr(account, column)) != getattr(account, column):
                fields |= said_at({column: figures[column]}, desk.clock())

        def save(uow: UnitOfWork) -> UUID:
            must_be_as_drawn(uow, visitor, "account", account_id, form["basis"], account.currency)
            edit_accounts(uow, visitor.actor, {account_id: fields})
            _beside(uow, visitor, account_id, form)
            return account_id

        done = _tried(desk, visitor, form, account, save)
        if done is not None:
            return done
        with desk.database.reading(visitor.company_id) as uow:
            form.bring_up(_typed(uow, _read(uow, visitor, account_id)))
        return _form(form, account)


def _typed(uow: UnitOfWork, account: AccountLine) -> dict[str, str | list[str]]:
    """An account as it stands in the form."""
    elsewhere = called_elsewhere(uow, "account", account.id)
    return {
        "code": account.code,
        "name": account.name,
        "receivables": told_amount(account.open_receivables_minor, account.currency),
        "receipts": told_amount(account.unapplied_receipts_minor, account.currency),
        "elsewhere": "\n".join(f"{system}={id_}" for system, id_ in elsewhere.items()),
    }


def _limit_told(account: AccountLine) -> str:
    limit = account.credit_limit_minor
    return "" if limit is None else told_amount(limit, account.currency)


def _tried(
    desk: Desk,
    visitor: Visitor,
    form: Filled,
    account: AccountLine | None,
    act: Callable[[UnitOfWork], UUID],
) -> ResponseReturnValue | None:
    """Where it leads to once it is done; None where something is wrong with the form."""
    if not form.is_good:
        return None
    try:
        with desk.database.company(visitor.company_id) as uow:
            account_id = act(uow)
    except CodeTaken as refused:
        form.fault("code", str(refused))
    except IdentityError as refused:
        form.fault("elsewhere", str(refused))
    except (CatalogueError, PlanningError, ChangedMeanwhile) as refused:
        aliases = {column: name for name, column in _FIGURES.items()}
        form.refused(refused, (*EDITABLE, "stores"), aliases)
    else:
        flash(
            tell("Added: {name}.", name=form.text("name"))
            if account is None
            else tell("Saved. Phones take it at their next sync."),
            "notice",
        )
        return redirect(url_for("accounts.account_page", account_id=account_id), code=303)
    return None


def _figures(form: Filled, currency: str) -> dict[str, Any]:
    """The amounts that were typed."""
    found: dict[str, Any] = {}
    for name, column in _FIGURES.items():
        amount = form.amount(name, currency)
        if amount is not None:
            found[column] = amount
    return found


def _beside(uow: UnitOfWork, visitor: Visitor, account_id: UUID, form: Filled) -> None:
    """What the account is called elsewhere, and the stores that it pays for from now on."""
    call_record(uow, visitor.actor, "account", account_id, form.lines("elsewhere"))
    stores, _ = customers_called(uow, form.lines("stores"), ())
    edit_stores(uow, visitor.actor, {id_: {"account_id": account_id} for id_ in stores})


def _form(form: Filled, account: AccountLine | None) -> ResponseReturnValue:
    return draw("accounts/edit.html", 200 if form.is_good else 422, form=form, account=account)


def _read(uow: UnitOfWork, visitor: Visitor, account_id: UUID) -> AccountLine:
    try:
        return read_account(uow, account_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchAccount:
        raise NotFound from None
