"""What is behind a figure: the facts that it was made from, by the very conditions of the figure.

    visits   the visits that count, or with those that were left out, and why
    stops    the stops of frozen plans, and whether each was visited
    sales    the orders above zero at store-days visited
    orders   every order, also by phone, and what was given back
    lines    the same, with their lines and base units
    deliveries   the orders of which a driver confirmed lines
    stores   the active stores
    checks   the filled-in forms that measure, with their two numbers of each measure
    stocking the forms by which products were there at their last check
    tracks   the segments of tracks, and what of each day's way is theirs
    duty     the events with which time at work began

A page begins after the last fact of the one before.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.language import Said
from server.measures.errors import QuestionInvalid
from server.measures.facts import COUNTS, DECIDED, IS_SALE, VISITS, Asking, Source, ask
from server.measures.families import (
    BASE_UNITS,
    CHECK_NUMBERS,
    CHECK_SUMS,
    DELIVERED,
    DELIVERIES,
    DUTY,
    DUTY_PARTS,
    ORDER_LINES,
    OWNED,
    TRACKS,
    WORKED_MS,
    checked,
    ordered,
    periods,
    stocking_parts,
    stop_source,
    store_source,
)
from server.measures.figures import MEASURES_BY_NAME
from server.measures.question import PRODUCTS, Question
from server.measures.reading import begin_asking
from sync.unit_of_work import UnitOfWork

AT_MOST = 2_000

_FIRST = UUID(int=0)
# The names come last: only those of the page are looked up.
_PAGE = """
select c.*, n.id as whose_id, n.name as person_name, p.code as position_code,
       s.code as store_code, s.name as store_name
