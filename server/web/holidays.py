"""The company's calendar: days that are not worked, and weekends that are; by hand, or loaded from a country's calendar."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_day, told_language, told_territory
from server.planning.errors import PlanningError
from server.planning.holidays import (
    NAME_LENGTH_MAX,
    YEARS,
    CalendarChanges,
    CalendarDay,
    Country,
    add_holiday,
    calendar_of,
    country_days,
    find_day,
    known_countries,
    list_days,
    load_country,
    preview_country,
    remove_holiday,
    stops_planned,
)
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.people_words import ADMINS, READERS, asked_day, told_refused
from server.web.typed import typed_day


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which calendar of which year somebody asks for."""

    year: int
    country: str = ""
    subdivision: str | None = None
    language: str | None = None

    @property
    def calendar(self) -> str:
        return calendar_of(self.country, self.subdivision)

    def days(self) -> list[CalendarDay]:
        """Raises FieldInvalid."""
        return country_days(
            self.country, self.year, subdivision=self.subdivision, language=self.language
        )


def _columns(*, may_set: bool) -> tuple[Column[CalendarDay], ...]:
    found: list[Column[CalendarDay]] = [
        Column(sentence("Day"), lambda each: told_day(each.day), lambda each: each.day),
        Column(sentence("Name"), lambda each: each.name, lambda each: each.name),
        Column(
            sentence("What"),
            lambda each: (
                Badge(tell("worked"), "good") if each.is_worked else Badge(tell("free|day"))
            ),
            lambda each: "worked" if each.is_worked else "free",
        ),
        Column(
            sentence("Set by"),
            lambda each: each.calendar or tell("by hand"),
            lambda each: each.calendar,
        ),
    ]
    if may_set:
        found.append(
            Column(
                sentence("Change"),
                lambda each: Link(
                    tell("Take it out"), url_for("holidays.ask_remove", day=each.day.isoformat())
                ),
                lambda _each: None,
            )
        )
    return tuple(found)


def holiday_routes(desk: Desk) -> Blueprint:
    """/calendar and what is below it."""
    routes = Blueprint("holidays", __name__, url_prefix="/calendar")

    @routes.get("/")
    @desk.page(*READERS)
    def year(visitor: Visitor) -> ResponseReturnValue:
        """The days of a year that are unlike their weekday."""
        asked = _year(request.args.get("year"), visitor.today.year)
        may_set = visitor.has_role(*ADMINS)
        is_file = request.args.get("format") is not None

        read = pages_of(
            lambda uow, after, at_most: list_days(
                uow,
                asked,
                after=after,
                at_most=at_most,
            ),
            lambda one: one.day.isoformat(),
            date.fromisoformat,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="calendar",
                columns=_columns(may_set=may_set and not is_file),
                read=read,
                nothing=sentence("No day of this year is unlike its weekday."),
            ),
            "holidays/year.html",
            year=asked,
            years=(asked - 1, asked + 1),
            is_year=lambda number: number in YEARS,
            may_set=may_set,
        )

    @routes.get("/new")
    @desk.page(*ADMINS)
    def ask_add(visitor: Visitor) -> ResponseReturnValue:
        """The form of a day."""
        return _day_form({"day": visitor.today.isoformat()})

    @routes.post("/new")
    @desk.page(*ADMINS, body=FORM_BODY)
    def add(visitor: Visitor) -> ResponseReturnValue:
        """A day that is not worked, or one that is all the same."""
        form = request.form
        day = asked_day(form, "day", visitor.today)
        if day.year not in YEARS:
            return _day_form(form, tell("A year is from 2000 to 2100."))
        try:
            with desk.database.company(visitor.company_id) as uow:
                stops = stops_planned(uow, [day], today=visitor.today)
                add_holiday(
                    uow,
                    visitor.actor,
                    day,
                    form.get("name", ""),
                    is_worked=form.get("worked") == "1",
                    today=visitor.today,
                )
        except PlanningError as refused:
            return _day_form(
                form,
                tell("The company has set something for this day already: take that out first.")
                if refused.code == "code_taken"
                else told_refused(refused),
            )
        flash(f"{tell('Saved. Plans from today on follow.')} {_stops_told(stops)}", "notice")
        return redirect(url_for("holidays.year", year=day.year), code=303)

    @routes.get("/<day>/remove")
    @desk.page(*ADMINS)
    def ask_remove(visitor: Visitor, day: str) -> ResponseReturnValue:
        """What taking a day out does."""
        with desk.database.reading(visitor.company_id) as uow:
            held = find_day(uow, typed_day(day))
            if held is None:
                raise NotFound
            stops = stops_planned(uow, [held.day], today=visitor.today)
        return draw("holidays/remove.html", each=held, stops=_stops_told(stops))

    @routes.post("/<day>/remove")
    @desk.page(*ADMINS, body=FORM_BODY)
    def remove(visitor: Visitor, day: str) -> ResponseReturnValue:
        """The day is like its weekday again."""
        chosen = typed_day(day)
        try:
            with desk.database.company(visitor.company_id) as uow:
                remove_holiday(uow, visitor.actor, chosen, today=visitor.today)
        except PlanningError:
            raise NotFound from None
        flash(tell("Taken out. Plans from today on follow."), "notice")
        return redirect(url_for("holidays.year", year=chosen.year), code=303)

    _loading_routes(desk, routes)
    return routes


