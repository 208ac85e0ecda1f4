"""Tries are bounded, per subject and window, also when they come at once.

A try is counted before it is judged, so a hundred at the same moment are a hundred. Counts live
in Redis, under a hash of their subject (an e-mail address is nobody's business there). While
Redis is away each process counts for itself: the bound is then that of a process, never none.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from server.identity.errors import TooManyTries

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `tries` for one subject within a window that begins with its first try."""

    purpose: str
    tries: int
    window_s: int


# A person who forgot a password tries a handful; an office behind one address signs in at once.
# The pair is tight and the e-mail alone wide, so that a stranger cannot lock a person out cheaply.
SIGN_IN_PAIR = Bound("sign-in pair", tries=10, window_s=900)
SIGN_IN_EMAIL = Bound("sign-in e-mail", tries=100, window_s=3600)
SIGN_IN_ADDRESS = Bound("sign-in address", tries=200, window_s=900)
ENROL_ADDRESS = Bound("enrol address", tries=60, window_s=900)


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one subject under one bound."""

    bound: Bound
    subject: str

    @property
    def key(self) -> str:
        # An address as typed may hold what UTF-8 has no bytes for; it is a subject all the same.
        named = f"{self.bound.purpose}\0{self.subject}".encode("utf-8", "surrogatepass")
        return f"roadbook:try:{sha256(named).hexdigest()}"


class Counter(Protocol):
    """Where tries are counted."""

    def add(self, tries: Iterable[Try]) -> list[tuple[int, int]]:
        """Count one more of each; the new counts, each with the seconds left of its window."""

    def take_back(self, tries: Iterable[Try]) -> None:
        """Uncount one of each: a try that succeeded was no guess."""


class LocalCounter:
    """Counts of one process, bounded in number."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, max_subjects: int = 20_000
    ) -> None:
        self._clock = clock
        self._max_subjects = max_subjects
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}

    def add(self, tries: Iterable[Try]) -> list[tuple[int, int]]:
        now_s = self._clock()
        counted = []
        with self._lock:
            for one in tries:
                count, ends_s = self._counts.pop(one.key, (0, now_s + one.bound.window_s))
                if ends_s <= now_s:
                    count, ends_s = 0, now_s + one.bound.window_s
                self._make_room(now_s)
                self._counts[one.key] = (count + 1, ends_s)
                counted.append((count + 1, max(1, round(ends_s - now_s))))
        return counted

    def take_back(self, tries: Iterable[Try]) -> None:
        with self._lock:
            for one in tries:
                if one.key in self._counts:
                    count, ends_s = self._counts[one.key]
                    self._counts[one.key] = (max(0, count - 1), ends_s)

    def _make_room(self, now_s: float) -> None:
        if len(self._counts) < self._max_subjects:
            return
        self._counts = {k: v for k, v in self._counts.items() if v[1] > now_s}
        while len(self._counts) >= self._max_subjects:
            del self._counts[next(iter(self._counts))]


class RedisCounter:
    """Counts of all processes together; those of this process alone while Redis is away."""

    def __init__(self, url: str) -> None:
        # One short try: the client's own ten, with their pauses, would hold a person for 15 s.
        self._client = redis.Redis.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)
        )
        self._fallback = LocalCounter()

    def close(self) -> None:
        self._client.close()

    def add(self, tries: Iterable[Try]) -> list[tuple[int, int]]:
        asked = list(tries)
        try:
            with self._client.pipeline(transaction=True) as pipe:
                for one in asked:
                    pipe.set(one.key, 0, ex=one.bound.window_s, nx=True)
                    pipe.incr(one.key)
                    pipe.ttl(one.key)
                answers = pipe.execute()
        except redis.RedisError as error:
            logger.warning("tries are counted per process: Redis does not answer (%s)", error)
            return self._fallback.add(asked)
        counts, ttls_s = answers[1::3], answers[2::3]
        return [
            (int(count), max(1, int(ttl_s))) for count, ttl_s in zip(counts, ttls_s, strict=True)
        ]

    def take_back(self, tries: Iterable[Try]) -> None:
        asked = list(tries)
        try:
            with self._client.pipeline(transaction=True) as pipe:
                for one in asked:
                    # The window may have ended meanwhile: it must not come back without an end.
                    pipe.set(one.key, 1, ex=one.bound.window_s, nx=True)
                    pipe.decr(one.key)
                pipe.execute()
        except redis.RedisError:
            self._fallback.take_back(asked)


def spend(counter: Counter, tries: Iterable[Try]) -> None:
    """Count one try of each; raise TooManyTries, with the longest wait, where a bound is passed."""
    asked = list(tries)
    waits = [
        wait_s
        for one, (count, wait_s) in zip(asked, counter.add(asked), strict=True)
        if count > one.bound.tries
    ]
    if waits:
        raise TooManyTries(max(waits))
