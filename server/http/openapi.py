"""The OpenAPI 3.1 document: served at /v1/openapi.json, and kept as mobile_contract/openapi.json.

`python -m server.http.openapi` writes the file; a test fails when it is stale.
"""

import argparse
import http
import sys
from pathlib import Path
from typing import Any, cast

import msgspec
from flask import Flask, Response
from flask_smorest import Api
from werkzeug.exceptions import HTTPException

from mobile_contract.version import CURRENT
from server.http.callers import Caller, callable_by
from server.http.json_schemas import component_schemas, ref
from server.http.media import media_routes
from server.http.phone import answer_json, phone_routes
from server.http.problems import MEDIA_TYPE as PROBLEM
from server.http.problems import handle
from server.http.service import Service

DOCUMENT = Path(__file__).resolve().parents[2] / "mobile_contract" / "openapi.json"

_DESCRIPTION = """\
Roadbook's phone API. PROTOCOL.md is normative; this document has its shapes.

Bodies are JSON in UTF-8 and may be packed with gzip or zstd (Content-Encoding); answers are packed
as Accept-Encoding asks. Numbers are whole and at most 2^53 − 1 in size. An item of a push that breaks
its schema does not refuse the push: it is kept aside and its result says so.
"""


class PhoneApi(Api):
    """flask-smorest's API with this house's errors, in the answers and in the document."""

    def handle_http_exception(self, error: HTTPException) -> Any:
        """Answer as every other error is answered."""
        return handle(error)

    def _register_responses(self) -> None:
        # Its own say that errors are application/json with fields that nothing here sends.
        content = {PROBLEM: {"schema": ref("Problem")}}
        for status in http.HTTPStatus:
            described: dict[str, Any] = {"description": status.phrase}
            if status >= 400:
                described["content"] = content
            self.spec.components.response(status.name, described, lazy=True)
        self.spec.components.response(
            "DEFAULT_ERROR", {"description": "Any other error", "content": content}, lazy=True
        )

    def _register_pagination_header(self) -> None:
        """Nothing here is paged the way flask-smorest pages."""


def register_api(app: Flask, service: Service) -> PhoneApi:
    """Put the phone routes into the application and into its document."""
    app.config.update(
        API_TITLE="Roadbook phone API", API_VERSION=str(CURRENT), OPENAPI_VERSION="3.1.0"
    )
    api = PhoneApi(
        app,
        spec_kwargs={
            "info": {"description": _DESCRIPTION, "license": {"name": "Apache-2.0"}},
            "servers": [{"url": "/"}],
        },
    )
    for name, schema in component_schemas().items():
        api.spec.components.schema(name, schema)
    api.spec.components.security_scheme(
        "device",
        {"type": "http", "scheme": "bearer", "description": "The token of the enrolled device."},
    )
    api.register_blueprint(phone_routes(service))
    api.register_blueprint(media_routes(service))
    return api


def document() -> bytes:
    """The document of this version, as it is served and kept."""
    app = Flask(__name__)
    api = register_api(app, cast("Service", _NoService()))
    return msgspec.json.format(msgspec.json.encode(api.spec.to_dict()), indent=2) + b"\n"


def register_document(app: Flask, api: PhoneApi) -> None:
    """Serve the document at /v1/openapi.json."""
    made = msgspec.json.encode(api.spec.to_dict())

    @app.get("/v1/openapi.json")
    @callable_by(Caller.ANYBODY)
    def openapi_json() -> Response:
        """This document."""
        return answer_json(made)


class _NoService:
    """Enough to name the routes, and nothing to answer them with."""

    engine = None
    body_read_s = 0.0
    longest_push_s = None
    media = None
    slow_bodies = None
    instruments = None


def main() -> int:
    """Write the document where it is kept."""
    argparse.ArgumentParser(
        prog="python -m server.http.openapi",
        description="Write mobile_contract/openapi.json anew, from the routes and the schemas.",
    ).parse_args()
    DOCUMENT.write_bytes(document())
    print(f"written: {DOCUMENT.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
