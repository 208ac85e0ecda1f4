"""What an auditor looks at beside what they judge: the store's earlier photos, and photos that look alike.

Only of what the auditor has claimed. A photo without a copy to show is left out: two statements, whatever is found.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.audits.shown import SHOWN_VERSION
from sync.unit_of_work import UnitOfWork

_EARLIER = """
select p.sha256, p.business_day, p.role, r.reader_version
from audit_visit v
join photo p on p.company_id = v.company_id and p.store_id = v.store_id and p.business_day < v.business_day
join file f on f.company_id = p.company_id and f.sha256 = p.sha256 and f.state = 'READ'
join lateral (
    select r.reader_version from file_reading r
    where r.company_id = p.company_id and r.sha256 = p.sha256 order by r.reader_version desc limit 1
) r on true
where v.company_id = :company and v.id = :audit_visit
order by p.business_day desc, p.occurred_at desc, p.id limit :at_most
"""
# What the latest evidence of each photo of the manifest names, the nearest first.
_ALIKE = f"""
select m.sha256 as of_sha256, a.sha256, a.business_day, a.distance_bits, a.is_mirrored, s.name as store_name,
       a.store_id is distinct from v.store_id as is_other_store, r.reader_version
from audit_visit v
join (select distinct company_id, audit_visit_id, version, sha256 from audit_photo) m
  on m.company_id = v.company_id and m.audit_visit_id = v.id and m.version = {SHOWN_VERSION}
left join lateral (
    select p.id from photo p where p.company_id = v.company_id and p.sha256 = m.sha256
      and p.person_id = v.person_id order by p.visit_id is not distinct from v.visit_id desc, p.id limit 1
) p on true
cross join lateral (
    (select e.evidence from photo_evidence e
     where e.company_id = v.company_id and e.photo_id = p.id order by e.version desc limit 1)
    union all
    (select x.evidence from file_evidence x
     where p.id is null and x.company_id = v.company_id and x.audit_visit_id = v.id and x.sha256 = m.sha256
     order by x.version desc limit 1)
) e
cross join lateral jsonb_to_recordset(e.evidence->'inputs'->'look_alikes')
    as a(sha256 text, store_id uuid, business_day date, distance_bits integer, is_mirrored boolean)
left join store s on s.company_id = v.company_id and s.id = a.store_id
left join lateral (
    select r.reader_version from file_reading r
    where r.company_id = v.company_id and r.sha256 = a.sha256 order by r.reader_version desc limit 1
) r on true
where v.company_id = :company and v.id = :audit_visit
order by a.distance_bits, a.business_day, a.sha256 limit :at_most
"""  # noqa: S608  put together from constants
_PICTURES = f"""
select distinct on (v.id, m.sha256) m.sha256, r.reader_version from audit_visit v
join audit_photo m on m.company_id = v.company_id and m.audit_visit_id = v.id and m.version = {SHOWN_VERSION}
join file_reading r on r.company_id = m.company_id and r.sha256 = m.sha256
where v.company_id = :company and v.id = any(:ids)
order by v.id, m.sha256, r.reader_version desc limit :at_most
"""  # noqa: S608
MOST = 24
MOST_PICTURES = 600


@dataclass(frozen=True, slots=True)
class EarlierPhoto:
    """A photo of the same store, of an earlier day."""

    sha256: str
    business_day: date
    role: str
    reader_version: int


@dataclass(frozen=True, slots=True)
class AlikePhoto:
    """A photo that looks like one that is judged; `reader_version` is None where it has no copy to show."""

    of_sha256: str
    sha256: str
    business_day: date
    distance_bits: int
    is_mirrored: bool
    store_name: str | None
    is_other_store: bool
    reader_version: int | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A file with copies, and the version of the reader that made them."""

    sha256: str
    reader_version: int


def pictures_of(
    uow: UnitOfWork, audit_visit_ids: Sequence[UUID], *, at_most: int = MOST_PICTURES
) -> list[Picture]:
    """What can be shown of these audit visits."""
    rows = uow.rows(_PICTURES, company=uow.company_id, ids=list(audit_visit_ids), at_most=at_most)
    return [Picture(*row) for row in rows]


def earlier_photos(
    uow: UnitOfWork, audit_visit_id: UUID, *, at_most: int = MOST
) -> list[EarlierPhoto]:
    """The latest photos of the store before the day of the audit visit."""
    rows = uow.rows(_EARLIER, company=uow.company_id, audit_visit=audit_visit_id, at_most=at_most)
    return [EarlierPhoto(*row) for row in rows]


def alike_photos(uow: UnitOfWork, audit_visit_id: UUID, *, at_most: int = MOST) -> list[AlikePhoto]:
    """What the evidence names as looking alike, the nearest first."""
    rows = uow.rows(_ALIKE, company=uow.company_id, audit_visit=audit_visit_id, at_most=at_most)
    return [AlikePhoto(*row) for row in rows]
