import io
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageOps
from PIL.Image import Exif

from server.photos.sign_search import find_signs
from server.photos.signs import OF_EDITING, OF_SCREENS, Sign, surest
from tests.drawn_screens import photograph_behind_bars, photograph_screen
from tests.drawn_shelves import Shot, draw_shelf, encode_jpeg

SHELF = draw_shelf(Shot(3, 1, 1), (1280, 960))
CAMERA = {0x010F: "Acme", 0x0110: "Phone 3", 0x0132: "2026:03:04 10:00:00"}


def signs_of(folder: Path, data: bytes, taken_at: str | None = "2026-03-04T10:00:00") -> list[Sign]:
    path = folder / "original"
    path.write_bytes(data)
    with Image.open(path) as source:
        source.load()
        return find_signs(source, source.convert("RGB"), taken_at=taken_at, turn=None)


def names(signs: list[Sign]) -> set[str]:
    return {sign.sign for sign in signs}


def exif(tags: dict[int, Any], inner: dict[int, Any] | None = None) -> Exif:
    made = Exif()
    made.update(CAMERA | tags)
    made.get_ifd(0x8769).update(inner or {})
    return made


def test_a_photo_as_a_phone_makes_it_has_no_sign(tmp_path: Path) -> None:
    data = encode_jpeg(SHELF, exif=exif({0x0131: "HDR+ 1.0.540104767zd"}))
    assert signs_of(tmp_path, data) == []


@pytest.mark.parametrize(
    ("software", "sign"),
    [
        ("Adobe Photoshop 25.0 (Windows)", "editor_named"),
        ("GIMP 2.10.36", "editor_named"),
        ("Snapseed 2.0", "editor_named"),
        ("PicsArt", "editor_named"),
        ("ImageMagick 7.1", "converter_named"),
        ("Android Screenshot", "screenshot"),
    ],
)
def test_a_program_that_named_itself_is_a_sign_with_its_name(
    tmp_path: Path, software: str, sign: str
) -> None:
    (found,) = signs_of(tmp_path, encode_jpeg(SHELF, exif=exif({0x0131: software})))
    assert found.sign == sign
    assert sign == "screenshot" or found.said == software


@pytest.mark.parametrize(
    "software",
    ["Nikon Transfer 1.1 W", "G991BXXU3AUGM", "17.1.2", "MediaTek Camera Application", "Ver.1.00"],
)
def test_what_cameras_and_their_cables_write_is_no_sign(tmp_path: Path, software: str) -> None:
    assert signs_of(tmp_path, encode_jpeg(SHELF, exif=exif({0x0131: software}))) == []


def test_the_history_in_xmp_names_an_editor(tmp_path: Path) -> None:
    xmp = b'<x:xmpmeta><rdf:li stEvt:softwareAgent="Adobe Lightroom 7.1"/></x:xmpmeta>'
    found = signs_of(tmp_path, encode_jpeg(SHELF, exif=exif({}), xmp=xmp))
    assert names(found) == {"editor_named"}
    assert found[0].said == "Adobe Lightroom 7.1"


def test_a_file_that_says_it_was_generated_is_told_so(tmp_path: Path) -> None:
    xmp = b"<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</>"
    assert "generated" in names(signs_of(tmp_path, encode_jpeg(SHELF, xmp=xmp)))


def test_a_screenshot_says_so_in_its_comment(tmp_path: Path) -> None:
    data = encode_jpeg(SHELF, exif=exif({}, {0x9286: b"ASCII\x00\x00\x00Screenshot"}))
    assert names(signs_of(tmp_path, data)) == {"screenshot"}


def test_a_picture_changed_after_it_was_taken_says_by_how_long(tmp_path: Path) -> None:
    data = encode_jpeg(SHELF, exif=exif({0x0132: "2026:03:04 12:30:00"}))
    (found,) = signs_of(tmp_path, data)
    assert (found.sign, found.figures) == ("modified_later", {"later_s": 9000})


def test_a_file_without_a_camera_is_a_weak_sign_and_none_of_editing(tmp_path: Path) -> None:
    found = signs_of(tmp_path, encode_jpeg(SHELF), taken_at=None)
    assert names(found) == {"no_camera"}
    assert surest(found, OF_EDITING) is None


@pytest.mark.parametrize("other", [True, False])
def test_a_thumbnail_of_another_picture_is_a_sign(tmp_path: Path, other: bool) -> None:
    small = (draw_shelf(Shot(8, 1, 1), (1280, 960)) if other else SHELF).resize((160, 120))
    found = signs_of(tmp_path, with_thumbnail(SHELF, small))
    assert ("thumbnail_differs" in names(found)) is other


def test_bars_at_a_thumbnail_are_not_part_of_it(tmp_path: Path) -> None:
    wide = SHELF.crop((0, 120, 1280, 840))
    small = Image.new("RGB", (160, 120))
    small.paste(wide.resize((160, 90)), (0, 15))
    assert "thumbnail_differs" not in names(signs_of(tmp_path, with_thumbnail(wide, small)))


