"""A commit scheduler: real transactions are held between write and commit, in every order.

A walk is an order of events: each writer writes, and later ends. At every point between two events
readers pull. A reader is the reference phone's own scope store behind a feed; which feed it is can
be chosen, so that the same walk and the same checker show that another feed skips changes.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

from mobile_contract.compiled import Pull
from mobile_contract.phone.phone_file import PhoneFile
from mobile_contract.phone.scope_store import ScopeStore
from sync.engine import Engine
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import Device

Page = dict[str, Any]
Write = Callable[[UnitOfWork], None]
Event = tuple[int, str]


class Feed(Protocol):
    """Where a phone's changes come from: a page after a cursor."""

    def __call__(self, cursor: str | None, limit: int) -> Page: ...


@dataclass(frozen=True, slots=True)
class EngineFeed:
    """The engine's own."""

    engine: Engine
    device: Device

    def __call__(self, cursor: str | None, limit: int) -> Page:
        request = Pull(contract=2, cursor=cursor, limit=limit)
        page: Page = json.loads(self.engine.pull(self.device.claim, request, 1_800_000_000_000))
        return page


class Reader:
    """A phone that pulls at some points of a walk; with `pages` 1 it goes on in the middle of a pull."""

    def __init__(
        self, feed: Feed, *, points: Callable[[int], bool], limit: int = 500, pages: int = 10_000
    ) -> None:
        self._feed = feed
        self._points = points
        self._limit = limit
        self._pages = pages
        self.file = PhoneFile(":memory:", is_durable=False)
        self.store = ScopeStore(self.file)

    def at(self, point: int) -> None:
        """Pull, if this reader does so at this point."""
        if self._points(point):
            self.pull(self._pages)

    def pull(self, pages: int = 10_000) -> None:
        """Pull until complete, or so many pages."""
        for _ in range(pages):
            page = self._feed(self.store.cursor, self._limit)
            self.store.apply_page(page["changes"], cursor=page["cursor"])
            if page["complete"]:
                break

    def catch_up(self) -> None:
        """End the pull under way, which goes up to where it began, and pull once more."""
        self.pull()
        self.pull()

    def held(self, kind: str) -> dict[str, dict[str, Any]]:
        return {record.id: record.fields for record in self.store.all_of(kind)}


@dataclass(slots=True)
class Walk:
    """Writers of one company, each in a transaction and on a connection of its own."""

    database: Database
    company_id: int
    writes: Sequence[Write]
    _open: dict[int, AbstractContextManager[UnitOfWork]] = field(default_factory=dict)

    def go(self, events: Sequence[Event], readers: Sequence[Reader]) -> None:
        """Do the events in this order, with every reader at every point."""
        for point, (writer, what) in enumerate(events):
            self._do(writer, what)
            for reader in readers:
                reader.at(point)
        for reader in readers:
            reader.catch_up()

    def _do(self, writer: int, what: str) -> None:
        if what == "write":
            context = self._open[writer] = self.database.company(self.company_id)
            self.writes[writer](context.__enter__())
        elif what == "commit":
            self._open.pop(writer).__exit__(None, None, None)
        else:
            error = RuntimeError("rolled back")
            self._open.pop(writer).__exit__(RuntimeError, error, None)


def orders(endings: Sequence[str]) -> Iterator[tuple[Event, ...]]:
    """Every order in which each writer writes before it ends."""

    def after(done: tuple[Event, ...], left: list[list[Event]]) -> Iterator[tuple[Event, ...]]:
        if not any(left):
            yield done
        for place, events in enumerate(left):
            if events:
                rest = [e[1:] if n == place else e for n, e in enumerate(left)]
                yield from after((*done, events[0]), rest)

    yield from after((), [[(n, "write"), (n, end)] for n, end in enumerate(endings)])


def some_readers(make: Callable[..., Reader], points: int) -> list[Reader]:
    """Readers that pull at every point, at each point alone, and a page at a time at every point."""
    readers = [make(points=lambda _: True)]
    readers += [make(points=lambda point, mine=mine: point == mine) for mine in range(points)]
    readers.append(make(points=lambda _: True, limit=1, pages=1))
    return readers
