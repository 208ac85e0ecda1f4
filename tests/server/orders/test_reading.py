"""Orders as the office reads them: lists, one with its versions and the trace of its prices, the commands."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from click.testing import CliRunner, Result

from server.orders.commands import order as order_commands
from server.orders.errors import NoSuchOrder
from server.orders.one_order import compare_versions, read_order
from server.orders.order_list import list_orders, order_named
from server.orders.words import told_line, told_price
from tests.market import Market
from tests.order_factories import amend, line, oats, submit


def test_orders_are_listed_by_state_day_and_store_the_latest_first(market: Market) -> None:
    first = market.submitted()
    held = market.submitted(line(market.goods.oat, "PC", 1, 1))
    ben = market.phone(market.cast.ben)
    ben.push_one(submit(ben, market.cast.ben_stores[0], oats(market.goods)))
    with market.db.reading(market.cast.company.id) as uow:
        every = list_orders(uow)
        of_store = list_orders(uow, store_id=market.cast.ana_stores[0])
        waiting = list_orders(uow, states=["HELD"])
        other_day = list_orders(uow, first_day=date(2026, 3, 5))
        cut = list_orders(uow, at_most=2)

    assert len(every) == 3
    assert {one.id for one in of_store} == {first, held}
    (one,) = waiting
    assert (one.id, one.holds, one.total_minor, one.server_total_minor) == (
        held,
        ("total_mismatch",),
        1,
        500,
    )
    assert (other_day, len(cut)) == ([], 2)


def test_an_asker_sees_the_orders_of_positions_that_they_may_see(market: Market) -> None:
    order = market.submitted()
    cast = market.cast
    with market.db.reading(cast.company.id) as uow:
        seen = {
            person.name: len(list_orders(uow, asker_id=person.id))
            for person in (cast.ana, cast.ben, cast.sam, cast.mia, cast.ada)
        }
        read_order(uow, order, asker_id=cast.sam.id)
        with pytest.raises(NoSuchOrder):
            read_order(uow, order, asker_id=cast.ben.id)
        with pytest.raises(NoSuchOrder):
            read_order(uow, uuid4())
    assert seen == {"Ana": 1, "Ben": 0, "Sam": 1, "Mia": 1, "Ada": 1}


def test_an_order_is_named_by_its_number_or_the_begin_of_its_id(market: Market) -> None:
    order = market.submitted()
    with market.db.reading(market.cast.company.id) as uow:
        assert order_named(uow, " 1-0001 ") == order_named(uow, str(order)[:13]) == order
        with pytest.raises(NoSuchOrder):
            order_named(uow, "1-0002")


def test_an_order_is_read_with_how_each_price_came_about(market: Market) -> None:
    order = market.submitted(
        line(market.goods.oat, "CTN", 12, 11_000),
        line(market.goods.oat, "PC", 2, 450),
        line(market.goods.rye, "CTN", 1, 900),
    )
    with market.db.reading(market.cast.company.id) as uow:
        lines = read_order(uow, order).version().lines

    assert [told_price(one, "USD") for one in lines] == [
        "12 CTN × 110.00 = 1320.00, by list BASE version 1 from 10 on",
        "2 PC × 5.00 = 10.00, by list BASE version 1",
        "no list of the store has a price for it",
    ]
    assert told_line(lines[1], "USD") == "2 PC × 4.50 = 9.00"


def test_two_versions_are_compared_by_product_and_unit(market: Market) -> None:
    order = market.submitted(oats(market.goods, 2), oats(market.goods, 3))
    ana = market.phone(market.cast.ana)
    ana.push_one(
        amend(ana, order, 1, oats(market.goods, 4), line(market.goods.tea, "PC", 1, 1_280))
    )
    with market.db.reading(market.cast.company.id) as uow:
        found = read_order(uow, order)
        with pytest.raises(NoSuchOrder):
            found.version(3)

    changes = compare_versions(found.version(1), found.version(2))

    assert [(one.product_code, one.quantities, one.totals_minor) for one in changes] == [
        ("OAT", (5, 4), (2_500, 2_000)),
        ("TEA", (None, 1), (None, 1_280)),
    ]


# ---- the command line ----------------------------------------------------------------------------

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str],
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    market: Market,
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    monkeypatch.chdir(tmp_path)

    def invoke(*words: str) -> Result:
        code = market.cast.company.code
        return CliRunner().invoke(order_commands, [*words, "--company", code])

    return invoke


def test_an_order_goes_its_way_by_commands(run: Run, market: Market) -> None:
    assert run("list").output == "There are no such orders.\n"
    market.submitted(line(market.goods.oat, "PC", 2, 450))
    (header, row) = run("list", "--state", "held").output.splitlines()
    assert header.split()[:3] == ["ORDER", "TYPE", "STATE"]
    assert "9.00 USD" in row
    assert "total_mismatch" in row

    for words, said in (
        (("release", "1-0001", "--reason", "agreed"), "Released: 1 order.\n"),
        (("confirm", "1-0001"), "Confirmed: 1 order.\n"),
        (
            ("amend", "1-0001", "--line", "OAT", "PC", "3@4.80", "--reason", "more"),
            "Changed: order 1-0001 is at version 2. Its slip is to be printed again.\n",
        ),
        (("print", "1-0001"), "Printed: order-1-0001.pdf.\n"),
        (("dispatch", "1-0001", "--to", "VAN"), "Dispatched: 1 order.\n"),
    ):
        result = run(*words)
        assert (result.exit_code, result.output) == (0, said)
    assert Path("order-1-0001.pdf").read_bytes().startswith(b"%PDF")
    shown = run("show", "1-0001").output
    assert "Sale 1-0001 of ANCHOR Anchor, taken by Ana on 2026-03-04: DISPATCHED" in shown
    assert "OAT Oat biscuits: 3 PC × 4.80 = 14.40" in shown
    assert "the server: 3 PC × 5.00 = 15.00, by list BASE version 1" in shown
    assert "Version 1: submit, Ana," in shown
    assert "Version 2: office, operator" in shown
    assert run("compare", "1-0001", "1", "2").output.splitlines()[1].split() == [
        "OAT",
        "PC",
        "2",
        "3",
        "9.00",
        "14.40",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "1-0009"), "there is no such order"),
        (("close", "1-0001"), "order 1-0001 is accepted: close does not lead on from there"),
        (("reject", "1-0001", "--reason", " "), "a reason has 1 to 200 characters"),
        (("dispatch", "1-0001", "--to", "REP-N"), "REP-N"),
        (("amend", "1-0001", "--line", "OAT", "PC", "x", "--reason", "y"), "line 1: x is no"),
        (("amend", "1-0001", "--line", "ZZ", "PC", "1", "--reason", "y"), "no product ZZ"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    run: Run, market: Market, words: tuple[str, ...], said: str
) -> None:
    market.submitted()
    result = run(*words)
    assert result.exit_code == 1
    (told,) = result.output.splitlines()
    assert said in told


def test_orders_of_another_company_are_not_there(market: Market, owner_engine: object) -> None:
    order = market.submitted()
    with market.db.reading(market.cast.company.id + 1_000) as uow:
        assert list_orders(uow) == []
        with pytest.raises(NoSuchOrder):
            read_order(uow, UUID(str(order)))
