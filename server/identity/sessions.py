"""Somebody who signed in at a browser, and what every page knows of them.

The cookie holds the company and 256 random bits; the table holds their SHA-256. A session ends after 12 hours in which
nobody asked for anything and after 14 days in any case, at sign-out, with a new password, and when its person leaves.
What the person may do is read at every request: a position that was taken away is gone at the next click.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from server.identity.change_log import Actor
from sync.policy import Policy, read_policy
from sync.unit_of_work import Database, UnitOfWork

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=14)
NOTED_EVERY = timedelta(minutes=5)
PER_PERSON_MAX = 20
BROWSER_MAX = 200
_NO_SESSION = UUID(int=0)

_FORM = re.compile(r"rbs_([1-9][0-9]{0,8})_[A-Za-z0-9_-]{43}")
_FIND = """
select s.id, s.person_id, s.seen_at < :noted_before as is_to_note, p.name, p.email, p.language,
       c.code, c.name as company_name, y.version as policy_version, y.settings,
       coalesce((
           select jsonb_agg(distinct t.role) from occupancy o
           join position t on t.company_id = o.company_id and t.id = o.position_id
           where o.company_id = s.company_id and o.person_id = s.person_id
             and o.starts_on <= d.today and (o.ends_on is null or o.ends_on >= d.today)),
           '[]') as roles,
       d.today
from browser_session s
join person p on p.company_id = s.company_id and p.id = s.person_id
join company c on c.id = s.company_id
join lateral (select version, settings from policy where company_id = s.company_id
              order by version desc limit 1) y on true
cross join lateral (select cast(cast(:now as timestamptz) at time zone c.time_zone as date)
                    as today) d
where s.company_id = :company and s.token_hash = :token_hash
  and s.seen_at > :idle_since and s.began_at > :began_after
  and (p.left_on is null or p.left_on > d.today)
"""
_READ = """
select p.id, p.name, p.email, p.language, c.code, c.name as company_name, y.version as policy_version,
       y.settings, coalesce((
           select jsonb_agg(distinct t.role) from occupancy o
           join position t on t.company_id = o.company_id and t.id = o.position_id
           where o.company_id = p.company_id and o.person_id = p.id
             and o.starts_on <= d.today and (o.ends_on is null or o.ends_on >= d.today)),
           '[]') as roles,
       d.today
from person p
join company c on c.id = p.company_id
join lateral (select version, settings from policy where company_id = p.company_id
              order by version desc limit 1) y on true
cross join lateral (select cast(cast(:now as timestamptz) at time zone c.time_zone as date)
                    as today) d
