"""Two edits of one record meet field by field: what one side left alone, the other decides.

Three-way merge of an edit that was made on an older version (`base`) into the record as it is now
(`held`). Values are those of JSON; an absent field is the same as null. Source: protocol,
promise 7 and "Conflict policy per kind".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Value: TypeAlias = Any  # what JSON can carry


@dataclass(frozen=True, slots=True)
class Kept:
    """A field in which somebody else's change stays: their value, and the one it replaced."""

    kept: Value
    lost: Value


@dataclass(frozen=True, slots=True)
class Clash:
    """A field that both sides changed, to different values; all three are kept."""

    base: Value
    held: Value
    sent: Value


@dataclass(frozen=True, slots=True)
class Merge:
    """What becomes of an edit.

    `fields`: the fields to write, each with the sender's value; nothing else changes.
    `merged`: fields that others changed since `base` and that stay so; what the sender saw is lost.
    `conflicts`: fields that both changed differently. The held value stays in force until a person
    decides, so that what others have meanwhile relied on does not change under them.
    """

    fields: dict[str, Value]
    merged: dict[str, Kept]
    conflicts: dict[str, Clash]


def merge(base: Mapping[str, Value], held: Mapping[str, Value], sent: Mapping[str, Value]) -> Merge:
    """Return what an edit changes, what it gives way to, and where it conflicts.

    `sent` names only the fields of the edit; a field it does not name is one that the sender left
    alone. Per field: changed only by the sender, the sender's value; only by others, theirs; by
    both to the same value, that value; by both differently, a conflict.
    """
    fields: dict[str, Value] = {}
    merged: dict[str, Kept] = {}
    conflicts: dict[str, Clash] = {}
    for name, wanted in sent.items():
        before, now = base.get(name), held.get(name)
        if _is_same(wanted, now):
            continue
        if _is_same(before, now):
            fields[name] = wanted
        elif _is_same(wanted, before):
            merged[name] = Kept(now, before)
        else:
            conflicts[name] = Clash(before, now, wanted)
    for name in held.keys() | base.keys():
        if name not in sent:
            before, now = base.get(name), held.get(name)
            if not _is_same(before, now):
                merged[name] = Kept(now, before)
    return Merge(fields, dict(sorted(merged.items())), conflicts)


def _is_same(one: Value, other: Value) -> bool:
    """Whether two JSON values are the same; unlike Python's ==, true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_is_same(one[k], other[k]) for k in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
