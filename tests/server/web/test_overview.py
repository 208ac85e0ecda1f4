"""The overview says what the facts come to, and each figure leads to the facts behind it."""

import csv
import io
import json
from datetime import timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import Engine, insert

from sync.kinds.target.table import target, target_plan, target_plan_version
from tests.factories import TODAY, Cast
from tests.measures_factories import add_frozen_plan, add_order, add_visit, moment
from tests.server.web.conftest import Office, token_in
from tests.sync.talking import counted_statements

MARCH = "period=2026-03"


@pytest.fixture
def facts(owner_engine: Engine, cast: Cast) -> dict[str, UUID]:
    """Two people's day: Ana visits two of three planned stores and sells at one, Ben one of one."""
    company, named = cast.company, {}
    with owner_engine.begin() as connection:
        add_frozen_plan(connection, company, cast.ana.position_id, TODAY, cast.ana_stores)
        add_frozen_plan(connection, company, cast.ben.position_id, TODAY, cast.ben_stores[:1])
        named["first"] = add_visit(connection, company, cast.ana, cast.ana_stores[0], hour=9)
        named["odd"] = add_visit(
            connection, company, cast.ana, cast.ana_stores[1], hour=10, flags=["too_short"]
        )
        named["ben"] = add_visit(
            connection, company, cast.ben, cast.ben_stores[0], flags=["too_short"]
        )
        add_visit(connection, company, cast.ana, cast.ana_stores[0], day=TODAY - timedelta(days=28))
        named["order"] = add_order(
            connection, company, cast.ana, cast.ana_stores[0], [(UUID(int=7), 2, 4_000)]
        )
    return named


def part(client: FlaskClient, name: str, question: str = MARCH) -> str:
    """A part of the overview as it is fetched by the page."""
    answer = client.get(f"/overview/{name}?{question}", headers={"HX-Request": "true"})
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


def cells(text: str) -> list[list[str]]:
    """The rows of the table, without their marks."""
    rows = text.partition("<tbody")[2].partition("</tbody>")[0].split("<tr>")[1:]
    return [
        [
            "".join(piece.partition(">")[2] for piece in cell.split("<")).strip()
            for cell in row.split("<td")[1:]
        ]
        for row in rows
    ]


@pytest.mark.usefixtures("facts")
def test_figures_are_of_all_that_somebody_sees_or_of_what_it_is_narrowed_to(office: Office) -> None:
    of_all = part(office.browser(office.cast.mia), "figures")
    assert "3 of 4" in of_all
    assert "CN¥40.00" in of_all
    at_ana = f"{MARCH}&position={office.cast.ana.position_id}"
    assert "2 of 3" in part(office.browser(office.cast.sam), "figures", at_ana)


