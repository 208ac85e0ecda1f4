"""Every page goes through the desk: who asks, whether they may, in which language, and what a form must bring.

`Desk.page` declares a view's callers for `check_routes`, finds the visitor, and hands them to the view. Somebody who is not
signed in is asked to; somebody who may not see a page is told that it is not there. What changes something is a POST
that comes from a page of ours: by its origin, and by a token that only pages of this session have.
"""

import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Response, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import BadRequest, Forbidden, NotFound, RequestEntityTooLarge

from server.http.bodies import BodyBounds
from server.http.callers import NO_BODY, Caller, callable_by
from server.http.packing import pack
from server.http.service import Service
from server.identity.sessions import Visitor, find_visitor
from server.language import chosen_language, sentence, speaking
from server.media.keys import copy_key
from server.media.links import Links
from sync.geo import Datum
from sync.unit_of_work import Database

SESSION_COOKIE = "roadbook_session"
LANGUAGE_COOKIE = "roadbook_language"
TOKEN_FIELD = "_token"  # noqa: S105 - the name of a field, not a secret
TOKEN_HEADER = "X-Form-Token"  # noqa: S105 - the name of a header
FORM_BODY = BodyBounds(wire_bytes=256 * 1024, unpacked_bytes=256 * 1024)

# Told to whoever sent it in their language, by the page of the error.
OTHER_SESSION = sentence("This form is of another session. Open the page anew and try again.")
OTHER_SITE = sentence("This request comes from another site.")

PageView = Callable[..., ResponseReturnValue]


