"""The demo company grown large, to see what pages do with much: 200 reps, 10,000 stores, a million visits.

People, stores, routes and today's plans are made by the functions that the office has. What happened before is put into
the tables by statements, from numbers alone: visits of sixty weeks with their plans, duty, orders, store checks and ways,
in the order in which they would have come, and the records of the last of these days. No phone sent it: there is neither
ledger nor change feed of it, and nobody of the new people has a phone. The same for the same day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Connection, Engine, insert, text

from server.demo.city import Area
from server.demo.shops import STORES_PER_REP, Shop, build_shops
from server.identity.change_log import Actor
from server.planning.day_plans import PUBLISHED_AT_ONCE, freeze_day_plans, make_day_plans
from server.planning.stores import make_stores
from sync import organisation
from sync.kinds.attendance.judge import ATTENDANCE
from sync.kinds.visit.judge import VISIT
from sync.scope import rescope
from sync.unit_of_work import Database, UnitOfWork

REPS = 200
DAYS = 300
STORES_AT_ONCE = 1_000
PLANS_AT_ONCE = 50
_FAMILIES = ("Ai", "Bo", "Cui", "Du", "Fu", "Gu", "Hao", "Jia", "Kang", "Lei")
_GIVEN = (
    "Chao", "Dong", "Hai", "Hui", "Jun", "Kun", "Lan", "Min", "Ning", "Peng",
    "Qiang", "Rong", "Shu", "Ting", "Wen", "Xia", "Ying", "Yong", "Zhen",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ground:
    """What the company grows on: its key, who made it, its townships with their regions, the divisions, and
    until which day the first reps' history is made up (their own begins there).
    """

    key: UUID
    actor: Actor
    townships: Sequence[Area]
    regions: Mapping[str, UUID]
    divisions: Sequence[UUID]
    first_reps: int
    first_stores: int
    history_from: date
    anchor: date
    time_zone: str
    currency: str


@dataclass(frozen=True, slots=True)
class GrownRep:
    """A rep to be, with the stores of their routes."""

    code: str
    position_id: UUID
    person_id: UUID
    shops: Sequence[Shop]


def grow_company(
    database: Database,
    owner: Engine,
    company_id: int,
    ground: Ground,
    write_routes: Any,
    *,
    today: date,
    seed: int,
) -> dict[str, int]:
    """Let the company grow; how much there is of what, with what was there before.

    `write_routes(uow, code → position, code → shops)` makes the routes of positions.
    """
    with database.company(company_id) as uow:
        reps = _make_people(uow, ground, seed)
    stores = [shop.store for rep in reps for shop in rep.shops]
    for start in range(0, len(stores), STORES_AT_ONCE):
        with database.company(company_id) as uow:
            made = make_stores(uow, ground.actor, stores[start : start + STORES_AT_ONCE])
            uow.connection.execute(
                insert(organisation.store_division),
                [
                    {"company_id": company_id, "store_id": id_, "division_id": division_id}
                    for number, id_ in enumerate(made)
                    for place, division_id in enumerate(ground.divisions)
                    if number % 3 != place
                ],
            )
    for start in range(0, len(reps), PLANS_AT_ONCE):
        some = reps[start : start + PLANS_AT_ONCE]
        with database.company(company_id) as uow:
            write_routes(
                uow,
                {rep.code: rep.position_id for rep in some},
                {rep.code: list(rep.shops) for rep in some},
            )
            rescope(uow, [rep.person_id for rep in some], today)
            make_day_plans(uow, [rep.position_id for rep in some], today, today, today=today)
            while freeze_day_plans(uow, today) == PUBLISHED_AT_ONCE:
                pass
    return _make_past(owner, company_id, ground, today=today)


def _make_people(uow: UnitOfWork, ground: Ground, seed: int) -> list[GrownRep]:
    """The people and positions, round the townships, and the stores that they will have."""
    company = {"company_id": uow.company_id}
    reps, people, positions, occupancies = [], [], [], []
    number = ground.first_stores + 1
    names = (f"{family} {given}" for given in _GIVEN for family in _FAMILIES)
    for place, name in enumerate(islice(names, REPS - ground.first_reps), ground.first_reps):
        township = ground.townships[place % len(ground.townships)]
        code = f"REP-{place + 1:03}"
        position_id, person_id = uuid5(ground.key, code), uuid5(ground.key, f"person {code}")
        region_id = ground.regions[township.code]
        shops = build_shops(ground.key, township, region_id, number, seed + place, ground.anchor)
        number += len(shops)
        people.append({**company, "id": person_id, "name": name})
        positions.append(
            {
                **company,
                "id": position_id,
                "code": code,
                "name": f"Rep {township.code} {place + 1}",
                "role": "rep",
                "region_id": region_id,
                "division_id": ground.divisions[place % 2],
            }
        )
        occupancies.append(
            {
                **company,
                "id": uuid5(ground.key, f"occupancy {code}"),
                "position_id": position_id,
                "person_id": person_id,
                "starts_on": ground.history_from - timedelta(days=2 * DAYS),
                "ends_on": None,
                "is_acting": False,
            }
        )
        reps.append(GrownRep(code, position_id, person_id, shops))
    uow.connection.execute(insert(organisation.person), people)
    uow.connection.execute(insert(organisation.position), positions)
    uow.connection.execute(insert(organisation.occupancy), occupancies)
    return reps


def _make_past(owner: Engine, company_id: int, ground: Ground, *, today: date) -> dict[str, int]:
    values = {
        "company": company_id,
        "zone": ground.time_zone,
        "currency": ground.currency,
        "history_from": ground.history_from,
        "first_reps": ground.first_reps,
        "today": today,
        "days": DAYS,
        "stores": STORES_PER_REP,
        "visit_kind": VISIT.number,
        "attendance_kind": ATTENDANCE.number,
        "device": uuid5(ground.key, "device of the large past"),
    }
    with owner.begin() as connection:
        for statement in _PREPARE:
            _run(connection, statement, values)
        return {name: _run(connection, statement, values) for name, statement in _PAST}


def _run(connection: Connection, statement: str, values: Mapping[str, Any]) -> int:
    named = {name: value for name, value in values.items() if f":{name}" in statement}
    return connection.execute(text(statement), named).rowcount


# Temporary: the reps with their numbers, their stores in the order of their routes, the weekdays, and for each rep and
# day the twenty stores that were due. `chance` is a whole number below a million that follows from the rest alone.
_PREPARE = (
    """
    create temporary table past_rep on commit drop as
    select row_number() over (order by length(p.code), p.code) as rep, p.id as position_id, o.person_id
    from position p join occupancy o on o.company_id = p.company_id and o.position_id = p.id
    where p.company_id = :company and p.role = 'rep' and not o.is_acting
    """,
    """
    create temporary table past_store on commit drop as
    select r.rep, row_number() over (partition by r.rep order by s.code) - 1 as place, s.id as store_id,
           s.account_id
    from past_rep r
    join route w on w.company_id = :company and w.position_id = r.position_id
    join route_stop t on t.company_id = :company and t.route_id = w.id
    join store s on s.company_id = :company and s.id = t.store_id
    """,
    """
    create temporary table past_day on commit drop as
    select row_number() over (order by d.day) as number, d.day from (
        select cast(g.day as date) as day
        from generate_series(cast(:today as timestamp) - interval '1 day',
                             cast(:today as timestamp) - interval '800 days',
                             interval '-1 day') as g(day)
        where extract(isodow from g.day) <= 5 order by g.day desc limit :days
    ) d
    """,
    """
    create temporary table past_stop on commit drop as
    select r.rep, r.person_id, r.position_id, d.day, d.number, s.store_id, s.account_id, k.k,
           cast(md5(concat('plan', r.rep, d.day)) as uuid) as plan_id,
           cast(md5(concat('visit', r.rep, d.day, k.k)) as uuid) as visit_id,
           (d.day + time '08:10' + make_interval(mins => cast(k.k * 26 + c.chance % 12 as int)))
               at time zone :zone as began_at,
           c.chance, c.chance % 100 < 85 as is_visited
    from past_rep r
    cross join past_day d
    cross join generate_series(0, 19) as k(k)
    join past_store s on s.rep = r.rep and s.place = (d.number * 20 + k.k) % :stores
    cross join lateral (
        select (hashtextextended(concat('visit', r.rep, '-', d.day, '-', k.k), 0) & 2147483647) % 1000000 as chance
    ) c
    where r.rep > :first_reps or d.day < :history_from
    """,
    # The products that are sold, each with its smallest unit.
    """
    create temporary table past_product on commit drop as
    select row_number() over (order by p.code) - 1 as place, p.id as product_id, u.unit,
           count(*) over () as products
    from product p join product_unit u on u.company_id = p.company_id and u.product_id = p.id
    where p.company_id = :company and p.is_own and p.status = 'ACTIVE' and u.base_units = 1
    """,
    """
    create temporary table past_order on commit drop as
    select s.*, cast(md5(concat('order', s.visit_id)) as uuid) as order_id
    from past_stop s where s.is_visited and s.chance / 100 % 100 < 30
    """,
    """
    create temporary table past_line on commit drop as
    select o.order_id, o.day, l.line, p.product_id, p.unit, 1 + q.chance % 24 as quantity,
           200 + q.chance / 100 % 40 * 25 as price_minor
    from past_order o
    cross join generate_series(1, 4) as l(line)
    cross join lateral (select (hashtextextended(concat(o.order_id, l.line), 0) & 2147483647) % 1000000 as chance) q
    join past_product p on p.place = q.chance % p.products
    where l.line = 1 or q.chance % 4 > 0
    """,
    "analyze past_stop, past_order, past_line, past_product",
)
_PAST = (
    (
        "day plans",
        """
        insert into day_plan (company_id, id, position_id, day, plan_version, frozen_at, made_at)
        select distinct on (plan_id) :company, plan_id, position_id, day, 1,
               cast(day as timestamp) at time zone :zone, cast(day as timestamp) at time zone :zone
        from past_stop where not exists (select from day_plan n where n.company_id = :company
            and n.position_id = past_stop.position_id and n.day = past_stop.day)
        order by plan_id
        """,
    ),
    (
        "stops of day plans",
        """
        insert into day_plan_stop (company_id, day_plan_id, plan_version, sequence, store_id)
        select :company, s.plan_id, 1, s.k, s.store_id from past_stop s
        join day_plan n on n.company_id = :company and n.id = s.plan_id
        order by s.day, s.rep, s.k
        """,
    ),
    (
        "visits",
        """
        insert into visit (company_id, id, version, person_id, position_id, device_id, store_id,
                           day_plan_id, is_by_phone, state, business_day, began_at, ended_at, trust,
                           verdict, distance_cm, flags, received_at)
        select :company, s.visit_id, 1, s.person_id, s.position_id, cast(:device as uuid), s.store_id,
               s.plan_id, false, 'DONE', s.day, s.began_at,
               s.began_at + make_interval(mins => cast(6 + s.chance % 14 as int)), 'CLOCK',
               case when s.chance / 7 % 100 < 2 then 'OFFSITE'
                    when s.chance / 7 % 100 < 6 then 'TOLERATED' else 'ONSITE' end,
               case when s.chance / 7 % 100 < 2 then 90000 else 2000 + s.chance % 9000 end,
               case when s.chance / 11 % 100 < 3 then array['too_short']
                    when s.chance / 11 % 100 < 5 then array['steps_skipped'] else '{}' end,
               s.began_at + interval '2 hours'
        from past_stop s where s.is_visited order by s.day, s.began_at
        """,
    ),
    (
        "events of duty",
        """
        insert into attendance (company_id, id, version, person_id, position_id, device_id, event,
                                business_day, occurred_at, trust, flags, received_at)
        select :company, cast(md5(concat(e.event, s.rep, s.day)) as uuid), 1, s.person_id, s.position_id,
               cast(:device as uuid), e.event, s.day, (s.day + e.at) at time zone :zone, 'CLOCK', '{}',
               (s.day + e.at) at time zone :zone
        from (select distinct rep, person_id, position_id, day from past_stop) s
        cross join (values ('ON', time '08:00'), ('OFF', time '17:30')) as e(event, at)
        """,
    ),
    (
        "ways of days",
        """
        insert into track_part (company_id, person_id, business_day, track_id, position_id, from_at,
                                points, distance_cm)
        select :company, s.person_id, s.day, cast(md5(concat('track', s.rep, s.day)) as uuid),
               s.position_id, (s.day + time '08:00') at time zone :zone, 400,
               1500000 + s.rep * 1000 + s.number * 100
        from (select distinct rep, person_id, position_id, day, number from past_stop) s
        """,
    ),
    (
        "orders",
        """
        insert into order_header (company_id, id, version, order_version, order_type, number, state, holds,
                                  person_id, position_id, device_id, store_id, account_id, visit_id,
                                  currency, business_day, ordered_at, total_minor, server_total_minor,
                                  likeness, trust, flags, received_at)
        select :company, s.order_id, 1, 1, 'SALE', null,
               case when s.day < :today - 4 then 'CLOSED'
                    when s.chance % 50 = 7 then 'HELD' else 'ACCEPTED' end,
               case when s.day >= :today - 4 and s.chance % 50 = 7 then array['stale_price'] else '{}' end,
               s.person_id, s.position_id, cast(:device as uuid), s.store_id, s.account_id, s.visit_id,
               :currency, s.day, s.began_at + interval '5 minutes', t.total, t.total, s.order_id, 'CLOCK',
               '{}', s.began_at + interval '2 hours'
        from past_order s
        join (select order_id, cast(sum(quantity * price_minor) as bigint) as total
              from past_line group by order_id) t on t.order_id = s.order_id
        order by s.day, s.began_at
        """,
    ),
    (
        "versions of orders",
        """
        insert into order_version (company_id, order_id, order_version, origin, person_id, actor, made_at,
                                   total_minor, server_total_minor, holds, price_lists, promotions)
        select o.company_id, o.id, 1, 'submit', o.person_id, p.name, o.ordered_at, o.total_minor,
               o.server_total_minor, o.holds, '[]', '[]'
        from past_order s
        join order_header o on o.company_id = :company and o.id = s.order_id
        join person p on p.company_id = :company and p.id = o.person_id
        order by o.ordered_at
        """,
    ),
    (
        "lines of orders",
        """
        insert into order_line (company_id, order_id, order_version, line, product_id, unit, quantity,
                                price_minor, discount_minor, total_minor, server_price_minor,
                                server_discount_minor, server_total_minor)
        select :company, l.order_id, 1, l.line, l.product_id, l.unit, l.quantity, l.price_minor, 0,
               l.quantity * l.price_minor, l.price_minor, 0, l.quantity * l.price_minor
        from past_line l order by l.day, l.order_id
        """,
    ),
    (
        "lines delivered",
        """
        insert into order_delivery (company_id, order_id, line, order_version, delivered, short, returned,
                                    delivered_minor)
        select :company, l.order_id, l.line, 1, l.quantity - l.quantity / 20, l.quantity / 20, 0,
               (l.quantity - l.quantity / 20) * l.price_minor
        from past_line l where l.day < :today - 4 order by l.day, l.order_id
        """,
    ),
    (
        "store checks",
        """
        insert into form_answer (company_id, id, version, template_id, template_version, visit_id, store_id,
                                 person_id, position_id, business_day, answered_at, score_over,
                                 score_out_of, score_e2, flags, received_at)
        select :company, cast(md5(concat('check', s.visit_id)) as uuid), 1, f.id, 1, s.visit_id, s.store_id,
               s.person_id, s.position_id, s.day, s.began_at + interval '4 minutes',
               60 + s.chance % 40, 100, (60 + s.chance % 40) * 100, '{}', s.began_at + interval '2 hours'
        from past_stop s
        cross join (select id from form_template where company_id = :company order by id limit 1) f
        where s.is_visited and s.chance / 13 % 10 = 0 order by s.day, s.began_at
        """,
    ),
    (
        "measures of store checks",
        """
        insert into form_measure (company_id, answer_id, measure, store_id, person_id, position_id,
                                  business_day, numerator, denominator, product_ids, numerators,
                                  denominators)
        select :company, cast(md5(concat('check', s.visit_id)) as uuid), m.measure, s.store_id, s.person_id,
               s.position_id, s.day, m.numerator, m.denominator,
               case when m.measure = 'OSA' then p.ids else '{}' end,
               case when m.measure = 'OSA' then array_fill(cast(1 as bigint), array[cardinality(p.ids)])
                    else '{}' end,
               case when m.measure = 'OSA' then array_fill(cast(1 as bigint), array[cardinality(p.ids)])
                    else '{}' end
        from past_stop s
        cross join (select array_agg(product_id order by place) as ids from past_product where place < 12) p
        cross join lateral (values
            ('OSA', 8 + s.chance % 4, cast(12 as bigint)),
            ('SHARE_OF_SHELF', 10 + s.chance % 20, cast(60 as bigint)),
            ('STORE_SCORE', 60 + s.chance % 40, cast(100 as bigint))
        ) as m(measure, numerator, denominator)
        where s.is_visited and s.chance / 13 % 10 = 0 order by s.day, s.began_at
        """,
    ),
    # The map reads whole records: those of the last day.
    (
        "records of visits",
        """
        insert into record (company_id, id, kind, version, doc, hash, person_id, changed_by, changed_at)
        select :company, s.visit_id, :visit_kind, 1, cast(jsonb_build_object(
                   'business_day', s.day, 'clock', k.clock, 'closed_by', 'PERSON',
                   'check_in', jsonb_build_object('at', m.at, 'corrected_at', m.at, 'fix', p.fix),
                   'check_out', jsonb_build_object('at', m.until, 'corrected_at', m.until, 'fix', p.fix),
                   'day_plan_id', s.plan_id, 'flags', cast('[]' as jsonb), 'is_by_phone', false, 'note', null,
                   'person_id', s.person_id, 'position_id', s.position_id, 'skip_reason', null,
                   'state', 'DONE', 'steps', cast('[]' as jsonb), 'store_id', s.store_id,
                   'verdict', jsonb_build_object(
                       'accuracy_cm', 1200, 'distance_cm', v.distance_cm, 'pin', p.pin,
                       'policy_version', 1, 'radius_m', 200,
                       'verdict', case when p.pin is null then 'UNPINNED' else v.verdict end)) as text),
               0, s.person_id, s.person_id, v.received_at
        from past_stop s
        join visit v on v.company_id = :company and v.id = s.visit_id
        join store t on t.company_id = :company and t.id = s.store_id
        cross join lateral (select cast(extract(epoch from v.began_at) * 1000 as bigint) as at,
                                   cast(extract(epoch from v.ended_at) * 1000 as bigint) as until) m
        cross join lateral (select jsonb_build_object('drift_ms', 0, 'offset_ms', 0, 'trust', 'CLOCK')
                                   as clock) k
        cross join lateral (
            select jsonb_build_object('accuracy_cm', 1200, 'datum', 'WGS84', 'gps_time', m.at,
                       'is_mock', false, 'lat_e7', coalesce(t.lat_e7, 306600000) + s.chance % 2000,
                       'lon_e7', coalesce(t.lon_e7, 1040600000) + s.chance / 7 % 2000) as fix,
                   case when t.lat_e7 is not null
                        then jsonb_build_object('lat_e7', t.lat_e7, 'lon_e7', t.lon_e7) end as pin
        ) p
        where s.is_visited and s.day = (select max(day) from past_day)
        """,
    ),
    (
        "records of duty",
        """
        insert into record (company_id, id, kind, version, doc, hash, person_id, changed_by, changed_at)
        select :company, a.id, :attendance_kind, 1, cast(jsonb_build_object(
                   'business_day', a.business_day, 'event', a.event, 'flags', cast('[]' as jsonb),
                   'clock', jsonb_build_object('drift_ms', 0, 'offset_ms', 0, 'trust', 'CLOCK'),
                   'occurred', jsonb_build_object('at', m.at, 'corrected_at', m.at, 'fix', null),
                   'person_id', a.person_id, 'position_id', a.position_id) as text),
               0, a.person_id, a.person_id, a.received_at
        from attendance a
        join past_rep r on r.person_id = a.person_id and r.rep > :first_reps
        cross join lateral (select cast(extract(epoch from a.occurred_at) * 1000 as bigint) as at) m
        where a.company_id = :company and a.business_day = (select max(day) from past_day)
        """,
    ),
    # The first reps' tracks of yesterday, walked by all.
    (
        "tracks",
        """
        insert into track (company_id, received_at, id, person_id, position_id, device_id, business_day,
                           began_at, ended_at, trust, datum, packed, wgs84_shift, points, removed,
                           distance_cm, dropped_coarse, dropped_zero, dropped_fast, dropped_repeated, gaps,
                           stops, flags, policy_version)
        select t.company_id, t.received_at, cast(md5(concat(t.id, r.rep)) as uuid), r.person_id,
               r.position_id, t.device_id, t.business_day, t.began_at, t.ended_at, t.trust, t.datum,
               t.packed, t.wgs84_shift, t.points, t.removed, t.distance_cm, t.dropped_coarse,
               t.dropped_zero, t.dropped_fast, t.dropped_repeated, t.gaps, t.stops, t.flags,
               t.policy_version
        from past_rep r
        join past_rep f on f.rep = 1 + r.rep % :first_reps
        join track t on t.company_id = :company and t.person_id = f.person_id
                    and t.business_day = :today - 1
        where r.rep > :first_reps
        """,
    ),
)
