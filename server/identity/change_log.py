"""Every change to people, devices, settings and masters stays: who, when, before and after.

The entry is written in the transaction of the change, so there is never one without the other.
The table is append-only for the application's role. Secrets are never in it: an entry with a
field named like one is refused, which fails the change with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from sync.organisation import change_log
from sync.unit_of_work import UnitOfWork

SECRET_WORDS = ("password", "secret", "token", "hash", "key_material")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something: a person, or a command that an operator ran."""

    name: str
    person_id: UUID | None = None

    @classmethod
    def command(cls, name: str) -> "Actor":
        return cls(name=name)


@dataclass(frozen=True, slots=True)
class LoggedChange:
    """One entry of the change log."""

    id: int
    at: datetime
    actor: str
    person_id: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def log_change(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: UUID | str,
    *,
    before: Fields | None = None,
    after: Fields | None = None,
) -> None:
    """Write one entry; ValueError where a field is named like a secret."""
    log_changes(uow, actor, action, subject_kind, [(subject_id, before, after)])


def log_changes(
    uow: UnitOfWork,
    actor: Actor,
    action: str,
    subject_kind: str,
    changes: Iterable[tuple[UUID | str, Fields | None, Fields | None]],
) -> None:
    """Write an entry for each (subject id, before, after) of one action, as one set."""
    rows = [
        {
            "company_id": uow.company_id,
            "person_id": actor.person_id,
            "actor": actor.name,
            "action": action,
            "subject_kind": subject_kind,
            "subject_id": str(subject_id),
            "before": None if before is None else _told(before),
            "after": None if after is None else _told(after),
        }
        for subject_id, before, after in changes
    ]
    if rows:
        uow.connection.execute(insert(change_log), rows)


def changes_of(
    uow: UnitOfWork,
    *,
    subject_kind: str | None = None,
    subject_id: UUID | str | None = None,
    at_most: int = 100,
) -> list[LoggedChange]:
    """The newest entries, of one subject where it is named, newest first."""
    asked = select(
        change_log.c.id,
        change_log.c.at,
        change_log.c.actor,
        change_log.c.person_id,
        change_log.c.action,
        change_log.c.subject_kind,
        change_log.c.subject_id,
        change_log.c.before,
        change_log.c.after,
    ).where(change_log.c.company_id == uow.company_id)
    if subject_kind is not None:
        asked = asked.where(change_log.c.subject_kind == subject_kind)
    if subject_id is not None:
        asked = asked.where(change_log.c.subject_id == str(subject_id))
    rows = uow.connection.execute(asked.order_by(change_log.c.id.desc()).limit(at_most))
    return [LoggedChange(**row) for row in rows.mappings()]


def _told(value: Any) -> Any:
    """The value as JSON has it: texts for ids, dates and moments."""
    match value:
        case Mapping():
            for name in value:
                if any(word in str(name).lower() for word in SECRET_WORDS):
                    raise ValueError(f"a change log never holds a secret: {name}")
            return {str(name): _told(one) for name, one in value.items()}
        case list() | tuple():
            return [_told(one) for one in value]
        case set() | frozenset():
            return sorted(_told(one) for one in value)
        case date():  # a datetime is one too
            return value.isoformat()
        case UUID():
            return str(value)
    return value
