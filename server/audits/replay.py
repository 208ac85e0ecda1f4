"""A verdict as it was made, and whether what follows from what was kept is still the same.

Nothing of what a verdict was made with is ever changed: settings and standards have versions, answers, photos and evidence
are only added to. What can be computed is computed again, by the functions that computed it then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from server.audits.errors import NoSuchVerdict
from server.audits.rights import CASE_IS_SEEN, must_keep, seen
from server.audits.shown import seen_digest
from server.audits.verdicts import ItemVerdict, digest_of, result_of
from server.language import Said
from server.photos.evidence import Inputs, judge
from sync.kinds.audit_visit.completeness import completeness_flags
from sync.policy import read_policy
from sync.unit_of_work import UnitOfWork

_VERDICT = f"""
select v.id, v.audit_visit_id, v.version, v.turn_id, v.purpose, v.auditor_id, n.name as auditor,
       v.claimed_at, v.given_at, v.result, v.policy_version, v.standards_version, v.evidence, v.note,
       v.digest, u.undone_at, y.settings, i.items as standards, t.state as turn_state
from audit_verdict v
join audit_case c on c.company_id = v.company_id and c.id = v.audit_visit_id
join audit_turn t on t.company_id = v.company_id and t.id = v.turn_id
join person n on n.company_id = v.company_id and n.id = v.auditor_id
join policy y on y.company_id = v.company_id and y.version = v.policy_version
join activity_standards i on i.company_id = v.company_id and i.activity_id = c.activity_id
                         and i.standards_version = v.standards_version
left join audit_undo u on u.company_id = v.company_id and u.verdict_id = v.id
where v.company_id = :company and v.id = :verdict and {CASE_IS_SEEN}
"""  # noqa: S608  put together from constants
_ITEMS = """
select item, verdict, reason_code, reason, is_required from audit_verdict_item
where company_id = :company and verdict_id = :verdict order by place
"""
_BROUGHT = """
select 'answer' as what, item, answer as said from audit_answer
where company_id = :company and audit_visit_id = :audit_visit and version = :version
union all
select 'photo', item, sha256 from audit_photo
where company_id = :company and audit_visit_id = :audit_visit and version = :version
"""
_EVIDENCE = """
select r.sha256, coalesce(e.flags, x.flags) as flags, coalesce(e.reader_version, x.reader_version) as reader_version,
       coalesce(e.policy_version, x.policy_version) as policy_version,
       coalesce(e.evidence, x.evidence) as evidence, coalesce(e.judged_at, x.judged_at) as judged_at,
       y.settings
from unnest(cast(:digests as text[]), cast(:photos as uuid[]), cast(:versions as integer[]))
     as r(sha256, photo_id, version)
left join photo_evidence e on e.company_id = :company and e.photo_id = r.photo_id and e.version = r.version
left join file_evidence x on x.company_id = :company and r.photo_id is null and x.audit_visit_id = :audit_visit
                         and x.sha256 = r.sha256 and x.version = r.version
left join policy y on y.company_id = :company
                  and y.version = coalesce(e.policy_version, x.policy_version)
where r.version is not null
"""
_COMPLETENESS = frozenset({"items_unanswered", "photos_missing", "items_unknown"})


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was kept, and what it comes to when it is computed again."""

    name: str
    kept: Any
    again: Any

    @property
    def is_same(self) -> bool:
        return bool(self.kept == self.again)


