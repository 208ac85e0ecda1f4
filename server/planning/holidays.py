"""The company's calendar: days that are not worked, and days that are worked whatever their weekday.

They are set by hand or loaded from a country's calendar. What the company set itself wins over what is
loaded, and loading again brings what was loaded up to what the calendar says now: a year is often
announced in parts. Each change is logged, and plans from today on follow.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.identity.change_log import Actor, log_changes
from server.language import Said
from server.planning.errors import CodeTaken, FieldInvalid
from server.planning.replanning import plan_everything_again
from sync.unit_of_work import UnitOfWork

NAME_LENGTH_MAX = 200
YEARS = range(2000, 2101)
WORKED_NAME = "Worked weekend"

_HELD = """
select day, name, is_worked, calendar from holiday
where company_id = :company and day = any(:days) order by day for update
"""
_OF_YEAR = """
select day, name, is_worked, calendar from holiday
where company_id = :company and day between :first and :last order by day
"""
_LIST = """
select day, name, is_worked, calendar from holiday
where company_id = :company and day between :first and :last
  and (cast(:after as date) is null or day > :after)
order by day limit :at_most
"""
_STOPS_PLANNED = """
select count(*) as stops from day_plan p
join day_plan_stop s on s.company_id = p.company_id and s.day_plan_id = p.id and s.plan_version = p.plan_version
where p.company_id = :company and p.day = any(:days)
"""
_SET = """
insert into holiday (company_id, day, name, is_worked, calendar)
select :company, r.day, r.name, r.is_worked, r.calendar
from unnest(cast(:days as date[]), cast(:names as text[]), cast(:worked as boolean[]),
            cast(:calendars as text[])) as r(day, name, is_worked, calendar)
