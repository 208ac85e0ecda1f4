"""The WSGI application: routes, errors, request ids, counts."""

import os
import time
from functools import partial
from typing import Any

import redis
from flask import Flask, Response, request
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.http.admission import HostGate, ProcessGate
from server.http.callers import check_routes
from server.http.front import front_routes
from server.http.health import health_routes
from server.http.link import link_routes
from server.http.log_lines import write_logs
from server.http.media import allow_override
from server.http.openapi import register_api, register_document
from server.http.problems import register_problems
from server.http.request_ids import HEADER, begin_request_id, current_request_id
from server.http.service import Service
from server.identity.throttle import RedisCounter
from server.jobs.waking import wake_relay
from server.media.installed import media_of
from server.restore.epochs import longest_push
from server.settings import Settings, load_settings
from server.web.desk import BaseMap, Desk
from server.web.pages import register_pages
from server.wiring import make_engine
from sync.engine import Engine
from sync.geo import Datum
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database

_WAKE_S = 0.1


def create_app(settings: Settings | None = None) -> Flask:
    """The application of an installation; without settings, of the environment's."""
    chosen = settings or load_settings(os.environ)
    write_logs(chosen.log_level)
    database = Database(make_engine(chosen, application_name="roadbook-web"))
    # One short try: whether the server is ready is asked every few seconds.
    queue = redis.Redis.from_url(
        chosen.redis_url, socket_timeout=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 0)
    )
    return build_app(
        Service(
            secret=chosen.secret_key.encode(),
            database=database,
            engine=Engine(database, ALL_KINDS, chosen.secret_key.encode()),
            tries=RedisCounter(chosen.redis_url),
            # One a process, of all that the host has, and waiting takes no more than half of a
            # process' threads: the rest stays for pushes.
            first_syncs=HostGate(
                max(2, chosen.web_workers),
                chosen.var / "run" / "gates",
                waiters=chosen.web_threads // 2,
            ),
            media=media_of(chosen),
            # Half of a process' threads at the most wait for bytes of large files.
            slow_bodies=ProcessGate(max(1, chosen.web_threads // 2)),
            ping_queue=queue.ping,
            wake_relay=partial(wake_relay, _waker(chosen)),
            metrics_token=chosen.metrics_token,
            body_read_s=chosen.body_read_s,
            longest_push_s=longest_push(chosen).total_seconds(),
        ),
        BaseMap(
            tiles_url=chosen.map_tiles_url,
            style_url=chosen.map_style_url,
            other_origins=tuple((chosen.map_other_origins or "").split()),
            attribution=chosen.map_attribution or "",
            max_zoom=chosen.map_max_zoom,
            datum=Datum(chosen.map_datum),
        ),
        chosen.public_url,
        answers_within_ms=chosen.answers_within_ms,
    )


def _waker(settings: Settings) -> redis.Redis:
    """A client that gives up at once: that a relay looks half a second later is no loss."""
    return redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=_WAKE_S,
        socket_connect_timeout=_WAKE_S,
        retry=Retry(NoBackoff(), 0),
    )


def build_app(
    service: Service,
    base_map: BaseMap = BaseMap(),  # noqa: B008 - it is frozen
    public_url: str | None = None,
    *,
    answers_within_ms: int | None = None,
) -> Flask:
    """The application over a service that is already made; raises when a route is not declared.

    Without `answers_within_ms` no worker is needed: pages answer everything themselves.
    """
    app = Flask("server", static_folder=None)
    # Answering OPTIONS by itself would be a way around the declarations of routes.
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.json.sort_keys = False  # type: ignore[attr-defined]
    _watch_requests(app, service)
    api = register_api(app, service)
    register_document(app, api)
    app.register_blueprint(health_routes(service))
    app.register_blueprint(front_routes())
    desk = Desk(
        service,
        service.secret,
        base_map,
        public_url=public_url,
        answers_within_ms=answers_within_ms,
    )
    register_pages(app, desk)
    app.register_blueprint(link_routes(service))
    # After flask-smorest, which registers handlers of its own.
    register_problems(app)
    check_routes(app)
    app.wsgi_app = allow_override(app.wsgi_app)  # type: ignore[method-assign, assignment]
    return app


def _watch_requests(app: Flask, service: Service) -> None:
    instruments = service.instruments

    @app.before_request
    def begin() -> None:
        environ = request.environ
        environ["roadbook.began"] = time.perf_counter()
        # Where the server's own line of the request finds it.
        environ["roadbook.request_id"] = begin_request_id(environ.get("HTTP_X_REQUEST_ID"))

    @app.after_request
    def end(response: Response) -> Response:
        request_id = current_request_id()
        response.headers[HEADER] = request_id
        rule = request.url_rule
        route = rule.rule if rule is not None else "(none)"
        seconds = time.perf_counter() - request.environ["roadbook.began"]
        instruments.count_request(route, response.status_code, seconds)
        code: Any = getattr(response, "problem_code", None)
        if code is not None:
            instruments.count_problem(code)
            # Where the server's own line of the request finds them, too.
            request.environ["roadbook.problem"] = code
            request.environ["roadbook.problem_detail"] = getattr(response, "problem_detail", None)
        return response
