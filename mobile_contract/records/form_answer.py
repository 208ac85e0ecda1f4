"""form_answer: a form that was filled in at a visit, sent by the phone. Append-only, with corrections."""

from typing import Any, Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Bool,
    Day,
    Id,
    Int,
    ListOf,
    MapOf,
    OneOf,
    Part,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Event, Flag
from mobile_contract.records.form_template import (
    ANSWER_LIST_MAX,
    ANSWER_TEXT_MAX,
    CODE_MAX,
    COLUMNS_MAX,
    QUESTIONS_MAX,
    ROWS_MAX,
)
from mobile_contract.records.visit import FLAGS_MAX
from mobile_contract.schema import WireSchema

SCORE_E2_MAX: Final = 10_000


def named() -> Text:
    """The code of a question or a column; the template says which there are."""
    return Text(1, CODE_MAX)


def plain_value() -> tuple[Any, ...]:
    """What answers anything but rows."""
    return (
        Bool(),
        Int(-JSON_INT_MAX, JSON_INT_MAX),
        Text(0, ANSWER_TEXT_MAX),
    )


def answers() -> MapOf:
    """What was answered, by question."""
    row = MapOf(named(), OneOf(*plain_value()), COLUMNS_MAX)
    value = OneOf(
        *plain_value(),
        ListOf(Text(1, 64), ANSWER_LIST_MAX),
        MapOf(Text(1, 36), row, ROWS_MAX),
    )
    return MapOf(
        named(), value, QUESTIONS_MAX, about="by the code of the question; see Types of questions"
    )


def computed() -> MapOf:
    """What the phone worked out, by question."""
    value = OneOf(Bool(), Int(-JSON_INT_MAX, JSON_INT_MAX))
    return MapOf(
        named(),
        value,
        QUESTIONS_MAX,
        presence=OPTIONAL,
        about="what the phone worked out, by the code of the COMPUTED or TALLY question",
    )


def score_e2(**kwargs: Any) -> Int:
    """A score as it stands on the wire."""
    return Int(0, SCORE_E2_MAX, unit="1/100 of a point, 10000 is full", **kwargs)


class FormAnswerCreate(WireSchema):
    """A form was filled in."""

    visit_id = Id(about="the visit; the answer waits for it if the server does not have it yet")
    store_id = Id(about="the store of the visit")
    template_id = Id(about="the form_template")
    template_version = Int(1, JSON_INT_MAX, about="its template_version when it was filled in")
    answered = Part(Event, about="when it was filled in, and where")
    answers = answers()
    computed = computed()
    score_e2 = score_e2(presence=OPTIONAL, about="the score that the phone showed; absent: none")


class FormAnswerCorrect(WireSchema):
    """A form was filled in wrongly; a new version says so, the old one stays."""

    reason = Text(1, 200, about="why, in words for the supervisor")
    answers = answers()
    computed = computed()
    score_e2 = score_e2(presence=OPTIONAL, about="the score that the phone showed; absent: none")


class FormAnswerDown(WireSchema):
    """What the server holds of a filled-in form, without its answers."""

    template_id = Id(about="the form_template")
    template_version = Int(1, JSON_INT_MAX, about="the version by which it was judged")
    visit_id = Id(about="the visit")
    store_id = Id(about="the store")
    person_id = Id(about="who filled it in")
    position_id = Id(presence=NULLABLE, about="the position of the visit")
    business_day = Day(about="day of the corrected time in the company's time zone: visit_day")
    answered_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="corrected time of filling it in",
        unit="ms since 1970-01-01T00:00Z",
    )
    score_e2 = score_e2(presence=NULLABLE, about="the score that the server worked out; null: none")
    flags = ListOf(Flag(), FLAGS_MAX, about="what a supervisor may want to look at")


FORM_ANSWER: Final = RecordContract(
    kind="form_answer",
    ops={1: {}, 2: {"create": FormAnswerCreate, "correct": FormAnswerCorrect}},
    down={1: None, 2: FormAnswerDown},
    needs_base_version=frozenset({"correct"}),
)
