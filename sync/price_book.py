"""Everything that is needed to price order lines of stores, each as of a moment.

What prices are computed from changes seldom and is read by every order. A process therefore keeps it
by a name that changes with it (`price_revision`), and prices of versions by their digest: where it has
both, a batch costs one statement. What is for a store is read from its terms as they stood at the
moment, so that server and phone price by the same.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from mobile_contract.price_bodies import decode_prices
from mobile_contract.price_records import read_promotion
from mobile_contract.pricing import (
    CustomerTerms,
    ForWhom,
    Level,
    PriceList,
    PriceListVersion,
    Promotion,
    version_in_force,
)
from mobile_contract.pricing.terms import Entries
from sync.bodies import read_bodies
from sync.direct import ask, text_of
from sync.document import decode_document
from sync.in_force import Period, ended, one_after_another
from sync.rows import array
from sync.store_terms import terms_id
from sync.unit_of_work import UnitOfWork

CATALOGUES_KEPT = 64
PRICES_KEPT = 200_000
"""Entries of bodies in a process, some 50 MB."""

# The terms of each store as they are, and as they were since the first moment that is asked for.
_TERMS = """
select w.id, s.account_id, r.doc, (extract(epoch from r.changed_at) * 1000)::bigint, r.version,
       (select v.id from price_revision v where v.company_id = %(company)s)
from unnest(%(stores)s::uuid[], %(terms)s::uuid[]) as w(id, terms)
join store s on s.company_id = %(company)s and s.id = w.id
left join lateral (
    select doc, changed_at, version from record where company_id = %(company)s and id = w.terms
    union all
    select v.doc, v.changed_at, v.version from record_version v
    where v.company_id = %(company)s and v.id = w.terms
      and exists (select from record n where n.company_id = %(company)s and n.id = w.terms
                    and n.changed_at > to_timestamp(%(since)s::bigint / 1000.0))
) r on true
"""
# One statement, so that what is read is what its revision names.
_CATALOGUE = """
select (select v.id from price_revision v where v.company_id = %(company)s)::text,
(select coalesce(json_agg(json_build_object(
    'id', p.id, 'number', p.number, 'min_order_quantity', p.min_order_quantity,
    'is_sold', p.is_own and p.status = 'ACTIVE', 'division_id', p.division_id,
    'units', (select json_object_agg(u.unit, u.base_units) from product_unit u
              where u.company_id = p.company_id and u.product_id = p.id))), '[]')
 from product p where p.company_id = %(company)s)::text,
(select coalesce(json_agg(json_build_object(
    'id', l.id, 'number', l.number, 'code', l.code, 'currency', l.currency, 'level', l.level,
    'ended_at', (extract(epoch from l.ended_at) * 1000)::bigint, 'versions',
    (select coalesce(json_agg(json_build_object(
        'version', v.version, 'valid_from', (extract(epoch from v.valid_from) * 1000)::bigint,
        'valid_until', (extract(epoch from v.valid_until) * 1000)::bigint,
        'what', encode(v.sha256, 'hex'))), '[]')
     from price_list_version v
     where v.company_id = l.company_id and v.price_list_id = l.id))), '[]')
 from price_list l where l.company_id = %(company)s)::text,
(select coalesce(json_agg(json_build_object(
    'id', p.id, 'number', p.number, 'code', p.code, 'currency', p.currency,
    'ended_at', (extract(epoch from p.ended_at) * 1000)::bigint, 'versions',
    (select coalesce(json_agg(json_build_object(
        'version', v.version, 'valid_from', (extract(epoch from v.valid_from) * 1000)::bigint,
        'valid_until', (extract(epoch from v.valid_until) * 1000)::bigint,
        'what', v.terms)), '[]')
     from promotion_version v
     where v.company_id = p.company_id and v.promotion_id = p.id))), '[]')
 from promotion p where p.company_id = %(company)s)::text
