"""What happened at stores last is told again after something happened there: work from the outbox."""

import json
from collections.abc import Sequence
from uuid import UUID

from sync.kinds.store_history.publish import publish_store_histories
from sync.unit_of_work import Database

TOPIC = "store_history"

# Of the waiting work: enough for what comes of a phone that talks often, and no more than is read at once.
LOOKED_THROUGH = 200

# Other work about nothing but these stores comes to the same: done here, it need not be done again. What another
# worker is at is left to it.
_TAKE = """
with next as materialized (
    select id, payload from outbox
    where company_id = :company and topic = :topic and not is_set_aside
    order by id limit :at_most
)
delete from outbox where company_id = :company and id = any(array(
    select o.id from next n join outbox o on o.company_id = :company and o.id = n.id
    where n.payload -> 'ids' <@ cast(:ids as jsonb) and not o.is_set_aside
    for update of o skip locked))
"""


def tell_store_histories(database: Database, company_id: int, store_ids: Sequence[UUID]) -> None:
    """Make the histories of these stores anew. The work about them that waits next is done with it."""
    ids = json.dumps(sorted(map(str, store_ids)))
    with database.company(company_id) as uow:
        # Taken before the facts are read: what comes to be after that has work of its own.
        uow.run(_TAKE, company=company_id, topic=TOPIC, ids=ids, at_most=LOOKED_THROUGH)
        publish_store_histories(uow, store_ids)
