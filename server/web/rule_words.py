"""A visiting rule told to people in their language; `server.planning.rule_words` is how commands tell and read it."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from server.language import sentence, tell, told_day, told_weekday_names

_ON_HOLIDAY = {
    "SKIP": sentence("not on holidays"),
    "NEXT": sentence("on the working day after a holiday"),
    "PREVIOUS": sentence("on the working day before a holiday"),
}


def told_rule(rule: Mapping[str, Any], today: date) -> str:
    """When a stop is due: "Mon, Wed · every 2 weeks from the week of Mon, 2 Mar 2026 · not on holidays"."""
    names = told_weekday_names()
    parts = [", ".join(names[day - 1] for day in sorted(rule["weekdays"])), _told_weeks(rule)]
    starts_on = date.fromisoformat(str(rule["starts_on"]))
    if starts_on > today:
        parts.append(tell("begins {day}", day=told_day(starts_on)))
    if rule.get("ends_on"):
        parts.append(tell("until {day}", day=told_day(date.fromisoformat(str(rule["ends_on"])))))
    if rule.get("open_from_min") is not None:
        parts.append(
            tell(
                "between {opens} and {closes}",
                opens=told_minute(rule["open_from_min"]),
                closes=told_minute(rule["open_until_min"]),
            )
        )
    parts.append(tell(_ON_HOLIDAY[rule["on_holiday"]]))
    return " · ".join(parts)


def holiday_choices() -> list[tuple[str, str]]:
    """What becomes of a stop on a holiday, to choose from."""
    return [(name, tell(words)) for name, words in _ON_HOLIDAY.items()]


def told_minute(minute: int) -> str:
    """Minutes of the day as hours and minutes: 510 → "08:30"."""
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _told_weeks(rule: Mapping[str, Any]) -> str:
    weeks, groups = rule["cycle_weeks"], sorted(rule["week_groups"])
    if len(groups) == weeks:
        return tell("every week")
    anchor = told_day(date.fromisoformat(str(rule["anchor"])))
    if groups == [0]:
        return tell("every {weeks} weeks from the week of {day}", weeks=weeks, day=anchor)
    return tell(
        "in week {groups} of every {weeks}, counted from {day}",
        groups=", ".join(str(group + 1) for group in groups),
        weeks=weeks,
        day=anchor,
    )
