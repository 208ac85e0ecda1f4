"""A form that is being made, tried out: as a phone would show it with these answers, by the same rules that phones have."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from mobile_contract.forms.filling import Filling, NotOfTemplate, fill_in
from mobile_contract.forms.rows import day_number, hold
from mobile_contract.forms.template import Template, faults_in, read_published
from server.forms.editing import Definition
from sync.document import encode_document

Json = Mapping[str, Any]

_KEPT = 32

_AT = re.compile(r"(questions|scores|measures)\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Tried:
    """What a phone would show. `left_out` counts what has faults, and so is not shown yet."""

    definition: Json
    filling: Filling
    answers: Json = field(default_factory=dict)
    # question → row → the columns that are shown
    cells: Mapping[str, Mapping[str, frozenset[str]]] = field(default_factory=dict)
    left_out: int = 0


def try_form(
    definition: Json, answers: Json, day: date, rows: Mapping[str, list[str]]
) -> Tried | None:
    """A form with answers; None where nothing of it can be shown yet.

    `rows` are the keys of the rows that each question with rows shows. An answer that is none is passed over.
    """
    read = _read(encode_document(dict(definition)))
    if read is None:
        return None
    found, template, left_out = read
    kept: dict[str, Any] = {}
    for question in template.questions:
        if question.code in answers:
            kept[question.code] = answers[question.code]
            try:
                fill_in(template, kept, day_number(day))
            except NotOfTemplate:
                del kept[question.code]
    filling = fill_in(template, kept, day_number(day))
    return Tried(found, filling, kept, _cells(template, kept, rows), left_out)


def _cells(
    template: Template, answers: Json, rows: Mapping[str, list[str]]
) -> dict[str, dict[str, frozenset[str]]]:
    found: dict[str, dict[str, frozenset[str]]] = {}
    for question in template.questions:
        if question.type != "ROWS":
            continue
        given = answers.get(question.code) or {}
        found[question.code] = {}
        for key in rows.get(question.code, ()):
            shown: set[str] = set()
            seen: dict[str, Any] = {}
            for column in question.columns:
                if hold(column.shown_when, seen):
                    shown.add(column.code)
                    if column.code in given.get(key, {}):
                        seen[column.code] = given[key][column.code]
            found[question.code][key] = frozenset(shown)
    return found


@lru_cache(maxsize=_KEPT)
def _read(document: bytes) -> tuple[Definition, Template, int] | None:
    """A definition without what has faults, ready to be filled in. Whoever tries a form out asks for one again and again."""
    found, left_out = _without_faults(json.loads(document))
    return None if found is None else (found, read_published(found), left_out)


def _without_faults(definition: Json) -> tuple[Definition | None, int]:
    """The definition without what has faults, and how much that was; None where nothing is left."""
    found: Definition = dict(definition)
    left_out = 0
    while faults := faults_in(found):
        at = {(read[1], int(read[2])) for fault in faults if (read := _AT.match(fault.where))}
        if not at:
            return None, left_out
        for of in {name for name, _ in at}:
            found[of] = [one for index, one in enumerate(found[of]) if (of, index) not in at]
        left_out += len(at)
    return found, left_out
