"""Targets: what a year shall come to, how it is split, and the parts that are fixed, a row for each.

What follows from them (every month, position and group) is no master and is read with `roadbook target`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.records.price_list import CURRENCY_PATTERN
from mobile_contract.records.target import BY_PRODUCT_GROUP, GROUP_LENGTH_MAX, MEASURES
from server.exchange.cells import Amount, Choice, Code, Names, Raw, Value, Whole, Words, text_of
from server.exchange.faults import CellInvalid
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told, without_turn
from server.exchange.sheets.currency import Currency, minor_of
from server.identity.change_log import Actor
from server.identity.errors import IdentityError
from server.language import Said, said_by, sentence, tell
from server.measures.errors import MeasuresError
from server.planning.errors import PlanningError
from server.targets.basis import PRODUCT_GROUPS_MAX, SplitBy
from server.targets.errors import NoSuchNode, TargetInvalid, TargetsError
from server.targets.months import read_month
from server.targets.plan_list import place_of, plan_versions
from server.targets.plans import YEARS, make_plan, split_plan
from server.targets.splitting import Weights
from sync.money import told_amount
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

MONEY = "NET_VALUE"
EVERY = "*"
_WEIGHTS = re.compile(r"(\d{1,4})\s*[,;/ ]\s*(\d{1,4})\s*[,;/ ]\s*(\d{1,4})")
_PLACES = """
select 'position' as kind, id, code from position where company_id = :company and code = any(:codes)
union all
select 'region', id, code from region where company_id = :company and code = any(:codes)
"""
_DIVISIONS = "select id, code from division where company_id = :company and code = any(:codes)"

Places = Mapping[str, tuple[str, UUID]]


@dataclass(frozen=True, slots=True)
class Month:
    """A month; a spreadsheet makes its first day of it."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        text = f"{raw:%Y-%m-%d}" if isinstance(raw, date) else text_of(raw).replace("/", "-")
        found = re.fullmatch(r"(\d{4})-(\d{1,2})(?:-0?1)?", text)
        try:
            if found is not None:
                return f"{read_month(f'{found[1]}-{int(found[2]):02}'):%Y-%m}"
        except TargetInvalid:
            pass
        raise CellInvalid("not_a_day", Said("a month as YYYY-MM"))

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("month, as 2027-03")


@dataclass(frozen=True, slots=True)
class WeightsCell:
    """By what a target is split: last year, potential and equality, in thousandths."""

    sql: str = "text"

    def read(self, raw: Raw) -> Value:
        found = _WEIGHTS.fullmatch(text_of(raw))
        if found is None:
            raise CellInvalid("not_a_number", Said("three numbers, as 600/300/100"))
        parts = [int(each) for each in found.groups()]
        try:
            weights = Weights(last_year=parts[0], potential=parts[1], equal=parts[2])
        except TargetInvalid as invalid:
            raise CellInvalid("out_of_range", said_by(invalid)) from None
        return told_weights(weights)

    def write(self, value: Value) -> Raw:
        return str(value)

    def settled(self, value: Value) -> Value:
        return value

    @property
    def about(self) -> str:
        return tell("thousandths of last year, potential and equality, as 600/300/100")


