"""What an auditor is shown of an audit visit: answers, photos with what was found about each, what is missing.

The same for a first look, a blind second one and an appeal, but that an appeal says what it is about. What other auditors
found is never in it. `seen` names all of it in one digest: a verdict that names another is about something else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from server.audits.errors import NoSuchTurn
from server.language import Said
from sync.document import decode_document, encode_document
from sync.flag import Flag
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

# Which version of the audit visit `v` is looked at: the latest, until a verdict counts. From then on that of the
# verdict, so that a second look and an appeal are about the same, whatever a correction says since.
SHOWN_VERSION = """
coalesce((select f.version from audit_case k
          join audit_verdict f on f.company_id = k.company_id and f.id = k.verdict_id
          where k.company_id = v.company_id and k.id = v.id), v.version)
"""
# Each photo of that manifest once, with its capture record by the same person, its file and the latest of
# what was found.
_PHOTOS = f"""
with m as (
    select v.id, v.person_id, v.visit_id, m.sha256, min(m.size) as size,
           array_agg(m.item order by m.item) as items
    from audit_visit v
    join audit_photo m on m.company_id = v.company_id and m.audit_visit_id = v.id
                      and m.version = {SHOWN_VERSION}
    where v.company_id = :company and v.id = any(:ids)
    group by 1, 2, 3, 4
)
select distinct on (m.id, m.sha256) m.id as audit_visit_id, m.sha256, m.size, m.items, p.id as photo_id,
       p.occurred_at, p.source, p.flags as capture_flags, f.state as file_state, f.reason_code,
       f.reason, coalesce(e.version, x.version) as evidence_version,
       coalesce(e.reader_version, x.reader_version) as reader_version,
       coalesce(e.policy_version, x.policy_version) as policy_version,
       coalesce(e.flags, x.flags) as flags
from m
left join photo p on p.company_id = :company and p.sha256 = m.sha256 and p.person_id = m.person_id
left join file f on f.company_id = :company and f.sha256 = m.sha256
left join lateral (
    select e.version, e.reader_version, e.policy_version, e.flags from photo_evidence e
    where e.company_id = :company and e.photo_id = p.id order by e.version desc limit 1
) e on true
left join lateral (
    select x.version, x.reader_version, x.policy_version, x.flags from file_evidence x
    where x.company_id = :company and x.audit_visit_id = m.id and x.sha256 = m.sha256
    order by x.version desc limit 1
) x on p.id is null
order by m.id, m.sha256, p.visit_id is not distinct from m.visit_id desc, p.id
"""  # noqa: S608  put together from constants
# Of an earlier version than the latest: its answers, and the flags that its verdict was made with.
_VISITS = f"""
select v.id, w.version, w.version < v.version as is_earlier, r.doc,
       (select coalesce(jsonb_agg(jsonb_build_object('item', b.item, 'answer', b.answer, 'note', b.note)
                                  order by b.item), '[]')
        from audit_answer b
        where b.company_id = v.company_id and b.audit_visit_id = v.id and b.version = w.version
          and w.version < v.version) as answers,
       (select f.evidence->'flags' from audit_case k
        join audit_verdict f on f.company_id = k.company_id and f.id = k.verdict_id
        where k.company_id = v.company_id and k.id = v.id) as flags,
       a.code as activity_code, a.name as activity_name,
       s.code as store_code, s.name as store_name, s.channel, s.store_class, v.business_day,
       i.standards_version, i.items as standards
from audit_visit v
cross join lateral (select {SHOWN_VERSION} as version) w
join record r on r.company_id = v.company_id and r.id = v.id
join activity a on a.company_id = v.company_id and a.id = v.activity_id
join store s on s.company_id = v.company_id and s.id = v.store_id
join lateral (
    select i.standards_version, i.items from activity_standards i
    where i.company_id = v.company_id and i.activity_id = v.activity_id
    order by i.standards_version = v.standards_version desc, i.standards_version desc limit 1
) i on true
where v.company_id = :company and v.id = any(:ids)
"""  # noqa: S608  put together from constants
_TURN = """
select t.id, t.audit_visit_id, t.purpose, t.state, t.expires_at, p.items, p.reason
from audit_turn t
left join audit_appeal p on p.company_id = t.company_id and p.audit_visit_id = t.audit_visit_id
                        and t.purpose = 'APPEAL'
where t.company_id = :company and t.id = :turn and t.auditor_id = :asker
  and (t.state = 'GIVEN' or (t.state = 'CLAIMED' and t.expires_at > :now))