def _loading_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/load")
    @desk.page(*ADMINS)
    def ask_load(visitor: Visitor) -> ResponseReturnValue:
        """Which country's calendar, and what loading it would do."""
        return _load_page(desk, visitor, _wanted(request.args, visitor))

    @routes.post("/load")
    @desk.page(*ADMINS, body=FORM_BODY)
    def load(visitor: Visitor) -> ResponseReturnValue:
        """Bring the year up to the calendar."""
        wanted = _wanted(request.form, visitor)
        try:
            with desk.database.company(visitor.company_id) as uow:
                changes = load_country(
                    uow,
                    visitor.actor,
                    wanted.days(),
                    wanted.calendar,
                    wanted.year,
                    today=visitor.today,
                )
        except PlanningError as refused:
            return _load_page(desk, visitor, wanted, told_refused(refused))
        number = len(changes.added) + len(changes.changed) + len(changes.removed)
        flash(
            tell_number(
                "One day is changed. Plans from today on follow.",
                "{number} days are changed. Plans from today on follow.",
                number,
            ),
            "notice",
        )
        return redirect(url_for("holidays.year", year=wanted.year), code=303)


def _stops_told(number: int) -> str:
    """What plans have just now on the days that are meant."""
    if not number:
        return tell("No stop is planned there yet.")
    return tell_number(
        "One stop that is planned there is planned anew.",
        "{number} stops that are planned there are planned anew.",
        number,
    )


def _load_page(desk: Desk, visitor: Visitor, wanted: Wanted, told: str | None = None) -> Response:
    countries = known_countries()
    country: Country | None = countries.get(wanted.country)
    changes: CalendarChanges | None = None
    stops = ""
    if wanted.country and told is None:
        try:
            with desk.database.reading(visitor.company_id) as uow:
                changes = preview_country(uow, wanted.days(), wanted.calendar, wanted.year)
                days = [each.day for each in (*changes.added, *changes.removed)]
                days += [after.day for _, after in changes.changed]
                stops = _stops_told(stops_planned(uow, days, today=visitor.today))
        except PlanningError as refused:
            told = told_refused(refused)
    return draw(
        "holidays/load.html",
        422 if told is not None else 200,
        wanted=wanted,
        countries=sorted(
            ((code, told_territory(code)) for code in countries), key=lambda one: one[1]
        ),
        subdivisions=[] if country is None else country.subdivisions,
        name_languages=[]
        if country is None
        else [(code, told_language(code)) for code in country.languages],
        changes=changes,
        stops=stops,
        told=told,
    )


def _day_form(form: Mapping[str, str], told: str | None = None) -> Response:
    return draw(
        "holidays/day.html",
        422 if told is not None else 200,
        form=form,
        told=told,
        name_max=NAME_LENGTH_MAX,
    )


def _wanted(asked: Mapping[str, str], visitor: Visitor) -> Wanted:
    return Wanted(
        _year(asked.get("year"), visitor.today.year),
        asked.get("country", "")[:10].strip().upper(),
        asked.get("subdivision", "")[:40] or None,
        asked.get("language", "")[:20] or None,
    )


def _year(typed: str | None, otherwise: int) -> int:
    if not typed:
        return otherwise
    if not typed.isdecimal() or len(typed) != 4 or int(typed) not in YEARS:
        raise NotFound
    return int(typed)
