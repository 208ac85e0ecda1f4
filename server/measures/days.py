"""Visits and plans read from days that are kept by month (sync/counted_days.py): what they come to is what the facts come to.

A month of a store is a row, its days are bits. Months that changed since they were counted are read from the facts, in the
same statement, so that what is kept need not be up to date. The families of families.py say what is counted; here is how
it is read where all that a company has was counted once.
"""

from collections.abc import Sequence

from server.measures.facts import (
    COUNTS,
    DECIDED,
    IS_SALE,
    OF_ORDER,
    ORDER_COUNTS,
    TIME_LABELS,
    Asking,
    Source,
)

_BIT = "(1 << (cast(extract(day from {day}) as integer) - 1))"
_MONTH = "{day} - (cast(extract(day from {day}) as integer) - 1)"
_COUNTED = "bit_count(cast({days} as bit(31)))"
_NOBODY = "cast('00000000-0000-0000-0000-000000000000' as uuid)"

# ---- what is kept, and what changed since ------------------------------------------------------------

# The months of the period.
_SPAN = """
span as (
    select cast(m as date) as month
    from generate_series(cast(:first_month as timestamp), cast(:last_day as timestamp), interval '1 month') as m
)
"""
# Of a month's days those of the period. No join, so that the planner knows how many rows there are.
_IN_PERIOD = """
k.days & case k.month when :first_month then :first_days when :last_month then :last_days else 2147483647 end
"""
_CHANGED = """
{name} as materialized (
    select distinct c.owner_id, c.month, greatest(c.month, :first_day) as first_day,
           least(cast(c.month + interval '1 month' as date) - 1, :last_day) as last_day
    from days_changed c
    where c.company_id = :company and c.about = '{about}' and c.month between :first_month and :last_day
)
"""
# The days of visits that count at the stores and months of `late`; then, by the plan that each names.
VISITED_FROM_FACTS = f"""
    select v.store_id, l.month, coalesce(v.position_id, {_NOBODY}) as position_id, v.person_id,
           false as is_by_plan, bit_or({_BIT.format(day="v.business_day")}) as days
    from late l
    join visit v on v.company_id = :company and v.store_id = l.owner_id
                and v.business_day between l.first_day and l.last_day
    left join decided x on x.visit_id = v.id
    where ({COUNTS})
    group by v.store_id, l.month, v.position_id, v.person_id
    union all
    select v.store_id, l.month, n.position_id, {_NOBODY}, true, bit_or({_BIT.format(day="n.day")})
    from late l
    join visit v on v.company_id = :company and v.store_id = l.owner_id
                and v.business_day between l.first_day and l.last_day
    join day_plan n on n.company_id = :company and n.id = v.day_plan_id and n.day = v.business_day
                   and n.position_id is distinct from v.position_id
    left join decided x on x.visit_id = v.id
    where ({COUNTS})
    group by v.store_id, l.month, n.position_id
"""
# The days for which stores stand in the frozen plans of the positions and months of `replanned`.
PLANNED_FROM_FACTS = f"""
    select q.position_id, l.month, t.store_id, bit_or({_BIT.format(day="q.day")}) as days
    from replanned l
    join day_plan q on q.company_id = :company and q.position_id = l.owner_id
                   and q.day between l.first_day and l.last_day and q.frozen_at is not null
    join day_plan_stop t on t.company_id = q.company_id and t.day_plan_id = q.id
                        and t.plan_version = q.plan_version
    group by q.position_id, l.month, t.store_id
"""
# The days of orders above zero at the stores and months of `resold`, and what each day's come to.
SOLD_FROM_FACTS = f"""
    select s.store_id, s.month, s.position_id, s.person_id, s.currency, bit_or(1 << s.number) as days,
           cast(sum(s.amount) as bigint) as amount, array_agg(s.number order by s.number) as numbers,
           array_agg(s.amount order by s.number) as amounts
    from (
        select o.store_id, l.month, coalesce(o.position_id, {_NOBODY}) as position_id, o.person_id, o.currency,
               cast(extract(day from o.business_day) as integer) - 1 as number,
               cast(sum({OF_ORDER}) as bigint) as amount
        from resold l
        join order_header o on o.company_id = :company and o.store_id = l.owner_id
                           and o.business_day between l.first_day and l.last_day
        where {ORDER_COUNTS} and {IS_SALE}
        group by o.store_id, l.month, o.position_id, o.person_id, o.currency, o.business_day
    ) s
    group by s.store_id, s.month, s.position_id, s.person_id, s.currency
"""
_VISITED = (
    DECIDED,
    _CHANGED.format(name="late", about="VISITS"),
    f"""
visited_day as (
    select k.company_id, k.store_id, k.month, nullif(k.position_id, {_NOBODY}) as position_id,
           k.person_id, k.is_by_plan, {_IN_PERIOD} as days
    from visited_days k
    where k.company_id = :company and k.month between :first_month and :last_day
      and not exists (select from late l where l.owner_id = k.store_id and l.month = k.month)
    union all
    select cast(:company as integer), f.store_id, f.month, nullif(f.position_id, {_NOBODY}), f.person_id,
           f.is_by_plan, f.days
    from ({VISITED_FROM_FACTS}) f
)
""",
)
_PLANNED = (
    _CHANGED.format(name="replanned", about="PLANS"),
    f"""
planned_day as (
    select k.company_id, k.position_id, k.month, k.store_id, {_IN_PERIOD} as days
    from planned_days k
    where k.company_id = :company and k.month between :first_month and :last_day
      and not exists (select from replanned l where l.owner_id = k.position_id and l.month = k.month)
    union all
    select cast(:company as integer), f.position_id, f.month, f.store_id, f.days
    from ({PLANNED_FROM_FACTS}) f
)
""",
)
_SOLD = (
    _CHANGED.format(name="resold", about="SALES"),
    f"""
sold_day as (
    select k.company_id, k.store_id, k.month, nullif(k.position_id, {_NOBODY}) as position_id, k.person_id,
           k.currency, {_IN_PERIOD} as days, k.days as all_days, k.amount, k.numbers, k.amounts
    from sold_days k
    where k.company_id = :company and k.month between :first_month and :last_day
      and not exists (select from resold l where l.owner_id = k.store_id and l.month = k.month)
    union all
    select cast(:company as integer), f.store_id, f.month, nullif(f.position_id, {_NOBODY}), f.person_id,
           f.currency, f.days, f.days, f.amount, f.numbers, f.amounts
    from ({SOLD_FROM_FACTS}) f
)
""",
)
# Who held a position on which days of a month: while somebody stands in, they do; on the other days nobody.
_HELD = """
term as (
    select position_id, person_id, is_acting, month,
           cast((cast(1 as bigint) << cast(extract(day from last_day) as integer))
                - (cast(1 as bigint) << (cast(extract(day from first_day) as integer) - 1)) as integer) as days
    from (
        select o.position_id, o.person_id, o.is_acting, g.month, greatest(o.starts_on, g.month) as first_day,
               least(o.ends_on, cast(g.month + interval '1 month' as date) - 1) as last_day
        from occupancy o cross join span g where o.company_id = :company
    ) o where first_day <= last_day
), acted as (
    select position_id, month, bit_or(days) as days from term where is_acting group by position_id, month
), holder as (
    select t.position_id, t.month, t.person_id,
           bit_or(case when t.is_acting then t.days else t.days & ~coalesce(a.days, 0) end) as days
    from term t left join acted a on a.position_id = t.position_id and a.month = t.month
    group by t.position_id, t.month, t.person_id
), held as (
    select position_id, month, person_id, days from holder
    union all
    select p.id, g.month, null, ~coalesce(bit_or(h.days), 0) & 2147483647
    from position p cross join span g
    left join holder h on h.position_id = p.id and h.month = g.month
    where p.company_id = :company group by p.id, g.month
)
"""

