"""Signing in and out, and the language in which pages speak."""

from datetime import timedelta

from flask import Blueprint, Response, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.http.callers import NO_BODY
from server.identity.companies import company_day, find_company
from server.identity.errors import NoSuchCompany, TooManyTries
from server.identity.passwords import sign_in as person_who_signs_in
from server.identity.sessions import (
    LONGEST,
    Visitor,
    begin_session,
    choose_language,
    end_session,
    find_visitor,
)
from server.language import LANGUAGES, tell, tell_number
from server.web.desk import FORM_BODY, LANGUAGE_COOKIE, SESSION_COOKIE, Desk, draw, is_local
from server.web.menu import menu_of

_YEAR = timedelta(days=365)


def signing_routes(desk: Desk) -> Blueprint:
    """/, /sign-in, /sign-out, /language."""
    routes = Blueprint("signing", __name__)

    @routes.get("/")
    @desk.open_page()
    def front() -> ResponseReturnValue:
        """The first area of whoever is signed in; else where to sign in."""
        visitor = find_visitor(desk.database, request.cookies.get(SESSION_COOKIE), desk.clock())
        if visitor is None:
            return redirect(url_for("signing.sign_in"), code=303)
        menu = menu_of(visitor, None)
        first = menu[0].endpoint if menu else "signing.nothing_here"
        return redirect(url_for(first), code=303)

    @routes.get("/sign-in")
    @desk.open_page()
    def sign_in() -> ResponseReturnValue:
        """The form."""
        return _form(desk, company=request.args.get("company", ""))

    @routes.post("/sign-in")
    @desk.open_page(body=FORM_BODY)
    def signing_in() -> ResponseReturnValue:
        """Begin a session, and go to what was asked for."""
        form = request.form
        code = form.get("company", "").strip()
        email = form.get("email", "").strip()
        try:
            company_id = find_company(desk.database, code or None)
        except NoSuchCompany:
            # Told like a wrong password: which companies are here is nobody's business.
            company_id = 0
        try:
            cookie = _session(desk, company_id, email, form.get("password", ""))
        except TooManyTries as error:
            minutes = -(-error.retry_after_s // 60)
            told = tell_number(
                "Too many tries. Try again in a minute.",
                "Too many tries. Try again in {number} minutes.",
                minutes,
            )
            return _form(desk, company=code, email=email, told=told, status=429)
        if cookie is None:
            told = tell("That e-mail address and password do not belong together.")
            return _form(desk, company=code, email=email, told=told, status=403)
        place = form.get("next")
        response = redirect(place if place is not None and is_local(place) else "/", code=303)
        assert isinstance(response, Response)
        _keep(response, SESSION_COOKIE, cookie, LONGEST, is_secret=True)
        return response

    @routes.post("/sign-out")
    @desk.page(body=FORM_BODY)
    def sign_out(visitor: Visitor) -> ResponseReturnValue:
        """End this session."""
        with desk.database.company(visitor.company_id) as uow:
            end_session(uow, visitor.session_id)
        response = redirect(url_for("signing.sign_in"), code=303)
        response.delete_cookie(SESSION_COOKIE)
        return response

    _chosen_routes(desk, routes)
    return routes


def _chosen_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.post("/language")
    @desk.open_page(body=FORM_BODY)
    def language() -> ResponseReturnValue:
        """Speak this language from now on: to the person, or to this browser where nobody is signed in."""
        asked = request.form.get("language", "")
        if asked not in LANGUAGES:
            raise NotFound
        visitor = find_visitor(desk.database, request.cookies.get(SESSION_COOKIE), desk.clock())
        if visitor is not None:
            desk.check_form(visitor)
            with desk.database.company(visitor.company_id) as uow:
                choose_language(uow, visitor.person_id, asked)
        place = request.form.get("next")
        response = redirect(place if place is not None and is_local(place) else "/", code=303)
        assert isinstance(response, Response)
        _keep(response, LANGUAGE_COOKIE, asked, _YEAR)
        return response

    @routes.get("/nothing-here")
    @desk.page(body=NO_BODY)
    def nothing_here(_visitor: Visitor) -> ResponseReturnValue:
        """For somebody who holds no position."""
        return draw("nothing_here.html")


def _form(
    desk: Desk, *, company: str, email: str = "", told: str | None = None, status: int = 200
) -> Response:
    with desk.database.installation() as uow:
        is_one = len(uow.rows("select company_ids()")) == 1
    return draw(
        "sign_in.html",
        status,
        company=company,
        is_company_asked=not is_one,
        email=email,
        told=told,
        next=request.values.get("next", ""),
    )


def _session(desk: Desk, company_id: int, email: str, password: str) -> str | None:
    now = desk.clock()
    with desk.database.company(company_id) as uow:
        person = person_who_signs_in(
            uow,
            desk.service.tries,
            email=email,
            password=password,
            address=request.remote_addr or "",
            today=company_day(uow, now) if company_id else now.date(),
        )
        if person is None:
            return None
        return begin_session(uow, person.id, browser=request.user_agent.string, now=now)


def _keep(
    response: Response, name: str, value: str, length: timedelta, *, is_secret: bool = False
) -> None:
    response.set_cookie(
        name,
        value,
        max_age=length,
        secure=request.is_secure,
        httponly=is_secret,
        samesite="Lax",
    )
