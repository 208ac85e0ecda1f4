"""Whom a price list or a promotion is for, as rows of a sheet: one store, account, class, channel or region each."""

from collections.abc import Iterable
from typing import Any

from mobile_contract.records.store import CHANNEL_MAX, CLASSES, CODE_MAX
from mobile_contract.records.store_terms import ACCOUNT_CODE_MAX
from server.catalogue.whom import VALUES_MAX, Whom
from server.exchange.cells import Choice, Code, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Told
from server.language import Said, sentence

# level → the columns that its rows may have
_OF_LEVEL = {
    "CUSTOMER": ("store", "account"),
    "CLASS": ("class",),
    "CHANNEL": ("channel",),
    "REGION": ("region",),
}
WHOM_COLUMNS = (
    Column(
        name="store",
        cell=Code(CODE_MAX, has_spaces=True),
        about=sentence("for this store"),
        refers_to="store",
    ),
    Column(
        name="account",
        cell=Code(ACCOUNT_CODE_MAX, has_spaces=True),
        about=sentence("for the stores of this account"),
        refers_to="account",
    ),
    Column(name="class", cell=Choice(CLASSES), about=sentence("for stores of this class")),
    Column(name="channel", cell=Words(CHANNEL_MAX), about=sentence("for stores of this channel")),
    Column(
        name="region",
        cell=Code(),
        about=sentence("for stores of this region and those below"),
        refers_to="region",
    ),
)
WHOM_KEY = tuple(column.name for column in WHOM_COLUMNS)


def whom_select(kind: str) -> str:
    """The query of those rows, of a `price_list` or a `promotion`."""
    return f"""
        select f.{kind}_id as of, f.place, s.code as store, a.code as account,
               f.store_class as class, f.channel, r.code as region
        from {kind}_for f
        left join store s on s.company_id = f.company_id and s.id = f.store_id
        left join account a on a.company_id = f.company_id and a.id = f.account_id
        left join region r on r.company_id = f.company_id and r.id = f.region_id
        where f.company_id = :company
    """  # noqa: S608  one of two names


def whom_of(change: Change, references: References) -> Whom:
    """Whom the rows of a change name."""

    def those(column: Column) -> frozenset[Any]:
        given = {line[column.name] for line in change.lines or ()} - {None}
        if column.refers_to is None:
            return frozenset(given)
        return frozenset(references.id(column.refers_to, key) for key in given)

    stores, accounts, classes, channels, regions = map(those, WHOM_COLUMNS)
    return Whom(change.values["level"], stores, accounts, classes, channels, regions)


def troubles_with_whom(change: Change) -> Iterable[Told]:
    """Each row names one value of the level, and there are so many as there may be."""
    level = change.values["level"]
    if not 1 <= len(change.lines or ()) <= VALUES_MAX:
        yield Told(
            change,
            None,
            "required",
            Said("says whom it is for, in 1 to {most} rows", most=VALUES_MAX),
        )
    allowed = _OF_LEVEL.get(level, ())
    for line, given in zip(change.lines or (), change.record.lines, strict=False):
        named = [name for name, value in line.items() if value is not None]
        if len(named) != 1 or named[0] not in allowed:
            says = Said(
                "a row of the level {level} names one {allowed}",
                level=level,
                allowed=" or ".join(allowed),
            )
            yield Told(change, named[0] if named else None, "conflicts", says, given.row)
