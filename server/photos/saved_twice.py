"""Whether a JPEG was a JPEG before, and was saved again with finer tables than the first time.

A JPEG keeps its waves as multiples of the steps in its tables. Where a picture that had coarse steps is saved
with fine ones, only some multiples of the fine steps occur, and those between are nearly empty: like a comb. Counted is the
share of multiples (up to 24, of nine low waves of the luminance, as far as the picture has enough of them) that occur
less than 15 % as often as their neighbours do. One saving leaves next to none.

It says that a program opened a picture that was already compressed and saved it at its full size. Editors
do that, and so do apps that write the time into the picture: alone it is a weak sign. It is not seen where
the second saving was as coarse as the first or coarser, or where the picture was cut or scaled between.
Source: A. C. Popescu, H. Farid, Statistical Tools for Digital Forensics (2004), section 2. Figures: docs/photo-evidence.md.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.photos.signs import Sign

BLOCK: Final = 8
BLOCKS_MAX: Final = 16_384
PIXELS_MAX: Final = 25_000_000
MULTIPLES: Final = 24
SAID_FROM_PERMILLE: Final = 150
SUREST: Final = 500
WAVES: Final = ((0, 1), (1, 0), (1, 1), (0, 2), (2, 0), (1, 2), (2, 1), (0, 3), (3, 0))
_WAVES_LEAST: Final = 2
_MULTIPLES_LEAST: Final = 4
_OCCUR_LEAST: Final = 60
_EMPTY_OF_NEIGHBOURS: Final = 0.15


def find_saved_twice(source: Image.Image) -> list[Sign]:
    """The sign in a JPEG that was opened by its path; it is decoded once more, in its luminance alone."""
    path = getattr(source, "filename", None)
    if source.format != "JPEG" or not path:
        return []
    with Image.open(path, formats=("JPEG",)) as again:
        # The size of `source` is that of its draft, which may be far smaller.
        if again.width * again.height > PIXELS_MAX:
            return []
        measured = emptied_permille(again)
    if measured is None or measured[0] < SAID_FROM_PERMILLE:
        return []
    emptied, waves = measured
    figures = {"emptied_permille": emptied, "waves": waves}
    return [Sign(sign="saved_twice", permille=min(SUREST, 2 * emptied), figures=figures)]


def emptied_permille(jpeg: Image.Image) -> tuple[int, int] | None:
    """The share of emptied multiples, and of how many waves; None where there is too little to tell."""
    steps = np.asarray(jpeg.quantization[0]).reshape(BLOCK, BLOCK)  # type: ignore[attr-defined]
    jpeg.draft("L", jpeg.size)
    waves = _waves_of_blocks(np.asarray(jpeg.convert("L")))
    shares = [
        share
        for down, across in WAVES
        if (share := _emptied(waves[:, down, across], int(steps[down, across]))) is not None
    ]
    if len(shares) < _WAVES_LEAST:
        return None
    return round(1000 * float(np.mean(shares))), len(shares)


def _waves_of_blocks(luminance: NDArray[np.uint8]) -> NDArray[np.float32]:
    high, wide = (side // BLOCK for side in luminance.shape)
    if not high or not wide:
        return np.empty((0, BLOCK, BLOCK), np.float32)
    whole = luminance[: high * BLOCK, : wide * BLOCK]
    blocks = whole.reshape(high, BLOCK, wide, BLOCK).transpose(0, 2, 1, 3)
    listed = np.arange(high * wide)[:: -(-high * wide // BLOCKS_MAX)]
    # Only these become numbers of four bytes.
    some = blocks[listed // wide, listed % wide].astype(np.float32)
    return np.asarray(_COSINES @ some @ _COSINES.T)


def _emptied(wave: NDArray[np.float32], step: int) -> float | None:
    multiples = np.abs(np.rint(wave / max(step, 1))).astype(np.int64)
    occur = np.bincount(np.minimum(multiples, MULTIPLES + 3), minlength=MULTIPLES + 4).astype(float)
    # The last one takes the rest, and 0 is what everything small is.
    last = 0
    for multiple in range(2, MULTIPLES + 1):
        if occur[multiple - 1 : multiple + 3].sum() < _OCCUR_LEAST:
            break
        last = multiple
    if last < _MULTIPLES_LEAST:
        return None
    emptied = sum(
        occur[multiple] < _EMPTY_OF_NEIGHBOURS * (occur[multiple - 1] + occur[multiple + 1]) / 2
        for multiple in range(2, last + 1)
    )
    return float(emptied) / (last - 1)


def _cosines() -> NDArray[np.float32]:
    periods, places = np.arange(BLOCK)[:, None], np.arange(BLOCK)[None, :]
    waves = np.cos(np.pi * (2 * places + 1) * periods / (2 * BLOCK)) * np.sqrt(2 / BLOCK)
    waves[0] /= np.sqrt(2)
    return np.asarray(waves, dtype=np.float32)


_COSINES: Final = _cosines()