where p.company_id = :company and p.id = :person and (p.left_on is null or p.left_on > d.today)
"""
_BEGIN = """
insert into browser_session (company_id, id, token_hash, person_id, browser, began_at, seen_at)
values (:company, :id, :token_hash, :person, :browser, :now, :now)
"""
_SIGNED_IN = "update person set signed_in_at = :now where company_id = :company and id = :person"
# The oldest make room, and what has ended goes.
_MAKE_ROOM = """
delete from browser_session where company_id = :company and person_id = :person
  and (seen_at <= :idle_since or began_at <= :began_after or id in (
      select id from browser_session where company_id = :company and person_id = :person
      order by seen_at desc offset :kept))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Who asks for a page. `today` is the day of their company; `roles` are those of the positions held today."""

    session_id: UUID
    token_hash: bytes
    company_id: int
    company_code: str
    company_name: str
    person_id: UUID
    name: str
    email: str | None
    language: str | None
    roles: frozenset[str]
    policy_version: int
    policy: Policy
    today: date

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, person_id=self.person_id)

    def has_role(self, *roles: str) -> bool:
        """Whether they hold a position of one of these roles; of none named, whoever is signed in."""
        return not roles or not self.roles.isdisjoint(roles)


def begin_session(uow: UnitOfWork, person_id: UUID, *, browser: str, now: datetime) -> str:
    """Begin a session of somebody who proved who they are; returns the value of its cookie."""
    cookie = f"rbs_{uow.company_id}_{secrets.token_urlsafe(32)}"
    uow.run(
        _MAKE_ROOM,
        company=uow.company_id,
        person=person_id,
        kept=PER_PERSON_MAX - 1,
        **_bounds(now),
    )
    uow.run(
        _BEGIN,
        company=uow.company_id,
        id=uuid4(),
        token_hash=_hash(cookie),
        person=person_id,
        browser=browser[:BROWSER_MAX],
        now=now,
    )
    uow.run(_SIGNED_IN, company=uow.company_id, person=person_id, now=now)
    return cookie


def find_visitor(database: Database, cookie: str | None, now: datetime) -> Visitor | None:
    """Who has this cookie; None where it is none of ours or its session is over.

    One statement. About every five minutes of a session one more notes that it is in use.
    """
    read = _FORM.fullmatch(cookie or "")
    if read is None or cookie is None:
        return None
    company_id, token_hash = int(read[1]), _hash(cookie)
    with database.reading(company_id) as uow:
        found = uow.rows(
            _FIND,
            company=company_id,
            token_hash=token_hash,
            now=now,
            noted_before=now - NOTED_EVERY,
            **_bounds(now),
        )
    if not found:
        return None
    row = found[0]
    if row.is_to_note:
        with database.company(company_id) as uow:
            uow.run(
                "update browser_session set seen_at = :now where company_id = :company and id = :id",
                company=company_id,
                id=row.id,
                now=now,
            )
    return _visitor(row, company_id, row.id, token_hash, row.person_id)


def read_visitor(uow: UnitOfWork, person_id: UUID, now: datetime) -> Visitor | None:
    """Somebody as they would be at a browser now, for what is done for them while they do something else.

    None where they have left. It is no session: nothing signs in with it.
    """
    found = uow.rows(_READ, company=uow.company_id, person=person_id, now=now)
    return _visitor(found[0], uow.company_id, _NO_SESSION, b"", person_id) if found else None


def _visitor(
    row: Any, company_id: int, session_id: UUID, token_hash: bytes, person_id: UUID
) -> Visitor:
    return Visitor(
        session_id=session_id,
        token_hash=token_hash,
        company_id=company_id,
        company_code=row.code,
        company_name=row.company_name,
        person_id=person_id,
        name=row.name,
        email=row.email,
        language=row.language,
        roles=frozenset(row.roles),
        policy_version=row.policy_version,
        policy=read_policy(row.settings),
        today=row.today,
    )


@dataclass(frozen=True, slots=True)
class SessionListed:
    """A session that lasts: since when, of which browser, and when it was last used (to some minutes)."""

    id: UUID
    browser: str
    began_at: datetime
    seen_at: datetime


def list_sessions(uow: UnitOfWork, person_id: UUID, now: datetime) -> list[SessionListed]:
    """Where somebody is signed in, the last used first."""
    found = uow.rows(
        "select id, browser, began_at, seen_at from browser_session where company_id = :company"
        " and person_id = :person and seen_at > :idle_since and began_at > :began_after"
        " order by seen_at desc, id",
        company=uow.company_id,
        person=person_id,
        **_bounds(now),
    )
    return [SessionListed(row.id, row.browser, row.began_at, row.seen_at) for row in found]


def end_own_session(uow: UnitOfWork, person_id: UUID, session_id: UUID) -> bool:
    """End one session of a person; False where they have none such."""
    return bool(
        uow.run(
            "delete from browser_session where company_id = :company and person_id = :person"
            " and id = :id",
            company=uow.company_id,
            person=person_id,
            id=session_id,
        )
    )


def end_session(uow: UnitOfWork, session_id: UUID) -> None:
    """End one session."""
    uow.run(
        "delete from browser_session where company_id = :company and id = :id",
        company=uow.company_id,
        id=session_id,
    )


def end_sessions_of(uow: UnitOfWork, person_id: UUID, *, but: UUID | None = None) -> int:
    """End all sessions of a person, but one where it is named; how many there were."""
    return uow.run(
        "delete from browser_session where company_id = :company and person_id = :person"
        " and id is distinct from :but",
        company=uow.company_id,
        person=person_id,
        but=but,
    )


def choose_language(uow: UnitOfWork, person_id: UUID, language: str) -> None:
    """Speak to this person in this language from now on. Theirs alone, so nobody logs it."""
    uow.run(
        "update person set language = :language where company_id = :company and id = :person",
        company=uow.company_id,
        person=person_id,
        language=language,
    )


def _bounds(now: datetime) -> Mapping[str, Any]:
    return {"idle_since": now - IDLE, "began_after": now - LONGEST}


def _hash(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()
