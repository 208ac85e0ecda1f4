"""What a record was before, as far as the edits of a batch look back.

A phone that was offline may send hundreds of edits of one record, all on one old version. Which
version each was meant on, and who wrote a field last, is worked out once a record and carried on
from edit to edit: what an edit costs does not grow with the versions that lie before it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

_NUMBER = attrgetter("version")


class Version(Protocol):
    """A version of a record: its number, who made it (None for the office), what it says."""

    @property
    def version(self) -> int: ...
    @property
    def changed_by(self) -> str | None: ...
    @property
    def fields(self) -> Mapping[str, Any]: ...


V = TypeVar("V", bound=Version)


class History(Generic[V]):
    """The versions of one record before the one that is held, without a gap."""

    __slots__ = ("_ends", "_last", "_unread", "_versions", "_wrote")

    def __init__(self) -> None:
        self._versions: dict[int, V] = {}
        # The last version of each run of versions that one person made.
        self._ends: list[V] = []
        self._unread: list[V] = []
        self._last: V | None = None
        # field → the version that wrote it last
        self._wrote: dict[str, V] = {}

    def add(self, version: V) -> None:
        """Append a version; they come in their order."""
        self._versions[version.version] = version
        self._unread.append(version)
        if self._ends and self._ends[-1].changed_by == version.changed_by:
            self._ends[-1] = version
        else:
            self._ends.append(version)

    def meant(self, number: int, person_id: str, held: V) -> V | None:
        """The version that somebody who names version `number` had in mind; None if it never was.

        A phone that was offline names the same base for several edits of one record. Versions that
        its person made right after the base belong to what they saw.
        """
        found = held if number == held.version else self._versions.get(number)
        if found is None:
            return None
        at = bisect_right(self._ends, found.version, key=_NUMBER)
        while at < len(self._ends) and self._ends[at].changed_by == person_id:
            found = self._ends[at]
            at += 1
        if at == len(self._ends) and held.changed_by == person_id:
            return held
        return found

    def last_written(self, names: Iterable[str], held: V) -> dict[str, V]:
        """The version that wrote each of these fields last, of those that did since the first here."""
        for version in self._unread:
            self._read(version)
        self._unread.clear()
        before, wrote = self._last, {}
        for name in names:
            if before is not None and before.fields.get(name) != held.fields.get(name):
                wrote[name] = held
            elif name in self._wrote:
                wrote[name] = self._wrote[name]
        return wrote

    def people(self) -> set[str | None]:
        """Who made these versions; None for the office."""
        return {version.changed_by for version in self._ends}

    def _read(self, version: V) -> None:
        before, self._last = self._last, version
        if before is None:
            return
        old, new = before.fields, version.fields
        for name in old.keys() | new.keys():
            if old.get(name) != new.get(name):
                self._wrote[name] = version
