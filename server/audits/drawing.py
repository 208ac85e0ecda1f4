"""How a sample is drawn, so that it can be drawn again: from a seed, and a list of candidates.

A stratum is what one person brought in one week. Its candidates are ordered by the HMAC-SHA256 (RFC 2104) of the word
`sample`, a space and the 16 bytes of their id, under the seed's 32 bytes, compared as bytes. Of n candidates
max(1, ceil(p × n)) are drawn: the first of that order that are not in the queue already. Whether one
is given to a second auditor follows in the same way from the word `second`. Pure. Source: domain rules,
"Activities and audits"; docs/FORMULAS.md, "Draw of audits".
"""

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be drawn; `is_entered`: in the queue already for something odd, or closed by the office."""

    id: UUID
    is_entered: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """A candidate in the order of its stratum, from 1, and whether the draw chose it."""

    id: UUID
    is_entered: bool
    place: int
    is_chosen: bool


def sample_size(candidates: int, percent: int) -> int:
    """How many of these are drawn: `percent` of them, rounded up, one at least; none of none."""
    return max(1, -(-candidates * percent // 100)) if candidates else 0


def draw_stratum(seed: bytes, candidates: Iterable[Candidate], percent: int) -> list[Drawn]:
    """The candidates of one stratum in their order, and which are drawn."""
    ordered = sorted(candidates, key=lambda one: (_order(seed, b"sample ", one.id), one.id))
    left = sample_size(len(ordered), percent)
    drawn = []
    for place, one in enumerate(ordered, start=1):
        is_chosen = left > 0 and not one.is_entered
        left -= is_chosen
        drawn.append(Drawn(one.id, one.is_entered, place, is_chosen))
    return drawn


def is_given_twice(seed: bytes, id_: UUID, percent: int) -> bool:
    """Whether a second auditor looks at it too: for `percent` of all ids under a seed."""
    share = int.from_bytes(_order(seed, b"second ", id_)[:8])
    return share * 100 < percent << 64


def _order(seed: bytes, word: bytes, id_: UUID) -> bytes:
    return hmac.digest(seed, word + id_.bytes, "sha256")
