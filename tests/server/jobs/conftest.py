"""A workshop over the test database, a queue of its own, and companies that come and go."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer
from sqlalchemy import Engine

from server.jobs.work import Workshop
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database
from tests.factories import Company, make_company

SOON_S = 30.0


def until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until it is so; fail with the words where that takes too long."""
    ends = time.monotonic() + SOON_S
    while not is_so():
        assert time.monotonic() < ends, what
        time.sleep(0.05)


@pytest.fixture(scope="session")
def job_database(engine: Engine) -> Database:
    return Database(engine)


@pytest.fixture
def shop(job_database: Database) -> Workshop:
    return Workshop(job_database, SyncEngine(job_database, ALL_KINDS, b"x" * 32))


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as made:
        made.flushdb()
        yield made


@pytest.fixture
def queue(client: redis.Redis) -> Queue:
    return Queue(f"test-{uuid4().hex}", connection=client, serializer=JSONSerializer)


@pytest.fixture
def long_queue(client: redis.Redis) -> Queue:
    return Queue(f"test-long-{uuid4().hex}", connection=client, serializer=JSONSerializer)


@pytest.fixture
def company(owner_engine: Engine) -> Iterator[Company]:
    made = make_company(owner_engine)
    yield made
    # What is left in an outbox is everybody's work: the relay looks at all companies.
    with owner_engine.begin() as connection:
        connection.exec_driver_sql("delete from outbox where company_id = %s", (made.id,))


def add_row(
    database: Database, company: Company, topic: str = "test", payload: str = '{"a": 1}'
) -> int:
    with database.company(company.id) as uow:
        return int(
            uow.rows(
                "insert into outbox (company_id, topic, payload)"
                " values (:c, :topic, cast(:payload as jsonb)) returning id",
                c=company.id,
                topic=topic,
                payload=payload,
            )[0][0]
        )


def rows_of(database: Database, company: Company) -> list[Any]:
    with database.company(company.id) as uow:
        return uow.rows(
            "select id, attempts, failure, is_set_aside, enqueued_at from outbox order by id"
        )


def run(database: Database, company: Company, statement: str, **values: Any) -> int:
    with database.company(company.id) as uow:
        return uow.run(statement, c=company.id, **values)
