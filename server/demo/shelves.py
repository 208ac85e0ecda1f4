"""Pictures of shelves with the demo's goods, drawn: each store has its own shelf, another stock and another stand at each visit.

Small and quick to draw. The same numbers draw the same picture, to the byte.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from io import BytesIO
from random import Random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont

SIZE = (720, 540)
_SCENE = (885, 660)
_ROWS = 4
_REACH = 0.03
_EXIF_MAKE, _EXIF_MODEL, _EXIF_PART = 0x010F, 0x0110, 0x8769
_EXIF_TAKEN, _EXIF_OFFSET = 0x9003, 0x9011


@dataclass(frozen=True, slots=True)
class Ware:
    """What stands on a shelf: its name, and what a piece costs, as its tag says."""

    name: str
    price: str


@dataclass(frozen=True, slots=True)
class Picture:
    """Which picture: of which store's shelf, which shot of it, and what went wrong with it."""

    store: str
    shot: str
    taken_at: datetime
    is_dark: bool = False
    is_blurred: bool = False
    # Share of tags that are missing, of ten.
    untagged_in_ten: int = 1


def draw_shelf(picture: Picture, wares: Sequence[Ware]) -> bytes:
    """The picture as a file, with what a camera writes beside it."""
    hand = Random(f"hand {picture.store} {picture.shot}")
    wide, high = _SCENE
    corners = [
        (
            x * wide + hand.uniform(-_REACH, _REACH) * wide,
            y * high + hand.uniform(-_REACH, _REACH) * high,
        )
        for x, y in ((0.05, 0.05), (0.05, 0.95), (0.95, 0.95), (0.95, 0.05))
    ]
    photo = _scene(picture, wares).transform(
        SIZE,
        Image.Transform.QUAD,
        [value for corner in corners for value in corner],
        resample=Image.Resampling.BILINEAR,
    )
    if picture.is_blurred:
        photo = photo.filter(ImageFilter.GaussianBlur(7))
    light = 0.07 if picture.is_dark else hand.uniform(0.85, 1.1)
    return _encoded(ImageEnhance.Brightness(photo).enhance(light), picture.taken_at)


def _scene(picture: Picture, wares: Sequence[Ware]) -> Image.Image:
    plan = Random(f"plan {picture.store}")
    stock = Random(f"stock {picture.store} {picture.shot}")
    wide, high = _SCENE
    scene = Image.new("RGB", _SCENE, (plan.randrange(170, 225),) * 3)
    draw = ImageDraw.Draw(scene)
    tall = high // _ROWS
    for row in range(_ROWS):
        floor = (row + 1) * tall - 30
        draw.rectangle((0, row * tall, wide, floor), fill=(plan.randrange(60, 110),) * 3)
        draw.rectangle((0, floor, wide, floor + 28), fill="#c9ced2")
        x = 10
        while x < wide:
            ware = plan.choice(wares)
            facings, pack = plan.randrange(2, 5), plan.randrange(58, 100)
            height = int(tall * plan.uniform(0.5, 0.78))
            sold = stock.randrange(facings) if stock.random() < 0.25 else 0
            for facing in range(facings - sold):
                left = x + facing * pack + stock.randrange(-2, 3)
                _draw_pack(draw, ware, (left, floor - height, left + pack - 5, floor))
            if stock.randrange(10) >= picture.untagged_in_ten:
                draw.rectangle((x + 4, floor + 3, x + 76, floor + 26), fill="#fffdf2")
                draw.text((x + 10, floor + 3), ware.price, fill="#b3261e", font=_font(18))
            x += facings * pack + 12
    return scene


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _draw_pack(draw: ImageDraw.ImageDraw, ware: Ware, box: tuple[int, int, int, int]) -> None:
    """A pack in the colours of its brand, with the words of its name below one another."""
    left, top, right, bottom = box
    colours = sha256(" ".join(ware.name.split()[:3]).encode()).digest()
    band = top + (bottom - top) // 3
    draw.rectangle(box, fill=(40 + colours[0] % 200, 40 + colours[1] % 200, 40 + colours[2] % 200))
    draw.rectangle((left, band, right, band + (bottom - top) // 4), fill="#f5f5ef")
    for line, word in enumerate(ware.name.split()[1:3]):
        draw.text((left + 4, band + 2 + 13 * line), word[:9], fill="#20262b", font=_font(13))


def _encoded(photo: Image.Image, taken_at: datetime) -> bytes:
    exif = Image.Exif()
    exif[_EXIF_MAKE], exif[_EXIF_MODEL] = "Demo", "Demo phone"
    exif.get_ifd(_EXIF_PART).update(
        {
            _EXIF_TAKEN: f"{taken_at:%Y:%m:%d %H:%M:%S}",
            _EXIF_OFFSET: f"{taken_at:%z}"[:3] + ":" + f"{taken_at:%z}"[3:],
        }
    )
    buffer = BytesIO()
    photo.save(buffer, "JPEG", quality=80, exif=exif)
    return buffer.getvalue()
