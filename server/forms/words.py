"""A filled-in form in plain words: answers as a person reads them, the score and how it came about."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.days.words import told_flag
from server.forms.answers import AnswerShown
from sync.flag import Flag
from sync.money import told_amount

NOT_ANSWERED = "–"
Json = Mapping[str, Any]


def told_score(score_e2: int | None) -> str:
    """A score as people say it, from 0 to 100 with two digits."""
    return NOT_ANSWERED if score_e2 is None else f"{score_e2 // 100}.{score_e2 % 100:02}"


def told_decimal(number: int, decimals: int) -> str:
    """A scaled whole number with its point."""
    if not decimals:
        return str(number)
    digits = str(abs(number)).rjust(decimals + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def answer_lines(shown: AnswerShown, products: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What was asked and what was answered, in the order of the form: (title, words).

    Hidden questions are left out. `products` has the names of products by id.
    """
    answers, filling = shown.looked_at.answers, shown.filling
    for question in shown.definition["questions"]:
        code, title = question["code"], question["title"]
        if code in filling.computed:
            yield title, told_answer(question, filling.computed[code], products)
        elif code not in filling.shown:
            continue
        elif code not in answers:
            yield title, NOT_ANSWERED
        elif question["type"] == "ROWS":
            yield title, f"{len(answers[code])} rows"
            yield from _row_lines(question, answers[code], products)
        else:
            yield title, told_answer(question, answers[code], products)


def _row_lines(
    question: Json, rows: Mapping[str, Json], products: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    titles = {row["code"]: row["title"] for row in question["rows"].get("items") or ()}
    for name, cells in rows.items():
        said = [
            f"{column['title']}: {told_answer(column, cells[column['code']], products)}"
            for column in question["columns"]
            if column["code"] in cells
        ]
        yield (
            f"  {titles.get(name) or products.get(name) or name}",
            ", ".join(said) or NOT_ANSWERED,
        )


def told_answer(question: Json, answer: Any, products: Mapping[str, str]) -> str:
    """One answer in words, as its question asks."""
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    if isinstance(answer, int):
        return _told_number(question, answer)
    if isinstance(answer, list) and question["type"] == "PHOTO":
        return f"{len(answer)} photo{'' if len(answer) == 1 else 's'}"
    titles: Mapping[str, str] = products
    if question["type"] != "PRODUCT":
        titles = {option["code"]: option["title"] for option in question.get("options") or ()}
    if isinstance(answer, list):
        return ", ".join(str(titles.get(each, each)) for each in answer) or "none"
    return str(titles.get(answer, answer))


def _told_number(question: Json, answer: int) -> str:
    currency = question.get("currency")
    if currency is not None:
        return f"{told_amount(answer, currency)} {currency}"
    number = told_decimal(answer, question.get("decimals") or 0)
    return f"{number} {question['unit']}" if question.get("unit") else number


def score_lines(shown: AnswerShown) -> Iterator[str]:
    """How the score came about, a line for each part, and the sum."""
    points = shown.looked_at.points
    over = out_of = 0
    for score in shown.definition.get("scores") or ():
        if score["code"] not in points:
            yield f"{score['title']}: does not apply"
            continue
        weight, reached, full = points[score["code"]]
        over, out_of = over + weight * reached, out_of + weight * full
        yield f"{score['title']}: {reached} of {full} points, weight {weight}"
    if out_of:
        told = told_score((20_000 * over + out_of) // (2 * out_of))
        yield f"score {told}: {over} of {out_of} weighted points"


def told_form_flag(flag: Flag, definition: Json, time_zone: str) -> str:
    """A flag of a form answer as a sentence without its full stop."""
    name = str(flag["flag"])
    titles = {question["code"]: question["title"] for question in definition["questions"]}
    figures = {key: figure for key, figure in flag.items() if key not in {"flag", "count"}}
    if name == "computed_differs":
        told = "; ".join(
            f"{title}: the phone {_or_none(figures.get(f'{code}_sent'))}, "
            f"the server {_or_none(figures.get(f'{code}_held'))}"
            for code, title in titles.items()
            if figures.keys() & {f"{code}_sent", f"{code}_held"}
        )
        return f"worked out otherwise on the phone: {told or flag['count']}"
    if name in _OF_QUESTIONS:
        told = ", ".join(f"{titles.get(code, code)} ({figure})" for code, figure in figures.items())
        return f"{_OF_QUESTIONS[name]}: {told}"
    return told_flag(flag, time_zone)


_OF_QUESTIONS = {
    "required_missing": "not answered, and how many times",
    "past_limit": "past a limit, with the value, or how many",
    "hidden_answered": "answered though not shown, and how many times",
}


def _or_none(figure: Any) -> str:
    return "nothing" if figure is None else str(figure)
