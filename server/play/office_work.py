"""What a rep does for activities, and what they answer to the office: audits at visits, requests, tasks, notices.

What there is to do follows from what the phone holds when its time comes; a phone that holds no
activity brings nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from mobile_contract.phone.activities import activities_for, bring, due_at, request_store
from mobile_contract.phone.tasks import (
    answer_check,
    answer_task,
    open_checks,
    open_tasks,
    read_notice,
)
from server.play.morning import Morning
from server.play.places import Reading
from server.play.rep import OnCall, Rep
from server.play.teams import Team
from server.play.workday import MINUTE_MS, Act, Attend, Visit

_ASKED_FOR = 0.03
_NOT_DONE = 0.1
_PHOTO_LEFT_OUT = 0.05
_ANSWERED_A_DAY = 3
_PHOTO_BYTES = 120_000


@dataclass(frozen=True, slots=True)
class BringForActivities:
    """The rep fills in the checklist of every activity that the store runs, or asks for it to join one."""

    at_ms: int
    is_asked_for: bool
    reading: Reading | None = None


@dataclass(frozen=True, slots=True)
class ReadFromOffice:
    """The rep reads what the office has to say, and says where they are when asked."""

    at_ms: int


@dataclass(frozen=True, slots=True)
class AnswerTasks:
    """The rep says which tasks are done."""

    at_ms: int


def plan_in_visits(
    random: Random, _team: Team, visits: Sequence[Visit]
) -> dict[int, list[BringForActivities]]:
    """Once in every visit in person, before it ends."""
    return {
        place: [
            BringForActivities(
                (visit.at_ms + visit.until_ms) // 2,
                is_asked_for=random.random() < _ASKED_FOR,
                reading=visit.arrival,
            )
        ]
        for place, visit in enumerate(visits)
        if not visit.is_by_phone
    }


def plan_in_day(_random: Random, _team: Team, acts: Sequence[Act]) -> list[Act]:
    """Reading after going on duty, tasks before going off."""
    began = [act.at_ms for act in acts if isinstance(act, Attend) and act.what == "clock_on"]
    ended = [act.at_ms for act in acts if isinstance(act, Attend) and act.what == "clock_off"]
    return [
        *(ReadFromOffice(at_ms + MINUTE_MS) for at_ms in began),
        *(AnswerTasks(at_ms - MINUTE_MS) for at_ms in ended),
    ]


def bring_for_activities(
    rep: Rep, act: BringForActivities, morning: Morning, call: OnCall | None
) -> None:
    """Fill in what is due at the store; now and then ask for it to join."""
    if call is None:
        return
    phone, random = rep.phone, rep.random
    for due in due_at(phone, call.store_id):
        answers, photos = [], []
        for standard in due.standards:
            is_done = random.random() >= _NOT_DONE
            answers.append({"item": standard["item"], "answer": "DONE" if is_done else "NOT_DONE"})
            photos += [
                _photo_of(rep, act, standard["item"], morning, call)
                for _ in range(standard["photos"] if is_done else 0)
                if random.random() >= _PHOTO_LEFT_OUT
            ]
        bring(
            phone,
            due.taking_part_id,
            call.visit_id,
            answers,
            photos,
            position_id=morning.position_id,
        )
    if act.is_asked_for:
        for activity in activities_for(phone, call.store_id)[:1]:
            request_store(phone, activity.id, call.store_id, position_id=morning.position_id)


def _photo_of(
    rep: Rep, act: BringForActivities, item: str, morning: Morning, call: OnCall
) -> dict[str, Any]:
    """A photo that shows this item; on a phone that takes none, a line about one that is nowhere."""
    digest = f"{rep.random.getrandbits(256):064x}"
    if rep.camera is None:
        return {"item": item, "sha256": digest, "size": _PHOTO_BYTES}
    rep.camera.due -= 1
    return rep.camera.take(
        rep.phone,
        role="activity",
        fix=rep.fix(act.reading),
        place=None if act.reading is None else act.reading.place,
        store_id=call.store_id,
        visit_id=call.visit_id,
        position_id=morning.position_id,
    ).as_audit_photo(item)


def read_from_office(
    rep: Rep, _act: ReadFromOffice, _morning: Morning, _call: OnCall | None
) -> None:
    """Open every notice that is on the phone, and answer what the supervisor asks."""
    phone = rep.phone
    for notice in phone.held("notice"):
        read_notice(phone, notice.id)
    for check in open_checks(phone):
        answer_check(phone, check.id, None)


def answer_tasks(rep: Rep, _act: AnswerTasks, morning: Morning, _call: OnCall | None) -> None:
    """Answer the first few that are due of the rep's own position."""
    if morning.position_id is not None:
        mine = open_tasks(rep.phone, position_ids=[morning.position_id])
        for task in mine[:_ANSWERED_A_DAY]:
            answer_task(rep.phone, task.id, note="done")
