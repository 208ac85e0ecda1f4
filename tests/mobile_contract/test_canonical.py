"""One spelling for every value, so that two sides can compare digests."""

import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.canonical import (
    bucket_of,
    canonical_json,
    digest_of,
    hash_text,
    record_hash,
)

characters = st.characters(exclude_categories=["Cs"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(characters),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(characters), inner),
)


@given(value=values)
def test_canonical_json_is_what_its_words_say(value: Any) -> None:
    by_the_words = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert canonical_json(value) == by_the_words.encode()


def test_a_record_hash_is_the_start_of_a_sha_256() -> None:
    expected = hashlib.sha256(
        '{"fields":{"a":1,"é":"ü/\\n"},"id":"a3","kind":"store","version":2}'.encode()
    ).hexdigest()[:16]
    assert hash_text(record_hash("store", "a3", 2, {"é": "ü/\n", "a": 1})) == expected


def test_the_order_of_records_does_not_change_a_digest() -> None:
    assert digest_of([1, 2, 4]) == digest_of([4, 1, 2]) == 7
    assert digest_of([]) == 0


def test_a_hash_keeps_its_leading_zeros() -> None:
    assert hash_text(10) == "000000000000000a"


def test_a_bucket_is_the_first_two_digits() -> None:
    assert bucket_of("a3f0c1d2-0000-4000-8000-000000000000") == "a3"
