"""What states, acts and rules of activities are called on pages."""

from collections.abc import Mapping

from server.language import sentence

STATES: Mapping[str, tuple[str, str]] = {
    "DRAFT": (sentence("draft"), ""),
    "APPROVED": (sentence("approved"), "good"),
    "OPEN": (sentence("under way"), "good"),
    "SUSPENDED": (sentence("suspended"), "warn"),
    "ENDED": (sentence("ended"), ""),
    "SETTLED": (sentence("settled"), ""),
}
STORE_STATES: Mapping[str, tuple[str, str]] = {
    "REQUESTED": (sentence("asked for"), "warn"),
    "APPROVED": (sentence("taken in"), "good"),
    "RUNNING": (sentence("running"), "good"),
    "AUDITED": (sentence("audited"), ""),
    "PAID": (sentence("paid in full"), "good"),
    "REDUCED": (sentence("paid in part"), "warn"),
    "REFUSED": (sentence("refused"), "bad"),
    "WITHDRAWN": (sentence("withdrawn"), ""),
}
# An act: what its button says, what is asked before it is done, what it does and to whom.
ACTS: Mapping[str, tuple[str, str, str]] = {
    "approve": (
        sentence("Approve…"),
        sentence("Approve {activity}?"),
        sentence(
            "It gets its code, and the phones of those who see it get it with their next sync. Where its first day has come it opens at once."
        ),
    ),
    "open": (
        sentence("Open…"),
        sentence("Open {activity}?"),
        sentence(
            "The stores that were taken in run it from now on, and their reps bring photos for it."
        ),
    ),
    "suspend": (
        sentence("Suspend…"),
        sentence("Suspend {activity}?"),
        sentence(
            "Reps bring nothing for it until it is opened again. The stores that run it keep their places."
        ),
    ),
    "reopen": (
        sentence("Open again…"),
        sentence("Open {activity} again?"),
        sentence(
            "The stores in it run it from now on, and those that were taken in meanwhile begin."
        ),
    ),
    "end": (
        sentence("End…"),
        sentence("End {activity}?"),
        sentence(
            "No store comes in any more and nothing new is brought for it. It cannot be opened again."
        ),
    ),
    "settle": (
        sentence("Settle…"),
        sentence("Settle {activity}?"),
        sentence(
            "What each store came to is kept for good, and nothing of it can be changed any more. Every store has to be decided about before."
        ),
    ),
}
DONE: Mapping[str, str] = {
    "approve": sentence("The activity is approved."),
    "open": sentence("The activity is open."),
    "suspend": sentence("The activity is suspended."),
    "reopen": sentence("The activity is open again."),
    "end": sentence("The activity is ended."),
    "settle": sentence("The activity is settled."),
}
# What can be done with stores in an activity: what its button says, and what is asked before, where something is.
STORE_ACTS: Mapping[str, tuple[str, str | None]] = {
    "approve": (sentence("Take in"), None),
    "refuse": (
        sentence("Refuse…"),
        sentence(
            "These stores are refused, or taken out where they were in. Their reps see the reason on their phones."
        ),
    ),
    "audit": (sentence("Work out what they get"), None),
    "pay": (
        sentence("Pay…"),
        sentence(
            "Each of these stores gets what was worked out for it: all, half or nothing. This cannot be taken back."
        ),
    ),
}
PASS_RULES: Mapping[str, str] = {
    "DONE": sentence("that it is done"),
    "PHOTOS": sentence("its photos"),
    "DONE_AND_PHOTOS": sentence("both"),
}
CASES: Mapping[str, tuple[str, str]] = {
    "CANDIDATE": (sentence("may be drawn"), ""),
    "LEFT_OUT": (sentence("not drawn"), ""),
    "WAITING": (sentence("wait for photos"), ""),
    "OPEN": (sentence("wait for an auditor"), "warn"),
    "JUDGED": (sentence("failed, may be appealed against"), "warn"),
    "APPEALED": (sentence("appealed against"), "warn"),
    "FINAL": (sentence("final"), "good"),
    "CLOSED": (sentence("closed"), ""),
}
PHOTOS: Mapping[str, tuple[str, str]] = {
    "EXPECTED": (sentence("not here yet"), "warn"),
    "UPLOADING": (sentence("on their way"), ""),
    "STORED": (sentence("not looked at yet"), ""),
    "OK": (sentence("nothing odd"), "good"),
    "FLAGGED": (sentence("flagged"), "warn"),
    "PASS": (sentence("passed"), "good"),
    "FAIL": (sentence("did not pass"), "bad"),
    "APPEALED": (sentence("appealed against"), "warn"),
    "FINAL": (sentence("final"), ""),
}
FIELDS: Mapping[str, str] = {
    "name": sentence("Name"),
    "about": sentence("What it is, for people"),
    "starts_on": sentence("First day"),
    "ends_on": sentence("Last day"),
    "channels": sentence("Channels"),
    "region_ids": sentence("Regions"),
    "division_id": sentence("Division"),
    "budget_minor": sentence("Budget"),
    "pay_minor": sentence("What a store gets in full"),
    "currency": sentence("Currency"),
    "standards": sentence("Standards"),
}
