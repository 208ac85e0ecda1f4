"""One price of a list from a moment on: new versions that differ from those they stand in for by this price alone.

A version never changes, and a list may have several that follow one another. Each that holds in the period gets a new one
in its place, for as long as it holds there, so that what was planned for later stays but for this price.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from mobile_contract.pricing import Entries, Slab
from server.catalogue.checks import check_period, whole_ms
from server.catalogue.errors import NoSuchPriceList, PeriodInvalid, StateWrong
from server.catalogue.price_lists import PublishedPrices, open_price_list, publish_version
from server.catalogue.price_rows import PriceRow, check_price_rows
from server.catalogue.product_list import product_by_code
from server.identity.change_log import Actor
from server.language import Said
from sync.price_book import prices_changed, prices_of_bodies
from sync.unit_of_work import UnitOfWork

_LIST = "select id, ended_at from price_list where company_id = :company and id = :id"
_VERSIONS = """
select version, valid_from, valid_until, sha256 from price_list_version
where company_id = :company and price_list_id = :id
  and (valid_until is null or valid_until > :since) and (cast(:until as timestamptz) is null or valid_from < :until)
order by version
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceChange:
    """What a unit of a product is to cost in a period: by quantity, or, without slabs, nothing at all any more."""

    product: str
    unit: str
    # (from quantity, price in minor units)
    slabs: tuple[tuple[int, int], ...]
    valid_from: datetime
    valid_until: datetime | None = None
    may_be_past: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the period in which one version holds, None where none does, and its price before."""

    valid_from: datetime
    valid_until: datetime | None
    version: int | None
    before: tuple[Slab, ...]


def plan_price_change(uow: UnitOfWork, list_id: UUID, change: PriceChange) -> list[Stretch]:
    """The stretches that a change makes versions for, in their order. Raises NoSuchPriceList, NoSuchProduct, PeriodInvalid."""
    number = product_by_code(uow, change.product).number
    return [
        Stretch(
            begins,
            ends,
            None if row is None else row.version,
            entries.get((number, change.unit), ()),
        )
        for begins, ends, row, entries in _stretches(uow, list_id, change)
    ]


def change_price(
    uow: UnitOfWork, actor: Actor, list_id: UUID, change: PriceChange
) -> list[PublishedPrices]:
    """Let a unit of a product cost this in the period; the versions that it makes.

    Raises NoSuchPriceList, NoSuchProduct, StateWrong, PeriodInvalid, RowsInvalid.
    """
    prices_changed(uow)
    held = open_price_list(uow, list_id)
    number = product_by_code(uow, change.product).number
    rows = [
        PriceRow(place, change.product, change.unit, *slab)
        for place, slab in enumerate(change.slabs, start=1)
    ]
    priced = check_price_rows(uow, rows, held.division_id) if rows else {}
    done = []
    for begins, ends, _, entries in _stretches(uow, list_id, change):
        prices = {
            of: slabs for of, slabs in entries.items() if of != (number, change.unit)
        } | priced
        if not prices:
            raise StateWrong(Said("a price list has at least one price: end the list instead"))
        # What differs in nothing is not published again.
        if prices != dict(entries):
            done.append(
                publish_version(uow, actor, held, prices, valid_from=begins, valid_until=ends)
            )
    return done


def _stretches(
    uow: UnitOfWork, list_id: UUID, change: PriceChange
) -> Iterator[tuple[datetime, datetime | None, Any, Entries]]:
    """From when until when, the version that holds then, and all of its prices. Three statements."""
    begins = whole_ms(change.valid_from)
    ends = None if change.valid_until is None else whole_ms(change.valid_until)
    check_period(begins, ends)
    if begins < datetime.now(UTC) and not change.may_be_past:
        raise PeriodInvalid(
            Said("the prices would hold from a moment that is past, and nobody said so")
        )
    found = uow.rows(_LIST, company=uow.company_id, id=list_id)
    if not found:
        raise NoSuchPriceList(Said("there is no such price list in this company"))
    versions = uow.rows(_VERSIONS, company=uow.company_id, id=list_id, since=begins, until=ends)
    parts = [part for part in _in_force(versions, begins, ends) if part[2] is not None]
    prices = prices_of_bodies(uow, {bytes(row.sha256) for _, _, row in parts})
    for start, end, row in parts:
        yield start, end, row, prices[bytes(row.sha256)]
    if not parts:
        yield begins, ends, None, {}


def _in_force(
    versions: Sequence[Any], begins: datetime, ends: datetime | None
) -> list[tuple[datetime, datetime | None, Any]]:
    """The period cut where another version comes to hold: the one with the highest number, or none."""
    cuts = {begins}
    for row in versions:
        cuts |= {at for at in (row.valid_from, row.valid_until) if at is not None and at > begins}
    starts = sorted(at for at in cuts if ends is None or at < ends)
    found: list[tuple[datetime, datetime | None, Any]] = []
    for place, start in enumerate(starts):
        end = starts[place + 1] if place + 1 < len(starts) else ends
        holding = [
            row
            for row in versions
            if row.valid_from <= start and (row.valid_until is None or row.valid_until > start)
        ]
        row = holding[-1] if holding else None
        if found and found[-1][2] is row:
            found[-1] = (found[-1][0], end, row)
        else:
            found.append((start, end, row))
    return found
