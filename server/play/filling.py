"""Forms that a rep fills in at visits: which is chosen, and what is answered, by a seed.

A visit has its share of the team's answers a day. A form is filled in whole once it is begun, so that a visit may
answer more than its share; the next ones then answer less.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from mobile_contract.phone.forms import OpenForm, forms_for, open_form, rows_offered, send_form
from mobile_contract.phone.phone import Phone
from server.play.morning import Morning
from server.play.rep import OnCall, Rep
from server.play.teams import Team
from server.play.workday import Act, Visit

_LEFT_OUT = 0.08
_WORDS = (
    "fresh",
    "dusty",
    "sold out",
    "moved to the back",
    "as agreed",
    "new owner",
    "price torn off",
)
_DAYS_AROUND = 120
_MOST_ROWS = 40
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class FillForms:
    """The rep answers about so many questions, on whatever forms the store asks for."""

    at_ms: int
    answers: int
    seed: int


def plan_forms(random: Random, team: Team, visits: Sequence[Visit]) -> dict[int, list[Act]]:
    """Forms in every visit that is one: nobody fills in a form on the telephone."""
    calls = [place for place, visit in enumerate(visits) if not visit.is_by_phone]
    share, over = divmod(team.answers_a_day, max(1, len(calls)))
    return {
        place: [
            FillForms(
                (visits[place].at_ms + visits[place].until_ms) // 2,
                share + (number < over),
                random.getrandbits(32),
            )
        ]
        for number, place in enumerate(calls)
    }


def fill_forms(rep: Rep, act: FillForms, _morning: Morning, call: OnCall | None) -> None:
    """Fill in forms until the share is used up; where there are few, some of them again, as for another competitor."""
    assert call is not None
    random = Random(act.seed)
    offered = forms_for(rep.phone, call.store_id)
    random.shuffle(offered)
    rep.answers_due += act.answers
    for each in offered * _ROUNDS:
        if rep.answers_due <= 0:
            break
        form = open_form(rep.phone, each.template_id)
        answered = fill(random, rep.phone, form, call.store_id)
        if answered:
            send_form(rep.phone, form, visit_id=call.visit_id, store_id=call.store_id)
            rep.answers_due -= answered
    # What no form asks for is not owed for ever.
    rep.answers_due = min(rep.answers_due, act.answers)


def fill(random: Random, phone: Phone, form: OpenForm, store_id: str) -> int:
    """Answer what is shown, in order, most of it; how many answers that were, each cell of a row being one."""
    answered = 0
    for question in form.definition["questions"]:
        code = question["code"]
        if question["type"] not in _ANSWERS or code not in form.shown:
            continue
        if not question.get("required") and random.random() < _LEFT_OUT:
            continue
        answer = _ANSWERS[question["type"]](random, phone, form, question, store_id)
        if answer is not None:
            form.answer(code, answer)
            answered += sum(map(len, answer.values())) if isinstance(answer, dict) else 1
    return answered


def _bool(random: Random, *_: Any) -> bool:
    return random.random() < 0.8


def _whole(
    random: Random, _phone: Phone, _form: OpenForm, asked: Mapping[str, Any], *_: Any
) -> int:
    least = asked.get("minimum") or 0
    most = asked.get("maximum")
    return random.randint(least, min(least + 99, least + 99 if most is None else most))


def _text(random: Random, _phone: Phone, _form: OpenForm, asked: Mapping[str, Any], *_: Any) -> str:
    return random.choice(_WORDS)[: asked.get("maximum") or 100]


def _choice(
    random: Random, _phone: Phone, _form: OpenForm, asked: Mapping[str, Any], *_: Any
) -> str:
    code: str = random.choice(asked["options"])["code"]
    return code


def _choices(
    random: Random, _phone: Phone, _form: OpenForm, asked: Mapping[str, Any], *_: Any
) -> list[str]:
    codes = [option["code"] for option in asked["options"]]
    least, most = asked.get("minimum") or 1, asked.get("maximum") or len(codes)
    return random.sample(codes, min(len(codes), random.randint(least, max(least, min(most, 3)))))


def _day(random: Random, _phone: Phone, form: OpenForm, *_: Any) -> str:
    day = date(1970, 1, 1) + timedelta(days=form.visit_day)
    return (day + timedelta(days=random.randint(-_DAYS_AROUND, _DAYS_AROUND))).isoformat()


def _product(
    random: Random, phone: Phone, _form: OpenForm, asked: Mapping[str, Any], *_: Any
) -> str | None:
    category = asked.get("category")
    found = [
        record.id
        for record in phone.held("product")
        if category in (None, record.fields["category"])
    ]
    return random.choice(sorted(found)) if found else None


def _rows(
    random: Random, phone: Phone, form: OpenForm, asked: Mapping[str, Any], store_id: str
) -> dict[str, dict[str, Any]] | None:
    """Every cell of every row that is offered, as far as a rep's patience goes."""
    rows: dict[str, dict[str, Any]] = {}
    for offered in rows_offered(phone, form, asked["code"], store_id)[:_MOST_ROWS]:
        cells: dict[str, Any] = {}
        for column in asked["columns"]:
            if not _is_shown(column, cells):
                continue
            name = column["code"]
            if name in offered.prefilled:
                cells[name] = offered.prefilled[name]
            elif column.get("required") or random.random() > _LEFT_OUT:
                cells[name] = _ANSWERS[column["type"]](random, phone, form, column, store_id)
        if cells:
            rows[offered.key] = cells
    return rows or None


def _is_shown(column: Mapping[str, Any], cells: Mapping[str, Any]) -> bool:
    return all(
        condition["column"] in cells
        and (condition.get("any_of") is None or cells[condition["column"]] in condition["any_of"])
        for condition in column.get("shown_when") or ()
    )


# Of photos the play takes those of visits and activities; questions for photos it leaves out.
_ANSWERS: dict[str, Any] = {
    "BOOL": _bool,
    "INT": _whole,
    "MONEY": _whole,
    "TEXT": _text,
    "CHOICE": _choice,
    "CHOICES": _choices,
    "DAY": _day,
    "PRODUCT": _product,
    "ROWS": _rows,
}
