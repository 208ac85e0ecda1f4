"""The pages on the application: their templates, static files, errors and areas."""

import logging
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Flask, Response, g, request, send_from_directory, url_for
from flask.typing import ResponseReturnValue
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import RequestRedirect

from server import language
from server.http.callers import Caller, callable_by
from server.http.problems import as_refused, handle
from server.http.request_ids import current_request_id
from server.language import sentence
from server.vocabulary import name_of
from server.web.accounts import account_routes
from server.web.activities import activity_routes
from server.web.appeals import appeal_routes
from server.web.audits import audit_routes
from server.web.changes import change_routes
from server.web.conflicts import conflict_routes
from server.web.days import day_routes
from server.web.desk import Desk, draw
from server.web.devices import device_routes
from server.web.errands import errand_routes
from server.web.exports import export_routes
from server.web.facts import fact_routes
from server.web.flags import flag_routes
from server.web.forms import form_routes
from server.web.holidays import holiday_routes
from server.web.imports import import_routes
from server.web.me import own_routes
from server.web.menu import menu_of
from server.web.notices import notice_routes
from server.web.orders import order_routes
from server.web.overview import overview_routes
from server.web.people import people_routes
from server.web.positions import position_routes
from server.web.prices import price_routes
from server.web.products import product_routes
from server.web.promotions import promotion_routes
from server.web.quarantine import quarantine_routes
from server.web.regions import region_routes
from server.web.routes import route_routes
from server.web.settings import setting_routes
from server.web.signing import signing_routes
from server.web.stores import store_routes
from server.web.targets import target_routes
from server.web.tasks import task_routes

HERE = Path(__file__).parent
STATIC = HERE / "static"
# A file's address changes with its bytes, so a browser need never ask again.
_KEEP = "public, max-age=31536000, immutable"

logger = logging.getLogger("roadbook.web")


def register_pages(app: Flask, desk: Desk) -> None:
    """Put the pages on the application."""
    # Only what is told on the next page is kept in a cookie of Flask's, and signed.
    app.secret_key = desk.secret
    app.config.update(
        SESSION_COOKIE_NAME="roadbook_told",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
    )
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        tell=language.tell,
        tell_number=language.tell_number,
        told_number=language.told_number,
        told_money=language.told_money,
        told_day=language.told_day,
        told_clock=language.told_clock,
        told_moment=language.told_moment,
        told_permille=language.told_permille,
        name_of=name_of,
        asset=asset,
        without=without,
    )
    pages = Blueprint("pages", __name__, template_folder=str(HERE / "templates"))

    @pages.get("/static/<path:name>")
    @callable_by(Caller.ANYBODY)
    def static(name: str) -> Response:
        """A script, a style or data of ours or of a package; nothing of any company."""
        response = send_from_directory(STATIC, name, conditional=True)
        response.headers["Cache-Control"] = _KEEP if request.args.get("v") else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    @pages.app_context_processor
    def known_everywhere() -> dict[str, Any]:
        visitor = g.get("visitor")
        return {
            "visitor": visitor,
            "menu": [] if visitor is None else menu_of(visitor, request.blueprint),
            "form_token": "" if visitor is None else desk.form_token(visitor),
            "spoken": language.spoken_language(),
            "languages": language.NAMES,
        }

    @app.errorhandler(NotFound)
    def nowhere(error: NotFound) -> ResponseReturnValue:
        """An address that nothing answers: a page for a person, a problem for a program."""
        wanted = request.accept_mimetypes.best_match(["application/json", "text/html"])
        is_for_people = request.blueprint in names or wanted == "text/html"
        if request.path.startswith("/v1/") or not is_for_people:
            return cast("ResponseReturnValue", handle(error))
        return _told(desk, error)

    app.register_blueprint(pages)
    areas = (
        signing_routes(desk),
        day_routes(desk),
        route_routes(desk),
        region_routes(desk),
        order_routes(desk),
        audit_routes(desk),
        overview_routes(desk),
        fact_routes(desk),
        flag_routes(desk),
        target_routes(desk),
        people_routes(desk),
        position_routes(desk),
        holiday_routes(desk),
        export_routes(desk),
        quarantine_routes(desk),
        device_routes(desk),
        conflict_routes(desk),
        import_routes(desk),
        errand_routes(desk),
        form_routes(desk),
        activity_routes(desk),
        task_routes(desk),
        appeal_routes(desk),
        notice_routes(desk),
        change_routes(desk),
        store_routes(desk),
        product_routes(desk),
        price_routes(desk),
        promotion_routes(desk),
        account_routes(desk),
        setting_routes(desk),
        own_routes(desk),
    )
    names = {routes.name for routes in areas}
    for routes in areas:
        routes.register_error_handler(Exception, lambda error: _told(desk, error))
        app.register_blueprint(routes)


def _told(desk: Desk, error: Exception) -> ResponseReturnValue:
    """An error in a page, told to a person; the log has what an operator has to see."""
    if isinstance(error, RequestRedirect):
        return error
    refused = as_refused(error)
    if isinstance(error, HTTPException) and (error.code or 500) < 500:
        status = error.code or 400
        # What a library says of it is English.
        detail = _OF_STATUS.get(status) if _is_of_library(error) else error.description
    elif refused is not None:
        status, detail = refused.status, _OF_CODE.get(refused.code, refused.detail)
    else:
        logger.error("incident %s", current_request_id(), exc_info=error)
        status, detail = 500, None
    if isinstance(error, NotFound):
        detail = None
    with language.speaking(desk.language(g.get("visitor"))):
        detail = None if detail is None else language.tell(detail)
        part = "parts/alert.html" if request.headers.get("HX-Request") == "true" else "error.html"
        answer = draw(part, status, status=status, detail=detail, incident=current_request_id())
        # Whoever did something reads what became of it; what a page asks for by itself, it asks for again.
        if request.method == "POST":
            answer.headers["X-Told"] = "part"
        return desk.finish(answer)


def _is_of_library(error: HTTPException) -> bool:
    return error.description in {None, type(error).description}


_OF_STATUS = {
    400: sentence("The page sent something that cannot be read. Open it anew and try again."),
    403: sentence("This is not yours to do."),
    405: sentence("This page takes no such request. Open it anew and try again."),
    408: sentence("It took too long. Try again."),
    413: sentence("This is more than can be sent at once."),
    415: sentence("The page sent something that cannot be read. Open it anew and try again."),
    429: sentence("Too many tries. Wait a minute and try again."),
}
_OF_CODE = {
    "busy": sentence("The server takes no more work just now. Try again in a minute."),
    "not_ready": sentence("The database cannot be reached at the moment. Try again in a minute."),
    "too_slow": sentence("It took too long. Try again with less at once."),
    "too_many_tries": sentence("Too many tries. Wait a minute and try again."),
}


def without(arguments: dict[str, str], *names: str) -> dict[str, str]:
    """The arguments of an address but these, and but those that would be a place in it."""
    return {name: value for name, value in arguments.items() if name not in names and value}


def asset(name: str) -> str:
    """The address of a static file, which changes with its bytes."""
    return url_for("pages.static", name=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    return sha256((STATIC / name).read_bytes()).hexdigest()[:12]
