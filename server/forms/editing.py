"""What the editor of forms does to a definition: pure acts, each from a definition to the next one.

A draft need not be whole: what a definition lacks is told by the contract's own check. What an act would break is
refused, with what stands on it.
"""

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from mobile_contract.forms.expression import RESERVED
from mobile_contract.records.form_template import (
    ASKED,
    COLUMN_TYPES,
    COLUMNS_MAX,
    QUESTIONS_MAX,
    SCORES_MAX,
    WORKED_OUT,
)
from server.forms.errors import EditRefused, NoSuchForm
from server.forms.references import (
    Needing,
    needed_of,
    needing,
    needing_column,
    needing_option,
)
from server.forms.words import told_title
from server.language import Said, listed, sentence

Json = Mapping[str, Any]
Definition = dict[str, Any]

_CODE_MAX: Final = 30
_STEPS: Final = {"up": -1, "down": 1}
HEAD: Final = ("title", "titles", "step", "channels", "classes", "divisions")
# What an answer of one of these means depends on, so that it stays while something compares with the answer.
_MEANING: Final = ("decimals", "currency", "result")


def new_definition(code: str, title: str, titles: Json) -> Definition:
    """A form that asks nothing yet."""
    return _clean({"code": code, "title": title, "titles": dict(titles), "questions": []})


def copied(definition: Json, code: str, title: str, titles: Json) -> Definition:
    """The same form under another code and name."""
    return _clean(
        {**copy.deepcopy(dict(definition)), "code": code, "title": title, "titles": titles}
    )


def set_head(definition: Json, head: Json) -> Definition:
    """What the form is called, where it is offered and for whom."""
    rest = {name: value for name, value in definition.items() if name not in HEAD}
    found = _clean({"code": rest.pop("code"), **{name: head.get(name) for name in HEAD}})
    return {**found, **rest}


def find_question(definition: Json, code: str) -> Json:
    """A question by its code. Raises NoSuchForm."""
    found: Json = _find(definition["questions"], code)
    return found


def find_column(question: Json, code: str) -> Json:
    """A column of a question with rows. Raises NoSuchForm."""
    found: Json = _find(question.get("columns") or (), code)
    return found


def find_score(definition: Json, code: str) -> Json:
    """A part of the score. Raises NoSuchForm."""
    found: Json = _find(definition.get("scores") or (), code)
    return found


def before_question(definition: Json, code: str) -> list[Json]:
    """The questions that stand before one: what it may stand on."""
    questions = definition["questions"]
    return list(questions[: _index(questions, code)])


# ---- questions ---------------------------------------------------------------------------


def add_question(definition: Json, kind: str, title: str, titles: Json) -> tuple[Definition, str]:
    """A question at the end, with a code made of its title; returns the code as well."""
    found = _copy(definition)
    questions = found["questions"]
    if len(questions) >= QUESTIONS_MAX:
        raise EditRefused(Said("a form has at most {number} questions", number=QUESTIONS_MAX))
    if kind not in {*ASKED, *WORKED_OUT}:
        raise EditRefused(Said("Choose one of the list."), "type")
    code = code_of(title, {one["code"] for one in questions}, f"question_{len(questions) + 1}")
    question: Definition = {"code": code, "type": kind, "title": title, "titles": dict(titles)}
    if kind == "ROWS":
        question |= {"rows": {"source": "MUST_STOCK"}}
    if kind == "COMPUTED":
        question |= {"result": "INT"}
    questions.append(_clean(question))
    return found, code


def set_question(definition: Json, code: str, said: Json) -> Definition:
    """The fields of a question as they are said; its code and its columns stay. Raises EditRefused."""
    found = _copy(definition)
    questions = found["questions"]
    index = _index(questions, code)
    was = questions[index]
    will = _clean({"code": code, **{name: value for name, value in said.items() if name != "code"}})
    if will["type"] == "ROWS" == was["type"] and was.get("columns"):
        will["columns"] = was["columns"]
    means = ("type", *_MEANING)
    if [was.get(name) for name in means] != [will.get(name) for name in means]:
        _refuse_if(
            needing(definition, code),
            sentence("stays of this kind: {needing} needs its answer"),
            "type" if was["type"] != will["type"] else "decimals",
        )
    for gone in _codes(was, "options") - _codes(will, "options"):
        _refuse_if(
            needing_option(definition, code, gone),
            sentence("“{option}” stays: {needing} needs it"),
            "options",
            option=_title_of(was["options"], gone),
        )
    questions[index] = will
    return found


