"""Forms on a phone: which are offered at a store, filling one in, sending it and correcting it.

PROTOCOL.md, headings "Forms" and "form_answer". What is shown and what the score is follows from the answers
by the same rules that the server has (`mobile_contract/forms`), anew after every answer. What a person has not
sent yet is the app's to keep; what was sent lies in the outbox.

    form = open_form(phone, template_id)
    form.answer("has_display", True)
    form.answer_cell("stock", product_id, "state", "present")
    answer_id = send_form(phone, form, visit_id=visit_id, store_id=store_id, fix=fix)
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from mobile_contract.canonical import canonical_json
from mobile_contract.forms.filling import Filling, fill_in, without_hidden
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import Template, read_published
from mobile_contract.phone.captured import Event, Fix
from mobile_contract.phone.contract_two import event_fields, present
from mobile_contract.phone.phone import Phone

Json = Mapping[str, Any]

_TEMPLATES_KEPT = 64


class NoSuchForm(LookupError):
    """The phone does not hold this form."""


@dataclass(frozen=True, slots=True)
class OfferedForm:
    """A form that may be filled in at a store."""

    template_id: str
    title: str
    step: str | None


@dataclass(frozen=True, slots=True)
class RowOffered:
    """A row for a person to answer, and what is put into its cells beforehand."""

    key: str
    title: str
    prefilled: Mapping[str, Any]


class OpenForm:
    """A form that is being filled in."""

    def __init__(
        self,
        template_id: str,
        template_version: int,
        definition: Json,
        visit_day: int,
        answers: Json | None = None,
    ) -> None:
        self.template_id = template_id
        self.template_version = template_version
        self.definition = definition
        self.visit_day = visit_day
        self.template = _read(canonical_json(dict(definition)))
        self.answers: dict[str, Any] = copy.deepcopy(dict(answers or {}))

    def answer(self, code: str, value: Any) -> None:
        """Answer a question, anew or for the first time; None takes the answer away.

        Raises NotOfTemplate, and leaves the form as it was, where that is no answer to the question.
        """
        self._change({**self.answers, code: value})

    def answer_cell(self, code: str, row: str, column: str, value: Any) -> None:
        """Answer one cell of a question with rows; None takes the answer away. Raises NotOfTemplate."""
        rows = dict(self.answers.get(code) or {})
        cells = {**rows.get(row, {}), column: value}
        rows[row] = {name: each for name, each in cells.items() if each is not None}
        self._change({**self.answers, code: rows})

    def _change(self, answers: dict[str, Any]) -> None:
        changed = {code: value for code, value in answers.items() if value is not None}
        fill_in(self.template, changed, self.visit_day)
        self.answers = changed

    @property
    def filling(self) -> Filling:
        """What follows from the answers: what is shown, missing and past a limit, figures and score."""
        return fill_in(self.template, self.answers, self.visit_day)

    @property
    def shown(self) -> Sequence[str]:
        """The questions to be shown, in order."""
        return self.filling.shown

    @property
    def missing(self) -> Mapping[str, int]:
        """The questions that still ask for an answer, and how many times."""
        return self.filling.missing

    @property
    def score_e2(self) -> int | None:
        """The score in hundredths, as it stands; None where there is none."""
        return self.filling.score_e2

    def payload(self) -> dict[str, Any]:
        """The answers without what is hidden, and what the phone worked out."""
        filling = self.filling
        return present(
            answers=without_hidden(self.template, self.answers, self.visit_day),
            computed=filling.computed,
            score_e2=filling.score_e2,
        )


def forms_for(phone: Phone, store_id: str) -> list[OfferedForm]:
    """The forms that fit a store's channel and class, by title."""
    store = phone.store(store_id) or {}
    offered = []
    for record in phone.held("form_template"):
        definition = record.fields["definition"]
        if _fits(definition, store):
            offered.append(OfferedForm(record.id, definition["title"], definition.get("step")))
    return sorted(offered, key=lambda form: (form.title, form.template_id))


def open_form(phone: Phone, template_id: str) -> OpenForm:
    """The form in the version that this phone holds, with nothing answered. Raises NoSuchForm."""
    record = phone.scope.get("form_template", template_id)
    if record is None:
        raise NoSuchForm(template_id)
    fields = record.fields
    today = _day_of(phone, phone.read_clock().wall_ms)
    return OpenForm(template_id, fields["template_version"], fields["definition"], today)


