"""A small application under the real worker: `python -m tests.server.tiny_served FD LIMITS VAR`.

/length   reads its body and answers with its length, or 408 when reading it is too slow
/large    answers with 64 MB
/wait     says "waiting" on standard output and waits for a line on standard input
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from typing import Any

from gunicorn.app.base import BaseApplication

from server.gunicorn_settings import gunicorn_options
from server.gunicorn_worker import BoundedThreadWorker
from server.settings import load_settings


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    status, answer = "200 OK", b"here"
    if path == "/length":
        try:
            answer = str(len(environ["wsgi.input"].read())).encode()
        except TimeoutError:
            status, answer = "408 Request Timeout", b"slow"
    elif path == "/large":
        answer = b"x" * 64_000_000
    elif path == "/wait":
        print("waiting", flush=True)
        sys.stdin.readline()
    start(status, [("Content-Length", str(len(answer))), ("Content-Type", "text/plain")])
    return [answer]


class Served(BaseApplication):  # type: ignore[misc]  # gunicorn carries no types
    def load_config(self) -> None:
        limits = json.loads(sys.argv[2])
        settings = load_settings(
            {"WEB_WORKERS": "1", "WEB_THREADS": "2", "ROADBOOK_VAR": sys.argv[3]}
        )
        options = gunicorn_options(settings, listener=int(sys.argv[1]))
        options["worker_class"] = type("Worker", (BoundedThreadWorker,), limits)
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return application


if __name__ == "__main__":
    options = argparse.ArgumentParser(
        prog="python -m tests.server.tiny_served",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("fd", help="the number of a socket that listens")
    options.add_argument("limits", help="what the worker's limits are, as JSON")
    options.add_argument("var", help="the folder that it may write to")
    options.parse_args()
    Served().run()
