"""What somebody decides instead of what was proposed, as they type it: stores by their codes.

A stop is a store's code, or an object with `store` (its code) or `store_id`, and on a route with a
`rule` where it is another than the one proposed, held, or shared by all others. What comes out has
the proposal's own form.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from server.language import Said
from server.planning.errors import StopsInvalid
from server.planning.named_stores import stores_by_code
from server.planning.proposals import Proposal
from server.planning.route_list import ruled_stops
from sync.unit_of_work import UnitOfWork

# The names of a stop by the proposal's kind, the names of its store first.
_NAMES = {"route": ("store", "store_id", "rule"), "day_plan": ("store", "store_id")}


def read_amendment(
    uow: UnitOfWork, proposal: Proposal, typed: Mapping[str, Any]
) -> Mapping[str, Any]:
    """The changes in the proposal's form. Raises StopsInvalid, NoSuchStore.

    What a rule says is for whoever sets it to check.
    """
    stops = typed.get("stops")
    if proposal.kind == "store" or not isinstance(stops, list):
        return typed
    for place, stop in enumerate(stops):
        _must_be_read(stop, _NAMES[proposal.kind], f"stops[{place}]")
    ids = _store_ids(uow, stops)
    if proposal.kind == "day_plan":
        return {**typed, "stops": [{"store_id": str(id_)} for id_ in ids]}
    own = {
        id_: stop["rule"]
        for id_, stop in zip(ids, stops, strict=True)
        if isinstance(stop, dict) and "rule" in stop
    }
    without = [id_ for id_ in ids if id_ not in own]
    given = {stop.store_id: stop.rule for stop in ruled_stops(uow, without, _rules(proposal))}
    ruled = [{"store_id": str(id_), "rule": own[id_] if id_ in own else given[id_]} for id_ in ids]
    return {**typed, "stops": ruled}


def _must_be_read(stop: Any, names: Sequence[str], place: str) -> None:
    """Nothing that was typed is passed over. Raises StopsInvalid, naming the place."""
    if not isinstance(stop, dict):
        return
    unknown = next((name for name in stop if name not in names), None)
    if unknown is not None:
        raise StopsInvalid(
            Said(
                "{place}.{unknown}: no name of a stop; these are {names}",
                place=place,
                unknown=unknown,
                names=", ".join(names),
            )
        )
    if "store" in stop and "store_id" in stop:
        raise StopsInvalid(
            Said("{place}: name its store once, by store or by store_id", place=place)
        )
    if "rule" in stop and not isinstance(stop["rule"], dict):
        raise StopsInvalid(
            Said("{place}.rule: must be an object, as Rule in PROTOCOL.md", place=place)
        )


def _store_ids(uow: UnitOfWork, stops: Sequence[Any]) -> list[UUID]:
    named: list[UUID | str] = []
    for place, stop in enumerate(stops):
        code = stop.get("store") if isinstance(stop, dict) else stop
        if isinstance(code, str):
            named.append(code)
            continue
        try:
            named.append(UUID(stop["store_id"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            raise StopsInvalid(
                Said("stops[{place}]: name its store, by its code", place=place)
            ) from None
    codes = [each for each in named if isinstance(each, str)]
    by_code = dict(zip(codes, stores_by_code(uow, codes), strict=True))
    return [by_code[each] if isinstance(each, str) else each for each in named]


def _rules(proposal: Proposal) -> dict[UUID, dict[str, Any]]:
    """The rules of a route's stops: as proposed, else as they are now."""
    stops = [*(proposal.held.get("stops") or ()), *(proposal.changes.get("stops") or ())]
    return {UUID(stop["store_id"]): stop["rule"] for stop in stops}
