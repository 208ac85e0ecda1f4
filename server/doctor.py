"""What is wrong with an installation, and what to do about it: one finding a line.

Each check looks and reports; none changes anything. A check that cannot look, because what it
needs is missing, is left out: the missing thing has its own finding.
"""

import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from time import time
from typing import Any

import redis
import sqlalchemy
from packaging.requirements import Requirement
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from server.embedded import FREE_BYTES_MIN
from server.fitness import needs, tables_need, ways_past
from server.identity.aligned import told_span
from server.media.installed import media_of
from server.media.keys import original_key
from server.media.storage import StorageAway
from server.restore.epochs import show_epoch, show_watermark
from server.settings import Settings, SettingsRefused, load_settings
from server.supervise import first_line
from server.waiting import read_waiting
from server.wiring import make_engine, make_redis

PYTHON_MIN = (3, 11)
XID_AGE_WARN = 500_000_000
XID_AGE_FAIL = 1_500_000_000
TRANSACTION_OLD_S = 600
IN_PROGRESS_MANY = 200
SNAPSHOT_SPAN_WIDE = 1_000_000
CLOCK_APART_S = 5
QUARANTINED_OLD_S = 24 * 3600
DEFERRED_OLD_S = 14 * 24 * 3600
WORK_OLD_S = 300
FILES_OLD_S = 4 * 3600
WATERMARK_OLD_S = 3 * 24 * 3600
_ROOT = Path(__file__).resolve().parent.parent


class Verdict(IntEnum):
    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what is so, and what to do where it is not well."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{self.verdict.name:<4} {self.what}: {self.found}"
        return f"{line} → {self.remedy}" if self.remedy else line

    def as_json(self) -> dict[str, str]:
        return {
            "verdict": self.verdict.name,
            "what": self.what,
            "found": self.found,
            "remedy": self.remedy,
        }


