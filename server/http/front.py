"""What a developer of apps reads: the protocol. The front page is that of the pages (server/web/signing.py)."""

from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from server.http.callers import Caller, callable_by

PROTOCOL = Path(__file__).resolve().parents[2] / "mobile_contract" / "PROTOCOL.md"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def front_routes() -> Blueprint:
    """/protocol.md."""
    routes = Blueprint("front", __name__)

    @routes.get("/protocol.md")
    @callable_by(Caller.ANYBODY)
    def protocol() -> Response:
        """The protocol, as it is in the source."""
        try:
            text = PROTOCOL.read_bytes()
        except FileNotFoundError:
            raise NotFound from None
        return Response(text, headers=_HEADERS, content_type="text/markdown; charset=utf-8")

    return routes
