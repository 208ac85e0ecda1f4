"""The acts of the editor of forms: what a definition becomes, and what is refused because something stands on it."""

import copy
from typing import Any

import pytest

from mobile_contract.forms.template import faults_in
from server.forms import editing
from server.forms.asked_if import AskedIf, Clause, hows_of, read_asked_if
from server.forms.errors import EditRefused
from server.forms.fault_words import told_faults
from server.forms.points import Figure, Way, read_figure, read_way
from server.forms.references import names_in, needing
from server.forms.trying import try_form
from server.language import speaking
from tests.factories import TODAY
from tests.form_factories import STORE_CHECK, definition

Json = dict[str, Any]


def titles_of(form: Json) -> list[str]:
    return [question["title"] for question in form["questions"]]


def small() -> Json:
    form = editing.new_definition("SURVEY", "Survey", {"zh": "调查"})
    form, _ = editing.add_question(form, "BOOL", "Was one seen?", {})
    form, _ = editing.add_question(form, "INT", "How many?", {"zh": "多少？"})
    said = {**editing.find_question(form, "how_many"), "shown_when": "was_one_seen"}
    return editing.set_question(form, "how_many", said)


def test_what_the_editor_makes_is_what_the_contract_takes() -> None:
    form = small()
    assert faults_in(form) == []
    assert form["titles"] == {"zh": "调查"}
    assert [one["code"] for one in form["questions"]] == ["was_one_seen", "how_many"]


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Was one seen?", "was_one_seen_2"),
        ("多少？", "question_3"),
        ("Type", "type_2"),
        ("2 of them", "of_them"),
    ],
)
def test_a_code_is_made_of_the_title_and_is_nobody_elses(title: str, code: str) -> None:
    form, made = editing.add_question(small(), "TEXT", title, {})
    assert made == code
    assert faults_in(form) == []


def test_an_act_leaves_the_definition_that_it_was_given() -> None:
    before = small()
    kept = copy.deepcopy(before)
    editing.move_question(editing.add_question(before, "TEXT", "Why?", {})[0], "why", "up")
    assert before == kept


def test_a_question_that_others_stand_on_stays_and_they_are_told() -> None:
    with pytest.raises(EditRefused, match=r"“How many.” needs its answer"):
        editing.remove_question(small(), "was_one_seen")
    assert titles_of(editing.remove_question(small(), "how_many")) == ["Was one seen?"]
    for part in ("“Availability”", "OSA"):
        with pytest.raises(EditRefused, match=part):
            editing.remove_question(definition(), "present")


@pytest.mark.parametrize(("code", "way"), [("how_many", "up"), ("was_one_seen", "down")])
def test_a_question_never_passes_what_it_stands_on(code: str, way: str) -> None:
    with pytest.raises(EditRefused, match=r"“How many.” needs the answer to “Was one seen."):
        editing.move_question(small(), code, way)


def test_what_stands_on_nothing_is_moved_and_the_ends_stay() -> None:
    form, _ = editing.add_question(small(), "TEXT", "Why?", {})
    form = editing.move_question(form, "why", "up")
    assert titles_of(form) == ["Was one seen?", "Why?", "How many?"]
    assert editing.move_question(form, "was_one_seen", "up") == form


def test_a_kind_of_answer_stays_while_something_needs_it() -> None:
    with pytest.raises(EditRefused, match="stays of this kind") as refused:
        editing.set_question(small(), "was_one_seen", {"type": "TEXT", "title": "Seen?"})
    assert refused.value.field == "type"
    form = editing.set_question(small(), "how_many", {"type": "TEXT", "title": "How many?"})
    assert faults_in(form) == []


def test_a_choice_stays_while_something_compares_with_it() -> None:
    form = small()
    form, code = editing.add_question(form, "CHOICE", "Which?", {})
    options = editing.coded([{"title": "Red"}, {"title": "Blue"}, {"title": ""}], "option")
    assert [one["code"] for one in options] == ["red", "blue"]
    said = {"type": "CHOICE", "title": "Which?", "options": options}
    form = editing.set_question(form, code, said)
    form, _ = editing.add_question(form, "TEXT", "Why red?", {})
    why = {"type": "TEXT", "title": "Why red?", "shown_when": 'which == "red"'}
    form = editing.set_question(form, "why_red", why)
    with pytest.raises(EditRefused, match=r"“Red” stays: “Why red."):
        editing.set_question(form, code, {**said, "options": options[1:]})
    kept = editing.set_question(form, code, {**said, "options": options[:1]})
    assert faults_in(kept) == []


def test_a_column_stays_while_a_later_one_or_a_tally_needs_it() -> None:
    with pytest.raises(EditRefused, match="“Facings”, “Present”, “Applicable”"):
        editing.remove_column(definition(), "stock", "state")
    with pytest.raises(EditRefused, match="of the same row"):
        editing.move_column(definition(), "stock", "facings", "up")
    state = editing.find_column(editing.find_question(definition(), "stock"), "state")
    without = {**state, "options": state["options"][1:]}
    with pytest.raises(EditRefused, match="“yes” stays"):
        editing.set_column(definition(), "stock", "state", without)
    form = editing.set_column(definition(), "stock", "state", {**state, "title": "There?"})
    assert faults_in(form) == []


def test_the_last_part_of_a_score_stays_while_it_is_a_measure() -> None:
    form = editing.remove_score(definition(), "osa")
    with pytest.raises(EditRefused, match="store score"):
        editing.remove_score(form, "display")
    form = editing.remove_score(editing.set_measures(form, []), "display")
    assert "scores" not in form
    assert faults_in(form) == []


