"""Orders in the back office: what is held and why, what is confirmed, printed, sent out; versions side by side."""

from collections.abc import Callable, Mapping
from datetime import date
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_day, told_money
from server.orders.decisions import (
    cancel_orders,
    close_orders,
    confirm_orders,
    dispatch_orders,
    reject_orders,
    release_orders,
)
from server.orders.errors import NoSuchOrder, OrderError
from server.orders.one_order import compare_versions, read_order
from server.orders.order_list import OrderListed, list_deliverers, list_orders
from server.orders.printing import print_slip
from server.orders.words import told_holds, told_line, told_price
from server.planning.positions import stores_to_open
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of, part_by_day
from server.web.marks import day_moment_and_id
from server.web.menu import OFFICE
from server.web.typed import typed_period, typed_uuid
from sync.kinds.order.states import ORDERING
from sync.unit_of_work import UnitOfWork

STATES = {
    "HELD": (sentence("held"), "warn"),
    "ACCEPTED": (sentence("accepted"), "good"),
    "CONFIRMED": (sentence("confirmed"), "good"),
    "PRINTED": (sentence("printed"), "good"),
    "DISPATCHED": (sentence("on its way"), "good"),
    "DELIVERED": (sentence("delivered"), "good"),
    "PARTIAL": (sentence("delivered in part"), "warn"),
    "REFUSED": (sentence("refused at the store"), "bad"),
    "CLOSED": (sentence("closed"), ""),
    "REJECTED": (sentence("rejected"), "bad"),
    "CANCELLED": (sentence("cancelled"), ""),
    "SUBMITTED": (sentence("submitted"), ""),
}
HOLDS = {
    "total_mismatch": sentence("total differs"),
    "stale_price": sentence("old prices"),
    "below_minimum": sentence("below the minimum"),
    "credit": sentence("credit"),
}
# What can be done with several at once: its function, what it is called, and whether it wants a reason.
ACTS: Mapping[str, tuple[Callable[..., int], str, bool]] = {
    "release": (release_orders, sentence("Release"), True),
    "confirm": (confirm_orders, sentence("Confirm"), False),
    "reject": (reject_orders, sentence("Reject"), True),
    "cancel": (cancel_orders, sentence("Cancel"), True),
    "close": (close_orders, sentence("Close"), False),
}
# Of those that the states of an order call otherwise.
_STEPS = {"cancel": "cancel confirmed"}
AT_ONCE_MAX = 200


def _badges(order: OrderListed) -> list[Badge]:
    words, tone = STATES[order.state]
    found = [Badge(tell(words), tone)]
    if order.order_type == "RETURN":
        found.append(Badge(tell("return")))
    if order.look_alike_of is not None:
        found.append(Badge(tell("look-alike"), "warn"))
    return found


def _signed(order: OrderListed, amount_minor: int | None) -> int | None:
    """What a return comes to takes back."""
    if amount_minor is None:
        return None
    return -amount_minor if order.order_type == "RETURN" else amount_minor


COLUMNS: tuple[Column[OrderListed], ...] = (
    Column(
        sentence("Order"),
        lambda order: Link(
            order.number or str(order.id)[:8], url_for("orders.order_page", order_id=order.id)
        ),
        lambda order: order.number or str(order.id),
    ),
    Column(sentence("Day"), lambda order: told_day(order.business_day), lambda o: o.business_day),
    Column(sentence("Store"), lambda order: order.store_name, lambda order: order.store_name),
    Column(sentence("Taken by"), lambda order: order.person, lambda order: order.person),
    Column(sentence("State"), _badges, lambda order: order.state),
    Column(
        sentence("Held for"),
        lambda order: ", ".join(tell(HOLDS.get(hold, hold)) for hold in order.holds) or None,
        lambda order: " ".join(order.holds),
    ),
    Column(
        sentence("On the phone"),
        lambda order: told_money(_signed(order, order.total_minor) or 0, order.currency),
        lambda order: _signed(order, order.total_minor),
        is_number=True,
    ),
    Column(
        sentence("By the server"),
        lambda order: (
            None
            if order.server_total_minor is None
            else told_money(_signed(order, order.server_total_minor) or 0, order.currency)
        ),
        lambda order: _signed(order, order.server_total_minor),
        is_number=True,
    ),
    Column(sentence("Currency"), lambda order: order.currency, lambda order: order.currency),
)


def order_routes(desk: Desk) -> Blueprint:
    """/orders and what is below it."""
    routes = Blueprint("orders", __name__, url_prefix="/orders")

    @routes.get("/")
    @desk.page(*OFFICE)
    def order_list(visitor: Visitor) -> ResponseReturnValue:
        """The orders that the visitor may see, the latest first."""
        asked = request.args
        first, last, state = _asked(visitor, asked)
        with desk.database.reading(visitor.company_id) as uow:
            deliverers = list_deliverers(uow, visitor.person_id)
        return answer_listing(
            desk,
            visitor,
            order_listing(visitor, asked),
            "orders/list.html",
            states=[(key, tell(words)) for key, (words, _) in STATES.items()],
            state=state,
            first=first,
            last=last,
            acts=[(name, tell(words), wants) for name, (_, words, wants) in ACTS.items()],
            deliverers=deliverers,
        )

    @routes.post("/")
    @desk.page(*OFFICE, body=FORM_BODY)
    def act(visitor: Visitor) -> ResponseReturnValue:
        """Do one thing with the chosen orders: with all of them, or with none."""
        form = request.form
        ids = [typed_uuid(typed) for typed in form.getlist("id")[: AT_ONCE_MAX + 1]]
        back = _back(form)
        if not ids:
            flash(tell("No order was chosen."), "alert")
            return redirect(back, code=303)
        if len(ids) > AT_ONCE_MAX:
            flash(tell("At most {number} orders at once.", number=AT_ONCE_MAX), "alert")
            return redirect(back, code=303)
        try:
            with desk.database.company(visitor.company_id) as uow:
                number = _done(uow, visitor, ids, form)
        except NoSuchOrder:
            raise NotFound from None
        except OrderError as refused:
            flash(str(refused), "alert")
        else:
            flash(
                tell_number("One order is changed.", "{number} orders are changed.", number),
                "notice",
            )
        return redirect(back, code=303)

    _one_order_routes(desk, routes)
    return routes


