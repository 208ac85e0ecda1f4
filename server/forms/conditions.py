"""When a question is shown, in plain words: the expressions that forms mostly have. Any other is told as it is written."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from server.forms.words import told_decimal, told_title
from server.language import sentence, tell

Json = Mapping[str, Any]

_ATOM = re.compile(
    r"""(?P<not>!)?\s*(?:
        (?P<open>\()?\s*(?P<text>"[^"]*"|'[^']*')\s+in\s+(?P<list>\w+)\s*(?(open)\))
      | (?P<name>[a-z]\w*)\s*(?:(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>-?\d+|"[^"]*"|'[^']*'|true|false))?
    )""",
    re.VERBOSE,
)
_SIGNS = {
    "==": sentence("“{question}” is {value}"),
    "!=": sentence("“{question}” is not {value}"),
    "<": sentence("“{question}” is less than {value}"),
    "<=": sentence("“{question}” is at most {value}"),
    ">": sentence("“{question}” is more than {value}"),
    ">=": sentence("“{question}” is at least {value}"),
}

_TAKEN = {
    "COUNT": sentence("how many rows of “{rows}”"),
    "SUM": sentence("the sum of “{column}” in “{rows}”"),
    "MIN": sentence("the least “{column}” in “{rows}”"),
    "MAX": sentence("the most “{column}” in “{rows}”"),
}


def told_condition(expression: str, questions: Sequence[Json]) -> str:
    """An expression over questions in words, or as it is written."""
    named = {question["code"]: question for question in questions}
    parts: list[str] = []
    joined = {"&&": tell(" and "), "||": tell(" or ")}
    pieces = re.split(r"\s*(&&|\|\|)\s*", expression.strip())
    for piece in pieces:
        told = joined.get(piece) or _told_atom(piece, named)
        if told is None or (piece in joined and len(joined.keys() & set(pieces)) > 1):
            return expression
        parts.append(told)
    return "".join(parts)


def told_row_condition(conditions: Sequence[Json], columns: Sequence[Json]) -> str:
    """When a column of a row is asked, in words."""
    named = {column["code"]: column for column in columns}
    told = []
    for condition in conditions:
        column = named.get(condition["column"])
        title = condition["column"] if column is None else told_title(column)
        values = condition.get("any_of")
        if values is None:
            told.append(tell("“{question}” is answered", question=title))
        else:
            words = tell(" or ").join(_told_value(column or {}, value) for value in values)
            told.append(tell("“{question}” is {value}", question=title, value=words))
    return tell(" and ").join(told)


def told_tally(tally: Json, questions: Sequence[Json]) -> str:
    """What a tally counts, of which rows, in words."""
    asked = next((one for one in questions if one["code"] == tally["rows"]), None)
    columns: Sequence[Json] = () if asked is None else asked.get("columns") or ()
    rows = tally["rows"] if asked is None else told_title(asked)
    named = {column["code"]: told_title(column) for column in columns}
    code = tally.get("column")
    told = tell(_TAKEN[tally["take"]], rows=rows, column=named.get(code, code))
    if not tally.get("where"):
        return told
    where = told_row_condition(tally["where"], columns)
    return tell("{what}, where {condition}", what=told, condition=where)


def _told_atom(piece: str, named: Mapping[str, Json]) -> str | None:
    read = _ATOM.fullmatch(piece.strip())
    if read is None:
        return None
    is_not = read["not"] is not None
    if read["text"] is not None:
        return _told_in(read["text"][1:-1], read["list"], named, is_not=is_not)
    question = named.get(read["name"])
    if question is None or (is_not and read["sign"] is not None):
        return None
    title = told_title(question)
    if read["sign"] is None:
        words = tell("no") if is_not else tell("yes")
        return tell("“{question}” is {value}", question=title, value=words)
    value: Any = read["value"]
    if value in {"true", "false"}:
        value = value == "true"
    elif value[0] in "\"'":
        value = value[1:-1]
    else:
        value = int(value)
    return tell(_SIGNS[read["sign"]], question=title, value=_told_value(question, value))


def _told_in(text: str, list_: str, named: Mapping[str, Json], *, is_not: bool) -> str | None:
    if list_ == "answered":
        question = named.get(text)
        if question is None:
            return None
        said = "“{question}” is not answered" if is_not else "“{question}” is answered"
        return tell(said, question=told_title(question))
    question = named.get(list_)
    if question is None:
        return None
    value = _told_value(question, text)
    if is_not:
        return tell("“{question}” has not {value}", question=told_title(question), value=value)
    return tell("“{question}” has {value}", question=told_title(question), value=value)


def _told_value(question: Json, value: bool | int | str) -> str:
    if isinstance(value, bool):
        return tell("yes") if value else tell("no")
    if isinstance(value, int):
        return told_decimal(value, question.get("decimals") or 0)
    for option in question.get("options") or ():
        if option["code"] == value:
            return f"“{told_title(option)}”"
    return f"“{value}”"
