"""Facts as SQL: which rows a question is about, and what tells them apart.

A family of measures says where its facts come from (`Source`); the rest is the same for all: the
columns g_… by which the question groups, the joins that these need, and the conditions. Every
piece is a constant of this package; what people type only ever travels as a parameter.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from server.language import Said
from server.measures.errors import QuestionInvalid
from server.measures.question import ABOVE, PLACES, TIMES, Question, Seats
from sync.policy import Policy
from sync.unit_of_work import UnitOfWork

TIME_LABELS = {
    "day": "to_char({day}, 'YYYY-MM-DD')",
    "week": "to_char({day}, 'IYYY-\"W\"IW')",
    "month": "to_char({day}, 'YYYY-MM')",
    "quarter": "to_char({day}, 'YYYY-\"Q\"Q')",
    "year": "to_char({day}, 'YYYY')",
}

# What was decided last about each flag, by visit. Days of visits never change, so the period bounds it. Materialised:
# it is worked out once, and not for each visit.
DECIDED = """
decided as materialized (
    select d.visit_id,
           coalesce(array_agg(d.flag) filter (where d.decision = 'ACCEPTED'), '{}') as accepted,
           coalesce(array_agg(d.flag) filter (where d.decision = 'REJECTED' and not d.is_derived),
                    '{}') as rejected,
           bool_or(d.decision = 'REJECTED' and d.is_derived) as is_void
    from (select distinct on (f.visit_id, f.flag) f.visit_id, f.flag, f.decision, f.is_derived
          from flag_decision f
          where f.company_id = :company and f.business_day between :first_day and :last_day
          order by f.visit_id, f.flag, f.number desc) d
    group by d.visit_id
)
"""
# A visit that counts: it was checked in and not by phone; none of its flags, the verdict among them, was
# rejected; and each that the company wants accepted was. A rejected flag that a correction took away
# no longer counts against it; one that follows from the day's other visits does until it is accepted.
COUNTS = """
v.state <> 'SKIPPED' and not v.is_by_phone
and x.is_void is not true
and not (v.flags || lower(v.verdict)) && coalesce(x.rejected, '{}')
and (not (v.flags || lower(v.verdict)) && cast(:to_accept as text[])
     or (x.visit_id is not null and not exists (
         select from unnest(v.flags || lower(v.verdict)) as f(flag)
         where f.flag = any(:to_accept) and f.flag <> all(x.accepted))))
"""
# The orders that count: neither rejected nor taken back as a whole. What an order comes to is what the
# server priced; where it has no price for a line, what the phone did.
ORDER_COUNTS = "o.state not in ('REJECTED', 'CANCELLED')"
OF_ORDER = "coalesce(o.server_total_minor, o.total_minor)"
IS_SALE = f"o.order_type = 'SALE' and {OF_ORDER} > 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a family's facts come from: its tables, and the expressions of each fact.

    A family whose facts have no store, person or day of their own has None there. Facts about a product
    name its table `pr`; to all others products do not matter.
    """

    tables: str
    company: str
    person: str | None
    position: str
    store: str | None
    day: str | None
    # Whose region and divisions count where there is no position.
    region_without_position: str = "null"
    conditions: Sequence[str] = ()
    has_product: bool = False


VISITS = Source(
    tables="visit v left join decided x on x.visit_id = v.id",
    company="v.company_id",
    person="v.person_id",
    position="v.position_id",
    store="v.store_id",
    day="v.business_day",
    conditions=(COUNTS,),
)


