"""How far targets of a month are, by position and by person, for whoever may see them.

Computed from the facts at this moment, of any month. A person who held a position for a part of the month
has its target for the working days that they held it, by largest remainders: the parts of all holders,
and of the days on which nobody held it, add up to the position's target. Whoever stands in has the day.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from mobile_contract.records.target import expected_by, remaining_of
from server.identity.companies import company_day
from server.identity.permissions import visible_positions
from server.measures.question import Question
from server.measures.reading import read_measures
from server.targets.months import days_of, last_day, read_calendar
from server.targets.progress import GROUPS_MAX, read_actuals
from server.targets.splitting import prorate
from sync.unit_of_work import UnitOfWork

AT_MOST = 1_000
_BEGIN = date(1, 1, 1)

_TARGETS = """
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select t.id, t.position_id, p.code as position_code, p.name as position_name, t.month, t.measure,
       coalesce(t.product_group, '') as group_key, t.product_group, t.currency, t.amount
from target t
join position p on p.company_id = t.company_id and p.id = t.position_id
where t.company_id = :company and t.month between :month and :last_month
  and (cast(:region as uuid) is null or p.region_id in (select id from below))
  and (cast(:position as uuid) is null or t.position_id = :position)
  and (cast(:measure as text) is null or t.measure = :measure)
  and (cast(:seen as uuid[]) is null or t.position_id = any(:seen))
  and (p.code, t.measure, coalesce(t.product_group, ''), t.month, cast(t.id as text))
      > (:after_code, :after_measure, :after_group, :after_month, :after_id)
order by p.code, t.measure, group_key, t.month, cast(t.id as text) limit :at_most
"""
_HOLDERS = """
select o.position_id, o.person_id, n.name, o.starts_on, o.ends_on, o.is_acting
from occupancy o join person n on n.company_id = o.company_id and n.id = o.person_id
where o.company_id = :company and o.position_id = any(:positions)
  and o.starts_on <= :last_day and (o.ends_on is null or o.ends_on >= :first_day)
order by o.position_id, o.starts_on, o.id
"""


@dataclass(frozen=True, slots=True)
class ProgressMark:
    """Where a page of targets ended."""

    position_code: str = ""
    measure: str = ""
    product_group: str | None = None
    month: date = _BEGIN
    id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetProgress:
    """A position's target of a month, and how far it is by the end of the day before `today`."""

    id: UUID
    position_id: UUID
    position_code: str
    position_name: str
    month: date
    measure: str
    product_group: str | None
    currency: str | None
    target: int
    actual: int
    working_days_gone: int
    working_days: int

    @property
    def expected(self) -> int:
        """What an even pace would have reached."""
        return expected_by(self.target, self.working_days_gone, self.working_days)

    @property
    def remaining(self) -> int:
        """What is still to be reached."""
        return remaining_of(self.target, self.actual)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonShare:
    """A person's part of a position's target: the working days they held it in the month, their part of
    the target, and what they did for the position. No person: the days on which nobody held it.
    """

    target_id: UUID
    person_id: UUID | None
    person_name: str | None
    working_days: int
    target: int
    actual: int


def list_progress(
    uow: UnitOfWork,
    month: date,
    *,
    region_id: UUID | None = None,
    position_id: UUID | None = None,
    measure: str | None = None,
    last_month: date | None = None,
    asker_id: UUID | None = None,
    after: TargetProgress | ProgressMark | None = None,
    at_most: int = 200,
) -> list[TargetProgress]:
    """The targets of a month, which is named by its first day, by position, measure, product group, month.

    With a `last_month` those of all months up to it. A page with fewer than `at_most` is the last.
    """
    today = company_day(uow)
    seen = None
    if asker_id is not None:
        seen = sorted(visible_positions(uow, asker_id, today))
    begin = after or ProgressMark()
    last_month = last_month or month
    rows = uow.rows(
        _TARGETS,
        company=uow.company_id,
        month=month,
        last_month=last_month,
        region=region_id,
        position=position_id,
        measure=measure,
        seen=seen,
        after_code=begin.position_code,
        after_measure=begin.measure,
        after_group=begin.product_group or "",
        after_month=begin.month,
        after_id="" if begin.id is None else str(begin.id),
        at_most=max(1, min(at_most, AT_MOST)),
    )
    if not rows:
        return []
    calendar = read_calendar(uow, month, last_day(last_month))
    actuals = read_actuals(uow, rows, month, last_day(last_month))
    return [
        TargetProgress(
            id=row.id,
            position_id=row.position_id,
            position_code=row.position_code,
            position_name=row.position_name,
            month=row.month,
            measure=row.measure,
            product_group=row.product_group,
            currency=row.currency,
            target=row.amount,
            actual=actuals.get((row.position_id, row.month, row.product_group), {}).get(
                (row.measure, row.currency), 0
            ),
            working_days_gone=calendar.gone(row.month, today),
            working_days=calendar.in_month(row.month),
        )
        for row in rows
    ]


