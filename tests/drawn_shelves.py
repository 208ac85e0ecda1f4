"""Photos of shelves, drawn: one planogram a chain, another stock and another stand at each visit.

For measuring what cannot be measured on a handful of real photos. The same numbers draw the same picture.
"""

import io
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

_INKS = ("#1f2937", "#f8fafc", "#fde047", "#b91c1c")


@dataclass(frozen=True, slots=True)
class Shot:
    """Which picture: the chain's planogram, the store (its stock, lamps and floor), and this very shot."""

    chain: int
    store: int
    shot: int


def draw_shelf(
    which: Shot, size: tuple[int, int] = (1280, 960), *, light: float = 1.0
) -> Image.Image:
    """A shelf as a phone would have it: seen a little askew, unevenly lit, with noise."""
    scene = _scene(which)
    hand = random.Random(f"hand {which}")
    wide, high = scene.size
    # Where the four corners of the photo are in the scene.
    reach = 0.045
    corners = [
        (
            x * wide + hand.uniform(-reach, reach) * wide,
            y * high + hand.uniform(-reach, reach) * high,
        )
        for x, y in ((0.1, 0.1), (0.1, 0.9), (0.9, 0.9), (0.9, 0.1))
    ]
    photo = scene.transform(
        size,
        Image.Transform.QUAD,
        [value for corner in corners for value in corner],
        resample=Image.Resampling.BICUBIC,
    ).filter(ImageFilter.GaussianBlur(0.7))
    return _lit(photo, hand, light)


def encode_jpeg(photo: Image.Image, quality: int = 82, **rest: Any) -> bytes:
    """The photo as a file."""
    buffer = io.BytesIO()
    photo.convert("RGB").save(buffer, "JPEG", quality=quality, **rest)
    return buffer.getvalue()


def _scene(which: Shot) -> Image.Image:
    plan = random.Random(f"plan {which.chain}")
    stock = random.Random(f"stock {which.chain} {which.store} {which.shot}")
    store = random.Random(f"store {which.chain} {which.store}")
    wide, high = 1800, 1350
    scene = Image.new("RGB", (wide, high), (store.randrange(150, 225),) * 3)
    draw = ImageDraw.Draw(scene)
    rows = plan.randrange(4, 7)
    tall = high // rows
    for row in range(rows):
        floor = (row + 1) * tall - 26
        draw.rectangle((0, row * tall, wide, floor), fill=(plan.randrange(40, 120),) * 3)
        x = 0
        while x < wide:
            facings, pack = plan.randrange(2, 7), plan.randrange(46, 110)
            colour = tuple(plan.randrange(20, 245) for _ in range(3))
            band = tuple(plan.randrange(20, 245) for _ in range(3))
            height = int(tall * plan.uniform(0.5, 0.85))
            ink, label = plan.choice(_INKS), "".join(plan.choices("ABCDEKLMORSTU", k=4))
            missing = stock.random()
            for facing in range(facings):
                if missing < 0.15 and facing >= facings // 2:
                    continue
                left = x + facing * pack + stock.randrange(-2, 3)
                top = floor - height + stock.randrange(-3, 4)
                draw.rectangle((left, top, left + pack - 4, floor), fill=colour)
                draw.rectangle(
                    (left, top + height // 3, left + pack - 4, top + height // 2), fill=band
                )
                draw.text((left + 4, top + 6), label, fill=ink, font_size=max(14, pack // 3))
            draw.rectangle((x + 6, floor + 4, x + 66, floor + 22), fill="#fafafa")
            draw.text(
                (x + 10, floor + 4),
                f"{plan.randrange(1, 40)}.{stock.randrange(10, 99)}",
                fill="#111",
                font_size=15,
            )
            x += facings * pack + 8
        draw.rectangle((0, floor, wide, floor + 3), fill="#9ca3af")
    for _ in range(store.randrange(0, 3)):
        # A poster or a basket that stands in front.
        left, top = store.randrange(0, wide - 300), store.randrange(0, high - 300)
        draw.rectangle(
            (left, top, left + store.randrange(120, 300), top + store.randrange(120, 300)),
            fill=tuple(store.randrange(0, 256) for _ in range(3)),
        )
    return scene


def _lit(photo: Image.Image, hand: random.Random, light: float) -> Image.Image:
    wide, high = photo.size
    across, down = np.meshgrid(np.linspace(-1, 1, wide), np.linspace(-1, 1, high))
    lamp_x, lamp_y = hand.uniform(-0.7, 0.7), hand.uniform(-0.9, 0.3)
    fall = 1.05 - hand.uniform(0.1, 0.35) * ((across - lamp_x) ** 2 + (down - lamp_y) ** 2) / 2
    values: NDArray[np.float64] = np.asarray(photo, dtype=np.float64) * (fall * light)[..., None]
    noise = np.random.default_rng(hand.randrange(2**31)).normal(0, 3.0, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))
