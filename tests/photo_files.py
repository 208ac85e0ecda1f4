"""Files as phones send them, and as somebody sends them who means harm: each made here, none kept."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, PngImagePlugin

pillow_heif.register_heif_opener()

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 60), (40, 60, 200), (128, 128, 128)


def picture(width: int = 96, height: int = 64) -> Image.Image:
    """Four fields of colour, none like another, so that a turned picture is seen to be turned."""
    made = Image.new("RGB", (width, height), GREY)
    half = (width // 2, height // 2)
    made.paste(RED, (0, 0, *half))
    made.paste(GREEN, (half[0], 0, width, half[1]))
    made.paste(BLUE, (0, half[1], half[0], height))
    return made


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    """Grain, as a camera's: sharp, and not to be packed small."""
    values = np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def packed(image: Image.Image, name: str, **how: Any) -> bytes:
    """The picture as a file of this format."""
    stream = io.BytesIO()
    image.save(stream, name, **how)
    return stream.getvalue()


def jpeg(image: Image.Image | None = None, **how: Any) -> bytes:
    return packed(image or picture(), "JPEG", **{"quality": 90, **how})


def exif(
    main: Mapping[int, Any] | None = None,
    inner: Mapping[int, Any] | None = None,
    gps: Mapping[int, Any] | None = None,
) -> bytes:
    """EXIF of these tags: of the main directory, the camera's, and that of places."""
    made = Image.Exif()
    made.update(main or {})
    if inner:
        made.get_ifd(0x8769).update(inner)
    if gps:
        made.get_ifd(0x8825).update(gps)
    return made.tobytes()


CAMERA_MAIN = {0x010F: "Phonemaker", 0x0110: "Phone 7", 0x0131: "17.1"}
CAMERA_INNER = {0x9003: "2026:03:02 10:15:30", 0x9011: "+08:00"}
CAMERA_GPS = {
    1: "N",
    2: (31.0, 13.0, 49.44),
    3: "E",
    4: (121.0, 28.0, 25.0),
    7: (2.0, 15.0, 28.0),
    29: "2026:03:02",
    31: 4.2,
}


def with_segment(file: bytes, marker: int, content: bytes) -> bytes:
    """A JPEG with one more segment at its begin."""
    return (
        file[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content + file[2:]
    )


def png_chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + kind + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )  # fmt: skip


def huge_png(width: int, height: int) -> bytes:
    """A picture of so many black pixels, in few bytes: a decompression bomb."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width + 7) // 8)
    lines = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", lines)
        + png_chunk(b"IEND", b"")
    )  # fmt: skip


def claimed_png(width: int, height: int) -> bytes:
    """A PNG that says it is this large, and has next to nothing in it."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head)
        + png_chunk(b"IDAT", zlib.compress(b"\0" * 100)) + png_chunk(b"IEND", b"")
    )  # fmt: skip


def text_bomb_png(megabytes: int = 200) -> bytes:
    """A small PNG with a compressed text of many megabytes beside the picture (iTXt)."""
    plain = packed(picture(), "PNG")
    text = b"Comment\0\x01\0\0\0" + zlib.compress(b"x" * (megabytes * 1024 * 1024), 9)
    head_end = 8 + 25
    return plain[:head_end] + png_chunk(b"iTXt", text) + plain[head_end:]


def deep_png() -> bytes:
    """Grey in 16 bits: dark on the left, light on the right."""
    values = np.tile(np.linspace(0, 65535, 96, dtype=np.uint16), (64, 1))
    return packed(Image.fromarray(values), "PNG")


def deep_colour_png() -> bytes:
    """The four fields in 16 bits a channel."""
    values = np.asarray(picture(), dtype=np.uint16) * 257
    lines = b"".join(b"\0" + line.astype(">u2").tobytes() for line in values)
    head = struct.pack(">IIBBBBB", 96, 64, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head)
        + png_chunk(b"IDAT", zlib.compress(lines)) + png_chunk(b"IEND", b"")
    )  # fmt: skip


def said_png() -> bytes:
    """A PNG with texts and EXIF beside the picture."""
    told = PngImagePlugin.PngInfo()
    told.add_itxt("Author", "somebody")
    return packed(picture(), "PNG", pnginfo=told, exif=exif(CAMERA_MAIN))


def animated(name: str) -> bytes:
    frames = [picture(), Image.new("RGB", (96, 64), GREEN), Image.new("RGB", (96, 64), BLUE)]
    return packed(frames[0], name, save_all=True, append_images=frames[1:], duration=100)


def two_pictures() -> bytes:
    """A JPEG with a second one behind it (MPO), as phones keep a depth map."""
    return packed(picture(), "MPO", save_all=True, append_images=[noise(48, 32)])


def jpeg_and_archive() -> bytes:
    """A JPEG that is a ZIP archive too, with a program in it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr("run.js", "alert('I am in the archive')")
    return jpeg() + archive.getvalue()


def gif_and_archive() -> bytes:
    """A GIF that is a Java archive too."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as held:
        held.writestr("META-INF/MANIFEST.MF", "Main-Class: Evil")
    return packed(picture(), "GIF") + archive.getvalue()


def wide_colours() -> bytes:
    """A JPEG whose colours are those of another space: its profile exchanges red and blue."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    red, blue = profile.index(b"rXYZ"), profile.index(b"bXYZ")
    swapped = bytearray(profile)
    swapped[red : red + 4], swapped[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return jpeg(icc_profile=bytes(swapped))


def camera_jpeg(orientation: int = 1, image: Image.Image | None = None) -> bytes:
    """As a phone's camera writes it."""
    return jpeg(image, exif=exif({**CAMERA_MAIN, 0x0112: orientation}, CAMERA_INNER, CAMERA_GPS))


def heic(image: Image.Image | None = None, **how: Any) -> bytes:
    return packed(image or picture(), "HEIF", **{"quality": 90, **how})
