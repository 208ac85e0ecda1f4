"""The prices of a version as a compact body: what goes in comes out, and the size that is promised."""

import re
import zlib
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mobile_contract
from mobile_contract.price_bodies import BodyUnreadable, decode_prices, encode_prices
from mobile_contract.pricing import Slab
from mobile_contract.records.store_terms import terms_id

EXAMPLE = {
    (7, "CTN"): (Slab(1, 11_500), Slab(10, 11_000), Slab(50, 10_500)),
    (7, "PC"): (Slab(1, 500),),
    (12, "PC"): (Slab(1, 1_280), Slab(24, 1_200)),
    (22, "CTN"): (Slab(2, 64_000),),
}

slabs = st.dictionaries(st.integers(1, 1_000), st.integers(0, 10**9), min_size=1, max_size=4).map(
    lambda found: tuple(Slab(*pair) for pair in sorted(found.items()))
)
prices = st.dictionaries(
    st.tuples(st.integers(1, 5_000), st.sampled_from(("PC", "CTN", "箱"))), slabs, max_size=12
)


def test_the_example_of_the_document_is_true() -> None:
    text = (Path(mobile_contract.__file__).parent / "PROTOCOL.md").read_text()
    shown = re.search(r'```json\n(\{"format":1,"price".*?\})\n```', text)
    assert shown is not None
    assert encode_prices(EXAMPLE).decode() == shown[1]
    assert decode_prices(shown[1].encode()) == EXAMPLE


@settings(max_examples=60, deadline=None)
@given(prices)
def test_prices_come_out_as_they_went_in(found: dict[tuple[int, str], tuple[Slab, ...]]) -> None:
    assert decode_prices(encode_prices(found)) == found
    assert encode_prices(dict(reversed(found.items()))) == encode_prices(found)


def test_500_products_cost_2_kb() -> None:
    chance = Random(7)
    found = {
        (number, "CTN"): (Slab(1, 10 * chance.randint(300, 4_000)),)
        for number in chance.sample(range(1, 700), 500)
    }
    assert len(zlib.compress(encode_prices(found), 9)) < 2_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"format":2,"units":[],"product":[],"unit":[],"price":[],"start":[],"slab":[]}',
        b'{"format":1,"units":[],"product":[1],"unit":[],"price":[5],"start":[],"slab":[]}',
        b'{"format":1,"units":["PC"],"product":[1],"unit":[1],"price":[5],"start":[],"slab":[]}',
        b'{"format":1,"units":["PC"],"product":[1],"unit":[0],"price":[5],"start":[1,2],"slab":[]}',
        b'{"format":1,"units":["PC"],"product":[1],"unit":[0],"price":[5],"start":[],"slab":[0]}',
        b'{"format":1,"units":["PC"],"product":[-1],"unit":[0],"price":[5],"start":[],"slab":[]}',
        b'{"format":1,"units":["PC"],"product":[1.5],"unit":[0],"price":[5],"start":[],"slab":[]}',
    ],
)
def test_what_is_no_body_is_refused(body: bytes) -> None:
    with pytest.raises(BodyUnreadable):
        decode_prices(body)


def test_the_id_of_a_stores_terms_is_that_of_the_document() -> None:
    text = (Path(mobile_contract.__file__).parent / "PROTOCOL.md").read_text()
    shown = re.search(r"terms of\s+store `([^`]+)` are `([^`]+)`", text)
    assert shown is not None
    assert str(terms_id(UUID(shown[1]))) == shown[2]
