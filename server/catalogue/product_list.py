"""Products as those who look after them see them: a bounded list, and by their codes."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mobile_contract.records.product import PRODUCT_STATUSES
from server.catalogue.errors import NoSuchProduct
from server.language import Said
from sync.unit_of_work import UnitOfWork

_LIST = """
select p.id, p.number, p.code, p.barcode, p.name, p.category, p.brand, p.is_own, p.status,
       p.min_order_quantity, p.shelf_life_days, p.division_id, d.code as division_code,
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
  and (cast(:id as uuid) is null or p.id = :id)
  and (cast(:words as text) is null or p.code ilike :words or p.name ilike :words
       or p.barcode ilike :words or p.brand ilike :words)
  and (cast(:after as text) is null or p.code > :after)
order by p.code limit :at_most
"""
WORDS_MAX = 100

_CATEGORIES = """
select distinct category from product where company_id = :company and category <> ''
order by category limit 500
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
    division_id: UUID | None
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
    words: str = "",
    after: str | None = None,
    at_most: int = 100,
) -> list[ProductListed]:
    """Products by code, from the one `after` a code on. `words` stand in code, name, barcode or brand. One query."""
    return _listed(
        uow,
        statuses=list(statuses),
        division=division_id,
        category=category,
        code=code,
        begin=code_begins,
        words=like(words),
        after=after,
        at_most=at_most,
    )


def read_product(uow: UnitOfWork, product_id: UUID) -> ProductListed:
    """One product, whatever its status. Raises NoSuchProduct. One query."""
    found = _listed(uow, statuses=list(PRODUCT_STATUSES), id=product_id, at_most=1)
    if not found:
        raise NoSuchProduct(Said("there is no such product in this company"))
    return found[0]


def find_product(uow: UnitOfWork, code: str) -> ProductListed | None:
    """The product with this code, whatever its status; None where there is none. One query."""
    found = _listed(uow, statuses=list(PRODUCT_STATUSES), code=code, at_most=1)
    return found[0] if found else None


def list_categories(uow: UnitOfWork) -> list[str]:
    """The product groups that there are. One query."""
    return [row.category for row in uow.rows(_CATEGORIES, company=uow.company_id)]


def like(words: str) -> str | None:
    """What a text that holds these words is like, for `ilike`; None where there are none."""
    typed = " ".join(words.replace("\x00", "").split())[:WORDS_MAX]
    escaped = typed.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%" if escaped else None


def _listed(uow: UnitOfWork, **asked: Any) -> list[ProductListed]:
    nothing = dict.fromkeys(("division", "category", "code", "begin", "words", "after", "id"))
    rows = uow.rows(_LIST, **{"company": uow.company_id, **nothing, **asked})
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
