"""The states of a location check. Source: domain rules, "Attendance"."""

from sync.state_machine import StateMachine, Step

CHECKING = StateMachine(
    "location_check",
    "Where somebody is now, asked by a supervisor. The first answer settles it, also a late one.",
    (
        Step(None, "ask", "ASKED", "supervisor"),
        Step("ASKED", "answer", "ANSWERED", "phone"),
        Step("ASKED", "withdraw", "WITHDRAWN", "supervisor"),
        Step("ASKED", "pass the time", "EXPIRED", "nobody", is_derived=True),
        Step("EXPIRED", "answer", "ANSWERED", "phone, late"),
        Step("EXPIRED", "withdraw", "WITHDRAWN", "supervisor"),
    ),
)
