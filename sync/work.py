"""Work that follows from what is written and that nobody waits for: rows of the outbox, written in
the transaction that makes them due, so that a lost queue loses nothing.

A topic names an effect (server/jobs/work.py); its row names the records that it is about. An effect
may run twice, and looks at what is there when it runs: many rows about one record come to the same.
"""

from collections.abc import Iterable, Mapping

from sync.document import encode_document
from sync.rows import RowSet, Statements
from sync.unit_of_work import UnitOfWork

# So that one row is done well within a job's time.
IDS_A_ROW = 500

WORK = RowSet("outbox", (("topic", "text"), ("payload", "jsonb")))
_LEAVE = (
    "insert into outbox (company_id, topic, payload)"
    " select :company, :topic, p::jsonb from unnest(cast(:payloads as text[])) as p"
)


def add_work(statements: Statements, company_id: int, work: Mapping[str, Iterable[str]]) -> None:
    """Add what is due to the statement that writes its cause: topic → ids of what it is about."""
    rows = [(topic, payload) for topic, ids in work.items() for payload in _payloads(ids)]
    statements.add_rows(WORK, company_id, rows)


def leave_work(uow: UnitOfWork, topic: str, ids: Iterable[object]) -> None:
    """Leave work about these ids, in this transaction."""
    _leave(uow, topic, _payloads(map(str, ids)))


def leave_work_each(uow: UnitOfWork, topic: str, ids: Iterable[object]) -> None:
    """Leave work about each of these ids by itself, where one may fail and take long."""
    _leave(uow, topic, [encode_document({"ids": [id_]}) for id_ in sorted(set(map(str, ids)))])


def _leave(uow: UnitOfWork, topic: str, payloads: list[bytes]) -> None:
    if payloads:
        texts = [payload.decode() for payload in payloads]
        uow.run(_LEAVE, company=uow.company_id, topic=topic, payloads=texts)


def _payloads(ids: Iterable[str]) -> list[bytes]:
    listed = sorted(set(ids))
    return [
        encode_document({"ids": listed[start : start + IDS_A_ROW]})
        for start in range(0, len(listed), IDS_A_ROW)
    ]
