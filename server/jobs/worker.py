"""`roadbook worker`: relay, schedule and queue in one process that stops cleanly and says it lives.

Jobs run in the main thread, one at a time (RQ's SimpleWorker: no fork, four times the jobs a
second); the relay and the schedule have a thread each, so that a long night's work delays nobody's
items. Files are read from a queue of their own by as many threads as the settings say, each of which waits
for a process that does the work (server/photos/reading.py); imports and exports have a queue and one thread, what pages wait for has two. A Redis that goes away and comes back is waited for; meanwhile the schedule goes on.
"""

import json
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import FrameType

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, SimpleWorker
from rq.exceptions import DequeueTimeout
from rq.serializers import JSONSerializer
from rq.timeouts import BaseDeathPenalty

from server.jobs.relay import (
    ANSWER_QUEUE,
    LONG_QUEUES,
    PHOTO_QUEUE,
    QUEUE,
    SHEET_QUEUE,
    Relay,
    make_queue,
)
from server.jobs.schedule import RedisMemory, Schedule
from server.jobs.waking import wait_to_be_woken
from server.jobs.work import Workshop, open_workshop

RELAY_EVERY_S = 0.5
SCHEDULE_EVERY_S = 30.0
HEARTBEAT_EVERY_S = 5.0
HEARTBEAT_KEPT_S = 30
HEARTBEAT_KEY = "roadbook:worker:{host}:{pid}"
_WAIT_FOR_JOB_S = 1
# A page that takes long asks for three things.
_ANSWERED_AT_ONCE = 2
_REDIS_WAITS_S = (0.5, 1.0, 2.0, 5.0)
_WORKER_TTL_S = 20
_JOIN_S = 10.0
# A file takes a second or two; one that takes longer is given back.
_READ_OUT_S = 5.0

logger = logging.getLogger("roadbook.jobs")


class QuietWorker(SimpleWorker):
    """RQ's worker without its own loop, its signals and its command channel: this module has them."""

    log_result_lifespan = False

    def _set_ip_address(self, connection: redis.Redis) -> None:  # noqa: ARG002 - RQ's signature
        # Nobody reads it; and asked for, a client on a socket has the socket's path for an address,
        # which the driver cannot read where there is a space in it.
        self.ip_address = "unknown"


class _Unhurried(BaseDeathPenalty):
    """No alarm: signals are the main thread's, and every wait of a reading has its own end."""

    def setup_death_penalty(self) -> None:
        """Do nothing."""

    def cancel_death_penalty(self) -> None:
        """Do nothing."""


class ReadingWorker(QuietWorker):
    """One that works in a thread beside the main one."""

    death_penalty_class = _Unhurried


