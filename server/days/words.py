"""What a reading found, in plain words for the person who looks at it, with its figures.

Lengths of time in at most two units, minutes of the day as the clock shows them. Metres are rounded
up, as in a verdict. A flag that this version does not know is told by its name and its figures.
"""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from server.days.fact_words import SENTENCES as OF_FACTS
from server.language import sentence, tell, tell_number, told_list, told_number
from server.photos.flag_words import SENTENCES as OF_PHOTOS
from server.vocabulary import flag_name, name_of
from sync.flag import Flag
from sync.kinds.visit.day import Closing, VisitReading
from sync.kinds.visit.verdict import COARSE_CM, CheckIn, Verdict

_UNITS = (
    (86_400_000, sentence("{number} d")),
    (3_600_000, sentence("{number} h")),
    (60_000, sentence("{number} min")),
    (1_000, sentence("{number} s")),
)
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
        return tell(
            "nobody went off duty: closed at {at}, the last sign of work, {length} before the day ended",
            at=told_time(figures["closed_at"], time_zone),
            length=told_length(figures["silent_ms"]),
        )
    return _by_name(name, figures)


def told_verdict(checked_in: CheckIn) -> str:
    """Why a check-in has its verdict: "213 m from the pin, accuracy 18 m, fence 200 m".

    Metres are rounded up, so that a distance past the fence never reads as if it were on it.
    """
    accuracy_cm, distance_cm = checked_in.accuracy_cm, checked_in.distance_cm
    if checked_in.verdict is Verdict.UNPINNED:
        return tell("the store has no pin")
    if distance_cm is None or accuracy_cm is None:
        return tell("no position was taken")
    if checked_in.verdict is Verdict.UNCERTAIN:
        return tell(
            "accuracy {accuracy} m is too coarse to tell (at most {limit} m)",
            accuracy=told_number(-(-accuracy_cm // 100)),
            limit=told_number(COARSE_CM // 100),
        )
    return tell(
        "{distance} m from the pin, accuracy {accuracy} m, fence {fence} m",
        distance=told_number(-(-distance_cm // 100)),
        accuracy=told_number(-(-accuracy_cm // 100)),
        fence=told_number(checked_in.radius_m),
    )


def told_closing(reading: VisitReading, *, timeout_s: int, is_checked_out: bool) -> str | None:
    """Why a visit is closed that its person did not close; None where they did or it is open."""
    if reading.closing is Closing.NEXT_CHECKIN:
        return (
            tell("closed by the next check-in, before its own check-out")
            if is_checked_out
            else tell("closed by the next check-in")
        )
    if reading.closing is Closing.LEFT_FENCE:
        return tell("closed by the phone on leaving the fence")
    if reading.closing is not Closing.TIMEOUT:
        return None
    if is_checked_out:
        return tell("closed by the phone, nobody checked out")
    lasted_ms = (reading.closed_at or 0) - (reading.opened_at or 0)
    if lasted_ms < timeout_s * 1000:
        return tell("nobody checked out before going off duty")
    return tell("nobody checked out within {length}", length=told_length(timeout_s * 1000))


def told_time(at_ms: int, time_zone: str) -> str:
    """The time on the company's wall clock."""
    return f"{datetime.fromtimestamp(at_ms // 1000, ZoneInfo(time_zone)):%H:%M}"


def told_length(length_ms: int) -> str:
    """A length of time in its two largest units, what is below them cut off: "4 min 11 s"."""
    if length_ms < 1_000:
        return tell("{number} ms", number=length_ms)
    for place, (unit_ms, unit) in enumerate(_UNITS):
        if length_ms >= unit_ms:
            whole, rest = divmod(length_ms, unit_ms)
            told = tell(unit, number=told_number(whole))
            if place + 1 < len(_UNITS):
                below_ms, below = _UNITS[place + 1]
                if rest >= below_ms:
                    told += " " + tell(below, number=rest // below_ms)
            return told
    raise AssertionError("a second or more has a unit")


def told_distance(length_cm: int) -> str:
    """Metres, rounded up; from a kilometre on kilometres with one digit, rounded up."""
    if length_cm < _KM_CM:
        return tell("{number} m", number=-(-length_cm // 100))
    tenths = -(-length_cm // (_KM_CM // 10))
    number = f"{tenths // 10:,}.{tenths % 10}"
    return tell("{number} km", number=number)


def told_cause(cause: str | None) -> str:
    """Why there are no positions, as the phone named it."""
    return tell(_CAUSES.get(cause or "", sentence("the phone does not say why")))


_CAUSES = {
    "OFF": sentence("the phone was off"),
    "GPS_OFF": sentence("positions were switched off"),
    "KILLED": sentence("the app had been ended"),
    "NOT_SENT": sentence("not sent yet"),
}


def told_minute(minute: int) -> str:
    """A minute of the day as the clock shows it."""
    return f"{minute // 60:02}:{minute % 60:02}"


def nth(number: int) -> str:
    """2 → "2nd"; in Chinese "第 2 次"."""
    end = "th"
    if number % 100 not in {11, 12, 13}:
        end = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return tell(_NTH[end], number=number)


_NTH = {
    "st": sentence("{number}st"),
    "nd": sentence("{number}nd"),
    "rd": sentence("{number}rd"),
    "th": sentence("{number}th"),
}

_Figures = dict[str, int]


def _by_name(name: str, figures: _Figures) -> str:
    told = ", ".join(f"{key} {value}" for key, value in figures.items())
    called = flag_name(name)
    return tell("{first}: {rest}", first=called, rest=told) if told else called


def _clock_offset(figures: _Figures) -> str:
    offset_ms = figures["offset_ms"]
    length = told_length(abs(offset_ms))
    if offset_ms > 0:
        return tell("the phone's clock was {length} slow when sending", length=length)
    return tell("the phone's clock was {length} fast when sending", length=length)


def _clock_changed(figures: _Figures) -> str:
    change_ms = figures["change_ms"]
    length = told_length(abs(change_ms))
    if change_ms > 0:
        return tell(
            "the phone's clock was set {length} forward between the event and sending",
            length=length,
        )
    return tell(
        "the phone's clock was set {length} back between the event and sending", length=length
    )


def _clock_ahead(figures: _Figures) -> str:
    return tell(
        "its time lies {length} after it was received", length=told_length(figures["ahead_ms"])
    )


def _mock_location(figures: _Figures) -> str:
    points = figures.get("points")
    if points is not None:
        return tell_number("1 position was simulated", "{number} positions were simulated", points)
    match bool(figures.get("check_in")), bool(figures.get("check_out")):
        case True, True:
            return tell("the position was simulated at check-in and check-out")
        case True, False:
            return tell("the position was simulated at check-in")
        case False, True:
            return tell("the position was simulated at check-out")
    return tell("the position was simulated")


def _too_short(figures: _Figures) -> str:
    return tell(
        "lasted {length}, at least {limit} expected",
        length=told_length(figures["lasted_ms"]),
        limit=told_length(figures["limit_ms"]),
    )


def _checked_out_before_in(figures: _Figures) -> str:
    return tell("checked out {length} before checking in", length=told_length(figures["before_ms"]))


def _outside_working_window(figures: _Figures) -> str:
    return tell(
        "at {at}, outside of working hours ({window})",
        at=told_minute(figures["minute"]),
        window=_window(figures),
    )


def _outside_start_window(figures: _Figures) -> str:
    return tell(
        "went on duty at {at}, outside of {window}",
        at=told_minute(figures["minute"]),
        window=_window(figures),
    )


def _window(figures: _Figures) -> str:
    return f"{told_minute(figures['from_min'])}–{told_minute(figures['until_min'])}"


def _steps_skipped(figures: _Figures) -> str:
    steps = [name_of(key) for key in figures if key not in {"required", "missing"}]
    told = tell(
        "{missing} of {required} required steps missing",
        missing=figures["missing"],
        required=figures["required"],
    )
    return tell("{first}: {rest}", first=told, rest=told_list(steps)) if steps else told


def _overlapping(figures: _Figures) -> str:
    return tell_number(
        "shares {length} with another visit",
        "shares up to {length} with each of {number} other visits",
        figures["visits"],
        length=told_length(figures["overlap_ms"]),
    )


def _repeated_store(figures: _Figures) -> str:
    return tell(
        "the {nth} call at this store that day, {length} after the one before",
        nth=nth(figures["nth"]),
        length=told_length(figures["since_ms"]),
    )


def _implied_speed(figures: _Figures) -> str:
    elapsed_ms, accuracy_cm = figures["elapsed_ms"], figures["accuracy_cm"]
    elapsed = told_length(elapsed_ms) if elapsed_ms >= 1_000 else tell("less than a second")
    told = tell(
        "{distance} in {elapsed} since the position before: at least {speed} km/h, limit {limit} km/h",
        distance=told_distance(figures["distance_cm"]),
        elapsed=elapsed,
        speed=told_number(figures["speed_kmh"]),
        limit=told_number(figures["limit_kmh"]),
    )
    if not accuracy_cm:
        return told
    return tell(
        "{told} ({accuracy} of accuracy allowed for)",
        told=told,
        accuracy=told_distance(accuracy_cm),
    )


def _repeated_fix(figures: _Figures) -> str:
    return tell(
        "exactly the position of {length} before, for the {nth} time",
        length=told_length(figures["since_ms"]),
        nth=nth(figures["nth"]),
    )


def _outside_region(figures: _Figures) -> str:
    return tell(
        "went on duty {distance} outside of the region, accuracy {accuracy}",
        distance=told_distance(figures["outside_cm"]),
        accuracy=told_distance(figures["accuracy_cm"]),
    )


def _out_of_sequence(figures: _Figures) -> str:
    since_ms = figures["since_ms"]
    if not since_ms:
        return tell("changes nothing: nobody was on duty")
    return tell(
        "changes nothing: pressed {length} after the event before", length=told_length(since_ms)
    )


def _look_alike(figures: _Figures) -> str:
    return tell(
        "the same lines as another order at the store, {length} apart",
        length=told_length(figures["apart_ms"]),
    )


def _old_prices(figures: _Figures) -> str:
    return tell(
        "the phone's prices were {length} old, limit {limit}",
        length=told_length(figures["age_ms"]),
        limit=told_length(figures["limit_ms"]),
    )


def _prices_ahead(figures: _Figures) -> str:
    return tell(
        "the phone's prices are of {length} after the order",
        length=told_length(figures["ahead_ms"]),
    )


def _answered_late(figures: _Figures) -> str:
    return tell("answered {length} after its time was up", length=told_length(figures["late_ms"]))


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