CLAUSES = (
    Clause("seen", "yes"),
    Clause("seen", "no"),
    Clause("kind", "is", "a"),
    Clause("kind", "not", "b"),
    Clause("means", "has", "x"),
    Clause("means", "lacks", "x"),
    Clause("number", ">=", -5),
    Clause("note", "answered"),
    Clause("note", "unanswered"),
)
QUESTIONS: list[Json] = [
    {"code": "seen", "type": "BOOL", "title": "Seen?"},
    {
        "code": "kind",
        "type": "CHOICE",
        "title": "Kind?",
        "options": [{"code": "a", "title": "A"}, {"code": "b", "title": "B"}],
    },
    {
        "code": "means",
        "type": "CHOICES",
        "title": "Means?",
        "options": [{"code": "x", "title": "X"}],
    },
    {"code": "number", "type": "INT", "title": "Number?"},
    {"code": "total", "type": "INT", "title": "Total?"},
    {"code": "note", "type": "TEXT", "title": "Note?"},
]


@pytest.mark.parametrize("is_any", [False, True])
def test_clauses_that_are_chosen_are_expressions_of_the_contract_and_come_back(
    is_any: bool,
) -> None:
    asked = AskedIf(CLAUSES[:8], is_any)
    last = {"code": "last", "type": "BOOL", "title": "Last?", "shown_when": asked.written()}
    assert faults_in({"code": "F", "title": "F", "questions": [*QUESTIONS, last]}) == []
    assert read_asked_if(asked.written(), QUESTIONS) == asked
    for clause in CLAUSES:
        assert read_asked_if(clause.written(), QUESTIONS) == AskedIf((clause,))


def test_every_clause_that_is_offered_is_an_expression_of_the_contract() -> None:
    for question in QUESTIONS:
        for how, option in hows_of(question):
            value: Any = option if option or how.strip("=!<>") else 3
            said = Clause(question["code"], how, value).written()
            last = {"code": "last", "type": "BOOL", "title": "Last?", "shown_when": said}
            assert faults_in({"code": "F", "title": "F", "questions": [*QUESTIONS, last]}) == []


@pytest.mark.parametrize(
    "written",
    ["seen && (number > 1 || number < 9)", "number * 2 > total", 'kind == "gone"', "other"],
)
def test_what_no_clauses_say_is_not_read_as_any(written: str) -> None:
    assert read_asked_if(written, QUESTIONS) is None


@pytest.mark.parametrize(
    "way",
    [
        Way("yes", "seen"),
        Way("no", "seen"),
        Way("number", "number"),
        Way("share", "number", "total"),
        Way("share", "number", "total", whole=25),
        Way("option", "kind", by_option={"a": 10, "b": 4}),
        Way("option", "kind"),
    ],
)
def test_a_way_to_points_is_an_expression_of_the_contract_and_comes_back(way: Way) -> None:
    points = way.written(10)
    score = {"code": "s", "title": "S", "weight": 1, "full": 10, "points": points}
    assert faults_in({"code": "F", "title": "F", "questions": QUESTIONS, "scores": [score]}) == []
    assert read_way(points, 10, QUESTIONS) == way


def test_points_that_no_way_says_stay_as_they_are_written() -> None:
    assert read_way("seen ? 6 + 2 * size(means) : 0", 10, QUESTIONS) is None
    assert read_way("25 * number / note", 10, QUESTIONS) is None
    assert read_figure("number - total + 1", QUESTIONS) is None
    for sign in ("+", "-", "*", "/", "100/", "1000/"):
        figure = Figure("number", sign, "total")
        assert read_figure(figure.written(), QUESTIONS) == figure


def test_the_names_in_an_expression_are_those_that_it_needs() -> None:
    assert names_in('"promo" in answered && kind == "promoted"') >= {"promo", "kind"}
    assert "promoted" not in names_in('kind == "promoted"')
    assert [one.key for one in needing(STORE_CHECK, "stock")] == [
        "present",
        "applicable",
        "own_facings",
    ]


def test_what_the_contract_finds_is_told_at_its_field_in_the_visitors_language() -> None:
    form, code = editing.add_question(small(), "CHOICE", "Which?", {})
    form, rows = editing.add_question(form, "ROWS", "Shelf", {})
    form, _ = editing.add_column(form, rows, "MONEY", "Price", {})
    with speaking("zh"):
        told = told_faults(faults_in(form), form)
    assert [(one.part, one.field) for one in told] == [
        (f"question:{code}", "options"),
        ("column:shelf:price", "currency"),
    ]
    assert all(not one.words.isascii() for one in told)


def test_a_form_is_tried_out_as_phones_work_it_out() -> None:
    tried = try_form(small(), {}, TODAY, {})
    assert tried is not None
    assert tried.filling.shown == ["was_one_seen"]
    tried = try_form(small(), {"was_one_seen": True, "how_many": "many"}, TODAY, {})
    assert tried is not None
    assert tried.filling.shown == ["was_one_seen", "how_many"]
    assert tried.answers == {"was_one_seen": True}


def test_what_has_faults_is_left_out_of_the_trial_and_so_is_what_stands_on_it() -> None:
    form, code = editing.add_question(small(), "CHOICE", "Which?", {})
    form, _ = editing.add_question(form, "TEXT", "Why?", {})
    said = {"type": "TEXT", "title": "Why?", "shown_when": f'"{code}" in answered'}
    form = editing.set_question(form, "why", said)
    tried = try_form(form, {}, TODAY, {})
    assert tried is not None
    assert tried.left_out == 2
    assert titles_of(dict(tried.definition)) == titles_of(small())
    assert try_form({**form, "code": ""}, {}, TODAY, {}) is None
