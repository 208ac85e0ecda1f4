"""Day plans: the stops due for a position on a date, made from its routes and the calendar.

A plan that has not begun is made again when its routes change. Once its day has begun it is
frozen: a change makes a new version and both stay. A plan that somebody decided (an approved
proposal) is not made again; it only gives up stops whose route is no longer the position's, and closed
stores.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid5

from server.identity.change_log import Actor, log_change
from server.language import Said
from server.planning.due import RuledStop, due_by_day
from server.planning.errors import NoSuchPlan, StopsInvalid
from server.planning.named_stores import named_stores
from sync.calendar import read_rule
from sync.kinds.day_plan.publish import publish_day_plans
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

Stops = tuple[tuple[UUID, UUID | None], ...]
"""(store, route it is due by) in order; no route where somebody added it for the day."""

PUBLISHED_AT_ONCE = 500

_LOCK = """
select id from position where company_id = :company and id = any(:positions)
order by id for no key update
"""
_ROUTE_STOPS = """
select r.position_id, r.id as route_id, s.store_id, s.rule
from route r
join route_stop s on s.company_id = r.company_id and s.route_id = r.id
join store t on t.company_id = s.company_id and t.id = s.store_id
where r.company_id = :company and r.position_id = any(:positions) and r.is_active
  and t.status = 'ACTIVE'
order by r.position_id, r.name, r.id, s.sequence
"""
_CALENDAR = "select day, is_worked from holiday where company_id = :company"
# Before they are read, in a statement of its own: whoever freezes one, or gives it other stops, is waited
# for, and what they wrote is seen.
_LOCK_PLANS = """
select id from day_plan
where company_id = :company and position_id = any(:positions) and day between :from_day and :until_day
order by id for no key update
"""
_IS_DECIDED = """
p.id in (select a.entity_id from proposal a where a.company_id = :company
         and a.kind = 'day_plan' and a.state in ('APPROVED', 'AMENDED'))
"""
_PLANS = f"""
select p.id, p.position_id, p.day, p.plan_version, p.frozen_at is not null as is_frozen,
       {_IS_DECIDED} as is_decided,
       array(select array[s.store_id, s.route_id] from day_plan_stop s
             where s.company_id = p.company_id and s.day_plan_id = p.id
               and s.plan_version = p.plan_version order by s.sequence) as stops,
       case when {_IS_DECIDED} then array(
           select s.store_id from day_plan_stop s
           join store t on t.company_id = s.company_id and t.id = s.store_id and t.status = 'CLOSED'
           where s.company_id = p.company_id and s.day_plan_id = p.id
             and s.plan_version = p.plan_version) end as closed
from day_plan p
where p.company_id = :company and p.position_id = any(:positions)
  and p.day between :from_day and :until_day
"""  # noqa: S608  put together from a constant, above
_PLAN = """
select p.id, p.position_id, p.day, p.plan_version,
       array(select array[s.store_id, s.route_id] from day_plan_stop s
             where s.company_id = p.company_id and s.day_plan_id = p.id
               and s.plan_version = p.plan_version order by s.sequence) as stops
from day_plan p where p.company_id = :company and p.id = :plan for update
"""
_LAST_DAY = """
select max(day) from day_plan where company_id = :company and position_id = any(:positions)
"""
_NEW_PLANS = """
insert into day_plan (company_id, id, position_id, day, plan_version)
select :company, r.id, r.position_id, r.day, 1
from unnest(cast(:ids as uuid[]), cast(:positions as uuid[]), cast(:days as date[]))
     as r(id, position_id, day)
"""
_NEW_VERSIONS = """
update day_plan set plan_version = plan_version + 1, made_at = now()
where company_id = :company and id = any(:ids)
"""
_EMPTY = """
delete from day_plan_stop s using day_plan p
where p.company_id = :company and p.id = any(:ids) and s.company_id = p.company_id
  and s.day_plan_id = p.id and s.plan_version = p.plan_version
"""
_NEW_STOPS = """
insert into day_plan_stop (company_id, day_plan_id, plan_version, sequence, store_id, route_id)
select :company, r.plan, r.version, r.sequence, r.store, r.route
from unnest(cast(:plans as uuid[]), cast(:versions as int[]), cast(:sequences as int[]),
            cast(:stores as uuid[]), cast(:routes as uuid[]))
     as r(plan, version, sequence, store, route)
