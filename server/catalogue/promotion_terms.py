"""What a promotion says, as people give it: products by their codes; checked, and as it is kept."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from mobile_contract.price_records import read_promotion
from mobile_contract.records.promotion import PromotionVersion
from mobile_contract.schema import faults_of
from server.catalogue.errors import FieldInvalid
from server.catalogue.product_list import ProductNamed, products_by_code
from server.language import Said
from sync.unit_of_work import UnitOfWork

# benefit → the fields that it needs; every other one of these is to be left out.
NEEDED: Mapping[str, tuple[str, ...]] = {
    "PERCENT_OFF": ("basis_points",),
    "AMOUNT_OFF": ("amount_minor", "per"),
    "BUY_X_GET_Y": ("buy", "get", "basis_points"),
    "BUNDLE": ("portions", "price_minor"),
}
_ALLOWED: Mapping[str, tuple[str, ...]] = {
    "PERCENT_OFF": ("items", "min_quantity", "min_amount_minor", "max_minor"),
    "AMOUNT_OFF": ("items", "min_quantity", "min_amount_minor", "max_minor"),
    "BUY_X_GET_Y": (
        "items",
        "gifts",
        "min_quantity",
        "min_amount_minor",
        "max_times",
        "max_minor",
    ),
    "BUNDLE": ("max_times", "max_minor"),
}
_OF_ANY = ("benefit", "stack_order", "stack_group", "is_exclusive")


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionTerms:
    """What a promotion gives; fields as in `PromotionVersion` of the contract.

    Products stand by their codes: `items` and `gifts` as (code, unit or None for any), `portions` as
    (code, unit, quantity).
    """

    benefit: str
    basis_points: int | None = None
    amount_minor: int | None = None
    per: str | None = None
    buy: int | None = None
    get: int | None = None
    gifts: tuple[tuple[str, str | None], ...] = ()
    portions: tuple[tuple[str, str, int], ...] = ()
    price_minor: int | None = None
    items: tuple[tuple[str, str | None], ...] = ()
    min_quantity: int = 0
    min_amount_minor: int = 0
    max_times: int | None = None
    max_minor: int | None = None
    stack_order: int = 0
    stack_group: str | None = None
    is_exclusive: bool = False


def check_promotion_terms(
    uow: UnitOfWork, terms: PromotionTerms, division_id: UUID | None
) -> dict[str, Any]:
    """The terms as they are kept, products by number. Raises FieldInvalid. One query.

    A promotion of a division is about that division's products, and names them.
    """
    given = asdict(terms)
    if terms.benefit not in NEEDED:
        raise FieldInvalid(Said("benefit: one of {choices}", choices=", ".join(NEEDED)))
    needed = NEEDED[terms.benefit]
    for name, value in given.items():
        is_given = value is not None and value not in ((), 0)
        if name in needed and value in (None, ()):
            raise FieldInvalid(
                Said("{name}: {benefit} needs it", name=Said(name), benefit=terms.benefit)
            )
        may_be = name in (*needed, *_ALLOWED[terms.benefit], *_OF_ANY)
        if is_given and not may_be:
            raise FieldInvalid(
                Said("{name}: {benefit} has no such field", name=Said(name), benefit=terms.benefit)
            )
    codes = [code for code, _ in (*terms.items, *terms.gifts)]
    codes += [code for code, _, _ in terms.portions]
    products = products_by_code(uow, codes)
    _check_products(codes, products, division_id)
    kept = {
        **given,
        "items": _items(terms.items, products),
        "gifts": _items(terms.gifts, products),
        "portions": [
            {"product": products[code].number, "unit": unit, "quantity": quantity}
            for code, unit, quantity in terms.portions
        ],
    }
    version = {**kept, "version": 1, "valid_from": 0, "valid_until": None}
    faults = faults_of(PromotionVersion(), version)
    if faults:
        raise FieldInvalid(faults[0].said_of("the promotion"))
    try:
        read_promotion("", {"code": "", "currency": ""}, version)
    except ValueError as error:
        raise FieldInvalid(str(error)) from error
    return kept


def _check_products(
    codes: list[str], products: Mapping[str, ProductNamed], division_id: UUID | None
) -> None:
    for code in codes:
        if code not in products:
            raise FieldInvalid(Said("items: there is no product {code}", code=code))
        if division_id is not None and products[code].division_id != division_id:
            raise FieldInvalid(
                Said("items: {code} is not of the division of the promotion", code=code)
            )
    if division_id is not None and not codes:
        raise FieldInvalid(
            Said("items: a promotion of a division names the products that it is about")
        )


def _items(
    items: Iterable[tuple[str, str | None]], products: Mapping[str, ProductNamed]
) -> list[dict[str, Any]]:
    return [{"product": products[code].number, "unit": unit} for code, unit in items]
