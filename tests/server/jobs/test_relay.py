"""What is committed reaches the queue, whatever the queue forgets."""

from pathlib import Path

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from server.answers.asked import ANSWER
from server.exchange.asked import IMPORT
from server.exports.runs import EXPORT
from server.jobs import relay as relay_module
from server.jobs.relay import ANSWER_QUEUE, PHOTO_QUEUE, SHEET_QUEUE, Relay
from server.jobs.waking import wait_to_be_woken, wake_relay
from server.jobs.work import Workshop, do_row
from server.media.files import FILE_READ
from sync.unit_of_work import Database
from tests.factories import Company
from tests.server.jobs.conftest import add_row, rows_of, run

EFFECTS = {"test": lambda *_: None}


def make_relay(shop: Workshop, queue: Queue, long_queue: Queue) -> Relay:
    """With a queue for sheets and one for answers beside these."""
    named = {SHEET_QUEUE: beside(queue, "sheets"), ANSWER_QUEUE: beside(queue, "answers")}
    return Relay(shop.database, queue, {PHOTO_QUEUE: long_queue, **named})


def beside(queue: Queue, name: str) -> Queue:
    return Queue(f"{queue.name}-{name}", connection=queue.connection, serializer=JSONSerializer)


def names(queue: Queue, company: Company) -> list[str]:
    return [name for name in queue.job_ids if name.startswith(f"outbox-{company.id}-")]


def age(database: Database, company: Company, seconds: int) -> None:
    run(
        database,
        company,
        "update outbox set enqueued_at = enqueued_at - make_interval(secs => :s)",
        s=seconds,
    )