on conflict (company_id, day) do update
set name = excluded.name, is_worked = excluded.is_worked, calendar = excluded.calendar
"""
_REMOVE = "delete from holiday where company_id = :company and day = any(:days)"


@dataclass(frozen=True, slots=True)
class CalendarDay:
    """A day that is unlike its weekday: a holiday, or one that is worked all the same.

    `calendar` is where it was loaded from, as CN or DE-BY; None where the company set it itself.
    """

    day: date
    name: str
    is_worked: bool = False
    calendar: str | None = None


@dataclass(frozen=True, slots=True)
class CalendarChanges:
    """What loading does: days that come, that change (before, after), that go, and days of the country
    on which the company has set something of its own, which stays.
    """

    added: tuple[CalendarDay, ...]
    changed: tuple[tuple[CalendarDay, CalendarDay], ...]
    removed: tuple[CalendarDay, ...]
    own: tuple[CalendarDay, ...]
    unchanged: int


@dataclass(frozen=True, slots=True)
class Country:
    """A country whose calendar is known: its parts with days of their own, and the languages of its names."""

    code: str
    subdivisions: tuple[str, ...]
    languages: tuple[str, ...]


def known_countries() -> dict[str, Country]:
    """The countries whose calendars are known, by their codes of two letters."""
    import holidays

    spoken = holidays.list_localized_countries()
    return {
        code: Country(code, tuple(parts), tuple(spoken.get(code, ())))
        for code, parts in holidays.list_supported_countries().items()
        if len(code) == 2
    }


def calendar_of(country: str, subdivision: str | None) -> str:
    """What the calendar of a country, or of a part of it, is called where days are loaded from it."""
    return "-".join(filter(None, (country.strip().upper(), subdivision)))


def list_days(
    uow: UnitOfWork, year: int, *, after: date | None = None, at_most: int = 400
) -> list[CalendarDay]:
    """The days of a year that are unlike their weekday, in their order. Raises FieldInvalid."""
    if year not in YEARS:
        raise FieldInvalid(Said("year: from {first} to {last}", first=YEARS[0], last=YEARS[-1]))
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        first=date(year, 1, 1),
        last=date(year, 12, 31),
        after=after,
        at_most=at_most,
    )
    return [CalendarDay(*row) for row in rows]


def find_day(uow: UnitOfWork, day: date) -> CalendarDay | None:
    """What is set for a day, if anything."""
    rows = uow.rows(_OF_YEAR, company=uow.company_id, first=day, last=day)
    return CalendarDay(*rows[0]) if rows else None


def country_days(
    country: str, year: int, *, subdivision: str | None = None, language: str | None = None
) -> list[CalendarDay]:
    """The public holidays of a country in a year, and the weekends that it works for them, by day.

    Country and subdivision are codes of ISO 3166; names are in the country's language unless another
    is asked for. Raises FieldInvalid, saying what there is to choose from.
    """
    import holidays

    countries = holidays.list_supported_countries()
    asked = country.strip().upper()
    if asked not in countries:
        raise FieldInvalid(
            Said(
                "country: {country!r} is no ISO 3166 code of a country that is known",
                country=country,
            )
        )
    if year not in YEARS:
        raise FieldInvalid(Said("year: from {first} to {last}", first=YEARS[0], last=YEARS[-1]))
    if subdivision is not None and subdivision not in countries[asked]:
        known = ", ".join(countries[asked]) or Said("none")
        raise FieldInvalid(
            Said("subdivision: of {asked} these are known: {known}", asked=asked, known=known)
        )
    spoken = holidays.list_localized_countries().get(asked, [])
    if language is not None and language not in spoken:
        known = ", ".join(spoken) or Said("only its own")
        raise FieldInvalid(
            Said("language: for {asked} these are known: {known}", asked=asked, known=known)
        )
    # Where none is named, the package would follow the locale of whatever process asks.
    named = language or getattr(holidays, asked).default_language
    # A weekend may be worked for a holiday of the year beside.
    found = holidays.country_holidays(
        asked, subdiv=subdivision, years=(year - 1, year, year + 1), language=named
    )
    calendar = asked if subdivision is None else f"{asked}-{subdivision}"
    days = {
        day: CalendarDay(day, name[:NAME_LENGTH_MAX], calendar=calendar)
        for day, name in found.items()
        if day.year == year
    }
    for day in getattr(found, "weekend_workdays", ()):
        if day.year == year and day not in days:
            days[day] = CalendarDay(day, WORKED_NAME, is_worked=True, calendar=calendar)
    return [days[day] for day in sorted(days)]


def compare_days(
    held: Iterable[CalendarDay], wanted: Sequence[CalendarDay], calendar: str
) -> CalendarChanges:
    """What bringing a year's days up to a calendar does. What another calendar or the company itself
    has set stays.
    """
    by_day = {each.day: each for each in held}
    added, changed, own = [], [], []
    unchanged = 0
    for each in wanted:
        before = by_day.get(each.day)
        if before is None:
            added.append(each)
        elif before.calendar is None:
            own.append(before)
        elif before == each or before.calendar != calendar:
            unchanged += 1
        else:
            changed.append((before, each))
    still = {each.day for each in wanted}
    removed = [d for d in by_day.values() if d.calendar == calendar and d.day not in still]
    return CalendarChanges(tuple(added), tuple(changed), tuple(removed), tuple(own), unchanged)


def preview_country(
    uow: UnitOfWork, wanted: Sequence[CalendarDay], calendar: str, year: int
) -> CalendarChanges:
    """What `load_country` would do; nothing is written."""
    rows = uow.rows(
        _OF_YEAR, company=uow.company_id, first=date(year, 1, 1), last=date(year, 12, 31)
    )
    return compare_days([CalendarDay(*row) for row in rows], wanted, calendar)


def load_country(
    uow: UnitOfWork,
    actor: Actor,
    wanted: Sequence[CalendarDay],
    calendar: str,
    year: int,
    *,
    today: date,
) -> CalendarChanges:
    """Bring a year up to the days of a country (`country_days`); plans from today on follow."""
    changes = preview_country(uow, wanted, calendar, year)
    set_days(
        uow,
        actor,
        {
            **{each.day: each for each in changes.added},
            **{after.day: after for _, after in changes.changed},
            **{each.day: None for each in changes.removed},
        },
        today=today,
    )
    return changes


def set_days(
    uow: UnitOfWork, actor: Actor, days: Mapping[date, CalendarDay | None], *, today: date
) -> list[date]:
    """Make these days so, or ordinary again where None; the days that differ. Raises FieldInvalid.

    Each is logged; plans from today on follow once, whatever the number of days.
    """
    wanted = {
        day: None
        if each is None
        else CalendarDay(day, checked_name(each.name), each.is_worked, each.calendar)
        for day, each in sorted(days.items())
    }
    held = {
        row.day: CalendarDay(*row)
        for row in uow.rows(_HELD, company=uow.company_id, days=list(wanted))
    }
    differing = [day for day, each in wanted.items() if held.get(day) != each]
    written = [each for day in differing if (each := wanted[day]) is not None]
    removed = [day for day in differing if wanted[day] is None]
    if written:
        uow.run(
            _SET,
            company=uow.company_id,
            days=[each.day for each in written],
            names=[each.name for each in written],
            worked=[each.is_worked for each in written],
            calendars=[each.calendar for each in written],
        )
    if removed:
        uow.run(_REMOVE, company=uow.company_id, days=removed)
    for action, chosen in (
        ("holiday.add", [d for d in differing if d not in held]),
        ("holiday.change", [d for d in differing if d in held and wanted[d] is not None]),
        ("holiday.remove", removed),
    ):
        log_changes(
            uow,
            actor,
            action,
            "holiday",
            ((d.isoformat(), _told(held.get(d)), _told(wanted[d])) for d in chosen),
        )
    if differing:
        plan_everything_again(uow, today)
    return differing


def add_holiday(
    uow: UnitOfWork, actor: Actor, day: date, name: str, *, today: date, is_worked: bool = False
) -> None:
    """A day on which the company does not work, or with `is_worked` one that it works whatever its
    weekday. Raises CodeTaken where the company has set something for the day; what was loaded from a
    country's calendar gives way.
    """
    held = uow.rows(_HELD, company=uow.company_id, days=[day])
    if held and held[0].calendar is None:
        raise CodeTaken(
            Said("{day} is worked already: {name}", day=day, name=held[0].name)
            if held[0].is_worked
            else Said("{day} is a holiday already: {name}", day=day, name=held[0].name)
        )
    set_days(uow, actor, {day: CalendarDay(day, name, is_worked)}, today=today)


def remove_holiday(uow: UnitOfWork, actor: Actor, day: date, *, today: date) -> None:
    """A day that is like its weekday after all. Raises FieldInvalid where it is so already."""
    if not set_days(uow, actor, {day: None}, today=today):
        raise FieldInvalid(Said("{day} is no holiday", day=day))


def stops_planned(uow: UnitOfWork, days: Collection[date], *, today: date) -> int:
    """How many stops plans have on those of these days that are not over. One statement."""
    ahead = [day for day in days if day >= today]
    if not ahead:
        return 0
    return int(uow.rows(_STOPS_PLANNED, company=uow.company_id, days=ahead)[0].stops)


def checked_name(name: str) -> str:
    """The name, its spaces put in order. Raises FieldInvalid."""
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= NAME_LENGTH_MAX or not clean.isprintable():
        raise FieldInvalid(Said("name: 1 to {most} printable characters", most=NAME_LENGTH_MAX))
    return clean


def _told(each: CalendarDay | None) -> dict[str, Any] | None:
    if each is None:
        return None
    return {
        "day": each.day,
        "name": each.name,
        "is_worked": each.is_worked,
        "calendar": each.calendar,
    }
