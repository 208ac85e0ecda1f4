"""Receipts: what came of every item, so that sending it again has no second effect.

A receipt is written in the transaction of its effect and answers a resend for as long as receipts
are kept (400 days by default). An op_id belongs to the person who first sent it; the same op_id
with other bytes is another item and is kept aside under (op_id, digest). Where the very bytes are kept
already as another's, the second person's are kept under an op_id of the server's own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg

from sync.direct import fetch
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

# The receipts of some op_ids as one JSON value; null where there are none.
RECEIPTS = """
(select json_agg(json_build_array(l.op_id, l.person_id, encode(l.digest, 'hex'), l.result))
 from ledger l where l.company_id = {company} and l.op_id = any({op_ids}))
"""
_FIND = f"select {RECEIPTS.format(company='$1', op_ids='$2::uuid[]')}".encode()
_FIND_ASIDE = b"""
select op_id, digest, person_id, result from kept_item where company_id = $1 and op_id = any($2::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Aside:
    """Bytes that are kept already: whose, and with which result they were first answered."""

    person_id: str
    result: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """The first handling of an op_id."""

    person_id: str
    digest: bytes
    # JSON of the result, whole, as it was first sent
    result: str


def read_receipts(found: Iterable[Sequence[str]]) -> dict[str, Receipt]:
    """The receipts by op_id, of what RECEIPTS found."""
    return {
        op_id: Receipt(person_id, bytes.fromhex(digest), result)
        for op_id, person_id, digest, result in found
    }


def find_receipts(
    driver: psycopg.Connection[Any], company_id: int, op_ids: list[str]
) -> dict[str, Receipt]:
    """The receipts of these op_ids, by op_id."""
    ((found,),) = fetch(driver, _FIND, [company_id, array("uuid", op_ids)])
    return {} if found is None else read_receipts(msgspec.json.decode(found))


def find_aside(
    driver: psycopg.Connection[Any], company_id: int, op_ids: list[str]
) -> dict[tuple[str, bytes], Aside]:
    """The items kept under these op_ids, by (op_id, digest)."""
    rows: Iterable[Any] = fetch(driver, _FIND_ASIDE, [company_id, array("uuid", op_ids)])
    return {
        (op_id, bytes.fromhex(digest[2:])): Aside(person_id, result)
        for op_id, digest, person_id, result in rows
    }
