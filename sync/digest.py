"""Digest: a phone asks whether it holds its scope exactly, and has what differs repaired.

In the first step the phone sends a digest per kind and bucket of ids, and learns which differ and a
cursor to go on from. In the second it lists what it holds in those buckets and gets the changes that
make them equal. Nothing is wiped. Promise 10 of DESIGN.md lives here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from mobile_contract.answers import encode_answer
from mobile_contract.canonical import bucket_of, hash_text, record_hash
from mobile_contract.compiled import Digest
from mobile_contract.records import RECORDS_BY_KIND, lower_record
from mobile_contract.version import CURRENT
from sync.change_feed import State, read_present
from sync.cursor import Cursor, CursorBox
from sync.document import decode_document, stored_hash_text
from sync.epoch import Epoch
from sync.greeting import greet
from sync.pull import change_line
from sync.rows import array
from sync.senders import Claim
from sync.unit_of_work import Database

_IN_SCOPE = """
from (select distinct k.id from holder_key h
      join record_key k on k.company_id = h.company_id and k.key = h.key
      where h.company_id = %(company)s and h.person_id = %(person)s) s
join record r on r.company_id = %(company)s and r.id = s.id
where r.doc is not null
"""
_BUCKETS = f"""
select r.kind, left(r.id::text, 2), bit_xor(r.hash), count(*)
{_IN_SCOPE} group by 1, 2
"""
_RECORDS = f"select r.id::text, r.kind, r.version, r.doc, r.hash {_IN_SCOPE}"
_IN_BUCKETS = f"{_RECORDS} and r.kind = any(%(kinds)s) and left(r.id::text, 2) = any(%(buckets)s)"


def digest(
    database: Database,
    names: Mapping[int, str],
    box: CursorBox,
    claim: Claim,
    request: Digest,
) -> bytes:
    """The JSON of either step. Raises what `authenticate` raises."""
    with database.reading(claim.company_id) as uow:
        greeting = greet(uow, claim, "pull")
        sender, epoch = greeting.sender, greeting.epoch
        values = {"company": uow.company_id, "person": sender.person_id}
        if request.buckets is not None:
            present = read_present(uow.driver, uow.company_id)
            ours = _buckets(uow.driver, values, names, request.contract)
            base = present.snapshot
            cursor = Cursor(epoch.name, sender.person_id, present.run, base, present.run)
            return _compared(request, epoch, ours, box.seal(cursor))
        held = request.held or {}
        records = [
            row
            for row in _in_buckets(uow.driver, values, names, held)
            if request.contract == CURRENT
            or lower_record(names[row[1]], decode_document(row[3]), request.contract) is not None
        ]
        strangers = _strangers(names, held, records)
    return _repaired(request, epoch, names, records, strangers)


def _buckets(
    driver: psycopg.Connection[Any],
    values: dict[str, Any],
    names: Mapping[int, str],
    contract: int,
) -> dict[str, dict[str, tuple[str, int]]]:
    """Kind → bucket → (digest, number of records), as a phone of this contract holds them.

    Hashes of the current contract are stored; those of an older one are worked out here.
    """
    found: dict[str, dict[str, tuple[str, int]]] = {}
    if contract == CURRENT:
        for kind, bucket, hashed, count in driver.execute(_BUCKETS, values):
            found.setdefault(names[kind], {})[bucket] = (stored_hash_text(hashed), count)
        return found
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for id_, number, version, doc, _ in driver.execute(_RECORDS, values):
        kind = names[number]
        lowered = lower_record(kind, decode_document(doc), contract)
        if lowered is not None:
            before, count = sums.get((kind, bucket_of(id_)), (0, 0))
            hashed = record_hash(kind, id_, version, lowered)
            sums[kind, bucket_of(id_)] = (before ^ hashed, count + 1)
    for (kind, bucket), (hashed, count) in sums.items():
        found.setdefault(kind, {})[bucket] = (hash_text(hashed), count)
    return found


def _compared(
    request: Digest, epoch: Epoch, ours: dict[str, dict[str, tuple[str, int]]], sealed: str
) -> bytes:
    theirs = request.buckets or {}
    differs: dict[str, list[str]] = {}
    for kind in sorted({*ours, *theirs}):
        here, there = ours.get(kind, {}), theirs.get(kind, {})
        differing = [
            bucket
            for bucket in sorted({*here, *there})
            if here.get(bucket, ("0" * 16, 0))[0] != there.get(bucket, "0" * 16)
        ]
        if differing:
            differs[kind] = differing
    return encode_answer(
        {
            "contract": request.contract,
            "epoch": epoch.name,
            "watermark": epoch.watermark,
            "cursor": sealed,
            "differs": differs,
            "records": sum(count for kind in ours.values() for _, count in kind.values()),
        }
    )


def _in_buckets(
    driver: psycopg.Connection[Any],
    values: dict[str, Any],
    names: Mapping[int, str],
    held: Mapping[str, Mapping[str, Any]],
) -> list[tuple[str, int, int, str, int]]:
    """The records in scope that lie in the buckets the phone listed."""
    numbers = {name: number for number, name in names.items()}
    asked = {(numbers[kind], bucket) for kind, buckets in held.items() for bucket in buckets}
    cursor = driver.execute(
        _IN_BUCKETS,
        values
        | {
            "kinds": array("int2", sorted({number for number, _ in asked})),
            "buckets": array("text", sorted({bucket for _, bucket in asked})),
        },
    )
    return [row for row in cursor if (row[1], bucket_of(row[0])) in asked]


def _strangers(
    names: Mapping[int, str],
    held: Mapping[str, Mapping[str, list[tuple[str, str]]]],
    records: Iterable[tuple[str, int, int, str, int]],
) -> list[tuple[str, str]]:
    """What the phone holds and should not, as (kind, record id): a phone holds a record by both, so
    one that is in its scope may still be a stranger under another kind.
    """
    ours = {(names[row[1]], row[0]) for row in records}
    theirs = {
        (kind, id_)
        for kind, buckets in held.items()
        for rows in buckets.values()
        for id_, _ in rows
    }
    return sorted(theirs - ours)


def _repaired(
    request: Digest,
    epoch: Epoch,
    names: Mapping[int, str],
    records: Iterable[tuple[str, int, int, str, int]],
    strangers: Iterable[tuple[str, str]],
) -> bytes:
    theirs = {
        (kind, id_): hashed
        for kind, buckets in (request.held or {}).items()
        for rows in buckets.values()
        for id_, hashed in rows
    }
    # First what goes: a phone may have one of these ids under another kind, too.
    lines = [
        f'{{"kind":"{kind}","id":"{id_}","version":0,"op":"evict"}}'.encode()
        for kind, id_ in strangers
        if kind in RECORDS_BY_KIND
    ]
    for id_, number, version, doc, hashed in records:
        kind = names[number]
        if request.contract == CURRENT:
            ours = stored_hash_text(hashed)
        else:
            lowered = lower_record(kind, decode_document(doc), request.contract)
            if lowered is None:
                continue
            ours = hash_text(record_hash(kind, id_, version, lowered))
        if theirs.get((kind, id_)) != ours:
            line = change_line(State(id_, number, version, doc, True), names, request.contract)
            if line is not None:
                lines.append(line)
    head = encode_answer(
        {"contract": request.contract, "epoch": epoch.name, "watermark": epoch.watermark}
    )
    return head[:-1] + b',"changes":[' + b",".join(lines) + b"]}"
