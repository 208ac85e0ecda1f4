"""Filling in a form: what is hidden, worked out, missing, scored and measured."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mobile_contract.forms.filling import Filling, NotOfTemplate, Points, fill_in, score_e2
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import read_template
from tests.form_factories import ANSWERS, COLA, COMPUTED, SCORE_E2, STORE_CHECK, TEA, definition

TODAY = day_number(date(2026, 11, 23))
TEMPLATE = read_template(STORE_CHECK)


def filled(**answers: Any) -> Filling:
    """The store check with these answers in place of some, None for none."""
    said = {k: v for k, v in {**ANSWERS, **answers}.items() if v is not None}
    return fill_in(TEMPLATE, said, TODAY)


def asked(*questions: dict[str, Any], **other: Any) -> Any:
    said = [{"title": "Q", **question} for question in questions]
    return read_template({"code": "FORM", "title": "Form", "questions": said, **other})


def test_what_follows_from_the_answers() -> None:
    found = filled()
    assert found.computed == COMPUTED
    assert found.points == [Points("osa", 3, 5, 10), Points("display", 1, 10, 10)]
    assert (found.score_over, found.score_out_of, found.score_e2) == (25, 40, SCORE_E2)
    assert (found.missing, found.past_limit, found.hidden) == ({}, {}, {})


def test_measures_are_told_by_product_where_they_are_counted_by_rows() -> None:
    osa, share, score = filled().measured
    assert (osa.over, osa.out_of) == (1, 2)
    assert osa.by_product == ((str(TEA), 1, 1), (str(COLA), 0, 1))
    assert (share.over, share.out_of, share.by_product) == (6, 24, ())
    assert (score.measure, score.over, score.out_of) == ("STORE_SCORE", 25, 40)


def test_an_item_that_is_not_listed_leaves_the_denominator() -> None:
    stock = {str(TEA): {"state": "present"}, str(COLA): {"state": "not_listed"}}
    found = filled(stock=stock)
    assert (found.computed["present"], found.computed["applicable"]) == (1, 1)


def test_a_score_that_does_not_apply_leaves_both_sums() -> None:
    found = filled(stock={str(TEA): {"state": "not_listed"}})
    assert [points.code for points in found.points] == ["display"]
    assert (found.score_over, found.score_out_of) == (10, 10)


def test_points_without_a_value_are_none_of_the_full_ones() -> None:
    found = filled(has_display=None)
    assert found.points[1] == Points("display", 1, 0, 10)
    assert found.missing == {"has_display": 1}


def test_points_stay_between_nothing_and_full() -> None:
    template = asked(
        {"code": "n", "type": "INT"},
        scores=[{"code": "s", "title": "S", "weight": 2, "full": 10, "points": "n"}],
    )
    points = [fill_in(template, {"n": n}, TODAY).points[0].points for n in (-3, 4, 11)]
    assert points == [0, 4, 10]


def test_where_nothing_applies_there_is_no_score() -> None:
    score = {"code": "s", "title": "S", "weight": 2, "full": 10, "points": "n", "applies_when": "n > 0"}  # fmt: skip
    found = fill_in(asked({"code": "n", "type": "INT"}, scores=[score]), {}, TODAY)
    assert (found.points, found.score_e2) == ([], None)


@given(st.lists(st.tuples(st.integers(1, 1000), st.integers(0, 10_000)), min_size=1, max_size=6))
def test_the_score_is_the_exact_share_rounded_half_up(parts: list[tuple[int, int]]) -> None:
    over = sum(weight * points for weight, points in parts)
    out_of = sum(weight * 10_000 for weight, _ in parts)
    exact = Fraction(10_000 * over, out_of)
    found = score_e2(over, out_of)
    assert found is not None
    assert Fraction(-1, 2) < found - exact <= Fraction(1, 2)


def test_a_hidden_question_says_nothing() -> None:
    found = filled(has_display=False, display_note="cans")
    assert found.hidden == {"display_note": 1}
    assert "display_note" not in found.shown
    template = asked(
        {"code": "a", "type": "BOOL"},
        {"code": "b", "type": "INT", "shown_when": "a", "required": True},
        {"code": "c", "type": "COMPUTED", "result": "INT", "expression": "b + 1"},
        {"code": "d", "type": "COMPUTED", "result": "BOOL", "expression": '"b" in answered'},
    )
    assert fill_in(template, {"a": False, "b": 3}, TODAY).computed == {"d": False}
    assert fill_in(template, {"a": False}, TODAY).missing == {}
    # Without a value nobody knows whether it is shown, so it is not.
    assert fill_in(template, {"b": 3}, TODAY).hidden == {"b": 1}
    assert fill_in(template, {"a": True, "b": 3}, TODAY).computed == {"c": 4, "d": True}


def test_a_hidden_answer_has_to_be_an_answer_all_the_same() -> None:
    with pytest.raises(NotOfTemplate):
        filled(has_display=False, display_note=3)


def test_a_hidden_cell_says_nothing() -> None:
    found = filled(stock={str(TEA): {"state": "absent", "facings": 9}})
    assert found.hidden == {"stock": 1}
    assert found.computed["own_facings"] == 0


def test_what_is_missing_is_counted() -> None:
    assert filled(stock=None, category_facings=None).missing == {"stock": 1, "category_facings": 1}
    assert filled(stock={str(TEA): {}, str(COLA): {"state": "absent"}}).missing == {"stock": 1}


def test_a_fixed_list_asks_for_each_of_its_rows() -> None:
    rows = {"source": "FIXED", "items": [{"code": c, "title": c} for c in ("a", "b", "c")]}
    template = asked(
        {
            "code": "prices",
            "type": "ROWS",
            "required": True,
            "rows": rows,
            "columns": [{"code": "n", "type": "INT", "title": "N", "required": True}],
        }
    )
    assert fill_in(template, {"prices": {"a": {"n": 1}, "b": {}}}, TODAY).missing == {"prices": 2}


def test_what_is_past_a_limit_is_told_with_its_size() -> None:
    stock = {str(TEA): {"state": "present", "facings": 51}, str(COLA): {"state": "absent"}}
    found = filled(stock=stock, category_facings=-1, display_note="x" * 41)
    assert found.past_limit == {"stock": 1, "category_facings": -1, "display_note": 41}


def test_tallies_of_days_are_read_against_the_day_of_the_visit() -> None:
    day = {"code": "day", "type": "DAY", "title": "D"}
    rows = {"code": "r", "type": "ROWS", "rows": {"source": "MUST_STOCK"}, "columns": [day]}

    def tally(code: str, take: str, **other: Any) -> dict[str, Any]:
        said = {"rows": "r", "take": take, "column": "day", **other}
        return {"code": code, "type": "TALLY", "tally": said}

    template = asked(
        rows,
        tally("age", "SUM", read_as="DAYS_SINCE"),
        tally("left", "MIN", read_as="DAYS_UNTIL"),
        tally("oldest", "MAX", read_as="DAYS_SINCE"),
        tally("aged", "COUNT"),
    )
    answers = {"r": {str(TEA): {"day": "2026-11-20"}, str(COLA): {"day": "2026-11-30"}}}
    found = fill_in(template, answers, TODAY).computed
    assert found == {"age": 3 - 7, "left": -3, "oldest": 3, "aged": 2}
    # Over no rows a sum is 0 and a least has no value; over no answer nothing has.
    assert fill_in(template, {"r": {}}, TODAY).computed == {"age": 0, "aged": 0}
    assert fill_in(template, {}, TODAY).computed == {}


def test_two_rows_of_one_product_are_one_product_in_its_measure() -> None:
    items = [
        {"code": code, "title": code, "product_code": "TEA", "product_id": str(TEA)}
        for code in ("shelf", "fridge")
    ]
    template = asked(
        {
            "code": "r",
            "type": "ROWS",
            "rows": {"source": "FIXED", "items": items},
            "columns": [{"code": "n", "type": "INT", "title": "N"}],
        },
        {"code": "sum", "type": "TALLY", "tally": {"rows": "r", "take": "SUM", "column": "n"}},
        {"code": "rows", "type": "TALLY", "tally": {"rows": "r", "take": "COUNT"}},
        measures=[{"measure": "STOCK_AGE", "over": "sum", "out_of": "rows"}],
    )
    (found,) = fill_in(template, {"r": {"shelf": {"n": 4}, "fridge": {"n": 5}}}, TODAY).measured
    assert found.by_product == ((str(TEA), 9, 2),)


@pytest.mark.parametrize(
    ("answers", "code", "where"),
    [
        ({"nix": 1}, "not_in_template", "nix"),
        ({"present": 3}, "not_in_template", "present"),
        ({"category_facings": "12"}, "wrong_answer_type", "category_facings"),
        ({"category_facings": True}, "wrong_answer_type", "category_facings"),
        ({"has_display": 1}, "wrong_answer_type", "has_display"),
        ({"display_note": ["a"]}, "wrong_answer_type", "display_note"),
        ({"stock": "x"}, "wrong_answer_type", "stock"),
        ({"stock": {"tea": {"state": "present"}}}, "wrong_answer_type", "stock.tea"),
        ({"stock": {str(TEA): {"state": "gone"}}}, "not_in_template", f"stock.{TEA}.state"),
        ({"stock": {str(TEA): {"state": 1}}}, "wrong_answer_type", f"stock.{TEA}.state"),
        ({"stock": {str(TEA): {"price": 1}}}, "not_in_template", f"stock.{TEA}.price"),
    ],
)
def test_what_cannot_be_read_as_an_answer_is_told(answers: Any, code: str, where: str) -> None:
    with pytest.raises(NotOfTemplate) as refusal:
        filled(**answers)
    assert (refusal.value.code, refusal.value.where) == (code, f"payload.answers.{where}")


@pytest.mark.parametrize(
    ("question", "good", "bad"),
    [
        ({"type": "DAY"}, "2026-02-28", "2026-02-30"),
        ({"type": "DAY"}, "2026-02-28", "20260228"),
        ({"type": "DAY"}, "2026-02-28", "2026-W09-6"),
        ({"type": "PHOTO"}, ["a" * 64], ["A" * 64]),
        ({"type": "PRODUCT"}, str(TEA), "tea"),
        ({"type": "MONEY", "currency": "CNY"}, 1250, "12.50"),
        ({"type": "CHOICES", "options": [{"code": "x", "title": "X"}]}, ["x"], ["x", "x"]),
        ({"type": "CHOICES", "options": [{"code": "x", "title": "X"}]}, [], ["y"]),
        ({"type": "CHOICE", "options": [{"code": "x", "title": "X"}]}, "x", "y"),
        ({"type": "TEXT"}, "", 0),
    ],
)
def test_each_type_takes_its_answers_only(question: Any, good: Any, bad: Any) -> None:
    template = asked({"code": "a", **question})
    assert fill_in(template, {"a": good}, TODAY).shown == ["a"]
    with pytest.raises(NotOfTemplate):
        fill_in(template, {"a": bad}, TODAY)


def test_a_day_is_seen_as_a_whole_number_of_days() -> None:
    template = asked(
        {"code": "day", "type": "DAY"},
        {"code": "since", "type": "COMPUTED", "result": "INT", "expression": "visit_day - day"},
    )
    assert fill_in(template, {"day": "2026-11-01"}, TODAY).computed == {"since": 22}
    assert day_number(date(1970, 1, 1)) == 0


def test_a_definition_may_leave_out_scores_and_measures() -> None:
    said = definition()
    del said["scores"], said["measures"]
    found = fill_in(read_template(said), ANSWERS, TODAY)
    assert (found.score_e2, found.measured) == (None, [])
