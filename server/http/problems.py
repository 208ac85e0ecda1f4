"""Whatever goes wrong, the client gets problem+json with a stable code: the one place for all of it.

The codes, their statuses and what a phone does about each are `mobile_contract.problems`. Nothing of
the inside is told: an unexpected error has an incident id, under which the log has the rest.
"""

import logging
import random
from typing import Any

import msgspec
import psycopg
import sqlalchemy.exc
from flask import Flask, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from mobile_contract.problems import RequestRefused
from server.http.bodies import ENCODINGS
from server.http.request_ids import current_request_id
from server.identity.errors import TooManyTries
from sync.failures import is_passing

MEDIA_TYPE = "application/problem+json"
# When to come back, where the error itself does not say. Each client is told another moment, up to
# twice as late: a fleet that was sent away together does not come back together.
RETRY_AFTER_S = {"busy": 5, "not_ready": 10, "internal": 10, "too_slow": 5, "too_many_tries": 60}

logger = logging.getLogger("roadbook.http")

_BY_STATUS = {
    404: "not_found",
    405: "method_not_allowed",
    408: "too_slow",
    413: "body_too_large",
    415: "unsupported_encoding",
    429: "too_many_tries",
    503: "not_ready",
}
# SQLSTATE → code, by prefix, the longest first. PostgreSQL, appendix A.
_BY_SQLSTATE = (
    ("57014", "too_slow"),  # statement timeout
    ("57P", "not_ready"),  # shutdown, starting up
    ("55P03", "busy"),  # lock timeout
    ("25P03", "busy"),  # idle in transaction
    ("40", "busy"),  # serialisation, deadlock
    ("53", "busy"),  # connections, memory, disk
    ("08", "not_ready"),  # connection
    ("25006", "not_ready"),  # read only: a standby that was not promoted
)
_DETAILS = {
    "busy": "The server takes no more work just now.",
    "not_ready": "The database cannot be reached at the moment.",
    "too_slow": "The request was not dealt with in time. Send fewer items at once.",
}


def answer_problem(refused: RequestRefused) -> Response:
    """The answer for a refused request."""
    base = refused.retry_after_s or RETRY_AFTER_S.get(refused.code)
    if base is not None:
        refused.retry_after_s = round(base * random.uniform(1, 2))
    response = Response(
        msgspec.json.encode(refused.document()), refused.status, content_type=MEDIA_TYPE
    )
    if refused.retry_after_s is not None:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    if refused.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="roadbook"'
    if refused.code == "unsupported_encoding":
        # RFC 9110, section 12.5.3: in an answer it says which codings of a request are understood.
        response.headers["Accept-Encoding"] = ", ".join(ENCODINGS)
    return response


def as_refused(error: Exception) -> RequestRefused | None:  # noqa: PLR0911 - one line a cause
    """What the client is told of an error, or None where nothing is known about it."""
    match error:
        case RequestRefused():
            return error
        case TooManyTries():
            return RequestRefused(
                "too_many_tries",
                "Too many codes were tried from this address.",
                retry_after_s=error.retry_after_s,
            )
        case HTTPException():
            code = _BY_STATUS.get(error.code or 500)
            if code is None:
                code = "internal" if (error.code or 500) >= 500 else "invalid_request"
            return RequestRefused(code, error.description or error.name)
        case sqlalchemy.exc.TimeoutError():
            return RequestRefused("busy", _DETAILS["busy"])
        case sqlalchemy.exc.DBAPIError():
            return _of_database(error.orig)
        case psycopg.Error():
            return _of_database(error)
    return None


def _of_database(error: BaseException | None) -> RequestRefused | None:
    state = getattr(error, "sqlstate", None)
    if state is None:
        # No answer at all: the connection was lost, or never made.
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return RequestRefused("not_ready", _DETAILS["not_ready"])
        return None
    for prefix, code in _BY_SQLSTATE:
        if state.startswith(prefix):
            return RequestRefused(code, _DETAILS[code])
    if error is not None and is_passing(error):
        return RequestRefused("busy", _DETAILS["busy"])
    return None


def handle(error: Exception) -> Any:
    """Turn any error of a request into its answer, and log what an operator has to see."""
    if isinstance(error, RequestRedirect):
        return error
    refused = as_refused(error)
    if refused is None:
        incident = current_request_id()
        logger.error("incident %s", incident, exc_info=error)
        refused = RequestRefused("internal", f"Something went wrong here. Incident {incident}.")
    elif refused.status >= 500 and not isinstance(error, RequestRefused):
        logger.warning(
            "%s: %s: %s", refused.code, type(error).__name__, str(error).partition("\n")[0]
        )
    response = answer_problem(refused)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    response.problem_code = refused.code  # type: ignore[attr-defined]
    response.problem_detail = refused.detail  # type: ignore[attr-defined]
    return response


def register_problems(app: Flask) -> None:
    """Answer every error of the application, whatever raises it."""
    app.register_error_handler(Exception, handle)
    app.register_error_handler(HTTPException, handle)
