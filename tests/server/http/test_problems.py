"""Whatever goes wrong, the answer is problem+json with a stable code and nothing of the inside."""

import logging
from typing import Any

import psycopg
import pytest
import sqlalchemy.exc
from flask import Flask

from mobile_contract.envelope import Problem
from mobile_contract.problems import REQUEST_CODES, RequestRefused
from mobile_contract.schema import faults_of
from server.http.problems import RETRY_AFTER_S, register_problems
from server.http.request_ids import begin_request_id
from server.identity.errors import TooManyTries
from sync.errors import Refused


def answer_to(error: BaseException) -> Any:
    app = Flask(__name__)
    register_problems(app)

    @app.get("/")
    def view() -> str:
        raise error

    begin_request_id("a-request-id")
    response = app.test_client().get("/")
    assert response.content_type == "application/problem+json"
    assert faults_of(Problem(), response.json) == []
    assert response.json is not None
    assert response.json["status"] == response.status_code
    return response


@pytest.mark.parametrize("code", [each.code for each in REQUEST_CODES])
@pytest.mark.parametrize("kind", [Refused, RequestRefused])
def test_every_code_has_its_status_and_the_shape_of_a_problem(code: str, kind: Any) -> None:
    known = next(each for each in REQUEST_CODES if each.code == code)
    response = answer_to(kind(code, "what happened", where="items", limit=5))
    assert response.status_code == known.status
    assert response.json["code"] == code
    assert response.json["title"] == known.title
    assert response.json["detail"] == "what happened"
    assert (response.json["where"], response.json["limit"]) == ("items", 5)
    assert response.headers.get("Retry-After") == (
        str(response.json["retry_after_s"]) if code in RETRY_AFTER_S else None
    )


def test_clients_are_told_different_moments_to_come_back_never_earlier_than_asked() -> None:
    told = {
        answer_to(Refused("busy", "later", retry_after_s=100)).json["retry_after_s"]
        for _ in range(30)
    }
    assert len(told) > 5
    assert min(told) >= 100
    assert max(told) <= 200


def test_a_missing_token_is_asked_for() -> None:
    assert (
        answer_to(Refused("token_invalid", "no")).headers["WWW-Authenticate"].startswith("Bearer")
    )


def test_an_unknown_encoding_is_told_which_there_are() -> None:
    response = answer_to(Refused("unsupported_encoding", "no"))
    assert response.headers["Accept-Encoding"] == "zstd, gzip, identity"


@pytest.mark.parametrize(
    ("sqlstate", "code"),
    [
        ("40001", "busy"),
        ("40P01", "busy"),
        ("53300", "busy"),
        ("55P03", "busy"),
        ("57014", "too_slow"),
        ("57P01", "not_ready"),
        ("57P03", "not_ready"),
        ("08006", "not_ready"),
        ("55000", "busy"),
        ("25006", "not_ready"),
        ("42P01", "internal"),
        ("23505", "internal"),
    ],
)
@pytest.mark.parametrize("is_wrapped", [True, False])
def test_what_the_database_says_becomes_a_code(sqlstate: str, code: str, is_wrapped: bool) -> None:
    error: Exception = psycopg.errors.lookup(sqlstate)("secret words of the database")
    if is_wrapped:
        error = sqlalchemy.exc.DBAPIError("select secret", {}, error)
    response = answer_to(error)
    assert response.json["code"] == code
    assert "secret" not in response.text


def test_a_lost_connection_is_a_server_that_is_not_ready() -> None:
    lost = psycopg.OperationalError("secret: the connection is lost")
    response = answer_to(sqlalchemy.exc.OperationalError("select", {}, lost))
    assert response.json["code"] == "not_ready"
    assert "secret" not in response.text
    assert int(response.headers["Retry-After"]) >= 1


def test_a_pool_without_a_free_connection_is_busy() -> None:
    assert answer_to(sqlalchemy.exc.TimeoutError("pool")).json["code"] == "busy"


def test_too_many_tries_say_when_the_next_counts() -> None:
    response = answer_to(TooManyTries(90))
    assert (response.status_code, response.json["code"]) == (429, "too_many_tries")
    assert response.json["retry_after_s"] >= 90


def test_an_unexpected_error_has_an_incident_and_leaks_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        response = answer_to(ValueError("secret of the inside"))
    assert (response.status_code, response.json["code"]) == (500, "internal")
    assert "secret" not in response.text
    assert "a-request-id" in response.json["detail"]
    assert "incident a-request-id" in caplog.text
    assert "secret of the inside" in caplog.text


def test_no_detail_is_longer_than_it_may_be_or_holds_what_json_cannot() -> None:
    response = answer_to(Refused("invalid_request", "\0\ud800" + "x" * 5000))
    assert len(response.json["detail"]) <= 300
