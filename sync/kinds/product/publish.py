"""Publishing products: their documents, at their division's key or at the company's."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sync.publish import Draft, hold, publish
from sync.record_kind import RecordKind
from sync.unit_of_work import UnitOfWork

PRODUCT = RecordKind("product", 18)

_PRODUCTS = """
select p.id, p.number, p.code, p.barcode, p.name, p.category, p.brand, p.is_own, p.division_id,
       p.min_order_quantity, p.shelf_life_days, p.status, coalesce(p.division_id, c.key) as seen_at,
       (select jsonb_agg(jsonb_build_object('unit', u.unit, 'base_units', u.base_units)
                         order by u.place)
        from product_unit u where u.company_id = p.company_id and u.product_id = p.id) as units,
       (select jsonb_agg(jsonb_build_object('channel', m.channel, 'store_class', m.store_class)
                         order by m.place)
        from must_stock m where m.company_id = p.company_id and m.product_id = p.id) as must_stock
from product p join company c on c.id = p.company_id
where p.company_id = :company and p.id = any(:ids) order by p.id
"""


def publish_products(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, int]:
    """Bring the records of these products up to their rows; returns their versions.

    A division's product is seen by that division, one of none by everybody. Discontinued ones stay:
    what was ordered and counted of them is still read.
    """
    wanted = list(ids)
    hold(uow, wanted)
    rows = uow.rows(_PRODUCTS, company=uow.company_id, ids=wanted)
    return publish(
        uow,
        [Draft(PRODUCT, row.id, product_fields(row), frozenset({row.seen_at})) for row in rows],
    )


def product_fields(row: Any) -> dict[str, Any]:
    """The document of a product's row: `ProductDown` of the contract."""
    return {
        "number": row.number,
        "code": row.code,
        "barcode": row.barcode,
        "name": row.name,
        "category": row.category,
        "brand": row.brand,
        "is_own": row.is_own,
        "division_id": None if row.division_id is None else str(row.division_id),
        "units": row.units or [],
        "min_order_quantity": row.min_order_quantity,
        "shelf_life_days": row.shelf_life_days,
        "must_stock": row.must_stock or [],
        "status": row.status,
    }
