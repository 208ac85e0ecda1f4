"""What a photo's file says against what was reported: flags with their figures. Pure, and the same for ever.

A flag is something for a person to look at; nothing is refused. What is judged by is all in `Inputs`, and is kept
with what came of it, so that it can be judged again: as it was, or by another version of the company's settings.

    reused            {distance_bits, detail_permille?, is_same_file, is_mirrored, is_other_store, days, others}
                      looks like a photo of another store or day that was taken before
    blurred           {sharpness, limit}
    dark              {darkness, limit}            both as in facts.py; of a dark picture blur is not told
    camera_time_off   {off_s, limit_s, is_zone_assumed}   off_s < 0: the camera says earlier than the visit
    taken_elsewhere   {distance_m, accuracy_m, limit_m, is_by_camera}
    edited            {permille, sign_<name>: 1}
    screen            {permille, sign_<name>: 1}   signs as in signs.py
    unreadable        {reason_<code>: 1}           the file was set aside

Formulas and worked examples: docs/FORMULAS.md, "Evidence of a photo". Source: domain rules, "Photos".
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from server.photos.signs import OF_EDITING, OF_SCREENS, Sign, surest
from sync.flag import Flag
from sync.geo import Point, distance_cm
from sync.policy import Policy

# What an accuracy can excuse at most, and from where on a position says nothing: as for check-ins.
EXCUSE_M: Final = 100
COARSE_M: Final = 200
# The flags of the capture for which an auditor is to look at a photo, whatever its file shows.
LOOKED_AT_FLAGS: Final = frozenset({"mock_location", "from_gallery", "other_store"})

_S = 1_000


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What was read in the file; units as in facts.py. `camera_at` is the camera's wall time, ISO 8601."""

    reader_version: int
    sharpness: int
    darkness: int
    camera_at: str | None = None
    camera_offset_min: int | None = None
    # Milliseconds, of the camera's position.
    camera_fix_at: int | None = None
    camera_point: tuple[int, int] | None = None
    camera_accuracy_m: int | None = None
    camera: str | None = None
    software: str | None = None
    signs: list[Sign] = []
    phash: int | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What was reported of the photo. Times are milliseconds, corrected; `clock_offset_ms` is by how much the
    phone's clock was behind.
    """

    id: UUID
    sha256: str
    store_id: UUID | None
    business_day: date
    occurred_at: int
    clock_offset_ms: int = 0
    point: tuple[int, int] | None = None
    accuracy_cm: int | None = None
    # Those of `LOOKED_AT_FLAGS` that it came with.
    flags: list[str] = []


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """The visit at which it was taken; `ended_at` None: not known."""

    id: UUID
    began_at: int
    ended_at: int | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The store's pin and its fence, as they were when it was judged."""

    pin: tuple[int, int] | None
    radius_m: int


class LookAlike(msgspec.Struct, frozen=True, kw_only=True):
    """Another photo that looks like it, of another store or day. `of` says what its id is that of."""

    of: Literal["photo", "audit_visit"]
    id: UUID
    sha256: str
    store_id: UUID | None
    business_day: date
    occurred_at: int
    distance_bits: int
    # None where one of the two is too flat to tell: then they are the same file.
    detail_permille: int | None = None
    is_mirrored: bool = False


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a photo is judged by, beside the settings. `reason_code`: its file was set aside."""

    taken: Taken
    reading: Reading | None = None
    reason_code: str | None = None
    call: Call | None = None
    place: Place | None = None
    look_alikes: list[LookAlike] = []
    # More were found than are kept.
    is_cut: bool = False


def judge(inputs: Inputs, policy: Policy) -> list[Flag]:
    """The flags, in a fixed order, each with its figures."""
    if inputs.reason_code is not None:
        return [{"flag": "unreadable", f"reason_{inputs.reason_code}": 1}, *_reused(inputs, policy)]
    reading = inputs.reading
    if reading is None:
        return _reused(inputs, policy)
    return [
        *_reused(inputs, policy),
        *_quality(reading, policy),
        *_camera_time(inputs, reading, policy),
        *_elsewhere(inputs, policy),
        *_signs(reading, policy),
    ]


def is_flagged(inputs: Inputs, flags: Iterable[Flag]) -> bool:
    """Whether an auditor is to look at it."""
    return bool(list(flags)) or not LOOKED_AT_FLAGS.isdisjoint(inputs.taken.flags)


# ---- look-alikes --------------------------------------------------------------------------------


def counted_look_alikes(inputs: Inputs, policy: Policy) -> list[LookAlike]:
    """Those that are alike enough and were taken before, the nearest first."""
    taken = inputs.taken
    found = [
        other
        for other in inputs.look_alikes
        if _is_elsewhere(taken, other)
        and (other.occurred_at, other.id.int) < (taken.occurred_at, taken.id.int)
        and is_alike(taken.sha256, other, policy)
    ]
    return sorted(found, key=lambda other: (_distance(taken, other), other.occurred_at, other.id))


def is_alike(digest: str, other: LookAlike, policy: Policy) -> bool:
    """The same file, or within the company's bounds of likeness."""
    if other.sha256 == digest:
        return True
    is_near = other.distance_bits <= policy.photo_reuse_bits
    detail = other.detail_permille
    return is_near and (detail is None or detail <= policy.photo_reuse_detail_permille)


