"""Whole minor units out of fractions, exactly: half up, and largest remainder."""

from collections.abc import Sequence


def half_up(numerator: int, denominator: int) -> int:
    """Numerator ÷ denominator to the nearest whole, a half upwards; neither is negative."""
    return (2 * numerator + denominator) // (2 * denominator)


def spread(amount: int, weights: Sequence[int]) -> list[int]:
    """The amount in parts as the weights are, adding up to it exactly.

    Each gets its share rounded down; what is left goes, one each, to the largest remainders, of equal
    ones to the first. No part is above its weight where the amount is not above their sum.
    """
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    parts = [amount * weight // whole for weight in weights]
    rest = amount - sum(parts)
    if rest:
        by_remainder = sorted(
            range(len(weights)), key=lambda n: (-(amount * weights[n] % whole), n)
        )
        for n in by_remainder[:rest]:
            parts[n] += 1
    return parts