def told_weights(weights: Weights) -> str:
    """Weights as a cell has them."""
    return f"{weights.last_year}/{weights.potential}/{weights.equal}"


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Set targets and split them again, each as one version."""
    places = _places(uow, changes)
    divisions = _divisions(uow, changes)
    now = datetime.now(UTC)
    for change in changes:
        values = change.values
        currency = _currency(uow, change)
        total = _whole(values["total"], currency)
        if change.is_new:
            plan_id = uuid4()
            make_plan(
                uow,
                actor,
                year=values["year"],
                measure=values["measure"],
                total=total,
                region_id=references.id("region", values["region"]),
                division_id=None if values["division"] == EVERY else divisions[values["division"]],
                currency=currency,
                by=_split_by(SplitBy(), values),
                pins=_fixed(plan_id, change.lines or (), places, currency),
                today=today,
                now=now,
                plan_id=plan_id,
            )
            continue
        held = SplitBy.of_version(plan_versions(uow, change.id, at_most=1)[0])
        pins: Mapping[UUID, int] = {}
        unpinned: set[UUID] = set()
        if change.lines is not None:
            assert change.held is not None
            pins = _fixed(change.id, change.lines, places, currency)
            unpinned = _fixed(change.id, change.held.lines, places, currency).keys() - pins.keys()
        split_plan(
            uow,
            actor,
            change.id,
            total=total,
            by=_split_by(held, values),
            pins=pins,
            unpinned=unpinned,
            today=today,
            now=now,
        )


def _split_by(held: SplitBy, values: Mapping[str, Value]) -> SplitBy:
    """How it is split: what the sheet does not have (roles, the potential of classes) stays."""
    weights = held.weights
    if values["weights"] is not None:
        parts = [int(each) for each in values["weights"].split("/")]
        weights = Weights(last_year=parts[0], potential=parts[1], equal=parts[2])
    return replace(held, weights=weights, product_groups=tuple(values["groups"] or ()))


def _fixed(
    plan_id: UUID, lines: Iterable[Mapping[str, Value]], places: Places, currency: str | None
) -> dict[UUID, int]:
    """The amounts of the parts that lines fix, by node. Raises NoSuchNode, KeyError."""
    return {
        _node_id(plan_id, line, places): _whole(line["amount"], currency)
        for line in lines
        if line["month"] is not None
    }


def _node_id(plan_id: UUID, line: Mapping[str, Value], places: Places) -> UUID:
    kind, id_ = (None, None) if line["part"] is None else places[line["part"]]
    return place_of(
        month=read_month(line["month"]),
        region_id=id_ if kind == "region" else None,
        position_id=id_ if kind == "position" else None,
        product_group=line["group"],
    ).node_id(plan_id)


def _places(uow: UnitOfWork, changes: Sequence[Change]) -> Places:
    """The positions and regions that lines name; where both have a code it is the position's."""
    lines = [
        line
        for change in changes
        for line in (*(change.lines or ()), *(() if change.held is None else change.held.lines))
    ]
    codes = sorted({line["part"] for line in lines if line["part"] is not None})
    rows = uow.rows(_PLACES, company=uow.company_id, codes=codes)
    return {
        row.code: (row.kind, row.id) for row in sorted(rows, key=lambda row: row.kind != "region")
    }


def _divisions(uow: UnitOfWork, changes: Sequence[Change]) -> dict[str, UUID]:
    codes = sorted({change.values["division"] for change in changes} - {EVERY, None})
    rows = uow.rows(_DIVISIONS, company=uow.company_id, codes=codes)
    return {row.code: row.id for row in rows}


def _currency(uow: UnitOfWork, change: Change) -> str | None:
    if change.values["measure"] != MONEY:
        return None
    chosen: str = change.values["currency"] or current_policy(uow)[1].currency
    return chosen


def _whole(amount: Value, currency: str | None) -> int:
    """What the server counts in: minor units, or the number itself. ValueError where it has more digits."""
    if currency is None:
        if amount != amount.to_integral_value():
            raise ValueError("a whole number")
        return int(amount)
    minor = minor_of(amount, currency)
    assert minor is not None
    return minor


def check(uow: UnitOfWork, changes: Sequence[Change], today: date) -> Iterable[Told]:
    """Amounts fit their currency, parts are there and their months are not over, each is fixed once."""
    places, divisions = _places(uow, changes), _divisions(uow, changes)
    for change in changes:
        values = change.values
        if change.is_new and values["division"] not in {EVERY, *divisions}:
            yield Told(
                change,
                "division",
                "unknown",
                Said("there is no division {division!r}", division=values["division"]),
            )
        if values["measure"] != MONEY and values["currency"] is not None:
            yield Told(
                change,
                "currency",
                "conflicts",
                Said("{measure} is no money", measure=values["measure"]),
            )
        if values["groups"] and values["measure"] not in BY_PRODUCT_GROUP:
            says = Said(
                "only {choices} add up over product groups", choices=", ".join(BY_PRODUCT_GROUP)
            )
            yield Told(change, "groups", "conflicts", says)
        currency = _currency(uow, change)
        yield from _amount_troubles(change, "total", values["total"], currency, None)
        if change.lines is not None:
            yield from _line_troubles(change, currency, places, today)


def _line_troubles(
    change: Change, currency: str | None, places: Places, today: date
) -> Iterable[Told]:
    year = change.values["year"]
    first = today.replace(day=1)
    met: dict[UUID, int] = {}
    for line, given in zip(change.lines or (), change.record.lines, strict=False):
        row = given.row
        if line["month"] is None:
            yield Told(change, "month", "required", Said("a part is of a month: name it"), row)
            continue
        if line["amount"] is None:
            yield Told(change, "amount", "required", Said("at how much the part is fixed"), row)
            continue
        month = read_month(line["month"])
        if month.year != year:
            yield Told(
                change, "month", "conflicts", Said("it is no month of {year}", year=year), row
            )
        elif change.held is not None and month < first:
            says = Said("the month is over and keeps what it has: leave the row out")
            yield Told(change, "month", "conflicts", says, row)
        if line["part"] is not None and line["part"] not in places:
            says = Said("there is no position and no region {part!r}", part=line["part"])
            yield Told(change, "part", "unknown", says, row)
            continue
        try:
            node = _node_id(UUID(int=0), line, places)
        except NoSuchNode as nowhere:
            yield Told(change, "part", "conflicts", said_by(nowhere), row)
            continue
        if node in met:
            yield Told(
                change, "part", "twice", Said("row {met} fixes the same part", met=met[node]), row
            )
        met[node] = row
        yield from _amount_troubles(change, "amount", line["amount"], currency, row)