"""
_CHANGE = """
insert into price_revision (company_id) values (:company)
on conflict (company_id) do update set id = gen_random_uuid()
"""


@dataclass(frozen=True, slots=True)
class Sold:
    """A product as an order line needs to know it."""

    number: int
    # unit → how many base units it holds
    units: Mapping[str, int]
    # In base units; 0: none.
    min_order_quantity: int
    # The company sells it now.
    is_sold: bool
    division_id: str | None


@dataclass(frozen=True, slots=True)
class StorePrices:
    """What is needed to price the lines of a store as of a moment.

    `terms` is for `mobile_contract.pricing.price_lines`: of each list it has the version that was in
    force, if any. A store that had no terms then has no lists and no promotions, and no currency.
    """

    terms: CustomerTerms | None
    # The customer that pays, now; the credit is that of its account.
    account_id: str | None
    min_order_minor: int
    # product id → the product
    products: Mapping[str, Sold]


def prices_changed(uow: UnitOfWork) -> None:
    """Say in the transaction of a change that prices are computed from other things now: products,
    lists, promotions or their versions. Such transactions of a company follow one another from here on.
    """
    uow.run(_CHANGE, company=uow.company_id)


def load_price_book(
    uow: UnitOfWork, wanted: Iterable[tuple[str, int]]
) -> dict[tuple[str, int], StorePrices]:
    """What is needed to price by, for each (store id, moment in ms) that is asked for.

    A store that the company does not have is left out. One statement where this process has the
    catalogue and the prices; one more for each that it does not have.
    """
    asked = sorted(set(wanted))
    if not asked:
        return {}
    stores = sorted({store for store, _ in asked})
    rows = ask(
        uow.driver,
        _TERMS,
        {
            "company": uow.company_id,
            "stores": array("uuid", stores),
            "terms": array("uuid", [terms_id(UUID(store)) for store in stores]),
            "since": min(at for _, at in asked),
        },
    )
    histories: dict[str, list[_Stood]] = {}
    accounts: dict[str, str | None] = {}
    revision: str | None = None
    for store, account_id, doc, changed_at, version, revision_now in rows:
        histories.setdefault(text_of(store), [])
        accounts[text_of(store)] = account_id
        revision = revision_now
        if changed_at is not None:
            stood_since = _Stood(int(changed_at), int(text_of(version)), doc)
            histories[text_of(store)].append(stood_since)
    catalogue = _catalogue_of(uow, revision)
    stood = {(store, at): _as_of(histories[store], at) for store, at in asked if store in histories}
    prices = prices_of_bodies(uow, catalogue.digests_for(stood))
    return {
        (store, at): StorePrices(
            terms=None if fields is None else catalogue.terms_for(fields, at, prices),
            account_id=accounts[store],
            min_order_minor=0 if fields is None else fields["min_order_minor"],
            products=catalogue.products,
        )
        for (store, at), fields in stood.items()
    }


class _Stood(NamedTuple):
    """A version of the terms of a store, and from when on it stood."""

    since: int
    version: int
    doc: str | None


def _as_of(history: Sequence[_Stood], at: int) -> dict[str, Any] | None:
    """The document that stood at a moment, the last of several; before the first one, the first."""
    if not history:
        return None
    before = [entry for entry in history if entry.since <= at]
    # Versions differ, so that documents, or none, are never compared.
    doc = (max(before) if before else min(history)).doc
    return None if doc is None else decode_document(doc)


# ---- what a process keeps ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _List:
    id: str
    code: str
    currency: str
    level: Level
    versions: Sequence[Period[bytes]]

    def in_force(self, at: int) -> Period[bytes] | None:
        """The version that holds at a moment, without its prices."""
        bare = PriceList(
            self.id,
            self.code,
            self.currency,
            _nobody(self.level),
            tuple(
                PriceListVersion(each.version, each.valid_from, each.valid_until, {})
                for each in self.versions
            ),
        )
        found = version_in_force(bare, at)
        if found is None:
            return None
        return next(each for each in self.versions if each.version == found.version)


@dataclass(slots=True)
class _Catalogue:
    """What a company's prices are computed from, under one revision; not the prices themselves."""

    products: dict[str, Sold]
    lists: dict[int, _List]
    promotions: dict[int, tuple[Promotion, ...]]
    # What is for a store is the same for many: built once.
    _built: dict[tuple[Any, ...], CustomerTerms] = field(default_factory=dict)

    def digests_for(self, stood: Mapping[tuple[str, int], Mapping[str, Any] | None]) -> set[bytes]:
        """The digests of all prices that were in force for these terms at their moments."""
        found: set[bytes] = set()
        for (_, at), fields in stood.items():
            if fields is not None:
                found.update(version.what for _, version in self._in_force(fields, at))
        return found

    def terms_for(
        self, fields: Mapping[str, Any], at: int, prices: Mapping[bytes, Entries]
    ) -> CustomerTerms:
        """The lists, in their order and each with the version in force, and the promotions."""
        holds = self._in_force(fields, at)
        running = [
            promotion
            for number in fields["promotions"]
            for promotion in self.promotions.get(number, ())
            if promotion.valid_from <= at
            and (promotion.valid_until is None or at < promotion.valid_until)
        ]
        running.sort(key=lambda one: (one.stacking.order, one.code))
        named = (
            fields["currency"],
            tuple((held.id, version.version) for held, version in holds),
            tuple((one.id, one.version) for one in running),
        )
        built = self._built.get(named)
        if built is None:
            built = CustomerTerms(
                currency=fields["currency"],
                lists=tuple(
                    PriceList(
                        held.id,
                        held.code,
                        held.currency,
                        _nobody(held.level),
                        (
                            PriceListVersion(
                                version.version,
                                version.valid_from,
                                version.valid_until,
                                prices[version.what],
                            ),
                        ),
                    )
                    for held, version in holds
                ),
                promotions=tuple(running),
            )
            if len(self._built) < CATALOGUES_KEPT:
                self._built[named] = built
        return built

    def _in_force(self, fields: Mapping[str, Any], at: int) -> list[tuple[_List, Period[bytes]]]:
        return [
            (held, version)
            for number in fields["price_lists"]
            if (held := self.lists.get(number)) is not None
            and (version := held.in_force(at)) is not None
        ]


