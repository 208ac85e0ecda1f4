"""Whether the small picture that a camera puts into its file shows what the file shows.

Cameras write a thumbnail into EXIF; programs that change the picture often leave the old one. Both are
compared as look-alikes are (looks.py), so encoding and size do not matter. Bars that a camera puts beside or above a
picture of another shape are taken off first, and where shapes differ all the same, the middle of the
picture is compared as well. Source: EXIF 2.32, section 4.5.5 (primary and thumbnail image).
"""

import io
from typing import Any, Final, Literal

import numpy as np
from PIL import Image

from server.photos.looks import distance_bits
from server.photos.perceptual_hash import look_of
from server.photos.signs import Sign

_OFFSET, _LENGTH = 0x0201, 0x0202
_ENTRY: Final = 12
_HEADER: Final = b"Exif\x00\x00"
_BYTES_MAX: Final = 64 * 1024
_SIDE_MAX: Final = 1024
# A row or column whose brightest grey is no more than this is of a bar.
_BAR_GREY: Final = 24
# Up to here they show the same; half of the 64 bits differ by chance.
SAME_BITS: Final = 14
_SUREST: Final = 900


def find_other_thumbnail(exif_bytes: bytes, upright: Image.Image, turn: Any) -> list[Sign]:
    """The sign of a thumbnail that shows something else.

    `exif_bytes` as they stand in the file, `turn` how the stored picture was turned to be upright (an
    Image.Transpose, or None).
    """
    thumbnail = _thumbnail(exif_bytes)
    if thumbnail is None:
        return []
    if turn is not None:
        thumbnail = thumbnail.transpose(turn)
    thumbnail = _without_bars(thumbnail)
    own = look_of(thumbnail)
    if own is None:
        return []
    looks = [look_of(upright), look_of(_middle(upright, thumbnail.size))]
    distances = [distance_bits(own.phash, look.phash) for look in looks if look is not None]
    if not distances or min(distances) <= SAME_BITS:
        return []
    distance = min(distances)
    permille = min(_SUREST, 500 + (distance - SAME_BITS) * 40)
    return [Sign(sign="thumbnail_differs", permille=permille, figures={"distance_bits": distance})]


def _thumbnail(exif_bytes: bytes) -> Image.Image | None:
    tiff = exif_bytes.removeprefix(_HEADER)
    start, length = _place(tiff)
    if not 0 < length <= _BYTES_MAX or start + length > len(tiff):
        return None
    with Image.open(io.BytesIO(tiff[start : start + length]), formats=("JPEG",)) as opened:
        if max(opened.size) > _SIDE_MAX:
            return None
        return opened.convert("RGB")


def _place(tiff: bytes) -> tuple[int, int]:
    """Where the thumbnail stands and how long it is; 0, 0 where there is none. Source: TIFF 6.0, section 2."""
    order: Literal["little", "big"] = "little" if tiff[:2] == b"II" else "big"

    def number(at: int, size: int) -> int:
        return int.from_bytes(tiff[at : at + size], order)

    def after(directory: int) -> int:
        return directory + 2 + _ENTRY * number(directory, 2)

    # The first directory is the picture's, the second the thumbnail's.
    second = number(after(number(4, 4)), 4)
    if not second:
        return 0, 0
    entries = range(second + 2, min(after(second), len(tiff)), _ENTRY)
    values = {number(at, 2): number(at + 8, 4) for at in entries}
    return values.get(_OFFSET, 0), values.get(_LENGTH, 0)


def _without_bars(thumbnail: Image.Image) -> Image.Image:
    greys = np.asarray(thumbnail.convert("L"))
    rows = np.flatnonzero(greys.max(axis=1) > _BAR_GREY)
    columns = np.flatnonzero(greys.max(axis=0) > _BAR_GREY)
    if not rows.size or not columns.size:
        return thumbnail
    return thumbnail.crop((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1))


def _middle(picture: Image.Image, shape: tuple[int, int]) -> Image.Image:
    """The largest middle part of the picture that has this shape."""
    wide, high = picture.size
    part_wide = min(wide, max(1, high * shape[0] // shape[1]))
    part_high = min(high, max(1, wide * shape[1] // shape[0]))
    left, top = (wide - part_wide) // 2, (high - part_high) // 2
    return picture.crop((left, top, left + part_wide, top + part_high))
