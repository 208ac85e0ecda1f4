"""Regional managers look at routes and set them: they see what it does before they save it, and phones follow."""

import json
import re
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from server.planning.day_plans import make_day_plans
from server.planning.route_sheets import CELLS_MAX, PLACED_MAX
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, rule
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import counted_statements


def today() -> date:
    """The day of the cast's company."""
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def planned(db: Database, cast: Cast) -> Cast:
    """The cast with plans of the days that phones carry."""
    now = today()
    with db.company(cast.company.id) as uow:
        positions = [cast.ana.position_id, cast.ben.position_id]
        make_day_plans(uow, positions, now, now + timedelta(days=14), today=now)
    return cast


def sheet_in(text: str) -> dict[str, Any]:
    """The sheet that an editor begins with."""
    found: dict[str, Any] = json.loads(
        unescape(text.split('data-sheet="')[1].split('"', maxsplit=1)[0])
    )
    return found


def hidden(text: str, name: str) -> str:
    return text.split(f'name="{name}" value="')[1].split('"', maxsplit=1)[0]


def form_of(text: str, **changed: str) -> dict[str, str]:
    """The form of an editor as its script would send it, with these fields changed."""
    sheet = sheet_in(text)
    return {
        "_token": token_in_text(text),
        "route": hidden(text, "route"),
        "basis": hidden(text, "basis"),
        "held_by": hidden(text, "held_by"),
        "position": hidden(text, "held_by"),
        "name": unescape(
            text.split('id="field-name"')[1].split('value="')[1].split('"', maxsplit=1)[0]
        ),
        "sheet": json.dumps(
            {
                "rules": [one["rule"] for one in sheet["rules"]],
                "stops": [[stop[0], stop[4]] for stop in sheet["stops"]],
            }
        ),
        "act": "",
        **changed,
    }


def token_in_text(text: str) -> str:
    return text.split('name="_token" value="')[1].split('"', maxsplit=1)[0]


def route_of(db: Database, cast: Cast, route_id: UUID) -> Any:
    with db.reading(cast.company.id) as uow:
        return uow.rows(
            "select r.name, r.position_id, r.is_active, array(select s.store_id from route_stop s"
            " where s.company_id = r.company_id and s.route_id = r.id order by s.sequence) as stores"
            " from route r where r.company_id = :company and r.id = :route",
            company=cast.company.id,
            route=route_id,
        )[0]


def phones_told(text: str) -> dict[str, tuple[int, int]]:
    """Of each phone in what a change will do: how many records it gets and gives up."""
    rows = re.findall(r"<tr><td>(\w+)</td><td class=\"num[^>]*>(\d+)</td><td[^>]*>(\d+)</td>", text)
    return {name: (int(gained), int(lost)) for name, gained, lost in rows}


def test_the_list_has_the_positions_that_one_may_see_with_their_load(
    office: Office, cast: Cast
) -> None:
    text = office.browser(cast.mia).get("/routes/").text
    assert "Ana" in text
    assert "Ben" in text
    only = office.browser(cast.sam).get(f"/routes/?region={cast.regions.north}").text
    assert "Ana" in only
    assert "Ben" not in only
    assert office.browser(cast.ana).get("/routes/").status_code == 404


def test_a_position_shows_its_stops_by_rule_and_six_weeks(office: Office, cast: Cast) -> None:
    sam = office.browser(cast.sam)
    text = sam.get(f"/routes/positions/{cast.ana.position_id}").text
    assert "Mon, Tue, Wed, Thu, Fri, Sat · every week · not on holidays" in text
    assert text.count('class="plain day"') == 36
    assert "Change<" not in text  # a supervisor reads
    places = sam.get(f"/routes/positions/{cast.ana.position_id}/places").json
    assert places is not None
    assert [stop[1] for stop in places["routes"][0]["stops"]] == ["Anchor", "Beacon", "Compass"]
    tomorrow = today() + timedelta(days=1 if today().weekday() != 5 else 2)
    panel = sam.get(f"/routes/positions/{cast.ana.position_id}/days/{tomorrow}").text
    assert panel.count("data-store=") == 3
    assert sam.get(f"/routes/positions/{uuid4()}").status_code == 404
    assert sam.get(f"/routes/positions/{cast.ana.position_id}/days/1999-01-01").status_code == 404


