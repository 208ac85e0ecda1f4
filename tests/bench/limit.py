"""The physical limit: the same rows as a push writes, in the fastest way known here.

As the owner of the tables (no row-level security), one transaction a phone-day, rows packed as
binary arrays, one statement for all tables, nothing read, judged or answered. The rows are those of
a day that Roadbook really wrote, with new ids.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from typing import Any

import psycopg

from server.migrate import driver_url
from sync.direct import begin, execute
from sync.kinds.attendance.judge import ATTENDANCES
from sync.kinds.visit.judge import VISITS
from sync.ledger import LEDGER
from sync.record_store import CHANGES, KEYS, NEW_RECORDS
from sync.rows import RowSet, Statements
from tests.bench.load import Run

SETS: tuple[RowSet, ...] = (NEW_RECORDS, KEYS, CHANGES, VISITS, ATTENDANCES, LEDGER)
_SEEN = "update device set last_seen_at = now() where company_id = %s and id = %s::uuid"


class DayRows:
    """The rows of one phone-day as they stand in the database, ready to be written again."""

    def __init__(self, owner_url: str, company_id: int, person_id: str, device_id: str) -> None:
        self.company_id = company_id
        self.device_id = device_id
        self.rows: dict[RowSet, list[tuple[Any, ...]]] = {}
        with psycopg.connect(_plain(owner_url)) as connection:
            ids = [
                row[0]
                for row in connection.execute(
                    "select id::text from record where company_id = %s and person_id = %s",
                    [company_id, person_id],
                )
            ]
            ops = [
                row[0]
                for row in connection.execute(
                    "select op_id::text from ledger where company_id = %s and person_id = %s",
                    [company_id, person_id],
                )
            ]
            for rows in SETS:
                name = "op_id" if rows is LEDGER else "id"
                picked = ", ".join(_as_packed(column, kind) for column, kind in rows.columns)
                found = connection.execute(
                    f"select {picked} from {rows.table}"
                    f" where company_id = %s and {name} = any(%s::uuid[]) order by {name}",
                    [company_id, ops if rows is LEDGER else ids],
                ).fetchall()
                self.rows[rows] = found
        self.ids = ids + ops

    @property
    def count(self) -> int:
        """How many rows a day writes."""
        return sum(map(len, self.rows.values()))

    def again(self) -> dict[RowSet, list[tuple[Any, ...]]]:
        """The same rows with new ids."""
        new = {id_: str(uuid.uuid4()) for id_ in self.ids}
        get = new.get
        return {
            rows: [tuple([get(v, v) if type(v) is str else v for v in row]) for row in values]
            for rows, values in self.rows.items()
        }


def write_days(owner_url: str, day: DayRows, connections: int, each: int) -> Run:
    """Write days over so many connections at once, as fast as it goes."""
    prepared = [[day.again() for _ in range(each)] for _ in range(connections)]
    run = Run(connections, connections * each, 0.0)
    together = threading.Barrier(connections + 1)

    def write(days: Sequence[dict[RowSet, list[tuple[Any, ...]]]]) -> None:
        with psycopg.connect(_plain(owner_url), prepare_threshold=1) as connection:
            together.wait()
            for rows_by_set in days:
                started = time.perf_counter()
                statements = Statements()
                for rows, values in rows_by_set.items():
                    statements.add_rows(rows, day.company_id, values)
                statements.add(_SEEN, [day.company_id, day.device_id])
                begin(connection, day.company_id)
                execute(connection, statements)
                connection.commit()
                run.latencies_ms.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=write, args=(days,)) for days in prepared]
    for thread in threads:
        thread.start()
    together.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    run.seconds = time.perf_counter() - started
    return run


def _as_packed(column: str, kind: str) -> str:
    """A column as the packers take it: ids as text, moments as milliseconds."""
    name = f'"{column}"'
    if kind == "uuid":
        return f"{name}::text"
    if kind == "timestamptz":
        return f"(extract(epoch from {name}) * 1000)::bigint"
    return name


def _plain(url: str) -> str:
    return driver_url(url).replace("postgresql+psycopg://", "postgresql://")
