"""Orders leave phones once they are over and old; open ones stay."""

from datetime import timedelta
from uuid import UUID

from server.orders.decisions import confirm_orders, dispatch_orders, mark_printed, reject_orders
from server.planning.horizon import retire_past
from tests.factories import TODAY, Person
from tests.market import Market
from tests.order_factories import oats


def orders_of(market: Market, person: Person) -> set[UUID]:
    phone = market.phone(person)
    phone.pull()
    return phone.ids("order")


def test_an_order_stays_until_it_is_over_and_old(market: Market) -> None:
    open_, over = market.submitted(), market.submitted(oats(market.goods, 5))
    with market.db.company(market.cast.company.id) as uow:
        for act in (confirm_orders, mark_printed):
            act(uow, market.office, [open_])
        dispatch_orders(uow, market.office, [open_], market.dan.position_id)
        reject_orders(uow, market.office, [over], "no")
    later = TODAY + timedelta(days=15)
    with market.db.company(market.cast.company.id) as uow:
        assert retire_past(uow, later - timedelta(days=1)).records == 0
        assert retire_past(uow, later).records == 1
    assert orders_of(market, market.cast.ana) == {open_} == orders_of(market, market.dan)

    with market.db.company(market.cast.company.id) as uow:
        uow.run("update order_header set state = 'CLOSED'")
        assert retire_past(uow, later).records == 2
    assert orders_of(market, market.cast.ana) == set() == orders_of(market, market.dan)
