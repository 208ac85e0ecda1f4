"""What reading a file of a photo gives: its facts and three copies, or why it cannot be read.

The process that reads is trusted with nothing (server/photos/reader_process.py): what it wrote is decoded
by these types, each number within its bounds, and a copy counts only when it is what it says it is.

Everything is a whole number. `sharpness` is the variance of the 4-neighbour Laplacian over luminance
(0 … 255) of the upright picture, brought to 640 pixels on its longer side where it is larger: the
higher, the sharper. `darkness` is 1000 × (255 − mean luminance) ÷ 255, rounded: 0 is white, 1000
black. Formulas: docs/FORMULAS.md, "What a file is measured by".
"""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import Meta

from server.photos.looks import DETAIL_BITS
from server.photos.signs import SIGNS_MAX, Sign

READER_VERSION = 1
"""Raised with every change by which a file would be read otherwise: `roadbook photo reread` reads again
what an older one read. Readings of older versions stay."""

CopyName = Literal["full", "screen", "thumb"]
COPIES: tuple[tuple[CopyName, int], ...] = (("full", 2560), ("screen", 1280), ("thumb", 320))
"""The copies and their longer sides in pixels at most; a picture is never enlarged."""

COPY_MEDIA_TYPE = "image/webp"
COPY_BYTES_MAX = 32 * 1024 * 1024
FACTS_BYTES_MAX = 64 * 1024
INT4_MAX = 2**31 - 1

Side = Annotated[int, Meta(ge=1, le=1_000_000)]
Said = Annotated[str, Meta(min_length=1, max_length=100)]
Remark = Literal[
    "animated",
    "camera_position_broken",
    "camera_time_broken",
    "colour_profile_broken",
    "exif_broken",
    "orientation_broken",
    "several_pictures",
]
"""What is odd about a file that could be read all the same. `animated`: the first frame is the picture.
`several_pictures`: the first one is (phones keep a depth map or a second view with it)."""

ReasonCode = Literal[
    "changed",
    "damaged",
    "empty",
    "not_a_photo",
    "not_stored",
    "reader_died",
    "too_many_pixels",
    "too_much_memory",
    "took_too_long",
]
"""Why a file is set aside. `reader_died`: the process that read it, or its worker, ended every time.
`not_stored` and `changed`: the storage has lost its bytes, or has others than were sent. All but `reader_died`
and `took_too_long` are so at the first try: another would end in the same way."""

FINAL_AT_ONCE = tuple(
    code for code in get_args(ReasonCode) if code not in {"reader_died", "took_too_long"}
)

MediaType = Literal[
    "image/jpeg", "image/png", "image/gif", "image/webp", "image/heic", "image/avif"
]


class LookFound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the picture looks like: see looks.py."""

    phash: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
    detail: Annotated[bytes, Meta(min_length=DETAIL_BITS // 8, max_length=DETAIL_BITS // 8)]


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One delivered copy: upright, WebP in sRGB, without EXIF."""

    name: CopyName
    width: Side
    height: Side
    bytes: Annotated[int, Meta(ge=1, le=COPY_BYTES_MAX)]


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the camera wrote beside the picture (EXIF 2.32); each as far as it can be believed in form."""

    # DateTimeOriginal, else DateTimeDigitized: the camera's wall time, as ISO 8601 to the second without a zone.
    taken_at: Annotated[str, Meta(min_length=19, max_length=19)] | None = None
    # OffsetTimeOriginal or OffsetTimeDigitized: minutes east of UTC.
    offset_min: Annotated[int, Meta(ge=-14 * 60, le=14 * 60)] | None = None
    # GPSDateStamp and GPSTimeStamp: of the fix, in UTC, which may be older than the picture.
    fix_at: Annotated[str, Meta(min_length=20, max_length=20)] | None = None
    # GPSLatitude and GPSLongitude, in 10⁻⁷ degrees.
    lat_e7: Annotated[int, Meta(ge=-900_000_000, le=900_000_000)] | None = None
    lon_e7: Annotated[int, Meta(ge=-1_800_000_000, le=1_800_000_000)] | None = None
    # GPSHPositioningError, rounded up.
    accuracy_m: Annotated[int, Meta(ge=0, le=1_000_000)] | None = None
    make: Said | None = None
    model: Said | None = None
    software: Said | None = None


class Facts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file is and shows. Width and height are those of the upright picture."""

    media_type: MediaType
    width: Side
    height: Side
    sharpness: Annotated[int, Meta(ge=0, le=INT4_MAX)]
    darkness: Annotated[int, Meta(ge=0, le=1000)]
    # None where the picture is too flat to tell.
    look: LookFound | None
    # Of editing and of photographed screens, the surest first: see signs.py.
    signs: Annotated[list[Sign], Meta(max_length=SIGNS_MAX)]
    camera: Camera
    remarks: Annotated[list[Remark], Meta(max_length=20)]
    copies: Annotated[list[Copy], Meta(min_length=3, max_length=3)]


class Refusal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why a file was not read, with words for a person."""

    code: ReasonCode
    words: Annotated[str, Meta(min_length=1, max_length=300)]
