"""Codes for phones as whoever gives them out sees them: for whom, which are open, what became of one."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import update

from server.identity.change_log import Actor, log_change
from sync.organisation import enrolment_code
from sync.unit_of_work import UnitOfWork

CANDIDATES_MAX = 20
OPEN_MAX = 100

_CANDIDATES = """
select p.id, p.name, p.email,
       array(select distinct t.code from occupancy o
             join position t on t.company_id = o.company_id and t.id = o.position_id
             where o.company_id = p.company_id and o.person_id = p.id
               and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
             order by t.code) as positions,
       (select count(*) from device d where d.company_id = p.company_id and d.person_id = p.id
          and d.state = 'ACTIVE') as phones
from person p
where p.company_id = :company and (p.left_on is null or p.left_on > :today)
"""
_BY_NAME = """
  and (p.name ilike :like escape '\\' or p.email ilike :like escape '\\' or exists (
      select from occupancy o
      join position t on t.company_id = o.company_id and t.id = o.position_id
      where o.company_id = p.company_id and o.person_id = p.id and t.code ilike :like escape '\\'
        and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)))
order by p.name, p.id limit :at_most
"""
_OPEN = """
select c.handle, c.person_id, p.name as person_name, c.issued_by, c.issued_at, c.expires_at,
       c.tries_left, c.used_at, c.device_id
from enrolment_code c join person p on p.company_id = c.company_id and p.id = c.person_id
where c.company_id = :company
"""


@dataclass(frozen=True, slots=True)
class PhoneCandidate:
    """Somebody whom a phone can be given to: what they hold today, and how many phones they have."""

    id: UUID
    name: str
    email: str | None
    positions: tuple[str, ...]
    phones: int


@dataclass(frozen=True, slots=True)
class CodeListed:
    """A code, by the part of it that is no secret, and what became of it."""

    handle: str
    person_id: UUID
    person_name: str
    issued_by: str
    issued_at: datetime
    expires_at: datetime
    tries_left: int
    used_at: datetime | None
    device_id: UUID | None

    def is_open(self, now: datetime) -> bool:
        """Whether a phone could still be let in by it."""
        return self.used_at is None and self.tries_left > 0 and self.expires_at > now


def find_candidates(uow: UnitOfWork, typed: str, today: date) -> list[PhoneCandidate]:
    """The people with this in their name, e-mail or the code of a position they hold, by name; the first of many."""
    escaped = typed.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    found = uow.rows(
        _CANDIDATES + _BY_NAME,
        company=uow.company_id,
        today=today,
        like=f"%{escaped}%",
        at_most=CANDIDATES_MAX,
    )
    return [PhoneCandidate(r.id, r.name, r.email, tuple(r.positions), r.phones) for r in found]


def find_candidate(uow: UnitOfWork, person_id: UUID, today: date) -> PhoneCandidate | None:
    """One person whom a phone can be given to; None where there is none such."""
    found = uow.rows(
        _CANDIDATES + " and p.id = :person", company=uow.company_id, today=today, person=person_id
    )
    return (
        PhoneCandidate(
            found[0].id,
            found[0].name,
            found[0].email,
            tuple(found[0].positions),
            found[0].phones,
        )
        if found
        else None
    )


def open_codes(uow: UnitOfWork, now: datetime) -> list[CodeListed]:
    """The codes by which a phone could be let in now, those that run out first at the top."""
    found = uow.rows(
        _OPEN + " and c.used_at is null and c.tries_left > 0 and c.expires_at > :now"
        " order by c.expires_at, c.handle limit :at_most",
        company=uow.company_id,
        now=now,
        at_most=OPEN_MAX,
    )
    return [CodeListed(**row._mapping) for row in found]  # noqa: SLF001 - SQLAlchemy's public name


def find_code(uow: UnitOfWork, handle: str) -> CodeListed | None:
    """One code; None where there is none such."""
    found = uow.rows(_OPEN + " and c.handle = :handle", company=uow.company_id, handle=handle)
    return CodeListed(**found[0]._mapping) if found else None  # noqa: SLF001 - as above


def end_code(uow: UnitOfWork, actor: Actor, handle: str) -> bool:
    """No phone is let in by this code any more; False where none could be anyhow."""
    code = enrolment_code
    ended = uow.connection.execute(
        update(code)
        .where(
            code.c.company_id == uow.company_id,
            code.c.handle == handle,
            code.c.used_at.is_(None),
            code.c.tries_left > 0,
        )
        .values(tries_left=0)
        .returning(code.c.person_id)
    ).one_or_none()
    if ended is None:
        return False
    log_change(
        uow,
        actor,
        "device.end_code",
        "enrolment_code",
        handle,
        before={"person_id": ended.person_id},
    )
    return True
