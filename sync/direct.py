"""Prepared statements sent straight over libpq: the hot path of a push.

The driver's cursors adapt each value and each row in Python, which for a phone-day costs as much as
judging it. Here parameters are ready bytes (rows.Packed, or the text of a number) and results are
fetched as text. Everything else (transactions, errors, the pool) stays the driver's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute as answered
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from sync.rows import Packed, Statements

# Errors that a statement's plan or name has gone stale; the next attempt is well.
STALE = (psycopg.errors.FeatureNotSupported, psycopg.errors.InvalidSqlStatementName)
_SESSION = b"set datestyle = 'ISO, YMD'; set timezone = 'UTC'; set bytea_output = 'hex'"
_numbers = count()
_OK = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_STATEMENTS_MAX = 200
_TEXT, _BINARY = 0, 1

# connection → statement → its name there; a name lives as long as its connection.
_prepared: "WeakKeyDictionary[psycopg.Connection[Any], dict[bytes, bytes]]" = WeakKeyDictionary()

Value = Packed | int | str | None
Row = tuple[str | None, ...]


def send(
    driver: psycopg.Connection[Any],
    statement: bytes,
    values: Sequence[Value],
    meanwhile: Callable[[], object] | None = None,
) -> PGresult:
    """Execute a statement with `$1` parameters in the driver's transaction, which must have begun.

    `meanwhile` is done while the database works; what it raises is raised once the database has
    answered, so that the connection can be used again. Raises the driver's own errors.
    """
    data: list[Any] = []
    formats: list[int] = []
    for value in values:
        if type(value) is Packed:
            data.append(value.data)
            formats.append(_TEXT if value.is_text else _BINARY)
        else:
            data.append(None if value is None else str(value).encode())
            formats.append(_TEXT)
    pgconn = driver.pgconn
    name = _name_of(driver, statement)
    try:
        if meanwhile is not None:
            if name is None:
                pgconn.send_query_params(statement, data, None, formats, _TEXT)
            else:
                pgconn.send_query_prepared(name, data, formats, _TEXT)
            return _checked(driver, _answer_after(driver, meanwhile))
        if name is None:
            return _checked(driver, pgconn.exec_params(statement, data, None, formats, _TEXT))
        return _checked(driver, pgconn.exec_prepared(name, data, formats, _TEXT))
    except STALE:
        # A migration changed what it returns, or it was deallocated: prepared anew next time.
        _prepared.pop(driver, None)
        raise


def _name_of(driver: psycopg.Connection[Any], statement: bytes) -> bytes | None:
    """The name under which the connection has prepared a statement; None where it has too many."""
    names = _prepared.setdefault(driver, {})
    name = names.get(statement)
    if name is None and len(names) < _STATEMENTS_MAX:
        # Behind a pooler that shares connections a name of another session is an error, not another
        # statement; after stale names were forgotten the same statement gets a new one.
        name = f"roadbook_{sha256(statement).hexdigest()[:12]}_{next(_numbers)}".encode()
        _checked(driver, driver.pgconn.prepare(name, statement))
        names[statement] = name
    return name


def _answer_after(driver: psycopg.Connection[Any], meanwhile: Callable[[], object]) -> PGresult:
    """The result of what was sent, fetched whatever became of the meantime. Raises RuntimeError where
    that asked the same connection: libpq then throws the answer away without a word.
    """
    try:
        meanwhile()
    finally:
        results: list[PGresult] = driver.wait(answered(driver.pgconn))
    if not results:
        raise RuntimeError("the connection was asked something else meanwhile")
    return results[-1]


def fetch(
    driver: psycopg.Connection[Any],
    statement: bytes,
    values: Sequence[Value],
    meanwhile: Callable[[], object] | None = None,
) -> list[Row]:
    """The rows of a statement, every value as PostgreSQL's text; null is None."""
    result = send(driver, statement, values, meanwhile)
    columns, value_of = range(result.nfields), result.get_value
    return [
        tuple([None if (v := value_of(row, c)) is None else v.decode() for c in columns])
        for row in range(result.ntuples)
    ]


def ask(driver: psycopg.Connection[Any], statement: str, values: Mapping[str, Value]) -> list[Row]:
    """The rows of a statement with `%(name)s` parameters; values that it does not name are left out."""
    numbered, names = _numbered(statement)
    return fetch(driver, numbered, [values[name] for name in names])


def rows_of(
    driver: psycopg.Connection[Any], statement: str, values: Mapping[str, Value]
) -> list[tuple[Any, ...]]:
    """As `ask`, with each value as the driver reads its type: what a cursor of it would fetch."""
    numbered, names = _numbered(statement)
    result = send(driver, numbered, [values[name] for name in names])
    reading = Transformer.from_context(driver)
    reading.set_pgresult(result)
    rows: list[tuple[Any, ...]] = reading.load_rows(0, result.ntuples, tuple)
    return rows


@lru_cache(maxsize=256)
def _numbered(statement: str) -> tuple[bytes, tuple[str, ...]]:
    names: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${names.setdefault(found.group(1), len(names) + 1)}"

    return re.sub(r"%\((\w+)\)s", number, statement).encode(), tuple(names)


def execute(
    driver: psycopg.Connection[Any],
    statements: Statements,
    meanwhile: Callable[[], object] | None = None,
) -> None:
    """Send statements that write as one, if there are any; `meanwhile` is done in any case."""
    joined = statements.joined()
    if joined is not None:
        send(driver, *joined, meanwhile)
    elif meanwhile is not None:
        meanwhile()


def begin(driver: psycopg.Connection[Any], company_id: int, mode: str = "") -> None:
    """Begin the transaction of a company, in one message. No company (0) sees no company's rows."""
    bound = company_id or ""
    opening = f"begin {mode}; select set_config('roadbook.company', '{bound}', true)"
    _checked(driver, driver.pgconn.exec_(opening.encode()))


def take_over(driver: psycopg.Connection[Any]) -> None:
    """Make a new connection ready for this: results are read as text, whatever the server's settings;
    and the driver itself prepares nothing any more, because it deallocates every statement of a
    connection, these included, whenever it rolls back.
    """
    driver.prepare_threshold = None
    _checked(driver, driver.pgconn.exec_(_SESSION))


def text_of(value: str | None) -> str:
    """A value of a column that is never null."""
    assert value is not None
    return value


def bytes_of(text: str | None) -> bytes | None:
    """A bytea that came as text."""
    return None if text is None else bytes.fromhex(text[2:])


def _checked(driver: psycopg.Connection[Any], result: PGresult) -> PGresult:
    if result.status in _OK:
        return result
    if driver.closed or result.error_field(DiagnosticField.SQLSTATE) is None:
        message = result.error_message.decode(errors="replace") or "the connection was lost"
        raise psycopg.OperationalError(message)
    raise error_from_result(result, encoding="utf-8")
