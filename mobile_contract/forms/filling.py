"""What follows from the answers to a form: what is hidden, what is worked out, points and measures.

Phone and server run the same rules over the same answers (PROTOCOL.md, "Forms"), in one pass over
the questions in their order. Nothing here asks for a clock, a database or a screen. Whole numbers
only: no figure of a form is ever a float.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from mobile_contract.fields import ID_PATTERN, SHA256_PATTERN
from mobile_contract.forms.expression import ANSWERED, VISIT_DAY
from mobile_contract.forms.rows import Row, day_answered, shares, shown_cells, take_rows, tallied
from mobile_contract.forms.template import STORE_SCORE, Measure, Question, Score, Template

_matches_id: Final = re.compile(ID_PATTERN).fullmatch
_matches_sha256: Final = re.compile(SHA256_PATTERN).fullmatch


class NotOfTemplate(ValueError):
    """Something that cannot be read as an answer to this template: a stable code, its place, words."""

    def __init__(self, code: str, where: str, words: str) -> None:
        super().__init__(f"{where} {words}")
        self.code = code
        self.where = where
        self.words = words


@dataclass(frozen=True, slots=True)
class Points:
    """What one part of the score came to; a part that does not apply has none."""

    code: str
    weight: int
    points: int
    full: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure of one form: its two figures, and by product where they were counted by rows."""

    measure: str
    over: int | None
    out_of: int | None
    by_product: tuple[tuple[str, int, int], ...] = ()


@dataclass(slots=True)
class Filling:
    """A form as it was filled in, with all that follows."""

    computed: dict[str, bool | int] = field(default_factory=dict)
    points: list[Points] = field(default_factory=list)
    measured: list[Measured] = field(default_factory=list)
    # What was seen at all, in order: what the phone shows.
    shown: list[str] = field(default_factory=list)
    # question → how many answers are missing, the value or size past a limit, how many were hidden
    missing: dict[str, int] = field(default_factory=dict)
    past_limit: dict[str, int] = field(default_factory=dict)
    hidden: dict[str, int] = field(default_factory=dict)

    @property
    def score_over(self) -> int:
        """Σ(weight × points)."""
        return sum([each.weight * each.points for each in self.points])

    @property
    def score_out_of(self) -> int:
        """Σ(weight × full points)."""
        return sum([each.weight * each.full for each in self.points])

    @property
    def score_e2(self) -> int | None:
        """The score in hundredths; None where nothing applies."""
        return score_e2(self.score_over, self.score_out_of)


def score_e2(over: int, out_of: int) -> int | None:
    """100 × Σ(weight × points) ÷ Σ(weight × full points) in hundredths, half a hundredth up.

    None where nothing applies. Source: domain rules, "Store check".
    """
    return None if out_of == 0 else (20_000 * over + out_of) // (2 * out_of)


def fill_in(template: Template, answers: Mapping[str, Any], visit_day: int) -> Filling:
    """All that follows from the answers on a day. Raises NotOfTemplate."""
    return _Pass(template, answers, visit_day).filling


def without_hidden(
    template: Template, answers: Mapping[str, Any], visit_day: int
) -> dict[str, Any]:
    """The answers as a phone sends them: what is hidden is dropped. Raises NotOfTemplate."""
    shown = set(fill_in(template, answers, visit_day).shown)
    sent: dict[str, Any] = {}
    for question in template.questions:
        if question.code in answers and question.code in shown:
            answer = answers[question.code]
            if question.type == "ROWS":
                answer = {name: shown_cells(question, row) for name, row in answer.items()}
            sent[question.code] = answer
    return sent


