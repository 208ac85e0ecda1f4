"""What of a form stands on what: the questions, parts of the score and measures that an answer goes into."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]

_TEXT = re.compile(r"""("[^"]*"|'[^']*')(\s+in\s+answered\b)?""")
_NAME = re.compile(r"[A-Za-z_]\w*")
_EXPRESSIONS = ("shown_when", "expression", "points", "applies_when")


@dataclass(frozen=True, slots=True)
class Needing:
    """A part of a form that needs an answer. `of` is questions, scores or measures; `key` its code or its measure."""

    of: str
    key: str
    named: Json


def names_in(expression: str) -> set[str]:
    """The questions that an expression names, by themselves or as answered."""
    asked = {found[1][1:-1] for found in _TEXT.finditer(expression) if found[2]}
    return asked | set(_NAME.findall(_TEXT.sub(" ", expression)))


def texts_in(expression: str) -> set[str]:
    """The texts that an expression compares with."""
    return {found[1][1:-1] for found in _TEXT.finditer(expression) if not found[2]}


def needed_of(part: Json) -> set[str]:
    """The questions that a question, a part of the score or a measure needs."""
    found = {name for field in _EXPRESSIONS if part.get(field) for name in names_in(part[field])}
    if part.get("tally"):
        found.add(part["tally"]["rows"])
    return found | {part[field] for field in ("over", "out_of") if part.get(field)}


def needing(definition: Json, code: str) -> Iterator[Needing]:
    """What needs the answer to a question, in the order of the form."""
    for of in ("questions", "scores", "measures"):
        for part in definition.get(of) or ():
            key = part.get("code") or part["measure"]
            if code in needed_of(part) and not (of == "questions" and key == code):
                yield Needing(of, key, part)


def needing_option(definition: Json, code: str, option: str) -> Iterator[Needing]:
    """What compares the answer to a question with one of its options."""
    for one in needing(definition, code):
        said = (one.named.get(field) or "" for field in _EXPRESSIONS)
        if any(code in names_in(text) and option in texts_in(text) for text in said):
            yield one


def conditions_on(question: Json, definition: Json) -> Iterator[tuple[Needing, Json]]:
    """The conditions on columns of a question with rows: those of its later columns, and of tallies over it."""
    for column in question.get("columns") or ():
        for condition in column.get("shown_when") or ():
            yield Needing("columns", column["code"], column), condition
    for other in definition.get("questions") or ():
        tally = other.get("tally") or {}
        if tally.get("rows") == question["code"]:
            needs = Needing("questions", other["code"], other)
            if tally.get("column"):
                yield needs, {"column": tally["column"]}
            for condition in tally.get("where") or ():
                yield needs, condition


def needing_column(
    definition: Json, question: Json, column: str, option: str | None = None
) -> Iterator[Needing]:
    """What needs a column of a question with rows, or one option of it."""
    seen: set[tuple[str, str]] = set()
    for needs, condition in conditions_on(question, definition):
        is_it = condition["column"] == column and (
            option is None or option in (condition.get("any_of") or ())
        )
        if is_it and (needs.of, needs.key) not in seen:
            seen.add((needs.of, needs.key))
            yield needs
