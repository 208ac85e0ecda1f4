"""What the service works with, made from its settings: the engine of the database and the queue.

Every wait has an end: for a connection of the pool, for a lock, for a statement, for an idle
transaction. There is no ping before use: a connection that died is found by its first statement,
and the push is told to come again.
"""

import redis
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import QueuePool

from server.migrate import driver_url
from server.settings import Settings

_CONNECT_S = 5
_REDIS_S = 5


def make_engine(
    settings: Settings, *, application_name: str, pool_size: int | None = None
) -> Engine:
    """Connections as the application's role, at most `pool_size` of them.

    `application_name` shows in pg_stat_activity: roadbook-web, roadbook-worker, …
    """
    limits = {
        "statement_timeout": settings.statement_timeout_s,
        "lock_timeout": settings.lock_timeout_s,
        "idle_in_transaction_session_timeout": settings.idle_in_transaction_s,
    }
    return create_engine(
        driver_url(settings.database_url),
        poolclass=QueuePool,
        pool_size=pool_size or settings.pool_size,
        max_overflow=0,
        pool_timeout=settings.pool_wait_s,
        pool_pre_ping=False,
        pool_use_lifo=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": _CONNECT_S,
            "options": " ".join(f"-c {name}={seconds}s" for name, seconds in limits.items()),
            "keepalives_idle": 30,
            "tcp_user_timeout": 30_000,
        },
    )


def make_redis(settings: Settings) -> redis.Redis:
    """A client of the queue's server that gives up after seconds, never hangs."""
    return redis.Redis.from_url(
        settings.redis_url, socket_timeout=_REDIS_S, socket_connect_timeout=_REDIS_S
    )
