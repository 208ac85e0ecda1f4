"""Whether rows and bytes of files say the same, and how what differs is mended.

Read a small part of the digests at a time: neither side is ever held whole.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from server.identity.change_log import Actor, log_change
from server.media.files import lock_file
from server.media.installed import Media
from server.media.keys import digest_of, is_original, original_key
from sync.kinds.photo.publish import mark_lost
from sync.unit_of_work import Database, UnitOfWork

SHOWN = 20
_PARTS = [f"{number:02x}" for number in range(256)]
_ROWS = """
select sha256, size, true as is_known from file
where company_id = :company and sha256 like :part
union all
select sha256, size, false from file_leaving l
where company_id = :company and sha256 like :part
  and not exists (select from file f where f.company_id = l.company_id and f.sha256 = l.sha256)
"""
_KNOWN = "select size from file where company_id = :company and sha256 = :sha256"
_LEAVING = "select from file_leaving where company_id = :company and sha256 = :sha256"
_FORGET = "delete from file where company_id = :company and sha256 = :sha256"
_LEAVE = """
insert into file_leaving (company_id, sha256, size, since)
values (:company, :sha256, :size, now() - interval '1 day') on conflict (company_id, sha256) do nothing
"""
_UPLOADS = """
select count(*) as open, coalesce(sum(received), 0)::bigint as bytes,
       coalesce(extract(epoch from now() - min(created_at)), 0)::bigint as oldest_s
from upload where company_id = :company and state = 'OPEN'
"""


DOUBTFUL_FROM = 5
"""Fewer lost files than these are believed, whatever share of all they are."""


@dataclass(slots=True)
class Checked:
    """What was found. Digests, the first `SHOWN` of them; numbers of all."""

    files: int = 0
    bytes: int = 0
    # A row, and nothing in the storage, or of another size.
    lost: int = 0
    lost_digests: list[str] = field(default_factory=list)
    # Bytes, and no row.
    found: int = 0
    found_digests: list[str] = field(default_factory=list)
    mended: int = 0
    uploads_open: int = 0
    upload_bytes: int = 0
    upload_oldest_s: int = 0
    # Staged bytes of uploads that are not under way.
    staged_without_row: int = 0
    free_bytes: int = 0

    @property
    def is_well(self) -> bool:
        return not self.lost and not self.found

    @property
    def is_doubtful(self) -> bool:
        """So many are lost that rather the storage is not the one they are in, as a disk that is not mounted."""
        return self.lost >= DOUBTFUL_FROM and self.lost * 10 > self.files


def check_files(
    database: Database, media: Media, company_id: int, *, mender: Actor | None = None
) -> Checked:
    """Compare a company's files with the storage. Raises StorageAway.

    With a `mender`, who is in the change log: of a row without bytes the row goes, and its photos wait for them again, unless they
    have a verdict; bytes without a row become a file again where a record names them, else they go, both
    by the next round of the schedule.
    """
    checked = Checked(free_bytes=media.staging.free_bytes())
    for part in _PARTS:
        _check_part(database, media, company_id, part, checked, mender)
    with database.reading(company_id) as uow:
        row = uow.rows(_UPLOADS, company=company_id)[0]
        checked.uploads_open, checked.upload_bytes = row.open, row.bytes
        checked.upload_oldest_s = row.oldest_s
        open_ids = {
            found.id
            for found in uow.rows(
                "select id from upload where company_id = :company and state = 'OPEN'",
                company=company_id,
            )
        }
    checked.staged_without_row = sum(
        staged.id not in open_ids for staged in media.staging.uploads(company_id)
    )
    return checked


def _check_part(
    database: Database,
    media: Media,
    company_id: int,
    part: str,
    checked: Checked,
    mender: Actor | None,
) -> None:
    there = dict(_originals(media, company_id, part))
    with database.reading(company_id) as uow:
        rows = {
            row.sha256: (row.size, row.is_known)
            for row in uow.rows(_ROWS, company=company_id, part=f"{part}%")
        }
    checked.files += sum(is_known for _, is_known in rows.values())
    checked.bytes += sum(size for size, is_known in rows.values() if is_known)
    for sha256, (size, is_known) in rows.items():
        if is_known and there.get(sha256) != size:
            _look_at_row(database, media, company_id, sha256, checked, mender)
    for sha256 in there.keys() - rows.keys():
        _look_at_bytes(database, media, company_id, sha256, checked, mender)


def _originals(media: Media, company_id: int, part: str) -> Iterator[tuple[str, int]]:
    prefix = original_key(company_id, part + "0" * 62).split("/")[:3]
    for found in media.storage.stored("/".join(prefix) + "/"):
        sha256 = digest_of(found.key)
        if sha256 is not None and is_original(found.key):
            yield sha256, found.size


def _look_at_row(
    database: Database,
    media: Media,
    company_id: int,
    sha256: str,
    checked: Checked,
    mender: Actor | None,
) -> None:
    """Once more, alone with the file: it may have become known, or gone, since it was listed."""
    with database.company(company_id) as uow:
        lock_file(uow, sha256)
        known = uow.rows(_KNOWN, company=company_id, sha256=sha256)
        if not known or media.storage.size(original_key(company_id, sha256)) == known[0].size:
            return
        checked.lost += 1
        if len(checked.lost_digests) < SHOWN:
            checked.lost_digests.append(sha256)
        if mender is not None:
            media.storage.delete(original_key(company_id, sha256))
            uow.run(_FORGET, company=company_id, sha256=sha256)
            photos = mark_lost(uow, [sha256])
            log_change(uow, mender, "file.lost", "file", sha256, after={"asked_again": len(photos)})
            checked.mended += 1


def _look_at_bytes(
    database: Database,
    media: Media,
    company_id: int,
    sha256: str,
    checked: Checked,
    mender: Actor | None,
) -> None:
    with database.company(company_id) as uow:
        lock_file(uow, sha256)
        size = media.storage.size(original_key(company_id, sha256))
        if size is None or _has_row(uow, sha256):
            return
        checked.found += 1
        if len(checked.found_digests) < SHOWN:
            checked.found_digests.append(sha256)
        if mender is not None:
            uow.run(_LEAVE, company=company_id, sha256=sha256, size=size)
            log_change(uow, mender, "file.found", "file", sha256, after={"size": size})
            checked.mended += 1


def _has_row(uow: UnitOfWork, sha256: str) -> bool:
    return bool(
        uow.rows(_KNOWN, company=uow.company_id, sha256=sha256)
        or uow.rows(_LEAVING, company=uow.company_id, sha256=sha256)
    )
