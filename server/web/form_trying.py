"""A form that is being made, beside its editor: as phones would show it, answered as somebody tries it out."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from server.catalogue.samples import sample_products
from server.forms.trying import Tried, try_form
from server.forms.words import told_answer, told_score, told_title
from server.web.filled import Filled
from server.web.form_numbers import read_scaled
from sync.unit_of_work import UnitOfWork

Json = Mapping[str, Any]

# Stands for a photo that somebody would take.
_PHOTO = "{:064x}"
_PHOTOS_MAX = 60


def rows_tried(uow: UnitOfWork, definition: Json) -> dict[str, dict[str, str]]:
    """The rows that each question with rows shows, and the products that one of products offers: by key what they are
    called. Of products the first few stand for those of a store.
    """
    asked: dict[str, str | None] = {}
    found: dict[str, dict[str, str]] = {}
    for question in definition["questions"]:
        rows = question.get("rows") or {}
        if rows.get("source") == "FIXED":
            items = rows.get("items") or ()
            found[question["code"]] = {item["code"]: told_title(item) for item in items}
        elif question["type"] in {"ROWS", "PRODUCT"}:
            asked[question["code"]] = rows.get("category") or question.get("category")
    samples = sample_products(uow, {category or "" for category in asked.values()})
    for code, category in asked.items():
        found[code] = {str(id_): name for id_, name in samples.get(category or "", ())}
    return found


def tried_form(
    definition: Json, form: Filled, rows: Mapping[str, Mapping[str, str]], day: date
) -> Tried | None:
    """The form with the answers that were typed into it; None where nothing of it can be shown yet."""
    answers: dict[str, Any] = {}
    for question in definition["questions"]:
        code = question["code"]
        if question["type"] == "ROWS":
            given = {
                key: cells
                for key in rows.get(code, ())
                if (cells := _cells(form, f"a.{code}.{key}", question))
            }
            if given:
                answers[code] = given
            continue
        answer = _answer(form, f"a.{code}", question)
        if answer is not None:
            answers[code] = answer
    keys = {code: list(named) for code, named in rows.items()}
    return try_form(definition, answers, day, keys)


def tried_words(tried: Tried | None, rows: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """What the template tells it with."""
    products = {key: name for named in rows.values() for key, name in named.items()}
    return {
        "rows_of": rows,
        "told_worked_out": lambda asked, value: told_answer(asked, value, products),
        "score": None if tried is None else told_score(tried.filling.score_e2),
    }


def _cells(form: Filled, name: str, question: Json) -> dict[str, Any]:
    found = {}
    for column in question.get("columns") or ():
        answer = _answer(form, f"{name}.{column['code']}", column)
        if answer is not None:
            found[column["code"]] = answer
    return found


def _answer(form: Filled, name: str, asked: Json) -> Any:
    """An answer as phones send it; None where there is none, or what was typed is none."""
    typed = form.text(name)
    match asked["type"]:
        case "CHOICES":
            return form.every(name) or None
        case "BOOL":
            return {"yes": True, "no": False}.get(typed)
        case "INT" | "MONEY":
            return read_scaled(form, name, typed, asked)
        case "PHOTO":
            number = form.whole(name)
            return number and [_PHOTO.format(each) for each in range(min(number, _PHOTOS_MAX))]
    return typed or None
