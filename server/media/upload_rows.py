"""The rows of uploads: announced within bounds, found by their device alone, moved on.

An upload is OPEN until its file is stored (STORED) or it was given up, was wrong, or expired (DROPPED).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from server.media.installed import MediaBounds
from server.media.metadata import Metadata
from sync.errors import Refused
from sync.kinds.photo.publish import mark_expected, mark_uploading
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

_FIND = """
select id, company_id, device_id, person_id, sha256, size, metadata, state, expires_at,
       state = 'DROPPED' or expires_at < now() as is_over
from upload where company_id = :company and id = :id and device_id = :device
"""
# Written, so that whoever is just taking the file away waits, and then leaves it.
_KNOWN = """
update file set announced_at = now() where company_id = :company and sha256 = :sha256 returning size
"""
_EXPIRED = """
select id, company_id, device_id, person_id, sha256, size, metadata, state, expires_at
from upload where company_id = :company and id = :id and state = 'OPEN' and expires_at < now()
"""
_HELD = """
select count(*) filter (where state = 'OPEN' and expires_at > now()) as open,
       coalesce(sum(size) filter (where counts), 0)::bigint as announced,
       extract(epoch from min(created_at) filter (where counts)
                          + interval '24 hours' - now())::bigint as again_s
from (select state, expires_at, size, created_at,
             created_at > now() - interval '24 hours' and not is_at_once as counts
      from upload where company_id = :company and device_id = :device) u
"""
# The answer to an announcement may be lost: then the phone knows of none, and announces the file anew.
_REPEATED = """
update upload set state = 'DROPPED'
where company_id = :company and device_id = :device and state = 'OPEN' and sha256 is not null
  and (sha256 = :sha256 or exists (
      select from upload later where later.company_id = upload.company_id
        and later.device_id = upload.device_id and later.sha256 = upload.sha256
        and later.created_at > upload.created_at and later.state <> 'DROPPED'))
"""
_INSERT = """
insert into upload (company_id, id, device_id, person_id, sha256, size, received, metadata, state,
                    is_at_once, expires_at)
values (:company, :id, :device, :person, :sha256, :size, :received, :metadata, :state, :at_once,
        now() + :lasts)
returning expires_at
"""
_RECEIVED = """
update upload set received = :received, expires_at = now() + :lasts
where company_id = :company and id = :id and state = 'OPEN' returning expires_at
"""
_STORED = """
update upload set state = 'STORED', received = size, sha256 = :sha256
where company_id = :company and id = :id and state = 'OPEN'
"""
_DROPPED = """
update upload set state = 'DROPPED'
from (select state, sha256 from upload where company_id = :company and id = :id
      and state = any(:states) for update) before
where upload.company_id = :company and upload.id = :id
returning before.state, before.sha256
"""
_OTHERS = """
select exists (select from upload where company_id = :company and sha256 = :sha256 and state = 'OPEN'
                                    and received > 0 and id <> :id)