@pytest.mark.usefixtures("facts")
def test_a_figure_is_held_against_the_period_before(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    assert "+200.0% against 1 before" in part(mia, "figures")


@pytest.mark.usefixtures("facts")
def test_a_figure_is_held_against_the_targets_of_the_positions(
    office: Office, owner_engine: Engine
) -> None:
    cast, plan = office.cast, UUID(int=99)
    company = {"company_id": cast.company.id}
    with owner_engine.begin() as connection:
        region = connection.exec_driver_sql(
            f"select region_id from position where id = '{cast.ana.position_id}'"
        ).scalar_one()
        connection.execute(
            insert(target_plan).values(
                **company, id=plan, year=2026, measure="TC", region_id=region, version=1
            )
        )
        connection.execute(
            insert(target_plan_version).values(
                **company,
                target_plan_id=plan,
                version=1,
                total=4,
                weight_last_year=0,
                weight_potential=0,
                weight_equal=1000,
                options={},
                from_month=TODAY.replace(day=1),
                made_by="test",
            )
        )
        connection.execute(
            insert(target).values(
                **company,
                id=UUID(int=98),
                position_id=cast.ana.position_id,
                month=TODAY.replace(day=1),
                measure="TC",
                target_plan_id=plan,
                amount=4,
                actual=0,
                working_days_gone=0,
                working_days=22,
                as_of=moment(cast.company, TODAY, 8),
            )
        )
    mia = office.browser(cast.mia)
    at_ana = f"{MARCH}&position={cast.ana.position_id}"
    assert "50.0% of the target 4" in part(mia, "figures", at_ana)
    assert "of the target" not in part(mia, "figures", "period=2026-03-01..2026-03-07")


@pytest.mark.usefixtures("facts")
def test_the_table_is_sorted_by_any_figure_and_pages_follow_each_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia = office.browser(office.cast.mia)
    up, down = (
        [row[0] for row in cells(part(mia, "groups", f"{MARCH}&sort={sort}"))]
        for sort in ("TC", "-TC")
    )
    assert up == down[::-1]
    assert len(up) == 2
    monkeypatch.setattr("server.web.listing.ROWS_A_PAGE", 1)
    first = part(mia, "groups", f"{MARCH}&sort=-TC")
    place = first.partition('class="pages"')[2].partition('href="')[2].partition('"')[0]
    second = unescape(mia.get(place, headers={"HX-Request": "true"}).text)
    assert [cells(first)[0][0], cells(second)[0][0]] == down
    for mark in ("nonsense", '[0,"1e999999","",""]', "[0,1]", "{}"):
        assert mia.get("/overview/groups", query_string={"after": mark}).status_code == 404
    assert mia.get("/overview/groups?sort=nonsense").status_code == 404


@pytest.mark.usefixtures("facts")
def test_the_table_is_a_file_with_its_units(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    with mia.get(f"/overview/groups?{MARCH}&format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert {row["Coverage of the plan (%)"] for row in rows} == {"66.7", "100.0"}
    assert {row["Net value (CNY minor units)"] for row in rows} == {"4000", ""}
    with mia.get(f"/overview/groups?{MARCH}&format=xlsx") as made:
        book = load_workbook(io.BytesIO(made.data), read_only=True)
    assert sum(1 for _ in book.worksheets[0].iter_rows()) == 3


def test_every_figure_of_the_table_leads_to_as_many_facts_as_it_counts(
    office: Office, facts: dict[str, UUID]
) -> None:
    mia = office.browser(office.cast.mia)
    text = part(mia, "groups", f"{MARCH}&show=visits")
    places = [
        piece.partition('"')[0] for piece in text.split('href="')[1:] if piece.startswith("/facts/")
    ]
    of_calls = [
        place for place in places if dict(parse_qsl(urlsplit(place).query))["measure"] == "TC"
    ]
    assert sorted(len(cells(unescape(mia.get(place).text))) for place in of_calls) == [1, 2]
    for place in places:
        assert mia.get(place).status_code == 200, place
    order = unescape(mia.get(f"/facts/?{MARCH}&measure=NET_VALUE").text)
    assert f"/orders/{facts['order']}" in order
    assert "CN¥40.00" in order


def test_a_visit_that_does_not_count_is_shown_with_why(
    office: Office, facts: dict[str, UUID]
) -> None:
    mia = office.browser(office.cast.mia)
    token = token_in(mia.get("/flags/?first=2026-03-01&last=2026-03-31"))
    chosen = f"{facts['odd']}~too_short"
    mia.post(
        "/flags/",
        data={"_token": token, "id": chosen, "decision": "REJECTED", "reason": "not there"},
    )
    counted = unescape(mia.get(f"/facts/?{MARCH}&measure=TC").text)
    everything = unescape(mia.get(f"/facts/?{MARCH}&measure=TC&all=1").text)
    assert (len(cells(counted)), len(cells(everything))) == (2, 3)
    assert "too short rejected" in everything


def test_facts_are_exported_whole_a_page_at_a_time(
    office: Office, facts: dict[str, UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_AT_ONCE", 1)
    mia = office.browser(office.cast.mia)
    with mia.get(f"/facts/?{MARCH}&measure=TC&format=csv") as made:
        rows = list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))
    assert len(rows) == len({row["When"] + row["Store"] for row in rows}) == 3
    assert facts


@pytest.mark.usefixtures("facts")
def test_charts_have_every_day_and_what_is_read_beside_it(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    told = json.loads(mia.get(f"/overview/series?{MARCH}&measure=TC").data)
    assert len(told["trend"]["labels"]) == len(told["trend"]["now"]) == 31
    assert [step for step in told["trend"]["now"] if step is not None] == [3]
    assert [step for step in told["trend"]["before"] if step is not None] == [1]
    assert told["bars"]["told"] == ["2", "1"]


def test_what_somebody_may_not_see_is_not_there(office: Office, facts: dict[str, UUID]) -> None:
    cast = office.cast
    ben = office.browser(cast.ben)
    assert ben.get("/overview/").status_code == 404
    sam, mia = office.browser(cast.sam), office.browser(cast.mia)
    nobody = UUID(int=5)
    for client in (sam, mia):
        for name in ("region", "position", "person"):
            assert client.get(f"/overview/?{name}={nobody}").status_code == 404
            assert client.get(f"/facts/?measure=TC&{name}={nobody}").status_code == 404
    assert facts


@pytest.mark.parametrize(
    "question",
    [
        "period=2026-13",
        "period=1999-01",
        "first=2026-03-02&last=2026-03-01",
        "by=nonsense",
        "show=nonsense",
        "person=nonsense",
        "measure=nonsense",
        "channel=%00",
    ],
)
def test_a_question_that_is_none_is_not_there(office: Office, question: str) -> None:
    assert office.browser(office.cast.mia).get(f"/overview/?{question}").status_code == 404


@pytest.mark.usefixtures("facts")
def test_every_set_of_figures_is_told_by_everything(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    for show in ("main", "visits", "sales", "store", "work"):
        assert "card" in part(mia, "figures", f"{MARCH}&show={show}")
        for by in ("person", "channel", "product"):
            assert "By " in part(mia, "groups", f"{MARCH}&show={show}&by={by}")
    for by in ("position", "region", "division", "store_class", "product_group", "week", "month"):
        assert "By " in part(mia, "groups", f"{MARCH}&by={by}")
        assert mia.get(f"/overview/series?{MARCH}&by={by}").status_code == 200, by


@pytest.mark.usefixtures("facts")
def test_the_statements_of_the_overview_grow_with_nothing(
    office: Office, owner_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mia = office.browser(office.cast.mia)
    paths = ("/overview/", "/overview/figures", "/overview/groups", "/overview/series")
    counts: dict[str, list[int]] = {}
    for _ in range(2):
        for path in (*paths, "/overview/now", "/facts/?measure=TC", "/flags/"):
            asked = f"{path}{'&' if '?' in path else '?'}{MARCH}"
            with counted_statements(monkeypatch) as statements:
                assert mia.get(asked).status_code == 200
            counts.setdefault(path, []).append(len(statements))
        with owner_engine.begin() as connection:
            for store in office.cast.ben_stores:
                add_visit(connection, office.cast.company, office.cast.ben, store, hour=15)
    assert all(len(set(found)) == 1 for found in counts.values()), counts
    assert max(max(found) for found in counts.values()) <= 40, counts


def flags_of(client: FlaskClient, more: str = "") -> list[str]:
    """What is chosen to decide about the flags of March."""
    text = client.get(f"/flags/?first=2026-03-01&last=2026-03-31{more}").text
    return [piece.partition('"')[0] for piece in text.split('name="id" value="')[1:]]


def test_flags_are_chosen_from_those_that_a_visit_can_have(office: Office) -> None:
    text = office.browser(office.cast.mia).get("/flags/").text
    for name, is_offered in {"too_short": True, "overlapping": True, "blurred": False}.items():
        assert (f'<option value="{name}"' in text) is is_offered


def test_several_flags_are_decided_at_once_with_a_reason(
    office: Office, facts: dict[str, UUID]
) -> None:
    mia = office.browser(office.cast.mia)
    waiting = flags_of(mia)
    assert set(waiting) == {f"{facts[name]}~too_short" for name in ("odd", "ben")}
    token = token_in(mia.get("/flags/"))
    form = {"_token": token, "id": waiting, "decision": "REJECTED"}
    told = mia.post("/flags/", data=form, follow_redirects=True).text
    assert 'role="alert"' in told
    assert len(flags_of(mia)) == 2
    told = mia.post(
        "/flags/", data={**form, "reason": "both too short"}, follow_redirects=True
    ).text
    assert "2 flags are decided." in told
    assert flags_of(mia) == []
    assert len(flags_of(mia, "&which=all")) == 2
    assert "both too short" in mia.get("/flags/?first=2026-03-01&last=2026-03-31&which=all").text


def test_of_flags_that_somebody_may_not_decide_none_is_decided(
    office: Office, facts: dict[str, UUID]
) -> None:
    mia = office.browser(office.cast.mia)
    token = token_in(mia.get("/flags/"))
    for wrong in (f"{UUID(int=3)}~too_short", f"{facts['ben']}~nonsense", "nonsense", "~"):
        form = {
            "_token": token,
            "id": [f"{facts['odd']}~too_short", wrong],
            "decision": "ACCEPTED",
            "reason": "looked",
        }
        assert mia.post("/flags/", data=form).status_code == 404, wrong
    assert len(flags_of(mia)) == 2
    assert flags_of(mia, f"&region={UUID(int=4)}") == []


@pytest.mark.usefixtures("facts")
def test_days_are_told_as_people_say_them_and_stay_in_their_order(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    told = [row[0] for row in cells(part(mia, "groups", f"{MARCH}&show=visits&by=day"))]
    assert f"{TODAY:%a}, {TODAY.day} {TODAY:%b %Y}" in told
    months = [row[0] for row in cells(part(mia, "groups", f"{MARCH}&show=visits&by=month"))]
    assert months == ["March 2026"]
    with mia.get(f"/overview/groups?{MARCH}&show=visits&by=day&format=csv") as sent:
        days = [row[0] for row in csv.reader(io.StringIO(sent.data.decode("utf-8-sig")))][1:]
    assert days == sorted(days)
    assert TODAY.isoformat() in days