def _is_elsewhere(taken: Taken, other: LookAlike) -> bool:
    is_other_store = (
        None not in (taken.store_id, other.store_id) and taken.store_id != other.store_id
    )
    return is_other_store or taken.business_day != other.business_day


def _distance(taken: Taken, other: LookAlike) -> tuple[bool, int]:
    return other.sha256 != taken.sha256, other.distance_bits


def _reused(inputs: Inputs, policy: Policy) -> list[Flag]:
    found = counted_look_alikes(inputs, policy)
    if not found:
        return []
    taken, nearest = inputs.taken, found[0]
    flag: Flag = {"flag": "reused", "distance_bits": nearest.distance_bits}
    if nearest.detail_permille is not None:
        flag["detail_permille"] = nearest.detail_permille
    is_other_store = None not in (taken.store_id, nearest.store_id) and (
        taken.store_id != nearest.store_id
    )
    return [
        flag
        | {
            "is_same_file": int(nearest.sha256 == taken.sha256),
            "is_mirrored": int(nearest.is_mirrored),
            "is_other_store": int(is_other_store),
            "days": abs((taken.business_day - nearest.business_day).days),
            "others": len(found),
        }
    ]


# ---- the picture ----------------------------------------------------------------------------------


def _quality(reading: Reading, policy: Policy) -> list[Flag]:
    if reading.darkness > policy.photo_darkness_max:
        return [{"flag": "dark", "darkness": reading.darkness, "limit": policy.photo_darkness_max}]
    if reading.sharpness < policy.photo_sharpness_min:
        return [
            {"flag": "blurred", "sharpness": reading.sharpness, "limit": policy.photo_sharpness_min}
        ]
    return []


def _signs(reading: Reading, policy: Policy) -> list[Flag]:
    flags: list[Flag] = []
    for name, signs, limit in (
        ("edited", OF_EDITING, policy.photo_edited_permille),
        ("screen", OF_SCREENS, policy.photo_screen_permille),
    ):
        found = surest(reading.signs, signs)
        if found is not None and found.permille >= limit:
            flags.append({"flag": name, "permille": found.permille, f"sign_{found.sign}": 1})
    return flags


# ---- when -----------------------------------------------------------------------------------------


def camera_moments(inputs: Inputs, zone: ZoneInfo) -> tuple[int, ...]:
    """The moments that the camera's time can mean, in milliseconds; none where it has none.

    A time without an offset is one of the company's time zone; where the clocks go back it is two. The camera's clock is the
    phone's: its time is corrected as the phone's is, unless the phone was put right in between.
    """
    reading = inputs.reading
    if reading is None or reading.camera_at is None:
        return ()
    wall = datetime.fromisoformat(reading.camera_at)
    if reading.camera_offset_min is not None:
        said = {_ms(wall.replace(tzinfo=UTC)) - reading.camera_offset_min * 60 * _S}
    else:
        said = {_ms(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)}
    return tuple(sorted(said | {at + inputs.taken.clock_offset_ms for at in said}))


