"""A file becomes known: its bytes are in the storage, its row is there, and what waits for it goes on.

Between the bytes and the row stands a lock by company and digest: whoever lets bytes go holds it too,
so that a row is never written for bytes that are just being taken away (see leaving.py).
"""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid4

from server.media.keys import original_key
from server.media.storage import Storage
from sync.kinds.photo.publish import mark_stored
from sync.unit_of_work import Database, UnitOfWork
from sync.work import leave_work

FILE_READ = "file_read"
"""The topic of work: these files are to be read."""

_LOCK = "select pg_advisory_xact_lock(hashtext('file'), hashtext(:name))"
_INSERT = """
insert into file (company_id, id, sha256, size, state, device_id, person_id)
values (:company, :id, :sha256, :size, 'STORED', :device, :person)
on conflict (company_id, sha256) do nothing returning id
"""
_FIND = "select id from file where company_id = :company and sha256 = :sha256"
_STAYS = "delete from file_leaving where company_id = :company and sha256 = :sha256"


def lock_file(uow: UnitOfWork, sha256: str) -> None:
    """Let nobody else write or take away the file of this digest until the transaction ends."""
    uow.rows(_LOCK, name=f"{uow.company_id} {sha256}")


def keep_file(
    database: Database,
    storage: Storage,
    company_id: int,
    path: Path,
    *,
    sha256: str,
    size: int,
    device_id: UUID,
    person_id: UUID,
    also: Callable[[UnitOfWork], None] | None = None,
) -> UUID:
    """Put a whole file, whose digest was found to be right, into the storage and make it known; its id.

    `also` is done in the same transaction. To be repeated as often as anybody likes. Raises
    StorageAway, with nothing written; FileNotFoundError where there is no file at `path`.
    """
    key = original_key(company_id, sha256)
    storage.put(key, path)
    with database.company(company_id) as uow:
        lock_file(uow, sha256)
        if storage.size(key) is None:
            storage.put(key, path)  # it was let go since
        if also is not None:
            also(uow)
        return make_known(uow, sha256=sha256, size=size, device_id=device_id, person_id=person_id)


def make_known(
    uow: UnitOfWork, *, sha256: str, size: int, device_id: UUID | None, person_id: UUID | None
) -> UUID:
    """Write the row of a file whose bytes are in the storage, let what waits for it go on, and leave it
    to be read; its id. The caller holds `lock_file`. A file that is known already stays as it is.
    """
    made = uow.rows(
        _INSERT,
        company=uow.company_id,
        id=uuid4(),
        sha256=sha256,
        size=size,
        device=device_id,
        person=person_id,
    )
    mark_stored(uow, [sha256])
    if not made:
        return UUID(str(uow.rows(_FIND, company=uow.company_id, sha256=sha256)[0].id))
    uow.run(_STAYS, company=uow.company_id, sha256=sha256)
    file_id = UUID(str(made[0].id))
    leave_work(uow, FILE_READ, [file_id])
    return file_id