def test_rows_are_enqueued_once_under_their_own_names(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    rows = [add_row(shop.database, company) for _ in range(3)]
    relay = make_relay(shop, queue, long_queue)
    relay.relay()
    relay.relay()
    assert names(queue, company) == [f"outbox-{company.id}-{row}" for row in rows]
    assert all(row.enqueued_at is not None for row in rows_of(shop.database, company))


def test_what_a_job_carries_is_plain_json(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    row = add_row(shop.database, company)
    make_relay(shop, queue, long_queue).relay()
    job = queue.fetch_job(f"outbox-{company.id}-{row}")
    assert job is not None
    assert job.func_name == "server.jobs.work.run_outbox_row"
    assert list(job.args) == [company.id, row]


def test_a_queue_that_was_lost_loses_nothing(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    add_row(shop.database, company)
    relay = make_relay(shop, queue, long_queue)
    relay.relay()
    queue.connection.flushdb()
    relay.relay()
    assert names(queue, company) == []
    age(shop.database, company, relay_module.AGAIN_FROM_EMPTY_S + 1)
    relay.relay()
    assert len(names(queue, company)) == 1


def test_what_waits_in_a_long_queue_is_not_enqueued_again_soon(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    add_row(shop.database, company)
    relay = make_relay(shop, queue, long_queue)
    relay.relay()
    age(shop.database, company, relay_module.AGAIN_FROM_EMPTY_S + 1)
    relay.relay()
    assert len(names(queue, company)) == 1
    age(shop.database, company, relay_module.AGAIN_S)
    relay.relay()
    assert len(names(queue, company)) == 2


def test_a_queue_that_does_not_answer_leaves_rows_as_they_were(
    shop: Workshop,
    queue: Queue,
    long_queue: Queue,
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_row(shop.database, company)

    def away(*_: object) -> None:
        raise redis.ConnectionError("away")

    monkeypatch.setattr(queue, "enqueue_many", away)
    with pytest.raises(redis.ConnectionError):
        make_relay(shop, queue, long_queue).relay()
    assert rows_of(shop.database, company)[0].enqueued_at is None


def test_a_full_queue_is_not_filled_further(
    shop: Workshop,
    queue: Queue,
    long_queue: Queue,
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    add_row(shop.database, company)
    relay = make_relay(shop, queue, long_queue)
    relay.relay()
    monkeypatch.setattr(relay_module, "QUEUE_FULL", 0)
    add_row(shop.database, company)
    assert relay.relay() == 0


def test_a_failed_row_waits_longer_each_time(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    row = add_row(shop.database, company)
    relay = make_relay(shop, queue, long_queue)

    def fail(*_: object) -> None:
        raise ValueError("no")

    waits = []
    for _ in range(3):
        do_row(shop, company.id, row, {"test": fail})
        waited = 0
        while not relay.relay():
            age(shop.database, company, 10)
            waited += 10
        queue.empty()  # type: ignore[no-untyped-call]
        waits.append(waited)
    assert waits == [30, 60, 120]


def test_what_is_set_aside_stays_out_of_the_queue(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    row = add_row(shop.database, company, topic="nobody's")
    do_row(shop, company.id, row)
    age(shop.database, company, 100_000)
    make_relay(shop, queue, long_queue).relay()
    assert names(queue, company) == []


def test_two_relays_at_once_do_not_wait_for_each_other(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    add_row(shop.database, company)
    with shop.database.company(company.id) as uow:
        uow.rows("select id from outbox for update")
        make_relay(shop, queue, long_queue).relay()
    assert names(queue, company) == []
    make_relay(shop, queue, long_queue).relay()
    assert len(names(queue, company)) == 1


def test_files_to_be_read_have_a_queue_of_their_own(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    photos = [add_row(shop.database, company, topic=FILE_READ) for _ in range(3)]
    other = add_row(shop.database, company)
    make_relay(shop, queue, long_queue).relay()
    assert names(queue, company) == [f"outbox-{company.id}-{other}"]
    assert names(long_queue, company) == [f"outbox-{company.id}-{row}" for row in photos]


def test_what_a_page_waits_for_waits_for_no_import(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    add_row(shop.database, company, topic=IMPORT)
    row = add_row(shop.database, company, topic=ANSWER)
    make_relay(shop, queue, long_queue).relay()
    assert names(beside(queue, "answers"), company) == [f"outbox-{company.id}-{row}"]
    assert names(queue, company) == []


def test_imports_and_exports_wait_for_no_photo(
    shop: Workshop, queue: Queue, long_queue: Queue, company: Company
) -> None:
    sheets = [add_row(shop.database, company, topic=topic) for topic in (IMPORT, EXPORT)]
    add_row(shop.database, company, topic=FILE_READ)
    make_relay(shop, queue, long_queue).relay()
    assert names(beside(queue, "sheets"), company) == [
        f"outbox-{company.id}-{row}" for row in sheets
    ]
    assert len(names(long_queue, company)) == 1
    assert names(queue, company) == []


def test_many_files_to_be_read_keep_nothing_else_out_and_do_not_fill_their_queue(
    shop: Workshop,
    queue: Queue,
    long_queue: Queue,
    company: Company,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(relay_module, "LONG_ROWS_AT_ONCE", 2)
    monkeypatch.setattr(relay_module, "LONG_QUEUE_FULL", 3)
    for _ in range(10):
        add_row(shop.database, company, topic=FILE_READ)
    relay = make_relay(shop, queue, long_queue)
    for _ in range(4):
        relay.relay()
    add_row(shop.database, company)
    relay.relay()
    assert len(names(long_queue, company)) == 4
    assert len(names(queue, company)) == 1


def test_a_relay_is_woken_once_for_all_that_called_and_waits_when_nobody_does(
    client: redis.Redis,
) -> None:
    client.delete("roadbook:wake")
    for _ in range(20):
        wake_relay(client)
    heard = 0
    while wait_to_be_woken(client, 0.05):
        heard += 1
    assert 1 <= heard <= 8
    assert not wait_to_be_woken(client, 0.05)


def test_a_queue_that_is_away_keeps_nobody_from_going_on(tmp_path: Path) -> None:
    nobody = redis.Redis(unix_socket_path=str(tmp_path / "nobody.sock"))
    wake_relay(nobody)
    with pytest.raises(redis.RedisError):
        wait_to_be_woken(nobody, 0.05)
