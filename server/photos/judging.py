"""Photos whose files were read are judged: their evidence is written, and they become OK or FLAGGED.

A photo is judged again when something that it was judged by may have changed; the same evidence is not written
twice, so whoever repeats it changes nothing. Photos are locked first, so a verdict that an auditor gives
meanwhile is never taken back. A photo that turns up after another one that reuses it lets the
later one be judged again: whichever order they come in, the later flags itself and the earlier does not.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec

from server.identity.change_log import Actor, log_change
from server.photos.evidence import (
    LOOKED_AT_FLAGS,
    Call,
    Inputs,
    LookAlike,
    Place,
    Reading,
    Taken,
    camera_off_s,
    counted_look_alikes,
    distances,
    is_alike,
    is_flagged,
    judge,
)
from server.photos.look_alikes import Asked, Found, find_look_alikes
from server.photos.looks import Look
from server.photos.signs import Sign
from sync.flag import Flag
from sync.kinds.photo.judge import JUDGE
from sync.kinds.photo.publish import PhotoChange, set_photo_states
from sync.policy import Policy, current_policy
from sync.publish import hold_documents
from sync.rows import array
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work

# Photos judged in one transaction.
AT_ONCE: Final = 50
# Photos that one command lets be judged again.
AGAIN_MAX: Final = 100_000
_JUDGED_STATES: Final = ("STORED", "OK", "FLAGGED")

_MS: Final = "(extract(epoch from {}) * 1000)::int8"
_FACTS = f"""
select s.id, s.sha256, s.store_id, s.business_day, {_MS.format("s.occurred_at")} as occurred_at,
    s.visit_id, s.lat_e7, s.lon_e7, s.accuracy_cm, s.flags,
    f.state as file_state, f.reason_code, h.phash, h.detail,
    r.reader_version, r.sharpness, r.darkness,
    to_char(r.camera_at, 'YYYY-MM-DD"T"HH24:MI:SS') as camera_at, r.camera_offset_min,
    {_MS.format("r.camera_fix_at")} as camera_fix_at, r.camera_lat_e7, r.camera_lon_e7,
    r.camera_accuracy_m, concat_ws(' ', r.camera_make, r.camera_model) as camera, r.software, r.signs,
    {_MS.format("v.began_at")} as began_at, {_MS.format("v.ended_at")} as ended_at,
    o.id as place_id, o.lat_e7 as pin_lat_e7, o.lon_e7 as pin_lon_e7, o.fence_radius_m, o.store_class
from ({{subjects}}) as s
join file f on f.company_id = :company and f.sha256 = s.sha256 and f.state in ('READ', 'SET_ASIDE')
left join photo_hash h on h.company_id = :company and h.sha256 = s.sha256
left join lateral (
    select * from file_reading r where r.company_id = :company and r.sha256 = s.sha256
    order by r.reader_version desc limit 1
) r on true
left join visit v on v.company_id = :company and v.id = s.visit_id
left join store o on o.company_id = :company and o.id = s.store_id
order by s.id
"""
_PHOTO_FACTS = _FACTS.format(
    subjects="""
    select id, sha256, store_id, business_day, occurred_at, visit_id, lat_e7, lon_e7, accuracy_cm, flags
    from photo where company_id = :company and id = any(:ids)
"""
)
_FILE_FACTS = _FACTS.format(
    subjects="""
    select a.id, d.sha256, a.store_id, a.business_day, a.occurred_at, a.visit_id,
        null::int4 as lat_e7, null::int4 as lon_e7, null::int4 as accuracy_cm, '{}'::text[] as flags
    from audit_visit a, unnest(cast(:digests as text[])) as d(sha256)
    where a.company_id = :company and a.id = :id
"""
)
_KEEP = """
insert into {table}
    (company_id, {key}, version, reader_version, policy_version, evidence, flags)
select %(company)s, {given}, coalesce(last.version, 0) + 1, n.reader_version, %(policy_version)s,
    n.evidence, n.flags
from unnest(%(ids)s::uuid[], %(digests)s::text[], %(reader_versions)s::int4[], %(evidence)s::jsonb[],
    %(flags)s::jsonb[]) as n(id, sha256, reader_version, evidence, flags)
left join lateral (
    select * from {table} e where e.company_id = %(company)s and {same}
    order by e.version desc limit 1
) last on true
where last.version is null
    or (last.reader_version, last.policy_version, last.evidence, last.flags)
    is distinct from (n.reader_version, %(policy_version)s, n.evidence, n.flags)
