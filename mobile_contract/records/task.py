"""task: something that the office asks of a position or a person. Answers go up. From contract 2 on."""

from typing import Final

from mobile_contract.fields import (
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    Millis,
    Part,
    Sha256,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Clock, Event, HeldEvent
from mobile_contract.schema import WireSchema

TASK_SORTS: Final = ("SHOOT_AGAIN", "PUT_RIGHT", "CALL_ON", "OTHER")
TASK_STATES: Final = ("OPEN", "DONE", "WITHDRAWN")
TASK_TEXT_MAX: Final = 1_000
TASK_NOTE_MAX: Final = 1_000


class TaskAnswer(WireSchema):
    """The task is done. The photos that show it are the item's media."""

    done = Part(Event, about="when and where it was done")
    visit_id = Id(
        presence=OPTIONAL,
        about="the sender's visit at which it was done; waited for if the server lacks it",
    )
    position_id = Id(
        presence=OPTIONAL, about="of a task for a person: the position it was done for"
    )
    note = Text(0, TASK_NOTE_MAX, presence=OPTIONAL, about="free text")


class HeldTaskAnswer(WireSchema):
    """The answer that settled a task."""

    person_id = Id(about="who did it")
    answered_by = Text(0, 200, about="their name")
    done = Part(HeldEvent, about="when and where it was done")
    clock = Part(Clock, about="how its corrected time came about")
    visit_id = Id(presence=NULLABLE, about="the visit at which it was done")
    note = Text(0, TASK_NOTE_MAX, presence=NULLABLE, about="free text")
    photos = Int(0, 100, about="how many photos came with it")


class TaskDown(WireSchema):
    """A task as the server holds it."""

    sort = Choice(TASK_SORTS, about="what is to be done; OTHER: what the text says")
    text = Text(1, TASK_TEXT_MAX, about="what exactly, for the person")
    state = Choice(TASK_STATES, about="where it stands")
    due_on = Day(about="the last day; open after it, the task is overdue")
    position_id = Id(presence=NULLABLE, about="whose holders are to do it; null: a person's")
    person_id = Id(presence=NULLABLE, about="who is to do it; null: a position's holders")
    store_id = Id(presence=NULLABLE, about="the store that it is about")
    visit_id = Id(presence=NULLABLE, about="the visit that it is about")
    order_id = Id(presence=NULLABLE, about="the order that it is about")
    photo_sha256 = Sha256(presence=NULLABLE, about="the photo that it is about")
    activity_store_id = Id(presence=NULLABLE, about="the store in an activity that it is about")
    given_by = Text(0, 200, about="who gave it")
    given_at = Millis(about="when it was given")
    answer = Part(HeldTaskAnswer, presence=NULLABLE, about="the answer that settled it")
    withdrawn_because = Text(0, 400, presence=NULLABLE, about="why it was withdrawn")


TASK: Final = RecordContract(
    kind="task", ops={1: {}, 2: {"answer": TaskAnswer}}, down={1: None, 2: TaskDown}
)