"""


@dataclass(frozen=True, slots=True)
class ShownPhoto:
    """A photo of the manifest and what was found about it. No capture record: no photo; no file: its bytes are not
    there. Flags carry their figures.
    """

    sha256: str
    size: int
    items: tuple[str, ...]
    photo_id: UUID | None
    occurred_at: datetime | None
    source: str | None
    file_state: str | None
    reason_code: str | None
    reason: str | None
    evidence_version: int | None
    reader_version: int | None
    policy_version: int | None
    flags: tuple[Flag, ...]

    def as_evidence(self) -> dict[str, Any]:
        """What a verdict keeps of it."""
        kept = asdict(self)
        del kept["occurred_at"], kept["source"], kept["reason"]
        kept["photo_id"] = None if self.photo_id is None else str(self.photo_id)
        kept["items"], kept["flags"] = list(self.items), list(self.flags)
        return kept


@dataclass(frozen=True, slots=True)
class Shown:
    """An audit visit as an auditor sees it. `standards` is the whole checklist, `asked` the items to be judged."""

    audit_visit_id: UUID
    version: int
    activity_code: str | None
    activity_name: str
    store_code: str | None
    store_name: str
    channel: str
    store_class: str | None
    business_day: date
    standards_version: int
    standards: tuple[Mapping[str, Any], ...]
    asked: tuple[str, ...]
    answers: tuple[Mapping[str, Any], ...]
    photos: tuple[ShownPhoto, ...]
    note: str | None
    flags: tuple[Flag, ...]
    appeal: str | None
    reasons: Mapping[str, Mapping[str, str]]

    @property
    def evidence(self) -> dict[str, Any]:
        """What a verdict that is given now is made with."""
        return {
            "photos": [photo.as_evidence() for photo in self.photos],
            "flags": list(self.flags),
        }

    @property
    def seen(self) -> str:
        """SHA-256 of all that a verdict is made with, as hexadecimal digits."""
        return seen_digest(
            self.audit_visit_id, self.version, self.standards_version, self.asked, self.evidence
        )


def seen_digest(
    audit_visit_id: UUID,
    version: int,
    standards_version: int,
    asked: Sequence[str],
    evidence: Mapping[str, Any],
) -> str:
    """What `Shown.seen` is made of."""
    named = {
        "id": str(audit_visit_id),
        "version": version,
        "standards_version": standards_version,
        "asked": list(asked),
        "evidence": dict(evidence),
    }
    return sha256(encode_document(named)).hexdigest()


def look(uow: UnitOfWork, asker_id: UUID, turn_id: UUID, *, now: datetime) -> Shown:
    """What the auditor has claimed, to be judged. Five queries. Raises NoSuchTurn where it is not theirs now."""
    found = uow.rows(_TURN, company=uow.company_id, turn=turn_id, asker=asker_id, now=now)
    if not found:
        raise NoSuchTurn(Said("there is no such turn, or it is not this auditor's"))
    turn = found[0]
    about = {turn.audit_visit_id: (turn.items, turn.reason)}
    return show(uow, about)[turn.audit_visit_id]


def show(
    uow: UnitOfWork, about: Mapping[UUID, tuple[Sequence[str] | None, str | None]]
) -> dict[UUID, Shown]:
    """Audit visits as auditors see them: id → (items that an appeal is about, its reason), None where none is.

    Three queries, whatever their number.
    """
    ids = list(about)
    photos: dict[UUID, list[ShownPhoto]] = {}
    for row in uow.rows(_PHOTOS, company=uow.company_id, ids=ids):
        photos.setdefault(row.audit_visit_id, []).append(_photo(row))
    reasons = current_policy(uow)[1].audit_reasons
    return {
        row.id: _shown(row, photos.get(row.id, ()), *about[row.id], reasons)
        for row in uow.rows(_VISITS, company=uow.company_id, ids=ids)
    }


def _photo(row: Any) -> ShownPhoto:
    flags: list[Flag] = list(row.flags or ())
    if row.photo_id is None:
        flags.append({"flag": "no_capture_record"})
    told = {flag["flag"] for flag in flags}
    # Of the capture itself: its figures stand in its record.
    flags += [{"flag": name} for name in row.capture_flags or () if name not in told]
    if row.file_state is None:
        flags.append({"flag": "bytes_missing"})
    return ShownPhoto(
        row.sha256,
        row.size,
        tuple(row.items),
        row.photo_id,
        row.occurred_at,
        row.source,
        row.file_state,
        row.reason_code,
        row.reason,
        row.evidence_version,
        row.reader_version,
        row.policy_version,
        tuple(flags),
    )


def _shown(
    row: Any,
    photos: Iterable[ShownPhoto],
    items: Sequence[str] | None,
    reason: str | None,
    reasons: Mapping[str, Mapping[str, str]],
) -> Shown:
    fields = decode_document(row.doc)
    asked = [each["item"] for each in row.standards if items is None or each["item"] in items]
    return Shown(
        audit_visit_id=row.id,
        version=row.version,
        activity_code=row.activity_code,
        activity_name=row.activity_name,
        store_code=row.store_code,
        store_name=row.store_name,
        channel=row.channel,
        store_class=row.store_class,
        business_day=row.business_day,
        standards_version=row.standards_version,
        standards=tuple(row.standards),
        asked=tuple(asked),
        answers=tuple(row.answers if row.is_earlier else fields["answers"]),
        photos=tuple(photos),
        note=fields["note"],
        flags=tuple(row.flags if row.is_earlier else fields["flags"]),
        appeal=reason,
        reasons=reasons,
    )
