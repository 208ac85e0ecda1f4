"""Whether a picture is a photo of a screen: the grid of the screen's points runs through all of it.

A screen is points in rows and columns, a camera's sensor too; the one seen through the other gives fine
regular patterns (moiré). In the spectrum of a piece of the picture each is a peak that stands far above what lies around
it. The picture is cut into up to 16 pieces of 256 × 256 pixels; of each, the largest excess of the logarithm of
its power spectrum over its surroundings is taken (the mean over 13 × 13 frequencies, or along the row or the column over 17,
whichever is more: edges of shelves and boxes lie along those). Counted are frequencies from 0.1 to 0.5 periods
a pixel, without the multiples of 1/8 where JPEG's own blocks show. A screen repeats in two directions, a grille in one: so
it is the largest excess that is more than 30° away from the largest of all. The median of the pieces is
the measure: what is regular in less than half of the picture does not count.

What it cannot tell: a screen so far away or so much reduced that its points are gone, and prints. What it takes for a
screen: something as fine and regular in two directions all over the picture, like a mesh or cloth from near. Figures: docs/photo-evidence.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.photos.signs import Sign

PIECE_PX: Final = 256
PIECES_MAX: Final = 16
# Hundredths of a natural logarithm: below the first nothing is said, and so much surer is each above it.
QUIET_CENTI: Final = 240
PERMILLE_A_CENTI: Final = 8
SUREST: Final = 950
SAID_FROM_PERMILLE: Final = 200

_LEAST, _MOST = 0.1, 0.5
# What noise of one grey comes to: below it, what is regular may come from rounding.
_FLOOR: Final = 10_000.0

Values = NDArray[np.float32]


def screen_excess(upright: Image.Image) -> tuple[int, int] | None:
    """The measure in hundredths, and of how many pieces; None for a picture smaller than one piece."""
    luminance = np.asarray(upright.convert("L"), dtype=np.float32)
    corners = _pieces(luminance.shape[0], luminance.shape[1])
    if not corners:
        return None
    found = [
        _excess(luminance[top : top + PIECE_PX, left : left + PIECE_PX]) for top, left in corners
    ]
    return round(float(np.median(found)) * 100), len(corners)


def find_screen(upright: Image.Image) -> list[Sign]:
    """The sign of a screen, where there is one worth telling."""
    measured = screen_excess(upright)
    if measured is None:
        return []
    excess_centi, pieces = measured
    permille = min(SUREST, max(0, (excess_centi - QUIET_CENTI) * PERMILLE_A_CENTI))
    if permille < SAID_FROM_PERMILLE:
        return []
    figures = {"excess_centi": excess_centi, "pieces": pieces}
    return [Sign(sign="screen", permille=permille, figures=figures)]


def _pieces(height: int, width: int) -> list[tuple[int, int]]:
    tops = range(height % PIECE_PX // 2, height - PIECE_PX + 1, PIECE_PX)
    lefts = range(width % PIECE_PX // 2, width - PIECE_PX + 1, PIECE_PX)
    corners = [(top, left) for top in tops for left in lefts]
    step = max(1.0, len(corners) / PIECES_MAX)
    return [corners[int(n * step)] for n in range(min(len(corners), PIECES_MAX))]


def _excess(piece: Values) -> float:
    power = np.abs(np.fft.fft2((piece - piece.mean()) * _WINDOW)) ** 2
    level = np.fft.fftshift(np.log(power + _FLOOR))
    around = np.maximum(
        _mean_around(level, 6, 6),
        np.maximum(_mean_around(level, 0, 8), _mean_around(level, 8, 0)),
    )
    excess = np.where(_COUNTED, level - around, -np.inf)
    turned = _DIRECTION - _DIRECTION.flat[excess.argmax()]
    # Directions are the same after half a turn.
    apart = np.abs((turned + np.pi / 2) % np.pi - np.pi / 2)
    return float(excess[apart > np.pi / 6].max())


def _mean_around(level: NDArray[np.floating], down: int, across: int) -> NDArray[np.floating]:
    """The mean over a window of so many frequencies each way; the spectrum goes round."""
    sums = np.pad(level, ((down, down), (across, across)), mode="wrap").astype(np.float64)
    sums = np.pad(sums.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    high, wide = 2 * down + 1, 2 * across + 1
    window = sums[high:, wide:] - sums[:-high, wide:] - sums[high:, :-wide] + sums[:-high, :-wide]
    return window / (high * wide)


def _counted() -> NDArray[np.bool_]:
    periods = np.fft.fftshift(np.fft.fftfreq(PIECE_PX))
    down, across = periods[:, None], periods[None, :]
    radius = np.hypot(down, across)
    # The distance from the nearest multiple of 1/8, in steps of the spectrum.
    off = np.hypot(*(np.abs(one * 8 - np.round(one * 8)) / 8 * PIECE_PX for one in (down, across)))
    return np.asarray((radius > _LEAST) & (radius < _MOST) & (off > 2.0))


def _direction() -> NDArray[np.float64]:
    """Of each frequency, in radians."""
    periods = np.fft.fftshift(np.fft.fftfreq(PIECE_PX))
    return np.asarray(np.arctan2(periods[:, None], periods[None, :]))


_WINDOW: Final = np.outer(np.hanning(PIECE_PX), np.hanning(PIECE_PX)).astype(np.float32)
_COUNTED: Final = _counted()
_DIRECTION: Final = _direction()
