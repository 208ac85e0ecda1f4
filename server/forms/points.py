"""How a part of the score, or a figure, is worked out, as it is chosen in the editor of forms.

Each way has one expression, which is read back into it. What a file brought that no way says stays as it is written.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from server.forms.asked_if import reads_as

Json = Mapping[str, Any]

_NAME: Final = r"([a-z]\w*)"
_YES: Final = re.compile(rf"{_NAME} \? (\d+) : (\d+)")
_SHARE: Final = re.compile(rf"(\d+) \* {_NAME} / {_NAME}")
_OPTION: Final = re.compile(rf"""{_NAME} == "(\w+)" \? (\d+) : """)
_FIGURE: Final = re.compile(rf"(?:(\d+) \* )?{_NAME} ([-+*/]) {_NAME}")
FIGURES: Final = ("+", "-", "*", "/", "100/", "1000/")


@dataclass(frozen=True, slots=True)
class Way:
    """A way to points: `how` is yes, no, option, number or share, of one question or of two.

    Of `option` the points of each option are in `by_option`; of `share` the whole gives `whole` points, None: all there
    are. A share that gives more reaches them all before it is whole.
    """

    how: str
    of: str
    out_of: str = ""
    by_option: Mapping[str, int] = field(default_factory=dict)
    whole: int | None = None

    def written(self, full: int) -> str:
        """As an expression that reaches `full` at most."""
        match self.how:
            case "yes":
                return f"{self.of} ? {full} : 0"
            case "no":
                return f"{self.of} ? 0 : {full}"
            case "option":
                given = {code: points for code, points in self.by_option.items() if points}
                said = "".join(f'{self.of} == "{code}" ? {n} : ' for code, n in given.items())
                # With no option that gives any, the points are still of this question.
                return f"{said}0" if said else f'{self.of} == "" ? 0 : 0'
            case "share":
                return f"{self.whole or full} * {self.of} / {self.out_of}"
        return self.of


def read_way(points: str, full: int, questions: Sequence[Json]) -> Way | None:
    """The way that an expression says; None where it is none of them."""
    named = {question["code"]: reads_as(question) for question in questions}
    if named.get(points) == "WHOLE":
        return Way("number", points)
    if (yes := _YES.fullmatch(points)) and named.get(yes[1]) == "BOOL":
        figures = (int(yes[2]), int(yes[3]))
        if figures in {(full, 0), (0, full)}:
            return Way("yes" if figures[0] else "no", yes[1])
    share = _SHARE.fullmatch(points)
    if share and {named.get(share[2]), named.get(share[3])} == {"WHOLE"}:
        whole = int(share[1])
        return Way("share", share[2], share[3], whole=None if whole == full else whole)
    return _read_options(points, named)


def _read_options(points: str, named: Mapping[str, str]) -> Way | None:
    if (none := re.fullmatch(rf'{_NAME} == "" \? 0 : 0', points)) and named.get(
        none[1]
    ) == "CHOICE":
        return Way("option", none[1])
    place, given, of = 0, {}, set()
    while found := _OPTION.match(points, place):
        of.add(found[1])
        given[found[2]] = int(found[3])
        place = found.end()
    if points[place:] != "0" or len(of) != 1:
        return None
    (code,) = of
    return Way("option", code, by_option=given) if named.get(code) == "CHOICE" else None


@dataclass(frozen=True, slots=True)
class Figure:
    """A whole number out of two: `sign` is one of FIGURES, where 100/ is a percentage and 1000/ a permillage."""

    left: str
    sign: str
    right: str

    def written(self) -> str:
        """As an expression."""
        factor, sign = self.sign[:-1], self.sign[-1]
        return (
            f"{factor} * {self.left} / {self.right}"
            if factor
            else f"{self.left} {sign} {self.right}"
        )


def read_figure(expression: str, questions: Sequence[Json]) -> Figure | None:
    """The figure that an expression says; None where it is none."""
    figures = {question["code"] for question in questions if is_figure(question)}
    found = _FIGURE.fullmatch(expression)
    if found is None or not {found[2], found[4]} <= figures:
        return None
    sign = f"{found[1] or ''}{found[3]}"
    return Figure(found[2], sign, found[4]) if sign in FIGURES else None


def is_figure(question: Json) -> bool:
    """Whether figures are worked out of its answer: a whole number, or a day."""
    return question["type"] == "DAY" or reads_as(question) == "WHOLE"