@dataclass(frozen=True, slots=True)
class PhotoEvidence:
    """What was known of a photo by the version of its evidence that the verdict names."""

    sha256: str
    reader_version: int | None
    policy_version: int
    judged_at: datetime
    evidence: Mapping[str, Any]
    flags: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A verdict with all it was made with, and what was computed again."""

    id: UUID
    audit_visit_id: UUID
    version: int
    purpose: str
    auditor: str
    claimed_at: datetime
    given_at: datetime
    undone_at: datetime | None
    stands: bool
    result: str
    items: tuple[ItemVerdict, ...]
    note: str | None
    policy_version: int
    settings: Mapping[str, Any]
    standards_version: int
    standards: tuple[Mapping[str, Any], ...]
    photos: tuple[Mapping[str, Any], ...]
    evidence: tuple[PhotoEvidence, ...]
    checks: tuple[Check, ...]

    @property
    def is_same(self) -> bool:
        return all(check.is_same for check in self.checks)


def replay_verdict(
    uow: UnitOfWork, verdict_id: UUID, *, today: date, asker_id: UUID | None = None
) -> Replayed:
    """A verdict as it was made. Four queries. Raises NoSuchVerdict; BeyondScope unless an admin asks."""
    must_keep(uow, asker_id, today)
    company = uow.company_id
    found = uow.rows(_VERDICT, company=company, verdict=verdict_id, **seen(uow, asker_id, today))
    if not found:
        raise NoSuchVerdict(Said("there is no such verdict in this company"))
    row = found[0]
    items = uow.rows(_ITEMS, company=company, verdict=verdict_id)
    photos = row.evidence["photos"]
    evidence = uow.rows(
        _EVIDENCE,
        company=company,
        audit_visit=row.audit_visit_id,
        digests=[photo["sha256"] for photo in photos],
        photos=[photo["photo_id"] for photo in photos],
        versions=[photo["evidence_version"] for photo in photos],
    )
    brought = uow.rows(
        _BROUGHT, company=company, audit_visit=row.audit_visit_id, version=row.version
    )
    said = tuple(ItemVerdict(o.item, o.verdict, o.reason_code, o.reason) for o in items)
    return Replayed(
        id=row.id,
        audit_visit_id=row.audit_visit_id,
        version=row.version,
        purpose=row.purpose,
        auditor=row.auditor,
        claimed_at=row.claimed_at,
        given_at=row.given_at,
        undone_at=row.undone_at,
        stands=row.turn_state == "STANDS" and row.undone_at is None,
        result=row.result,
        items=said,
        note=row.note,
        policy_version=row.policy_version,
        settings=row.settings,
        standards_version=row.standards_version,
        standards=tuple(row.standards),
        photos=tuple(photos),
        evidence=tuple(
            PhotoEvidence(
                one.sha256,
                one.reader_version,
                one.policy_version,
                one.judged_at,
                one.evidence,
                one.flags,
            )
            for one in evidence
            if one.flags is not None
        ),
        checks=tuple(_checks(row, said, brought, evidence)),
    )


def _checks(
    row: Any, items: Sequence[ItemVerdict], brought: Sequence[Any], evidence: Sequence[Any]
) -> Iterable[Check]:
    """What follows from what was kept, beside what was kept of it."""
    yield Check("result", row.result, result_of(items))
    digest = seen_digest(
        row.audit_visit_id,
        row.version,
        row.standards_version,
        [each.item for each in items],
        row.evidence,
    )
    yield Check(
        "digest of the verdict", row.digest, digest_of(row.turn_id, digest, items, row.note)
    )
    answers = [{"item": o.item, "answer": o.said} for o in brought if o.what == "answer"]
    shown = [{"item": o.item, "sha256": o.said} for o in brought if o.what == "photo"]
    kept = [flag for flag in row.evidence["flags"] if flag["flag"] in _COMPLETENESS]
    yield Check("what was missing", kept, list(completeness_flags(row.standards, answers, shown)))
    manifest: dict[str, list[str]] = {}
    for each in shown:
        manifest.setdefault(each["sha256"], []).append(each["item"])
    yield Check(
        "the photos that were brought",
        {photo["sha256"]: photo["items"] for photo in row.evidence["photos"]},
        {digest: sorted(named) for digest, named in manifest.items()},
    )
    flags = {photo["sha256"]: photo["flags"] for photo in row.evidence["photos"]}
    for one in evidence:
        # What the capture itself said stands behind what was found.
        kept = flags[one.sha256][: len(one.flags or ())]
        yield Check(f"what was found about photo {one.sha256[:12]}", kept, one.flags)
        if one.evidence is not None:
            inputs = msgspec.convert(one.evidence["inputs"], Inputs)
            again = judge(inputs, read_policy(one.settings))
            yield Check(f"photo {one.sha256[:12]} judged again", one.flags, again)