"""
# Materialised: as a subquery the limit may be taken anew for each row that is looked at.
_FREEZE = """
with due as materialized (
    select id from day_plan where company_id = :company and frozen_at is null and day <= :today
    order by id limit :at_most for update
)
update day_plan set frozen_at = now()
from due where day_plan.company_id = :company and day_plan.id = due.id
returning day_plan.id
"""
_KNOWN_STORES = """
select id from store where company_id = :company and id = any(:ids) and status = 'ACTIVE'
"""


@dataclass(frozen=True, slots=True)
class PlansMade:
    """What making plans did: new ones, made again before their day, and given a new version."""

    made: int
    remade: int
    versioned: int


@dataclass(frozen=True, slots=True)
class _Held:
    """A plan as it stands."""

    id: UUID
    position_id: UUID
    plan_version: int
    is_frozen: bool
    is_decided: bool
    stops: Stops
    # Of the stores of a decided one those that are closed by now.
    closed: frozenset[UUID] = frozenset()


def plan_id(position_id: UUID, day: date) -> UUID:
    """The id of a position's plan for a day: there is one, whoever makes it first."""
    return uuid5(position_id, day.isoformat())


def make_day_plans(
    uow: UnitOfWork,
    position_ids: Iterable[UUID],
    from_day: date,
    until_day: date,
    *,
    today: date | None = None,
) -> PlansMade:
    """Make the plans of these positions for the days from the first to the last, both included.

    A day on which nothing is due has no plan, unless it had one: then that becomes empty. Running
    it again changes nothing. `today` decides which plans phones are given: the company's own day,
    unless it is named. Six queries and, where something differs, up to four more and the
    publishing; all of them sets.
    """
    positions = sorted(set(position_ids))
    if not positions or until_day < from_day:
        return PlansMade(0, 0, 0)
    company = uow.company_id
    uow.rows(_LOCK, company=company, positions=positions)
    stops_of = _route_stops(uow, positions)
    calendar = uow.rows(_CALENDAR, company=company)
    holidays = frozenset(row.day for row in calendar if not row.is_worked)
    worked = frozenset(row.day for row in calendar if row.is_worked)
    weekdays = frozenset(current_policy(uow)[1].working_weekdays)
    period = {"positions": positions, "from_day": from_day, "until_day": until_day}
    uow.rows(_LOCK_PLANS, company=company, **period)
    held = {
        (row.position_id, row.day): _Held(
            row.id,
            row.position_id,
            row.plan_version,
            row.is_frozen,
            row.is_decided,
            tuple((store_id, route_id) for store_id, route_id in row.stops),
            frozenset(row.closed or ()),
        )
        for row in uow.rows(_PLANS, company=company, **period)
    }
    days = [from_day + timedelta(days=n) for n in range((until_day - from_day).days + 1)]
    new: list[tuple[UUID, UUID, date, Stops]] = []
    remade: list[tuple[_Held, Stops]] = []
    versioned: list[tuple[_Held, Stops]] = []
    for position_id in positions:
        mine = stops_of.get(position_id, ())
        due = due_by_day(
            mine,
            from_day,
            until_day,
            holidays=holidays,
            working_weekdays=weekdays,
            worked_days=worked,
        )
        routes = {stop.route_id for stop in mine}
        for day in days:
            plan = held.get((position_id, day))
            wanted: Stops = due.get(day, ())
            if plan is None:
                if wanted:
                    new.append((plan_id(position_id, day), position_id, day, wanted))
                continue
            if plan.is_decided:
                wanted = tuple(
                    (store_id, route_id)
                    for store_id, route_id in plan.stops
                    if store_id not in plan.closed and (route_id is None or route_id in routes)
                )
            if wanted != plan.stops:
                keeps_old = plan.is_frozen or plan.is_decided
                (versioned if keeps_old else remade).append((plan, wanted))
    _write(uow, new, remade, versioned, today)
    return PlansMade(len(new), len(remade), len(versioned))


def plan_again(uow: UnitOfWork, position_ids: Iterable[UUID], today: date) -> PlansMade:
    """Make the plans of these positions again from today to the last day that is planned."""
    positions = sorted(set(position_ids))
    if not positions:
        return PlansMade(0, 0, 0)
    ahead = today + timedelta(days=current_policy(uow)[1].plan_days_ahead)
    last = uow.rows(_LAST_DAY, company=uow.company_id, positions=positions)[0][0]
    return make_day_plans(uow, positions, today, max(ahead, last or ahead), today=today)


