"""Auditors judge what they have claimed, item by item, and may undo that for some minutes.

A verdict stands when its time to be undone is over (standing.py); until then nobody but its auditor knows of it.
It is given once: the same id with the same words again is the same verdict.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from mobile_contract.records.audit_visit import ITEM_VERDICTS, VERDICT_REASON_MAX
from server.audits.errors import (
    ChangedMeanwhile,
    FieldInvalid,
    NoSuchTurn,
    NoSuchVerdict,
    VerdictTaken,
    WrongState,
)
from server.audits.rights import AUDITOR, MAY_AUDIT
from server.audits.shown import Shown, show
from server.identity.change_log import Actor, log_change
from server.language import Said
from sync.document import encode_document
from sync.kinds.audit_visit.audit_table import audit_undo, audit_verdict, audit_verdict_item
from sync.kinds.audit_visit.states import TURN
from sync.policy import Policy, current_policy
from sync.unit_of_work import UnitOfWork

NOTE_MAX = 1_000

_LOCK = f"""
{AUDITOR}
select t.id, t.audit_visit_id, t.purpose, t.state, t.claimed_at, t.verdict_id, t.undo_until, q.items, q.reason,
       {MAY_AUDIT} as may_audit
from audit_turn t
join audit_case c on c.company_id = t.company_id and c.id = t.audit_visit_id
join activity a on a.company_id = c.company_id and a.id = c.activity_id
left join audit_appeal q on q.company_id = t.company_id and q.audit_visit_id = t.audit_visit_id
                        and t.purpose = 'APPEAL'
where t.company_id = :company and t.id = :turn and t.auditor_id = :asker for update of t
"""  # noqa: S608  put together from constants
_GIVEN = """
select v.auditor_id, v.digest, u.undone_at from audit_verdict v
left join audit_undo u on u.company_id = v.company_id and u.verdict_id = v.id
where v.company_id = :company and v.id = :verdict
"""
_TURN_OF = """
select t.id from audit_verdict v
join audit_turn t on t.company_id = v.company_id and t.id = v.turn_id and t.verdict_id = v.id
where v.company_id = :company and v.id = :verdict and v.auditor_id = :asker
"""
_JUDGE = """
update audit_turn set state = :state, verdict_id = :verdict, undo_until = :until
where company_id = :company and id = :turn
"""
_TAKE_BACK = """
update audit_turn set state = :state, verdict_id = null, undo_until = null, expires_at = :until
where company_id = :company and id = :turn
"""


@dataclass(frozen=True, slots=True)
class ItemVerdict:
    """What the auditor says of one item. A failed one has a code of the company's list, and words perhaps."""

    item: str
    verdict: str
    reason_code: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVerdict:
    """A verdict to be given: on every item that is asked about, once. `id` is made by who gives it; `seen` is what
    `look` said.
    """

    id: UUID
    seen: str
    items: Sequence[ItemVerdict]
    note: str | None = None


def give_verdict(
    uow: UnitOfWork,
    actor: Actor,
    asker_id: UUID,
    turn_id: UUID,
    new: NewVerdict,
    *,
    now: datetime,
) -> str:
    """Judge what the auditor has claimed: PASS, or FAIL where an item fails. Given again, the same again.

    Taken also after the claim's time, as long as nobody else has claimed it since, and they may still audit it: who
    moved to its region meanwhile may not. Raises NoSuchTurn,
    ChangedMeanwhile, FieldInvalid, WrongState, VerdictTaken. Eleven statements.
    """
    company = uow.company_id
    version, policy = current_policy(uow)
    found = _lock(uow, turn_id, asker_id, now, policy)
    digest = digest_of(turn_id, new.seen, new.items, new.note)
    given = uow.rows(_GIVEN, company=company, verdict=new.id)
    result = result_of(new.items)
    if given:
        if (given[0].auditor_id, given[0].digest) != (asker_id, digest):
            raise VerdictTaken(Said("another verdict has this id"))
        if given[0].undone_at is not None:
            raise WrongState(Said("it was undone: what is given now has an id of its own"))
        return result
    if not found or not found[0].may_audit:
        raise NoSuchTurn(Said("there is no such turn, or it is not this auditor's"))
    turn = found[0]
    state = TURN.after(turn.state, "judge")
    if state is None:
        raise WrongState(
            Said("the office closed it")
            if turn.state == "DROPPED"
            else Said("it was judged already")
        )
    shown = show(uow, {turn.audit_visit_id: (turn.items, turn.reason)})[turn.audit_visit_id]
    if shown.seen != new.seen:
        raise ChangedMeanwhile(Said("it has changed since: look at it again"))
    _check(new, shown)
    uow.connection.execute(
        insert(audit_verdict).values(
            company_id=company,
            id=new.id,
            audit_visit_id=turn.audit_visit_id,
            version=shown.version,
            turn_id=turn_id,
            purpose=turn.purpose,
            auditor_id=asker_id,
            claimed_at=turn.claimed_at,
            given_at=now,
            result=result,
            policy_version=version,
            standards_version=shown.standards_version,
            evidence=shown.evidence,
            note=new.note,
            digest=digest,
        )
    )
    items = _item_rows(company, new, shown)
    if items:
        uow.connection.execute(insert(audit_verdict_item), items)
    until = now + timedelta(minutes=policy.audit_undo_min)
    uow.run(_JUDGE, company=company, turn=turn_id, state=state, verdict=new.id, until=until)
    log_change(
        uow,
        actor,
        "audit.judge",
        "audit_verdict",
        new.id,
        after={
            "audit_visit": turn.audit_visit_id,
            "version": shown.version,
            "result": result,
            "items": {each.item: each.verdict for each in new.items},
        },
    )
    return result


