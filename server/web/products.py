"""Products: what is sold and what is looked for in stores; added, described, no longer sold."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from mobile_contract.records.product import PRODUCT_STATUSES
from mobile_contract.records.store import CLASSES
from server.catalogue.divisions import (
    Division,
    add_division,
    list_divisions,
    rename_division,
)
from server.catalogue.errors import CatalogueError, CodeTaken, NoSuchProduct
from server.catalogue.product_list import (
    ProductListed,
    list_categories,
    list_products,
    read_product,
)
from server.catalogue.product_prices import prices_of_product
from server.catalogue.products import EDITABLE, NewProduct, edit_products, make_products
from server.identity.errors import IdentityError
from server.identity.external_ids import call_record, called_elsewhere
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_number
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.master_words import FOUND_MAX, found_for_scripts, told_changes
from server.web.menu import ADMIN
from server.web.typed import typed_text, typed_uuid
from sync.unit_of_work import UnitOfWork

STATES = {
    "ACTIVE": (sentence("sold"), "good"),
    "DISCONTINUED": (sentence("no longer sold"), ""),
}
ANY = "*"


def _units(product: ProductListed) -> str:
    base = product.units[0][0]
    return ", ".join(
        unit if number == 1 else f"{unit} = {told_number(number)} {base}"
        for unit, number in product.units
    )


def _state(product: ProductListed) -> Badge:
    if not product.is_own and product.status == "ACTIVE":
        return Badge(tell("a competitor's"))
    words, tone = STATES[product.status]
    return Badge(tell(words), tone)


COLUMNS: tuple[Column[ProductListed], ...] = (
    Column(
        sentence("Code"),
        lambda one: Link(one.code, url_for("products.product_page", product_id=one.id)),
        lambda one: one.code,
    ),
    Column(sentence("Product"), lambda one: one.name, lambda one: one.name),
    Column(sentence("Barcode"), lambda one: one.barcode, lambda one: one.barcode),
    Column(sentence("Product group"), lambda one: one.category or None, lambda one: one.category),
    Column(sentence("Brand"), lambda one: one.brand or None, lambda one: one.brand),
    Column(sentence("Division"), lambda one: one.division_code, lambda one: one.division_code),
    Column(sentence("Units"), _units, _units),
    Column(sentence("State"), _state, lambda one: one.status),
)


def product_routes(desk: Desk) -> Blueprint:
    """/products and what is below it."""
    routes = Blueprint("products", __name__, url_prefix="/products")

    @routes.get("/")
    @desk.page(*ADMIN)
    def product_list(visitor: Visitor) -> ResponseReturnValue:
        """The products, by code."""
        asked = request.args
        state = asked.get("state", "ACTIVE")
        if state not in {*PRODUCT_STATUSES, ""}:
            raise NotFound
        with desk.database.reading(visitor.company_id) as uow:
            divisions = list_divisions(uow)
            categories = list_categories(uow)
        division = next((one for one in divisions if one.code == asked.get("division")), None)

        read = pages_of(
            lambda uow, after, at_most: list_products(
                uow,
                statuses=(state,) if state else PRODUCT_STATUSES,
                division_id=None if division is None else division.id,
                category=typed_text(asked.get("group")) or None,
                words=asked.get("words", ""),
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
                name="products",
                columns=COLUMNS,
                read=read,
                nothing=sentence("There is no product like this."),
            ),
            "products/list.html",
            states=[(key, tell(words)) for key, (words, _) in STATES.items()],
            state=state,
            divisions=[(one.code, one.name) for one in divisions],
            categories=[(one, one) for one in categories],
        )

    @routes.get("/found")
    @desk.page(*ADMIN)
    def products_found(visitor: Visitor) -> ResponseReturnValue:
        """Products by code, name or barcode, for scripts."""
        with desk.database.reading(visitor.company_id) as uow:
            found = list_products(uow, words=request.args.get("words", ""), at_most=FOUND_MAX)
        return found_for_scripts((one.code, one.name) for one in found)

    @routes.get("/<uuid:product_id>")
    @desk.page(*ADMIN)
    def product_page(visitor: Visitor, product_id: UUID) -> ResponseReturnValue:
        """One product, what it costs by which list, and who changed it."""
        with desk.database.reading(visitor.company_id) as uow:
            product = _read(uow, product_id)
            return draw(
                "products/product.html",
                product=product,
                state=_state(product),
                units=_units(product),
                must_stock=[(channel or ANY, of or ANY) for channel, of in product.must_stock],
                elsewhere=called_elsewhere(uow, "product", product_id),
                prices=prices_of_product(uow, product.number),
                changes=told_changes(uow, "product", product_id, visitor.policy.time_zone),
                zone=visitor.policy.time_zone,
            )

    _division_routes(desk, routes)
    _add_routes(desk, routes)
    _edit_routes(desk, routes)
    _state_routes(desk, routes)
    return routes


def _division_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/divisions")
    @desk.page(*ADMIN)
    def divisions(visitor: Visitor) -> ResponseReturnValue:
        """The divisions, and a form for another."""
        return _divisions(desk, visitor, Filled({}))

    @routes.post("/divisions")
    @desk.page(*ADMIN, body=FORM_BODY)
    def set_division(visitor: Visitor) -> ResponseReturnValue:
        """Add a division, or give one another name."""
        form = Filled()
        try:
            with desk.database.company(visitor.company_id) as uow:
                if form["id"]:
                    known = {one.id for one in list_divisions(uow)}
                    division_id = typed_uuid(form["id"])
                    if division_id not in known:
                        raise NotFound
                    rename_division(uow, visitor.actor, division_id, form.text("name"))
                else:
                    code, name = form.text("code"), form.text("name")
                    add_division(uow, visitor.actor, code=code, name=name, today=visitor.today)
        except CodeTaken as refused:
            form.fault("code", str(refused))
        except CatalogueError as refused:
            form.refused(refused, ("code", "name"))
        else:
            flash(tell("Saved."), "notice")
            return redirect(url_for("products.divisions"), code=303)
        return _divisions(desk, visitor, form)


def _divisions(desk: Desk, visitor: Visitor, form: Filled) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        held = list_divisions(uow)
    return draw(
        "products/divisions.html",
        200 if form.is_good else 422,
        held=held,
        form=form,
        blank=Filled({}),
    )


def _add_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*ADMIN)
    def new_product(visitor: Visitor) -> ResponseReturnValue:
        """A form for a new product."""
        blank = Filled({"base_unit": "PC", "own": "1"})
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, blank, None)

    @routes.post("/new")
    @desk.page(*ADMIN, body=FORM_BODY)
    def add_product(visitor: Visitor) -> ResponseReturnValue:
        """Add a product."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            fields = _fields(form, list_divisions(uow))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    (product_id,) = make_products(uow, visitor.actor, [NewProduct(**fields)])
                    call_record(uow, visitor.actor, "product", product_id, form.lines("elsewhere"))
            except (CatalogueError, IdentityError) as refused:
                _note(form, refused)
            else:
                flash(tell("Added: {name}.", name=fields["name"]), "notice")
                return redirect(url_for("products.product_page", product_id=product_id), code=303)
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)


