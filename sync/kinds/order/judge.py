"""Judging what phones send of orders: priced again, held where something differs, never refused for it.

What was submitted is immutable: an amendment is a version of its own, and where an order stands follows the
machine of states.py. Prices, credit and look-alikes are pure rules beside this module.

Longer than most modules: five ops that share how an order is priced, flagged and written.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import to_builtins

from sync.clock import Moment, business_day
from sync.evidence import captured, clock_wire, witness
from sync.flag import Flag
from sync.history import History
from sync.kinds.order.credit import available_for, count
from sync.kinds.order.delivery import AtTheDoor, LinesDiffer, Ordered, delivered_amounts, outcome_of
from sync.kinds.order.holds import HOUR_MS, Asked, Limits, judge_order
from sync.kinds.order.likeness import likeness_of, nearest
from sync.kinds.order.lines import (
    NO_PRICES,
    PRICE_FLAGS,
    below_minimum,
    count_returned,
    sent_lines,
    server_lines,
    server_totals,
)
from sync.kinds.order.reads import LOOK, MAKES, TYPES, priced_at, sight_of
from sync.kinds.order.rows import (
    DELIVERIES,
    HEADERS,
    LINES,
    VERSIONS,
    header_row,
    line_row,
    version_row,
)
from sync.kinds.order.states import ORDERING
from sync.price_book import StorePrices
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Missing,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.rights import id_taken, in_scope, own_record, right_of
from sync.store_terms import TOPIC as TERMS

ROLES = frozenset({"rep", "supervisor", "regional_manager", "driver"})
# Who may be sent with goods.
DELIVERERS = frozenset({"driver", "rep"})
STORE, VISIT = 1, 4
# Work that makes anew what is told of a store.
HISTORY = "store_history"
_NO_HISTORY: History[Known] = History()


def mentions(item: Arrived) -> tuple[str, ...]:
    """The store, the visit, and the order that goods came with."""
    payload = item.payload
    if item.op not in MAKES:
        return ()
    named = (payload.store_id, payload.visit_id, getattr(payload, "returns_order_id", None))
    return tuple(filter(None, named))


def submit(item: Arrived, context: Context) -> Outcome:
    """A store orders."""
    return _make(item, context)


def give_back(item: Arrived, context: Context) -> Outcome:
    """A store gives goods back."""
    return _make(item, context)


def amend(item: Arrived, context: Context) -> Outcome:
    """An order is changed before it is confirmed: a whole new version."""
    found = _changeable(item, context, "amend")
    if not isinstance(found, tuple):
        return found
    known, submitted = found
    before, payload = known.fields, item.payload
    if before["order_type"] != "SALE":
        return Rejected("wrong_state", "op", "A return is not amended: cancel it and send another.")
    assert item.base_version is not None
    meant = context.histories.get(known.id, _NO_HISTORY).meant(
        item.base_version, context.sender.person_id, known
    )
    if meant is None:
        return Rejected(
            "wrong_base_version",
            "base_version",
            f"The order is at version {known.version}; it never had version {item.base_version}"
            " as far as this server knows.",
        )
    prices = _prices(item, context, before["store_id"])
    if isinstance(prices, Missing):
        return prices
    fields = {
        **before,
        "order_version": before["order_version"] + 1,
        "delivery_on": None if payload.delivery_on is None else payload.delivery_on.isoformat(),
        "note": payload.note,
    }
    # Two phones of one person may each have changed it: the later one holds, both versions stay.
    flags = [flag for flag in before["flags"] if flag["flag"] not in PRICE_FLAGS]
    if meant.fields["order_version"] != before["order_version"]:
        flags.append(
            {
                "flag": "amended_over",
                "base_order_version": meant.fields["order_version"],
                "order_version": before["order_version"],
            }
        )
    return _priced(item, context, fields, prices, submitted, flags, known)


def cancel(item: Arrived, context: Context) -> Outcome:
    """An order is taken back before it is confirmed."""
    found = _changeable(item, context, "cancel")
    if not isinstance(found, tuple):
        return found
    known, state = found
    fields = {**known.fields, "state": state, "holds": []}
    count(context, known.fields, fields)
    count_returned(context, known.fields, -1)
    return _written(item, context, fields, known)


def deliver(item: Arrived, context: Context) -> Outcome:
    """The driver confirms line by line what the store took."""
    event = witness(item.payload.delivered, item, context.policy)
    known = in_scope(context, item, event.moment, item.entity_id, ORDER.number, "entity_id")
    if not isinstance(known, Known):
        return known
    before, payload = known.fields, item.payload
    driver = before["driver_position_id"]
    if driver is None:
        return _past(before)
    right = right_of(context, item, event.moment, DELIVERERS, driver)
    if isinstance(right, Rejected):
        return Rejected(right.code, "entity_id", "It was dispatched to another position.")
    confirmed = [
        AtTheDoor(line.line, line.delivered, line.short, line.returned) for line in payload.lines
    ]
    state = ORDERING.after(before["state"], outcome_of(confirmed))
    if state is None:
        return _past(before)
    try:
        amounts = delivered_amounts(
            confirmed, [Ordered(line["quantity"], line["total_minor"]) for line in before["lines"]]
        )
    except LinesDiffer as differ:
        return Rejected("lines_differ", differ.where, differ.detail)
    proofs = to_builtins(payload.proofs)
    flags = [*event.moment.flags]
    if event.is_mock:
        flags.append({"flag": "mock_location"})
    fields = {
        **before,
        "state": state,
        "delivery": {
            "event": event.wire,
            "person_id": context.sender.person_id,
            "delivered_minor": sum(amounts),
            "receiver": payload.receiver,
            "lines": to_builtins(payload.lines),
            "proofs": proofs,
            "note": payload.note,
        },
        "flags": [*before["flags"], *flags],
    }
    count(context, before, fields)
    outcome = _written(item, context, fields, known)
    outcome.media = tuple(
        {"sha256": proof["sha256"], "size": proof["size"], "role": proof["role"]}
        for proof in proofs
    )
    outcome.rows += tuple(
        (
            DELIVERIES,
            f"{item.entity_id} {line.line}",
            (
                item.entity_id,
                line.line,
                before["order_version"],
                line.delivered,
                line.short,
                line.returned,
                line.reason,
                amount,
            ),
        )
        for line, amount in zip(payload.lines, amounts, strict=True)
    )
    return outcome


# ---- what the ops share ---------------------------------------------------------------------


def _changeable(
    item: Arrived, context: Context, act: str
) -> tuple[Known, str] | Missing | Rejected:
    """The sender's own order and the state that the act leads to, or what stands against it."""
    known = own_record(context, item, ORDER.number)
    if not isinstance(known, Known):
        return known
    right = right_of(context, item, captured(item, context.policy), ROLES)
    if isinstance(right, Rejected):
        return right
    state = ORDERING.after(known.fields["state"], act)
    return _past(known.fields) if state is None else (known, state)


