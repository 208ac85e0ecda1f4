"""What is worked out, in the editor of forms: figures, what is counted from a list, and parts of the score."""

from collections.abc import Mapping, Sequence
from typing import Any

from server.forms.asked_if import hows_of
from server.forms.points import FIGURES, Figure, Way, is_figure, read_figure, read_way
from server.language import tell
from server.web.filled import Filled
from server.web.form_clauses import read_when, read_where, typed_when
from server.web.form_texts import read_titles, typed_titles

Json = Mapping[str, Any]
Typed = dict[str, str | list[str]]


def typed_worked_out(question: Json, earlier: Sequence[Json]) -> Typed:
    expression, result = question.get("expression"), question.get("result", "INT")
    typed: Typed = {"result": result}
    if result == "BOOL":
        return typed | typed_when(expression, earlier)
    figure = None if expression is None else read_figure(expression, earlier)
    if expression is not None and figure is None:
        return typed | {"figure_kept": "1"}
    if figure is not None:
        typed |= {"left": figure.left, "sign": figure.sign, "right": figure.right}
    return typed


def read_worked_out(form: Filled, was: Json, earlier: Sequence[Json]) -> dict[str, Any]:
    result = "BOOL" if form["result"] == "BOOL" else "INT"
    before = was.get("expression") if was.get("result") == result else None
    if result == "BOOL":
        return {"result": result, "expression": read_when(form, before, earlier), "unit": None}
    if before is not None and form["figure_kept"] == "1":
        return {"result": result, "expression": before}
    figures = {question["code"] for question in earlier if is_figure(question)}
    left, sign, right = form["left"], form["sign"], form["right"]
    if not left and not right:
        return {"result": result}
    if {left, right} <= figures and sign in FIGURES:
        return {"result": result, "expression": Figure(left, sign, right).written()}
    form.fault("expression", tell("Choose both figures."))
    return {"result": result}


def read_tally(form: Filled, earlier: Sequence[Json]) -> dict[str, Any] | None:
    rows = next(
        (one for one in earlier if one["type"] == "ROWS" and one["code"] == form["tally_rows"]),
        None,
    )
    if rows is None:
        return None
    columns = rows.get("columns") or []
    column = next((one for one in columns if one["code"] == form["tally_column"]), None)
    take = form["take"] if form["take"] in {"COUNT", "SUM", "MIN", "MAX"} else "COUNT"
    tally: dict[str, Any] = {"rows": rows["code"], "take": take}
    if column is not None:
        tally["column"] = column["code"]
    if take != "COUNT" and column is not None and column["type"] == "DAY":
        tally["read_as"] = "DAYS_UNTIL" if form["read_as"] == "DAYS_UNTIL" else "DAYS_SINCE"
    where = read_where(form, columns)
    return {**tally, "where": where} if where else tally


def typed_score(score: Json, questions: Sequence[Json]) -> Typed:
    """A part of the score as it stands in the form."""
    way = read_way(score["points"], score["full"], questions)
    typed: Typed = {
        **typed_titles(score),
        "weight": str(score["weight"]),
        "full": str(score["full"]),
        **typed_when(score.get("applies_when"), questions),
    }
    if way is None:
        return typed | {"points_from": "kept"}
    if way.how == "share":
        whole = "" if way.whole is None else str(way.whole)
        share = {"over": way.of, "out_of": way.out_of, "share_points": whole}
        return typed | {"points_from": "share", **share}
    given = {f"points-{code}": str(points) for code, points in way.by_option.items()}
    return typed | {"points_from": f"{way.how} {way.of}", **given}


def read_score(form: Filled, was: Json, questions: Sequence[Json]) -> dict[str, Any]:
    """A part of the score as it was typed."""
    said = read_titles(form, was)
    for name, most in (("weight", 1_000), ("full", 10_000)):
        number = form.whole(name)
        if number is None or not 1 <= number <= most:
            words = tell("A number from {least} to {most}, please.", least=1, most=most)
            form.fault(name, words)
            number = was[name]
        said[name] = number
    said["points"] = _read_points(form, was, said["full"], questions)
    said["applies_when"] = read_when(form, was.get("applies_when"), questions)
    return said


def _read_points(form: Filled, was: Json, full: int, questions: Sequence[Json]) -> str:
    chosen = form["points_from"]
    if chosen == "kept":
        return str(was["points"])
    figures = [question["code"] for question in questions if is_figure(question)]
    if chosen == "share":
        over = form["over"] or next(iter(figures), "")
        out_of = form["out_of"] or next(iter(figures[1:]), over)
        if over in figures and out_of in figures:
            whole = form.whole("share_points") or None
            return Way("share", over, out_of, whole=whole).written(full)
        form.fault("points", tell("A share needs two questions that give a whole number."))
        return str(was["points"])
    how, _, code = chosen.partition(" ")
    named = {question["code"]: question for question in questions}
    if (how, code) not in set(ways_of(questions)):
        form.fault("points", tell("Choose one of the list."))
        return str(was["points"])
    given = {}
    if how == "option":
        for option in named[code]["options"]:
            points = form.whole(f"points-{option['code']}") or 0
            given[option["code"]] = min(points, full)
    return Way(how, code, by_option=given).written(full)


def ways_of(questions: Sequence[Json]) -> list[tuple[str, str]]:
    """The ways to points that one question gives: (how, its code)."""
    found = []
    for question in questions:
        for how, _ in hows_of(question):
            if how in {"yes", "no"}:
                found.append((how, question["code"]))
        if question["type"] == "CHOICE" and question.get("options"):
            found.append(("option", question["code"]))
        if question["type"] != "DAY" and is_figure(question):
            found.append(("number", question["code"]))
    return found


def points_of(chosen: str, questions: Sequence[Json]) -> str | None:
    """The points of a new part of the score, of ten; None where nothing gives them."""
    how, _, code = chosen.partition(" ")
    if chosen == "share":
        figures = [question["code"] for question in questions if is_figure(question)][:2]
        return Way("share", figures[0], figures[-1]).written(10) if figures else None
    return Way(how, code).written(10) if (how, code) in set(ways_of(questions)) else None
