"""What watches the service: health, readiness, metrics."""

from typing import Any

import pytest
import redis
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from server.app import build_app
from server.http.metrics import Instruments, StockCollector, exposition
from server.http.service import Service
from server.http.stock import Stock, read_stock
from server.migrate import head_revision
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Cast
from tests.server.http.conftest import Site, item_of, push_of, visit_of
from tests.standing import SECRET


def site_over(database: Database, **changed: Any) -> Site:
    service = Service(database=database, **{"engine": None, **changed})
    return Site(build_app(service), service)


@pytest.fixture
def new_site(unit_database: Database) -> Site:
    """One that has counted nothing yet."""
    return site_over(unit_database, engine=SyncEngine(unit_database, ALL_KINDS, SECRET))


@pytest.fixture
def lost_database() -> Database:
    return Database(
        create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none", poolclass=NullPool)
    )


def metrics_of(site: Site) -> dict[tuple[str, ...], float]:
    page = site.client.get("/metrics")
    assert page.status_code == 200
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(page.text)
        for sample in family.samples
    }


def test_a_process_without_its_database_lives_and_is_not_ready(lost_database: Database) -> None:
    site = site_over(lost_database)
    assert site.client.get("/healthz").json == {"status": "alive"}
    answer = site.client.get("/readyz")
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")
    assert int(answer.headers["Retry-After"]) > 0
    assert metrics_of(site)["roadbook_database_up",] == 0


def test_phones_are_told_to_come_again_while_the_database_is_away(
    lost_database: Database, cast: Cast
) -> None:
    site = site_over(lost_database)
    answer = site.ask("/v1/devices/token", {}, device=cast.ana.device)
    assert answer.json is not None
    assert (answer.status_code, answer.json["code"]) == (503, "not_ready")


def test_ready_says_what_it_runs_on(site: Site) -> None:
    assert site.client.get("/readyz").json == {
        "status": "ready",
        "database": "up",
        "migrated_to": head_revision(),
        "queue": "up",
    }


def test_a_database_of_another_version_is_not_ready(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.http.health.head_revision", lambda: "9999")
    answer = Site(build_app(site.service), site.service).client.get("/readyz")
    assert answer.status_code == 503


def test_without_the_queue_the_service_stays_ready(unit_database: Database) -> None:
    def ping() -> None:
        raise redis.ConnectionError("away")

    answer = site_over(unit_database, ping_queue=ping).client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["queue"] == "away"


def test_requests_problems_and_items_are_counted(new_site: Site, cast: Cast) -> None:
    device = cast.ana.device
    items = (
        visit_of(cast.ana_stores[0]),
        visit_of(cast.ana_stores[1]),
        item_of("made-up", "x", {}),
    )
    new_site.ask("/v1/push", push_of(device, *items), device=device)
    new_site.ask("/v1/push", {}, device=device)
    new_site.client.get("/v1/made/up/by/a/stranger")
    found = metrics_of(new_site)
    assert found["roadbook_requests_total", "/v1/push", "200"] == 1
    assert found["roadbook_requests_total", "(none)", "404"] == 1
    assert found["roadbook_request_seconds_count", "/v1/push"] == 2
    assert found["roadbook_items_total", "visit", "applied"] == 2
    assert found["roadbook_items_total", "(unreadable)", "quarantined"] == 1
    assert found["roadbook_problems_total", "not_found"] == 1
    assert not any("stranger" in str(name) for name in found)


def test_what_is_held_is_shown(new_site: Site, cast: Cast) -> None:
    device = cast.ben.device
    orphan = visit_of("5b0c7f5e-54a1-4a0c-9a54-5f2c2f6f3aff")
    pushed = push_of(
        device,
        orphan,
        item_of("visit", "create", {}),
        outbox={"count": 7, "oldest_at": 1, "bytes": 9},
    )
    new_site.ask("/v1/push", pushed, device=device)
    found = metrics_of(new_site)
    assert found["roadbook_kept_items", "DEFERRED"] >= 1
    assert found["roadbook_kept_items", "QUARANTINED"] >= 1
    assert found["roadbook_device_outbox_items",] >= 5
    assert found["roadbook_device_outbox_age_seconds",] > 1_000_000
    assert found["roadbook_oldest_xid_age",] > 0
    assert found["roadbook_prepared_transactions",] == 0
    assert ("roadbook_transactions_in_progress",) in found
    assert ("roadbook_outbox_age_seconds",) in found


def test_the_database_is_read_at_most_every_few_seconds() -> None:
    now = [0.0]
    read: list[float] = []

    def reading() -> Stock:
        read.append(now[0])
        return Stock(is_up=True)

    collector = StockCollector(reading, for_s=10, clock=lambda: now[0])
    for moment in (0, 5, 10, 11, 20, 22):
        now[0] = moment
        exposition(Instruments(), collector)
    assert read == [0, 11, 22]


def test_registering_the_collector_asks_nothing() -> None:
    def never() -> Stock:
        raise AssertionError

    CollectorRegistry().register(StockCollector(never))


def test_companies_left_out_for_want_of_time_are_said(
    unit_database: Database, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.http.stock.READ_FOR_S", -1.0)
    stock = read_stock(unit_database)
    assert stock.is_up
    assert stock.companies_unread == stock.companies > 0


def test_with_a_token_the_page_is_for_whoever_has_it(unit_database: Database) -> None:
    site = site_over(unit_database, metrics_token="a token of the operator")
    strange = {"REMOTE_ADDR": "203.0.113.7"}

    def status(value: str) -> int:
        return site.client.get(
            "/metrics", headers={"Authorization": value}, environ_overrides=strange
        ).status_code

    assert status("Bearer a token of the operator") == 200
    assert status("Bearer another") == 404
    assert site.client.get("/metrics").status_code == 404


def test_the_front_page_leads_to_what_a_developer_reads(site: Site) -> None:
    page = site.client.get("/", follow_redirects=True)
    assert page.content_type.startswith("text/html")
    for address in ("/protocol.md", "/v1/openapi.json", "/readyz"):
        assert f'href="{address}"' in page.text
        assert site.client.get(address).status_code == 200
