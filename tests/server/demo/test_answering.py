"""What the demo's reps find: answers that fit their forms, and shops that stay as they are."""

from collections import Counter
from datetime import timedelta
from random import Random
from uuid import UUID, uuid4, uuid5

from mobile_contract.forms.filling import fill_in
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import read_template
from server.demo.answering import Form, Product, Shelf, answers_at, payload
from server.demo.forms import form_definitions
from tests.factories import TODAY

FORMS = {each["code"]: Form(uuid4(), 1, read_template(each)) for each in form_definitions()}
KEY = UUID(int=7)
PRODUCTS = [Product(uuid5(KEY, f"product {n}"), 180 if n % 3 else None) for n in range(12)]


def visits(number: int = 400) -> list[tuple[str, dict[str, object], Shelf]]:
    chance = Random(1)
    found = []
    for place in range(number):
        shelf = Shelf(
            uuid5(KEY, f"store {place % 40}"), PRODUCTS, TODAY + timedelta(days=place % 7)
        )
        found += [(code, answers, shelf) for code, answers in answers_at(chance, shelf)]
    return found


def test_what_is_found_fits_its_form() -> None:
    seen: Counter[str] = Counter()
    for code, answers, shelf in visits():
        found = fill_in(FORMS[code].template, answers, day_number(shelf.day))
        assert found.past_limit == {}, code
        assert set(found.missing) <= {"price_tags"}, code
        seen[code] += 1
    assert set(seen) == set(FORMS)


def test_what_is_sent_has_nothing_hidden_and_what_was_worked_out() -> None:
    for code, answers, shelf in visits(80):
        sent = payload(FORMS[code], answers, shelf.day)
        found = fill_in(FORMS[code].template, sent["answers"], day_number(shelf.day))
        assert found.hidden == {}
        assert (found.computed, found.score_e2) == (sent["computed"], sent["score_e2"])


def test_without_products_a_store_is_not_checked() -> None:
    chance = Random(1)
    shelf = Shelf(uuid4(), (), TODAY)
    assert not any(
        code == "STORE_CHECK" for _ in range(99) for code, _ in answers_at(chance, shelf)
    )
