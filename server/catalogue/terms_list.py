"""Price lists and promotions as those who look after them see them: bounded lists, and each in full."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mobile_contract.pricing import Slab
from server.catalogue.errors import NoSuchPriceList, NoSuchPromotion, StateWrong
from server.catalogue.product_list import like
from server.catalogue.whom import Whom, read_whom
from server.language import Said
from sync.price_book import prices_of_bodies
from sync.unit_of_work import UnitOfWork

_LISTS = """
select l.id, l.number, l.code, l.name, l.currency, l.level, l.ended_at, d.code as division_code,
       v.version, v.valid_from, v.valid_until, v.entries
from price_list l
left join division d on d.company_id = l.company_id and d.id = l.division_id
left join lateral (
    select version, valid_from, valid_until, entries from price_list_version v
    where v.company_id = l.company_id and v.price_list_id = l.id
      and v.valid_from <= now() and (v.valid_until is null or v.valid_until > now())
    order by version desc limit 1
) v on l.ended_at is null or l.ended_at > now()
where l.company_id = :company and (cast(:code as text) is null or l.code = :code)
  and (cast(:id as uuid) is null or l.id = :id)
  and (cast(:words as text) is null or l.code ilike :words or l.name ilike :words)
  and (cast(:after as text) is null or l.code > :after)
  and (:with_ended or l.ended_at is null or l.ended_at > now())
order by l.code limit :at_most
"""
_LIST_VERSIONS = """
select version, valid_from, valid_until, entries, encode(sha256, 'hex') as sha256, published_at,
       published_by
from price_list_version where company_id = :company and price_list_id = :id
order by version desc limit :at_most
"""
_PROMOTIONS = """
select p.id, p.number, p.code, p.name, p.currency, p.level, p.state, p.ended_at, p.draft,
       d.code as division_code, v.version, v.valid_from, v.valid_until, v.terms
from promotion p
left join division d on d.company_id = p.company_id and d.id = p.division_id
left join lateral (
    select version, valid_from, valid_until, terms from promotion_version v
    where v.company_id = p.company_id and v.promotion_id = p.id order by version desc limit 1
) v on true
where p.company_id = :company and (cast(:code as text) is null or p.code = :code)
  and (cast(:id as uuid) is null or p.id = :id)
  and (cast(:words as text) is null or p.code ilike :words or p.name ilike :words)
  and (cast(:after as text) is null or p.code > :after)
  and (cast(:states as text[]) is null or p.state = any(:states))
