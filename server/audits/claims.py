"""Auditors take things out of the queue for a time: nobody else has them meanwhile, and what runs out is there
again for others.

What an auditor gets is within what they may audit (rights.py), never anything of which they had a turn before,
and nothing says whether it is a first look, a second one, or was found odd. Concurrent claimers never get the
same: rows are locked and passed over (`skip locked`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from server.audits.errors import FieldInvalid, NoSuchTurn
from server.audits.rights import AUDITOR, MAY_AUDIT, must_keep
from server.identity.change_log import Actor, log_changes
from server.language import Said
from sync.kinds.audit_visit.states import TURN
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

CLAIMS_AT_ONCE = 20
CLAIMS_MAX = 50

# One auditor's claims follow one another: two at once could get both turns of one audit visit.
_ONE_BY_ONE = "select pg_advisory_xact_lock(6, hashtext(:asker))"
_HELD = """
select count(*) as claims from audit_turn
where company_id = :company and auditor_id = cast(:asker as uuid) and state = 'CLAIMED'
  and expires_at > :now
"""
_FREE = f"""
{AUDITOR}
select t.id, t.audit_visit_id from audit_turn t
join audit_case c on c.company_id = t.company_id and c.id = t.audit_visit_id
join activity a on a.company_id = c.company_id and a.id = c.activity_id
where t.company_id = :company
  and (t.state = 'READY' or (t.state = 'CLAIMED' and t.expires_at <= :now))
  and not exists (select from audit_turn o
                  where o.company_id = t.company_id and o.audit_visit_id = t.audit_visit_id
                    and o.id <> t.id and o.auditor_id = :asker)
  and {MAY_AUDIT}
order by t.since, t.id limit :at_most for update of t skip locked
"""  # noqa: S608  put together from constants
_CLAIM = """
update audit_turn set state = :state, auditor_id = :asker, claimed_at = :now, expires_at = :until
where company_id = :company and id = any(:ids)
"""
_LIST = """
select t.id, t.audit_visit_id, a.code as activity_code, a.name as activity_name,
       s.code as store_code, s.name as store_name, c.business_day, v.photos, t.claimed_at, t.expires_at,
       t.state, t.verdict_id, t.undo_until, t.purpose = 'APPEAL' as is_appeal
from audit_turn t
join audit_case c on c.company_id = t.company_id and c.id = t.audit_visit_id
join audit_visit v on v.company_id = t.company_id and v.id = t.audit_visit_id
join activity a on a.company_id = c.company_id and a.id = c.activity_id
join store s on s.company_id = c.company_id and s.id = c.store_id
where t.company_id = :company and t.auditor_id = :asker
  and ((t.state = 'CLAIMED' and t.expires_at > :now) or (t.state = 'GIVEN' and t.undo_until > :now))
order by t.since, t.id limit :at_most
"""
_GIVE_BACK = """
update audit_turn set state = :state, auditor_id = null, claimed_at = null, expires_at = null
where company_id = :company and id = any(:ids) and auditor_id = :asker and state = any(:sources)
returning id
"""
_COUNTS = """
select count(*) filter (where c.state = 'CANDIDATE') as candidates,
       count(*) filter (where c.state = 'WAITING') as waiting,
       count(*) filter (where c.state = 'OPEN') as open,
       count(*) filter (where c.state = 'JUDGED') as judged,
       count(*) filter (where c.state = 'APPEALED') as appealed
from audit_case c where c.company_id = :company
  and c.state in ('CANDIDATE', 'WAITING', 'OPEN', 'JUDGED', 'APPEALED')
"""
_TURNS = """
select count(*) filter (where state = 'READY' or expires_at <= :now) as ready,
       count(*) filter (where state = 'CLAIMED' and expires_at > :now) as claimed,
       min(since) as oldest
