"""What belongs to whoever is signed in: their password, where else they are signed in, their language."""

from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.errors import PasswordRefused, PasswordWrong, TooManyTries
from server.identity.passwords import MIN_LENGTH, change_own_password
from server.identity.sessions import Visitor, end_own_session, end_sessions_of, list_sessions
from server.language import tell, tell_number, told_moment
from server.web.browsers import told_browser
from server.web.desk import FORM_BODY, Desk, draw
from server.web.people_words import told_role
from server.web.spans import told_age


def own_routes(desk: Desk) -> Blueprint:
    """/me and what is below it."""
    routes = Blueprint("me", __name__, url_prefix="/me")

    @routes.get("/")
    @desk.page()
    def own_page(visitor: Visitor) -> ResponseReturnValue:
        """Who one is here, where one is signed in, and how to change the password."""
        return _draw(desk, visitor)

    @routes.post("/password")
    @desk.page(body=FORM_BODY)
    def password(visitor: Visitor) -> ResponseReturnValue:
        """Another password, for who knows the present one. Whoever else is signed in with the old one is signed out."""
        form = request.form
        if form.get("new", "") != form.get("again", ""):
            return _draw(desk, visitor, "again", tell("The two are not the same."))
        try:
            with desk.database.company(visitor.company_id) as uow:
                change_own_password(
                    uow,
                    visitor.actor,
                    desk.service.tries,
                    visitor.person_id,
                    present=form.get("present", ""),
                    new=form.get("new", ""),
                    address=request.remote_addr or "",
                    today=visitor.today,
                    kept_session=visitor.session_id,
                )
        except TooManyTries as error:
            told = tell_number(
                "Too many tries. Try again in a minute.",
                "Too many tries. Try again in {number} minutes.",
                -(-error.retry_after_s // 60),
            )
            return _draw(desk, visitor, "present", told, 429)
        except PasswordWrong:
            return _draw(desk, visitor, "present", tell("That is not your password."), 403)
        except PasswordRefused as refused:
            return _draw(desk, visitor, "new", str(refused))
        flash(tell("Your password is changed. Your other sessions are ended."), "notice")
        return redirect(url_for("me.own_page"), code=303)

    @routes.post("/sessions/<uuid:session_id>/end")
    @desk.page(body=FORM_BODY)
    def end(visitor: Visitor, session_id: UUID) -> ResponseReturnValue:
        """Sign out somewhere else."""
        with desk.database.company(visitor.company_id) as uow:
            if not end_own_session(uow, visitor.person_id, session_id):
                raise NotFound
        flash(tell("The session is ended."), "notice")
        return redirect(url_for("me.own_page"), code=303)

    @routes.post("/sessions/end")
    @desk.page(body=FORM_BODY)
    def end_others(visitor: Visitor) -> ResponseReturnValue:
        """Sign out everywhere else."""
        with desk.database.company(visitor.company_id) as uow:
            number = end_sessions_of(uow, visitor.person_id, but=visitor.session_id)
        flash(
            tell_number("One session is ended.", "{number} sessions are ended.", number), "notice"
        )
        return redirect(url_for("me.own_page"), code=303)

    return routes


def _draw(
    desk: Desk, visitor: Visitor, field: str = "", told: str | None = None, status: int = 422
) -> Response:
    now, zone = desk.clock(), visitor.policy.time_zone
    with desk.database.reading(visitor.company_id) as uow:
        sessions = list_sessions(uow, visitor.person_id, now)
    return draw(
        "me.html",
        200 if told is None else status,
        faults={field: told} if told is not None else {},
        least=MIN_LENGTH,
        roles=[told_role(role) for role in sorted(visitor.roles)],
        sessions=[
            (
                one.id,
                told_browser(one.browser),
                told_moment(round(one.began_at.timestamp() * 1000), zone),
                told_age(one.seen_at, now),
                one.id == visitor.session_id,
            )
            for one in sessions
        ],
    )
