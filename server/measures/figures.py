"""The measures by name: what stands above and below the line of each, and in which unit.

A figure is two whole numbers, never a quotient: whoever shows it divides. Source: domain rules, "Measures".
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from server.measures import families
from server.measures.facts import Asking

Family = Callable[[Asking], str]
_WITH_PRODUCTS: tuple[Family, ...] = (
    families.sales,
    families.sale_lines,
    families.orders,
    families.order_lines,
    families.deliveries,
    families.checks,
    families.distribution,
)


@dataclass(frozen=True, slots=True)
class Term:
    """A whole number of a family: its name there, which facts are behind it (behind.py), and whether
    there is one for each currency.
    """

    family: Family
    column: str
    facts: str
    is_by_currency: bool = False

    @property
    def has_products(self) -> bool:
        """Whether its facts are about products."""
        return self.family in _WITH_PRODUCTS


@dataclass(frozen=True, slots=True)
class Measure:
    """A measure; without a denominator it is a count or a sum.

    Told by product, what is below the line may be the same for every product.
    """

    name: str
    about: str
    unit: str
    numerator: Term
    denominator: Term | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of one group. A denominator of None: there is none; of 0: there is no quotient."""

    measure: str
    unit: str
    numerator: int
    denominator: int | None = None
    currency: str | None = None

    @property
    def quotient(self) -> Fraction | None:
        """The exact quotient; None where there is none."""
        if not self.denominator:
            return None
        return Fraction(self.numerator, self.denominator)


def _check(name: str, about: str, unit: str) -> Measure:
    """What store checks measure: the form's two numbers, added up."""
    return Measure(
        name,
        about,
        unit,
        Term(families.checks, f"{name.lower()}_over", "checks"),
        Term(families.checks, f"{name.lower()}_out_of", "checks"),
    )


_SC = Term(families.plans, "sc", "stops")
_TC = Term(families.visits, "tc", "visits")
_PC = Term(families.sales, "pc", "sales")

MEASURES: tuple[Measure, ...] = (
    Measure("SC", "store-days planned: stops of frozen day plans", "store-days", _SC),
    Measure("TC", "store-days visited by a visit that counts", "store-days", _TC),
    Measure("PC", "store-days visited with an order above zero", "store-days", _PC),
    Measure(
        "COVERAGE",
        "planned and visited ÷ planned",
        "ratio",
        Term(families.plans, "planned_visited", "stops"),
        _SC,
    ),
    Measure("STRIKE_RATE", "PC ÷ TC", "ratio", _PC, _TC),
    Measure("STRIKE_RATE_PLANNED", "PC ÷ SC", "ratio", _PC, _SC),
    Measure(
        "LINES_PER_CALL",
        "order lines ÷ PC",
        "lines",
        Term(families.sale_lines, "sale_lines", "sales"),
        _PC,
    ),
    Measure(
        "DROP_SIZE",
        "value of the orders ÷ PC, in each currency",
        "minor units",
        Term(families.sales, "value", "sales", is_by_currency=True),
        Term(families.sales, "sold_days", "sales", is_by_currency=True),
    ),
    Measure(
        "ACTIVE_COVERAGE",
        "active stores visited ÷ active stores",
        "ratio",
        Term(families.stores, "active_visited", "visits"),
        Term(families.stores, "active_stores", "stores"),
    ),
    Measure(
        "VISITED_STORES",
        "stores visited by a visit that counts",
        "stores",
        Term(families.visits, "visited_stores", "visits"),
    ),
    Measure(
        "NET_VALUE",
        "what was ordered less what was given back, in each currency",
        "minor units",
        Term(families.orders, "net_value", "orders", is_by_currency=True),
    ),
    Measure(
        "ORDER_LINES",
        "lines of the orders",
        "lines",
        Term(families.order_lines, "order_lines", "lines"),
    ),
    Measure(
        "QUANTITY",
        "what was ordered less what was given back, in base units",
        "base units",
        Term(families.order_lines, "quantity", "lines"),
    ),
    Measure(
        "FILL_RATE",
        "base units delivered ÷ ordered, of the lines that drivers confirmed",
        "ratio",
        Term(families.deliveries, "delivered_units", "deliveries"),
        Term(families.deliveries, "ordered_units", "deliveries"),
    ),
    Measure(
        "NUMERIC_DISTRIBUTION",
        "active stores where the product was there at its last check ÷ active stores",
        "ratio",
        Term(families.distribution, "stocking_stores", "stocking"),
        Term(families.stores, "active_stores", "stores"),
    ),
    _check("OSA", "items present ÷ items that apply", "ratio"),
    _check("SHARE_OF_SHELF", "own facings ÷ facings of the category", "ratio"),
    _check("STOCK_AGE", "days since production ÷ items with a date", "days"),
    _check("FRESHNESS", "days to expiry ÷ shelf life", "ratio"),
    _check("STORE_SCORE", "weighted points ÷ weighted full points", "ratio"),
    Measure(
        "DISTANCE",
        "way of people's days ÷ person-days with a track",
        "cm",
        Term(families.tracks, "distance_cm", "tracks"),
        Term(families.tracks, "track_days", "tracks"),
    ),
    Measure(
        "WORKING_TIME",
        "time at work ÷ person-days with duty",
        "minutes",
        Term(families.duty, "worked_min", "duty"),
        Term(families.duty, "duty_days", "duty"),
    ),
)
MEASURES_BY_NAME = {measure.name: measure for measure in MEASURES}
