"""The states of a visit. Source: domain rules, "Visits"."""

from sync.state_machine import StateMachine, Step

VISITING = StateMachine(
    "visit",
    "One call at a store. Planned stops come from day plans; a visit exists once a phone reports it.",
    (
        Step(None, "plan", "PLANNED", "day plan", is_derived=True),
        Step("PLANNED", "check in", "OPEN", "phone"),
        Step(None, "check in", "OPEN", "phone"),
        Step(None, "report whole", "DONE", "phone"),
        Step("PLANNED", "skip", "SKIPPED", "phone"),
        Step(None, "skip", "SKIPPED", "phone"),
        Step("OPEN", "finish", "DONE", "phone"),
        Step("OPEN", "leave the fence", "AUTO_CLOSED", "phone", is_derived=True),
        Step("OPEN", "time out", "AUTO_CLOSED", "phone, or the reading", is_derived=True),
        Step("OPEN", "check in elsewhere", "AUTO_CLOSED", "the later visit", is_derived=True),
        Step("PLANNED", "day ends", "MISSED", "nobody", is_derived=True),
    ),
)