_VISITS = Source(
    tables="visited_day v",
    company="v.company_id",
    person="v.person_id",
    position="v.position_id",
    store="v.store_id",
    day=None,
    conditions=("not v.is_by_plan", "v.days <> 0"),
)
_SALES = Source(
    tables="sold_day o",
    company="o.company_id",
    person="o.person_id",
    position="o.position_id",
    store="o.store_id",
    day=None,
    conditions=("o.days <> 0",),
)


def _stops(asking: Asking) -> Source:
    has_person = asking.tells_people
    return Source(
        tables="planned_day q"
        + (
            " join held h on h.position_id = q.position_id and h.month = q.month"
            if has_person
            else ""
        ),
        company="q.company_id",
        person="h.person_id" if has_person else None,
        position="q.position_id",
        store="q.store_id",
        day=None,
        conditions=(f"{_stop_days(has_person)} <> 0",),
    )


def _stop_days(has_person: bool) -> str:
    return "q.days & h.days" if has_person else "q.days"


# ---- counting ------------------------------------------------------------------------------------------

_MONTHLY = ("store_id", "month")


def called_parts(asking: Asking) -> tuple[str, ...]:
    """The parts that end with `called`: of each group without its times, store and month the days visited."""
    call = asking.facts(_VISITS, ["v.store_id", "v.month", "v.days"])
    return (
        *_VISITED,
        f"""
        called as materialized (
            select {asking.listed(*_MONTHLY)}, bit_or(days) as days from ({call}) c {asking.grouped(*_MONTHLY)}
        )
        """,
    )