"""
_KEEP_OF_PHOTOS = _KEEP.format(
    table="photo_evidence", key="photo_id", given="n.id", same="e.photo_id = n.id"
)
_KEEP_OF_FILES = _KEEP.format(
    table="file_evidence",
    key="audit_visit_id, sha256",
    given="n.id, n.sha256",
    same="e.audit_visit_id = n.id and e.sha256 = n.sha256",
)
_SINCE = """
select id from photo where company_id = :company and state in ('OK', 'FLAGGED')
and business_day >= :since order by id limit :most
"""


def judge_photos(database: Database, company_id: int, ids: Iterable[UUID]) -> None:
    """What work `JUDGE` does."""
    waiting = iter(sorted(set(ids)))
    while some := list(islice(waiting, AT_ONCE)):
        with database.company(company_id) as uow:
            judge_some_photos(uow, some)


def judge_some_photos(uow: UnitOfWork, ids: Sequence[UUID]) -> dict[UUID, list[Flag]]:
    """Judge these photos by today's settings; the flags of those that were. Those whose files were neither read nor
    set aside are left as they are, and come again. The number of statements does not grow with the photos.
    """
    documents = hold_documents(uow, ids)
    rows = uow.rows(_PHOTO_FACTS, company=uow.company_id, ids=list(documents))
    offsets = {id_: fields["clock"]["offset_ms"] for id_, fields in documents.items()}
    policy_version, policy = current_policy(uow)
    judged = _judge(uow, rows, policy, offsets, is_photo=True)
    _keep(uow, _KEEP_OF_PHOTOS, [inputs for inputs, _ in judged], policy, policy_version)
    result = {inputs.taken.id: judge(inputs, policy) for inputs, _ in judged}
    set_photo_states(
        uow,
        {
            inputs.taken.id: PhotoChange(
                "FLAGGED" if is_flagged(inputs, result[inputs.taken.id]) else "OK",
                result[inputs.taken.id],
            )
            for inputs, _ in judged
            if documents[inputs.taken.id]["state"] in _JUDGED_STATES
        },
    )
    leave_work(uow, JUDGE, _unsuspected(judged, policy))
    return result


def judge_files(
    uow: UnitOfWork, audit_visit_id: UUID, digests: Iterable[str]
) -> dict[str, list[Flag]]:
    """Judge files that an audit visit names and no capture record does, as of the audit visit's store, day and
    visit; the flags of those that were read or set aside, by digest.
    """
    rows = uow.rows(
        _FILE_FACTS, company=uow.company_id, id=audit_visit_id, digests=sorted(set(digests))
    )
    policy_version, policy = current_policy(uow)
    judged = _judge(uow, rows, policy, {}, is_photo=False)
    _keep(uow, _KEEP_OF_FILES, [inputs for inputs, _ in judged], policy, policy_version)
    return {inputs.taken.sha256: judge(inputs, policy) for inputs, _ in judged}


def search_look_alikes(uow: UnitOfWork, photo_id: UUID) -> list[LookAlike]:
    """The photos of other stores or days that look like this one today, whichever was taken first."""
    rows = uow.rows(_PHOTO_FACTS, company=uow.company_id, ids=[photo_id])
    _, policy = current_policy(uow)
    found, _ = find_look_alikes(uow, _asked(rows, is_photo=True), most_bits=policy.photo_reuse_bits)
    return [other.look_alike for others in found for other in others]


def judge_again(uow: UnitOfWork, actor: Actor, ids: Sequence[UUID]) -> dict[UUID, list[Flag]]:
    """Somebody has these photos judged again, by today's settings."""
    result = judge_some_photos(uow, ids)
    for id_, flags in result.items():
        names = [str(flag["flag"]) for flag in flags]
        log_change(uow, actor, "photo.judge_again", "photo", str(id_), after={"flags": names})
    return result


def leave_to_judge_again(uow: UnitOfWork, actor: Actor, since: Any) -> int:
    """Somebody has every photo of this day and later ones judged again that has no verdict; how many. Workers do it."""
    ids = [row.id for row in uow.rows(_SINCE, company=uow.company_id, since=since, most=AGAIN_MAX)]
    leave_work(uow, JUDGE, ids)
    log_change(
        uow,
        actor,
        "photo.judge_again",
        "company",
        str(uow.company_id),
        after={"since": str(since), "photos": len(ids)},
    )
    return len(ids)


# ---- what is judged -------------------------------------------------------------------------------


def _judge(
    uow: UnitOfWork,
    rows: Sequence[Any],
    policy: Policy,
    clock_offsets_ms: dict[UUID, int],
    *,
    is_photo: bool,
) -> list[tuple[Inputs, list[Found]]]:
    asked = _asked(rows, is_photo=is_photo)
    found, are_cut = find_look_alikes(uow, asked, most_bits=policy.photo_reuse_bits)
    return [
        (_inputs(row, policy, clock_offsets_ms.get(row.id, 0), found[n], are_cut[n]), found[n])
        for n, row in enumerate(rows)
    ]


