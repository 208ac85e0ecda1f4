"""The delivery slip: what stands on it, in both scripts, the same bytes for one version."""

from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
import reportlab
from pypdf import PdfReader

from server.orders.amending import NewLine, amend_order
from server.orders.decisions import confirm_orders
from server.orders.errors import FontUnreadable, WrongState
from server.orders.one_order import read_order
from server.orders.printing import print_slip
from server.orders.slip import make_slip
from server.planning.stores import edit_stores
from tests.catalogue_factories import OFFICE
from tests.market import Market
from tests.order_factories import give_back, line, oats


def text_of(page: bytes) -> str:
    return "\n".join(each.extract_text() for each in PdfReader(BytesIO(page)).pages)


def printed(market: Market, order: UUID) -> bytes:
    with market.db.company(market.cast.company.id) as uow:
        return print_slip(uow, market.office, order)


def confirm(market: Market, order: UUID) -> None:
    with market.db.company(market.cast.company.id) as uow:
        confirm_orders(uow, market.office, [order])


def test_a_slip_says_what_goes_where_and_what_it_costs_in_both_scripts(market: Market) -> None:
    with market.db.company(market.cast.company.id) as uow:
        changes = {
            "name": "幸福便利店 & Sons <1>",
            "address": "上海市黄浦区南京东路 1 号",
            "delivery_note": "后门",
        }
        edit_stores(uow, OFFICE, {market.cast.ana_stores[0]: changes})
    order = market.submitted(
        oats(market.goods, 10), line(market.goods.tea, "PC", 2, 1_280), delivery_on="2026-03-06"
    )
    confirm(market, order)

    said = text_of(printed(market, order))

    for part in (
        "送货单",
        "1-0001",
        "幸福便利店 & Sons <1>",
        "上海市黄浦区南京东路 1 号",
        "后门",
        "2026-03-06",
        "Oat biscuits",
        "Green tea",
        "5.00",
        "50.00",
        "25.60",
        "75.60 USD",
        "2 lines, 12 units",
        "version 1",
    ):
        assert part in said, part
    with market.db.reading(market.cast.company.id) as uow:
        assert uow.rows("select state from order_header")[0].state == "PRINTED"


def test_the_same_version_is_the_same_bytes_and_another_is_another_slip(market: Market) -> None:
    order = market.submitted()
    confirm(market, order)
    first, again = printed(market, order), printed(market, order)
    with market.db.company(market.cast.company.id) as uow:
        amend_order(
            uow, market.office, order, [NewLine(market.goods.tea, "PC", 1)], reason="no oats"
        )
        after = read_order(uow, order)
    second = printed(market, order)

    assert first == again == make_slip(after, 1)
    assert second != first
    assert "Green tea" in text_of(second)
    assert "Oat" not in text_of(second)


def test_a_long_order_goes_over_several_pages_with_all_its_lines(market: Market) -> None:
    order = market.submitted(*[oats(market.goods, n) for n in range(1, 121)])
    confirm(market, order)
    page = printed(market, order)

    assert len(PdfReader(BytesIO(page)).pages) > 2
    assert text_of(page).count("Oat biscuits") == 120
    assert "120 lines, 7260 units" in text_of(page)


def test_texts_of_many_lines_run_on_and_are_whole(market: Market) -> None:
    words = [f"w{n}" for n in range(150)]
    with market.db.company(market.cast.company.id) as uow:
        texts = {"address": "\n".join(words[:60]), "delivery_note": "\n".join(words[:60])}
        edit_stores(uow, OFFICE, {market.cast.ana_stores[0]: texts})
    order = market.submitted(note="\n".join(words) + "\u2028\x07end")
    confirm(market, order)

    said = text_of(printed(market, order)).split()
    assert [word for word in said if word in words] == [*words[:60], *words[:60], *words]
    assert "end" in said


def test_a_font_that_is_given_is_in_the_file(market: Market, tmp_path: Path) -> None:
    order = market.submitted()
    confirm(market, order)
    with market.db.company(market.cast.company.id) as uow:
        read = read_order(uow, order)
    vera = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
    page = make_slip(read, font=vera)

    assert page == make_slip(read, font=vera)
    assert "Oat biscuits" in text_of(page)
    assert b"/FontFile2" in page

    none = tmp_path / "none.ttf"
    for content in (b"", b"no font", vera.read_bytes()[:400]):
        none.write_bytes(content)
        with pytest.raises(FontUnreadable):
            make_slip(read, font=none)


def test_what_is_not_confirmed_is_not_printed(market: Market) -> None:
    with pytest.raises(WrongState):
        printed(market, market.submitted())


def test_a_return_has_a_slip_of_its_own(market: Market) -> None:
    sale = market.submitted()
    ana = market.phone(market.cast.ana)
    item = give_back(
        ana, market.cast.ana_stores[0], oats(market.goods, 1), returns_order_id=str(sale)
    )
    ana.push_one(item)
    order = UUID(item["entity_id"])
    confirm(market, order)

    said = text_of(printed(market, order))

    assert "退货单" in said
    assert "1-0001" in said
