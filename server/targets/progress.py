"""How far targets are: read from the facts by the measures themselves, told to phones where it changed.

Nothing is counted along. The figures of a month's targets are worked out for a set of positions at once:
when a day begins for all, while facts come in for the positions whose people sent something, and when
somebody decided about a flag. A target whose figures are the same is left alone, so its record makes no
new version and `as_of` stays the moment since which they hold.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.measures.question import Question
from server.measures.reading import read_measures
from server.targets.months import last_day, read_calendar
from sync.kinds.target.publish import TARGET, months_on_phone, publish_targets
from sync.unit_of_work import Database, UnitOfWork

POSITIONS_AT_ONCE = 200
PUBLISHED_AT_ONCE = 500
# Of the positions of a slice, three months and every category of products that there may be.
GROUPS_MAX = 500_000
FIRST = UUID(int=0)

_TARGETS = """
select id, position_id, month, measure, product_group, currency, amount, actual,
       working_days_gone, working_days
from target
where company_id = :company and position_id = any(:positions)
  and month between :first_month and :last_month
order by id for update
"""
_SET = """
update target t set actual = r.actual, working_days_gone = r.gone, working_days = r.days, as_of = :now
from unnest(cast(:ids as uuid[]), cast(:actuals as bigint[]), cast(:gone as int[]),
            cast(:days as int[])) as r(id, actual, gone, days)
where t.company_id = :company and t.id = r.id
"""
_POSITIONS = """
select id from position where company_id = :company and id > :after order by id limit :at_most
"""
# On phones without being in their months, or the other way round.
_TURNED = """
select t.id from record_key k
join target t on t.company_id = k.company_id and t.id = k.id
where k.company_id = :company and k.key = any(:positions) and k.kind = :kind
  and t.month not between :first_month and :last_month
union
select t.id from target t
where t.company_id = :company and t.position_id = any(:positions)
  and t.month between :first_month and :last_month
  and not exists (select from record_key k where k.company_id = t.company_id
                  and k.key = t.position_id and k.id = t.id)
"""
# Whose people sent something since, or of whom something that was kept came in: also of a position that
# they have left, with late work.
_SENT = """
select distinct o.position_id as id from (
    select person_id from ledger where company_id = :company and received_at > :since
    union
    select person_id from kept_item
    where company_id = :company and state = 'RELEASED' and decided_at > :since
) l
join occupancy o on o.company_id = :company and o.person_id = l.person_id
order by 1
"""

# (position, month, product group) → measure and currency → what there was of it
Actuals = dict[tuple[UUID, date, str | None], dict[tuple[str, str | None], int]]


def refresh_targets(
    uow: UnitOfWork, position_ids: Iterable[UUID], today: date, now: datetime
) -> int:
    """Read the progress of these positions' targets that phones hold; how many changed.

    `today` is the company's day, before which working days are gone. The number of statements follows
    from the measures and not from the positions.
    """
    first, last = months_on_phone(today)
    positions = sorted(set(position_ids))
    rows = uow.rows(
        _TARGETS,
        company=uow.company_id,
        positions=positions,
        first_month=first,
        last_month=last,
    )
    changed = set_progress(uow, rows, today, now)
    for start in range(0, len(changed), PUBLISHED_AT_ONCE):
        publish_targets(uow, changed[start : start + PUBLISHED_AT_ONCE], today)
    return len(changed)


def set_progress(uow: UnitOfWork, rows: Sequence[Any], today: date, now: datetime) -> list[UUID]:
    """Bring the progress of these targets, locked before, up to the facts; those that changed."""
    if not rows:
        return []
    first = min(row.month for row in rows)
    last = last_day(max(row.month for row in rows))
    calendar = read_calendar(uow, first, last)
    days = {
        month: (calendar.gone(month, today), calendar.in_month(month))
        for month in {row.month for row in rows}
    }
    actuals = read_actuals(uow, rows, first, last)
    changed: list[tuple[UUID, int, int, int]] = []
    for row in rows:
        held = actuals.get((row.position_id, row.month, row.product_group), {})
        actual = held.get((row.measure, row.currency), 0)
        gone, in_month = days[row.month]
        if (actual, gone, in_month) != (row.actual, row.working_days_gone, row.working_days):
            changed.append((row.id, actual, gone, in_month))
    if changed:
        ids, numbers, gone_days, month_days = (list(each) for each in zip(*changed, strict=True))
        uow.run(
            _SET,
            company=uow.company_id,
            now=now,
            ids=ids,
            actuals=numbers,
            gone=gone_days,
            days=month_days,
        )
    return [row[0] for row in changed]


def read_actuals(uow: UnitOfWork, rows: Sequence[Any], first_day: date, last_day: date) -> Actuals:
    """What there was of the measures of these targets in a period, by position, month and group."""
    actuals: Actuals = {}
    for is_grouped in (False, True):
        of = [row for row in rows if (row.product_group is not None) is is_grouped]
        if not of:
            continue
        question = Question(
            first_day=first_day,
            last_day=last_day,
            group_by=("position", "month", *(("product_group",) if is_grouped else ())),
            position_ids=sorted({row.position_id for row in of}),
        )
        measures = sorted({row.measure for row in of})
        for group in read_measures(uow, question, measures, groups_max=GROUPS_MAX):
            position, month, *product_group = group.key
            place = (
                UUID(position),
                date.fromisoformat(f"{month}-01"),
                product_group[0] if is_grouped else None,
            )
            held = actuals.setdefault(place, {})
            for figure in group.figures:
                held[figure.measure, figure.currency] = figure.numerator
    return actuals


def turn_targets(uow: UnitOfWork, position_ids: Iterable[UUID], today: date) -> int:
    """Let the targets of these positions come to phones, or leave them, whose month has its turn."""
    first, last = months_on_phone(today)
    turned = [
        row.id
        for row in uow.rows(
            _TURNED,
            company=uow.company_id,
            positions=sorted(set(position_ids)),
            kind=TARGET.number,
            first_month=first,
            last_month=last,
        )
    ]
    for start in range(0, len(turned), PUBLISHED_AT_ONCE):
        publish_targets(uow, turned[start : start + PUBLISHED_AT_ONCE], today)
    return len(turned)


def refresh_all_targets(database: Database, company_id: int, today: date, now: datetime) -> int:
    """Read the progress of every position, and let months turn, a slice a transaction; how many targets
    changed.
    """
    changed, after = 0, FIRST
    while True:
        with database.company(company_id) as uow:
            found = uow.rows(_POSITIONS, company=company_id, after=after, at_most=POSITIONS_AT_ONCE)
            positions = [row.id for row in found]
            changed += refresh_targets(uow, positions, today, now)
            changed += turn_targets(uow, positions, today)
        if len(found) < POSITIONS_AT_ONCE:
            return changed
        after = found[-1].id


def refresh_targets_since(
    database: Database, company_id: int, since: datetime, today: date, now: datetime
) -> int:
    """The same for the positions whose people sent something since a moment, or of whose kept items one was
    released.
    """
    with database.reading(company_id) as uow:
        positions = [row.id for row in uow.rows(_SENT, company=company_id, since=since)]
    changed = 0
    for start in range(0, len(positions), POSITIONS_AT_ONCE):
        with database.company(company_id) as uow:
            some = positions[start : start + POSITIONS_AT_ONCE]
            changed += refresh_targets(uow, some, today, now)
    return changed