def camera_off_s(inputs: Inputs, zone: ZoneInfo) -> int | None:
    """How many seconds the camera's time is before (below 0) or after the visit, or the capture where no
    visit is known; 0 within it, None without a time. Of several meanings the nearest.
    """
    moments = camera_moments(inputs, zone)
    if not moments:
        return None
    taken, call = inputs.taken.occurred_at, inputs.call
    began, ended = (taken, taken) if call is None else (call.began_at, call.ended_at or taken)
    began, ended = min(began, taken), max(ended, taken, began)
    off = min((max(at - ended, 0) - max(began - at, 0) for at in moments), key=abs)
    return off // _S if off >= 0 else -(-off // _S)


def _camera_time(inputs: Inputs, reading: Reading, policy: Policy) -> list[Flag]:
    off_s = camera_off_s(inputs, policy.zone)
    limit_s = policy.photo_time_off_min * 60
    if off_s is None or abs(off_s) <= limit_s:
        return []
    return [
        {
            "flag": "camera_time_off",
            "off_s": off_s,
            "limit_s": limit_s,
            "is_zone_assumed": int(reading.camera_offset_min is None),
        }
    ]


# ---- where ----------------------------------------------------------------------------------------


def distances(inputs: Inputs, policy: Policy) -> list[tuple[bool, int, int]]:
    """How far from the pin the camera and the phone say they were: (by the camera, metres, accuracy in metres).

    Without a pin the camera is compared with the phone. Metres are rounded up. A position coarser than 200 m says
    nothing, nor does one that the camera had long before it took the picture.
    """
    reading, taken, place = inputs.reading, inputs.taken, inputs.place
    phone = taken.point
    phone_accuracy_m = -(-(taken.accuracy_cm or 0) // 100)
    camera = None if reading is None else reading.camera_point
    camera_accuracy_m = 0 if reading is None else reading.camera_accuracy_m or 0
    if reading is not None and _is_old_fix(inputs, reading, policy):
        camera = None
    told: list[tuple[bool, int, int]] = []
    pin = None if place is None else place.pin
    if pin is not None:
        for is_camera, point, accuracy_m in (
            (True, camera, camera_accuracy_m),
            (False, phone, phone_accuracy_m),
        ):
            if point is not None and accuracy_m <= COARSE_M:
                told.append((is_camera, _metres(point, pin), accuracy_m))
    elif camera is not None and phone is not None:
        both_m = camera_accuracy_m + phone_accuracy_m
        if max(camera_accuracy_m, phone_accuracy_m) <= COARSE_M:
            told.append((True, _metres(camera, phone), both_m))
    return told


def elsewhere_limit_m(inputs: Inputs, policy: Policy) -> int:
    """From where on a photo was taken elsewhere: the fence, or the company's distance where that is more."""
    place = inputs.place
    return max(policy.photo_elsewhere_m, 0 if place is None else place.radius_m)


def _elsewhere(inputs: Inputs, policy: Policy) -> list[Flag]:
    limit_m = elsewhere_limit_m(inputs, policy)
    for is_by_camera, distance_m, accuracy_m in distances(inputs, policy):
        if distance_m - min(accuracy_m, EXCUSE_M) > limit_m:
            return [
                {
                    "flag": "taken_elsewhere",
                    "distance_m": distance_m,
                    "accuracy_m": accuracy_m,
                    "limit_m": limit_m,
                    "is_by_camera": int(is_by_camera),
                }
            ]
    return []


def _is_old_fix(inputs: Inputs, reading: Reading, policy: Policy) -> bool:
    fix_at = reading.camera_fix_at
    if fix_at is None:
        return False
    moments = camera_moments(inputs, policy.zone) or (inputs.taken.occurred_at,)
    return min(at - fix_at for at in moments) > policy.photo_time_off_min * 60 * _S


def _metres(one: tuple[int, int], other: tuple[int, int]) -> int:
    return -(-distance_cm(Point(*one), Point(*other)) // 100)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * _S)
