"""Files that no record names go after a while, and uploads that nobody goes on with.

A file goes in two steps, a day apart. First its row: from then on whoever announces it has to send it.
Then its bytes, under the lock that a file becomes known under, unless a record has come that names it:
then the row comes back. So neither a record nor an upload that comes at the same moment loses its file.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from server.media.files import lock_file, make_known
from server.media.installed import Media
from server.media.keys import copy_key, digest_of, original_key
from server.media.storage import Storage
from server.media.uploads import Uploads
from sync.unit_of_work import Database, UnitOfWork

BATCH = 200
GONE_TOLD_FOR = timedelta(days=1)
BYTES_STAY_FOR = timedelta(days=1)

logger = logging.getLogger("roadbook.jobs")

# A record that was taken, what it said beside its effect, or an item that waits.
NAMED = """
(exists (select from photo p where p.company_id = {f}.company_id and p.sha256 = {f}.sha256)
 or exists (select from audit_photo a where a.company_id = {f}.company_id and a.sha256 = {f}.sha256)
 or exists (select from task t where t.company_id = {f}.company_id and t.photo_sha256 = {f}.sha256)
 or exists (select from remark r where r.company_id = {f}.company_id and r.media @>
            jsonb_build_object('files', jsonb_build_array(jsonb_build_object('sha256', {f}.sha256))))
 or exists (select from kept_item k where k.company_id = {f}.company_id
            and k.state not in ('RELEASED', 'SET_ASIDE')
            and position(convert_to({f}.sha256, 'UTF8') in coalesce(k.mended, k.raw)) > 0))
"""
_UNNAMED_FORM = """
with leaving as (
    delete from file where company_id = :company and id = any(array(
        select f.id from file f
        where f.company_id = :company
          and greatest(f.stored_at, f.announced_at) < now() - cast(:stays as interval)
          and not {named}
        limit :batch))
      and greatest(stored_at, announced_at) < now() - cast(:stays as interval)
    returning sha256, size, device_id, person_id)
insert into file_leaving (company_id, sha256, size, device_id, person_id)
select :company, sha256, size, device_id, person_id from leaving
on conflict (company_id, sha256) do update set since = now()
"""
_DUE = """
select sha256 from file_leaving
where company_id = :company and since < now() - cast(:stays as interval) order by since limit :batch
"""
_STANDING_FORM = """
select l.size, l.device_id, l.person_id, {named} as is_named,
       exists (select from file f where f.company_id = l.company_id and f.sha256 = l.sha256) as is_known
from file_leaving l where l.company_id = :company and l.sha256 = :sha256
"""
_UNNAMED = _UNNAMED_FORM.format(named=NAMED.format(f="f"))
_STANDING = _STANDING_FORM.format(named=NAMED.format(f="l"))
_LEFT = "delete from file_leaving where company_id = :company and sha256 = :sha256"
_EXPIRED = """
select id from upload
where company_id = :company and state = 'OPEN' and expires_at < now() order by expires_at limit :batch
"""
# Those of the last day count for the quota.
_OLD = """
delete from upload where company_id = :company and id = any(array(
    select id from upload where company_id = :company
      and expires_at < now() - cast(:told_for as interval) and state <> 'OPEN'
      and created_at < now() - interval '24 hours'
    limit :batch))
"""
_OPEN_OF = "select id from upload where company_id = :company and state = 'OPEN' and id = any(:ids)"


@dataclass(frozen=True, slots=True)
class Left:
    """How many files and uploads went, and whether more of them wait."""

    rows: int
    is_done: bool


def let_unnamed_go(database: Database, media: Media, company_id: int, *, batches: int = 20) -> Left:
    """Take the rows of files that no record names, with what was read of them, and the bytes of those
    whose rows went a day ago.
    """
    rows = 0
    for _ in range(batches):
        with database.company(company_id) as uow:
            left = uow.run(
                _UNNAMED, company=company_id, stays=media.bounds.unnamed_for, batch=BATCH
            )
        rows += left
        if left < BATCH:
            return Left(rows + _let_bytes_go(database, media.storage, company_id), is_done=True)
    return Left(rows, is_done=False)


def _let_bytes_go(database: Database, storage: Storage, company_id: int) -> int:
    with database.reading(company_id) as uow:
        due = uow.rows(_DUE, company=company_id, stays=BYTES_STAY_FOR, batch=BATCH * 20)
    for row in due:
        with database.company(company_id) as uow:
            _let_go_or_stay(uow, storage, row.sha256)
    return len(due)


def _let_go_or_stay(uow: UnitOfWork, storage: Storage, sha256: str) -> None:
    lock_file(uow, sha256)
    found = uow.rows(_STANDING, company=uow.company_id, sha256=sha256)
    if not found:
        return  # it became known meanwhile
    row = found[0]
    key = original_key(uow.company_id, sha256)
    if not row.is_known:
        if row.is_named and storage.size(key) is not None:
            make_known(
                uow,
                sha256=sha256,
                size=row.size,
                device_id=row.device_id,
                person_id=row.person_id,
            )
        else:
            _delete_copies(uow, storage, sha256)
            storage.delete(key)
    uow.run(_LEFT, company=uow.company_id, sha256=sha256)


def _delete_copies(uow: UnitOfWork, storage: Storage, sha256: str) -> None:
    prefix = copy_key(uow.company_id, sha256, 1, "thumb").rpartition("/")[0] + "/"
    for found in list(storage.stored(prefix)):
        if digest_of(found.key) == sha256:
            storage.delete(found.key)


def end_old_uploads(database: Database, uploads: Uploads, company_id: int) -> Left:
    """End what nobody went on with in time. Whose bytes are all there is stored after all. Rows stay a
    day longer, so that a phone is told that its upload is over.
    """
    with database.reading(company_id) as uow:
        expired = uow.rows(_EXPIRED, company=company_id, batch=BATCH)
    for row in expired:
        try:
            uploads.expire(company_id, row.id)
        except Exception:
            # One of them must not keep the others.
            logger.exception("the upload %s of company %d could not be ended", row.id, company_id)
    with database.company(company_id) as uow:
        old = uow.run(_OLD, company=company_id, told_for=GONE_TOLD_FOR, batch=BATCH * 20)
    _end_staged_without_row(database, uploads, company_id)
    return Left(len(expired) + old, is_done=len(expired) < BATCH and old < BATCH * 20)


def _end_staged_without_row(database: Database, uploads: Uploads, company_id: int) -> None:
    """What a crash left over: bytes of uploads that are stored, or have no row."""
    staging = uploads.media.staging
    left_over = [upload.id for upload in staging.uploads(company_id) if upload.is_old]
    for start in range(0, len(left_over), BATCH):
        some = left_over[start : start + BATCH]
        with database.reading(company_id) as uow:
            going_on = {row.id for row in uow.rows(_OPEN_OF, company=company_id, ids=some)}
        for upload_id in some:
            if upload_id not in going_on:
                staging.end(company_id, upload_id)