def test_what_a_move_will_do_is_shown_and_then_done(
    office: Office, planned: Cast, db: Database
) -> None:
    cast = planned
    engine = SyncEngine(db, ALL_KINDS, SECRET)
    _, ana_at = factories.pull_all(engine, cast.ana.device)
    _, ben_at = factories.pull_all(engine, cast.ben.device)
    mia = office.browser(cast.mia)
    text = mia.get(f"/routes/{cast.ana_route}").text
    form = form_of(text, position=str(cast.ben.position_id))
    told = phones_told(mia.post("/routes/rehearse", data=form).text)
    assert route_of(db, cast, cast.ana_route).position_id == cast.ana.position_id
    assert mia.post("/routes/", data=form).status_code == 303
    assert route_of(db, cast, cast.ana_route).position_id == cast.ben.position_id
    evicted, _ = factories.pull_all(engine, cast.ana.device, ana_at)
    put, _ = factories.pull_all(engine, cast.ben.device, ben_at)
    moved = {str(cast.ana_route), *map(str, cast.ana_stores)}
    assert {one["id"] for one in evicted if one["op"] == "evict"} == moved
    assert moved <= {one["id"] for one in put if one["op"] == "put"}
    assert told["Ana"] == (0, len(moved))
    assert told["Ben"] == (len(moved), 0)


def test_stops_are_ordered_taken_out_added_and_given_rules(
    office: Office, planned: Cast, db: Database
) -> None:
    cast = planned
    mia = office.browser(cast.mia)
    text = mia.get(f"/routes/{cast.ana_route}").text
    fortnightly = rule(weekdays=[2], cycle_weeks=2)
    wanted = [cast.ana_stores[2], cast.ana_stores[0], cast.ben_stores[0]]
    sheet = json.dumps(
        {
            "rules": [rule(), fortnightly],
            "stops": [[str(id_), int(id_ == cast.ben_stores[0])] for id_ in wanted],
        }
    )
    told = mia.post("/routes/rehearse", data=form_of(text, sheet=sheet, name="Round")).text
    assert phones_told(told)["Ana"] == (1, 1)
    mia.post("/routes/", data=form_of(text, sheet=sheet, name="Round"))
    held = route_of(db, cast, cast.ana_route)
    assert held.stores == wanted
    assert held.name == "Round"
    again = sheet_in(mia.get(f"/routes/{cast.ana_route}").text)
    assert again["rules"][again["stops"][2][4]]["words"].startswith("Tue · every 2 weeks")


def test_a_route_that_somebody_changed_meanwhile_is_not_written_over(
    office: Office, planned: Cast, db: Database
) -> None:
    cast = planned
    mia, ada = office.browser(cast.mia), office.browser(cast.ada)
    seen = mia.get(f"/routes/{cast.ana_route}").text
    theirs = ada.get(f"/routes/{cast.ana_route}").text
    ada.post("/routes/", data=form_of(theirs, name="Renamed"))
    answer = mia.post("/routes/", data=form_of(seen, name="Mine"), follow_redirects=True)
    assert "Somebody changed this meanwhile." in answer.text
    assert route_of(db, cast, cast.ana_route).name == "Renamed"


def test_a_route_is_begun_and_ended(office: Office, planned: Cast, db: Database) -> None:
    cast = planned
    mia = office.browser(cast.mia)
    text = mia.get(f"/routes/positions/{cast.ben.position_id}/new").text
    sheet = json.dumps({"rules": [rule()], "stops": [[str(cast.ben_stores[0]), 0]]})
    made = UUID(hidden(text, "route"))
    form = form_of(text, sheet=sheet, name="Second round")
    assert "Visits in six weeks" in mia.post("/routes/rehearse", data=form).text
    mia.post("/routes/", data=form)
    assert route_of(db, cast, made).stores == [cast.ben_stores[0]]
    text = mia.get(f"/routes/{made}").text
    mia.post("/routes/", data=form_of(text, act="end"))
    assert not route_of(db, cast, made).is_active
    assert mia.get(f"/routes/{made}").status_code == 404


def test_a_route_takes_the_id_of_nothing_else(office: Office, planned: Cast, db: Database) -> None:
    cast = planned
    mia = office.browser(cast.mia)
    text = mia.get(f"/routes/positions/{cast.ana.position_id}/new").text
    sheet = json.dumps({"rules": [rule()], "stops": [[str(cast.ana_stores[0]), 0]]})
    form = form_of(text, sheet=sheet, name="Third round")
    documents = "select id, kind, version from record where company_id = :company order by id"
    with db.reading(cast.company.id) as uow:
        before = uow.rows(documents, company=cast.company.id)
        key = uow.rows("select key from company where id = :id", id=cast.company.id)[0].key
    # Whoever travels a route sees what is at its id.
    others = (cast.ana_stores[0], cast.ana_route, cast.ben.position_id, cast.ben.id, key)
    for other in (*others, cast.regions.wharf):
        told = mia.post("/routes/rehearse", data=form | {"route": str(other)})
        assert (told.status_code, "meanwhile" in told.text) == (200, True)
        mia.post("/routes/", data=form | {"route": str(other)})
    nested = form | {"sheet": '{"rules":[{"a":' + "[" * 10_000}
    assert "cannot be read" in mia.post("/routes/rehearse", data=nested).text
    assert mia.get(f"/targets/?after={'[' * 5_000}").status_code == 404
    with db.reading(cast.company.id) as uow:
        assert uow.rows(documents, company=cast.company.id) == before
    # Sent twice it is one route.
    for _ in range(2):
        assert mia.post("/routes/", data=form).status_code == 303
    assert len(route_of(db, cast, UUID(form["route"])).stores) == 1


