"""The company's calendar."""

from collections.abc import Sequence
from datetime import date

from server.exchange.cells import Choice, Code, Day, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Record, Sheet, without_turn
from server.identity.change_log import Actor
from server.language import sentence
from server.planning.holidays import NAME_LENGTH_MAX, CalendarDay, set_days
from sync.unit_of_work import UnitOfWork

HELD, WORKED, ORDINARY = "holiday", "worked", "ordinary"


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], _references: References, today: date
) -> None:
    """Set days of the calendar, and make them ordinary ones again."""
    set_days(uow, actor, {c.values["day"]: _day(c) for c in changes}, today=today)


def _day(change: Change) -> CalendarDay | None:
    values = change.values
    if values["kind"] == ORDINARY:
        return None
    is_worked = values["kind"] == WORKED
    return CalendarDay(values["day"], values["name"], is_worked, values["calendar"])


def closes(change: Change) -> bool:
    """Whether a day is made ordinary again."""
    return bool(change.values["kind"] == ORDINARY)


def is_nothing(record: Record) -> bool:
    """Whether a day is to be what it is already."""
    return record.values.get("kind") == ORDINARY


HOLIDAY = Sheet(
    name="holiday",
    about=sentence("Days that are unlike their weekday."),
    columns=(
        Column(name="day", cell=Day(), about=sentence("the day"), is_required=True, is_fixed=True),
        Column(
            name="name", cell=Words(NAME_LENGTH_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="kind",
            cell=Choice((HELD, WORKED, ORDINARY)),
            about=sentence(
                "not worked, worked whatever its weekday, or like its weekday again; empty: holiday"
            ),
            keeps_when_empty=True,
        ),
        Column(
            name="calendar",
            cell=Code(10),
            about=sentence(
                "the country's calendar that it is from; empty where the company set it"
            ),
        ),
    ),
    key=("day",),
    select="""
        select null::uuid as id, day, name, case when is_worked then 'worked' else 'holiday' end as kind,
               calendar
        from holiday where company_id = :company
    """,
    apply=apply,
    closes=closes,
    is_nothing=is_nothing,
    has_id=False,
    takes_turn=without_turn,
)
