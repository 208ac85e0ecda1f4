"""Every sheet of the demo company, exported and imported again: nothing changes."""

import io
from collections.abc import Iterator

import pytest
from sqlalchemy import create_engine

from server.demo import company
from server.demo.company import make_demo_company
from server.exchange.exporting import Form, export_sheet
from server.exchange.importing import File, import_file
from server.exchange.sheet import Sheet
from server.exchange.sheets import ALL_SHEETS, SHEETS
from sync.unit_of_work import Database
from tests.conftest import copied_database
from tests.factories import TODAY
from tests.server.exchange.conftest import BY

# Of each master something, whatever the demo has.
MORE = {
    "account": ("code,name,currency,credit_limit", "X-A1,Chain,CNY,1000.5", "X-A2,Other,JPY,"),
    "product": (
        "code,name,units,must_stock,division",
        "X-P1,=Cola,bottle 1; case 24,kiosk A; * B,DRINKS",
        "X-P2,Chips,bag 1,,",
    ),
    "price_list": (
        "code,name,currency,level,channel,account",
        "X-L1,Kiosks,CNY,CHANNEL,kiosk,",
        "X-L1,Kiosks,CNY,CHANNEL,grocery,",
        "X-L2,Chain,JPY,CUSTOMER,,X-A2",
    ),
    "price": (
        "price_list,valid_from,product,unit,from_quantity,price",
        "X-L1,2026-01-01T00:00:00Z,X-P1,bottle,1,1.25",
        "X-L1,2026-01-01T00:00:00Z,X-P1,bottle,100,1.2",
        "X-L2,2026-01-01T00:00:00Z,X-P2,bag,1,300",
    ),
    "promotion": (
        "code,name,currency,level,terms,valid_from,account",
        (
            'X-R1,Bundle,CNY,,"{""benefit"":""BUNDLE"",""price_minor"":900,""portions"":'
            '[[""X-P1"",""bottle"",2],[""X-P2"",""bag"",1]]}",2026-01-01T00:00:00Z,'
        ),
        (
            'X-R2,One free,CNY,CUSTOMER,"{""benefit"":""BUY_X_GET_Y"",""buy"":5,""get"":1,'
            '""basis_points"":10000,""items"":[[""X-P1"",null]],""is_exclusive"":true}",,X-A1'
        ),
    ),
    "activity": (
        "code,name,starts_on,ends_on,channels,standards",
        (
            'X-V1,Summer,2026-06-01,2026-06-30,"kiosk; grocery",'
            '"[{""item"":""SHELF"",""text"":""Two facings"",""photos"":1}]"'
        ),
    ),
}


@pytest.fixture(scope="module")
def demo(servers: dict[str, str]) -> Iterator[tuple[Database, int]]:
    """The demo company, in a database of its own."""
    with copied_database(servers, "roadbook_exchange_demo") as urls:
        engine, owner = create_engine(urls["app"]), create_engine(urls["owner"])
        database = Database(engine)
        with pytest.MonkeyPatch.context() as patch:
            # What people did is nothing to masters.
            patch.setattr(company, "HISTORY_DAYS", 1)
            made = make_demo_company(database, owner, today=TODAY)
        for name, lines in MORE.items():
            data = "\n".join(lines).encode()
            report = import_file(
                database, made.company_id, BY, SHEETS, SHEETS[name], File(data, name), today=TODAY
            )
            assert report.faults == []
        yield database, made.company_id
        engine.dispose()
        owner.dispose()


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("sheet", ALL_SHEETS, ids=lambda sheet: sheet.name)
def test_importing_what_was_exported_changes_nothing(
    demo: tuple[Database, int], sheet: Sheet, form: Form
) -> None:
    database, company_id = demo
    out = io.BytesIO()
    exported = export_sheet(database, company_id, sheet, out, form, system="ERP")
    assert exported.records > 0
    report = import_file(
        database,
        company_id,
        BY,
        SHEETS,
        sheet,
        File(out.getvalue(), f"{sheet.name}.{form}", "ERP"),
        is_dry=True,
        today=TODAY,
    )
    assert report.faults == []
    assert report.changes == []
    assert (report.left_alone, report.rows) == (exported.records, exported.rows)
