"""An admin changes a price on the page; a phone gets it and takes an order at it, and the server finds the same."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mobile_contract.phone.catalogue import fetch_prices
from mobile_contract.phone.orders import Wanted, quote, submit_order
from tests.pages.conftest import Seat
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow
ADMIN = "yue.lin@demo.example"
# A grocer on a route of REP-07 that buys snacks by the base list and pays for itself.
STORE = """
select s.id, s.code from store s
join store_division d on d.company_id = s.company_id and d.store_id = s.id
join division v on v.company_id = d.company_id and v.id = d.division_id and v.code = 'SNACKS'
where s.company_id = :company and s.channel = 'grocery' and s.account_id is null and s.status = 'ACTIVE'
  and exists (select from route_stop t join route r on r.company_id = t.company_id and r.id = t.route_id
              join position p on p.company_id = r.company_id and p.id = r.position_id
              where t.company_id = s.company_id and t.store_id = s.id and p.code = 'REP-07')
order by s.code limit 1
"""
LINE = """
select l.price_minor, l.server_price_minor, l.price_list_version, p.code
from order_line l join price_list p on p.company_id = l.company_id and p.id = l.price_list_id
where l.company_id = :company and l.order_id = :order
"""
VERSIONS = """
select v.version, v.published_by from price_list_version v
join price_list l on l.company_id = v.company_id and l.id = v.price_list_id
where v.company_id = :company and l.code = 'BASE' order by v.version
"""


def test_a_price_that_is_changed_is_what_the_next_order_gets(
    sit_down: Callable[..., Seat], tmp_path: Path
) -> None:
    seat = sit_down()
    seat.sign_in(ADMIN)
    page = seat.page
    (store,) = seat.site.rows(STORE)
    (product,) = seat.site.rows(
        "select id from product where company_id = :company and code = 'CHIP-11'"
    )
    wanted = [Wanted(str(product.id), "CTN", 4)]
    with phone_of(seat.site, "Zhou Lan", tmp_path / "lan") as lan:
        fetch_prices(lan)
        before = quote(lan, str(store.id), wanted).lines[0]["price_minor"]
        page.click("nav >> text=Master data")
        page.click("nav >> text=Prices")
        page.click("tbody >> text=BASE")
        page.fill("#field-words", "CHIP-11")
        page.click("main form >> text=Show")
        page.click("tbody tr:has(td:text-is('CTN')) >> text=CHIP-11 >> nth=0")
        page.fill("[name=price] >> nth=0", "111.10")
        page.fill(
            "[name=from]",
            seat.site.rows("select (now() at time zone 'Asia/Shanghai')::date as day")[
                0
            ].day.isoformat(),
        )
        page.click("text=What will this do?")
        assert "111.10" in page.inner_text("tr.differs")
        page.click("button:has-text('Save')")
        page.wait_for_selector(".notice")
        assert [row.version for row in seat.site.rows(VERSIONS)] == [1, 2]
        assert seat.site.rows(VERSIONS)[-1].published_by == "Lin Yue"
        lan.sync()
        fetch_prices(lan)
        assert before != 11_110
        assert quote(lan, str(store.id), wanted).lines[0]["price_minor"] == 11_110
        order = submit_order(lan, str(store.id), wanted)
        lan.sync()
    assert seat.site.rows(LINE, order=order) == [(11_110, 11_110, 2, "BASE")]
    seat.go(f"/prices/asked?store={store.code}&product=CHIP-11&unit=CTN&quantity=4")
    assert "111.10" in page.inner_text("tr.chosen")
