"""What a file is by its first bytes, whatever it was called. Only these formats are ever handed to a decoder."""

from dataclasses import dataclass

from server.photos.facts import MediaType

HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read: its media type, and what Pillow calls those that may hold it."""

    media_type: MediaType
    decoders: tuple[str, ...]


JPEG = Format("image/jpeg", ("JPEG", "MPO"))
PNG = Format("image/png", ("PNG",))
GIF = Format("image/gif", ("GIF",))
WEBP = Format("image/webp", ("WEBP",))
HEIC = Format("image/heic", ("HEIF",))
AVIF = Format("image/avif", ("AVIF",))

_HEIC_BRANDS = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1")
)
_AVIF_BRANDS = frozenset((b"avif", b"avis"))

# The first that fits. What is no photo is told to a person in these words.
_FORMATS: tuple[tuple[bytes, Format | str], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"%PDF-", "a PDF document"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a Linux program"),
    (b"dex\n", "an Android program"),
    (b"\xca\xfe\xba\xbe", "a Java or macOS program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"),
    (b"#!", "a script"),
    (b"PK\x03\x04", "a ZIP archive, or a document or app packed as one"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"II*\x00", "a TIFF picture, which no phone takes"),
    (b"MM\x00*", "a TIFF picture, which no phone takes"),
    (b"BM", "a BMP picture, which no phone takes"),
    (b"8BPS", "a Photoshop document"),
    (b"\x00\x00\x01\x00", "an icon"),
    (b"\xff\x0a", "a JPEG XL picture, which is not read"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL picture, which is not read"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture, which no phone takes"),
    (b"\x1aE\xdf\xa3", "a video"),
    (b"OggS", "a sound or a video"),
    (b"ID3", "a sound"),
)


def recognise(head: bytes) -> Format | str:
    """The format by a file's first `HEAD_BYTES`, or what it is instead, in words."""
    for begin, found in _FORMATS:
        if head.startswith(begin):
            return found
    if head[:4] == b"RIFF":
        return WEBP if head[8:12] == b"WEBP" else "a sound or a video"
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    return _text_or_unknown(head)


def _by_brands(head: bytes) -> Format | str:
    """ISO/IEC 14496-12, `ftyp`: the major brand, a version, then compatible brands."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    # An AVIF names the general brand mif1 too, so the special ones are asked for first.
    if any(brand in _AVIF_BRANDS for brand in brands):
        return AVIF
    if any(brand in _HEIC_BRANDS for brand in brands):
        return HEIC
    return "a video"


def _text_or_unknown(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in text[:1024]:
        return "an SVG drawing, which is a program and no photo"
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if text.startswith(b"<?xml"):
        return "an XML document"
    if head and b"\x00" not in head and all(byte >= 9 for byte in head):
        return "a text"
    return "of no format that is known here"
