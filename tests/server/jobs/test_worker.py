"""A worker as its own process: it does what is left for it, outlives its queue, and stops cleanly.

It has a database of its own: a worker does the work of all companies, also what other tests left behind.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from rq.serializers import JSONSerializer
from sqlalchemy import Engine

from server.embedded_redis import EmbeddedRedis
from server.jobs import work
from server.jobs.relay import make_queue
from server.jobs.work import Workshop
from server.jobs.worker import QuietWorker, WorkerProcess, living_workers
from sync.unit_of_work import Database
from tests.factories import Company, make_company
from tests.server.jobs.conftest import SOON_S, add_row, rows_of, run, until


@pytest.fixture
def its_database(fresh_engine: Engine) -> Database:
    return Database(fresh_engine)


@pytest.fixture
def its_company(fresh_owner_engine: Engine) -> Company:
    return make_company(fresh_owner_engine)


@pytest.fixture
def worker(
    fresh_database: dict[str, str], redis_url: str, client: redis.Redis, tmp_path: Path
) -> Iterator[subprocess.Popen[str]]:
    environ = {
        **os.environ,
        "DATABASE_URL": fresh_database["app"],
        "REDIS_URL": redis_url,
        "SECRET_KEY": "a secret of thirty-two characters and more",
        "ROADBOOK_VAR": str(tmp_path),
        "ROADBOOK_LOG_LEVEL": "info",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "worker"],
        env=environ,
        cwd=Path(__file__).resolve().parents[3],
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    assert process.stderr is not None
    process.stderr.close()


def test_a_queue_on_a_socket_with_a_space_in_its_path_has_its_worker(tmp_path: Path) -> None:
    folder = tmp_path / "sp ace"
    folder.mkdir()
    server = EmbeddedRedis(
        data=folder,
        socket=folder / "redis.sock",
        pid_file=folder / "redis.pid",
        log=folder / "redis.log",
        account=None,
    )
    server.start()
    try:
        with redis.Redis.from_url(server.url) as its:
            worker = QuietWorker([make_queue(its)], connection=its, serializer=JSONSerializer)
            worker.register_birth()  # type: ignore[no-untyped-call]
            worker.register_death()  # type: ignore[no-untyped-call]
    finally:
        server.stop()


def test_effects_see_that_their_worker_is_to_stop(client: redis.Redis, shop: Workshop) -> None:
    """What takes long is then left to the next worker."""
    process = WorkerProcess(shop=shop, client=client, ledger_days=1, change_days=1)
    process.stopping.set()
    process.run()
    assert not shop.is_stopping()
    assert work._open[0].is_stopping()


def add_release(database: Database, company: Company) -> int:
    return add_row(
        database, company, "release_deferred", json.dumps({"entity_ids": [str(company.key)]})
    )


@pytest.mark.slow
def test_a_worker_does_the_outbox_outlives_its_queue_and_stops_when_told(
    worker: subprocess.Popen[str],
    client: redis.Redis,
    its_database: Database,
    its_company: Company,
) -> None:
    add_release(its_database, its_company)
    until(lambda: not rows_of(its_database, its_company), "the row was not done")
    until(lambda: living_workers(client) == 1, "no sign of life")

    # The queue's server comes back empty, with every connection broken.
    client.flushdb()
    client.client_kill_filter(_type="normal", skipme=True)
    add_release(its_database, its_company)
    until(lambda: not rows_of(its_database, its_company), "the row was not done after the loss")

    # A row that was handed to a queue which forgot it.
    row = add_release(its_database, its_company)
    run(
        its_database,
        its_company,
        "update outbox set enqueued_at = now() - interval '1 hour' where id = :row",
        row=row,
    )
    until(lambda: not rows_of(its_database, its_company), "the forgotten row was not done")

    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=SOON_S) == 0
    assert living_workers(client) == 0


@pytest.mark.slow
def test_a_worker_without_a_queue_waits_for_it_and_stops_when_told(
    fresh_database: dict[str, str], tmp_path: Path
) -> None:
    environ = {
        **os.environ,
        "DATABASE_URL": fresh_database["app"],
        "REDIS_URL": f"unix://{tmp_path}/nobody.sock",
        "SECRET_KEY": "a secret of thirty-two characters and more",
        "ROADBOOK_VAR": str(tmp_path),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "server", "worker"],
        env=environ,
        cwd=Path(__file__).resolve().parents[3],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with process.stderr as said:
        while "the queue does not answer" not in (line := said.readline()):
            assert line, "it ended"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=SOON_S) == 0
