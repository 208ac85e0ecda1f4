"""Orders as phones send them, by the catalogue of catalogue_factories."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from server.catalogue.accounts import NewAccount, make_accounts
from server.planning.stores import edit_stores
from sync.unit_of_work import Database
from tests.catalogue_factories import OFFICE, Goods
from tests.factories import Cast
from tests.sync.talking import HOUR, MINUTE, Json, Phone


def line(product: UUID, unit: str, quantity: int, price_minor: int, **other: Any) -> Json:
    """A line without promotions; every field can be given."""
    discount = other.pop("discount_minor", 0)
    return {
        "product_id": str(product),
        "unit": unit,
        "quantity": quantity,
        "price_minor": price_minor,
        "discount_minor": discount,
        "total_minor": price_minor * quantity - discount,
        "taken": [],
        **other,
    }


def oats(goods: Goods, quantity: int = 2) -> Json:
    """A line of pieces of oats at its right price."""
    return line(goods.oat, "PC", quantity, 500)


def ordered(phone: Phone, lines: list[Json], **payload: Any) -> Json:
    """What the ops that carry lines have in common; prices are an hour old."""
    return {
        "lines": lines,
        "total_minor": sum(each["total_minor"] for each in lines),
        "prices_as_of": phone.now + phone.wrong_by - HOUR,
        "price_lists": [],
        "promotions": [],
        **payload,
    }


def submit(phone: Phone, store: UUID, *lines: Json, ago: int = MINUTE, **payload: Any) -> Json:
    """A new order, captured so long ago."""
    item = payload.pop("item", {})
    return phone.item(
        "order",
        "submit",
        payload.pop("order", None) or uuid4(),
        ordered(phone, list(lines), store_id=str(store), **{"currency": "USD", **payload}),
        at=phone.now - ago,
        **item,
    )


def amend(phone: Phone, order: object, base_version: int, *lines: Json, **payload: Any) -> Json:
    """The whole order anew."""
    return phone.item(
        "order", "amend", order, ordered(phone, list(lines), **payload), base_version=base_version
    )


def cancel(phone: Phone, order: object, reason: str = "changed their mind") -> Json:
    return phone.item("order", "cancel", order, {"reason": reason})


def give_back(phone: Phone, store: UUID, *lines: Json, **payload: Any) -> Json:
    """A return of these lines."""
    returned = [
        {
            name: each[name]
            for name in ("product_id", "unit", "quantity", "price_minor", "total_minor")
        }
        | {"reason": "DAMAGED"}
        for each in lines
    ]
    item = payload.pop("item", {})
    return phone.item(
        "order",
        "return",
        payload.pop("order", None) or uuid4(),
        {
            "store_id": str(store),
            "currency": "USD",
            "lines": returned,
            "total_minor": sum(each["total_minor"] for each in returned),
            "prices_as_of": phone.now - HOUR,
            **payload,
        },
        **item,
    )


PROOF = {"role": "SIGNATURE", "sha256": "9f" * 32, "size": 18_432}


def deliver(phone: Phone, order: object, *lines: tuple[int, int, int], **payload: Any) -> Json:
    """What was (delivered, short, returned) of each line, in their order."""
    return phone.item(
        "order",
        "deliver",
        order,
        {
            "delivered": phone.event(),
            "lines": [
                {
                    "line": number,
                    "delivered": delivered,
                    "short": short,
                    "returned": returned,
                    "reason": "DAMAGED" if short + returned else None,
                }
                for number, (delivered, short, returned) in enumerate(lines, start=1)
            ],
            "receiver": "Mrs Lin",
            "proofs": [PROOF],
            **payload,
        },
    )


def give_account(
    db: Database,
    cast: Cast,
    stores: Sequence[UUID],
    *,
    limit: int | None,
    receivables: int = 0,
    unapplied: int = 0,
) -> UUID:
    """An account in dollars that pays for these stores."""
    with db.company(cast.company.id) as uow:
        (account,) = make_accounts(
            uow,
            OFFICE,
            [
                NewAccount(
                    code="A1",
                    name="Chain",
                    currency="USD",
                    credit_limit_minor=limit,
                    open_receivables_minor=receivables,
                    unapplied_receipts_minor=unapplied,
                )
            ],
        )
        edit_stores(uow, OFFICE, {store: {"account_id": account} for store in stores})
    return account
