"""The states of an audit visit on its way to a verdict, and of each turn in which an auditor looks at it.

Source: domain rules, "Activities and audits".
"""

from sync.state_machine import StateMachine, Step

AUDITING = StateMachine(
    "audit_visit",
    "What a rep brought for an activity, on its way through the auditors' queue. All of it is a candidate; flagged ones enter at once.",
    (
        Step(None, "bring", "CANDIDATE", "phone"),
        Step("CANDIDATE", "flag", "WAITING", "server, something is odd"),
        Step("CANDIDATE", "follow up", "WAITING", "server, the store had failed before"),
        Step("CANDIDATE", "draw", "WAITING", "the draw of its week"),
        Step("CANDIDATE", "leave out", "LEFT_OUT", "the draw of its week"),
        Step("LEFT_OUT", "flag", "WAITING", "server, something odd was found later"),
        Step("WAITING", "offer", "OPEN", "server, its photos are read or it has waited enough"),
        Step("OPEN", "pass", "FINAL", "auditor"),
        Step("OPEN", "fail", "JUDGED", "auditor, item by item with a reason"),
        Step("JUDGED", "appeal", "APPEALED", "phone, or the office for its person"),
        Step("JUDGED", "run out", "FINAL", "nobody appealed in time"),
        Step("FINAL", "appeal", "APPEALED", "phone, in time and come late"),
        Step("APPEALED", "decide", "FINAL", "another auditor"),
        Step("APPEALED", "close", "FINAL", "office, with a reason; the first verdict counts"),
        Step("CANDIDATE", "close", "CLOSED", "office, with a reason"),
        Step("WAITING", "close", "CLOSED", "office, with a reason"),
        Step("OPEN", "close", "CLOSED", "office, with a reason"),
    ),
)

TURN = StateMachine(
    "audit_turn",
    "One look of one auditor at an audit visit: the first, a second that is blind, or that of an appeal.",
    (
        Step(None, "offer", "READY", "server"),
        Step("READY", "claim", "CLAIMED", "auditor, for a time"),
        Step("CLAIMED", "give back", "READY", "auditor"),
        Step("CLAIMED", "run out", "READY", "nobody", is_derived=True),
        Step("CLAIMED", "judge", "GIVEN", "auditor"),
        Step("GIVEN", "undo", "CLAIMED", "the same auditor, for some minutes"),
        Step("GIVEN", "stand", "STANDS", "server"),
        Step("READY", "drop", "DROPPED", "office, which closes it"),
        Step("CLAIMED", "drop", "DROPPED", "office, which closes it"),
    ),
)