def _nobody(level: Level) -> ForWhom:
    """Whom a list is for is not asked once the terms of a store name it."""
    return ForWhom(level, frozenset())


K = TypeVar("K")
V = TypeVar("V")


class _Kept(Generic[K, V]):
    """What was used last of what never changes, up to a weight; shared by the process' threads."""

    def __init__(self, most: int, weigh: Callable[[V], int]) -> None:
        self._most = most
        self._weigh = weigh
        self._weight = 0
        self._held: OrderedDict[K, V] = OrderedDict()
        self._lock = Lock()

    def of(self, keys: Collection[K]) -> dict[K, V]:
        """Those of these that are kept."""
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
        return found

    def keep(self, new: Mapping[K, V]) -> None:
        """Keep these; what was not used for longest goes."""
        with self._lock:
            for key, value in new.items():
                if key not in self._held:
                    self._held[key] = value
                    self._weight += self._weigh(value)
            while self._weight > self._most and len(self._held) > 1:
                self._weight -= self._weigh(self._held.popitem(last=False)[1])


# By names that mean the same in every company and database.
_catalogues: _Kept[str, _Catalogue] = _Kept(CATALOGUES_KEPT, lambda _: 1)
_prices: _Kept[bytes, Entries] = _Kept(PRICES_KEPT, len)


def _catalogue_of(uow: UnitOfWork, revision: str | None) -> _Catalogue:
    if revision is None:
        return _Catalogue({}, {}, {})
    kept = _catalogues.of([revision]).get(revision)
    if kept is None:
        named, *parts = map(text_of, ask(uow.driver, _CATALOGUE, {"company": uow.company_id})[0])
        kept = _read_catalogue(*(msgspec.json.decode(part) for part in parts))
        _catalogues.keep({named: kept})
    return kept


def prices_of_bodies(uow: UnitOfWork, digests: set[bytes]) -> dict[bytes, Entries]:
    """The prices of versions by the digests of their bodies; what this process has is not read again."""
    kept = _prices.of(digests)
    missing = digests - kept.keys()
    if missing:
        read = {name: decode_prices(body) for name, body in read_bodies(uow, missing).items()}
        _prices.keep(read)
        kept |= read
    return kept


def _read_catalogue(products: list[Any], lists: list[Any], promotions: list[Any]) -> _Catalogue:
    return _Catalogue(
        products={
            each["id"]: Sold(
                each["number"],
                each["units"] or {},
                each["min_order_quantity"],
                each["is_sold"],
                each["division_id"],
            )
            for each in products
        },
        lists={
            each["number"]: _List(
                each["id"],
                each["code"],
                each["currency"],
                Level(each["level"]),
                [
                    Period(one.version, one.valid_from, one.valid_until, bytes.fromhex(one.what))
                    for one in ended(_periods(each), each["ended_at"])
                ],
            )
            for each in lists
        },
        promotions={
            each["number"]: tuple(
                read_promotion(
                    each["id"],
                    each,
                    {
                        **period.what,
                        "version": period.version,
                        "valid_from": period.valid_from,
                        "valid_until": period.valid_until,
                    },
                )
                for period in ended(one_after_another(_periods(each)), each["ended_at"])
            )
            for each in promotions
        },
    )


def _periods(each: Mapping[str, Any]) -> list[Period[Any]]:
    return [Period(**version) for version in each["versions"]]
