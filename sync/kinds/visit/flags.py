"""What is odd about a visit taken by itself; what follows from other visits is in `day`.

Flags are evidence for people and never refuse a visit. Times are corrected times in milliseconds.
Source: domain rules, "Visits", "Time" and "Where: the check-in verdict".

    clock_offset, clock_changed, clock_ahead   as the clock's judgement gives them
    mock_location          {check_in, check_out: 1 where the position was mocked}
    too_short              {lasted_ms, limit_ms}
    checked_out_before_in  {before_ms}
    outside_working_window {minute, from_min, until_min}   of the company's day
    steps_skipped          {required, missing, and 1 under the name of each step that is missing}
"""

from collections.abc import Collection, Iterable

from sync.clock import Moment, is_within_window, minute_of_day
from sync.flag import Flag

MIN_VISIT_S = 120


def visit_flags(
    *,
    check_in: Moment,
    check_out: Moment | None,
    is_check_in_mocked: bool = False,
    is_check_out_mocked: bool = False,
    done_steps: Collection[str] = (),
    mandatory_steps: Collection[str] = (),
    min_visit_s: int = MIN_VISIT_S,
    working_window: tuple[int, int, str] | None = None,
) -> tuple[Flag, ...]:
    """Return the flags of one visit, in a fixed order, each with its figures.

    `done_steps` are those whose outcome is DONE; `mandatory_steps` those that the call's template
    requires for the store's channel and class. `working_window` is (from minute, until minute, time
    zone), or None where the company has none. Whether it was too short and which steps are missing
    is asked only of a visit that has ended.
    """
    flags = list(_clock_flags(check_in, check_out))
    if is_check_in_mocked or is_check_out_mocked:
        flags.append(
            {
                "flag": "mock_location",
                "check_in": int(is_check_in_mocked),
                "check_out": int(is_check_out_mocked),
            }
        )
    if working_window is not None:
        from_min, until_min, time_zone = working_window
        minute = minute_of_day(check_in.corrected_at, time_zone)
        if not is_within_window(minute, from_min, until_min):
            flags.append(
                {
                    "flag": "outside_working_window",
                    "minute": minute,
                    "from_min": from_min,
                    "until_min": until_min,
                }
            )
    if check_out is not None:
        lasted = check_out.corrected_at - check_in.corrected_at
        limit = min_visit_s * 1000
        if lasted < 0:
            flags.append({"flag": "checked_out_before_in", "before_ms": -lasted})
        elif lasted < limit:
            flags.append({"flag": "too_short", "lasted_ms": lasted, "limit_ms": limit})
        missing = sorted(set(mandatory_steps).difference(done_steps))
        if missing:
            skipped: Flag = {
                "flag": "steps_skipped",
                "required": len(set(mandatory_steps)),
                "missing": len(missing),
            }
            skipped.update((step.lower(), 1) for step in missing)
            flags.append(skipped)
    return tuple(flags)


def skip_flags(*, skipped: Moment, is_mocked: bool = False) -> tuple[Flag, ...]:
    """Return the flags of a planned visit that was not made; it has no length and no steps."""
    if not is_mocked:
        return skipped.flags
    return (*skipped.flags, {"flag": "mock_location", "check_in": 1, "check_out": 0})


def _clock_flags(check_in: Moment, check_out: Moment | None) -> Iterable[Flag]:
    """Return each clock flag once: where both events have it, the one with the larger size."""
    if check_out is None or not check_out.flags:
        return check_in.flags
    largest: dict[str | int, Flag] = {}
    for flag in (*check_in.flags, *check_out.flags):
        known = largest.get(flag["flag"])
        if known is None or _size(flag) > _size(known):
            largest[flag["flag"]] = flag
    return largest.values()


def _size(flag: Flag) -> int:
    return max((abs(v) for v in flag.values() if isinstance(v, int)), default=0)