def move_question(definition: Json, code: str, way: str) -> Definition:
    """A question one place up or down. Raises EditRefused where it would pass what it stands on, or what stands on it."""
    found = _copy(definition)
    questions = found["questions"]
    _move(questions, code, way, needed_of, "question")
    return found


def remove_question(definition: Json, code: str) -> Definition:
    """The form without a question. Raises EditRefused where something needs its answer, saying what."""
    find_question(definition, code)
    _refuse_if(
        needing(definition, code), sentence("this question stays: {needing} needs its answer")
    )
    found = _copy(definition)
    found["questions"] = [one for one in found["questions"] if one["code"] != code]
    return found


# ---- columns -----------------------------------------------------------------------------


def add_column(
    definition: Json, code: str, kind: str, title: str, titles: Json
) -> tuple[Definition, str]:
    """Something more to ask in each row; returns its code as well."""
    found = _copy(definition)
    question = _find(found["questions"], code)
    columns = question.setdefault("columns", [])
    if len(columns) >= COLUMNS_MAX:
        raise EditRefused(Said("a list has at most {number} columns", number=COLUMNS_MAX))
    if kind not in COLUMN_TYPES:
        raise EditRefused(Said("Choose one of the list."), "type")
    column = code_of(title, {one["code"] for one in columns}, f"column_{len(columns) + 1}")
    columns.append(_clean({"code": column, "type": kind, "title": title, "titles": dict(titles)}))
    return found, column


def set_column(definition: Json, code: str, column: str, said: Json) -> Definition:
    """The fields of a column as they are said; its code stays. Raises EditRefused."""
    found = _copy(definition)
    question = _find(found["questions"], code)
    columns = question.get("columns") or []
    index = _index(columns, column)
    was = columns[index]
    will = _clean({"code": column, **{name: each for name, each in said.items() if name != "code"}})
    if was["type"] != will["type"]:
        words = sentence("stays of this kind: {needing} needs its answer")
        _refuse_if(needing_column(definition, question, column), words, "type")
    for gone in _codes(was, "options") - _codes(will, "options"):
        _refuse_if(
            needing_column(definition, question, column, gone),
            sentence("“{option}” stays: {needing} needs it"),
            "options",
            option=_title_of(was["options"], gone),
        )
    columns[index] = will
    return found


def move_column(definition: Json, code: str, column: str, way: str) -> Definition:
    """A column one place up or down. Raises EditRefused where it would pass what it stands on, or what stands on it."""
    found = _copy(definition)
    columns = _find(found["questions"], code).get("columns") or []
    _move(columns, column, way, _columns_needed, "column")
    return found


def remove_column(definition: Json, code: str, column: str) -> Definition:
    """A question without a column. Raises EditRefused where something needs it, saying what."""
    found = _copy(definition)
    question = _find(found["questions"], code)
    find_column(question, column)
    words = sentence("this column stays: {needing} needs its answer")
    _refuse_if(needing_column(definition, question, column), words)
    question["columns"] = [one for one in question["columns"] if one["code"] != column]
    if not question["columns"]:
        del question["columns"]
    return found


# ---- score and measures ------------------------------------------------------------------


def add_score(definition: Json, title: str, titles: Json, points: str) -> tuple[Definition, str]:
    """A part of the score that reaches 10 points; returns its code as well."""
    found = _copy(definition)
    scores = found.setdefault("scores", [])
    if len(scores) >= SCORES_MAX:
        raise EditRefused(Said("a score has at most {number} parts", number=SCORES_MAX))
    code = code_of(title, {one["code"] for one in scores}, f"score_{len(scores) + 1}")
    said = {"code": code, "title": title, "titles": dict(titles), "weight": 1, "full": 10}
    scores.append(_clean({**said, "points": points}))
    return found, code


def set_score(definition: Json, code: str, said: Json) -> Definition:
    """A part of the score as it is said; its code stays."""
    found = _copy(definition)
    scores = found.get("scores") or []
    scores[_index(scores, code)] = _clean({"code": code, **said})
    return found


def move_score(definition: Json, code: str, way: str) -> Definition:
    """A part of the score one place up or down."""
    found = _copy(definition)
    _move(found.get("scores") or [], code, way, lambda _: set(), "score")
    return found


