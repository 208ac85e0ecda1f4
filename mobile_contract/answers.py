"""Answers as bytes: the result of an item, and the encoder of every answer."""

from typing import Any, Final

import msgspec


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item; see "Results" in PROTOCOL.md. None is left out of the bytes."""

    op_id: str | None
    status: str
    receipt: int
    version: int | None = None
    code: str | None = None
    where: str | None = None
    detail: str | None = None
    missing: list[str] | None = None
    merged: dict[str, dict[str, Any]] | None = None
    conflict_id: str | None = None
    proposal_id: str | None = None
    first: dict[str, Any] | msgspec.Raw | None = None
    retry_after_ms: int | None = None


_encode: Final = msgspec.json.Encoder().encode


def encode_answer(answer: Any) -> bytes:
    """The bytes of an answer: dicts, lists, Structs, and msgspec.Raw where bytes are at hand."""
    return _encode(answer)