def _past(before: dict[str, Any]) -> Rejected:
    return Rejected("wrong_state", "op", f"The order is {before['state']}.")


def _make(item: Arrived, context: Context) -> Outcome:
    """A new order or return, as far as the two are the same."""
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    payload, policy = item.payload, context.policy
    moment = captured(item, policy)
    right = right_of(context, item, moment, ROLES, payload.position_id)
    if isinstance(right, Rejected):
        return right
    named = _named(item, context, moment)
    if named is not None:
        return named
    prices = _prices(item, context, payload.store_id)
    if isinstance(prices, Missing):
        return prices
    sight = sight_of(context)
    likeness = sight.likenesses[item.entity_id]
    in_batch = context.tallies.setdefault(("orders alike", likeness), [])
    look_alike = nearest(
        [*sight.alike.get(likeness, ()), *in_batch], item.entity_id, moment.corrected_at
    )
    flags = list(moment.flags)
    if look_alike is not None:
        flags.append({"flag": "look_alike", "apart_ms": look_alike[1]})
    visit = None if payload.visit_id is None else context.known[payload.visit_id].fields
    if visit is not None and visit["store_id"] != payload.store_id:
        flags.append({"flag": "visit_elsewhere"})
    fields = {
        "order_type": TYPES[item.op],
        "number": sight.numbers[item.entity_id],
        "order_version": 1,
        "store_id": payload.store_id,
        "visit_id": payload.visit_id,
        "returns_order_id": getattr(payload, "returns_order_id", None),
        "look_alike_of": None if look_alike is None else look_alike[0],
        "account_id": None,
        "person_id": context.sender.person_id,
        "position_id": right.position_id,
        "business_day": business_day(moment.corrected_at, policy.time_zone).isoformat(),
        "ordered": {
            "at": item.captured_at,
            "corrected_at": moment.corrected_at,
            "fix": None,
        },
        "clock": clock_wire(moment),
        "currency": payload.currency,
        "delivery_on": None if payload.delivery_on is None else payload.delivery_on.isoformat(),
        "note": payload.note,
        "answer": None,
        "driver_position_id": None,
        "delivery": None,
        "flags": [],
    }
    outcome = _priced(item, context, fields, prices, "SUBMITTED", flags, None)
    count_returned(context, fields, 1)
    in_batch.append((item.entity_id, moment.corrected_at))
    return outcome


def _named(item: Arrived, context: Context, moment: Moment) -> Missing | Rejected | None:
    """What stands against the records that a new order names; None where they are there."""
    payload = item.payload
    store = in_scope(context, item, moment, payload.store_id, STORE, "payload.store_id")
    if not isinstance(store, Known):
        return store
    for name, kind in (("visit_id", VISIT), ("returns_order_id", ORDER.number)):
        id_ = getattr(payload, name, None)
        if id_ is not None:
            found = in_scope(context, item, moment, id_, kind, f"payload.{name}")
            if not isinstance(found, Known):
                return found
    return None


