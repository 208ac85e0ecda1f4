"""Why a question about measures, or a decision about a flag, is refused: one class per cause."""

from typing import ClassVar


class MeasuresError(Exception):
    """What is not answered or not done. `code` is stable; the text says what to do, on one line."""

    code: ClassVar[str] = "measures"


class QuestionInvalid(MeasuresError):
    """A question that has no answer as it was put; the text names what is wrong with it."""

    code = "question_invalid"


class TooManyGroups(MeasuresError):
    code = "too_many_groups"


class NoSuchVisit(MeasuresError):
    code = "no_such_visit"


class NoSuchFlag(MeasuresError):
    """The visit has no such flag."""

    code = "no_such_flag"


class DecisionInvalid(MeasuresError):
    code = "decision_invalid"
