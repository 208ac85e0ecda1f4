"""What an operator watches, in Prometheus' text format.

Requests and items are counted where they happen; under gunicorn with several processes the counts
are added up from their files (PROMETHEUS_MULTIPROC_DIR). What is in the database is read when asked
for, at most every few seconds, and never of one company by name.
"""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from server.http.stock import Stock

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# A made-up kind is not a label.
UNREADABLE = "(unreadable)"


class Instruments:
    """Counters of this process, each way through them looked up once."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "roadbook_requests",
            "Requests answered, by route and status.",
            ["route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "roadbook_request_seconds",
            "From the first byte of a request read to its answer made.",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self._problems = Counter(
            "roadbook_problems",
            "Requests refused, by code.",
            ["code"],
            registry=self.registry,
        )
        self._items = Counter(
            "roadbook_items",
            "Items of pushes, by kind and result.",
            ["kind", "result"],
            registry=self.registry,
        )
        self._uploads = Counter(
            "roadbook_uploads",
            "What happened to uploads: announced, at_once, stored, ended, cut, checksum_differs, "
            "digest_differs.",
            ["event"],
            registry=self.registry,
        )
        self._upload_bytes = Counter(
            "roadbook_upload_bytes", "Bytes of files that were kept.", registry=self.registry
        )
        self._found: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """One more request of a route (its rule, never the path that was asked for)."""
        found = self._found.get((route, status))
        if found is None:
            found = (self._requests.labels(route, str(status)), self._seconds.labels(route))
            self._found[route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def count_problem(self, code: str) -> None:
        """One more refusal with this code."""
        self._problems.labels(code).inc()

    def count_upload(self, event: str, number: int) -> None:
        """What happened to an upload; of the event `bytes`, so many were kept."""
        if event == "bytes":
            self._upload_bytes.inc(number)
        else:
            self._uploads.labels(event).inc(number)

    def count_push(self, counts: Mapping[tuple[str | None, str], int]) -> None:
        """So many more items of a kind with a result; those that could not be read have no kind."""
        for (kind, result), number in counts.items():
            self._items.labels(kind or UNREADABLE, result).inc(number)


class StockCollector(Collector):
    """What is in the database as gauges, read again when the last reading is too old."""

    def __init__(
        self,
        read: Callable[[], Stock],
        *,
        for_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._for_s = for_s
        self._clock = clock
        self._lock = Lock()
        self._last: tuple[float, Stock] | None = None

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        with self._lock:
            now = self._clock()
            if self._last is None or now - self._last[0] > self._for_s:
                self._last = (now, self._read())
            stock = self._last[1]
        yield GaugeMetricFamily(
            "roadbook_database_up", "1 while the database answers.", value=float(stock.is_up)
        )
        if not stock.is_up:
            return
        kept = GaugeMetricFamily(
            "roadbook_kept_items", "Items held but not applied, by state.", labels=["state"]
        )
        for state, number in sorted(stock.kept_items.items()):
            kept.add_metric([state], number)
        yield kept
        for name, said, value in stock.gauges():
            yield GaugeMetricFamily(f"roadbook_{name}", said, value=value)


def exposition(instruments: Instruments, stock: StockCollector) -> bytes:
    """The page that Prometheus reads."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        counted = generate_latest(instruments.registry)
    else:
        together = CollectorRegistry()
        MultiProcessCollector(together, path=folder)  # type: ignore[no-untyped-call]
        counted = generate_latest(together)
    held = CollectorRegistry()
    held.register(stock)
    return counted + generate_latest(held)
