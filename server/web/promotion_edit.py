"""Promotions are set: drafted, changed, published for a time, ended. What each does is told before it is done."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.asked import read_end, read_period
from server.catalogue.divisions import list_divisions
from server.catalogue.errors import CatalogueError, CodeTaken, NoSuchPromotion, PeriodInvalid
from server.catalogue.promotion_words import told_promotion
from server.catalogue.promotions import (
    NewPromotion,
    draft_promotion,
    edit_promotion,
    end_promotion,
    publish_promotion,
)
from server.catalogue.terms_list import (
    PromotionListed,
    product_names,
    read_promotion,
    whom_of,
)
from server.catalogue.whom import stores_of
from server.catalogue.whom_named import whoms_named
from server.identity.sessions import Visitor
from server.language import tell, told_money
from server.web.basis import ChangedMeanwhile, must_be_as_drawn, with_basis
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.master_words import told_period
from server.web.menu import ADMIN
from server.web.promotion_form import BENEFITS, read_terms, typed_terms
from server.web.whom_form import EVERY, read_whom, told_whom, typed_whom, whom_choices
from sync.unit_of_work import UnitOfWork

LIVING = ("DRAFT", "PUBLISHED")


def promotion_edit_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages that change promotions."""
    _draft_routes(desk, routes)
    _edit_routes(desk, routes)
    _state_routes(desk, routes)


def _draft_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/new")
    @desk.page(*ADMIN)
    def new_promotion(visitor: Visitor) -> ResponseReturnValue:
        """A form for a new promotion."""
        form = Filled(
            {
                "currency": visitor.policy.currency,
                "level": EVERY,
                "benefit": "PERCENT_OFF",
                "per": "UNIT",
                "free": "100",
            }
        )
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)

    @routes.post("/new")
    @desk.page(*ADMIN, body=FORM_BODY)
    def add_promotion(visitor: Visitor) -> ResponseReturnValue:
        """Draft a promotion; no phone sees it yet."""
        form = Filled()
        currency = form.text("currency")
        with desk.database.reading(visitor.company_id) as uow:
            whom = read_whom(uow, form)
            division = form.id("division_id", (one.id for one in list_divisions(uow)))
        terms = read_terms(form, currency)
        if form.is_good and terms is not None:
            new = NewPromotion(
                code=form.text("code"),
                name=form.text("name"),
                currency=currency,
                terms=terms,
                whom=whom,
                division_id=division,
            )
            try:
                with desk.database.company(visitor.company_id) as uow:
                    promotion_id = draft_promotion(uow, visitor.actor, new)
            except CatalogueError as refused:
                _note(form, refused)
            else:
                return _done(promotion_id, tell("Drafted. Phones see it when it is published."))
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, None)


