"""Whether the service lives, whether it may be sent work, and what an operator watches."""

import hmac
import logging

import msgspec
import psycopg
import redis
import sqlalchemy.exc
from flask import Blueprint, Response, request
from prometheus_client import CONTENT_TYPE_LATEST
from werkzeug.exceptions import NotFound

from server.http.callers import Caller, callable_by
from server.http.metrics import StockCollector, exposition
from server.http.phone import answer_json
from server.http.service import Service
from server.http.stock import read_stock
from server.migrate import head_revision
from sync.errors import Refused

LOOPBACK = ("127.0.0.1", "::1", "")
FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP")

logger = logging.getLogger("roadbook.http")


def health_routes(service: Service) -> Blueprint:
    """/healthz, /readyz and /metrics."""
    routes = Blueprint("health", __name__)
    stock = StockCollector(lambda: read_stock(service.database))
    head = head_revision()

    @routes.get("/healthz")
    @callable_by(Caller.ANYBODY)
    def healthz() -> Response:
        """The process answers. It asks nothing else, so that a lost database restarts nobody."""
        return answer_json(b'{"status":"alive"}')

    @routes.get("/readyz")
    @callable_by(Caller.ANYBODY)
    def readyz() -> Response:
        """The database answers and has the tables of this version; the queue is named.

        A lost queue does not take the service out: phones are served without it, and what is for
        the queue waits in the outbox.
        """
        found = _migrated_to(service)
        if found != head:
            raise Refused("not_ready", "The database has not the tables of this version.")
        return answer_json(
            msgspec.json.encode(
                {"status": "ready", "database": "up", "migrated_to": head, "queue": _queue(service)}
            )
        )

    @routes.get("/metrics")
    @callable_by(Caller.OPERATOR)
    def metrics() -> Response:
        """What Prometheus reads."""
        if not _is_operator(service.metrics_token):
            raise NotFound
        return Response(exposition(service.instruments, stock), content_type=CONTENT_TYPE_LATEST)

    return routes


def _migrated_to(service: Service) -> str | None:
    try:
        with service.database.installation() as uow:
            rows = uow.rows("select version_num from alembic_version")
    except (sqlalchemy.exc.ProgrammingError, psycopg.ProgrammingError):
        return None
    except sqlalchemy.exc.DBAPIError as error:
        raise Refused("not_ready", "The database cannot be reached at the moment.") from error
    return rows[0][0] if len(rows) == 1 else None


def _queue(service: Service) -> str:
    if service.ping_queue is None:
        return "unused"
    try:
        service.ping_queue()
    except redis.RedisError as error:
        logger.warning("the queue does not answer: %s", error)
        return "away"
    return "up"


def _is_operator(token: str | None) -> bool:
    if token is not None:
        shown = request.headers.get("Authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {token}".encode())
    is_forwarded = any(name in request.environ for name in FORWARDED)
    return not is_forwarded and (request.environ.get("REMOTE_ADDR") or "") in LOOPBACK
