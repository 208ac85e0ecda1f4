"""Photos of other stores or days whose pictures look like these, in three statements however many are asked for.

The pictures are found by their hashes (near_duplicates.py), also mirrored ones, and by their bytes; the photos by the digest of
the file. A photo of the same store and day, or of the same visit, is none. What audit visits name without a
capture record counts too.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from server.photos.evidence import LookAlike
from server.photos.looks import Look, detail_permille, mirrored_detail, mirrored_hash
from server.photos.near_duplicates import near_looks
from sync.rows import array
from sync.unit_of_work import UnitOfWork

# Of one photo: how many are kept; and what is looked at before: files of one hash, places of one file, all.
KEPT: Final = 20
_FILES: Final = 200
_PLACES: Final = 200
_LOOKED_AT: Final = 5_000

# A photo with the same digest of the same person, store and day is the capture record of what an audit visit names.
_PHOTOS = """
with near as (
    select * from unnest(%(near_n)s::int4[], %(near_phash)s::int8[], %(near_distance)s::int4[],
        %(near_mirrored)s::bool[]) as near(n, phash, distance, is_mirrored)
), looked as (
    select near.n, h.sha256, h.detail, near.distance, near.is_mirrored
    from near, lateral (
        select sha256, detail from photo_hash
        where company_id = %(company)s and phash = near.phash limit %(files)s
    ) h
    union all
    select same.n, same.sha256, null, 0, false
    from unnest(%(asked_n)s::int4[], %(asked_sha256)s::text[]) as same(n, sha256)
)
select asked.n, found.*
from unnest(%(asked_n)s::int4[], %(asked_id)s::uuid[], %(asked_audit_visit)s::uuid[],
        %(asked_store)s::uuid[], %(asked_visit)s::uuid[], %(asked_day)s::date[],
        %(asked_at)s::timestamptz[])
    as asked(n, id, audit_visit_id, store_id, visit_id, business_day, occurred_at),
