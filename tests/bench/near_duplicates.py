"""`python -m tests.bench.near_duplicates`: what finding look-alikes costs at 10,000, 100,000 and 1,000,000.

Two ways in which the hashes of a company lie: uniform, and clustered (pictures of 200 shelves, each with
many that differ from it in up to 20 bits, and one in twenty a dark picture with most bits in common). The
searches are for copies of pictures that are there (3 bits away), and for pictures that are not. At the end a
hostile company: 100,000 pictures of one hash, and 1,000,000 hashes with one part in common.
"""

import argparse
import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from sqlalchemy import create_engine

from server.embedded import Embedded
from server.embedded_postgres import APP
from server.migrate import driver_url, migrate
from server.photos.looks import Look
from server.photos.near_duplicates import near_looks, remember_looks
from sync.unit_of_work import Database, UnitOfWork
from tests.evidence_factories import add_files
from tests.factories import make_cast

SIZES = (10_000, 100_000, 1_000_000)
SEARCHES = 200
AT_ONCE = 5_000
DETAIL = bytes(32)


def main() -> int:
    """Measure and print; `--json` writes the same."""
    options = argparse.ArgumentParser(description="The cost of finding look-alikes.")
    options.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    figures: list[dict[str, Any]] = []
    with _database() as (database, owner, make):
        for name, draw in (("uniform", uniform), ("clustered", clustered)):
            company = make()
            held: list[int] = []
            source = draw(random.Random(7))
            for size in chosen.sizes:
                insert_us = _fill(database, company, source, held, size)
                owner("vacuum analyze photo_look")
                owner("vacuum analyze photo_hash")
                figures.append(
                    {"hashes": size, "lie": name, "insert_us": insert_us}
                    | _search(database, company, held, draw)
                )
                print(_line(figures[-1]), flush=True)
        figures += _hostile(database, owner, make, max(chosen.sizes))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


# ---- how hashes lie ---------------------------------------------------------------------------


def uniform(dice: random.Random) -> Iterator[int]:
    """Any hash as likely as any other."""
    while True:
        yield _signed(dice.getrandbits(64))


def clustered(dice: random.Random) -> Iterator[int]:
    """Shelves of chains, and pictures that are nearly dark."""
    shelves = random.Random(200)
    middles = [shelves.getrandbits(64) for _ in range(200)]
    dark = shelves.getrandbits(64)
    while True:
        if dice.random() < 0.05:
            yield _signed(_turned(dark, dice.randrange(13), dice))
        else:
            yield _signed(_turned(dice.choice(middles), dice.randrange(21), dice))


def _turned(bits: int, number: int, dice: random.Random) -> int:
    for place in dice.sample(range(64), number):
        bits ^= 1 << place
    return bits


def _signed(bits: int) -> int:
    bits %= 2**64
    return bits - 2**64 if bits >= 2**63 else bits


# ---- filling and searching ----------------------------------------------------------------------


def _fill(
    database: Database, company: int, source: Iterator[int], held: list[int], size: int
) -> int:
    """Add until there are so many; microseconds each of the last that came one by one."""
    while len(held) < size - 200:
        some = [next(source) for _ in range(min(AT_ONCE, size - 200 - len(held)))]
        with database.company(company) as uow:
            _remember(uow, {_digest(len(held) + n): Look(h, DETAIL) for n, h in enumerate(some)})
        held += some
    took = []
    with database.company(company) as uow:
        for _ in range(200):
            one = next(source)
            add_files(uow, [_digest(len(held))])
            began = time.perf_counter()
            remember_looks(uow, {_digest(len(held)): Look(one, DETAIL)})
            took.append(time.perf_counter() - began)
            held.append(one)
    return round(median(took) * 1e6)


def _remember(uow: UnitOfWork, looks: dict[str, Look]) -> None:
    add_files(uow, looks)
    remember_looks(uow, looks)


def _search(
    database: Database, company: int, held: Sequence[int], draw: Callable[..., Iterator[int]]
) -> dict[str, Any]:
    dice = random.Random(9)
    copies = [_signed(_turned(h % 2**64, 3, dice)) for h in dice.sample(list(held), SEARCHES)]
    strange = draw(random.Random(11))
    others = [next(strange) for _ in range(SEARCHES)]
    result: dict[str, Any] = {}
    gc.collect()
    with database.reading(company) as uow:
        near_looks(uow, copies[:20])
        for name, asked in (("copy", copies), ("other", others)):
            took, found = [], 0
            for one in asked:
                began = time.perf_counter()
                near = near_looks(uow, [one])[one]
                took.append(time.perf_counter() - began)
                found += len(near.looks)
            result |= {
                f"{name}_p50_us": round(median(took) * 1e6),
                f"{name}_p99_us": round(quantiles(took, n=100)[98] * 1e6),
                f"{name}_found": found / len(asked),
            }
        began = time.perf_counter()
        near_looks(uow, copies[:100])
        result["batch_of_100_us_each"] = round((time.perf_counter() - began) * 1e4)
    return result


def _hostile(
    database: Database, owner: Callable[[str], None], make: Callable[[], int], size: int
) -> list[dict[str, Any]]:
    figures = []
    for name, hashes in (
        ("one hash", [42] * (size // 10)),
        # Bits 0, 3, 6, … are the first part: the same in all.
        ("one part", [_signed(_spread(n)) for n in range(size)]),
    ):
        company = make()
        for start in range(0, len(hashes), AT_ONCE):
            some = hashes[start : start + AT_ONCE]
            with database.company(company) as uow:
                _remember(uow, {_digest(start + n): Look(h, DETAIL) for n, h in enumerate(some)})
        owner("vacuum analyze photo_look")
        with database.reading(company) as uow:
            took = []
            for one in hashes[:20]:
                began = time.perf_counter()
                near = near_looks(uow, [one])[one]
                took.append(time.perf_counter() - began)
        figures.append(
            {
                "hashes": len(hashes),
                "lie": f"hostile: {name}",
                "search_p50_us": round(median(took) * 1e6),
                "is_cut": near.is_cut,
            }
        )
        print(_line(figures[-1]), flush=True)
    return figures


def _spread(number: int) -> int:
    """The bits of a number at the places 1, 2, 4, 5, 7, 8, …"""
    places = [place for place in range(64) if place % 3]
    return sum((number >> n & 1) << place for n, place in enumerate(places))


def _digest(number: int) -> str:
    return sha256(str(number).encode()).hexdigest()


def _line(figures: dict[str, Any]) -> str:
    return "  ".join(
        f"{name} {value:,}" if type(value) is int else f"{name} {value}"
        for name, value in figures.items()
    )


@contextmanager
def _database() -> Iterator[tuple[Database, Callable[[str], None], Callable[[], int]]]:
    with tempfile.TemporaryDirectory(prefix="roadbook-bench-") as folder:
        embedded = Embedded.start(Path(folder))
        try:
            urls = embedded.addresses
            migrate(urls.owner_database_url, app_role=APP)
            owner_engine = create_engine(driver_url(urls.owner_database_url), pool_size=2)
            database = Database(create_engine(driver_url(urls.database_url), pool_size=2))
            plain = owner_engine.execution_options(isolation_level="AUTOCOMMIT")

            def run(statement: str) -> None:
                with plain.connect() as connection:
                    connection.exec_driver_sql(statement)

            yield database, run, lambda: make_cast(owner_engine, database).company.id
            database.engine.dispose()
            owner_engine.dispose()
        finally:
            embedded.stop()


if __name__ == "__main__":
    sys.exit(main())
