"""The states of a photo. Source: domain rules, "Photos"."""

from sync.state_machine import StateMachine, Step

SHOOTING = StateMachine(
    "photo",
    "A picture that somebody took. Its record and its bytes travel apart and come in either order.",
    (
        Step(None, "report", "EXPECTED", "phone, the bytes are not there"),
        Step(None, "report after its bytes", "STORED", "phone"),
        Step("EXPECTED", "receive a part", "UPLOADING", "phone"),
        Step("UPLOADING", "give the part up", "EXPECTED", "phone, or the upload expired"),
        Step("EXPECTED", "store", "STORED", "phone, the bytes came whole"),
        Step("UPLOADING", "store", "STORED", "phone, the bytes came whole"),
        Step("STORED", "lose", "EXPECTED", "operator, the bytes are not in the storage"),
        Step("OK", "lose", "EXPECTED", "operator"),
        Step("FLAGGED", "lose", "EXPECTED", "operator"),
        Step("STORED", "find nothing", "OK", "worker"),
        Step("STORED", "flag", "FLAGGED", "worker"),
        Step("OK", "flag", "FLAGGED", "worker, judged again"),
        Step("FLAGGED", "find nothing", "OK", "worker, judged again"),
        Step("OK", "pass", "PASS", "auditor"),
        Step("OK", "fail", "FAIL", "auditor"),
        Step("FLAGGED", "pass", "PASS", "auditor"),
        Step("FLAGGED", "fail", "FAIL", "auditor"),
        Step("PASS", "appeal", "APPEALED", "rep, against the verdict that it is part of"),
        Step("FAIL", "appeal", "APPEALED", "rep"),
        Step("APPEALED", "decide", "FINAL", "another auditor"),
    ),
)
_FOLLOWING = frozenset((step.source, step.target) for step in SHOOTING.steps)

# The bytes are not there.
UNSTORED = SHOOTING.sources_of("store")
# Somebody has to do something: the phone to send its bytes, an auditor to decide.
OPEN = (*UNSTORED, *SHOOTING.sources_of("decide"))


def may_become(before: str, after: str) -> bool:
    """Whether some act leads from one state to the other."""
    return (before, after) in _FOLLOWING
