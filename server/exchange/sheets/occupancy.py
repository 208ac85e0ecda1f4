"""Occupancies: who holds a position, from day to day. History is ended and given anew, never rewritten."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from server.exchange.cells import Code, Day, YesNo
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet, Told
from server.exchange.sheets.person import WhoseCode
from server.identity.change_log import Actor
from server.identity.occupancies import end_occupancy, give_occupancy
from server.language import Said, sentence
from sync.unit_of_work import UnitOfWork

_HELD = """
select o.id, p.code as position, o.starts_on, o.ends_on, n.name as holder
from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
join person n on n.company_id = o.company_id and n.id = o.person_id
where o.company_id = :company and p.code = any(:positions) and not o.is_acting
order by o.starts_on
"""
_LEAVERS = """
select coalesce(email, id::text) as reference, left_on from person
where company_id = :company and left_on is not null and coalesce(email, id::text) = any(:people)
"""


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """End what ends, then give what is new."""
    for change in changes:
        if not change.is_new:
            last_day = change.values["ends_on"]
            end_occupancy(uow, actor, change.id, last_day=last_day, today=today)
    for change in changes:
        if change.is_new:
            give_occupancy(
                uow,
                actor,
                person_id=references.id("person", change.values["person"]),
                position_id=references.id("position", change.values["position"]),
                starts_on=change.values["starts_on"],
                ends_on=change.values["ends_on"],
                is_acting=bool(change.values["is_acting"]),
                today=today,
            )


def check(uow: UnitOfWork, changes: Sequence[Change], today: date) -> Iterable[Told]:
    """A position has one holder at a time, nobody holds one after leaving, and what ended has ended."""
    positions = sorted({change.values["position"] for change in changes})
    people = sorted({change.values["person"] for change in changes})
    left = {
        row.reference: row.left_on
        for row in uow.rows(_LEAVERS, company=uow.company_id, people=people)
    }
    ends = {c.id: c.values["ends_on"] for c in changes if not c.is_new}
    spans: dict[Any, list[_Span]] = {}
    for row in uow.rows(_HELD, company=uow.company_id, positions=positions):
        last = ends.get(row.id, row.ends_on)
        spans.setdefault(row.position, []).append(_Span(row.starts_on, last, row.holder))
    for change in changes:
        yield from _trouble(change, today, left, spans)


@dataclass(frozen=True, slots=True)
class _Span:
    """A time in which somebody holds a position for good."""

    starts_on: date
    ends_on: date | None
    holder: str

    def meets(self, starts_on: date, ends_on: date | None) -> bool:
        """Whether the times have a day in common."""
        is_after = ends_on is not None and self.starts_on > ends_on
        return not is_after and (self.ends_on is None or self.ends_on >= starts_on)


def _trouble(
    change: Change,
    today: date,
    left: Mapping[str, date],
    spans: dict[Any, list[_Span]],
) -> Iterable[Told]:
    values = change.values
    starts_on, ends_on = values["starts_on"], values["ends_on"]
    if ends_on is not None and ends_on < starts_on - timedelta(days=0 if change.is_new else 1):
        yield Told(change, "ends_on", "conflicts", Said("it ends before it begins"))
        return
    if not change.is_new:
        before = change.fields.get("ends_on", (None, None))[0]
        if before is not None and before < today:
            yield Told(
                change,
                "ends_on",
                "fixed",
                Said("it ended on {before}: history stays", before=before),
            )
        elif ends_on is None or (before is not None and ends_on > before):
            yield Told(
                change, "ends_on", "fixed", Said("it does not go on: give a new one from then")
            )
        return
    gone = left.get(values["person"])
    if gone is not None and (ends_on is None or ends_on >= gone):
        yield Told(change, "person", "conflicts", Said("the person leaves on {gone}", gone=gone))
    if values["is_acting"]:
        return
    of_position = spans.setdefault(values["position"], [])
    met = next((span for span in of_position if span.meets(starts_on, ends_on)), None)
    if met is not None:
        yield Told(
            change,
            "position",
            "conflicts",
            Said("{holder} holds it in that period", holder=met.holder),
        )
    of_position.append(_Span(starts_on, ends_on, f"{values['person']} (row {change.record.row})"))


def closes(change: Change) -> bool:
    """Whether an occupancy gets an end."""
    return change.fields.get("ends_on", (None, None))[1] is not None


OCCUPANCY = Sheet(
    name="occupancy",
    about=sentence("Who holds which position, from day to day."),
    columns=(
        Column(
            name="position",
            cell=Code(),
            about=sentence("what is held"),
            is_required=True,
            is_fixed=True,
            refers_to="position",
        ),
        Column(
            name="person",
            cell=WhoseCode(),
            about=sentence("who holds it"),
            is_required=True,
            is_fixed=True,
            refers_to="person",
        ),
        Column(
            name="starts_on",
            cell=Day(),
            about=sentence("the first day"),
            is_required=True,
            is_fixed=True,
        ),
        Column(name="ends_on", cell=Day(), about=sentence("the last day; empty while it lasts")),
        Column(
            name="is_acting",
            cell=YesNo(),
            about=sentence("whether they stand in, beside the holder or for one; empty: no"),
            keeps_when_empty=True,
            is_fixed=True,
        ),
    ),
    key=("position", "person", "starts_on"),
    select="""
        select o.id, p.code as position, coalesce(n.email, n.id::text) as person, o.starts_on,
               o.ends_on, o.is_acting
        from occupancy o
        join position p on p.company_id = o.company_id and p.id = o.position_id
        join person n on n.company_id = o.company_id and n.id = o.person_id
        where o.company_id = :company
    """,
    apply=apply,
    check=check,
    closes=closes,
    records_at_once=50,
)