from audit_turn where company_id = :company and state in ('READY', 'CLAIMED')
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """What an auditor has: claimed, or judged a moment ago so that it may be undone."""

    id: UUID
    audit_visit_id: UUID
    activity_code: str | None
    activity_name: str
    store_code: str | None
    store_name: str
    business_day: date
    photos: int
    claimed_at: datetime
    expires_at: datetime
    state: str
    verdict_id: UUID | None
    undo_until: datetime | None
    is_appeal: bool


@dataclass(frozen=True, slots=True)
class Queue:
    """How much is where, for who looks after audits; turns of all auditors together."""

    candidates: int
    waiting: int
    open: int
    judged: int
    appealed: int
    ready: int
    claimed: int
    oldest: datetime | None


def claim_next(
    uow: UnitOfWork, actor: Actor, asker_id: UUID, number: int, *, now: datetime
) -> list[Claimed]:
    """Give the auditor the next of the queue, for the company's `audit_claim_min`; what was claimed now.

    Fewer than asked for where no more is there for them, or they have `CLAIMS_MAX` at hand. Six statements
    at most. Raises FieldInvalid.
    """
    if not 1 <= number <= CLAIMS_AT_ONCE:
        raise FieldInvalid(Said("number: from 1 to {most}", most=CLAIMS_AT_ONCE))
    company = uow.company_id
    policy = current_policy(uow)[1]
    uow.rows(_ONE_BY_ONE, asker=str(asker_id))
    held = uow.rows(_HELD, company=company, asker=asker_id, now=now)[0].claims
    wanted = min(number, CLAIMS_MAX - held)
    if wanted <= 0:
        return []
    # Of one audit visit two turns may be free: twice as many are looked at.
    free = uow.rows(
        _FREE,
        company=company,
        asker=asker_id,
        today=now.astimezone(policy.zone).date(),
        now=now,
        at_most=2 * wanted,
    )
    first: dict[UUID, UUID] = {}
    for row in free:
        first.setdefault(row.audit_visit_id, row.id)
    chosen = list(first.values())[:wanted]
    until = now + timedelta(minutes=policy.audit_claim_min)
    uow.run(
        _CLAIM,
        company=company,
        ids=chosen,
        asker=asker_id,
        state=TURN.after("READY", "claim"),
        now=now,
        until=until,
    )
    log_changes(
        uow,
        actor,
        "audit.claim",
        "audit_turn",
        [(id_, None, {"auditor": asker_id, "expires_at": until}) for id_ in chosen],
    )
    return [one for one in list_claimed(uow, asker_id, now=now) if one.id in set(chosen)]


def give_back(uow: UnitOfWork, actor: Actor, asker_id: UUID, turn_ids: Collection[UUID]) -> None:
    """Put what the auditor has claimed back into the queue. All or none: raises NoSuchTurn."""
    wanted = sorted(set(turn_ids))
    given = uow.rows(
        _GIVE_BACK,
        company=uow.company_id,
        ids=wanted,
        asker=asker_id,
        state=TURN.after("CLAIMED", "give back"),
        sources=list(TURN.sources_of("give back")),
    )
    if len(given) < len(wanted):
        raise NoSuchTurn(Said("one of these is not claimed by this auditor"))
    log_changes(
        uow,
        actor,
        "audit.give_back",
        "audit_turn",
        [(row.id, {"auditor": asker_id}, None) for row in given],
    )


def list_claimed(
    uow: UnitOfWork, asker_id: UUID, *, now: datetime, at_most: int = 2 * CLAIMS_MAX
) -> list[Claimed]:
    """What the auditor has at hand, in the order of the queue."""
    rows = uow.rows(_LIST, company=uow.company_id, asker=asker_id, now=now, at_most=at_most)
    return [Claimed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def queue_in_numbers(
    uow: UnitOfWork, *, today: date, now: datetime, asker_id: UUID | None = None
) -> Queue:
    """How much waits where. Raises BeyondScope."""
    must_keep(uow, asker_id, today)
    cases: Any = uow.rows(_COUNTS, company=uow.company_id)[0]
    turns: Any = uow.rows(_TURNS, company=uow.company_id, now=now)[0]
    return Queue(**cases._mapping, **turns._mapping)  # noqa: SLF001
