"""The states of a store in an activity. Source: domain rules, "Activities and audits"."""

from sync.state_machine import StateMachine, Step

PARTICIPATING = StateMachine(
    "activity_store",
    "A store in an activity. A store is in it at most once: what is refused or withdrawn does not count.",
    (
        Step(None, "request", "REQUESTED", "phone"),
        Step(None, "enter", "APPROVED", "office, without a request"),
        Step(None, "request again", "REFUSED", "phone, while the store is in already"),
        Step("REQUESTED", "approve", "APPROVED", "office"),
        Step("REQUESTED", "refuse", "REFUSED", "office, with a reason"),
        Step("REQUESTED", "withdraw", "WITHDRAWN", "phone, with a reason"),
        Step("APPROVED", "start", "RUNNING", "the opening of the activity"),
        Step("APPROVED", "refuse", "REFUSED", "office, with a reason"),
        Step("APPROVED", "withdraw", "WITHDRAWN", "phone, with a reason"),
        Step("RUNNING", "audit", "AUDITED", "auditor"),
        Step("RUNNING", "refuse", "REFUSED", "office, with a reason"),
        Step("AUDITED", "audit", "AUDITED", "auditor, a verdict changed by an appeal"),
        Step("AUDITED", "pay", "PAID", "office, in full"),
        Step("AUDITED", "reduce", "REDUCED", "office, in part"),
        Step("AUDITED", "refuse", "REFUSED", "office, with a reason or for its compliance"),
    ),
)
# In none of these does a store count as being in the activity.
OUT = ("REFUSED", "WITHDRAWN")
