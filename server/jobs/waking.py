"""Waking the relay where somebody waits for what was just committed, so that it does not wait for its next turn.

Only a wake-up call: where the queue's server does not answer, the relay looks half a second later as ever.
"""

import logging

import redis

_KEY = "roadbook:wake"
# Calls that nobody heard; one is enough for a relay.
_MOST = 8
_KEPT_S = 10

logger = logging.getLogger("roadbook.jobs")


def wake_relay(client: redis.Redis) -> None:
    """Let a relay look now. Raises nothing."""
    try:
        with client.pipeline(transaction=False) as together:
            together.lpush(_KEY, b"")
            together.ltrim(_KEY, 0, _MOST - 1)
            together.expire(_KEY, _KEPT_S)
            together.execute()
    except redis.RedisError as error:
        logger.debug("the relay is not woken: %s", error)


def wait_to_be_woken(client: redis.Redis, longest_s: float) -> bool:
    """Wait until somebody wakes the relay, for so long at most; whether somebody did.

    Raises redis.RedisError at once where the queue's server does not answer.
    """
    return client.blpop([_KEY], timeout=longest_s) is not None
