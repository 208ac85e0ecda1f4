"""An activity made or changed: its form, what was typed in it, and what is wrong with that beside its field."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from babel.numbers import get_currency_precision, list_currencies
from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.activity import PASS_RULES as PASS_BY
from mobile_contract.records.activity import STANDARD_PHOTOS_MAX, STANDARDS_MAX
from server.activities.activities import edit_activity, make_activity
from server.activities.errors import (
    ActivityError,
    BeyondScope,
    FieldInvalid,
    NoSuchActivity,
    WrongState,
)
from server.activities.shown import ActivityShown, channels_of_stores, show_activity
from server.activities.terms import NewActivity, StandardItem
from server.catalogue.divisions import list_divisions
from server.identity.sessions import Visitor
from server.language import tell
from server.planning.positions import list_regions
from server.web.activity_words import FIELDS, PASS_RULES
from server.web.basis import (
    ChangedMeanwhile,
    basis_of,
    is_untouched,
    must_be_as_drawn,
    with_basis,
)
from server.web.desk import FORM_BODY, Desk, draw
from server.web.refusals import refused_field
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

MAKERS = ("regional_manager", "admin")
# What browsers do not take away from the begin of a choice.
INDENT = "\u2003"
# Rows to fill in beyond those that are there.
EMPTY_ROWS = 3
_AMOUNT = re.compile(r"\d{1,15}(\.\d{1,6})?", re.ASCII)
# What phones and stores were promised stays once it is open.
KEPT_WHEN_OPEN = frozenset(
    {"starts_on", "channels", "region_ids", "division_id", "pay_minor", "currency"}
)


@dataclass(slots=True)
class Typed:
    """What stands in the form, as it was typed; `faults` by field, of what concerns no field under none."""

    fields: dict[str, str]
    channels: list[str]
    regions: list[str]
    standards: list[dict[str, str]]
    faults: dict[str, str] = field(default_factory=dict)
    # What the form was drawn from; "" of a new activity.
    basis: str = ""

    @property
    def values(self) -> dict[str, list[str]]:
        """What stands in each field, in an order that no browser changes; standards are one."""
        return {
            **{name: [value] for name, value in self.fields.items()},
            "channels": sorted(self.channels),
            "region_ids": sorted(self.regions),
            "standards": [
                " ".join(row.values()) for row in self.standards if row["item"] or row["text"]
            ],
        }

    def bring_up(self, now: "Typed", number: int) -> None:
        """Show what is there `now` in the fields that nobody touched; its last change has this number."""
        untouched = {
            name for name, value in self.values.items() if is_untouched(self.basis, name, value)
        }
        self.fields |= {name: now.fields[name] for name in self.fields if name in untouched}
        if "channels" in untouched:
            self.channels = now.channels
        if "region_ids" in untouched:
            self.regions = now.regions
        if "standards" in untouched:
            self.standards = now.standards
        self.basis = basis_of(number, now.values)

    def fault(self, refused: ActivityError) -> None:
        """Put a refusal beside its field, where it names one."""
        name, words = refused_field(refused)
        if name in FIELDS:
            self.faults[name] = words
        else:
            self.faults[""] = str(refused)


def edit_routes(desk: Desk, routes: Blueprint) -> None:
    """/activities/new and /activities/<id>/edit."""

    @routes.get("/new")
    @desk.page(*MAKERS)
    def new_page(visitor: Visitor) -> ResponseReturnValue:
        """A form to fill in."""
        return _drawn(desk, visitor, None, _blank(visitor.today))

    @routes.post("/new")
    @desk.page(*MAKERS, body=FORM_BODY)
    def make(visitor: Visitor) -> ResponseReturnValue:
        """Make a draft of what was typed."""
        typed = _typed(request.form)
        terms = _terms(typed)
        if not typed.faults:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    made = make_activity(
                        uow,
                        visitor.actor,
                        NewActivity(**terms),
                        asker_id=visitor.person_id,
                        today=visitor.today,
                    )
            except (FieldInvalid, BeyondScope) as refused:
                typed.fault(refused)
            else:
                flash(tell("The draft is made. No phone sees it before it is approved."), "notice")
                return redirect(url_for("activities.activity_page", activity_id=made), code=303)
        return _drawn(desk, visitor, None, typed, 422)

    @routes.get("/<uuid:activity_id>/edit")
    @desk.page(*MAKERS)
    def edit_page(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """The form with what holds."""
        with desk.database.reading(visitor.company_id) as uow:
            shown = _shown(uow, visitor, activity_id)
            typed = _held(shown)
            typed.basis = str(with_basis(uow, "activity", activity_id, typed.values)["basis"])
        return _drawn(desk, visitor, shown, typed)

    @routes.post("/<uuid:activity_id>/edit")
    @desk.page(*MAKERS, body=FORM_BODY)
    def edit(visitor: Visitor, activity_id: UUID) -> ResponseReturnValue:
        """Set what was typed."""
        with desk.database.reading(visitor.company_id) as uow:
            shown = _shown(uow, visitor, activity_id)
        typed = _typed(request.form, shown)
        terms = _terms(typed)
        if not typed.faults:
            try:
                with desk.database.company(visitor.company_id) as uow:
                    must_be_as_drawn(
                        uow, visitor, "activity", activity_id, typed.basis, shown.currency
                    )
                    is_changed = edit_activity(
                        uow,
                        visitor.actor,
                        activity_id,
                        terms,
                        today=visitor.today,
                        asker_id=visitor.person_id,
                    )
            except ChangedMeanwhile as refused:
                typed.faults[""] = str(refused)
                with desk.database.reading(visitor.company_id) as uow:
                    typed.bring_up(_held(_shown(uow, visitor, activity_id)), refused.number)
            except (FieldInvalid, BeyondScope, WrongState) as refused:
                typed.fault(refused)
            else:
                words = (
                    tell("The activity is changed.")
                    if is_changed
                    else tell("It is like this already.")
                )
                flash(words, "notice")
                return redirect(
                    url_for("activities.activity_page", activity_id=activity_id), code=303
                )
        return _drawn(desk, visitor, shown, typed, 422)


def _shown(uow: UnitOfWork, visitor: Visitor, activity_id: UUID) -> ActivityShown:
    """One that the visitor runs and that can be changed still."""
    try:
        shown = show_activity(uow, activity_id, today=visitor.today, asker_id=visitor.person_id)
    except NoSuchActivity:
        raise NotFound from None
    if not shown.is_run or shown.state in {"ENDED", "SETTLED"}:
        raise NotFound
    return shown


def _drawn(
    desk: Desk, visitor: Visitor, shown: ActivityShown | None, typed: Typed, status: int = 200
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        choices = _choices(uow, visitor)
    return draw(
        "activities/edit.html",
        status,
        shown=shown,
        typed=typed,
        fields={name: tell(words) for name, words in FIELDS.items()},
        rules=[(name, tell(PASS_RULES[name])) for name in PASS_BY],
        is_kept=lambda name: (
            shown is not None and shown.state in {"OPEN", "SUSPENDED"} and name in KEPT_WHEN_OPEN
        ),
        photos_max=STANDARD_PHOTOS_MAX,
        standards_max=STANDARDS_MAX,
        **choices,
    )


def _choices(uow: UnitOfWork, visitor: Visitor) -> dict[str, Any]:
    return {
        "divisions": [(str(one.id), f"{one.code} {one.name}") for one in list_divisions(uow)],
        "regions": [
            (str(one.id), f"{INDENT * one.depth}{one.name}")
            for one in list_regions(uow, today=visitor.today, asker_id=visitor.person_id)
        ],
        "channels": channels_of_stores(uow),
    }


def _blank(today: date) -> Typed:
    fields = dict.fromkeys(FIELDS, "")
    fields |= {"starts_on": today.isoformat(), "ends_on": ""}
    return Typed(fields, [], [], [_row() for _ in range(EMPTY_ROWS)])


def _held(shown: ActivityShown) -> Typed:
    return Typed(
        {
            "name": shown.name,
            "about": shown.about or "",
            "starts_on": shown.starts_on.isoformat(),
            "ends_on": shown.ends_on.isoformat(),
            "division_id": str(shown.division_id or ""),
            "budget_minor": _amount_told(shown.budget_minor, shown.currency),
            "pay_minor": _amount_told(shown.pay_minor, shown.currency),
            "currency": shown.currency or "",
        },
        list(shown.channels),
        [str(id_) for id_ in shown.region_ids],
        [
            *(
                _row(
                    one["item"],
                    one["text"],
                    str(one["photos"]),
                    one["pass_rule"],
                    "1" if one["is_required"] else "",
                )
                for one in shown.standards
            ),
            *(_row() for _ in range(EMPTY_ROWS)),
        ],
    )


def _row(
    item: str = "", text: str = "", photos: str = "0", rule: str = PASS_BY[0], required: str = "1"
) -> dict[str, str]:
    return {
        "item": item,
        "text": text,
        "photos": photos,
        "pass_rule": rule,
        "required": required,
    }


def _typed(form: MultiDict[str, str], shown: ActivityShown | None = None) -> Typed:
    """What a form brought; what stays as it is once an activity is open is not asked for."""
    is_open = shown is not None and shown.state in {"OPEN", "SUSPENDED"}
    held = None if shown is None else _held(shown)
    names = [name for name in FIELDS if name not in {"channels", "region_ids", "standards"}]
    fields = {
        name: (
            held.fields[name]
            if held is not None and is_open and name in KEPT_WHEN_OPEN
            else form.get(name, "").strip()
        )
        for name in names
    }
    rows = [
        _row(
            form.get(f"item-{number}", "").strip(),
            form.get(f"text-{number}", "").strip(),
            form.get(f"photos-{number}", "0").strip(),
            form.get(f"rule-{number}", "DONE"),
            form.get(f"required-{number}", ""),
        )
        for number in range(STANDARDS_MAX + EMPTY_ROWS)
        if f"item-{number}" in form
    ]
    return Typed(
        fields,
        held.channels if held is not None and is_open else form.getlist("channels"),
        held.regions if held is not None and is_open else form.getlist("region_ids"),
        rows,
        basis=form.get("basis", ""),
    )


def _terms(typed: Typed) -> dict[str, Any]:
    """What was typed as the terms of an activity; what cannot be read is noted as a fault."""
    fields = typed.fields
    currency = fields["currency"].upper() or None
    if currency is not None and currency not in list_currencies():
        typed.faults["currency"] = tell("Write a code of ISO 4217, such as CNY.")
    return {
        "name": fields["name"],
        "about": fields["about"] or None,
        "starts_on": _day(typed, "starts_on"),
        "ends_on": _day(typed, "ends_on"),
        "division_id": typed_uuid(fields["division_id"]) if fields["division_id"] else None,
        "channels": list(dict.fromkeys(typed.channels)),
        "region_ids": [typed_uuid(one) for one in dict.fromkeys(typed.regions)],
        "budget_minor": _amount(typed, "budget_minor", currency),
        "pay_minor": _amount(typed, "pay_minor", currency),
        "currency": currency,
        "standards": _standards(typed),
    }


def _day(typed: Typed, name: str) -> date:
    try:
        return date.fromisoformat(typed.fields[name])
    except ValueError:
        typed.faults[name] = tell("Choose a day.")
        return date.min


def _amount(typed: Typed, name: str, currency: str | None) -> int | None:
    """An amount in minor units. Typed with a point, as in 12.50."""
    said = typed.fields[name].replace(",", "")
    if not said:
        return None
    if currency is None or "currency" in typed.faults:
        typed.faults.setdefault("currency", tell("Money has a currency."))
        return None
    minor = None if _AMOUNT.fullmatch(said) is None else _minor(said, currency)
    if minor is None:
        typed.faults[name] = tell("Write an amount such as 12.50.")
    return minor


def _minor(said: str, currency: str) -> int | None:
    """Minor units; None where the currency has none so small."""
    minor = Decimal(said).scaleb(get_currency_precision(currency))
    return int(minor) if minor == minor.to_integral_value() else None


def _amount_told(minor: int | None, currency: str | None) -> str:
    if minor is None or currency is None:
        return ""
    return str(Decimal(minor).scaleb(-get_currency_precision(currency)))


def _standards(typed: Typed) -> list[StandardItem]:
    items = []
    for row in typed.standards:
        if not row["item"] and not row["text"]:
            continue
        photos = row["photos"] or "0"
        if not photos.isdecimal() or len(photos) > 4 or row["pass_rule"] not in PASS_BY:
            typed.faults["standards"] = tell(
                "Photos are a number from 0 to {number}.", number=STANDARD_PHOTOS_MAX
            )
            continue
        items.append(
            StandardItem(
                item=row["item"],
                text=row["text"],
                photos=int(photos),
                pass_rule=row["pass_rule"],
                is_required=bool(row["required"]),
            )
        )
    return items