def _prices(item: Arrived, context: Context, store_id: str) -> StorePrices | Missing:
    """What the order is priced by; Missing where the company has never had one of its products."""
    at = priced_at(item, context.policy)
    prices: StorePrices = sight_of(context).prices.get((store_id, at), NO_PRICES)
    unknown = [
        line.product_id for line in item.payload.lines if line.product_id not in prices.products
    ]
    return Missing(tuple(dict.fromkeys(unknown))) if unknown else prices


def _priced(
    item: Arrived,
    context: Context,
    fields: dict[str, Any],
    prices: StorePrices,
    submitted: str,
    flags: list[Flag],
    known: Known | None,
) -> Accepted:
    """A version of an order: priced by the server as of its time, and accepted or held."""
    payload, policy = item.payload, context.policy
    is_sale = fields["order_type"] == "SALE"
    account = sight_of(context).accounts.get(fields["store_id"])
    before = None if known is None else known.fields
    lines = sent_lines(payload.lines, is_sale=is_sale)
    priced = server_lines(item, context, fields, prices, flags)
    judged = judge_order(
        [
            Asked(
                line["quantity"],
                line["price_minor"],
                line["discount_minor"],
                line["total_minor"],
                sum([each["amount_minor"] for each in line["taken"]]) if is_sale else None,
            )
            for line in lines
        ],
        payload.total_minor,
        server_totals(context, fields, lines, priced),
        age_ms=item.captured_at - payload.prices_as_of,
        lines_below_minimum=below_minimum(lines, prices) if is_sale else 0,
        limits=Limits(
            warn_ms=policy.price_warn_h * HOUR_MS,
            hold_ms=policy.price_hold_h * HOUR_MS,
            minimum_minor=prices.min_order_minor if is_sale else 0,
            credit_available_minor=available_for(context, account, fields["currency"], before)
            if is_sale
            else None,
        ),
    )
    if fields["returns_order_id"] is not None:
        # By no list: by the order that the goods came with.
        priced = [None] * len(lines)
    not_sold = sum(not prices.products[line["product_id"]].is_sold for line in lines)
    if is_sale and not_sold:
        flags.append({"flag": "not_sold", "lines": not_sold})
    for line, total in zip(lines, judged.line_totals, strict=True):
        line["server_total_minor"] = total
    fields |= {
        "state": ORDERING.after(submitted, "hold" if judged.holds else "accept"),
        "holds": list(judged.holds),
        "account_id": None if account is None else account.id,
        "lines": lines,
        "total_minor": payload.total_minor,
        "server_total_minor": judged.total_minor,
        "prices_as_of": payload.prices_as_of,
        "price_lists": to_builtins(getattr(payload, "price_lists", [])),
        "promotions": to_builtins(getattr(payload, "promotions", [])),
        "flags": [*flags, *judged.flags],
    }
    count(context, before, fields)
    outcome = _written(item, context, fields, known)
    order_id, number = item.entity_id, fields["order_version"]
    outcome.rows += (
        (
            VERSIONS,
            f"{order_id} {number}",
            version_row(
                order_id,
                fields,
                origin=item.op,
                person_id=context.sender.person_id,
                actor=context.sender.person_name,
                reason=getattr(payload, "reason", None),
                made_at=fields["ordered"]["corrected_at"]
                if known is None
                else captured(item, policy).corrected_at,
            ),
        ),
        *[
            (LINES, f"{order_id} {number} {n}", line_row(order_id, number, n, line, one))
            for n, (line, one) in enumerate(zip(lines, priced, strict=True), start=1)
        ],
    )
    return outcome


def follow_ups(fields: Mapping[str, Any]) -> tuple[str, ...]:
    """What is told of the order's store and follows from it: what happened there last, what is left of
    its account's credit.
    """
    return (HISTORY,) if fields["account_id"] is None else (HISTORY, TERMS)


def _written(
    item: Arrived, context: Context, fields: dict[str, Any], known: Known | None
) -> Accepted:
    """The order's new document, its row, and what has to be told again of its store."""
    row = header_row(
        item.entity_id,
        1 if known is None else known.version + 1,
        fields,
        device_id=context.sender.device_id,
        likeness=_likeness(item, context, fields, known),
        received_at=item.received_at,
    )
    return Accepted(
        record=Record(
            item.entity_id, ORDER, fields, (context.sender.person_id,) if known is None else None
        ),
        rows=((HEADERS, item.entity_id, row),),
        work=tuple((topic, fields["store_id"]) for topic in follow_ups(fields)),
    )


def _likeness(
    item: Arrived, context: Context, fields: Mapping[str, Any], known: Known | None
) -> str:
    if known is None:
        return sight_of(context).likenesses[item.entity_id]
    lines = [(line["product_id"], line["unit"], line["quantity"]) for line in fields["lines"]]
    return likeness_of(fields["order_type"], fields["store_id"], lines)


ORDER = RecordKind(
    name="order",
    number=12,
    ops={
        "submit": submit,
        "return": give_back,
        "amend": amend,
        "cancel": cancel,
        "deliver": deliver,
    },
    makes=MAKES,
    mentions=mentions,
    reads=(LOOK,),
    machine=ORDERING,
)
