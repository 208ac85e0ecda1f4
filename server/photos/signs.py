"""Signs that a picture was edited, or is a photo of a screen: each with how sure it is, and its figures.

A sign is something for a person to look at, never a verdict. `permille` says how sure: of a thousand files with
this sign and none other, so many are thought to be what the sign says. Which are looked at by people is the
company's setting (sync/policy.py); what is weak stays in the evidence and flags nothing. How often each is
wrong, as far as it was measured: docs/photo-evidence.md.

    editor_named        a program for editing pictures named itself in the file         950
    converter_named     a program that converts pictures named itself in the file       500
    generated           the file says that its picture was generated, or composed of such     980
    screenshot          the file says that it is a screenshot                           980
    editor_resources    it has resources that Photoshop writes, beside captions         700
    thumbnail_differs   the small picture in the file shows something else              by {distance_bits}
    saved_twice         it was JPEG before, with other tables (many apps save twice)    {blocks, emptied_permille}, at most 500
    modified_later      its own time of modification is after that of the picture       300, {later_s}
    no_camera           nothing in the file says that a camera made it                  200
    screen              a grid of fine points runs through the whole picture            by {excess_centi, tiles}
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

INT4_MAX: Final = 2**31 - 1

SignName = Literal[
    "converter_named",
    "editor_named",
    "editor_resources",
    "generated",
    "modified_later",
    "no_camera",
    "saved_twice",
    "screen",
    "screenshot",
    "thumbnail_differs",
]
OF_EDITING: Final[frozenset[SignName]] = frozenset(
    {
        "converter_named",
        "editor_named",
        "editor_resources",
        "generated",
        "modified_later",
        "saved_twice",
        "thumbnail_differs",
    }
)
OF_SCREENS: Final[frozenset[SignName]] = frozenset({"screen", "screenshot"})
SIGNS_MAX: Final = 10

Permille = Annotated[int, Meta(ge=0, le=1000)]


class Sign(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One sign; `said` is what the file says of itself, printable and short."""

    sign: SignName
    permille: Permille
    figures: Annotated[
        dict[Annotated[str, Meta(max_length=40)], Annotated[int, Meta(ge=-INT4_MAX, le=INT4_MAX)]],
        Meta(max_length=6),
    ] = {}
    said: Annotated[str, Meta(min_length=1, max_length=100)] | None = None


def surest(signs: "list[Sign]", names: frozenset[SignName]) -> Sign | None:
    """The surest of the signs of these names; the first of several, None where there is none."""
    found = [sign for sign in signs if sign.sign in names]
    return max(found, key=lambda sign: sign.permille, default=None)
