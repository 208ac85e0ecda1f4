"""What came back of orders: each unit once, whoever fetches it.

The orders are locked before that is read, in a statement of its own: of two who bring back the same goods
at once the later sees the earlier.
"""

from collections.abc import Iterable

from sync.direct import ask, text_of
from sync.rows import Packed, array
from sync.unit_of_work import UnitOfWork

Counts = dict[tuple[str, str], int]
"""(product id, unit) → how many."""

_LOCK = """
select id from order_header where company_id = %(company)s and id = any(%(ids)s::uuid[])
order by id for no key update
"""
# What was fetched counts as it was fetched, and what is on its way as it was asked for.
_RETURNED = """
select o.returns_order_id, l.product_id, l.unit, sum(coalesce(d.delivered, l.quantity))
from order_header o
join order_line l on l.company_id = o.company_id and l.order_id = o.id
                 and l.order_version = o.order_version
left join order_delivery d on d.company_id = l.company_id and d.order_id = l.order_id
                          and d.line = l.line and d.order_version = l.order_version
where o.company_id = %(company)s and o.returns_order_id = any(%(ids)s::uuid[])
  and o.id <> all(%(apart)s::uuid[]) and o.state not in ('CANCELLED', 'REJECTED')
group by 1, 2, 3
"""


def returned_of(
    uow: UnitOfWork, order_ids: Iterable[str], *, apart: Iterable[str] = ()
) -> dict[str, Counts]:
    """What came back of each of these orders, and is to; some returns may be left apart.

    Two statements, none where no order is named.
    """
    wanted = sorted(order_ids)
    if not wanted:
        return {}
    ids = array("uuid", wanted)
    ask(uow.driver, _LOCK, {"company": uow.company_id, "ids": ids})
    found: dict[str, Counts] = {}
    asked: dict[str, Packed | int | str | None] = {
        "company": uow.company_id,
        "ids": ids,
        "apart": array("uuid", sorted(apart)),
    }
    for origin, product, unit, quantity in ask(uow.driver, _RETURNED, asked):
        counts = found.setdefault(text_of(origin), {})
        counts[text_of(product), text_of(unit)] = int(text_of(quantity))
    return found
