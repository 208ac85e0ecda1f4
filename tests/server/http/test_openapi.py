"""The OpenAPI document is valid, fresh, exact, and never says that an error is plain JSON."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31

from mobile_contract.compiled import (
    decode_digest,
    decode_enrol,
    decode_item,
    decode_pull,
    decode_push,
    decode_token,
)
from mobile_contract.problems import REQUEST_CODES
from server.http.openapi import DOCUMENT, document
from server.http.operations import OPERATIONS
from tests.server.http.conftest import Site

EXAMPLES = Path(__file__).resolve().parents[3] / "mobile_contract" / "examples"
DECODERS = {
    "enrol": decode_enrol,
    "rotate_token": decode_token,
    "push": decode_push,
    "pull": decode_pull,
    "digest": decode_digest,
}


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(document())
    return made


def validator(spec: dict[str, Any], name: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/components/schemas/{name}", "components": spec["components"]}
    )


def test_the_kept_document_is_the_one_of_this_version() -> None:
    assert DOCUMENT.read_bytes() == document(), "run: python -m server.http.openapi"


def test_the_served_document_is_the_kept_one(site: Site) -> None:
    assert site.client.get("/v1/openapi.json").json == json.loads(DOCUMENT.read_bytes())


def test_the_document_is_valid_openapi_3_1(spec: dict[str, Any]) -> None:
    assert spec["openapi"] == "3.1.0"
    jsonschema_rs.validator_for(OPENAPI_31).validate(spec)


def test_every_schema_is_valid_json_schema(spec: dict[str, Any]) -> None:
    for schema in spec["components"]["schemas"].values():
        jsonschema_rs.meta.validate(
            {**schema, "$schema": "https://json-schema.org/draft/2020-12/schema"}
        )


def test_every_reference_leads_somewhere(spec: dict[str, Any]) -> None:
    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                yield value["$ref"]
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    names = {
        f"#/components/{part}/{name}"
        for part in ("schemas", "responses")
        for name in spec["components"][part]
    }
    assert set(references(spec)) <= names


def test_errors_are_problem_json_in_the_document_as_in_the_answers(spec: dict[str, Any]) -> None:
    errors = 0
    for path in spec["paths"].values():
        for operation in (said for method, said in path.items() if method != "parameters"):
            for status, response in operation["responses"].items():
                if status == "default" and "$ref" in response:
                    continue  # looked at below
                if int(status) >= 400:
                    errors += 1
                    assert set(response["content"]) == {"application/problem+json"}
    assert errors > 20
    for response in spec["components"]["responses"].values():
        assert set(response["content"]) == {"application/problem+json"}


def test_every_code_of_a_refused_request_is_somewhere_in_the_document(spec: dict[str, Any]) -> None:
    said = json.dumps(spec["paths"])
    # One that no operation answers: it is about methods that are none.
    missing = {each.code for each in REQUEST_CODES if f"`{each.code}`" not in said}
    assert missing == {"method_not_allowed"}


def test_every_route_of_phones_is_documented(site: Site, spec: dict[str, Any]) -> None:
    routes = {
        re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", r.rule)
        for r in site.app.url_map.iter_rules()
        if r.endpoint.startswith(("phone.", "media."))
    }
    assert set(spec["paths"]) == routes


@pytest.mark.parametrize("name", [name for name, each in OPERATIONS.items() if each.asks])
def test_the_examples_of_requests_are_ones(name: str, spec: dict[str, Any]) -> None:
    asks = OPERATIONS[name].asks
    assert asks is not None
    check = validator(spec, asks)
    for example in OPERATIONS[name].examples.values():
        check.validate(example)
        decoded: Any = DECODERS[name](json.dumps(example).encode())
        if name == "push":
            for item in decoded.items:
                decode_item(item, decoded.contract)


def test_the_contracts_examples_of_items_are_as_documented(spec: dict[str, Any]) -> None:
    checked = 0
    for file in sorted(EXAMPLES.glob("*/accepted/*.json")):
        example = json.loads(file.read_bytes())
        validator(spec, f"Item{example['contract']}").validate(example["item"])
        checked += 1
    assert checked > 10


def test_the_contracts_examples_of_records_are_as_documented(spec: dict[str, Any]) -> None:
    checked = 0
    for file in sorted(EXAMPLES.glob("*/down/*.json")):
        example = json.loads(file.read_bytes())
        change = {name: example[name] for name in ("kind", "id", "version", "fields")}
        validator(spec, f"Change{example['contract']}").validate({**change, "op": "put"})
        checked += 1
    assert checked > 10
