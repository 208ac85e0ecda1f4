"""What is over leaves phones: once a day, lists and promotions that nobody needs any more."""

from collections.abc import Callable, Iterable
from uuid import UUID

from server.catalogue.whom import Whom, read_whom, stores_of
from sync.kinds.price_list.publish import publish_price_lists
from sync.kinds.promotion.publish import publish_promotions
from sync.kinds.store_terms.publish import bring_terms_up, publish_store_terms
from sync.unit_of_work import Database, UnitOfWork

STORES_AT_ONCE = 200

_ON_PHONES = """
select t.id, t.level from {kind} t join record r on r.company_id = t.company_id and r.id = t.id
where t.company_id = :company and r.doc is not null order by t.id
"""


def let_past_go(database: Database, company_id: int) -> int:
    """Bring every list and promotion on phones up to today, and the terms that named what has left.

    The number that left. It may be done again, to no effect.
    """
    left = 0
    for kind, publish in (("price_list", publish_price_lists), ("promotion", publish_promotions)):
        with database.company(company_id) as uow:
            left += _let_go(uow, kind, publish)
    return left


def _let_go(
    uow: UnitOfWork, kind: str, publish: Callable[[UnitOfWork, Iterable[UUID]], object]
) -> int:
    question = _ON_PHONES.format(kind=kind)
    before = uow.rows(question, company=uow.company_id)
    if not before:
        return 0
    publish(uow, [row.id for row in before])
    stay = {row.id for row in uow.rows(question, company=uow.company_id)}
    gone: list[Whom | None] = [
        read_whom(uow, kind, row.id, row.level) for row in before if row.id not in stay
    ]
    if gone:
        bring_terms_up(uow, stores_of(uow, *gone))
    return len(gone)


def bring_stores_up(database: Database, company_id: int, store_ids: Iterable[UUID]) -> None:
    """Bring up the terms of these stores in slices, each a transaction; may be done again."""
    ids = sorted(store_ids)
    for start in range(0, len(ids), STORES_AT_ONCE):
        with database.company(company_id) as uow:
            publish_store_terms(uow, ids[start : start + STORES_AT_ONCE])
