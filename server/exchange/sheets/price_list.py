"""Price lists and whom they are for, a row for each; their prices are the sheet `price`."""

from collections.abc import Iterable, Sequence
from datetime import date

from mobile_contract.records.price_list import CURRENCY_PATTERN, TERMS_CODE_MAX, TERMS_NAME_MAX
from server.catalogue.price_lists import (
    NewPriceList,
    edit_price_list,
    end_price_list,
    make_price_list,
)
from server.exchange.cells import Choice, Code, Moment, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency
from server.exchange.sheets.whom import (
    WHOM_COLUMNS,
    WHOM_KEY,
    troubles_with_whom,
    whom_of,
    whom_select,
)
from server.identity.change_log import Actor
from server.language import Said, sentence
from sync.kinds.price_list.table import LEVELS
from sync.unit_of_work import UnitOfWork


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, _today: date
) -> None:
    """Make lists, rename them, let them be for others, end them."""
    for change in changes:
        values = change.values
        whom = None if change.lines is None else whom_of(change, references)
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


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """A list is for values of its level, one in each row."""
    for change in changes:
        if "ended_at" in change.fields and change.values["ended_at"] is None:
            yield Told(change, "ended_at", "fixed", Said("what has ended does not begin again"))
        if change.lines is not None:
            yield from troubles_with_whom(change)


def closes(change: Change) -> bool:
    """Whether a list ends."""
    return change.after("ended_at").get("ended_at") is not None


PRICE_LIST = Sheet(
    name="price_list",
    about=sentence(
        "Price lists and whom each is for: a row for each store, account, class, channel or region, and "
        "the rows of a list are all that it is for."
    ),
    columns=(
        Column(
            name="code",
            cell=Code(TERMS_CODE_MAX, has_spaces=True),
            about=sentence("its code"),
            is_required=True,
        ),
        Column(
            name="name", cell=Words(TERMS_NAME_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="currency",
            cell=Currency(CURRENCY_PATTERN),
            about=sentence("of its prices"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("whose products it prices; empty: of all"),
            refers_to="division",
            is_fixed=True,
        ),
        Column(
            name="level",
            cell=Choice(LEVELS),
            about=sentence("what its rows name"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="ended_at", cell=Moment(), about=sentence("from when on none of its prices holds")
        ),
    ),
    line_columns=WHOM_COLUMNS,
    line_key=WHOM_KEY,
    has_ordered_lines=False,
    key=("code",),
    select="""
        select l.id, l.code, l.name, l.currency, d.code as division, l.level, l.ended_at
        from price_list l
        left join division d on d.company_id = l.company_id and d.id = l.division_id
        where l.company_id = :company
    """,
    line_select=whom_select("price_list"),
    apply=apply,
    check=check,
    closes=closes,
    takes_turn=without_turn,
    records_at_once=50,
)
