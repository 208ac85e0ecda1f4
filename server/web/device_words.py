"""What becomes of phones, in words."""

from server.language import sentence, tell

STATES = {
    "ACTIVE": (sentence("works"), "good"),
    "DRAINING": (sentence("hands over what it holds"), "warn"),
    "WIPED": (sentence("told to wipe itself"), ""),
    "REVOKED": (sentence("shut out"), "bad"),
}
ACTS = {
    "device.enrol": sentence("enrolled"),
    "device.rotate": sentence("got a new token"),
    "device.drain": sentence("told to hand over what it holds"),
    "device.revoke": sentence("shut out"),
}
STATUSES = {
    "applied": (sentence("applied"), "good"),
    "merged": (sentence("merged"), "good"),
    "conflict": (sentence("in conflict"), "warn"),
    "deferred": (sentence("waits for something else"), "warn"),
    "quarantined": (sentence("kept in quarantine"), "bad"),
}
KEPT = {
    "QUARANTINED": (sentence("in quarantine"), "bad"),
    "DEFERRED": (sentence("waits for something else"), "warn"),
}


def told_state(state: str) -> tuple[str, str]:
    """A state in words, with its tone."""
    words, tone = STATES[state]
    return tell(words), tone
