"""The versions of a company's settings: who made each and when, and what differs from another."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sync.policy import Policy, read_policy
from sync.unit_of_work import UnitOfWork

_VERSIONS = """
select p.version, p.since, p.settings, l.actor, l.person_id
from policy p
left join lateral (
    select actor, person_id from change_log
    where company_id = p.company_id and subject_kind = 'policy'
      and subject_id = cast(p.version as text)
    order by id limit 1) l on true
where p.company_id = :company
"""


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version; `actor` is None of the first, which came with the company. `differing` is what the version before had
    otherwise, by name.
    """

    version: int
    since: datetime
    policy: Policy
    actor: str | None
    person_id: UUID | None
    differing: tuple[str, ...] = ()


def list_versions(uow: UnitOfWork, before: int | None, at_most: int) -> list[PolicyVersion]:
    """The versions below a number, or all, the latest first, each with what differs from the one before."""
    rows = uow.rows(
        _VERSIONS
        + " and (cast(:before as integer) is null or p.version < :before) order by p.version desc limit :at_most",
        company=uow.company_id,
        before=before,
        at_most=at_most + 1,
    )
    found = [_version(row) for row in rows]
    earlier: Sequence[PolicyVersion | None] = [*found[1:], None]
    return [
        one if past is None else _with(one, differing_settings(past.policy, one.policy))
        for one, past in zip(found, earlier, strict=True)
    ][:at_most]


def find_version(uow: UnitOfWork, version: int) -> PolicyVersion | None:
    """One version; None where there is none such."""
    if not 0 < version < 2**31:
        return None
    rows = uow.rows(
        _VERSIONS + " and p.version = :version", company=uow.company_id, version=version
    )
    return _version(rows[0]) if rows else None


def differing_settings(one: Policy, other: Policy) -> tuple[str, ...]:
    """The names of the settings that are not the same."""
    before, after = asdict(one), asdict(other)
    return tuple(name for name in after if before[name] != after[name])


def _version(row: Any) -> PolicyVersion:
    return PolicyVersion(
        row.version, row.since, read_policy(row.settings), row.actor, row.person_id
    )


def _with(one: PolicyVersion, differing: tuple[str, ...]) -> PolicyVersion:
    return PolicyVersion(one.version, one.since, one.policy, one.actor, one.person_id, differing)
