"""What follows from verdicts once they stand: the rep's phone is told, photos pass or fail, what failed becomes
tasks; and what nobody appealed against in time becomes final.

In bounded transactions that may run again: what was done is not done twice. The verdict of a second, blind look changes
nothing; it is there to see how far auditors agree.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from mobile_contract.records.task import TASK_TEXT_MAX
from server.identity.change_log import Actor
from server.tasks.tasks import NewTask, give_tasks, withdraw_tasks
from sync.kinds.audit_visit.appeal import decided
from sync.kinds.audit_visit.judge import AUDIT_VISIT
from sync.kinds.audit_visit.states import AUDITING, TURN
from sync.kinds.photo.publish import PhotoChange, set_photo_states
from sync.policy import Policy, current_policy
from sync.publish import Draft, hold_documents, publish
from sync.unit_of_work import Database, UnitOfWork

ACTOR = Actor.command("let verdicts stand")
logger = logging.getLogger("roadbook.audits")
VERDICTS_AT_ONCE = 50

_DUE = """
select t.id, t.audit_visit_id, t.purpose, v.id as verdict_id, v.version, v.result, v.given_at,
       v.standards_version, v.evidence
from audit_turn t
join audit_verdict v on v.company_id = t.company_id and v.id = t.verdict_id
where t.company_id = :company and t.state = 'GIVEN' and t.undo_until <= :now
  and (cast(:only as uuid) is null or t.id = :only)
order by t.undo_until, t.id limit :at_most for update of t skip locked
"""
_DUE_IDS = """
select id from audit_turn where company_id = :company and state = 'GIVEN' and undo_until <= :now
order by undo_until, id limit :at_most
"""
_STAND = "update audit_turn set state = :state where company_id = :company and id = any(:ids)"
_ITEMS = """
select verdict_id, item, verdict, reason_code, reason from audit_verdict_item
where company_id = :company and verdict_id = any(:ids) order by verdict_id, place
"""
_CASES = """
select c.id, c.state, c.person_id, c.position_id, c.store_id, c.activity_store_id, v.visit_id, i.items,
       p.state as store_state, n.left_on is null or n.left_on > :today as is_here
from audit_case c
join audit_visit v on v.company_id = c.company_id and v.id = c.id
join activity_store p on p.company_id = c.company_id and p.id = c.activity_store_id
join person n on n.company_id = c.company_id and n.id = c.person_id
join lateral (
    select i.items from activity_standards i
    where i.company_id = v.company_id and i.activity_id = v.activity_id
    order by i.standards_version = v.standards_version desc, i.standards_version desc limit 1
) i on true
where c.company_id = :company and c.id = any(:ids) order by c.id for update of c
"""
_WRITE = """
update audit_case c set state = r.state, result = r.result, judged_at = r.judged_at,
       verdict_id = coalesce(c.verdict_id, r.verdict_id), appeal_verdict_id = r.appeal_verdict_id,
       appeal_until = r.appeal_until
from unnest(cast(:ids as uuid[]), cast(:states as text[]), cast(:results as text[]),
            cast(:moments as timestamptz[]), cast(:verdicts as uuid[]), cast(:seconds as uuid[]),
            cast(:untils as timestamptz[]))
     as r(id, state, result, judged_at, verdict_id, appeal_verdict_id, appeal_until)
