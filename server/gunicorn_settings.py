"""How gunicorn serves the application: its options, made from the settings, and its start."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from server.gunicorn_log import JsonLogger
from server.gunicorn_worker import BoundedThreadWorker
from server.settings import Settings

HEADER_FIELDS_MAX = 64
HEADER_FIELD_BYTES_MAX = 8 * 1024
REQUEST_LINE_BYTES_MAX = 4 * 1024
CONNECTIONS_MAX = 1000
# A worker whose loop does not turn for this long is replaced.
_STUCK_S = 60
# Where a worker's sign of life costs no disk.
_MEMORY = "/dev/shm"  # noqa: S108 - gunicorn makes and unlinks a file of its own there


def gunicorn_options(settings: Settings, *, listener: int | None = None) -> dict[str, Any]:
    """Options by gunicorn's names. `listener` is an open listening socket's descriptor."""
    return {
        "bind": f"fd://{listener}" if listener is not None else _bind(settings),
        "workers": settings.web_workers,
        "threads": settings.web_threads,
        "worker_class": _worker_class(settings),
        "worker_connections": CONNECTIONS_MAX,
        "backlog": settings.backlog,
        "keepalive": settings.keepalive_s,
        "timeout": _STUCK_S,
        "graceful_timeout": settings.graceful_stop_s,
        "limit_request_line": REQUEST_LINE_BYTES_MAX,
        "limit_request_fields": HEADER_FIELDS_MAX,
        "limit_request_field_size": HEADER_FIELD_BYTES_MAX,
        "worker_tmp_dir": _MEMORY if os.access(_MEMORY, os.W_OK) else None,
        "logger_class": JsonLogger,
        "loglevel": settings.log_level,
        "accesslog": None,
        "errorlog": "-",
        "proc_name": "roadbook-web",
        # A second way in would be one more thing to guard.
        "control_socket_disable": True,
        "child_exit": _forget_counts,
        "post_worker_init": lambda _worker: settle_memory(),
    }


def serve(settings: Settings, *, listener: int | None = None) -> None:
    """Serve the application until a signal ends it. Each process makes its own application, of modules that were
    loaded once: loading them takes longer than all else, also where a process that died is replaced.
    """
    with unhurried_collector():
        import server.app  # noqa: F401
    _Served(gunicorn_options(settings, listener=listener)).run()


class _Served(BaseApplication):
    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self.options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from server.app import create_app

        return create_app()


def _worker_class(settings: Settings) -> type[BoundedThreadWorker]:
    """The worker with this installation's limits: gunicorn makes it from its class alone."""
    limits = {
        "header_s": settings.header_read_s,
        "read_s": float(settings.request_read_s),
        "write_s": float(settings.response_write_s),
        "stall_s": settings.upload_stall_s,
    }
    return type("BoundedThreadWorker", (BoundedThreadWorker,), limits)


def _bind(settings: Settings) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port}"


def settle_memory() -> None:
    """Keep the garbage collector off what lives as long as the process, and from running in every
    request: a push makes thousands of short-lived objects and no cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextmanager
def unhurried_collector() -> Iterator[None]:
    """For loading modules: none of what that makes is garbage, and looking through it again and again takes a
    fifth of the time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _forget_counts(_arbiter: Any, worker: Any) -> None:
    """Drop the gauges of a worker that ended; its counts stay in the sum."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is not None and Path(folder).is_dir():
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
