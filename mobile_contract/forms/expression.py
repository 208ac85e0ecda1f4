"""Expressions of forms: a small part of CEL, the Common Expression Language.

What may be written is in PROTOCOL.md under "Expressions": whole numbers, truth, texts and lists of
texts; no floats, no calls but size, no loops. So an expression costs what its length allows and
gives the same on every phone. It is checked against the types of what it names when a template is
read, once, and worked out by CEL's own C++ implementation.

An expression has no value where it cannot be worked out: something it needs was not answered, a
division by zero, a number past 64 bits, or a result past what JSON keeps exact.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal, TypeAlias

from cel_expr_python import cel

from mobile_contract.fields import JSON_INT_MAX
from mobile_contract.records.form_template import EXPRESSION_MAX

Type: TypeAlias = Literal["BOOL", "INT", "TEXT", "TEXTS"]
Result: TypeAlias = Literal["BOOL", "INT"]
Value: TypeAlias = bool | int | str | list[str]

NESTED_MAX: Final = 12
TOKENS_MAX: Final = 150
ANSWERED: Final = "answered"
VISIT_DAY: Final = "visit_day"
GIVEN: Final[Mapping[str, Type]] = {ANSWERED: "TEXTS", VISIT_DAY: "INT"}
"""What every expression may name beside questions."""
RESERVED: Final = frozenset(
    {
        *GIVEN,
        *("size", "true", "false", "null", "in", "as", "break", "const", "continue", "else"),
        *("for", "function", "if", "import", "let", "loop", "package", "namespace", "return"),
        *("var", "void", "while", "bool", "int", "uint", "double", "string", "bytes", "list"),
        *("map", "type", "null_type", "dyn", "flag", "count"),
    }
)
"""Names that no question can have: CEL's own, ours, and those of figures in flags."""

