"""Photos as a list, and one of them with its file and what was found in it, as far as the asker may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.identity.companies import company_day
from server.identity.permissions import positions_seen_by
from server.identity.prefixes import id_that_begins
from server.language import Said
from server.photos.errors import NoSuchPhoto
from sync.kinds.photo.table import photo
from sync.unit_of_work import UnitOfWork

SAME_BYTES_AT_MOST = 20

# Whoever took a photo sees it, and whoever may see the position that it was taken for.
IS_SEEN = """
(cast(:asker as uuid) is null or p.person_id = :asker or p.position_id = any(:positions))
"""
_COLUMNS = """
p.id, p.state, p.flags, p.role, p.sha256, p.size, p.occurred_at, p.business_day, p.store_id,
s.code as store_code, s.name as store_name, p.visit_id, p.person_id, who.name as person
"""
_FROM = """
from photo p
join person who on who.company_id = p.company_id and who.id = p.person_id
left join store s on s.company_id = p.company_id and s.id = p.store_id
where p.company_id = :company
"""
_LIST = f"""
select {_COLUMNS} {_FROM}
  and (cast(:states as text[]) is null or p.state = any(:states))
  and (cast(:flag as text) is null or :flag = any(p.flags))
  and (cast(:first_day as date) is null or p.business_day >= :first_day)
  and (cast(:last_day as date) is null or p.business_day <= :last_day)
  and (cast(:store as uuid) is null or p.store_id = :store)
  and (cast(:person as uuid) is null or p.person_id = :person)
  and {IS_SEEN}
order by p.business_day desc, p.occurred_at desc, p.id limit :at_most
"""
_ONE = f"select {_COLUMNS} {_FROM} and p.id = :id and {IS_SEEN}"
_SAME_BYTES = f"""
select {_COLUMNS} {_FROM} and p.sha256 = :sha256 and p.id <> :id and {IS_SEEN}
order by p.occurred_at, p.id limit :at_most
"""
_FILE = """
select id, state, attempts, reason_code, reason, stored_at, read_at from file
where company_id = :company and sha256 = :sha256
"""
_READING = """
select reader_version, media_type, width, height, sharpness, darkness, camera_at, camera_offset_min,
       camera_fix_at, camera_lat_e7, camera_lon_e7, camera_accuracy_m, camera_make, camera_model,
       software, remarks, copies, took_ms, read_at
from file_reading where company_id = :company and sha256 = :sha256
order by reader_version desc limit 1
"""


@dataclass(frozen=True, slots=True)
class PhotoListed:
    """A photo as a line of a list."""

    id: UUID
    state: str
    flags: tuple[str, ...]
    role: str
    sha256: str
    size: int
    occurred_at: datetime
    business_day: date
    store_id: UUID | None
    store_code: str | None
    store_name: str | None
    visit_id: UUID | None
    person_id: UUID
    person: str


@dataclass(frozen=True, slots=True)
class FileRead:
    """What became of the bytes of a photo; `attempts` since somebody last asked for it."""

    id: UUID
    state: str
    attempts: int
    reason_code: str | None
    reason: str | None
    stored_at: datetime
    read_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadingRead:
    """What the newest reader found; units as in facts.py."""

    reader_version: int
    media_type: str
    width: int
    height: int
    sharpness: int
    darkness: int
    camera_at: datetime | None
    camera_offset_min: int | None
    camera_fix_at: datetime | None
    camera_lat_e7: int | None
    camera_lon_e7: int | None
    camera_accuracy_m: int | None
    camera_make: str | None
    camera_model: str | None
    software: str | None
    remarks: tuple[str, ...]
    copies: tuple[dict[str, Any], ...]
    took_ms: int
    read_at: datetime


@dataclass(frozen=True, slots=True)
class PhotoRead:
    """A photo with its file, which may not have come, its reading, and the other photos of the same bytes."""

    photo: PhotoListed
    file: FileRead | None
    reading: ReadingRead | None
    same_bytes: tuple[PhotoListed, ...]


def list_photos(
    uow: UnitOfWork,
    *,
    states: Sequence[str] | None = None,
    flag: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    store_id: UUID | None = None,
    person_id: UUID | None = None,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[PhotoListed]:
    """Photos of these states and business days, the latest first. Without an asker: all of them."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        states=None if states is None else list(states),
        flag=flag,
        first_day=first_day,
        last_day=last_day,
        store=store_id,
        person=person_id,
        at_most=at_most,
        **seen_by(uow, asker_id),
    )
    return [_listed(row) for row in rows]


def read_photo(uow: UnitOfWork, photo_id: UUID, asker_id: UUID | None = None) -> PhotoRead:
    """A photo. Raises NoSuchPhoto, also where the asker may not see it."""
    seen = seen_by(uow, asker_id)
    rows = uow.rows(_ONE, company=uow.company_id, id=photo_id, **seen)
    if not rows:
        raise NoSuchPhoto(Said("there is no such photo in this company"))
    found = _listed(rows[0])
    named = {"company": uow.company_id, "sha256": found.sha256}
    files, readings = uow.rows(_FILE, **named), uow.rows(_READING, **named)
    same = uow.rows(_SAME_BYTES, **named, id=photo_id, at_most=SAME_BYTES_AT_MOST, **seen)
    return PhotoRead(
        found,
        FileRead(*files[0]) if files else None,
        _reading(readings[0]) if readings else None,
        tuple(map(_listed, same)),
    )


def photo_named(uow: UnitOfWork, typed: str) -> UUID:
    """The photo whose id begins like this. Raises NoSuchPhoto."""
    return id_that_begins(uow, photo.c.id, typed, what="such photo", refusal=NoSuchPhoto)


def seen_by(uow: UnitOfWork, asker_id: UUID | None) -> dict[str, object]:
    """What `IS_SEEN` asks for."""
    positions = positions_seen_by(uow, asker_id, company_day(uow)) if asker_id else None
    return {"asker": asker_id, "positions": sorted(positions or ())}


def _listed(row: Any) -> PhotoListed:
    return PhotoListed(**{**row._asdict(), "flags": tuple(row.flags)})


def _reading(row: Any) -> ReadingRead:
    lists = {"remarks": tuple(row.remarks), "copies": tuple(row.copies)}
    return ReadingRead(**{**row._asdict(), **lists})
