"""Activities that have a code: those in a file are made and approved with it. Drafts have none."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from mobile_contract.records.activity import (
    ACTIVITY_ABOUT_MAX,
    ACTIVITY_CHANNELS_MAX,
    ACTIVITY_CODE_MAX,
    ACTIVITY_NAME_MAX,
    ACTIVITY_REGIONS_MAX,
    CURRENCY_PATTERN,
)
from mobile_contract.records.store import CHANNEL_MAX
from server.activities.activities import approve_activity, edit_activity, make_activity
from server.activities.errors import FieldInvalid
from server.activities.terms import NewActivity, StandardItem, check_terms, checklist
from server.exchange.cells import (
    Amount,
    Code,
    Codes,
    Day,
    Json,
    Names,
    Raw,
    Value,
    Words,
    canonical,
)
from server.exchange.faults import CellInvalid
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency, minor_of, troubles_with_amounts
from server.identity.change_log import Actor
from server.language import Said, in_english, said_by, sentence
from sync.money import told_amount
from sync.unit_of_work import UnitOfWork

STANDARDS_TEXT_MAX = 30_000
STANDARDS_FORM = Said("JSON list of objects with item, text, photos, pass_rule, is_required")
_AMOUNTS = {"budget": "budget_minor", "pay": "pay_minor"}
_FIELDS = {
    **{name: name for name in ("name", "about", "starts_on", "ends_on", "currency", "channels")},
    **_AMOUNTS,
    "division": "division_id",
    "regions": "region_ids",
    "standards": "standards",
}


@dataclass(frozen=True, slots=True)
class Standards:
    """A checklist: what an item does not say is as it is unless it is said."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        try:
            return canonical(checklist(_standards(Json(STANDARDS_TEXT_MAX, "list").read(raw))))
        except FieldInvalid as invalid:
            raise CellInvalid("not_json", said_by(invalid)) from None
        except (TypeError, ValueError):
            raise CellInvalid("not_json", STANDARDS_FORM) from None

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return canonical(value) if value else None

    @property
    def about(self) -> str:
        return str(STANDARDS_FORM)


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Make and approve activities, and change what may still be changed."""
    for change in changes:
        if change.is_new:
            new = NewActivity(**_columns(change, references, *_FIELDS))
            activity_id = make_activity(uow, actor, new)
            approve_activity(uow, actor, activity_id, today=today, code=change.values["code"])
        else:
            columns = _columns(change, references, *change.after(*_FIELDS))
            edit_activity(uow, actor, change.id, columns, today=today)


def _columns(change: Change, references: References, *names: str) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in names:
        value: Value = change.values[name]
        if name in _AMOUNTS:
            value = None if value is None else minor_of(value, change.values["currency"])
        elif name == "division":
            value = references.id_or_none("division", value)
        elif name == "regions":
            value = [references.id("region", code) for code in value or ()]
        elif name == "channels":
            value = list(value or ())
        elif name == "standards":
            value = _standards(value)
        columns[_FIELDS[name]] = value
    return columns


def _standards(told: str | None) -> list[StandardItem]:
    return [StandardItem(**item) for item in json.loads(told or "[]")]


def check(_uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """Periods and amounts are such as an activity may have."""
    for change in changes:
        values = change.values
        if values["currency"] is None:
            if values["budget"] is not None or values["pay"] is not None:
                yield Told(change, "currency", "conflicts", Said("money has a currency"))
                continue
        else:
            wrong = list(troubles_with_amounts(change, values["currency"], tuple(_AMOUNTS)))
            yield from wrong
            if wrong:
                continue
        try:
            check_terms(
                {
                    **{name: values[name] for name in ("name", "about", "starts_on", "ends_on")},
                    "channels": values["channels"] or (),
                    "region_ids": values["regions"] or (),
                    "budget_minor": minor_of(values["budget"], values["currency"] or ""),
                    "pay_minor": minor_of(values["pay"], values["currency"] or ""),
                    "currency": values["currency"],
                }
            )
        except FieldInvalid as invalid:
            name = in_english(invalid).partition(":")[0]
            column = name if ACTIVITY.column(name) is not None else None
            yield Told(change, column, "conflicts", said_by(invalid))


def _from_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    amounts = {
        name: None if row[name] is None else Decimal(told_amount(row[name], row["currency"]))
        for name in _AMOUNTS
    }
    return {**row, **amounts}


ACTIVITY = Sheet(
    name="activity",
    about=sentence("Activities with their standards. A new one is approved with its code."),
    columns=(
        Column(
            name="code",
            cell=Code(ACTIVITY_CODE_MAX, has_spaces=True),
            about=sentence("its code"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="name", cell=Words(ACTIVITY_NAME_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="about",
            cell=Words(ACTIVITY_ABOUT_MAX, is_of_lines=True),
            about=sentence("what it is about"),
        ),
        Column(name="starts_on", cell=Day(), about=sentence("its first day"), is_required=True),
        Column(name="ends_on", cell=Day(), about=sentence("its last day"), is_required=True),
        Column(
            name="division",
            cell=Code(),
            about=sentence("whose it is; empty: of all"),
            refers_to="division",
        ),
        Column(
            name="channels",
            cell=Names(ACTIVITY_CHANNELS_MAX, CHANNEL_MAX),
            about=sentence("for stores of these; empty: of every channel"),
        ),
        Column(
            name="regions",
            cell=Codes(ACTIVITY_REGIONS_MAX),
            about=sentence("for stores of these; empty: of every region"),
            refers_to="region",
        ),
        Column(name="currency", cell=Currency(CURRENCY_PATTERN), about=sentence("of its money")),
        Column(name="budget", cell=Amount(), about=sentence("what all of it may cost")),
        Column(name="pay", cell=Amount(), about=sentence("what a store gets")),
        Column(
            name="standards",
            cell=Standards(),
            about=sentence("its checklist"),
        ),
    ),
    key=("code",),
    select="""
        select a.id, a.code, a.name, a.about, a.starts_on, a.ends_on, d.code as division, a.channels,
               array(select r.code from region r where r.company_id = a.company_id
                     and r.id = any(a.region_ids)) as regions,
               a.currency, a.budget_minor as budget, a.pay_minor as pay, s.items as standards
        from activity a
        left join division d on d.company_id = a.company_id and d.id = a.division_id
        left join activity_standards s on s.company_id = a.company_id and s.activity_id = a.id
                                      and s.standards_version = a.standards_version
        where a.company_id = :company and a.code is not null
    """,
    from_row=_from_row,
    apply=apply,
    check=check,
    takes_turn=without_turn,
    records_at_once=50,
)
