"""The reading itself, in the child of the reading process: a file is decoded, turned upright, measured, and
written as three copies. Nothing but this module and those below it has anything to do with a decoder.

Only what a file is by its first bytes may decode it (formats.py). Of a JPEG that is much larger than the
largest copy only as much is decoded as that needs. Copies are made from pixels alone, so nothing else that
was in the file travels: no EXIF, no comments, no second picture, no archive at its end.
"""

import io
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from server.photos.camera import camera_of, orientation_of
from server.photos.facts import (
    COPIES,
    Camera,
    Copy,
    CopyName,
    Facts,
    LookFound,
    ReasonCode,
    Remark,
)
from server.photos.formats import HEAD_BYTES, HEIC, JPEG, Format, recognise
from server.photos.perceptual_hash import look_of
from server.photos.sign_search import find_signs

MEASURED_PX = 640
WEBP_QUALITY = 80
# How hard the encoder tries: 4 takes twice as long as 2, for 3 % of the size.
WEBP_METHODS: dict[CopyName, int] = {"full": 2, "screen": 2, "thumb": 4}

_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Of these orientations the picture stands on its side.
_ON_SIDE = (5, 6, 7, 8)
_SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
_WHITE = (255, 255, 255)


class Refused(Exception):
    """The file cannot be read, for a reason that stays."""

    def __init__(self, code: ReasonCode, words: str) -> None:
        super().__init__(words)
        self.code: ReasonCode = code
        self.words = words


def prepare_decoders() -> None:
    """Bound what decoders do. Called once, before any file is opened."""
    # Ours is looked at before a pixel is decoded (_require_size), and says by how much.
    Image.MAX_IMAGE_PIXELS = None
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = 1024 * 1024
    PngImagePlugin.MAX_TEXT_MEMORY = 8 * 1024 * 1024
    pillow_heif.register_heif_opener(thumbnails=False)
    pillow_heif.options.DECODE_THREADS = 1
    Image.init()


def read_picture(original: Path, scratch: Path, *, pixels_max: int) -> Facts:
    """Read a file: its facts, and its copies as `<name>.webp` in the scratch folder.

    Raises Refused for what will not change; MemoryError where the picture is too large for the limit.
    """
    remarks: list[Remark] = []

    def note(remark: Remark) -> None:
        if remark not in remarks:
            remarks.append(remark)

    found = _recognised(original)
    try:
        with Image.open(original, formats=found.decoders) as opened:
            source = opened
            _require_size(source, pixels_max)
            _note_frames(source, found, note)
            main, camera = _camera(source, note)
            orientation = orientation_of(main, note)
            upright, (width, height) = _upright(source, found, orientation, note)
            signs = find_signs(
                source, upright, taken_at=camera.taken_at, turn=_TURNS.get(orientation)
            )
    except (Refused, MemoryError):
        raise
    except Exception as error:
        # Decoders raise whatever they like over a file that is broken or made to break them.
        raise Refused("damaged", f"it cannot be decoded: {_words(error)}") from error
    copies = _write_copies(upright, scratch)
    sharpness, darkness = measure(upright)
    look = look_of(upright)
    return Facts(
        media_type=found.media_type,
        width=width,
        height=height,
        sharpness=sharpness,
        darkness=darkness,
        look=None if look is None else LookFound(look.phash, look.detail),
        camera=camera,
        signs=signs,
        remarks=sorted(remarks),
        copies=copies,
    )


def measure(upright: Image.Image) -> tuple[int, int]:
    """Sharpness and darkness of an upright picture in RGB: see facts.py."""
    luminance = _within(upright.convert("L"), MEASURED_PX)
    values = np.asarray(luminance, dtype=np.int32)
    count = values.size
    # Whole numbers up to the one division, half up: the same on every machine.
    total = int(values.sum(dtype=np.int64))
    darkness = (2 * 1000 * (255 * count - total) + 255 * count) // (2 * 255 * count)
    if min(values.shape) < 3:
        return 0, darkness
    edges = (
        4 * values[1:-1, 1:-1]
        - values[:-2, 1:-1]
        - values[2:, 1:-1]
        - values[1:-1, :-2]
        - values[1:-1, 2:]
    ).astype(np.int64)
    number, first, second = edges.size, int(edges.sum()), int((edges * edges).sum())
    variance, scale = number * second - first * first, number * number
    return (2 * variance + scale) // (2 * scale), darkness


