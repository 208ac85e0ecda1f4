"""Every master that can be imported and exported, each by its name: the only list of sheets."""

from collections.abc import Mapping

from server.exchange.faults import NoSuchSheet
from server.exchange.sheet import Sheet
from server.exchange.sheets.account import ACCOUNT
from server.exchange.sheets.activity import ACTIVITY
from server.exchange.sheets.division import DIVISION
from server.exchange.sheets.holiday import HOLIDAY
from server.exchange.sheets.occupancy import OCCUPANCY
from server.exchange.sheets.person import PERSON
from server.exchange.sheets.position import POSITION
from server.exchange.sheets.price import PRICE
from server.exchange.sheets.price_list import PRICE_LIST
from server.exchange.sheets.product import PRODUCT
from server.exchange.sheets.promotion import PROMOTION
from server.exchange.sheets.region import REGION
from server.exchange.sheets.route import ROUTE
from server.exchange.sheets.store import STORE
from server.exchange.sheets.target import TARGET
from server.language import Said

# In the order in which a company is filled: what is named comes before what names it.
ALL_SHEETS: tuple[Sheet, ...] = (
    DIVISION,
    REGION,
    POSITION,
    PERSON,
    OCCUPANCY,
    HOLIDAY,
    ACCOUNT,
    STORE,
    ROUTE,
    PRODUCT,
    PRICE_LIST,
    PRICE,
    PROMOTION,
    ACTIVITY,
    TARGET,
)
SHEETS: Mapping[str, Sheet] = {sheet.name: sheet for sheet in ALL_SHEETS}


def sheet_named(name: str) -> Sheet:
    """The sheet of this name. Raises NoSuchSheet, which names those that there are."""
    found = SHEETS.get(name)
    if found is None:
        raise NoSuchSheet(
            Said(
                "there is no sheet {name!r}; these are {choices}",
                name=name,
                choices=", ".join(SHEETS),
            )
        )
    return found
