"""From the outbox to the queue: what was committed is enqueued, and enqueued again until it is done.

The queue is only a wake-up call. A row leaves the outbox when its effect has happened, never before;
what the queue loses is enqueued again, so an emptied Redis costs seconds.
"""

from dataclasses import dataclass

from rq import Queue
from rq.serializers import JSONSerializer

from server.jobs.work import run_outbox_row
from sync.unit_of_work import Database

QUEUE = "roadbook"
ROWS_AT_ONCE = 200
# With more than this in the queue nothing is added: it would only grow what has to be done twice.
QUEUE_FULL = 5_000
# How long a row that was enqueued may take before it is enqueued again; short where the queue is
# empty, for then it was done, or lost.
AGAIN_S = 600
AGAIN_FROM_EMPTY_S = 15
JOB_TIMEOUT_S = 300
FAILED_KEPT_S = 3600

# A row that failed waits 30 s, 60 s … 16 minutes, from its last try.
_WAITING = """
select id from outbox
where company_id = :company and not is_set_aside
  and (enqueued_at is null
       or enqueued_at < clock_timestamp() - make_interval(secs => greatest(
              :again_s, case when attempts > 0 then 15 * 2 ^ least(attempts, 6) else 0 end)))
order by id limit :at_most for update skip locked
"""
_ENQUEUED = """
update outbox set enqueued_at = clock_timestamp() where company_id = :company and id = any(:rows)
"""


@dataclass(frozen=True, slots=True)
class Relay:
    """Moves rows of all companies to the queue."""

    database: Database
    queue: Queue

    def relay(self) -> int:
        """Enqueue what waits, at most `ROWS_AT_ONCE` a company; the number enqueued.

        Raises redis.RedisError where the queue does not answer: the rows then wait as they were.
        """
        with self.database.installation() as uow:
            companies = [row[0] for row in uow.rows("select companies_with_outbox()")]
        if not companies:
            return 0
        waiting = self.queue.count
        if waiting > QUEUE_FULL:
            return 0
        again_s = AGAIN_S if waiting else AGAIN_FROM_EMPTY_S
        return sum(self._relay_company(company_id, again_s) for company_id in companies)

    def _relay_company(self, company_id: int, again_s: int) -> int:
        with self.database.company(company_id) as uow:
            rows = [
                row.id
                for row in uow.rows(
                    _WAITING, company=company_id, again_s=again_s, at_most=ROWS_AT_ONCE
                )
            ]
            if not rows:
                return 0
            # Before the commit: enqueued and rolled back is done twice, committed and not enqueued
            # would wait for long.
            self.queue.enqueue_many(
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


def make_queue(connection: object) -> Queue:
    """The queue of this installation on a Redis connection; arguments travel as JSON."""
    return Queue(QUEUE, connection=connection, serializer=JSONSerializer)  # type: ignore[arg-type]