def _amount_troubles(
    change: Change, column: str, amount: Value, currency: str | None, row: int | None
) -> Iterable[Told]:
    try:
        if amount is not None and _whole(amount, currency) < 0:
            yield Told(change, column, "out_of_range", Said("a number from 0 on"), row)
    except ValueError as error:
        yield Told(change, column, "not_a_number", str(error), row)


def _from_row(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "total": _told(row["total"], row["currency"]), "groups": tuple(row["groups"])}


def _from_line(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**row, "amount": _told(row["amount"], row["currency"])}


def _told(amount: int, currency: str | None) -> Decimal:
    return Decimal(amount) if currency is None else Decimal(told_amount(amount, currency))


TARGET = Sheet(
    name="target",
    about=sentence(
        "Targets of a year: the total, by what it is split, and a row for each part that is fixed; the rows "
        "of a target are all its fixed parts of months that are not over. Every change splits it again."
    ),
    columns=(
        Column(
            name="year",
            cell=Whole(YEARS[0], YEARS[-1]),
            about=sentence("its year"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="measure",
            cell=Choice(MEASURES),
            about=sentence("what is counted"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="region",
            cell=Code(),
            about=sentence("for the positions in it and below"),
            is_required=True,
            is_fixed=True,
            refers_to="region",
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("whose positions; * for every position"),
            is_required=True,
            is_fixed=True,
        ),
        Column(
            name="currency",
            cell=Currency(CURRENCY_PATTERN),
            about=sentence("of NET_VALUE; empty: the company's"),
            keeps_when_empty=True,
            is_fixed=True,
        ),
        Column(
            name="total",
            cell=Amount(),
            about=sentence("what the year shall come to"),
            is_required=True,
        ),
        Column(
            name="weights",
            cell=WeightsCell(),
            about=sentence("by what it is split; empty leaves it"),
            keeps_when_empty=True,
        ),
        Column(
            name="groups",
            cell=Names(PRODUCT_GROUPS_MAX, GROUP_LENGTH_MAX),
            about=sentence("product groups that positions are split over"),
        ),
    ),
    line_columns=(
        Column(name="month", cell=Month(), about=sentence("of the fixed part")),
        Column(
            name="part",
            cell=Code(),
            about=sentence("a position, else a region; empty: the month as a whole"),
        ),
        Column(
            name="group",
            cell=Words(GROUP_LENGTH_MAX),
            about=sentence("a product group of the position"),
        ),
        Column(name="amount", cell=Amount(), about=sentence("at how much it is fixed")),
    ),
    line_key=("month", "part", "group"),
    has_ordered_lines=False,
    key=("year", "measure", "region", "division"),
    select="""
        select t.id, t.year, t.measure, r.code as region, coalesce(d.code, '*') as division, t.currency,
               v.total, v.weight_last_year || '/' || v.weight_potential || '/' || v.weight_equal as weights,
               array(select jsonb_array_elements_text(v.options -> 'product_groups')) as groups
        from target_plan t
        join target_plan_version v on v.company_id = t.company_id and v.target_plan_id = t.id
                                  and v.version = t.version
        join region r on r.company_id = t.company_id and r.id = t.region_id
        left join division d on d.company_id = t.company_id and d.id = t.division_id
        where t.company_id = :company
    """,
    line_select="""
        select n.target_plan_id as of, to_char(n.month, 'YYYY-MM') as month,
               coalesce(p.code, r.code) as part, n.product_group as group, n.amount, t.currency,
               row_number() over (partition by n.target_plan_id
                                  order by n.month, n.level, r.code, p.code, n.product_group) as place
        from target_plan t
        join target_node n on n.company_id = t.company_id and n.target_plan_id = t.id
                          and n.version = t.version and n.is_pinned
        left join position p on p.company_id = n.company_id and p.id = n.position_id
        left join region r on r.company_id = n.company_id and r.id = n.region_id
        where t.company_id = :company
    """,
    from_row=_from_row,
    from_line=_from_line,
    apply=apply,
    check=check,
    takes_turn=without_turn,
    # Each is split over all its positions and months.
    records_at_once=5,
    refusals=(TargetsError, MeasuresError, PlanningError, IdentityError),
)