def set_plan_stops(
    uow: UnitOfWork,
    actor: Actor,
    day_plan_id: UUID,
    store_ids: Sequence[UUID],
    *,
    today: date | None = None,
) -> int:
    """Give a plan these stores in this order, as a new version; return its number.

    A stop that the plan had keeps the route it was due by. Raises NoSuchPlan, StopsInvalid.
    """
    found = uow.rows(_PLAN, company=uow.company_id, plan=day_plan_id)
    if not found:
        raise NoSuchPlan(Said("there is no such day plan in this company"))
    plan = found[0]
    twice = next((id_ for place, id_ in enumerate(store_ids) if id_ in store_ids[:place]), None)
    if twice is not None:
        raise StopsInvalid(Said("{store} is named twice", store=named_stores(uow, [twice])[twice]))
    known = uow.rows(_KNOWN_STORES, company=uow.company_id, ids=list(store_ids))
    missing = set(store_ids) - {row.id for row in known}
    if missing:
        first = min(missing)
        raise StopsInvalid(
            Said("{store} is no active store", store=named_stores(uow, [first])[first])
        )
    route_of = dict(plan.stops)
    before = [store_id for store_id, _ in plan.stops]
    stops = tuple((store_id, route_of.get(store_id)) for store_id in store_ids)
    held = _Held(plan.id, plan.position_id, plan.plan_version, False, True, ())
    _write(uow, [], [], [(held, stops)], today)
    log_change(
        uow,
        actor,
        "day_plan.set_stops",
        "day_plan",
        day_plan_id,
        before={"plan_version": plan.plan_version, "stores": before},
        after={"plan_version": plan.plan_version + 1, "stores": list(store_ids)},
    )
    return int(plan.plan_version) + 1


def freeze_day_plans(uow: UnitOfWork, today: date, *, at_most: int = PUBLISHED_AT_ONCE) -> int:
    """Freeze the plans of today and of earlier days that are not frozen; the number of them.

    At most `at_most`; call again while it returns that many. One query and the publishing.
    """
    rows = uow.rows(_FREEZE, company=uow.company_id, today=today, at_most=at_most)
    publish_day_plans(uow, [row.id for row in rows], today)
    return len(rows)


def _route_stops(uow: UnitOfWork, positions: list[UUID]) -> Mapping[UUID, Sequence[RuledStop]]:
    found: dict[UUID, list[RuledStop]] = {}
    for row in uow.rows(_ROUTE_STOPS, company=uow.company_id, positions=positions):
        found.setdefault(row.position_id, []).append(
            RuledStop(row.store_id, row.route_id, read_rule(row.rule))
        )
    return found


def _write(
    uow: UnitOfWork,
    new: Sequence[tuple[UUID, UUID, date, Stops]],
    remade: Sequence[tuple[_Held, Stops]],
    versioned: Sequence[tuple[_Held, Stops]],
    today: date | None,
) -> None:
    company = uow.company_id
    if new:
        ids, positions, days, _ = (list(column) for column in zip(*new, strict=True))
        uow.run(_NEW_PLANS, company=company, ids=ids, positions=positions, days=days)
    if remade:
        uow.run(_EMPTY, company=company, ids=[plan.id for plan, _ in remade])
    if versioned:
        uow.run(_NEW_VERSIONS, company=company, ids=[plan.id for plan, _ in versioned])
    written = [
        *((id_, 1, stops) for id_, _, _, stops in new),
        *((plan.id, plan.plan_version, stops) for plan, stops in remade),
        *((plan.id, plan.plan_version + 1, stops) for plan, stops in versioned),
    ]
    rows = [
        (id_, version, sequence, store_id, route_id)
        for id_, version, stops in written
        for sequence, (store_id, route_id) in enumerate(stops)
    ]
    if rows:
        plans, versions, sequences, stores, routes = (list(c) for c in zip(*rows, strict=True))
        uow.run(
            _NEW_STOPS,
            company=company,
            plans=plans,
            versions=versions,
            sequences=sequences,
            stores=stores,
            routes=routes,
        )
    touched = [id_ for id_, _, _ in written]
    for start in range(0, len(touched), PUBLISHED_AT_ONCE):
        publish_day_plans(uow, touched[start : start + PUBLISHED_AT_ONCE], today)