where c.company_id = :company and c.id = r.id
"""
_OVER = """
select c.id from audit_case c
where c.company_id = :company and c.state = 'JUDGED' and c.appeal_until <= :now
order by c.appeal_until, c.id limit :at_most for update of c skip locked
"""
_FINAL = "update audit_case set state = :state where company_id = :company and id = any(:ids)"
_OPEN_TASKS = (
    "select id from task where company_id = :company and id = any(:ids) and state = 'OPEN'"
)


@dataclass(frozen=True, slots=True)
class _Judged:
    """A verdict that comes to stand, with its case and what is on phones of it."""

    row: Any
    case: Any
    items: list[dict[str, Any]]
    fields: Mapping[str, Any]

    @property
    def is_appeal(self) -> bool:
        return bool(self.row.purpose == "APPEAL")


def let_stand(database: Database, company_id: int, *, now: datetime) -> int:
    """Let verdicts stand whose time to be undone is over; how many.

    Where that fails for one of them, the others stand all the same, and that one is tried again the next time.
    """
    try:
        return _in_slices(database, company_id, now, let_some_stand)
    except Exception:
        logger.exception("verdicts of company %d do not stand together: one by one", company_id)
    with database.reading(company_id) as uow:
        rows = uow.rows(_DUE_IDS, company=company_id, now=now, at_most=10 * VERDICTS_AT_ONCE)
    number = 0
    for row in rows:
        try:
            with database.company(company_id) as uow:
                number += let_some_stand(uow, now, only=row.id)
        except Exception:
            logger.exception("the verdict of turn %s does not stand", row.id)
    return number


def end_appeal_times(database: Database, company_id: int, *, now: datetime) -> int:
    """Let verdicts become final that nobody appealed against in time; how many were looked at."""
    return _in_slices(database, company_id, now, end_some_appeal_times)


def let_some_stand(uow: UnitOfWork, now: datetime, only: UUID | None = None) -> int:
    """The next of `let_stand`, or that of one turn, in the caller's transaction. The number of statements does
    not grow with them.
    """
    company = uow.company_id
    rows = uow.rows(_DUE, company=company, now=now, only=only, at_most=VERDICTS_AT_ONCE)
    if not rows:
        return 0
    uow.run(
        _STAND, company=company, ids=[row.id for row in rows], state=TURN.after("GIVEN", "stand")
    )
    counting = [row for row in rows if row.purpose != "BLIND"]
    if counting:
        _take_effect(uow, counting, now)
    return len(rows)


def end_some_appeal_times(uow: UnitOfWork, now: datetime) -> int:
    """The next of `end_appeal_times`, in the caller's transaction."""
    rows = uow.rows(_OVER, company=uow.company_id, now=now, at_most=VERDICTS_AT_ONCE)
    ids = [row.id for row in rows]
    # One that a phone has just appealed against is left to that appeal.
    held = {
        id_: fields
        for id_, fields in hold_documents(uow, ids).items()
        if fields["verdict"]["state"] == "JUDGED"
    }
    state = AUDITING.after("JUDGED", "run out")
    if held:
        publish(
            uow,
            [
                Draft(
                    AUDIT_VISIT, id_, {**fields, "verdict": {**fields["verdict"], "state": state}}
                )
                for id_, fields in held.items()
            ],
        )
        uow.run(_FINAL, company=uow.company_id, ids=list(held), state=state)
    return len(held)


def task_id(verdict_id: UUID, item: str) -> UUID:
    """The id of the task that follows from a failed item."""
    return uuid5(verdict_id, f"task {item}")


def _take_effect(uow: UnitOfWork, rows: Sequence[Any], now: datetime) -> None:
    company = uow.company_id
    _, policy = current_policy(uow)
    today = now.astimezone(policy.zone).date()
    ids = sorted({row.audit_visit_id for row in rows})
    documents = hold_documents(uow, ids)
    cases = {row.id: row for row in uow.rows(_CASES, company=company, ids=ids, today=today)}
    items: dict[UUID, list[dict[str, Any]]] = {}
    for one in uow.rows(_ITEMS, company=company, ids=[row.verdict_id for row in rows]):
        said = {name: getattr(one, name) for name in ("item", "verdict", "reason_code", "reason")}
        items.setdefault(one.verdict_id, []).append(said)
    judged = [
        _Judged(
            row,
            cases[row.audit_visit_id],
            items.get(row.verdict_id, []),
            documents[row.audit_visit_id],
        )
        for row in rows
    ]
    _tell(uow, judged, policy, now)
    set_photo_states(uow, _photo_changes(judged))
    tasks = [task for one in judged if not one.is_appeal for task in _tasks(one, policy, today)]
    give_tasks(uow, ACTOR, tasks, today=today, now=now)
    _withdraw(uow, judged, today)


def _tell(uow: UnitOfWork, judged: Sequence[_Judged], policy: Policy, now: datetime) -> None:
    """Write where each case stands, and the verdict into its record; whoever brought it sees it again."""
    verdicts = {one.case.id: _verdict(one, policy, now) for one in judged}
    publish(
        uow,
        [
            Draft(
                AUDIT_VISIT,
                one.case.id,
                {**one.fields, "verdict": verdicts[one.case.id]},
                frozenset({one.case.person_id}),
            )
            for one in judged
        ],
    )
    until = now + timedelta(days=policy.appeal_days)
    uow.run(
        _WRITE,
        company=uow.company_id,
        ids=[one.case.id for one in judged],
        states=[verdicts[one.case.id]["state"] for one in judged],
        results=[verdicts[one.case.id]["result"] for one in judged],
        moments=[one.row.given_at for one in judged],
        verdicts=[one.row.verdict_id for one in judged],
        seconds=[one.row.verdict_id if one.is_appeal else None for one in judged],
        untils=[until if verdicts[one.case.id]["state"] == "JUDGED" else None for one in judged],
    )