def remove_score(definition: Json, code: str) -> Definition:
    """The form without a part of its score. Raises EditRefused where it is the last that a measure needs."""
    find_score(definition, code)
    found = _copy(definition)
    found["scores"] = [one for one in found["scores"] if one["code"] != code]
    if not found["scores"]:
        measures = [one["measure"] for one in definition.get("measures") or ()]
        if "STORE_SCORE" in measures:
            raise EditRefused(Said("this part stays: the store score needs a score"))
        del found["scores"]
    return found


def set_measures(definition: Json, measures: Sequence[Json]) -> Definition:
    """Which measures the form feeds, and from what."""
    found = {name: value for name, value in _copy(definition).items() if name != "measures"}
    return _clean({**found, "measures": [dict(one) for one in measures]})


# ---- lists of options and rows -----------------------------------------------------------


def coded(listed_parts: Iterable[Json], prefix: str) -> list[Definition]:
    """Options or rows as they were typed: one without a code gets one of its title, one without a title goes."""
    parts = [dict(one) for one in listed_parts if one.get("title")]
    taken = {one["code"] for one in parts if one.get("code")}
    for number, one in enumerate(parts, 1):
        if not one.get("code"):
            one["code"] = code_of(one["title"], taken, f"{prefix}_{number}")
            taken.add(one["code"])
    return [_clean({"code": one.pop("code"), **one}) for one in parts]


def code_of(title: str, taken: Iterable[str], otherwise: str) -> str:
    """A code that says what a title says, and that is not taken."""
    words = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_").lstrip("0123456789_")
    begun = words[:_CODE_MAX].rstrip("_") or otherwise
    used = {*taken, *RESERVED}
    code, number = begun, 2
    while code in used:
        code = f"{begun[: _CODE_MAX - 4].rstrip('_')}_{number}"
        number += 1
    return code


def swapped(parts: list[Any], index: int, way: str) -> list[Any]:
    """A list with one of its parts a place up or down, where there is one."""
    found, other = list(parts), index + _STEPS[way]
    if 0 <= index < len(found) and 0 <= other < len(found):
        found[index], found[other] = found[other], found[index]
    return found


# ---- below -------------------------------------------------------------------------------


def _move(parts: list[Any], code: str, way: str, needs: Any, what: str) -> None:
    index = _index(parts, code)
    other = index + _STEPS[way]
    if not 0 <= other < len(parts):
        return
    first, second = sorted((index, other))
    if parts[first]["code"] in needs(parts[second]):
        words = {
            "question": sentence("“{later}” needs the answer to “{earlier}”: it stays behind it"),
            "column": sentence("“{later}” needs “{earlier}” of the same row: it stays behind it"),
        }[what]
        later, earlier = told_title(parts[second]), told_title(parts[first])
        raise EditRefused(Said(words, later=later, earlier=earlier))
    parts[index], parts[other] = parts[other], parts[index]


def _columns_needed(column: Json) -> set[str]:
    return {one["column"] for one in column.get("shown_when") or ()}


def _refuse_if(found: Iterable[Needing], words: str, field: str = "", **figures: str) -> None:
    needs: list[Said | str] = [Said("“{title}”", title=_called(one)) for one in found]
    if needs:
        raise EditRefused(Said(words, needing=listed(needs), **figures), field)


def _called(one: Needing) -> str:
    return told_title(one.named) if one.named.get("title") else one.key


def _copy(definition: Json) -> Definition:
    return copy.deepcopy(dict(definition))


def _clean(part: Json) -> Definition:
    """Without what says nothing: a definition leaves out what is absent."""
    return {
        name: value
        for name, value in part.items()
        if name == "questions"
        or (value is not None and value is not False and value not in ("", [], {}, ()))
    }


def _index(parts: Sequence[Json], code: str) -> int:
    for index, one in enumerate(parts):
        if one["code"] == code:
            return index
    raise NoSuchForm(Said("there is no {code} in this form", code=code))


def _find(parts: Sequence[Any], code: str) -> Any:
    return parts[_index(parts, code)]


def _codes(part: Json, name: str) -> set[str]:
    return {one["code"] for one in part.get(name) or ()}


def _title_of(parts: Sequence[Json], code: str) -> str:
    return told_title(_find(parts, code))
