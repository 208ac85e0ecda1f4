"""What the office asks of a phone's person and tells them: tasks, notices and location checks.

PROTOCOL.md, headings "task", "notice" and "location_check".

    for task in open_tasks(phone):
        answer_task(phone, task.id, fix, note="done")
    for notice in unread_notices(phone, today="2026-11-23"):
        text = text_in(notice, "zh")
        read_notice(phone, notice.id)
    for check in open_checks(phone):
        answer_check(phone, check.id, fix)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.contract_two import event_fields, present
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.scope_store import HeldRecord

Json = Mapping[str, Any]


def open_tasks(phone: Phone, *, position_ids: Sequence[str] = ()) -> list[HeldRecord]:
    """The tasks that the person may answer and has not, by their due day.

    `position_ids` are the positions that they hold: a supervisor's phone also has tasks of others.
    Without any, every open task that the phone holds.
    """
    found = [
        task
        for task in phone.held("task")
        if task.fields["state"] == "OPEN"
        and not _has_sent(phone, task.id, "answer")
        and (
            not position_ids
            or task.fields["position_id"] is None
            or task.fields["position_id"] in position_ids
        )
    ]
    return sorted(found, key=lambda task: (task.fields["due_on"], task.id))


def is_overdue(task: HeldRecord, today: str) -> bool:
    """Whether a task is open after its day; `today` is the company's day, as YYYY-MM-DD."""
    return bool(task.fields["state"] == "OPEN" and task.fields["due_on"] < today)


def answer_task(
    phone: Phone,
    task_id: str,
    fix: Fix | None = None,
    *,
    note: str | None = None,
    visit_id: str | None = None,
    photos: Sequence[Json] = (),
) -> None:
    """Say that a task is done; `photos` show it: {sha256, size, role} each.

    Where somebody was first, or it was withdrawn, the server keeps this answer and says so.
    """
    _require_contract_two(phone, "a task")
    event = phone.event(fix)
    payload = present(done=event_fields(event, event.moment.boot_id), visit_id=visit_id, note=note)
    phone.capture(
        "task",
        task_id,
        "answer",
        payload,
        fix=fix,
        depends_on=phone.unsent_parents(visit_id),
        media=photos,
    )


def unread_notices(phone: Phone, today: str) -> list[HeldRecord]:
    """The notices that are shown on this day and that this phone has not told as read, newest first."""
    read = phone.device.read_notices
    found = [
        notice
        for notice in phone.held("notice")
        if notice.fields["starts_on"] <= today <= notice.fields["ends_on"] and notice.id not in read
    ]
    return sorted(found, key=lambda notice: (-notice.fields["given_at"], notice.id))


def text_in(notice: HeldRecord, language: str) -> Json:
    """The text of a notice in a language; the main one where it is not written in it."""
    texts: list[Json] = notice.fields["texts"]
    return next((text for text in texts if text["language"] == language), texts[0])


def read_notice(phone: Phone, notice_id: str) -> None:
    """The person has opened a notice; told once, however often they do."""
    _require_contract_two(phone, "a notice")
    if notice_id not in phone.device.read_notices:
        event = phone.event(None)
        payload = {"read": event_fields(event, event.moment.boot_id)}
        phone.capture("notice", notice_id, "read", payload)
        phone.device.keep_read_notice(notice_id)


def open_checks(phone: Phone, person_id: str | None = None) -> list[HeldRecord]:
    """The location checks that wait for an answer of this person, the earliest first."""
    person = person_id or phone.device.enrolment.person["id"]
    found = [
        check
        for check in phone.held("location_check")
        if check.fields["state"] == "ASKED"
        and check.fields["person_id"] == person
        and not _has_sent(phone, check.id, "answer")
    ]
    return sorted(found, key=lambda check: (check.fields["asked_at"], check.id))


def answer_check(phone: Phone, check_id: str, fix: Fix | None) -> None:
    """Say where the phone is; without a fix it answers all the same."""
    _require_contract_two(phone, "a location check")
    event = phone.event(fix)
    payload = {"answered": event_fields(event, event.moment.boot_id)}
    phone.capture("location_check", check_id, "answer", payload, fix=fix)


def _require_contract_two(phone: Phone, what: str) -> None:
    if phone.device.contract == 1:
        raise NotInContract(what)


def _has_sent(phone: Phone, record_id: str, op: str) -> bool:
    """Whether this phone has said this of a record: in its outbox for as long as it keeps items."""
    return any(item.op == op for item in phone.outbox.of_entity(record_id))
