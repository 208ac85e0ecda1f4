"""Forms in words: kinds of answers, what a version changes, and what the editor offers to choose."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from server.forms.asked_if import SIGNS, hows_of
from server.forms.conditions import told_condition, told_row_condition, told_tally
from server.forms.editing import before_question
from server.forms.points import is_figure, read_way
from server.forms.words import told_decimal, told_title
from server.identity.setting_words import STEP_NAMES
from server.language import sentence, tell, told_money, told_number
from server.web.form_clauses import written_value
from server.web.form_fields import NEVER_ASKED, fields_of
from server.web.form_figures import ways_of

COUNTED_DAYS = timedelta(days=30)
COUNTED_MAX = 10_000
Json = Mapping[str, Any]

TYPES = {
    "BOOL": sentence("a yes or a no"),
    "INT": sentence("whole number"),
    "MONEY": sentence("amount of money"),
    "TEXT": sentence("text"),
    "CHOICE": sentence("one of these"),
    "CHOICES": sentence("any of these"),
    "DAY": sentence("day"),
    "PHOTO": sentence("photos"),
    "PRODUCT": sentence("a product"),
    "ROWS": sentence("a list, row by row"),
    "COMPUTED": sentence("worked out by the phone"),
    "TALLY": sentence("counted from a list"),
}
SOURCES = {
    "FIXED": sentence("rows of the form"),
    "MUST_STOCK": sentence("products that the store must stock"),
    "CATEGORY": sentence("products of a category"),
}
WHAT = {
    "added": (sentence("added"), "good"),
    "removed": (sentence("removed"), "bad"),
    "changed": (sentence("changed"), ""),
    "moved": (sentence("moved"), ""),
}
PARTS = {
    "form": sentence("the form itself"),
    "questions": sentence("question"),
    "scores": sentence("score"),
    "measures": sentence("measure"),
}
FIELDS = {
    "title": sentence("words"),
    "help": sentence("more words"),
    "type": sentence("kind of answer"),
    "required": sentence("must be answered"),
    "shown_when": sentence("shown when"),
    "options": sentence("choices"),
    "minimum": sentence("least"),
    "maximum": sentence("most"),
    "unit": sentence("unit"),
    "columns": sentence("columns"),
    "rows": sentence("rows"),
    "expression": sentence("formula"),
    "weight": sentence("weight"),
    "full": sentence("full points"),
    "points": sentence("points"),
    "step": sentence("step of the call"),
    "channels": sentence("channels"),
    "classes": sentence("classes"),
    "divisions": sentence("divisions"),
}
HOWS = {
    "yes": sentence("“{question}” is yes"),
    "no": sentence("“{question}” is no"),
    "is": sentence("“{question}” is {value}"),
    "not": sentence("“{question}” is not {value}"),
    "has": sentence("“{question}” has {value}"),
    "lacks": sentence("“{question}” has not {value}"),
    "answered": sentence("“{question}” is answered"),
    "unanswered": sentence("“{question}” is not answered"),
    "==": sentence("“{question}” is the number"),
    "!=": sentence("“{question}” is not the number"),
    "<": sentence("“{question}” is less than the number"),
    "<=": sentence("“{question}” is at most the number"),
    ">": sentence("“{question}” is more than the number"),
    ">=": sentence("“{question}” is at least the number"),
}
WAYS = {
    "yes": sentence("all points where “{question}” is yes"),
    "no": sentence("all points where “{question}” is no"),
    "option": sentence("by what is chosen in “{question}”"),
    "number": sentence("as many as “{question}” says"),
}
FIGURE_SIGNS = {
    "+": sentence("plus"),
    "-": sentence("less"),
    "*": sentence("times"),
    "/": sentence("divided by"),
    "100/": sentence("as a percentage of"),
    "1000/": sentence("in thousandths of"),
}
TAKES = {
    "COUNT": sentence("how many rows"),
    "SUM": sentence("the sum"),
    "MIN": sentence("the least"),
    "MAX": sentence("the most"),
}
DAYS_READ = {
    "DAYS_SINCE": sentence("days since then"),
    "DAYS_UNTIL": sentence("days until then"),
}
MEASURE_NAMES = {
    "OSA": sentence("On-shelf availability"),
    "SHARE_OF_SHELF": sentence("Share of shelf"),
    "STOCK_AGE": sentence("Stock age"),
    "FRESHNESS": sentence("Freshness"),
    "STORE_SCORE": sentence("Store score"),
}


def told_words(definition: Json) -> dict[str, Any]:
    """What templates tell questions with."""
    questions: Sequence[Json] = definition["questions"]
    return {
        "told_title": told_title,
        "types": {name: tell(words) for name, words in TYPES.items()},
        "sources": {name: tell(words) for name, words in SOURCES.items()},
        "steps": {name: tell(words) for name, words in STEP_NAMES.items()},
        "what": {name: (tell(words), tone) for name, (words, tone) in WHAT.items()},
        "parts": {name: tell(words) for name, words in PARTS.items()},
        "told_field": _told_field,
        "shown_when": lambda question: told_condition(question["shown_when"], questions),
        "asked_when": lambda column, columns: told_row_condition(column["shown_when"], columns),
        "tallied": lambda tally: told_tally(tally, questions),
        "bounds": _bounds,
    }


def _told_field(name: str) -> str:
    return tell(FIELDS[name]) if name in FIELDS else name


def _bounds(asked: Json) -> str | None:
    """From least to most, as the answer is told."""
    least, most = asked.get("minimum"), asked.get("maximum")
    if least is None and most is None:
        return None
    currency = asked.get("currency")

    def told(number: Any) -> str:
        if currency is not None:
            return told_money(number, currency)
        return told_decimal(number, asked.get("decimals") or 0)

    if most is None:
        return tell("at least {number}", number=told(least))
    if least is None:
        return tell("at most {number}", number=told(most))
    return tell("from {least} to {most}", least=told(least), most=told(most))


def editor_words(definition: Json) -> dict[str, Any]:
    """What the editor offers to choose from."""
    questions: Sequence[Json] = definition["questions"]
    return {
        **told_words(definition),
        "definition": definition,
        "type_names": [(name, tell(words)) for name, words in TYPES.items()],
        "column_types": [(name, tell(TYPES[name])) for name in _COLUMN_TYPES],
        "source_names": [(name, tell(words)) for name, words in SOURCES.items()],
        "fields_of": fields_of,
        "never_asked": NEVER_ASKED,
        "before": lambda question: before_question(definition, question["code"]),
        "clauses": _clauses,
        "signs": SIGNS,
        "ways": [
            (f"{how} {code}", tell(WAYS[how], question=_title(questions, code)))
            for how, code in ways_of(questions)
        ],
        "told_points": lambda score: _told_points(score, questions),
        "figures": _figures,
        "figure_signs": [(name, tell(words)) for name, words in FIGURE_SIGNS.items()],
        "takes": [(name, tell(words)) for name, words in TAKES.items()],
        "days_read": [("", "–"), *((name, tell(words)) for name, words in DAYS_READ.items())],
        "measure_names": [(name, tell(words)) for name, words in MEASURE_NAMES.items()],
        "whole": [
            (one["code"], told_title(one))
            for one in questions
            if one["type"] != "DAY" and is_figure(one)
        ],
        "row_choices": _row_choices,
    }


_COLUMN_TYPES = ("BOOL", "INT", "MONEY", "TEXT", "CHOICE", "DAY")


def _title(questions: Sequence[Json], code: str) -> str:
    return next((told_title(one) for one in questions if one["code"] == code), code)


def _told_points(score: Json, questions: Sequence[Json]) -> str | None:
    """Where its points come from; None where it is told as it is written."""
    way = read_way(score["points"], score["full"], questions)
    if way is None:
        return None
    of, out_of = _title(questions, way.of), _title(questions, way.out_of)
    if way.how == "share":
        points = told_number(way.whole or score["full"])
        return tell("{points} points × {over} / {out_of}", points=points, over=of, out_of=out_of)
    return tell(WAYS[way.how], question=of)


def _figures(questions: Sequence[Json]) -> list[tuple[str, str]]:
    found = [(one["code"], told_title(one)) for one in questions if is_figure(one)]
    return [("", "–"), *found]


def _clauses(questions: Sequence[Json]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be chosen of each question: (its title, [(value, words)])."""
    found = []
    for question in questions:
        title = told_title(question)
        options = {one["code"]: told_title(one) for one in question.get("options") or ()}
        offered = []
        for how, option in hows_of(question):
            value = "" if option is None else f"“{options[option]}”"
            code = f"{question['code']} {how} {option or ''}".rstrip()
            offered.append((code, tell(HOWS[how], question=title, value=value)))
        found.append((title, offered))
    return found


def _row_choices(columns: Sequence[Json]) -> list[tuple[str, list[tuple[str, str]]]]:
    """What can be ticked of each column: (its title, [(value, words)])."""
    found = []
    for column in columns:
        offered = [(column["code"], tell("answered at all"))]
        if column["type"] == "BOOL":
            for value, words in ((True, tell("yes")), (False, tell("no"))):
                offered.append((f"{column['code']}={written_value(value)}", words))
        offered += [
            (f"{column['code']}={option['code']}", told_title(option))
            for option in column.get("options") or ()
        ]
        found.append((told_title(column), offered))
    return found
