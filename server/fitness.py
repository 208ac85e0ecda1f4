"""What a database must be before phones are told that it keeps their work. The one place that says so.

`web`, `worker` and `serve` do not start on one that is not; `doctor` shows the same list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, Row, text
from sqlalchemy.exc import DBAPIError, OperationalError

from server.migrate import head_revision, revision_of, way_to_head
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


# What the role is, and every role that it may act as, by however many steps.
_ROLES = """
select r.rolname as name, r.rolname = current_user as is_own, r.rolsuper, r.rolbypassrls,
       exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relrowsecurity
                 and c.relowner = r.oid) as owns_tables
from pg_roles r where pg_has_role(current_user, r.oid, 'member') order by 2 desc, 1
"""


class NotMigrated(CannotStart):
    """The database has not the tables of this program; the text says what to do."""


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


def tables_need(connection: Connection) -> Need:
    """That the tables are those of this program, neither older nor newer."""
    at, head = revision_of(connection), head_revision()
    found = head if at == head else f"{at or 'none'}, not {head}"
    return Need("migration", found, at == head, way_to_head(at))


def role_need(connection: Connection) -> Need:
    """That row-level security binds the role, and every role that it may act as."""
    ways = ways_past(connection)
    role = connection.execute(text("select current_user")).scalar_one()
    return Need(
        "application's role",
        f"{role}, which {', '.join(ways) or 'row-level security binds'}",
        not ways,
        "connect as one that owns nothing (nosuperuser nobypassrls) and is a member of none that does",
    )


def ways_past(connection: Connection) -> list[str]:
    """By what this connection's role passes row-level security, of its own or as a member."""
    own, *others = connection.execute(text(_ROLES)).all()
    ways = _ways_of(own)
    # A superuser counts as a member of every role there is.
    for one in [] if own.rolsuper else others:
        ways += [f"is a member of {one.name}, which {way}" for way in _ways_of(one)]
    return ways


def require_migrated(engine: Engine) -> None:
    """Raise NotMigrated where a command would find tables that are not there, or not as it knows them."""
    with engine.connect() as connection:
        need = tables_need(connection)
    if not need.is_met:
        raise NotMigrated(_told(need))


def require_fit(
    settings: Settings, *, patience_s: float = PATIENCE_S, is_migrated: bool = True
) -> None:
    """Raise CannotStart, with a line for each need that is not met.

    A database that does not answer is waited for, then it is the one line. `is_migrated` is false
    for who migrates it next: then only the server is looked at.
    """
    engine = make_engine(settings, application_name="roadbook-start", pool_size=1)
    until = monotonic() + patience_s
    try:
        while True:
            try:
                with engine.connect() as connection:
                    unmet = [
                        need for need in _all_needs(connection, is_migrated) if not need.is_met
                    ]
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
        raise CannotStart("\n".join(map(_told, unmet)))


def _all_needs(connection: Connection, is_migrated: bool) -> Iterator[Need]:
    yield from needs(connection)
    if is_migrated:
        of_tables = tables_need(connection)
        yield of_tables
        if of_tables.is_met:
            yield role_need(connection)


def _ways_of(role: Row[Any]) -> list[str]:
    """By what a role passes row-level security."""
    ways = (
        ("is a superuser", role.rolsuper),
        ("bypasses row-level security", role.rolbypassrls),
        ("owns the tables", role.owns_tables),
    )
    return [way for way, is_so in ways if is_so]


def _told(need: Need) -> str:
    return f"The database cannot be used: {need.what} is {need.found}; {need.remedy}"


def _is_turned_away(error: DBAPIError) -> bool:
    """Whether the server answered, and not because it is starting or full."""
    said = str(error.orig)
    return "FATAL:" in said and not any(passing in said for passing in _PASSING)


def _said(error: DBAPIError) -> str:
    return f"The database cannot be used: {str(error.orig).strip().partition(chr(10))[0]}"
