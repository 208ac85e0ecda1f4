"""What a database must be before phones are told that it keeps their work. The one place that says so.

`web`, `worker` and `serve` do not start on one that is not; `doctor` shows the same list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError

from server.processes import CannotStart
from server.settings import Settings
from server.wiring import make_engine

POSTGRES_MIN = 15
# Each flushes a commit to this server's disk before it is answered.
_WAITS_FOR_DISK = ("on", "remote_apply", "remote_write")
# How long a database may take to come up beside the service; a crash recovery is longer.
PATIENCE_S = 30.0
_ASK_AGAIN_S = 0.5

_PASSING = (
    "starting up",
    "shutting down",
    "recovery",
    "accepting connections",
    "slots",
    "too many",
)

_FACTS = """
select current_setting('server_version_num')::int / 10000 as version,
       pg_is_in_recovery() as is_standby,
       current_setting('fsync') as fsync,
       current_setting('full_page_writes') as full_page_writes,
       current_setting('synchronous_commit') as synchronous_commit
"""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that has to be so, how it is, and what to do where it is not."""

    what: str
    found: str
    is_met: bool
    remedy: str


def needs(connection: Connection) -> Iterator[Need]:
    """Everything that has to be so, as this connection's role finds it."""
    facts = connection.execute(text(_FACTS)).one()
    yield Need(
        "PostgreSQL",
        f"version {facts.version}",
        facts.version >= POSTGRES_MIN,
        f"use {POSTGRES_MIN} or newer",
    )
    yield Need(
        "server",
        "a standby" if facts.is_standby else "a primary",
        not facts.is_standby,
        "connect to the primary: a standby cannot keep what phones send",
    )
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = getattr(facts, name)
        allowed = _WAITS_FOR_DISK if name == "synchronous_commit" else ("on",)
        yield Need(
            name,
            value,
            value in allowed,
            f"set {name} = on: without it an acknowledged item can be lost",
        )


def require_fit(settings: Settings, *, patience_s: float = PATIENCE_S) -> None:
    """Raise CannotStart, with a line for each need that is not met.

    A database that does not answer is waited for, then it is the one line.
    """
    engine = make_engine(settings, application_name="roadbook-start", pool_size=1)
    until = monotonic() + patience_s
    try:
        while True:
            try:
                with engine.connect() as connection:
                    unmet = [need for need in needs(connection) if not need.is_met]
                break
            except OperationalError as error:
                if monotonic() > until or _is_turned_away(error):
                    raise CannotStart(_said(error)) from error
                sleep(_ASK_AGAIN_S)
            except DBAPIError as error:
                raise CannotStart(_said(error)) from error
    finally:
        engine.dispose()
    if unmet:
        raise CannotStart(
            "\n".join(
                f"The database cannot be used: {need.what} is {need.found}; {need.remedy}"
                for need in unmet
            )
        )


def _is_turned_away(error: DBAPIError) -> bool:
    """Whether the server answered, and not because it is starting or full."""
    said = str(error.orig)
    return "FATAL:" in said and not any(passing in said for passing in _PASSING)


def _said(error: DBAPIError) -> str:
    return f"The database cannot be used: {str(error.orig).strip().partition(chr(10))[0]}"
