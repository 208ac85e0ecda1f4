"""Filling in forms on a phone without a network."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.forms.filling import NotOfTemplate
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.forms import (
    NoSuchForm,
    OpenForm,
    correct_form,
    forms_for,
    open_form,
    rows_offered,
    send_form,
    sent_answers,
)
from mobile_contract.records.form_answer import FORM_ANSWER
from mobile_contract.schema import faults_of
from tests.form_factories import ANSWERS, COLA, COMPUTED, SCORE_E2, TEA, definition
from tests.mobile_contract.phone.fake_server import NOW

World = SimpleNamespace
FORM = "0b9d51c8-52f0-4a86-9d31-6f0c5d7a1e20"
FIX = Fix.from_degrees(39.9, 116.4, accuracy_m=8, gps_time=NOW)


def product(code: str, **other: Any) -> dict[str, Any]:
    return {
        "code": code,
        "name": code.title(),
        "category": "Drinks",
        "status": "ACTIVE",
        "shelf_life_days": 180,
        "must_stock": [{"channel": None, "store_class": None}],
        **other,
    }


@pytest.fixture
def form(world: World) -> OpenForm:
    """The store check, opened on a phone that holds it and two products."""
    world.server.put("form_template", FORM, {"template_version": 3, "definition": definition()})
    world.server.put("product", str(TEA), product("tea"))
    world.server.put("product", str(COLA), product("cola", shelf_life_days=None))
    world.phone.sync()
    return open_form(world.phone, FORM)


def fill(form: OpenForm) -> None:
    for code, value in ANSWERS.items():
        if code != "stock":
            form.answer(code, value)
    form.answer_cell("stock", str(TEA), "state", "present")
    form.answer_cell("stock", str(TEA), "facings", 6)
    form.answer_cell("stock", str(COLA), "state", "absent")


def test_what_is_left_to_answer_is_seen_while_filling_in(form: OpenForm) -> None:
    assert dict(form.missing) == {"stock": 1, "category_facings": 1, "has_display": 1}
    assert "display_note" not in form.shown
    form.answer("has_display", True)
    assert "display_note" in form.shown
    fill(form)
    assert (dict(form.missing), form.score_e2) == ({}, SCORE_E2)
    form.answer("has_display", None)
    assert dict(form.missing) == {"has_display": 1}


def test_what_is_no_answer_is_refused_and_leaves_the_form_as_it_was(form: OpenForm) -> None:
    fill(form)
    for code, value in (("category_facings", "24"), ("nix", 1)):
        with pytest.raises(NotOfTemplate):
            form.answer(code, value)
    assert form.answers == ANSWERS


def test_a_form_is_sent_with_what_was_worked_out(world: World, form: OpenForm) -> None:
    fill(form)
    visit_id = world.phone.check_in(world.store_id, FIX)
    answer_id = send_form(world.phone, form, visit_id=visit_id, store_id=world.store_id, fix=FIX)
    item = world.phone.outbox.of_entity(answer_id)[0].parsed()
    payload = item["payload"]
    assert faults_of(FORM_ANSWER.ops[2]["create"](), payload) == []
    assert (payload["answers"], payload["computed"]) == (ANSWERS, COMPUTED)
    assert (payload["score_e2"], payload["template_version"]) == (SCORE_E2, 3)
    assert payload["answered"]["fix"]["lat_e7"] == FIX.lat_e7
    assert item["depends_on"] == [visit_id]


def test_what_is_hidden_is_dropped_when_it_is_sent(world: World, form: OpenForm) -> None:
    fill(form)
    form.answer("display_note", "cans")
    form.answer("has_display", False)
    form.answer_cell("stock", str(TEA), "state", "absent")
    visit_id = world.phone.check_in(world.store_id, None)
    answer_id = send_form(world.phone, form, visit_id=visit_id, store_id=world.store_id)
    sent = sent_answers(world.phone, answer_id)
    assert sent is not None
    assert "display_note" not in sent
    assert sent["stock"][str(TEA)] == {"state": "absent"}
    assert form.filling.hidden == {"display_note": 1, "stock": 1}


def test_a_correction_sends_all_answers_and_the_version_that_was_seen(
    world: World, form: OpenForm
) -> None:
    fill(form)
    visit_id = world.phone.check_in(world.store_id, None)
    answer_id = send_form(world.phone, form, visit_id=visit_id, store_id=world.store_id)
    again = OpenForm(FORM, 3, form.definition, form.visit_day, sent_answers(world.phone, answer_id))
    again.answer("has_display", False)
    correct_form(world.phone, answer_id, again, "it was the neighbour's")
    item = world.phone.outbox.of_entity(answer_id)[-1].parsed()
    assert faults_of(FORM_ANSWER.ops[2]["correct"](), item["payload"]) == []
    assert (item["op"], item["base_version"]) == ("correct", 1)
    assert item["payload"]["answers"] == {**ANSWERS, "has_display": False}


def test_rows_are_the_products_that_the_store_must_stock(world: World, form: OpenForm) -> None:
    world.server.put("product", world.make_id(), product("old", status="DISCONTINUED"))
    elsewhere = [{"channel": "kiosk", "store_class": None}, {"channel": None, "store_class": "A"}]
    world.server.put("product", world.make_id(), product("kiosks", must_stock=elsewhere))
    world.phone.sync()
    rows = rows_offered(world.phone, form, "stock", world.store_id)
    assert [(row.key, row.title) for row in rows] == [(str(COLA), "Cola"), (str(TEA), "Tea")]


def test_rows_of_products_are_prefilled_with_what_the_product_says(world: World) -> None:
    said = definition()
    column = {"code": "life", "type": "INT", "title": "Life", "prefill": "SHELF_LIFE_DAYS"}
    said["questions"][0]["columns"].append(column)
    said["questions"][0]["rows"] = {"source": "CATEGORY", "category": "Drinks"}
    world.server.put("form_template", FORM, {"template_version": 1, "definition": said})
    world.server.put("product", str(TEA), product("tea"))
    world.server.put("product", str(COLA), product("cola", shelf_life_days=None))
    world.server.put("product", world.make_id(), product("crisps", category="Snacks"))
    world.phone.sync()
    rows = rows_offered(world.phone, open_form(world.phone, FORM), "stock", world.store_id)
    assert [(row.title, dict(row.prefilled)) for row in rows] == [
        ("Cola", {}),
        ("Tea", {"life": 180}),
    ]


def test_forms_are_offered_where_they_fit(world: World, form: OpenForm) -> None:
    kiosks = definition(title="For kiosks", channels=["kiosk"])
    world.server.put(
        "form_template", world.make_id(), {"template_version": 1, "definition": kiosks}
    )
    shop = world.make_id()
    fields = {"name": "Stand", "channel": "kiosk", "store_class": None, "contact_phone": None}
    world.server.put("store", shop, fields)
    world.phone.sync()
    assert [each.title for each in forms_for(world.phone, world.store_id)] == ["Store check"]
    assert [each.title for each in forms_for(world.phone, shop)] == ["For kiosks", "Store check"]


def test_a_form_that_the_phone_does_not_hold_cannot_be_opened(world: World) -> None:
    with pytest.raises(NoSuchForm):
        open_form(world.phone, FORM)


def test_the_bytes_of_a_form_in_the_outbox_never_change(world: World, form: OpenForm) -> None:
    fill(form)
    visit_id = world.phone.check_in(world.store_id, None)
    answer_id = send_form(world.phone, form, visit_id=visit_id, store_id=world.store_id)
    before = json.dumps(world.phone.outbox.of_entity(answer_id)[0].parsed())
    form.answer_cell("stock", str(TEA), "facings", 9)
    assert json.dumps(world.phone.outbox.of_entity(answer_id)[0].parsed()) == before
