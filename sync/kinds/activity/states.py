"""The states of an activity. Source: domain rules, "Activities and audits"."""

from sync.state_machine import StateMachine, Step

RUNNING_ACTIVITY = StateMachine(
    "activity",
    "A promotion with its standards. Phones see it from its approval on.",
    (
        Step(None, "make", "DRAFT", "office"),
        Step("DRAFT", "approve", "APPROVED", "office, which gives its code"),
        Step("APPROVED", "open", "OPEN", "its first day, or the office before it"),
        Step("APPROVED", "end", "ENDED", "office, which calls it off"),
        Step("OPEN", "suspend", "SUSPENDED", "office, with a reason"),
        Step("SUSPENDED", "reopen", "OPEN", "office"),
        Step("OPEN", "end", "ENDED", "the day after its last, or the office before it"),
        Step("SUSPENDED", "end", "ENDED", "the day after its last, or the office before it"),
        Step("ENDED", "settle", "SETTLED", "office, when no store of it is open any more"),
    ),
)
