"""What waits for a decision, and what was decided, as lines for a terminal: what differs, in words.

Stops are told by the stores' codes and by what is added, removed and moved; rules in words; times on
the company's wall clock.
"""

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from server.identity.aligned import told_moment
from server.planning.conflicts import Conflict
from server.planning.named_stores import StoreNamed, told_pin
from server.planning.proposals import Proposal
from server.planning.rule_words import told_rule
from server.planning.rules import with_held_windows

Names = Mapping[UUID, StoreNamed]
_UNKNOWN = "a value that was not written down"


def stores_in(proposals: Iterable[Proposal]) -> set[UUID]:
    """The stores whose names `proposal_lines` needs."""
    return {
        UUID(stop["store_id"])
        for one in proposals
        for fields in (one.changes, one.held, one.decided or {})
        for stop in fields.get("stops") or ()
    }


def proposal_lines(one: Proposal, names: Names, zone: ZoneInfo) -> Iterator[str]:
    """What was asked for, by whom and when; and what was decided, by whom and when."""
    outdated = " (has changed since)" if one.is_outdated else ""
    yield f"{one.id}  {one.kind} {one.subject}{outdated}"
    yield f"    by {one.proposer}, {told_moment(one.proposed_at, zone)}" + (
        f": {_one_line(one.reason)}" if one.reason else ""
    )
    yield from _change_lines(one, one.changes, names)
    if one.decided_at is None:
        return
    yield f"    {one.state.lower()} by {one.decided_by}, {told_moment(one.decided_at, zone)}" + (
        f": {_one_line(one.answer)}" if one.answer else ""
    )
    if one.decided is not None and one.decided != one.changes:
        yield from _change_lines(one, one.decided, names)


def conflict_lines(one: Conflict, zone: ZoneInfo) -> Iterator[str]:
    """Both values of each field; and which was chosen, by whom and when."""
    yield f"{one.id}  {one.kind} {one.subject}, {told_moment(one.opened_at, zone)}"
    for name, sides in sorted(one.fields.items()):
        yield f"    {name}: held {_told(sides['held'])} ({one.held_by})"
        yield f"    {'':<{len(name)}}  sent {_told(sides['sent'])} ({one.sent_by})"
        if one.chosen is not None:
            chosen = (one.decided or {}).get(name, sides.get(one.chosen[name], _UNKNOWN))
            yield f"    {'':<{len(name)}}  chosen: {one.chosen[name]}, {_told(chosen)}"
    if one.decided_at is not None:
        yield f"    decided by {one.decided_by}, {told_moment(one.decided_at, zone)}"


def _change_lines(one: Proposal, changes: Mapping[str, Any], names: Names) -> Iterator[str]:
    for name, value in sorted(changes.items()):
        if name == "stops":
            for line in _stop_lines(one.held.get("stops"), value, names):
                yield f"      {line}"
        elif one.is_new_store or name not in one.held:
            yield f"      {name}: {_told(value)}"
        else:
            yield f"      {name}: {_told(one.held[name])} → {_told(value)}"


def _stop_lines(
    before: Sequence[Mapping[str, Any]] | None, after: Sequence[Mapping[str, Any]], names: Names
) -> Iterator[str]:
    """What differs between two lists of stops, places counted from 1, and the whole new order."""
    was, now = in_order(before or ()), in_order(after)
    place = {id_: number for number, id_ in enumerate(now, 1)}
    if before is not None:
        yield f"stops: {len(was)} → {len(now)}" + ("" if was != now else ", in the same order")
        yield from (f"removed: {names[id_]}" for id_ in was if id_ not in place)
        rules = {UUID(stop["store_id"]): stop.get("rule") for stop in before}
        for stop in after:
            id_, rule = UUID(stop["store_id"]), stop.get("rule")
            if id_ not in rules:
                told = "" if rule is None else f", {told_rule(rule)}"
                yield f"added at {place[id_]}: {names[id_]}{told}"
        moved = moved_stores(was, now)
        for number, id_ in enumerate(was, 1):
            if id_ in moved:
                yield f"moved: {names[id_]}, {number} → {place[id_]}"
        for stop in after:
            id_, rule = UUID(stop["store_id"]), stop.get("rule")
            held = rules.get(id_)
            if rule is None or held is None:
                continue
            told, now_told = told_rule(held), told_rule(with_held_windows(rule, held))
            if told != now_told:
                yield f"rule of {names[id_]}: {told} → {now_told}"
    yield f"order: {','.join(names[id_].short for id_ in now) or 'no stop'}"


def in_order(stops: Iterable[Mapping[str, Any]]) -> list[UUID]:
    """The stores of stops that have a sequence, or that stand in their order."""
    numbered = enumerate(stops)
    ordered = sorted(numbered, key=lambda each: (each[1].get("sequence", each[0]), each[0]))
    return [UUID(stop["store_id"]) for _, stop in ordered]


def moved_stores(was: Sequence[UUID], now: Sequence[UUID]) -> set[UUID]:
    """The fewest stores whose move makes the one order of the other.

    All but a longest increasing run of old places (patience sorting).
    """
    place = {id_: number for number, id_ in enumerate(was)}
    staying = [id_ for id_ in dict.fromkeys(now) if id_ in place]
    ends: list[int] = []
    runs: list[tuple[UUID, ...]] = []
    for id_ in staying:
        at = bisect_left(ends, place[id_])
        run = (*(runs[at - 1] if at else ()), id_)
        ends[at : at + 1], runs[at : at + 1] = [place[id_]], [run]
    return set(staying) - set(runs[-1] if runs else ())


def _told(value: Any) -> str:
    """A value on one line: text as it is, a pin in degrees, anything else as JSON."""
    if isinstance(value, str):
        return _one_line(value) or '""'
    if isinstance(value, Mapping) and {"lat_e7", "lon_e7"} <= value.keys():
        return told_pin(value["lat_e7"], value["lon_e7"])
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join(text.split())
