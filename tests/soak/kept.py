"""What a soak leaves in its folder, so that its promises can be checked again and its database looked into."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from server.embedded import Embedded, addresses
from sync.unit_of_work import Database
from tests.soak.checks import Checker, Report, Verdict
from tests.soak.photos import check_photos
from tests.soak.table import verdict_lines

_QUIET = "quiet.json"


@dataclass(frozen=True, slots=True)
class Quiet:
    """When all was quiet, and what the phones answered to the last commands."""

    company_id: int
    at: datetime
    told: Mapping[str, Mapping[str, int]]

    def write(self, folder: Path) -> None:
        kept = {"company_id": self.company_id, "at": self.at.isoformat(), "told": self.told}
        (folder / _QUIET).write_text(json.dumps(kept), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Quiet":
        kept = json.loads((folder / _QUIET).read_text(encoding="utf-8"))
        return cls(kept["company_id"], datetime.fromisoformat(kept["at"]), kept["told"])


def read_phones(folder: Path) -> list[Report]:
    """What every phone reported."""
    return [
        phone
        for report in sorted(folder.glob("report-*.json"))
        for phone in json.loads(report.read_text(encoding="utf-8"))
    ]


def check(
    database: Database, owner: Engine, quiet: Quiet, phones: Sequence[Report], files: Path
) -> list[Verdict]:
    """The verdict on each promise; `files` is the folder of what phones uploaded."""
    checker = Checker(database, owner, quiet.company_id, phones, quiet.at)
    return [*checker.all(quiet.told), check_photos(checker.rows, files, phones)]


def look(folder: Path) -> int:
    """Start the database of a soak again, check its promises, and hold it until Enter is pressed."""
    if not (folder / "var" / "postgres").is_dir():
        print(f"{folder} is no folder of a soak", file=sys.stderr)
        return 2
    with _started(folder / "var") as (database, owner):
        if (folder / _QUIET).exists():
            for line in verdict_lines(
                check(database, owner, Quiet.read(folder), read_phones(folder), folder / "media")
            ):
                print(line)
        else:
            print("It ended before all was quiet: there is nothing to check.")
        url: Any = owner.url.set(drivername="postgresql")
        print(f"Its database, as the owner of its tables: {url.render_as_string(False)}")
        print("Enter ends it.", flush=True)
        sys.stdin.readline()
    return 0


@contextmanager
def _started(var: Path) -> Iterator[tuple[Database, Engine]]:
    servers = Embedded.start(var, with_redis=False)
    try:
        told = addresses(var)
        yield (
            Database(create_engine(told.database_url, poolclass=NullPool)),
            create_engine(told.owner_database_url, poolclass=NullPool),
        )
    finally:
        servers.stop()
