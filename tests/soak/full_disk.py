"""The disk that files are on runs full for some seconds, and has room again."""

import errno
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random

from tests.soak.actors import Acting, Stage

_FULL_S = (2.0, 6.0)
_PIECE = b"\0" * 1024 * 1024


class FullDisk(Acting):
    """Fills the disk that files are on for some seconds, and makes room again."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(Random(f"{stage.plan.seed}/disk"), stage.plan.every_s * 4)
        self._disk = stage.site.files
        self._ballast = self._disk.folder / "ballast"

    @property
    def acts(self) -> Mapping[str, Callable[[], object]]:
        return {"the disk of files full": self._fill}

    def act(self, name: str) -> None:
        if self._disk.is_own:
            self._fill()
            self.count[name] += 1

    def _fill(self) -> None:
        try:
            with self._ballast.open("ab", buffering=0) as ballast:
                while True:
                    ballast.write(_PIECE)
        except OSError as full:
            if full.errno != errno.ENOSPC:
                raise
        try:
            self._stopping.wait(self.random.uniform(*_FULL_S))
        finally:
            self._ballast.unlink()

    def stop(self) -> None:
        super().stop()
        with suppress(FileNotFoundError):
            self._ballast.unlink()