def test_nobody_sets_what_they_may_not_see(
    office: Office, planned: Cast, db: Database, owner_engine: Engine
) -> None:
    cast = planned
    mia, sam = office.browser(cast.mia), office.browser(cast.sam)
    form = form_of(mia.get(f"/routes/{cast.ana_route}").text)
    assert sam.get(f"/routes/{cast.ana_route}").status_code == 404
    form["_token"] = token_in(sam.get("/orders/"))
    assert sam.post("/routes/", data=form).status_code == 404
    other = factories.make_cast(owner_engine, db)
    strange = json.dumps({"rules": [rule()], "stops": [[str(other.ana_stores[0]), 0]]})
    mine = form_of(mia.get(f"/routes/{cast.ana_route}").text)
    for wrong in (
        {"sheet": strange},
        {"position": str(other.ana.position_id)},
        {"route": str(other.ana_route)},
        {"route": "nonsense"},
    ):
        assert mia.post("/routes/rehearse", data=mine | wrong).status_code == 404
    told = mia.post("/routes/rehearse", data=mine | {"sheet": "{"}).text
    assert 'role="alert"' in told


def test_what_somebody_audits_is_not_theirs_to_plan(
    office: Office, planned: Cast, owner_engine: Engine
) -> None:
    cast = planned
    with owner_engine.begin() as connection:
        lead = factories.add_holder(
            connection, cast.company, "Lea", "regional_manager", cast.regions.south
        )
        seat = factories.add_position(
            connection, cast.company, "AUD-LEA", role="auditor", region_id=cast.regions.wharf
        )
        factories.add_occupancy(
            connection, cast.company, position_id=seat, person_id=lead.id, is_acting=True
        )
    lea = office.browser(lead)
    assert lea.get("/routes/").status_code == 200
    for path in (
        f"/routes/{cast.ana_route}",
        f"/routes/positions/{cast.ana.position_id}",
        f"/positions/{cast.ana.position_id}/hand-over",
    ):
        assert lea.get(path).status_code == 404, path
    form = form_of(office.browser(cast.mia).get(f"/routes/{cast.ana_route}").text)
    form["_token"] = token_in(lea.get("/tasks/new"))
    assert lea.post("/routes/rehearse", data=form).status_code == 404


def test_a_rule_is_read_from_its_form_and_told_in_words(office: Office, cast: Cast) -> None:
    mia = office.browser(cast.mia)
    asked = (
        "/routes/rule?weekday=1&weekday=3&cycle_weeks=4&group=1&group=3&anchor=2026-03-04"
        "&starts_on=2026-03-02&on_holiday=NEXT&opens=08:30&closes=11:00"
    )
    answer = mia.get(asked).json
    assert answer is not None
    assert answer["rule"]["anchor"] == "2026-03-02"
    assert answer["rule"]["week_groups"] == [0, 2]
    assert "in week 1, 3 of every 4" in answer["words"]
    assert "between 08:30 and 11:00" in answer["words"]
    assert mia.get(asked.replace("weekday", "nothing")).status_code == 400
    assert mia.get(asked.replace("11:00", "07:00")).status_code == 400
    assert mia.get(asked.replace("2026-03-02", "soon")).status_code == 400


