"""Shelf photos, drawn: boards with rows of packs and price tags, as a phone would have taken them, with EXIF.

What stands on a shelf follows from the shelf's name, how it was looked at and lit from the seed: one shelf
photographed twice gives two pictures of the same packs. The same words always give the same bytes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from io import BytesIO
from random import Random
from typing import Final

import numpy as np
from PIL import ExifTags, Image, ImageDraw, ImageFilter, ImageFont
from PIL.TiffImagePlugin import IFDRational

# A picture that shall have so many kB, and how wide it is drawn for that; its height is three quarters.
_WIDTHS: Final = ((150, 1024), (250, 1280), (100_000, 1600))
_FIRST_QUALITY, _LEAST_QUALITY, _MOST_QUALITY = 82, 40, 95
_ENCODINGS: Final = 4
_NEAR_ENOUGH: Final = 0.12
_DARK: Final = 0.05
_BLUR_SHARE: Final = 0.012
_SEXAGESIMAL: Final = 60
_BRANDS: Final = (
    (196, 30, 40),
    (20, 90, 180),
    (240, 190, 20),
    (30, 140, 70),
    (110, 50, 140),
    (235, 120, 30),
    (40, 40, 45),
    (225, 225, 230),
    (0, 150, 160),
    (200, 70, 120),
)
_TAG: Final = (250, 245, 150)


class Spoilt(StrEnum):
    """What is wrong with a picture."""

    DARK = "dark"
    BLURRED = "blurred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """What the camera writes beside the picture; a place is (latitude, longitude) in degrees."""

    taken_at: datetime
    place: tuple[float, float] | None
    make: str
    model: str


def draw_shelf(
    seed: str, *, shelf: str, kilobytes: int, taking: Taking, spoilt: Spoilt | None = None
) -> bytes:
    """A JPEG of about so many kB of a shelf; a spoilt one is smaller."""
    random = Random(seed)
    width = next(width for most, width in _WIDTHS if kilobytes <= most)
    picture = _as_seen(random, _packs(Random(shelf), width * 5 // 4))
    picture = _lit(random, picture, spoilt)
    if spoilt is Spoilt.BLURRED:
        picture = picture.filter(ImageFilter.GaussianBlur(picture.width * _BLUR_SHARE))
    return _encoded(picture, None if spoilt else kilobytes, taking)


def copy_picture(picture: bytes, *, taking: Taking) -> bytes:
    """Another file of the same picture, a little smaller and as if it was taken anew: what a cheat sends."""
    with Image.open(BytesIO(picture)) as opened:
        smaller = opened.resize((opened.width * 9 // 10, opened.height * 9 // 10))
    return _encoded(smaller, len(picture) * 7 // 10_000, taking)


def _packs(random: Random, width: int) -> Image.Image:
    """What stands on the boards, seen straight, with some of the wall around."""
    height = width * 3 // 4
    picture = Image.new("RGB", (width, height), _shade((150, 140, 130), random.uniform(0.8, 1.2)))
    draw = ImageDraw.Draw(picture)
    boards = random.randint(3, 6)
    board_height = height / (boards + 0.4)
    for board in range(boards):
        floor = int(board_height * (board + 1))
        _fill_board(random, draw, width, floor, int(board_height))
    return picture


def _fill_board(
    random: Random, draw: ImageDraw.ImageDraw, width: int, floor: int, room: int
) -> None:
    """Groups of equal packs side by side, some gaps, and under each group its price."""
    tag_height = max(14, room // 7)
    left = random.randint(0, width // 12)
    while left < width:
        pack_width = random.randint(width // 32, width // 11)
        pack_height = int((room - tag_height) * random.uniform(0.45, 0.92))
        faces = random.randint(1, 5)
        colour, band = random.choice(_BRANDS), random.choice(_BRANDS)
        band_at, has_cap = random.uniform(0.2, 0.7), random.random() < 0.5
        for face in range(faces):
            x = left + face * pack_width
            if random.random() < 0.12:
                continue
            _draw_pack(
                draw, (x, floor - pack_height, x + pack_width - 3, floor), colour, band, band_at
            )
            if has_cap:
                neck = pack_width // 3
                draw.rectangle(
                    (x + neck, floor - pack_height - room // 14, x + 2 * neck, floor - pack_height),
                    _shade(band, 0.8),
                )
        draw.rectangle((left, floor, left + faces * pack_width, floor + tag_height), (90, 90, 92))
        tag_width = min(faces * pack_width, tag_height * 3)
        draw.rectangle((left + 4, floor + 2, left + 4 + tag_width, floor + tag_height - 2), _TAG)
        price = f"{random.randint(1, 99)}.{random.choice((0, 5, 9)):d}0"
        font = ImageFont.load_default(tag_height * 0.8)
        draw.text((left + 8, floor + 1), price, (20, 20, 20), font=font)
        left += faces * pack_width + random.randint(0, width // 30)


def _draw_pack(
    draw: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    colour: tuple[int, int, int],
    band: tuple[int, int, int],
    band_at: float,
) -> None:
    left, top, right, bottom = box
    draw.rounded_rectangle(box, radius=max(2, (right - left) // 8), fill=colour)
    band_top = int(top + (bottom - top) * band_at)
    draw.rectangle((left, band_top, right, band_top + (bottom - top) // 5), band)
    # The side that the light does not reach.
    shadow = left + (right - left) * 4 // 5
    draw.rectangle((shadow, top + 4, right, bottom), _shade(colour, 0.7))
    for line in range(3):
        at = band_top + (bottom - top) // 4 + line * max(3, (bottom - top) // 20)
        draw.line((left + 4, at, shadow - 4, at), _shade(colour, 1.5), width=2)


def _as_seen(random: Random, packs: Image.Image) -> Image.Image:
    """The part of it that the camera sees, from where somebody stood: never quite straight."""
    width, height = packs.width * 4 // 5, packs.height * 4 // 5
    left = random.uniform(0, packs.width - width)
    top = random.uniform(0, packs.height - height)
    lean = [random.uniform(-0.05, 0.05) for _ in range(8)]
    corners = ((left, top), (left, top + height), (left + width, top + height), (left + width, top))
    quad = [
        at + lean[2 * n + axis] * (width, height)[axis]
        for n, corner in enumerate(corners)
        for axis, at in enumerate(corner)
    ]
    return packs.transform(
        (width, height),
        Image.Transform.QUAD,
        quad,
        Image.Resampling.BILINEAR,
        fillcolor=(120, 112, 104),
    )


def _lit(random: Random, picture: Image.Image, spoilt: Spoilt | None) -> Image.Image:
    """Light from one side, a lamp, a tint, and the noise of a small sensor."""
    noise = np.random.default_rng(random.getrandbits(64))
    height, width = picture.height, picture.width
    down, across = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j].astype(np.float32)
    slope_down, slope_across = random.uniform(-0.3, 0.3), random.uniform(-0.3, 0.3)
    light = 0.95 + slope_down * (down - 0.5) + slope_across * (across - 0.5)
    lamp_down, lamp_across = random.random(), random.random()
    light += random.uniform(0.05, 0.3) * np.exp(
        -(((down - lamp_down) ** 2 + (across - lamp_across) ** 2) * 12)
    )
    light *= random.uniform(0.85, 1.1) * (_DARK if spoilt is Spoilt.DARK else 1)
    tint = np.array([random.uniform(0.94, 1.06) for _ in range(3)], dtype=np.float32)
    pixels = np.asarray(picture, dtype=np.float32) * light[..., None] * tint
    pixels += noise.standard_normal((height, width, 1), np.float32) * random.uniform(2.0, 4.0)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def _encoded(picture: Image.Image, kilobytes: int | None, taking: Taking) -> bytes:
    """The file, with what the camera says; of about so many kB where that is asked for."""
    exif = _exif(taking).tobytes()
    low, high, quality = _LEAST_QUALITY, _MOST_QUALITY, _FIRST_QUALITY
    for _ in range(_ENCODINGS):
        into = BytesIO()
        picture.save(into, "JPEG", quality=quality, exif=exif)
        size = into.tell()
        if kilobytes is None or abs(size / 1000 / kilobytes - 1) < _NEAR_ENOUGH or low >= high:
            break
        if size > kilobytes * 1000:
            high = quality - 1
        else:
            low = quality + 1
        quality = (low + high) // 2
    return into.getvalue()


def _exif(taking: Taking) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = taking.make
    exif[ExifTags.Base.Model] = taking.model
    exif[ExifTags.Base.Orientation] = 1
    told = taking.taken_at.strftime("%Y:%m:%d %H:%M:%S")
    offset = taking.taken_at.strftime("%z")
    exif[ExifTags.Base.DateTime] = told
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.DateTimeOriginal] = told
    camera[ExifTags.Base.OffsetTimeOriginal] = f"{offset[:3]}:{offset[3:]}"
    camera[ExifTags.Base.FNumber] = IFDRational(18, 10)
    camera[ExifTags.Base.ExposureTime] = IFDRational(1, 60)
    camera[ExifTags.Base.ISOSpeedRatings] = 200
    if taking.place is not None:
        latitude, longitude = taking.place
        gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
        gps[ExifTags.GPS.GPSLatitudeRef] = "N" if latitude >= 0 else "S"
        gps[ExifTags.GPS.GPSLatitude] = _sexagesimal(abs(latitude))
        gps[ExifTags.GPS.GPSLongitudeRef] = "E" if longitude >= 0 else "W"
        gps[ExifTags.GPS.GPSLongitude] = _sexagesimal(abs(longitude))
    return exif


def _sexagesimal(degrees: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    """Degrees, minutes and seconds, as EXIF has them."""
    ten_thousandths = round(degrees * _SEXAGESIMAL * _SEXAGESIMAL * 10_000)
    minutes, seconds = divmod(ten_thousandths, _SEXAGESIMAL * 10_000)
    whole, minutes = divmod(minutes, _SEXAGESIMAL)
    return IFDRational(whole, 1), IFDRational(minutes, 1), IFDRational(seconds, 10_000)


def _shade(colour: tuple[int, int, int], by: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, int(part * by)) for part in colour)
    return red, green, blue
