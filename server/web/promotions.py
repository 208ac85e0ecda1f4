"""Promotions: what each takes off, for whom and when; drafted, published, ended."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
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
    list_promotions,
    product_names,
    read_promotion,
    whom_of,
)
from server.catalogue.whom import stores_of
from server.catalogue.whom_named import WhomNamed, whoms_named
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_money
from server.web.desk import FORM_BODY, Desk, draw
from server.web.filled import Filled
from server.web.listing import Badge, Column, Link, Listing, answer_listing
from server.web.master_words import told_changes, told_hour, told_period
from server.web.menu import ADMIN
from server.web.promotion_form import BENEFITS, read_terms, typed_terms
from server.web.typed import typed_text
from server.web.whom_form import EVERY, read_whom, told_whom, typed_whom, whom_choices
from sync.unit_of_work import UnitOfWork

STATES = {
    "DRAFT": (sentence("draft"), "warn"),
    "PUBLISHED": (sentence("published"), "good"),
    "ENDED": (sentence("ended"), ""),
}
LIVING = ("DRAFT", "PUBLISHED")


@dataclass(frozen=True, slots=True)
class PromotionRow:
    """A line of the list, with what it says in words."""

    held: PromotionListed
    says: str
    whom: WhomNamed | None


def _badges(held: PromotionListed) -> list[Badge]:
    now = datetime.now(UTC)
    words, tone = STATES[held.state]
    found = [Badge(tell(words), tone)]
    if held.state == "PUBLISHED":
        if held.valid_until is not None and held.valid_until <= now:
            found = [Badge(tell("over"))]
        elif held.valid_from is not None and held.valid_from > now:
            found = [Badge(tell("to come"))]
        else:
            found = [Badge(tell("holds now"), "good")]
        if held.draft is not None:
            found.append(Badge(tell("with a draft"), "warn"))
    return found


def _columns(zone: str) -> tuple[Column[PromotionRow], ...]:
    return (
        Column(
            sentence("Code"),
            lambda row: Link(
                row.held.code, url_for("promotions.promotion_page", promotion_id=row.held.id)
            ),
            lambda row: row.held.code,
        ),
        Column(sentence("Promotion"), lambda row: row.held.name, lambda row: row.held.name),
        Column(sentence("It gives"), lambda row: row.says, lambda row: row.says),
        Column(
            sentence("For whom"),
            lambda row: told_whom(row.held.level, row.whom),
            lambda row: told_whom(row.held.level, row.whom),
        ),
        Column(
            sentence("Holds"),
            lambda row: told_period(row.held.valid_from, row.held.valid_until, zone),
            lambda row: told_period(row.held.valid_from, row.held.valid_until, zone),
        ),
        Column(sentence("State"), lambda row: _badges(row.held), lambda row: row.held.state),
    )


def promotion_routes(desk: Desk) -> Blueprint:
    """/promotions and what is below it."""
    routes = Blueprint("promotions", __name__, url_prefix="/promotions")

    @routes.get("/")
    @desk.page(*ADMIN)
    def promotion_list(visitor: Visitor) -> ResponseReturnValue:
        """The promotions, by code."""
        state = request.args.get("state", "LIVING")
        if state not in {"LIVING", *STATES}:
            raise NotFound

        def read(
            uow: UnitOfWork, after: str | None, at_most: int
        ) -> tuple[list[PromotionRow], str | None]:
            found = list_promotions(
                uow,
                words=request.args.get("words", ""),
                states=LIVING if state == "LIVING" else (state,),
                after=None if after is None else typed_text(after),
                at_most=at_most + 1,
            )
            shown = found[:at_most]
            return _rows(uow, shown), shown[-1].code if len(found) > at_most else None

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="promotions",
                columns=_columns(visitor.policy.time_zone),
                read=read,
                nothing=sentence("There is no promotion like this."),
            ),
            "promotions/list.html",
            states=[("LIVING", tell("not ended"))]
            + [(key, tell(words)) for key, (words, _) in STATES.items()],
            state=state,
        )

    @routes.get("/<uuid:promotion_id>")
    @desk.page(*ADMIN)
    def promotion_page(visitor: Visitor, promotion_id: UUID) -> ResponseReturnValue:
        """One promotion: what it gives, what is drafted, for whom and when."""
        with desk.database.reading(visitor.company_id) as uow:
            held = _read(uow, promotion_id)
            named = product_names(uow, _numbers(held.terms) | _numbers(held.draft))
            whom = whoms_named(uow, "promotion", [promotion_id]).get(promotion_id)
            changes = told_changes(uow, "promotion", promotion_id, visitor.policy.time_zone)
        zone = visitor.policy.time_zone
        return draw(
            "promotions/promotion.html",
            held=held,
            badges=_badges(held),
            says=_says(held.terms, held, named),
            drafted=_says(held.draft, held, named),
            products=[(code, name) for code, name in sorted(named.values())],
            whom=told_whom(held.level, whom),
            period=told_period(held.valid_from, held.valid_until, zone),
            ended=None if held.ended_at is None else told_hour(held.ended_at, zone),
            changes=changes,
            zone=zone,
        )

    _draft_routes(desk, routes)
    _edit_routes(desk, routes)
    _state_routes(desk, routes)
    return routes


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
            terms = held.draft or held.terms or {}
            named = product_names(uow, _numbers(terms))
            typed = {
                "code": held.code,
                "name": held.name,
                **typed_terms(terms, held.currency, named),
                **typed_whom(uow, whom_of(uow, "promotion", promotion_id, held.level)),
            }
            return _form(uow, Filled(typed), held)

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
            except CatalogueError as refused:
                _note(form, refused)
            else:
                return _done(
                    promotion_id,
                    tell("Saved. What it gives holds once it is published.")
                    if is_changed
                    else tell("It is like this already."),
                )
        with desk.database.reading(visitor.company_id) as uow:
            return _form(uow, form, held)


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
        says = _says(terms, held, product_names(uow, _numbers(terms)))
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


def _rows(uow: UnitOfWork, shown: Iterable[PromotionListed]) -> list[PromotionRow]:
    found = list(shown)
    named = product_names(uow, {number for one in found for number in _numbers(one.said)})
    whoms = whoms_named(uow, "promotion", [one.id for one in found])
    return [
        PromotionRow(one, _says(one.said, one, named) or "", whoms.get(one.id)) for one in found
    ]


def _says(
    terms: Mapping[str, Any] | None, held: PromotionListed, named: Mapping[int, tuple[str, str]]
) -> str | None:
    return None if terms is None else told_promotion(terms, held.currency, named, told_money)


def _numbers(terms: Mapping[str, Any] | None) -> set[int]:
    return {
        each["product"]
        for name in ("items", "gifts", "portions")
        for each in (terms or {}).get(name, ())
    }


def _read(uow: UnitOfWork, promotion_id: UUID) -> PromotionListed:
    try:
        return read_promotion(uow, promotion_id)
    except NoSuchPromotion:
        raise NotFound from None


def _living(uow: UnitOfWork, promotion_id: UUID) -> PromotionListed:
    held = _read(uow, promotion_id)
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


def _note(form: Filled, refused: CatalogueError) -> None:
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