def undo_verdict(
    uow: UnitOfWork, actor: Actor, asker_id: UUID, verdict_id: UUID, *, now: datetime
) -> None:
    """Take back a verdict that does not stand yet; the auditor has it claimed again, for a whole claim's time.

    Raises NoSuchVerdict where it is not theirs, WrongState where it is too late.
    """
    company = uow.company_id
    policy = current_policy(uow)[1]
    turns = uow.rows(_TURN_OF, company=company, verdict=verdict_id, asker=asker_id)
    found = turns and _lock(uow, turns[0].id, asker_id, now, policy)
    if not found or found[0].verdict_id != verdict_id:
        raise NoSuchVerdict(Said("there is no such verdict of this auditor's"))
    turn = found[0]
    state = TURN.after(turn.state, "undo")
    if state is None or turn.undo_until <= now:
        raise WrongState(Said("it is too late: the verdict stands"))
    uow.connection.execute(
        insert(audit_undo).values(company_id=company, verdict_id=verdict_id, undone_at=now)
    )
    until = now + timedelta(minutes=policy.audit_claim_min)
    uow.run(_TAKE_BACK, company=company, turn=turn.id, state=state, until=until)
    log_change(
        uow,
        actor,
        "audit.undo",
        "audit_verdict",
        verdict_id,
        before={"audit_visit": turn.audit_visit_id},
    )


def _lock(
    uow: UnitOfWork, turn_id: UUID, asker_id: UUID, now: datetime, policy: Policy
) -> Sequence[Any]:
    """The auditor's turn, locked, and whether they may audit it now."""
    today = now.astimezone(policy.zone).date()
    return uow.rows(_LOCK, company=uow.company_id, turn=turn_id, asker=asker_id, today=today)


def _check(new: NewVerdict, shown: Shown) -> None:
    """Raises FieldInvalid, naming the item at fault."""
    named = [each.item for each in new.items]
    if len(set(named)) < len(named):
        raise FieldInvalid(Said("items: each once"))
    if set(named) != set(shown.asked):
        lacking = ", ".join(sorted(set(shown.asked) ^ set(named)))
        raise FieldInvalid(
            Said("items: exactly those that are asked about; not so: {lacking}", lacking=lacking)
        )
    for each in new.items:
        if each.verdict not in ITEM_VERDICTS:
            raise FieldInvalid(
                Said("{item}: one of {choices}", item=each.item, choices=", ".join(ITEM_VERDICTS))
            )
        if (each.verdict == "FAIL") != (each.reason_code is not None):
            raise FieldInvalid(
                Said("{item}: what fails, and nothing else, has a reason", item=each.item)
            )
        if each.reason_code is not None and each.reason_code not in shown.reasons:
            raise FieldInvalid(
                Said(
                    "{item}: a reason of {reasons}",
                    item=each.item,
                    reasons=", ".join(sorted(shown.reasons)),
                )
            )
        _check_text(f"{each.item}: reason", each.reason, VERDICT_REASON_MAX)
    _check_text("note", new.note, NOTE_MAX)


def _check_text(name: str, value: str | None, most: int) -> None:
    if value is not None and (len(value) > most or "\x00" in value):
        raise FieldInvalid(
            Said("{name}: a text of 0 to {most} characters", name=Said(name), most=most)
        )


def _item_rows(company_id: int, new: NewVerdict, shown: Shown) -> list[dict[str, Any]]:
    """The rows of a verdict's items, in the order of the standards."""
    said = {each.item: each for each in new.items}
    required: Mapping[str, bool] = {each["item"]: each["is_required"] for each in shown.standards}
    return [
        {
            "company_id": company_id,
            "verdict_id": new.id,
            "place": place,
            "is_required": required[item],
            **asdict(said[item]),
        }
        for place, item in enumerate(shown.asked, start=1)
    ]


def result_of(items: Iterable[ItemVerdict]) -> str:
    """FAIL where an item fails, else PASS."""
    return "FAIL" if any(each.verdict == "FAIL" for each in items) else "PASS"


def digest_of(turn_id: UUID, seen: str, items: Iterable[ItemVerdict], note: str | None) -> str:
    """SHA-256 of all that a verdict says, and of what it was made with, as hexadecimal digits."""
    said = {
        "turn": str(turn_id),
        "seen": seen,
        "items": sorted((asdict(each) for each in items), key=lambda each: str(each["item"])),
        "note": note,
    }
    return sha256(encode_document(said)).hexdigest()
