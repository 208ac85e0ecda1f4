"""Price lists and whom they are for, a row for each; their prices are the sheet `price`."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from mobile_contract.records.price_list import CURRENCY_PATTERN, TERMS_CODE_MAX, TERMS_NAME_MAX
from mobile_contract.records.store import CHANNEL_MAX, CLASSES, CODE_MAX
from mobile_contract.records.store_terms import ACCOUNT_CODE_MAX
from server.catalogue.price_lists import (
    NewPriceList,
    edit_price_list,
    end_price_list,
    make_price_list,
)
from server.catalogue.whom import VALUES_MAX, Whom
from server.exchange.cells import Choice, Code, Moment, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency
from server.identity.change_log import Actor
from sync.kinds.price_list.table import LEVELS
from sync.unit_of_work import UnitOfWork

# level → the columns that its rows may have
_OF_LEVEL = {
    "CUSTOMER": ("store", "account"),
    "CLASS": ("class",),
    "CHANNEL": ("channel",),
    "REGION": ("region",),
}


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, _today: date
) -> None:
    """Make lists, rename them, let them be for others, end them."""
    for change in changes:
        values = change.values
        whom = None if change.lines is None else _whom(change, references)
        if change.is_new:
            assert whom is not None
            list_id = make_price_list(
                uow,
                actor,
                NewPriceList(
                    code=values["code"],
                    name=values["name"],
                    currency=values["currency"],
                    whom=whom,
                    division_id=references.id_or_none("division", values["division"]),
                ),
            )
        else:
            list_id = change.id
            edit_price_list(
                uow, actor, list_id, code=values["code"], name=values["name"], whom=whom
            )
        if "ended_at" in change.fields:
            end_price_list(uow, actor, list_id, at=values["ended_at"])


def _whom(change: Change, references: References) -> Whom:
    def those(name: str) -> frozenset[Any]:
        given = {line[name] for line in change.lines or ()} - {None}
        column = PRICE_LIST.column(name)
        if column is None or column.refers_to is None:
            return frozenset(given)
        return frozenset(references.id(column.refers_to, key) for key in given)

    return Whom(
        level=change.values["level"],
        store_ids=those("store"),
        account_ids=those("account"),
        classes=those("class"),
        channels=those("channel"),
        region_ids=those("region"),
    )


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """A list is for values of its level, one in each row."""
    for change in changes:
        if "ended_at" in change.fields and change.values["ended_at"] is None:
            yield Told(change, "ended_at", "fixed", "what has ended does not begin again")
        if change.lines is None:
            continue
        if not 1 <= len(change.lines) <= VALUES_MAX:
            yield Told(change, None, "required", f"says whom it is for, in 1 to {VALUES_MAX} rows")
        allowed = _OF_LEVEL.get(change.values["level"], ())
        for line, given in zip(change.lines, change.record.lines, strict=False):
            named = [name for name, value in line.items() if value is not None]
            if len(named) != 1 or named[0] not in allowed:
                says = (
                    f"a row of the level {change.values['level']} names one {' or '.join(allowed)}"
                )
                yield Told(change, named[0] if named else None, "conflicts", says, given.row)


def closes(change: Change) -> bool:
    """Whether a list ends."""
    return change.after("ended_at").get("ended_at") is not None


PRICE_LIST = Sheet(
    name="price_list",
    about="Price lists and whom each is for: a row for each store, account, class, channel or region, and "
    "the rows of a list are all that it is for.",
    columns=(
        Column(
            name="code",
            cell=Code(TERMS_CODE_MAX, has_spaces=True),
            about="its code",
            is_required=True,
        ),
        Column(name="name", cell=Words(TERMS_NAME_MAX), about="its name", is_required=True),
        Column(
            name="currency",
            cell=Currency(CURRENCY_PATTERN),
            about="of its prices",
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="division",
            cell=Code(),
            about="whose products it prices; empty: of all",
            refers_to="division",
            is_fixed=True,
        ),
        Column(
            name="level",
            cell=Choice(LEVELS),
            about="what its rows name",
            is_required=True,
            is_fixed=True,
        ),
        Column(name="ended_at", cell=Moment(), about="from when on none of its prices holds"),
    ),
    line_columns=(
        Column(
            name="store",
            cell=Code(CODE_MAX, has_spaces=True),
            about="for this store",
            refers_to="store",
        ),
        Column(
            name="account",
            cell=Code(ACCOUNT_CODE_MAX, has_spaces=True),
            about="for the stores of this account",
            refers_to="account",
        ),
        Column(name="class", cell=Choice(CLASSES), about="for stores of this class"),
        Column(name="channel", cell=Words(CHANNEL_MAX), about="for stores of this channel"),
        Column(
            name="region",
            cell=Code(),
            about="for stores of this region and those below",
            refers_to="region",
        ),
    ),
    line_key=("store", "account", "class", "channel", "region"),
    has_ordered_lines=False,
    key=("code",),
    select="""
        select l.id, l.code, l.name, l.currency, d.code as division, l.level, l.ended_at
        from price_list l
        left join division d on d.company_id = l.company_id and d.id = l.division_id
        where l.company_id = :company
    """,
    line_select="""
        select f.price_list_id as of, f.place, s.code as store, a.code as account,
               f.store_class as class, f.channel, r.code as region
        from price_list_for f
        left join store s on s.company_id = f.company_id and s.id = f.store_id
        left join account a on a.company_id = f.company_id and a.id = f.account_id
        left join region r on r.company_id = f.company_id and r.id = f.region_id
        where f.company_id = :company
    """,
    apply=apply,
    check=check,
    closes=closes,
    takes_turn=without_turn,
    records_at_once=50,
)
