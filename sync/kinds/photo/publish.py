"""What becomes of photos after their capture: their state and flags, told to the phones that hold them.

A photo's record and its file are written by two transactions that may not see each other. Each leaves work
that looks again once it is durable (`ARRIVED` of the photo, `FILE_PHOTOS` of the file), so that whichever
commits last sees both.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sync.flag import Flag
from sync.kinds.photo.judge import JUDGE, LOOKED_AT, PHOTO
from sync.kinds.photo.states import SHOOTING, UNSTORED, may_become
from sync.publish import Draft, hold_documents, publish
from sync.rows import array
from sync.unit_of_work import UnitOfWork
from sync.work import leave_work

# What is odd about the capture itself: said when the record comes, and never taken back.
CAPTURE_FLAGS = frozenset({"mock_location", "from_gallery", "other_store"})

# Work: bring the photos of these files up to what the files are by now.
FILE_PHOTOS = "file_photos"

_UNSETTLED = """
select p.id, p.state, f.state as file from photo p
join file f on f.company_id = p.company_id and f.sha256 = p.sha256
where p.company_id = :company and {which} = any(:ids)
order by p.id
"""
_UNSETTLED_PHOTOS = _UNSETTLED.format(which="p.id")
_UNSETTLED_FILES = _UNSETTLED.format(which="f.id")
# The topic under which whoever waits for what was found about photos is told of them.
JUDGED = "photos_judged"
_JUDGED = (SHOOTING.after("STORED", "find nothing"), SHOOTING.after("STORED", "flag"))

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
    """What a photo is to become: its state, and the flags of its evidence (None: they stay). With `sources`
    only where it is still in one of these states; without, wherever the machine has a way.
    """

    state: str
    flags: Sequence[Flag] | None = None
    sources: Sequence[str] | None = None


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
        if change.sources is not None and before not in change.sources:
            continue
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
        leave_work(uow, JUDGED, [id_ for id_, state in became.items() if state in _JUDGED])
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


def mark_lost(uow: UnitOfWork, digests: Iterable[str]) -> dict[UUID, str]:
    """The bytes are not there any more: whoever still has them is asked for them again. What has a
    verdict keeps it.
    """
    return _set_all(uow, digests, SHOOTING.sources_of("lose"), "EXPECTED")


def settle_photos(uow: UnitOfWork, ids: Iterable[UUID]) -> None:
    """What work `ARRIVED` does: of these photos, those whose files are there are stored, and judged where
    the files were read. To be repeated as often as anybody likes.
    """
    _settle(uow, uow.rows(_UNSETTLED_PHOTOS, company=uow.company_id, ids=list(ids)))


def settle_files(uow: UnitOfWork, file_ids: Iterable[UUID]) -> None:
    """What work `FILE_PHOTOS` does: the same for every photo of these files, also for those that were
    judged before. Whoever writes what a file's reading came to leaves it.
    """
    _settle(uow, uow.rows(_UNSETTLED_FILES, company=uow.company_id, ids=list(file_ids)))


def _settle(uow: UnitOfWork, rows: Sequence[Any]) -> None:
    unstored = [row.id for row in rows if row.state in UNSTORED]
    if unstored:
        set_photo_states(uow, dict.fromkeys(unstored, PhotoChange("STORED")))
    leave_work(uow, JUDGE, [row.id for row in rows if row.file in LOOKED_AT])


def _set_all(
    uow: UnitOfWork, digests: Iterable[str], sources: Sequence[str], target: str
) -> dict[UUID, str]:
    waiting = [photo.id for photo in photos_of_files(uow, digests) if photo.state in sources]
    if not waiting:
        return {}
    # They were read unlocked: whoever was before us may have stored, or lost, the bytes since.
    return set_photo_states(
        uow, dict.fromkeys(waiting, PhotoChange(target, sources=tuple(sources)))
    )


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