# --- steps of a reading ------------------------------------------------------------------------------


def _recognised(original: Path) -> Format:
    with original.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        raise Refused("empty", "it has no bytes")
    found = recognise(head)
    if isinstance(found, str):
        raise Refused("not_a_photo", f"it is {found}")
    return found


def _require_size(source: Image.Image, pixels_max: int) -> None:
    width, height = source.size
    if width * height > pixels_max:
        raise Refused(
            "too_many_pixels",
            f"it has {width} × {height} pixels, more than {pixels_max // 1_000_000} million",
        )


def _note_frames(source: Image.Image, found: Format, note: Callable[[Remark], None]) -> None:
    # Whether there is a second one; counting them all would be reading them all.
    if getattr(source, "is_animated", False):
        note("several_pictures" if found in {JPEG, HEIC} else "animated")


def _camera(source: Image.Image, note: Callable[[Remark], None]) -> tuple[dict[int, Any], Camera]:
    """The main directory of EXIF, and what the camera says."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            exif = source.getexif()
            main, inner, gps = dict(exif), exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        if said or (source.info.get("exif") and not main):
            note("exif_broken")
    except Exception:  # noqa: BLE001 - as above: anything at all, and the picture may be well
        note("exif_broken")
        return {}, Camera()
    return main, camera_of(main, inner, gps, note)


def _upright(
    source: Image.Image, found: Format, orientation: int, note: Callable[[Remark], None]
) -> tuple[Image.Image, tuple[int, int]]:
    """The picture as it is to be seen, in sRGB and no larger than the largest copy; its own whole size."""
    size = source.size
    if found is JPEG:
        source.draft(None, _fitting(size, COPIES[0][1]))
    source.load()
    profile = source.info.get("icc_profile")
    picture = _in_srgb(_within(_plain(source), COPIES[0][1]), profile, note)
    turn = _TURNS.get(orientation)
    if turn is not None:
        picture = picture.transpose(turn)
    picture.info = {}
    return picture, (size[1], size[0]) if orientation in _ON_SIDE else size


def _plain(source: Image.Image) -> Image.Image:
    """A picture of L, RGB or CMYK: 8 bits a channel, nothing transparent, no palette."""
    if source.mode in {"L", "RGB", "CMYK"} and "transparency" not in source.info:
        return source
    if source.mode.startswith("I"):
        deep = np.asarray(source).astype(np.int64)
        return Image.fromarray((deep.clip(0, 65535) >> 8).astype(np.uint8))
    if source.mode in {"LA", "La", "PA", "RGBA", "RGBa"} or "transparency" in source.info:
        over = source.convert("RGBA")
        under = Image.new("RGB", over.size, _WHITE)
        under.paste(over, mask=over.getchannel("A"))
        return under
    return source.convert("L" if source.mode == "1" else "RGB")


def _in_srgb(
    picture: Image.Image, profile: bytes | None, note: Callable[[Remark], None]
) -> Image.Image:
    if profile:
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            changed = ImageCms.profileToProfile(picture, own, _SRGB, outputMode="RGB")
            if changed is not None:
                return changed
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            # A profile of another colour space than the picture's is no profile of it.
            note("colour_profile_broken")
    return picture.convert("RGB")


def _write_copies(upright: Image.Image, scratch: Path) -> list[Copy]:
    copies: list[Copy] = []
    picture, written = upright, None
    for name, side in COPIES:
        path = scratch / f"{name}.webp"
        size = _fitting(picture.size, side)
        if written is None or size != picture.size:
            picture = _within(picture, side)
            picture.save(path, "WEBP", quality=WEBP_QUALITY, method=WEBP_METHODS[name])
        else:
            shutil.copyfile(written, path)  # no smaller than the one before
        written = path
        copies.append(Copy(name, *picture.size, path.stat().st_size))
    return copies


def _within(picture: Image.Image, side: int) -> Image.Image:
    """The picture with its longer side at this many pixels at most, never enlarged."""
    size = _fitting(picture.size, side)
    if size == picture.size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _fitting(size: tuple[int, int], side: int) -> tuple[int, int]:
    longer = max(size)
    if longer <= side:
        return size
    width, height = (max(1, round(one * side / longer)) for one in size)
    return width, height


def _words(error: Exception) -> str:
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return "".join(letter for letter in said if letter.isprintable())[:200]