class _Pass:
    """One pass over a template's questions."""

    def __init__(self, template: Template, answers: Mapping[str, Any], visit_day: int) -> None:
        self.filling = Filling()
        self.visit_day = visit_day
        self._answered: list[str] = []
        self._values: dict[str, Any] = {ANSWERED: self._answered, VISIT_DAY: visit_day}
        self._rows: dict[str, list[Row]] = {}
        # What each row gave to each tally.
        self._shares: dict[str, list[int | None]] = {}
        found = 0
        for question in template.questions:
            found += self._take(question, answers)
        if found != len(answers):
            asked = {each.code for each in template.questions if each.type in _TAKERS}
            self._refuse(next(code for code in answers if code not in asked), "is not asked here")
        self.filling.points = [
            points for score in template.scores if (points := self._points(score)) is not None
        ]
        self.filling.measured = [self._measured(each) for each in template.measures]

    def _refuse(self, place: str, words: str, code: str = "not_in_template") -> NoReturn:
        raise NotOfTemplate(code, f"payload.answers.{place}", words)

    # ---- questions -----------------------------------------------------------------------

    def _take(self, question: Question, answers: Mapping[str, Any]) -> int:
        """Take the answer to one question, or work it out; how many answers that were."""
        code = question.code
        taker = _TAKERS.get(question.type)
        if taker is None:
            value = self._worked_out(question)
            if value is not None:
                self.filling.computed[code] = self._values[code] = value
                self._answered.append(code)
            return 0
        answer = answers.get(code)
        is_hidden = (
            question.shown_when is not None and question.shown_when.value(self._values) is not True
        )
        if not is_hidden:
            self.filling.shown.append(code)
        if answer is None:
            if question.is_required and not is_hidden:
                self.filling.missing[code] = 1
            return 0
        value = taker(self, question, answer)
        if is_hidden:
            # It says nothing, but it has to be an answer all the same.
            self._forget(code)
            self.filling.hidden[code] = 1
            return 1
        self._answered.append(code)
        if value is not None:
            self._values[code] = value
        return 1

    def _forget(self, code: str) -> None:
        for found in (self.filling.missing, self.filling.past_limit, self._rows):
            found.pop(code, None)

    def _worked_out(self, question: Question) -> bool | int | None:
        if question.expression is not None:
            return question.expression.value(self._values)
        tally = question.tally
        if tally is None or tally.rows not in self._rows:
            return None
        found = self._shares[question.code] = shares(tally, self._rows[tally.rows], self.visit_day)
        return tallied(tally, found)

    def _wrong(self, place: str, words: str) -> NoReturn:
        self._refuse(place, words, "wrong_answer_type")

    def _limit(self, code: str, size: int, least: int | None, most: int | None) -> None:
        if (least is not None and size < least) or (most is not None and size > most):
            self.filling.past_limit[code] = size

    def take_bool(self, question: Question, answer: Any) -> bool:
        if type(answer) is not bool:
            self._wrong(question.code, "must be true or false")
        return answer

    def take_whole(self, question: Question, answer: Any) -> int:
        if type(answer) is not int:
            self._wrong(question.code, "must be a whole number")
        self._limit(question.code, answer, question.minimum, question.maximum)
        return answer

    def take_text(self, question: Question, answer: Any) -> str:
        if type(answer) is not str:
            self._wrong(question.code, "must be text")
        self._limit(question.code, len(answer), question.minimum, question.maximum)
        return answer

    def take_choice(self, question: Question, answer: Any) -> str:
        if type(answer) is not str:
            self._wrong(question.code, "must be text")
        if answer not in question.options:
            self._refuse(question.code, "is none of the options")
        return answer

    def take_choices(self, question: Question, answer: Any) -> list[str]:
        if type(answer) is not list:
            self._wrong(question.code, "must be a list")
        if not question.options.issuperset(answer):
            self._refuse(question.code, "holds what is none of the options")
        if len(set(answer)) != len(answer):
            self._wrong(question.code, "must hold no option twice")
        self._limit(question.code, len(answer), question.minimum, question.maximum)
        return answer

    def take_photos(self, question: Question, answer: Any) -> list[str]:
        if type(answer) is not list or not all(map(_matches_sha256, answer)):
            self._wrong(question.code, "must be a list of SHA-256 digests")
        self._limit(question.code, len(answer), question.minimum, question.maximum)
        return answer

    def take_product(self, question: Question, answer: Any) -> str:
        if type(answer) is not str or _matches_id(answer) is None:
            self._wrong(question.code, "must be the id of a product")
        return answer

    def take_day(self, question: Question, answer: Any) -> int:
        day = day_answered(answer)
        if day is None:
            self._wrong(question.code, "must be a day as YYYY-MM-DD")
        return day

    def take_rows(self, question: Question, answer: Any) -> None:
        code = question.code
        taken = take_rows(question, answer, self._refuse)
        missing = taken.missing
        if question.rows is not None and question.is_required:
            missing += len(question.rows) - len(answer)
        if missing:
            self.filling.missing[code] = missing
        if taken.hidden:
            self.filling.hidden[code] = taken.hidden
        self._limit(code, len(answer), question.minimum, question.maximum)
        if taken.past_limit:
            self.filling.past_limit[code] = taken.past_limit
        self._rows[code] = taken.rows

    # ---- what the whole comes to ---------------------------------------------------------

    def _points(self, score: Score) -> Points | None:
        applies = score.applies_when
        if applies is not None and applies.value(self._values) is not True:
            return None
        points = score.points.value(self._values) or 0
        return Points(score.code, score.weight, min(max(points, 0), score.full), score.full)

    def _measured(self, said: Measure) -> Measured:
        if said.measure == STORE_SCORE:
            return Measured(said.measure, self.filling.score_over, self.filling.score_out_of)
        over, out_of = self._values.get(said.over), self._values.get(said.out_of)
        if over is None or out_of is None:
            return Measured(said.measure, None, None)
        if said.rows is None:
            return Measured(said.measure, over, out_of)
        by_row = zip(
            self._rows[said.rows], self._shares[said.over], self._shares[said.out_of], strict=True
        )
        added: dict[str, tuple[int, int]] = {}
        for (product, _), first, second in by_row:
            if product is not None and (first is not None or second is not None):
                # Two rows may stand for one product.
                before = added.get(product, (0, 0))
                added[product] = (before[0] + (first or 0), before[1] + (second or 0))
        by_product = tuple([(product, *both) for product, both in added.items()])
        return Measured(said.measure, over, out_of, by_product)


Taker = Callable[[_Pass, Question, Any], Any]
_TAKERS: Final[Mapping[str, Taker]] = {
    "BOOL": _Pass.take_bool,
    "INT": _Pass.take_whole,
    "MONEY": _Pass.take_whole,
    "TEXT": _Pass.take_text,
    "CHOICE": _Pass.take_choice,
    "CHOICES": _Pass.take_choices,
    "DAY": _Pass.take_day,
    "PHOTO": _Pass.take_photos,
    "PRODUCT": _Pass.take_product,
    "ROWS": _Pass.take_rows,
}
