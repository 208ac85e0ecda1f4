"""Drawn shelf photos are files as phones make them: their own pictures, sizes and EXIF, the same for the same words."""

from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image

from server.photos.looks import distance_bits
from server.photos.perceptual_hash import look_of
from server.play.pictures import Spoilt, Taking, copy_picture, draw_shelf

NOON = datetime(2026, 3, 4, 12, 30, tzinfo=timezone(timedelta(hours=8)))
TAKING = Taking(taken_at=NOON, place=(31.2304, -121.4737), make="Xiaomi", model="Redmi 9A")


def draw(
    seed: str = "1", *, shelf: str = "s", kb: int = 120, spoilt: Spoilt | None = None
) -> bytes:
    return draw_shelf(seed, shelf=shelf, kilobytes=kb, taking=TAKING, spoilt=spoilt)


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture))


def bits_apart(one: bytes, other: bytes) -> int:
    looks = look_of(opened(one)), look_of(opened(other))
    assert looks[0] is not None
    assert looks[1] is not None
    return distance_bits(looks[0].phash, looks[1].phash)


def test_the_same_words_give_the_same_bytes_and_others_give_others() -> None:
    assert draw() == draw()
    assert len({draw(), draw("2"), draw(shelf="t")}) == 3


def test_a_picture_has_about_the_size_that_is_asked_for() -> None:
    for kb in (120, 350):
        assert 0.6 < len(draw(kb=kb)) / 1000 / kb < 1.4


def test_a_camera_says_when_where_and_what_it_is() -> None:
    exif = opened(draw()).getexif()
    assert (exif[ExifTags.Base.Make], exif[ExifTags.Base.Model]) == ("Xiaomi", "Redmi 9A")
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    assert camera[ExifTags.Base.DateTimeOriginal] == "2026:03:04 12:30:00"
    assert camera[ExifTags.Base.OffsetTimeOriginal] == "+08:00"
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    assert (gps[ExifTags.GPS.GPSLatitudeRef], gps[ExifTags.GPS.GPSLongitudeRef]) == ("N", "W")
    degrees, minutes, seconds = gps[ExifTags.GPS.GPSLatitude]
    assert abs(degrees + minutes / 60 + seconds / 3600 - 31.2304) < 1e-6
    nowhere = Taking(taken_at=NOON.astimezone(UTC), place=None, make="a", model="b")
    told = opened(draw_shelf("1", shelf="s", kilobytes=60, taking=nowhere)).getexif()
    assert not told.get_ifd(ExifTags.IFD.GPSInfo)


def test_different_shelves_look_different_and_a_copy_looks_the_same() -> None:
    pictures = [draw(str(n), shelf=str(n), kb=60) for n in range(8)]
    least = min(
        bits_apart(one, other) for n, one in enumerate(pictures) for other in pictures[n + 1 :]
    )
    assert least > 8
    copy = copy_picture(pictures[0], taking=TAKING)
    assert copy != pictures[0]
    assert bits_apart(pictures[0], copy) <= 8


def test_a_dark_picture_is_dark_and_a_blurred_one_has_no_edges() -> None:
    def light(picture: bytes) -> float:
        return float(np.asarray(opened(picture).convert("L")).mean())

    def edges(picture: bytes) -> float:
        grey = np.asarray(opened(picture).convert("L").resize((320, 240)), dtype=float)
        return float(np.abs(np.diff(grey)).mean())

    assert light(draw(spoilt=Spoilt.DARK)) < light(draw()) / 5
    assert edges(draw(spoilt=Spoilt.BLURRED)) < edges(draw()) / 2
