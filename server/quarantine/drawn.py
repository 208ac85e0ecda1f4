"""What a phone sent, set out in lines for a person, with the place of the fault marked.

Places are those of the contract's faults, like `payload.lines[2].quantity`; where that place is not there, because it is
missing, the line of what should hold it is marked.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from json import JSONDecodeError
from typing import Any

from mobile_contract.raw_items import NotJsonError, is_deeper, load
from server.quarantine.kept import in_one_line

LINES_MAX = 3_000
# JSON that is nested deeper is shown as it came.
_DEPTH_MAX = 100
_AROUND = 60


@dataclass(frozen=True, slots=True)
class Line:
    """A line of what was sent; `place` is where it stands in the item."""

    number: int
    text: str
    place: str
    is_at_fault: bool


@dataclass(frozen=True, slots=True)
class Spot:
    """Where bytes cease to be JSON: what stands before, there, and after."""

    before: str
    there: str
    after: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was sent, for a person. `is_cut`: there are more lines than are shown."""

    lines: list[Line]
    spot: Spot | None
    is_cut: bool

    @property
    def fault_lines(self) -> list[int]:
        return [line.number for line in self.lines if line.is_at_fault]


def set_out(raw: bytes) -> str:
    """The bytes of an item as text to be changed: JSON in lines of its own where it is JSON."""
    value = _value(raw)
    if value is None:
        return raw.decode("utf-8", "replace")
    return "\n".join(in_one_line(text) for text, _ in _walk(value, "", "", "", ""))


def draw_item(raw: bytes, wheres: Iterable[str | None] = ()) -> Drawn:
    """The lines of an item, those at these places marked."""
    value = _value(raw)
    if value is None:
        texts: Iterator[tuple[str, str]] = (
            (text, "") for text in raw.decode("utf-8", "replace").split("\n")
        )
    else:
        texts = _walk(value, "", "", "", "")
    found = [(in_one_line(text), place) for text, place in islice(texts, LINES_MAX + 1)]
    is_cut = len(found) > LINES_MAX
    # The first line of a place: a list that is at fault ends in a line of the same place.
    first: dict[str, int] = {}
    for number, (_, place) in enumerate(found[:LINES_MAX], 1):
        first.setdefault(place, number)
    marked = {_line_of(where, first) for where in wheres if where and value is not None}
    return Drawn(
        [
            Line(number, text, place, number in marked)
            for number, (text, place) in enumerate(found[:LINES_MAX], 1)
        ],
        _spot(raw) if value is None else None,
        is_cut,
    )


def _value(raw: bytes) -> Any:
    """What strict JSON says; None where the bytes are none."""
    if is_deeper(raw, _DEPTH_MAX):
        return None
    try:
        return load(raw)
    except NotJsonError:
        return None


def _line_of(where: str, first: dict[str, int]) -> int | None:
    """The line of a place, else that of the nearest place around it."""
    place = where
    while place not in first:
        if not place:
            return None
        place = place[: max(place.rfind("."), place.rfind("["), 0)]
    return first[place]


def _spot(raw: bytes) -> Spot | None:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        after = raw[error.end :].decode("utf-8", "replace")
        return _around(before, raw[error.start : error.end].hex(), after)
    try:
        load(raw)
    except NotJsonError as error:
        if isinstance(error.__cause__, JSONDecodeError):
            at = error.__cause__.pos
            return _around(text[:at], text[at : at + 1], text[at + 1 :])
    return None


def _around(before: str, there: str, after: str) -> Spot:
    return Spot(
        ("…" if len(before) > _AROUND else "") + in_one_line(before[-_AROUND:]),
        in_one_line(there),
        in_one_line(after[:_AROUND]) + ("…" if len(after) > _AROUND else ""),
    )


def _walk(value: Any, place: str, head: str, pad: str, tail: str) -> Iterator[tuple[str, str]]:
    """The lines of a value and the place of each, as `json.dumps` sets it out."""
    if isinstance(value, dict) and value:
        parts = [
            (each, f"{place}.{name}" if place else name, f"{_told(name)}: ")
            for name, each in value.items()
        ]
        opens, closes = "{", "}"
    elif isinstance(value, list) and value:
        parts = [(each, f"{place}[{number}]", "") for number, each in enumerate(value)]
        opens, closes = "[", "]"
    else:
        yield f"{pad}{head}{_told(value)}{tail}", place
        return
    yield f"{pad}{head}{opens}", place
    for number, (each, its_place, its_head) in enumerate(parts, 1):
        yield from _walk(each, its_place, its_head, pad + "  ", "," if number < len(parts) else "")
    yield f"{pad}{closes}{tail}", place


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
