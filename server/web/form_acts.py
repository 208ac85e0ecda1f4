"""What is done to a part of a form that is being made: which act a POST asks for, and where the editor goes on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mobile_contract.records.form_template import MEASURES
from mobile_contract.records.visit import STEPS
from server.forms import editing
from server.forms.editing import Definition
from server.forms.errors import EditRefused
from server.language import Said, tell
from server.web.filled import Filled
from server.web.form_fields import (
    Typed,
    read_column,
    read_question,
    typed_column,
    typed_question,
)
from server.web.form_figures import points_of, read_score, typed_score
from server.web.form_texts import read_titles, typed_titles

Json = Mapping[str, Any]

_STAY = ("more", "option-", "item-")
_CLASSES = ("A", "B", "C")
# What the form of a part tells beside its field; any other fault is told of the part.
TOLD_AT_FIELDS = frozenset(
    {
        *(
            "title",
            "zh",
            "type",
            "help",
            "unit",
            "decimals",
            "currency",
            "minimum",
            "maximum",
            "category",
        ),
        *("options", "items", "rows_category", "columns", "expression", "where", "when"),
        *("tally_rows", "take", "tally_column", "read_as", "points", "weight", "full"),
        *(f"{side}-{name}" for side in ("over", "out_of") for name in MEASURES),
    }
)


@dataclass
class Act:
    """An act on a definition. Once it is done, `opens` is the part to be open, and `anchor` where the page stands."""

    form: Filled
    part: str
    opens: str | None = None
    anchor: str = ""

    def __call__(self, definition: Definition) -> Definition:
        """Do it. Raises EditRefused; what cannot be read is noted in the form, and refused without words."""
        what, _, rest = self.part.partition(":")
        self.anchor = f"part-{self.part}"
        doers: dict[str, Callable[[], Definition]] = {
            "head": lambda: editing.set_head(definition, _read_head(self.form, definition)),
            "questions": lambda: self._add_question(definition),
            "question": lambda: self._question(definition, rest),
            "column": lambda: self._column(definition, *_two(rest)),
            "score": lambda: self._score(definition, rest) if rest else self._add_score(definition),
            "measures": lambda: editing.set_measures(definition, _read_measures(self.form)),
        }
        if what not in doers:
            raise EditRefused(Said("Choose one of the list."))
        found = doers[what]()
        if not self.form.is_good:
            raise EditRefused("")
        return found

    def _settle(self) -> str:
        """The act; one that saves leaves the part open where more is to come."""
        act = self.form["act"]
        if act.startswith(_STAY):
            self.opens = self.part
        if act in {"up", "down"}:
            self.anchor = f"{act}-{self.part}"
        return act

    def _add_question(self, definition: Definition) -> Definition:
        called = read_titles(self.form)
        if not self.form.is_good:
            return definition
        found, code = editing.add_question(definition, self.form["type"], **called)
        self._open(f"question:{code}")
        return found

    def _open(self, part: str) -> None:
        self.opens, self.anchor = part, f"part-{part}"

    def _question(self, definition: Definition, code: str) -> Definition:
        match self._settle():
            case "up" | "down" as way:
                return editing.move_question(definition, code, way)
            case "remove":
                self.anchor = "part-questions"
                return editing.remove_question(definition, code)
            case "add-column":
                called = read_titles(self.form)
                if not self.form.is_good:
                    return definition
                found, column = editing.add_column(definition, code, self.form["type"], **called)
                self._open(f"column:{code}:{column}")
                return found
        was = editing.find_question(definition, code)
        said = read_question(self.form, was, editing.before_question(definition, code))
        found = editing.set_question(definition, code, said)
        if _shape(editing.find_question(found, code)) != _shape(was):
            self._open(self.part)
        return found

    def _column(self, definition: Definition, code: str, column: str) -> Definition:
        question = editing.find_question(definition, code)
        was = editing.find_column(question, column)
        match self._settle():
            case "up" | "down" as way:
                return editing.move_column(definition, code, column, way)
            case "remove":
                self.anchor = f"part-question:{code}"
                return editing.remove_column(definition, code, column)
        said = read_column(self.form, was, columns_before(question, column))
        if said["type"] != was["type"]:
            self._open(self.part)
        return editing.set_column(definition, code, column, said)

    def _add_score(self, definition: Definition) -> Definition:
        called = read_titles(self.form)
        points = points_of(self.form["points_from"], definition["questions"])
        if points is None:
            self.form.fault("points", tell("Choose where the points come from."))
        if points is None or not self.form.is_good:
            return definition
        found, code = editing.add_score(definition, points=points, **called)
        self._open(f"score:{code}")
        return found

    def _score(self, definition: Definition, code: str) -> Definition:
        match self._settle():
            case "up" | "down" as way:
                return editing.move_score(definition, code, way)
            case "remove":
                self.anchor = "part-score"
                return editing.remove_score(definition, code)
        was = editing.find_score(definition, code)
        said = read_score(self.form, was, definition["questions"])
        if (said["points"] != was["points"]) and self.form["points_from"] != "kept":
            self._open(self.part)
        return editing.set_score(definition, code, said)


def act_of(form: Filled, part: str) -> Act:
    """The act that a POST asks for."""
    return Act(form, part)


def typed_part(definition: Json, part: str) -> Filled:
    """The part that is open, as it stands in its form. Raises NoSuchForm where there is none."""
    what, _, rest = part.partition(":")
    typed: Typed = {}
    if what == "head":
        typed = {
            **typed_titles(definition),
            "step": definition.get("step", ""),
            "channels": list(definition.get("channels") or ()),
            "classes": list(definition.get("classes") or ()),
            "divisions": list(definition.get("divisions") or ()),
        }
    elif what == "question":
        question = editing.find_question(definition, rest)
        typed = typed_question(question, editing.before_question(definition, rest))
    elif what == "column":
        code, column = _two(rest)
        typed = typed_column(editing.find_column(editing.find_question(definition, code), column))
    elif what == "score" and rest:
        typed = typed_score(editing.find_score(definition, rest), definition["questions"])
    elif what == "measures":
        for one in definition.get("measures") or ():
            for name in ("over", "out_of"):
                typed[f"{name}-{one['measure']}"] = one.get(name, "1")
    return Filled(typed)


def columns_before(question: Json, column: str) -> list[Json]:
    """The columns that stand before one: what it may stand on."""
    columns = question.get("columns") or []
    codes = [one["code"] for one in columns]
    return list(columns[: codes.index(column)])


def _shape(question: Json) -> tuple[Any, ...]:
    """What decides which fields a question has: where it changes, the part stays open for the new ones."""
    rows, tally = question.get("rows") or {}, question.get("tally") or {}
    return question["type"], rows.get("source"), question.get("result"), tally.get("rows")


def _read_head(form: Filled, was: Json) -> dict[str, Any]:
    if form["step"] not in {"", *STEPS}:
        form.fault("step", tell("Choose one of the list."))
    return {
        **read_titles(form, was),
        "step": form["step"],
        "channels": form.every("channels"),
        "classes": [one for one in form.every("classes") if one in _CLASSES],
        "divisions": form.every("divisions"),
    }


def _read_measures(form: Filled) -> list[dict[str, str]]:
    found = []
    for measure in MEASURES[:-1]:
        figures = {name: form[f"{name}-{measure}"] for name in ("over", "out_of")}
        if any(figures.values()):
            found.append(
                {"measure": measure, **{name: one for name, one in figures.items() if one}}
            )
    if form["over-STORE_SCORE"] == "1":
        found.append({"measure": "STORE_SCORE"})
    return found


def _two(rest: str) -> tuple[str, str]:
    first, _, second = rest.partition(":")
    return first, second
