"""What a reading found, in plain words for the person who looks at it, with its figures.

Lengths of time in at most two units, minutes of the day as the clock shows them. Metres are rounded
up, as in a verdict. A flag that this version does not know is told by its name and its figures.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from server.days.fact_words import SENTENCES as OF_FACTS
from server.photos.flag_words import SENTENCES as OF_PHOTOS
from sync.flag import Flag
from sync.kinds.visit.day import Closing, VisitReading

_UNITS = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"))
_KM_CM = 100_000


def told_flag(flag: Flag, time_zone: str) -> str:
    """A flag as a sentence without its full stop."""
    name = str(flag["flag"])
    figures = {key: value for key, value in flag.items() if isinstance(value, int)}
    if name in _SENTENCES:
        try:
            return _SENTENCES[name](figures)
        except KeyError:
            # A figure that an older version did not keep.
            return _by_name(name, figures)
    if name == "forgotten_close" and figures.keys() >= {"closed_at", "silent_ms"}:
        return (
            f"nobody went off duty: closed at {told_time(figures['closed_at'], time_zone)}, the last"
            f" sign of work, {told_length(figures['silent_ms'])} before the day ended"
        )
    return _by_name(name, figures)


def told_closing(reading: VisitReading, *, timeout_s: int, is_checked_out: bool) -> str | None:
    """Why a visit is closed that its person did not close; None where they did or it is open."""
    if reading.closing is Closing.NEXT_CHECKIN:
        told = "closed by the next check-in"
        return f"{told}, before its own check-out" if is_checked_out else told
    if reading.closing is Closing.LEFT_FENCE:
        return "closed by the phone on leaving the fence"
    if reading.closing is not Closing.TIMEOUT:
        return None
    if is_checked_out:
        return "closed by the phone, nobody checked out"
    lasted_ms = (reading.closed_at or 0) - (reading.opened_at or 0)
    if lasted_ms < timeout_s * 1000:
        return "nobody checked out before going off duty"
    return f"nobody checked out within {told_length(timeout_s * 1000)}"


def told_time(at_ms: int, time_zone: str) -> str:
    """The time on the company's wall clock."""
    return f"{datetime.fromtimestamp(at_ms // 1000, ZoneInfo(time_zone)):%H:%M}"


def told_length(length_ms: int) -> str:
    """A length of time in its two largest units, what is below them cut off: "4 min 11 s"."""
    if length_ms < 1_000:
        return f"{length_ms} ms"
    for place, (unit_ms, unit) in enumerate(_UNITS):
        if length_ms >= unit_ms:
            whole, rest = divmod(length_ms, unit_ms)
            told = f"{whole} {unit}"
            if place + 1 < len(_UNITS):
                below_ms, below = _UNITS[place + 1]
                if rest >= below_ms:
                    told += f" {rest // below_ms} {below}"
            return told
    raise AssertionError("a second or more has a unit")