# The days of the period, each with its month and its bit.
CALENDAR = f"""
calendar as (
    select e.day, {_MONTH.format(day="e.day")} as month, {_BIT.format(day="e.day")} as bit
    from (select cast(d as date) as day
          from generate_series(cast(:first_day as timestamp), cast(:last_day as timestamp),
                               interval '1 day') as d) e
)
"""


def told_by_time(asking: Asking, table: str, *more: str) -> str:
    """A select of the groups with their times, over a table of the groups without: `store_days`, the days of all stores,
    and `stores` that have one. `more` columns of the table tell groups apart as well.
    """
    untimed = asking.without_times()
    times = asking.times
    keys = [*untimed.keys, *more]
    if not times:
        rows, count = table, _COUNTED.format(days="c.days")
        if not asking.question.is_of_one_month:
            one = [*keys, "store_id"]
            rows = f"(select {', '.join(one)}, sum({count}) as days from {table} c group by {', '.join(one)})"
            count = "c.days"
        return f"""
            select {"".join(f"c.{key}, " for key in keys)}
                   cast(coalesce(sum({count}), 0) as bigint) as store_days, count(*) as stores
            from {rows} c {f"group by {', '.join(keys)}" if keys else ""}
        """
    all_keys = ", ".join([*asking.keys, *more])
    mine = "".join(f"c.{key}, " for key in keys)
    if "day" in times:
        # Each day by itself, so that no store is counted twice: thirty-one sums over the months instead of a row a day.
        sums = ", ".join(f"sum(c.days >> {bit} & 1) as d{bit}" for bit in range(31))
        days = ", ".join(f"({bit}, c.d{bit})" for bit in range(31))
        return f"""
            select {all_keys}, cast(number as bigint) as store_days, cast(number as bigint) as stores from (
                select {mine} {labels(times, "c.month + e.bit")}, e.number
                from (select {mine} c.month, {sums} from {table} c group by {mine} c.month) c
                cross join lateral (values {days}) as e(bit, number)
                where e.number > 0
            ) d
        """
    named = ", ".join(f"p.g_{name}" for name in times)
    by_store = f"""
        select {mine} {named}, c.store_id, sum({_COUNTED.format(days="c.days & p.days")}) as store_days
        from {table} c join ({_periods(times)}) p on p.month = c.month and c.days & p.days <> 0
        group by {mine} {named}, c.store_id
    """
    return f"""
        select {all_keys}, cast(sum(store_days) as bigint) as store_days, count(*) as stores
        from ({by_store}) d group by {all_keys}
    """


def labels(times: Sequence[str], day: str) -> str:
    """The names of the times of a day, as the keys of a group."""
    named = {name: TIME_LABELS[name].format(day=f"({day})") for name in times}
    return ", ".join(f'{label} collate "C" as g_{name}' for name, label in named.items())


def named_by_day(asking: Asking, table: str) -> str:
    """The keys of a table whose rows are of a `business_day`, each with a comma after it."""
    of_day = {name: TIME_LABELS[name].format(day=f"{table}.business_day") for name in asking.times}
    return " ".join(
        f'{of_day[name]} collate "C" as g_{name},' if name in of_day else f"{table}.g_{name},"
        for name in asking.question.group_by
    )


def names_of_days(times: Sequence[str]) -> str:
    """The names of all periods that the question's has days of."""
    return f"""
        select distinct {labels(times, "e.day")}
        from (select cast(d as date) as day
              from generate_series(cast(:first_day as timestamp), cast(:last_day as timestamp),
                                   interval '1 day') as d) e
    """


def _periods(times: Sequence[str]) -> str:
    """Of each period of these times and month its days, as bits."""
    names = ", ".join(f"g_{name}" for name in times)
    return f"""
        select {names}, month, cast(sum({_BIT.format(day="day")}) as integer) as days from (
            select {labels(times, "e.day")}, {_MONTH.format(day="e.day")} as month, e.day
            from (select cast(d as date) as day
                  from generate_series(cast(:first_day as timestamp), cast(:last_day as timestamp),
                                       interval '1 day') as d) e
        ) n group by {names}, month
    """


# ---- the families --------------------------------------------------------------------------------------


def visits(asking: Asking) -> str:
    """What `families.visits` says."""
    return f"""
    {asking.with_(*called_parts(asking.without_times()))}
    select {asking.keys_of("t")} cast(null as text) as currency, t.store_days as tc, t.stores as visited_stores
    from ({told_by_time(asking, "called")}) t
    """