from (
    select f.* from fact f
    where (cast(:after_at as timestamptz) is null
           or (f.at, f.id) > (cast(:after_at as timestamptz), cast(:after_id as uuid))){of_group}
    order by f.at, f.id limit :at_most
) c
{holder}
left join person n on n.company_id = :company and n.id = {whose}
left join position p on p.company_id = :company and p.id = c.position_id
left join store s on s.company_id = :company and s.id = c.store_id
order by c.at, c.id
"""
# Whose a planned stop is that is told of its position: who held that on the day, who stood in before all.
_HOLDER = """
left join lateral (
    select o.person_id from occupancy o
    where o.company_id = :company and o.position_id = c.position_id
      and o.starts_on <= c.day and (o.ends_on is null or o.ends_on >= c.day)
    order by o.is_acting desc, o.starts_on limit 1
) h on c.person_id is null
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """A fact behind a figure. `numbers` has what it brings to it, by name; `left_out` says in codes why
    it brings nothing: `skipped`, `by_phone`, `rejected FLAG`, `waits FLAG`.
    """

    id: UUID
    at: datetime
    day: date
    person_id: UUID | None
    person_name: str | None
    position_id: UUID | None
    position_code: str | None
    store_id: UUID | None
    store_code: str | None
    store_name: str | None
    numbers: Mapping[str, int]
    currency: str | None = None
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page of facts ended: the moment and the id of its last."""

    at: datetime
    id: UUID


def facts_behind(measure: str) -> tuple[str, ...]:
    """Which facts are behind a measure: those above the line, then those below it."""
    if measure not in MEASURES_BY_NAME:
        raise QuestionInvalid(
            Said(
                "measure {measure}: one of {choices}",
                measure=measure,
                choices=", ".join(MEASURES_BY_NAME),
            )
        )
    held = MEASURES_BY_NAME[measure]
    terms = (held.numerator, held.denominator)
    return tuple(dict.fromkeys(term.facts for term in terms if term is not None))


def read_behind(
    uow: UnitOfWork,
    question: Question,
    facts: str,
    *,
    key: Sequence[str] | None = None,
    with_left_out: bool = False,
    after: Behind | Mark | None = None,
    at_most: int = 200,
) -> list[Behind]:
    """A page of the facts behind the figures of a question: all of them, or those of one group.

    `key` is that of the group (reading.py). A page with fewer than `at_most` is the last. Raises
    QuestionInvalid.
    """
    if facts not in _FACTS:
        raise QuestionInvalid(
            Said("facts {facts}: one of {choices}", facts=facts, choices=", ".join(_FACTS))
        )
    if key is not None and len(key) != len(question.group_by):
        raise QuestionInvalid(Said("the group has another number of parts than the question"))
    if key is None:
        question = replace(question, group_by=())
    elif facts not in _WITH_PRODUCTS:
        pairs = zip(question.group_by, key, strict=True)
        key = [part for name, part in pairs if name not in PRODUCTS]
    if facts not in _WITH_PRODUCTS:
        question = question.without_products()
    asking = begin_asking(uow, question)
    parts = _FACTS[facts](asking, with_left_out)
    of_group = "".join(f" and f.{name} = :{name}" for name in asking.keys)
    holder, whose = "", "c.person_id"
    if facts == "stops":
        holder, whose = _HOLDER, "coalesce(c.person_id, h.person_id)"
    page = _PAGE.format(of_group=of_group, holder=holder, whose=whose)
    statement = f"{asking.with_(*parts)} {page}"
    rows = ask(
        uow,
        asking,
        statement,
        after_at=None if after is None else after.at,
        after_id=_FIRST if after is None else after.id,
        at_most=max(1, min(at_most, AT_MOST)),
        **dict(zip(asking.keys, key or (), strict=True)),
    )
    return [_behind(row, NUMBERS[facts], asking.policy.flags_to_accept) for row in rows]


def _behind(row: Any, numbers: Sequence[str], to_accept: Sequence[str]) -> Behind:
    named = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return Behind(
        id=named["id"],
        at=named["at"],
        day=named["day"],
        person_id=named["whose_id"],
        person_name=named["person_name"],
        position_id=named["position_id"],
        position_code=named["position_code"],
        store_id=named["store_id"],
        store_code=named["store_code"],
        store_name=named["store_name"],
        numbers={name: int(named[name]) for name in numbers},
        currency=named["currency"],
        left_out=() if named.get("counts", True) else tuple(_reasons(named, to_accept)),
    )


def _reasons(named: Mapping[str, Any], to_accept: Sequence[str]) -> list[str]:
    reasons = []
    if named["state"] == "SKIPPED":
        reasons.append("skipped")
    if named["is_by_phone"]:
        reasons.append("by_phone")
    judged = [flag for flag in named["judged"] if flag is not None]
    accepted, rejected = named["accepted"] or (), named["rejected"] or ()
    reasons += [f"rejected {flag}" for flag in judged if flag in rejected]
    if named["is_void"]:
        reasons.append("rejected as the day showed")
    reasons += [
        f"waits {flag}"
        for flag in judged
        if flag in to_accept and flag not in accepted and flag not in rejected
    ]
    return reasons


_COMMON = ("id", "at", "day", "person_id", "position_id", "store_id", "currency")


def _common(
    id_: str, at: str, source: Source, *, position: str | None = None, currency: str = "null"
) -> list[str]:
    """The columns that every fact has."""
    return [
        f"{id_} as id",
        f"{at} as at",
        f"{source.day} as day",
        f"cast({source.person or 'null'} as uuid) as person_id",
        f"{position or source.position} as position_id",
        f"cast({source.store or 'null'} as uuid) as store_id",
        f"cast({currency} as text) as currency",
    ]


def _visits(asking: Asking, with_left_out: bool) -> tuple[str, ...]:
    source = replace(VISITS, conditions=()) if with_left_out else VISITS
    columns = [
        *_common("v.id", "v.began_at", source),
        "v.state",
        "v.is_by_phone",
        "v.flags || lower(v.verdict) as judged",
        "x.accepted",
        "x.rejected",
        "x.is_void",
        f"({COUNTS}) as counts",
    ]
    return (DECIDED, f"fact as ({asking.facts(source, columns)})")


# Whether a stop was visited, looked up for the stops of a page alone: the same as `visited` (families.py), which reads all.
_IS_STOP_VISITED = f"""
exists (
    select from visit v
    left join lateral (
        select coalesce(array_agg(d.flag) filter (where d.decision = 'ACCEPTED'), '{{}}') as accepted,
               coalesce(array_agg(d.flag) filter (where d.decision = 'REJECTED' and not d.is_derived),
                        '{{}}') as rejected,
               bool_or(d.decision = 'REJECTED' and d.is_derived) as is_void, v.id as visit_id
        from (select distinct on (f.flag) f.flag, f.decision, f.is_derived from flag_decision f
              where f.company_id = :company and f.visit_id = v.id
              order by f.flag, f.number desc) d
        having count(*) > 0
    ) x on true
    where v.company_id = :company and v.store_id = t.store_id and v.business_day = q.day
      and (v.position_id = q.position_id
           or v.position_id is distinct from q.position_id and exists (
               select from day_plan n where n.company_id = :company and n.id = v.day_plan_id
               and n.day = v.business_day and n.position_id = q.position_id))
      and ({COUNTS}))
