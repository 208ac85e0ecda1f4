"""What the office decides of orders: each step logged, told to phones, and by the state machine alone."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from server.catalogue.accounts import edit_accounts
from server.days.words import told_flag
from server.identity.change_log import Actor, changes_of
from server.orders.amending import NewLine, amend_order
from server.orders.decisions import (
    cancel_orders,
    close_orders,
    confirm_orders,
    dispatch_orders,
    mark_printed,
    reject_orders,
    release_orders,
)
from server.orders.errors import (
    CannotDeliver,
    LineInvalid,
    MayNotDecide,
    NoSuchOrder,
    ReasonInvalid,
    WrongState,
)
from server.planning.stores import move_stores
from sync.kinds.order.states import ORDERING
from sync.store_terms import terms_id
from sync.unit_of_work import UnitOfWork
from tests.catalogue_factories import publish
from tests.factories import Person, add_holder, add_occupancy, add_position
from tests.market import Market
from tests.order_factories import (
    amend,
    cancel,
    deliver,
    give_account,
    give_back,
    line,
    oats,
    submit,
)
from tests.sync.talking import HOUR

Act = Callable[[UnitOfWork, Actor, list[UUID]], int]


def decide(market: Market, act: Callable[..., Any], orders: Iterable[UUID], *more: object) -> Any:
    with market.db.company(market.cast.company.id) as uow:
        return act(uow, market.office, list(orders), *more)


def take_to(market: Market, state: str, order: UUID) -> None:
    """Take an accepted order to a state."""
    steps: list[tuple[str, Callable[..., Any], tuple[object, ...]]] = [
        ("CONFIRMED", confirm_orders, ()),
        ("PRINTED", mark_printed, ()),
        ("DISPATCHED", dispatch_orders, (market.dan.position_id,)),
    ]
    for reached, act, more in steps:
        decide(market, act, [order], *more)
        if reached == state:
            return


def test_an_order_goes_from_the_phone_to_the_books(market: Market) -> None:
    order = market.submitted(oats(market.goods, 10), line(market.goods.tea, "PC", 2, 1_280))
    take_to(market, "DISPATCHED", order)
    dispatched = market.seen_by(market.dan, order)
    dan = market.phone(market.dan)
    result = dan.push_one(deliver(dan, order, (8, 1, 1), (2, 0, 0)))
    delivered = market.seen_by(market.cast.ana, order)
    decide(market, close_orders, [order])

    assert (dispatched["state"], dispatched["driver_position_id"]) == (
        "DISPATCHED",
        str(market.dan.position_id),
    )
    assert result["status"] == "applied"
    assert delivered["state"] == "PARTIAL"
    assert delivered["delivery"]["delivered_minor"] == 8 * 500 + 2 * 1_280
    assert delivered["delivery"]["person_id"] == str(market.dan.id)
    assert market.seen_by(market.cast.ana, order)["state"] == "CLOSED"
    with market.db.reading(market.cast.company.id) as uow:
        header = uow.rows("select state, version, delivered_minor from order_header")[0]
        record = uow.rows("select version from record where id = :id", id=order)[0]
        lines = uow.rows("select delivered, short, returned from order_delivery order by line")
        logged = [one.action for one in changes_of(uow, subject_kind="order")][::-1]
    assert (header.state, header.delivered_minor) == ("CLOSED", 6_560)
    assert header.version == record.version
    assert [tuple(row) for row in lines] == [(8, 1, 1), (2, 0, 0)]
    assert logged == ["order.confirm", "order.print", "order.dispatch", "order.close"]


@pytest.mark.parametrize(
    ("lines", "state"),
    [([(2, 0, 0)], "DELIVERED"), ([(0, 2, 0)], "REFUSED"), ([(1, 0, 1)], "PARTIAL")],
)
def test_what_the_store_took_decides_the_state(
    market: Market, lines: list[tuple[int, int, int]], state: str
) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    dan = market.phone(market.dan)
    assert dan.push_one(deliver(dan, order, *lines))["status"] == "applied"
    assert market.seen_by(market.cast.ana, order)["state"] == state
    # A second time it is not on its way any more.
    assert dan.push_one(deliver(dan, order, *lines))["code"] == "wrong_state"


def test_a_simulated_position_of_a_delivery_is_flagged_as_no_visits_is(market: Market) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    dan = market.phone(market.dan)
    there = dan.event(place=(313_500_000, 1_215_000_000), is_mock=True)
    assert dan.push_one(deliver(dan, order, (2, 0, 0), delivered=there))["status"] == "applied"
    flags = market.seen_by(market.cast.ana, order)["flags"]
    assert [told_flag(flag, "UTC") for flag in flags] == ["the position was simulated"]


@pytest.mark.parametrize("lines", [[(1, 0, 0)], [(2, 0, 1)], [(2, 0, 0), (1, 0, 0)]])
def test_a_delivery_of_other_lines_than_were_ordered_is_kept_aside(
    market: Market, lines: list[tuple[int, int, int]]
) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    dan = market.phone(market.dan)
    result = dan.push_one(deliver(dan, order, *lines))
    assert (result["status"], result["code"]) == ("quarantined", "lines_differ")


def test_a_driver_has_the_store_from_the_dispatch_until_the_order_is_closed(market: Market) -> None:
    first, second = market.submitted(), market.submitted(oats(market.goods, 3))
    store = market.cast.ana_stores[0]
    dan = market.phone(market.dan)

    def has() -> tuple[bool, bool]:
        """Whether Dan has the store, and its terms."""
        dan.pull()
        return str(store) in dan.held, str(terms_id(store)) in dan.held

    for order in (first, second):
        take_to(market, "PRINTED", order)
    printed = has()
    decide(market, dispatch_orders, [first], market.dan.position_id)
    decide(market, dispatch_orders, [second], market.dan.position_id)
    dispatched = has()
    assert dan.push_one(deliver(dan, first, (2, 0, 0)))["status"] == "applied"
    assert dan.push_one(deliver(dan, second, (3, 0, 0)))["status"] == "applied"
    decide(market, close_orders, [first])
    one_left = has()
    decide(market, close_orders, [second])

    assert printed == (False, False)
    assert dispatched == one_left == (True, True)
    assert has() == (False, False)


def test_a_store_leaves_a_driver_with_the_order_that_goes_to_another(market: Market) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    ben, dan = market.phone(market.cast.ben), market.phone(market.dan)
    store = str(market.cast.ana_stores[0])
    dan.pull()
    had = store in dan.held
    decide(market, dispatch_orders, [order], market.cast.ben.position_id)
    dan.pull()
    ben.pull()
    assert (had, store in dan.held, store in ben.held) == (True, False, True)


def test_who_delivers_to_a_store_of_their_own_keeps_it(market: Market) -> None:
    order = market.submitted()
    take_to(market, "PRINTED", order)
    decide(market, dispatch_orders, [order], market.cast.ana.position_id)
    ana = market.phone(market.cast.ana)
    assert ana.push_one(deliver(ana, order, (2, 0, 0)))["status"] == "applied"
    decide(market, close_orders, [order])
    ana.pull()
    assert str(market.cast.ana_stores[0]) in ana.held


def test_who_delivers_to_a_store_keeps_it_when_it_is_put_under_another_position(
    market: Market,
) -> None:
    store, cast = market.cast.ana_stores[0], market.cast
    order = market.submitted()
    with market.db.company(cast.company.id) as uow:
        move_stores(
            uow,
            market.office,
            [store],
            region_id=cast.regions.harbour,
            position_id=market.dan.position_id,
        )
    take_to(market, "DISPATCHED", order)
    dan = market.phone(market.dan)
    dan.pull()
    had = str(store) in dan.held
    with market.db.company(cast.company.id) as uow:
        move_stores(
            uow,
            market.office,
            [store],
            region_id=cast.regions.harbour,
            position_id=cast.ben.position_id,
        )
    dan.pull()
    on_the_way = (str(store) in dan.held, str(terms_id(store)) in dan.held)
    assert dan.push_one(deliver(dan, order, (2, 0, 0)))["status"] == "applied"
    decide(market, close_orders, [order])
    dan.pull()

    assert (had, on_the_way) == (True, (True, True))
    assert (str(store) in dan.held, str(terms_id(store)) in dan.held) == (False, False)


def test_who_delivers_to_a_store_keeps_it_when_it_becomes_theirs_meanwhile(market: Market) -> None:
    store, cast = market.cast.ana_stores[0], market.cast
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    with market.db.company(cast.company.id) as uow:
        move_stores(
            uow,
            market.office,
            [store],
            region_id=cast.regions.harbour,
            position_id=market.dan.position_id,
        )
    dan = market.phone(market.dan)
    assert dan.push_one(deliver(dan, order, (2, 0, 0)))["status"] == "applied"
    decide(market, close_orders, [order])
    dan.pull()
    assert (str(store) in dan.held, str(terms_id(store)) in dan.held) == (True, True)


def test_only_the_position_that_it_was_dispatched_to_delivers_an_order(market: Market) -> None:
    order = market.submitted()
    take_to(market, "PRINTED", order)
    dan, ana = market.phone(market.dan), market.phone(market.cast.ana)
    early = dan.push_one(deliver(dan, order, (2, 0, 0)))
    decide(market, dispatch_orders, [order], market.dan.position_id)
    own = ana.push_one(deliver(ana, order, (2, 0, 0)))

    assert (early["status"], own["code"], own["where"]) == (
        "quarantined",
        "not_permitted",
        "entity_id",
    )
    assert early["code"] == "not_in_scope"


def test_the_proof_of_a_delivery_is_kept_with_what_the_item_says(market: Market) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    dan = market.phone(market.dan)
    dan.push_one(deliver(dan, order, (2, 0, 0)))
    with market.db.reading(market.cast.company.id) as uow:
        media = uow.rows("select media from remark where op = 'deliver'")[0].media
    assert media["files"] == [{"sha256": "9f" * 32, "size": 18_432, "role": "SIGNATURE"}]


# ---- held, rejected, cancelled -------------------------------------------------------------------


def test_a_held_order_is_released_with_a_reason_that_its_person_is_told(market: Market) -> None:
    order = market.submitted(line(market.goods.oat, "PC", 2, 450))
    assert decide(market, release_orders, [order], " agreed with the buyer ") == 1
    told = market.seen_by(market.cast.ana, order)

    assert (told["state"], told["holds"]) == ("ACCEPTED", [])
    assert told["answer"] == "agreed with the buyer"
    assert (told["total_minor"], told["server_total_minor"]) == (900, 1_000)
    with market.db.reading(market.cast.company.id) as uow:
        entry = changes_of(uow, subject_kind="order")[0]
        header = uow.rows("select state, holds from order_header")[0]
        kept = uow.rows("select holds from order_version")[0].holds
    assert (header.state, header.holds, kept) == ("ACCEPTED", [], ["total_mismatch"])
    assert entry.before == {"state": "HELD", "holds": "total_mismatch"}
    assert entry.after == {"state": "ACCEPTED", "reason": "agreed with the buyer"}


def test_a_rejected_order_goes_no_further(market: Market) -> None:
    order = market.submitted()
    decide(market, reject_orders, [order], "closed down")
    with pytest.raises(WrongState, match=r"order 1-0001 is rejected"):
        decide(market, confirm_orders, [order])


def test_after_it_is_confirmed_the_phone_changes_an_order_no_more(market: Market) -> None:
    order = market.submitted()
    take_to(market, "CONFIRMED", order)
    ana = market.phone(market.cast.ana)
    late = ana.push(cancel(ana, order), amend(ana, order, 2, oats(market.goods, 9)))
    decide(market, cancel_orders, [order], "the store called")

    assert [result["code"] for result in late] == ["wrong_state"] * 2
    assert market.seen_by(market.cast.ana, order)["state"] == "CANCELLED"


@pytest.mark.parametrize("reason", ["", "   ", "x" * 201, "a\x00b", "\ud800"])
def test_a_reason_is_given_in_words_that_phones_take(market: Market, reason: str) -> None:
    order = market.submitted()
    with pytest.raises(ReasonInvalid):
        decide(market, reject_orders, [order], reason)


def test_of_several_orders_all_take_a_step_or_none(market: Market) -> None:
    first, second = market.submitted(), market.submitted(oats(market.goods, 5))
    decide(market, confirm_orders, [second])
    with pytest.raises(WrongState):
        decide(market, confirm_orders, [first, second])
    assert market.seen_by(market.cast.ana, first)["state"] == "ACCEPTED"
    with pytest.raises(NoSuchOrder):
        decide(market, confirm_orders, [first, uuid4()])
    assert decide(market, mark_printed, [second]) == 1
    assert decide(market, mark_printed, [second]) == 0


def test_what_the_office_decides_is_due_to_the_targets_of_who_took_it(market: Market) -> None:
    order = market.submitted()

    def positions() -> set[str]:
        with market.db.reading(market.cast.company.id) as uow:
            rows = uow.rows("select payload from outbox where topic = 'refresh_targets'")
        return {id_ for row in rows for id_ in row.payload["ids"]}

    before = positions()
    decide(market, reject_orders, [order], "no such store")
    assert positions() - before == {str(market.cast.ana.position_id)}


def test_an_order_is_sent_out_with_who_delivers(market: Market) -> None:
    order = market.submitted()
    take_to(market, "PRINTED", order)
    for position in (market.cast.aki.position_id, uuid4()):
        with pytest.raises(CannotDeliver):
            decide(market, dispatch_orders, [order], position)


def test_every_act_of_the_office_is_one_of_the_machine(market: Market) -> None:
    acts: dict[str, Callable[..., Any]] = {
        "release": lambda u, a, ids: release_orders(u, a, ids, "so"),
        "reject": lambda u, a, ids: reject_orders(u, a, ids, "so"),
        "confirm": confirm_orders,
        "cancel confirmed": lambda u, a, ids: cancel_orders(u, a, ids, "so"),
        "print": mark_printed,
        "dispatch": lambda u, a, ids: dispatch_orders(u, a, ids, market.dan.position_id),
        "close": close_orders,
    }
    order = market.submitted()
    for state in ORDERING.stored_states:
        for act, decides in acts.items():
            with market.db.rehearsal(market.cast.company.id) as uow:
                uow.run("update order_header set state = :state", state=state)
                wanted = ORDERING.after(state, act)
                if wanted is None:
                    with pytest.raises(WrongState):
                        decides(uow, market.office, [order])
                else:
                    decides(uow, market.office, [order])
                    found = uow.rows("select state from order_header")[0].state
                    assert found == wanted, (state, act)


def test_who_asks_decides_about_what_they_oversee_and_never_about_their_own(
    market: Market, owner_engine: Engine
) -> None:
    cast, db = market.cast, market.db
    order = market.submitted()
    acts: list[Callable[..., Any]] = [
        lambda uow, who: release_orders(uow, market.office, [order], "so", asker_id=who),
        lambda uow, who: reject_orders(uow, market.office, [order], "so", asker_id=who),
        lambda uow, who: confirm_orders(uow, market.office, [order], asker_id=who),
        lambda uow, who: cancel_orders(uow, market.office, [order], "so", asker_id=who),
        lambda uow, who: mark_printed(uow, market.office, [order], asker_id=who),
        lambda uow, who: dispatch_orders(
            uow, market.office, [order], market.dan.position_id, asker_id=who
        ),
        lambda uow, who: close_orders(uow, market.office, [order], asker_id=who),
        lambda uow, who: amend_order(
            uow,
            market.office,
            order,
            [NewLine(market.goods.oat, "PC", 1)],
            reason="so",
            asker_id=who,
        ),
    ]
    for act in acts:
        for who, refusal in ((cast.ben, NoSuchOrder), (cast.ana, MayNotDecide)):
            with pytest.raises((refusal, CannotDeliver)), db.company(cast.company.id) as uow:
                act(uow, who.id)
    with db.company(cast.company.id) as uow:
        assert confirm_orders(uow, market.office, [order], asker_id=cast.sam.id) == 1

    # Also who may see everything does not decide about what they took themselves.
    let_oversee_themselves(owner_engine, market, cast.ana)
    other = market.submitted(oats(market.goods, 3))
    with pytest.raises(MayNotDecide, match="own"), db.company(cast.company.id) as uow:
        confirm_orders(uow, market.office, [other], asker_id=cast.ana.id)


def let_oversee_themselves(owner_engine: Engine, market: Market, person: Person) -> None:
    """Give the person a seat from which they oversee their own work as well."""
    with owner_engine.begin() as connection:
        position = add_position(
            connection,
            market.cast.company,
            "OWN",
            role="supervisor",
            region_id=market.cast.regions.wharf,
        )
        add_occupancy(connection, market.cast.company, position_id=position, person_id=person.id)


def test_an_order_that_is_on_its_way_can_be_given_to_another_driver(market: Market) -> None:
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    dan, ben = market.phone(market.dan), market.phone(market.cast.ben)
    dan.pull()
    assert decide(market, dispatch_orders, [order], market.cast.ben.position_id) == 1
    assert decide(market, dispatch_orders, [order], market.cast.ben.position_id) == 0
    dan.pull()

    assert str(order) not in dan.ids("order")
    assert market.seen_by(market.cast.ben, order)["state"] == "DISPATCHED"
    assert dan.push_one(deliver(dan, order, (2, 0, 0)))["code"] == "not_permitted"
    assert ben.push_one(deliver(ben, order, (2, 0, 0)))["status"] == "applied"


def test_a_delivery_that_the_books_cannot_know_of_still_takes_credit(market: Market) -> None:
    cast, db = market.cast, market.db
    account = give_account(db, cast, [cast.ana_stores[0]], limit=1_500)
    order = market.submitted()
    take_to(market, "DISPATCHED", order)
    # What the books say is from after the delivery, and from before it arrived here.
    with db.company(cast.company.id) as uow:
        edit_accounts(uow, market.office, {account: {"as_of": datetime.now(UTC)}})
    dan = market.phone(market.dan)
    assert dan.push_one(deliver(dan, order, (2, 0, 0)))["status"] == "applied"
    assert market.seen_by(cast.ana, market.submitted(oats(market.goods, 3)))["holds"] == ["credit"]
    # From then on the books have it.
    with db.company(cast.company.id) as uow:
        edit_accounts(
            uow,
            market.office,
            {account: {"as_of": datetime.now(UTC), "open_receivables_minor": 1_000}},
        )
    assert market.seen_by(cast.ana, market.submitted(oats(market.goods, 1)))["holds"] == []


# ---- amended by the office -----------------------------------------------------------------------


def change(market: Market, order: UUID, *lines: NewLine, reason: str = "out of stock") -> int:
    with market.db.company(market.cast.company.id) as uow:
        return amend_order(uow, market.office, order, lines, reason=reason)


def test_the_office_gives_a_confirmed_order_other_lines_as_a_version(market: Market) -> None:
    order = market.submitted()
    take_to(market, "PRINTED", order)
    goods = market.goods
    number = change(market, order, NewLine(goods.oat, "PC", 1), NewLine(goods.tea, "PC", 2, 1_000))
    told = market.seen_by(market.cast.ana, order)

    assert (number, told["order_version"], told["state"]) == (2, 2, "CONFIRMED")
    assert (told["total_minor"], told["server_total_minor"]) == (2_500, 3_060)
    assert told["answer"] == "out of stock"
    with market.db.reading(market.cast.company.id) as uow:
        versions = uow.rows(
            "select order_version, origin, actor, reason, total_minor from order_version order by 1"
        )
        lines = uow.rows("select order_version, quantity from order_line order by 1, line")
        header = uow.rows("select total_minor, order_version, state from order_header")[0]
    assert [tuple(row) for row in versions] == [
        (1, "submit", "Ana", None, 1_000),
        (2, "office", "the office", "out of stock", 2_500),
    ]
    assert [tuple(row) for row in lines] == [(1, 2), (2, 1), (2, 2)]
    assert tuple(header) == (2_500, 2, "CONFIRMED")


def test_a_line_of_the_office_that_cannot_be_is_refused_with_its_place(market: Market) -> None:
    order = market.submitted()
    take_to(market, "CONFIRMED", order)
    oat = market.goods.oat
    for lines, said in (
        ((), "1 to 200 lines"),
        ((NewLine(oat, "PC", 0),), "line 1: a quantity"),
        ((NewLine(oat, "PC", 1), NewLine(uuid4(), "PC", 1)), "line 2: there is no such product"),
        ((NewLine(oat, "BOX", 1),), "line 1: no list has a price"),
        ((NewLine(oat, "PC", 1, -1),), "line 1: a price"),
        ((NewLine(oat, "", 1, 1),), "line 1: a unit"),
        ((NewLine(oat, "\ud800", 1, 1),), "line 1: a unit"),
        ((NewLine(oat, "PC", 1, reason="DAMAGED"),), "line 1: only what comes back"),
    ):
        with pytest.raises(LineInvalid, match=said):
            change(market, order, *lines)


def test_the_office_cannot_write_more_than_an_order_can_say(market: Market) -> None:
    order = market.submitted()
    take_to(market, "CONFIRMED", order)
    oat = market.goods.oat
    with pytest.raises(LineInvalid, match="line 1: comes to more"):
        change(market, order, NewLine(oat, "PC", 100_000, 10**13))
    with pytest.raises(LineInvalid, match="the lines come to more"):
        change(market, order, *[NewLine(oat, "PC", 900, 10**13)] * 2)
    with pytest.raises(LineInvalid, match="the lines come to more"):
        change(market, order, *[NewLine(oat, "PC", 900, 10**13)] * 200)


def test_the_office_prices_what_comes_back_as_what_it_cost(market: Market) -> None:
    sale = market.submitted(line(market.goods.oat, "PC", 10, 400))
    ana = market.phone(market.cast.ana)
    item = give_back(
        ana,
        market.cast.ana_stores[0],
        line(market.goods.oat, "PC", 2, 400),
        returns_order_id=str(sale),
    )
    ana.push_one(item)
    back = UUID(item["entity_id"])
    take_to(market, "CONFIRMED", back)

    change(market, back, NewLine(market.goods.oat, "PC", 3, reason="DAMAGED"))
    told = market.seen_by(market.cast.ana, back)
    assert (told["total_minor"], told["server_total_minor"]) == (1_200, 1_200)
    assert told["lines"][0]["price_minor"] == 400
    with pytest.raises(LineInvalid, match="line 1: the order that it came with"):
        change(market, back, NewLine(market.goods.oat, "PC", 11, reason="DAMAGED"))


def test_the_office_prices_an_order_whose_time_nobody_vouches_for_as_the_server_did(
    market: Market,
) -> None:
    ana = market.phone(market.cast.ana)
    with market.db.company(market.cast.company.id) as uow:
        publish(
            uow,
            market.goods.base,
            ("OAT", "PC", 1, 600),
            valid_from=datetime.fromtimestamp((ana.now - 2 * HOUR) / 1000, UTC),
        )
    item = submit(
        ana, market.cast.ana_stores[0], line(market.goods.oat, "PC", 1, 600), ago=3 * HOUR
    )
    item["captured_boot_id"] = str(uuid4())
    assert ana.push_one(item)["status"] == "applied"
    order = UUID(item["entity_id"])
    take_to(market, "CONFIRMED", order)
    change(market, order, NewLine(market.goods.oat, "PC", 2))

    told = market.seen_by(market.cast.ana, order)
    assert (told["clock"]["trust"], told["total_minor"]) == ("UNVERIFIED", 1_200)


def test_before_it_is_confirmed_the_office_does_not_change_an_order(market: Market) -> None:
    order = market.submitted()
    with pytest.raises(WrongState):
        change(market, order, NewLine(market.goods.oat, "PC", 1))


def test_what_somebody_only_audits_is_not_theirs_to_decide(
    market: Market, owner_engine: Engine
) -> None:
    cast, order = market.cast, market.submitted()
    with owner_engine.begin() as connection:
        lea = add_holder(connection, cast.company, "Lea", "supervisor", cast.regions.south)
        seat = add_position(
            connection, cast.company, "AUD-LEA", role="auditor", region_id=cast.regions.wharf
        )
        add_occupancy(connection, cast.company, position_id=seat, person_id=lea.id)
    with pytest.raises(NoSuchOrder), market.db.company(cast.company.id) as uow:
        confirm_orders(uow, market.office, [order], asker_id=lea.id)
    with market.db.company(cast.company.id) as uow:
        assert confirm_orders(uow, market.office, [order], asker_id=cast.sam.id) == 1
