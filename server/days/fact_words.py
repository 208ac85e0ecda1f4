"""The flags of forms, orders, activities and location checks in plain words: their sentences by name.

Amounts of money are told in minor units: a flag does not say of which currency they are.
"""

from collections.abc import Callable

Figures = dict[str, int]


def counted(number: int, noun: str) -> str:
    """A number of things: 1 line, 2,000 lines."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _lines(words_of_one: str, words_of_many: str) -> Callable[[Figures], str]:
    def told(figures: Figures) -> str:
        lines = figures["lines"]
        return f"{counted(lines, 'line')} {words_of_one if lines == 1 else words_of_many}"

    return told


def _says(words: str) -> Callable[[Figures], str]:
    return lambda _: words


# ---- forms ----------------------------------------------------------------------------------


def _questions(words: str) -> Callable[[Figures], str]:
    return lambda figures: f"{counted(figures['count'], 'question')} {words}"


def _score_differs(figures: Figures) -> str:
    return (
        f"the phone showed the score {_score(figures.get('sent_e2'))},"
        f" the server found {_score(figures.get('held_e2'))}"
    )


def _score(score_e2: int | None) -> str:
    return "none" if score_e2 is None else f"{score_e2 // 100}.{score_e2 % 100:02}"


def _corrected_meanwhile(figures: Figures) -> str:
    return (
        f"corrected from version {figures['base_version']}, when there was version"
        f" {figures['version']} already"
    )


# ---- orders ---------------------------------------------------------------------------------


def _sums_wrong(figures: Figures) -> str:
    lines, wrong = figures["lines"], []
    if lines:
        wrong.append(f"{counted(lines, 'line')} {'does' if lines == 1 else 'do'} not add up")
    if figures["order"]:
        wrong.append("the lines do not add up to the total")
    return " and ".join(wrong) or "what was sent does not add up"


def _total_differs(figures: Figures) -> str:
    lines = figures["lines"]
    told = f"{counted(lines, 'line')} {'costs' if lines == 1 else 'cost'} otherwise by the server's prices"
    server_total = figures.get("server_total_minor")
    if server_total is None:
        return told
    total = figures["total_minor"]
    return f"{told}: {total:,} in minor units on the phone, {server_total:,} here"


def _below_minimum(figures: Figures) -> str:
    return f"worth {figures['total_minor']:,} in minor units, at least {figures['minimum_minor']:,} expected"


def _over_credit(figures: Figures) -> str:
    available = figures["available_minor"]
    left = f"{available:,} of credit available" if available > 0 else "no credit available"
    return f"worth {figures['total_minor']:,} in minor units, {left}"


def _amended_over(figures: Figures) -> str:
    return (
        f"amended from version {figures['base_order_version']}, when there was version"
        f" {figures['order_version']} already"
    )


# ---- activities -----------------------------------------------------------------------------


def _other_standards(figures: Figures) -> str:
    return f"names version {figures['named']} of the standards; judged by version {figures['judged_by']}"


def _items_unanswered(figures: Figures) -> str:
    return f"{figures['missing']} of {figures['required']} items not answered{_items(figures)}"


def _photos_missing(figures: Figures) -> str:
    return f"{figures['missing']} of {figures['required']} photos missing{_items(figures)}"


def _items(figures: Figures) -> str:
    prefix = "item_"
    named = [key.removeprefix(prefix).upper() for key in figures if key.startswith(prefix)]
    return f": {', '.join(named)}" if named else ""


def _items_unknown(figures: Figures) -> str:
    unknown = figures["unknown"]
    return f"{counted(unknown, 'item')} that the standards do not have"


SENTENCES: dict[str, Callable[[Figures], str]] = {
    "required_missing": _questions("not answered that must be"),
    "past_limit": _questions("answered past a limit"),
    "hidden_answered": _questions("answered though not shown"),
    "computed_differs": _questions("worked out otherwise on the phone"),
    "score_differs": _score_differs,
    "corrected_meanwhile": _corrected_meanwhile,
    "other_store": _says("the visit was at another store"),
    "visit_elsewhere": _says("its visit was at another store"),
    "not_sold": _lines("of a product that is not sold", "of products that are not sold"),
    "sums_wrong": _sums_wrong,
    "total_differs": _total_differs,
    "without_price": _lines("without a price", "without a price"),
    "other_currency": _says("not in the currency of the store's terms"),
    "below_minimum": _below_minimum,
    "line_below_minimum": _lines("below its least quantity", "below their least quantities"),
    "over_credit": _over_credit,
    "amended_over": _amended_over,
    "activity_over": _says("the activity had ended when it was asked for"),
    "other_channel": _says("the activity is for stores of other channels"),
    "other_region": _says("the activity is for stores of other regions"),
    "not_running": _says("the store did not run the activity"),
    "activity_not_open": _says("the activity was not open"),
    "other_standards": _other_standards,
    "items_unanswered": _items_unanswered,
    "photos_missing": _photos_missing,
    "items_unknown": _items_unknown,
    "from_gallery": _says("chosen among pictures, not taken by the app's camera"),
    "no_fix": _says("answered without a position"),
}
"""What tells no length of time; those that do stand in words.py."""
