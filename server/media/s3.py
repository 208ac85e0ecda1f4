"""Files in a bucket of an S3 server, over HTTP, by obstore.

`put` is create-only by `If-None-Match: *` (conditional writes of S3). A file too large to be held in
memory goes in parts, which know no condition: its key names its content, so that what is written over
is the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore import exceptions
from obstore.store import S3Store

from server.media.keys import content_type, is_original
from server.media.storage import PIECE_BYTES, NotStored, StorageAway, Stored

if TYPE_CHECKING:
    from obstore.store import S3Config

_PARTS_FROM_BYTES = 32 * 1024 * 1024
_CONNECT_S = 5
_REQUEST_S = 60
_RETRIES = 2
_RETRY_FOR_S = 20
_LISTED_AT_ONCE = 1000


class S3Storage:
    """A bucket. Names begin with nothing: the bucket is Roadbook's own."""

    def __init__(
        self, bucket: str, *, endpoint: str | None, region: str, key_id: str, secret: str
    ) -> None:
        config: S3Config = {} if endpoint is None else {"endpoint": endpoint}
        self._store = S3Store(
            bucket,
            config=config,
            region=region,
            access_key_id=key_id,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=_CONNECT_S),
                "timeout": timedelta(seconds=_REQUEST_S),
            },
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": timedelta(seconds=_RETRY_FOR_S),
            },
        )

    def put(self, key: str, path: Path) -> None:
        """Keep the file at `path` under the key."""
        attributes = {"Content-Type": content_type(key)}
        if is_original(key):
            attributes["Content-Disposition"] = "attachment"
        if path.stat().st_size < _PARTS_FROM_BYTES:
            content = path.read_bytes()
            try:
                with _told():
                    obstore.put(self._store, key, content, attributes=attributes, mode="create")
            except exceptions.AlreadyExistsError:
                return
        elif self.size(key) is None:
            with _told():
                obstore.put(
                    self._store,
                    key,
                    path,
                    attributes=attributes,
                    mode="overwrite",
                    max_concurrency=2,
                )

    def fetch(self, key: str, to_path: Path) -> None:
        """Write a copy to a path that does not exist."""
        pieces = self.stream(key)
        with to_path.open("xb") as copy:
            for piece in pieces:
                copy.write(piece)

    def stream(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from `start`, `length` of them or all that follow."""
        if length == 0:
            return iter(())
        with _told():
            if start == 0 and length is None:
                return _pieces(obstore.get(self._store, key))
            if length is None:
                return _pieces(obstore.get(self._store, key, options={"range": {"offset": start}}))
            return _pieces(
                obstore.get(self._store, key, options={"range": (start, start + length)})
            )

    def size(self, key: str) -> int | None:
        """How many bytes there are; None where there is nothing."""
        try:
            with _told():
                return obstore.head(self._store, key)["size"]
        except NotStored:
            return None

    def delete(self, key: str) -> None:
        """Let it go."""
        try:
            with _told():
                obstore.delete(self._store, key)
        except NotStored:
            return

    def stored(self, prefix: str = "") -> Iterator[Stored]:
        """Everything whose key begins so."""
        with _told():
            for page in obstore.list(self._store, prefix or None, chunk_size=_LISTED_AT_ONCE):
                for found in page:
                    yield Stored(found["path"], found["size"])

    def origin(self) -> str | None:
        """Where its links lead."""
        read = urlsplit(self.presigned("origin", timedelta(minutes=1)) or "")
        return f"{read.scheme}://{read.netloc}"

    def presigned(self, key: str, lasts: timedelta) -> str | None:
        """A link that the bucket serves until then."""
        with _told():
            return obstore.sign(self._store, "GET", key, lasts)


def _pieces(found: "obstore.GetResult") -> Iterator[bytes]:
    with _told():
        for piece in found.stream(min_chunk_size=PIECE_BYTES):
            yield bytes(piece)


@contextmanager
def _told() -> Iterator[None]:
    """Turns an error of the client into one of the storage."""
    try:
        yield
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        raise NotStored(_first_line(error)) from error
    except exceptions.AlreadyExistsError:
        raise
    except exceptions.BaseError as error:
        raise StorageAway(_first_line(error)) from error


def _first_line(error: Exception) -> str:
    """What it says, without the request and the links that it repeats."""
    return str(error).partition("\n")[0][:200]
