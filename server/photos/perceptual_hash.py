"""What a picture looks like, in 64 bits: pictures that look alike differ in few of them.

The picture, upright, becomes 32 × 32 greys; of their cosine transform the 8 × 8 coefficients from the
frequency pair (1, 1) to (8, 8) each give one bit: whether it is above zero. Nothing but whole numbers is
computed, so the same pixels give the same bits on every machine. Bit 8(v - 1) + (u - 1), counted from the
highest, is that of v periods down and u across; the number is signed, as the database keeps it.

What keeps the bits: encoding again, scaling, some more or less light or contrast, greys instead of colours,
a degree of turning. What does not: cutting off more than about 2 % at each side, turning by more than
about 2°, another frame. A mirrored picture has other bits, but known ones (`mirrored_hash`); one that is turned by 90° or 180°
has others, and is not found. Figures: docs/photo-evidence.md.

Pictures too flat to tell (a wall, the dark) have no hash: their bits would be those of the noise, or of
the lens's own shading, in which all dark pictures agree.

`detail` is the same with 16 × 16 coefficients: 256 bits. Shelves of one chain can be alike in 64; they are
not in these.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.photos.looks import DETAIL_SIDE, HASH_SIDE, Look

GREYS: Final = 32
# The mean size of the 64 coefficients, in 1/1000 of a grey of 0…255 of an ideal wave's height.
FLAT_MILLIGREYS: Final = 250
_SCALE: Final = 2**14


def look_of(upright: Image.Image) -> Look | None:
    """What an upright picture looks like; None where it is too flat to tell."""
    waves = _waves(upright)
    coarse = waves[1 : HASH_SIDE + 1, 1 : HASH_SIDE + 1]
    if contrast_of(coarse) < FLAT_MILLIGREYS:
        return None
    fine = waves[1 : DETAIL_SIDE + 1, 1 : DETAIL_SIDE + 1]
    bits = np.packbits((coarse > 0).ravel()).tobytes()
    return Look(int.from_bytes(bits, "big", signed=True), np.packbits((fine > 0).ravel()).tobytes())


def contrast_of(waves: NDArray[np.int64]) -> int:
    """The mean size of these coefficients, in thousandths of a grey."""
    # An ideal wave of height h has the coefficient h × (GREYS / 2)² × _SCALE².
    ideal = (GREYS // 2) ** 2 * _SCALE**2
    return int(np.abs(waves).sum()) * 1000 // (waves.size * ideal)


def _waves(upright: Image.Image) -> NDArray[np.int64]:
    """The cosine transform of the picture's 32 × 32 greys, times `_SCALE`²; rows are periods down."""
    # The box filter looks at every pixel once and is exact where sizes divide.
    greys = upright.convert("L").resize((GREYS, GREYS), Image.Resampling.BOX)
    values = np.asarray(greys, dtype=np.int64)
    return _COSINES @ values @ _COSINES.T


def _cosines() -> NDArray[np.int64]:
    periods, places = np.arange(GREYS)[:, None], np.arange(GREYS)[None, :]
    exact = np.cos(np.pi * (2 * places + 1) * periods / (2 * GREYS))
    return np.round(exact * _SCALE).astype(np.int64)


_COSINES: Final = _cosines()
