"""A few products that stand for those of a store, where a form is tried out."""

from collections.abc import Iterable
from uuid import UUID

from sync.unit_of_work import UnitOfWork

SAMPLES = 3
_SAMPLES = """
select asked.category, p.id, p.name
from unnest(cast(:categories as text[])) as asked(category)
cross join lateral (
    select id, name, code from product
    where company_id = :company and status = 'ACTIVE'
      and (asked.category = '' or category = asked.category)
    order by code limit :samples
) p
order by asked.category, p.code
"""


def sample_products(
    uow: UnitOfWork, categories: Iterable[str]
) -> dict[str, list[tuple[UUID, str]]]:
    """The first products of each category, of "" the first of all: (id, name). One query."""
    rows = uow.rows(
        _SAMPLES, company=uow.company_id, categories=sorted(categories), samples=SAMPLES
    )
    found: dict[str, list[tuple[UUID, str]]] = {}
    for row in rows:
        found.setdefault(row.category, []).append((row.id, row.name))
    return found
