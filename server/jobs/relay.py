"""From the outbox to the queue: what was committed is enqueued, and enqueued again until it is done.

The queue is only a wake-up call. A row leaves the outbox when its effect has happened, never before;
what the queue loses is enqueued again, so an emptied Redis costs seconds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rq import Queue
from rq.serializers import JSONSerializer

from server.jobs.work import ANSWER_TOPICS, PHOTO_TOPICS, SHEET_TOPICS, run_outbox_row
from sync.unit_of_work import Database

QUEUE = "roadbook"
# Work that takes a second and not a millisecond has queues of its own: ten thousand photos that arrive at once, or
# a spreadsheet of stores, delay nothing else.
PHOTO_QUEUE = "roadbook-photos"
SHEET_QUEUE = "roadbook-sheets"
ANSWER_QUEUE = "roadbook-answers"
LONG_QUEUES: Mapping[str, tuple[str, ...]] = {
    PHOTO_QUEUE: PHOTO_TOPICS,
    SHEET_QUEUE: SHEET_TOPICS,
    ANSWER_QUEUE: ANSWER_TOPICS,
}
_LONG_TOPICS = tuple(topic for topics in LONG_QUEUES.values() for topic in topics)
ROWS_AT_ONCE = 200
# With more than this in the queue nothing is added: it would only grow what has to be done twice.
QUEUE_FULL = 5_000
# Of the long queues less, so that a company that sends much does not stand before the others for long, and
# nothing waits in it until it is enqueued again.
LONG_ROWS_AT_ONCE = 50
LONG_QUEUE_FULL = 100
# How long a row that was enqueued may take before it is enqueued again; short where the queue is
# empty, for then it was done, or lost.
AGAIN_S = 600
LONG_AGAIN_S = 180
AGAIN_FROM_EMPTY_S = 15
JOB_TIMEOUT_S = 300
FAILED_KEPT_S = 3600

# A row that failed waits 30 s, 60 s … 16 minutes, from its last try.
_WAITING = """
select id from outbox
where company_id = :company and not is_set_aside and {of_lane}
  and (enqueued_at is null
       or enqueued_at < clock_timestamp() - make_interval(secs => greatest(
              :again_s, case when attempts > 0 then 15 * 2 ^ least(attempts, 6) else 0 end)))
order by id limit :at_most for update skip locked
"""
_ENQUEUED = """
update outbox set enqueued_at = clock_timestamp() where company_id = :company and id = any(:rows)
"""


_SHORT_WAITING = _WAITING.format(of_lane="topic <> all(:topics)")
_LONG_WAITING = _WAITING.format(of_lane="topic = any(:topics)")


@dataclass(frozen=True, slots=True)
class _Lane:
    queue: Queue
    waiting: str
    topics: tuple[str, ...]
    full: int
    at_once: int
    again_s: int


@dataclass(frozen=True, slots=True)
class Relay:
    """Moves rows of all companies to the queues; the long ones by name."""

    database: Database
    queue: Queue
    long_queues: Mapping[str, Queue]

    def relay(self) -> int:
        """Enqueue what waits, at most `ROWS_AT_ONCE` a company; the number enqueued.

        Raises redis.RedisError where the queue does not answer: the rows then wait as they were.
        """
        with self.database.installation() as uow:
            companies = [row[0] for row in uow.rows("select companies_with_outbox()")]
        if not companies:
            return 0
        bounds = (LONG_QUEUE_FULL, LONG_ROWS_AT_ONCE, LONG_AGAIN_S)
        lanes = (
            _Lane(self.queue, _SHORT_WAITING, _LONG_TOPICS, QUEUE_FULL, ROWS_AT_ONCE, AGAIN_S),
            *(
                _Lane(self.long_queues[name], _LONG_WAITING, topics, *bounds)
                for name, topics in LONG_QUEUES.items()
            ),
        )
        return sum(self._relay_lane(lane, companies) for lane in lanes)

    def _relay_lane(self, lane: _Lane, companies: Iterable[int]) -> int:
        waiting = lane.queue.count
        if waiting > lane.full:
            return 0
        again_s = lane.again_s if waiting else AGAIN_FROM_EMPTY_S
        return sum(self._relay_company(lane, company_id, again_s) for company_id in companies)

    def _relay_company(self, lane: _Lane, company_id: int, again_s: int) -> int:
        with self.database.company(company_id) as uow:
            rows = [
                row.id
                for row in uow.rows(
                    lane.waiting,
                    company=company_id,
                    again_s=again_s,
                    at_most=lane.at_once,
                    topics=list(lane.topics),
                )
            ]
            if not rows:
                return 0
            # Before the commit: enqueued and rolled back is done twice, committed and not enqueued
            # would wait for long.
            lane.queue.enqueue_many(
                [
                    Queue.prepare_data(
                        run_outbox_row,
                        args=(company_id, row_id),
                        job_id=f"outbox-{company_id}-{row_id}",
                        timeout=JOB_TIMEOUT_S,
                        result_ttl=0,
                        failure_ttl=FAILED_KEPT_S,
                        description=f"outbox row {row_id} of company {company_id}",
                    )
                    for row_id in rows
                ]
            )
            uow.run(_ENQUEUED, company=company_id, rows=rows)
        return len(rows)


def make_queue(connection: object, name: str = QUEUE) -> Queue:
    """A queue of this installation on a Redis connection; arguments travel as JSON."""
    return Queue(name, connection=connection, serializer=JSONSerializer)  # type: ignore[arg-type]
