"""Accounts, products, price lists and prices by their own rules."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from server.exchange.report import Report
from sync.unit_of_work import Database
from tests.factories import Cast
from tests.server.exchange.conftest import faults

Bring = Callable[..., Report]
Take = Callable[..., list[str]]
SOON = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0).isoformat()
LATER = (datetime.now(UTC) + timedelta(days=60)).replace(microsecond=0).isoformat()
PRODUCTS = (
    "code,name,units,category,must_stock",
    'P1,Cola,"bottle 1; case 24",Drinks,"kiosk A; * B; grocery *"',
    "P2,Chips,bag 1,Snacks,",
)
LIST = (
    "code,name,currency,level,channel",
    "L1,Kiosks,EUR,CHANNEL,kiosk",
    "L1,Kiosks,EUR,CHANNEL,grocery",
)
PRICES = "price_list,valid_from,product,unit,from_quantity,price"


@pytest.fixture
def priced(bring: Bring) -> Bring:
    assert bring("product", *PRODUCTS).state == "DONE"
    assert bring("price_list", *LIST).state == "DONE"
    first = bring(
        "price",
        PRICES,
        "L1,2026-01-01T00:00:00Z,P1,bottle,1,1.25",
        "L1,2026-01-01T00:00:00Z,P1,case,10,28",
    )
    assert (first.state, first.faults) == ("DONE", [])
    return bring


def test_an_account_has_amounts_of_its_currency_and_pays_for_stores(
    bring: Bring, take: Take
) -> None:
    header = "code,name,currency,credit_limit,open_receivables,as_of"
    line = "A1,Chain,EUR,1000.50,12,2027-01-31T08:00:00+08:00"
    assert bring("account", header, line).added == 1
    assert bring("account", header, line).left_alone == 1
    assert take("account")[1].startswith("A1,Chain,EUR,1000.5,12.0,0.0,2027-01-31T00:00:00Z,")
    assert faults(bring("account", header, "A2,Yen,JPY,1.5,,")) == [("D2", "not_a_number")]
    assert faults(bring("account", "code,currency", "A1,USD")) == [("B2", "fixed")]
    assert faults(bring("account", "code,as_of", "A1,2027-01-31 08:00")) == [("B2", "not_a_moment")]
    assert bring("account", "code,credit_limit,open_receivables", "A1,,").changed == 1
    assert take("account")[1].startswith("A1,Chain,EUR,,12.0,0.0,")
    assert bring("store", "code,name,channel,account", "N1,Corner,kiosk,A1").added == 1
    assert bring("store", "code,account", "N1,A1").left_alone == 1
    assert bring("store", "code,account", "N1,").changed == 1
    assert faults(bring("store", "code,account", "N1,A9")) == [("B2", "unknown")]


def test_a_product_has_units_and_the_stores_that_must_stock_it(bring: Bring, take: Take) -> None:
    assert bring("product", *PRODUCTS).added == 2
    assert bring("product", *PRODUCTS).left_alone == 2
    assert take("product")[1].startswith(
        "P1,Cola,bottle 1; case 24,Drinks,,yes,,,,0,kiosk A; * B; grocery *,ACTIVE,"
    )
    changed = bring("product", "code,units,must_stock", 'P1,"bottle 1; case 12",')
    assert changed.changes[0].fields == {
        "units": ("bottle 1; case 24", "bottle 1; case 12"),
        "must_stock": ("kiosk A; * B; grocery *", ""),
    }


@pytest.mark.parametrize(
    ("units", "must", "cell"),
    [
        ("bottle 2", "", ("C2", "conflicts")),
        ("bottle one", "", ("C2", "not_pairs")),
        ("bottle", "", ("C2", "not_pairs")),
        ("bottle 1; bottle 2", "", ("C2", "conflicts")),
        ("", "", ("C2", "required")),
        ("bottle 1", "kiosk Z", ("D2", "conflicts")),
    ],
)
def test_what_a_product_cannot_have_is_told_in_its_cell(
    bring: Bring, units: str, must: str, cell: tuple[str, str]
) -> None:
    report = bring("product", "code,name,units,must_stock", f"P1,Cola,{units},{must}")
    assert faults(report) == [cell]


def test_a_price_list_is_for_what_its_rows_name_in_any_order(bring: Bring, take: Take) -> None:
    assert bring("price_list", *LIST).added == 1
    assert bring("price_list", LIST[0], *reversed(LIST[1:])).left_alone == 1
    fewer = bring("price_list", *LIST[:2])
    assert fewer.changes[0].fields["lines"][0] == "2"
    assert len(take("price_list")) == 2
    assert bring("price_list", "code,name", "L1,Small shops").changed == 1
    assert bring("price_list", "code,ended_at", f"L1,{SOON}").closed == 1


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ("L1,Kiosks,EUR,CHANNEL,,NORTH", ("F2", "conflicts")),
        ("L1,Kiosks,EUR,CHANNEL,kiosk,NORTH", ("E2", "conflicts")),
        ("L1,Kiosks,EUR,REGION,,NOWHERE", ("F2", "unknown")),
        ("L1,Kiosks,EUR,CHANNEL,,", ("row 2", "required")),
        ("L1,Kiosks,Euro,CHANNEL,kiosk,", ("C2", "not_text")),
    ],
)
def test_whom_a_list_cannot_be_for_is_told_in_its_cell(
    bring: Bring, row: str, cell: tuple[str, str]
) -> None:
    assert faults(bring("price_list", "code,name,currency,level,channel,region", row)) == [cell]


def test_prices_that_differ_are_a_new_version_from_a_moment_to_come(
    priced: Bring, take: Take, db: Database, cast: Cast
) -> None:
    exported = take("price")
    assert exported[1:] == [
        "L1,2026-01-01T00:00:00Z,,P1,bottle,1,1.25",
        "L1,2026-01-01T00:00:00Z,,P1,case,10,28.0",
    ]
    assert priced("price", exported[0], *reversed(exported[1:])).left_alone == 1
    dearer = f"L1,{SOON},P1,bottle,1,1.30"
    assert priced("price", PRICES, dearer).changed == 1
    with db.reading(cast.company.id) as uow:
        versions = uow.rows("select version, entries from price_list_version order by version")
    assert [tuple(row) for row in versions] == [(1, 2), (2, 1)]
    assert priced("price", PRICES, dearer).left_alone == 1


def test_what_prices_cannot_be_is_told_in_its_own_row(priced: Bring) -> None:
    report = priced(
        "price",
        PRICES,
        f"L1,{SOON},P1,bottle,1,1.255",
        f"L1,{SOON},P1,bottle,2,1.20",
    )
    assert faults(report) == [("F2", "not_a_number")]
    report = priced(
        "price",
        PRICES,
        f"L1,{SOON},P1,bottle,1,1",
        f"L1,{SOON},P2,case,1,1",
        f"L1,{SOON},P9,bag,1,1",
    )
    assert faults(report) == [("C4", "unknown")]
    report = priced("price", PRICES, f"L1,{SOON},P1,bottle,1,1", f"L1,{SOON},P2,case,1,1")
    assert faults(report) == [("D3", "conflicts")]
    assert faults(priced("price", PRICES, "L1,2026-02-01T00:00:00Z,P1,bottle,1,9")) == [
        ("B2", "conflicts")
    ]
    assert faults(priced("price", "price_list,valid_from,valid_until", f"L1,{LATER},{SOON}")) == [
        ("C2", "conflicts")
    ]
    assert faults(priced("price", PRICES, f"L7,{SOON},P1,bottle,1,1")) == [
        ("A2", "unknown"),
    ]  # fmt: skip
