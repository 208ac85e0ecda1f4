"""Files that were read, as rows: what was found in them is as a test says."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import msgspec
from sqlalchemy import insert

from server.photos.looks import Look
from server.photos.near_duplicates import remember_looks
from server.photos.signs import Sign
from sync.file_reading import file_reading
from sync.media import file
from sync.unit_of_work import UnitOfWork
from tests.factories import Cast
from tests.photo_factories import digest_of
from tests.sync.talking import NOON

DETAIL = bytes(range(32))
SHARP, BRIGHT = 900, 500


def look(phash: int, detail: bytes = DETAIL) -> Look:
    return Look(phash, detail)


def add_file(uow: UnitOfWork, cast: Cast, name: str, state: str = "READ", **columns: Any) -> UUID:
    """The file of this name, without a reading."""
    file_id = uuid4()
    uow.connection.execute(
        insert(file).values(
            company_id=uow.company_id,
            id=file_id,
            sha256=digest_of(name),
            size=1_000,
            state=state,
            device_id=cast.ana.device.id,
            person_id=cast.ana.id,
            **columns,
        )
    )
    return file_id


def add_files(uow: UnitOfWork, digests: Iterable[str]) -> None:
    """Files with these digests, whoever sent them."""
    uow.run(
        "insert into file (company_id, id, sha256, size, state, device_id, person_id)"
        " select :company, gen_random_uuid(), d, 1, 'READ', gen_random_uuid(), gen_random_uuid()"
        " from unnest(cast(:digests as text[])) as d",
        company=uow.company_id,
        digests=list(digests),
    )


def add_read_file(
    uow: UnitOfWork,
    cast: Cast,
    name: str,
    *,
    look: Look | None = None,
    signs: tuple[Sign, ...] = (),
    **reading: Any,
) -> UUID:
    """The file of this name, read: sharp, bright, and with what else is given."""
    file_id = add_file(uow, cast, name)
    add_reading(uow, name, look=look, signs=signs, **reading)
    return file_id


def add_reading(
    uow: UnitOfWork,
    name: str,
    *,
    look: Look | None = None,
    signs: tuple[Sign, ...] = (),
    **reading: Any,
) -> None:
    """A reading of the file of this name, and what its picture looks like."""
    columns = {
        "reader_version": 1,
        "media_type": "image/jpeg",
        "width": 1280,
        "height": 960,
        "sharpness": SHARP,
        "darkness": BRIGHT,
        "remarks": [],
        "copies": [],
        "took_ms": 1,
    }
    uow.connection.execute(
        insert(file_reading).values(
            company_id=uow.company_id,
            sha256=digest_of(name),
            phash=None if look is None else look.phash,
            signs=msgspec.to_builtins(list(signs)),
            **(columns | reading),
        )
    )
    remember_looks(uow, {digest_of(name): look})


def minutes(number: int) -> int:
    """So many minutes after NOON, in milliseconds."""
    return NOON + number * 60_000
