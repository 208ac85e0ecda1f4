"""Errands: what takes longer than a page may, how far a worker is with it, and what came of it.

An errand is shown to whoever asked for it. Its page can be left; the pages that it is of tell where it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.errands.asked import Errand, cancel_errand, confirm_errand, list_errands, read_errand
from server.errands.errors import NoSuchErrand, NotNow
from server.identity.sessions import Visitor
from server.language import sentence, tell
from server.planning.region_errand import REDRAW, read_change, read_redraw
from server.quarantine.release_errand import RELEASE, read_came
from server.quarantine.words import code_words
from server.web.desk import FORM_BODY, Desk, draw
from server.web.menu import ADMIN, PLANNERS
from server.web.region_words import told_ground
from sync.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Shown:
    """How errands of a kind are shown: to whom, what they are called, from which page they come, and their report.

    What an earlier version kept in another form is shown as nothing.
    """

    roles: tuple[str, ...]
    title: str
    back: str
    back_words: str
    report: str
    called: Callable[[Errand], str | None]
    read: Callable[[Errand], Mapping[str, Any] | None]
    # Instead of what is said of every errand in this state.
    words: Mapping[str, str]


def _redrawn(errand: Errand) -> Mapping[str, Any] | None:
    found = read_change(errand.report)
    return None if found is None else {"found": found, "told_ground": told_ground}


def _name_redrawn(errand: Errand) -> str | None:
    redraw = read_redraw(errand.request)
    return None if redraw is None else redraw.asked.name


def _released(errand: Errand) -> Mapping[str, Any] | None:
    came = read_came(errand.report)
    if came is None:
        return None
    codes = sorted(came.codes.items(), key=lambda each: (-each[1], each[0]))
    return {
        "came": came,
        "codes": [(code, code_words(code or None).title, number) for code, number in codes],
    }


SHOWN: Mapping[str, _Shown] = {
    REDRAW: _Shown(
        PLANNERS,
        sentence("Drawing a region anew"),
        "regions.region_list",
        sentence("Regions"),
        "errands/redraw.html",
        _name_redrawn,
        _redrawn,
        {
            "DOING": sentence(
                "Stores change their region and phones are told, all at once at its end. You may leave this page."
            ),
            "CANCELLED": sentence("Nothing was changed."),
            "FAILED": sentence("Nothing was changed. Draw the region again."),
        },
    ),
    RELEASE: _Shown(
        ADMIN,
        sentence("Releasing kept items"),
        "quarantine.kept_list",
        sentence("Quarantine"),
        "errands/release.html",
        lambda _: None,
        _released,
        {
            "DOING": sentence("Each item is judged again by itself. You may leave this page."),
            "CANCELLED": sentence("It was stopped. What was released stays released."),
            "FAILED": sentence("It ended before its time. What was released stays released."),
        },
    ),
}
STATES: Mapping[str, tuple[str, str, str]] = {
    "WAITING": (
        sentence("waits for a worker"),
        "",
        sentence("A worker looks in a moment what this will do. Nothing is changed by that."),
    ),
    "LOOKING": (
        sentence("being looked at"),
        "",
        sentence("Everything is tried and taken back. Nothing is changed by that."),
    ),
    "READY": (
        sentence("waits for you"),
        "warn",
        sentence("Nothing is changed until you say so."),
    ),
    "CONFIRMED": (
        sentence("waits for a worker"),
        "",
        sentence("It is done in a moment. You may leave this page."),
    ),
    "DOING": (sentence("being done"), "", ""),
    "DONE": (sentence("done"), "good", sentence("It is done.")),
    "CANCELLED": (sentence("cancelled"), "", ""),
    "FAILED": (sentence("not done"), "bad", ""),
}

TOO_MANY_ERRANDS = sentence("A worker has enough to do for you. Wait until it is through with one.")


def errand_routes(desk: Desk) -> Blueprint:
    """/errands and what is below it."""
    routes = Blueprint("errands", __name__, url_prefix="/errands")

    @routes.get("/<uuid:errand_id>")
    @desk.page()
    def errand_page(visitor: Visitor, errand_id: UUID) -> ResponseReturnValue:
        """How far an errand is, and what it does or did; asked for by a script only that."""
        errand, shown = _found(desk, visitor, errand_id)
        words, tone, about = STATES[errand.state]
        is_part = request.headers.get("HX-Request") == "true"
        told = shown.read(errand)
        return draw(
            "errands/part.html" if is_part else "errands/errand.html",
            errand=errand,
            shown=shown,
            called=shown.called(errand),
            state=(tell(words), tone, tell(shown.words.get(errand.state, about))),
            is_told=told is not None,
            **(told or {}),
        )

    @routes.post("/<uuid:errand_id>")
    @desk.page(body=FORM_BODY)
    def act(visitor: Visitor, errand_id: UUID) -> ResponseReturnValue:
        """Do what was shown, or want no more of it."""
        _found(desk, visitor, errand_id)
        decide = {"confirm": confirm_errand, "cancel": cancel_errand}.get(
            request.form.get("act", "")
        )
        if decide is None:
            raise NotFound
        try:
            with desk.database.company(visitor.company_id) as uow:
                decide(uow, errand_id, visitor.person_id)
        except NotNow:
            flash(tell("It has gone on meanwhile: look at it as it is now."), "alert")
        return redirect(url_for("errands.errand_page", errand_id=errand_id), code=303)

    return routes


def errands_on_the_way(
    uow: UnitOfWork, desk: Desk, visitor: Visitor, name: str
) -> list[tuple[UUID, str, str, str]]:
    """What the visitor asked for in the last day: each with what it is called, its state and the tone of that."""
    found = list_errands(uow, name, visitor.person_id, now=desk.clock())
    shown = SHOWN[name]
    return [
        (
            one.id,
            shown.called(one) or tell(shown.title),
            tell(STATES[one.state][0]),
            STATES[one.state][1],
        )
        for one in found
    ]


def _found(desk: Desk, visitor: Visitor, errand_id: UUID) -> tuple[Errand, _Shown]:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            errand = read_errand(uow, errand_id, visitor.person_id)
    except NoSuchErrand:
        raise NotFound from None
    shown = SHOWN.get(errand.name)
    if shown is None or not visitor.has_role(*shown.roles):
        raise NotFound
    return errand, shown