def _edit_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:promotion_id>/edit")
    @desk.page(*ADMIN)
    def edit(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """A form with the promotion as it is drafted, else as it was published last."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _living(uow, promotion_id)
            shown = with_basis(uow, "promotion", promotion_id, _typed(uow, held))
            return _form(uow, Filled(shown), held)

    @routes.post("/<uuid:promotion_id>/edit")
    @desk.page(*ADMIN, body=FORM_BODY)
    def save(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """Change a promotion; what it gives is a draft until it is published."""
        form = Filled()
        with desk.database.reading(visitor.company_id) as uow:
            held = _living(uow, promotion_id)
            whom = read_whom(uow, form)
        terms = read_terms(form, held.currency)
        for name in ("code", "name"):
            if not form.text(name):
                form.fault(name, tell("must be there"))
        if form.is_good and terms is not None:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    must_be_as_drawn(uow, visitor, "promotion", promotion_id, form["basis"])
                    is_changed = edit_promotion(
                        uow,
                        visitor.actor,
                        promotion_id,
                        code=form.text("code"),
                        name=form.text("name"),
                        terms=terms,
                        whom=whom,
                        is_for_all=form["level"] == EVERY,
                    )
            except (CatalogueError, ChangedMeanwhile) as refused:
                _note(form, refused)
            else:
                return _done(
                    promotion_id,
                    tell("Saved. What it gives holds once it is published.")
                    if is_changed
                    else tell("It is like this already."),
                )
        with desk.database.reading(visitor.company_id) as uow:
            form.bring_up(_typed(uow, _living(uow, promotion_id)))
            return _form(uow, form, held)


def _typed(uow: UnitOfWork, held: PromotionListed) -> dict[str, str | list[str]]:
    """A promotion as it stands in the form."""
    terms = held.draft or held.terms or {}
    named = product_names(uow, numbers_in(terms))
    return {
        "code": held.code,
        "name": held.name,
        **typed_terms(terms, held.currency, named),
        **typed_whom(uow, whom_of(uow, "promotion", held.id, held.level)),
    }


def _state_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:promotion_id>/publish")
    @desk.page(*ADMIN)
    def ask_publish(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """What would be published, and from when until when."""
        form = Filled({"from": (visitor.today + timedelta(days=1)).isoformat()})
        return _ask(desk, visitor, promotion_id, form, "promotions/publish.html")

    @routes.post("/<uuid:promotion_id>/publish")
    @desk.page(*ADMIN, body=FORM_BODY)
    def publish(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """Publish the draft, or again what was published, for a time."""
        form = Filled()
        starts, ends = form.moment("from"), form.moment("until")
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    period = read_period(uow, starts, ends, may_be_past=form["past"] == "1")
                    publish_promotion(
                        uow,
                        visitor.actor,
                        promotion_id,
                        valid_from=period.valid_from,
                        valid_until=period.valid_until,
                        may_be_past=period.may_be_past,
                    )
            except CatalogueError as refused:
                _note(form, refused)
            else:
                return _done(promotion_id, tell("Published. Phones take it at their next sync."))
        return _ask(desk, visitor, promotion_id, form, "promotions/publish.html")

    @routes.get("/<uuid:promotion_id>/end")
    @desk.page(*ADMIN)
    def ask_end(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """What it means that a promotion ends, before it is done."""
        return _ask(desk, visitor, promotion_id, Filled({}), "promotions/end.html")

    @routes.post("/<uuid:promotion_id>/end")
    @desk.page(*ADMIN, body=FORM_BODY)
    def end(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """End a promotion, now or after a day."""
        form = Filled()
        last = form.moment("last")
        if form.is_good:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    end_promotion(uow, visitor.actor, promotion_id, at=read_end(uow, last))
            except CatalogueError as refused:
                _note(form, refused)
            else:
                return _done(promotion_id, tell("Ended. Phones take it at their next sync."))
        return _ask(desk, visitor, promotion_id, form, "promotions/end.html")


def _ask(
    desk: Desk, visitor: Visitor, promotion_id: UUID, form: Filled, template: str
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        held = _living(uow, promotion_id)
        terms = held.draft or held.terms
        says = says_of(terms, held, product_names(uow, numbers_in(terms)))
        whom = whoms_named(uow, "promotion", [promotion_id]).get(promotion_id)
        stores = len(stores_of(uow, whom_of(uow, "promotion", promotion_id, held.level)))
    return draw(
        template,
        200 if form.is_good else 422,
        held=held,
        form=form,
        says=says,
        whom=told_whom(held.level, whom),
        stores=stores,
        period=told_period(held.valid_from, held.valid_until, visitor.policy.time_zone),
    )


def says_of(
    terms: Mapping[str, Any] | None, held: PromotionListed, named: Mapping[int, tuple[str, str]]
) -> str | None:
    """What it gives, in words; None where it says nothing."""
    return None if terms is None else told_promotion(terms, held.currency, named, told_money)


def numbers_in(terms: Mapping[str, Any] | None) -> set[int]:
    """The numbers of the products that terms name."""
    return {
        each["product"]
        for name in ("items", "gifts", "portions")
        for each in (terms or {}).get(name, ())
    }


def read_held(uow: UnitOfWork, promotion_id: UUID) -> PromotionListed:
    """The promotion, whatever its state. Raises NotFound."""
    try:
        return read_promotion(uow, promotion_id)
    except NoSuchPromotion:
        raise NotFound from None


def _living(uow: UnitOfWork, promotion_id: UUID) -> PromotionListed:
    held = read_held(uow, promotion_id)
    if held.state not in LIVING:
        raise NotFound
    return held


def _form(uow: UnitOfWork, form: Filled, held: PromotionListed | None) -> ResponseReturnValue:
    return draw(
        "promotions/edit.html",
        200 if form.is_good else 422,
        form=form,
        held=held,
        currency=form["currency"] if held is None else held.currency,
        benefits=[(key, tell(words)) for key, words in BENEFITS.items()],
        divisions=[("", tell("of all divisions"))]
        + [(str(one.id), one.name) for one in list_divisions(uow)],
        whom=whom_choices(uow, form, is_fixed=False),
    )


def _note(form: Filled, refused: Exception) -> None:
    match refused:
        case NoSuchPromotion():
            raise NotFound
        case CodeTaken():
            form.fault("code", str(refused))
        case PeriodInvalid():
            form.fault("last" if form["last"] else "from", str(refused))
        case _:
            names = ("code", "name", "currency", "division_id", "items", "gifts", "portions")
            aliases = {"for whom": "level", "basis_points": "percent", "amount_minor": "amount"}
            form.refused(refused, names, aliases)


def _done(promotion_id: UUID, words: str) -> ResponseReturnValue:
    flash(words, "notice")
    return redirect(url_for("promotions.promotion_page", promotion_id=promotion_id), code=303)
