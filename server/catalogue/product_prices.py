"""What a product costs by which list, as of now."""

from dataclasses import dataclass
from uuid import UUID

from mobile_contract.pricing import Slab
from sync.price_book import prices_of_bodies
from sync.unit_of_work import UnitOfWork

LISTS_MAX = 500

_IN_FORCE = """
select l.id, l.code, l.name, l.currency, v.version, v.sha256 from price_list l
join lateral (
    select version, sha256 from price_list_version v
    where v.company_id = l.company_id and v.price_list_id = l.id
      and v.valid_from <= now() and (v.valid_until is null or v.valid_until > now())
    order by version desc limit 1
) v on true
where l.company_id = :company and (l.ended_at is null or l.ended_at > now())
order by l.code limit :at_most
"""


@dataclass(frozen=True, slots=True)
class ProductPrice:
    """What a unit of a product costs by a list, by quantity."""

    list_id: UUID
    list_code: str
    list_name: str
    currency: str
    version: int
    unit: str
    slabs: tuple[Slab, ...]


def prices_of_product(uow: UnitOfWork, number: int) -> list[ProductPrice]:
    """The prices of a product by every list that is in force now, by the code of the list. At most two queries."""
    lists = uow.rows(_IN_FORCE, company=uow.company_id, at_most=LISTS_MAX)
    prices = prices_of_bodies(uow, {bytes(row.sha256) for row in lists})
    return [
        ProductPrice(row.id, row.code, row.name, row.currency, row.version, unit, slabs)
        for row in lists
        for (product, unit), slabs in sorted(prices[bytes(row.sha256)].items())
        if product == number
    ]
