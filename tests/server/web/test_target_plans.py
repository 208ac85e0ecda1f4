"""Plans of targets are set and split on pages, with why each part has what it has; what comes of it is shown first."""

import csv
import io
from datetime import UTC, date, datetime
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from server.identity.change_log import Actor
from server.targets.basis import SplitBy
from server.targets.plan_list import place_of
from server.targets.plans import make_plan
from server.targets.splitting import Weights
from sync.unit_of_work import Database
from tests.factories import Cast
from tests.server.web.conftest import Office, token_in
from tests.sync.talking import counted_statements

# None of its months is over, whenever this runs.
YEAR = datetime.now(UTC).year + 1
EQUAL = {"last_year": "0", "potential": "0", "equal": "100", "role": "rep", "potential-*": "1"}


@pytest.fixture
def mia(office: Office, cast: Cast) -> FlaskClient:
    return office.browser(cast.mia)


def asked(cast: Cast, browser: FlaskClient, **other: str) -> dict[str, str]:
    """The form of a new plan: 2,400 calls."""
    return {
        "_token": token_in(browser.get("/targets/plans/new")),
        "year": str(YEAR),
        "measure": "TC",
        "total": "2400",
        "region": str(cast.regions.wharf),
        "division": "",
        **EQUAL,
    } | other


def plan_of(db: Database, cast: Cast) -> Any:
    with db.reading(cast.company.id) as uow:
        found = uow.rows("select id, version, currency, measure from target_plan")
    return found[0] if found else None


def set_from_above(db: Database, cast: Cast, office: Office) -> UUID:
    """A plan of the whole company where Mia oversees Harbour only: her position is put there."""
    with db.company(cast.company.id) as uow:
        uow.run(
            "update position set region_id = :region where id = :id",
            region=cast.regions.harbour,
            id=cast.mia.position_id,
        )
        return make_plan(
            uow,
            Actor("Ada", cast.ada.id),
            year=YEAR,
            measure="TC",
            total=2_400,
            region_id=cast.regions.wharf,
            by=SplitBy(weights=Weights(last_year=0, potential=0, equal=1000)),
            today=datetime.now(UTC).date(),
            now=datetime.now(UTC),
        ).plan_id


def test_a_target_is_shown_before_it_is_set_and_then_explained(
    cast: Cast, db: Database, mia: FlaskClient
) -> None:
    form = asked(cast, mia, reason="A good year.")
    told = unescape(mia.post("/targets/plans/rehearse", data=form).text)
    assert "24 targets of positions in months." in told
    assert told.count('class="differs"') == 12 + 3 + 2
    assert plan_of(db, cast) is None
    assert mia.post("/targets/plans", data=form).status_code == 303
    plan = plan_of(db, cast)
    page = unescape(mia.get(f"/targets/plans/{plan.id}").text)
    assert "2,400 is shared" in page
    assert page.count("<td>exact</td>") == 12
    month = place_of(month=date(YEAR, 3, 1)).node_id(plan.id)
    part = unescape(mia.get(f"/targets/plans/{plan.id}?part={month}").text)
    assert f"March {YEAR}: 200" in part
    assert "Harbour" in part
    listed = mia.get("/targets/plans").text
    assert "A good year." in listed
    assert "This is set already" in mia.post("/targets/plans", data=form).text


def test_money_is_typed_in_its_main_unit(cast: Cast, db: Database, mia: FlaskClient) -> None:
    form = asked(cast, mia, measure="NET_VALUE", total="1,200.50")
    assert mia.post("/targets/plans", data=form).status_code == 303
    plan = plan_of(db, cast)
    with db.reading(cast.company.id) as uow:
        (version,) = uow.rows("select total from target_plan_version")
    assert (version.total, plan.currency) == (120_050, "USD")
    assert 'value="1200.50"' in mia.get(f"/targets/plans/{plan.id}").text


def test_what_was_typed_wrongly_is_told_at_its_field_and_stays(
    cast: Cast, mia: FlaskClient
) -> None:
    for field, typed, words in (
        ("total", "many", "This is no number."),
        ("total", "1.5", "at most 0 digits"),
        ("total", "-1", "not negative"),
        ("total", "1e400", "not negative"),
        ("total", "1e999999", "not negative"),
        ("total", "nan", "at most 0 digits"),
        ("equal", "90", "100 together"),
        ("equal", "x", "100 together"),
        ("equal", "1e999999", "100 together"),
        ("potential-*", "1001", "Whole numbers"),
        ("potential-*", "x", "Whole numbers"),
        ("role", "king", "Choose whose positions."),
        ("group", "Water", "Only values"),
        ("year", "1999", "A year from"),
        ("measure", "x", "Choose what is counted."),
        ("reason", "x" * 401, "At most 400"),
    ):
        answer = mia.post("/targets/plans", data=asked(cast, mia, **{field: typed}))
        assert answer.status_code == 422, (field, typed)
        assert words in answer.text, (field, typed)
        assert 'value="2400"' in answer.text or field == "total"
    told = mia.post("/targets/plans/rehearse", data=asked(cast, mia, total="many")).text
    assert "Total of the year: This is no number." in told


