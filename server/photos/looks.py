"""What a picture looks like, in bits that were taken from it (perceptual_hash.py), and how alike two are."""

from typing import Final, NamedTuple

HASH_SIDE: Final = 8
DETAIL_SIDE: Final = 16
DETAIL_BITS: Final = DETAIL_SIDE * DETAIL_SIDE
_UNSIGNED: Final = 2**64
_HALF: Final = 2**63
# Periods 1, 3, 5 and 7 across: the first, third, fifth and seventh bit of each byte.
_ODD_ACROSS_BYTE: Final = 0b10101010
_ODD_ACROSS: Final = int.from_bytes(bytes([_ODD_ACROSS_BYTE] * HASH_SIDE), "big")


class Look(NamedTuple):
    """What a picture looks like: 64 bits as a signed number, and 256 bits as 32 bytes."""

    phash: int
    detail: bytes


def distance_bits(one: int, other: int) -> int:
    """In how many of the 64 bits two hashes differ."""
    return ((one ^ other) % _UNSIGNED).bit_count()


def detail_permille(one: bytes, other: bytes) -> int:
    """In how many of 1,000 bits two details differ, rounded down."""
    differing = (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
    return differing * 1000 // DETAIL_BITS


def mirrored_hash(phash: int) -> int:
    """The hash of the picture with left and right exchanged: waves of odd periods turn their sign."""
    turned = (phash % _UNSIGNED) ^ _ODD_ACROSS
    return turned - _UNSIGNED if turned >= _HALF else turned


def mirrored_detail(detail: bytes) -> bytes:
    """The detail of the picture with left and right exchanged."""
    return bytes(byte ^ _ODD_ACROSS_BYTE for byte in detail)
