"""Price lists are given whole files of prices, and ended."""

from datetime import timedelta
from uuid import UUID

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from server.catalogue.asked import read_end
from server.catalogue.errors import (
    CatalogueError,
    RowsInvalid,
)
from server.catalogue.price_lists import (
    PublishedPrices,
    end_price_list,
    publish_prices,
)
from server.catalogue.price_rows import read_price_csv
from server.catalogue.terms_list import PriceListListed, whom_of
from server.catalogue.whom import stores_of
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import tell, tell_number
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.menu import ADMIN
from server.web.price_parts import (
    leads_to_list,
    note_refusal,
    read_asked_period,
    read_held,
    told_versions,
)

FILE_BYTES_MAX = 16 * 1024 * 1024
FILE_BODY = BodyBounds(wire_bytes=FILE_BYTES_MAX, unpacked_bytes=FILE_BYTES_MAX)
FAULTS_SHOWN = 100


def publishing_routes(desk: Desk, routes: Blueprint) -> None:
    """The page that takes a file of prices."""

    @routes.get("/<uuid:list_id>/publish")
    @desk.page(*ADMIN)
    def publish_form(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form for a file of prices."""
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
        form = Filled({"from": (visitor.today + timedelta(days=1)).isoformat()})
        return _publish_form(form, held)

    @routes.post("/<uuid:list_id>/publish")
    @desk.page(*ADMIN, body=FILE_BODY)
    def publish(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """Check a file and change nothing, or publish it: all of it or nothing."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
            period = read_asked_period(uow, form)
        file = request.files.get("file")
        text = ""
        if file is None or not file.filename:
            form.fault("file", tell("Choose a file."))
        else:
            try:
                text = file.read().decode("utf-8-sig")
            except UnicodeDecodeError:
                form.fault("file", tell("The file is not in UTF-8."))
        is_check = form["act"] != "publish"
        found: list[tuple[int, str, str]] = []
        done: PublishedPrices | None = None
        if form.is_good and period is not None:
            database = desk.database
            opened = database.rehearsal if is_check else database.company
            try:
                rows = read_price_csv(text, held.currency)
                with opened(visitor.company_id) as uow:
                    done = publish_prices(
                        uow,
                        visitor.actor,
                        list_id,
                        rows,
                        valid_from=period.valid_from,
                        valid_until=period.valid_until,
                        may_be_past=period.may_be_past,
                    )
            except RowsInvalid as refused:
                found = [(fault.row, fault.column, str(fault.words)) for fault in refused.faults]
                form.fault(
                    "",
                    tell_number(
                        "Nothing was published: one place in the file is wrong.",
                        "Nothing was published: {number} places in the file are wrong.",
                        len(found),
                    ),
                )
            except CatalogueError as refused:
                note_refusal(form, refused)
            else:
                if not is_check:
                    return leads_to_list(list_id, told_versions([done]))
        return _publish_form(form, held, faults=found, checked=done)


def ending_routes(desk: Desk, routes: Blueprint) -> None:
    """The page that ends a list."""

    @routes.get("/<uuid:list_id>/end")
    @desk.page(*ADMIN)
    def ask_end(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """What it means that a list ends, before it is done."""
        return _ask_end(desk, visitor, list_id, Filled({}))

    @routes.post("/<uuid:list_id>/end")
    @desk.page(*ADMIN, body=FORM_BODY)
    def end_list(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """End a list, now or after a day."""
        form = Filled()
        last = form.moment("last")
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    end_price_list(uow, visitor.actor, list_id, at=read_end(uow, last))
            except CatalogueError as refused:
                note_refusal(form, refused)
            else:
                return leads_to_list(list_id, tell("Ended. Phones take it at their next sync."))
        return _ask_end(desk, visitor, list_id, form)


def _ask_end(desk: Desk, visitor: Visitor, list_id: UUID, form: Filled) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        held = read_held(uow, list_id)
        stores = len(stores_of(uow, whom_of(uow, "price_list", held.id, held.level)))
    return draw(
        "prices/end.html", 200 if form.is_good else 422, held=held, form=form, stores=stores
    )


def _publish_form(
    form: Filled,
    held: PriceListListed,
    *,
    faults: list[tuple[int, str, str]] | None = None,
    checked: PublishedPrices | None = None,
) -> ResponseReturnValue:
    return draw(
        "prices/publish.html",
        200 if form.is_good else 422,
        form=form,
        held=held,
        found=(faults or [])[:FAULTS_SHOWN],
        more=max(0, len(faults or ()) - FAULTS_SHOWN),
        checked=checked,
    )
