"""Who acts on the installation while phones work: each on its own, at moments that nobody foresees.

A new actor (somebody in another place, another sort of hurt) is a class with these four methods and its line in
`actors` of run.py. What it does to processes and disks is a method of `Installation`.
"""

import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Protocol

from sqlalchemy import Engine

from sync.unit_of_work import Database
from tests.soak.checks import Verdict
from tests.soak.installation import Installation


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, how many and how rough."""

    folder: Path
    seconds: float
    phones: int
    processes: int
    faults: str
    seed: int
    every_s: float = 3.0
    threads: int = 6
    pause_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """What actors act on. `owner` sees every row; `database` is what the service itself has."""

    plan: Plan
    site: Installation
    database: Database
    owner: Engine
    company_id: int


class Actor(Protocol):
    """One who acts between `start` and `stop`, several times in a soak."""

    def start(self) -> None:
        """Begin to act, and return at once."""

    def stop(self) -> None:
        """Act no more, and leave nothing hurt: what follows is a restore, or quiet."""

    def figures(self) -> Mapping[str, int | str]:
        """What was done, for the table."""

    def verdicts(self) -> Sequence[Verdict]:
        """What it has seen itself of the promises, asked when all is quiet."""


class Acting(ABC):
    """Does one of its acts after another in a thread, each of them once before chance chooses."""

    def __init__(self, random: Random, every_s: float) -> None:
        self.random = random
        self.count: Counter[str] = Counter()
        self._every_s = every_s
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._not_yet: list[str] | None = None

    @property
    @abstractmethod
    def acts(self) -> Mapping[str, Callable[[], object]]:
        """What it does, by the name in the table."""

    @abstractmethod
    def act(self, name: str) -> None:
        """Do one, count it, and raise nothing."""

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def figures(self) -> Mapping[str, int | str]:
        return dict(sorted(self.count.items()))

    def verdicts(self) -> Sequence[Verdict]:
        return ()

    def _run(self) -> None:
        if self._not_yet is None:
            self._not_yet = list(self.acts)
            self.random.shuffle(self._not_yet)
        while not self._stopping.wait(self.random.uniform(0.3, 1.7) * self._every_s):
            self.act(self._not_yet.pop() if self._not_yet else self.random.choice(list(self.acts)))
