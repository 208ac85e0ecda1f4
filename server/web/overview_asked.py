"""What an address of the overview asks: over which days, of whom and where, which figures, by what told apart.

The same arguments lead from the overview to the facts behind a figure and back, so that each page is of the same facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from werkzeug.exceptions import NotFound

from server.identity.sessions import Visitor
from server.language import sentence, tell, told_day, told_month
from server.measures.errors import QuestionInvalid
from server.measures.period import read_period
from server.measures.question import PRODUCTS, Question
from server.web.figure_words import FIGURE_SETS, is_by_product, is_by_store
from server.web.typed import typed_uuid

# What the overview can be narrowed to, each by an argument of its own name.
IDS = ("region", "position", "person", "division", "product")
TEXTS = ("channel", "store_class", "product_group")
NARROWED_BY = (*IDS, *TEXTS)
# By what the table tells figures apart.
DIMENSIONS: Mapping[str, str] = {
    "person": sentence("Person"),
    "position": sentence("Position"),
    "region": sentence("Region"),
    "division": sentence("Division"),
    "channel": sentence("Channel"),
    "store_class": sentence("Class of store"),
    "product_group": sentence("Product group"),
    "product": sentence("Product"),
    "day": sentence("Day"),
    "week": sentence("Week"),
    "month": sentence("Month"),
}
_TEXT_MAX = 200
_DAYS_MAX = 1_100


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`narrowed` is what is asked for by its argument, as it stands in an address."""

    first: date
    last: date
    today: date
    show: str
    by: str
    narrowed: Mapping[str, str]
    asker_id: UUID

    @property
    def measures(self) -> list[str]:
        """The measures that are shown; where products play a part those that are told by product."""
        return self._told(is_product=self._is_narrowed_to_products)

    @property
    def group_measures(self) -> list[str]:
        """The measures of the table."""
        is_product = self.by in PRODUCTS or self._is_narrowed_to_products
        return self._told(is_product=is_product, has_store=self.by in {"channel", "store_class"})

    def _told(self, *, is_product: bool, has_store: bool = False) -> list[str]:
        has_store = has_store or bool({"channel", "store_class"} & set(self.narrowed))
        return [
            name
            for name in FIGURE_SETS[self.show].measures
            if (not is_product or is_by_product(name)) and (not has_store or is_by_store(name))
        ]

    @property
    def _is_narrowed_to_products(self) -> bool:
        return "product" in self.narrowed or "product_group" in self.narrowed

    @property
    def period(self) -> str:
        """The period as an address has it."""
        if self.is_month:
            return f"{self.first:%Y-%m}"
        if self.is_week:
            year, week, _ = self.first.isocalendar()
            return f"{year}-W{week:02}"
        return f"{self.first}..{self.last}"

    @property
    def period_told(self) -> str:
        """The period as people say it."""
        if self.is_month:
            return told_month(self.first)
        if self.first == self.last:
            return told_day(self.first)
        return tell("{first} to {last}", first=told_day(self.first), last=told_day(self.last))

    @property
    def is_month(self) -> bool:
        return self.first.day == 1 and self.last == _month_of(self.first)[1]

    @property
    def is_week(self) -> bool:
        return self.first.weekday() == 0 and (self.last - self.first).days == 6

    @property
    def earlier(self) -> str:
        """The period before, as an address has it."""
        if self.is_month:
            return f"{self.first - timedelta(days=1):%Y-%m}"
        days = self.last - self.first + timedelta(days=1)
        return f"{self.first - days}..{self.last - days}"

    @property
    def later(self) -> str:
        """The period after."""
        if self.is_month:
            return f"{self.last + timedelta(days=1):%Y-%m}"
        days = self.last - self.first + timedelta(days=1)
        return f"{self.first + days}..{self.last + days}"

    @property
    def kept(self) -> dict[str, Any]:
        """The arguments that lead to the same question."""
        return {"period": self.period, "show": self.show, "by": self.by, **self.narrowed}

    def narrowed_to(self, dimension: str, key: str) -> dict[str, Any]:
        """The arguments of the same question, narrowed to one group."""
        if dimension in {"day", "week", "month"}:
            return {**self.kept, "period": key, "by": "person"}
        finer = {"region": "person", "product_group": "product"}.get(dimension, "day")
        return {**self.kept, dimension: key, "by": finer}

    def question(self, *group_by: str) -> Question:
        """The question itself, with what it is told apart by."""
        ids = {name: UUID(self.narrowed[name]) for name in IDS if name in self.narrowed}
        return Question(
            first_day=self.first,
            last_day=self.last,
            group_by=group_by,
            person_id=ids.get("person"),
            position_ids=[ids["position"]] if "position" in ids else None,
            region_id=ids.get("region"),
            division_id=ids.get("division"),
            channel=self.narrowed.get("channel"),
            store_class=self.narrowed.get("store_class"),
            product_group=self.narrowed.get("product_group"),
            product_id=ids.get("product"),
            asker_id=self.asker_id,
        )


def read_asked(visitor: Visitor, arguments: Mapping[str, str]) -> Asked:
    """What an address asks; nothing said is this month. Raises NotFound on what is none."""
    first, last = _period(visitor.today, arguments)
    show = arguments.get("show") or next(iter(FIGURE_SETS))
    by = arguments.get("by") or "person"
    if show not in FIGURE_SETS or by not in DIMENSIONS:
        raise NotFound
    narrowed = {}
    for name in NARROWED_BY:
        typed = arguments.get(name, "")
        if not typed:
            continue
        if len(typed) > _TEXT_MAX or not typed.isprintable():
            raise NotFound
        narrowed[name] = str(typed_uuid(typed)) if name in IDS else typed
    return Asked(
        first=first,
        last=last,
        today=visitor.today,
        show=show,
        by=by,
        narrowed=narrowed,
        asker_id=visitor.person_id,
    )


def _period(today: date, arguments: Mapping[str, str]) -> tuple[date, date]:
    typed = arguments.get("period", "")
    if arguments.get("first") and arguments.get("last"):
        typed = f"{arguments['first']}..{arguments['last']}"
    if not typed:
        return _month_of(today)
    try:
        first, last = read_period(typed)
    except QuestionInvalid:
        raise NotFound from None
    if (last - first).days >= _DAYS_MAX or not 2000 <= first.year <= last.year <= 2200:
        raise NotFound
    return first, last


def _month_of(day: date) -> tuple[date, date]:
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
