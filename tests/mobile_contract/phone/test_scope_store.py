import hashlib
import json
from typing import Any

import pytest

from mobile_contract import canonical
from mobile_contract.phone.phone_file import PhoneFile
from mobile_contract.phone.scope_store import ScopeStore, record_hash

A = "aa000000-0000-4000-8000-000000000001"
B = "aa000000-0000-4000-8000-000000000002"
C = "0c000000-0000-4000-8000-000000000003"


def put(record_id: str, version: int, **fields: Any) -> dict[str, Any]:
    return {"kind": "store", "id": record_id, "version": version, "op": "put", "fields": fields}


def gone(record_id: str, version: int, op: str = "evict") -> dict[str, Any]:
    return {"kind": "store", "id": record_id, "version": version, "op": op}


@pytest.fixture
def file() -> PhoneFile:
    return PhoneFile(":memory:")


@pytest.fixture
def scope(file: PhoneFile) -> ScopeStore:
    return ScopeStore(file)


def test_a_page_and_its_cursor_come_together(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 1, name="a")], cursor="c1")
    assert scope.cursor == "c1"
    with pytest.raises(KeyError):
        scope.apply_page([put(B, 1, name="b"), {"kind": "store"}], cursor="c2")
    assert scope.cursor == "c1"
    assert scope.get("store", B) is None


def test_an_older_version_is_ignored(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 2, name="new"), put(A, 1, name="old")], cursor="c")
    record = scope.get("store", A)
    assert record is not None
    assert (record.version, record.fields) == (2, {"name": "new"})


@pytest.mark.parametrize("op", ["evict", "delete"])
def test_what_left_may_come_back_in_a_lower_version(scope: ScopeStore, op: str) -> None:
    scope.apply_page([put(A, 5, name="a"), gone(A, 5, op)], cursor="c")
    scope.apply_page([put(A, 2, name="restored")], cursor="c")
    record = scope.get("store", A)
    assert record is not None
    assert (record.version, record.fields) == (2, {"name": "restored"})


def test_an_eviction_older_than_what_is_held_is_ignored(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 3, name="a"), gone(A, 2)], cursor="c")
    assert scope.get("store", A) is not None


def test_a_record_may_come_back_in_the_version_in_which_it_left(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 2, name="a"), gone(A, 2), put(A, 2, name="a")], cursor="c")
    assert scope.get("store", A) is not None


@pytest.mark.parametrize("op", ["evict", "delete"])
def test_what_left_is_not_held_nor_counted_nor_in_the_digest(scope: ScopeStore, op: str) -> None:
    scope.apply_page([put(A, 1, name="a"), put(C, 1, name="c"), gone(A, 1, op)], cursor="c")
    assert [record.id for record in scope.all_of("store")] == [C]
    assert scope.count() == 1
    assert scope.digest().keys() == {"store"}
    assert scope.digest()["store"].keys() == {"0c"}


def test_the_hash_is_that_of_the_canonical_document(scope: ScopeStore) -> None:
    fields = {"name": "Ünï ☕ \U0001f600 \u007f", "b": {"z": None, "a": [1, True]}, "B": 2}
    document = {"version": 7, "kind": "store", "id": A, "fields": fields}
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    expected = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    assert record_hash("store", A, 7, canonical.canonical_json(fields)) == expected
    assert canonical.record_hash("store", A, 7, fields) == expected


def test_a_bucket_is_the_xor_of_its_records(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 1, name="a"), put(B, 1, name="b")], cursor="c")
    hashes = [int(digest, 16) for _, digest in scope.hashes_in("store", "aa")]
    assert scope.digest() == {"store": {"aa": f"{hashes[0] ^ hashes[1]:016x}"}}


def test_a_byte_gone_wrong_on_the_disk_changes_the_digest(
    scope: ScopeStore, file: PhoneFile
) -> None:
    scope.apply_page([put(A, 1, name="a")], cursor="c")
    before = scope.digest()
    for damage in ('{"name":"b"}', None, b"\xff"):
        with file.transaction() as connection:
            connection.execute("UPDATE record SET fields = ?", (damage,))
        assert scope.digest() != before


def test_a_repair_wins_over_any_version_held(scope: ScopeStore) -> None:
    scope.apply_page([put(A, 9, name="wrong")], cursor="c")
    scope.apply_repair([put(A, 3, name="right")])
    record = scope.get("store", A)
    assert record is not None
    assert (record.version, record.fields) == (3, {"name": "right"})
