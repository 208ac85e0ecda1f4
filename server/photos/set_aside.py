"""Files that could not be read: seen by people, and read once more when they say so."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.identity.change_log import Actor, log_change, log_changes
from server.identity.prefixes import id_that_begins
from server.media.files import FILE_READ
from server.photos.errors import NoSuchFile
from server.photos.facts import READER_VERSION
from server.photos.photo_list import seen_by
from sync.media import file
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work_each

RETRIED_AT_ONCE = 1_000
REREAD_AT_ONCE = 10_000

# Whoever sent a file first sees it, and whoever may see a photo that it is the bytes of.
_IS_SEEN = """
(cast(:asker as uuid) is null or f.person_id = :asker or exists (
    select from photo p where p.company_id = f.company_id and p.sha256 = f.sha256
      and (p.person_id = :asker or p.position_id = any(:positions))))
"""
_LIST = f"""
select f.id, f.sha256, f.size, f.reason_code, coalesce(f.reason, '') as reason, f.attempts, f.stored_at,
       who.name as person,
       (select count(*) from photo p where p.company_id = f.company_id and p.sha256 = f.sha256) as photos
from file f
left join person who on who.company_id = f.company_id and who.id = f.person_id
where f.company_id = :company and f.state = 'SET_ASIDE'
  and (cast(:codes as text[]) is null or f.reason_code = any(:codes))
  and {_IS_SEEN}
order by f.stored_at desc, f.id limit :at_most
"""
_RETRY = """
with chosen as (
    select id, reason_code, reason from file
    where company_id = :company and state = 'SET_ASIDE'
      and (cast(:ids as uuid[]) is null or id = any(:ids))
      and (cast(:codes as text[]) is null or reason_code = any(:codes))
    order by stored_at, id limit :at_most for update)
update file set state = 'STORED', attempts = 0, reason_code = null, reason = null, reading_until = null
from chosen where file.company_id = :company and file.id = chosen.id
returning file.id, chosen.reason_code, chosen.reason
"""
_REREAD = """
with chosen as (
    select f.id from file f
    where f.company_id = :company and f.state = 'READ' and not exists (
        select from file_reading r where r.company_id = f.company_id and r.sha256 = f.sha256
          and r.reader_version >= :version)
    order by f.stored_at, f.id limit :at_most for update skip locked)
update file set attempts = 0, reason_code = null, reason = null
from chosen where file.company_id = :company and file.id = chosen.id
returning file.id
"""


@dataclass(frozen=True, slots=True)
class FileSetAside:
    """A file that could not be read. `photos` is how many records name it."""

    id: UUID
    sha256: str
    size: int
    reason_code: str
    reason: str
    attempts: int
    stored_at: datetime
    person: str | None
    photos: int


def list_files_set_aside(
    uow: UnitOfWork,
    *,
    codes: Sequence[str] | None = None,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[FileSetAside]:
    """The files that are set aside, the latest first. Without an asker: all of them."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        codes=None if codes is None else list(codes),
        at_most=at_most,
        **seen_by(uow, asker_id),
    )
    return [FileSetAside(*row) for row in rows]


def retry_files(
    uow: UnitOfWork,
    actor: Actor,
    file_ids: Iterable[UUID] | None = None,
    *,
    codes: Sequence[str] | None = None,
) -> list[UUID]:
    """Let files that are set aside be read once more: these, or all (of these reasons), at most `RETRIED_AT_ONCE`
    at a time. Those that are not set aside stay as they are.
    """
    rows = uow.rows(
        _RETRY,
        company=uow.company_id,
        ids=None if file_ids is None else list(file_ids),
        codes=None if codes is None else list(codes),
        at_most=RETRIED_AT_ONCE,
    )
    leave_work_each(uow, FILE_READ, [row.id for row in rows])
    before = {
        row.id: {"state": "SET_ASIDE", "reason_code": row.reason_code, "reason": row.reason}
        for row in rows
    }
    log_changes(
        uow,
        actor,
        "file.retry",
        "file",
        [(id_, before[id_], {"state": "STORED"}) for id_ in sorted(before)],
    )
    return sorted(before)


def reread_files(uow: UnitOfWork, actor: Actor, *, at_most: int = REREAD_AT_ONCE) -> int:
    """Let files that an older reader read be read by this version's; how many. What they had stays beside it."""
    rows = uow.rows(_REREAD, company=uow.company_id, version=READER_VERSION, at_most=at_most)
    leave_work_each(uow, FILE_READ, [row.id for row in rows])
    if rows:
        after = {"reader_version": READER_VERSION, "files": len(rows)}
        log_change(uow, actor, "file.reread", "company", str(uow.company_id), after=after)
    return len(rows)


def file_named(uow: UnitOfWork, typed: str) -> UUID:
    """The file whose id begins like this. Raises NoSuchFile."""
    return id_that_begins(uow, file.c.id, typed, what="such file", refusal=NoSuchFile)
