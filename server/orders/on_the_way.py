"""Where stores go with their orders: whoever delivers has the store from the dispatch until the books
have the order, because an order names its store by an id and no more.
"""

from collections.abc import Iterable
from uuid import UUID

from sync.publish import hold_place, place
from sync.unit_of_work import UnitOfWork

STORES_MOVE = ("dispatch", "close")
"""The acts of the office after which a driver has other stores than before."""

_STORES = """
select distinct store_id as id from order_header
where company_id = :company and driver_position_id = :position
  and state in ('DISPATCHED', 'DELIVERED', 'PARTIAL', 'REFUSED')
"""


def place_stores(uow: UnitOfWork, positions: Iterable[UUID]) -> None:
    """Let these positions have the stores of the orders that they deliver, and no others by that."""
    for position in sorted(set(positions)):
        # Before it is read: of two who send out with one driver the later sees the earlier.
        hold_place(uow, position)
        stores = uow.rows(_STORES, company=uow.company_id, position=position)
        place(uow, position, {row.id for row in stores})
