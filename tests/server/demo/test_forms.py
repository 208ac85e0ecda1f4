"""The demo's forms can be used as they are: by an office as files, by a phone as forms."""

from typing import Any

import pytest

from mobile_contract.forms.filling import fill_in
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import faults_in, read_template
from server.demo.forms import form_definitions
from tests.factories import TODAY
from tests.form_factories import COLA, TEA

FORMS = {definition["code"]: definition for definition in form_definitions()}


@pytest.mark.parametrize("definition", FORMS.values(), ids=list(FORMS))
def test_a_form_has_no_faults_and_is_told_in_two_languages(definition: dict[str, Any]) -> None:
    assert faults_in(definition) == []
    titled = [definition, *definition["questions"], *definition.get("scores", ())]
    for question in definition["questions"]:
        titled += question.get("options", [])
        titled += question.get("columns", [])
    assert [each["title"] for each in titled if "zh" not in each["titles"]] == []


def test_the_demo_asks_about_what_the_trade_is_about() -> None:
    assert set(FORMS) == {
        "STORE_CHECK",
        "COMPETITOR_PRICES",
        "COMPETITOR_CAMPAIGN",
        "COUNTERFEIT",
        "CONSUMER_SURVEY",
    }


def test_the_store_check_comes_to_its_measures_and_score() -> None:
    answers = {
        "is_open": True,
        "stock": {
            str(TEA): {
                "state": "present",
                "facings": 8,
                "made_on": "2026-02-02",
                "expires_on": "2026-08-01",
                "shelf_life": 180,
            },
            str(COLA): {"state": "absent"},
        },
        "category_facings": 40,
        "has_display": True,
        "display_kind": ["end_cap"],
        "display_photo": ["a" * 64],
        "price_tags": True,
        "is_clean": "fair",
    }
    found = fill_in(read_template(FORMS["STORE_CHECK"]), answers, day_number(TODAY))
    assert (found.missing, found.past_limit, found.hidden) == ({}, {}, {})
    assert {each.measure: (each.over, each.out_of) for each in found.measured} == {
        "OSA": (1, 2),
        "SHARE_OF_SHELF": (8, 40),
        "STOCK_AGE": (30, 1),
        "FRESHNESS": (150, 180),
        "STORE_SCORE": (655, 1000),
    }
    assert [(each.code, each.points) for each in found.points] == [
        ("osa", 5),
        ("share", 5),
        ("fresh", 10),
        ("display", 8),
        ("price_tags", 10),
        ("clean", 5),
    ]


def test_a_closed_shop_has_no_score_and_is_asked_why() -> None:
    found = fill_in(read_template(FORMS["STORE_CHECK"]), {"is_open": False}, day_number(TODAY))
    assert (found.score_e2, found.missing) == (None, {"closed_why": 1})


def test_something_expired_is_asked_about_and_costs_points() -> None:
    stock = {str(TEA): {"state": "present", "expires_on": "2026-03-01", "shelf_life": 180}}
    answers = {"is_open": True, "stock": stock, "expired_removed": True}
    found = fill_in(read_template(FORMS["STORE_CHECK"]), answers, day_number(TODAY))
    assert found.computed["has_expired"] is True
    assert "expired_removed" in found.shown
    assert next(each.points for each in found.points if each.code == "fresh") == 4
