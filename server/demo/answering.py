"""What the demo's reps find at a store, as answers to its forms. Pure: the same chance, the same answers.

Shops differ and stay as they are from week to week: how well one is kept follows from its id. Each answer
comes with what a phone works out of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

from mobile_contract.forms.filling import fill_in, without_hidden
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import Template

Answers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Product:
    """A product that a store must stock."""

    id: UUID
    shelf_life_days: int | None


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the demo in the version that is in force."""

    template_id: UUID
    version: int
    template: Template


@dataclass(frozen=True, slots=True)
class Shelf:
    """What decides what is found: the shop, its products and the day."""

    store_id: UUID
    products: Sequence[Product]
    day: date

    @property
    def care(self) -> float:
        """How well the shop is kept, from 0.6 to 1: its own, whatever the day."""
        return 0.6 + (self.store_id.int % 97) / 240


def answers_at(chance: Random, shelf: Shelf) -> list[tuple[str, Answers]]:
    """The forms that a rep fills in at a visit: (code of the form, answers), seldom none."""
    filled = []
    if shelf.products and chance.random() < 0.85:
        filled.append(("STORE_CHECK", _store_check(chance, shelf)))
    for code, share, answer in _NOW_AND_THEN:
        if chance.random() < share:
            filled.append((code, answer(chance, shelf)))
    return filled


def payload(form: Form, answers: Answers, day: date) -> dict[str, Any]:
    """What a phone sends of it: without what is hidden, with what it worked out."""
    number = day_number(day)
    found = fill_in(form.template, answers, number)
    return {
        "template_id": str(form.template_id),
        "template_version": form.version,
        "answers": without_hidden(form.template, answers, number),
        "computed": found.computed,
        "score_e2": found.score_e2,
    }


def _store_check(chance: Random, shelf: Shelf) -> Answers:
    if chance.random() < 0.01:
        return {"is_open": False, "closed_why": chance.choice(("holiday", "renovation"))}
    rows = {str(product.id): _row(chance, shelf, product) for product in shelf.products}
    own = sum(row.get("facings", 0) for row in rows.values())
    answers: Answers = {
        "is_open": True,
        "stock": rows,
        "category_facings": max(own * chance.randrange(25, 60) // 10, 4),
        "expired_removed": chance.random() < 0.9,
        "has_display": chance.random() < shelf.care - 0.3,
        "display_kind": [chance.choice(("end_cap", "floor", "counter", "fridge"))],
        "display_photo": [f"{chance.getrandbits(256):064x}"],
        "price_tags": chance.random() < shelf.care,
        "is_clean": chance.choices(("clean", "fair", "dirty"), (6 * shelf.care, 2, 0.5))[0],
    }
    if chance.random() < 0.05:
        answers["remark"] = chance.choice(
            (
                "Owner wants a second fridge.",
                "Competitor has taken the end cap.",
                "Delivery was late.",
            )
        )
    if chance.random() < 0.02:
        # Sent all the same: what is missing is flagged.
        del answers["price_tags"]
    return answers


def _row(chance: Random, shelf: Shelf, product: Product) -> Answers:
    # What a shop does not list it lists no other week either.
    if (shelf.store_id.int ^ product.id.int) % 23 == 0:
        return {"state": "not_listed"}
    if chance.random() > shelf.care:
        return {"state": "absent"}
    row: Answers = {"state": "present", "facings": chance.randrange(1, 7)}
    if product.shelf_life_days and chance.random() < 0.8:
        oldest = shelf.care * 0.3 if chance.random() < 0.97 else 1.05
        age = round(product.shelf_life_days * chance.uniform(0.02, 0.25 + oldest))
        made_on = shelf.day - timedelta(days=age)
        row |= {
            "made_on": made_on.isoformat(),
            "expires_on": (made_on + timedelta(days=product.shelf_life_days)).isoformat(),
            "shelf_life": product.shelf_life_days,
        }
    return row


_USUAL_PRICES: Mapping[str, int] = {
    "lemon_tea_500": 400,
    "green_tea_500": 380,
    "cola_330": 250,
    "water_550": 180,
    "crisps_70": 650,
    "biscuit_100": 520,
}


def _prices(chance: Random, _shelf: Shelf) -> Answers:
    rows: Answers = {}
    for code, usual in _USUAL_PRICES.items():
        if chance.random() < 0.2:
            rows[code] = {"is_sold": False}
            continue
        price = usual + 10 * chance.randrange(-3, 6)
        rows[code] = {"is_sold": True, "price": price, "facings": chance.randrange(1, 10)}
        rows[code]["is_promoted"] = chance.random() < 0.15
        if rows[code]["is_promoted"]:
            rows[code] |= {"price": price * 8 // 10, "usual_price": price}
    return {
        "prices": rows,
        "tag_photo": [f"{chance.getrandbits(256):064x}"],
        "newcomer": chance.random() < 0.05,
        "newcomer_name": "Sparkling plum 330 ml, Kangda, 4.20",
    }


def _campaign(chance: Random, shelf: Shelf) -> Answers:
    begins = shelf.day - timedelta(days=chance.randrange(10))
    return {
        "competitor": chance.choice(("kangda", "bluestar", "qingquan", "leshi")),
        "means": sorted(chance.sample(("price_off", "buy_get", "display", "promoter"), 2)),
        "percent_off": chance.choice((10, 20, 30)),
        "gift": "One bottle for two",
        "promoters": 1,
        "begins_on": begins.isoformat(),
        "ends_on": (begins + timedelta(days=chance.choice((6, 13, 29)))).isoformat(),
        "effect": chance.choice(("none", "some", "some", "strong")),
        "counter_step": "A tasting at the weekend.",
        "photo": [f"{chance.getrandbits(256):064x}"],
    }


def _survey(chance: Random, shelf: Shelf) -> Answers:
    answers: Answers = {
        "agrees": chance.random() < 0.8,
        "age": chance.choice(("under_18", "from_18", "from_18", "from_30", "from_45", "from_60")),
        "drinks_ours": chance.random() < 0.6,
        "how_often": chance.choice(("daily", "weekly", "weekly", "monthly", "rarely")),
        "years": chance.randrange(15),
        "why": sorted(chance.sample(("taste", "price", "habit", "near"), chance.randrange(1, 4))),
        "why_not": chance.choice(("taste", "price", "unknown")),
        "would_advise": chance.choice((3, 5, 6, 7, 7, 8, 8, 9, 10)),
        "price_fair": 10 * chance.randrange(25, 50),
    }
    if shelf.products:
        answers["favourite"] = str(chance.choice(shelf.products).id)
    return answers


def _counterfeit(chance: Random, shelf: Shelf) -> Answers:
    answers: Answers = {
        "signs": sorted(chance.sample(("print", "code", "cap"), 2)),
        "pieces": chance.choice((6, 12, 24, 144)),
        "price": 10 * chance.randrange(15, 35),
        "supplier_known": chance.random() < 0.4,
        "supplier": "A van that comes on Mondays",
        "bought_sample": True,
        "photo": [f"{chance.getrandbits(256):064x}" for _ in range(3)],
        "owner_warned": True,
        "phoned": True,
    }
    if shelf.products:
        answers["product"] = str(chance.choice(shelf.products).id)
    return answers


_NOW_AND_THEN: Sequence[tuple[str, float, Callable[[Random, Shelf], Answers]]] = (
    ("COMPETITOR_PRICES", 0.12, _prices),
    ("COMPETITOR_CAMPAIGN", 0.03, _campaign),
    ("CONSUMER_SURVEY", 0.06, _survey),
    ("COUNTERFEIT", 0.004, _counterfeit),
)
