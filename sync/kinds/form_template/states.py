"""The states of a form template. What is published never changes: a change is a later version."""

from sync.state_machine import StateMachine, Step

PUBLISHING = StateMachine(
    "form_template",
    "A form. A draft is imported as often as wanted; each publishing makes a version that stays.",
    (
        Step(None, "import", "DRAFT", "office"),
        Step("DRAFT", "import", "DRAFT", "office"),
        Step("DRAFT", "publish", "PUBLISHED", "office"),
        Step("DRAFT", "retire", "RETIRED", "office"),
        Step("PUBLISHED", "import", "PUBLISHED", "office, the draft of the next version"),
        Step("PUBLISHED", "publish", "PUBLISHED", "office, the next version"),
        Step("PUBLISHED", "retire", "RETIRED", "office, phones lose it"),
        Step("RETIRED", "import", "RETIRED", "office, the draft of the next version"),
        Step("RETIRED", "publish", "PUBLISHED", "office, the next version"),
    ),
)
