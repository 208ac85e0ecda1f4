"""The states of a promotion. Source: domain rules, "Orders"."""

from sync.state_machine import StateMachine, Step

PROMOTING = StateMachine(
    "promotion",
    "A draft is seen by nobody. What is published never changes: another publishing makes a new"
    " version. What is ended holds no more.",
    (
        Step(None, "draft", "DRAFT", "office"),
        Step("DRAFT", "publish", "PUBLISHED", "office"),
        Step("PUBLISHED", "publish", "PUBLISHED", "office, as a new version"),
        Step("PUBLISHED", "end", "ENDED", "office"),
        Step("DRAFT", "end", "ENDED", "office, never published"),
    ),
)