@dataclass(slots=True)
class Asking:
    """A question on its way into SQL: what every statement of it shares."""

    question: Question
    seats: Seats
    policy: Policy
    company_id: int
    # Whether visits and plans may be read from the days that are kept of them (days.py).
    has_days: bool = False
    values: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        asked = self.question
        self.values = {
            "company": self.company_id,
            "first_day": asked.first_day,
            "last_day": asked.last_day,
            "first_month": asked.first_day.replace(day=1),
            "last_month": asked.last_day.replace(day=1),
            "first_days": _days_from(asked.first_day) & _days_until(asked, asked.first_day),
            "last_days": _days_until(asked, asked.last_day),
            "to_accept": list(self.policy.flags_to_accept),
        }
        for name, value in (
            ("person", asked.person_id),
            ("positions", self.seats.ids),
            ("own", self.seats.own_id),
            ("division", asked.division_id),
            ("channel", asked.channel),
            ("store_class", asked.store_class),
            ("product_group", asked.product_group),
            ("product", asked.product_id),
        ):
            if value is not None:
                self.values[name] = value

    @property
    def keys(self) -> list[str]:
        """The columns by which the question groups."""
        return [f"g_{name}" for name in self.question.group_by]

    @property
    def times(self) -> list[str]:
        """The times by which the question groups."""
        return [name for name in self.question.group_by if name in TIMES]

    def without_products(self) -> "Asking":
        """The same question, whatever the products."""
        return self._of(self.question.without_products())

    def without_times(self) -> "Asking":
        """The same question, over the whole period."""
        return self._of(self.question.without_times())

    def _of(self, question: Question) -> "Asking":
        other = Asking(question, self.seats, self.policy, self.company_id, self.has_days)
        other.values |= self.values
        return other

    @property
    def tells_positions(self) -> bool:
        """Whether it matters for which position a fact is."""
        asked = self.question
        by_seat = {"position", "region", "division"} & set(asked.group_by)
        return bool(by_seat or self.tells_people or asked.division_id or self.seats.ids is not None)

    @property
    def tells_people(self) -> bool:
        """Whether it matters whose a fact is that is a position's at first."""
        asked = self.question
        return asked.person_id is not None or "person" in asked.group_by or bool(self.seats.own_id)

    def listed(self, *columns: str) -> str:
        """The keys and these columns."""
        return ", ".join([*self.keys, *columns])

    def grouped(self, *columns: str) -> str:
        """A `group by` of the keys and these columns; nothing where there are none."""
        by = [*self.keys, *columns]
        return f"group by {', '.join(by)}" if by else ""

    def keys_of(self, table: str) -> str:
        """The keys of a table, each with a comma after it."""
        return " ".join(f"{table}.{key}," for key in self.keys)

    def grouped_of(self, table: str, *columns: str) -> str:
        """A `group by` of a table's keys and these columns; nothing where there are none."""
        by = [*(f"{table}.{key}" for key in self.keys), *columns]
        return f"group by {', '.join(by)}" if by else ""

    def same(self, one: str, other: str, *columns: str) -> str:
        """A condition: the keys and these columns of two tables are the same."""
        names = [*self.keys, *columns]
        return " and ".join(f"{one}.{name} = {other}.{name}" for name in names)

    def with_(self, *parts: str) -> str:
        """The beginning of a statement with these named parts, and those that grouping needs."""
        needed = [ABOVE] if "region" in self.question.group_by else []
        return "with recursive " + ", ".join([*needed, *parts])

    def facts(self, source: Source, columns: Sequence[str], conditions: Iterable[str] = ()) -> str:
        """A select of the keys and these columns over the facts that the question is about."""
        where = [*self._conditions(source), *conditions]
        # Compared byte by byte, which is much faster than by a language.
        keys = [
            f"coalesce({self._key(source, name)}, '') collate \"C\" as g_{name}"
            for name in self.question.group_by
        ]
        return (
            f"select {', '.join([*keys, *columns]) or '1'} from {source.tables}"
            f" {' '.join(self._joins(source))}"
            f" where {' and '.join(f'({each})' for each in where)}"
        )

    def _conditions(self, source: Source) -> list[str]:
        where = [f"{source.company} = :company", *source.conditions]
        if source.day is not None:
            where.append(f"{source.day} between :first_day and :last_day")
        if self.question.person_id is not None:
            where.append(f"{_there(source.person, 'person')} = :person")
        if self.seats.ids is not None:
            mine = f"{source.position} = any(:positions)"
            if self.seats.own_id is not None and source.person is not None:
                mine = f"({mine} or {source.person} = :own)"
            where.append(mine)
        for field_name, condition in _CONDITIONS.items():
            is_asked = getattr(self.question, field_name) is not None
            if is_asked and (source.has_product or field_name not in _OF_PRODUCTS):
                where.append(condition)
        return where

    def _joins(self, source: Source) -> list[str]:
        asked, by = self.question, set(self.question.group_by)
        joins = []
        by_place = [name for name in PLACES if getattr(asked, name) is not None or name in by]
        if by_place:
            store = _there(source.store, by_place[0])
            joins.append(f"join store s on s.company_id = {source.company} and s.id = {store}")
        by_division = "division" in by or asked.division_id is not None
        if by_division or "region" in by:
            joins.append(
                f"left join position p on p.company_id = {source.company}"
                f" and p.id = {source.position}"
            )
        if "region" in by:
            region = f"coalesce(p.region_id, {source.region_without_position})"
            joins.append(f"left join above up on up.id = {region}")
        if by_division:
            joins.append(_divisions(source))
        return joins

    def _key(self, source: Source, name: str) -> str:
        if name in TIME_LABELS:
            return TIME_LABELS[name].format(day=_there(source.day, name))
        expressions = {
            "person": source.person and f"cast({source.person} as text)",
            "position": f"cast({source.position} as text)",
            "region": "up.ancestor_key",
            "division": "cast(dv.division_id as text)",
            "channel": "s.channel",
            "store_class": "s.store_class",
            "product_group": "pr.category" if source.has_product else None,
            "product": "cast(pr.id as text)" if source.has_product else None,
        }
        return _there(expressions[name], name)


# What is asked for by one value, as a condition on what the joins bring.
_CONDITIONS = {
    "channel": "s.channel = :channel",
    "store_class": "s.store_class = :store_class",
    "division_id": "dv.division_id = :division",
    "product_group": "pr.category = :product_group",
    "product_id": "pr.id = :product",
}
_OF_PRODUCTS = ("product_group", "product_id")
_NAMED = re.compile(r":(\w+)")


def ask(uow: UnitOfWork, asking: Asking, statement: str, **values: Any) -> list[Any]:
    """The rows of a statement with the question's parameters, and these."""
    given = asking.values | values
    named = set(_NAMED.findall(statement))
    return uow.rows(statement, **{name: given[name] for name in given if name in named})


def _days_from(day: date) -> int:
    """The days of a month from this one on, as bits."""
    return 0x7FFFFFFF & ~((1 << (day.day - 1)) - 1)


def _days_until(asked: Question, day: date) -> int:
    """The days of a day's month that are in the period or before it, as bits."""
    if (day.year, day.month) != (asked.last_day.year, asked.last_day.month):
        return 0x7FFFFFFF
    return (1 << asked.last_day.day) - 1


def _there(expression: str | None, name: str) -> str:
    if expression is None:
        raise QuestionInvalid(Said("this measure is not told by {name}", name=name))
    return expression


def _divisions(source: Source) -> str:
    """The division of a fact: its position's; of a position without one, those of the store."""
    if source.store is None:
        return "left join lateral (select p.division_id) dv on true"
    return (
        "left join lateral ("
        "select p.division_id where p.division_id is not null"
        " union all select sd.division_id from store_division sd"
        f" where p.division_id is null and sd.company_id = {source.company}"
        f" and sd.store_id = {source.store}"
        ") dv on true"
    )
