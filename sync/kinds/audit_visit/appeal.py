"""Whether a verdict may be appealed against, and what it is then. Pure; the same for phones and for the office.

Once for each audit visit, about items that failed, before its time is over and before the store got what it gets.
Source: domain rules, "Activities and audits".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sync.kinds.audit_visit.states import AUDITING

# States of a store in an activity in which a verdict may still change what it gets.
BEFORE_PAY = ("RUNNING", "AUDITED")


def against_appeal(
    verdict: Mapping[str, Any] | None,
    items: Sequence[str],
    at_ms: int | None,
    store_states: Iterable[str],
) -> tuple[str | None, str] | None:
    """What stands against an appeal that is made at a moment: (the name of an item or None, words), None where
    nothing does. A moment of None is in time.
    """
    if verdict is None:
        return None, "Nobody has judged it."
    if verdict["appeal"] is not None:
        return None, "It was appealed against before."
    if verdict["result"] != "FAIL" or AUDITING.after(verdict["state"], "appeal") is None:
        return None, "Nothing of it failed."
    paid = [state for state in store_states if state not in BEFORE_PAY]
    if paid:
        return None, f"The store is {paid[0].lower()} by now."
    if at_ms is not None and at_ms >= verdict["appeal_until"]:
        return None, "The time to appeal was over."
    failed = {each["item"] for each in verdict["items"] if each["verdict"] == "FAIL"}
    wrong = next((item for item in items if item not in failed), None)
    return None if wrong is None else (wrong, f"{wrong} did not fail.")


def appealed(
    verdict: Mapping[str, Any], items: Sequence[str], reason: str, at_ms: int
) -> dict[str, Any]:
    """The verdict (`HeldVerdict` of the contract) with an appeal against it."""
    return {
        **verdict,
        "state": AUDITING.after(verdict["state"], "appeal"),
        "appeal": {
            "items": list(items),
            "reason": reason,
            "appealed_at": at_ms,
            "first": verdict["items"],
        },
    }


def decided(verdict: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict that was appealed against, once another auditor decided: `second` has its id, judged_at, and the items
    that the appeal was about. Of the others the first verdict counts.
    """
    said = {each["item"]: each for each in second["items"]}
    items = [said.get(each["item"], each) for each in verdict["items"]]
    failed = any(each["verdict"] == "FAIL" for each in items)
    return {
        **verdict,
        "id": second["id"],
        "state": AUDITING.after(verdict["state"], "decide"),
        "result": "FAIL" if failed else "PASS",
        "items": items,
        "judged_at": second["judged_at"],
        "appeal_until": None,
    }
