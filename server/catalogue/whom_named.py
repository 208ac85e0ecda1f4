"""Whom lists and promotions are for, by what people call them; of many all at once."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from server.catalogue.errors import FieldInvalid
from server.catalogue.whom import Whom
from server.language import Said
from sync.unit_of_work import UnitOfWork

NAMED_MAX = 4

_NAMED = """
select f.{kind}_id as id, f.place, f.number, f.store_class, f.channel,
       coalesce(s.code, s.name) as store, a.code as account, r.name as region
from (select f.*, row_number() over (partition by f.{kind}_id order by f.place) as at,
             count(*) over (partition by f.{kind}_id) as number
      from {kind}_for f where f.company_id = :company and f.{kind}_id = any(:ids)) f
left join store s on s.company_id = f.company_id and s.id = f.store_id
left join account a on a.company_id = f.company_id and a.id = f.account_id
left join region r on r.company_id = f.company_id and r.id = f.region_id
where f.at <= :at_most order by f.{kind}_id, f.place
"""
# A store that has no code yet is called by its id.
_CODES = """
select coalesce(code, id::text) as code from store where company_id = :company and id = any(:stores)
order by 1
"""
_ACCOUNTS = "select code from account where company_id = :company and id = any(:ids) order by code"
_STORE_IDS = """
select id, coalesce(code, id::text) as code from store
where company_id = :company and (code = any(:codes) or id::text = any(:codes))
"""
_ACCOUNT_IDS = "select id, code from account where company_id = :company and code = any(:codes)"
_CHANNELS = """
select distinct channel from store where company_id = :company and status in ('ACTIVE', 'PROPOSED')
order by channel limit 200
"""
_REGIONS = """
with recursive tree as (
    select id, name, 0 as depth, array[name, id::text] as place from region
    where company_id = :company and parent_id is null
    union all
    select r.id, r.name, t.depth + 1, t.place || array[r.name, r.id::text] from tree t
    join region r on r.company_id = :company and r.parent_id = t.id where t.depth < 32
)
select id, name, depth from tree order by place limit 1000
"""


@dataclass(frozen=True, slots=True)
class WhomNamed:
    """The first values, and how many there are."""

    names: tuple[str, ...]
    number: int


@dataclass(frozen=True, slots=True)
class Choices:
    """What something can be for: channels that stores have, and regions with how many are above each."""

    channels: tuple[str, ...]
    regions: tuple[tuple[UUID, str, int], ...]


def whoms_named(uow: UnitOfWork, kind: str, ids: Iterable[UUID]) -> dict[UUID, WhomNamed]:
    """Whom each `price_list` or `promotion` of these is for; those for every store are left out. One query."""
    rows = uow.rows(
        _NAMED.format(kind=kind), company=uow.company_id, ids=list(ids), at_most=NAMED_MAX
    )
    found: dict[UUID, list[str]] = {}
    numbers: dict[UUID, int] = {}
    for row in rows:
        named = row.store or row.account or row.store_class or row.channel or row.region
        found.setdefault(row.id, []).append(named or "–")
        numbers[row.id] = row.number
    return {id_: WhomNamed(tuple(names), numbers[id_]) for id_, names in found.items()}


def codes_of_whom(uow: UnitOfWork, whom: Whom) -> tuple[list[str], list[str]]:
    """The codes of the stores and of the accounts that somebody can type. Two queries."""
    stores = uow.rows(_CODES, company=uow.company_id, stores=sorted(whom.store_ids))
    accounts = uow.rows(_ACCOUNTS, company=uow.company_id, ids=sorted(whom.account_ids))
    return [row.code for row in stores], [row.code for row in accounts]


def customers_called(
    uow: UnitOfWork, stores: Iterable[str], accounts: Iterable[str]
) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """The stores and the accounts that these codes mean. Raises FieldInvalid, naming the first unknown. Two queries."""
    return (
        _called(uow, _STORE_IDS, "stores", set(stores)),
        _called(uow, _ACCOUNT_IDS, "accounts", set(accounts)),
    )


def choices_of_whom(uow: UnitOfWork) -> Choices:
    """The channels and regions to choose from. Two queries."""
    return Choices(
        tuple(row.channel for row in uow.rows(_CHANNELS, company=uow.company_id)),
        tuple((row.id, row.name, row.depth) for row in uow.rows(_REGIONS, company=uow.company_id)),
    )


def _called(uow: UnitOfWork, question: str, field: str, codes: set[str]) -> frozenset[UUID]:
    if not codes:
        return frozenset()
    found = {
        row.code: row.id for row in uow.rows(question, company=uow.company_id, codes=sorted(codes))
    }
    missing = codes - found.keys()
    if missing:
        raise FieldInvalid(
            Said("{name}: there is none with the code {code}", name=Said(field), code=min(missing))
        )
    return frozenset(found.values())