@dataclass(slots=True)
class WorkerProcess:
    """One worker. `run` returns when `stopping` is set, after the job at hand."""

    shop: Workshop
    client: redis.Redis
    ledger_days: int
    change_days: int
    # How many files are read at once.
    readers: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)
    _jobs_done: int = 0

    def run(self) -> None:
        """Work until told to stop."""
        open_workshop(replace(self.shop, is_stopping=self.stopping.is_set))
        # One quick try: this module waits by itself, and looks meanwhile whether it is to stop.
        self.client.set_retry(Retry(NoBackoff(), 0))
        threads = [
            threading.Thread(target=self._recur, args=(turns,), name=name, daemon=True)
            for name, turns in self._recurring().items()
        ]
        readers = [
            threading.Thread(target=self._work_beside, args=(queue,), name=name, daemon=True)
            for name, queue in (
                *(
                    (f"answers-{number}", ANSWER_QUEUE)
                    for number in range(1, _ANSWERED_AT_ONCE + 1)
                ),
                ("sheets", SHEET_QUEUE),
                *((f"reader-{number}", PHOTO_QUEUE) for number in range(1, self.readers + 1)),
            )
        ]
        for thread in (*threads, *readers):
            thread.start()
        try:
            self._work_queue(QUEUE, QuietWorker)
        finally:
            self.stopping.set()
            self._end_readers(readers)
            for thread in threads:
                thread.join(_JOIN_S)
            self._forget_heartbeat()

    def stop(self, _signum: int = 0, _frame: FrameType | None = None) -> None:
        """Stop after the job at hand; fit to be a signal handler."""
        self.stopping.set()

    # --- the queues: one in the main thread, those of long work in threads beside it --------------------

    def _work_beside(self, queue: str) -> None:
        try:
            self._work_queue(queue, ReadingWorker)
        finally:
            # As below: a worker without one of its threads ends.
            self.stopping.set()

    def _end_readers(self, readers: list[threading.Thread]) -> None:
        until = time.monotonic() + _READ_OUT_S
        for thread in readers:
            thread.join(max(0.0, until - time.monotonic()))
        if self.shop.room is not None:
            self.shop.room.end()
        for thread in readers:
            thread.join(_READ_OUT_S)

    def _work_queue(self, queue: str, kind: type[QuietWorker]) -> None:
        failures = 0
        while not self.stopping.is_set():
            try:
                worker = self._born(queue, kind)
                failures = 0
                self._work_while_connected(worker)
                worker.register_death()  # type: ignore[no-untyped-call]
            except redis.RedisError as error:
                wait_s = _REDIS_WAITS_S[min(failures, len(_REDIS_WAITS_S) - 1)]
                failures += 1
                logger.warning("the queue does not answer, again in %.1f s: %s", wait_s, error)
                self.stopping.wait(wait_s)

    def _born(self, queue: str, kind: type[QuietWorker]) -> QuietWorker:
        worker = kind(
            [make_queue(self.client, queue)],
            connection=self.client,
            serializer=JSONSerializer,
            worker_ttl=_WORKER_TTL_S,
            log_job_description=False,
        )
        worker.register_birth()  # type: ignore[no-untyped-call]
        return worker

    def _work_while_connected(self, worker: QuietWorker) -> None:
        beat_at = 0.0
        while not self.stopping.is_set():
            if time.monotonic() >= beat_at:
                worker.heartbeat()
                beat_at = time.monotonic() + HEARTBEAT_EVERY_S
            if worker.should_run_maintenance_tasks:
                worker.run_maintenance_tasks()  # type: ignore[no-untyped-call]
            try:
                found = Queue.dequeue_any(
                    worker.queues,
                    _WAIT_FOR_JOB_S,
                    connection=self.client,
                    job_class=worker.job_class,
                    serializer=worker.serializer,
                    death_penalty_class=worker.death_penalty_class,
                )
            except DequeueTimeout:
                continue
            if found is None:
                continue
            job, queue = found
            job.redis_server_version = worker.get_redis_server_version()  # type: ignore[no-untyped-call]
            worker.execute_job(job, queue)
            self._jobs_done += 1

    # --- relay, schedule and heartbeat, in threads of their own -----------------------------------------

    def _recurring(self) -> "dict[str, list[_Recurring]]":
        relay = Relay(
            self.shop.database,
            make_queue(self.client),
            {name: make_queue(self.client, name) for name in LONG_QUEUES},
        )
        schedule = Schedule(
            self.shop.database,
            self.shop.engine,
            RedisMemory(self.client),
            ledger_days=self.ledger_days,
            change_days=self.change_days,
            media=self.shop.media,
            is_stopping=self.stopping.is_set,
        )
        return {
            "relay": [
                _Recurring("heartbeat", HEARTBEAT_EVERY_S, self._beat),
                _Recurring("relay", RELAY_EVERY_S, relay.relay, can_be_woken=True),
            ],
            "schedule": [
                _Recurring("schedule", SCHEDULE_EVERY_S, lambda: schedule.round(datetime.now(UTC))),
            ],
        }

    def _recur(self, turns: "list[_Recurring]") -> None:
        try:
            while not self.stopping.is_set():
                for turn in turns:
                    turn.run_if_due(time.monotonic())
                next_s = min(turn.due_at for turn in turns) - time.monotonic()
                self._wait(turns, max(0.05, next_s))
        finally:
            # A worker without one of its threads is no worker: it ends, and is started again.
            self.stopping.set()

    def _wait(self, turns: "list[_Recurring]", longest_s: float) -> None:
        """Wait for the next turn; where one of them can be woken, until somebody does."""
        woken = next((turn for turn in turns if turn.can_be_woken), None)
        if woken is None:
            self.stopping.wait(longest_s)
            return
        try:
            if wait_to_be_woken(self.client, longest_s):
                woken.due_at = 0.0
        except redis.RedisError:
            self.stopping.wait(longest_s)

    def _beat(self) -> None:
        said = {"at": datetime.now(UTC).isoformat(), "jobs_done": self._jobs_done}
        self.client.set(_heartbeat_key(), json.dumps(said), ex=HEARTBEAT_KEPT_S)

    def _forget_heartbeat(self) -> None:
        try:
            self.client.delete(_heartbeat_key())
        except redis.RedisError as error:
            logger.debug("the heartbeat is left to expire: %s", error)


@dataclass(slots=True)
class _Recurring:
    """Something done every so often; a failure is logged once and tried again, less often."""

    name: str
    every_s: float
    act: Callable[[], object]
    can_be_woken: bool = False
    due_at: float = 0.0
    failures: int = 0

    def run_if_due(self, now_s: float) -> None:
        """Do it if its time has come."""
        if now_s < self.due_at:
            return
        try:
            self.act()
        except Exception as error:
            # A lost database or queue must not end the thread.
            self.failures += 1
            level = logging.WARNING if self.failures == 1 else logging.DEBUG
            logger.log(
                level,
                "%s failed, goes on trying: %s",
                self.name,
                error,
                exc_info=level == logging.DEBUG,
            )
        else:
            if self.failures:
                logger.info("%s goes on after %d failures", self.name, self.failures)
            self.failures = 0
        self.due_at = time.monotonic() + self.every_s * min(10, 1 + self.failures)


def _heartbeat_key() -> str:
    return HEARTBEAT_KEY.format(host=socket.gethostname(), pid=os.getpid())


def living_workers(client: redis.Redis) -> int:
    """How many workers said within the last half minute that they live. Raises redis.RedisError."""
    return sum(1 for _ in client.scan_iter(HEARTBEAT_KEY.format(host="*", pid="*"), count=1000))


def run_worker(process: WorkerProcess) -> None:
    """Run a worker in this process until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, process.stop)
    process.run()
