"""The kinds of which every record is a phone's own work: what a play counts, and where it looks.

A new kind is one line. The checks of a play and of a soak go by this list and name no kind.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind whose records phones make and nobody else changes: each version is one item's effect.

    `table` has a row for each record, by `id`, with the device that sent it.
    """

    kind: str
    table: str


FACT_KINDS: Final = (
    FactKind("visit", "visit"),
    FactKind("attendance", "attendance"),
)
FACTS: Final = frozenset(each.kind for each in FACT_KINDS)
