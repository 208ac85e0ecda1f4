"""Expressions of forms: what may be written, and what it gives."""

import tracemalloc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobile_contract.forms.expression import Expression, ExpressionFaulty, Result, Scope

TYPES: Mapping[str, Any] = {
    "own": "INT",
    "total": "INT",
    "promo": "BOOL",
    "state": "TEXT",
    "kinds": "TEXTS",
    "stock": None,
}
VALUES: Mapping[str, Any] = {
    "own": 3,
    "total": 8,
    "state": "good",
    "kinds": ["a", "b"],
    "answered": ["own", "total", "state", "kinds"],
    "visit_day": 20_780,
}


def read(source: str, result: Result = "INT") -> Expression:
    scope = Scope()
    for name, kind in TYPES.items():
        scope.add(name, kind)
    return scope.read(source, result)


@pytest.mark.parametrize(
    ("source", "result", "gives"),
    [
        ("100 * own / total", "INT", 37),
        ("-7 / 2", "INT", -3),
        ("-7 % 2", "INT", -1),
        ("total > 0 && own * 2 >= total", "BOOL", False),
        ("total > 5 ? own : 0", "INT", 3),
        ('state in ["good", "fair"]', "BOOL", True),
        ("state == 'good' && !('c' in kinds)", "BOOL", True),
        ("size(kinds) + size(state)", "INT", 6),
        ("visit_day % 7", "INT", 4),
        # Nothing that is not needed has to have a value, from whichever side.
        ('"promo" in answered && promo', "BOOL", False),
        ("promo && false", "BOOL", False),
        ("promo || true", "BOOL", True),
        ("promo", "BOOL", None),
        ("own / (total - 8)", "INT", None),
        ("own % 0", "INT", None),
        ("9223372036854775807 + own", "INT", None),
        # Past what every JSON reader keeps exact.
        ("9007199254740991 + own - own", "INT", 9_007_199_254_740_991),
        ("9007199254740991 + own", "INT", None),
    ],
)
def test_an_expression_gives(source: str, result: Result, gives: int | None) -> None:
    expression = read(source, result)
    assert expression.value(VALUES) is gives or expression.value(VALUES) == gives
    # The second time from what was kept.
    assert type(expression.value(VALUES)) is type(gives)


def test_size_counts_code_points() -> None:
    assert read("size(state)").value({**VALUES, "state": "é中😀"}) == 3


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("own + 1.5", "no expression of a form has"),
        ("1e3", "no expression of a form has"),
        ("own.x", "no expression of a form has"),
        ("kinds.exists(k, k == 'a')", "no expression of a form has"),
        ('{"a": 1}', "no expression of a form has"),
        ("own; total", "no expression of a form has"),
        ('state == "a\\n"', "no expression of a form has"),
        ("own\u00a0+ 1\u2028", "no expression of a form has"),
        ("kinds[0] == 'a'", "takes one value out of a list"),
        ("['a'][0] == 'a'", "takes one value out of a list"),
        ("int(state)", "calls int"),
        ("__import__('os')", "calls __import__"),
        ("matches(state, 'a')", "calls matches"),
        ("size", "names size"),
        ("later > 1", "names later, which stands nowhere before it"),
        ("null", "names null"),
        ("stock > 1", "names stock, whose answer no expression can read"),
        ("'later' in answered", "asks for 'later' in answered"),
        ("own == promo", "no matching overload"),
        ("own == '3'", "no matching overload"),
        ("promo + 1", "no matching overload"),
        ("promo ? 1 : 'a'", "no matching overload"),
        ("promo", "must give a whole number"),
        ("state", "must give a whole number"),
        ("own +", "is no expression"),
        ("9223372036854775808", "is no expression"),
        ("(" * 13 + "own" + ")" * 13, "nested deeper than 12"),
        ("own" + "+own" * 80, "more than 150 words"),
        ("own" + " + own" * 40, "recursion depth"),
        ("own" + " " * 500, "longer than 400"),
    ],
)
def test_what_is_no_expression_is_told(source: str, words: str) -> None:
    with pytest.raises(ExpressionFaulty) as refusal:
        read(source)
    assert words in str(refusal.value)


@settings(max_examples=150, deadline=None)
@given(
    st.text(
        alphabet="()[]!&|?:+-*/%<>='\"., 019aownstatekindspromoinsizetruefalse\\\n", max_size=60
    )
)
def test_whatever_is_written_is_read_or_told_and_never_breaks(source: str) -> None:
    try:
        expression = read(source)
    except ExpressionFaulty:
        return
    value = expression.value(VALUES)
    assert value is None or type(value) is int


def test_the_longest_expressions_are_worked_out_at_once() -> None:
    wide = read("own" + " + own" * 29)
    deep = read("(" * 12 + "own" + ")" * 12)
    chained = read("promo ? 1 : " * 9 + "own")
    assert (wide.value(VALUES), deep.value(VALUES)) == (90, 3)
    assert chained.value({**VALUES, "promo": False}) == 3


def test_threads_share_an_expression() -> None:
    expression = read("1000 * own / total")

    def many(total: int) -> bool:
        return all(
            expression.value({"own": own, "total": total}) == 1000 * own // total
            for own in range(400)
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(many, range(1, 9)))


def test_long_texts_are_not_kept() -> None:
    scope = Scope()
    scope.add("note", "TEXT")
    expression = scope.read("size(note) > 3", "BOOL")
    tracemalloc.start()
    try:
        for number in range(250):
            assert expression.value({"note": f"{number:05}" + "x" * 20_000}) is True
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("state < 'good'", "compares by size what is no whole number"),
        ("'a' >= state", "compares by size what is no whole number"),
        ("promo > false", "compares by size what is no whole number"),
        ("own > 1 && !(promo <= true)", "compares by size what is no whole number"),
        ("state + 'x' == 'goodx'", "adds what is no whole number"),
        ("size(state + state) > 3", "adds what is no whole number"),
        ("kinds + ['c'] == kinds", "adds what is no whole number"),
    ],
)
def test_only_whole_numbers_have_a_size_and_a_sum(source: str, says: str) -> None:
    scope = Scope()
    for name, kind in TYPES.items():
        scope.add(name, kind)
    with pytest.raises(ExpressionFaulty, match=says):
        scope.read(source, "BOOL")


def test_a_text_may_say_what_a_sign_is_called() -> None:
    scope = Scope()
    scope.add("state", "TEXT")
    assert scope.read("state == 'less_string'", "BOOL").value({"state": "less_string"}) is True