_CEL_TYPES: Final = {
    "BOOL": cel.Type.BOOL,
    "INT": cel.Type.INT,
    "TEXT": cel.Type.STRING,
    "TEXTS": cel.Type.List(cel.Type.STRING),
}
_RESULTS: Final[Mapping[Result, Any]] = {"BOOL": bool, "INT": int}
_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)
          |(?P<number>[0-9]+(?![0-9A-Za-z_.]))
          |(?P<text>"[^"\\\n\r]*"|'[^'\\\n\r]*')
          |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:()\[\],]))""",
    re.VERBOSE,
)
_END: Final = ("end", "")
_IN_ANSWERED: Final = [("name", "in"), ("name", ANSWERED)]
# What CEL's own library has beside our part: its names in a checked expression (cel-spec, checked.proto:
# Reference.overload_id, the field 3 of its message).
_OUTSIDE: Final[Mapping[bytes, str]] = {
    b"\x1a" + bytes([len(name)]) + name.encode(): words
    for words, names in {
        "compares by size what is no whole number": [
            f"{sign}_{kind}"
            for sign in ("less", "less_equals", "greater", "greater_equals")
            for kind in ("string", "bool")
        ],
        "adds what is no whole number": ["add_string", "add_list"],
    }.items()
    for name in names
}
_KEEP_RESULTS: Final = 256
# Codes, ids and short words are kept; what people write at length hardly comes twice.
_KEEP_TEXT: Final = 40
_NOT_SAID: Final[Any] = object()


class ExpressionFaulty(ValueError):
    """An expression that is none; the words follow its place."""


class Scope:
    """What expressions may name, with the types; made once for a template and grown in its order."""

    def __init__(self) -> None:
        self._types: dict[str, Type] = dict(GIVEN)
        self._asked: set[str] = set()
        self._environment: cel.Env | None = None

    def add(self, name: str, kind: Type | None) -> None:
        """From now on expressions may name this question; None for one whose answer they cannot read."""
        self._asked.add(name)
        if kind is not None:
            self._types[name] = kind
            self._environment = None

    def read(self, source: str, result: Result) -> "Expression":
        """The expression, ready to be worked out. Raises ExpressionFaulty."""
        names = _names_in(source, self._types, self._asked)
        if self._environment is None:
            variables = {name: _CEL_TYPES[kind] for name, kind in self._types.items()}
            self._environment = cel.NewEnv(variables=variables)
        try:
            program = self._environment.compile(source)
        except RuntimeError as error:
            raise ExpressionFaulty(_said(str(error))) from error
        if program.return_type() != _CEL_TYPES[result]:
            wanted = "a whole number" if result == "INT" else "true or false"
            raise ExpressionFaulty(f"must give {wanted}")
        checked = program.serialize()
        for named, words in _OUTSIDE.items():
            if named in checked:
                raise ExpressionFaulty(words)
        return Expression(source, program, names, result, self._types)


class Expression:
    """An expression that fits its scope."""

    __slots__ = ("_eval", "_keeps", "_kept", "_wanted", "names", "source")

    def __init__(
        self,
        source: str,
        program: cel.Expression,
        names: tuple[str, ...],
        result: Result,
        types: Mapping[str, Type],
    ) -> None:
        self.source = source
        self.names = names
        self._eval = program.eval
        self._wanted = _RESULTS[result]
        # Most answers of a day are the same few: what they give is kept, for all but lists.
        self._keeps = all(types[name] != "TEXTS" for name in names)
        self._kept: dict[Any, Any] = {}

    def value(self, values: Mapping[str, Value]) -> bool | int | None:
        """What it gives, or None where it has no value. `values` has what is answered, by name."""
        if not self._keeps:
            return self._work_out(values)
        key = tuple([values.get(name) for name in self.names])
        found: bool | int | None = self._kept.get(key, _NOT_SAID)
        if found is _NOT_SAID:
            found = self._work_out(values)
            if not any(type(value) is str and len(value) > _KEEP_TEXT for value in key):
                if len(self._kept) >= _KEEP_RESULTS:
                    self._kept = {}
                self._kept[key] = found
        return found

    def _work_out(self, values: Mapping[str, Value]) -> bool | int | None:
        data = {name: values[name] for name in self.names if name in values}
        found: Any = self._eval(data=data).value()
        # An error comes as text, never as what is wanted.
        if type(found) is not self._wanted or not -JSON_INT_MAX <= found <= JSON_INT_MAX:
            return None
        worked_out: bool | int = found
        return worked_out


def _tokens(source: str) -> Iterator[tuple[str, str]]:
    place, end = 0, len(source.rstrip(" \t\r\n"))
    while place < end:
        found = _TOKEN.match(source, place)
        if found is None:
            rest = source[place:].lstrip()[:12]
            raise ExpressionFaulty(f"has something that no expression of a form has: {rest!r}")
        place = found.end()
        assert found.lastgroup is not None
        yield found.lastgroup, found.group(found.lastgroup)


def _names_in(source: str, types: Mapping[str, Type], asked: Collection[str]) -> tuple[str, ...]:
    """The names in the order they come; ExpressionFaulty for what is outside of our part of CEL."""
    if len(source) > EXPRESSION_MAX:
        raise ExpressionFaulty(f"is longer than {EXPRESSION_MAX} characters")
    tokens = [*_tokens(source), _END, _END]
    if len(tokens) > TOKENS_MAX:
        raise ExpressionFaulty(f"has more than {TOKENS_MAX} words and signs")
    names: dict[str, None] = {}
    before, depth = _END, 0
    for index, token in enumerate(tokens):
        kind, said = token
        if kind == "name" and _names_a_question(said, tokens[index + 1][1], types, asked):
            names[said] = None
        elif kind == "text" and tokens[index + 1 : index + 3] == _IN_ANSWERED:
            if said[1:-1] not in asked:
                raise ExpressionFaulty(
                    f"asks for {said} in {ANSWERED}, which stands nowhere before it"
                )
        elif said in {"(", "["}:
            if said == "[" and _may_be_indexed(before):
                raise ExpressionFaulty("takes one value out of a list; ask with in or size")
            depth += 1
            if depth > NESTED_MAX:
                raise ExpressionFaulty(f"is nested deeper than {NESTED_MAX}")
        elif said in {")", "]"}:
            depth -= 1
        before = token
    return tuple(names)


def _names_a_question(
    said: str, after: str, types: Mapping[str, Type], asked: Collection[str]
) -> bool:
    """Whether a name is that of a question; ExpressionFaulty where it is nothing."""
    if said in {"true", "false", "in"} or (said == "size" and after == "("):
        return False
    if after == "(":
        raise ExpressionFaulty(f"calls {said}; only size can be called")
    if said in types:
        return True
    if said in asked:
        raise ExpressionFaulty(f"names {said}, whose answer no expression can read")
    raise ExpressionFaulty(f"names {said}, which stands nowhere before it")


def _may_be_indexed(token: tuple[str, str]) -> bool:
    kind, said = token
    return (kind == "name" and said != "in") or kind == "text" or said in {")", "]"}


_WHERE: Final = re.compile(r"^.*?ERROR: <input>:-?\d+:-?\d+: ", re.DOTALL)


def _said(error: str) -> str:
    """The first line of what CEL says of a faulty expression."""
    words = _WHERE.sub("", error).partition("\n")[0].strip() or "cannot be read"
    return f"is no expression: {words}"
