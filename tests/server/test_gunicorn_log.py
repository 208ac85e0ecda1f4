"""The server's own line of a request: what an operator reads when something was refused."""

import logging
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from gunicorn.config import Config

from server.gunicorn_log import JsonLogger


class Lines(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, dict[str, Any]]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.found.append((record.levelno, record.__dict__["fields"]))


def line_of(status: str, **environ: str) -> tuple[int, dict[str, Any]]:
    logger = JsonLogger(Config())
    lines = Lines()
    logger.error_log.addHandler(lines)
    response = SimpleNamespace(status=status, sent=100)
    asked = {"REQUEST_METHOD": "POST", "PATH_INFO": "/v1/digest", "QUERY_STRING": "a=secret"}
    logger.access(response, None, {**asked, **environ}, timedelta(seconds=0.01))
    logger.error_log.removeHandler(lines)
    (found,) = lines.found
    return found


def refused(code: str, detail: str) -> dict[str, str]:
    return {"roadbook.problem": code, "roadbook.problem_detail": detail}


def test_the_line_of_a_refusal_has_its_code_and_why() -> None:
    why = "Many phones are being filled at the moment."
    level, fields = line_of("503 SERVICE UNAVAILABLE", **refused("busy", why))
    assert level == logging.WARNING
    assert (fields["status"], fields["code"], fields["detail"]) == (503, "busy", why)
    assert "secret" not in str(fields)


@pytest.mark.parametrize("status", ["200 OK", "400 BAD REQUEST"])
def test_what_a_request_said_is_in_no_line(status: str) -> None:
    _, fields = line_of(status, **refused("invalid_request", "The field secret is unknown."))
    assert "detail" not in fields
    assert line_of("200 OK")[1].keys().isdisjoint({"code", "detail"})
