"""Bodies that the phone has fetched, by their digest: they never change, so they are fetched once."""

from __future__ import annotations

from collections.abc import Iterable

from mobile_contract.phone.phone_file import PhoneFile


class Bodies:
    """The bodies of one phone."""

    def __init__(self, file: PhoneFile) -> None:
        self._file = file

    def get(self, sha256: str) -> bytes | None:
        """The body with this digest, or None where the phone does not have it yet."""
        rows = self._file.rows("SELECT bytes FROM body WHERE sha256 = ?", (sha256,))
        return bytes(rows[0][0]) if rows else None

    def kept(self) -> set[str]:
        """The digests of all that the phone has."""
        return {row[0] for row in self._file.rows("SELECT sha256 FROM body")}

    def keep(self, sha256: str, body: bytes) -> None:
        """Keep a body that was fetched and found to be the one that its digest names."""
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO body (sha256, bytes) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (sha256, body),
            )

    def drop(self, digests: Iterable[str]) -> None:
        """Drop what no record names any more."""
        with self._file.transaction() as connection:
            connection.executemany(
                "DELETE FROM body WHERE sha256 = ?", [(digest,) for digest in digests]
            )
