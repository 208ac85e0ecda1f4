"""Files from phones, by tus 1.0 (https://tus.io/protocols/resumable-upload): core, creation,
creation-with-upload, checksum, expiration, termination.

A view reads the headers, calls one function of `server.media.uploads`, answers. Bodies are read as they
come and never held whole. A body that may hold a thread for long passes a gate first.
"""

import re
from base64 import b64decode
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, request
from flask_smorest import Blueprint
from werkzeug.http import http_date

from server.gathering import GATHERED_UPLOAD_BYTES_MAX
from server.http.bearer import read_claim
from server.http.callers import FILE_BODY, Caller, callable_by
from server.http.media_operations import OPERATIONS
from server.http.operations import documented_as
from server.http.service import Service
from server.media.metadata import read_metadata
from server.media.uploads import ALGORITHMS, Body, Checksum, Upload, Uploads
from sync.errors import Refused

PATH = "/v1/media"
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
OCTETS = "application/offset+octet-stream"
_WHOLE = re.compile(r"[0-9]{1,16}")
_OVERRIDDEN = {"PATCH", "DELETE", "HEAD", "POST", "OPTIONS"}
_DIGEST_BYTES = {"sha1": 20, "sha256": 32}


def media_routes(service: Service) -> Blueprint:
    """The routes of PROTOCOL.md, "Sending files"."""
    routes = Blueprint("media", __name__, url_prefix=PATH, description="Files, by tus 1.0.")
    desk = _Desk.of(service)

    @routes.after_request
    def say_version(response: Response) -> Response:
        response.headers["Tus-Resumable"] = VERSION
        if response.status_code == HTTPStatus.PRECONDITION_FAILED:
            response.headers["Tus-Version"] = VERSION
        return response

    _add_announcing(routes, desk)
    _add_going_on(routes, desk)
    return routes


@dataclass(frozen=True, slots=True)
class _Desk:
    """What the views work with."""

    service: Service
    made: Uploads | None

    @classmethod
    def of(cls, service: Service) -> "_Desk":
        if service.media is None:
            return cls(service, None)
        count = service.instruments.count_upload
        return cls(service, Uploads(service.database, service.media, service.body_read_s, count))

    @property
    def uploads(self) -> Uploads:
        if self.made is None:
            raise Refused("not_found", "No files are taken here.")
        return self.made

    @contextmanager
    def admitted(self, body: Body) -> Iterator[None]:
        """What is collected before a thread gets it holds none for long; the rest passes a gate."""
        if body.length is not None and body.length <= GATHERED_UPLOAD_BYTES_MAX:
            yield
            return
        with self.service.slow_bodies.pass_through():
            yield


def _add_announcing(routes: Blueprint, desk: _Desk) -> None:
    @routes.route("", methods=["OPTIONS"])
    @callable_by(Caller.ANYBODY)
    @documented_as(OPERATIONS["ask_media"])
    def ask_media() -> Response:
        """What this server understands of tus"""
        headers = {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
            "Tus-Max-Size": str(desk.uploads.media.bounds.file_bytes),
        }
        return Response(None, 204, headers)

    @routes.route("", methods=["POST"])
    @callable_by(Caller.DEVICE_PUSH, FILE_BODY)
    @documented_as(OPERATIONS["create_upload"])
    def create_upload() -> Response:
        """Announce a file, and send its first bytes if there are any in the request"""
        claim = read_claim(request.environ)
        _check_version()
        for header in ("Upload-Defer-Length", "Upload-Concat"):
            if header in request.headers:
                raise _wrong(header, "is not understood here.")
        size = _read_whole("Upload-Length")
        metadata = read_metadata(request.headers.get("Upload-Metadata", ""))
        body = _Body.of_creation(request.environ)
        with desk.admitted(body):
            upload = desk.uploads.create(claim, size, metadata, body, _read_checksum())
        response = _answer(201, upload)
        response.headers["Location"] = f"{PATH}/{upload.id}"
        return response


