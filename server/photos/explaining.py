"""What was found about a photo, each time that it was judged: as it was kept, in words, and judged again as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.language import Said
from server.photos.errors import NoSuchEvidence
from server.photos.evidence import (
    Inputs,
    LookAlike,
    camera_off_s,
    counted_look_alikes,
    distances,
    elsewhere_limit_m,
    is_alike,
    judge,
)
from server.photos.flag_words import SENTENCES, told_seconds, told_sign
from server.photos.judging import search_look_alikes
from server.photos.photo_list import read_photo
from sync.flag import Flag
from sync.policy import Policy, current_policy, read_policy
from sync.unit_of_work import UnitOfWork

_KEPT = """
select e.version, e.reader_version, e.policy_version, e.evidence -> 'inputs' as inputs, e.flags,
    e.judged_at, p.settings, max(e.version) over () as versions
from photo_evidence e
left join policy p on p.company_id = e.company_id and p.version = e.policy_version
where e.company_id = :company and e.photo_id = :id
order by e.version desc
"""
_STORES = "select id, coalesce(code, name) as called from store where company_id = :company and id = any(:ids)"


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Evidence of one version, of so many, with the settings it was judged by."""

    version: int
    versions: int
    reader_version: int | None
    policy_version: int
    judged_at: datetime
    inputs: Inputs
    flags: list[Flag]
    policy: Policy

    @property
    def is_same_again(self) -> bool:
        """Whether judging again what it was judged by, by the settings it was judged by, gives the same."""
        return judge(self.inputs, self.policy) == self.flags


@dataclass(frozen=True, slots=True)
class Explained:
    """Evidence, and what stands around it: names of stores, and who uses the picture later."""

    evidence: KeptEvidence
    stores: dict[UUID, str]
    reused_by: list[LookAlike]


def read_evidence(
    uow: UnitOfWork, photo_id: UUID, *, version: int | None = None, asker_id: UUID | None = None
) -> Explained:
    """What was found about a photo: the latest, or this version of it. Raises NoSuchPhoto where the asker may not see it
    (None: the office), NoSuchEvidence where it was not judged, or not as often.
    """
    read_photo(uow, photo_id, asker_id)
    rows = uow.rows(_KEPT, company=uow.company_id, id=photo_id)
    found = [row for row in rows if version in (None, row.version)]
    if not found:
        raise NoSuchEvidence(
            Said("it was not judged yet") if not rows else Said("there is no such version")
        )
    kept = _kept(found[0])
    later = _later_uses(uow, photo_id, kept.inputs)
    ids = {other.store_id for other in [*kept.inputs.look_alikes, *later]} - {None}
    stores = uow.rows(_STORES, company=uow.company_id, ids=list(ids))
    return Explained(kept, {row.id: row.called for row in stores}, later)


def explain(told: Explained, zone: ZoneInfo) -> Iterator[str]:
    """The evidence line by line, each under its name."""
    kept = told.evidence
    inputs, policy = kept.inputs, kept.policy
    judged = f"{kept.judged_at.astimezone(zone):%Y-%m-%d %H:%M}"
    by = f"settings version {kept.policy_version}"
    by += "" if kept.reader_version is None else f", reader version {kept.reader_version}"
    yield f"Judged    {judged} ({zone}), version {kept.version} of {kept.versions}, by {by}"
    for flag in kept.flags:
        yield f"Flag      {told_photo_flag(flag)}"
    if not kept.flags:
        yield "Flag      none: nothing is odd about its file"
    for name in inputs.taken.flags:
        yield f"Capture   {name}"
    yield from _told_reading(inputs, policy)
    yield from _told_look_alikes(told)
    if kept.is_same_again:
        yield "Again     judged by what it was judged by then, it comes to the same"
    else:
        yield "Again     judged by this version of Roadbook, it would come to something else"


def told_photo_flag(flag: Flag) -> str:
    """A flag of a photo's evidence as a sentence; one that is not known here by its name and figures."""
    figures = {name: value for name, value in flag.items() if isinstance(value, int)}
    sentence = SENTENCES.get(str(flag["flag"]))
    try:
        return str(flag["flag"]) if sentence is None else sentence(figures)
    except KeyError:
        told = ", ".join(f"{name} {value}" for name, value in figures.items())
        return f"{flag['flag']}: {told}"


