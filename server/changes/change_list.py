"""The log of changes, a page at a time: the latest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select, tuple_

from server.identity.change_log import LoggedChange
from sync.organisation import change_log, person
from sync.unit_of_work import UnitOfWork

NAME_MAX = 200
RECORD_MAX = 200
# Nobody is meant by a part of a name that fits more people than this.
PEOPLE_MAX = 100
_ID_MAX = 2**63 - 1

Mark = tuple[datetime, int]
"""The moment and the number of an entry."""

_log = change_log.c


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAsked:
    """Which entries: of which days of the company, by whom (a part of a name), about which kind, about which record."""

    first: date | None = None
    last: date | None = None
    who: str = ""
    kinds: Sequence[str] = ()
    record: str = ""


def list_changes(
    uow: UnitOfWork, asked: ChangesAsked, zone: ZoneInfo, after: Mark | None, at_most: int
) -> list[LoggedChange]:
    """The entries that are asked for, the latest first, of those before the mark."""
    found = _entries(uow).order_by(_log.at.desc(), _log.id.desc()).limit(at_most)
    if asked.first is not None:
        found = found.where(_log.at >= datetime.combine(asked.first, time(), zone))
    if asked.last is not None and asked.last < date.max:
        ends_at = datetime.combine(asked.last + timedelta(days=1), time(), zone)
        found = found.where(_log.at < ends_at)
    if asked.record:
        # Its index begins with the kind: without one, all that there are.
        kinds = asked.kinds or _kinds_of(uow)
        found = found.where(_log.subject_kind.in_(kinds), _log.subject_id == asked.record)
    elif asked.kinds:
        found = found.where(_log.subject_kind.in_(asked.kinds))
    if asked.who:
        found = _by(uow, found, asked.who)
    if after is not None:
        found = found.where(tuple_(_log.at, _log.id) < after)
    return [LoggedChange(**row) for row in uow.connection.execute(found).mappings()]


def find_change(uow: UnitOfWork, change_id: int) -> LoggedChange | None:
    """One entry; None where there is none such."""
    if change_id > _ID_MAX:
        return None
    row = uow.connection.execute(_entries(uow).where(_log.id == change_id)).mappings().one_or_none()
    return None if row is None else LoggedChange(**row)


def kinds_logged(uow: UnitOfWork) -> list[str]:
    """The kinds of things of which the log has anything."""
    return _kinds_of(uow)


# From one kind to the next by the index, however many entries each has.
_KINDS = """
with recursive kind (name) as (
    (select subject_kind from change_log where company_id = :company order by subject_kind limit 1)
    union all
    select (select c.subject_kind from change_log c
            where c.company_id = :company and c.subject_kind > k.name
            order by c.subject_kind limit 1)
    from kind k where k.name is not null
)
select name from kind where name is not null
"""


# How commands and jobs are called that changed anything, in the same way.
_COMMANDS = """
with recursive command (name) as (
    (select actor from change_log where company_id = :company and person_id is null
     order by actor limit 1)
    union all
    select (select c.actor from change_log c
            where c.company_id = :company and c.person_id is null and c.actor > k.name
            order by c.actor limit 1)
    from command k where k.name is not null
)
select name from command where name is not null limit 1000
"""


def _kinds_of(uow: UnitOfWork) -> list[str]:
    return [row.name for row in uow.rows(_KINDS, company=uow.company_id)]


def _entries(uow: UnitOfWork) -> Select[Any]:
    return select(
        _log.id,
        _log.at,
        _log.actor,
        _log.person_id,
        _log.action,
        _log.subject_kind,
        _log.subject_id,
        _log.before,
        _log.after,
    ).where(_log.company_id == uow.company_id)


def _by(uow: UnitOfWork, found: Select[Any], who: str) -> Select[Any]:
    """Entries of people of this name; where there are none, of commands and jobs that are called so."""
    people: Sequence[UUID] = (
        uow.connection.execute(
            select(person.c.id)
            .where(
                person.c.company_id == uow.company_id,
                person.c.name.icontains(who, autoescape=True),
            )
            .order_by(person.c.name, person.c.id)
            .limit(PEOPLE_MAX)
        )
        .scalars()
        .all()
    )
    if people:
        return found.where(_log.person_id.in_(people))
    commands = [row.name for row in uow.rows(_COMMANDS, company=uow.company_id)]
    called = [name for name in commands if who.casefold() in name.casefold()]
    return found.where(_log.person_id.is_(None), _log.actor.in_(called))
