"""The application over the test database, and two companies that know nothing of each other."""

import gzip
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import jsonschema_rs
import pytest
import zstandard
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from server.http.openapi import document
from server.http.service import Service
from sync.unit_of_work import Database
from tests.factories import Cast, Device, make_cast
from tests.standing import Standing

AT = 1_772_590_000_000


@cache
def _spec() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(document())
    return made


@cache
def _validator(path: str, status: str) -> Any:
    (operation,) = (
        said for method, said in _spec()["paths"][path].items() if method in ("get", "post")
    )
    response = operation["responses"][status]
    if "content" not in response:
        return None, None
    (content,) = response["content"].items()
    schema = {**content[1]["schema"], "components": _spec()["components"]}
    return content[0], jsonschema_rs.Draft202012Validator(schema)


def check_answer(path: str, response: TestResponse) -> None:
    """The answer of a documented route is as the OpenAPI document says: status, type and shape."""
    path = re.sub(r"/v1/bodies/[^/]+$", "/v1/bodies/{sha256}", path)
    if path not in _spec()["paths"]:
        return
    if response.status_code == 304:
        assert response.data == b""
        return
    media_type, validator = _validator(path, str(response.status_code))
    if validator is None:
        assert response.data == b""
        return
    assert response.content_type == media_type
    encoding = response.headers.get("Content-Encoding")
    body = response.data
    if encoding is not None:
        body = gzip.decompress(body) if encoding == "gzip" else zstandard.decompress(body)
    validator.validate(json.loads(body))


@dataclass(frozen=True, slots=True)
class Site:
    """An application with its service; `ask` is a phone's request."""

    app: Flask
    service: Service

    @property
    def client(self) -> FlaskClient:
        return self.app.test_client()

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        device: Device | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
    ) -> TestResponse:
        said = {"Content-Type": "application/json", **(headers or {})}
        if device is not None:
            said["Authorization"] = device.authorization
        sent = json.dumps(body).encode() if data is None else data
        response = self.client.post(path, data=sent, headers=said)
        check_answer(path, response)
        return response

    def get(
        self,
        path: str,
        *,
        device: Device | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """A phone's request without a body."""
        said = dict(headers or {})
        if device is not None:
            said["Authorization"] = device.authorization
        response = self.client.get(path, headers=said)
        check_answer(path, response)
        return response

    def call(self, rule: Rule, **said: Any) -> TestResponse:
        """A request of a route by its own method, with made-up values where its path has some."""
        methods = rule.methods or set()
        if methods & {"GET", "POST"}:
            return (self.get if "GET" in methods else self.ask)(path_of(rule), **said)
        (method,) = methods
        return self.client.open(path_of(rule), method=method, **said)


def code_of(response: TestResponse) -> tuple[int, str]:
    """Status and code of a problem."""
    assert response.json is not None
    return response.status_code, response.json["code"]


def path_of(rule: Rule) -> str:
    """A path of a route, with a made-up id or digest where it has one, and the first word where it has one of several."""
    path = re.sub(r"<uuid:[^>]+>", str(UUID(int=0)), rule.rule)
    path = re.sub(r"<any\((\w+)[^>]*>", r"\1", path)
    return re.sub(r"<[^>]+>", "0" * 64, path)


@pytest.fixture(scope="session")
def unit_database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def site(app_with_files: Flask, standing_with_files: Standing) -> Site:
    return Site(app_with_files, standing_with_files.service)


@pytest.fixture(scope="session")
def cast(owner_engine: Engine, unit_database: Database) -> Cast:
    return make_cast(owner_engine, unit_database)


@pytest.fixture(scope="session")
def strangers(owner_engine: Engine, unit_database: Database) -> Cast:
    return make_cast(owner_engine, unit_database)


def push_of(device: Device, *items: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """A push of contract 2 with these items."""
    return {
        "contract": 2,
        "device_id": str(device.id),
        "batch_id": str(uuid4()),
        "sent_at": AT + 5_000,
        "boot_id": "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a04",
        "uptime_ms": 3_605_000,
        "app_version": "2.0.0",
        "outbox": {"count": len(items), "oldest_at": AT if items else None, "bytes": 100},
        "items": list(items),
        **changed,
    }


def item_of(kind: str, op: str, payload: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
    """An item about a new record, captured five seconds before it is sent."""
    return {
        "op_id": str(uuid4()),
        "kind": kind,
        "entity_id": str(uuid4()),
        "op": op,
        "captured_at": AT,
        "captured_boot_id": "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a04",
        "captured_uptime_ms": 3_600_000,
        "payload": dict(payload),
        **changed,
    }


def visit_of(store_id: object, **changed: Any) -> dict[str, Any]:
    """A check-in at a store."""
    return item_of(
        "visit",
        "create",
        {
            "store_id": str(store_id),
            "is_by_phone": False,
            "check_in": {"at": AT, "uptime_ms": 3_600_000},
            "steps": [],
        },
        **changed,
    )