def test_a_plan_is_split_again_with_parts_fixed_and_versions_compared(
    cast: Cast, db: Database, mia: FlaskClient
) -> None:
    mia.post("/targets/plans", data=asked(cast, mia))
    plan = plan_of(db, cast)
    path = f"/targets/plans/{plan.id}"
    may = place_of(month=date(YEAR, 5, 1)).node_id(plan.id)
    form = asked(cast, mia, version="1", part="", from_month=f"{YEAR}-03") | {f"pin-{may}": "400"}
    told = unescape(mia.post(f"{path}/rehearse", data=form).text)
    assert "+200" in told
    assert mia.post(path, data=form).status_code == 303
    page = unescape(mia.get(path).text)
    assert f'name="pin-{may}"' in page
    assert 'value="400"' in page
    compared = unescape(mia.get(f"{path}/compare").text)
    assert "version 1" in compared
    assert "+200" in compared
    assert mia.get(f"{path}/compare?before=3").status_code == 404
    old = unescape(mia.get(f"{path}?version=1").text)
    assert "not in force any more" in old
    assert "Split again" not in old
    outdated = mia.post(path, data=form)
    assert "Somebody split this plan meanwhile." in outdated.text
    assert 'value="400"' in outdated.text
    form = form | {"version": "2", f"pin-{may}": "9000"}
    # With the months that are over.
    assert "9400 is fixed below 2400" in unescape(mia.post(path, data=form).text)
    form[f"pin-{may}"] = "x"
    assert 'aria-invalid="true"' in mia.post(path, data=form).text
    form[f"pin-{may}"] = ""
    assert mia.post(path, data=form).status_code == 303
    with db.reading(cast.company.id) as uow:
        pinned = "select count(*) as n from target_node where version = :version and is_pinned"
        assert [uow.rows(pinned, version=one)[0].n for one in (2, 3)] == [1, 0]


def test_of_a_plan_from_above_somebody_sees_their_parts_and_sets_nothing(
    office: Office, cast: Cast, db: Database, mia: FlaskClient
) -> None:
    plan = set_from_above(db, cast, office)
    path = f"/targets/plans/{plan}"
    page = unescape(mia.get(path).text)
    assert "you see your parts of it" in page
    assert page.count("<td>Harbour</td>") == 12
    assert "Split again" not in page
    month = date(YEAR, 3, 1)
    harbour = place_of(month=month, region_id=cast.regions.harbour).node_id(plan)
    part = unescape(mia.get(f"{path}?part={harbour}").text)
    assert "North" in part
    assert f"March {YEAR}</a>" not in part
    for hidden in (place_of(month=month), place_of()):
        assert mia.get(f"{path}?part={hidden.node_id(plan)}").status_code == 404
    form = asked(cast, mia, version="1", part=str(harbour))
    assert mia.post(path, data=form).status_code == 404
    assert mia.post(f"{path}/rehearse", data=form).status_code == 404
    assert mia.post("/targets/plans", data=asked(cast, mia)).status_code == 404
    compared = unescape(mia.get(f"{path}/compare").text)
    assert "Harbour" in compared
    assert "Wharf</th>" not in compared
    overlapping = asked(cast, mia, region=str(cast.regions.harbour))
    assert "another plan sets the same" in mia.post("/targets/plans", data=overlapping).text


def test_plans_of_others_are_not_there(office: Office, cast: Cast, db: Database) -> None:
    plan = set_from_above(db, cast, office)
    sam = office.browser(cast.sam)
    for path in ("/targets/plans", f"/targets/plans/{plan}", f"/targets/plans/{plan}/compare"):
        assert sam.get(path).status_code == 404
    ada = office.browser(cast.ada)
    assert ada.get(f"/targets/plans/{UUID(int=5)}").status_code == 404
    assert ada.get(f"/targets/plans/{plan}?part={UUID(int=5)}").status_code == 404
    assert ada.get(f"/targets/plans/{plan}?part=x").status_code == 404
    assert "Set and split" in ada.get("/targets/").text
    assert "Set and split" not in sam.get("/targets/").text


def test_plans_are_exported_and_read_page_by_page(
    cast: Cast, mia: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for region in (cast.regions.north, cast.regions.south):
        mia.post("/targets/plans", data=asked(cast, mia, region=str(region)))
    mia.post("/targets/plans", data=asked(cast, mia, measure="PC"))
    monkeypatch.setattr("server.web.listing.ROWS_AT_ONCE", 1)
    with mia.get("/targets/plans?format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert [(row["Figure"], row["Region"]) for row in rows] == [
        ("PC", "WHARF"),
        ("TC", "NORTH"),
        ("TC", "SOUTH"),
    ]


def test_the_statements_of_plans_do_not_grow_with_them(
    cast: Cast, db: Database, mia: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia.post("/targets/plans", data=asked(cast, mia, region=str(cast.regions.north)))
    plan, counts = plan_of(db, cast), []
    for region in (cast.regions.south, None):
        for path in ("/targets/plans", f"/targets/plans/{plan.id}", "/targets/plans/new"):
            with counted_statements(monkeypatch) as statements:
                assert mia.get(path).status_code == 200
            counts.append(len(statements))
        if region is not None:
            mia.post("/targets/plans", data=asked(cast, mia, region=str(region)))
    assert counts[:3] == counts[3:]
    assert max(counts) <= 20, counts
