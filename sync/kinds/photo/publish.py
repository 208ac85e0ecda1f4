"""What becomes of photos after their capture: their state and flags, told to the phones that hold them."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sync.flag import Flag
from sync.kinds.photo.judge import PHOTO
from sync.kinds.photo.states import UNSTORED, may_become
from sync.publish import Draft, hold_documents, publish
from sync.rows import array
from sync.unit_of_work import UnitOfWork

# What is odd about the capture itself: said when the record comes, and never taken back.
CAPTURE_FLAGS = frozenset({"mock_location", "from_gallery", "other_store"})

_OF_FILES = """
select id, version, sha256, state, person_id, position_id, store_id, visit_id, business_day
from photo where company_id = :company and sha256 = any(:digests) order by id
"""
_UPDATE = """
update photo set version = r.version, state = r.state, flags = string_to_array(r.flags, ' ')
from unnest(%s::uuid[], %s::int4[], %s::text[], %s::text[]) as r(id, version, state, flags)
where photo.company_id = %s and photo.id = r.id
"""


@dataclass(frozen=True, slots=True)
class PhotoChange:
    """What a photo is to become: its state, and the flags of its evidence (None: they stay)."""

    state: str
    flags: Sequence[Flag] | None = None


@dataclass(frozen=True, slots=True)
class FiledPhoto:
    """A photo whose bytes are in a file, or will be."""

    id: UUID
    version: int
    sha256: str
    state: str
    person_id: UUID
    position_id: UUID | None
    store_id: UUID | None
    visit_id: UUID | None
    business_day: object


def photos_of_files(uow: UnitOfWork, digests: Iterable[str]) -> list[FiledPhoto]:
    """The photos of the company whose bytes have these digests (64 hexadecimal digits), by id."""
    rows = uow.rows(_OF_FILES, company=uow.company_id, digests=sorted(set(digests)))
    return [FiledPhoto(*row) for row in rows]


def set_photo_states(uow: UnitOfWork, changes: Mapping[UUID, PhotoChange]) -> dict[UUID, str]:
    """Put photos into states and tell the phones; what they became, of those that changed.

    The records are locked, and a change that does not follow from the state a photo is in by then is
    passed over: so is one that is asked for twice. Of a state that stays only new flags are told.
    Flags of the capture stay whatever the evidence says. The number of statements does not grow with
    the photos.
    """
    now = time.time_ns() // 1_000_000
    drafts: list[Draft] = []
    became: dict[UUID, str] = {}
    for id_, fields in hold_documents(uow, changes).items():
        before, change = fields["state"], changes[id_]
        if before != change.state and not may_become(before, change.state):
            continue
        after = dict(fields)
        if change.flags is not None:
            after["flags"] = _with_capture_flags(fields["flags"], change.flags)
        if before != change.state:
            after |= {"state": change.state, "state_at": now}
        if after != fields:
            drafts.append(Draft(PHOTO, id_, after))
            became[id_] = change.state
    if drafts:
        versions = publish(uow, drafts)
        _update_rows(uow, drafts, versions)
    return became


def mark_uploading(uow: UnitOfWork, digest: str) -> dict[UUID, str]:
    """A part of the bytes is there: the photos that wait for them show it."""
    return _set_all(uow, [digest], ("EXPECTED",), "UPLOADING")


def mark_expected(uow: UnitOfWork, digest: str) -> dict[UUID, str]:
    """The part was given up: its photos wait for their bytes as before."""
    return _set_all(uow, [digest], ("UPLOADING",), "EXPECTED")


def mark_stored(uow: UnitOfWork, digests: Iterable[str]) -> dict[UUID, str]:
    """The bytes are there whole: the photos that waited for them are stored."""
    return _set_all(uow, digests, UNSTORED, "STORED")


def _set_all(
    uow: UnitOfWork, digests: Iterable[str], sources: Sequence[str], target: str
) -> dict[UUID, str]:
    waiting = [photo.id for photo in photos_of_files(uow, digests) if photo.state in sources]
    return set_photo_states(uow, dict.fromkeys(waiting, PhotoChange(target))) if waiting else {}


def _with_capture_flags(held: Iterable[Flag], found: Iterable[Flag]) -> list[Flag]:
    """The flags that the capture had, then those of the evidence."""
    kept = [flag for flag in held if _is_of_capture(str(flag["flag"]))]
    return [*kept, *(flag for flag in found if not _is_of_capture(str(flag["flag"])))]


def _is_of_capture(name: str) -> bool:
    return name in CAPTURE_FLAGS or name.startswith("clock_")


def _update_rows(uow: UnitOfWork, drafts: Sequence[Draft], versions: Mapping[UUID, int]) -> None:
    ids, numbers, states, flags = [], [], [], []
    for draft in drafts:
        assert draft.fields is not None
        ids.append(draft.id)
        numbers.append(versions[draft.id])
        states.append(draft.fields["state"])
        # Names of flags have no spaces: an array of arrays would have to be as long in every row.
        flags.append(" ".join(str(flag["flag"]) for flag in draft.fields["flags"]))
    uow.driver.execute(
        _UPDATE,
        [
            array("uuid", ids),
            array("int4", numbers),
            array("text", states),
            array("text", flags),
            uow.company_id,
        ],
    )
