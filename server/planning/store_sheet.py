"""A store with all that is known of it, and the list that leads to it, as far as the asker may see stores."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from hashlib import sha256
from typing import Any
from uuid import UUID

from server.language import Said
from server.planning.errors import NoSuchStore
from server.planning.positions import SEEN_STORES, stores_seen
from sync.document import decode_document
from sync.store_terms import terms_id
from sync.unit_of_work import UnitOfWork

VISITS_SHOWN = 8
ROUTES_SHOWN = 50
WORDS_MAX = 100

_LIST = f"""
{SEEN_STORES}, below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select t.id, t.code, t.name, t.channel, t.store_class, t.address, t.status, t.lat_e7 is not null as has_pin,
       g.name as region, o.code as owner, a.code as account_code
from seen_store t
left join region g on g.company_id = t.company_id and g.id = t.region_id
left join position o on o.company_id = t.company_id and o.id = t.position_id
left join account a on a.company_id = t.company_id and a.id = t.account_id
where t.status = any(:statuses)
  and (cast(:words as text) is null or t.code ilike :words or t.name ilike :words
       or t.address ilike :words)
  and (cast(:channel as text) is null or t.channel = :channel)
  and (cast(:store_class as text) is null or t.store_class = :store_class)
  and (cast(:region as uuid) is null or t.region_id in (select id from below))
  and (cast(:account as uuid) is null or t.account_id = :account)
  and (not :without_pin or t.lat_e7 is null)
  and (cast(:after_name as text) is null or (t.name, t.id) > (:after_name, cast(:after_id as uuid)))
order by t.name, t.id limit :at_most
"""  # noqa: S608  put together from a constant
_CHANNELS = """
select distinct channel from store where company_id = :company order by channel limit 200
"""
_ONE = f"""
{SEEN_STORES}
select t.id, t.code, t.name, t.channel, t.store_class, t.address, t.contact_name, t.contact_phone,
       t.opening_hours, t.delivery_note, t.lat_e7, t.lon_e7, t.fence_radius_m, t.region_id, t.position_id,
       t.account_id, t.status, t.created_at, g.name as region, o.code as owner, a.code as account_code,
       a.name as account_name, n.name as proposer,
       array(select d.division_id from store_division d
             where d.company_id = t.company_id and d.store_id = t.id order by 1) as division_ids,
       array(select v.name from store_division d
             join division v on v.company_id = d.company_id and v.id = d.division_id
             where d.company_id = t.company_id and d.store_id = t.id order by v.name) as divisions
from seen_store t
left join region g on g.company_id = t.company_id and g.id = t.region_id
left join position o on o.company_id = t.company_id and o.id = t.position_id
left join account a on a.company_id = t.company_id and a.id = t.account_id
left join person n on n.company_id = t.company_id and n.id = t.proposed_by
where t.id = :store
"""  # noqa: S608
_ROUTES = """
select r.id, r.name, r.position_id, p.code as position_code, s.rule,
       array(select n.name from occupancy o
             join person n on n.company_id = o.company_id and n.id = o.person_id
             where o.company_id = p.company_id and o.position_id = p.id
               and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
             order by o.is_acting, n.name limit 3) as holders
from route_stop s
join route r on r.company_id = s.company_id and r.id = s.route_id and r.is_active
join position p on p.company_id = r.company_id and p.id = r.position_id
where s.company_id = :company and s.store_id = :store order by p.code, r.name limit :at_most
"""
_VISITS = """
select v.id, v.business_day, v.person_id, n.name as person, v.state, v.verdict, v.is_by_phone
from visit v join person n on n.company_id = v.company_id and n.id = v.person_id
where v.company_id = :company and v.store_id = :store
order by v.business_day desc, v.began_at desc, v.id limit :at_most
"""
_TERMS = "select doc from record where company_id = :company and id = :terms"
_NAMED = """
select 'price_list' as kind, l.id, l.number, l.code, l.name from price_list l
where l.company_id = :company and l.number = any(:lists)
union all
select 'promotion', p.id, p.number, p.code, p.name from promotion p
where p.company_id = :company and p.number = any(:promotions)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAsked:
    """Which stores are looked for."""

    words: str = ""
    statuses: tuple[str, ...] = ("ACTIVE", "PROPOSED")
    channel: str | None = None
    store_class: str | None = None
    region_id: UUID | None = None
    account_id: UUID | None = None
    without_pin: bool = False


@dataclass(frozen=True, slots=True)
class StoreLine:
    """A store as a line of the list; `owner` is the position that it belongs to beside any route."""

    id: UUID
    code: str | None
    name: str
    channel: str
    store_class: str | None
    address: str
    status: str
    has_pin: bool
    region: str | None
    owner: str | None
    account_code: str | None


