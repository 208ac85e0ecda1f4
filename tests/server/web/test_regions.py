"""Regions are seen as a tree and on a map, drawn anew, and set; what that does is shown before it is saved."""

import csv
import io
import json
import re
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from werkzeug.test import TestResponse

from server.identity.change_log import changes_of
from server.jobs.work import Workshop, do_row
from server.planning.errors import BoundaryInvalid
from server.web.region_shapes import placed_boundary, read_geojson, taken_boundary
from sync.engine import Engine as SyncEngine
from sync.geo import Datum
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests import factories
from tests.factories import Cast, square
from tests.server.web.conftest import Office, token_in
from tests.standing import SECRET
from tests.sync.talking import counted_statements


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


# North with the ground of two of Ben's stores.
LONGER = box(121.4, 31.2515, 121.6, 31.4)


def form_of(page: TestResponse, **other: str) -> dict[str, str]:
    """What the editor's form brings."""

    def value(name: str) -> str:
        return page.text.split(f'name="{name}"')[1].split('value="')[1].split('"')[0]

    named = ("region", "basis", "name", "code")
    above = page.text.split('<option value="')
    chosen = next(part.split('"')[0] for part in above if part.split(">")[0].endswith(" selected"))
    return {
        "_token": token_in(page),
        **{name: value(name) for name in named},
        "above": chosen,
        "boundary": "",
        "makes_room": "1",
        "stores_follow": "1",
    } | other


def test_the_tree_has_what_the_visitor_oversees(office: Office, cast: Cast) -> None:
    mia = office.browser(cast.mia)
    page = mia.get("/regions/").text
    assert f'href="/regions/{cast.regions.north}"' in page
    assert f'href="/regions/{cast.regions.wharf}"' not in page
    assert f'href="/regions/{cast.regions.wharf}"' in office.browser(cast.ada).get("/regions/").text
    with mia.get("/regions/?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert [(row["Region"], row["Stores"], row["Overseen by"]) for row in rows] == [
        ("Wharf", "0", "Mia"),
        ("Harbour", "0", "Sam"),
        ("North", "3", ""),
        ("South", "3", ""),
    ]
    lines = json.loads(mia.get("/regions/lines").data)
    assert len(lines["features"]) == 4
    assert office.browser(cast.sam).get("/regions/").status_code == 404


def test_what_a_line_does_is_shown_and_then_done(
    office: Office, cast: Cast, db: Database, owner_engine: Engine
) -> None:
    mia = office.browser(cast.mia)
    page = mia.get(f"/regions/{cast.regions.north}")
    form = form_of(page, boundary=json.dumps(LONGER))
    told = mia.post("/regions/rehearse", data=form).text
    assert "<td>South</td><td>North</td>" in told
    assert "South gives up 102." in told
    with db.reading(cast.company.id) as uow:
        held = "select region_id from store where id = :id"
        assert uow.rows(held, id=cast.ben_stores[1])[0].region_id == cast.regions.south
    saved = mia.post("/regions/", data=form, follow_redirects=True)
    assert "Saved. One store changed its region." in saved.text
    with db.reading(cast.company.id) as uow:
        assert uow.rows(held, id=cast.ben_stores[1])[0].region_id == cast.regions.north
    again = mia.post("/regions/", data=form)
    assert "Somebody changed this meanwhile." in again.text
    line = json.loads(mia.get(f"/regions/{cast.regions.north}/line.geojson").data)
    assert line["geometry"] == LONGER


def test_what_cannot_be_is_told_beside_its_field_and_what_was_typed_stays(
    office: Office, cast: Cast
) -> None:
    mia = office.browser(cast.mia)
    page = mia.get(f"/regions/{cast.regions.north}")
    crossed = {
        "type": "Polygon",
        "coordinates": [
            [[121.4, 31.3], [121.6, 31.4], [121.6, 31.3], [121.4, 31.4], [121.4, 31.3]]
        ],
    }
    form = form_of(page, boundary=json.dumps(crossed), name="Far North")
    told = mia.post("/regions/rehearse", data=form).text
    assert "The line crosses itself here." in told
    assert 'data-at="31.35,121.5"' in told
    kept = mia.post("/regions/", data=form)
    assert kept.status_code == 422
    assert 'value="Far North"' in kept.text
    assert "121.6, 31.4" in kept.text
    for field, wrong, words in (
        ("code", "two words", "printable characters without a space"),
        ("code", "SOUTH", "Another region has this code."),
        ("name", " ", "printable characters"),
        ("boundary", "nonsense", "no GeoJSON"),
        ("boundary", json.dumps(box(120, 31.3, 121.6, 31.4)), "It reaches beyond Wharf"),
        ("boundary", json.dumps(box(121.4, 31.2, 121.6, 31.4)), "South would have no ground left."),
    ):
        text = mia.post("/regions/", data=form_of(page, **{field: wrong})).text
        assert words in text, (field, wrong)


