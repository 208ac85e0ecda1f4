"""Requests made from the OpenAPI document, good and bad: never a fault of the server's, and every
answer as documented."""

import json
from datetime import timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from server.http.openapi import document
from tests.factories import Cast
from tests.server.http.conftest import Site

schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
DOCUMENT = json.loads(document())
OPERATIONS = [
    (path, method)
    for path, said in DOCUMENT["paths"].items()
    # OPTIONS asks for nothing, so there is no wrong way to ask it.
    for method in sorted(said.keys() & {"get", "post", "patch", "head", "delete"})
]


@pytest.mark.slow
@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_no_request_made_from_the_document_breaks_the_server(
    path: str, method: str, mode: GenerationMode, site: Site, cast: Cast
) -> None:
    schema: Any = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = site.app
    seen = []

    @given(case=schema[path][method.upper()].as_strategy(generation_mode=mode))
    @settings(
        max_examples=25,
        deadline=timedelta(seconds=10),
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
        derandomize=True,
    )
    def ask(case: Any) -> None:
        if isinstance(case.body, dict) and "device_id" in case.body:
            # A made-up device is turned away before its items are looked at.
            case.body["device_id"] = str(cast.ana.device.id)
        answer = case.call_and_validate(
            # Its WSGI client does not unpack.
            headers={
                "Authorization": cast.ana.device.authorization,
                "Accept-Encoding": "identity",
            },
            checks=CHECKS,
        )
        seen.append(answer.status_code)

    ask()
    # Of an operation that asks for little there are few wrong ways.
    assert len(seen) >= (10 if method in {"get", "post"} else 1)
