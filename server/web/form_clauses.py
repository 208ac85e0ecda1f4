"""When something is asked, in the editor of forms: clauses on earlier questions, and conditions on columns of a row."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from server.forms.asked_if import SIGNS, AskedIf, Clause, hows_of, read_asked_if
from server.language import tell
from server.web.filled import Filled
from server.web.form_numbers import read_scaled, told_scaled

Json = Mapping[str, Any]
Typed = dict[str, str | list[str]]


def typed_when(expression: str | None, earlier: Sequence[Json]) -> Typed:
    """When something is asked, as it stands in the form."""
    read = read_asked_if(expression, earlier)
    if read is None:
        return {"when": [], "when_number": [], "when_kept": "1", "joiner": "all"}
    named = {question["code"]: question for question in earlier}
    return {
        "when": [_encoded(one) for one in read.clauses],
        "when_number": [
            told_scaled(named[one.question], one.value) if isinstance(one.value, int) else ""
            for one in read.clauses
        ],
        "joiner": "any" if read.is_any else "all",
    }


def read_when(form: Filled, was: str | None, earlier: Sequence[Json]) -> str | None:
    """When something is asked, as it was chosen; what was written elsewhere stays where that is ticked."""
    if was is not None and form["when_kept"] == "1":
        return was
    named = {question["code"]: question for question in earlier}
    clauses = []
    for said, number in zip(form.every("when"), form.every("when_number"), strict=False):
        if not said:
            continue
        code, _, rest = said.partition(" ")
        how, _, option = rest.partition(" ")
        question = named.get(code)
        if question is None or (how, option or None) not in set(hows_of(question)):
            form.fault("when", tell("Choose one of the list."))
            continue
        value: str | int | None = option or None
        if how in SIGNS:
            value = read_scaled(form, "when", number.strip(), question)
            if value is None:
                form.fault("when", tell("Say with which number it is compared."))
                continue
        clauses.append(Clause(code, how, value))
    return AskedIf(tuple(clauses), form["joiner"] == "any").written()


def _encoded(one: Clause) -> str:
    value = one.value if isinstance(one.value, str) else ""
    return f"{one.question} {one.how} {value}".rstrip()


def typed_where(conditions: Iterable[Json]) -> list[str]:
    found: list[str] = []
    for condition in conditions:
        values = condition.get("any_of")
        if values is None:
            found.append(condition["column"])
        else:
            found += [f"{condition['column']}={written_value(value)}" for value in values]
    return found


def written_value(value: bool | str) -> str:
    """A value of a column as it stands in the form."""
    return ("true" if value else "false") if isinstance(value, bool) else value


def read_where(form: Filled, columns: Sequence[Json]) -> list[dict[str, Any]]:
    """Conditions on columns, as they were ticked."""
    ticked: dict[str, list[str]] = {}
    for said in form.every("where"):
        column, equals, value = said.partition("=")
        values = ticked.setdefault(column, [])
        if equals:
            values.append(value)
    found = []
    for asked in columns:
        if asked["code"] not in ticked:
            continue
        condition: dict[str, Any] = {"column": asked["code"]}
        values = ticked[asked["code"]]
        if values:
            is_bool = asked["type"] == "BOOL"
            condition["any_of"] = [value == "true" if is_bool else value for value in values]
        found.append(condition)
    return found