def _verdict(one: _Judged, policy: Policy, now: datetime) -> dict[str, Any]:
    """The verdict as phones have it: `HeldVerdict` of the contract."""
    row = one.row
    judged_at = int(row.given_at.timestamp() * 1000)
    if one.is_appeal:
        second = {"id": str(row.verdict_id), "judged_at": judged_at, "items": one.items}
        return decided(one.fields["verdict"], second)
    state = AUDITING.after(one.case.state, "fail" if row.result == "FAIL" else "pass")
    until = now + timedelta(days=policy.appeal_days)
    return {
        "id": str(row.verdict_id),
        "state": state,
        "result": row.result,
        "version": row.version,
        "standards_version": row.standards_version,
        "items": one.items,
        "judged_at": judged_at,
        "appeal_until": int(until.timestamp() * 1000) if row.result == "FAIL" else None,
        "appeal": None,
    }


def _photo_changes(judged: Iterable[_Judged]) -> dict[UUID, PhotoChange]:
    """A photo fails where an item fails that it was brought for, else it passes; after an appeal it is final."""
    changes: dict[UUID, PhotoChange] = {}
    for one in judged:
        failed = {each["item"] for each in one.items if each["verdict"] == "FAIL"}
        asked = {each["item"] for each in one.items}
        for photo in one.row.evidence["photos"]:
            if photo["photo_id"] is None or not asked & set(photo["items"]):
                continue
            state = "FAIL" if failed & set(photo["items"]) else "PASS"
            changes[UUID(photo["photo_id"])] = PhotoChange("FINAL" if one.is_appeal else state)
    return changes


def _tasks(one: _Judged, policy: Policy, today: Any) -> Iterable[NewTask]:
    """What is to be done about each item that failed, while the store still runs the activity."""
    case = one.case
    if case.store_state != "RUNNING" or (case.position_id is None and not case.is_here):
        return
    texts = {each["item"]: each["text"] for each in case.items}
    for each in one.items:
        if each["verdict"] != "FAIL":
            continue
        reason = policy.audit_reasons.get(each["reason_code"], {})
        said = (
            texts.get(each["item"]) or each["item"],
            reason.get("words"),
            each["reason"],
        )
        shown = [p["sha256"] for p in one.row.evidence["photos"] if each["item"] in p["items"]]
        yield NewTask(
            id=task_id(one.row.verdict_id, each["item"]),
            sort=reason.get("task", "PUT_RIGHT"),
            text=". ".join(part for part in said if part)[:TASK_TEXT_MAX],
            due_on=today + timedelta(days=policy.audit_task_days),
            position_id=case.position_id,
            person_id=None if case.position_id is not None else case.person_id,
            store_id=case.store_id,
            visit_id=case.visit_id,
            activity_store_id=case.activity_store_id,
            photo_sha256=shown[0] if shown else None,
        )


def _withdraw(uow: UnitOfWork, judged: Iterable[_Judged], today: Any) -> None:
    """Take tasks back whose item the other auditor found right."""
    ids = [
        task_id(UUID(one.fields["verdict"]["id"]), each["item"])
        for one in judged
        if one.is_appeal
        for each in one.items
        if each["verdict"] != "FAIL"
    ]
    if not ids:
        return
    still_open = [row.id for row in uow.rows(_OPEN_TASKS, company=uow.company_id, ids=ids)]
    if still_open:
        withdraw_tasks(
            uow, ACTOR, still_open, "Another auditor found that it is right", today=today
        )


def _in_slices(
    database: Database, company_id: int, now: datetime, turn: Callable[[UnitOfWork, datetime], int]
) -> int:
    number = 0
    while True:
        with database.company(company_id) as uow:
            some = turn(uow, now)
        number += some
        if some < VERDICTS_AT_ONCE:
            return number
