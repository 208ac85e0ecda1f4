"""What the OpenAPI document says of the routes for files."""

from typing import Any

from mobile_contract.fields import SHA256_PATTERN
from server.http.json_schemas import Json
from server.http.operations import problem_responses

OCTETS = "application/offset+octet-stream"
_ALWAYS = ("busy", "internal", "not_ready")
_TOKEN = ("token_invalid", "tus_version")
_OF_UPLOAD = (*_TOKEN, "not_found", "upload_gone")
_BODY = (
    "not_octets",
    "checksum_differs",
    "too_slow",
    "file_too_large",
    "digest_differs",
    "disk_full",
)


def _header(name: str, said: str, schema: Json, *, is_required: bool = False) -> Json:
    return {
        "name": name,
        "in": "header",
        "required": is_required,
        "description": said,
        "schema": schema,
    }


_WHOLE: Json = {"type": "integer", "minimum": 0}
_TEXT: Json = {"type": "string"}
_RESUMABLE = _header(
    "Tus-Resumable", "The version of tus.", {"type": "string", "const": "1.0.0"}, is_required=True
)
_CHECKSUM = _header(
    "Upload-Checksum",
    "Of the bytes of this request: `sha1` or `sha256`, a space, the digest in base64.",
    _TEXT,
)
_SENT: dict[str, Json] = {
    "Tus-Resumable": {"description": "The version of tus.", "schema": _TEXT},
    "Upload-Offset": {"description": "How many bytes are there, on the disk.", "schema": _WHOLE},
    "Upload-Expires": {"description": "Until when the next are waited for.", "schema": _TEXT},
    "Upload-Sha256": {
        "description": "The digest of the file, once it is stored.",
        "schema": {"type": "string", "pattern": f"^{SHA256_PATTERN}$"},
    },
}
_BYTES: Json = {
    "required": False,
    "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}},
}


def _operation(
    status: int,
    said: str,
    codes: tuple[str, ...],
    *,
    headers: dict[str, Json] | None = None,
    **rest: Any,
) -> Json:
    return {
        "security": [{"device": []}],
        "responses": {
            str(status): {"description": said, "headers": headers or {}},
            **problem_responses([*codes, *_ALWAYS]),
        },
        **rest,
    }


OPERATIONS: dict[str, Json] = {
    "ask_media": {
        **_operation(
            204,
            "What is understood.",
            ("not_found",),
            headers={
                name: {"description": said, "schema": _TEXT}
                for name, said in (
                    ("Tus-Version", "The version of tus."),
                    ("Tus-Extension", "What is understood beside its core."),
                    ("Tus-Checksum-Algorithm", "What checksums may be of."),
                    ("Tus-Max-Size", "How many bytes a file may have."),
                )
            },
        ),
        "security": [],
    },
    "create_upload": _operation(
        201,
        "Announced, and as much of it kept as Upload-Offset says. Where that is the whole length, nothing "
        "is to be sent.",
        (
            *_TOKEN,
            "not_found",
            "upload_header",
            "offset_differs",
            "upload_gone",
            *_BODY,
            "too_many_uploads",
            "quota_reached",
        ),
        headers={
            **_SENT,
            "Location": {"description": "The upload, below this server.", "schema": _TEXT},
        },
        parameters=[
            _RESUMABLE,
            _header("Upload-Length", "How many bytes the file has.", _WHOLE, is_required=True),
            _header(
                "Upload-Metadata",
                "Comma-separated keys, each with a value in base64: `sha256`, `role`.",
                _TEXT,
            ),
            _CHECKSUM,
        ],
        requestBody=_BYTES,
    ),
    "look_at_upload": _operation(
        200,
        "How much is there. Whoever was sending is passed by.",
        (*_OF_UPLOAD, "digest_differs", "disk_full"),
        headers={
            **_SENT,
            "Upload-Length": {"description": "How many bytes the file has.", "schema": _WHOLE},
            "Upload-Metadata": {"description": "As it was announced.", "schema": _TEXT},
        },
        parameters=[_RESUMABLE],
    ),
    "add_to_upload": _operation(
        204,
        "Kept, up to Upload-Offset; a request that took too long is answered with what had come.",
        (*_OF_UPLOAD, "upload_header", "offset_differs", *_BODY),
        headers=_SENT,
        parameters=[
            _RESUMABLE,
            _header("Upload-Offset", "Where these bytes begin.", _WHOLE, is_required=True),
            _CHECKSUM,
        ],
        requestBody=_BYTES,
    ),
    "end_upload": _operation(
        204,
        "Ended. A file that is stored stays.",
        _OF_UPLOAD,
        headers={"Tus-Resumable": _SENT["Tus-Resumable"]},
        parameters=[_RESUMABLE],
    ),
}
