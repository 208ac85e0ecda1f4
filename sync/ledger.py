"""Receipts: what came of every item, so that sending it again has no second effect.

A receipt is written in the transaction of its effect and answers a resend for as long as receipts
are kept (400 days by default). An op_id belongs to the person who first sent it; the same op_id
with other bytes is another item and is kept aside under (op_id, digest).
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from sync.rows import RowSet, array

LEDGER = RowSet(
    "ledger",
    (
        ("op_id", "uuid"),
        ("person_id", "uuid"),
        ("device_id", "uuid"),
        ("digest", "bytea"),
        ("result", "text"),
        ("received_at", "timestamptz"),
    ),
)

_FIND = """
select op_id::text, person_id::text, digest, result
from ledger where company_id = %s and op_id = any(%s::uuid[])
"""
_FIND_ASIDE = """
select op_id::text, digest, result
from kept_item where company_id = %s and op_id = any(%s::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The first handling of an op_id."""

    person_id: str
    digest: bytes
    # JSON of the result without its op_id, as it was first sent
    result: str


def ask_receipts(
    driver: psycopg.Connection[Any], company_id: int, op_ids: list[str]
) -> psycopg.Cursor[tuple[Any, ...]]:
    """Ask for the receipts of these op_ids; other questions may follow before the answer."""
    return driver.execute(_FIND, [company_id, array("uuid", op_ids)], prepare=True)


def read_receipts(cursor: psycopg.Cursor[tuple[Any, ...]]) -> dict[str, Receipt]:
    """Wait for the answer: the receipts by op_id."""
    return {row[0]: Receipt(row[1], row[2], row[3]) for row in cursor.fetchall()}


def find_aside(
    driver: psycopg.Connection[Any], company_id: int, op_ids: list[str]
) -> dict[tuple[str, bytes], str]:
    """The results of items kept aside under these op_ids, by (op_id, digest)."""
    cursor = driver.execute(_FIND_ASIDE, [company_id, array("uuid", op_ids)], prepare=True)
    return {(row[0], row[1]): row[2] for row in cursor.fetchall()}
