"""Figures as people read them: measures by their names, numbers in units, what changed since the period before."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from server.language import sentence, tell, told_money, told_number, told_permille
from server.measures.figures import MEASURES_BY_NAME, Figure
from server.measures.lines import told_decimal

NOTHING = "–"
MEASURE_WORDS: Mapping[str, str] = {
    "SC": sentence("Calls planned"),
    "TC": sentence("Calls made"),
    "PC": sentence("Calls with an order"),
    "COVERAGE": sentence("Coverage of the plan"),
    "STRIKE_RATE": sentence("Strike rate"),
    "STRIKE_RATE_PLANNED": sentence("Strike rate of planned calls"),
    "LINES_PER_CALL": sentence("Lines per call"),
    "DROP_SIZE": sentence("Drop size"),
    "ACTIVE_COVERAGE": sentence("Active stores visited"),
    "VISITED_STORES": sentence("Stores visited"),
    "NET_VALUE": sentence("Net value"),
    "ORDER_LINES": sentence("Order lines"),
    "QUANTITY": sentence("Quantity"),
    "FILL_RATE": sentence("Fill rate"),
    "NUMERIC_DISTRIBUTION": sentence("Numeric distribution"),
    "OSA": sentence("On-shelf availability"),
    "SHARE_OF_SHELF": sentence("Share of shelf"),
    "STOCK_AGE": sentence("Stock age"),
    "FRESHNESS": sentence("Freshness"),
    "STORE_SCORE": sentence("Store score"),
    "DISTANCE": sentence("Way a day"),
    "WORKING_TIME": sentence("Time at work a day"),
}
# What each is, said in a line.
MEASURE_MEANINGS: Mapping[str, str] = {
    "SC": sentence("stops of frozen day plans, a store once a day"),
    "TC": sentence("stores visited by a visit that counts, once a day"),
    "PC": sentence("stores visited with an order above zero, once a day"),
    "COVERAGE": sentence("planned and visited of planned"),
    "STRIKE_RATE": sentence("calls with an order of calls made"),
    "STRIKE_RATE_PLANNED": sentence("calls with an order of calls planned"),
    "LINES_PER_CALL": sentence("order lines by call with an order"),
    "DROP_SIZE": sentence("value of the orders by call with an order"),
    "ACTIVE_COVERAGE": sentence("active stores visited of active stores"),
    "VISITED_STORES": sentence("stores with a visit that counts"),
    "NET_VALUE": sentence("ordered less given back"),
    "ORDER_LINES": sentence("lines of the orders"),
    "QUANTITY": sentence("base units ordered less given back"),
    "FILL_RATE": sentence("base units delivered of ordered"),
    "NUMERIC_DISTRIBUTION": sentence("active stores where the product was there of active stores"),
    "OSA": sentence("items present of items that apply"),
    "SHARE_OF_SHELF": sentence("own facings of the facings of the category"),
    "STOCK_AGE": sentence("days since production by item with a date"),
    "FRESHNESS": sentence("days to expiry of shelf life"),
    "STORE_SCORE": sentence("weighted points of full points"),
    "DISTANCE": sentence("by person and day with a track"),
    "WORKING_TIME": sentence("by person and day on duty"),
}


@dataclass(frozen=True, slots=True)
class FigureSet:
    """Measures that are looked at together, and what they are called."""

    title: str
    measures: Sequence[str]


FIGURE_SETS: Mapping[str, FigureSet] = {
    "main": FigureSet(
        sentence("At a glance"),
        ("COVERAGE", "TC", "STRIKE_RATE", "NET_VALUE", "DROP_SIZE", "ACTIVE_COVERAGE"),
    ),
    "visits": FigureSet(
        sentence("Visits"),
        ("SC", "TC", "COVERAGE", "VISITED_STORES", "ACTIVE_COVERAGE", "STRIKE_RATE_PLANNED"),
    ),
    "sales": FigureSet(
        sentence("Sales"),
        (
            *("NET_VALUE", "PC", "STRIKE_RATE", "DROP_SIZE", "LINES_PER_CALL"),
            *("ORDER_LINES", "QUANTITY", "FILL_RATE"),
        ),
    ),
    "store": FigureSet(
        sentence("In the store"),
        (
            *("OSA", "SHARE_OF_SHELF", "FRESHNESS", "STOCK_AGE", "STORE_SCORE"),
            "NUMERIC_DISTRIBUTION",
        ),
    ),
    "work": FigureSet(sentence("At work"), ("WORKING_TIME", "DISTANCE", "TC")),
}
_WITHOUT_STORE = ("DISTANCE", "WORKING_TIME")
_CM_A_METRE = 100


def is_by_product(name: str) -> bool:
    """Whether a measure is told by product."""
    return MEASURES_BY_NAME[name].numerator.has_products


def is_by_store(name: str) -> bool:
    """Whether a measure is told by what its stores are."""
    return name not in _WITHOUT_STORE


def told_figure(figure: Figure) -> str:
    """A figure in its unit; a quotient rounded, halves away from zero."""
    if figure.denominator is None:
        if figure.currency is not None:
            return told_money(figure.numerator, figure.currency)
        return told_number(figure.numerator)
    quotient = figure.quotient
    if quotient is None:
        return NOTHING
    if figure.currency is not None:
        return told_money(_rounded(quotient), figure.currency)
    return _TOLD.get(figure.unit, _told_tenths)(quotient)


def _told_ratio(quotient: Fraction) -> str:
    return told_permille(_rounded(quotient * 1000))


def _told_way(quotient: Fraction) -> str:
    return tell("{number} km", number=_told_tenths(quotient / (1000 * _CM_A_METRE)))


def _told_time(quotient: Fraction) -> str:
    hours, minutes = divmod(_rounded(quotient), 60)
    return tell("{hours} h {minutes} min", hours=hours, minutes=str(minutes).zfill(2))


def _told_tenths(quotient: Fraction) -> str:
    return told_number(Decimal(told_decimal(quotient, 1)))


_TOLD: Mapping[str, Callable[[Fraction], str]] = {
    "ratio": _told_ratio,
    "cm": _told_way,
    "minutes": _told_time,
}


def told_parts(figure: Figure) -> str | None:
    """The two numbers of a ratio: "214 of 256"; None of what is none."""
    if figure.denominator is None or figure.unit != "ratio":
        return None
    return tell(
        "{part} of {whole}",
        part=told_number(figure.numerator),
        whole=told_number(figure.denominator),
    )


def plain_figure(figure: Figure) -> int | float | None:
    """A figure as a file has it: percent of a ratio, minor units of money, metres, minutes."""
    scaled = scaled_figure(figure)
    if scaled is None:
        return None
    scale = scale_of(figure)
    return scaled if scale == 1 else float(Decimal(scaled) / scale)


def scaled_figure(figure: Figure) -> int | None:
    """A figure in the smallest steps that are shown: `scale_of` of them are one."""
    if figure.denominator is None:
        return figure.numerator
    quotient = figure.quotient
    if quotient is None:
        return None
    if figure.unit == "ratio":
        return _rounded(quotient * 1000)
    if figure.unit == "cm":
        return _rounded(quotient / _CM_A_METRE)
    return _rounded(quotient * scale_of(figure))


def scale_of(figure: Figure) -> int:
    """How many steps are one: of a ratio thousandths are shown as percent with a digit."""
    is_quotient = figure.denominator is not None
    return 10 if is_quotient and figure.unit in {"ratio", "lines", "days"} else 1


def told_unit(name: str) -> str:
    """In which unit a file has a measure; nothing where it counts."""
    measure = MEASURES_BY_NAME[name]
    match measure.unit:
        case "ratio":
            return "%"
        case "minor units":
            return tell("minor units")
        case "cm":
            return tell("m")
        case "minutes":
            return tell("minutes")
        case "days":
            return tell("days")
    return ""


def told_change(now: Figure, before: Figure | None) -> str | None:
    """What changed since the period before: points of a ratio, else percent. None: nothing to hold against."""
    if before is None:
        return None
    if now.unit == "ratio":
        if now.quotient is None or before.quotient is None:
            return None
        change = _rounded((now.quotient - before.quotient) * 1000)
        points = told_number(Decimal(abs(change)) / 10)
        return tell("{sign}{number} points", sign=_sign(change), number=points)
    new = now.quotient if now.denominator is not None else Fraction(now.numerator)
    old = before.quotient if before.denominator is not None else Fraction(before.numerator)
    if new is None or not old:
        return None
    change = _rounded((new - old) / abs(old) * 1000)
    return f"{_sign(change)}{told_permille(abs(change))}"


def _sign(change: int) -> str:
    return "+" if change > 0 else "−" if change < 0 else "±"


def _rounded(number: Fraction) -> int:
    return int(told_decimal(number, 0))
