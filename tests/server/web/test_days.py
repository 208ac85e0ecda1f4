"""The map's people come in parts, each of them once, whoever comes and goes meanwhile."""

import json
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine

from server.web.days import PEOPLE_AT_ONCE
from tests.factories import TODAY, add_occupancy, add_person, add_position
from tests.measures_factories import add_frozen_plan
from tests.server.web.conftest import Office

NUMBER = 2 * PEOPLE_AT_ONCE + 3
PLACES = "/days/places"


def people_of_the_north(office: Office, owner_engine: Engine) -> None:
    """So many more reps, each with one store planned."""
    company = office.cast.company
    with owner_engine.begin() as connection:
        for number in range(NUMBER):
            person = add_person(connection, company, f"Rep{number:02}")
            position = add_position(
                connection,
                company,
                f"N{number:02}",
                role="rep",
                region_id=office.cast.regions.north,
            )
            add_occupancy(connection, company, position_id=position, person_id=person)
            add_frozen_plan(connection, company, position, TODAY, office.cast.ana_stores[:1])


def parts_of(browser: FlaskClient) -> list[Any]:
    """All parts, as the map's script asks for them."""
    parts = [json.loads(browser.get(PLACES, query_string={"day": TODAY}).data)]
    while parts[-1]["more"]:
        answer = browser.get(PLACES, query_string={"day": TODAY, "after": parts[-1]["more"]})
        parts.append(json.loads(answer.data))
    return parts


def test_people_come_in_parts_each_of_them_once_and_by_name(
    office: Office, owner_engine: Engine
) -> None:
    people_of_the_north(office, owner_engine)
    parts = parts_of(office.browser(office.cast.mia))
    names = [person["name"] for part in parts for person in part["people"]]
    assert len(parts) == 3
    assert len(names) == len(set(names)) >= NUMBER
    assert names == sorted(names)
    assert sum(part["totals"]["planned"] for part in parts) == NUMBER


def test_the_page_has_the_first_part_and_each_other_part_brings_its_lines(
    office: Office, owner_engine: Engine
) -> None:
    people_of_the_north(office, owner_engine)
    mia = office.browser(office.cast.mia)
    first, *others = parts_of(mia)
    page = mia.get(f"/days/?day={TODAY}").text
    assert page.count("data-person-id") == PEOPLE_AT_ONCE
    assert "list" not in first
    for part in others:
        listed = part["list"]
        assert listed.count("data-person-id") == len(part["people"])
        assert all(person["id"] in listed for person in part["people"])


def test_totals_are_told_with_the_page_where_everybody_is_on_it(
    office: Office, owner_engine: Engine
) -> None:
    mia = office.browser(office.cast.mia)
    assert "planned stops visited" in mia.get(f"/days/?day={TODAY}").text.split("data-words")[0]
    people_of_the_north(office, owner_engine)
    assert "planned stops visited" not in mia.get(f"/days/?day={TODAY}").text.split("data-words")[0]


def test_a_mark_that_is_none_is_not_there(office: Office) -> None:
    mia = office.browser(office.cast.mia)
    assert mia.get(PLACES, query_string={"day": TODAY, "after": "nobody"}).status_code == 404