# ---- steps --------------------------------------------------------------------------------------


def _kept(row: Any) -> KeptEvidence:
    return KeptEvidence(
        version=row.version,
        versions=row.versions,
        reader_version=row.reader_version,
        policy_version=row.policy_version,
        judged_at=row.judged_at,
        inputs=msgspec.convert(row.inputs, Inputs),
        flags=row.flags,
        policy=read_policy(row.settings or {}),
    )


def _later_uses(uow: UnitOfWork, photo_id: UUID, inputs: Inputs) -> list[LookAlike]:
    """The photos that were taken after this one and look like it, as they are today."""
    _, policy = current_policy(uow)
    mine = (inputs.taken.occurred_at, inputs.taken.id.int)
    return [
        other
        for other in search_look_alikes(uow, photo_id)
        if (other.occurred_at, other.id.int) > mine and is_alike(inputs.taken.sha256, other, policy)
    ]


def _told_reading(inputs: Inputs, policy: Policy) -> Iterator[str]:
    reading = inputs.reading
    if reading is None:
        return
    yield (
        f"Picture   sharpness {reading.sharpness} (at least {policy.photo_sharpness_min}),"
        f" darkness {reading.darkness} ‰ (at most {policy.photo_darkness_max} ‰)"
    )
    off_s = camera_off_s(inputs, policy.zone)
    against = "the visit" if inputs.call is not None else "when it was taken, as reported"
    if off_s is None:
        yield "Time      the file has no time of the camera"
    elif off_s == 0:
        yield f"Time      the camera's time {reading.camera_at} agrees with {against}"
    else:
        side = "before" if off_s < 0 else "after"
        limit = told_seconds(policy.photo_time_off_min * 60)
        yield (
            f"Time      the camera's time {reading.camera_at} is {told_seconds(abs(off_s))} {side}"
            f" {against} (at most {limit})"
        )
    limit_m = elsewhere_limit_m(inputs, policy)
    pin = inputs.place is not None and inputs.place.pin is not None
    for is_by_camera, distance_m, accuracy_m in distances(inputs, policy):
        who, to = (
            ("the camera" if is_by_camera else "the phone"),
            ("the pin" if pin else "the phone"),
        )
        yield f"Place     {who} {distance_m:,} m from {to}, accuracy {accuracy_m} m (at most {limit_m:,} m)"
    for sign in reading.signs:
        figures = ", ".join(f"{name} {value}" for name, value in sorted(sign.figures.items()))
        said = "" if sign.said is None else f': "{sign.said}"'
        yield f"Sign      {told_sign(sign.sign)}{said} ({sign.permille} ‰ sure{figures and '; ' + figures})"


def _told_look_alikes(told: Explained) -> Iterator[str]:
    inputs, policy = told.evidence.inputs, told.evidence.policy
    counted = {other.id for other in counted_look_alikes(inputs, policy)}
    for other in inputs.look_alikes:
        counts = "counts" if other.id in counted else "does not count: "
        if other.id not in counted:
            alike = is_alike(inputs.taken.sha256, other, policy)
            counts += "it was taken later" if alike else "too different"
        yield f"Like      {_told_other(other, inputs.taken.sha256, told.stores)}: {counts}"
    if inputs.is_cut:
        yield "Like      there are more than are kept here"
    for other in told.reused_by:
        yield f"Used in   {_told_other(other, inputs.taken.sha256, told.stores)}"


def _told_other(other: LookAlike, digest: str, stores: dict[UUID, str]) -> str:
    where = (
        "no store" if other.store_id is None else stores.get(other.store_id, str(other.store_id))
    )
    how = "the same file" if other.sha256 == digest else f"{other.distance_bits} bits apart"
    if other.sha256 != digest and other.detail_permille is not None:
        how += f", {other.detail_permille} ‰ in detail"
    mirrored = ", mirrored" if other.is_mirrored else ""
    day: date = other.business_day
    at = datetime.fromtimestamp(other.occurred_at // 1000, UTC)
    return f"{other.of.replace('_', ' ')} {other.id} at {where} on {day} ({at:%H:%M} UTC), {how}{mirrored}"
