"""The examples beside the schemas are true, and none is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

import mobile_contract
from mobile_contract.compiled import decode_item
from mobile_contract.problems import ItemRefused
from mobile_contract.records import RECORDS, RECORDS_BY_KIND
from mobile_contract.schema import faults_of
from tests.mobile_contract.wire_values import absent_names

FOLDER = Path(mobile_contract.__file__).parent / "examples"
ACCEPTED = sorted(FOLDER.glob("*/accepted/*.json"))
REJECTED = sorted(FOLDER.glob("*/rejected/*.json"))
DOWN = sorted(FOLDER.glob("*/down/*.json"))


def name(path: Path) -> str:
    return f"{path.parent.parent.name}-{path.stem}"


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.parametrize("path", ACCEPTED, ids=name)
def test_an_accepted_example_is_accepted(path: Path) -> None:
    example = read(path)
    item = decode_item(json.dumps(example["item"]).encode(), example["contract"])
    assert (item.kind, item.op_id) == (path.parent.parent.name, example["item"]["op_id"])


@pytest.mark.parametrize("path", REJECTED, ids=name)
def test_a_rejected_example_is_refused_for_the_reason_it_names(path: Path) -> None:
    example = read(path)
    with pytest.raises(ItemRefused) as refusal:
        decode_item(json.dumps(example["item"]).encode(), example["contract"])
    assert (refusal.value.code, refusal.value.where) == (example["code"], example["where"])
    assert refusal.value.op_id == example["item"]["op_id"]


@pytest.mark.parametrize("path", DOWN, ids=name)
def test_a_record_that_comes_down_fits_its_schema(path: Path) -> None:
    example = read(path)
    schema = RECORDS_BY_KIND[example["kind"]].down[example["contract"]]
    assert schema is not None
    assert faults_of(schema(), example["fields"]) == []


@pytest.mark.parametrize("path", DOWN, ids=name)
def test_a_record_that_comes_down_is_spelt_as_the_server_does(path: Path) -> None:
    example = read(path)
    schema = RECORDS_BY_KIND[example["kind"]].down[example["contract"]]
    assert schema is not None
    assert absent_names(schema, example["fields"]) == []


@pytest.mark.parametrize("path", DOWN, ids=name)
def test_the_times_of_a_record_that_comes_down_follow_from_its_clock(path: Path) -> None:
    fields = read(path)["fields"]
    clock = fields.get("clock") or fields
    if "trust" not in clock:
        return
    names = ("occurred", "ordered", "check_in", "check_out")
    began = next((found for name in names if (found := fields.get(name))), fields)
    prefix = "checked_in_" if "checked_in_at" in began else ""
    at, corrected_at = began[f"{prefix}at"], began[f"{prefix}corrected_at"]
    if clock["trust"] == "GPS":
        assert corrected_at == (began.get("fix") or began)["gps_time"]
    else:
        assert corrected_at == at + clock["offset_ms"]


@pytest.mark.parametrize(
    ("kind", "contract", "op"),
    [
        (record.kind, contract, op)
        for record in RECORDS
        for contract, ops in record.ops.items()
        for op in ops
    ],
)
def test_every_op_of_every_contract_has_an_accepted_and_a_rejected_example(
    kind: str, contract: int, op: str
) -> None:
    for folder in ("accepted", "rejected"):
        found = list((FOLDER / kind / folder).glob(f"contract-{contract}-{op}-*.json"))
        assert found, f"examples/{kind}/{folder}/contract-{contract}-{op}-….json"


@pytest.mark.parametrize(
    ("kind", "contract"),
    [
        (record.kind, contract)
        for record in RECORDS
        for contract, schema in record.down.items()
        if schema is not None
    ],
)
def test_every_kind_has_an_example_that_comes_down_in_every_contract(
    kind: str, contract: int
) -> None:
    assert list((FOLDER / kind / "down").glob(f"contract-{contract}-*.json"))
