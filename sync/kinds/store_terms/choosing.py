"""Which lists and promotions are for a store. Pure: a catalogue and a store in, numbers out.

Lists stand in the order in which they are looked through: customer, class, channel, region, the
nearest first (`mobile_contract.pricing.choose_terms`). Where a store belongs to divisions, those of
other divisions are not for it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from mobile_contract.pricing import Customer, ForWhom, PriceBook, PriceList, choose_terms


@dataclass(frozen=True, slots=True)
class Offer:
    """A list or a promotion as far as it is asked whom it is for. None: every store."""

    number: int
    code: str
    currency: str
    division_id: UUID | None
    for_whom: ForWhom | None


@dataclass(frozen=True)
class Catalogue:
    """Every list and promotion of a company that holds or will, and the region tree."""

    lists: tuple[Offer, ...]
    promotions: tuple[Offer, ...]
    # region → the region above it
    above: Mapping[UUID, UUID | None]

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {offer.code: offer.number for offer in self.lists}

    @cached_property
    def _held(self) -> dict[Offer, PriceList]:
        return {
            offer: PriceList(str(offer.number), offer.code, offer.currency, offer.for_whom, ())
            for offer in self.lists
            if offer.for_whom is not None
        }

    def regions_of(self, region_id: UUID | None) -> tuple[str, ...]:
        """A region and each above it, the root last."""
        found: list[str] = []
        while region_id is not None and str(region_id) not in found:
            found.append(str(region_id))
            region_id = self.above.get(region_id)
        return tuple(found)

    def lists_for(self, customer: Customer, currency: str, divisions: Iterable[UUID]) -> list[int]:
        """The numbers of the lists for a store, in the order in which they are looked through."""
        own = frozenset(divisions)
        book = PriceBook(
            currency, tuple(held for offer, held in self._held.items() if _is_of(offer, own))
        )
        return [self._numbers[held.code] for held in choose_terms(customer, book).lists]

    def promotions_for(
        self, customer: Customer, currency: str, divisions: Iterable[UUID]
    ) -> list[int]:
        """The numbers of the promotions for a store, ascending."""
        own = frozenset(divisions)
        return sorted(
            offer.number
            for offer in self.promotions
            if offer.currency == currency
            and _is_of(offer, own)
            and (offer.for_whom is None or customer.distance_to(offer.for_whom) is not None)
        )


def _is_of(offer: Offer, divisions: frozenset[UUID]) -> bool:
    return not divisions or offer.division_id is None or offer.division_id in divisions
