"""Splitting a whole number over parts that add up to it exactly, by largest remainders.

Each part gets its quota (the number × its weight ÷ all weights) rounded down; what is left, always
less than one for each part, goes to the parts with the largest remainders, one each; of equal
remainders the earlier part comes first. All is in whole numbers and fractions: nothing is lost to
rounding. Source: domain rules, "Targets and pay".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from server.language import Said
from server.targets.errors import PinsDiffer, TargetInvalid

PER_MILLE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """How much last year, the potential and plain equality count, in thousandths: α, β and γ."""

    last_year: int
    potential: int
    equal: int

    def __post_init__(self) -> None:
        each = (self.last_year, self.potential, self.equal)
        if any(type(one) is not int or not 0 <= one <= PER_MILLE for one in each):
            raise TargetInvalid(Said("weights: whole thousandths from 0 to 1000"))
        if sum(each) != PER_MILLE:
            raise TargetInvalid(
                Said(
                    "weights: together {per_mille} thousandths, not {each}",
                    per_mille=PER_MILLE,
                    each=sum(each),
                )
            )


@dataclass(frozen=True, slots=True)
class Part:
    """One part before the split: what it is weighed by, and its amount where somebody fixed it."""

    last_year: int
    potential: int
    pinned: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One part after the split, with all that its amount follows from.

    `weight` is its part of what was not pinned, of all such parts together 1; a pinned part has none.
    `amount` is `floor` and one more where it `has_extra`.
    """

    amount: int
    is_pinned: bool
    weight: Fraction
    floor: int
    remainder: Fraction
    has_extra: bool


def weigh(parts: Sequence[Part], weights: Weights) -> list[Fraction]:
    """The weight of each part; together they are 1.

    α × its part of last year + β × its part of the potential + γ × an equal part. Where nobody has
    anything of one of the two, that one weighs all parts alike. Less than nothing (a year of more
    returns than sales) counts as nothing.
    """
    mixed = [Fraction(0)] * len(parts)
    for per_mille, sizes in (
        (weights.last_year, [max(part.last_year, 0) for part in parts]),
        (weights.potential, [max(part.potential, 0) for part in parts]),
        (weights.equal, [1] * len(parts)),
    ):
        if per_mille == 0:
            continue
        known = sizes if any(sizes) else [1] * len(parts)
        mixed = [
            so_far + Fraction(per_mille * size, PER_MILLE * sum(known))
            for so_far, size in zip(mixed, known, strict=True)
        ]
    return mixed


def largest_remainders(total: int, weights: Sequence[Fraction]) -> list[tuple[int, Fraction, bool]]:
    """Of each part its floor, its remainder and whether it gets one more, in the order of the weights.

    Weights are not negative; where all are 0 every part weighs the same. The total is not negative.
    """
    whole = sum(weights, Fraction(0))
    if whole == 0:
        weights, whole = [Fraction(1)] * len(weights), Fraction(len(weights))
    quotas = [total * weight / whole for weight in weights]
    floors = [quota.numerator // quota.denominator for quota in quotas]
    remainders = [quota - floor for quota, floor in zip(quotas, floors, strict=True)]
    left = total - sum(floors)
    by_size = sorted(range(len(quotas)), key=lambda place: (-remainders[place], place))
    extra = set(by_size[:left])
    return [
        (floor, remainder, place in extra)
        for place, (floor, remainder) in enumerate(zip(floors, remainders, strict=True))
    ]


def split(total: int, parts: Sequence[Part], weights: Weights) -> list[Share]:
    """Split a total over parts: those that are pinned keep their amount, the others share the rest.

    Raises PinsDiffer where the pinned parts are more than the total, or are all the parts there are
    and not the total.
    """
    pinned = sum(part.pinned for part in parts if part.pinned is not None)
    free = [part for part in parts if part.pinned is None]
    rest = total - pinned
    if rest < 0:
        raise PinsDiffer(
            Said(
                "{pinned} is fixed below {total}: {what} too much",
                pinned=pinned,
                total=total,
                what=-rest,
            )
        )
    if rest and not free:
        raise PinsDiffer(
            Said(
                "{pinned} is fixed below {total}, and nobody is left to take {rest}",
                pinned=pinned,
                total=total,
                rest=rest,
            )
        )
    weighed = weigh(free, weights)
    shared = iter(zip(weighed, largest_remainders(rest, weighed), strict=True))
    shares = []
    for part in parts:
        if part.pinned is not None:
            shares.append(
                Share(
                    amount=part.pinned,
                    is_pinned=True,
                    weight=Fraction(0),
                    floor=part.pinned,
                    remainder=Fraction(0),
                    has_extra=False,
                )
            )
            continue
        weight, (floor, remainder, has_extra) = next(shared)
        shares.append(
            Share(
                amount=floor + has_extra,
                is_pinned=False,
                weight=weight,
                floor=floor,
                remainder=remainder,
                has_extra=has_extra,
            )
        )
    return shares


def prorate(total: int, days: Sequence[int]) -> list[int]:
    """A month's amount over those who held the position, by the working days of each; it adds up.

    Of a month without a working day each gets the same.
    """
    parts = largest_remainders(total, [Fraction(number) for number in days])
    return [floor + has_extra for floor, _, has_extra in parts]
