"""The kinds of which every record is a phone's own work: what a play counts, and where it looks.

A new kind is one line. The checks of a play and of a soak go by this list and name no kind.
"""

from dataclasses import dataclass
from typing import Final

from mobile_contract.records import RECORDS_BY_KIND
from mobile_contract.version import CURRENT


@dataclass(frozen=True, slots=True)
class FactKind:
    """A kind whose records are what somebody did, on their own phone.

    `table` has a row for each record, by `id`; `sent_by` names for `id` the devices that sent it.
    """

    kind: str
    table: str
    sent_by: str
    # Whether the office changes them too; else each version is one item's effect.
    is_decided_on: bool = False

    @property
    def comes_down(self) -> bool:
        """Whether phones are shown it again; else the receipt is all that they have."""
        return RECORDS_BY_KIND[self.kind].down[CURRENT] is not None


FACT_KINDS: Final = (
    FactKind("visit", "visit", "visit"),
    FactKind("attendance", "attendance", "attendance"),
    FactKind("track", "track", "track"),
    FactKind("audit_visit", "audit_visit", "audit_visit"),
    FactKind("form_answer", "form_answer", "form_answer_version"),
    FactKind("photo", "photo", "photo", is_decided_on=True),
    FactKind("order", "order_header", "order_header", is_decided_on=True),
)
FACTS: Final = frozenset(each.kind for each in FACT_KINDS)
TOLD_FACTS: Final = frozenset(each.kind for each in FACT_KINDS if each.comes_down)
OWN_FACTS: Final = frozenset(each.kind for each in FACT_KINDS if not each.is_decided_on)
# Ops that make a record, of any kind.
MAKES: Final = frozenset({"create", "skip", "submit", "return", "request"})
