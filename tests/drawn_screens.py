"""Photos of screens and through bars, drawn: points of red, green and blue in rows, seen askew through a lens, with noise.

The screen has 720 to 1,920 points across, the camera 0.9 to 3.2 pixels for each; the app may have made the photo
smaller. The same number draws the same photo.
"""

import math
import random

import numpy as np
from PIL import Image, ImageFilter

from tests.drawn_shelves import encode_jpeg

_THREE = 3
# Drawn so much larger, then averaged as the sensor's pixels do.
_FINER = 2
_BEHIND_BARS = (1024, 768)


def photograph_screen(shown: Image.Image, seed: int) -> bytes:
    """A JPEG of a screen that shows this."""
    dice = random.Random(seed)
    points = dice.choice([720, 1080, 1366, 1920])
    pixels_a_point = dice.uniform(0.9, 3.2)
    wide = min(int(points * pixels_a_point), 2000)
    high = wide * 3 // 4
    screen = _points(shown, points, dark=dice.uniform(0.2, 0.7), light=dice.uniform(0.75, 1))
    corners = _corners(screen.size, wide / pixels_a_point * _THREE, dice)
    # Out of focus before it meets the sensor, as light is.
    seen = (
        screen.transform(
            (wide * _FINER, high * _FINER),
            Image.Transform.QUAD,
            corners,
            Image.Resampling.BILINEAR,
        )
        .filter(ImageFilter.GaussianBlur(_FINER * dice.uniform(0.4, 0.9)))
        .reduce(_FINER)
    )
    blurred = Image.fromarray(np.clip(np.asarray(seen, np.float32) * 2.2, 0, 255).astype(np.uint8))
    values = np.asarray(blurred, np.float32)
    noise = np.random.default_rng(seed).normal(0, dice.uniform(1, 4), values.shape)
    photo = Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))
    longest = dice.choice([wide, wide, 1600, 1280])
    if longest < wide:
        photo = photo.resize((longest, longest * 3 // 4), Image.Resampling.LANCZOS)
    return encode_jpeg(photo, dice.choice([95, 90, 80, 70]))


def photograph_behind_bars(photo: Image.Image, period: float, *, is_mesh: bool) -> bytes:
    """The photo through bars, or through bars both ways, so many pixels apart, a little askew and out of focus."""
    finer, wide, high = 4, *_BEHIND_BARS
    across, down = np.meshgrid(np.arange(wide * finer), np.arange(high * finer))
    bars = (across + 0.05 * down) % (period * finer) < period * finer / 4
    if is_mesh:
        bars |= (down - 0.05 * across) % (period * finer) < period * finer / 4
    # Out of focus before it meets the sensor, as light is.
    light = Image.fromarray(np.where(bars, 180, 0).astype(np.uint8))
    soft = light.filter(ImageFilter.GaussianBlur(0.8 * finer))
    dark = np.asarray(soft.resize((wide, high), Image.Resampling.BOX), np.float32) / 2
    noise = np.random.default_rng(round(period)).normal(0, 2, dark.shape)
    values = np.asarray(photo.resize((wide, high)), np.float32) - (dark - noise)[..., None]
    return encode_jpeg(Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)), 85)


def _points(shown: Image.Image, across: int, *, dark: float, light: float) -> Image.Image:
    """Each point three stripes of colour, with a darker row below."""
    values = np.asarray(shown.resize((across, across * 3 // 4)), np.float32) * light
    high, wide, _ = values.shape
    screen = np.zeros((high * _THREE, wide * _THREE, 3), np.float32)
    for colour in range(3):
        for row, share in enumerate((1.0, 1.0, 1 - dark)):
            screen[row::_THREE, colour::_THREE, colour] = values[..., colour] * share
    return Image.fromarray(screen.astype(np.uint8))


def _corners(size: tuple[int, int], wide: float, dice: random.Random) -> list[float]:
    """Where the photo's corners are on the screen: upper left, lower left, lower right, upper right."""
    high, turned = wide * 3 / 4, dice.uniform(-0.08, 0.08)
    corners = []
    for across, down in ((0, 0), (0, 1), (1, 1), (1, 0)):
        x, y = (across - 0.5) * wide, (down - 0.5) * high
        corners += [
            size[0] / 2
            + x * math.cos(turned)
            - y * math.sin(turned)
            + dice.uniform(-0.03, 0.03) * wide,
            size[1] / 2
            + x * math.sin(turned)
            + y * math.cos(turned)
            + dice.uniform(-0.03, 0.03) * high,
        ]
    return corners
