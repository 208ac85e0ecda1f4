"""Every route says who may call it; who may not, may not."""

from typing import Any

import pytest
from flask import Flask

from server.http.callers import Caller, callable_by, check_routes, declaration_of
from tests.factories import Cast
from tests.server.http.conftest import Site, code_of, path_of

OF_DEVICES = (Caller.DEVICE_PUSH, Caller.DEVICE_PULL)


def test_every_route_declares_who_may_call_it(site: Site) -> None:
    silent = [
        r.rule for r in site.app.url_map.iter_rules() if not declaration_of(site.app, r.endpoint)
    ]
    assert silent == []


def test_an_application_with_a_route_that_does_not_is_not_made() -> None:
    app = Flask(__name__, static_folder=None)
    app.add_url_rule("/spoken", "spoken", callable_by(Caller.ANYBODY)(lambda: ""))
    check_routes(app)
    app.add_url_rule("/silent", "silent", lambda: "")
    with pytest.raises(RuntimeError, match="/silent"):
        check_routes(app)


def test_no_route_of_a_device_answers_without_its_token(site: Site, cast: Cast) -> None:
    asked = 0
    token = cast.ana.device.authorization
    wrong = ("", "Bearer", "Bearer x", token[:-1], token + "A", token.replace("Bearer", "Basic"))
    for rule in site.app.url_map.iter_rules():
        declared = declaration_of(site.app, rule.endpoint)
        assert declared is not None
        if declared.caller not in OF_DEVICES:
            continue
        for value in wrong:
            response = site.call(rule, headers={"Authorization": value})
            assert response.status_code == 401, rule
            # An answer to HEAD has no body.
            assert rule.methods == {"HEAD"} or code_of(response)[1] == "token_invalid"
            asked += 1
    assert asked == 9 * len(wrong)


def test_only_the_methods_that_are_meant_answer(site: Site) -> None:
    meant: dict[str, set[str]] = {}
    for rule in site.app.url_map.iter_rules():
        meant.setdefault(path_of(rule), set()).update(rule.methods or ())
    for path, methods in meant.items():
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
            if method in methods:
                continue
            response = site.client.open(path, method=method)
            assert code_of(response) == (405, "method_not_allowed"), (method, path)
            assert set(response.headers["Allow"].split(", ")) == methods


def test_an_address_that_is_not_there_is_a_problem_too(site: Site) -> None:
    response = site.client.get("/v1/nothing")
    assert code_of(response) == (404, "not_found")


def test_the_operators_page_is_not_there_for_strangers(site: Site) -> None:
    def status(**environ: Any) -> int:
        return site.client.get("/metrics", environ_overrides=environ).status_code

    assert status(REMOTE_ADDR="127.0.0.1") == 200
    assert status(REMOTE_ADDR="203.0.113.7") == 404
    assert status(REMOTE_ADDR="127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.7") == 404


def test_answers_carry_the_request_id_that_was_brought_or_a_new_one(site: Site) -> None:
    brought = site.client.get("/healthz", headers={"X-Request-Id": "from-the-phone-1"})
    assert brought.headers["X-Request-Id"] == "from-the-phone-1"
    made = site.client.get("/healthz", headers={"X-Request-Id": "not one\tat all"})
    assert len(made.headers["X-Request-Id"]) == 16
