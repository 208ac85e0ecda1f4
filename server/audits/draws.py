"""The draw of a week: of what each person brought some is given to auditors, by a seed that is stored with
the candidates, so that anybody can draw it again and find the same.

A week begins on Monday and is drawn when it is over, by the days in the company's time zone. What comes later
for a week that was drawn is drawn by one more draw of that week, with a seed of its own and by the same rule: what
comes late is never drawn less often. Draws go person by person, in bounded transactions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from secrets import token_hex
from typing import Any
from uuid import UUID

from server.audits.drawing import Candidate, Drawn, draw_stratum
from server.audits.errors import NoSuchWeek
from server.audits.queue import SEED_BYTES, enter, look_at, offer_read, seeds_of
from server.audits.rights import must_keep
from server.language import Said
from sync.kinds.audit_visit.states import AUDITING
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork

FIRST = UUID(int=0)
PEOPLE_AT_ONCE = 50
# Weeks that one round draws; the next one goes on.
WEEKS_AT_ONCE = 60

_DUE = """
select distinct week_starts_on from audit_case
where company_id = :company and draw is null and week_starts_on < :monday
order by week_starts_on limit :at_most
"""
_OPEN = """
select draw, seed, sample_percent, drawn_at from audit_draw
where company_id = :company and week_starts_on = :week order by draw desc limit 1 for update
"""
_NEXT = """
insert into audit_draw (company_id, week_starts_on, draw, seed, policy_version, sample_percent,
                        second_percent, made_at)
values (:company, :week, :draw, :seed, :version, :sample, :second, :now)
"""
_DONE = """
update audit_draw set drawn_at = :now
where company_id = :company and week_starts_on = :week and draw = :draw
"""
# Whoever was drawn by this draw already waits for the next one.
_PEOPLE = """
select distinct c.person_id from audit_case c
where c.company_id = :company and c.week_starts_on = :week and c.draw is null and c.person_id > :after
  and not exists (select from audit_candidate k
                  where k.company_id = c.company_id and k.person_id = c.person_id
                    and k.week_starts_on = c.week_starts_on and k.draw = :draw)
order by c.person_id limit :at_most
"""
_CANDIDATES = """
select id, person_id, state, state <> 'CANDIDATE' as is_entered from audit_case
where company_id = :company and week_starts_on = :week and draw is null and person_id = any(:people)
order by id for update
"""
_UNDRAWN = """
select id from audit_case
where company_id = :company and week_starts_on = :week and draw is null and person_id = any(:people)
"""
_KEEP = """
insert into audit_candidate (company_id, week_starts_on, draw, audit_visit_id, person_id, is_entered,
                             place, is_chosen)
select :company, :week, :draw, r.id, r.person_id, r.is_entered, r.place, r.is_chosen
from unnest(cast(:ids as uuid[]), cast(:people as uuid[]), cast(:entered as boolean[]),
            cast(:places as integer[]), cast(:chosen as boolean[]))
     as r(id, person_id, is_entered, place, is_chosen)
"""
_MARK = """
update audit_case c set draw = :draw, state = r.state
from unnest(cast(:ids as uuid[]), cast(:states as text[])) as r(id, state)
where c.company_id = :company and c.id = r.id
"""
# A draw that is not over tells nobody its seed.
_DRAWS = """
select draw, seed, sample_percent from audit_draw
where company_id = :company and week_starts_on = :week and drawn_at is not null order by draw
"""
_KEPT = """
select draw, audit_visit_id, person_id, is_entered, place, is_chosen from audit_candidate
where company_id = :company and week_starts_on = :week
order by draw, person_id, place
"""
_WEEKS = """
select d.week_starts_on, d.draw, d.drawn_at, count(k.*) as candidates,
       count(k.*) filter (where k.is_entered) as entered, count(k.*) filter (where k.is_chosen) as chosen,
       count(distinct k.person_id) as people
from audit_draw d
left join audit_candidate k on k.company_id = d.company_id
                           and k.week_starts_on = d.week_starts_on and k.draw = d.draw
where d.company_id = :company and d.drawn_at is not null
group by 1, 2, 3 order by 1 desc, 2 desc limit :at_most
"""


@dataclass(frozen=True, slots=True)
class DrawListed:
    """A draw that is over, in numbers."""

    week_starts_on: date
    draw: int
    drawn_at: datetime
    candidates: int
    entered: int
    chosen: int
    people: int


@dataclass(frozen=True, slots=True)
class Redrawn:
    """A draw, made again from its seed and its candidates: what was chosen, and what is."""

    week_starts_on: date
    draw: int
    seed: str
    sample_percent: int
    drawn: tuple[tuple[UUID, Drawn], ...]
    differing: tuple[UUID, ...]

    @property
    def is_same(self) -> bool:
        return not self.differing


def monday_of(day: date) -> date:
    """The Monday on which the day's week begins."""
    return day - timedelta(days=day.isoweekday() - 1)


def draw_weeks(database: Database, company_id: int, today: date, *, now: datetime) -> int:
    """Draw what is due on this day of the company; how many candidates were drawn from. May run twice."""
    with database.reading(company_id) as uow:
        weeks = [
            row.week_starts_on
            for row in uow.rows(
                _DUE, company=company_id, monday=monday_of(today), at_most=WEEKS_AT_ONCE
            )
        ]
    return sum(_draw_week(database, company_id, week, now) for week in weeks)