def rows_offered(phone: Phone, form: OpenForm, code: str, store_id: str) -> list[RowOffered]:
    """The rows to be answered of a question at a store, in order. A person may add other products."""
    question = next(each for each in form.definition["questions"] if each["code"] == code)
    rows = question["rows"]
    products = {product.id: product.fields for product in phone.held("product")}
    if rows["source"] == "FIXED":
        return [
            RowOffered(
                item["code"],
                item["title"],
                _prefilled(question, products.get(item.get("product_id", ""), {})),
            )
            for item in rows["items"]
        ]
    store = phone.store(store_id) or {}
    found = [
        (fields["code"], RowOffered(id_, fields["name"], _prefilled(question, fields)))
        for id_, fields in products.items()
        if fields["status"] == "ACTIVE" and _belongs(rows, fields, store)
    ]
    return [row for _, row in sorted(found, key=lambda pair: pair[0])]


def send_form(
    phone: Phone,
    form: OpenForm,
    *,
    visit_id: str,
    store_id: str,
    fix: Fix | None = None,
    photos: Sequence[Json] = (),
) -> str:
    """Keep a form as filled in now, whatever is still missing; returns the id of the answer.

    `photos` are the files that its answers name: {sha256, size, role} each.
    """
    answer_id = phone.new_id()
    event = phone.event(fix)
    # The day that counts is that of filling in, also where the form was opened the day before.
    form.visit_day = _day_of(phone, event.moment.wall_ms)
    payload = {
        "visit_id": visit_id,
        "store_id": store_id,
        "template_id": form.template_id,
        "template_version": form.template_version,
        "answered": _event_fields(event),
        **form.payload(),
    }
    phone.capture(
        "form_answer",
        answer_id,
        "create",
        payload,
        fix=fix,
        depends_on=phone.unsent_parents(visit_id),
        media=photos,
    )
    return answer_id


def correct_form(phone: Phone, answer_id: str, form: OpenForm, reason: str) -> None:
    """Say what the answers truly are; the earlier version stays on the server."""
    phone.capture(
        "form_answer",
        answer_id,
        "correct",
        {"reason": reason, **form.payload()},
        base_version=phone.seen_version("form_answer", answer_id),
        depends_on=phone.unsent_parents(answer_id),
    )


def sent_answers(phone: Phone, answer_id: str) -> dict[str, Any] | None:
    """What this phone last sent of an answer; None where the outbox has let go of it."""
    sent = phone.outbox.of_entity(answer_id)
    return sent[-1].parsed()["payload"]["answers"] if sent else None


def _event_fields(event: Event) -> dict[str, Any]:
    return event_fields(event, event.moment.boot_id)


def _day_of(phone: Phone, wall_ms: int) -> int:
    """The day on the company's calendar by this phone's clock."""
    zone = ZoneInfo(phone.device.enrolment.company["time_zone"])
    return day_number(datetime.fromtimestamp(wall_ms // 1000, zone).date())


def _fits(definition: Json, store: Json) -> bool:
    channels, classes = definition.get("channels"), definition.get("classes")
    return (not channels or store.get("channel") in channels) and (
        not classes or store.get("store_class") in classes
    )


def _belongs(rows: Json, product: Json, store: Json) -> bool:
    if rows["source"] == "CATEGORY":
        return bool(product["category"] == rows["category"])
    return any(
        each["channel"] in {None, store.get("channel")}
        and each["store_class"] in {None, store.get("store_class")}
        for each in product["must_stock"]
    )


def _prefilled(question: Json, product: Json) -> dict[str, Any]:
    return dict(_prefills(question, product))


def _prefills(question: Json, product: Json) -> Iterator[tuple[str, Any]]:
    for column in question["columns"]:
        figure = product.get("shelf_life_days")
        if column.get("prefill") == "SHELF_LIFE_DAYS" and figure is not None:
            yield column["code"], figure


@lru_cache(maxsize=_TEMPLATES_KEPT)
def _read(definition: bytes) -> Template:
    return read_published(json.loads(definition))