def sales(asking: Asking) -> str:
    """What `families.sales` says of whole orders."""
    untimed = asking.without_times()
    columns = ("store_id", "month", "currency", "days", "all_days", "amount", "numbers", "amounts")
    sale = untimed.facts(_SALES, [f"o.{column}" for column in columns])
    each = "lateral unnest(m.numbers, m.amounts) as u(number, amount)"
    if asking.times:
        worth = f"""
            select {untimed.keys_of("m")} m.month + u.number as business_day, m.currency, sum(u.amount) as value
            from met m cross join {each} where m.days >> u.number & 1 = 1
            group by {"".join(f"m.{key}, " for key in untimed.keys)} m.month + u.number, m.currency
        """
    else:
        worth = f"""
            select {untimed.keys_of("m")} m.currency, sum(
                case when m.days = m.all_days then m.amount
                     else (select sum(u.amount) from {each} where m.days >> u.number & 1 = 1) end) as value
            from met m {untimed.grouped_of("m", "m.currency")}
        """
    parts = (
        *called_parts(untimed),
        *_SOLD,
        # Materialised: each is read once as a whole, not looked up by the other.
        f"sale as materialized ({sale})",
        f"""
        met as (
            select {untimed.keys_of("e")} e.store_id, e.month, e.currency, e.days & d.days as days, e.all_days,
                   e.amount, e.numbers, e.amounts
            from sale e join called d on {untimed.same("d", "e", "store_id", "month")}
            where e.days & d.days <> 0
        )
        """,
        *sold_parts(untimed),
        f"worth as ({worth})",
    )
    return sold(asking, parts)


def sold_parts(untimed: Asking) -> tuple[str, ...]:
    """The parts that end with `sold` and `sold_once`, over `met`: of each group, store and month the days, by currency
    and by none.
    """
    return (
        f"""
        sold as (
            select {untimed.listed("store_id", "month", "currency")}, bit_or(days) as days
            from met {untimed.grouped("store_id", "month", "currency")}
        )
        """,
        f"""
        sold_once as (
            select {untimed.listed("store_id", "month")}, bit_or(days) as days
            from sold {untimed.grouped("store_id", "month")}
        )
        """,
    )


def sold(asking: Asking, parts: Sequence[str]) -> str:
    """The statement over `sold`, `sold_once`, and `worth`, what was sold came to by day where the question has times."""
    worth = "worth"
    if asking.times:
        worth = f"""(
            select {asking.listed("currency")}, sum(value) as value
            from (select {named_by_day(asking, "m")} m.currency, m.value from worth m) n
            {asking.grouped("currency")}
        )"""
    return f"""
    {asking.with_(*parts)}
    select {asking.keys_of("t")} cast(null as text) as currency, t.store_days as pc,
           cast(0 as bigint) as sold_days, cast(0 as bigint) as value
    from ({told_by_time(asking, "sold_once")}) t
    union all
    select {asking.keys_of("t")} t.currency, 0, t.store_days, cast(w.value as bigint)
    from ({told_by_time(asking, "sold", "currency")}) t
    join {worth} w on {asking.same("w", "t", "currency")}
    """


def plans(asking: Asking) -> str:
    """What `families.plans` says."""
    untimed = asking.without_times()
    has_person = untimed.tells_people
    stop = untimed.facts(
        _stops(untimed),
        ["q.store_id", "q.month", "q.position_id", f"{_stop_days(has_person)} as days"],
    )
    parts = (
        *_VISITED,
        *_PLANNED,
        *((_SPAN, _HELD) if has_person else ()),
        f"""
        stop as (
            select {untimed.keys_of("s")} s.store_id, s.month, bit_or(s.days) as days,
                   bit_or(s.days & coalesce(w.days, 0)) as reached
            from ({stop}) s
            left join visited_day w on w.store_id = s.store_id and w.position_id = s.position_id
                                   and w.month = s.month
            {untimed.grouped_of("s", "s.store_id", "s.month")}
        )
        """,
        f"reached as (select {untimed.listed(*_MONTHLY)}, reached as days from stop where reached <> 0)",
        f"sc as ({told_by_time(asking, 'stop')})",
        f"done as ({told_by_time(asking, 'reached')})",
    )
    return f"""
    {asking.with_(*parts)}
    select {asking.keys_of("t")} cast(null as text) as currency, t.store_days as sc,
           coalesce(d.store_days, 0) as planned_visited
    from sc t left join done d on {asking.same("t", "d") or "true"}
    """


def visited_parts(asking: Asking, universe: str) -> tuple[str, ...]:
    """The parts that end with `hit`: of each group with its times, how many `stores` of a universe of the groups
    without were visited.
    """
    untimed = asking.without_times()
    return (
        *called_parts(untimed),
        f"""
        known as (
            select {untimed.keys_of("c")} c.store_id, c.month, c.days from called c
            join {universe} u on {untimed.same("u", "c", "store_id")}
        )
        """,
        f"hit as ({told_by_time(asking, 'known')})",
    )
