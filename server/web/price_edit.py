"""Price lists are set: made, given prices by a file or one by one, ended. What a change makes is shown before it is saved."""

from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.asked import AskedPeriod, read_end, read_period
from server.catalogue.divisions import list_divisions
from server.catalogue.errors import (
    CatalogueError,
    CodeTaken,
    NoSuchPriceList,
    NoSuchProduct,
    PeriodInvalid,
    RowsInvalid,
)
from server.catalogue.price_changes import PriceChange, change_price, plan_price_change
from server.catalogue.price_lists import (
    NewPriceList,
    PublishedPrices,
    edit_price_list,
    end_price_list,
    make_price_list,
    publish_prices,
)
from server.catalogue.price_rows import read_price_csv
from server.catalogue.product_list import ProductListed, find_product
from server.catalogue.terms_list import PriceListListed, read_price_list, whom_of
from server.catalogue.whom import stores_of
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import tell, tell_number, told_money
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.master_words import told_end, told_hour
from server.web.menu import ADMIN
from server.web.typed import typed_text
from server.web.whom_form import read_whom, typed_whom, whom_choices
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

FILE_BYTES_MAX = 16 * 1024 * 1024
FILE_BODY = BodyBounds(wire_bytes=FILE_BYTES_MAX, unpacked_bytes=FILE_BYTES_MAX)
FAULTS_SHOWN = 100
SLABS_SHOWN = 20
BLANK_SLABS = 2


def price_edit_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages that change price lists."""

    @routes.get("/new")
    @desk.page(*ADMIN)
    def new_list(visitor: Visitor) -> ResponseReturnValue:
        """A form for a new list."""
        form = Filled({"currency": visitor.policy.currency, "level": "CHANNEL"})
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)

    @routes.post("/new")
    @desk.page(*ADMIN, body=FORM_BODY)
    def add_list(visitor: Visitor) -> ResponseReturnValue:
        """Add a list; it has no prices yet."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            whom = read_whom(uow, form)
            division = form.id("division_id", (one.id for one in list_divisions(uow)))
        if form.is_good and whom is not None:
            new = NewPriceList(
                code=form.text("code"),
                name=form.text("name"),
                currency=form.text("currency"),
                whom=whom,
                division_id=division,
            )
            try:
                with desk.database.company(visitor.company_id) as uow:
                    list_id = make_price_list(uow, visitor.actor, new)
            except CatalogueError as refused:
                _note(form, refused)
            else:
                flash(tell("Added: {name}. It has no prices yet.", name=new.name), "notice")
                return redirect(url_for("prices.list_page", list_id=list_id), code=303)
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)

    _editing_routes(desk, routes)
    _publishing_routes(desk, routes)
    _ending_routes(desk, routes)
    _changing_routes(desk, routes)


