"""Somebody leaves, or returns: what it ends, whose phones it drains and who comes after is shown before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.errors import LeaveDoubtful, NoSuchPerson
from server.identity.leaving import return_person
from server.identity.people_list import (
    Held,
    PeopleAsked,
    PersonFound,
    find_people,
    find_person,
    held_by,
)
from server.identity.returning import Ending, Returned
from server.identity.sessions import Visitor
from server.language import tell, told_day
from server.planning.office_people import (
    HoldingRehearsed,
    PhoneHeld,
    let_go,
    phones_of,
    rehearse_holding,
)
from server.web.choices import people_choices
from server.web.confirmed import is_done
from server.web.desk import FORM_BODY, Desk, draw
from server.web.people_words import ADMINS, REFUSALS, asked_day, told_doubts, told_refused
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Leaver:
    """Somebody who may leave: what they hold or will hold, and their phones."""

    person: PersonFound
    held: list[Held]
    phones: list[PhoneHeld]


def leaving_routes(desk: Desk, routes: Blueprint) -> None:
    """The pages of leaving and returning, below /people."""

    @routes.get("/<uuid:person_id>/leave")
    @desk.page(*ADMINS)
    def ask_leave(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """From which day on, and who gets what they hold."""
        leaver = _leaver(desk, visitor, person_id)
        day = leaver.person.left_on or visitor.today + timedelta(days=1)
        return _leave_page(desk, visitor, leaver, {"left_on": day.isoformat()})

    @routes.post("/<uuid:person_id>/leave")
    @desk.page(*ADMINS, body=FORM_BODY)
    def leave(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """Show what it does; where that is confirmed, do it."""
        form = request.form
        leaver = _leaver(desk, visitor, person_id)
        left_on = asked_day(form, "left_on", visitor.today)
        successors = _successors(leaver, form)
        is_meant = form.get("meant") == "1"

        def change(uow: UnitOfWork) -> None:
            let_go(
                uow,
                visitor.actor,
                person_id,
                left_on=left_on,
                successors=successors,
                is_meant=is_meant,
                today=visitor.today,
            )

        try:
            if is_done(desk, visitor, form, change):
                flash(
                    tell(
                        "{name} is gone from {day} on.",
                        name=leaver.person.name,
                        day=told_day(left_on),
                    ),
                    "notice",
                )
                return redirect(url_for("people.person_page", person_id=person_id), code=303)
            found = rehearse_holding(
                desk.database,
                visitor.company_id,
                change,
                people=[person_id, *successors.values()],
                day=left_on,
                today=visitor.today,
            )
        except LeaveDoubtful as doubtful:
            return _leave_page(desk, visitor, leaver, form, doubts=told_doubts(doubtful))
        except REFUSALS as refused:
            return _leave_page(desk, visitor, leaver, form, told=told_refused(refused))
        return _leave_page(
            desk,
            visitor,
            leaver,
            form,
            found=found,
            is_now=left_on <= visitor.today,
            ends=_ends(desk, visitor, leaver, successors, found),
        )

    _returning_routes(desk, routes)


def _returning_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:person_id>/return")
    @desk.page(*ADMINS)
    def ask_return(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """What coming back does and does not."""
        person = _leaver(desk, visitor, person_id).person
        if person.left_on is None:
            raise NotFound
        return draw("people/return.html", person=person, was_gone=person.left_on <= visitor.today)

    @routes.post("/<uuid:person_id>/return")
    @desk.page(*ADMINS, body=FORM_BODY)
    def come_back(visitor: Visitor, person_id: UUID) -> ResponseReturnValue:
        """They are with the company; what is not as it was before is told."""
        person = _leaver(desk, visitor, person_id).person
        try:
            with desk.database.company(visitor.company_id) as uow:
                returned = return_person(uow, visitor.actor, person_id, today=visitor.today)
        except REFUSALS as refused:
            flash(told_refused(refused), "alert")
        else:
            for tone, words in _told_return(person, returned):
                flash(words, tone)
        return redirect(url_for("people.person_page", person_id=person_id), code=303)


def _leave_page(
    desk: Desk,
    visitor: Visitor,
    leaver: Leaver,
    form: Mapping[str, str],
    *,
    found: HoldingRehearsed | None = None,
    is_now: bool = False,
    ends: list[tuple[str, str, str | None]] | None = None,
    doubts: list[str] | None = None,
    told: str | None = None,
) -> Response:
    with desk.database.reading(visitor.company_id) as uow:
        others = people_choices(
            uow,
            visitor,
            chosen=[form.get(f"to-{one.position_id}") or "" for one in leaver.held],
        )
    return draw(
        "people/leave.html",
        422 if told is not None else 200,
        leaver=leaver,
        form=form,
        others=others,
        found=found,
        is_now=is_now,
        ends=ends or [],
        doubts=doubts,
        told=told,
    )


def _leaver(desk: Desk, visitor: Visitor, person_id: UUID) -> Leaver:
    with desk.database.reading(visitor.company_id) as uow:
        try:
            person = find_person(uow, person_id, today=visitor.today, asker_id=visitor.person_id)
        except NoSuchPerson:
            raise NotFound from None
        held = held_by(uow, person_id, today=visitor.today, asker_id=visitor.person_id)
        return Leaver(
            person,
            [one for one in held if not one.is_over(visitor.today)],
            phones_of(uow, person_id),
        )


def _successors(leaver: Leaver, form: Mapping[str, str]) -> dict[UUID, UUID]:
    """Who gets which position; one that they only stand in at, or that nobody is named for, goes to nobody."""
    return {
        one.position_id: typed_uuid(typed)
        for one in leaver.held
        if not one.is_acting and (typed := form.get(f"to-{one.position_id}"))
    }


def _ends(
    desk: Desk,
    visitor: Visitor,
    leaver: Leaver,
    successors: Mapping[UUID, UUID],
    found: HoldingRehearsed,
) -> list[tuple[str, str, str | None]]:
    """Of each position: its code, until when it is theirs, and who has it then."""
    with desk.database.reading(visitor.company_id) as uow:
        after = find_people(
            uow,
            PeopleAsked(),
            today=visitor.today,
            asker_id=visitor.person_id,
            only=set(successors.values()),
            at_most=len(successors),
        )
    names = {one.id: one.name for one in after}
    last_day = max(found.day, visitor.today) - timedelta(days=1)
    told = []
    for one in leaver.held:
        if one.ends_on is not None and one.ends_on <= last_day:
            continue
        until = (
            tell("taken away: it would only have begun")
            if one.starts_on > last_day
            else tell("until {day}", day=told_day(last_day))
        )
        successor = successors.get(one.position_id)
        told.append((one.code, until, None if successor is None else names[successor]))
    return told


def _told_return(person: PersonFound, returned: Returned) -> list[tuple[str, str]]:
    """What is told after a return: first that it is done, then what is not as it was."""
    told = [("notice", tell("{name} is with the company.", name=person.name))]
    told += [("alert", _told_ending(end)) for end in returned.ending]
    told += [
        (
            "alert",
            tell(
                "{position} from {day} on was taken away when they were to leave: give it to them again.",
                position=taken.code,
                day=told_day(taken.first_day),
            ),
        )
        for taken in returned.taken_away
    ]
    if returned.was_gone:
        told.append(
            ("alert", tell("Positions, and codes for phones that were wiped, are given anew."))
        )
    return told


def _told_ending(end: Ending) -> str:
    if end.next_holder:
        return tell(
            "{position} is theirs until {day}, then held by {name}.",
            position=end.code,
            day=told_day(end.last_day),
            name=end.next_holder,
        )
    return tell(
        "{position} is theirs until {day}: give it to them again.",
        position=end.code,
        day=told_day(end.last_day),
    )
