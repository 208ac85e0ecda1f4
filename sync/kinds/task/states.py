"""The states of a task."""

from sync.state_machine import StateMachine, Step

DOING = StateMachine(
    "task",
    "Something that the office asks of a position or a person. The first answer settles it.",
    (
        Step(None, "give", "OPEN", "office"),
        Step("OPEN", "answer", "DONE", "phone"),
        Step("OPEN", "withdraw", "WITHDRAWN", "office, with a reason"),
        Step("OPEN", "pass the due day", "OVERDUE", "nobody", is_derived=True),
        Step("OVERDUE", "answer", "DONE", "phone"),
        Step("OVERDUE", "withdraw", "WITHDRAWN", "office, with a reason"),
    ),
)
