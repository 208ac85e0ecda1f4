"""What phones meet over HTTP: every route, every code that HTTP can produce."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import pytest
import zstandard
from sqlalchemy import Engine

from mobile_contract.version import BODY_BYTES, BOUNDS, ITEMS_PER_PUSH, JSON_DEPTH
from server.app import build_app
from server.http.service import Service
from server.identity.change_log import Actor
from server.identity.device_states import drain, revoke
from server.identity.devices import issue_enrolment_code
from server.identity.throttle import ENROL_ADDRESS
from sync.unit_of_work import Database
from tests.factories import Cast, Device, add_device, make_cast
from tests.server.http.conftest import Site, item_of, path_of, push_of, visit_of

OPERATOR = Actor.command("a test")
FACTS = {"model": "Pixel 9", "os": "Android 16", "app_version": "1.4.0"}


def code_of(response: Any) -> tuple[int, str]:
    return response.status_code, response.json["code"]


@pytest.fixture
def fresh(owner_engine: Engine, unit_database: Database) -> Cast:
    return make_cast(owner_engine, unit_database)


@pytest.fixture
def enrolment_code(unit_database: Database, cast: Cast) -> str:
    with unit_database.company(cast.company.id) as uow:
        return issue_enrolment_code(uow, cast.ana.id, OPERATOR)


# --- enrolment ------------------------------------------------------------------------------------


def test_a_phone_enrols_with_its_code_and_may_push_and_pull(
    site: Site, cast: Cast, enrolment_code: str
) -> None:
    enrolled = site.ask(
        "/v1/devices/enrol", {"contract": 2, "code": enrolment_code, "device": FACTS}
    )
    assert enrolled.status_code == 201
    assert enrolled.json is not None
    assert enrolled.json["person"] == {"id": str(cast.ana.id), "name": "Ana"}
    assert enrolled.json["limits"] == BOUNDS
    token = {"Authorization": f"Bearer {enrolled.json['token']}"}
    pushed = push_of(cast.ana.device, device_id=enrolled.json["device_id"])
    answer = site.ask("/v1/push", pushed, headers=token)
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["epoch"] == enrolled.json["epoch"]
    assert site.ask("/v1/pull", {"contract": 2, "cursor": None}, headers=token).status_code == 200


def test_a_code_works_once(site: Site, enrolment_code: str) -> None:
    asked = {"contract": 2, "code": enrolment_code, "device": FACTS}
    assert site.ask("/v1/devices/enrol", asked).status_code == 201
    assert code_of(site.ask("/v1/devices/enrol", asked)) == (401, "code_invalid")


def test_enrolments_from_one_address_are_bounded(site: Site) -> None:
    asked = {"contract": 2, "code": "ACME-0000-000000", "device": FACTS}
    found = [site.ask("/v1/devices/enrol", asked).status_code for _ in range(ENROL_ADDRESS.tries)]
    assert set(found) == {401}
    refused = site.ask("/v1/devices/enrol", asked)
    assert code_of(refused) == (429, "too_many_tries")
    assert int(refused.headers["Retry-After"]) > 0


def test_a_body_that_is_no_enrolment_costs_no_try(site: Site) -> None:
    for _ in range(ENROL_ADDRESS.tries + 1):
        assert site.ask("/v1/devices/enrol", {}).status_code == 422


def test_an_enrolment_in_a_contract_that_the_server_does_not_have_is_refused(site: Site) -> None:
    asked = {"contract": 77, "code": "ACME-0000-000000", "device": FACTS}
    assert code_of(site.ask("/v1/devices/enrol", asked)) == (400, "contract_unknown")


def test_a_token_is_rotated_and_the_old_one_ends_when_the_new_one_is_used(
    site: Site, fresh: Cast
) -> None:
    device = fresh.ana.device
    rotated = site.ask("/v1/devices/token", {}, device=device)
    assert rotated.status_code == 200
    assert rotated.json is not None
    assert site.ask("/v1/push", push_of(device), device=device).status_code == 200
    new = {"Authorization": f"Bearer {rotated.json['token']}"}
    assert site.ask("/v1/push", push_of(device), headers=new).status_code == 200
    assert code_of(site.ask("/v1/push", push_of(device), device=device)) == (401, "token_invalid")


# --- push -----------------------------------------------------------------------------------------


def test_a_visit_is_pushed_once_and_its_resend_gets_the_first_result(
    site: Site, cast: Cast
) -> None:
    device = cast.ana.device
    visit = visit_of(cast.ana_stores[0])
    first = site.ask("/v1/push", push_of(device, visit), device=device).json
    again = site.ask("/v1/push", push_of(device, visit), device=device).json
    assert first is not None
    assert again is not None
    assert first["results"][0]["status"] == "applied"
    assert again["results"][0]["status"] == "duplicate"
    assert again["results"][0]["first"]["receipt"] == first["results"][0]["receipt"]


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_bodies_and_answers_are_packed_both_ways(site: Site, cast: Cast, encoding: str) -> None:
    device = cast.ana.device
    body = json.dumps({"contract": 2, "cursor": None}).encode()
    packed = gzip.compress(body) if encoding == "gzip" else zstandard.compress(body)
    answer = site.ask(
        "/v1/pull",
        data=packed,
        device=device,
        headers={"Content-Encoding": encoding, "Accept-Encoding": encoding},
    )
    assert answer.status_code == 200
    assert answer.headers["Content-Encoding"] == encoding
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_a_bad_item_does_not_refuse_its_batch(site: Site, cast: Cast) -> None:
    device = cast.ana.device
    good = visit_of(cast.ana_stores[1])
    answer = site.ask(
        "/v1/push", push_of(device, item_of("visit", "create", {}), good), device=device
    )
    assert answer.json is not None
    assert [one["status"] for one in answer.json["results"]] == ["quarantined", "applied"]


def test_too_many_items_are_refused_whole(site: Site, cast: Cast) -> None:
    device = cast.ana.device
    items = [{"op_id": "x"}] * (ITEMS_PER_PUSH + 1)
    answer = site.ask("/v1/push", push_of(device, *items), device=device)
    assert code_of(answer) == (413, "too_many_items")
    assert answer.json is not None
    assert answer.json["limit"] == ITEMS_PER_PUSH


def test_a_push_for_another_device_is_refused(site: Site, cast: Cast) -> None:
    answer = site.ask("/v1/push", push_of(cast.ben.device), device=cast.ana.device)
    assert code_of(answer) == (403, "device_mismatch")


def test_a_push_of_a_newer_contract_is_kept_not_refused(site: Site, cast: Cast) -> None:
    device = cast.ana.device
    answer = site.ask(
        "/v1/push", push_of(device, visit_of(cast.ana_stores[0]), contract=99), device=device
    )
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["results"][0]["code"] == "contract_too_new"


def test_a_draining_phone_may_push_only_and_is_told_to_wipe(
    site: Site, fresh: Cast, unit_database: Database
) -> None:
    device = fresh.ana.device
    with unit_database.company(fresh.company.id) as uow:
        drain(uow, OPERATOR, device.id)
    # The second time as after an answer that was lost.
    for _ in range(2):
        for path, body in (
            ("/v1/pull", {"contract": 2, "cursor": None}),
            ("/v1/digest", {"contract": 2, "buckets": {}}),
            ("/v1/devices/token", {}),
        ):
            assert code_of(site.ask(path, body, device=device)) == (403, "device_draining")
        answer = site.ask("/v1/push", push_of(device), device=device).json
        assert answer is not None
        assert answer["then"] == "wipe"


def test_a_revoked_phone_is_nobody(site: Site, fresh: Cast, unit_database: Database) -> None:
    with unit_database.company(fresh.company.id) as uow:
        revoke(uow, OPERATOR, fresh.ana.device.id)
    answer = site.ask("/v1/push", push_of(fresh.ana.device), device=fresh.ana.device)
    assert code_of(answer) == (401, "token_invalid")


def test_the_clock_of_the_server_is_read_before_the_body(site: Site, cast: Cast) -> None:
    before = datetime.now(UTC).timestamp() * 1000
    answer = site.ask("/v1/push", push_of(cast.ana.device), device=cast.ana.device).json
    assert answer is not None
    assert before - 1 <= answer["received_at"] <= datetime.now(UTC).timestamp() * 1000


def test_a_push_that_takes_longer_than_a_backup_allows_for_is_told_to_come_again(
    site: Site, cast: Cast
) -> None:
    push = push_of(cast.ana.device, visit_of(cast.ana_stores[0]))
    for longest_s, status in ((0, "retry"), (60, "applied")):
        service = replace(site.service, longest_push_s=longest_s)
        told = Site(build_app(service), service).ask("/v1/push", push, device=cast.ana.device).json
        assert told is not None
        assert [result["status"] for result in told["results"]] == [status]


# --- pull and digest --------------------------------------------------------------------------------


def test_a_made_up_cursor_is_an_error(site: Site, cast: Cast) -> None:
    answer = site.ask("/v1/pull", {"contract": 2, "cursor": "made-up"}, device=cast.ana.device)
    assert code_of(answer) == (400, "cursor_invalid")


def test_the_cursor_of_another_person_is_an_error(site: Site, cast: Cast) -> None:
    mine = site.ask("/v1/pull", {"contract": 2, "cursor": None}, device=cast.ana.device).json
    assert mine is not None
    asked = {"contract": 2, "cursor": mine["cursor"]}
    assert code_of(site.ask("/v1/pull", asked, device=cast.ben.device)) == (400, "cursor_invalid")


def test_a_cursor_of_another_epoch_is_told_so(site: Site, cast: Cast, owner_engine: Engine) -> None:
    from server.restore.epochs import turn_epoch

    held = site.ask("/v1/pull", {"contract": 2, "cursor": None}, device=cast.ana.device).json
    assert held is not None
    with owner_engine.begin() as connection:
        turn_epoch(connection, "a test")
    asked = {"contract": 2, "cursor": held["cursor"]}
    answer = site.ask("/v1/pull", asked, device=cast.ana.device)
    assert code_of(answer) == (409, "epoch_changed")
    found = site.ask("/v1/pull", {"contract": 2, "cursor": None}, device=cast.ana.device).json
    assert answer.json is not None
    assert found is not None
    assert answer.json["epoch"] == found["epoch"] != held["epoch"]


@pytest.mark.parametrize("path", ["/v1/pull", "/v1/digest"])
def test_a_contract_that_the_server_does_not_have_is_refused(
    site: Site, cast: Cast, path: str
) -> None:
    asked: dict[str, Any] = {"contract": 9, "cursor": None, "buckets": {}}
    assert code_of(site.ask(path, asked, device=cast.ana.device)) == (400, "contract_unknown")


def test_a_phone_of_contract_1_gets_records_of_contract_1(site: Site, cast: Cast) -> None:
    answer = site.ask("/v1/pull", {"contract": 1, "cursor": None}, device=cast.ana.device).json
    assert answer is not None
    stores = [one for one in answer["changes"] if one["kind"] == "store"]
    assert stores
    assert all("contact" in store["fields"] for store in stores)


def test_both_steps_of_a_digest_repair_an_empty_phone(site: Site, cast: Cast) -> None:
    device = cast.ana.device
    one = site.ask("/v1/digest", {"contract": 2, "buckets": {}}, device=device).json
    assert one is not None
    held: dict[str, Any] = {
        kind: {key: [] for key in buckets} for kind, buckets in one["differs"].items()
    }
    two = site.ask("/v1/digest", {"contract": 2, "held": held}, device=device).json
    assert two is not None
    assert len(two["changes"]) == one["records"] > 0


class _Slow:
    """An engine in which a pull takes until it is told to go on."""

    def __init__(self) -> None:
        self.began, self.may_end = Event(), Event()

    def pull(self, *_: object) -> bytes:
        self.began.set()
        assert self.may_end.wait(10)
        return b"{}"


def test_first_syncs_are_admitted_a_few_at_a_time(
    cast: Cast, unit_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.http.admission import ProcessGate

    slow = _Slow()
    app = build_app(
        Service(database=unit_database, engine=slow, first_syncs=ProcessGate(1))  # type: ignore[arg-type]
    )

    environs: list[dict[str, Any]] = []
    answer = app.wsgi_app

    def kept(environ: dict[str, Any], start: Any) -> Any:
        environs.append(environ)
        return answer(environ, start)

    monkeypatch.setattr(app, "wsgi_app", kept)

    def ask() -> Any:
        return app.test_client().post(
            "/v1/pull",
            json={"contract": 2, "cursor": None},
            headers={"Authorization": cast.ana.device.authorization},
        )

    first = Thread(target=ask)
    first.start()
    assert slow.began.wait(10)
    refused = ask()
    slow.may_end.set()
    first.join()
    assert code_of(refused) == (503, "busy")
    assert int(refused.headers["Retry-After"]) >= 5
    assert environs[1]["roadbook.problem"] == "busy"
    assert "takes no more of these" in environs[1]["roadbook.problem_detail"]
    assert ask().status_code == 200


# --- bounds of every route ----------------------------------------------------------------------------

ROUTES = ("/v1/devices/enrol", "/v1/devices/token", "/v1/push", "/v1/pull", "/v1/digest")


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize(
    ("data", "headers", "found"),
    [
        (b"x" * (BODY_BYTES + 1), {}, (413, "body_too_large")),
        (
            gzip.compress(b" " * 17_000_000, mtime=0),
            {"Content-Encoding": "gzip"},
            (413, "body_too_large"),
        ),
        (b"{", {}, (400, "malformed_json")),
        (b"", {}, (400, "malformed_json")),
        (b"\xff\xfe", {}, (400, "malformed_json")),
        (gzip.compress(b"{}", mtime=0)[:-4], {"Content-Encoding": "gzip"}, (400, "malformed_json")),
        (b"[" * (JSON_DEPTH + 1) + b"]" * (JSON_DEPTH + 1), {}, (400, "too_deep")),
        (b'{"a": 1}', {}, (422, "invalid_request")),
        (b"[]", {}, (422, "invalid_request")),
        (b"{}", {"Content-Encoding": "br"}, (415, "unsupported_encoding")),
        (b"{}", {"Content-Type": "text/plain"}, (415, "unsupported_encoding")),
        (b"junk", {"Content-Encoding": "zstd"}, (415, "unsupported_encoding")),
    ],
)
def test_every_route_keeps_its_bounds(
    site: Site, cast: Cast, path: str, data: bytes, headers: dict[str, str], found: tuple[int, str]
) -> None:
    answer = site.ask(path, data=data, headers=headers, device=cast.ana.device)
    expected = found
    if path == "/v1/push" and found[1] == "invalid_request":
        # The body of a push without items is cut by its brackets first.
        expected = answer.status_code, answer.json["code"]  # type: ignore[index]
        assert expected in {(422, "invalid_request"), (400, "malformed_json")}
    assert code_of(answer) == expected


@pytest.mark.parametrize("path", ROUTES[:2])
def test_routes_with_small_bodies_take_no_large_ones(site: Site, cast: Cast, path: str) -> None:
    answer = site.ask(path, data=b" " * 20_000, device=cast.ana.device)
    assert code_of(answer) == (413, "body_too_large")


# --- one company and another --------------------------------------------------------------------------


def _stranger(cast: Cast, strangers: Cast) -> Device:
    """A token that says the other company of a device that is ours."""
    token = cast.ana.device.token.replace(f"rbd_{cast.company.id}_", f"rbd_{strangers.company.id}_")
    return Device(cast.ana.device.id, token, strangers.company.id)


@pytest.mark.parametrize("path", ROUTES[1:])
def test_a_token_opens_nothing_in_another_company(
    site: Site, cast: Cast, strangers: Cast, path: str
) -> None:
    bodies = {
        "/v1/push": push_of(cast.ana.device),
        "/v1/pull": {"contract": 2, "cursor": None},
        "/v1/digest": {"contract": 2, "buckets": {}},
    }
    answer = site.ask(path, bodies.get(path, {}), device=_stranger(cast, strangers))
    assert code_of(answer) == (401, "token_invalid")


def test_no_route_shows_one_company_to_another(
    site: Site, cast: Cast, strangers: Cast, owner_engine: Engine
) -> None:
    """Everything a phone of one company can be answered, looked through for ids of the other."""
    ours = _every_answer(site, cast, cast)
    theirs = _every_answer(site, strangers, cast)
    ids = _ids_of(owner_engine, cast)
    assert any(one in ours for one in ids)
    assert [one for one in ids if one in theirs.replace(_sent_of(cast), "")] == []


def test_what_one_company_names_of_another_is_not_there(
    site: Site, cast: Cast, strangers: Cast
) -> None:
    device = strangers.ana.device
    store = str(cast.ana_stores[0])
    items = [
        visit_of(store),
        item_of("store", "edit", {"changes": {"name": "Mine"}}, entity_id=store, base_version=1),
        item_of(
            "route",
            "propose",
            {"reason": "mine", "stops": []},
            entity_id=str(cast.ana_route),
            base_version=1,
        ),
    ]
    answer = site.ask("/v1/push", push_of(device, *items), device=device).json
    assert answer is not None
    assert {one["status"] for one in answer["results"]} <= {"deferred", "quarantined"}
    pulled = site.ask("/v1/pull", {"contract": 2, "cursor": None}, device=cast.ana.device).json
    assert pulled is not None
    assert "Mine" not in json.dumps(pulled)


def _sent_of(cast: Cast) -> str:
    return str(cast.ana_stores[0])


def _every_answer(site: Site, of: Cast, named: Cast) -> str:
    """All bytes that all routes answer to a phone of `of` that names a store of `named`."""
    found = []
    device = of.ana.device
    for contract in (1, 2):
        cursor = None
        for _ in range(20):
            page = site.ask(
                "/v1/pull", {"contract": contract, "cursor": cursor, "limit": 3}, device=device
            )
            found.append(page.text)
            assert page.json is not None
            cursor = page.json["cursor"]
            if page.json["complete"]:
                break
    one = site.ask("/v1/digest", {"contract": 2, "buckets": {}}, device=device)
    assert one.json is not None
    every: dict[str, Any] = {
        kind: {key: [] for key in f} for kind, f in one.json["differs"].items()
    }
    found += [one.text, site.ask("/v1/digest", {"contract": 2, "held": every}, device=device).text]
    bucket = {"store": {_sent_of(named)[:2]: [[_sent_of(named), "0" * 16]]}}
    found.append(site.ask("/v1/digest", {"contract": 2, "held": bucket}, device=device).text)
    visit = visit_of(named.ana_stores[0], depends_on=[str(named.ana_route)])
    pushed = site.ask("/v1/push", push_of(device, visit), device=device)
    found.append(pushed.text.replace(str(named.ana_route), ""))
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()):
            found.append(site.client.get(path_of(rule)).text)
    return "\n".join(found)


def _ids_of(owner_engine: Engine, cast: Cast) -> list[str]:
    """Ids and names that only this company has."""
    people = [str(person.id) for person in cast.people]
    devices = [str(person.device.id) for person in cast.people]
    return [
        *people,
        *devices,
        *map(str, (*cast.ana_stores, *cast.ben_stores, cast.ana_route, cast.ben_route)),
        str(cast.company.key),
        cast.company.code + " Ltd",
    ]


def test_a_device_of_another_person_is_not_shown_what_is_not_theirs(
    site: Site, cast: Cast, owner_engine: Engine
) -> None:
    with owner_engine.begin() as connection:
        nobody = add_device(connection, cast.company, f"spare {uuid4()}", person_id=cast.ben.id)
    answer = site.ask("/v1/pull", {"contract": 2, "cursor": None}, device=nobody).text
    assert str(cast.ben_stores[0]) in answer
    assert str(cast.ana_stores[0]) not in answer
