"""The front door: what this is, and what a developer reads."""

from pathlib import Path

from flask import Blueprint, Response
from werkzeug.exceptions import NotFound

from server.http.callers import Caller, callable_by

PROTOCOL = Path(__file__).resolve().parents[2] / "mobile_contract" / "PROTOCOL.md"

_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Roadbook</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }
</style>
<h1>Roadbook</h1>
<p>Keeps the routes, visits and attendance of people on the road in step with their phones, also
when these were without a network all day.</p>
<ul>
<li><a href="/protocol.md">How phones talk to this server</a>: the protocol, for developers of apps.</li>
<li><a href="/v1/openapi.json">The same as an OpenAPI 3.1 document</a>.</li>
<li><a href="/readyz">Whether the server is ready</a>.</li>
</ul>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def front_routes() -> Blueprint:
    """/ and /protocol.md."""
    routes = Blueprint("front", __name__)

    @routes.get("/")
    @callable_by(Caller.ANYBODY)
    def front() -> Response:
        """What this is."""
        return Response(_PAGE, headers=_HEADERS, content_type="text/html; charset=utf-8")

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
