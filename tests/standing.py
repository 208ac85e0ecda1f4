"""An application that serves one test after the other, as a process does with requests: making one takes a quarter
of a second.

Companies are the tests' own, so only what is beside the database can be told apart, and that is renewed for each
test: the tries that are counted, and where files are.
"""

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from server.app import build_app
from server.http.admission import ProcessGate
from server.http.service import Service
from server.identity.throttle import LocalCounter
from server.media.installed import Media, MediaBounds
from server.media.staging import Staging
from server.media.storage import LocalStorage
from sync.engine import Engine as SyncEngine
from sync.kinds import ALL_KINDS
from sync.unit_of_work import Database

SECRET = b"a secret of at least thirty-two bytes, for tests"


class Tries(LocalCounter):
    """Counts that can be begun anew."""

    def forget(self) -> None:
        """Nobody has tried anything."""
        with self._lock:
            self._counts.clear()


@dataclass(frozen=True, slots=True)
class Standing:
    """The application and its service."""

    app: Flask
    service: Service
    tries: Tries

    @classmethod
    def over(cls, database: Database, *, files: bool) -> "Standing":
        """Over this database; one without `files` takes none."""
        tries = Tries()
        service = Service(
            database=database,
            engine=SyncEngine(database, ALL_KINDS, SECRET),
            tries=tries,
            first_syncs=ProcessGate(2),
            media=media_in(Path("/nowhere")) if files else None,
            secret=SECRET,
            ping_queue=lambda: True,
        )
        return cls(build_app(service), service, tries)

    def renew(self, folder: Path | None = None) -> None:
        """For the next test, whose files are in this folder."""
        self.tries.forget()
        media = self.service.media
        assert (folder is None) == (media is None)
        if folder is not None:
            new = media_in(folder)
            for name in ("storage", "staging", "bounds"):
                # It is frozen for those who work with it; this is another installation.
                object.__setattr__(media, name, getattr(new, name))


def media_in(folder: Path) -> Media:
    """Files and uploads below a folder."""
    return Media(LocalStorage(folder / "files"), Staging(folder / "uploads"), bounds=MediaBounds())
