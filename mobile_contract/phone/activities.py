"""Activities on a phone: which stores may join one, asking for it, and what each visit brings for them.

PROTOCOL.md, headings "activity", "activity_store" and "audit_visit".

    for activity in activities_for(phone, store_id):
        request_store(phone, activity.id, store_id, fix, note="a good corner")
    for due in due_at(phone, store_id):
        bring(phone, due.taking_part_id, visit_id, answers, photos, fix)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.contract_two import event_fields, present
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.scope_store import HeldRecord

Json = Mapping[str, Any]

_TAKING = frozenset({"APPROVED", "OPEN", "SUSPENDED"})
_OUT = frozenset({"REFUSED", "WITHDRAWN"})
# In these a request can still be taken back.
_NOT_RUNNING_YET = frozenset({"REQUESTED", "APPROVED"})


class NoSuchActivityStore(LookupError):
    """The phone does not hold this store in an activity."""


@dataclass(frozen=True, slots=True)
class Due:
    """An activity that a store runs, and what each visit brings for it."""

    taking_part_id: str
    activity_id: str
    name: str
    standards_version: int
    standards: Sequence[Json]


def activities_for(phone: Phone, store_id: str) -> list[HeldRecord]:
    """The activities for which this store may be asked for, by their first day.

    Those that still take stores, are for its channel, and in which it is not yet, also as far as this
    phone has asked and has no answer. Regions are the server's to judge: a phone has no tree of them.
    """
    store = phone.store(store_id) or {}
    asked = {taking_part["activity_id"] for taking_part in _in_already(phone, store_id)}
    found = [
        activity
        for activity in phone.held("activity")
        if activity.fields["state"] in _TAKING
        and activity.id not in asked
        and (not activity.fields["channels"] or store.get("channel") in activity.fields["channels"])
    ]
    return sorted(found, key=lambda activity: (activity.fields["starts_on"], activity.id))


def request_store(
    phone: Phone,
    activity_id: str,
    store_id: str,
    fix: Fix | None = None,
    *,
    note: str | None = None,
    position_id: str | None = None,
    photos: Sequence[Json] = (),
) -> str:
    """Ask for a store to join an activity; returns the id by which it will be in.

    `photos` are files for who decides: {sha256, size, role} each.
    """
    _require_contract_two(phone, "a request for an activity")
    taking_part_id = phone.new_id()
    event = phone.event(fix)
    payload = present(
        activity_id=activity_id,
        store_id=store_id,
        position_id=position_id,
        requested=event_fields(event, event.moment.boot_id),
        note=note,
    )
    phone.capture(
        "activity_store",
        taking_part_id,
        "request",
        payload,
        fix=fix,
        depends_on=phone.unsent_parents(store_id),
        media=photos,
    )
    return taking_part_id


def may_withdraw(phone: Phone, taking_part_id: str) -> bool:
    """Whether a request can still be taken back, as far as this phone knows."""
    held = phone.scope.get("activity_store", taking_part_id)
    if held is not None:
        return held.fields["state"] in _NOT_RUNNING_YET and held.fields["person_id"] is not None
    return any(item.op == "request" for item in phone.outbox.of_entity(taking_part_id))


def withdraw_request(
    phone: Phone, taking_part_id: str, reason: str, fix: Fix | None = None
) -> None:
    """Take a request back. Where the store runs the activity by then, the server says so."""
    _require_contract_two(phone, "a withdrawal from an activity")
    event = phone.event(fix)
    payload = {"withdrawn": event_fields(event, event.moment.boot_id), "reason": reason}
    phone.capture("activity_store", taking_part_id, "withdraw", payload, fix=fix)


def due_at(phone: Phone, store_id: str) -> list[Due]:
    """What a visit to this store has to bring: one for each open activity that it runs."""
    activities = {activity.id: activity.fields for activity in phone.held("activity")}
    found = []
    for taking_part in phone.held("activity_store"):
        fields = taking_part.fields
        activity = activities.get(fields["activity_id"])
        if (
            fields["store_id"] == store_id
            and fields["state"] == "RUNNING"
            and activity is not None
            and activity["state"] == "OPEN"
        ):
            found.append(
                Due(
                    taking_part.id,
                    fields["activity_id"],
                    activity["name"],
                    activity["standards_version"],
                    activity["standards"],
                )
            )
    return sorted(found, key=lambda due: (due.name, due.taking_part_id))


def still_missing(
    due: Due, answers: Mapping[str, str], photos: Sequence[Json]
) -> tuple[list[str], dict[str, int]]:
    """What the app shows as missing before it sends: items without an answer, and photos by item.

    `answers` are DONE, NOT_DONE or NOT_APPLICABLE by item; nothing keeps the person from sending.
    """
    unanswered = [each["item"] for each in due.standards if each["item"] not in answers]
    lacking = {}
    for each in due.standards:
        item = each["item"]
        if answers.get(item, "DONE") == "DONE":
            number = each["photos"] - sum(photo["item"] == item for photo in photos)
            if number > 0:
                lacking[item] = number
    return unanswered, lacking


def bring(
    phone: Phone,
    taking_part_id: str,
    visit_id: str,
    answers: Sequence[Json],
    photos: Sequence[Json],
    fix: Fix | None = None,
    *,
    note: str | None = None,
    position_id: str | None = None,
) -> str:
    """Keep what a visit brings for an activity; returns the id of the audit visit.

    `answers` are {item, answer, note} each, `photos` {item, sha256, size}. Raises NoSuchActivityStore
    where the phone does not hold the store in the activity, or its activity.
    """
    _require_contract_two(phone, "an audit visit")
    taking_part = phone.scope.get("activity_store", taking_part_id)
    if taking_part is None:
        raise NoSuchActivityStore(taking_part_id)
    activity = phone.scope.get("activity", taking_part.fields["activity_id"])
    if activity is None:
        raise NoSuchActivityStore(taking_part_id)
    audit_visit_id = phone.new_id()
    event = phone.event(fix)
    payload = present(
        activity_store_id=taking_part_id,
        visit_id=visit_id,
        position_id=position_id,
        standards_version=activity.fields["standards_version"],
        occurred=event_fields(event, event.moment.boot_id),
        answers=[present(**answer) for answer in answers],
        photos=[dict(photo) for photo in photos],
        note=note,
    )
    phone.capture(
        "audit_visit",
        audit_visit_id,
        "create",
        payload,
        fix=fix,
        depends_on=phone.unsent_parents(visit_id),
    )
    return audit_visit_id


def correct_brought(phone: Phone, audit_visit_id: str, reason: str, **changes: Any) -> None:
    """Say what was truly brought: `answers`, `photos` (both whole) or `note`. How photos are added."""
    version = phone.seen_version("audit_visit", audit_visit_id)
    payload = {"reason": reason, "changes": changes}
    phone.capture("audit_visit", audit_visit_id, "correct", payload, base_version=version)


def may_appeal(phone: Phone, audit_visit_id: str) -> list[str]:
    """The items of an audit visit that the person may appeal about now, as far as this phone knows."""
    held = phone.scope.get("audit_visit", audit_visit_id)
    verdict = None if held is None else held.fields["verdict"]
    if verdict is None or verdict["state"] != "JUDGED":
        return []
    if any(item.op == "appeal" for item in phone.outbox.of_entity(audit_visit_id)):
        return []
    if phone.read_clock().wall_ms >= verdict["appeal_until"]:
        return []
    return [each["item"] for each in verdict["items"] if each["verdict"] == "FAIL"]


def appeal_against(phone: Phone, audit_visit_id: str, items: Sequence[str], reason: str) -> None:
    """Ask for another auditor, once, about items that failed."""
    _require_contract_two(phone, "an appeal")
    phone.capture("audit_visit", audit_visit_id, "appeal", {"items": list(items), "reason": reason})


def _in_already(phone: Phone, store_id: str) -> list[Json]:
    """The store in activities, as the server has it, and as this phone has asked since."""
    held = [
        taking_part.fields
        for taking_part in phone.held("activity_store")
        if taking_part.fields["store_id"] == store_id and taking_part.fields["state"] not in _OUT
    ]
    asked = [
        item.parsed()["payload"]
        for item in phone.outbox.items()
        if item.kind == "activity_store" and item.op == "request" and item.is_unsent
    ]
    return [*held, *(payload for payload in asked if payload["store_id"] == store_id)]


def _require_contract_two(phone: Phone, what: str) -> None:
    if phone.device.contract == 1:
        raise NotInContract(what)
