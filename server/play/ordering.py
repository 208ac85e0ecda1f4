"""Orders that a rep takes at visits, and goods that come back, priced by the phone without a network.

What is ordered is chosen by a seed from what the phone offers and has a price for at the store.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from mobile_contract.phone.catalogue import prices_for, products_offered
from mobile_contract.phone.orders import (
    Wanted,
    amend_order,
    cancel_order,
    quote,
    return_goods,
    submit_order,
)
from mobile_contract.phone.phone import Phone
from server.play.morning import Morning
from server.play.rep import OnCall, Rep
from server.play.teams import Team
from server.play.workday import Act, Visit

_AMENDED = 0.06
_CANCELLED = 0.03
_RETURNED = 0.04
_MOST_CARTONS = 12
_MOST_PIECES = 96
# So many products are looked at for each line that is wanted, until enough have a price.
_LOOKED_AT = 4


@dataclass(frozen=True, slots=True)
class TakeOrder:
    """The store orders so many lines; now and then it thinks again, or gives something back."""

    at_ms: int
    lines: int
    seed: int


def plan_orders(random: Random, team: Team, visits: Sequence[Visit]) -> dict[int, list[Act]]:
    """The team's orders over as many visits; a call by phone carries orders like any other."""
    chosen = random.sample(range(len(visits)), min(team.orders_a_day, len(visits)))
    return {
        place: [
            TakeOrder(
                visits[place].at_ms + (visits[place].until_ms - visits[place].at_ms) * 2 // 3,
                team.lines_an_order,
                random.getrandbits(32),
            )
        ]
        for place in sorted(chosen)
    }


def take_order(rep: Rep, act: TakeOrder, morning: Morning, call: OnCall | None) -> None:
    """Order what has a price at the store; nothing where nothing has."""
    assert call is not None
    random, phone = Random(act.seed), rep.phone
    wanted = _wanted(random, phone, call.store_id, act.lines)
    if not wanted:
        return
    order_id = submit_order(
        phone,
        call.store_id,
        wanted,
        visit_id=call.visit_id,
        position_id=morning.position_id,
        note="as last week" if random.random() < 0.1 else None,
    )
    chance = random.random()
    if chance < _AMENDED:
        more = [Wanted(each.product_id, each.unit, each.quantity + 1) for each in wanted]
        amend_order(phone, order_id, more, reason="one more of each")
    elif chance < _AMENDED + _CANCELLED:
        cancel_order(phone, order_id, "changed their mind")
    if random.random() < _RETURNED:
        first = wanted[0]
        return_goods(
            phone,
            call.store_id,
            [Wanted(first.product_id, first.unit, 1, "DAMAGED")],
            visit_id=call.visit_id,
            position_id=morning.position_id,
        )


def _wanted(random: Random, phone: Phone, store_id: str, lines: int) -> list[Wanted]:
    """So many different products in a unit that has a price, if there are as many."""
    if prices_for(phone, store_id) is None:
        return []
    offered = products_offered(phone)
    looked_at = random.sample(offered, min(len(offered), lines * _LOOKED_AT))
    asked = [_some(random, product) for product in looked_at]
    without = set(quote(phone, store_id, asked).without_price)
    return [each for place, each in enumerate(asked) if place not in without][:lines]


def _some(random: Random, product: dict[str, object]) -> Wanted:
    units = product["units"]
    assert isinstance(units, list)
    unit = random.choice(units)
    most = _MOST_PIECES if unit["base_units"] == 1 else _MOST_CARTONS
    return Wanted(str(product["id"]), unit["unit"], random.randint(1, most))
