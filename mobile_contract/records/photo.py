"""photo: that a picture was taken, by whom, when and where. Append-only; its bytes travel apart; from contract 2 on."""

from typing import Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Part,
    Sha256,
    Text,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Clock, Event, Flag, HeldEvent
from mobile_contract.records.visit import FLAGS_MAX
from mobile_contract.schema import WireSchema

PHOTO_STATES: Final = (
    "EXPECTED",
    "UPLOADING",
    "STORED",
    "OK",
    "FLAGGED",
    "PASS",
    "FAIL",
    "APPEALED",
    "FINAL",
)
PHOTO_SOURCES: Final = ("CAMERA", "GALLERY")
PHOTO_BYTES_MAX: Final = 2**40
PHOTO_ROLE_MAX: Final = 40
PHOTO_NOTE_MAX: Final = 400


class PhotoCreate(WireSchema):
    """A photo was taken."""

    visit_id = Id(
        presence=OPTIONAL,
        about="the visit at which it was taken; waited for if the server lacks it",
    )
    store_id = Id(
        presence=OPTIONAL,
        about="the store that it shows; waited for if the server lacks it; absent: the visit's",
    )
    position_id = Id(presence=OPTIONAL, about="the position it was taken for")
    sha256 = Sha256(about="digest of the file's bytes")
    size = Int(0, PHOTO_BYTES_MAX, about="size of the file", unit="bytes")
    role = Text(1, PHOTO_ROLE_MAX, about="what it shows, like storefront or shelf")
    occurred = Part(Event, about="when and where it was taken")
    source = Choice(
        PHOTO_SOURCES,
        presence=OPTIONAL,
        about="taken by the app's camera, or chosen among pictures; absent: not known",
    )
    note = Text(0, PHOTO_NOTE_MAX, presence=OPTIONAL, about="free text")


class PhotoDown(WireSchema):
    """A photo as the server holds it."""

    visit_id = Id(presence=NULLABLE, about="the visit at which it was taken")
    store_id = Id(presence=NULLABLE, about="the store that it shows")
    person_id = Id(about="who took it")
    position_id = Id(presence=NULLABLE, about="the position it was taken for")
    sha256 = Sha256(about="digest of the file's bytes")
    size = Int(0, PHOTO_BYTES_MAX, about="size of the file, as sent", unit="bytes")
    role = Text(1, PHOTO_ROLE_MAX, about="what it shows")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    occurred = Part(HeldEvent, about="when and where it was taken")
    clock = Part(Clock, about="how its corrected time came about")
    source = Choice(PHOTO_SOURCES, presence=NULLABLE, about="where it came from")
    note = Text(0, PHOTO_NOTE_MAX, presence=NULLABLE, about="free text")
    state = Choice(PHOTO_STATES, about="where it stands, see States of a photo")
    state_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="when the server put it there",
        unit="ms since 1970-01-01T00:00Z",
    )
    flags = ListOf(Flag(), FLAGS_MAX, about="what an auditor may want to look at")


PHOTO: Final = RecordContract(
    kind="photo",
    ops={1: {}, 2: {"create": PhotoCreate}},
    down={1: None, 2: PhotoDown},
)