def told_distance(length_cm: int) -> str:
    """Metres, rounded up; from a kilometre on kilometres with one digit, rounded up."""
    if length_cm < _KM_CM:
        return f"{-(-length_cm // 100)} m"
    tenths = -(-length_cm // (_KM_CM // 10))
    return f"{tenths // 10:,}.{tenths % 10} km"


def told_cause(cause: str | None) -> str:
    """Why there are no positions, as the phone named it."""
    return _CAUSES.get(cause or "", "the phone does not say why")


_CAUSES = {
    "OFF": "the phone was off",
    "GPS_OFF": "positions were switched off",
    "KILLED": "the app had been ended",
    "NOT_SENT": "not sent yet",
}


def told_minute(minute: int) -> str:
    """A minute of the day as the clock shows it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def nth(number: int) -> str:
    """2 → "2nd"."""
    if number % 100 in {11, 12, 13}:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


_Figures = dict[str, int]


def _by_name(name: str, figures: _Figures) -> str:
    told = ", ".join(f"{key} {value}" for key, value in figures.items())
    return f"{name.replace('_', ' ')}: {told}" if told else name.replace("_", " ")


def _clock_offset(figures: _Figures) -> str:
    offset_ms = figures["offset_ms"]
    return f"the phone's clock was {told_length(abs(offset_ms))} {'slow' if offset_ms > 0 else 'fast'} when sending"


def _clock_changed(figures: _Figures) -> str:
    change_ms = figures["change_ms"]
    way = "forward" if change_ms > 0 else "back"
    return f"the phone's clock was set {told_length(abs(change_ms))} {way} between the event and sending"


def _clock_ahead(figures: _Figures) -> str:
    return f"its time lies {told_length(figures['ahead_ms'])} after it was received"


def _mock_location(figures: _Figures) -> str:
    points = figures.get("points")
    if points is not None:
        return "1 position was simulated" if points == 1 else f"{points:,} positions were simulated"
    where = [
        told
        for key, told in (("check_in", "check-in"), ("check_out", "check-out"))
        if figures.get(key)
    ]
    return "the position was simulated" + (f" at {' and '.join(where)}" if where else "")


def _too_short(figures: _Figures) -> str:
    return f"lasted {told_length(figures['lasted_ms'])}, at least {told_length(figures['limit_ms'])} expected"


def _checked_out_before_in(figures: _Figures) -> str:
    return f"checked out {told_length(figures['before_ms'])} before checking in"


def _outside_working_window(figures: _Figures) -> str:
    return f"at {told_minute(figures['minute'])}, outside of working hours ({_window(figures)})"


def _outside_start_window(figures: _Figures) -> str:
    return f"went on duty at {told_minute(figures['minute'])}, outside of {_window(figures)}"


def _window(figures: _Figures) -> str:
    return f"{told_minute(figures['from_min'])}–{told_minute(figures['until_min'])}"


def _steps_skipped(figures: _Figures) -> str:
    steps = [key.replace("_", " ") for key in figures if key not in {"required", "missing"}]
    named = f": {', '.join(steps)}" if steps else ""
    return f"{figures['missing']} of {figures['required']} required steps missing{named}"


def _overlapping(figures: _Figures) -> str:
    visits = figures["visits"]
    shared = told_length(figures["overlap_ms"])
    if visits == 1:
        return f"shares {shared} with another visit"
    return f"shares up to {shared} with each of {visits} other visits"


def _repeated_store(figures: _Figures) -> str:
    since = told_length(figures["since_ms"])
    return f"the {nth(figures['nth'])} call at this store that day, {since} after the one before"


def _implied_speed(figures: _Figures) -> str:
    elapsed_ms = figures["elapsed_ms"]
    elapsed = told_length(elapsed_ms) if elapsed_ms >= 1_000 else "less than a second"
    told = (
        f"{told_distance(figures['distance_cm'])} in {elapsed} since the position before:"
        f" at least {figures['speed_kmh']:,} km/h, limit {figures['limit_kmh']} km/h"
    )
    accuracy_cm = figures["accuracy_cm"]
    return f"{told} ({told_distance(accuracy_cm)} of accuracy allowed for)" if accuracy_cm else told


def _repeated_fix(figures: _Figures) -> str:
    since = told_length(figures["since_ms"])
    return f"exactly the position of {since} before, for the {nth(figures['nth'])} time"


def _outside_region(figures: _Figures) -> str:
    accuracy = told_distance(figures["accuracy_cm"])
    return f"went on duty {told_distance(figures['outside_cm'])} outside of the region, accuracy {accuracy}"


def _out_of_sequence(figures: _Figures) -> str:
    since_ms = figures["since_ms"]
    if not since_ms:
        return "changes nothing: nobody was on duty"
    return f"changes nothing: pressed {told_length(since_ms)} after the event before"


def _look_alike(figures: _Figures) -> str:
    return f"the same lines as another order at the store, {told_length(figures['apart_ms'])} apart"


def _old_prices(figures: _Figures) -> str:
    return f"the phone's prices were {told_length(figures['age_ms'])} old, limit {told_length(figures['limit_ms'])}"


def _prices_ahead(figures: _Figures) -> str:
    return f"the phone's prices are of {told_length(figures['ahead_ms'])} after the order"


def _answered_late(figures: _Figures) -> str:
    return f"answered {told_length(figures['late_ms'])} after its time was up"


_SENTENCES: dict[str, Callable[[_Figures], str]] = {
    **OF_FACTS,
    **OF_PHOTOS,
    "clock_offset": _clock_offset,
    "clock_changed": _clock_changed,
    "clock_ahead": _clock_ahead,
    "mock_location": _mock_location,
    "too_short": _too_short,
    "checked_out_before_in": _checked_out_before_in,
    "outside_working_window": _outside_working_window,
    "steps_skipped": _steps_skipped,
    "overlapping": _overlapping,
    "repeated_store": _repeated_store,
    "implied_speed": _implied_speed,
    "repeated_fix": _repeated_fix,
    "outside_region": _outside_region,
    "outside_start_window": _outside_start_window,
    "out_of_sequence": _out_of_sequence,
    "look_alike": _look_alike,
    "old_prices": _old_prices,
    "prices_ahead": _prices_ahead,
    "answered_late": _answered_late,
}
NAMED = frozenset({*_SENTENCES, "forgotten_close"})
"""The flags that have words of their own."""
