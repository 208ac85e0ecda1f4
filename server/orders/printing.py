"""Printing slips: the page of the version that holds, and the step that it is."""

from pathlib import Path
from uuid import UUID

from server.identity.change_log import Actor
from server.orders.decisions import mark_printed
from server.orders.one_order import read_order
from server.orders.slip import make_slip
from sync.unit_of_work import UnitOfWork


def print_slip(
    uow: UnitOfWork,
    actor: Actor,
    order_id: UUID,
    *,
    font: Path | None = None,
    asker_id: UUID | None = None,
) -> bytes:
    """The slip of a confirmed order as PDF; the order is printed from then on.

    Again for one that is printed: the same bytes, and no step. Raises NoSuchOrder, WrongState, FontUnreadable.
    """
    mark_printed(uow, actor, [order_id], asker_id=asker_id)
    return make_slip(read_order(uow, order_id), font=font)