lateral (
    select place.of, place.id, looked.sha256, place.store_id, place.business_day,
        (extract(epoch from place.occurred_at) * 1000)::int8 as occurred_at, looked.distance,
        looked.detail, looked.is_mirrored, place.is_unsuspected
    from (select * from looked where looked.n = asked.n limit %(looked_at)s) looked,
    lateral (
        (select 'photo' as of, p.id, p.store_id, p.business_day, p.occurred_at,
            p.state in ('OK', 'FLAGGED') and not ('reused' = any(p.flags)) as is_unsuspected
        from photo p
        where p.company_id = %(company)s and p.sha256 = looked.sha256
            and p.id is distinct from asked.id
            and (p.business_day <> asked.business_day or p.store_id <> asked.store_id)
            and (p.visit_id = asked.visit_id) is not true
        limit %(places)s)
        union all
        (select 'audit_visit', a.id, a.store_id, a.business_day, a.occurred_at, false
        from audit_photo m
        join audit_visit a on a.company_id = m.company_id and a.id = m.audit_visit_id
            and a.version = m.version
        where m.company_id = %(company)s and m.sha256 = looked.sha256
            and a.id is distinct from asked.audit_visit_id
            and (a.business_day <> asked.business_day or a.store_id <> asked.store_id)
            and (a.visit_id = asked.visit_id) is not true
            and not exists (
                select from photo p where p.company_id = m.company_id and p.sha256 = m.sha256
                    and p.person_id = a.person_id and p.store_id = a.store_id
                    and p.business_day = a.business_day)
        limit %(places)s)
    ) place
    order by place.occurred_at < asked.occurred_at desc, looked.distance, place.occurred_at, place.id
    limit %(kept)s
) found
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A photo, or what an audit visit names, whose look-alikes are looked for."""

    id: UUID | None
    audit_visit_id: UUID | None
    sha256: str
    look: Look | None
    store_id: UUID | None
    visit_id: UUID | None
    business_day: date
    # Milliseconds.
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Found:
    """A look-alike; `is_unsuspected`: it is a photo without a verdict that is not flagged as reused."""

    look_alike: LookAlike
    is_unsuspected: bool


def find_look_alikes(
    uow: UnitOfWork, asked: Sequence[Asked], *, most_bits: int
) -> tuple[list[list[Found]], list[bool]]:
    """For each of those asked for: up to `KEPT` look-alikes, those taken before it first, then the nearest; and
    whether a bound cut others off.
    """
    if not asked:
        return [], []
    hashes = {
        one.look.phash: mirrored_hash(one.look.phash) for one in asked if one.look is not None
    }
    near = near_looks(uow, [*hashes, *hashes.values()], most_bits)
    wanted: list[tuple[int, int, int, bool]] = []
    are_cut = [False] * len(asked)
    for n, one in enumerate(asked):
        if one.look is None:
            continue
        for is_mirrored in (False, True):
            phash = hashes[one.look.phash] if is_mirrored else one.look.phash
            wanted += [(n, other, apart, is_mirrored) for other, apart in near[phash].looks]
            are_cut[n] |= near[phash].is_cut
    found: list[list[Found]] = [[] for _ in asked]
    for row in _rows(uow, asked, wanted):
        n, of, id_, sha256, store_id, day, at, distance, detail, is_mirrored, is_unsuspected = row
        other = LookAlike(
            of=of,
            id=id_,
            sha256=sha256,
            store_id=store_id,
            business_day=day,
            occurred_at=at,
            distance_bits=distance,
            detail_permille=_detail_apart(asked[n].look, detail, is_mirrored=is_mirrored),
            is_mirrored=is_mirrored,
        )
        found[n].append(Found(other, is_unsuspected))
    for n, others in enumerate(found):
        are_cut[n] |= len(others) >= KEPT
        found[n] = list(_once_each(others))
    return found, are_cut


def _rows(
    uow: UnitOfWork, asked: Sequence[Asked], wanted: Sequence[tuple[int, int, int, bool]]
) -> list[tuple[Any, ...]]:
    return uow.driver.execute(
        _PHOTOS,
        {
            "company": uow.company_id,
            "near_n": array("int4", [each[0] for each in wanted]),
            "near_phash": array("int8", [each[1] for each in wanted]),
            "near_distance": array("int4", [each[2] for each in wanted]),
            "near_mirrored": array("bool", [each[3] for each in wanted]),
            "asked_n": array("int4", list(range(len(asked)))),
            "asked_id": array("uuid", [one.id for one in asked]),
            "asked_audit_visit": array("uuid", [one.audit_visit_id for one in asked]),
            "asked_sha256": array("text", [one.sha256 for one in asked]),
            "asked_store": array("uuid", [one.store_id for one in asked]),
            "asked_visit": array("uuid", [one.visit_id for one in asked]),
            "asked_day": array("date", [one.business_day for one in asked]),
            "asked_at": array("timestamptz", [one.occurred_at for one in asked]),
            "files": _FILES,
            "places": _PLACES,
            "looked_at": _LOOKED_AT,
            "kept": KEPT,
        },
    ).fetchall()


def _detail_apart(look: Look | None, other: bytes | None, *, is_mirrored: bool) -> int | None:
    if look is None or other is None:
        return None
    return detail_permille(mirrored_detail(look.detail) if is_mirrored else look.detail, other)


def _once_each(found: Iterable[Found]) -> Iterable[Found]:
    """A photo is found by its bytes and by its hash, and as itself and mirrored: the nearest way counts."""
    nearest: dict[UUID, Found] = {}
    for other in found:
        held = nearest.get(other.look_alike.id)
        if held is None or _nearness(other.look_alike) < _nearness(held.look_alike):
            nearest[other.look_alike.id] = other
    return nearest.values()


def _nearness(other: LookAlike) -> tuple[int, bool, bool]:
    return other.distance_bits, other.is_mirrored, other.detail_permille is None
