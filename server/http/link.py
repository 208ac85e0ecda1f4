"""The bytes behind a signed link, whole or in part. Who has the link may read them until it expires."""

from contextlib import ExitStack

from flask import Blueprint, Response, request
from werkzeug.datastructures import ContentRange
from werkzeug.http import parse_range_header

from server.http.callers import Caller, callable_by
from server.http.service import Service
from server.media.keys import content_type, digest_of, is_original
from server.media.links import PATH, Links
from server.media.storage import NotStored, Storage, StorageAway
from sync.errors import Refused

AT_ONCE_BYTES = 512 * 1024
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Accept-Ranges": "bytes",
}


def link_routes(service: Service) -> Blueprint:
    """/files/…, where the storage serves no links itself."""
    routes = Blueprint("link", __name__)

    @routes.get(f"{PATH}/<token>")
    @callable_by(Caller.LINK)
    def file(token: str) -> Response:
        """What the link leads to."""
        media = service.media
        found = None if media is None else Links(service.secret, media.storage).read(token)
        if media is None or found is None:
            raise Refused("not_found", "There is no such link, or it is over.")
        key, left_s = found
        headers = {**_HEADERS, "Cache-Control": f"private, max-age={left_s}, immutable"}
        if is_original(key):
            # Nobody has looked into it: it is to be saved, never opened in place.
            headers["Content-Disposition"] = f'attachment; filename="{digest_of(key)}"'
        name = key.rpartition("/")[2]
        etag = headers["ETag"] = f'"{name}"'
        if request.if_none_match.contains(name):
            return Response(None, 304, headers)
        try:
            size = _size(media.storage, key)
            start, end = _asked_range(size, etag)
            pieces = media.storage.stream(key, start, end - start)
        except NotStored:
            raise Refused("not_found", "The file is not there.") from None
        except StorageAway as away:
            raise Refused("busy", "The file cannot be read just now.") from away
        headers["Content-Length"] = str(end - start)
        is_part = (start, end) != (0, size)
        if is_part:
            headers["Content-Range"] = str(ContentRange("bytes", start, end, size))
        held = ExitStack()
        if end - start > AT_ONCE_BYTES:
            # Whoever reads slowly holds a thread: only so many may.
            held.enter_context(service.slow_bodies.pass_through())
        response = Response(
            pieces, 206 if is_part else 200, headers, content_type=content_type(key)
        )
        response.call_on_close(held.close)
        return response

    return routes


def _size(storage: Storage, key: str) -> int:
    size = storage.size(key)
    if size is None:
        raise NotStored(key)
    return size


def _asked_range(size: int, etag: str) -> tuple[int, int]:
    """The one range that was asked for, else all of it (RFC 9110, section 14.2)."""
    asked = parse_range_header(request.headers.get("Range"))
    if asked is None or len(asked.ranges) != 1:
        return 0, size
    if request.headers.get("If-Range", etag) != etag:
        return 0, size
    return asked.range_for_length(size) or (0, size)