order by p.code limit :at_most
"""
_DIGEST = """
select sha256 from price_list_version
where company_id = :company and price_list_id = :id and version = :version
"""
_NAMED = (
    "select number, code, name from product where company_id = :company and number = any(:numbers)"
)


@dataclass(frozen=True, slots=True)
class PriceListListed:
    """A list, with the version that is in force now, if any."""

    id: UUID
    number: int
    code: str
    name: str
    currency: str
    level: str
    ended_at: datetime | None
    division_code: str | None
    version: int | None
    valid_from: datetime | None
    valid_until: datetime | None
    entries: int | None


@dataclass(frozen=True, slots=True)
class VersionListed:
    """A version of a list; its prices are the body with this digest."""

    version: int
    valid_from: datetime
    valid_until: datetime | None
    entries: int
    sha256: str
    published_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class PriceShown:
    """The price of a unit of a product, by quantity."""

    product_code: str
    product_name: str
    unit: str
    slabs: tuple[Slab, ...]


@dataclass(frozen=True, slots=True)
class PromotionListed:
    """A promotion, with its latest version, if it was published."""

    id: UUID
    number: int
    code: str
    name: str
    currency: str
    level: str | None
    state: str
    ended_at: datetime | None
    draft: dict[str, Any] | None
    division_code: str | None
    version: int | None
    valid_from: datetime | None
    valid_until: datetime | None
    terms: dict[str, Any] | None

    @property
    def said(self) -> dict[str, Any]:
        """What it says: as published last, else as drafted."""
        return self.terms or self.draft or {}


def list_price_lists(
    uow: UnitOfWork,
    *,
    code: str | None = None,
    list_id: UUID | None = None,
    words: str = "",
    with_ended: bool = False,
    after: str | None = None,
    at_most: int = 100,
) -> list[PriceListListed]:
    """Price lists by code, from the one `after` a code on; `words` stand in code or name. One query."""
    rows = uow.rows(
        _LISTS,
        company=uow.company_id,
        code=code,
        id=list_id,
        words=like(words),
        with_ended=with_ended,
        after=after,
        at_most=at_most,
    )
    return [PriceListListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def price_list_by_code(uow: UnitOfWork, code: str) -> PriceListListed:
    """The list with this code, also when it is ended. Raises NoSuchPriceList."""
    found = list_price_lists(uow, code=code, with_ended=True)
    if not found:
        raise NoSuchPriceList(Said("there is no price list {code}", code=code))
    return found[0]


def read_price_list(uow: UnitOfWork, list_id: UUID) -> PriceListListed:
    """One list, also when it is ended. Raises NoSuchPriceList."""
    found = list_price_lists(uow, list_id=list_id, with_ended=True, at_most=1)
    if not found:
        raise NoSuchPriceList(Said("there is no such price list in this company"))
    return found[0]


def versions_of(uow: UnitOfWork, list_id: UUID, *, at_most: int = 100) -> list[VersionListed]:
    """The versions of a list, the newest first. One query."""
    rows = uow.rows(_LIST_VERSIONS, company=uow.company_id, id=list_id, at_most=at_most)
    return [VersionListed(**row._mapping) for row in rows]  # noqa: SLF001


def prices_of(uow: UnitOfWork, list_id: UUID, version: int) -> list[PriceShown]:
    """The prices of one version, by product code and unit. Raises StateWrong where there is none."""
    found = uow.rows(_DIGEST, company=uow.company_id, id=list_id, version=version)
    if not found:
        raise StateWrong(Said("the price list has no version {version}", version=version))
    digest = bytes(found[0].sha256)
    prices = prices_of_bodies(uow, {digest})[digest]
    named = product_names(uow, {number for number, _ in prices})
    return sorted(
        (PriceShown(*named[number], unit, slabs) for (number, unit), slabs in prices.items()),
        key=lambda shown: (shown.product_code, shown.unit),
    )


def product_names(uow: UnitOfWork, numbers: set[int]) -> dict[int, tuple[str, str]]:
    """Code and name of products, by number. One query."""
    rows = uow.rows(_NAMED, company=uow.company_id, numbers=sorted(numbers))
    return {row.number: (row.code, row.name) for row in rows}


def list_promotions(
    uow: UnitOfWork,
    *,
    code: str | None = None,
    promotion_id: UUID | None = None,
    words: str = "",
    states: tuple[str, ...] | None = ("DRAFT", "PUBLISHED"),
    after: str | None = None,
    at_most: int = 100,
) -> list[PromotionListed]:
    """Promotions by code, from the one `after` a code on; `words` stand in code or name. One query."""
    rows = uow.rows(
        _PROMOTIONS,
        company=uow.company_id,
        code=code,
        id=promotion_id,
        words=like(words),
        after=after,
        states=None if states is None else list(states),
        at_most=at_most,
    )
    return [PromotionListed(**row._mapping) for row in rows]  # noqa: SLF001


def promotion_by_code(uow: UnitOfWork, code: str) -> PromotionListed:
    """The promotion with this code, whatever its state. Raises NoSuchPromotion."""
    found = list_promotions(uow, code=code, states=None)
    if not found:
        raise NoSuchPromotion(Said("there is no promotion {code}", code=code))
    return found[0]


def read_promotion(uow: UnitOfWork, promotion_id: UUID) -> PromotionListed:
    """One promotion, whatever its state. Raises NoSuchPromotion."""
    found = list_promotions(uow, promotion_id=promotion_id, states=None, at_most=1)
    if not found:
        raise NoSuchPromotion(Said("there is no such promotion in this company"))
    return found[0]


def whom_of(uow: UnitOfWork, kind: str, id_: UUID, level: str | None) -> Whom | None:
    """Whom a list or a promotion is for."""
    return read_whom(uow, kind, id_, level)
