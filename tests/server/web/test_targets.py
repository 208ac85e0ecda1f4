"""How far targets are, of the positions that somebody sees, a month or one position month by month."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from html import unescape
from uuid import UUID, uuid5

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, insert, select

from sync.kinds.target.table import target, target_plan, target_plan_version
from sync.organisation import position
from tests.factories import TODAY, Cast, Person
from tests.measures_factories import add_visit, moment
from tests.server.web.conftest import Office
from tests.sync.talking import counted_statements

MARCH, PLAN = TODAY.replace(day=1), UUID(int=99)


def add_targets(
    owner_engine: Engine, cast: Cast, held: Sequence[tuple[Person, date, str | None, int]]
) -> None:
    """Targets of calls: of whom, of which month, of which product group, and how many."""
    company = {"company_id": cast.company.id}
    with owner_engine.begin() as connection:
        region = connection.scalar(
            select(position.c.region_id).where(position.c.id == cast.sam.position_id)
        )
        connection.execute(
            insert(target_plan).values(
                **company, id=PLAN, year=2026, measure="TC", region_id=region, version=1
            )
        )
        connection.execute(
            insert(target_plan_version).values(
                **company,
                target_plan_id=PLAN,
                version=1,
                total=4,
                weight_last_year=0,
                weight_potential=0,
                weight_equal=1000,
                options={},
                from_month=MARCH,
                made_by="test",
            )
        )
        for person, month, group, amount in held:
            connection.execute(
                insert(target).values(
                    **company,
                    id=uuid5(person.id, f"{month} {group}"),
                    position_id=person.position_id,
                    month=month,
                    measure="TC",
                    product_group=group,
                    target_plan_id=PLAN,
                    amount=amount,
                    actual=0,
                    working_days_gone=0,
                    working_days=22,
                    as_of=moment(cast.company, TODAY, 8),
                )
            )


@pytest.fixture
def browser(office: Office, owner_engine: Engine) -> FlaskClient:
    """Mia's, with two people's targets: Ana has made one of four calls of March."""
    cast = office.cast
    february = date(2026, 2, 1)
    add_targets(
        owner_engine,
        cast,
        [(cast.ana, MARCH, None, 4), (cast.ben, MARCH, None, 5), (cast.ana, february, None, 8)],
    )
    with owner_engine.begin() as connection:
        add_visit(connection, cast.company, cast.ana, cast.ana_stores[0])
    return office.browser(cast.mia)


def rows_of(client: FlaskClient, question: str) -> list[dict[str, str]]:
    with client.get(f"/targets/?{question}&format=csv") as made:
        return list(csv.DictReader(io.StringIO(made.data.decode("utf-8-sig"))))


def test_the_targets_of_a_month_are_listed_with_how_far_they_are(browser: FlaskClient) -> None:
    rows = rows_of(browser, "month=2026-03")
    assert [(row["Target"], row["So far"], row["Of the target (%)"]) for row in rows] == [
        ("4", "1", "25.0"),
        ("5", "0", "0.0"),
    ]
    text = unescape(browser.get("/targets/?month=2026-03").text)
    assert text.count("<tr>") == 3
    assert "March 2026" in text


def test_one_position_is_listed_month_by_month(office: Office, browser: FlaskClient) -> None:
    question = f"month=2026-03&position={office.cast.ana.position_id}"
    rows = rows_of(browser, question)
    assert [(row["Month"], row["Target"]) for row in rows] == [("2026-02", "8"), ("2026-03", "4")]


def test_pages_of_targets_follow_each_other(
    browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.listing.ROWS_AT_ONCE", 1)
    assert len(rows_of(browser, "month=2026-03")) == 2
    for mark in ("nonsense", "[]", '["x","y","z","",null]'):
        assert browser.get("/targets/", query_string={"after": mark}).status_code == 404


@pytest.mark.parametrize("question", ["month=2026-13", "month=1-1", "position=x", "measure=x"])
def test_targets_of_what_is_none_are_not_there(browser: FlaskClient, question: str) -> None:
    assert browser.get(f"/targets/?{question}").status_code == 404


def test_targets_that_somebody_may_not_see_are_not_there(
    office: Office, browser: FlaskClient
) -> None:
    assert browser.get(f"/targets/?position={UUID(int=3)}").status_code == 404
    assert browser.get(f"/targets/?region={UUID(int=3)}").status_code == 404
    assert office.browser(office.cast.ana).get("/targets/").status_code == 404


def test_the_statements_of_targets_do_not_grow_with_them(
    office: Office, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []
    for question in ("month=2026-03", f"month=2026-03&position={office.cast.ana.position_id}"):
        with counted_statements(monkeypatch) as statements:
            assert browser.get(f"/targets/?{question}").status_code == 200
        counts.append(len(statements))
    assert max(counts) <= 20, counts
