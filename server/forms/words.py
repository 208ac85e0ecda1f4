"""A filled-in form in plain words: answers as a person reads them, the score and how it came about."""

from collections.abc import Iterator, Mapping
from typing import Any

from server.days.words import told_flag
from server.forms.answers import AnswerShown
from server.language import sentence, spoken_language, tell, tell_number
from sync.flag import Flag
from sync.money import told_amount

NOT_ANSWERED = "–"
Json = Mapping[str, Any]


def told_title(named: Json) -> str:
    """The title of a form, question, column, option or row in the language that is spoken."""
    titles = named.get("titles") or {}
    return str(titles.get(spoken_language()) or named["title"])


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
        code, title = question["code"], told_title(question)
        if code in filling.computed:
            yield title, told_answer(question, filling.computed[code], products)
        elif code not in filling.shown:
            continue
        elif code not in answers:
            yield title, NOT_ANSWERED
        elif question["type"] == "ROWS":
            yield title, tell_number("one row", "{number} rows", len(answers[code]))
            yield from _row_lines(question, answers[code], products)
        else:
            yield title, told_answer(question, answers[code], products)


def _row_lines(
    question: Json, rows: Mapping[str, Json], products: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    titles = {row["code"]: told_title(row) for row in question["rows"].get("items") or ()}
    for name, cells in rows.items():
        said = [
            f"{told_title(column)}: {told_answer(column, cells[column['code']], products)}"
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
        return tell("yes") if answer else tell("no")
    if isinstance(answer, int):
        return _told_number(question, answer)
    if isinstance(answer, list) and question["type"] == "PHOTO":
        return tell_number("{number} photo", "{number} photos", len(answer))
    titles: Mapping[str, str] = products
    if question["type"] != "PRODUCT":
        titles = {option["code"]: told_title(option) for option in question.get("options") or ()}
    if isinstance(answer, list):
        return ", ".join(str(titles.get(each, each)) for each in answer) or tell("none")
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
            yield tell("{score}: does not apply", score=told_title(score))
            continue
        weight, reached, full = points[score["code"]]
        over, out_of = over + weight * reached, out_of + weight * full
        yield tell(
            "{score}: {reached} of {full} points, weight {weight}",
            score=told_title(score),
            reached=reached,
            full=full,
            weight=weight,
        )
    if out_of:
        told = told_score((20_000 * over + out_of) // (2 * out_of))
        yield tell(
            "score {score}: {over} of {out_of} weighted points",
            score=told,
            over=over,
            out_of=out_of,
        )


def told_form_flag(flag: Flag, definition: Json, time_zone: str) -> str:
    """A flag of a form answer as a sentence without its full stop."""
    name = str(flag["flag"])
    titles = {question["code"]: told_title(question) for question in definition["questions"]}
    figures = {key: figure for key, figure in flag.items() if key not in {"flag", "count"}}
    if name == "computed_differs":
        told = "; ".join(
            tell(
                "{question}: the phone {sent}, the server {held}",
                question=title,
                sent=_or_none(figures.get(f"{code}_sent")),
                held=_or_none(figures.get(f"{code}_held")),
            )
            for code, title in titles.items()
            if figures.keys() & {f"{code}_sent", f"{code}_held"}
        )
        return tell("worked out otherwise on the phone: {what}", what=told or flag["count"])
    if name in _OF_QUESTIONS:
        told = ", ".join(f"{titles.get(code, code)} ({figure})" for code, figure in figures.items())
        return f"{tell(_OF_QUESTIONS[name])}: {told}"
    return told_flag(flag, time_zone)


_OF_QUESTIONS = {
    "required_missing": sentence("not answered, and how many times"),
    "past_limit": sentence("past a limit, with the value, or how many"),
    "hidden_answered": sentence("answered though not shown, and how many times"),
}


def _or_none(figure: Any) -> str:
    return tell("nothing") if figure is None else str(figure)
