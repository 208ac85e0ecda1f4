"""What the pages of plans say and read: amounts, weights, why a part has what it has, why a split is refused."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from babel.numbers import get_currency_precision
from werkzeug.exceptions import NotFound

from mobile_contract.fields import JSON_INT_MAX
from server.language import in_english, sentence, tell, told_money, told_month, told_number
from server.measures.lines import told_decimal
from server.planning.errors import NoSuchRegion, PlanningError
from server.targets.errors import NoSuchPlan, TargetsError
from server.targets.tree import Level, Node
from server.web.figure_words import MEASURE_WORDS
from server.web.route_words import told_refusal as told_planning_refusal

_DIGITS_MAX = 20

_REFUSED = {
    "target_plan_exists": sentence("This is set already: split that plan again instead."),
    "target_plan_outdated": sentence(
        "Somebody split this plan meanwhile. Open it anew and look at it as it is now."
    ),
    "nobody_to_split_over": sentence("No such position is in this region or below it."),
    "too_many_target_nodes": sentence(
        "The plan would have too many parts: set it for a region below or a division."
    ),
    "no_such_target_node": sentence("A part that shall be fixed is not in the plan any more."),
}
# Of what is typed, by the word with which a TargetInvalid begins.
_FIELDS = {
    "year": sentence("A year from 2000 to 2100."),
    "measure": sentence("Choose what is counted."),
    "weights": sentence("Three percentages that are 100 together."),
    "product groups": sentence(
        "Only values, lines and quantities add up over product groups; at most 100 of them."
    ),
    "product group": sentence("A product group that has no active product."),
    "currency": sentence("Three capital letters."),
    "amount": sentence("A number that is not negative, and not too large."),
    "reason": sentence("At most 400 characters on one line."),
    "roles": sentence("Choose whose positions."),
    "potential by class": sentence("Whole numbers from 0 to 1000."),
    "month": sentence("A month of the plan's year."),
}


class TypedWrongly(Exception):
    """A field of a form is not what it should be; `field` is its name."""

    def __init__(self, field: str, words: str) -> None:
        super().__init__(words)
        self.field = field
        self.words = words


def told_faults(refused: TargetsError | PlanningError | TypedWrongly) -> dict[str, str]:
    """Why a plan is refused, by the field of the form; "" is the form itself. What is not there raises NotFound."""
    if isinstance(refused, TypedWrongly):
        return {refused.field: refused.words}
    if isinstance(refused, NoSuchRegion | NoSuchPlan):
        raise NotFound
    if isinstance(refused, PlanningError):
        return {"": told_planning_refusal(refused)}
    if refused.code in _REFUSED:
        return {"": tell(_REFUSED[refused.code])}
    name = in_english(refused).partition(":")[0]
    field = next((one for one in _FIELDS if name.startswith(one)), None)
    return {"": str(refused)} if field is None else {_form_field(field): tell(_FIELDS[field])}


def told_amount(amount: int, currency: str | None) -> str:
    """An amount, as money where it is some."""
    return told_number(amount) if currency is None else told_money(amount, currency)


def told_quota(quota: Fraction, currency: str | None) -> str:
    """The exact amount before rounding, to three digits of its smallest unit."""
    digits = 0 if currency is None else get_currency_precision(currency)
    return told_number(Decimal(told_decimal(quota / 10**digits, 3 + digits)))


def written_amount(amount: int, currency: str | None) -> str:
    """An amount as it is typed."""
    if currency is None:
        return str(amount)
    digits = get_currency_precision(currency)
    return f"{Decimal(amount).scaleb(-digits):.{digits}f}"


def typed_amount(field: str, typed: str, currency: str | None) -> int:
    """An amount that somebody typed, money in its main unit. Raises TypedWrongly."""
    digits = 0 if currency is None else get_currency_precision(currency)
    try:
        number = Decimal(typed.strip().replace(",", "").replace(" ", "")[:_DIGITS_MAX])
        scaled = number.scaleb(digits)
    except ArithmeticError:
        raise TypedWrongly(field, tell("This is no number.")) from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        words = tell("A number with at most {digits} digits after the point.", digits=digits)
        raise TypedWrongly(field, words)
    if not 0 <= scaled <= JSON_INT_MAX:
        raise TypedWrongly(field, tell(_FIELDS["amount"]))
    return int(scaled)


def typed_permille(typed: str) -> int:
    """A percentage with at most one digit after the point. Raises TypedWrongly."""
    try:
        permille = Decimal(typed.strip()[:_DIGITS_MAX] or "0") * 10
    except ArithmeticError:
        raise TypedWrongly("weights", tell(_FIELDS["weights"])) from None
    if not permille.is_finite() or permille != permille.to_integral_value():
        raise TypedWrongly("weights", tell(_FIELDS["weights"]))
    return int(max(min(permille, Decimal(10_000)), Decimal(-1)))


def written_percent(permille: int) -> str:
    """Thousandths as a percentage is typed: 600 → "60", 125 → "12.5"."""
    return (
        f"{Decimal(permille) / 10:f}".rstrip("0").rstrip(".")
        if permille % 10
        else str(permille // 10)
    )


def told_why(node: Node) -> str:
    """Why a node has what it has, in words."""
    if node.is_carried:
        return tell("its month was over")
    if node.is_pinned:
        return tell("fixed")
    if node.is_fixed_below:
        return tell("its parts are fixed")
    if node.place.level is Level.YEAR:
        return tell("set")
    if node.has_extra:
        return tell("rounded up")
    return tell("rounded down") if node.remainder else tell("exact")


def told_part(node: Node, code: str, name: str) -> str:
    """What a part is called."""
    level, month = node.place.level, node.place.month
    if level is Level.YEAR:
        return tell("the whole year")
    if level is Level.MONTH and month is not None:
        return told_month(month)
    if level is Level.GROUP:
        return name
    return f"{code} {name}" if level is Level.POSITION else name


def told_measure(measure: str) -> str:
    """What is counted."""
    return tell(MEASURE_WORDS.get(measure, measure))


def plan_choices(names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Choices with their words told."""
    return [(key, tell(words)) for key, words in names.items()]


def _form_field(name: str) -> str:
    known = {
        "amount": "total",
        "product groups": "group",
        "product group": "group",
        "potential by class": "potential",
        "roles": "role",
        "month": "from_month",
    }
    return known.get(name, name)
