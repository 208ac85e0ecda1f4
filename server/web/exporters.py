"""The lists of which a worker writes files, by name: each reads its question from the arguments of its page."""

from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.exceptions import NotFound

from server.exchange.doing import IMPORTERS
from server.exchange.reach import positions_reached
from server.exchange.sheets import SHEETS
from server.exports.sheets import exported_sheet
from server.exports.writing import Exported, Exporter
from server.identity.sessions import Visitor
from server.web.changes import change_listing
from server.web.devices import device_listing
from server.web.facts import fact_listing
from server.web.flags import flag_listing
from server.web.form_answers import answer_listing_in_file
from server.web.listing import Listing, exported_of
from server.web.orders import order_listing
from sync.unit_of_work import UnitOfWork

LISTINGS: Mapping[str, Callable[[Visitor, Mapping[str, str]], Listing[Any]]] = {
    "changes": change_listing,
    "devices": device_listing,
    "facts": fact_listing,
    "flags": flag_listing,
    "orders": order_listing,
}


def _exporter(name: str) -> Exporter:
    def export(_uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str]) -> Exported:
        try:
            return exported_of(LISTINGS[name](visitor, arguments))
        except NotFound:
            raise ValueError("the list that was asked for is not there") from None

    return export


def _export_answers(uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str]) -> Exported:
    try:
        return exported_of(answer_listing_in_file(uow, visitor, arguments))
    except NotFound:
        raise ValueError("the form that was asked for is not there") from None


def sheet_of(uow: UnitOfWork, visitor: Visitor, name: str) -> Exported:
    """A sheet as it stands, as far as the visitor imports it. Raises ValueError where they do not."""
    sheet = SHEETS.get(name)
    only = positions_reached(uow, visitor.person_id, visitor.today)
    if sheet is None or not visitor.has_role(*IMPORTERS):
        raise ValueError("the sheet that was asked for is not there")
    if only is not None and sheet.bound_by is None:
        raise ValueError("the sheet that was asked for is not theirs")
    return exported_sheet(sheet, only)


def _export_sheet(uow: UnitOfWork, visitor: Visitor, arguments: Mapping[str, str]) -> Exported:
    return sheet_of(uow, visitor, arguments.get("sheet", ""))


EXPORTERS: Mapping[str, Exporter] = {
    **{name: _exporter(name) for name in LISTINGS},
    "answers": _export_answers,
    "sheet": _export_sheet,
}
