"""Golden envelopes: what a released contract once meant, it means for ever.

These files are never made anew. A change of the code that turns one of these tests red breaks
phones that are in the field.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

import mobile_contract
from mobile_contract.compiled import decode_item, decode_push
from mobile_contract.records import RECORDS, RECORDS_BY_KIND, lower_record
from mobile_contract.schema import faults_of
from mobile_contract.version import CONTRACTS, CURRENT

FOLDER = Path(mobile_contract.__file__).parent / "golden"


def read(contract: int, name: str) -> Any:
    return json.loads((FOLDER / f"contract-{contract}" / name).read_text())


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_golden_push_means_what_it_meant(contract: int) -> None:
    envelope = decode_push((FOLDER / f"contract-{contract}" / "push.json").read_bytes())
    items = [decode_item(raw, envelope.contract) for raw in envelope.items]
    assert json.loads(msgspec.json.encode(items)) == read(contract, "push.current.json")


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_golden_push_has_every_op_of_its_contract(contract: int) -> None:
    sent = {(item["kind"], item["op"]) for item in read(contract, "push.json")["items"]}
    assert sent == {(record.kind, op) for record in RECORDS for op in record.ops.get(contract, {})}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_golden_records_are_lowered_as_they_were(contract: int) -> None:
    for held, lowered in zip(
        read(CURRENT, "records.json"), read(contract, "records.json"), strict=True
    ):
        assert lower_record(held["kind"], held["fields"], contract) == lowered["fields"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_what_is_lowered_fits_the_schema_of_its_contract(contract: int) -> None:
    for record in read(contract, "records.json"):
        schema = RECORDS_BY_KIND[record["kind"]].down[contract]
        if record["fields"] is not None:
            assert schema is not None
            assert faults_of(schema(), record["fields"]) == []


def test_golden_records_have_every_kind() -> None:
    kinds = {record["kind"] for record in read(CURRENT, "records.json")}
    assert kinds == set(RECORDS_BY_KIND)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_lowering_leaves_the_held_record_as_it_was(contract: int) -> None:
    for record in read(CURRENT, "records.json"):
        before = json.dumps(record["fields"])
        lower_record(record["kind"], record["fields"], contract)
        assert json.dumps(record["fields"]) == before
