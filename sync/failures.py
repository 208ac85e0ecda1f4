"""What an error of the database says: that it refuses a row for good, or that it could not do it now.

A refusal (SQLSTATE classes 22 and 23) is somebody's fault and stays; everything that passes, among it
a connection that was lost, is tried again. A unique violation of the engine's own keys is no
refusal: somebody else wrote the same receipt or made the same record meanwhile.
"""

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from sync.direct import STALE

_REFUSES = (psycopg.DataError, psycopg.IntegrityError)
_PASSES = (
    psycopg.OperationalError,
    psycopg.errors.InternalError_,
    # Nobody's fault: this process stood still, or the server has just become a standby.
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.ReadOnlySqlTransaction,
    *STALE,
)
_COLLIDES = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)
# Of a kind's own: a unique constraint with this end only says that somebody else was quicker.
_RACED_END = "_raced"
_RACED = ("ledger_pk", "record_pk", "record_version_pk", "kept_item_pk")


def cause_of(error: BaseException) -> BaseException:
    """The driver's own error, also where SQLAlchemy wrapped it."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig
    if isinstance(error, PoolTimeout):
        return psycopg.OperationalError("no connection was free in time")
    return error


def is_refusal(error: BaseException) -> bool:
    """Whether the database refuses a value or a row, and will again."""
    cause = cause_of(error)
    return isinstance(cause, _REFUSES) and not is_race(cause)


def is_passing(error: BaseException) -> bool:
    """Whether the same may succeed when it is tried again."""
    cause = cause_of(error)
    return isinstance(cause, _PASSES) or is_race(cause)


def is_collision(error: BaseException) -> bool:
    """Whether it only met somebody else at work, so that the same may succeed at once: a deadlock, a row that changed
    meanwhile. A lock that was waited for in vain is none: who waits once more waits as long again.
    """
    cause = cause_of(error)
    return isinstance(cause, _COLLIDES) or is_race(cause)


def is_lost(error: BaseException) -> bool:
    """Whether the connection is gone: nobody answered, or the server said that it goes down."""
    cause = cause_of(error)
    return isinstance(cause, psycopg.OperationalError) and (
        cause.sqlstate is None or cause.sqlstate.startswith("57P0")
    )


def is_race(error: BaseException) -> bool:
    """Whether somebody else was quicker to write the same; whoever is late again and again is refused."""
    cause = cause_of(error)
    return isinstance(cause, psycopg.errors.UniqueViolation) and (
        cause.diag.constraint_name in _RACED
        or (cause.diag.constraint_name or "").endswith(_RACED_END)
    )
