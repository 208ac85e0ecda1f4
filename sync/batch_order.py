"""The order in which the items of a batch are judged: those that make a record before those that
name it, whatever the order in which the phone sent them.

A phone may send 500 items in the worst order. Judged as they stand, each round would settle one of
them and judge all others in vain.
"""

from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from heapq import heappop, heappush

from sync.record_kind import Arrived, RecordKind


def parents_first(
    items: Sequence[Arrived],
    kinds: Mapping[str, RecordKind],
    named: Sequence[Sequence[str]],
    known: Container[str],
) -> list[int]:
    """The indexes of the items, parents before children and otherwise as they were sent.

    `named` has the records that each item names beside its own, `known` those that are there already.
    Items about one record keep their order, the one that makes it before them. Items that wait for
    each other come last, as they were sent.
    """
    makers: dict[str, int] = {}
    for index, item in enumerate(items):
        if item.op in kinds[item.kind].makes and item.entity_id not in known:
            makers.setdefault(item.entity_id, index)
    waits_for: dict[int, set[int]] = {}
    latest: dict[str, int] = {}
    for index, item in enumerate(items):
        needs = {makers[id_] for id_ in named[index] if id_ in makers} if makers else set()
        entity_id = item.entity_id
        maker = makers.get(entity_id)
        if maker != index:
            if maker is not None:
                needs.add(maker)
            if entity_id in latest:
                needs.add(latest[entity_id])
            latest[entity_id] = index
        needs.discard(index)
        if needs:
            waits_for[index] = needs
    if not waits_for:
        return list(range(len(items)))
    return _sorted(len(items), waits_for)


def _sorted(number: int, waits_for: Mapping[int, set[int]]) -> list[int]:
    """A topological order that follows the numbers where it may (Kahn, 1962)."""
    left = {index: len(needs) for index, needs in waits_for.items()}
    awaited_by: defaultdict[int, list[int]] = defaultdict(list)
    for index, needs in waits_for.items():
        for need in needs:
            awaited_by[need].append(index)
    order: list[int] = []
    ready = [index for index in range(number) if index not in waits_for]
    while ready:
        index = heappop(ready)
        order.append(index)
        for waiting in awaited_by[index]:
            left[waiting] -= 1
            if left[waiting] == 0:
                heappush(ready, waiting)
    placed = set(order)
    return order + [index for index in range(number) if index not in placed]
