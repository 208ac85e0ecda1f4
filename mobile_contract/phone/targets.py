"""What a phone shows of its targets: the server's figures, and the pace that follows from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mobile_contract.phone.phone import Phone
from mobile_contract.records.target import expected_by, remaining_of


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a target is. Source: PROTOCOL.md, "target"."""

    expected: int
    remaining: int
    is_behind: bool


def pace_of(fields: Mapping[str, Any]) -> Pace:
    """The pace of a target as it came down."""
    expected = expected_by(fields["target"], fields["working_days_gone"], fields["working_days"])
    return Pace(
        expected=expected,
        remaining=remaining_of(fields["target"], fields["actual"]),
        is_behind=fields["actual"] < expected,
    )


def targets_of_month(phone: Phone, month: str) -> list[tuple[dict[str, Any], Pace]]:
    """The targets of a month (YYYY-MM) that the phone holds, by measure, all products first."""
    held = [record.fields for record in phone.held("target") if record.fields["month"] == month]
    held.sort(
        key=lambda fields: (
            fields["measure"],
            fields["product_group"] is not None,
            fields["product_group"] or "",
            fields["position_id"],
        )
    )
    return [(fields, pace_of(fields)) for fields in held]
