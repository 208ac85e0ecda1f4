"""What a company sells and asks, at the size at which a first sync is measured."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from server.catalogue.price_lists import NewPriceList, make_price_list, publish_prices
from server.catalogue.price_rows import PriceRow
from server.catalogue.products import NewProduct, make_products
from server.catalogue.whom import Whom
from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from sync.kinds.store_history.publish import publish_store_histories
from sync.kinds.store_terms.publish import publish_store_terms
from sync.unit_of_work import Database, UnitOfWork

OFFICE = Actor.command("bench")
LONG_AGO = datetime(2026, 1, 5, tzinfo=UTC)
CURRENCY = "USD"
PRODUCTS = 500
PRICE_LISTS = 20
FORMS = 30
OPTIONS = ("good", "fair", "poor", "none")
_WORDS = [
    "shelf",
    "display",
    "cooler",
    "price tag",
    "poster",
    "counter",
    "stock",
    "promotion",
    "competitor",
    "expiry",
    "facing",
    "gondola",
]
_GOODS = ("Green tea", "Oat biscuits", "Cola", "Rye crackers", "Rice cakes", "Spring water")


@dataclass(frozen=True, slots=True)
class Priced:
    """A product with what a unit of it costs by the base list."""

    product_id: UUID
    unit: str
    price_minor: int


@dataclass(frozen=True, slots=True)
class Masters:
    """What a phone needs to take orders and fill in forms. Templates by how many questions they have."""

    products: list[Priced]
    base_list_id: UUID
    templates: dict[int, UUID]


def make_masters(
    database: Database, company_id: int, *, region: UUID, questions: Sequence[int]
) -> Masters:
    """The catalogue with a base list for everybody, and a template for each number of questions."""
    chance = random.Random(3)
    with database.company(company_id) as uow:
        products = make_products(uow, OFFICE, [_product(chance, n) for n in range(PRODUCTS)])
        base = _price_list(uow, chance, 0, Whom("REGION", region_ids=frozenset({region})))
        templates = {n: _template(uow, chance, f"CHECK_{n}", n) for n in questions}
    priced = [Priced(id_, "CTN", price) for id_, price in zip(products, base[1], strict=True)]
    return Masters(priced, base[0], templates)


def add_more_masters(
    database: Database, company_id: int, masters: Masters, store_ids: Sequence[UUID]
) -> None:
    """As many lists and forms as a first sync is measured with; every list is for some of the stores."""
    chance = random.Random(4)
    with database.company(company_id) as uow:
        for number in range(1, PRICE_LISTS):
            some = frozenset(store_ids[number :: PRICE_LISTS - 1])
            _price_list(uow, chance, number, Whom("CUSTOMER", store_ids=some))
        for number in range(len(masters.templates), FORMS):
            _template(uow, chance, f"FORM_{number}", 20)
        publish_store_terms(uow, store_ids)


def give_history(
    database: Database, company_id: int, person_id: UUID, store_ids: Sequence[UUID]
) -> None:
    """Three visits and three orders at each store, so that what is told of it is as long as it gets."""
    values = {"company": company_id, "person": person_id, "stores": list(store_ids)}
    with database.company(company_id) as uow:
        uow.run(_VISITS, **values)
        uow.run(_ORDERS, **values)
        publish_store_histories(uow, store_ids)


_VISITS = """
insert into visit (company_id, id, version, person_id, device_id, store_id, is_by_phone, state,
                   business_day, began_at, trust, verdict, distance_cm, flags, received_at)
select :company, gen_random_uuid(), 1, :person, gen_random_uuid(), s.id, false, 'DONE',
       current_date - 7 * week - (s.place % 6)::integer, now(), 'CLOCK',
       (array['ONSITE', 'ONSITE', 'ONSITE', 'TOLERATED'])[1 + floor(random() * 4)], 1, '{}', now()
from unnest(cast(:stores as uuid[])) with ordinality as s(id, place), generate_series(1, 3) as week
"""
_ORDERS = """
insert into order_header (company_id, id, version, order_version, order_type, number, state, holds,
                          person_id, device_id, store_id, currency, business_day, ordered_at,
                          total_minor, likeness, trust, flags, received_at)