def test_a_new_region_is_made_and_a_line_taken_away(
    office: Office, cast: Cast, db: Database
) -> None:
    mia = office.browser(cast.mia)
    page = mia.get(f"/regions/new?above={cast.regions.north}")
    quay = box(121.49, 31.3505, 121.51, 31.3525)
    form = form_of(page, code="QUAY", name="Quay", boundary=json.dumps(quay))
    assert form["above"] == str(cast.regions.north)
    assert "Make the region" in mia.post("/regions/rehearse", data=form).text
    assert mia.post("/regions/", data=form).status_code == 303
    with db.reading(cast.company.id) as uow:
        (made,) = uow.rows("select id, parent_id, boundary from region where code = 'QUAY'")
    assert (made.parent_id, made.boundary) == (cast.regions.north, quay)
    page = mia.get(f"/regions/{made.id}")
    assert mia.post("/regions/", data=form_of(page)).status_code == 303
    assert mia.get(f"/regions/{made.id}/line.geojson").status_code == 404
    # At the top is an admin's.
    top = form_of(page, region="", basis="", code="TOP", above="")
    assert mia.post("/regions/", data=top).status_code == 404


def test_regions_of_others_are_not_there(office: Office, cast: Cast) -> None:
    mia = office.browser(cast.mia)
    token = token_in(mia.get("/regions/new"))
    own = str(cast.regions.wharf)
    for path in (f"/regions/{own}", f"/regions/{own}/line.geojson", "/regions/new?above=x"):
        assert mia.get(path).status_code == 404
    form = {"_token": token, "region": own, "basis": "x", "name": "Mine", "code": "MINE"}
    assert mia.post("/regions/", data=form).status_code == 404
    assert mia.post("/regions/rehearse", data=form).status_code == 404
    for path in ("/regions/", "/regions/rehearse", "/regions/place"):
        assert office.browser(cast.sam).post(path, data=form).status_code == 404


def test_a_file_is_read_whatever_geojson_it_is(office: Office, cast: Cast) -> None:
    mia = office.browser(cast.mia)
    token = token_in(mia.get("/regions/new"))

    def placed(value: Any) -> Any:
        text = value if isinstance(value, str) else json.dumps(value)
        return json.loads(mia.post("/regions/place", data={"_token": token, "file": text}).data)

    feature = {"type": "Feature", "properties": None, "geometry": square("North")}
    assert placed(feature)["boundary"] == square("North")
    both = placed({"type": "FeatureCollection", "features": [feature, feature]})
    assert both["boundary"]["type"] == "MultiPolygon"
    for wrong in (
        "no file",
        "[]",
        "{}",
        {"type": "Point", "coordinates": [1, 2]},
        feature | {"geometry": None},
    ):
        assert "no GeoJSON" in placed(wrong)["fault"]


def test_lines_on_a_shifted_map_come_back_as_they_were() -> None:
    held = {"type": "MultiPolygon", "coordinates": [square("North")["coordinates"]]}
    for datum in (Datum.GCJ02, Datum.BD09):
        placed = placed_boundary(held, datum)
        assert placed != held
        assert taken_boundary(placed, datum, [held]) == held
        ((corner, *_),) = taken_boundary(placed, datum, [])["coordinates"][0]
        assert corner == pytest.approx([121.4, 31.3], abs=2e-7)
    with pytest.raises(BoundaryInvalid):
        taken_boundary({"type": "Polygon", "coordinates": [[["x", 1]]]}, Datum.WGS84, [])
    for wrong in (
        b"[" * 10_000,
        b'{"type":"Polygon","coordinates":[[[NaN,1],[1,1],[1,2],[NaN,1]]]}',
        b'{"type":"Polygon","coordinates":[[[1e300,1],[1,1],[1,2],[1e300,1]]]}',
    ):
        with pytest.raises(BoundaryInvalid):
            read_geojson(wrong)


