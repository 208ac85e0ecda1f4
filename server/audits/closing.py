"""The office closes what auditors do not get to, so that its store can get what it gets all the same.

What has no verdict never gets one: the store is taken by its other verdicts, or as reported. Of what was appealed against
where no other auditor is, the first verdict counts.
"""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from server.audits.errors import FieldInvalid, MayNotDecide, NoSuchAuditVisit, WrongState
from server.audits.rights import must_keep
from server.identity.change_log import Actor, log_changes
from server.language import Said
from sync.kinds.audit_visit.judge import AUDIT_VISIT
from sync.kinds.audit_visit.states import AUDITING, TURN
from sync.kinds.photo.publish import PhotoChange, set_photo_states
from sync.publish import Draft, hold_documents, publish
from sync.unit_of_work import UnitOfWork

REASON_MAX = 400
CASES_AT_ONCE = 200

# Turns first and in their order, as whoever lets verdicts stand locks them.
_TURNS = """
select t.id, t.state from audit_turn t
where t.company_id = :company and t.audit_visit_id = any(:ids) and t.state in ('READY', 'CLAIMED', 'GIVEN')
order by t.id for update of t
"""
_LOCK = """
select c.id, c.state, c.person_id, v.evidence from audit_case c
left join audit_verdict v on v.company_id = c.company_id and v.id = c.verdict_id
where c.company_id = :company and c.id = any(:ids) order by c.id for update of c
"""
_CLOSE = """
update audit_case c set state = r.state
from unnest(cast(:ids as uuid[]), cast(:states as text[])) as r(id, state)
where c.company_id = :company and c.id = r.id
"""
_DROP = "update audit_turn set state = :state where company_id = :company and id = any(:ids)"
_OPEN = """
select id from audit_case
where company_id = :company and activity_id = :activity and state = any(:states)
order by id limit :at_most
"""


def close_cases(
    uow: UnitOfWork,
    actor: Actor,
    ids: Iterable[UUID],
    reason: str,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> int:
    """Close these audit visits without an auditor; how many. All or none.

    Raises BeyondScope unless an admin asks, NoSuchAuditVisit, MayNotDecide about their own, FieldInvalid; WrongState where a verdict counts
    already or was given a moment ago. The number of statements does not grow with them.
    """
    must_keep(uow, asker_id, today)
    if not 1 <= len(reason.strip()) <= REASON_MAX or "\x00" in reason:
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=REASON_MAX))
    company = uow.company_id
    wanted = sorted(set(ids))
    turns = uow.rows(_TURNS, company=company, ids=wanted)
    if any(turn.state == "GIVEN" for turn in turns):
        raise WrongState(Said("a verdict on one of these was given just now"))
    documents = hold_documents(uow, wanted)
    cases = uow.rows(_LOCK, company=company, ids=wanted)
    if len(cases) < len(wanted):
        raise NoSuchAuditVisit(Said("there is no such audit visit in this company"))
    if asker_id is not None and any(row.person_id == asker_id for row in cases):
        raise MayNotDecide(Said("nobody closes what they brought themselves"))
    states = {row.id: _closed(row) for row in cases}
    uow.run(_CLOSE, company=company, ids=list(states), states=list(states.values()))
    dropped = TURN.after("READY", "drop")
    uow.run(_DROP, company=company, ids=[turn.id for turn in turns], state=dropped)
    appealed = [row for row in cases if row.state == "APPEALED"]
    publish(
        uow,
        [
            Draft(
                AUDIT_VISIT,
                row.id,
                {
                    **documents[row.id],
                    "verdict": {**documents[row.id]["verdict"], "state": states[row.id]},
                },
            )
            for row in appealed
        ],
    )
    set_photo_states(
        uow,
        {
            UUID(photo["photo_id"]): PhotoChange("FINAL")
            for row in appealed
            for photo in row.evidence["photos"]
            if photo["photo_id"] is not None
            and set(photo["items"]) & set(documents[row.id]["verdict"]["appeal"]["items"])
        },
    )
    log_changes(
        uow,
        actor,
        "audit.close",
        "audit_visit",
        [
            (row.id, {"state": row.state}, {"state": states[row.id], "reason": reason.strip()})
            for row in cases
        ],
    )
    return len(cases)


def open_cases(uow: UnitOfWork, activity_id: UUID) -> list[UUID]:
    """The next audit visits of an activity that may be closed."""
    rows = uow.rows(
        _OPEN,
        company=uow.company_id,
        activity=activity_id,
        states=list(AUDITING.sources_of("close")),
        at_most=CASES_AT_ONCE,
    )
    return [row.id for row in rows]


def _closed(row: Any) -> str:
    state = AUDITING.after(row.state, "close")
    if state is None:
        raise WrongState(
            Said(
                "audit visit {hex} is {state}: nothing is to be closed",
                hex=row.id.hex[:8],
                state=Said(row.state.lower()),
            )
        )
    return state
