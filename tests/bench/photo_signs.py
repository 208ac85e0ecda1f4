"""`python -m tests.bench.photo_signs`: how far apart copies and look-alikes are, and how often signs are wrong.

On drawn shelves and screens (tests/drawn_shelves.py, tests/drawn_screens.py), and on the real photos of
$ROADBOOK_SAMPLE_DATA/photos where it is set. The figures stand in docs/photo-evidence.md.
"""

import argparse
import io
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median

from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from server.photos.looks import Look, detail_permille, distance_bits
from server.photos.perceptual_hash import look_of
from server.photos.picture import measure, prepare_decoders
from server.photos.sign_search import find_signs
from server.photos.signs import Sign
from sync.policy import Policy
from tests.drawn_screens import photograph_behind_bars, photograph_screen
from tests.drawn_shelves import Shot, draw_shelf, encode_jpeg

Change = Callable[[Image.Image], Image.Image]
LIMITS = Policy()
SIZES = ((1600, 1200), (1280, 960), (960, 1280), (1024, 768))


def main() -> int:
    """Measure everything and print it."""
    options = argparse.ArgumentParser(description="How sure look-alikes and signs are.")
    options.add_argument("--shelves", type=int, default=60)
    chosen = options.parse_args()
    prepare_decoders()
    real = _real_photos()
    print(f"{len(real)} real photos, {chosen.shelves} drawn shelves")
    shelves = [
        draw_shelf(Shot(n % 12, n // 12, 1), random.Random(n).choice(SIZES))
        for n in range(chosen.shelves)
    ]
    _print_copies([*shelves[::3], *(upright for _, _, upright in real)])
    _print_strangers()
    _print_signs(shelves, real)
    return 0


# ---- look-alikes ----------------------------------------------------------------------------------


def _cut(share: float) -> Change:
    def change(photo: Image.Image) -> Image.Image:
        wide, high = photo.size
        left, top = int(wide * share), int(high * share)
        return photo.crop((left, top, wide - left, high - top))

    return change


def _turn(degrees: float) -> Change:
    return lambda photo: photo.rotate(degrees, resample=Image.Resampling.BICUBIC)


def _with_time(photo: Image.Image) -> Image.Image:
    marked = photo.copy()
    size = marked.height // 25
    ImageDraw.Draw(marked).text(
        (size, marked.height - 2 * size), "2026-03-04 12:00", fill="white", font_size=size
    )
    return marked


def _with_bar(photo: Image.Image) -> Image.Image:
    marked = photo.copy()
    wide, high = marked.size
    ImageDraw.Draw(marked).rectangle((0, high * 9 // 10, wide * 45 // 100, high), fill="black")
    return marked


CHANGES: dict[str, Change] = {
    "encoded at 50": lambda photo: _encoded(photo, 50),
    "encoded at 20": lambda photo: _encoded(photo, 20),
    "scaled to 30 %": lambda photo: photo.resize((photo.width * 3 // 10, photo.height * 3 // 10)),
    "20 % brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "30 % darker": lambda photo: ImageEnhance.Brightness(photo).enhance(0.7),
    "30 % more contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(1.3),
    "greys": lambda photo: photo.convert("L"),
    "the time written into it": _with_time,
    "a black bar over 4.5 %": _with_bar,
    "1 % cut at each side": _cut(0.01),
    "2 % cut at each side": _cut(0.02),
    "5 % cut at each side": _cut(0.05),
    "turned by 1°": _turn(1),
    "turned by 3°": _turn(3),
}


def _encoded(photo: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encode_jpeg(photo, quality))).convert("RGB")


def _print_copies(photos: Sequence[Image.Image]) -> None:
    print(
        "\ncopies                      within 8 bits   bits: median, most   detail ‰ of those: most"
    )
    for name, change in CHANGES.items():
        bits, details = [], []
        for photo in photos:
            apart = _apart(look_of(photo), look_of(change(photo)))
            if apart is None:
                continue
            bits.append(apart[0])
            if apart[0] <= LIMITS.photo_reuse_bits:
                details.append(apart[1])
        share = len(details) / len(bits)
        print(
            f"{name:<28}{share:>12.0%}{median(bits):>14}, {max(bits):<6}{max(details, default=0):>20}"
        )


def _print_strangers() -> None:
    looks = {
        (chain, store, shot): look_of(draw_shelf(Shot(chain, store, shot), (640, 480)))
        for chain in range(12)
        for store in range(6)
        for shot in range(2)
    }
    apart: dict[str, list[tuple[int, int]]] = {"same chain": [], "another chain": []}
    for one, other in combinations(looks, 2):
        found = _apart(looks[one], looks[other])
        if found is not None:
            apart["same chain" if one[0] == other[0] else "another chain"].append(found)
    print(
        "\nother photos of shelves     pairs   within 8 bits   and within the detail   least bits"
    )
    for name, pairs in apart.items():
        near = [pair for pair in pairs if pair[0] <= LIMITS.photo_reuse_bits]
        both = [pair for pair in near if pair[1] <= LIMITS.photo_reuse_detail_permille]
        least = min(pair[0] for pair in pairs)
        print(f"{name:<28}{len(pairs):>5}{len(near):>16}{len(both):>24}{least:>13}")


def _apart(one: Look | None, other: Look | None) -> tuple[int, int] | None:
    if one is None or other is None:
        return None
    return distance_bits(one.phash, other.phash), detail_permille(one.detail, other.detail)


# ---- signs ----------------------------------------------------------------------------------------


def _print_signs(
    shelves: Sequence[Image.Image], real: Sequence[tuple[str, bytes, Image.Image]]
) -> None:
    dice = random.Random(3)
    sets: dict[str, Iterable[bytes]] = {
        "real photos": [data for _, data, _ in real],
        "drawn shelves": [encode_jpeg(photo, dice.choice((50, 75, 85, 95))) for photo in shelves],
        "… saved again, finer": [_again(photo, 75, 92) for photo in shelves[:20]],
        "… saved again, coarser": [_again(photo, 90, 75) for photo in shelves[:20]],
        "… behind a grille": [
            photograph_behind_bars(photo, period, is_mesh=False)
            for photo, period in _grilles(shelves)
        ],
        "… behind a mesh": [
            photograph_behind_bars(photo, period, is_mesh=True)
            for photo, period in _grilles(shelves)
        ],
        "photographed screens": [
            photograph_screen(shelves[n], n) for n in range(min(40, len(shelves)))
        ],
    }
    print("\nfiles                       number   flagged edited   flagged screen   signs")
    for name, files in sets.items():
        found = [_signs(data) for data in files]
        if not found:
            continue
        edited = sum(
            _is_sure(signs, "saved_twice screen screenshot no_camera", LIMITS.photo_edited_permille)
            for signs in found
        )
        screens = sum(
            any(
                sign.sign == "screen" and sign.permille >= LIMITS.photo_screen_permille
                for sign in signs
            )
            for signs in found
        )
        counts = Counter(sign.sign for signs in found for sign in signs if sign.sign != "no_camera")
        told = ", ".join(f"{sign} {number}" for sign, number in sorted(counts.items()))
        print(f"{name:<28}{len(found):>6}{edited:>17}{screens:>17}   {told}")
    print("\nreal photos                 sharpness   darkness ‰")
    for name, _, upright in real:
        sharpness, darkness = measure(upright)
        print(f"{name:<28}{sharpness:>9}{darkness:>13}")


def _is_sure(signs: Iterable[Sign], other_than: str, permille: int) -> bool:
    return any(sign.permille >= permille and sign.sign not in other_than.split() for sign in signs)


def _signs(data: bytes) -> list[Sign]:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with Image.open(file.name) as source:
            source.load()
            upright = ImageOps.exif_transpose(source).convert("RGB")
            upright.thumbnail((2560, 2560), Image.Resampling.LANCZOS, reducing_gap=2.0)
            return find_signs(source, upright, taken_at=None, turn=None)


def _again(photo: Image.Image, first: int, second: int) -> bytes:
    return encode_jpeg(_with_time(_encoded(photo, first)), second)


def _grilles(shelves: Sequence[Image.Image]) -> list[tuple[Image.Image, float]]:
    return [
        (shelves[n % len(shelves)], period)
        for n, period in enumerate((5, 7, 9, 12, 17, 24, 33, 48))
    ]


def _real_photos() -> list[tuple[str, bytes, Image.Image]]:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    found = []
    for path in sorted(Path(folder, "photos").iterdir()) if folder else ():
        try:
            with Image.open(path) as opened:
                found.append(
                    (path.name, path.read_bytes(), ImageOps.exif_transpose(opened).convert("RGB"))
                )
        except OSError:
            print(f"{path.name} cannot be read")
    return found


if __name__ == "__main__":
    sys.exit(main())
