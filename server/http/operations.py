"""What the OpenAPI document says of each route: schemas, codes, examples.

It stands beside the views and wraps none of them: on the way of a push nothing of this runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from mobile_contract.fields import SHA256_PATTERN
from mobile_contract.problems import REQUEST_CODES_BY_NAME, RequestRefused
from server.http.json_schemas import Json, ref
from server.http.problems import MEDIA_TYPE as PROBLEM
from server.http.problems import RETRY_AFTER_S

View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"
_BODY_CODES = (
    "body_too_large",
    "malformed_json",
    "too_deep",
    "invalid_request",
    "unsupported_encoding",
    "too_slow",
)
_ALWAYS = ("busy", "internal", "not_ready")
_TOKEN_CODES = ("token_invalid",)
_PULL_CODES = (*_TOKEN_CODES, "device_draining", "contract_unknown", "scope_too_large")

_ID = "5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3a01"
_AT = 1_772_590_000_000
_CURSOR = "AbC123"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One route of the document."""

    # The schema of its body; None: it has none.
    asks: str | None
    answers: tuple[int, Json]
    codes: Sequence[str]
    needs_token: bool = True
    examples: dict[str, Any] = field(default_factory=dict)
    parameters: tuple[Json, ...] = ()
    # status → what it means, of answers without a body
    empty: dict[int, str] = field(default_factory=dict)

    def document(self) -> Json:
        """The OpenAPI operation object, without what the view itself says."""
        status, schema = self.answers
        codes = self.codes if self.asks is None else [*self.codes, *_BODY_CODES]
        return {
            "security": [{"device": []}] if self.needs_token else [],
            **({"parameters": list(self.parameters)} if self.parameters else {}),
            **({} if self.asks is None else {"requestBody": self._request_body(self.asks)}),
            "responses": {
                str(status): {
                    "description": "Done. It was committed before this was sent."
                    if self.asks == "PushRequest"
                    else "Done.",
                    "content": {JSON: {"schema": schema}},
                },
                **{str(each): {"description": said} for each, said in self.empty.items()},
                **problem_responses([*codes, *_ALWAYS]),
            },
        }

    def _request_body(self, asks: str) -> Json:
        examples = {name: {"value": value} for name, value in self.examples.items()}
        return {
            "required": True,
            "content": {JSON: {"schema": ref(asks), "examples": examples}},
        }


def problem_responses(codes: Sequence[str]) -> Json:
    """Responses by status for these codes, all of them problem+json."""
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(REQUEST_CODES_BY_NAME[code].status, []).append(code)
    return {
        str(status): {
            "description": "\n".join(
                f"`{code}`: {REQUEST_CODES_BY_NAME[code].meaning}" for code in found
            ),
            **({"headers": _RETRY_AFTER} if any(code in RETRY_AFTER_S for code in found) else {}),
            "content": {
                PROBLEM: {
                    "schema": ref("Problem"),
                    "examples": {
                        code: {
                            "value": RequestRefused(
                                code, REQUEST_CODES_BY_NAME[code].title + "."
                            ).document()
                        }
                        for code in found
                    },
                }
            },
        }
        for status, found in sorted(by_status.items())
    }


_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds; not before that. Each client is told another moment.",
        "schema": {"type": "integer", "minimum": 0},
    }
}

_VISIT = {
    "op_id": _ID[:-1] + "2",
    "kind": "visit",
    "entity_id": _ID[:-1] + "3",
    "op": "create",
    "captured_at": _AT,
    "captured_boot_id": _ID[:-1] + "4",
    "captured_uptime_ms": 3_600_000,
    "payload": {
        "store_id": _ID[:-1] + "5",
        "is_by_phone": False,
        "check_in": {
            "at": _AT,
            "uptime_ms": 3_600_000,
            "fix": {
                "lat_e7": 312_304_000,
                "lon_e7": 1_214_737_000,
                "datum": "WGS84",
                "accuracy_cm": 850,
                "is_mock": False,
            },
        },
        "steps": [{"step": "GREET", "outcome": "DONE", "at": _AT}],
    },
}

OPERATIONS: dict[str, Operation] = {
    "enrol": Operation(
        asks="EnrolRequest",
        answers=(201, ref("EnrolAnswer")),
        codes=("code_invalid", "contract_unknown", "too_many_tries"),
        needs_token=False,
        examples={
            "enrol": {
                "contract": 2,
                "code": "ACME-7Q2M-0K9XTR",
                "device": {"model": "Pixel 9", "os": "Android 16", "app_version": "1.4.0"},
            }
        },
    ),
    "rotate_token": Operation(
        asks="TokenRequest",
        answers=(200, ref("TokenAnswer")),
        codes=(*_TOKEN_CODES, "device_draining"),
        examples={"rotate": {}},
    ),
    "push": Operation(
        asks="PushRequest",
        answers=(200, ref("PushAnswer")),
        codes=(*_TOKEN_CODES, "device_mismatch", "too_many_items"),
        examples={
            "one visit": {
                "contract": 2,
                "device_id": _ID,
                "batch_id": _ID[:-1] + "6",
                "sent_at": _AT + 5_000,
                "boot_id": _ID[:-1] + "4",
                "uptime_ms": 3_605_000,
                "app_version": "1.4.0",
                "outbox": {"count": 1, "oldest_at": _AT, "bytes": 640},
                "items": [_VISIT],
            }
        },
    ),
    "pull": Operation(
        asks="PullRequest",
        answers=(200, ref("PullAnswer")),
        codes=(*_PULL_CODES, "cursor_invalid", "cursor_too_old", "epoch_changed"),
        examples={
            "from nothing": {"contract": 2, "cursor": None},
            "what is new": {"contract": 2, "cursor": _CURSOR, "limit": 200},
        },
    ),
    "digest": Operation(
        asks="DigestRequest",
        answers=(200, {"oneOf": [ref("DigestStepOneAnswer"), ref("DigestStepTwoAnswer")]}),
        codes=_PULL_CODES,
        examples={
            "step one": {"contract": 2, "buckets": {"store": {"a3": "0123456789abcdef"}}},
            "step two": {
                "contract": 2,
                "held": {"store": {"a3": [["a3" + _ID[2:], "0123456789abcdef"]]}},
            },
        },
    ),
    "body": Operation(
        asks=None,
        answers=(
            200,
            {"type": "object", "description": "What it is, the record says that names it."},
        ),
        codes=(*_TOKEN_CODES, "device_draining", "not_found"),
        parameters=(
            {
                "name": "sha256",
                "in": "path",
                "required": True,
                "description": "The digest of the body, as the record has it.",
                "schema": {"type": "string", "pattern": f"^{SHA256_PATTERN}$"},
            },
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "The ETag of an earlier answer.",
                "schema": {"type": "string"},
            },
        ),
        empty={304: "It is the one that the client has; it always is."},
    ),
}


def documented(name: str) -> Callable[[View], View]:
    """Give a view its part of the document, without wrapping it as flask-smorest's own does."""
    return documented_as(OPERATIONS[name].document())


def documented_as(document: Json) -> Callable[[View], View]:
    """The same, for one that stands elsewhere."""

    def give(view: View) -> View:
        view._apidoc = {"manual_doc": document}  # type: ignore[attr-defined]  # noqa: SLF001 - flask-smorest's own place for it
        return view

    return give
