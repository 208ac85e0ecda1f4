"""The catalogue on a phone: what is sold, fetching prices, and what an order at a store costs.

PROTOCOL.md, headings "Bodies", "price_list", "promotion" and "store_terms". Call `fetch_prices` when a sync has
gone well; everything else needs no network.

    phone.sync()
    fetch_prices(phone)
    priced = price_at(phone, store_id, [Line(17, "CTN", 10)], at=phone.read_clock().wall_ms)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from mobile_contract.phone.link import Problem
from mobile_contract.phone.phone import Phone
from mobile_contract.price_bodies import BodyUnreadable, decode_prices
from mobile_contract.price_records import read_price_list, read_promotions
from mobile_contract.pricing import CustomerTerms, Line, PricedOrder, price_lines
from mobile_contract.pricing.terms import Entries
from mobile_contract.records.store_terms import terms_id

Fields = Mapping[str, Any]

_BODIES_READ = 64


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of the bodies that were missing. `refused`: the server does not give them now."""

    fetched: int = 0
    refused: int = 0
    dropped: int = 0


def fetch_prices(phone: Phone) -> Fetched:
    """Fetch the prices that the terms of the phone's stores name and that it does not have yet.

    Each once; what no record names any more is dropped. Raises LinkFailure or a Problem that is not
    about one body; what was fetched until then is kept.
    """
    digests = {
        number: {each["body"]["sha256"] for each in fields["versions"]}
        for number, fields in _lists(phone).items()
    }
    used = set().union(*(digests.get(number, ()) for number in _numbers_used(phone)))
    named = set().union(*digests.values())
    kept = phone.bodies.kept()
    fetched = refused = 0
    for sha256 in sorted(used - kept):
        try:
            phone.bodies.keep(sha256, phone.fetch_body(sha256))
        except Problem as problem:
            if problem.code != "not_found":
                raise
            # The record has left the scope meanwhile: the next pull says so.
            refused += 1
        else:
            fetched += 1
    phone.bodies.drop(kept - named)
    return Fetched(fetched, refused, len(kept - named))


def store_terms(phone: Phone, store_id: str) -> dict[str, Any] | None:
    """On what a store buys, as the server last gave it; None where it buys on no terms."""
    record = phone.scope.get("store_terms", str(terms_id(UUID(store_id))))
    return None if record is None else record.fields


def prices_for(phone: Phone, store_id: str) -> CustomerTerms | None:
    """The lists and promotions of a store, for `mobile_contract.pricing`; None where it has no terms.

    A list or a promotion that the phone does not hold is passed over, as is a version whose prices
    were not fetched yet.
    """
    terms = store_terms(phone, store_id)
    if terms is None:
        return None
    ids = {record.fields["number"]: record.id for record in phone.held("price_list")}
    lists = _lists(phone)
    held = [
        read_price_list(ids[number], lists[number], _prices(phone, lists[number]))
        for number in terms["price_lists"]
        if number in lists
    ]
    wanted = set(terms["promotions"])
    promotions = [
        promotion
        for record in phone.held("promotion")
        if record.fields["number"] in wanted
        for promotion in read_promotions(record.id, record.fields)
    ]
    promotions.sort(key=lambda one: (one.stacking.order, one.code))
    return CustomerTerms(terms["currency"], tuple(held), tuple(promotions))


def price_at(phone: Phone, store_id: str, lines: Sequence[Line], *, at: int) -> PricedOrder | None:
    """What these lines cost the store as of a moment; None where it buys on no terms."""
    terms = prices_for(phone, store_id)
    return None if terms is None else price_lines(lines, terms, at)


def products_offered(phone: Phone) -> list[dict[str, Any]]:
    """What may be ordered: products of the company that are not discontinued, by code, each with its id."""
    found = [
        {"id": record.id, **record.fields}
        for record in phone.held("product")
        if record.fields["is_own"] and record.fields["status"] == "ACTIVE"
    ]
    return sorted(found, key=lambda product: product["code"])


def products_due_in(phone: Phone, store_id: str) -> list[dict[str, Any]]:
    """What a store must stock, by code: a row of `must_stock` fits its channel and its class."""
    store = phone.store(store_id) or {}
    found = [
        {"id": record.id, **record.fields}
        for record in phone.held("product")
        if any(_fits(row, store) for row in record.fields["must_stock"])
    ]
    return sorted(found, key=lambda product: product["code"])


def _fits(row: Fields, store: Fields) -> bool:
    return row["channel"] in (None, store.get("channel")) and row["store_class"] in (
        None,
        store.get("store_class"),
    )


def _lists(phone: Phone) -> dict[int, Fields]:
    return {record.fields["number"]: record.fields for record in phone.held("price_list")}


def _numbers_used(phone: Phone) -> set[int]:
    return {
        number for record in phone.held("store_terms") for number in record.fields["price_lists"]
    }


def _prices(phone: Phone, fields: Fields) -> dict[int, Entries]:
    """The prices of each version of a list that the phone has and can read."""
    found: dict[int, Entries] = {}
    for each in fields["versions"]:
        body = phone.bodies.get(each["body"]["sha256"])
        if body is not None:
            try:
                found[each["version"]] = _read(body)
            except BodyUnreadable:
                # Of a later format: the version is one that this phone does not have.
                continue
    return found


@lru_cache(maxsize=_BODIES_READ)
def _read(body: bytes) -> Entries:
    return decode_prices(body)
