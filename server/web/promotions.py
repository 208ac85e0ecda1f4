"""Promotions: what each takes off, for whom and when; drafted, published, ended."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.catalogue.terms_list import (
    PromotionListed,
    list_promotions,
    product_names,
)
from server.catalogue.whom_named import WhomNamed, whoms_named
from server.identity.sessions import Visitor
from server.language import sentence, tell
from server.web.desk import Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of, told_pages
from server.web.master_words import told_changes, told_hour, told_period
from server.web.menu import ADMIN
from server.web.promotion_edit import (
    LIVING,
    numbers_in,
    promotion_edit_routes,
    read_held,
    says_of,
)
from server.web.typed import typed_text
from server.web.whom_form import told_whom
from sync.unit_of_work import UnitOfWork

STATES = {
    "DRAFT": (sentence("draft"), "warn"),
    "PUBLISHED": (sentence("published"), "good"),
    "ENDED": (sentence("ended"), ""),
}


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

        read = pages_of(
            lambda uow, after, at_most: list_promotions(
                uow,
                words=request.args.get("words", ""),
                states=LIVING if state == "LIVING" else (state,),
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
                name="promotions",
                columns=_columns(visitor.policy.time_zone),
                read=told_pages(read, _rows),
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
            held = read_held(uow, promotion_id)
            named = product_names(uow, numbers_in(held.terms) | numbers_in(held.draft))
            whom = whoms_named(uow, "promotion", [promotion_id]).get(promotion_id)
            changes = told_changes(uow, "promotion", promotion_id, visitor.policy.time_zone)
        zone = visitor.policy.time_zone
        return draw(
            "promotions/promotion.html",
            held=held,
            badges=_badges(held),
            says=says_of(held.terms, held, named),
            drafted=says_of(held.draft, held, named),
            products=[(code, name) for code, name in sorted(named.values())],
            whom=told_whom(held.level, whom),
            period=told_period(held.valid_from, held.valid_until, zone),
            ended=None if held.ended_at is None else told_hour(held.ended_at, zone),
            changes=changes,
            zone=zone,
        )

    promotion_edit_routes(desk, routes)
    return routes


def _rows(uow: UnitOfWork, shown: Sequence[PromotionListed]) -> list[PromotionRow]:
    named = product_names(uow, {number for one in shown for number in numbers_in(one.said)})
    whoms = whoms_named(uow, "promotion", [one.id for one in shown])
    return [
        PromotionRow(one, says_of(one.said, one, named) or "", whoms.get(one.id)) for one in shown
    ]
