"""The physical limit: the same rows as a push writes, in the fastest way known here.

As the owner of the tables (no row-level security), one transaction a phone-day, rows packed as
binary arrays, one statement for all tables, nothing read, judged or answered. The rows are those of
a day that Roadbook really wrote, with new ids.
"""

import threading
import time
import uuid
from collections.abc import Sequence
from multiprocessing import get_context
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

PROCESSES = 4
SETS: tuple[RowSet, ...] = (NEW_RECORDS, KEYS, CHANGES, VISITS, ATTENDANCES, LEDGER)
_SEEN = "update device set last_seen_at = now() where company_id = %s and id = %s::uuid"


class DayRows:
    """The rows of one phone-day as they stand in the database, ready to be written again."""

    def __init__(
        self, owner_url: str, company_id: int, person_id: str, device_ids: Sequence[str]
    ) -> None:
        self.company_id = company_id
        # A device a connection: as one row for all they would wait for each other.
        self.device_ids = device_ids
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
    """Write days over so many connections at once, as fast as it goes.

    Writers are spread over processes: packing in one would be the limit of Python, not of the
    database.
    """
    processes = min(connections, PROCESSES)
    shares = [len(range(n, connections, processes)) for n in range(processes)]
    context = get_context("spawn")
    together = context.Barrier(processes)
    answers: Any = context.Queue()
    writers = [
        context.Process(
            target=_write_share,
            args=(
                _plain(owner_url),
                day,
                day.device_ids[n::processes],
                share,
                each,
                together,
                answers,
            ),
        )
        for n, share in enumerate(shares)
    ]
    for writer in writers:
        writer.start()
    spans = [answers.get(timeout=600) for _ in writers]
    for writer in writers:
        writer.join()
    run = Run(connections, connections * each, 0.0)
    run.seconds = max(end for _, end, _ in spans) - min(start for start, _, _ in spans)
    run.latencies_ms = [latency for _, _, latencies in spans for latency in latencies]
    return run


def _write_share(
    url: str,
    day: DayRows,
    device_ids: Sequence[str],
    connections: int,
    each: int,
    together: Any,
    answers: Any,
) -> None:
    """One process' share of the writers. Times are of the machine's one monotonic clock."""
    days = [[day.again() for _ in range(each)] for _ in range(connections)]
    latencies: list[float] = []
    links = [psycopg.connect(url) for _ in range(connections)]
    together.wait(600)
    started = time.monotonic()
    threads = [
        threading.Thread(target=_write, args=(link, day, device_id, own, latencies))
        for link, own, device_id in zip(links, days, device_ids, strict=False)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended = time.monotonic()
    for link in links:
        link.close()
    answers.put((started, ended, latencies))


def _write(
    link: psycopg.Connection[Any],
    day: DayRows,
    device_id: str,
    days: Sequence[dict[RowSet, list[tuple[Any, ...]]]],
    latencies: list[float],
) -> None:
    for rows_by_set in days:
        started = time.perf_counter()
        statements = Statements()
        for rows, values in rows_by_set.items():
            statements.add_rows(rows, day.company_id, values)
        statements.add(_SEEN, [day.company_id, device_id])
        begin(link, day.company_id)
        execute(link, statements)
        link.commit()
        latencies.append((time.perf_counter() - started) * 1000)


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
