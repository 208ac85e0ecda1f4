"""Visiting rules as planning takes them in: checked against the wire contract, stored whole.

A stored rule has every field of the contract's `HeldRule` and is what phones receive.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mobile_contract.records.route import STOPS_MAX, Rule
from mobile_contract.schema import faults_of
from server.language import Said
from server.planning.errors import StopsInvalid

_WINDOW = ("open_from_min", "open_until_min")
_RULE = Rule()


@dataclass(frozen=True, slots=True)
class Stop:
    """A store of a route and its rule, as in the wire contract."""

    store_id: UUID
    rule: Mapping[str, Any]


def stored_rule(rule: Mapping[str, Any], *, place: str = "rule") -> dict[str, Any]:
    """The rule with every field there and lists in order. Raises StopsInvalid, naming the place."""
    faults = faults_of(_RULE, dict(rule), place=place)
    if faults:
        raise StopsInvalid(faults[0].said_of(place))
    return {
        "weekdays": sorted(rule["weekdays"]),
        "cycle_weeks": rule["cycle_weeks"],
        "week_groups": sorted(rule["week_groups"]),
        "anchor": rule["anchor"],
        "starts_on": rule["starts_on"],
        "ends_on": rule.get("ends_on"),
        "on_holiday": rule["on_holiday"],
        **{name: rule.get(name) for name in _WINDOW},
    }


def stored_stops(stops: Sequence[Stop]) -> list[tuple[UUID, dict[str, Any]]]:
    """The stops in order, each rule checked. Raises StopsInvalid, naming the place.

    Whether a store stands twice is for whoever can name it to say.
    """
    if len(stops) > STOPS_MAX:
        message = Said(
            "a route has at most {most} stops, not {stops}", most=STOPS_MAX, stops=len(stops)
        )
        raise StopsInvalid(message)
    return [
        (stop.store_id, stored_rule(stop.rule, place=f"stops[{place}].rule"))
        for place, stop in enumerate(stops)
    ]


def with_held_windows(rule: Mapping[str, Any], held: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """The rule with the time window that the stop has now, where the sender did not speak of it.

    Phones of contract 1 do not know windows; absent is not the same as emptied.
    """
    if held is None or any(name in rule for name in _WINDOW):
        return rule
    return {**rule, **{name: held.get(name) for name in _WINDOW}}
