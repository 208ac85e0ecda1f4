"""Every file is read as far as it can be, or refused with its reason; nothing of it reaches the worker."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from server.photos import reading
from server.photos.asked import FACTS, Limits
from server.photos.facts import Camera, Copy, Facts
from server.photos.reading import Read, Reader, Unread
from tests import photo_files as files
from tests.server.photos.conftest import LIMITS

ReadBytes = Callable[[bytes], Read | Unread]
CORNERS = ((0, 0), (1, 0), (0, 1), (1, 1))
COLOURS = (files.RED, files.GREEN, files.BLUE, files.GREY)


def facts_of(found: Read | Unread) -> Facts:
    assert isinstance(found, Read), found
    return found.facts


def colours_of(copy: Path) -> list[tuple[int, ...]]:
    """The colours in the middle of the four fields."""
    with Image.open(copy) as image:
        at = [((1 + 2 * x) * image.width // 4, (1 + 2 * y) * image.height // 4) for x, y in CORNERS]
        return [image.convert("RGB").getpixel(place) for place in at]  # type: ignore[misc]


def is_like(
    found: list[tuple[int, ...]], wanted: tuple[tuple[int, ...], ...], by: int = 25
) -> bool:
    return all(
        abs(a - b) <= by for one, other in zip(found, wanted, strict=True)
        for a, b in zip(one, other, strict=True)
    )  # fmt: skip


# --- what is read ------------------------------------------------------------------------------------

READABLE: dict[str, tuple[Callable[[], bytes], str, list[str]]] = {
    "JPEG": (files.jpeg, "image/jpeg", []),
    "progressive JPEG": (lambda: files.jpeg(progressive=True), "image/jpeg", []),
    "grey JPEG": (lambda: files.jpeg(files.picture().convert("L")), "image/jpeg", []),
    "CMYK JPEG": (lambda: files.jpeg(files.picture().convert("CMYK")), "image/jpeg", []),
    "JPEG with a second picture": (files.two_pictures, "image/jpeg", ["several_pictures"]),
    "JPEG with an archive at its end": (files.jpeg_and_archive, "image/jpeg", []),
    "JPEG with comments and a script": (
        lambda: files.with_segment(files.jpeg(), 0xFE, b"<script>alert(1)</script>"),
        "image/jpeg",
        [],
    ),
    "JPEG of a wide space of colours": (files.wide_colours, "image/jpeg", []),
    "JPEG with a broken profile": (
        lambda: files.jpeg(icc_profile=b"not a profile" * 20),
        "image/jpeg",
        ["colour_profile_broken"],
    ),
    "JPEG with broken EXIF": (
        lambda: files.with_segment(files.jpeg(), 0xE1, b"Exif\0\0II*\0" + b"\xff" * 60),
        "image/jpeg",
        ["exif_broken"],
    ),
    "PNG": (lambda: files.packed(files.picture(), "PNG"), "image/png", []),
    "PNG with texts": (files.said_png, "image/png", []),
    "PNG of a palette": (
        lambda: files.packed(files.picture().quantize(16), "PNG"), "image/png", []
    ),
    "PNG in 16 bits": (files.deep_png, "image/png", []),
    "PNG in colour, deep": (files.deep_colour_png, "image/png", []),
    "PNG in black and white": (
        lambda: files.packed(files.picture().convert("1"), "PNG"), "image/png", []
    ),
    "transparent PNG": (
        lambda: files.packed(files.picture().convert("RGBA"), "PNG"), "image/png", []
    ),
    "animated PNG": (lambda: files.animated("PNG"), "image/png", ["animated"]),
    "GIF": (lambda: files.packed(files.picture(), "GIF"), "image/gif", []),
    "animated GIF": (lambda: files.animated("GIF"), "image/gif", ["animated"]),
    "GIF with a Java archive at its end": (files.gif_and_archive, "image/gif", []),
    "WebP": (lambda: files.packed(files.picture(), "WEBP", quality=90), "image/webp", []),
    "animated WebP": (lambda: files.animated("WEBP"), "image/webp", ["animated"]),
    "HEIC": (files.heic, "image/heic", []),
    "AVIF": (lambda: files.packed(files.picture(), "AVIF", quality=90), "image/avif", []),
}  # fmt: skip


@pytest.mark.parametrize("name", READABLE)
def test_a_picture_is_read_whatever_it_is_packed_as(
    name: str, read: ReadBytes, scratch: Path
) -> None:
    make, media_type, remarks = READABLE[name]
    facts = facts_of(read(make()))
    assert (facts.media_type, facts.width, facts.height) == (media_type, 96, 64)
    assert facts.remarks == remarks
    assert [copy.name for copy in facts.copies] == ["full", "screen", "thumb"]


@pytest.mark.parametrize(
    "name",
    [name for name in READABLE if "grey" not in name and "16 bits" not in name and "white" not in name
     and "wide" not in name],
)  # fmt: skip
def test_a_copy_shows_the_colours_of_the_picture(name: str, read: ReadBytes, scratch: Path) -> None:
    facts_of(read(READABLE[name][0]()))
    assert is_like(colours_of(scratch / "full.webp"), COLOURS)


def test_grey_in_16_bits_keeps_its_shades(read: ReadBytes, scratch: Path) -> None:
    facts_of(read(files.deep_png()))
    left, right, *_ = colours_of(scratch / "full.webp")
    assert (round(left[0] / 64), round(right[0] / 64)) == (1, 3)


def test_colours_of_another_space_become_those_of_srgb(read: ReadBytes, scratch: Path) -> None:
    facts_of(read(files.wide_colours()))
    red = colours_of(scratch / "full.webp")[0]
    assert red[2] > 150
    assert red[0] < 100


@pytest.mark.parametrize("orientation", range(1, 9))
def test_copies_are_upright(orientation: int, read: ReadBytes, scratch: Path) -> None:
    back = {
        2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)  # fmt: skip
    taken = files.picture() if back is None else files.picture().transpose(back)
    facts = facts_of(read(files.camera_jpeg(orientation, taken)))
    assert (facts.width, facts.height) == (96, 64)
    assert is_like(colours_of(scratch / "full.webp"), COLOURS)


def test_a_heic_that_was_turned_is_upright(read: ReadBytes, scratch: Path) -> None:
    taken = files.picture().transpose(Image.Transpose.ROTATE_90)
    facts = facts_of(read(files.heic(taken, exif=files.exif({0x0112: 6}))))
    assert (facts.width, facts.height) == (96, 64)
    assert is_like(colours_of(scratch / "full.webp"), COLOURS)


def test_copies_have_their_sizes_and_are_never_enlarged(read: ReadBytes, scratch: Path) -> None:
    facts = facts_of(read(files.jpeg(files.noise(3000, 2000), quality=60)))
    assert [(copy.name, copy.width, copy.height) for copy in facts.copies] == [
        ("full", 2560, 1707), ("screen", 1280, 854), ("thumb", 320, 214)
    ]  # fmt: skip
    small = facts_of(read(files.jpeg(files.picture(400, 100))))
    assert [copy.width for copy in small.copies] == [400, 400, 320]


def test_a_picture_of_one_pixel_and_one_that_is_a_line_are_read(read: ReadBytes) -> None:
    dot = facts_of(read(files.packed(Image.new("RGB", (1, 1), files.RED), "PNG")))
    assert (dot.width, dot.height, dot.sharpness) == (1, 1, 0)
    line = facts_of(read(files.packed(Image.new("RGB", (20_000, 1), files.RED), "PNG")))
    assert line.copies == [
        Copy("full", 2560, 1, line.copies[0].bytes),
        Copy("screen", 1280, 1, line.copies[1].bytes),
        Copy("thumb", 320, 1, line.copies[2].bytes),
    ]


@pytest.mark.parametrize(
    "make",
    [files.camera_jpeg, files.said_png, files.jpeg_and_archive, files.gif_and_archive,
     READABLE["JPEG with comments and a script"][0], files.wide_colours],
)  # fmt: skip
def test_nothing_but_pixels_travels_in_copies(
    make: Callable[[], bytes], read: ReadBytes, scratch: Path
) -> None:
    facts_of(read(make()))
    for name in ("full", "screen", "thumb"):
        copy = (scratch / f"{name}.webp").read_bytes()
        for word in (b"Exif", b"EXIF", b"Phone", b"script", b"somebody", b"ICCP", b"PK\x03\x04"):
            assert word not in copy
        with Image.open(scratch / f"{name}.webp") as image:
            assert (image.format, dict(image.getexif())) == ("WEBP", {})


# --- the camera --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [files.camera_jpeg, lambda: files.heic(exif=files.exif(
    files.CAMERA_MAIN, files.CAMERA_INNER, files.CAMERA_GPS))])  # fmt: skip
def test_what_the_camera_says_is_kept(make: Callable[[], bytes], read: ReadBytes) -> None:
    assert facts_of(read(make())).camera == Camera(
        taken_at="2026-03-02T10:15:30",
        offset_min=480,
        fix_at="2026-03-02T02:15:28Z",
        lat_e7=312304000,
        lon_e7=1214736111,
        accuracy_m=5,
        make="Phonemaker",
        model="Phone 7",
        software="17.1",
    )


@pytest.mark.parametrize(
    ("gps", "inner", "main", "remark"),
    [
        ({1: "N", 2: (91.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, {}, {}, "camera_position_broken"),
        ({1: "N", 2: (0.0, 0.0, 0.0), 3: "E", 4: (0.0, 0.0, 0.0)}, {}, {}, "camera_position_broken"),
        ({1: "X", 2: (1.0, 0.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, {}, {}, "camera_position_broken"),
        ({1: "N", 2: (1.0, 60.0, 0.0), 3: "E", 4: (1.0, 0.0, 0.0)}, {}, {}, "camera_position_broken"),
        ({1: "N", 2: (1.0, 0.0, 0.0)}, {}, {}, "camera_position_broken"),
        ({}, {0x9003: "2026:02:30 10:00:00"}, {}, "camera_time_broken"),
        ({}, {0x9003: "yesterday evening"}, {}, "camera_time_broken"),
        ({}, {0x9003: "2026:03:02 10:15:30", 0x9011: "+25:00"}, {}, "camera_time_broken"),
        ({}, {}, {0x0112: 77}, "orientation_broken"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_left_out_with_a_remark(
    gps: dict[int, object],
    inner: dict[int, object],
    main: dict[int, object],
    remark: str,
    read: ReadBytes,
) -> None:
    facts = facts_of(read(files.jpeg(exif=files.exif(main, inner, gps))))
    assert facts.remarks == [remark]
    assert (facts.camera.lat_e7, facts.camera.offset_min) == (None, None)


def test_a_time_of_zeros_is_no_time_and_nothing_odd(read: ReadBytes) -> None:
    facts = facts_of(read(files.jpeg(exif=files.exif(inner={0x9003: "0000:00:00 00:00:00"}))))
    assert (facts.camera.taken_at, facts.remarks) == (None, [])


def test_what_the_camera_is_called_is_a_short_readable_text(read: ReadBytes) -> None:
    name = "\x1b[31m" + "Ω" * 300
    camera = facts_of(read(files.jpeg(exif=files.exif({0x010F: name, 0x0110: " \x00 "})))).camera
    assert camera.make is not None
    assert len(camera.make) <= 100
    assert camera.make.isprintable()
    assert camera.model is None


# --- measures ----------------------------------------------------------------------------------------


def test_a_blurred_picture_is_less_sharp_and_a_black_one_is_dark(read: ReadBytes) -> None:
    from PIL import ImageFilter

    sharp = files.noise(800, 600)
    blurred = sharp.filter(ImageFilter.GaussianBlur(4))
    first, second = (facts_of(read(files.jpeg(one, quality=95))) for one in (sharp, blurred))
    assert first.sharpness > 50 * second.sharpness
    black, white = (
        facts_of(read(files.jpeg(Image.new("RGB", (64, 64), colour)))).darkness
        for colour in ("black", "white")
    )
    assert (black, white) == (1000, 0)


# --- what is refused ---------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "nothing": (lambda: b"", "empty", "no bytes"),
    "a program": (lambda: b"MZ" + bytes(500), "not_a_photo", "Windows program"),
    "a program of Linux": (
        lambda: Path(sys.executable).resolve().read_bytes()[:4096], "not_a_photo", "Linux program"
    ),
    "a document": (lambda: b"%PDF-1.7\n" + bytes(100), "not_a_photo", "PDF"),
    "a drawing": (
        lambda: b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
        "not_a_photo",
        "SVG",
    ),
    "a web page": (lambda: b"<!DOCTYPE html><p>Log in", "not_a_photo", "web page"),
    "an archive": (lambda: b"PK\x03\x04" + bytes(100), "not_a_photo", "ZIP"),
    "a video": (lambda: b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "not_a_photo", "video"),
    "a TIFF": (lambda: files.packed(files.picture(), "TIFF"), "not_a_photo", "TIFF"),
    "random bytes": (lambda: bytes(range(256)) * 4, "not_a_photo", "no format"),
    "a JPEG that breaks off": (lambda: files.jpeg(files.noise(300, 200))[:9_000], "damaged", ""),
    "a JPEG of its first bytes": (lambda: files.jpeg()[:30], "damaged", ""),
    "a HEIC that breaks off": (lambda: files.heic(files.noise(300, 200))[:4_000], "damaged", ""),
    "a HEIC with a broken list of what is in it": (
        lambda: files.heic()[:60] + b"\xa5" * 200 + files.heic()[260:],
        "damaged",
        "",
    ),
    "a PNG that breaks off": (
        lambda: files.packed(files.noise(300, 200), "PNG")[:9_000], "damaged", ""
    ),
    "a PNG with a bomb of text": (files.text_bomb_png, "damaged", ""),
    "a PNG that unpacks to far too much": (
        lambda: files.huge_png(30_000, 30_000), "too_many_pixels", "30000 × 30000"
    ),
    "a PNG that says it is far too large": (
        lambda: files.claimed_png(2_000_000_000, 2), "too_many_pixels", "2000000000 × 2"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_photo_is_refused_with_its_reason(
    name: str, read: ReadBytes, scratch: Path
) -> None:
    make, code, words = REFUSED[name]
    found = read(make())
    assert isinstance(found, Unread), found
    assert (found.code, found.is_final) == (code, True)
    assert words in found.words
    assert not (scratch / FACTS).exists()


# --- limits ------------------------------------------------------------------------------------------


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big"
    path.write_bytes(files.huge_png(6_000, 6_000))
    return path


def test_a_picture_that_takes_too_much_memory_is_refused(big: Path, scratch: Path) -> None:
    reader = Reader(Limits(pixels_max=40_000_000, memory_mb=20, cpu_s=20, wall_s=20))
    try:
        found = reader.read(big, scratch)
        assert isinstance(found, Unread)
        assert (found.code, found.is_final) == ("too_much_memory", True)
        small = big.with_name("small")
        small.write_bytes(files.jpeg())
        assert isinstance(reader.read(small, scratch), Read)
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("limits", "side"),
    [
        (Limits(pixels_max=600_000_000, memory_mb=4000, cpu_s=20, wall_s=0), 100),
        (Limits(pixels_max=600_000_000, memory_mb=4000, cpu_s=1, wall_s=60), 20_000),
    ],
    ids=["by the clock", "of a processor"],
)
def test_a_picture_that_takes_too_long_is_ended(
    limits: Limits, side: int, tmp_path: Path, scratch: Path
) -> None:
    path = tmp_path / "slow"
    path.write_bytes(files.huge_png(side, side))
    reader = Reader(limits)
    try:
        found = reader.read(path, scratch)
    finally:
        reader.close()
    assert isinstance(found, Unread)
    assert (found.code, found.is_final) == ("took_too_long", False)


def test_a_reader_whose_process_was_killed_has_another(tmp_path: Path, scratch: Path) -> None:
    path = tmp_path / "one"
    path.write_bytes(files.jpeg())
    reader = Reader(LIMITS)
    try:
        assert isinstance(reader.read(path, scratch), Read)
        assert reader._process is not None
        os.kill(reader._process.pid, signal.SIGKILL)
        reader._process.wait()
        assert isinstance(reader.read(path, scratch), Read)
    finally:
        reader.close()


def test_a_process_that_does_not_start_is_not_the_files_fault(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_MODULE", "server.photos.no_such_module")
    path = tmp_path / "one"
    path.write_bytes(files.jpeg())
    reader = Reader(LIMITS)
    with pytest.raises(OSError, match="does not start"):
        reader.read(path, scratch)
    monkeypatch.undo()
    try:
        assert isinstance(reader.read(path, scratch), Read)
    finally:
        reader.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    if made.returncode != 0:
        pytest.skip("only root may mount a disk that is small enough to be filled")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_is_not_the_files_fault(
    reader: Reader, tmp_path: Path, small_disk: Path
) -> None:
    path = tmp_path / "one"
    path.write_bytes(files.jpeg(files.noise(1000, 1000)))
    with pytest.raises(OSError, match="no room"):
        reader.read(path, small_disk)


def test_facts_that_are_not_what_they_should_be_are_not_believed(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "one"
    path.write_bytes(files.jpeg())
    reader = Reader(LIMITS)
    ask = Reader._ask

    def lie(self: Reader, request: object, meanwhile: object) -> object:
        answer = ask(self, request, meanwhile)  # type: ignore[arg-type]
        facts = (scratch / FACTS).read_text(encoding="ascii")
        (scratch / FACTS).write_text(facts.replace('"darkness":', '"darkness":9'), encoding="ascii")
        return answer

    try:
        monkeypatch.setattr(Reader, "_ask", lie)
        found = reader.read(path, scratch)
    finally:
        reader.close()
    assert isinstance(found, Unread)
    assert (found.code, found.is_final) == ("reader_died", False)


def test_the_process_that_reads_knows_no_addresses_and_no_keys(
    tmp_path: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret of this test")
    path = tmp_path / "one"
    path.write_bytes(files.jpeg())
    reader = Reader(LIMITS)
    try:
        assert isinstance(reader.read(path, scratch), Read)
        assert reader._process is not None
        known = Path(f"/proc/{reader._process.pid}/environ").read_bytes()
    finally:
        reader.close()
    assert b"SECRET_KEY" not in known
    assert b"DATABASE" not in known


def test_what_asks_for_a_reading_has_no_decoder() -> None:
    said = (
        "import sys, server.photos.reading;"
        "print([name for name in ('PIL', 'pillow_heif', 'server.photos.picture') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
