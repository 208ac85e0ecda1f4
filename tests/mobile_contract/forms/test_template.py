"""Definitions of forms: what is wrong with one is told, all of it, each with its place."""

from typing import Any

import pytest

from mobile_contract.forms.template import TemplateFaulty, faults_in, read_template
from tests.form_factories import STORE_CHECK, definition


def places(said: Any) -> dict[str, str]:
    return {fault.where: fault.words for fault in faults_in(said)}


def asking(*questions: dict[str, Any], **other: Any) -> dict[str, Any]:
    said = [{"title": "Q", **question} for question in questions]
    return {"code": "FORM", "title": "Form", "questions": said, **other}


def test_a_good_definition_has_no_faults() -> None:
    assert faults_in(STORE_CHECK) == []
    assert [question.code for question in read_template(STORE_CHECK).questions][:2] == [
        "stock",
        "present",
    ]


def test_every_fault_is_told_with_its_place() -> None:
    said = definition()
    said["questions"][4]["tally"]["column"] = "nothing"
    said["questions"][6]["shown_when"] = "has_display +"
    said["questions"].append({"code": "has_display", "type": "CHOICE", "title": "Again"})
    said["scores"][0]["points"] = "has_display"
    said["measures"].append({"measure": "FRESHNESS", "over": "display_note", "out_of": "present"})
    assert list(places(said)) == [
        "questions[4].tally.column",
        "questions[6].shown_when",
        "questions[7].code",
        "questions[7].options",
        "scores[0].points",
        "measures[3].over",
    ]


def test_what_is_not_in_the_schema_is_told_before_anything_else() -> None:
    assert places({"code": "store", "questions": [{"code": "A", "type": "FLOAT"}]}) == {
        "code": "must be capital letters, digits, hyphens and underscores, a letter first, at most 40",
        "title": "is missing",
        "questions[0].code": "must be lower-case letters, digits and underscores, a letter first, at most 30",
        "questions[0].type": "must be one of BOOL, INT, MONEY, TEXT, CHOICE, CHOICES, DAY, PHOTO, PRODUCT, ROWS, COMPUTED, TALLY",
        "questions[0].title": "is missing",
    }
    assert places([]) == {"": "must be an object"}


@pytest.mark.parametrize(
    ("said", "where"),
    [
        (asking({"code": "a", "type": "INT", "options": [{"code": "x", "title": "X"}]}), "questions[0].options"),
        (asking({"code": "a", "type": "MONEY"}), "questions[0].currency"),
        (asking({"code": "a", "type": "INT", "minimum": 2, "maximum": 1}), "questions[0].minimum"),
        (asking({"code": "a", "type": "TEXT", "minimum": -1}), "questions[0].minimum"),
        (asking({"code": "a", "type": "PHOTO", "maximum": 61}), "questions[0].maximum"),
        (asking({"code": "in", "type": "INT"}), "questions[0].code"),
        (asking({"code": "visit_day", "type": "INT"}), "questions[0].code"),
        (
            asking({"code": "a", "type": "COMPUTED", "result": "INT", "expression": "a + 1"}),
            "questions[0].expression",
        ),
        (
            asking({"code": "a", "type": "COMPUTED", "result": "INT", "expression": "1", "required": True}),
            "questions[0].required",
        ),
        (
            asking({"code": "a", "type": "BOOL", "shown_when": "b"}, {"code": "b", "type": "BOOL"}),
            "questions[0].shown_when",
        ),
        (
            asking({"code": "a", "type": "CHOICE", "options": [{"code": "x", "title": "X"}] * 2}),
            "questions[0].options[1].code",
        ),
        (
            asking({"code": "a", "type": "ROWS", "rows": {"source": "FIXED"}, "columns": [{"code": "n", "type": "INT", "title": "N"}]}),
            "questions[0].rows.items",
        ),
        (
            asking({"code": "a", "type": "ROWS", "rows": {"source": "CATEGORY"}, "columns": [{"code": "n", "type": "INT", "title": "N"}]}),
            "questions[0].rows.category",
        ),
        (
            asking(
                {
                    "code": "a",
                    "type": "ROWS",
                    "rows": {"source": "FIXED", "items": [{"code": "x", "title": "X"}]},
                    "columns": [{"code": "n", "type": "INT", "title": "N", "prefill": "SHELF_LIFE_DAYS"}],
                }
            ),
            "questions[0].columns[0].prefill",
        ),
        (asking({"code": "a", "type": "TALLY", "tally": {"rows": "b", "take": "COUNT"}}), "questions[0].tally.rows"),
        (asking({"code": "a", "type": "INT"}, measures=[{"measure": "STORE_SCORE"}]), "measures[0].measure"),
        (asking({"code": "a", "type": "INT"}, measures=[{"measure": "OSA", "over": "a"}]), "measures[0].out_of"),
    ],
)  # fmt: skip
def test_a_fault_is_told_at_its_place(said: Any, where: str) -> None:
    assert list(places(said)) == [where]


@pytest.mark.parametrize(
    ("tally", "name"),
    [
        ({"take": "SUM"}, "column"),
        ({"take": "SUM", "column": "state"}, "column"),
        ({"take": "SUM", "column": "day"}, "read_as"),
        ({"take": "MAX", "column": "n", "read_as": "DAYS_SINCE"}, "read_as"),
        ({"take": "COUNT", "read_as": "DAYS_SINCE"}, "read_as"),
        ({"take": "COUNT", "where": [{"column": "state", "any_of": ["z"]}]}, "where[0].any_of[0]"),
        ({"take": "COUNT", "where": [{"column": "n", "any_of": ["1"]}]}, "where[0].any_of[0]"),
        ({"take": "COUNT", "where": [{"column": "z"}]}, "where[0].column"),
    ],
)
def test_a_faulty_tally_is_told(tally: dict[str, Any], name: str) -> None:
    said = asking(
        {
            "code": "rows",
            "type": "ROWS",
            "rows": {"source": "MUST_STOCK"},
            "columns": [
                {"code": "n", "type": "INT", "title": "N"},
                {"code": "day", "type": "DAY", "title": "D"},
                {
                    "code": "state",
                    "type": "CHOICE",
                    "title": "S",
                    "options": [{"code": "x", "title": "X"}],
                },
            ],
        },
        {"code": "a", "type": "TALLY", "tally": {"rows": "rows", **tally}},
    )
    assert list(places(said)) == [f"questions[1].tally.{name}"]


def test_a_faulty_definition_is_not_read() -> None:
    with pytest.raises(TemplateFaulty, match=r"questions\[0\].currency is missing"):
        read_template(asking({"code": "a", "type": "MONEY"}))