def test_a_thumbnail_lies_as_the_stored_picture_does(tmp_path: Path) -> None:
    stored = SHELF.transpose(Image.Transpose.ROTATE_90)
    path = tmp_path / "original"
    path.write_bytes(with_thumbnail(stored, stored.resize((120, 160))))
    with Image.open(path) as source:
        source.load()
        turn = Image.Transpose.ROTATE_270
        found = find_signs(source, source.transpose(turn), taken_at=None, turn=turn)
    assert "thumbnail_differs" not in names(found)


def with_thumbnail(photo: Image.Image, small: Image.Image) -> bytes:
    """A JPEG whose EXIF has this thumbnail: TIFF, a directory of nothing but the camera, then the thumbnail's."""
    inside = encode_jpeg(small, 70)
    make = b"Acme\x00"
    data_at = 8 + 2 + 12 + 4 + 2 + 24 + 4

    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        return b"".join(
            n.to_bytes(size) for n, size in ((tag, 2), (kind, 2), (count, 4), (value, 4))
        )

    tiff = b"".join(
        (
            b"MM\x00\x2a\x00\x00\x00\x08",
            (1).to_bytes(2),
            entry(0x010F, 2, len(make), data_at),
            (8 + 2 + 12 + 4).to_bytes(4),
            (2).to_bytes(2),
            entry(0x0201, 4, 1, data_at + len(make)),
            entry(0x0202, 4, 1, len(inside)),
            (0).to_bytes(4),
            make,
            inside,
        )
    )
    return encode_jpeg(photo, exif=b"Exif\x00\x00" + tiff)


@pytest.mark.parametrize(("first", "second"), [(60, 90), (75, 95), (85, 95)])
def test_saving_again_with_finer_tables_is_a_weak_sign(
    tmp_path: Path, first: int, second: int
) -> None:
    once = Image.open(io.BytesIO(encode_jpeg(SHELF, first))).convert("RGB")
    ImageDraw.Draw(once).text((20, 20), "4 March, 10:00", fill="white", font_size=40)
    (found,) = signs_of(tmp_path, encode_jpeg(once, second, exif=exif({})))
    assert found.sign == "saved_twice"
    assert found.permille <= 500


@pytest.mark.parametrize("quality", [50, 75, 85, 95])
def test_saving_once_is_no_sign(tmp_path: Path, quality: int) -> None:
    assert signs_of(tmp_path, encode_jpeg(SHELF, quality, exif=exif({}))) == []


@pytest.mark.parametrize("seed", [1, 5])
def test_a_photo_of_a_screen_shows_the_screens_points(tmp_path: Path, seed: int) -> None:
    photo = photograph_screen(draw_shelf(Shot(seed, 3, 1), (1600, 1200)), seed)
    found = surest(signs_of(tmp_path, photo), OF_SCREENS)
    assert found is not None
    assert found.permille >= 600


def test_a_grille_in_one_direction_is_no_screen(tmp_path: Path) -> None:
    behind = photograph_behind_bars(SHELF, 24, is_mesh=False)
    found = surest(signs_of(tmp_path, behind), OF_SCREENS)
    assert found is None or found.permille < 600


@pytest.mark.parametrize(
    "beside",
    [
        {"exif": b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff"},
        {"exif": b"Exif\x00\x00II\x2a\x00\x08\x00\x00\x00\xff\xff" + b"\xff" * 3000},
        {"exif": b"Exif\x00\x00"},
        {"xmp": b"\xff\xfe<<<<" * 500},
        {"comment": b"\x00\xff" * 900},
    ],
    ids=["offset", "entries", "empty", "xmp", "comment"],
)
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Possibly corrupt", "ignore:Truncated")
def test_what_is_broken_beside_a_picture_ends_no_search(
    tmp_path: Path, beside: dict[str, Any]
) -> None:
    assert names(signs_of(tmp_path, encode_jpeg(SHELF, **beside))) <= {"no_camera"}


@pytest.mark.parametrize("length", [0, 1, 30, 60, 200, 2000])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Possibly corrupt", "ignore:Truncated")
def test_exif_that_ends_anywhere_ends_no_search(tmp_path: Path, length: int) -> None:
    whole = with_thumbnail(SHELF, SHELF.resize((160, 120)))
    start = whole.index(b"Exif\x00\x00")
    signs_of(tmp_path, encode_jpeg(SHELF, exif=whole[start : start + 6 + length]))


def test_the_photos_of_real_cameras_have_no_sign_that_is_looked_at() -> None:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    if not folder:
        pytest.skip("ROADBOOK_SAMPLE_DATA names no folder of real photos")
    for path in sorted(Path(folder, "photos").glob("*.jpg")):
        with Image.open(path) as source:
            upright = ImageOps.exif_transpose(source).convert("RGB")
            signs = find_signs(source, upright, taken_at=None, turn=None)
        assert all(sign.permille < 600 for sign in signs), (path.name, signs)