def share_by_person(uow: UnitOfWork, targets: Sequence[TargetProgress]) -> list[PersonShare]:
    """The parts of these targets, all of one month, of those who held the positions in it.

    In the order of the targets; of each by the first day that somebody held it, nobody last.
    """
    if not targets:
        return []
    month = targets[0].month
    working = read_calendar(uow, month, last_day(month)).working_days
    days = working or tuple(days_of(month, last_day(month)))
    positions = sorted({each.position_id for each in targets})
    rows = uow.rows(
        _HOLDERS,
        company=uow.company_id,
        positions=positions,
        first_day=month,
        last_day=last_day(month),
    )
    names = {row.person_id: row.name for row in rows}
    days_of_position = {
        position_id: days_held([row for row in rows if row.position_id == position_id], days)
        for position_id in positions
    }
    actuals = _actuals_by_person(uow, targets, positions, month)
    shares = []
    for each in targets:
        held = days_of_position[each.position_id]
        parts = prorate(each.target, list(held.values()))
        for (person_id, number), part in zip(held.items(), parts, strict=True):
            shares.append(
                PersonShare(
                    target_id=each.id,
                    person_id=person_id,
                    person_name=None if person_id is None else names[person_id],
                    working_days=number,
                    target=part,
                    actual=0 if person_id is None else actuals.get((each.id, person_id), 0),
                )
            )
    return shares


def days_held(occupancies: Sequence[Any], days: Sequence[date]) -> dict[UUID | None, int]:
    """How many of these days each person held a position; None where nobody did, last.

    Of several on a day whoever stands in has it, and of these the one who came last.
    """
    found: Counter[UUID | None] = Counter()
    for day in days:
        holders = [
            each
            for each in occupancies
            if each.starts_on <= day and (each.ends_on is None or each.ends_on >= day)
        ]
        acting = [each for each in holders if each.is_acting]
        latest = (acting or holders)[-1:]
        found[latest[0].person_id if latest else None] += 1
    return dict(sorted(found.items(), key=lambda each: each[0] is None))


def _actuals_by_person(
    uow: UnitOfWork, targets: Sequence[TargetProgress], positions: list[UUID], month: date
) -> dict[tuple[UUID, UUID], int]:
    found: dict[tuple[UUID, UUID], int] = {}
    for is_grouped in (False, True):
        of = [each for each in targets if (each.product_group is not None) is is_grouped]
        if not of:
            continue
        question = Question(
            first_day=month,
            last_day=last_day(month),
            group_by=("position", "person", *(("product_group",) if is_grouped else ())),
            position_ids=positions,
        )
        ids = {
            (each.position_id, each.measure, each.product_group, each.currency): each.id
            for each in of
        }
        measures = sorted({each.measure for each in of})
        for group in read_measures(uow, question, measures, groups_max=GROUPS_MAX):
            position, person, *product_group = group.key
            for figure in group.figures:
                place = (
                    UUID(position),
                    figure.measure,
                    product_group[0] if is_grouped else None,
                    figure.currency,
                )
                if place in ids and person:
                    found[ids[place], UUID(person)] = figure.numerator
    return found
