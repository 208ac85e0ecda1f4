"""Prepared statements sent straight over libpq: the hot path of a push.

The driver's cursors adapt each value and each row in Python, which for a phone-day costs as much as
judging it. Here parameters are ready bytes (rows.Packed, or the text of a number) and results are
fetched as text. Everything else (transactions, errors, the pool) stays the driver's.
"""

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from sync.rows import Packed, Statements

_BIND = b"select set_config('roadbook.company', $1, true)"
_OK = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_STATEMENTS_MAX = 200
_TEXT, _BINARY = 0, 1

# connection → statement → its name there; a name lives as long as its connection.
_prepared: "WeakKeyDictionary[psycopg.Connection[Any], dict[bytes, bytes]]" = WeakKeyDictionary()

Value = Packed | int | str | None
Row = tuple[str | None, ...]


def send(driver: psycopg.Connection[Any], statement: bytes, values: Sequence[Value]) -> PGresult:
    """Execute a statement with `$1` parameters in the driver's transaction, which must have begun.

    Raises the driver's own errors.
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
    names = _prepared.setdefault(driver, {})
    name = names.get(statement)
    if name is None:
        if len(names) >= _STATEMENTS_MAX:
            return _checked(driver, pgconn.exec_params(statement, data, None, formats, _TEXT))
        name = b"roadbook_%d" % len(names)
        _checked(driver, pgconn.prepare(name, statement))
        names[statement] = name
    return _checked(driver, pgconn.exec_prepared(name, data, formats, _TEXT))


def fetch(driver: psycopg.Connection[Any], statement: bytes, values: Sequence[Value]) -> list[Row]:
    """The rows of a statement, every value as PostgreSQL's text; null is None."""
    result = send(driver, statement, values)
    columns, value_of = range(result.nfields), result.get_value
    return [
        tuple([None if (v := value_of(row, c)) is None else v.decode() for c in columns])
        for row in range(result.ntuples)
    ]


def execute(driver: psycopg.Connection[Any], statements: Statements) -> None:
    """Send statements that write as one, if there are any."""
    joined = statements.joined()
    if joined is not None:
        send(driver, *joined)


def begin(driver: psycopg.Connection[Any], company_id: int, mode: str = "") -> None:
    """Begin the transaction of a company. No company (0) sees no company's rows.

    Binding it is the first prepared statement of every transaction, so it is here that statements
    turn out to be gone: the driver deallocates all of them when it rolls back by itself.
    """
    opening = f"begin {mode}".encode()
    bound = [str(company_id or "")]
    _checked(driver, driver.pgconn.exec_(opening))
    try:
        send(driver, _BIND, bound)
    except psycopg.errors.InvalidSqlStatementName:
        rollback(driver)
        _prepared.pop(driver, None)
        _checked(driver, driver.pgconn.exec_(opening))
        send(driver, _BIND, bound)


def rollback(driver: psycopg.Connection[Any]) -> None:
    """Roll back what was begun. The driver's own rollback would throw away every prepared statement
    of the connection as well, these included; on a lost connection there is nothing to undo.
    """
    if not driver.closed and driver.pgconn.transaction_status != TransactionStatus.IDLE:
        driver.pgconn.exec_(b"rollback")


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
