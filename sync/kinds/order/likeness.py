"""Orders that look alike: the same lines at the same store within ten minutes. They are flagged and kept.

Source: domain rules, "Orders".
"""

from collections.abc import Iterable
from uuid import UUID, uuid5

WITHIN_MS = 600_000
_NAMESPACE = UUID("0c3ce5a2-7d0e-4d53-9a0b-0d2f3b1c9d41")


def likeness_of(order_type: str, store_id: str, lines: Iterable[tuple[str, str, int]]) -> str:
    """The same id for the same (product, unit, quantity) at a store, whatever their order and prices."""
    named = sorted([f"{product} {unit} {quantity}" for product, unit, quantity in lines])
    return str(uuid5(_NAMESPACE, "\n".join([order_type, store_id, *named])))


def nearest(
    earlier: Iterable[tuple[str, int]], order_id: str, ordered_at: int
) -> tuple[str, int] | None:
    """The (order id, ms apart) of the look-alike nearest in time; None where none is near enough."""
    near = [
        (abs(at - ordered_at), id_)
        for id_, at in earlier
        if id_ != order_id and abs(at - ordered_at) <= WITHIN_MS
    ]
    if not near:
        return None
    apart, id_ = min(near)
    return id_, apart
