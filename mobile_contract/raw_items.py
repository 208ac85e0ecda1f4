"""Reading bytes that may not be JSON, without recursion: depth, and items cut out of a body.

A bad item must not take its batch with it, so the items of a body that does not parse are found by
their brackets alone; each is then judged by itself.
"""

import json
import math
import re
from typing import Any, Final

from mobile_contract.problems import RequestRefused
from mobile_contract.version import BOUNDS, ITEMS_PER_PUSH, JSON_DEPTH

_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},:"]', re.DOTALL)
_OPENING: Final = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
TOKENS_MAX: Final = 250_000
"""A body with more is not cut: that would take longer than any honest body is worth."""
_DIGITS_MAX: Final = 20
_BEYOND: Final = 10**_DIGITS_MAX
_ANY_FRACTION: Final = 0.5


class NotJsonError(ValueError):
    """Bytes are not strict JSON."""


def is_deeper(raw: bytes, depth: int = JSON_DEPTH) -> bool:
    """Whether objects and lists of (well-formed) JSON are nested deeper than ``depth``."""
    if raw.count(b"{") + raw.count(b"[") <= depth:
        return False
    brackets = _STRING.sub(b"", raw).translate(_OPENING, _NOT_BRACKETS)
    # Each round takes away the innermost pairs, so that the rounds count the height of the tree.
    for _ in range(depth):
        shorter = brackets.replace(b"()", b"")
        if not shorter or shorter == brackets:
            return False
        brackets = shorter
    return True


def _whole(digits: str) -> int:
    if len(digits) <= _DIGITS_MAX:
        return int(digits)
    return -_BEYOND if digits.startswith("-") else _BEYOND


def _fraction(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _ANY_FRACTION


def _no_constant(name: str) -> Any:
    raise NotJsonError(f"it holds {name}")


def load(raw: bytes) -> Any:
    """Strict JSON as plain values; a name that stands twice counts the second time.

    Numbers of any length are read without cost: one beyond 20 digits, or beyond what is finite,
    becomes one that no field accepts. Raises NotJsonError, whose words go on from "is not JSON: ".
    """
    try:
        return json.loads(
            raw.decode(),
            parse_int=_whole,
            parse_float=_fraction,
            parse_constant=_no_constant,
            strict=True,
        )
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 at byte {error.start}"
        raise NotJsonError(message) from error
    except json.JSONDecodeError as error:
        found = error.msg.removesuffix(" at").rstrip(": ")
        message = f"{found[:1].lower()}{found[1:]} at character {error.pos}"
        raise NotJsonError(message) from error
    except RecursionError as error:
        raise NotJsonError("it is nested too deep") from error


def load_leniently(raw: bytes) -> Any:
    """Whatever can be made out of bytes that are not strict JSON; None where nothing can."""
    try:
        return json.loads(raw.decode("utf-8", "replace"), parse_int=_whole, strict=False)
    except (ValueError, RecursionError):
        return None


def cut_items(body: bytes) -> tuple[bytes, list[bytes]] | None:  # noqa: C901 - one branch a token
    """A push body with its items taken out, and the items as the bytes between them.

    Only brackets, commas and strings are looked at. A list of items that stands twice counts the
    second time, and neither is left in the body. None where the brackets do not match or there is
    no such list. Raises RequestRefused where a bound of the request is passed.
    """
    depth = 0
    inside = False
    items: list[bytes] | None = None
    head: list[bytes] = []
    kept_to = start = 0
    key = previous = b""
    for tokens, match in enumerate(_TOKEN.finditer(body)):
        token = match.group()
        if tokens > TOKENS_MAX:
            raise _too_many_tokens()
        if token in (b"{", b"["):
            depth += 1
            if depth > JSON_DEPTH:
                raise too_deep()
            if depth == 2 and token == b"[" and previous == b":" and _is_items(key):
                inside, start, items = True, match.end(), []
                head.append(body[kept_to:start])
        elif token in (b"}", b"]"):
            if inside and depth == 2 and items is not None:
                _add(items, body[start : match.start()], is_last=True)
                inside, kept_to = False, match.start()
            depth -= 1
            if depth <= 0:
                break
        elif token == b"," and inside and depth == 2 and items is not None:
            _add(items, body[start : match.start()], is_last=False)
            start = match.end()
        elif token == b'"':
            return None
        elif depth == 1 and len(token) > 1:
            key = token
        previous = token
    if items is None or inside or depth:
        return None
    return b"".join([*head, body[kept_to:]]), items


def _is_items(key: bytes) -> bool:
    """Whether a name in its quotes is that of the items, however it is spelt."""
    if b"\\" not in key:
        return key == b'"items"'
    return bool(load_leniently(key) == "items")


def _add(items: list[bytes], raw: bytes, *, is_last: bool) -> None:
    raw = raw.strip(b" \t\r\n")
    if is_last and not raw and not items:
        return
    items.append(raw)
    if len(items) > ITEMS_PER_PUSH:
        raise too_many_items()


def too_deep() -> RequestRefused:
    """The refusal of a body that is nested too deep."""
    limit = BOUNDS["json_depth"]
    return RequestRefused("too_deep", f"The body is nested deeper than {limit}.", limit=limit)


def too_many_items() -> RequestRefused:
    """The refusal of a batch with too many items."""
    limit = BOUNDS["items_per_push"]
    detail = f"The batch has more than {limit} items."
    return RequestRefused("too_many_items", detail, where="items", limit=limit)


def _too_many_tokens() -> RequestRefused:
    detail = f"The body has more than {TOKENS_MAX} texts and signs: its items are not set apart."
    return RequestRefused("malformed_json", detail, limit=TOKENS_MAX)
