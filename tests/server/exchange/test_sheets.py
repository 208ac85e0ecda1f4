"""Each master by its own rules: what a row of it does, and what is told before anything is written."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.exchange.faults import FAULT_CODES, HeaderInvalid
from server.exchange.report import Report
from server.exchange.sheet import Sheet
from server.exchange.sheets import ALL_SHEETS
from server.planning.day_plans import plan_again
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.server.exchange.conftest import faults, id_of

Bring = Callable[..., Report]
Take = Callable[..., list[str]]
TOMORROW = TODAY + timedelta(days=1)
RULE = "mon,tue,wed,thu,fri,sat every week from 2026-01-05, not on holidays"
SQUARE = '"{""type"":""Polygon"",""coordinates"":[[[0,0],[1,0],[1,1],[0,1],[0,0]]]}"'


def visible(db: Database, cast: Cast, person: Person) -> set[Any]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows(
            "select distinct k.id from holder_key h"
            " join record_key k on k.company_id = h.company_id and k.key = h.key"
            " where h.person_id = :person",
            person=person.id,
        )
    return {row.id for row in rows}


def keys(db: Database, cast: Cast, person: Person) -> set[Any]:
    with db.reading(cast.company.id) as uow:
        rows = uow.rows("select key from holder_key where person_id = :person", person=person.id)
    return {row.key for row in rows}


def code_of(db: Database, table: str, cast: Cast, id_: Any) -> str:
    with db.reading(cast.company.id) as uow:
        return str(uow.rows(f"select code from {table} where id = :id", id=id_)[0].code)


def test_a_division_is_seen_by_seats_of_none_and_positions_are_put_into_it(
    bring: Bring, db: Database, cast: Cast
) -> None:
    assert bring("division", "code,name", "DRINKS,Drinks", "SNACKS,Snacks").added == 2
    drinks, snacks = id_of(db, cast, "division", "DRINKS"), id_of(db, cast, "division", "SNACKS")
    assert {drinks, snacks} <= keys(db, cast, cast.ana)
    code = code_of(db, "position", cast, cast.ana.position_id)
    assert bring("position", "code,division,name", f"{code},DRINKS,Rep").changed == 1
    assert {drinks, snacks} & keys(db, cast, cast.ana) == {drinks}
    assert bring("position", "code,division", f"{code},").changed == 1
    assert {drinks, snacks} <= keys(db, cast, cast.ana)
    assert bring("division", "code,name", "DRINKS,Beverages").changed == 1


def test_regions_are_added_and_moved_in_the_order_of_their_tree_whatever_that_of_the_rows(
    bring: Bring, db: Database, cast: Cast, take: Take
) -> None:
    report = bring(
        "region", "code,name,above", "E-1,East One,EAST", "EAST,East,WHARF", "E-2,East Two,EAST"
    )
    assert (report.state, report.added) == ("DONE", 3)
    assert any(line.startswith("E-1,East One,EAST,") for line in take("region"))
    # Sam looks after Harbour: what moves there comes to them, with all below it.
    east = {id_of(db, cast, "region", code) for code in ("EAST", "E-1", "E-2")}
    assert not east & keys(db, cast, cast.sam)
    assert bring("region", "code,above", "EAST,HARBOUR").changed == 1
    assert east <= keys(db, cast, cast.sam)
    assert bring("region", "code,above", "EAST,WHARF").changed == 1
    assert not east & keys(db, cast, cast.sam)


def test_a_region_that_would_be_part_of_itself_is_told_with_its_row(
    bring: Bring, db: Database, cast: Cast
) -> None:
    assert ("B2", "circle") in faults(bring("region", "code,above", "WHARF,NORTH"))
    circle = bring("region", "code,name,above", "A,A,B", "B,B,A")
    assert {code for _, code in faults(circle)} == {"circle"}
    assert circle.state == "REFUSED"


def test_a_boundary_is_taken_as_geojson_and_left_where_its_cell_is_empty(bring: Bring) -> None:
    assert bring("region", "code,boundary", f"NORTH,{SQUARE}").changed == 1
    assert bring("region", "code,boundary", "NORTH,").left_alone == 1
    wrong = '"{""type"":""Polygon"",""coordinates"":[[[0,0],[2,2],[2,0],[0,2],[0,0]]]}"'
    assert faults(bring("region", "code,boundary", f"NORTH,{wrong}")) == [("B2", "not_json")]


def test_a_position_moves_and_changes_its_role(bring: Bring, db: Database, cast: Cast) -> None:
    code = code_of(db, "position", cast, cast.ben.position_id)
    assert cast.ana_route not in visible(db, cast, cast.ben)
    bring("position", "code,role,region", f"{code},supervisor,HARBOUR")
    assert cast.ana_route in visible(db, cast, cast.ben)
    assert faults(bring("position", "code,role", f"{code},king")) == [("B2", "not_a_choice")]


def test_people_come_are_renamed_and_leave(bring: Bring, take: Take) -> None:
    bring("person", "email,name", "zoe@x.example,Zoe")
    renamed = bring("person", "email,name,left_on", f"zoe@x.example,Zoë,{TOMORROW}")
    assert (renamed.changed, renamed.closed) == (1, 1)
    assert any(line.startswith(f"zoe@x.example,Zoë,{TOMORROW},") for line in take("person"))
    bring("person", "email,left_on", "zoe@x.example,")
    assert any(line.startswith("zoe@x.example,Zoë,,") for line in take("person"))


def test_a_new_person_needs_an_address_and_nobody_loses_theirs(
    bring: Bring, db: Database, cast: Cast
) -> None:
    bring("person", "email,name", "zoe@x.example,Zoe")
    with db.reading(cast.company.id) as uow:
        zoe = uow.rows("select id from person where email = 'zoe@x.example'")[0].id
    assert faults(bring("person", "email,name", ",Nobody")) == [("A2", "unnamed")]
    assert faults(bring("person", "id,email", f"{zoe},")) == [("B2", "required")]
    assert bring("person", "id,email,name", f"{zoe},z@x.example,Zoe").changed == 1


def test_a_person_without_an_address_is_named_by_their_id_also_where_they_hold_something(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        uow.run("update person set email = null where id = :id", id=cast.ana.id)
    lines = take("occupancy")
    assert any(str(cast.ana.id) in line.split(",")[1] for line in lines)
    assert bring("occupancy", *lines).left_alone == len(lines) - 1
    people = take("person")
    assert bring("person", *people).left_alone == len(people) - 1


def test_occupancies_are_ended_before_others_are_given(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    bring("person", "email,name", "zoe@x.example,Zoe")
    code = code_of(db, "position", cast, cast.ana.position_id)
    held = next(line for line in take("occupancy") if line.startswith(f"{code},")).split(",")
    header = "position,person,starts_on,ends_on,is_acting"
    new = f"{code},zoe@x.example,{TOMORROW},,"
    report = bring("occupancy", header, new, is_dry=True)
    assert faults(report) == [("A2", "conflicts")]
    assert "holds it in that period" in str(report.faults[0].says)
    report = bring("occupancy", header, new, f"{code},{held[1]},{held[2]},{TODAY},")
    assert (report.state, report.added, report.closed) == ("DONE", 1, 1)
    # Whoever stands in may do so beside the holder.
    acting = f"{code},{held[1]},{TOMORROW},{TOMORROW},yes"
    assert bring("occupancy", header, acting).added == 1


def test_what_an_occupancy_cannot_become_is_told_before_anything_is_written(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    line = next(
        each for each in take("occupancy")[1:]
        if each.startswith(code_of(db, "position", cast, cast.ana.position_id))
    ).split(",")  # fmt: skip
    header = "position,person,starts_on,ends_on,is_acting"
    own = ",".join(line[:3])
    assert bring("occupancy", header, f"{own},{TOMORROW},").closed == 1
    assert faults(bring("occupancy", header, f"{own},,")) == [("D2", "fixed")]
    assert faults(bring("occupancy", header, f"{own},{TOMORROW},yes")) == [("E2", "fixed")]
    backwards = f"{line[0]},{line[1]},2027-02-02,2027-02-01,"
    assert faults(bring("occupancy", header, backwards)) == [("D2", "conflicts")]
    two = [f"{line[0]},{line[1]},2027-0{n}-01,," for n in (1, 2)]
    assert faults(bring("occupancy", header, *two)) == [("A3", "conflicts")]


def test_days_of_the_calendar_are_set_and_made_ordinary_again(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    report = bring("holiday", "day,name,kind", "2026-03-07,Fair,", "2026-03-08,Swap,worked")
    assert report.added == 2
    assert take("holiday")[1:] == ["2026-03-07,Fair,holiday,", "2026-03-08,Swap,worked,"]
    gone = bring("holiday", "day,kind", "2026-03-07,ordinary")
    assert (gone.closed, take("holiday")[1:]) == (1, ["2026-03-08,Swap,worked,"])
    assert bring("holiday", "day,kind", "2026-03-07,ordinary").left_alone == 1
    # A day is named by itself.
    for header in ("id,day", "day,id@ERP"):
        with pytest.raises(HeaderInvalid):
            bring("holiday", header, ",")


def test_a_store_has_its_pin_its_region_by_the_pin_and_its_divisions(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    bring("division", "code,name", "DRINKS,Drinks", "SNACKS,Snacks")
    bring("region", "code,boundary", f"SOUTH,{SQUARE}")
    header = "code,name,channel,lat,lon,fence_m,divisions,region"
    line = 'N1,Corner,kiosk,0.5,0.5000001,90,"SNACKS,DRINKS",'
    assert bring("store", header, line).added == 1
    assert bring("store", header, line).left_alone == 1
    (made,) = [each for each in take("store") if each.startswith("N1,")]
    assert ',0.5,0.5000001,90,SOUTH,,,"DRINKS, SNACKS",ACTIVE,' in made
    assert id_of(db, cast, "store", "N1") in visible(db, cast, cast.sam)
    assert bring("store", "code,divisions", "N1,DRINKS").changed == 1
    assert faults(bring("store", "code,lat", "N1,")) == [("B2", "conflicts")]
    assert bring("store", "code,lat,lon", "N1,,").changed == 1
    assert faults(bring("store", "code,divisions", 'N1,"DRINKS,FOOD"')) == [("B2", "unknown")]


def test_a_closed_store_leaves_its_routes_and_comes_back_on_none(
    bring: Bring, db: Database, cast: Cast
) -> None:
    code = code_of(db, "store", cast, cast.ana_stores[0])
    assert bring("store", "code,status", f"{code},CLOSED").closed == 1
    stops = "select count(*) from route_stop where store_id = :store"
    with db.reading(cast.company.id) as uow:
        assert uow.rows(stops, store=cast.ana_stores[0])[0][0] == 0
    assert bring("store", "code,status", f"{code},ACTIVE").changed == 1
    assert bring("store", "code,name,channel,status", "N1,Corner,kiosk,CLOSED").added == 1


def test_the_rows_of_a_route_are_all_its_stops_in_their_order(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    one, two, three = (code_of(db, "store", cast, id_) for id_ in cast.ana_stores)
    position = code_of(db, "position", cast, cast.ana.position_id)
    header = "position,route,store,rule"
    before = [line for line in take("route") if line.startswith(f"{position},")]
    assert len(before) == 3
    report = bring(
        "route", header, f"{position},North round,{three},", f"{position},North round,{one},{RULE}".replace(RULE, f'"{RULE}"'),
    )  # fmt: skip
    assert [change.fields["lines"] for change in report.changes] == [
        ("3", f"2 -{two} in another order")
    ]
    with db.reading(cast.company.id) as uow:
        stores = uow.rows(
            "select store_id from route_stop where route_id = :route order by sequence",
            route=cast.ana_route,
        )
    assert [row.store_id for row in stores] == [cast.ana_stores[2], cast.ana_stores[0]]
    assert bring("route", header, f"{position},North round,,").changed == 1
    assert any(line.startswith(f"{position},North round,,ACTIVE,,,") for line in take("route"))


def test_a_route_is_made_moved_ended_and_begun_again(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    with db.company(cast.company.id) as uow:
        plan_again(uow, [cast.ana.position_id, cast.ben.position_id], TODAY)
    ana, ben = (code_of(db, "position", cast, p.position_id) for p in (cast.ana, cast.ben))
    store = code_of(db, "store", cast, cast.ben_stores[0])
    header = "position,route,status,store,rule"
    line = f'{ana},Second,,{store},"{RULE}"'
    assert bring("route", header, line).added == 1
    assert cast.ben_stores[0] in visible(db, cast, cast.ana)
    assert bring("route", header, line).left_alone == 1
    with db.reading(cast.company.id) as uow:
        route_id = uow.rows("select id from route where name = 'Second'")[0].id
    assert bring("route", "id,position,route", f"{route_id},{ben},Second").changed == 1
    assert cast.ben_stores[0] not in visible(db, cast, cast.ana)
    ended = bring("route", "position,route,status", f"{ben},Second,ended")
    assert ended.closed == 1
    assert bring("route", "position,route,status", f"{ben},Second,ended").left_alone == 1
    assert faults(bring("route", header, f'{ben},Second,,{store},"tue from 2026-01-05"')) == [
        ("C2", "fixed")
    ]
    assert bring("route", "position,route,status", f"{ben},Second,active").changed == 1
    with db.reading(cast.company.id) as uow:
        routes = uow.rows("select is_active from route where name = 'Second' order by is_active")
    assert [row.is_active for row in routes] == [False, True]
    assert faults(bring("route", "id,route", f"{route_id},Third")) != []


def test_what_is_wrong_with_a_stop_is_told_in_its_own_row(
    bring: Bring, db: Database, cast: Cast
) -> None:
    position = code_of(db, "position", cast, cast.ana.position_id)
    one, two, _ = (code_of(db, "store", cast, id_) for id_ in cast.ana_stores)
    other = code_of(db, "store", cast, cast.ben_stores[0])
    bring("store", "code,status", f"{two},CLOSED")
    header = "position,route,division,store,rule"
    report = bring(
        "route",
        header,
        f"{position},North round,,{one},sometimes",
        f"{position},North round,,{one},",
        f"{position},North round,X,{one},",
        f"{position},North round,,,mon from 2026-01-05",
    )
    assert faults(report) == [
        ("E2", "not_a_rule"),
        ("D3", "twice"),
        ("C4", "differs_within"),
        ("D4", "twice"),
        ("D5", "required"),
    ]
    assert faults(bring("route", header, f"{position},North round,,{two},")) == [
        ("D2", "conflicts"), ("E2", "required"),
    ]  # fmt: skip
    assert faults(bring("route", header, f"{position},North round,,{other},")) == [
        ("E2", "required")
    ]


def test_every_code_of_a_fault_is_told_to_operators() -> None:
    operating = (Path(__file__).resolve().parents[3] / "docs/operating.md").read_text()
    for code, says in FAULT_CODES.items():
        assert f"| `{code}` | {says} |" in operating


@pytest.mark.parametrize("sheet", ALL_SHEETS, ids=lambda sheet: sheet.name)
def test_a_sheet_names_sheets_that_stand_before_it_and_tells_each_column(sheet: Sheet) -> None:
    before = [each.name for each in ALL_SHEETS[: ALL_SHEETS.index(sheet) + 1]]
    for column in (*sheet.columns, *sheet.line_columns):
        assert column.refers_to is None or column.refers_to in before
        assert column.said


@pytest.mark.parametrize("is_dry", [True, False])
def test_no_sheet_takes_the_last_admin_from_a_company(
    bring: Bring, take: Take, db: Database, cast: Cast, *, is_dry: bool
) -> None:
    seats = [
        code_of(db, "position", cast, who.position_id) for who in (cast.ada, cast.ana, cast.ben)
    ]
    header, *held = take("occupancy")
    (admins,) = [line for line in held if line.startswith(f"{seats[0]},")]
    position, person, starts_on, *_ = admins.split(",")
    ended = f"{position},{person},{starts_on},{TOMORROW}"
    for sheet, lines, row in (
        # The row at fault is named among others.
        ("position", ["code,role", f"{seats[1]},supervisor", f"{seats[0]},rep"], "row 3"),
        ("occupancy", ["position,person,starts_on,ends_on", ended], "row 2"),
        (
            "person",
            ["id,left_on", f"{cast.ben.id},{TOMORROW}", f"{cast.ada.id},{TOMORROW}"],
            "row 3",
        ),
    ):
        report = bring(sheet, *lines, is_dry=is_dry)
        assert report.state == "REFUSED", sheet
        (fault,) = report.faults
        assert (fault.cell, fault.code) == (row, "refused"), sheet
        assert "nobody would be admin of the company" in str(fault.says)
    assert take("occupancy") == [header, *held]


def test_a_sheet_may_give_the_last_admin_s_seat_to_another(
    bring: Bring, take: Take, db: Database, cast: Cast
) -> None:
    lines = [line.split(",") for line in take("occupancy")]
    seats = [code_of(db, "position", cast, who.position_id) for who in (cast.ada, cast.ben)]
    (position, person, starts_on, *_), (_, other, *_) = [
        line for seat in seats for line in lines if line[0] == seat
    ]
    report = bring(
        "occupancy",
        "position,person,starts_on,ends_on",
        f"{position},{person},{starts_on},{TODAY}",
        f"{position},{other},{TOMORROW},",
    )
    assert (report.state, report.faults) == ("DONE", [])
