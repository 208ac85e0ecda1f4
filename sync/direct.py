"""Prepared statements sent straight over libpq: the hot path of a push.

The driver's cursors adapt each value and each row in Python, which for a phone-day costs as much as
judging it. Here parameters are ready bytes (rows.Packed, or the text of a number) and results are
fetched as text. Everything else (transactions, errors, the pool) stays the driver's.
"""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from itertools import count
from types import TracebackType
from typing import Any, Self
from weakref import WeakKeyDictionary

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import execute as answered
from psycopg.generators import fetch_many
from psycopg.generators import send as sent
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

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
    data, formats = _on_the_wire(values)
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


class Flight:
    """Statements sent one after the other without waiting for the answers in between; each sees what
    those before it did. The database works on the first while the next is made. Used as `with`: at its
    end the answers are there, or the first error among them is raised.
    """

    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver
        self._pgconn = driver.pgconn
        # What was sent, in order: a statement that is prepared; None for one that is executed.
        self._sent: list[bytes | None] = []
        self._results: list[PGresult] = []

    def __enter__(self) -> Self:
        self._pgconn.enter_pipeline_mode()
        return self

    def send(self, statement: bytes, values: Sequence[Value]) -> int:
        """Send a statement with `$1` parameters; its place among the answers."""
        data, formats = _on_the_wire(values)
        names = _prepared.setdefault(self._driver, {})
        name = names.get(statement)
        if name is None and len(names) < _STATEMENTS_MAX:
            name = names[statement] = _new_name(statement)
            self._sent.append(statement)
            self._pgconn.send_prepare(name, statement)
        self._sent.append(None)
        if name is None:
            self._pgconn.send_query_params(statement, data, None, formats, _TEXT)
        else:
            self._pgconn.send_query_prepared(name, data, formats, _TEXT)
        # As much of it as goes without waiting; the rest at the end.
        self._pgconn.flush()
        return self._sent.count(None) - 1

    def ask(self, statement: str, values: Mapping[str, Value]) -> int:
        """The same for one with `%(name)s` parameters; values that it does not name are left out."""
        numbered, names = _numbered(statement)
        return self.send(numbered, [values[name] for name in names])

    def execute(self, statements: Statements) -> None:
        """Send statements that write as one, if there are any."""
        joined = statements.joined()
        if joined is not None:
            self.send(*joined)

    def rows(self, place: int) -> list[Row]:
        """The rows of a statement, once the answers are there; values as `fetch` has them."""
        return _rows(self._results[place])

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        try:
            answers = self._land()
        except psycopg.Error:
            if error is None:
                raise
            return  # the connection is lost; what went wrong before says more
        finally:
            with suppress(psycopg.Error):
                self._pgconn.exit_pipeline_mode()
        if error is None:
            self._take(answers)

    def _land(self) -> list[PGresult]:
        self._pgconn.pipeline_sync()
        answers: list[PGresult] = self._driver.wait(_landed(self._pgconn, len(self._sent)))
        names = _prepared[self._driver] if self._sent else {}
        for statement, answer in zip(self._sent, answers, strict=True):
            if statement is not None and answer.status not in _OK:
                names.pop(statement, None)
        return answers

    def _take(self, answers: Sequence[PGresult]) -> None:
        try:
            for statement, answer in zip(self._sent, answers, strict=True):
                _checked(self._driver, answer)
                if statement is None:
                    self._results.append(answer)
        except STALE:
            _prepared.pop(self._driver, None)
            raise


def _landed(pgconn: PGconn, number: int) -> Generator[Any, Any, list[PGresult]]:
    """The answers to so many statements that were sent, and to the sync after them."""
    yield from sent(pgconn)
    answers: list[PGresult] = []
    for _ in range(number):
        found = yield from fetch_many(pgconn)
        if not found:
            raise psycopg.OperationalError("the connection was lost")
        answers.append(found[-1])
    yield from fetch_many(pgconn)
    return answers


def _on_the_wire(values: Sequence[Value]) -> tuple[list[Any], list[int]]:
    """The values as bytes, and the format of each."""
    data: list[Any] = []
    formats: list[int] = []
    for value in values:
        if type(value) is Packed:
            data.append(value.data)
            formats.append(_TEXT if value.is_text else _BINARY)
        else:
            data.append(None if value is None else str(value).encode())
            formats.append(_TEXT)
    return data, formats


def _name_of(driver: psycopg.Connection[Any], statement: bytes) -> bytes | None:
    """The name under which the connection has prepared a statement; None where it has too many."""
    names = _prepared.setdefault(driver, {})
    name = names.get(statement)
    if name is None and len(names) < _STATEMENTS_MAX:
        name = _new_name(statement)
        _checked(driver, driver.pgconn.prepare(name, statement))
        names[statement] = name
    return name


def _new_name(statement: bytes) -> bytes:
    # Behind a pooler that shares connections a name of another session is an error, not another
    # statement; after stale names were forgotten the same statement gets a new one.
    return f"roadbook_{sha256(statement).hexdigest()[:12]}_{next(_numbers)}".encode()


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
    return _rows(send(driver, statement, values, meanwhile))


def _rows(result: PGresult) -> list[Row]:
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
