"""The fields of the editor of forms: a question or a column as it stands in its form, and as it was typed there."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mobile_contract.records.form_template import ASKED, COLUMN_TYPES, DECIMALS_MAX, WORKED_OUT
from server.forms.editing import coded, swapped
from server.language import tell
from server.web.filled import Filled
from server.web.form_clauses import read_when, read_where, typed_when, typed_where
from server.web.form_figures import read_tally, read_worked_out, typed_worked_out
from server.web.form_numbers import read_scaled, told_scaled
from server.web.form_texts import TITLE_MAX, read_titles, typed_titles, with_chinese

Json = Mapping[str, Any]
Typed = dict[str, str | list[str]]

HELP_MAX = 500
_LISTS = {"option": ("title", "zh"), "item": ("title", "zh", "product_code")}
_OF_TYPE: Mapping[str, tuple[str, ...]] = {
    "INT": ("unit", "decimals", "bounds"),
    "MONEY": ("currency", "bounds"),
    "TEXT": ("bounds",),
    "CHOICE": ("options",),
    "CHOICES": ("options", "bounds"),
    "PHOTO": ("bounds",),
    "PRODUCT": ("category",),
    "ROWS": ("rows", "bounds"),
    "COMPUTED": ("worked_out", "unit", "decimals"),
    "TALLY": ("tally", "unit", "decimals"),
}
NEVER_ASKED = frozenset({"COMPUTED", "TALLY"})


def fields_of(kind: str) -> tuple[str, ...]:
    """The groups of fields that a kind of answer has."""
    return _OF_TYPE.get(kind, ())


def typed_question(question: Json, earlier: Sequence[Json]) -> Typed:
    """A question as it stands in the form."""
    kind = question["type"]
    typed: Typed = {
        **_typed_asked(question),
        "help": question.get("help", ""),
        "category": question.get("category", ""),
        **typed_when(question.get("shown_when"), earlier),
    }
    rows = question.get("rows") or {}
    typed |= {
        "source": rows.get("source", "MUST_STOCK"),
        "rows_category": rows.get("category", ""),
        **_typed_list("item", rows.get("items") or ()),
    }
    if kind == "COMPUTED":
        typed |= typed_worked_out(question, earlier)
    tally = question.get("tally") or {}
    return typed | {
        "tally_rows": tally.get("rows", ""),
        "take": tally.get("take", "COUNT"),
        "tally_column": tally.get("column", ""),
        "read_as": tally.get("read_as", ""),
        "where": typed_where(tally.get("where") or ()),
    }


def typed_column(column: Json) -> Typed:
    """A column as it stands in the form."""
    return {
        **_typed_asked(column),
        "prefill": "1" if column.get("prefill") else "",
        "where": typed_where(column.get("shown_when") or ()),
    }


def _typed_asked(asked: Json) -> Typed:
    return {
        **typed_titles(asked),
        "type": asked["type"],
        "required": "1" if asked.get("required") else "",
        "unit": asked.get("unit", ""),
        "decimals": str(asked.get("decimals", "")),
        "currency": asked.get("currency", ""),
        "minimum": told_scaled(asked, asked.get("minimum")),
        "maximum": told_scaled(asked, asked.get("maximum")),
        **_typed_list("option", asked.get("options") or ()),
    }


def read_question(form: Filled, was: Json, earlier: Sequence[Json]) -> dict[str, Any]:
    """A question as it was typed; what is wrong stands at its field."""
    said = _read_asked(form, was, (*ASKED, *WORKED_OUT))
    kind = said["type"]
    said["help"] = form.text("help")
    if len(said["help"]) > HELP_MAX:
        form.fault("help", tell("At most {number} characters.", number=HELP_MAX))
    if kind not in NEVER_ASKED:
        said["shown_when"] = read_when(form, was.get("shown_when"), earlier)
    else:
        said["required"] = False
    if kind == "PRODUCT":
        said["category"] = form.text("category")
    if kind == "ROWS":
        said["rows"] = _read_rows(form, was)
    if kind == "COMPUTED":
        said |= read_worked_out(form, was, earlier)
    if kind == "TALLY":
        said["tally"] = read_tally(form, earlier)
    return said


def read_column(form: Filled, was: Json, earlier: Sequence[Json]) -> dict[str, Any]:
    """A column as it was typed."""
    said = _read_asked(form, was, COLUMN_TYPES)
    said["shown_when"] = read_where(form, earlier)
    if said["type"] == "INT" and form["prefill"] == "1":
        said["prefill"] = "SHELF_LIFE_DAYS"
    return said


def _read_asked(form: Filled, was: Json, types: Sequence[str]) -> dict[str, Any]:
    kind = form["type"] or was["type"]
    if kind not in types:
        form.fault("type", tell("Choose one of the list."))
        kind = was["type"]
    groups = fields_of(kind)
    said: dict[str, Any] = {
        "type": kind,
        **read_titles(form, was),
        "required": form["required"] == "1",
    }
    if "unit" in groups:
        said["unit"] = form.text("unit")
    if "decimals" in groups:
        said["decimals"] = form.whole("decimals") or None
        if (said["decimals"] or 0) > DECIMALS_MAX:
            form.fault("decimals", tell("At most {number}.", number=DECIMALS_MAX))
            said["decimals"] = None
    if "currency" in groups:
        said["currency"] = form.text("currency").upper()
    if "bounds" in groups:
        for name in ("minimum", "maximum"):
            said[name] = read_scaled(form, name, form.text(name), said)
    if "options" in groups:
        said["options"] = _read_list(form, "option", was.get("options") or ())
    return said


def _typed_list(name: str, parts: Iterable[Json]) -> Typed:
    found: dict[str, list[str]] = {f"{name}_code": []}
    for part in parts:
        found[f"{name}_code"].append(part["code"])
        for field in _LISTS[name]:
            value = (part.get("titles") or {}).get("zh") if field == "zh" else part.get(field)
            found.setdefault(f"{name}_{field}", []).append(value or "")
    return dict(found)


def _read_list(form: Filled, name: str, was: Sequence[Json]) -> list[dict[str, Any]]:
    """Options or rows as they were typed, with what a button did to one of them."""
    held = {part["code"]: part for part in was}
    codes, fields = form.every(f"{name}_code"), _LISTS[name]
    columns = [form.every(f"{name}_{field}") for field in fields]
    parts = []
    for code, *typed in zip(codes, *columns, strict=False):
        values = {field: value.strip() for field, value in zip(fields, typed, strict=True)}
        known = code if code in held else ""
        if max(map(len, values.values())) > TITLE_MAX:
            form.fault(f"{name}s", tell("At most {number} characters.", number=TITLE_MAX))
        part = {"code": known, "title": values["title"]}
        part["titles"] = with_chinese(held.get(known), values["zh"])
        if values.get("product_code"):
            part["product_code"] = values["product_code"]
        if any(values.values()) and not values["title"]:
            part["title"] = values["zh"] or values["product_code"]
        parts.append(part)
    act, _, at = form["act"].partition(":")
    of, _, what = act.partition("-")
    if of == name and re.fullmatch(r"\d{1,4}", at):
        index = int(at)
        if what in {"up", "down"}:
            parts = swapped(parts, index, what)
        elif what == "remove":
            parts = [part for number, part in enumerate(parts) if number != index]
    return coded(parts, name)


def _read_rows(form: Filled, was: Json) -> dict[str, Any]:
    source = form["source"]
    rows: dict[str, Any] = {
        "source": source if source in {"FIXED", "MUST_STOCK", "CATEGORY"} else "MUST_STOCK"
    }
    if source == "CATEGORY" and form.text("rows_category"):
        rows["category"] = form.text("rows_category")
    if source == "FIXED":
        items = _read_list(form, "item", (was.get("rows") or {}).get("items") or ())
        if items:
            rows["items"] = items
    return rows
