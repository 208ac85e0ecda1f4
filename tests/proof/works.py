"""Kinds of work beside visits and attendance, as the model-based test does them: a kind is one entry.

An entry captures a valid item on a phone and says what it meant; the rules, the faults and the checks
are the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.phone import Phone


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is who works: at a visit of theirs, which may be known to nobody yet."""

    visit: str
    store: str
    fix: Fix
    pick: int


@dataclass(frozen=True, slots=True)
class Meant:
    """What an item meant: fields that its record must have, and the records that it waits for beside the store."""

    fields: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    store: str | None = None
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work. `capture` returns None where the phone has not what it takes."""

    kind: str
    capture: Callable[[Phone, Place], Meant | None]
    # What the company must have first, made once.
    prepare: Callable[[Any], None] = field(default=lambda _world: None)


WORKS: tuple[Work, ...] = ()
WORK_KINDS = frozenset(work.kind for work in WORKS)
