"""When something is asked, as it is chosen in the editor of forms: clauses on earlier questions, joined by one word.

A clause is what a person picks ("is yes", "has “Price off”", "at least 5"); an expression is how a definition says the
same. What a file brought that no clauses say stays as it is written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]

WHOLE: Final = frozenset({"INT", "MONEY", "TALLY"})
SIGNS: Final = ("==", "!=", "<", "<=", ">", ">=")
CLAUSES_MAX: Final = 8
_ATOMS: Final = (
    (re.compile(r"(?P<q>[a-z]\w*)(?:\s*==\s*true|\s*!=\s*false)?"), "yes"),
    (re.compile(r"!\s*(?P<q>[a-z]\w*)|(?P<r>[a-z]\w*)\s*(?:==\s*false|!=\s*true)"), "no"),
    (re.compile(r"""(?P<q>[a-z]\w*)\s*==\s*(?P<c>["'])(?P<value>[^"']*)(?P=c)"""), "is"),
    (re.compile(r"""(?P<q>[a-z]\w*)\s*!=\s*(?P<c>["'])(?P<value>[^"']*)(?P=c)"""), "not"),
    (re.compile(r"""(?P<c>["'])(?P<q>\w+)(?P=c)\s+in\s+answered"""), "answered"),
    (
        re.compile(r"""!\s*\(\s*(?P<c>["'])(?P<q>\w+)(?P=c)\s+in\s+answered\s*\)"""),
        "unanswered",
    ),
    (re.compile(r"""(?P<c>["'])(?P<value>[^"']*)(?P=c)\s+in\s+(?P<q>[a-z]\w*)"""), "has"),
    (
        re.compile(r"""!\s*\(\s*(?P<c>["'])(?P<value>[^"']*)(?P=c)\s+in\s+(?P<q>[a-z]\w*)\s*\)"""),
        "lacks",
    ),
    (re.compile(r"(?P<q>[a-z]\w*)\s*(?P<sign><=|>=|==|!=|<|>)\s*(?P<value>-?\d+)"), "number"),
)

_WRITTEN: Final = {
    "yes": "{question}",
    "no": "!{question}",
    "is": '{question} == "{value}"',
    "not": '{question} != "{value}"',
    "has": '"{value}" in {question}',
    "lacks": '!("{value}" in {question})',
    "answered": '"{question}" in answered',
    "unanswered": '!("{question}" in answered)',
}


@dataclass(frozen=True, slots=True)
class Clause:
    """Something that an earlier question must say. `how` is yes, no, is, not, has, lacks, answered, unanswered or a sign."""

    question: str
    how: str
    value: str | int | None = None

    def written(self) -> str:
        """As an expression."""
        pattern = _WRITTEN.get(self.how, "{question} {how} {value}")
        return pattern.format(question=self.question, how=self.how, value=self.value)


@dataclass(frozen=True, slots=True)
class AskedIf:
    """Clauses, all of which must hold, or any of them."""

    clauses: tuple[Clause, ...]
    is_any: bool = False

    def written(self) -> str | None:
        """As an expression; None where there is no clause."""
        return (" || " if self.is_any else " && ").join(
            one.written() for one in self.clauses
        ) or None


def reads_as(question: Json) -> str:
    """What clauses and figures see of an answer: BOOL, WHOLE, CHOICE, CHOICES, or ANSWERED alone."""
    kind = question["type"]
    if kind == "COMPUTED":
        return "BOOL" if question.get("result") == "BOOL" else "WHOLE"
    if kind in WHOLE:
        return "WHOLE"
    return kind if kind in {"BOOL", "CHOICE", "CHOICES"} else "ANSWERED"


def hows_of(question: Json) -> Iterator[tuple[str, str | None]]:
    """What can be chosen of a question: (how, the option); a sign wants a number."""
    kind = reads_as(question)
    options = [option["code"] for option in question.get("options") or ()]
    if kind == "BOOL":
        yield from (("yes", None), ("no", None))
    elif kind == "CHOICE":
        yield from (("is", code) for code in options)
        yield from (("not", code) for code in options)
    elif kind == "CHOICES":
        yield from (("has", code) for code in options)
        yield from (("lacks", code) for code in options)
    elif kind == "WHOLE":
        yield from ((sign, None) for sign in SIGNS)
    yield from (("answered", None), ("unanswered", None))


def read_asked_if(expression: str | None, questions: Sequence[Json]) -> AskedIf | None:
    """The clauses of an expression over these questions; None where no clauses say it."""
    if expression is None:
        return AskedIf(())
    joined = {sign for sign in ("&&", "||") if sign in expression}
    if len(joined) > 1:
        return None
    named = {question["code"]: question for question in questions}
    clauses = []
    for piece in re.split(r"&&|\|\|", expression):
        clause = _read_clause(piece.strip(), named)
        if clause is None:
            return None
        clauses.append(clause)
    return AskedIf(tuple(clauses), "||" in joined) if len(clauses) <= CLAUSES_MAX else None


def _read_clause(piece: str, named: Mapping[str, Json]) -> Clause | None:
    for pattern, how in _ATOMS:
        found = pattern.fullmatch(piece)
        if found is None:
            continue
        said = found.groupdict()
        question = named.get(said["q"] or said.get("r") or "")
        if question is None:
            continue
        value: str | int | None = said.get("value")
        sign = how
        if how == "number":
            sign, value = said["sign"], int(said["value"])
        fits = (sign, None if isinstance(value, int) else value) in set(hows_of(question))
        return Clause(question["code"], sign, value) if fits else None
    return None
