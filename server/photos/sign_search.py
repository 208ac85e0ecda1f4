"""All signs of editing and of screens in one opened file. Runs where pictures are decoded, nowhere else."""

import warnings
from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from server.photos.marks import find_marks
from server.photos.saved_twice import find_saved_twice
from server.photos.screens import find_screen
from server.photos.signs import SIGNS_MAX, Sign
from server.photos.thumbnail import find_other_thumbnail

_EXIF: Final = 0x8769
_CREDENTIALS: Final = "APP11"


def find_signs(
    source: Image.Image, upright: Image.Image, *, taken_at: str | None, turn: Any
) -> list[Sign]:
    """The signs in a file, the surest first.

    `source` as it was opened (its file still open), `upright` the picture as it is to be seen, `taken_at` the
    camera's time as ISO 8601, `turn` the Image.Transpose by which it was turned upright, or None. What is broken in a file is no
    sign: the part of the search that meets it finds nothing.
    """
    signs: list[Sign] = []
    searches: tuple[Callable[[], list[Sign]], ...] = (
        lambda: _marks(source, taken_at),
        lambda: _thumbnail(source, upright, turn),
        lambda: find_saved_twice(source),
        lambda: find_screen(upright),
    )
    for search in searches:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                signs += search()
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001, S112 - whatever a decoder raises over what stands beside a good picture
            continue
    return sorted(signs, key=lambda sign: (-sign.permille, sign.sign))[:SIGNS_MAX]


def _marks(source: Image.Image, taken_at: str | None) -> list[Sign]:
    exif = source.getexif()
    credentials = b"".join(
        data for name, data in getattr(source, "applist", ()) if name == _CREDENTIALS
    )
    info = {**source.info, "credentials": credentials}
    return find_marks(info, dict(exif), exif.get_ifd(_EXIF), taken_at)


def _thumbnail(source: Image.Image, upright: Image.Image, turn: Any) -> list[Sign]:
    exif_bytes = source.info.get("exif")
    if not isinstance(exif_bytes, bytes):
        return []
    return find_other_thumbnail(exif_bytes, upright, turn)
