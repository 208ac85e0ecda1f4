"""A definition, read: what each question takes, and its expressions ready to be worked out.

`faults_in` says everything that is wrong with a definition, each with its place; `read_template`
makes what `filling.py` fills in. Reading costs about a millisecond, once for a version: a published
version never changes.

Longer than most modules: every rule that one definition has to keep stands here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from mobile_contract.forms.expression import (
    RESERVED,
    Expression,
    ExpressionFaulty,
    Result,
    Scope,
    Type,
)
from mobile_contract.records.form_template import ANSWER_LIST_MAX, FormDefinition
from mobile_contract.schema import Fault, faults_of

Json = Mapping[str, Any]

_READ_AS: Final[Mapping[str, Type | None]] = {
    "BOOL": "BOOL",
    "INT": "INT",
    "MONEY": "INT",
    "TEXT": "TEXT",
    "CHOICE": "TEXT",
    "CHOICES": "TEXTS",
    "DAY": "INT",
    "PHOTO": "TEXTS",
    "PRODUCT": "TEXT",
    "ROWS": None,
    "TALLY": "INT",
}
"""What an expression sees of an answer: a DAY is its whole days since 1970-01-01."""
_TAKES: Final[Mapping[str, frozenset[str]]] = {
    "BOOL": frozenset(),
    "INT": frozenset({"unit", "decimals", "minimum", "maximum", "prefill"}),
    "MONEY": frozenset({"currency", "minimum", "maximum"}),
    "TEXT": frozenset({"minimum", "maximum"}),
    "CHOICE": frozenset({"options"}),
    "CHOICES": frozenset({"options", "minimum", "maximum"}),
    "DAY": frozenset(),
    "PHOTO": frozenset({"minimum", "maximum"}),
    "PRODUCT": frozenset({"category"}),
    "ROWS": frozenset({"rows", "columns", "minimum", "maximum"}),
    "COMPUTED": frozenset({"result", "expression", "unit", "decimals"}),
    "TALLY": frozenset({"tally", "unit", "decimals"}),
}
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "MONEY": ("currency",),
    "CHOICE": ("options",),
    "CHOICES": ("options",),
    "ROWS": ("rows", "columns"),
    "COMPUTED": ("result", "expression"),
    "TALLY": ("tally",),
}
_OF_EVERY_TYPE: Final = frozenset(
    {"code", "type", "title", "titles", "help", "required", "shown_when"}
)
_NEVER_ASKED: Final = frozenset({"COMPUTED", "TALLY"})
STORE_SCORE: Final = "STORE_SCORE"
_SIZED: Final = frozenset({"TEXT", "CHOICES", "PHOTO", "ROWS"})


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that holds of a row; without values: that the column is answered."""

    column: str
    values: frozenset[bool | str] | None


@dataclass(frozen=True, slots=True)
class Column:
    """What is asked in each row."""

    code: str
    type: str
    is_required: bool
    minimum: int | None
    maximum: int | None
    options: frozenset[str]
    shown_when: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """A whole number out of rows."""

    rows: str
    take: str
    column: str | None
    read_as: str | None
    where: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question, or a value that is worked out."""

    code: str
    type: str
    is_required: bool
    shown_when: Expression | None
    minimum: int | None
    maximum: int | None
    options: frozenset[str]
    columns: tuple[Column, ...]
    # Of a FIXED question the product of each row, None where it has none; else None: any product.
    rows: Mapping[str, str | None] | None
    expression: Expression | None
    tally: Tally | None


@dataclass(frozen=True, slots=True)
class Score:
    """One part of the score."""

    code: str
    weight: int
    full: int
    points: Expression
    applies_when: Expression | None


@dataclass(frozen=True, slots=True)
class Measure:
    """A ratio of two whole numbers of the form; STORE_SCORE names no questions."""

    measure: str
    over: str
    out_of: str
    # The ROWS question that both are tallied from, where both are sums over its rows.
    rows: str | None


@dataclass(frozen=True, slots=True)
class Template:
    """A definition, ready to be filled in."""

    code: str
    questions: tuple[Question, ...]
    scores: tuple[Score, ...]
    measures: tuple[Measure, ...]


class TemplateFaulty(ValueError):
    """A definition that cannot be read."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(fault.said_of("The form") for fault in faults[:3]))
        self.faults = faults


def faults_in(definition: Any) -> list[Fault]:
    """Everything that is wrong with a definition, in the order of its places."""
    faults = faults_of(FormDefinition(), definition)
    return faults or _Reading(definition).faults


def read_template(definition: Json) -> Template:
    """The definition, ready to be filled in. Raises TemplateFaulty."""
    faults = faults_of(FormDefinition(), definition)
    if faults:
        raise TemplateFaulty(faults)
    return read_published(definition)


def read_published(definition: Json) -> Template:
    """As `read_template`, of a definition that fitted the schema when it was published."""
    reading = _Reading(definition)
    if reading.faults:
        raise TemplateFaulty(reading.faults)
    return reading.template


