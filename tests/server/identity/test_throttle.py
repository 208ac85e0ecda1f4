"""Tries are bounded, also when they come at once and while Redis is away."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
import redis

from server.identity.errors import TooManyTries
from server.identity.throttle import Bound, Counter, LocalCounter, RedisCounter, Try, spend

BOUND = Bound("test", tries=3, window_s=60)


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture(params=["local", "redis"])
def counter(request: pytest.FixtureRequest) -> Iterator[Counter]:
    if request.param == "local":
        yield LocalCounter()
        return
    shared = RedisCounter(request.getfixturevalue("redis_url"))
    yield shared
    shared.close()


def _try() -> Try:
    return Try(BOUND, str(uuid4()))


def test_tries_up_to_the_bound_pass_and_the_next_says_how_long_to_wait(counter: Counter) -> None:
    one = _try()
    for _ in range(BOUND.tries):
        spend(counter, [one])
    with pytest.raises(TooManyTries) as refused:
        spend(counter, [one])
    assert 0 < refused.value.retry_after_s <= BOUND.window_s


def test_one_subjects_tries_are_not_anothers(counter: Counter) -> None:
    one = _try()
    for _ in range(BOUND.tries):
        spend(counter, [one])
    spend(counter, [_try()])


def test_a_try_taken_back_is_free(counter: Counter) -> None:
    one = _try()
    for _ in range(BOUND.tries * 3):
        spend(counter, [one])
        counter.take_back([one])


def test_tries_at_the_same_moment_are_each_counted(counter: Counter) -> None:
    one = _try()

    def passes(_: int) -> bool:
        try:
            spend(counter, [one])
        except TooManyTries:
            return False
        return True

    with ThreadPoolExecutor(12) as pool:
        assert sum(pool.map(passes, range(24))) == BOUND.tries


def test_a_window_ends() -> None:
    clock = Clock()
    counter = LocalCounter(clock=clock)
    one = _try()
    for _ in range(BOUND.tries):
        spend(counter, [one])
    clock.now_s += BOUND.window_s
    spend(counter, [one])


def test_a_count_in_redis_always_has_an_end(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    counter = RedisCounter(redis_url)
    counted, uncounted = _try(), _try()
    counter.add([counted])
    counter.take_back([counted, uncounted])
    assert 0 < int(client.ttl(counted.key)) <= BOUND.window_s
    assert 0 < int(client.ttl(uncounted.key)) <= BOUND.window_s
    counter.close()
    client.close()


def test_nobodys_e_mail_stands_in_redis() -> None:
    assert "ana@example.com" not in Try(BOUND, "ana@example.com").key


def test_without_redis_a_process_counts_for_itself() -> None:
    counter = RedisCounter("redis://127.0.0.1:1/0")
    one = _try()
    for _ in range(BOUND.tries):
        spend(counter, [one])
    with pytest.raises(TooManyTries):
        spend(counter, [one])


def test_a_flood_of_subjects_does_not_fill_the_memory() -> None:
    counter = LocalCounter(max_subjects=50)
    for _ in range(500):
        counter.add([_try()])
    assert len(counter._counts) <= 50