def order_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[OrderListed]:
    """The list of orders that an address asks for. Raises NotFound."""
    first, last, state = _asked(visitor, arguments)

    read = pages_of(
        lambda uow, after, at_most: list_orders(
            uow,
            states=[state] if state else None,
            first_day=first,
            last_day=last,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda order: f"{order.business_day}~{order.ordered_at.isoformat()}~{order.id}",
        day_moment_and_id,
    )

    return Listing(
        name="orders",
        columns=COLUMNS,
        read=read,
        key=lambda order: None if order.person_id == visitor.person_id else str(order.id),
        nothing=sentence("No orders of this kind in these days."),
        exporter="orders",
        part_done=part_by_day(first, last, is_latest_first=True),
    )


def _asked(visitor: Visitor, arguments: Mapping[str, str]) -> tuple[date, date, str]:
    first, last = typed_period(arguments, visitor.today)
    state = arguments.get("state", "")
    if state and state not in STATES:
        raise NotFound
    return first, last, state


def _one_order_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:order_id>")
    @desk.page(*OFFICE)
    def order_page(visitor: Visitor, order_id: UUID) -> ResponseReturnValue:
        """One order: its lines at both prices, and what differs between versions."""
        try:
            with desk.database.reading(visitor.company_id) as uow:
                order = read_order(uow, order_id, asker_id=visitor.person_id)
                deliverers = list_deliverers(uow, visitor.person_id)
                has_store = bool(
                    stores_to_open(
                        uow, [order.store_id], today=visitor.today, asker_id=visitor.person_id
                    )
                )
            version = order.version(_number(request.args.get("version")))
        except NoSuchOrder:
            raise NotFound from None
        is_own = order.person_id == visitor.person_id
        earlier = [one for one in order.versions if one.order_version < version.order_version]
        return draw(
            "orders/order.html",
            order=order,
            version=version,
            changes=compare_versions(earlier[-1], version) if earlier else [],
            before=earlier[-1] if earlier else None,
            state=STATES[order.state],
            told_line=told_line,
            told_price=told_price,
            holds=told_holds(version.holds),
            acts=[(name, tell(words), wants) for name, (_, words, wants) in ACTS.items()],
            allowed=frozenset() if is_own else _allowed(order.state),
            is_own=is_own,
            deliverers=deliverers,
            has_store=has_store,
            zone=visitor.policy.time_zone,
            made_ms=lambda at: round(at.timestamp() * 1000),
        )

    @routes.post("/<uuid:order_id>/slip")
    @desk.page(*OFFICE, body=FORM_BODY)
    def slip(visitor: Visitor, order_id: UUID) -> ResponseReturnValue:
        """The delivery slip as PDF; the order is printed from then on."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                made = print_slip(uow, visitor.actor, order_id, asker_id=visitor.person_id)
        except NoSuchOrder:
            raise NotFound from None
        except OrderError as refused:
            flash(str(refused), "alert")
            return redirect(url_for("orders.order_page", order_id=order_id), code=303)
        return Response(
            made,
            content_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="slip-{str(order_id)[:8]}.pdf"'},
        )


def _allowed(state: str) -> frozenset[str]:
    """What can be done with an order in this state; with one that is confirmed also what follows its slip,
    for that is printed beside the page.
    """
    follows = set(ORDERING.acts_from(state))
    if "print" in follows:
        follows |= set(ORDERING.acts_from("PRINTED"))
    return frozenset(name for name in (*ACTS, "dispatch") if _STEPS.get(name, name) in follows)


def _done(uow: UnitOfWork, visitor: Visitor, ids: list[UUID], form: MultiDict[str, str]) -> int:
    name = form.get("act", "")
    if name == "dispatch":
        place = typed_uuid(form.get("position", ""))
        return dispatch_orders(uow, visitor.actor, ids, place, asker_id=visitor.person_id)
    if name not in ACTS:
        raise NotFound
    decide, _, wants_reason = ACTS[name]
    reason = {"reason": form.get("reason", "")} if wants_reason else {}
    return decide(uow, visitor.actor, ids, asker_id=visitor.person_id, **reason)


def _back(form: MultiDict[str, str]) -> str:
    order_id = form.get("of")
    if order_id:
        return url_for("orders.order_page", order_id=typed_uuid(order_id))
    kept = {name: form[name] for name in ("state", "first", "last") if form.get(name)}
    return url_for("orders.order_list", **kept)  # type: ignore[arg-type]


def _number(typed: str | None) -> int | None:
    if typed is None:
        return None
    if not typed.isdecimal() or len(typed) > 6:
        raise NotFound
    return int(typed)
