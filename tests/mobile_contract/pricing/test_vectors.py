"""The vectors that other programs check their prices against are what these prices come to."""

import json
from pathlib import Path
from typing import Any

import pytest

from mobile_contract import pricing
from tests.mobile_contract.pricing.vectors import priced_vector

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(pricing.__file__).parent / "vectors.json").read_text()
)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_a_vector_is_priced_as_it_says(vector: dict[str, Any]) -> None:
    assert priced_vector(vector) == vector["priced"]
