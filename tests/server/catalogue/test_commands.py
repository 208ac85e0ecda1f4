"""The catalogue's commands: what they say, and that a refusal is one line."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from server.cli import COMMANDS, load_command
from sync.unit_of_work import Database
from tests.factories import Cast

Run = Callable[..., Result]


@pytest.fixture
def run(
    database: dict[str, str], redis_url: str, monkeypatch: pytest.MonkeyPatch, cast: Cast
) -> Run:
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setenv("SECRET_KEY", "x" * 48)
    places = {name: place for name, place, _ in COMMANDS}

    def invoke(group: str, *words: str) -> Result:
        return CliRunner().invoke(
            load_command(places[group]), [*words, "--company", cast.company.code]
        )

    return invoke


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.output


def refused(result: Result) -> str:
    assert result.exit_code == 1, result.output
    return result.output


def test_products_are_added_listed_changed_and_shown(run: Run) -> None:
    said(run("division", "add", "TEA", "Teas"))
    words = ("Jasmine tea", "--unit", "CTN=12", "--category", "Drinks", "--division", "TEA")
    assert said(run("product", "add", "JAS", *words)) == "Added: product JAS, number 1.\n"
    assert "another product has the code JAS" in refused(run("product", "add", "JAS", "Again"))
    said(run("product", "edit", "JAS", "--must-stock", "grocery:A", "--must-stock", "*:B"))
    assert said(run("product", "edit", "JAS", "--category", "Drinks")).endswith("already.\n")
    shown = said(run("product", "show", "JAS"))
    assert "must stock   grocery:A, *:B" in shown
    assert "units        PC, CTN=12" in shown
    assert "Jasmine tea" in said(run("product", "list", "--division", "TEA"))
    said(run("product", "edit", "JAS", "--status", "discontinued"))
    assert said(run("product", "list")) == "There is no product like this.\n"
    assert "there is no product NONE" in refused(run("product", "show", "NONE"))


@pytest.mark.usefixtures("goods")
def test_prices_are_published_from_a_file_as_a_whole(run: Run, tmp_path: Path) -> None:
    said(run("price", "add", "KIOSK", "Kiosks", "--channel", "kiosk"))
    file = tmp_path / "prices.csv"
    file.write_text("product;unit;from_quantity;price\nOAT;PC;;4.50\nOAT;PC;24;4.20\n")
    tried = said(run("price", "publish", "KIOSK", str(file), "--dry-run"))
    assert tried == "All well: 1 prices could be published. Nothing was changed.\n"
    assert "It has no version yet." in said(run("price", "show", "KIOSK"))
    published = said(run("price", "publish", "KIOSK", str(file), "--until", "2099-12-31"))
    assert published.startswith("Published: version 1 of KIOSK, 1 prices, ")
    shown = said(run("price", "show", "KIOSK"))
    assert "4.50, 4.20 from 24" in shown
    assert "2100-01-01 00:00" in shown
    said(run("price", "end", "KIOSK"))
    assert "KIOSK" not in said(run("price", "list"))
    assert "channel kiosk" in said(run("price", "list", "--all"))


@pytest.mark.usefixtures("goods")
def test_every_fault_of_a_file_of_prices_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text(
        "product,unit,from_quantity,price\nOAT,PC,1,4.505\nOAT,PC,x,4\nRYE,PC,1,1e3\nTEA,PC,1,-\n"
    )
    output = refused(run("price", "publish", "BASE", str(file)))
    assert output.splitlines() == [
        "row 1, price: must have at most 2 digits after the point, as USD has",
        "row 2, from_quantity: must be a whole number",
        "row 3, price: must be an amount like 12.50",
        "row 4, price: must be an amount like 12.50",
        "Error: Nothing was published.",
    ]
    file.write_text("product,unit,price\nOAT,BOX,4\nRUM,PC,4\nTEA,PC,4\nTEA,PC,5\n")
    assert refused(run("price", "publish", "BASE", str(file))).splitlines() == [
        "row 1, unit: OAT has no unit 'BOX'",
        "row 2, product: there is no product 'RUM'",
        "row 4, from_quantity: this price is given twice",
        "Error: Nothing was published.",
    ]
    file.write_text("code,price\n")
    assert "row 0, product: this column is missing" in refused(
        run("price", "publish", "BASE", str(file))
    )
    file.write_bytes(b"\xff\xfe")
    assert "is not in UTF-8" in refused(run("price", "publish", "BASE", str(file)))


@pytest.mark.usefixtures("goods")
def test_a_promotion_is_drafted_published_and_ended(run: Run) -> None:
    terms = ("--benefit", "buy_x_get_y", "--buy", "10", "--get", "1", "--item", "OAT:CTN")
    said(run("promotion", "add", "OAT10", "Ten and one", *terms, "--class", "A", "--group", "oat"))
    says = "buy 10, 1 free, on OAT by CTN, one of oat"
    assert f"drafted: {says}" in said(run("promotion", "show", "OAT10"))
    assert said(run("promotion", "publish", "OAT10", "--until", "2099-01-31")).startswith(
        "Published: version 1"
    )
    listed = said(run("promotion", "list"))
    assert says in listed
    assert "class A" in listed
    assert "published" in listed
    said(
        run(
            *("promotion", "edit", "OAT10", "--benefit", "PERCENT_OFF", "--percent", "12.5"),
            *("--item", "OAT", "--from-quantity", "5", "--exclusive"),
        )
    )
    shown = said(run("promotion", "show", "OAT10"))
    assert "drafted: 12.5 % off, on OAT, from 5 units, with no other" in shown
    said(run("promotion", "end", "OAT10"))
    assert said(run("promotion", "list")) == "There is no promotion yet.\n"
    assert "is ended" in refused(run("promotion", "publish", "OAT10"))
    assert "is ended already" in refused(run("promotion", "end", "OAT10"))


@pytest.mark.usefixtures("goods")
def test_other_promotions_are_said_in_words(run: Run) -> None:
    def add(code: str, *words: str) -> str:
        said(run("promotion", "add", code, code.title(), *words))
        return said(run("promotion", "show", code)).splitlines()[1]

    assert add("OFF", "--benefit", "AMOUNT_OFF", "--amount", "0.50") == "drafted: 0.50 off each"
    bundle = ("--portion", "OAT:CTN:1", "--portion", "TEA:PC:12", "--price", "99.00")
    assert (
        add("SET", "--benefit", "BUNDLE", *bundle, "--at-most-times", "2")
        == "drafted: 1 CTN OAT + 12 PC TEA for 99.00, at most 2 times"
    )
    wrong = run("promotion", "add", "NO", "No", "--benefit", "BUNDLE", "--price", "9")
    assert "portions: BUNDLE needs it" in refused(wrong)


def test_an_account_pays_for_stores(run: Run, cast: Cast, db: Database) -> None:
    said(run("account", "add", "C1", "Chain", "--limit", "500.00", "--store", "ANCHOR"))
    said(run("account", "edit", "C1", "--receivables", "120", "--receipts", "20.5"))
    listed = said(run("account", "list"))
    assert "C1    Chain  USD       500.00  120.00       20.50" in listed
    with db.reading(cast.company.id) as uow:
        row = uow.rows("select doc from record where kind = 26")[0]
    assert '"credit_available_minor":40050' in row.doc
    assert "there is no account NONE" in refused(run("account", "edit", "NONE"))
    assert "must be an amount" in run("account", "edit", "C1", "--limit", "lots").output


def test_what_another_system_calls_it_is_noted_once(run: Run) -> None:
    run("product", "add", "P-1", "Oats", "--external-id", "ERP=4711", "--external-id", "WMS=7")
    run("product", "add", "P-2", "Rye")
    assert "elsewhere    ERP=4711, WMS=7" in run("product", "show", "P-1").output
    taken = run("product", "edit", "P-2", "--external-id", "ERP=4711")
    assert taken.exit_code == 1
    assert "another product is called '4711' in ERP" in taken.output
    again = run("product", "edit", "P-1", "--external-id", "ERP=4711")
    assert "is like this already" in again.output
    assert "Changed" in run("product", "edit", "P-1", "--external-id", "ERP=4712").output
    assert run("product", "edit", "P-2", "--external-id", "ERP=4711").exit_code == 0
    assert "SYSTEM=ID" in run("account", "add", "C1", "Corner", "--external-id", "4711").output
    assert run("account", "add", "C1", "Corner", "--external-id", "ERP=4711").exit_code == 0


@pytest.mark.usefixtures("goods")
def test_a_list_is_for_values_of_one_level(run: Run) -> None:
    both = run("price", "add", "X", "X", "--class", "A", "--channel", "kiosk")
    assert "or channels, or regions" in both.output
    assert "say whom it is for" in run("price", "add", "X", "X").output
    said(run("price", "edit", "BASE", "--region", "NORTH", "--name", "Northern"))
    assert "region NORTH" in said(run("price", "show", "BASE"))
    other = refused(run("price", "edit", "BASE", "--class", "A"))
    assert "is of the level REGION and stays so" in other
