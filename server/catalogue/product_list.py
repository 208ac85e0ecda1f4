"""Products as those who look after them see them: a bounded list, and by their codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from server.catalogue.errors import NoSuchProduct
from server.language import Said
from sync.unit_of_work import UnitOfWork

_LIST = """
select p.id, p.number, p.code, p.barcode, p.name, p.category, p.brand, p.is_own, p.status,
       p.min_order_quantity, p.shelf_life_days, d.code as division_code,
       (select coalesce(jsonb_agg(jsonb_build_array(u.unit, u.base_units) order by u.place), '[]')
        from product_unit u where u.company_id = p.company_id and u.product_id = p.id) as units,
       (select coalesce(jsonb_agg(jsonb_build_array(m.channel, m.store_class) order by m.place),
                        '[]')
        from must_stock m where m.company_id = p.company_id and m.product_id = p.id) as must_stock
from product p left join division d on d.company_id = p.company_id and d.id = p.division_id
where p.company_id = :company and p.status = any(:statuses)
  and (cast(:division as uuid) is null or p.division_id = :division)
  and (cast(:category as text) is null or p.category = :category)
  and (cast(:begin as text) is null or starts_with(p.code, :begin))
  and (cast(:code as text) is null or p.code = :code)
order by p.code limit :at_most
"""
_BY_CODES = """
select id, number, code, division_id from product where company_id = :company and code = any(:codes)
"""


@dataclass(frozen=True, slots=True)
class ProductListed:
    """A product as it is listed. `units`: (unit, base units); `must_stock`: (channel, class)."""

    id: UUID
    number: int
    code: str
    barcode: str | None
    name: str
    category: str
    brand: str
    is_own: bool
    status: str
    min_order_quantity: int
    shelf_life_days: int | None
    division_code: str | None
    units: list[list[Any]]
    must_stock: list[list[Any]]


@dataclass(frozen=True, slots=True)
class ProductNamed:
    """A product as far as others name it."""

    id: UUID
    number: int
    code: str
    division_id: UUID | None


def list_products(
    uow: UnitOfWork,
    *,
    statuses: tuple[str, ...] = ("ACTIVE",),
    division_id: UUID | None = None,
    category: str | None = None,
    code: str | None = None,
    code_begins: str | None = None,
    at_most: int = 100,
) -> list[ProductListed]:
    """Products by code. One query."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        statuses=list(statuses),
        division=division_id,
        category=category,
        code=code,
        begin=code_begins,
        at_most=at_most,
    )
    return [ProductListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def products_by_code(uow: UnitOfWork, codes: Iterable[str]) -> dict[str, ProductNamed]:
    """Those of these products that there are, by code. One query."""
    rows = uow.rows(_BY_CODES, company=uow.company_id, codes=sorted(set(codes)))
    return {row.code: ProductNamed(**row._mapping) for row in rows}  # noqa: SLF001


def product_by_code(uow: UnitOfWork, code: str) -> ProductNamed:
    """The product with this code. Raises NoSuchProduct."""
    found = products_by_code(uow, [code]).get(code)
    if found is None:
        raise NoSuchProduct(Said("there is no product {code}", code=code))
    return found