@dataclass(frozen=True, slots=True)
class StoreSheet:
    """A store. A fence of None is that of its class or the company."""

    id: UUID
    code: str | None
    name: str
    channel: str
    store_class: str | None
    address: str
    contact_name: str | None
    contact_phone: str | None
    opening_hours: str | None
    delivery_note: str | None
    lat_e7: int | None
    lon_e7: int | None
    fence_radius_m: int | None
    region_id: UUID | None
    position_id: UUID | None
    account_id: UUID | None
    status: str
    region: str | None
    owner: str | None
    account_code: str | None
    account_name: str | None
    proposer: str | None
    division_ids: tuple[UUID, ...]
    divisions: tuple[str, ...]

    @property
    def basis(self) -> str:
        """What names this state of it, for whoever changes what they saw."""
        told = {name: str(value) for name, value in asdict(self).items()}
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class RouteOfStore:
    """A route that visits the store, who travels it, and by which rule."""

    id: UUID
    name: str
    position_id: UUID
    position_code: str
    holders: tuple[str, ...]
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class VisitOfStore:
    """A visit to the store."""

    id: UUID
    business_day: date
    person_id: UUID
    person: str
    state: str
    verdict: str | None
    is_by_phone: bool


@dataclass(frozen=True, slots=True)
class TermNamed:
    """A price list or a promotion of the store's terms."""

    id: UUID
    code: str
    name: str


@dataclass(frozen=True, slots=True)
class TermsOfStore:
    """What is for the store, as phones have it: lists in the order in which they are tried, promotions, credit."""

    currency: str
    lists: tuple[TermNamed, ...]
    promotions: tuple[TermNamed, ...]
    credit_limit_minor: int | None
    credit_available_minor: int | None
    min_order_minor: int


def list_store_lines(
    uow: UnitOfWork,
    asked: StoreAsked,
    *,
    today: date,
    asker_id: UUID | None,
    after: tuple[str, UUID] | None = None,
    at_most: int = 50,
) -> list[StoreLine]:
    """Stores that the asker may see, by name. At most three queries."""
    words = " ".join(asked.words.replace("\x00", "").split())[:WORDS_MAX]
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    rows = uow.rows(
        _LIST,
        **stores_seen(uow, today=today, asker_id=asker_id),
        words=f"%{escaped}%" if words else None,
        statuses=list(asked.statuses),
        channel=asked.channel,
        store_class=asked.store_class,
        region=asked.region_id,
        account=asked.account_id,
        without_pin=asked.without_pin,
        after_name=None if after is None else after[0],
        after_id=None if after is None else after[1],
        at_most=at_most,
    )
    return [StoreLine(*row) for row in rows]


def list_channels(uow: UnitOfWork) -> list[str]:
    """The channels that stores have. One query."""
    return [row.channel for row in uow.rows(_CHANNELS, company=uow.company_id)]


def read_store(
    uow: UnitOfWork, store_id: UUID, *, today: date, asker_id: UUID | None
) -> StoreSheet:
    """A store. Raises NoSuchStore, also for one that the asker may not see. At most three queries."""
    found = uow.rows(_ONE, **stores_seen(uow, today=today, asker_id=asker_id), store=store_id)
    if not found:
        raise NoSuchStore(Said("there is no such store in this company"))
    told = {**found[0]._mapping}  # noqa: SLF001 - SQLAlchemy's public name
    del told["created_at"]
    return StoreSheet(
        **{
            **told,
            "division_ids": tuple(told["division_ids"]),
            "divisions": tuple(told["divisions"]),
        }
    )


def routes_of_store(uow: UnitOfWork, store_id: UUID, *, today: date) -> list[RouteOfStore]:
    """The routes that visit it. One query."""
    rows = uow.rows(
        _ROUTES, company=uow.company_id, store=store_id, today=today, at_most=ROUTES_SHOWN
    )
    return [
        RouteOfStore(
            row.id, row.name, row.position_id, row.position_code, tuple(row.holders), row.rule
        )
        for row in rows
    ]


def visits_of_store(uow: UnitOfWork, store_id: UUID) -> list[VisitOfStore]:
    """Its last visits, the latest first. One query."""
    rows = uow.rows(_VISITS, company=uow.company_id, store=store_id, at_most=VISITS_SHOWN)
    return [VisitOfStore(*row) for row in rows]


def terms_of_store(uow: UnitOfWork, store_id: UUID) -> TermsOfStore | None:
    """What is for it; None where nothing is. Two queries at most."""
    found = uow.rows(_TERMS, company=uow.company_id, terms=terms_id(store_id))
    if not found or found[0].doc is None:
        return None
    fields = decode_document(found[0].doc)
    rows = uow.rows(
        _NAMED,
        company=uow.company_id,
        lists=fields["price_lists"],
        promotions=fields["promotions"],
    )
    named = {(row.kind, row.number): TermNamed(row.id, row.code, row.name) for row in rows}

    def each(kind: str, numbers: Sequence[int]) -> tuple[TermNamed, ...]:
        return tuple(named[kind, number] for number in numbers if (kind, number) in named)

    return TermsOfStore(
        fields["currency"],
        each("price_list", fields["price_lists"]),
        each("promotion", fields["promotions"]),
        fields["credit_limit_minor"],
        fields["credit_available_minor"],
        fields["min_order_minor"],
    )
