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
    assert take("account")[1].startswith("A1,Chain,EUR,1000.5,12,0,2027-01-31T00:00:00Z,")
    assert faults(bring("account", header, "A2,Yen,JPY,1.5,,")) == [("D2", "not_a_number")]
    assert faults(bring("account", "code,currency", "A1,USD")) == [("B2", "fixed")]
    assert faults(bring("account", "code,as_of", "A1,2027-01-31 08:00")) == [("B2", "not_a_moment")]
    assert bring("account", "code,credit_limit,open_receivables", "A1,,").changed == 1
    assert take("account")[1].startswith("A1,Chain,EUR,,12,0,")
    # What it has paid ahead has a moment of its own, that of the file where none is named.
    assert take("account")[1].split(",")[6:8] == ["2027-01-31T00:00:00Z"] * 2
    later = "A1,7,2027-02-01T08:00:00+08:00"
    assert bring("account", "code,unapplied_receipts,as_of", later).changed == 1
    assert take("account")[1].split(",")[6:8] == ["2027-02-01T00:00:00Z"] * 2
    alone = "A1,8,2027-02-02T08:00:00+08:00"
    assert bring("account", "code,unapplied_receipts,receipts_as_of", alone).changed == 1
    assert take("account")[1].split(",")[6:8] == ["2027-02-01T00:00:00Z", "2027-02-02T00:00:00Z"]
    assert bring("account", "code,unapplied_receipts,receipts_as_of", alone).left_alone == 1
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
        "L1,2026-01-01T00:00:00Z,,P1,case,10,28",
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


TERMS = '"{""benefit"":""PERCENT_OFF"",""basis_points"":1000,""items"":[[""P1"",null]]}"'
PROMOTION = "code,name,currency,level,terms,valid_from,channel"


def test_a_promotion_is_drafted_published_and_ended(
    priced: Bring, take: Take, db: Database, cast: Cast
) -> None:
    draft = f"X1,Ten off,EUR,CHANNEL,{TERMS},,kiosk"
    assert priced("promotion", PROMOTION, draft).added == 1
    assert priced("promotion", PROMOTION, draft).left_alone == 1
    published = f"X1,Ten off,EUR,CHANNEL,{TERMS},2026-01-01T00:00:00Z,kiosk"
    assert priced("promotion", PROMOTION, published).changed == 1
    assert priced("promotion", PROMOTION, published).left_alone == 1
    more = published.replace("1000", "1500").replace("2026-01-01T00:00:00Z", SOON)
    assert list(priced("promotion", PROMOTION, more).changes[0].fields) == ["terms", "valid_from"]
    with db.reading(cast.company.id) as uow:
        versions = uow.rows(
            "select terms -> 'basis_points' as off from promotion_version order by 1"
        )
    assert [row.off for row in versions] == [1000, 1500]
    assert priced("promotion", "code,ended_at", f"X1,{LATER}").closed == 1
    lines = take("promotion")
    assert priced("promotion", *lines).left_alone == 1
    for_all = f"X2,For all,EUR,,{TERMS},,"
    assert priced("promotion", PROMOTION, for_all).added == 1
    assert priced("promotion", PROMOTION, for_all).left_alone == 1


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        (f"X1,Off,EUR,CHANNEL,{TERMS},,", ("row 2", "required")),
        (f"X1,Off,EUR,,{TERMS},,kiosk", ("D2", "conflicts")),
        (f"X1,Off,EUR,,{TERMS.replace('P1', 'P9')},,", ("E2", "conflicts")),
        (f"X1,Off,EUR,,{TERMS.replace('basis_points', 'bonus')},,", ("E2", "not_json")),
        (f"X1,Off,EUR,,{TERMS.replace('1000', '99999')},,", ("E2", "conflicts")),
        ('X1,Off,EUR,,"{""benefit"":""PERCENT_OFF"",""items"":[[7]]}",,', ("E2", "not_json")),
        (
            'X1,Off,EUR,,"{""benefit"":""PERCENT_OFF"",""basis_points"":""x""}",,',
            ("E2", "conflicts"),
        ),
        ('X1,Off,EUR,,"{""benefit"":""GIVEAWAY""}",,', ("E2", "not_json")),
        (f"X1,Off,EUR,,{TERMS},2020-01-01T00:00:00,", ("F2", "not_a_moment")),
    ],
)
def test_what_a_promotion_cannot_be_is_told_in_its_cell(
    priced: Bring, row: str, cell: tuple[str, str]
) -> None:
    assert faults(priced("promotion", PROMOTION, row)) == [cell]


STANDARDS = '"[{""item"":""SHELF"",""text"":""Two facings"",""photos"":1}]"'
ACTIVITY = "code,name,starts_on,ends_on,channels,regions,currency,budget,standards"


def test_an_activity_is_made_and_approved_with_its_code(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    line = f'A1,Summer,2026-06-01,2026-06-30,"kiosk; grocery",NORTH,EUR,1000.5,{STANDARDS}'
    assert bring("activity", ACTIVITY, line).added == 1
    assert bring("activity", ACTIVITY, line).left_alone == 1
    with db.reading(cast.company.id) as uow:
        (made,) = uow.rows("select state, budget_minor from activity")
    assert tuple(made) == ("APPROVED", 100_050)
    assert bring("activity", "code,name", "A1,Summer days").changed == 1
    assert bring("activity", *take("activity")).left_alone == 1


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ("A1,Summer,2026-06-30,2026-06-01,,,,,", ("D2", "conflicts")),
        ("A1,Summer,2026-06-01,2026-06-30,,,,5,", ("G2", "conflicts")),
        ("A1,Summer,2026-06-01,2026-06-30,,,JPY,5.5,", ("H2", "not_a_number")),
        ('A1,Summer,2026-06-01,2026-06-30,,,,,"[{""item"":1}]"', ("I2", "not_json")),
        ("A1,Summer,2026-06-01,2026-06-30,,NOWHERE,,,", ("F2", "unknown")),
    ],
)
def test_what_an_activity_cannot_be_is_told_in_its_cell(
    bring: Bring, row: str, cell: tuple[str, str]
) -> None:
    assert faults(bring("activity", ACTIVITY, row)) == [cell]
