"""The states of a notice."""

from sync.state_machine import StateMachine, Step

TELLING = StateMachine(
    "notice",
    "What the office lets people know. Phones hold it from its first day to its last.",
    (
        Step(None, "give", "GIVEN", "office"),
        Step("GIVEN", "recall", "RECALLED", "office, with a reason"),
        Step("GIVEN", "pass the last day", "OVER", "nobody", is_derived=True),
    ),
)