@dataclass(frozen=True, slots=True)
class BaseMap:
    """What maps are drawn on. Without `tiles_url` and `style_url`, land and borders from a public data package.

    `tiles_url` is of pictures and has places {z}, {x}, {y} ({s} is not supported); `style_url` is of a MapLibre style
    with its vector tiles, which may lie at `other_origins`. What lies on them is in `datum`.
    """

    tiles_url: str | None = None
    style_url: str | None = None
    other_origins: tuple[str, ...] = ()
    attribution: str = ""
    max_zoom: int = 18
    datum: Datum = Datum.WGS84

    @property
    def origins(self) -> tuple[str, ...]:
        """Where what is drawn comes from, for the Content-Security-Policy."""
        named = (self.tiles_url, self.style_url)
        read = [urlsplit(url) for url in named if url is not None]
        return (
            *(f"{one.scheme}://{one.netloc}" for one in read if one.netloc),
            *self.other_origins,
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """What pages work with; `secret` signs the tokens of forms."""

    service: Service
    secret: bytes
    base_map: BaseMap = BaseMap()
    # Where phones and browsers reach this server, where the installation says so.
    public_url: str | None = None
    # How long a page looks for an answer itself before it leaves that to a worker; None: however long it takes.
    answers_within_ms: int | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def database(self) -> Database:
        return self.service.database

    @property
    def address(self) -> str:
        """Where phones reach this server: as the installation says, else as this page was reached."""
        return (self.public_url or request.url_root).rstrip("/")

    def now_ms(self) -> int:
        """The moment of this request, in milliseconds since 1970."""
        return round(self.clock().timestamp() * 1000)

    def page(self, *roles: str, body: BodyBounds = NO_BODY) -> Callable[[PageView], PageView]:
        """Declare that whoever holds a position of one of these roles may call the view; none named: whoever is
        signed in. The view gets the visitor first.
        """

        def declare(view: PageView) -> PageView:
            @wraps(view)
            def guarded(**places: Any) -> ResponseReturnValue:
                visitor = find_visitor(
                    self.database, request.cookies.get(SESSION_COOKIE), self.clock()
                )
                if visitor is None:
                    return self.ask_to_sign_in()
                g.visitor = visitor
                if not visitor.has_role(*roles):
                    raise NotFound
                # First: whoever reads a form reads its body.
                self.bound_body(body)
                if request.method == "POST":
                    self.check_form(visitor)
                check_text(places)
                with speaking(self.language(visitor)):
                    return self.finish(make_response(view(visitor, **places)))

            return callable_by(Caller.SIGNED_IN, body, roles)(guarded)

        return declare

    def open_page(self, *, body: BodyBounds = NO_BODY) -> Callable[[PageView], PageView]:
        """Declare that anybody may call the view; it shows nothing of any company."""

        def declare(view: PageView) -> PageView:
            @wraps(view)
            def guarded(**places: Any) -> ResponseReturnValue:
                if request.method == "POST":
                    check_origin()
                self.bound_body(body)
                with speaking(self.language(None)):
                    return self.finish(make_response(view(**places)))

            return callable_by(Caller.ANYBODY, body)(guarded)

        return declare

    def ask_to_sign_in(self) -> ResponseReturnValue:
        """Where to sign in, and come back to what was asked for."""
        asked = request.full_path.rstrip("?") if request.method == "GET" else "/"
        place = url_for("signing.sign_in", next=asked if asked != "/" else None)
        if request.headers.get("HX-Request") == "true":
            return Response(status=204, headers={"HX-Redirect": place})
        return redirect(place, code=303)

    def language(self, visitor: Visitor | None) -> str:
        """The language of the visitor: chosen by them, by this browser, or asked for by it."""
        return chosen_language(
            None if visitor is None else visitor.language,
            request.cookies.get(LANGUAGE_COOKIE),
            request.headers.get("Accept-Language"),
        )

    def picture(
        self, visitor: Visitor, sha256: str, reader_version: int | None, name: str
    ) -> str | None:
        """A link to a photo's copy `name` (thumb, screen or full), good for a while; None where there is none yet."""
        media = self.service.media
        if media is None or reader_version is None:
            return None
        key = copy_key(visitor.company_id, sha256, reader_version, name)
        return Links(self.secret, media.storage).make(key)

    def form_token(self, visitor: Visitor) -> str:
        """What a form of this session brings."""
        return hmac.new(self.secret, b"form\0" + visitor.token_hash, sha256).hexdigest()

    def check_form(self, visitor: Visitor) -> None:
        """Raise Forbidden where a POST does not come from a page of this session."""
        check_origin()
        brought = request.headers.get(TOKEN_HEADER) or request.form.get(TOKEN_FIELD, "")
        if not hmac.compare_digest(brought.encode(), self.form_token(visitor).encode()):
            raise Forbidden(OTHER_SESSION)

    def bound_body(self, bounds: BodyBounds) -> None:
        """Read no more than the view declared."""
        request.max_content_length = bounds.wire_bytes
        request.max_form_memory_size = bounds.unpacked_bytes
        if (request.content_length or 0) > bounds.wire_bytes:
            raise RequestEntityTooLarge

    def finish(self, response: Response) -> Response:
        """What every page says of itself: whose scripts may run, and that it belongs to nobody else."""
        media = self.service.media
        # Links to photos may lead to the bucket itself.
        bucket = None if media is None else media.storage.origin()
        drawn = self.base_map.origins
        pictures = "".join(f" {origin}" for origin in (*drawn, bucket) if origin is not None)
        fetched = "".join(f" {origin}" for origin in drawn if self.base_map.style_url is not None)
        response.headers.setdefault(
            "Content-Security-Policy",
            "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; font-src 'self';"
            f" connect-src 'self'{fetched}; img-src 'self' data: blob:{pictures};"
            " form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        )
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "geolocation=(), camera=(), microphone=()"
        response.headers.setdefault("Cache-Control", "private, no-store")
        response.headers.add("Vary", "Cookie")
        return response


def check_origin() -> None:
    """Raise Forbidden where the browser says that another site sent the request.

    Fetch Metadata, and the Origin where a browser is too old for it. RFC 6454, section 7.3.
    """
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        if site not in {"same-origin", "none"}:
            raise Forbidden(OTHER_SITE)
        return
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise Forbidden(OTHER_SITE)


def check_text(places: Mapping[str, Any]) -> None:
    """Raise where a NUL stands in the address or the form: no browser lets anybody type one, and no database keeps it."""
    if any("\0" in str(value) for value in (*places.values(), *_texts(request.args))):
        raise NotFound
    if any("\0" in text for text in _texts(request.form)):
        raise BadRequest


def _texts(typed: MultiDict[str, str]) -> Iterator[str]:
    for name, values in typed.lists():
        yield name
        yield from values


def is_local(place: str | None) -> bool:
    """Whether a place to go to is one of ours: a path, and nothing that a browser reads as a host."""
    return (
        place is not None
        and place.startswith("/")
        and not place.startswith(("//", "/\\"))
        and place.isprintable()
        and quote(place, safe="/?&=%#+:@,.~-_!$'()*;[]") == place
    )


def draw(template: str, status: int = 200, /, **values: Any) -> Response:
    """A page, or a part of one."""
    response = make_response(render_template(template, **values), status)
    response.content_type = "text/html; charset=utf-8"
    return response


def packed(body: bytes) -> Response:
    """JSON for a script of ours, packed as the browser asked."""
    sent, encoding = pack(body, request.environ.get("HTTP_ACCEPT_ENCODING", ""))
    response = Response(sent, content_type="application/json")
    response.headers["Vary"] = "Accept-Encoding"
    if encoding is not None:
        response.headers["Content-Encoding"] = encoding
    return response