def _editing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:list_id>/edit")
    @desk.page(*ADMIN)
    def edit_list(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form with the list as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
            typed = typed_whom(uow, whom_of(uow, "price_list", held.id, held.level))
            return _form(uow, Filled({"code": held.code, "name": held.name, **typed}), held)

    @routes.post("/<uuid:list_id>/edit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save_list(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """Change a list's name, code and whom it is for."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
            whom = read_whom(uow, form)
        for name in ("code", "name"):
            if not form.text(name):
                form.fault(name, tell("must be there"))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    is_changed = edit_price_list(
                        uow,
                        visitor.actor,
                        list_id,
                        code=form.text("code"),
                        name=form.text("name"),
                        whom=whom,
                    )
            except CatalogueError as refused:
                _note(form, refused)
            else:
                return _done(
                    list_id,
                    tell("Saved. Phones take it at their next sync.")
                    if is_changed
                    else tell("It is like this already."),
                )
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, held)


def _changing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:list_id>/change")
    @desk.page(*ADMIN)
    def change_price_form(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form with what a unit of a product costs by this list."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
            product, fault = _product(uow)
            unit = typed_text(request.args.get("unit"), 12)
            if product is None or unit not in {name for name, _ in product.units}:
                return _choosing(held, product, fault)
            typed: dict[str, str | list[str]] = {
                "product": product.code,
                "unit": unit,
                "from": (visitor.today + timedelta(days=1)).isoformat(),
            }
            now = PriceChange(
                product=product.code,
                unit=unit,
                slabs=(),
                valid_from=_now_there(visitor),
                may_be_past=True,
            )
            before = plan_price_change(uow, list_id, now)[0].before
        typed["quantity"] = [str(slab.from_quantity) for slab in before]
        typed["price"] = [told_amount(slab.price_minor, held.currency) for slab in before]
        return _change_form(Filled(typed), held, product, unit)

    @routes.post("/<uuid:list_id>/change")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save_price(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """Show what a changed price makes, or save it."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
            product = find_product(uow, form.text("product"))
            if product is None or form["unit"] not in {name for name, _ in product.units}:
                raise NotFound
            change = _read_change(uow, form, held)
        if change is not None and form.is_good:
            try:
                if form["act"] == "save":
                    with desk.database.company(visitor.company_id) as uow:
                        made = change_price(uow, visitor.actor, list_id, change)
                    return _done(list_id, _told_versions(made))
                with desk.database.rehearsal(visitor.company_id) as uow:
                    stretches = plan_price_change(uow, list_id, change)
                    change_price(uow, visitor.actor, list_id, change)
                    whom = whom_of(uow, "price_list", held.id, held.level)
                    stores = len(stores_of(uow, whom))
            except CatalogueError as refused:
                _note(form, refused)
            else:
                zone = visitor.policy.time_zone
                return draw(
                    "prices/changing.html",
                    held=held,
                    product=product,
                    form=form,
                    stores=stores,
                    stretches=[
                        (
                            told_hour(one.valid_from, zone),
                            None if one.valid_until is None else told_end(one.valid_until, zone),
                            one.version,
                            _told_slabs(
                                tuple(
                                    (slab.from_quantity, slab.price_minor) for slab in one.before
                                ),
                                held.currency,
                            ),
                        )
                        for one in stretches
                    ],
                    after=_told_slabs(change.slabs, held.currency),
                )
        return _change_form(form, held, product, form["unit"])


def _publishing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:list_id>/publish")
    @desk.page(*ADMIN)
    def publish_form(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form for a file of prices."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
        form = Filled({"from": (visitor.today + timedelta(days=1)).isoformat()})
        return _publish_form(form, held)

    @routes.post("/<uuid:list_id>/publish")
    @desk.page(*ADMIN, body=FILE_BODY)
    def publish(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """Check a file and change nothing, or publish it: all of it or nothing."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, list_id)
            period = _period(uow, form)
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
                _note(form, refused)
            else:
                if not is_check:
                    return _done(list_id, _told_versions([done]))
        return _publish_form(form, held, faults=found, checked=done)


def _ending_routes(desk: Desk, routes: Blueprint) -> None:
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
                _note(form, refused)
            else:
                return _done(list_id, tell("Ended. Phones take it at their next sync."))
        return _ask_end(desk, visitor, list_id, form)


def _ask_end(desk: Desk, visitor: Visitor, list_id: UUID, form: Filled) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        held = _read(uow, list_id)
        stores = len(stores_of(uow, whom_of(uow, "price_list", held.id, held.level)))
    return draw(
        "prices/end.html", 200 if form.is_good else 422, held=held, form=form, stores=stores
    )


def _read(uow: UnitOfWork, list_id: UUID) -> PriceListListed:
    try:
        return read_price_list(uow, list_id)
    except NoSuchPriceList:
        raise NotFound from None


def _product(uow: UnitOfWork) -> tuple[ProductListed | None, str | None]:
    """The product that the address names, or what is wrong with it."""
    code = typed_text(request.args.get("product")).strip()
    if not code:
        return None, None
    found = find_product(uow, code)
    return found, None if found else tell("There is no product with this code.")


def _choosing(
    held: PriceListListed, product: ProductListed | None, fault: str | None
) -> ResponseReturnValue:
    """Which product and unit, before its price can be set."""
    form = Filled({"product": request.args.get("product", "")})
    if fault is not None:
        form.fault("product", fault)
    return draw(
        "prices/choose.html",
        held=held,
        form=form,
        units=[] if product is None else [(name, name) for name, _ in product.units],
    )


def _change_form(
    form: Filled, held: PriceListListed, product: ProductListed, unit: str
) -> ResponseReturnValue:
    pairs = [
        pair
        for pair in zip(form.every("quantity"), form.every("price"), strict=False)
        if pair[1].strip()
    ]
    blank = [("", "")] * max(0, min(BLANK_SLABS, SLABS_SHOWN - len(pairs)))
    return draw(
        "prices/change.html",
        200 if form.is_good else 422,
        form=form,
        held=held,
        product=product,
        unit=unit,
        slabs=[*pairs, *(blank if pairs else [("1", ""), *blank[1:]])],
    )


def _read_change(uow: UnitOfWork, form: Filled, held: PriceListListed) -> PriceChange | None:
    slabs = []
    for quantity, price in zip(form.every("quantity"), form.every("price"), strict=False):
        line = Filled({"quantity": quantity, "price": price})
        if not line.text("price"):
            continue
        typed, amount = line.whole("quantity"), line.amount("price", held.currency)
        for words in line.faults.values():
            form.fault("slabs", words)
        if amount is not None:
            slabs.append((1 if typed is None else typed, amount))
    if not slabs and form["none"] != "1":
        form.fault("slabs", tell("Give a price, or say that it is to have none."))
    if slabs and form["none"] == "1":
        form.fault("slabs", tell("It has a price, or it has none: not both."))
    period = _period(uow, form)
    if period is None:
        return None
    return PriceChange(
        product=form.text("product"),
        unit=form["unit"],
        slabs=tuple(slabs),
        valid_from=period.valid_from,
        valid_until=period.valid_until,
        may_be_past=period.may_be_past,
    )


def _period(uow: UnitOfWork, form: Filled) -> AskedPeriod | None:
    starts, ends = form.moment("from"), form.moment("until")
    if not form.is_good:
        return None
    try:
        return read_period(uow, starts, ends, may_be_past=form["past"] == "1")
    except PeriodInvalid as refused:
        form.fault("from", str(refused))
        return None


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


def _form(uow: UnitOfWork, form: Filled, held: PriceListListed | None) -> ResponseReturnValue:
    return draw(
        "prices/edit.html",
        200 if form.is_good else 422,
        form=form,
        held=held,
        divisions=[("", tell("of all divisions"))]
        + [(str(one.id), one.name) for one in list_divisions(uow)],
        whom=whom_choices(uow, form, is_fixed=held is not None),
    )


def _note(form: Filled, refused: CatalogueError) -> None:
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


def _done(list_id: UUID, words: str) -> ResponseReturnValue:
    flash(words, "notice")
    return redirect(url_for("prices.list_page", list_id=list_id), code=303)


def _told_versions(made: list[PublishedPrices]) -> str:
    if not made:
        return tell("It is like this already.")
    told = ", ".join(str(one.version) for one in made)
    return tell_number(
        "Published: version {versions}. Phones take it at their next sync.",
        "Published: versions {versions}. Phones take them at their next sync.",
        len(made),
        versions=told,
    )


def _told_slabs(slabs: tuple[tuple[int, int], ...], currency: str) -> str:
    if not slabs:
        return tell("no price")
    return "; ".join(
        told_money(price, currency)
        if quantity == 1
        else tell("{price} from {quantity}", price=told_money(price, currency), quantity=quantity)
        for quantity, price in slabs
    )


def _now_there(visitor: Visitor) -> datetime:
    return datetime.now(visitor.policy.zone)
