"""The table at the end of a play, in words that a person can check."""

from collections import Counter
from collections.abc import Iterable, Sequence

from server.play.tally import Tally

_WIDTH = 24
_LINES_OF_FAULT = 20


def report_lines(tally: Tally, notes: Sequence[str] = ()) -> list[str]:
    """The figures of a play, a line each, the notes, and at the end the sentence that decides the exit code."""
    traffic = tally.traffic
    made = tally.faults
    lines = [
        _line("phones", tally.phones),
        _line("items captured", _counts(tally.kinds, total=True)),
        _line("  older than a day", _share(tally.late_a_day, tally.items)),
        _line("  older than a week", _share(tally.late_a_week, tally.items)),
        _line("what they amount to", _amounts(tally.amounts)),
        _line("  by the server", _amounts(tally.amounts_by_server)),
        *(_line(name, told) for name, told in tally.photos.lines()),
        _line("visits by verdict", _counts(tally.verdicts, total=True)),
        _line("flags", _flags(tally)),
        _line("  days read", _days(tally)),
        _line("times", _times(tally)),
        _line("items by result", _counts(tally.statuses)),
        _line("  settled later", _counts(tally.settled)),
        _line("  codes", _counts(tally.codes)),
        _line("resends", f"{tally.resends} items again, {traffic.failures} answers missing"),
        _line(
            "faults made",
            f"{made.sent_twice} requests doubled, {made.newest_first} batches newest first,"
            f" {made.request_lost} requests lost,"
            f" {made.answer_lost} answers lost, {made.body_cut} bodies cut,"
            f" {made.answer_cut} answers cut, {made.socket_stalled} sockets stalled",
        ),
        _line("bytes up", _bytes(traffic.up_raw_bytes, traffic.up_wire_bytes)),
        _line("bytes down", _bytes(traffic.down_raw_bytes, traffic.down_wire_bytes)),
        _line("requests", traffic.requests),
        _line("still unsent", tally.unsent),
        _line("set aside on phones", tally.set_aside),
        _line("phones equal to scope", f"{tally.equal} of {tally.phones}"),
        _line("lost", len(tally.lost)),
        _line("counted twice", len(tally.twice)),
        _line("amounts that differ", len(tally.differing)),
        _line(
            "counted by",
            "pull and database"
            if tally.is_database_counted
            else "pull alone: the database did not answer",
        ),
    ]
    for faults in (tally.lost, tally.twice, tally.differing, tally.unequal):
        lines += _first(faults)
    lines += ["", *notes] if notes else []
    lines += [
        "",
        "good: nothing lost, nothing twice, amounts the same, every phone equal"
        if tally.is_good
        else "NOT good",
    ]
    return lines


def _line(name: str, value: object) -> str:
    return f"{name:<{_WIDTH}}{value}"


def _counts(counter: Counter[str], *, total: bool = False) -> str:
    parts = ", ".join(f"{number} {name}" for name, number in sorted(counter.items()))
    if not parts:
        return "none"
    return f"{counter.total()}: {parts}" if total else parts


def _amounts(counter: Counter[str]) -> str:
    return "; ".join(f"{number:,} {name}" for name, number in sorted(counter.items())) or "nothing"


def _share(part: int, whole: int) -> str:
    return f"{part} ({100 * part / whole:.1f} %)" if whole else "0"


def _flags(tally: Tally) -> str:
    """The flags of records, and with the database those that follow from whole days."""
    if tally.played_days is None:
        return f"{_counts(tally.flags)} (of each visit by itself)"
    return _counts(tally.flags + tally.played_days.flags)


def _days(tally: Tally) -> str:
    """How many days the flags that follow from others are from; on shared ones they overlap."""
    played = tally.played_days
    if played is None:
        return "none"
    told = f"{played.days} of people"
    return f"{told}, {played.shared} with another phone's visits too" if played.shared else told


def _times(tally: Tally) -> str:
    """How far the server's corrected times are from the truth that only the play knows."""
    return (
        "; ".join(
            f"{number} by {trust} (worst {tally.worst_error_ms.get(trust, 0) / 1000:,.1f} s off)"
            for trust, number in sorted(tally.trusts.items())
        )
        or "none"
    )


def _bytes(raw: int, wire: int) -> str:
    return f"{raw:,} raw, {wire:,} on the wire"


def _first(faults: Iterable[str]) -> list[str]:
    lines = [f"  ! {fault}" for fault in faults]
    left = len(lines) - _LINES_OF_FAULT
    return lines[:_LINES_OF_FAULT] + ([f"  ! … and {left} more"] if left > 0 else [])