def redraw_week(
    uow: UnitOfWork, week: date, *, today: date, asker_id: UUID | None = None
) -> list[Redrawn]:
    """Make every draw of the week again, from what is stored. Raises NoSuchWeek, BeyondScope."""
    must_keep(uow, asker_id, today)
    starts_on = monday_of(week)
    draws = uow.rows(_DRAWS, company=uow.company_id, week=starts_on)
    if not draws:
        raise NoSuchWeek(
            Said("nothing was drawn of the week from {starts_on}", starts_on=starts_on)
        )
    kept: dict[int, list[Any]] = {}
    for row in uow.rows(_KEPT, company=uow.company_id, week=starts_on):
        kept.setdefault(row.draw, []).append(row)
    return [_redrawn(starts_on, draw, kept.get(draw.draw, [])) for draw in draws]


def list_draws(
    uow: UnitOfWork, *, today: date, asker_id: UUID | None = None, at_most: int = 100
) -> list[DrawListed]:
    """Draws, the latest week first. Raises BeyondScope."""
    must_keep(uow, asker_id, today)
    rows = uow.rows(_WEEKS, company=uow.company_id, at_most=at_most)
    return [DrawListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def _redrawn(week: date, draw: Any, rows: Sequence[Any]) -> Redrawn:
    seed = bytes.fromhex(draw.seed)
    again: list[tuple[UUID, Drawn]] = []
    for person_id, stratum in groupby(rows, key=lambda row: row.person_id):
        candidates = [Candidate(row.audit_visit_id, row.is_entered) for row in stratum]
        again += [(person_id, one) for one in draw_stratum(seed, candidates, draw.sample_percent)]
    stored = {row.audit_visit_id: (row.place, row.is_chosen) for row in rows}
    differing = [one.id for _, one in again if stored[one.id] != (one.place, one.is_chosen)]
    return Redrawn(week, draw.draw, draw.seed, draw.sample_percent, tuple(again), tuple(differing))


def _draw_week(database: Database, company_id: int, week: date, now: datetime) -> int:
    number, after, is_over = 0, FIRST, False
    while not is_over:
        with database.company(company_id) as uow:
            some, last = _draw_some(uow, week, after, now)
        number += some
        is_over = last is None
        after = last or after
    return number


def _draw_some(uow: UnitOfWork, week: date, after: UUID, now: datetime) -> tuple[int, UUID | None]:
    """Draw the strata of the next people; how many candidates, and the last of the people where more follow."""
    company = uow.company_id
    draw = _draw_to_go_on(uow, week, now)
    people = [
        row.person_id
        for row in uow.rows(
            _PEOPLE,
            company=company,
            week=week,
            after=after,
            draw=draw.draw,
            at_most=PEOPLE_AT_ONCE,
        )
    ]
    # What was found of their photos since is known before they are drawn.
    look_at(uow, _ids_of(uow, week, people), now=now)
    rows = uow.rows(_CANDIDATES, company=company, week=week, people=people)
    seed = bytes.fromhex(draw.seed)
    drawn: list[tuple[Any, Drawn]] = []
    for _, stratum in groupby(sorted(rows, key=lambda row: row.person_id), lambda r: r.person_id):
        by_id = {row.id: row for row in stratum}
        candidates = [Candidate(row.id, row.is_entered) for row in by_id.values()]
        drawn += [
            (by_id[one.id], one) for one in draw_stratum(seed, candidates, draw.sample_percent)
        ]
    _keep(uow, week, draw.draw, drawn, now)
    if len(people) < PEOPLE_AT_ONCE:
        uow.run(_DONE, company=company, week=week, draw=draw.draw, now=now)
        return len(drawn), None
    return len(drawn), people[-1]


def _ids_of(uow: UnitOfWork, week: date, people: Sequence[UUID]) -> list[UUID]:
    rows = uow.rows(_UNDRAWN, company=uow.company_id, week=week, people=list(people))
    return [row.id for row in rows]


def _draw_to_go_on(uow: UnitOfWork, week: date, now: datetime) -> Any:
    """The draw of the week that is not over, locked; one more where all are."""
    company = uow.company_id
    version, policy = current_policy(uow)
    seeds_of(uow, [week], version, policy, now=now)
    (latest,) = uow.rows(_OPEN, company=company, week=week)
    if latest.drawn_at is None:
        return latest
    uow.run(
        _NEXT,
        company=company,
        week=week,
        draw=latest.draw + 1,
        seed=token_hex(SEED_BYTES),
        version=version,
        sample=policy.audit_sample_percent,
        second=policy.audit_second_percent,
        now=now,
    )
    (made,) = uow.rows(_OPEN, company=company, week=week)
    return made


def _keep(
    uow: UnitOfWork,
    week: date,
    draw: int,
    drawn: Iterable[tuple[Any, Drawn]],
    now: datetime,
) -> None:
    """Write down what was drawn from, and let what was chosen enter the queue."""
    rows = list(drawn)
    company = uow.company_id
    uow.run(
        _KEEP,
        company=company,
        week=week,
        draw=draw,
        ids=[one.id for _, one in rows],
        people=[row.person_id for row, _ in rows],
        entered=[one.is_entered for _, one in rows],
        places=[one.place for _, one in rows],
        chosen=[one.is_chosen for _, one in rows],
    )
    chosen = {one.id for _, one in rows if one.is_chosen}
    states = {row.id: _drawn_state(row.state, row.id in chosen) for row, _ in rows}
    uow.run(_MARK, company=company, draw=draw, ids=list(states), states=list(states.values()))
    policy = current_policy(uow)[1]
    enter(uow, {id_: (states[id_], "DRAWN") for id_ in sorted(chosen)}, policy, now=now)
    offer_read(uow, chosen, now=now)


def _drawn_state(state: str, is_chosen: bool) -> str:
    """What the draw makes of it; what is in the queue already stays as it is."""
    return AUDITING.after(state, "draw" if is_chosen else "leave out") or state
