"""Pictures on a phone: each is a record that goes up with the next push, and bytes that travel apart.

PROTOCOL.md, headings "photo" and "Sending files". Record and bytes are on the disk when `take_photo` returns. The bytes
stay until a record says that the server has them, and where the server names a watermark until its
backups have them too.

    photo = take_photo(phone, jpeg, role="shelf", fix=fix, visit_id=visit_id)
    answer_task(phone, task.id, fix, photos=[photo.as_media()])
    phone.sync()
    upload_photos(phone)                         # uploads.py
    drop_stored(phone)
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.contract_one import NotInContract
from mobile_contract.phone.contract_two import event_fields, present

if TYPE_CHECKING:
    from mobile_contract.phone.phone import Phone
    from mobile_contract.phone.phone_file import PhoneFile

Source = Literal["CAMERA", "GALLERY"]
# In these the server does not have the bytes.
_UNSTORED = frozenset({"EXPECTED", "UPLOADING"})


class PictureState(StrEnum):
    """Where the bytes of a picture stand on this phone."""

    WAITING = "waiting"
    UPLOADED = "uploaded"
    SET_ASIDE = "set aside"


@dataclass(frozen=True, slots=True)
class Picture:
    """A file that this phone holds. `location` is where the server takes it, once it was told; `pulled_before` when
    the phone had last pulled all there was when the upload ended.
    """

    position: int
    sha256: str
    role: str
    size: int
    state: PictureState
    location: str | None
    refusals: int
    code: str | None
    pulled_before: int | None


@dataclass(frozen=True, slots=True)
class TakenPhoto:
    """A picture that was taken: the id of its record, and what a manifest says of its file."""

    id: str
    sha256: str
    size: int
    role: str

    def as_media(self) -> dict[str, Any]:
        """Its line in the `media` of an item."""
        return {"sha256": self.sha256, "size": self.size, "role": self.role}

    def as_audit_photo(self, item: str) -> dict[str, Any]:
        """Its line in the `photos` of an audit visit, as showing this item of the standards."""
        return {"item": item, "sha256": self.sha256, "size": self.size}


_COLUMNS = "SELECT position, sha256, role, size, state, location, refusals, code, pulled_before FROM picture"


class Pictures:
    """The bytes of the pictures of one phone, each file once."""

    def __init__(self, file: PhoneFile) -> None:
        self.file = file

    def add(self, sha256: str, data: bytes, role: str) -> None:
        """Keep a file; one that is here already is left as it is."""
        with self.file.transaction() as connection:
            connection.execute(
                "INSERT INTO picture (sha256, role, size, bytes, state) VALUES (?, ?, ?, ?, 'waiting')"
                " ON CONFLICT (sha256) DO NOTHING",
                (sha256, role, len(data), data),
            )

    def all(self, *states: PictureState) -> list[Picture]:
        """The files in these states, or all, in the order in which they were taken."""
        wanted = states or tuple(PictureState)
        marks = ", ".join("?" * len(wanted))
        rows = self.file.rows(
            f"{_COLUMNS} WHERE state IN ({marks}) ORDER BY position", tuple(wanted)
        )
        return [_picture(row) for row in rows]

    def get(self, sha256: str) -> Picture | None:
        rows = self.file.rows(f"{_COLUMNS} WHERE sha256 = ?", (sha256,))
        return _picture(rows[0]) if rows else None

    def read(self, picture: Picture, offset: int, size: int) -> bytes:
        """Some of the bytes, without reading the others."""
        with (
            self.file.transaction() as connection,
            connection.blobopen("picture", "bytes", picture.position, readonly=True) as blob,
        ):
            blob.seek(offset)
            return blob.read(size)

    def set_location(self, picture: Picture, location: str | None) -> None:
        """Where the server takes the bytes; None where it knows nothing of them any more."""
        self._set(picture, "location = ?", location)

    def note_uploaded(self, picture: Picture, pulled_at: int | None) -> None:
        """The server has the last byte. Its record has yet to say so, in a pull after that one."""
        what = "state = 'uploaded', location = NULL, code = NULL, pulled_before = ?"
        self._set(picture, what, pulled_at)

    def send_again(self, picture: Picture) -> None:
        """The server says that it does not have the bytes after all."""
        self._set(picture, "state = 'waiting', location = NULL")

    def note_refusal(self, picture: Picture) -> int:
        """The server wants none of it as it is, and it begins anew; returns how often that has happened."""
        self._set(picture, "refusals = refusals + 1, location = NULL")
        return picture.refusals + 1

    def set_aside(self, picture: Picture, code: str) -> None:
        """Stop sending bytes that are refused each time; they stay and are shown with the reason."""
        self._set(picture, "state = 'set aside', code = ?", code)

    def try_again(self, sha256: str) -> None:
        """A person wants a file that was set aside to be sent once more."""
        with self.file.transaction() as connection:
            connection.execute(
                "UPDATE picture SET state = 'waiting', refusals = 0, code = NULL"
                " WHERE sha256 = ? AND state = 'set aside'",
                (sha256,),
            )

    def drop(self, picture: Picture) -> None:
        with self.file.transaction() as connection:
            connection.execute("DELETE FROM picture WHERE position = ?", (picture.position,))

    def to_send(self) -> int:
        """How many files the server is not known to have."""
        return len(self.all(PictureState.WAITING))

    def _set(self, picture: Picture, what: str, *values: object) -> None:
        with self.file.transaction() as connection:
            connection.execute(
                f"UPDATE picture SET {what} WHERE position = ?",  # noqa: S608 - words of this module
                (*values, picture.position),
            )


def take_photo(
    phone: Phone,
    data: bytes,
    *,
    role: str,
    fix: Fix | None,
    visit_id: str | None = None,
    store_id: str | None = None,
    position_id: str | None = None,
    source: Source | None = "CAMERA",
    note: str | None = None,
) -> TakenPhoto:
    """Keep a picture as it is and will be sent; `data` is the file, with its EXIF. Whoever makes it smaller
    does so before.
    """
    if phone.device.contract == 1:
        raise NotInContract("a photo")
    photo = TakenPhoto(phone.new_id(), hashlib.sha256(data).hexdigest(), len(data), role)
    event = phone.event(fix)
    payload = present(
        visit_id=visit_id,
        store_id=store_id,
        position_id=position_id,
        sha256=photo.sha256,
        size=photo.size,
        role=role,
        occurred=event_fields(event, event.moment.boot_id),
        source=source,
        note=note,
    )
    with phone.pictures.file.transaction():
        phone.pictures.add(photo.sha256, data, role)
        phone.capture(
            "photo",
            photo.id,
            "create",
            payload,
            fix=fix,
            depends_on=phone.unsent_parents(visit_id, store_id),
        )
    return photo


def photo_states(phone: Phone) -> dict[str, str]:
    """What the server says of each photo of this phone, by its id; what it does not know yet is EXPECTED."""
    told = {photo.id: str(photo.fields["state"]) for photo in phone.held("photo")}
    sent = {item.entity_id: "EXPECTED" for item in phone.outbox.items() if item.kind == "photo"}
    return sent | told


def stored_at(phone: Phone) -> dict[str, int]:
    """The digests of the files that the server has, and since when it has them at the latest.

    None while the records of this phone are to be repaired: they may be of a life of the server that is over.
    """
    found: dict[str, int] = {}
    if phone.device.is_repair_due:
        return found
    for photo in phone.held("photo"):
        if photo.fields["state"] not in _UNSTORED:
            digest, at = photo.fields["sha256"], photo.fields["state_at"]
            found[digest] = min(found.get(digest, at), at)
    return found


def ask_again(phone: Phone) -> None:
    """Let files wait again that were uploaded and whose records, pulled since, all say that they are not there."""
    if phone.device.is_repair_due:
        return
    stored, expected = stored_at(phone), set()
    for photo in phone.held("photo"):
        if photo.fields["state"] in _UNSTORED:
            expected.add(photo.fields["sha256"])
    for picture in phone.pictures.all(PictureState.UPLOADED):
        has_pulled = phone.device.pulled_at != picture.pulled_before
        if has_pulled and picture.sha256 in expected and picture.sha256 not in stored:
            phone.pictures.send_again(picture)


def drop_stored(phone: Phone) -> int:
    """Let bytes go that the server has, and its backups where it names a watermark; how many files.

    Also what was uploaded and whose records have left the phone since: those were stored.
    """
    if phone.device.is_repair_due:
        return 0
    stored, watermark = stored_at(phone), phone.device.watermark
    named = {photo.fields["sha256"] for photo in phone.held("photo")} | set(_in_outbox(phone))
    dropped = 0
    for picture in phone.pictures.all():
        at = stored.get(picture.sha256)
        if at is None:
            may_go = picture.state == PictureState.UPLOADED and picture.sha256 not in named
        else:
            may_go = watermark is None or at < watermark
        if may_go:
            phone.pictures.drop(picture)
            dropped += 1
    return dropped


def _in_outbox(phone: Phone) -> Iterator[str]:
    """The digests that photos in the outbox name, also sent ones: it forgets them once they are covered."""
    for item in phone.outbox.items():
        if item.kind == "photo":
            yield item.parsed()["payload"]["sha256"]


def _picture(row: tuple[Any, ...]) -> Picture:
    values = list(row)
    values[4] = PictureState(row[4])
    return Picture(*values)
