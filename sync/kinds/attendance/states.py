"""The states of a working day. Source: domain rules, "Attendance"."""

from sync.state_machine import StateMachine, Step

DUTY = StateMachine(
    "attendance",
    "A person's working day, read from its events. An event that changes nothing is flagged, never refused.",
    (
        Step(None, "day begins", "OFF", is_derived=True),
        Step("OFF", "ON", "ON", "phone", is_derived=True),
        Step("ON", "BREAK", "BREAK", "phone", is_derived=True),
        Step("BREAK", "ON", "ON", "phone", is_derived=True),
        Step("ON", "OFF", "OFF", "phone", is_derived=True),
        Step("BREAK", "OFF", "OFF", "phone", is_derived=True),
        Step("ON", "day ends", "AUTO_CLOSED", "the last evidence", is_derived=True),
        Step("BREAK", "day ends", "AUTO_CLOSED", "the last evidence", is_derived=True),
    ),
)
