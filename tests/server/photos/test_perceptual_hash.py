import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from server.photos.looks import (
    Look,
    detail_permille,
    distance_bits,
    mirrored_detail,
    mirrored_hash,
)
from server.photos.perceptual_hash import look_of
from tests.drawn_shelves import Shot, draw_shelf, encode_jpeg

Change = Callable[[Image.Image], Image.Image]
SHELVES = [draw_shelf(Shot(chain, 1, 1), (640, 480)) for chain in range(4)]


def look(photo: Image.Image) -> Look:
    found = look_of(photo)
    assert found is not None
    return found


def encoded(photo: Image.Image, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encode_jpeg(photo, quality)))


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: encoded(photo, 20),
        lambda photo: photo.resize((200, 150), Image.Resampling.BICUBIC),
        lambda photo: encoded(photo.resize((1600, 1200)), 60),
        lambda photo: ImageEnhance.Brightness(photo).enhance(0.7),
        lambda photo: ImageEnhance.Brightness(photo).enhance(1.15),
        lambda photo: ImageEnhance.Contrast(photo).enhance(1.2),
        lambda photo: photo.convert("L"),
        lambda photo: photo.convert("CMYK"),
        lambda photo: photo.crop((6, 5, 634, 475)),
        lambda photo: photo.rotate(1, resample=Image.Resampling.BICUBIC),
    ],
    ids=[
        "encoded",
        "small",
        "large",
        "dark",
        "bright",
        "contrast",
        "grey",
        "cmyk",
        "cropped",
        "turned",
    ],
)
def test_a_changed_copy_stays_within_eight_bits_and_within_the_detail(change: Change) -> None:
    for photo in SHELVES:
        copy = look(change(photo))
        assert distance_bits(look(photo).phash, copy.phash) <= 8
        assert detail_permille(look(photo).detail, copy.detail) <= 250


def test_shelves_of_different_chains_are_far_apart() -> None:
    looks = [look(photo) for photo in SHELVES]
    for n, one in enumerate(looks):
        for other in looks[:n]:
            assert distance_bits(one.phash, other.phash) > 16
            assert detail_permille(one.detail, other.detail) > 300


def test_a_mirrored_picture_has_the_mirrored_hash() -> None:
    for photo in SHELVES:
        mirrored = look(ImageOps.mirror(photo))
        assert distance_bits(mirrored.phash, mirrored_hash(look(photo).phash)) == 0
        assert detail_permille(mirrored.detail, mirrored_detail(look(photo).detail)) == 0
        assert distance_bits(mirrored.phash, look(photo).phash) > 8


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_picture_that_is_mirrored_twice_is_itself(phash: int) -> None:
    assert mirrored_hash(mirrored_hash(phash)) == phash
    assert -(2**63) <= mirrored_hash(phash) < 2**63


@pytest.mark.parametrize("grey", [0, 4, 128, 255])
def test_a_picture_too_flat_to_tell_has_no_hash(grey: int) -> None:
    noise = np.random.default_rng(grey).normal(grey, 3, (480, 640))
    shading = np.linspace(0, 4, 640)[None, :]
    wall = Image.fromarray(np.clip(noise + shading, 0, 255).astype(np.uint8))
    assert look_of(wall) is None


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 2), (33, 31)])
def test_a_picture_of_any_shape_is_looked_at(size: tuple[int, int]) -> None:
    photo = Image.new("RGB", size)
    ImageDraw.Draw(photo).line((0, 0, *size), fill="white", width=3)
    look_of(photo)


def test_the_hash_of_a_picture_is_the_same_for_ever() -> None:
    # Steps of whole greys, so that no library's resampling or decoding has a part in it.
    across, down = np.meshgrid(np.arange(64), np.arange(64))
    photo = Image.fromarray(
        ((across * 7 + down * 13 + (across * down) % 31) % 256).astype(np.uint8)
    )
    assert look(photo).phash == PINNED


PINNED = 6942407736840560561
