"""Appeals: a rep's phone or the office asks for another auditor, once for each audit visit and in time.

What is appealed against is put into the queue again, for whoever has not looked at it yet; both verdicts stay.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from mobile_contract.records.audit_visit import APPEAL_REASON_MAX
from server.audits.errors import FieldInvalid, NoSuchAuditVisit, WrongState
from server.audits.queue import offer_turns
from server.audits.rights import CASE_IS_SEEN, appealed_by, must_decide
from server.identity.change_log import Actor, log_change
from server.language import Said
from sync.kinds.audit_visit.appeal import against_appeal, appealed
from sync.kinds.audit_visit.audit_table import audit_appeal
from sync.kinds.audit_visit.judge import APPEALED, AUDIT_VISIT
from sync.kinds.audit_visit.states import AUDITING
from sync.kinds.photo.publish import PhotoChange, set_photo_states
from sync.policy import current_policy
from sync.publish import Draft, hold_documents, publish
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

_SEEN = f"""
select c.id, c.person_id, p.state as store_state from audit_case c
join activity_store p on p.company_id = c.company_id and p.id = c.activity_store_id
where c.company_id = :company and c.id = :audit_visit and {CASE_IS_SEEN}
"""  # noqa: S608  put together from constants
_APPEALED = """
select c.id, c.state, p.items, v.evidence from audit_case c
join audit_appeal p on p.company_id = c.company_id and p.audit_visit_id = c.id
                   and p.verdict_id = c.verdict_id
join audit_verdict v on v.company_id = c.company_id and v.id = c.verdict_id
where c.company_id = :company and c.id = any(:ids) and c.state = any(:states)
  and not exists (select from audit_turn t
                  where t.company_id = c.company_id and t.audit_visit_id = c.id and t.purpose = 'APPEAL')
order by c.id for update of c
"""
_STATE = """
update audit_case set state = :state, appeal_until = null where company_id = :company and id = any(:ids)
"""


def appeal_for(
    uow: UnitOfWork,
    actor: Actor,
    audit_visit_id: UUID,
    items: Sequence[str],
    reason: str,
    *,
    now: datetime,
    asker_id: UUID | None = None,
) -> UUID:
    """Appeal for whoever brought it; the id of the appeal. Their phone shows it.

    Raises NoSuchAuditVisit where the asker may not see it, BeyondScope, FieldInvalid, WrongState.
    """
    if not items or len(set(items)) < len(items):
        raise FieldInvalid(Said("items: one at least, each once"))
    if not 1 <= len(reason.strip()) <= APPEAL_REASON_MAX or "\x00" in reason:
        raise FieldInvalid(Said("reason: a text of 1 to {most} characters", most=APPEAL_REASON_MAX))
    today = now.astimezone(current_policy(uow)[1].zone).date()
    held = hold_documents(uow, [audit_visit_id])
    rows = uow.rows(
        _SEEN,
        company=uow.company_id,
        audit_visit=audit_visit_id,
        **appealed_by(uow, asker_id, today),
    )
    if not rows or audit_visit_id not in held:
        raise NoSuchAuditVisit(Said("there is no such audit visit in this company"))
    must_decide(uow, asker_id, today)
    fields, at_ms = held[audit_visit_id], int(now.timestamp() * 1000)
    verdict = fields["verdict"]
    against = against_appeal(verdict, items, at_ms, [rows[0].store_state])
    if against is not None:
        raise WrongState(against[1])
    publish(
        uow,
        [
            Draft(
                AUDIT_VISIT,
                audit_visit_id,
                {**fields, "verdict": appealed(verdict, items, reason.strip(), at_ms)},
            )
        ],
    )
    appeal_id = uuid4()
    uow.connection.execute(
        insert(audit_appeal).values(
            company_id=uow.company_id,
            id=appeal_id,
            audit_visit_id=audit_visit_id,
            verdict_id=UUID(verdict["id"]),
            person_id=rows[0].person_id,
            by_id=actor.person_id,
            by_name=actor.name,
            items=list(items),
            reason=reason.strip(),
            appealed_at=now,
            received_at=now,
        )
    )
    leave_work(uow, APPEALED, [audit_visit_id])
    log_change(
        uow,
        actor,
        "audit.appeal",
        "audit_visit",
        audit_visit_id,
        after={"items": list(items), "reason": reason.strip()},
    )
    return appeal_id


def may_appeal_for(
    uow: UnitOfWork, audit_visit_id: UUID, *, today: date, asker_id: UUID | None
) -> bool:
    """Whether an audit visit is the asker's to appeal for, as far as rights go: they brought it, or act for its position."""
    values = appealed_by(uow, asker_id, today)
    return bool(uow.rows(_SEEN, company=uow.company_id, audit_visit=audit_visit_id, **values))


def open_appeals(uow: UnitOfWork, audit_visit_ids: Iterable[UUID], *, now: datetime) -> int:
    """Put into the queue what was appealed against; how many there were. An effect: it may run twice."""
    rows: list[Any] = uow.rows(
        _APPEALED,
        company=uow.company_id,
        ids=list(audit_visit_ids),
        states=list(AUDITING.sources_of("appeal")),
    )
    if not rows:
        return 0
    ids = [row.id for row in rows]
    state = AUDITING.after("JUDGED", "appeal")
    uow.run(_STATE, company=uow.company_id, ids=ids, state=state)
    offer_turns(uow, [(id_, "APPEAL") for id_ in ids], now=now)
    photos = {
        UUID(photo["photo_id"]): PhotoChange("APPEALED")
        for row in rows
        for photo in row.evidence["photos"]
        if photo["photo_id"] is not None and set(photo["items"]) & set(row.items)
    }
    set_photo_states(uow, photos)
    return len(rows)