def test_of_more_stores_than_a_map_can_show_it_is_told_how_many_lie_where(
    office: Office, cast: Cast, owner_engine: Engine
) -> None:
    """Bounded, however many there are and however large the part of the map is."""
    made = """
    insert into store (company_id, id, code, name, channel, address, status, lat_e7, lon_e7, region_id)
    select :company, gen_random_uuid(), 'M' || n, 'Shop', 'kiosk', '', 'ACTIVE',
           311000000 + (n %% 100) * 20000, 1214000000 + (n / 100) * 20000, :region
    from generate_series(1, :stores) n
    """.replace("%%", "%")
    with owner_engine.begin() as connection:
        connection.execute(
            text(made),
            {"company": cast.company.id, "region": cast.regions.north, "stores": 3 * PLACED_MAX},
        )
    ada, mia = office.browser(cast.ada), office.browser(cast.mia)

    def placed(browser: FlaskClient, box: str) -> Any:
        return browser.get(
            f"/routes/stores/places?box={box}&cells=999,999", headers={"Accept-Encoding": ""}
        )

    whole = "31000000,121000000,32000000,122000000"
    for browser, box in (
        (ada, whole),
        (mia, whole),
        (ada, "-90000000,-180000000,90000000,180000000"),
    ):
        answer = placed(browser, box)
        told = answer.json
        assert told["stores"] == []
        assert sum(stores for _, stores in told["counted"]) == 3 * PLACED_MAX + 5
        assert len(told["counted"]) <= (CELLS_MAX + 1) ** 2
        assert len(answer.data) < 20_000
        (south, west), (north, east) = told["around"]
        assert (south, north) == (31_100_000, 31_354_000)
        assert west < east
    assert len(placed(ada, "31100000,121400000,31300000,121460000").json["counted"]) > 60
    near = placed(ada, "31100000,121400000,31150000,121450000")
    assert near.json["counted"] == []
    assert 100 < len(near.json["stores"]) <= PLACED_MAX
    assert len(near.data) < 110 * PLACED_MAX


def test_stores_are_found_and_given_to_a_position(
    office: Office, planned: Cast, db: Database
) -> None:
    cast = planned
    mia = office.browser(cast.mia)
    found = mia.get("/routes/stores/found?words=anch").json
    assert found is not None
    assert [store[2] for store in found["stores"]] == ["Anchor"]
    box = "31000000,121000000,32000000,122000000"
    placed = mia.get(f"/routes/stores/places?box={box}").json
    assert placed is not None
    assert len(placed["stores"]) == 5  # the last of Ben's has no pin
    for wrong in ("box=1,2,3", f"box={box}&cells=many"):
        assert mia.get(f"/routes/stores/places?{wrong}").status_code == 404
    form = {
        "_token": token_in(mia.get("/routes/stores")),
        "id": [str(cast.ana_stores[0])],
        "position": str(cast.ben.position_id),
    }
    told = mia.post("/routes/stores", data=form).text
    assert phones_told(told) == {"Ben": (1, 0)}
    done = mia.post("/routes/stores", data=form | {"act": "save"}, follow_redirects=True).text
    assert "One store was given." in done
    with db.reading(cast.company.id) as uow:
        held = uow.rows("select position_id from store where id = :id", id=cast.ana_stores[0])
    assert held[0].position_id == cast.ben.position_id


def test_the_statements_of_a_page_grow_with_nothing(
    office: Office, cast: Cast, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia = office.browser(cast.mia)
    paths = (
        "/routes/",
        f"/routes/positions/{cast.ana.position_id}",
        f"/routes/{cast.ana_route}",
        "/routes/stores",
    )
    counts: dict[str, list[int]] = {}
    for _ in range(2):
        for path in paths:
            with counted_statements(monkeypatch) as statements:
                assert mia.get(path).status_code == 200
            counts.setdefault(path, []).append(len(statements))
        text = mia.get(f"/routes/positions/{cast.ana.position_id}/new").text
        sheet = json.dumps({"rules": [rule()], "stops": [[str(cast.ben_stores[1]), 0]]})
        mia.post("/routes/", data=form_of(text, sheet=sheet, name="More"))
    assert all(len(set(found)) == 1 for found in counts.values()), counts


def test_a_shorter_order_is_offered_and_nothing_is_kept(
    office: Office, planned: Cast, db: Database
) -> None:
    cast = planned
    mia = office.browser(cast.mia)
    text = mia.get(f"/routes/{cast.ana_route}").text
    anchor, beacon, compass = cast.ana_stores
    crooked = json.dumps(
        {"rules": [rule()], "stops": [[str(id_), 0] for id_ in (anchor, compass, beacon)]}
    )
    answer = mia.post("/routes/order", data=form_of(text, sheet=crooked)).json
    assert answer is not None
    assert answer["order"] in (
        [str(anchor), str(beacon), str(compass)],
        [str(compass), str(beacon), str(anchor)],
    )
    assert "m less" in answer["says"]
    straight = mia.post("/routes/order", data=form_of(text)).json
    assert straight is not None
    assert straight["order"] == []
    sunday = today() + timedelta(days=(6 - today().weekday()) % 7)
    none = mia.post("/routes/order", data=form_of(text) | {"day": str(sunday)}).json
    assert none == {"order": [], "says": "No stop with a pin is due on this day."}
    assert route_of(db, cast, cast.ana_route).stores == [anchor, beacon, compass]
