"""What a camera wrote beside its picture, as far as it can be believed in form.

Everything in EXIF is what anybody may write there: each value is taken within its bounds or left out, and a
value that is there and cannot be one is a remark. Tags: EXIF 2.32 (CIPA DC-008), tables 4 to 15.
"""

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from server.photos.facts import Camera, Remark

_ORIENTATION = 0x0112
_MAKE, _MODEL, _SOFTWARE = 0x010F, 0x0110, 0x0131
_TIMES = ((0x9003, 0x9011), (0x9004, 0x9012))  # original, digitized: each with its offset
_LAT_REF, _LAT, _LON_REF, _LON = 1, 2, 3, 4
_GPS_TIME, _GPS_DAY, _GPS_ERROR = 7, 29, 31
_YEARS = range(1990, 2100)
_SAID_MAX = 100
_MOMENT = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_DAY = re.compile(r"(\d{4})[:\-/](\d\d)[:\-/](\d\d)")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)")

Tags = Mapping[int, Any]
Note = Callable[[Remark], None]


def orientation_of(main: Tags, note: Note) -> int:
    """How the picture is turned: 1 to 8, and 1 where it does not say or says something else."""
    value = main.get(_ORIENTATION)
    if value is None:
        return 1
    if isinstance(value, int) and 1 <= value <= 8:
        return value
    note("orientation_broken")
    return 1


def camera_of(main: Tags, exif: Tags, gps: Tags, note: Note) -> Camera:
    """The camera's part of the facts, from the three directories of EXIF."""
    taken_at, offset_min = _taken(exif, note)
    lat_e7, lon_e7 = _position(gps, note)
    return Camera(
        taken_at=taken_at,
        offset_min=offset_min,
        fix_at=_fix_at(gps),
        lat_e7=lat_e7,
        lon_e7=lon_e7,
        accuracy_m=None if lat_e7 is None else _accuracy_m(gps),
        make=_said(main.get(_MAKE)),
        model=_said(main.get(_MODEL)),
        software=_said(main.get(_SOFTWARE)),
    )


def _taken(exif: Tags, note: Note) -> tuple[str | None, int | None]:
    for tag, offset_tag in _TIMES:
        text = _text(exif.get(tag))
        if text is None or not text.strip(" :0"):
            continue  # blanks and zeros are how EXIF says that it does not know
        moment = _moment(text)
        if moment is None:
            note("camera_time_broken")
            continue
        return moment.isoformat(timespec="seconds"), _offset_min(exif.get(offset_tag), note)
    return None, None


def _moment(text: str) -> datetime | None:
    found = _MOMENT.match(text.strip())
    if found is None:
        return None
    try:
        moment = datetime(*map(int, found.groups()))  # type: ignore[arg-type] # noqa: DTZ001 - it has no zone
    except ValueError:
        return None
    return moment if moment.year in _YEARS else None


def _offset_min(value: Any, note: Note) -> int | None:
    text = _text(value)
    if text is None or not text.strip(" :"):
        return None
    if text.strip().upper() == "Z":
        return 0
    found = _OFFSET.fullmatch(text.strip())
    if found is not None:
        minutes = int(found[2]) * 60 + int(found[3])
        if int(found[3]) < 60 and minutes <= 14 * 60:
            return -minutes if found[1] == "-" else minutes
    note("camera_time_broken")
    return None


def _fix_at(gps: Tags) -> str | None:
    day = _DAY.match((_text(gps.get(_GPS_DAY)) or "").strip())
    parts = _numbers(gps.get(_GPS_TIME), 3)
    if day is None or parts is None:
        return None
    try:
        start = datetime(*map(int, day.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        return None
    hours, minutes, seconds = parts
    since_s = math.floor(hours * 3600 + minutes * 60 + seconds)
    if start.year not in _YEARS or not 0 <= since_s <= 24 * 3600:
        return None
    return (start + timedelta(seconds=since_s)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _position(gps: Tags, note: Note) -> tuple[int | None, int | None]:
    if _LAT not in gps and _LON not in gps:
        return None, None
    lat_e7 = _degrees_e7(gps.get(_LAT), gps.get(_LAT_REF), "NS", 90)
    lon_e7 = _degrees_e7(gps.get(_LON), gps.get(_LON_REF), "EW", 180)
    # 0, 0 is in the sea, and is what a phone without a fix writes.
    if lat_e7 is None or lon_e7 is None or (lat_e7, lon_e7) == (0, 0):
        note("camera_position_broken")
        return None, None
    return lat_e7, lon_e7


def _degrees_e7(value: Any, side: Any, sides: str, most: int) -> int | None:
    parts = _numbers(value, 3)
    letter = (_text(side) or "").strip().upper()[:1]
    if parts is None or letter not in sides or not letter:
        return None
    degrees, minutes, seconds = parts
    if min(parts) < 0 or minutes >= 60 or seconds >= 60:
        return None
    found = degrees + minutes / 60 + seconds / 3600
    if found > most:
        return None
    return round(-found * 1e7 if letter == sides[1] else found * 1e7)


def _accuracy_m(gps: Tags) -> int | None:
    parts = _numbers((gps.get(_GPS_ERROR),), 1)
    if parts is None or not 0 <= parts[0] <= 1_000_000:
        return None
    return math.ceil(parts[0])


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """So many finite numbers; a fraction over zero is none."""
    if not isinstance(value, tuple) or len(value) != count:
        return None
    try:
        found = tuple(float(one) for one in value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if all(map(math.isfinite, found)) else None


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return value.partition("\x00")[0] if isinstance(value, str) else None


def _said(value: Any) -> str | None:
    """A name as a person may read it: printable, without blanks around, cut at 100 letters."""
    text = "".join(letter for letter in _text(value) or "" if letter.isprintable())
    return text.strip()[:_SAID_MAX].strip() or None
