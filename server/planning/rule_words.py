"""A visiting rule in words: "mon,wed every 2 weeks from 2026-03-02, not on holidays"."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ON_HOLIDAY = {
    "SKIP": "not on holidays",
    "NEXT": "on the working day after a holiday",
    "PREVIOUS": "on the working day before a holiday",
}


def told_rule(rule: Mapping[str, Any]) -> str:
    """When a stop is due by its rule (`Rule` in PROTOCOL.md)."""
    words = [
        ",".join(WEEKDAYS[day - 1] for day in sorted(rule["weekdays"])),
        *_told_weeks(rule),
        f"from {rule['starts_on']}",
    ]
    if rule.get("ends_on"):
        words.append(f"to {rule['ends_on']}")
    if rule.get("open_from_min") is not None:
        window = (_told_minute(rule["open_from_min"]), _told_minute(rule["open_until_min"]))
        words.append("between {} and {}".format(*window))
    return f"{' '.join(words)}, {_ON_HOLIDAY[rule['on_holiday']]}"


def _told_weeks(rule: Mapping[str, Any]) -> Iterator[str]:
    """Weeks of a cycle are told by the Mondays that they begin with the first time, where the first
    day of the rule does not tell the same.
    """
    weeks, groups = rule["cycle_weeks"], sorted(rule["week_groups"])
    if len(groups) == weeks:
        yield "every week"
        return
    yield f"every {weeks} weeks"
    anchor = date.fromisoformat(str(rule["anchor"]))
    firsts = [str(anchor + timedelta(weeks=group)) for group in groups]
    if firsts != [str(rule["starts_on"])]:
        yield f"counted from {' and '.join(firsts)},"


def _told_minute(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