def _edit_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:product_id>/edit")
    @desk.page(*ADMIN)
    def edit_product(visitor: Visitor, product_id: UUID) -> ResponseReturnValue:
        """A form with the product as it is."""
        with desk.database.reading(visitor.company_id) as uow:
            product = _read(uow, product_id)
            shown = with_basis(uow, "product", product_id, _typed(uow, product))
            return _form(uow, Filled(shown), product)

    @routes.post("/<uuid:product_id>/edit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save_product(visitor: Visitor, product_id: UUID) -> ResponseReturnValue:
        """Change a product."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            product = _read(uow, product_id)
            fields = _fields(form, list_divisions(uow))
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    must_be_as_drawn(uow, visitor, "product", product_id, form["basis"])
                    is_changed = bool(edit_products(uow, visitor.actor, {product_id: fields}))
                    is_changed |= call_record(
                        uow, visitor.actor, "product", product_id, form.lines("elsewhere")
                    )
            except (CatalogueError, IdentityError, ChangedMeanwhile) as refused:
                _note(form, refused)
            else:
                return _changed(product_id, is_changed=is_changed)
        with desk.database.reading(visitor.company_id) as uow:
            form.bring_up(_typed(uow, _read(uow, product_id)))
            return _form(uow, form, product)


def _state_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:product_id>/state")
    @desk.page(*ADMIN)
    def ask_state(visitor: Visitor, product_id: UUID) -> ResponseReturnValue:
        """What it means that a product is no longer sold, or sold again, before it is done."""
        with desk.database.reading(visitor.company_id) as uow:
            product = _read(uow, product_id)
            prices = prices_of_product(uow, product.number)
        return draw(
            "products/state.html",
            product=product,
            lists=sorted({price.list_code for price in prices}),
        )

    @routes.post("/<uuid:product_id>/state")
    @desk.page(*ADMIN, body=FORM_BODY)
    def set_state(visitor: Visitor, product_id: UUID) -> ResponseReturnValue:
        """Let a product be sold no longer, or again."""
        status = request.form.get("status", "")
        if status not in PRODUCT_STATUSES:
            raise NotFound
        try:
            with desk.database.company(visitor.company_id) as uow:
                done = edit_products(uow, visitor.actor, {product_id: {"status": status}})
        except NoSuchProduct:
            raise NotFound from None
        return _changed(product_id, is_changed=bool(done))


def _changed(product_id: UUID, *, is_changed: bool) -> ResponseReturnValue:
    flash(
        tell("Saved. Phones take it at their next sync.")
        if is_changed
        else tell("It is like this already."),
        "notice",
    )
    return redirect(url_for("products.product_page", product_id=product_id), code=303)


def _read(uow: UnitOfWork, product_id: UUID) -> ProductListed:
    try:
        return read_product(uow, product_id)
    except NoSuchProduct:
        raise NotFound from None


def _form(uow: UnitOfWork, form: Filled, product: ProductListed | None) -> ResponseReturnValue:
    return draw(
        "products/edit.html",
        200 if form.is_good else 422,
        form=form,
        product=product,
        divisions=[("", tell("of all divisions"))]
        + [(str(one.id), one.name) for one in list_divisions(uow)],
    )


def _typed(uow: UnitOfWork, product: ProductListed) -> dict[str, str | list[str]]:
    """A product as it stands in the form."""
    elsewhere = called_elsewhere(uow, "product", product.id)
    return {
        "code": product.code,
        "name": product.name,
        "barcode": product.barcode or "",
        "category": product.category,
        "brand": product.brand,
        "own": "1" if product.is_own else "",
        "division_id": str(product.division_id or ""),
        "shelf_life_days": str(product.shelf_life_days or ""),
        "min_order_quantity": str(product.min_order_quantity or ""),
        "base_unit": product.units[0][0],
        "units": "\n".join(f"{unit} = {number}" for unit, number in product.units[1:]),
        "must_stock": "\n".join(
            f"{channel or ANY} {of or ANY}" for channel, of in product.must_stock
        ),
        "elsewhere": "\n".join(f"{system}={id_}" for system, id_ in elsewhere.items()),
    }


def _fields(form: Filled, divisions: Sequence[Division]) -> dict[str, Any]:
    """What was typed, as the fields of a product."""
    return {
        "code": form.text("code"),
        "name": form.text("name"),
        "barcode": form.text_or_none("barcode"),
        "category": form.text("category"),
        "brand": form.text("brand"),
        "is_own": form["own"] == "1",
        "division_id": form.id("division_id", (one.id for one in divisions)),
        "shelf_life_days": form.whole("shelf_life_days"),
        "min_order_quantity": form.whole("min_order_quantity") or 0,
        "units": ((form.text("base_unit"), 1), *_read_units(form)),
        "must_stock": _read_must_stock(form),
    }


def _read_units(form: Filled) -> tuple[tuple[str, int], ...]:
    found = []
    for line in form.lines("units"):
        unit, _, number = (part.strip() for part in line.partition("="))
        if not unit or not number.isascii() or not number.isdecimal() or len(number) > 9:
            form.fault("units", tell("One unit a line, as CTN = 24."))
            return ()
        found.append((unit, int(number)))
    return tuple(found)


def _read_must_stock(form: Filled) -> tuple[tuple[str | None, str | None], ...]:
    found = []
    for line in form.lines("must_stock"):
        channel, _, store_class = line.rpartition(" ")
        if not channel.strip() or store_class not in {*CLASSES, ANY}:
            form.fault("must_stock", tell("A channel and a class a line, as grocery A or * A."))
            return ()
        found.append(
            (
                None if channel.strip() == ANY else channel.strip(),
                None if store_class == ANY else store_class,
            )
        )
    return tuple(found)


def _note(form: Filled, refused: Exception) -> None:
    if isinstance(refused, NoSuchProduct):
        raise NotFound
    if isinstance(refused, CodeTaken):
        form.fault("code", str(refused))
    elif isinstance(refused, IdentityError):
        form.fault("elsewhere", str(refused))
    else:
        form.refused(refused, (*EDITABLE, "elsewhere"))