select :company, gen_random_uuid(), 1, 1, 'SALE', '17-' || lpad((3 * s.place + week)::text, 4, '0'),
       (array['DELIVERED', 'DELIVERED', 'DELIVERED', 'PARTIAL'])[1 + floor(random() * 4)], '{}', :person,
       gen_random_uuid(), s.id, 'USD', current_date - 7 * week - (s.place % 6)::integer, now(),
       100 * floor(20 + random() * 900), gen_random_uuid(), 'CLOCK', '{}', now()
from unnest(cast(:stores as uuid[])) with ordinality as s(id, place), generate_series(1, 3) as week
"""


def _product(chance: random.Random, number: int) -> NewProduct:
    goods = chance.choice(_GOODS)
    return NewProduct(
        code=f"{goods[:3].upper()}{number:04d}",
        name=f"{goods} {chance.choice((250, 330, 500, 750))} no. {number}",
        category=goods.split()[-1].title(),
        brand=chance.choice(("Yunhe", "Lotus", "Harbour")),
        barcode=f"69{chance.randrange(10**11):011d}",
        units=(("PC", 1), ("CTN", chance.choice((6, 12, 24)))),
        shelf_life_days=chance.choice((90, 180, 365)),
        must_stock=((None, chance.choice("ABC")),) if number % 10 == 0 else (),
    )


def _price_list(
    uow: UnitOfWork, chance: random.Random, number: int, whom: Whom
) -> tuple[UUID, list[int]]:
    """A list that prices every product by the carton; its prices in the order of the products."""
    new = NewPriceList(code=f"LIST{number}", name=f"List {number}", currency=CURRENCY, whom=whom)
    list_id = make_price_list(uow, OFFICE, new)
    codes = [row.code for row in uow.rows("select code from product order by number")]
    prices = [50 * chance.randint(40, 900) for _ in codes]
    rows = [
        PriceRow(place, code, "CTN", 1, price)
        for place, (code, price) in enumerate(zip(codes, prices, strict=True), start=1)
    ]
    publish_prices(uow, OFFICE, list_id, rows, valid_from=LONG_AGO, may_be_past=True)
    return list_id, prices


def _template(uow: UnitOfWork, chance: random.Random, code: str, questions: int) -> UUID:
    imported = import_template(uow, OFFICE, form_of(chance, code, questions))
    return publish_template(uow, OFFICE, imported.code).template_id


def form_of(chance: random.Random, code: str, questions: int) -> dict[str, Any]:
    """A form of so many questions, with a sum that the phone works out and a score."""
    asked = [_question(chance, number) for number in range(questions)]
    count = "q1" if questions > 1 else "1"
    return {
        "code": code,
        "title": f"{chance.choice(_WORDS).title()} check",
        "questions": [
            *asked,
            {
                "code": "worked_out",
                "type": "COMPUTED",
                "title": "Worked out",
                "result": "INT",
                "expression": f"{count} * 2 + 1",
            },
        ],
        "scores": [
            {
                "code": "first",
                "title": "First",
                "weight": 1,
                "full": 10,
                "points": "q0 ? 10 : 0",
            }
        ],
    }


def _question(chance: random.Random, number: int) -> dict[str, Any]:
    about = f"{chance.choice(_WORDS)} {chance.choice(_WORDS)}"
    question: dict[str, Any] = {"code": f"q{number}", "title": f"Is the {about} in place?"}
    match number % 4:
        case 0:
            return question | {"type": "BOOL", "required": True}
        case 1:
            return question | {"type": "INT", "minimum": 0, "maximum": 500, "unit": "pieces"}
        case 2:
            options = [{"code": code, "title": code.title()} for code in OPTIONS]
            return question | {"type": "CHOICE", "options": options}
        case _:
            return question | {"type": "MONEY", "currency": CURRENCY, "minimum": 0}


def answers_to(chance: random.Random, questions: int) -> dict[str, Any]:
    """An answer to every question of a template that was made here."""
    said: dict[str, Any] = {}
    for number in range(questions):
        said[f"q{number}"] = (
            chance.random() < 0.8,
            chance.randint(0, 60),
            chance.choice(OPTIONS),
            10 * chance.randint(10, 999),
        )[number % 4]
    return said
