"""Price lists are set: made, given prices by a file or one by one, ended. What a change makes is shown before it is saved."""

from datetime import datetime, timedelta
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.divisions import list_divisions
from server.catalogue.errors import (
    CatalogueError,
)
from server.catalogue.price_changes import (
    PriceChange,
    Stretch,
    change_price,
    plan_price_change,
)
from server.catalogue.price_lists import (
    NewPriceList,
    edit_price_list,
    make_price_list,
)
from server.catalogue.product_list import ProductListed, find_product
from server.catalogue.terms_list import PriceListListed, whom_of
from server.catalogue.whom import stores_of
from server.identity.sessions import Visitor
from server.language import tell, told_money
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.master_words import told_end, told_hour
from server.web.menu import ADMIN
from server.web.price_parts import (
    leads_to_list,
    note_refusal,
    read_asked_period,
    read_held,
    told_versions,
)
from server.web.price_publish import ending_routes, publishing_routes
from server.web.typed import typed_text
from server.web.whom_form import read_whom, typed_whom, whom_choices
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

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
                note_refusal(form, refused)
            else:
                flash(tell("Added: {name}. It has no prices yet.", name=new.name), "notice")
                return redirect(url_for("prices.list_page", list_id=list_id), code=303)
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)

    _editing_routes(desk, routes)
    publishing_routes(desk, routes)
    ending_routes(desk, routes)
    _changing_routes(desk, routes)


def _editing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:list_id>/edit")
    @desk.page(*ADMIN)
    def edit_list(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form with the list as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
            shown = with_basis(uow, "price_list", list_id, _typed(uow, held))
            return _form(uow, Filled(shown), held)

    @routes.post("/<uuid:list_id>/edit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save_list(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """Change a list's name, code and whom it is for."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
            whom = read_whom(uow, form)
        for name in ("code", "name"):
            if not form.text(name):
                form.fault(name, tell("must be there"))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    must_be_as_drawn(uow, visitor, "price_list", list_id, form["basis"])
                    is_changed = edit_price_list(
                        uow,
                        visitor.actor,
                        list_id,
                        code=form.text("code"),
                        name=form.text("name"),
                        whom=whom,
                    )
            except (CatalogueError, ChangedMeanwhile) as refused:
                note_refusal(form, refused)
            else:
                return leads_to_list(
                    list_id,
                    tell("Saved. Phones take it at their next sync.")
                    if is_changed
                    else tell("It is like this already."),
                )
        with desk.database.reading(visitor.company_id) as uow:
            form.bring_up(_typed(uow, read_held(uow, list_id)))
            return _form(uow, form, held)


def _typed(uow: UnitOfWork, held: PriceListListed) -> dict[str, str | list[str]]:
    """A list as it stands in the form."""
    whom = typed_whom(uow, whom_of(uow, "price_list", held.id, held.level))
    return {"code": held.code, "name": held.name, **whom}


def _changing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:list_id>/change")
    @desk.page(*ADMIN)
    def change_price_form(visitor: Visitor, list_id: UUID) -> ResponseReturnValue:
        """A form with what a unit of a product costs by this list."""
        with desk.database.reading(visitor.company_id) as uow:
            held = read_held(uow, list_id)
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
            held = read_held(uow, list_id)
            product = find_product(uow, form.text("product"))
            if product is None or form["unit"] not in {name for name, _ in product.units}:
                raise NotFound
            change = _read_change(uow, form, held)
        if change is not None and form.is_good:
            try:
                if form["act"] == "save":
                    with desk.database.company(visitor.company_id) as uow:
                        made = change_price(uow, visitor.actor, list_id, change)
                    return leads_to_list(list_id, told_versions(made))
                stretches, stores = desk.database.rehearse(
                    visitor.company_id,
                    lambda uow: _rehearsed(uow, visitor, held, change),
                )
            except CatalogueError as refused:
                note_refusal(form, refused)
            else:
                zone = visitor.policy.time_zone
                return draw(
                    "prices/changing.html",
                    held=held,
                    product=product,
                    form=form,
                    pairs=_pairs(form),
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
    pairs = [pair for pair in _pairs(form) if pair[1].strip()]
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


def _rehearsed(
    uow: UnitOfWork, visitor: Visitor, held: PriceListListed, change: PriceChange
) -> tuple[list[Stretch], int]:
    """The stretches of time that a changed price makes versions for, and for how many stores it is."""
    stretches = plan_price_change(uow, held.id, change)
    change_price(uow, visitor.actor, held.id, change)
    return stretches, len(stores_of(uow, whom_of(uow, "price_list", held.id, held.level)))


def _pairs(form: Filled) -> list[tuple[str, str]]:
    """The quantities that were typed, each with its price."""
    return list(zip(form.every("quantity"), form.every("price"), strict=False))


def _read_change(uow: UnitOfWork, form: Filled, held: PriceListListed) -> PriceChange | None:
    slabs = []
    for quantity, price in _pairs(form):
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
    period = read_asked_period(uow, form)
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
