"""Marks that programs leave in a file: in EXIF, XMP, Photoshop's resources and comments.

Everything here is what anybody may write, or take out: a mark that is there tells something, one that is
missing nothing. Only texts are looked at, as they stand in the file; no XML is understood and no entity followed.
Sources: EXIF 2.32 (CIPA DC-008); XMP part 2 (ISO 16684-2), namespaces xmp and xmpMM; Photoshop file formats, image
resource blocks; IPTC NewsCodes, digital source type.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from server.photos.signs import INT4_MAX, Sign, SignName

# Names as programs write them of themselves. A phone's own: HDR+, G991BXXU3, 17.1.2, MediaTek Camera Application.
_EDITORS: Final = re.compile(
    r"photoshop|lightroom|\bgimp\b|snapseed|picsart|\bvsco\b|facetune|airbrush|beautyplus|meitu|"
    r"\bb612\b|pixlr|photopea|\bcanva\b|affinity photo|paint\.net|paint ?shop|polarr|luminar|"
    r"capture one|darktable|rawtherapee|\bremini\b|lightleap|\benlight\b|inshot|capcut|photoscape|"
    r"acdsee|photo ?editor|photodirector|photofox|touchretouch|\bkrita\b|pixelmator|"
    r"stable diffusion|midjourney|dall[·-]?e|firefly",
    re.IGNORECASE,
)
_CONVERTERS: Final = re.compile(
    r"imagemagick|graphicsmagick|\bgd-jpeg\b|irfanview|xnview|picasa|faststone|libvips|ffmpeg|"
    r"\bpreview\b|microsoft windows photo|windows imaging|google photos|whatsapp",
    re.IGNORECASE,
)
_SCREENSHOT: Final = re.compile(r"screen ?shot|screen capture|屏幕截图|截屏", re.IGNORECASE)
_GENERATED: Final = re.compile(
    rb"trainedAlgorithmicMedia|compositeWithTrainedAlgorithmicMedia|algorithmicMedia"
)
_XMP_NAMES: Final = re.compile(
    rb"(?:CreatorTool|softwareAgent|ProcessingSoftware|HistorySoftwareAgent)"
    rb"(?:=\"([^\"<>]{1,200})\"|>([^<]{1,200})<)"
)
_LOOKED_AT: Final = 512 * 1024
_SAID_MAX: Final = 100
_TEXTS: Final = ("Software", "Comment", "Description", "comment", "Creation Tool")

_SOFTWARE, _DESCRIPTION, _ARTIST_TOOL, _MODIFIED = 0x0131, 0x010E, 0x000B, 0x0132
_MAKE, _MODEL = 0x010F, 0x0110
_USER_COMMENT, _EXPOSURE, _F_NUMBER, _ISO, _FOCAL = 0x9286, 0x829A, 0x829D, 0x8827, 0x920A
_EXPOSURES: Final = (_EXPOSURE, _F_NUMBER, _ISO, _FOCAL)
# Captions (IPTC) and their digest are written by agencies' tools as well.
_CAPTIONS: Final = frozenset({0x0404, 0x0425})
_LATER_S: Final = 60


def find_marks(
    info: Mapping[Any, Any], main: Mapping[int, Any], inner: Mapping[int, Any], taken_at: str | None
) -> list[Sign]:
    """The signs in what stands beside the picture.

    `info` is what the decoder found in the file (xmp, photoshop, comment and texts), `main` and `inner` the
    two directories of EXIF, `taken_at` the camera's time as ISO 8601 without a zone.
    """
    signs: list[Sign] = []
    xmp = _bytes(info.get("xmp"))[:_LOOKED_AT]
    said = list(_said(info, main, xmp))
    for sign, pattern, permille in (
        ("editor_named", _EDITORS, 950),
        ("converter_named", _CONVERTERS, 500),
    ):
        name = next((text for text in said if pattern.search(text)), None)
        if name is not None:
            signs.append(_sign(sign, permille, name))  # type: ignore[arg-type]
    if _GENERATED.search(xmp) or _GENERATED.search(_segments(info)):
        signs.append(Sign(sign="generated", permille=980))
    comment = _text(inner.get(_USER_COMMENT))
    if _SCREENSHOT.search(comment) or any(map(_SCREENSHOT.search, said)):
        signs.append(Sign(sign="screenshot", permille=980))
    resources = info.get("photoshop")
    if isinstance(resources, Mapping):
        own = [code for code in resources if isinstance(code, int) and code not in _CAPTIONS]
        if own:
            signs.append(
                Sign(sign="editor_resources", permille=700, figures={"resources": len(own)})
            )
    later_s = _later_s(_text(main.get(_MODIFIED)), taken_at)
    if later_s is not None:
        signs.append(Sign(sign="modified_later", permille=300, figures={"later_s": later_s}))
    if not any(tag in main for tag in (_MAKE, _MODEL)) and not any(
        tag in inner for tag in _EXPOSURES
    ):
        signs.append(Sign(sign="no_camera", permille=200))
    return signs


def _said(info: Mapping[Any, Any], main: Mapping[int, Any], xmp: bytes) -> Iterator[str]:
    """What programs wrote of themselves."""
    for tag in (_SOFTWARE, _ARTIST_TOOL, _DESCRIPTION):
        yield _text(main.get(tag))
    for found in _XMP_NAMES.finditer(xmp):
        yield _text(found[1] or found[2])
    for name in _TEXTS:
        yield _text(info.get(name))


def _segments(info: Mapping[Any, Any]) -> bytes:
    """What content credentials (C2PA) say; the reader passes them as `credentials`."""
    return _bytes(info.get("credentials"))[:_LOOKED_AT]


def _later_s(modified: str, taken_at: str | None) -> int | None:
    if taken_at is None:
        return None
    try:
        # Both are wall times of one camera.
        after = datetime.strptime(modified.strip()[:19], "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007
        before = datetime.fromisoformat(taken_at)
    except ValueError:
        return None
    seconds = int((after - before).total_seconds())
    return min(seconds, INT4_MAX) if seconds > _LATER_S else None


def _sign(name: SignName, permille: int, said: str) -> Sign:
    return Sign(sign=name, permille=permille, said=said[:_SAID_MAX].strip() or None)


def _bytes(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "replace")
    return value if isinstance(value, bytes) else b""


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        # A user comment begins with the name of its characters, in eight bytes.
        for prefix in (b"ASCII\x00\x00\x00", b"UNICODE\x00", b"\x00" * 8):
            value = value.removeprefix(prefix)
        value = value.replace(b"\x00", b"").decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value[:1000] if letter.isprintable()).strip()


def texts_of(info: Mapping[Any, Any], names: Iterable[str] = _TEXTS) -> dict[str, str]:
    """The texts of a PNG or JPEG that are looked at."""
    return {name: _text(info[name]) for name in names if name in info}
