"""Promotions: what they give, as JSON, whom they are for, a row for each, and when they hold."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from mobile_contract.records.price_list import CURRENCY_PATTERN, TERMS_CODE_MAX, TERMS_NAME_MAX
from server.catalogue.errors import FieldInvalid
from server.catalogue.promotion_terms import NEEDED, PromotionTerms, check_promotion_terms
from server.catalogue.promotions import (
    NewPromotion,
    draft_promotion,
    edit_promotion,
    end_promotion,
    publish_promotion,
)
from server.exchange.cells import Choice, Code, Json, Moment, Raw, Value, Words, canonical
from server.exchange.faults import CellInvalid
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency
from server.exchange.sheets.whom import (
    WHOM_COLUMNS,
    WHOM_KEY,
    troubles_with_whom,
    whom_of,
    whom_select,
)
from server.identity.change_log import Actor
from server.language import Said, said_by, sentence, tell
from sync.kinds.price_list.table import LEVELS
from sync.unit_of_work import UnitOfWork

FORM = '{"benefit":"PERCENT_OFF","basis_points":1000,"items":[["P1",null]]}'
TERMS_MAX = 20_000
_LISTS = ("items", "gifts", "portions")
_DEFAULTS = {
    each.name: each.default for each in fields(PromotionTerms) if each.default is not MISSING
}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a promotion gives: a JSON object of the fields of a version, products by their codes."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        given: dict[str, Any] = json.loads(Json(TERMS_MAX).read(raw))
        unknown = given.keys() - {"benefit", *_DEFAULTS}
        if unknown or given.get("benefit") not in NEEDED:
            what = min(unknown) if unknown else "benefit"
            raise CellInvalid(
                "not_json", Said("{what}: no field of a promotion, or no benefit", what=what)
            )
        for name in _LISTS:
            listed = given.get(name) or ()
            size = 3 if name == "portions" else 2
            if not isinstance(listed, (list, tuple)) or not all(
                isinstance(one, list) and len(one) == size and isinstance(one[0], str)
                for one in listed
            ):
                raise CellInvalid(
                    "not_json",
                    Said(
                        "{name}: lists of {size}, first the product's code",
                        name=Said(name),
                        size=size,
                    ),
                )
        return _told(given)

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return None if value is None else _told(value)

    @property
    def about(self) -> str:
        return tell("JSON, as {form}", form=FORM)


def _told(given: Mapping[str, Any]) -> str:
    """The terms as a cell has them: what is as it is unless it is said is left out."""
    return canonical(
        {
            name: value
            for name, value in given.items()
            if value not in (None, [], ()) and value != _DEFAULTS.get(name, MISSING)
        }
    )


def _read(told: str) -> PromotionTerms:
    given: dict[str, Any] = json.loads(told)
    for name in _LISTS:
        given[name] = tuple(tuple(one) for one in given.get(name) or ())
    return PromotionTerms(**given)


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, _today: date
) -> None:
    """Draft and change promotions; publish those that hold at other times, end those that end."""
    for change in changes:
        values = change.values
        is_for_all = values["level"] is None
        whom = None if is_for_all or change.lines is None else whom_of(change, references)
        terms = _read(values["terms"])
        if change.is_new:
            promotion_id = draft_promotion(
                uow,
                actor,
                NewPromotion(
                    code=values["code"],
                    name=values["name"],
                    currency=values["currency"],
                    terms=terms,
                    whom=whom,
                    division_id=references.id_or_none("division", values["division"]),
                ),
            )
        else:
            promotion_id = change.id
            edit_promotion(
                uow,
                actor,
                promotion_id,
                code=values["code"],
                name=values["name"],
                terms=terms if "terms" in change.fields else None,
                whom=whom,
            )
        if change.after("valid_from", "valid_until"):
            publish_promotion(
                uow,
                actor,
                promotion_id,
                valid_from=values["valid_from"],
                valid_until=values["valid_until"],
                may_be_past=_is_first(change),
            )
        if "ended_at" in change.fields:
            end_promotion(uow, actor, promotion_id, at=values["ended_at"])


def check(uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """The terms are such as a promotion may have, and it holds from a moment to come, or for the first time."""
    for change in changes:
        values = change.values
        if change.lines is not None and values["level"] is not None:
            yield from troubles_with_whom(change)
        elif change.lines and values["level"] is None:
            yield Told(change, "level", "conflicts", Said("one that is for every store names none"))
        if change.held is not None and change.held.values["ended_at"] is not None:
            yield Told(change, "ended_at", "fixed", Said("it has ended"))
            continue
        try:
            check_promotion_terms(uow, _read(values["terms"]), None)
        except FieldInvalid as invalid:
            yield Told(change, "terms", "conflicts", said_by(invalid))
        except (TypeError, ValueError, KeyError):
            yield Told(change, "terms", "not_json", Said("not the fields of a promotion"))
        yield from _troubles_with_times(change)


def _troubles_with_times(change: Change) -> Iterable[Told]:
    valid_from, valid_until = change.values["valid_from"], change.values["valid_until"]
    if not change.after("valid_from", "valid_until"):
        return
    if valid_from is None:
        yield Told(change, "valid_from", "required", Said("say from when it holds"))
        return
    if not _is_first(change) and valid_from <= datetime.now(UTC):
        says = Said("what has begun stays: say a moment to come")
        yield Told(change, "valid_from", "conflicts", says)
    if valid_until is not None and valid_until <= max(valid_from, datetime.now(UTC)):
        yield Told(
            change, "valid_until", "conflicts", Said("it is over already, or before it begins")
        )


def _is_first(change: Change) -> bool:
    return change.held is None or change.held.values["valid_from"] is None


def closes(change: Change) -> bool:
    """Whether a promotion ends."""
    return change.after("ended_at").get("ended_at") is not None


def _from_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    codes: Mapping[str, str] = row["products"] or {}
    terms = dict(row["said"] or {})
    for name in ("items", "gifts"):
        terms[name] = [[codes[str(one["product"])], one["unit"]] for one in terms.get(name) or ()]
    terms["portions"] = [
        [codes[str(one["product"])], one["unit"], one["quantity"]]
        for one in terms.get("portions") or ()
    ]
    return {
        **row,
        "terms": {name: terms[name] for name in ("benefit", *_DEFAULTS) if name in terms},
    }


PROMOTION = Sheet(
    name="promotion",
    about=sentence(
        "Promotions: what each gives, and a row for each store, account, class, channel or region that it "
        "is for; one for every store has no level and one row without any."
    ),
    columns=(
        Column(
            name="code",
            cell=Code(TERMS_CODE_MAX, has_spaces=True),
            about=sentence("its code"),
            is_required=True,
        ),
        Column(
            name="name", cell=Words(TERMS_NAME_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="currency",
            cell=Currency(CURRENCY_PATTERN),
            about=sentence("of its amounts, which are minor units"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("about whose products it is; empty: of all"),
            refers_to="division",
            is_fixed=True,
        ),
        Column(
            name="level",
            cell=Choice(LEVELS),
            about=sentence("what its rows name; empty: every store"),
            is_fixed=True,
        ),
        Column(
            name="terms",
            cell=Terms(),
            about=sentence("what it gives; other terms are a draft until it is published"),
            is_required=True,
        ),
        Column(
            name="valid_from",
            cell=Moment(),
            about=sentence(
                "from when it holds: publishes it, anew where it differs; empty: a draft"
            ),
        ),
        Column(name="valid_until", cell=Moment(), about=sentence("and until when")),
        Column(name="ended_at", cell=Moment(), about=sentence("from when on it holds no more")),
    ),
    line_columns=WHOM_COLUMNS,
    line_key=WHOM_KEY,
    has_ordered_lines=False,
    key=("code",),
    select="""
        select p.id, p.code, p.name, p.currency, d.code as division, p.level, p.ended_at,
               v.valid_from, v.valid_until, coalesce(p.draft, v.terms) as said,
               (select jsonb_object_agg(q.number::text, q.code) from product q
                where q.company_id = p.company_id and q.number in (
                    select (jsonb_path_query(coalesce(p.draft, v.terms), '$.*[*].product'))::integer)
               ) as products
        from promotion p
        left join division d on d.company_id = p.company_id and d.id = p.division_id
        left join lateral (
            select valid_from, valid_until, terms from promotion_version v
            where v.company_id = p.company_id and v.promotion_id = p.id
            order by v.version desc limit 1
        ) v on true
        where p.company_id = :company
    """,
    line_select=whom_select("promotion"),
    from_row=_from_row,
    apply=apply,
    check=check,
    closes=closes,
    takes_turn=without_turn,
    records_at_once=50,
)
