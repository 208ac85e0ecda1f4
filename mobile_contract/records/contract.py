"""What one kind of record promises on the wire, in every contract."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobile_contract.schema import WireSchema

Fields = dict[str, Any]
"""The JSON object of a payload or of a record's ``fields``."""


def as_it_is(fields: Fields) -> Fields | None:
    """Lower a record whose fields are the same in contract 1."""
    return fields


def payload_as_it_is(op: str, payload: Fields) -> Fields:
    """Raise a payload whose shape is the same in contract 1."""
    del op
    return payload


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordContract:
    """One kind: what may be done to it from a phone, and what a phone is shown of it.

    ``ops``: contract → op → schema of the payload. ``down``: contract → schema of ``fields``, or
    None where the kind is not sent to phones of that contract. ``raise_1_to_2(op, payload)`` and
    ``lower_2_to_1(fields)`` are pure; a lowered record of None is one that contract 1 never sees.
    ``needs_base_version``: the ops that are refused without one.
    """

    kind: str
    ops: Mapping[int, Mapping[str, type[WireSchema]]] = field(default_factory=dict)
    down: Mapping[int, type[WireSchema] | None]
    raise_1_to_2: Callable[[str, Fields], Fields] = payload_as_it_is
    lower_2_to_1: Callable[[Fields], Fields | None] = as_it_is
    needs_base_version: frozenset[str] = frozenset()
