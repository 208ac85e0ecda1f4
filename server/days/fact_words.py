"""The flags of forms, orders, activities and location checks in plain words: their sentences by name.

Amounts of money are told in minor units: a flag does not say of which currency they are.
"""

from collections.abc import Callable

from server.language import sentence, tell, tell_number, told_list, told_number

Figures = dict[str, int]


def _says(words: str) -> Callable[[Figures], str]:
    return lambda _: tell(words)


def _figure(figures: Figures, name: str) -> str:
    return told_number(figures[name])


# ---- forms ----------------------------------------------------------------------------------


def _required_missing(figures: Figures) -> str:
    return tell_number(
        "1 question not answered that must be",
        "{number} questions not answered that must be",
        figures["count"],
    )


def _past_limit(figures: Figures) -> str:
    return tell_number(
        "1 question answered past a limit",
        "{number} questions answered past a limit",
        figures["count"],
    )


def _hidden_answered(figures: Figures) -> str:
    return tell_number(
        "1 question answered though not shown",
        "{number} questions answered though not shown",
        figures["count"],
    )


def _computed_differs(figures: Figures) -> str:
    return tell_number(
        "1 question worked out otherwise on the phone",
        "{number} questions worked out otherwise on the phone",
        figures["count"],
    )


def _score_differs(figures: Figures) -> str:
    return tell(
        "the phone showed the score {sent}, the server found {held}",
        sent=_score(figures.get("sent_e2")),
        held=_score(figures.get("held_e2")),
    )


def _score(score_e2: int | None) -> str:
    return tell("none") if score_e2 is None else f"{score_e2 // 100}.{score_e2 % 100:02}"


def _corrected_meanwhile(figures: Figures) -> str:
    return tell(
        "corrected from version {base}, when there was version {version} already",
        base=figures["base_version"],
        version=figures["version"],
    )


# ---- orders ---------------------------------------------------------------------------------


def _not_sold(figures: Figures) -> str:
    return tell_number(
        "1 line of a product that is not sold",
        "{number} lines of products that are not sold",
        figures["lines"],
    )


def _without_price(figures: Figures) -> str:
    return tell_number("1 line without a price", "{number} lines without a price", figures["lines"])


def _line_below_minimum(figures: Figures) -> str:
    return tell_number(
        "1 line below its least quantity",
        "{number} lines below their least quantities",
        figures["lines"],
    )


def _sums_wrong(figures: Figures) -> str:
    lines = figures["lines"]
    if lines and figures["order"]:
        return tell_number(
            "1 line does not add up and the lines do not add up to the total",
            "{number} lines do not add up and the lines do not add up to the total",
            lines,
        )
    if lines:
        return tell_number("1 line does not add up", "{number} lines do not add up", lines)
    if figures["order"]:
        return tell("the lines do not add up to the total")
    return tell("what was sent does not add up")


def _total_differs(figures: Figures) -> str:
    told = tell_number(
        "1 line costs otherwise by the server's prices",
        "{number} lines cost otherwise by the server's prices",
        figures["lines"],
    )
    if figures.get("server_total_minor") is None:
        return told
    return tell(
        "{told}: {sent} in minor units on the phone, {held} here",
        told=told,
        sent=_figure(figures, "total_minor"),
        held=_figure(figures, "server_total_minor"),
    )


def _below_minimum(figures: Figures) -> str:
    return tell(
        "worth {total} in minor units, at least {minimum} expected",
        total=_figure(figures, "total_minor"),
        minimum=_figure(figures, "minimum_minor"),
    )


def _over_credit(figures: Figures) -> str:
    total = _figure(figures, "total_minor")
    if figures["available_minor"] <= 0:
        return tell("worth {total} in minor units, no credit available", total=total)
    return tell(
        "worth {total} in minor units, {available} of credit available",
        total=total,
        available=_figure(figures, "available_minor"),
    )


def _amended_over(figures: Figures) -> str:
    return tell(
        "amended from version {base}, when there was version {version} already",
        base=figures["base_order_version"],
        version=figures["order_version"],
    )


# ---- activities -----------------------------------------------------------------------------


def _other_standards(figures: Figures) -> str:
    return tell(
        "names version {named} of the standards; judged by version {judged_by}",
        named=figures["named"],
        judged_by=figures["judged_by"],
    )


def _items_unanswered(figures: Figures) -> str:
    told = tell(
        "{missing} of {required} items not answered",
        missing=figures["missing"],
        required=figures["required"],
    )
    return _with_items(told, figures)


def _photos_missing(figures: Figures) -> str:
    told = tell(
        "{missing} of {required} photos missing",
        missing=figures["missing"],
        required=figures["required"],
    )
    return _with_items(told, figures)


def _with_items(told: str, figures: Figures) -> str:
    prefix = "item_"
    named = [key.removeprefix(prefix).upper() for key in figures if key.startswith(prefix)]
    return tell("{first}: {rest}", first=told, rest=told_list(named)) if named else told


def _items_unknown(figures: Figures) -> str:
    return tell_number(
        "1 item that the standards do not have",
        "{number} items that the standards do not have",
        figures["unknown"],
    )


SENTENCES: dict[str, Callable[[Figures], str]] = {
    "required_missing": _required_missing,
    "past_limit": _past_limit,
    "hidden_answered": _hidden_answered,
    "computed_differs": _computed_differs,
    "score_differs": _score_differs,
    "corrected_meanwhile": _corrected_meanwhile,
    "other_store": _says(sentence("the visit was at another store")),
    "visit_elsewhere": _says(sentence("its visit was at another store")),
    "not_sold": _not_sold,
    "sums_wrong": _sums_wrong,
    "total_differs": _total_differs,
    "without_price": _without_price,
    "other_currency": _says(sentence("not in the currency of the store's terms")),
    "below_minimum": _below_minimum,
    "line_below_minimum": _line_below_minimum,
    "over_credit": _over_credit,
    "amended_over": _amended_over,
    "activity_over": _says(sentence("the activity had ended when it was asked for")),
    "other_channel": _says(sentence("the activity is for stores of other channels")),
    "other_region": _says(sentence("the activity is for stores of other regions")),
    "not_running": _says(sentence("the store did not run the activity")),
    "activity_not_open": _says(sentence("the activity was not open")),
    "other_standards": _other_standards,
    "items_unanswered": _items_unanswered,
    "photos_missing": _photos_missing,
    "items_unknown": _items_unknown,
    "from_gallery": _says(sentence("chosen among pictures, not taken by the app's camera")),
    "no_fix": _says(sentence("answered without a position")),
}
"""What tells no length of time; those that do stand in words.py."""
