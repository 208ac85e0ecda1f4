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


# Kinds that came after a contract was first written down have files of their own: `items` as phones send
# them, `current` as the engine gets them, `records` as they come down. Contract 1 knows none of them.
LATER = sorted((FOLDER / f"contract-{CURRENT}" / "kinds").glob("*.json"))


def later(part: str) -> list[Any]:
    return [each for path in LATER for each in json.loads(path.read_text())[part]]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_golden_push_means_what_it_meant(contract: int) -> None:
    envelope = decode_push((FOLDER / f"contract-{contract}" / "push.json").read_bytes())
    items = [decode_item(raw, envelope.contract) for raw in envelope.items]
    assert json.loads(msgspec.json.encode(items)) == read(contract, "push.current.json")


@pytest.mark.parametrize("path", LATER, ids=lambda path: path.stem)
def test_golden_items_of_a_later_kind_mean_what_they_meant(path: Path) -> None:
    golden = json.loads(path.read_text())
    items = [decode_item(json.dumps(item).encode(), CURRENT) for item in golden["items"]]
    assert {item["kind"] for item in golden["items"]} <= {path.stem}
    assert json.loads(msgspec.json.encode(items)) == golden["current"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_golden_push_has_every_op_of_its_contract(contract: int) -> None:
    items = read(contract, "push.json")["items"] + (later("items") if contract == CURRENT else [])
    sent = {(item["kind"], item["op"]) for item in items}
    assert sent == {(record.kind, op) for record in RECORDS for op in record.ops.get(contract, {})}


@pytest.mark.parametrize("contract", CONTRACTS)
def test_golden_records_are_lowered_as_they_were(contract: int) -> None:
    for held, lowered in zip(
        read(CURRENT, "records.json"), read(contract, "records.json"), strict=True
    ):
        assert lower_record(held["kind"], held["fields"], contract) == lowered["fields"]


@pytest.mark.parametrize("contract", CONTRACTS)
def test_what_is_lowered_fits_the_schema_of_its_contract(contract: int) -> None:
    for record in read(contract, "records.json") + (
        later("records") if contract == CURRENT else []
    ):
        schema = RECORDS_BY_KIND[record["kind"]].down[contract]
        if record["fields"] is not None:
            assert schema is not None
            assert faults_of(schema(), record["fields"]) == []


def test_golden_records_have_every_kind() -> None:
    kinds = {record["kind"] for record in read(CURRENT, "records.json") + later("records")}
    assert kinds == {record.kind for record in RECORDS if record.down[CURRENT] is not None}


def test_a_phone_of_contract_1_is_sent_no_later_kind() -> None:
    for record in later("records"):
        assert lower_record(record["kind"], record["fields"], 1) is None


@pytest.mark.parametrize("contract", CONTRACTS)
def test_lowering_leaves_the_held_record_as_it_was(contract: int) -> None:
    for record in read(CURRENT, "records.json") + later("records"):
        before = json.dumps(record["fields"])
        lower_record(record["kind"], record["fields"], contract)
        assert json.dumps(record["fields"]) == before
