"""What the pages that set price lists share: which list is meant, for which period, and what came of it."""

from uuid import UUID

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.asked import AskedPeriod, read_period
from server.catalogue.errors import (
    CodeTaken,
    NoSuchPriceList,
    NoSuchProduct,
    PeriodInvalid,
    RowsInvalid,
)
from server.catalogue.price_lists import PublishedPrices
from server.catalogue.terms_list import PriceListListed, read_price_list
from server.language import tell, tell_number
from server.web.filled import Filled
from sync.unit_of_work import UnitOfWork


def read_held(uow: UnitOfWork, list_id: UUID) -> PriceListListed:
    """The list, ended or not. Raises NotFound."""
    try:
        return read_price_list(uow, list_id)
    except NoSuchPriceList:
        raise NotFound from None


def read_asked_period(uow: UnitOfWork, form: Filled) -> AskedPeriod | None:
    """From when until when, as the form says it; None where something is wrong with it."""
    starts, ends = form.moment("from"), form.moment("until")
    if not form.is_good:
        return None
    try:
        return read_period(uow, starts, ends, may_be_past=form["past"] == "1")
    except PeriodInvalid as refused:
        form.fault("from", str(refused))
        return None


def note_refusal(form: Filled, refused: Exception) -> None:
    """Note why a change was refused, beside its field. Raises NotFound where what it is about is not there."""
    match refused:
        case NoSuchPriceList() | NoSuchProduct():
            raise NotFound
        case CodeTaken():
            form.fault("code", str(refused))
        case PeriodInvalid():
            form.fault("last" if form["last"] else "from", str(refused))
        case RowsInvalid():
            form.fault("slabs", str(refused.faults[0].words))
        case _:
            names = ("code", "name", "currency", "division_id")
            form.refused(
                refused, names, {"for whom": "level", "class": "class", "channel": "channel"}
            )


def leads_to_list(list_id: UUID, words: str) -> ResponseReturnValue:
    """Back to the list, which tells what was done."""
    flash(words, "notice")
    return redirect(url_for("prices.list_page", list_id=list_id), code=303)


def told_versions(made: list[PublishedPrices]) -> str:
    """What was published, in words."""
    if not made:
        return tell("It is like this already.")
    told = ", ".join(str(one.version) for one in made)
    return tell_number(
        "Published: version {versions}. Phones take it at their next sync.",
        "Published: versions {versions}. Phones take them at their next sync.",
        len(made),
        versions=told,
    )
