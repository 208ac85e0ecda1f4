"""Whom a price list or a promotion is for: exactly one level, and its values."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The levels, in the order in which price lists are tried."""

    CUSTOMER = "CUSTOMER"
    CLASS = "CLASS"
    CHANNEL = "CHANNEL"
    REGION = "REGION"


@dataclass(frozen=True, slots=True)
class ForWhom:
    """Values of one level: ids of stores or accounts, classes, channels, or ids of regions."""

    level: Level
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Customer:
    """A store as prices see it. `region_ids`: its own region first, then each above it, the root last."""

    store_id: str
    account_id: str | None = None
    store_class: str | None = None
    channel: str | None = None
    region_ids: tuple[str, ...] = ()

    def named_at(self, level: Level) -> tuple[str, ...]:
        """By what this customer is known at a level, the nearest first."""
        if level is Level.CUSTOMER:
            return tuple(filter(None, (self.store_id, self.account_id)))
        if level is Level.CLASS:
            return tuple(filter(None, (self.store_class,)))
        if level is Level.CHANNEL:
            return tuple(filter(None, (self.channel,)))
        return self.region_ids

    def distance_to(self, for_whom: ForWhom) -> int | None:
        """How near the nearest of the values is, 0 the nearest; None where it is for others."""
        for distance, name in enumerate(self.named_at(for_whom.level)):
            if name in for_whom.values:
                return distance
        return None
