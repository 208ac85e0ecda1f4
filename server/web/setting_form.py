"""The controls of a setting, and what was typed into them read as what the setting is to be."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from babel.numbers import get_currency_precision
from werkzeug.datastructures import MultiDict

from mobile_contract.records.store import CLASSES
from mobile_contract.records.visit import STEPS
from server.identity.policy import AUDIT_REASONS_MAX, MAX_CHANNELS_WITH_STEPS
from server.identity.setting_words import Group, Setting, told_minute_of_day
from server.language import tell
from sync.policy import ANY, Policy

BLANK_ROWS = 2
ROWS_MAX = max(AUDIT_REASONS_MAX, MAX_CHANNELS_WITH_STEPS * (len(CLASSES) + 1)) + BLANK_ROWS
TEXT_MAX = 400
_WHOLE = re.compile(r"[0-9]{1,15}")
_MINUTE = re.compile(r"([0-9]{1,2}):([0-9]{2})")

Form = MultiDict[str, str]


class Unreadable(Exception):
    """What was typed cannot be meant; the text says what can."""


@dataclass(frozen=True, slots=True)
class Control:
    """What stands in the controls of a setting: a text, what is chosen of several, or rows."""

    text: str = ""
    chosen: frozenset[str] = frozenset()
    rows: Sequence[tuple[str, ...]] = ()


def control_of(setting: Setting, value: Any, currency: str) -> Control:
    """The controls as they stand for a value."""
    match setting.kind:
        case "minute":
            return Control(told_minute_of_day(value))
        case "money":
            return Control(_amount(value, currency))
        case "choice":
            return Control(chosen=frozenset(["1"] if value else []))
        case "weekdays" | "flags":
            return Control(chosen=frozenset(map(str, value)))
        case "whole" | "zone" | "currency":
            return Control(str(value))
    return Control(rows=_rows_of(setting, value, currency))


def _rows_of(setting: Setting, value: Any, currency: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]]
    match setting.kind:
        case "by_class":
            return [(name, str(value.get(name, ""))) for name in CLASSES]
        case "by_channel":
            rows = [(channel, str(number)) for channel, number in sorted(value.items())]
            return rows + [("", "")] * BLANK_ROWS
        case "money_by_channel":
            rows = [
                (channel, _amount(number, currency)) for channel, number in sorted(value.items())
            ]
            return rows + [("", "")] * BLANK_ROWS
        case "reasons":
            rows = [(code, reason["words"], reason["task"]) for code, reason in value.items()]
            return rows + [("", "", "")] * BLANK_ROWS
    rows = [
        ("" if channel == ANY else channel, store_class, " ".join(steps))
        for channel, by_class in sorted(value.items())
        for store_class, steps in sorted(by_class.items())
    ]
    return rows + [("", ANY, "")] * BLANK_ROWS


def control_typed(setting: Setting, form: Form) -> Control:
    """The controls as somebody sent them."""
    name = setting.name

    def columns(*parts: str) -> list[tuple[str, ...]]:
        lists = [form.getlist(f"{name}.{part}")[:ROWS_MAX] for part in parts]
        return [
            tuple(typed.strip()[:TEXT_MAX] for typed in row) for row in zip(*lists, strict=False)
        ]

    match setting.kind:
        case "choice" | "weekdays" | "flags":
            return Control(chosen=frozenset(form.getlist(name)[:ROWS_MAX]))
        case "by_class":
            rows = zip(CLASSES, columns("value"), strict=False)
            return Control(rows=[(store_class, *typed) for store_class, typed in rows])
        case "by_channel" | "money_by_channel":
            return Control(rows=columns("channel", "value"))
        case "reasons":
            return Control(rows=columns("code", "words", "task"))
        case "steps":
            heads = columns("channel", "class")
            return Control(
                rows=[
                    (*head, " ".join(form.getlist(f"{name}.{place}.step")[: len(STEPS)]))
                    for place, head in enumerate(heads)
                ]
            )
    return Control(form.get(name, "").strip()[:TEXT_MAX])


def read_group(
    group: Group, form: Form, held: Policy
) -> tuple[dict[str, Any], dict[str, str], dict[str, Control]]:
    """What a form changes, what of it cannot be read, and its controls, each by the name of the setting."""
    changes: dict[str, Any] = {}
    faults: dict[str, str] = {}
    controls = {setting.name: control_typed(setting, form) for setting in group.settings}
    # Amounts are in the currency that the same form names.
    currency = controls["currency"].text if "currency" in controls else held.currency
    if not re.fullmatch(r"[A-Z]{3}", currency):
        currency = held.currency
    for setting in group.settings:
        was = getattr(held, setting.name)
        try:
            value = _value_of(setting, controls[setting.name], currency, was)
        except Unreadable as fault:
            faults[setting.name] = str(fault)
            continue
        if not _is_same(value, was):
            changes[setting.name] = value
    return changes, faults, controls


def _is_same(value: Any, was: Any) -> bool:
    return sorted(value) == sorted(was) if isinstance(was, tuple) else bool(value == was)


def _value_of(setting: Setting, control: Control, currency: str, was: Any) -> Any:
    if setting.kind in ("choice", "weekdays", "flags"):
        return _chosen(setting.kind, control.chosen)
    if setting.kind in ("whole", "minute", "money", "zone", "currency"):
        return _typed(setting.kind, control.text, currency)
    return _listed(setting.kind, control.rows, currency, was)


def _chosen(kind: str, chosen: frozenset[str]) -> Any:
    if kind == "choice":
        return "1" in chosen
    if kind == "weekdays":
        return [int(day) for day in sorted(chosen) if len(day) == 1 and day in "1234567"]
    return sorted(chosen)


def _typed(kind: str, text: str, currency: str) -> Any:
    match kind:
        case "whole":
            return _whole(text)
        case "minute":
            return _minute(text)
        case "money":
            return _minor(text, currency)
    return text


def _listed(kind: str, rows: Sequence[tuple[str, ...]], currency: str, was: Any) -> Any:
    match kind:
        case "by_class":
            return {name: _whole(typed) for name, typed in rows if typed}
        case "by_channel":
            return _by_channel(rows, _whole)
        case "money_by_channel":
            return _by_channel(rows, lambda typed: _minor(typed, currency))
        case "reasons":
            return _reasons(rows)
    return _steps(rows, was)


def _whole(typed: str) -> int:
    if not _WHOLE.fullmatch(typed):
        raise Unreadable(tell("A whole number, in digits."))
    return int(typed)


def _minute(typed: str) -> int:
    read = _MINUTE.fullmatch(typed)
    if read is None or int(read[2]) > 59:
        raise Unreadable(tell("A time such as 07:30; 24:00 is the end of the day."))
    return int(read[1]) * 60 + int(read[2])


def _minor(typed: str, currency: str) -> int:
    digits = get_currency_precision(currency)
    read = re.fullmatch(r"([0-9]{1,12})(?:[.,]([0-9]{1,4}))?", typed)
    if read is None or len((read[2] or "").rstrip("0")) > digits:
        raise Unreadable(tell("An amount in {currency}, in digits.", currency=currency))
    return int(Decimal(f"{read[1]}.{read[2] or 0}").scaleb(digits))


def _amount(minor: int, currency: str) -> str:
    return f"{Decimal(minor).scaleb(-get_currency_precision(currency)):f}"


def _by_channel(rows: Sequence[tuple[str, ...]], read: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for channel, typed in rows:
        if not typed:
            # A row without a number goes.
            continue
        if not channel or channel in found:
            raise Unreadable(tell("Each row names a channel of its own."))
        found[channel] = read(typed)
    return found


def _reasons(rows: Sequence[tuple[str, ...]]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for code, words, task in rows:
        if not words:
            continue
        if not code or code in found:
            raise Unreadable(tell("Each row has a code of its own."))
        found[code] = {"words": words, "task": task}
    if not found:
        raise Unreadable(tell("At least one reason is needed."))
    return found


def _steps(
    rows: Sequence[tuple[str, ...]], was: Mapping[str, Mapping[str, list[str]]]
) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for channel, store_class, typed in rows:
        chosen = typed.split()
        if not chosen:
            continue
        by_class = found.setdefault(channel or ANY, {})
        if store_class in by_class:
            raise Unreadable(tell("Each row is of another channel or another class."))
        held = was.get(channel or ANY, {}).get(store_class, [])
        # In the order that they had, where they are the same.
        is_same = sorted(held) == sorted(chosen)
        by_class[store_class] = held if is_same else sorted(chosen, key=_place_of)
    return found


def _place_of(step: str) -> int:
    return STEPS.index(step) if step in STEPS else len(STEPS)
