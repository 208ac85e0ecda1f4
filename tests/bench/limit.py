"""The physical limit: the same rows as a push writes, in the fastest way known here.

As the owner of the tables (no row-level security), one transaction a phone-day, rows packed as
binary arrays, one statement for all tables, nothing read, judged or answered. The rows are those of
a day that Roadbook really wrote, taken where it hands them to be written, with new ids.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

import psycopg

from server.migrate import driver_url
from sync.direct import begin, execute
from sync.rows import RowSet, Statements
from sync.schema import metadata
from tests.bench.load import Run

PROCESSES = 4
_SEEN = "update device set last_seen_at = now() where company_id = %s and id = %s::uuid"

Rows = dict[RowSet, list[tuple[Any, ...]]]


@contextmanager
def rows_written() -> Iterator[Rows]:
    """The rows that are handed to be written meanwhile, by how they are written."""
    found: Rows = {}
    plain = Statements.add_rows

    def taking(
        self: Statements, rows: RowSet, company_id: int, values: Sequence[tuple[Any, ...]]
    ) -> None:
        found.setdefault(rows, []).extend(values)
        plain(self, rows, company_id, values)

    Statements.add_rows = taking  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Statements.add_rows = plain  # type: ignore[method-assign]


class DayRows:
    """The rows of one phone-day as a push wrote them, ready to be written again."""

    def __init__(
        self, company_id: int, device_ids: Sequence[str], push: Callable[[], object]
    ) -> None:
        self.company_id = company_id
        self.device_ids = list(device_ids)
        with rows_written() as found:
            push()
        self.rows = {rows: values for rows, values in found.items() if values}
        self.ids = sorted(
            {id_ for rows, values in self.rows.items() for id_ in _made(rows, values)}
        )

    @property
    def counts(self) -> dict[str, int]:
        """How many rows a day writes into each table."""
        return {rows.table: len(values) for rows, values in self.rows.items()}

    def again(self) -> Rows:
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
    days: Sequence[Rows],
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


def _made(rows: RowSet, values: Sequence[tuple[Any, ...]]) -> Iterator[str]:
    """The ids that these rows brought into the world: those that alone are a row's key."""
    key = [c.name for c in metadata.tables[rows.table].primary_key if c.name != "company_id"]
    names = [name for name, _ in rows.columns]
    if len(key) == 1 and key[0] in names:
        place = names.index(key[0])
        yield from (row[place] for row in values if isinstance(row[place], str))


def _plain(url: str) -> str:
    return driver_url(url).replace("postgresql+psycopg://", "postgresql://")
