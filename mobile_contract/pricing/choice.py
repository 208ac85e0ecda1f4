"""Which lists and promotions are for a customer, and which version of a list holds at a moment."""

from mobile_contract.pricing.terms import (
    Customer,
    CustomerTerms,
    Level,
    PriceBook,
    PriceList,
    PriceListVersion,
)

_RANKS = {level: rank for rank, level in enumerate(Level)}


def choose_terms(customer: Customer, book: PriceBook) -> CustomerTerms:
    """What of a book is for this customer.

    Lists: by level (customer, class, channel, region); inside one the nearest first: the store
    before its account, its own region before those above; then by code. Promotions: in ascending
    (order, code). What is in another currency than the book is left out.
    """
    ranked: list[tuple[int, int, str, PriceList]] = []
    for held in book.lists:
        distance = customer.distance_to(held.for_whom)
        if distance is not None and held.currency == book.currency:
            ranked.append((_RANKS[held.for_whom.level], distance, held.code, held))
    ranked.sort(key=lambda entry: entry[:3])
    promotions = [
        promotion
        for promotion in book.promotions
        if promotion.currency == book.currency
        and (promotion.for_whom is None or customer.distance_to(promotion.for_whom) is not None)
    ]
    promotions.sort(key=lambda promotion: (promotion.stacking.order, promotion.code))
    return CustomerTerms(book.currency, tuple(entry[3] for entry in ranked), tuple(promotions))


def version_in_force(held: PriceList, at: int) -> PriceListVersion | None:
    """The version of a list that holds at a moment: of several the one with the highest number."""
    found = None
    for version in held.versions:
        holds = version.valid_from <= at and (
            version.valid_until is None or at < version.valid_until
        )
        if holds and (found is None or version.version > found.version):
            found = version
    return found