def _add_going_on(routes: Blueprint, desk: _Desk) -> None:
    @routes.route("/<uuid:upload_id>", methods=["HEAD"])
    @callable_by(Caller.DEVICE_PUSH)
    @documented_as(OPERATIONS["look_at_upload"])
    def look_at_upload(upload_id: UUID) -> Response:
        """How much of a file is there"""
        claim = read_claim(request.environ)
        _check_version()
        upload = desk.uploads.look(claim, upload_id)
        response = _answer(200, upload)
        response.headers["Upload-Length"] = str(upload.size)
        if upload.metadata:
            response.headers["Upload-Metadata"] = upload.metadata
        return response

    @routes.route("/<uuid:upload_id>", methods=["PATCH"])
    @callable_by(Caller.DEVICE_PUSH, FILE_BODY)
    @documented_as(OPERATIONS["add_to_upload"])
    def add_to_upload(upload_id: UUID) -> Response:
        """Send the next bytes of a file"""
        claim = read_claim(request.environ)
        _check_version()
        _check_type()
        offset = _read_whole("Upload-Offset")
        body = _Body(request.environ)
        with desk.admitted(body):
            upload = desk.uploads.append(claim, upload_id, offset, body, _read_checksum())
        return _answer(204, upload)

    @routes.route("/<uuid:upload_id>", methods=["DELETE"])
    @callable_by(Caller.DEVICE_PUSH)
    @documented_as(OPERATIONS["end_upload"])
    def end_upload(upload_id: UUID) -> Response:
        """Give an upload up"""
        claim = read_claim(request.environ)
        _check_version()
        desk.uploads.end(claim, upload_id)
        return Response(None, 204)


def allow_override(
    application: Callable[[dict[str, Any], Any], Iterable[bytes]],
) -> Callable[[dict[str, Any], Any], Iterable[bytes]]:
    """Let `X-HTTP-Method-Override` name the method of an upload's request (tus 1.0, "Headers"), for
    clients that cannot send PATCH.
    """

    def overriding(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        said = environ.get("HTTP_X_HTTP_METHOD_OVERRIDE")
        if said is not None and environ.get("PATH_INFO", "").startswith(PATH):
            method = said.strip().upper()
            if method in _OVERRIDDEN:
                environ["REQUEST_METHOD"] = method
        return application(environ, start_response)

    return overriding


@dataclass(frozen=True, slots=True)
class _Body:
    """The bytes of a WSGI request, as they come."""

    environ: dict[str, Any]
    is_none: bool = False

    @classmethod
    def of_creation(cls, environ: dict[str, Any]) -> "_Body":
        """Of a creation, which may have bytes: then it says what they are."""
        if not request.content_type and cls(environ).length is None:
            # Nothing is said of what the chunks are, so nobody reads them.
            return cls(environ, is_none=True)
        found = cls(environ)
        if found.length != 0:
            _check_type()
        return found

    @property
    def length(self) -> int | None:
        if self.is_none:
            return 0
        declared = self.environ.get("CONTENT_LENGTH") or ""
        if declared.isdecimal():
            return int(declared)
        return None if self.environ.get("wsgi.input_terminated") else 0

    def read(self, size: int) -> bytes:
        stream = self.environ["wsgi.input"]
        # gunicorn_worker.PieceBody: as soon as there are any.
        piece: bytes = stream.read1(size)
        return piece


def _answer(status: int, upload: Upload) -> Response:
    headers = {
        "Upload-Offset": str(upload.offset),
        "Upload-Expires": http_date(upload.expires_at),
        "Cache-Control": "no-store",
    }
    if upload.sha256 is not None:
        headers["Upload-Sha256"] = upload.sha256
    return Response(None, status, headers)


def _check_version() -> None:
    if request.headers.get("Tus-Resumable") != VERSION:
        raise Refused(
            "tus_version",
            f"Requests of uploads say Tus-Resumable: {VERSION}.",
            where="Tus-Resumable",
        )


def _check_type() -> None:
    said = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if said != OCTETS:
        raise Refused("not_octets", f"The Content-Type of bytes is {OCTETS}.", where="Content-Type")
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        raise Refused("not_octets", "Files are sent as they are.", where="Content-Encoding")


def _read_whole(header: str) -> int:
    said = request.headers.get(header, "")
    if _WHOLE.fullmatch(said) is None:
        raise _wrong(header, "is to be a whole number.")
    return int(said)


def _read_checksum() -> Checksum | None:
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _, coded = said.strip().partition(" ")
    if algorithm not in ALGORITHMS:
        raise _wrong("Upload-Checksum", f"may be of {' or '.join(ALGORITHMS)}.")
    try:
        digest = b64decode(coded.strip(), validate=True)
    except (NotBase64, ValueError):
        digest = b""
    if len(digest) != _DIGEST_BYTES[algorithm]:
        raise _wrong("Upload-Checksum", "has no digest of its algorithm in base64.")
    return Checksum(algorithm, digest)


def _wrong(header: str, said: str) -> Refused:
    return Refused("upload_header", f"{header} {said}", where=header)