"""


@dataclass(frozen=True, slots=True)
class UploadRow:
    """An upload of a device that has proved itself."""

    id: UUID
    company_id: int
    device_id: UUID
    person_id: UUID
    sha256: str | None
    size: int
    metadata: str
    state: str
    expires_at: datetime


def announce(
    uow: UnitOfWork,
    sender: Sender,
    upload_id: UUID,
    size: int,
    metadata: Metadata,
    bounds: MediaBounds,
) -> UploadRow:
    """Write a new upload: STORED where the company has the file, else OPEN. Raises Refused where the
    phone has too many, or has announced too much.
    """
    is_known = _is_known(uow, metadata.sha256, size)
    if not is_known:
        _check_bounds(uow, sender, size, metadata.sha256, bounds)
    state = "STORED" if is_known else "OPEN"
    made = uow.rows(
        _INSERT,
        company=uow.company_id,
        id=upload_id,
        device=sender.device_id,
        person=sender.person_id,
        sha256=metadata.sha256,
        size=size,
        received=size if is_known else 0,
        metadata=metadata.text,
        state=state,
        at_once=is_known,
        lasts=bounds.unfinished_for,
    )
    return UploadRow(
        upload_id,
        uow.company_id,
        UUID(sender.device_id),
        UUID(sender.person_id),
        metadata.sha256,
        size,
        metadata.text,
        state,
        made[0].expires_at,
    )


def find_upload(uow: UnitOfWork, upload_id: UUID, device_id: str) -> UploadRow:
    """An upload of this device. Raises Refused: `not_found`, or `upload_gone` where it is over."""
    found = uow.rows(_FIND, company=uow.company_id, id=upload_id, device=device_id)
    if not found:
        raise Refused("not_found", "There is no such upload.")
    *values, is_over = found[0]
    if is_over:
        raise upload_gone()
    return UploadRow(*values)


def find_expired(uow: UnitOfWork, upload_id: UUID) -> UploadRow | None:
    """An upload that is under way and past its time; None where it is not so any more."""
    found = uow.rows(_EXPIRED, company=uow.company_id, id=upload_id)
    return UploadRow(*found[0]) if found else None


def note_received(uow: UnitOfWork, row: UploadRow, offset: int, bounds: MediaBounds) -> datetime:
    """A request ended with part of the bytes: until when the rest may come. Raises Refused where the
    upload was ended meanwhile.
    """
    noted = uow.rows(
        _RECEIVED,
        company=uow.company_id,
        id=row.id,
        received=offset,
        lasts=bounds.unfinished_for,
    )
    if not noted:
        raise upload_gone()
    if offset and row.sha256 is not None:
        mark_uploading(uow, row.sha256)
    until: datetime = noted[0].expires_at
    return until


def note_stored(uow: UnitOfWork, upload_id: UUID, sha256: str) -> None:
    """The file of an upload is stored."""
    uow.run(_STORED, company=uow.company_id, id=upload_id, sha256=sha256)


def drop(uow: UnitOfWork, upload_id: UUID, *, also_stored: bool = False) -> bool:
    """Give an upload up, and let its photos wait for their bytes as before, unless another upload
    brings them; whether it was under way.
    """
    states = ["OPEN", "STORED"] if also_stored else ["OPEN"]
    dropped = uow.rows(_DROPPED, company=uow.company_id, id=upload_id, states=states)
    was_open = bool(dropped) and dropped[0].state == "OPEN"
    if was_open and dropped[0].sha256 is not None:
        sha256 = dropped[0].sha256
        others = uow.rows(_OTHERS, company=uow.company_id, sha256=sha256, id=upload_id)
        if not others[0][0]:
            mark_expected(uow, sha256)
    return was_open


def upload_gone() -> Refused:
    """The upload is over."""
    return Refused("upload_gone", "The upload was ended, dropped, or has expired.")


def _is_known(uow: UnitOfWork, sha256: str | None, size: int) -> bool:
    if sha256 is None:
        return False
    known = uow.rows(_KNOWN, company=uow.company_id, sha256=sha256)
    if known and known[0].size != size:
        raise Refused(
            "digest_differs",
            f"The file of this SHA-256 has {known[0].size} bytes.",
            where="Upload-Length",
        )
    return bool(known)


def _drop_repeated(uow: UnitOfWork, sender: Sender, sha256: str | None) -> int:
    """Give up the phone's uploads of files that it has announced anew since, or announces now; how many.
    Their bytes go with the next round of the schedule that finds them old.
    """
    return uow.run(_REPEATED, company=uow.company_id, device=sender.device_id, sha256=sha256)


def _check_bounds(
    uow: UnitOfWork, sender: Sender, size: int, sha256: str | None, bounds: MediaBounds
) -> None:
    held = uow.rows(_HELD, company=uow.company_id, device=sender.device_id)[0]
    if held.open >= bounds.open_uploads and not _drop_repeated(uow, sender, sha256):
        raise Refused(
            "too_many_uploads",
            f"This phone has {held.open} unfinished uploads.",
            limit=bounds.open_uploads,
            retry_after_s=60,
        )
    if held.announced + size > bounds.device_day_bytes:
        raise Refused(
            "quota_reached",
            f"This phone has announced {held.announced} bytes within 24 hours.",
            limit=bounds.device_day_bytes,
            retry_after_s=max(60, held.again_s or 0),
        )
