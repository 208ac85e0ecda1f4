"""How far people went, for measures: the way of each person-day, by segment, brought up by work.

A push leaves work about the days that its segments lie on, the purge about those that it took points of, and a
change of the settings about those that it is in force for. Whoever does it reads the day whole, as
tracks.py does, and puts what it says in the place of what was there: done twice, or late, or in another order
it comes to the same.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from server.days.facts import read_policy_of
from server.days.segments import MOST_SEGMENTS, DayOf, find_segments, read_segments
from sync.unit_of_work import Database, UnitOfWork

DAYS_AT_ONCE = 20

# Two at once would each put there what it had read: the later one waits, and reads after.
_TURN = """
select pg_advisory_xact_lock(hashtextextended(k.name, 9)) from unnest(cast(:names as text[])) as k(name)
"""
_FORGET = """
delete from track_part p using unnest(cast(:people as uuid[]), cast(:days as date[])) as d(person_id, day)
where p.company_id = :company and p.person_id = d.person_id and p.business_day = d.day
"""
_REMEMBER = """
insert into track_part (company_id, person_id, business_day, track_id, position_id, from_at, points, distance_cm)
select :company, n.person_id, n.day, n.track_id, n.position_id, to_timestamp(n.from_at / 1000.0), n.points,
       n.distance_cm
from unnest(cast(:people as uuid[]), cast(:days as date[]), cast(:tracks as uuid[]),
            cast(:positions as uuid[]), cast(:from_at as bigint[]), cast(:points as integer[]),
            cast(:ways as integer[]))
     as n(person_id, day, track_id, position_id, from_at, points, distance_cm)
"""


def bring_track_days_up(database: Database, company_id: int, names: Iterable[str]) -> None:
    """Read these days anew; each is named as `sync.kinds.track.judge.person_day` does."""
    days = sorted({_named(name) for name in names})
    for first in range(0, len(days), DAYS_AT_ONCE):
        with database.company(company_id) as uow:
            _bring_up(uow, days[first : first + DAYS_AT_ONCE])


def _bring_up(uow: UnitOfWork, days: Sequence[DayOf]) -> None:
    names = [f"track {uow.company_id} {person_id} {day}" for person_id, day in days]
    uow.rows(_TURN, names=names)
    policies = {day: read_policy_of(uow, day)[1] for day in {each.day for each in days}}
    parts = []
    for person_day, rows in find_segments(uow, days).items():
        read = rows[:MOST_SEGMENTS]
        positions = {str(row.id): row.position_id for row in read}
        reading = read_segments(read, policies[person_day.day], person_day.day)
        parts += [(*person_day, positions[part.segment_id], part) for part in reading.parts]
    uow.run(
        _FORGET,
        company=uow.company_id,
        people=[each.person_id for each in days],
        days=[each.day for each in days],
    )
    uow.run(
        _REMEMBER,
        company=uow.company_id,
        people=[each[0] for each in parts],
        days=[each[1] for each in parts],
        positions=[each[2] for each in parts],
        tracks=[UUID(each[3].segment_id) for each in parts],
        from_at=[each[3].from_at for each in parts],
        points=[each[3].points for each in parts],
        ways=[each[3].distance_cm for each in parts],
    )


def _named(name: str) -> DayOf:
    person_id, _, day = name.partition(" ")
    return DayOf(UUID(person_id), date.fromisoformat(day))