def _asked(rows: Iterable[Any], *, is_photo: bool) -> list[Asked]:
    return [
        Asked(
            id=row.id if is_photo else None,
            audit_visit_id=None if is_photo else row.id,
            sha256=row.sha256,
            look=None if row.phash is None else Look(row.phash, bytes(row.detail)),
            store_id=row.store_id,
            visit_id=row.visit_id,
            business_day=row.business_day,
            occurred_at=row.occurred_at,
        )
        for row in rows
    ]


def _inputs(
    row: Any, policy: Policy, clock_offset_ms: int, found: Sequence[Found], is_cut: bool
) -> Inputs:
    return Inputs(
        taken=Taken(
            id=row.id,
            sha256=row.sha256,
            store_id=row.store_id,
            business_day=row.business_day,
            occurred_at=row.occurred_at,
            clock_offset_ms=clock_offset_ms,
            point=_point(row.lat_e7, row.lon_e7),
            accuracy_cm=row.accuracy_cm,
            flags=sorted(LOOKED_AT_FLAGS.intersection(row.flags)),
        ),
        reading=_reading(row),
        reason_code=row.reason_code if row.file_state == "SET_ASIDE" else None,
        call=None
        if row.began_at is None
        else Call(id=row.visit_id, began_at=row.began_at, ended_at=row.ended_at),
        place=None
        if row.place_id is None
        else Place(
            pin=_point(row.pin_lat_e7, row.pin_lon_e7),
            radius_m=policy.fence_for(row.fence_radius_m, row.store_class),
        ),
        look_alikes=[other.look_alike for other in found],
        is_cut=is_cut,
    )


def _reading(row: Any) -> Reading | None:
    if row.reader_version is None:
        return None
    return Reading(
        reader_version=row.reader_version,
        sharpness=row.sharpness,
        darkness=row.darkness,
        camera_at=row.camera_at,
        camera_offset_min=row.camera_offset_min,
        camera_fix_at=row.camera_fix_at,
        camera_point=_point(row.camera_lat_e7, row.camera_lon_e7),
        camera_accuracy_m=row.camera_accuracy_m,
        camera=row.camera or None,
        software=row.software,
        signs=msgspec.convert(row.signs or [], list[Sign]),
        phash=row.phash,
    )


def _point(lat_e7: int | None, lon_e7: int | None) -> tuple[int, int] | None:
    return None if lat_e7 is None or lon_e7 is None else (lat_e7, lon_e7)


def _unsuspected(judged: Iterable[tuple[Inputs, list[Found]]], policy: Policy) -> Iterator[UUID]:
    """Photos that look like one of these, were taken later, and are not flagged for it yet."""
    for inputs, found in judged:
        mine = (inputs.taken.occurred_at, inputs.taken.id.int)
        for other in found:
            theirs = other.look_alike
            is_later = (theirs.occurred_at, theirs.id.int) > mine
            if other.is_unsuspected and is_later and is_alike(inputs.taken.sha256, theirs, policy):
                yield theirs.id


def _keep(
    uow: UnitOfWork,
    statement: str,
    judged: Sequence[Inputs],
    policy: Policy,
    policy_version: int,
) -> None:
    if not judged:
        return
    readings = [inputs.reading for inputs in judged]
    uow.driver.execute(
        statement,
        {
            "company": uow.company_id,
            "policy_version": policy_version,
            "ids": array("uuid", [inputs.taken.id for inputs in judged]),
            "digests": array("text", [inputs.taken.sha256 for inputs in judged]),
            "reader_versions": array(
                "int4", [None if each is None else each.reader_version for each in readings]
            ),
            "evidence": array("jsonb", [_document(inputs, policy) for inputs in judged]),
            "flags": array("jsonb", [msgspec.json.encode(judge(each, policy)) for each in judged]),
        },
    )


def _document(inputs: Inputs, policy: Policy) -> bytes:
    """What is kept: what it was judged by, and what was compared."""
    return msgspec.json.encode(
        {
            "inputs": inputs,
            "camera_off_s": camera_off_s(inputs, policy.zone),
            "distances": [
                {"is_by_camera": by_camera, "distance_m": distance_m, "accuracy_m": accuracy_m}
                for by_camera, distance_m, accuracy_m in distances(inputs, policy)
            ],
            "reused": [
                {"of": other.of, "id": other.id} for other in counted_look_alikes(inputs, policy)
            ],
        }
    )
