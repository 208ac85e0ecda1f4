"""A visiting rule in words, told and read: "mon,wed every 2 weeks from 2026-03-02, not on holidays"."""

import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from server.language import Said
from server.planning.errors import StopsInvalid

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ON_HOLIDAY = {
    "SKIP": "not on holidays",
    "NEXT": "on the working day after a holiday",
    "PREVIOUS": "on the working day before a holiday",
}
_DAY = r"\d{4}-\d{2}-\d{2}"
_TIME = r"([01]\d|2[0-4]):([0-5]\d)"
_WORDS = re.compile(
    rf"""
    (?P<days> [a-z]+ (?: [\s,;]+ [a-z]+ )*? )
    (?: \s+ every \s+ (?: week | (?P<every> \d) \s+ weeks ) )?
    (?: ,? \s+ counted \s+ from \s+ (?P<mondays> {_DAY} (?: (?: ,? \s+ and \s+ | , \s* ) {_DAY} )* ) )?
    ,? \s+ from \s+ (?P<starts> {_DAY})
    (?: \s+ to \s+ (?P<ends> {_DAY}) )?
    (?: ,? \s+ between \s+ (?P<opens> {_TIME}) \s+ and \s+ (?P<closes> {_TIME}) )?
    (?: ,? \s+ (?P<holiday> not \s+ on \s+ holidays
        | on \s+ the \s+ working \s+ day \s+ (?: after | before ) \s+ a \s+ holiday ) )?
    """,
    re.VERBOSE | re.IGNORECASE,
)
FORM = "mon,wed every 2 weeks from 2026-03-02, not on holidays"


def read_rule_words(words: str) -> dict[str, Any]:
    """The rule (`Rule` in PROTOCOL.md) that the words say, as `told_rule` tells it. Raises StopsInvalid.

    Weeks are counted from the Monday of the first day unless others are named; a holiday is left out
    unless it says otherwise.
    """
    found = _WORDS.fullmatch(" ".join(words.split()))
    if found is None:
        raise StopsInvalid(Said("a rule is written as: {form}", form=FORM))
    days = [day[:3].lower() for day in re.split(r"[\s,;]+", found["days"])]
    if not all(day in WEEKDAYS for day in days) or len(set(days)) != len(days):
        raise StopsInvalid(Said("weekdays are {choices}, each once", choices=",".join(WEEKDAYS)))
    weeks = int(found["every"] or 1)
    starts_on = _read_day(found["starts"])
    named = re.findall(_DAY, found["mondays"]) if found["mondays"] else [found["starts"]]
    mondays = sorted({_monday(_read_day(day)) for day in named})
    groups = sorted({(monday - mondays[0]).days // 7 for monday in mondays})
    if not 1 <= weeks <= 8 or groups[-1] >= weeks:
        raise StopsInvalid(
            Said("a cycle has 1 to 8 weeks, and is counted from Mondays within one cycle")
        )
    ends_on = None if found["ends"] is None else _read_day(found["ends"])
    if ends_on is not None and ends_on < starts_on:
        raise StopsInvalid(Said("a rule ends on its first day or later"))
    holiday = " ".join((found["holiday"] or _ON_HOLIDAY["SKIP"]).lower().split())
    return {
        "weekdays": sorted(WEEKDAYS.index(day) + 1 for day in days),
        "cycle_weeks": weeks,
        "week_groups": groups,
        "anchor": mondays[0].isoformat(),
        "starts_on": starts_on.isoformat(),
        "ends_on": None if ends_on is None else ends_on.isoformat(),
        "on_holiday": next(name for name, said in _ON_HOLIDAY.items() if said == holiday),
        "open_from_min": _read_minute(found["opens"]),
        "open_until_min": _read_minute(found["closes"]),
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


def _read_day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise StopsInvalid(Said("{text} is no day", text=text)) from None


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _read_minute(text: str | None) -> int | None:
    if text is None:
        return None
    hours, minutes = map(int, text.split(":"))
    return hours * 60 + minutes


def _told_minute(minute: int) -> str:
    return f"{minute // 60:02d}:{minute % 60:02d}"