class _Reading:
    """One definition, read from its first question to its last measure."""

    def __init__(self, definition: Json) -> None:
        self.faults: list[Fault] = []
        self._scope = Scope()
        self._questions: dict[str, Question] = {}
        self._whole: set[str] = set()
        for index, question in enumerate(definition["questions"]):
            self._read_question(question, f"questions[{index}]")
        scores = tuple(self._read_scores(definition.get("scores") or ()))
        measures = self._read_measures(definition.get("measures") or (), has_scores=bool(scores))
        self.template = Template(
            definition["code"],
            tuple(self._questions.values()),
            scores,
            tuple(measures),
        )

    def _fault(self, where: str, words: str) -> None:
        self.faults.append(Fault(where, words))

    # ---- questions -----------------------------------------------------------------------

    def _read_question(self, said: Json, place: str) -> None:
        code, kind = said["code"], said["type"]
        if code in RESERVED:
            self._fault(f"{place}.code", f"{code} is a name that expressions have already")
        elif code in self._questions:
            self._fault(f"{place}.code", f"{code} is the code of an earlier question")
        self._check_names(said, place)
        shown_when = self._read_expression(said.get("shown_when"), "BOOL", f"{place}.shown_when")
        if kind in _NEVER_ASKED:
            for name in ("shown_when", "required"):
                if said.get(name) is not None:
                    self._fault(f"{place}.{name}", f"does not belong to {kind}: nobody answers it")
        expression = None
        if kind == "COMPUTED" and said.get("result") is not None:
            result: Result = said["result"]
            expression = self._read_expression(
                said.get("expression"), result, f"{place}.expression"
            )
        columns = tuple(self._read_columns(said, place))
        question = Question(
            code=code,
            type=kind,
            is_required=said.get("required") is True,
            shown_when=shown_when,
            minimum=said.get("minimum"),
            maximum=said.get("maximum"),
            options=frozenset(self._read_codes(said.get("options") or (), f"{place}.options")),
            columns=columns,
            rows=self._read_rows(said.get("rows"), f"{place}.rows"),
            expression=expression,
            tally=self._read_tally(said.get("tally"), f"{place}.tally"),
        )
        if code in RESERVED or code in self._questions:
            return
        self._questions[code] = question
        read_as = said.get("result") if kind == "COMPUTED" else _READ_AS[kind]
        self._scope.add(code, read_as)
        if kind in {"INT", "MONEY", "TALLY"} or (kind == "COMPUTED" and read_as == "INT"):
            self._whole.add(code)

    def _check_names(self, said: Json, place: str) -> None:
        """What a type takes and needs, and that its limits are in order."""
        kind = said["type"]
        for name in said:
            if said[name] is not None and name not in _TAKES[kind] | _OF_EVERY_TYPE:
                self._fault(f"{place}.{name}", f"does not belong to {kind}")
        for name in _NEEDS.get(kind, ()):
            if said.get(name) is None:
                self._fault(f"{place}.{name}", f"is missing: {kind} needs it")
        least, most = said.get("minimum"), said.get("maximum")
        if least is not None and most is not None and least > most:
            self._fault(f"{place}.minimum", "is above maximum")
        if kind in _SIZED:
            for name, limit in (("minimum", least), ("maximum", most)):
                if limit is not None and limit < 0:
                    self._fault(f"{place}.{name}", "must not be below 0")
        if kind in {"CHOICES", "PHOTO"} and most is not None and most > ANSWER_LIST_MAX:
            self._fault(f"{place}.maximum", f"must be at most {ANSWER_LIST_MAX}")

    def _read_expression(self, source: str | None, result: Result, place: str) -> Expression | None:
        if source is None:
            return None
        try:
            return self._scope.read(source, result)
        except ExpressionFaulty as faulty:
            self._fault(place, str(faulty))
            return None

    def _read_codes(self, listed: Iterable[Json], place: str) -> Iterator[str]:
        seen: set[str] = set()
        for index, each in enumerate(listed):
            if each["code"] in seen:
                self._fault(f"{place}[{index}].code", f"{each['code']} is there twice")
            seen.add(each["code"])
            yield each["code"]

    # ---- rows ----------------------------------------------------------------------------

    def _read_rows(self, said: Json | None, place: str) -> Mapping[str, str | None] | None:
        if said is None:
            return None
        source, items = said["source"], said.get("items")
        if (source == "FIXED") != bool(items):
            self._fault(f"{place}.items", "must be there exactly where source is FIXED")
        if (source == "CATEGORY") != (said.get("category") is not None):
            self._fault(f"{place}.category", "must be there exactly where source is CATEGORY")
        if source != "FIXED" or not items:
            return None
        codes = self._read_codes(items, f"{place}.items")
        return {code: item.get("product_id") for code, item in zip(codes, items, strict=True)}

    def _read_columns(self, question: Json, place: str) -> Iterator[Column]:
        earlier: dict[str, Column] = {}
        said = question.get("columns") or ()
        for index, each in enumerate(said):
            at = f"{place}.columns[{index}]"
            if each["code"] in earlier:
                self._fault(f"{at}.code", f"{each['code']} is the code of an earlier column")
            self._check_names(each, at)
            if each.get("prefill") is not None and not _are_products(question.get("rows") or {}):
                self._fault(f"{at}.prefill", "needs a product_code in every row")
            column = Column(
                code=each["code"],
                type=each["type"],
                is_required=each.get("required") is True,
                minimum=each.get("minimum"),
                maximum=each.get("maximum"),
                options=frozenset(self._read_codes(each.get("options") or (), f"{at}.options")),
                shown_when=self._read_conditions(
                    each.get("shown_when"), earlier, f"{at}.shown_when"
                ),
            )
            earlier.setdefault(column.code, column)
            yield column

    def _read_conditions(
        self, said: Iterable[Json] | None, columns: Mapping[str, Column], place: str
    ) -> tuple[Condition, ...]:
        read = []
        for index, each in enumerate(said or ()):
            at = f"{place}[{index}]"
            column = columns.get(each["column"])
            values = each.get("any_of")
            if column is None:
                self._fault(f"{at}.column", f"{each['column']} is no column that stands before")
            elif values is not None:
                for number, value in enumerate(values):
                    if not _may_be(column, value):
                        self._fault(f"{at}.any_of[{number}]", f"is no value of {column.code}")
            read.append(Condition(each["column"], None if values is None else frozenset(values)))
        return tuple(read)

    def _read_tally(self, said: Json | None, place: str) -> Tally | None:
        if said is None:
            return None
        question = self._questions.get(said["rows"])
        take, read_as = said["take"], said.get("read_as")
        if question is None or question.type != "ROWS":
            self._fault(f"{place}.rows", f"{said['rows']} is no ROWS question that stands before")
            return None
        columns = {column.code: column for column in question.columns}
        column = columns.get(said.get("column", ""))
        if said.get("column") is not None and column is None:
            self._fault(f"{place}.column", f"{said['column']} is no column of {question.code}")
        elif take != "COUNT":
            if column is None or column.type not in {"INT", "MONEY", "DAY"}:
                self._fault(f"{place}.column", f"{take} needs an INT, MONEY or DAY column")
            elif (column.type == "DAY") != (read_as is not None):
                self._fault(f"{place}.read_as", "must be there exactly where the column is a DAY")
        elif read_as is not None:
            self._fault(f"{place}.read_as", "does not belong to COUNT")
        where = self._read_conditions(said.get("where"), columns, f"{place}.where")
        return Tally(question.code, take, said.get("column"), read_as, where)

    # ---- scores and measures -------------------------------------------------------------

    def _read_scores(self, said: Iterable[Json]) -> Iterator[Score]:
        seen: set[str] = set()
        for index, each in enumerate(said):
            place = f"scores[{index}]"
            if each["code"] in seen:
                self._fault(f"{place}.code", f"{each['code']} is the code of an earlier score")
            seen.add(each["code"])
            points = self._read_expression(each["points"], "INT", f"{place}.points")
            applies_when = self._read_expression(
                each.get("applies_when"), "BOOL", f"{place}.applies_when"
            )
            if points is not None:
                yield Score(each["code"], each["weight"], each["full"], points, applies_when)

    def _read_measures(self, said: Iterable[Json], *, has_scores: bool) -> Iterator[Measure]:
        seen: set[str] = set()
        for index, each in enumerate(said):
            place, measure = f"measures[{index}]", each["measure"]
            if measure in seen:
                self._fault(f"{place}.measure", f"{measure} is there twice")
            seen.add(measure)
            over, out_of = each.get("over"), each.get("out_of")
            for name, figure in (("over", over), ("out_of", out_of)):
                if (figure is None) != (measure == STORE_SCORE):
                    self._fault(f"{place}.{name}", "must be there for all but STORE_SCORE")
                elif figure is not None and figure not in self._whole:
                    words = f"{figure} is no question that gives a whole number"
                    self._fault(f"{place}.{name}", words)
            if measure == STORE_SCORE and not has_scores:
                self._fault(f"{place}.measure", "needs scores")
            yield Measure(measure, over or "", out_of or "", self._rows_of_both(over, out_of))

    def _rows_of_both(self, *figures: str | None) -> str | None:
        """The question whose rows both figures add up, so that they can be told by product."""
        tallies = [
            None if question is None else question.tally
            for question in (self._questions.get(figure or "") for figure in figures)
        ]
        rows = {
            tally.rows if tally is not None and tally.take in {"COUNT", "SUM"} else None
            for tally in tallies
        }
        return rows.pop() if len(rows) == 1 else None


def _are_products(rows: Json) -> bool:
    """Whether each row is a product."""
    return rows.get("source") != "FIXED" or all(
        item.get("product_code") for item in rows.get("items") or ()
    )


def _may_be(column: Column, value: bool | str) -> bool:
    """Whether a column of this kind can have the value."""
    if column.type == "BOOL":
        return isinstance(value, bool)
    if column.type == "CHOICE":
        return value in column.options
    return column.type == "TEXT" and isinstance(value, str)