def judge(
    what: str, found: object, remedy: str, *, fails: bool = False, warns: bool = False
) -> Finding:
    """A finding; the remedy is kept only where something is not well."""
    verdict = Verdict.FAIL if fails else Verdict.WARN if warns else Verdict.OK
    return Finding(verdict, what, str(found), remedy if verdict else "")


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Everything that can be looked at, in the order in which it should be mended."""
    findings = [*_python(), *_packages(_ROOT / "requirements.txt")]
    try:
        settings = load_settings(environ, keeps_key=False)
    except SettingsRefused as refused:
        findings += [
            Finding(Verdict.FAIL, fault.variable, fault.found, f"expected: {fault.expected}")
            for fault in refused.faults
        ]
        return findings
    findings.append(Finding(Verdict.OK, "settings", "all can be used"))
    findings += _disk(settings)
    findings += _storage(settings)
    findings += _database(settings)
    findings += _queue(settings)
    findings += _port(settings)
    return findings


def _python() -> Iterator[Finding]:
    yield judge(
        "Python",
        ".".join(map(str, sys.version_info[:3])),
        "run make install PYTHON=python3.11 or newer",
        fails=sys.version_info[:2] < PYTHON_MIN,
    )


def _packages(pinned: Path) -> Iterator[Finding]:
    wrong = []
    for line in pinned.read_text(encoding="utf-8").splitlines():
        if "==" not in line or line.startswith("#"):
            continue
        needed = Requirement(line.partition("  #")[0].strip())
        if needed.marker is not None and not needed.marker.evaluate():
            continue  # another Python's
        try:
            installed = version(needed.name)
        except PackageNotFoundError:
            installed = "missing"
        if not needed.specifier.contains(installed if installed != "missing" else "0"):
            wrong.append(f"{needed.name} is {installed}, not {str(needed.specifier)[2:]}")
    yield judge(
        "packages",
        "; ".join(wrong) or "as pinned",
        "run make install",
        fails=any(" is missing," in trouble for trouble in wrong),
        warns=bool(wrong),
    )


def _disk(settings: Settings) -> Iterator[Finding]:
    place = next(folder for folder in (settings.var, *settings.var.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    yield judge(
        "disk",
        f"{free // 1024**2} MB free at {place}",
        "make room, or move the data and set ROADBOOK_VAR",
        fails=free < FREE_BYTES_MIN,
        warns=free < 5 * FREE_BYTES_MIN,
    )


def _storage(settings: Settings) -> Iterator[Finding]:
    """Files: their storage answers, and uploads have room."""
    media = media_of(settings)
    where = "MEDIA_FOLDER" if settings.media_bucket is None else "MEDIA_BUCKET and its key"
    try:
        media.storage.size(original_key(1, "0" * 64))
        yield Finding(Verdict.OK, "files", "their storage answers")
    except StorageAway as away:
        yield Finding(Verdict.FAIL, "files", str(away), f"check {where}")
    free_mb = media.staging.free_bytes() // 1024**2
    keep_mb = settings.media_keep_free_mb
    yield judge(
        "room for uploads",
        f"{free_mb} MB free, {keep_mb} MB stay so",
        "make room, or set MEDIA_FOLDER to another disk: phones are asked to keep their files",
        fails=free_mb <= keep_mb,
        warns=free_mb < 2 * keep_mb,
    )


def _database(settings: Settings) -> Iterator[Finding]:
    start = "start it with make run" if settings.has_embedded_database else "check DATABASE_URL"
    # As the service connects, with the bounds that it sets for itself.
    engine = make_engine(settings, application_name="roadbook-doctor", pool_size=1)
    try:
        with engine.connect() as connection:
            yield Finding(Verdict.OK, "database", "can be reached")
            for check in _DATABASE_CHECKS:
                yield from _looked(check, connection)
                connection.rollback()
            # Without its tables nothing more can be said, and one remedy helps.
            of_tables = tables_need(connection)
            yield judge("migrations", of_tables.found, of_tables.remedy, fails=not of_tables.is_met)
            if not of_tables.is_met:
                return
            for check in _TABLE_CHECKS:
                yield from _looked(check, connection)
                connection.rollback()
            yield from _looked(partial(_backups, is_own=settings.has_embedded_database), connection)
    except SQLAlchemyError as error:
        yield Finding(Verdict.FAIL, "database", first_line(error), start)
    finally:
        engine.dispose()


def _looked(check: Callable[[Connection], Iterator[Finding]], on: Connection) -> Iterator[Finding]:
    try:
        yield from check(on)
    except SQLAlchemyError as error:
        name = check.func.__name__ if isinstance(check, partial) else check.__name__
        what = name.strip("_").replace("_", " ")
        yield Finding(Verdict.FAIL, what, first_line(error), "mend what the database says")


def _fitness(connection: Connection) -> Iterator[Finding]:
    for need in needs(connection):
        yield judge(need.what, need.found, need.remedy, fails=not need.is_met)


def _role(connection: Connection) -> Iterator[Finding]:
    role = connection.execute(
        text(
            "select rolname, rolcreaterole, rolcreatedb, "
            "(select count(*) from pg_class where relowner = r.oid) as owned "
            "from pg_roles r where rolname = current_user"
        )
    ).one()
    too_much = ways_past(connection) + [
        name
        for name, has in (
            ("may make roles", role.rolcreaterole),
            ("may make databases", role.rolcreatedb),
            (f"owns {role.owned} relations", role.owned),
        )
        if has
    ]
    yield judge(
        "application's role",
        f"{role.rolname} {', '.join(too_much) or 'owns nothing and has no rights of its own'}",
        "connect as a role that owns nothing (nosuperuser nobypassrls) and is a member of none that does, "
        "and migrate as another",
        fails=bool(too_much),
    )


def _row_level_security(connection: Connection) -> Iterator[Finding]:
    open_tables = (
        connection.execute(
            text(
                "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
                "where n.nspname = 'public' and c.relkind in ('r', 'p') "
                "and not c.relrowsecurity "
                "and exists (select from pg_attribute a where a.attrelid = c.oid "
                "and a.attname = 'company_id' and not a.attisdropped) order by 1"
            )
        )
        .scalars()
        .all()
    )
    yield judge(
        "row-level security",
        f"not on for {', '.join(open_tables)}" if open_tables else "on for every company's table",
        "run roadbook migrate; where it stays so, alter table … enable row level security",
        fails=bool(open_tables),
    )


def _track_partitions(connection: Connection) -> Iterator[Finding]:
    missing = (
        connection.execute(
            text(
                "select to_char(month, 'YYYY-MM') from generate_series("
                "date_trunc('month', now() at time zone 'UTC'), "
                "date_trunc('month', now() at time zone 'UTC') + interval '1 month', "
                "interval '1 month') month "
                "where to_regclass('track_' || to_char(month, 'YYYY_MM')) is null order by 1"
            )
        )
        .scalars()
        .all()
    )
    yield judge(
        "partitions of tracks",
        f"none for {', '.join(missing)}" if missing else "there for this month and the next",
        "start a worker: it makes them once a day, and moves what came meanwhile",
        warns=bool(missing),
    )


def _transaction_ids(connection: Connection) -> Iterator[Finding]:
    age = int(_one(connection, "select max(age(datfrozenxid)) from pg_database"))
    yield judge(
        "oldest transaction id",
        f"{age:,} transactions old",
        "let autovacuum run, or vacuum (freeze) the database that is oldest",
        fails=age > XID_AGE_FAIL,
        warns=age > XID_AGE_WARN,
    )
    prepared = int(_one(connection, "select count(*) from pg_prepared_xacts"))
    yield judge(
        "prepared transactions",
        prepared,
        "end them with rollback prepared: pulls and vacuum wait for them",
        warns=prepared > 0,
    )
    running, span = connection.execute(
        text(
            "select (select count(*) from pg_snapshot_xip(s)), "
            "pg_snapshot_xmax(s)::text::bigint - pg_snapshot_xmin(s)::text::bigint "
            "from (select pg_current_snapshot() as s) as taken"
        )
    ).one()
    yield judge(
        "transactions in progress",
        f"{running}, over {span:,} ids",
        "end the oldest (pg_stat_activity): every cursor carries them all",
        warns=running > IN_PROGRESS_MANY or span > SNAPSHOT_SPAN_WIDE,
    )
    oldest_s = _one(
        connection,
        "select coalesce(extract(epoch from now() - min(xact_start)), 0)::bigint "
        "from pg_stat_activity where state is not null and pid <> pg_backend_pid()",
    )
    yield judge(
        "oldest open transaction",
        f"{oldest_s} s",
        "end it, and set idle_in_transaction_session_timeout",
        warns=int(oldest_s) > TRANSACTION_OLD_S,
    )
    timeout = _one(connection, "show idle_in_transaction_session_timeout")
    yield judge(
        "idle_in_transaction_session_timeout",
        timeout,
        "set IDLE_IN_TRANSACTION_S, and let connections pass options on: a forgotten one holds back "
        "vacuum",
        warns=timeout == "0",
    )


def _waiting_work(connection: Connection) -> Iterator[Finding]:
    found = read_waiting(connection)
    quarantined, deferred = found.quarantined_oldest_s, found.deferred_oldest_s
    yield judge(
        "kept items",
        f"{_counted(found.quarantined, quarantined)} to be looked at, "
        f"{_counted(found.deferred, deferred)} waiting for a record",
        "roadbook quarantine list",
        warns=quarantined > QUARANTINED_OLD_S or deferred > DEFERRED_OLD_S,
    )
    yield judge(
        "work for the queue",
        _counted(found.work, found.work_oldest_s),
        "see that a worker runs and that Redis answers",
        warns=found.work_oldest_s > WORK_OLD_S,
    )
    yield judge(
        "work given up",
        found.given_up,
        "roadbook work list, and roadbook work again once the cause is put right",
        warns=found.given_up > 0,
    )
    yield judge(
        "files to be read",
        f"{_counted(found.files, found.files_oldest_s)}, {found.files_set_aside} set aside",
        "see that a worker runs whose MEDIA_READERS is not 0; roadbook photo set-aside",
        warns=found.files_oldest_s > FILES_OLD_S,
    )
    unread = f"; {found.companies_unread} left out for want of time" * bool(found.companies_unread)
    yield Finding(
        Verdict.OK,
        "waiting for the office",
        f"{found.proposals} proposals, {found.conflicts} conflicts, "
        f"in {found.companies} companies{unread}",
    )


def _backups(connection: Connection, *, is_own: bool) -> Iterator[Finding]:
    """`is_own`: the embedded database, which nobody need back up to try things."""
    shown = show_epoch(connection)
    yield Finding(
        Verdict.OK,
        "epoch",
        f"{shown.name}, number {shown.number} since {shown.turned_at:%Y-%m-%d %H:%M %Z}: "
        f"{shown.reason}",
    )
    covers = show_watermark(connection)
    age_s = 0.0 if covers is None else time() - covers.timestamp()
    yield judge(
        "watermark",
        "nobody has set it: phones keep what they sent for 30 days"
        if covers is None
        else f"{told_span(age_s)} ago",
        "make a backup, check it, then roadbook watermark set",
        warns=age_s > WATERMARK_OLD_S if covers is not None else not is_own,
    )


def _counted(number: int, oldest_s: int) -> str:
    return f"{number} (the oldest {told_span(oldest_s)})" if number else "0"


def _clock(connection: Connection) -> Iterator[Finding]:
    apart = abs(float(_one(connection, "select extract(epoch from clock_timestamp())")) - time())
    yield judge(
        "clock",
        f"{apart:.1f} s from the database's",
        "run a time service (chrony, systemd-timesyncd) on both machines",
        warns=apart > CLOCK_APART_S,
    )


_DATABASE_CHECKS = (_fitness, _clock)
_TABLE_CHECKS = (_role, _row_level_security, _track_partitions, _transaction_ids, _waiting_work)


def _queue(settings: Settings) -> Iterator[Finding]:
    from server.jobs.worker import living_workers

    start = "start it with make run" if settings.has_embedded_redis else "check REDIS_URL"
    client = make_redis(settings)
    try:
        client.ping()
        yield Finding(Verdict.OK, "queue", "Redis answers")
        policy = str(client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction"))
        yield judge(
            "queue's memory",
            policy,
            "set maxmemory-policy noeviction: jobs may not vanish",
            warns=policy != "noeviction",
        )
        workers = living_workers(client)
        yield judge("worker", f"{workers} alive", "start one: roadbook worker", warns=workers == 0)
    except redis.RedisError as error:
        yield Finding(Verdict.FAIL, "queue", str(error), start)
    finally:
        client.close()


def _port(settings: Settings) -> Iterator[Finding]:
    try:
        with socket.create_connection((settings.host, settings.port), timeout=2):
            found = f"{settings.port} is answered"
    except ConnectionRefusedError:
        found = f"{settings.port} is free"
    except OSError as error:
        yield Finding(
            Verdict.WARN, "port", f"{settings.host}:{settings.port}: {error}", "set ROADBOOK_HOST"
        )
        return
    yield Finding(Verdict.OK, "port", found)


def _one(connection: Connection, statement: str, **values: Any) -> Any:
    return connection.execute(sqlalchemy.text(statement), values).scalar_one()
