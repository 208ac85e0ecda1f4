"""Every route says who may call it and how large a body it reads; `check_routes` finds one that does not."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from flask import Flask

from mobile_contract.version import BODY_BYTES, BODY_UNPACKED_BYTES
from server.http.bodies import BodyBounds

MEDIA_BYTES_MAX = 1024 * 1024 * 1024
"""The most that an installation can set for one file."""

View = TypeVar("View", bound=Callable[..., Any])


class Caller(Enum):
    """Who may call a route."""

    # No secret, nothing of any company in the answer.
    ANYBODY = "anybody"
    # Whoever has a one-time code: it is the secret, and tries are counted.
    ENROLLING = "enrolling"
    # A device with its token, also one that drains.
    DEVICE_PUSH = "device that may push"
    # A device with its token that may still receive.
    DEVICE_PULL = "device that may pull"
    # Somebody signed in at a browser, with a position of one of the roles that the route names.
    SIGNED_IN = "signed in"
    # Whoever has a link that was signed for them, until it expires.
    LINK = "whoever has a signed link"
    # The operator: from the machine itself, or with the operator's token.
    OPERATOR = "operator"


NO_BODY = BodyBounds(wire_bytes=0, unpacked_bytes=0)
SMALL_BODY = BodyBounds(wire_bytes=16 * 1024, unpacked_bytes=64 * 1024)
# The bytes of a file: read as they come, bounded by the length that was announced.
FILE_BODY = BodyBounds(wire_bytes=MEDIA_BYTES_MAX, unpacked_bytes=MEDIA_BYTES_MAX)
WHOLE_BODY = BodyBounds(wire_bytes=BODY_BYTES, unpacked_bytes=BODY_UNPACKED_BYTES)


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a route said of itself."""

    caller: Caller
    body: BodyBounds
    # Of positions, one of which a person who is signed in has to hold; none named: whoever is signed in.
    roles: tuple[str, ...] = ()


def callable_by(
    caller: Caller, body: BodyBounds = NO_BODY, roles: tuple[str, ...] = ()
) -> Callable[[View], View]:
    """Declare who may call a view and how large a body it reads."""

    def declare(view: View) -> View:
        view.declaration = Declaration(caller, body, roles)  # type: ignore[attr-defined]
        return view

    return declare


def declaration_of(app: Flask, endpoint: str) -> Declaration | None:
    """What the view of an endpoint declared, if anything."""
    return getattr(app.view_functions.get(endpoint), "declaration", None)


def check_routes(app: Flask) -> None:
    """Raise RuntimeError naming every route that does not say who may call it."""
    silent = [
        rule.rule for rule in app.url_map.iter_rules() if declaration_of(app, rule.endpoint) is None
    ]
    if silent:
        message = f"these routes do not say who may call them: {', '.join(sorted(silent))}"
        raise RuntimeError(message)
