"""Publishing stores in activities: they go wherever their store goes, and to who asked for them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sync.kinds.activity_store.judge import ACTIVITY_STORE
from sync.publish import Draft, hold, hold_documents, publish, publish_companions
from sync.rows import array
from sync.unit_of_work import UnitOfWork

_STORES = """
select id, store_id from activity_store
where company_id = :company and id = any(:ids) and refusal is distinct from 'ALREADY_IN'
"""
_SELECT = """
select id, activity_id, store_id, state, position_id, business_day, answer,
       (extract(epoch from decided_at) * 1000)::bigint as decided_ms
from activity_store where company_id = :company and id = any(:ids) order by id
"""
_FOLLOW = """
update activity_store a set version = r.version, state = r.state, answer = r.answer,
                            decided_at = r.decided_at
from unnest(%s::uuid[], %s::int4[], %s::text[], %s::text[], %s::timestamptz[])
     as r(id, version, state, answer, decided_at)
where a.company_id = %s and a.id = r.id
"""


def put_beside_stores(uow: UnitOfWork, ids: Iterable[UUID]) -> None:
    """Let these, which phones have asked for, go wherever their stores go from now on."""
    stores = {
        row.id: row.store_id for row in uow.rows(_STORES, company=uow.company_id, ids=list(ids))
    }
    # The stores first, as whoever moves them does.
    hold(uow, set(stores.values()))
    held = hold_documents(uow, stores)
    publish_companions(
        uow,
        [Draft(ACTIVITY_STORE, id_, held[id_]) for id_ in stores if id_ in held],
        {id_: [store_id] for id_, store_id in stores.items()},
    )


def publish_entered(uow: UnitOfWork, ids: Iterable[UUID]) -> None:
    """Make the records of stores that the office has just put into activities."""
    rows = uow.rows(_SELECT, company=uow.company_id, ids=list(ids))
    publish_companions(
        uow,
        [Draft(ACTIVITY_STORE, row.id, _entered_fields(row), frozenset()) for row in rows],
        {row.id: [row.store_id] for row in rows},
    )


def publish_decided(
    uow: UnitOfWork, decided: Mapping[UUID, tuple[str, str | None, datetime | None]]
) -> None:
    """Bring records and rows of these to a new state: id → (state, answer, when it was decided).

    An answer or a moment of None leaves what is there. Their records are held already
    (`hold_documents`), so that what was decided is decided about what they are.
    """
    held = hold_documents(uow, decided)
    drafts = []
    for id_, (state, answer, decided_at) in decided.items():
        fields = {**held[id_], "state": state}
        if answer is not None:
            fields["answer"] = answer
        if decided_at is not None:
            fields["decided_at"] = int(decided_at.timestamp() * 1000)
        drafts.append(Draft(ACTIVITY_STORE, id_, fields))
    versions = publish(uow, drafts)
    uow.driver.execute(
        _FOLLOW,
        [
            array("uuid", [draft.id for draft in drafts]),
            array("int4", [versions[draft.id] for draft in drafts]),
            array("text", [_of(draft, "state") for draft in drafts]),
            array("text", [_of(draft, "answer") for draft in drafts]),
            array("timestamptz", [_of(draft, "decided_at") for draft in drafts]),
            uow.company_id,
        ],
    )


def retire(uow: UnitOfWork, ids: Iterable[UUID]) -> None:
    """Let these be on no phone any more; what they are stays."""
    held = hold_documents(uow, ids)
    publish_companions(
        uow,
        [Draft(ACTIVITY_STORE, id_, fields, frozenset()) for id_, fields in held.items()],
        dict.fromkeys(held, ()),
    )


def _of(draft: Draft, name: str) -> Any:
    assert draft.fields is not None
    return draft.fields[name]


def _entered_fields(row: Any) -> dict[str, Any]:
    return {
        "activity_id": str(row.activity_id),
        "store_id": str(row.store_id),
        "state": row.state,
        "person_id": None,
        "position_id": None if row.position_id is None else str(row.position_id),
        "business_day": row.business_day.isoformat(),
        "occurred": None,
        "clock": None,
        "note": None,
        "photos": 0,
        "refusal": None,
        "instead_id": None,
        "answer": row.answer,
        "decided_at": row.decided_ms,
        "flags": [],
    }