"""


def _stops(asking: Asking, _: bool) -> tuple[str, ...]:
    source = stop_source(asking)
    # A stop has no id of its own: that of its store, on the day.
    columns = [
        *_common("t.store_id", "cast(q.day as timestamp) at time zone :zone", source),
        f"cast({_IS_STOP_VISITED} as int) as visited",
    ]
    return (f"fact as ({asking.facts(source, columns)})",)


def _by_order(asking: Asking, lines: str, *values: str) -> str:
    """Facts of lines put together for each order."""
    sums = ", ".join(f"cast(sum({value}) as bigint) as {value}" for value in values)
    named = asking.listed(*_COMMON)
    return f"select {named}, {sums} from ({lines}) l {asking.grouped(*_COMMON)}"


def _orders(asking: Asking, _: bool, conditions: Sequence[str] = ()) -> tuple[str, ...]:
    source, value = ordered(asking)
    columns = [
        *_common("o.id", "o.ordered_at", source, currency="o.currency"),
        f"case when o.order_type = 'SALE' then {value} else -{value} end as value",
    ]
    facts = asking.facts(source, columns, conditions)
    return (f"fact as ({_by_order(asking, facts, 'value')})",)


def _lines(asking: Asking, _: bool) -> tuple[str, ...]:
    columns = [
        *_common("o.id", "o.ordered_at", ORDER_LINES, currency="o.currency"),
        "case when o.order_type = 'SALE' then 1 else 0 end as lines",
        f"case when o.order_type = 'SALE' then {BASE_UNITS} else -{BASE_UNITS} end as quantity",
    ]
    facts = asking.facts(ORDER_LINES, columns)
    return (f"fact as ({_by_order(asking, facts, 'lines', 'quantity')})",)


def _sales(asking: Asking, _: bool) -> tuple[str, ...]:
    base = asking.without_products()
    call = base.facts(VISITS, ["v.store_id", "v.business_day as day"])
    source, value = ordered(asking)
    columns = [
        *_common("o.id", "o.ordered_at", source, currency="o.currency"),
        f"{value} as value",
    ]
    sale = _by_order(asking, asking.facts(source, columns, [IS_SALE]), "value")
    same = base.same("c", "e", "store_id", "day")
    return (
        DECIDED,
        f"call as ({call})",
        f"sale as ({sale})",
        f"fact as (select e.* from sale e where exists (select from call c where {same}))",
    )


def _deliveries(asking: Asking, _: bool) -> tuple[str, ...]:
    columns = [
        *_common("o.id", "o.ordered_at", DELIVERIES, currency="o.currency"),
        f"{BASE_UNITS} as ordered",
        f"{DELIVERED} as delivered",
    ]
    facts = asking.facts(DELIVERIES, columns)
    return (f"fact as ({_by_order(asking, facts, 'ordered', 'delivered')})",)


def _stores(asking: Asking, _: bool) -> tuple[str, ...]:
    source = store_source(asking)
    columns = _common("z.id", "z.created_at", source)
    facts = asking.facts(source, columns)
    # Once, also where several positions look after it.
    once = f"select distinct on ({asking.listed('id')}) * from ({facts}) z order by {asking.listed('id')}"
    return (OWNED, periods(asking), f"fact as ({once})")


def _checks(asking: Asking, _: bool) -> tuple[str, ...]:
    source, table = checked(asking)
    columns = [
        *_common("m.answer_id", "f.answered_at", source),
        "m.measure",
        f"{table}.numerator",
        f"{table}.denominator",
    ]
    named = asking.listed(*_COMMON)
    facts = f"select {named}, {CHECK_SUMS} from ({asking.facts(source, columns)}) c"
    return (DECIDED, f"fact as ({facts} {asking.grouped(*_COMMON)})")


def _stocking(asking: Asking, _: bool) -> tuple[str, ...]:
    told = asking.listed(
        "answer_id as id",
        "answered_at as at",
        "day",
        "person_id",
        "position_id",
        "store_id",
        "cast(null as text) as currency",
    )
    by = asking.grouped("answer_id", "answered_at", "day", "person_id", "position_id", "store_id")
    return (
        *stocking_parts(asking),
        f"fact as (select {told}, count(distinct product_id) as products from stocked {by})",
    )


def _tracks(asking: Asking, _: bool) -> tuple[str, ...]:
    columns = [*_common("k.track_id", "k.from_at", TRACKS), "k.distance_cm"]
    return (f"fact as ({asking.facts(TRACKS, columns)})",)


def _duty(asking: Asking, _: bool) -> tuple[str, ...]:
    columns = [
        *_common("a.id", "a.occurred_at", DUTY),
        f"cast(floor({WORKED_MS}) as bigint) as worked_ms",
    ]
    return (DUTY_PARTS, f"fact as ({asking.facts(DUTY, columns)})")


_FACTS: Mapping[str, Callable[[Asking, bool], tuple[str, ...]]] = {
    "visits": _visits,
    "stops": _stops,
    "sales": _sales,
    "orders": _orders,
    "lines": _lines,
    "deliveries": _deliveries,
    "stores": _stores,
    "checks": _checks,
    "stocking": _stocking,
    "tracks": _tracks,
    "duty": _duty,
}
# What each kind of fact brings to a figure.
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "visits": (),
    "stops": ("visited",),
    "sales": ("value",),
    "orders": ("value",),
    "lines": ("lines", "quantity"),
    "deliveries": ("ordered", "delivered"),
    "stores": (),
    "checks": CHECK_NUMBERS,
    "stocking": ("products",),
    "tracks": ("distance_cm",),
    "duty": ("worked_ms",),
}
_WITH_PRODUCTS = ("sales", "orders", "lines", "deliveries", "checks", "stocking")
FACTS = tuple(_FACTS)