def test_the_statements_of_regions_do_not_grow_with_them(
    office: Office, cast: Cast, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia, counts = office.browser(cast.mia), []
    for number in range(2):
        for path in ("/regions/", f"/regions/{cast.regions.north}", "/regions/lines"):
            with counted_statements(monkeypatch) as statements:
                assert mia.get(path).status_code == 200
            counts.append(len(statements))
        with owner_engine.begin() as connection:
            for place in range(5):
                factories.add_region(
                    connection, cast.company, f"More {number} {place}", parent_id=cast.regions.north
                )
    assert counts[:3] == counts[3:]
    assert max(counts) <= 16, counts


def work(office: Office) -> list[str]:
    """Let a worker do what is left to it."""
    shop = Workshop(office.database, SyncEngine(office.database, ALL_KINDS, SECRET))
    company = office.cast.company.id
    with office.database.reading(company) as uow:
        left = [
            row.id for row in uow.rows("select id from outbox where topic = 'errand' order by id")
        ]
    return [do_row(shop, company, row_id) for row_id in left]


def region_of(office: Office, store: UUID) -> UUID:
    with office.database.reading(office.cast.company.id) as uow:
        found: UUID = uow.rows("select region_id from store where id = :id", id=store)[0].region_id
    return found


def errand_in(text: str) -> str:
    found = re.search("/errands/[0-9a-f-]{36}", text)
    assert found is not None, text
    return found[0]


def test_what_more_stores_than_one_waits_for_do_is_shown_and_done_by_a_worker(
    office: Office, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.regions.IN_PAGE_MAX", 0)
    mia, store = office.browser(cast.mia), cast.ben_stores[1]
    page = mia.get(f"/regions/{cast.regions.north}")
    form = form_of(page, boundary=json.dumps(LONGER))
    told = mia.post("/regions/rehearse", data=form).text
    assert "One store would change its region" in told
    first = errand_in(told)
    assert 'data-state="WAITING"' in mia.get(first, headers={"HX-Request": "true"}).text
    # Whoever asks for another look gives up the first, of which nothing is kept.
    place = errand_in(mia.post("/regions/", data=form).headers["Location"])
    assert mia.get(first).status_code == 404
    assert work(office) == ["done"]
    looked = mia.get(place).text
    assert 'data-state="READY"' in looked
    assert "<td>South</td><td>North</td>" in looked
    assert "South gives up 102." in looked
    assert "What this will do" in looked
    assert region_of(office, store) == cast.regions.south
    assert office.browser(cast.ada).get(place).status_code == 404
    mia.post(place, data={"_token": token_in(mia.get(place)), "act": "confirm"})
    assert 'hx-trigger="every 1s"' in mia.get(place).text
    assert work(office) == ["done"]
    done = mia.get(place).text
    assert 'data-state="DONE"' in done
    assert "What this did" in done
    assert region_of(office, store) == cast.regions.north
    assert place in mia.get("/regions/").text
    assert work(office) == []
    with office.database.reading(cast.company.id) as uow:
        (logged,) = [one for one in changes_of(uow) if one.action == "store.move"]
    assert logged.actor == "Mia"


def test_an_errand_that_an_earlier_version_left_in_another_form_is_shown_and_done_as_nothing(
    office: Office, cast: Cast, monkeypatch: pytest.MonkeyPatch, owner_engine: Engine
) -> None:
    monkeypatch.setattr("server.web.regions.IN_PAGE_MAX", 0)
    mia = office.browser(cast.mia)
    form = form_of(mia.get(f"/regions/{cast.regions.north}"), boundary=json.dumps(LONGER))
    place = errand_in(mia.post("/regions/rehearse", data=form).text)
    work(office)
    assert "Do it" in mia.get(place).text
    with owner_engine.begin() as connection:
        connection.execute(text("update errand set report = '{}', request = '{}'"))
    assert place in mia.get("/regions/").text
    told = mia.get(place).text
    assert "What this will do" not in told
    # What is not shown is not done.
    assert "Do it" not in told
    assert 'value="cancel"' in told


def test_what_changed_meanwhile_is_told_by_the_worker_and_nothing_is_done(
    office: Office, cast: Cast, monkeypatch: pytest.MonkeyPatch, owner_engine: Engine
) -> None:
    monkeypatch.setattr("server.web.regions.IN_PAGE_MAX", 0)
    mia = office.browser(cast.mia)
    page = mia.get(f"/regions/{cast.regions.north}")
    place = mia.post("/regions/", data=form_of(page, boundary=json.dumps(LONGER))).headers[
        "Location"
    ]
    work(office)
    mia.post(place, data={"_token": token_in(mia.get(place)), "act": "confirm"})
    with owner_engine.begin() as connection:
        connection.execute(text("update region set name = 'Other' where code = 'NORTH'"))
    assert work(office) == ["done"]
    told = mia.get(place).text
    assert 'data-state="FAILED"' in told
    assert "somebody changed this region meanwhile" in told
    assert region_of(office, cast.ben_stores[1]) == cast.regions.south


def test_a_line_that_is_nested_without_end_is_no_line(office: Office, cast: Cast) -> None:
    mia = office.browser(cast.mia)
    page = mia.get(f"/regions/{cast.regions.north}")
    for path, status in (("/regions/rehearse", 200), ("/regions/", 422)):
        assert mia.post(path, data=form_of(page, boundary="[" * 100_000)).status_code == status
