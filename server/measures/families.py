"""The statements of measures: one for each family, whatever is asked of it and by what it is told apart.

Each returns rows of the keys, a currency where money is counted, and whole numbers by name, so that
figures can be put together exactly. Distinct store-days, stores and person-days are counted within each
group: groups need not add up to the whole, because two people may visit one store on one day.
Source: domain rules, "Measures".
"""

from dataclasses import replace

from server.measures import days
from server.measures.facts import (
    COUNTS,
    DECIDED,
    IS_SALE,
    OF_ORDER,
    ORDER_COUNTS,
    TIME_LABELS,
    VISITS,
    Asking,
    Source,
)

# ---- visits and orders at store-days ----------------------------------------------------------------

_DAY = ("store_id", "business_day")


def visits(asking: Asking) -> str:
    """Of each group: store-days visited (tc), and the stores."""
    if asking.has_days:
        return days.visits(asking)
    call = asking.facts(VISITS, ["v.store_id", "v.business_day"])
    return f"""
    {asking.with_(DECIDED, f"call as ({call})")}, store_day as (
        select {asking.listed(*_DAY)} from call {asking.grouped(*_DAY)}
    )
    select {asking.keys_of("d")} cast(null as text) as currency, count(*) as tc,
           count(distinct d.store_id) as visited_stores
    from store_day d {asking.grouped_of("d")}
    """


# The orders that count: neither rejected nor taken back as a whole. What an order comes to is what the
# server priced; where it has no price for a line, what the phone did.
ORDERS = Source(
    tables="order_header o",
    company="o.company_id",
    person="o.person_id",
    position="o.position_id",
    store="o.store_id",
    day="o.business_day",
    conditions=(ORDER_COUNTS,),
)
# Their lines, of the version in force. A line whose unit the catalogue does not have counts no base unit.
ORDER_LINES = replace(
    ORDERS,
    tables="""
    order_header o
    join order_line l on l.company_id = o.company_id and l.order_id = o.id
                     and l.order_version = o.order_version
    left join product pr on pr.company_id = l.company_id and pr.id = l.product_id
    left join product_unit pu on pu.company_id = l.company_id and pu.product_id = l.product_id
                             and pu.unit = l.unit
    """,
    has_product=True,
)
_OF_LINE = "coalesce(l.server_total_minor, l.total_minor)"
BASE_UNITS = "l.quantity * coalesce(pu.base_units, 0)"


def ordered(asking: Asking) -> tuple[Source, str]:
    """Where the value of orders is read: of whole orders, or of the lines of some products."""
    if asking.question.is_by_product:
        return ORDER_LINES, _OF_LINE
    return ORDERS, OF_ORDER


def sales(asking: Asking) -> str:
    """Of each group: store-days visited with an order above zero (pc); of each currency in it:
    store-days with an order (sold_days), and what these orders come to.
    """
    source, value = ordered(asking)
    columns = ["o.store_id", "o.business_day", "o.currency", f"{value} as value"]
    if asking.has_days:
        if source is ORDERS:
            return days.sales(asking)
        return _sales_on_days(asking, source, columns)
    base = asking.without_products()
    call = base.facts(VISITS, ["v.store_id", "v.business_day"])
    sale = asking.facts(source, columns, [IS_SALE])
    return f"""
    {asking.with_(DECIDED, f"call as ({call})", f"sale as ({sale})")}, store_day as (
        select {base.listed(*_DAY)} from call {base.grouped(*_DAY)}
    ), sold as (
        select {asking.listed(*_DAY, "currency")}, sum(value) as value
        from sale {asking.grouped(*_DAY, "currency")} having sum(value) > 0
    ), sold_day as (
        select {asking.listed(*_DAY)} from sold {asking.grouped(*_DAY)}
    )
    select {asking.keys_of("e")} cast(null as text) as currency, count(*) as pc,
           cast(0 as bigint) as sold_days, cast(0 as bigint) as value
    from store_day d join sold_day e on {base.same("d", "e", *_DAY)} {asking.grouped_of("e")}
    union all
    select {asking.keys_of("e")} e.currency, 0, count(*), cast(sum(e.value) as bigint)
    from store_day d join sold e on {base.same("d", "e", *_DAY)} {asking.grouped_of("e", "e.currency")}
    """


def _sales_on_days(asking: Asking, source: Source, columns: list[str]) -> str:
    """The same of some products, at the days that are kept: what was sold is added up by the day, and days are
    named last.
    """
    untimed = asking.without_times()
    base = untimed.without_products()
    # The lines of a product may come to nothing.
    sale = f"""
        select {untimed.listed(*_DAY, "currency")}, sum(value) as value
        from ({untimed.facts(source, columns, [IS_SALE])}) s
        {untimed.grouped(*_DAY, "currency")} having sum(value) > 0
    """
    parts = (
        *days.called_parts(base),
        days.CALENDAR,
        # Materialised: each is read once as a whole, not looked up by the other.
        f"sale as materialized ({sale})",
        f"""
        met as (
            select {untimed.keys_of("e")} e.store_id, e.business_day, e.currency, e.value, c.month, c.bit as days
            from sale e join calendar c on c.day = e.business_day
            join called d on {base.same("d", "e", "store_id")} and d.month = c.month
            where d.days & c.bit <> 0
        )
        """,
        *days.sold_parts(untimed),
        f"""
        worth as (
            select {untimed.listed("business_day", "currency")}, sum(value) as value
            from met {untimed.grouped("business_day", "currency")}
        )
        """,
    )
    return days.sold(asking, parts)


def sale_lines(asking: Asking) -> str:
    """Of each group: the lines of the orders above zero at store-days visited."""
    if asking.has_days:
        return _sale_lines_on_days(asking)
    base = asking.without_products()
    call = base.facts(VISITS, ["v.store_id", "v.business_day"])
    sale = asking.facts(ORDER_LINES, ["o.store_id", "o.business_day"], [IS_SALE])
    return f"""
    {asking.with_(DECIDED, f"call as ({call})", f"sale as ({sale})")}, store_day as (
        select {base.listed(*_DAY)} from call {base.grouped(*_DAY)}
    )
    select {asking.keys_of("e")} cast(null as text) as currency, count(*) as sale_lines
    from store_day d join sale e on {base.same("d", "e", *_DAY)} {asking.grouped_of("e")}
    """


def _sale_lines_on_days(asking: Asking) -> str:
    untimed = asking.without_times()
    base = untimed.without_products()
    sale = untimed.facts(ORDER_LINES, ["o.store_id", "o.business_day"], [IS_SALE])
    return f"""
    {untimed.with_(*days.called_parts(base), days.CALENDAR, f"sale as materialized ({sale})")}, counted as (
        select {untimed.keys_of("e")} e.business_day, count(*) as sale_lines
        from sale e join calendar c on c.day = e.business_day
        join called d on {base.same("d", "e", "store_id")} and d.month = c.month
        where d.days & c.bit <> 0
        {untimed.grouped_of("e", "e.business_day")}
    )
    select {asking.keys_of("n")} cast(null as text) as currency,
           cast(coalesce(sum(n.sale_lines), 0) as bigint) as sale_lines
    from (select {days.named_by_day(asking, "c")} c.sale_lines from counted c) n {asking.grouped_of("n")}
    """


def orders(asking: Asking) -> str:
    """Of each group and currency: what was ordered less what was given back."""
    source, value = ordered(asking)
    signed = f"case when o.order_type = 'SALE' then {value} else -{value} end as value"
    facts = asking.facts(source, ["o.currency", signed])
    return f"""
    {asking.with_(f"ordered as ({facts})")}
    select {asking.listed("currency")}, cast(sum(value) as bigint) as net_value
    from ordered {asking.grouped("currency")}
    """


def order_lines(asking: Asking) -> str:
    """Of each group: lines ordered, and base units ordered less those given back."""
    signed = (
        f"case when o.order_type = 'SALE' then {BASE_UNITS} else -{BASE_UNITS} end as base_units"
    )
    facts = asking.facts(ORDER_LINES, ["o.order_type = 'SALE' as is_sale", signed])
    return f"""
    {asking.with_(f"ordered as ({facts})")}
    select {asking.keys_of("d")} cast(null as text) as currency,
           count(*) filter (where is_sale) as order_lines,
           cast(coalesce(sum(base_units), 0) as bigint) as quantity
    from ordered d {asking.grouped_of("d")}
    """


# What the driver confirmed of each line that was dispatched.
DELIVERIES = replace(
    ORDERS,
    tables="""
    order_header o
    join order_delivery y on y.company_id = o.company_id and y.order_id = o.id
    join order_line l on l.company_id = y.company_id and l.order_id = y.order_id
                     and l.order_version = y.order_version and l.line = y.line
    left join product pr on pr.company_id = l.company_id and pr.id = l.product_id
    left join product_unit pu on pu.company_id = l.company_id and pu.product_id = l.product_id
                             and pu.unit = l.unit
    """,
    conditions=(*ORDERS.conditions, "o.order_type = 'SALE'"),
    has_product=True,
)
DELIVERED = "y.delivered * coalesce(pu.base_units, 0)"


def deliveries(asking: Asking) -> str:
    """Of each group: base units of the lines that a driver confirmed, ordered and delivered."""
    facts = asking.facts(DELIVERIES, [f"{BASE_UNITS} as base_units", f"{DELIVERED} as delivered"])
    return f"""
    {asking.with_(f"confirmed as ({facts})")}
    select {asking.keys_of("d")} cast(null as text) as currency,
           cast(coalesce(sum(base_units), 0) as bigint) as ordered_units,
           cast(coalesce(sum(delivered), 0) as bigint) as delivered_units
    from confirmed d {asking.grouped_of("d")}
    """


# ---- planned stops ----------------------------------------------------------------------------------


def visited(asking: Asking) -> str:
    """The store-days visited for a position: the visit's own, or that of the plan that it names."""
    # Only where it spares a look at everybody's visits.
    is_some = asking.seats.ids is not None and asking.seats.own_id is None
    own, named = (
        f"and {table}.position_id = any(:positions)" if is_some else "" for table in ("v", "n")
    )
    return f"""
    visited as (
        select v.store_id, v.business_day as day, v.position_id
        from visit v left join decided x on x.visit_id = v.id
        where v.company_id = :company and v.business_day between :first_day and :last_day
          and v.position_id is not null {own} and ({COUNTS})
        union
        select v.store_id, v.business_day, n.position_id
        from day_plan n
        join visit v on v.company_id = n.company_id and v.day_plan_id = n.id
                    and v.business_day = n.day
        left join decided x on x.visit_id = v.id
        where n.company_id = :company and n.day between :first_day and :last_day
          and v.business_day between :first_day and :last_day
          and n.position_id is distinct from v.position_id {named} and ({COUNTS})
    )
    """


# The latest version of a plan is the one in force.
_STOPS = """
day_plan q
join day_plan_stop t on t.company_id = q.company_id and t.day_plan_id = q.id
                    and t.plan_version = q.plan_version
"""
# A plan is its position's; the person it counts for is whoever held that on the day, and while
# somebody stands in, it is theirs.
_HOLDER = """
left join lateral (
    select o.person_id from occupancy o
    where o.company_id = q.company_id and o.position_id = q.position_id
      and o.starts_on <= q.day and (o.ends_on is null or o.ends_on >= q.day)
      and (o.is_acting or not exists (
          select from occupancy b
          where b.company_id = o.company_id and b.position_id = o.position_id and b.is_acting
            and b.starts_on <= q.day and (b.ends_on is null or b.ends_on >= q.day)))
) h on true
"""


def stop_source(asking: Asking) -> Source:
    """The stops of frozen plans."""
    has_person = asking.tells_people
    return Source(
        tables=_STOPS + (_HOLDER if has_person else ""),
        company="q.company_id",
        person="h.person_id" if has_person else None,
        position="q.position_id",
        store="t.store_id",
        day="q.day",
        conditions=("q.frozen_at is not null",),
    )


def plans(asking: Asking) -> str:
    """Of each group: store-days planned (sc), and those of them that were visited."""
    if asking.has_days:
        return days.plans(asking)
    facts = asking.facts(stop_source(asking), ["t.store_id", "q.day", "q.position_id"])
    return f"""
    {asking.with_(DECIDED, visited(asking), f"stop as ({facts})")}, store_day as (
        select {asking.keys_of("p")} p.store_id, p.day, bool_or(w.store_id is not null) as is_visited
        from stop p
        left join visited w on w.store_id = p.store_id and w.day = p.day
                           and w.position_id = p.position_id
        {asking.grouped_of("p", "p.store_id", "p.day")}
    )
    select {asking.keys_of("d")} cast(null as text) as currency, count(*) as sc,
           count(*) filter (where is_visited) as planned_visited
    from store_day d {asking.grouped_of("d")}
    """


# ---- stores -----------------------------------------------------------------------------------------

# A store and each position that looks after it: its own, and those with an active route on which it is.
OWNED = """
owned as (
    select s.id as store_id, s.position_id from store s
    where s.company_id = :company and s.position_id is not null
    union
    select t.store_id, r.position_id from route r
    join route_stop t on t.company_id = r.company_id and t.route_id = r.id
    where r.company_id = :company and r.is_active
)
"""
_KEEPER = """
left join lateral (
    select o.person_id from occupancy o
    where o.company_id = z.company_id and o.position_id = w.position_id
      and o.starts_on <= :last_day and (o.ends_on is null or o.ends_on >= :last_day)
) h on true
"""


def store_source(asking: Asking) -> Source:
    """The active stores, each with every position that looks after it and in each period asked for."""
    has_person = asking.tells_people
    return Source(
        tables="store z left join owned w on w.store_id = z.id cross join period d"
        + (_KEEPER if has_person else ""),
        company="z.company_id",
        person="h.person_id" if has_person else None,
        position="w.position_id",
        store="z.id",
        day="d.day",
        region_without_position="z.region_id",
        conditions=("z.status = 'ACTIVE'",),
    )


def periods(asking: Asking) -> str:
    """One day of each period by which the question groups; one day where it groups by none."""
    labels = [
        TIME_LABELS[name].format(day="g.day")
        for name in asking.question.group_by
        if name in TIME_LABELS
    ]
    return f"""
    period as (
        select min(cast(g.day as date)) as day
        from generate_series(cast(:first_day as timestamp), cast(:last_day as timestamp),
                             interval '1 day') as g(day)
        {f"group by {', '.join(labels)}" if labels else ""}
    )
    """


def stores(asking: Asking) -> str:
    """Of each group: active stores (as they are now), and those of them that were visited."""
    if asking.has_days:
        return _stores_on_days(asking)
    facts = asking.facts(store_source(asking), ["z.id as store_id"])
    call = asking.facts(VISITS, ["v.store_id"])
    parts = (DECIDED, OWNED, periods(asking), f"kept as ({facts})", f"call as ({call})")
    return f"""
    {asking.with_(*parts)}, universe as (
        select {asking.listed("store_id")} from kept {asking.grouped("store_id")}
    ), visited as (
        select {asking.listed("store_id")} from call {asking.grouped("store_id")}
    )
    select {asking.keys_of("u")} cast(null as text) as currency, count(*) as active_stores,
           count(v.store_id) as active_visited
    from universe u left join visited v on {asking.same("u", "v", "store_id")}
    {asking.grouped_of("u")}
    """


def _stores_on_days(asking: Asking) -> str:
    """The same, of the days that are kept: stores are as they are now, in every period."""
    untimed = asking.without_times()
    source = store_source(untimed)
    if not untimed.tells_positions:
        # Whose a store is plays no part, then.
        source = replace(source, tables="store z cross join period d", position="z.position_id")
    facts = untimed.facts(source, ["z.id as store_id"])
    parts = (
        OWNED,
        periods(untimed),
        f"universe as (select {untimed.listed('store_id')} from ({facts}) k {untimed.grouped('store_id')})",
        f"own as (select {untimed.keys_of('u')} count(*) as stores from universe u {untimed.grouped_of('u')})",
        *days.visited_parts(asking, "universe"),
    )
    times = asking.times
    named = ", ".join(f"p.g_{name}" for name in times)
    period = f" cross join ({days.names_of_days(times)}) p" if times else ""
    return f"""
    {asking.with_(*parts)}
    select {untimed.keys_of("o")} {named + "," if times else ""} cast(null as text) as currency,
           o.stores as active_stores, coalesce(h.stores, 0) as active_visited
    from own o {period}
    left join hit h on {
        " and ".join(
            [
                *(f"h.{key} = o.{key}" for key in untimed.keys),
                *(f"h.g_{name} = p.g_{name}" for name in times),
            ]
        )
        or "true"
    }
    """


# ---- duty -------------------------------------------------------------------------------------------

# Time at work runs from ON to whatever comes next: what is pressed twice changes nothing. A day that was
# not closed ends, once it is over, at the last evidence of it; one that goes on is told up to now.
DUTY_PARTS = """
followed as (
    select a.company_id, a.person_id, a.position_id, a.business_day, a.id, a.event, a.occurred_at,
           lead(a.occurred_at) over (partition by a.person_id, a.business_day
                                     order by a.occurred_at, a.id) as next_at
    from attendance a
    where a.company_id = :company and a.business_day between :first_day and :last_day
), duty as (
    select a.company_id, a.person_id, a.position_id, a.business_day, a.id, a.event, a.occurred_at,
           case when a.next_at is not null or a.event <> 'ON' then coalesce(a.next_at, a.occurred_at)
                when cast(:now as timestamptz) < cast(a.business_day + 1 as timestamp) at time zone :zone
                then cast(:now as timestamptz)
                else coalesce((
                    select max(e.at) from visit v
                    cross join lateral (values (v.began_at), (v.ended_at)) as e(at)
                    where v.company_id = :company and v.person_id = a.person_id
                      and v.business_day = a.business_day
                      and e.at >= cast(a.business_day as timestamp) at time zone :zone
                      and e.at < cast(a.business_day + 1 as timestamp) at time zone :zone),
                    a.occurred_at) end as until
    from followed a
)
"""
DUTY = Source(
    tables="duty a",
    company="a.company_id",
    person="a.person_id",
    position="a.position_id",
    store=None,
    day="a.business_day",
    conditions=("a.event = 'ON'",),
)
WORKED_MS = "greatest(extract(epoch from a.until - a.occurred_at) * 1000, 0)"


def duty(asking: Asking) -> str:
    """Of each group: whole minutes at work, by person and day, and the person-days with any duty."""
    facts = asking.facts(DUTY, ["a.person_id", "a.business_day", f"{WORKED_MS} as worked_ms"])
    day = ("person_id", "business_day")
    return f"""
    {asking.with_(DUTY_PARTS, f"worked as ({facts})")}, person_day as (
        select {asking.listed(*day)}, cast(floor(sum(worked_ms) / 60000) as bigint) as minutes
        from worked {asking.grouped(*day)}
    )
    select {asking.keys_of("d")} cast(null as text) as currency, count(*) as duty_days,
           cast(coalesce(sum(minutes), 0) as bigint) as worked_min
    from person_day d {asking.grouped_of("d")}
    """


# ---- what forms say of stores -----------------------------------------------------------------------

# Where a form was filled in: at the store of its visit, as that stands now; one that was filled in for another
# store than its visit's, for that.
CHECKED_STORE = "case when 'other_store' = any(f.flags) then m.store_id else v.store_id end"
# Sums of a measure are exact. An answer counts where its visit does.
CHECKS = Source(
    tables="""
    form_measure m
    join form_answer f on f.company_id = m.company_id and f.id = m.answer_id
    join visit v on v.company_id = f.company_id and v.id = f.visit_id
    left join decided x on x.visit_id = v.id
    """,
    company="m.company_id",
    person="m.person_id",
    position="m.position_id",
    store=CHECKED_STORE,
    day="m.business_day",
    conditions=("m.numerator is not null and m.denominator is not null", COUNTS),
)
# The same by product, where it was counted by rows.
PRODUCT_CHECKS = replace(
    CHECKS,
    tables=CHECKS.tables
    + """
    cross join lateral unnest(m.product_ids, m.numerators, m.denominators)
        as e(product_id, numerator, denominator)
    left join product pr on pr.company_id = m.company_id and pr.id = e.product_id
    """,
    conditions=("e.numerator is not null and e.denominator is not null", COUNTS),
    has_product=True,
)
CHECKED = ("osa", "share_of_shelf", "stock_age", "freshness", "store_score")
CHECK_NUMBERS = tuple(f"{name}_{term}" for name in CHECKED for term in ("over", "out_of"))
CHECK_SUMS = ", ".join(
    f"cast(coalesce(sum({column}) filter (where measure = '{name.upper()}'), 0) as bigint)"
    f" as {name}_{term}"
    for name in CHECKED
    for term, column in (("over", "numerator"), ("out_of", "denominator"))
)


def checked(asking: Asking) -> tuple[Source, str]:
    """Where store checks are read, and the table that has their two numbers."""
    if asking.question.is_by_product:
        return PRODUCT_CHECKS, "e"
    return CHECKS, "m"


def checks(asking: Asking) -> str:
    """Of each group: what store checks measured, over and out of."""
    source, table = checked(asking)
    columns = ["m.measure", f"{table}.numerator", f"{table}.denominator"]
    facts = asking.facts(source, columns)
    return f"""
    {asking.with_(DECIDED, f"checked as ({facts})")}
    select {asking.keys_of("d")} cast(null as text) as currency, {CHECK_SUMS}
    from checked d {asking.grouped_of("d")}
    """


def stocking_parts(asking: Asking) -> tuple[str, ...]:
    """The named parts that end with `stocked`: of each active store and product the last check of the
    period, where the product was there.
    """
    base = asking.without_products()
    kept = base.facts(store_source(base), ["z.id as store_id"])
    columns = [
        "m.answer_id",
        "f.answered_at",
        "m.business_day as day",
        "m.person_id",
        "m.position_id",
        f"{CHECKED_STORE} as store_id",
        "e.product_id",
        "e.numerator",
    ]
    seen = asking.facts(PRODUCT_CHECKS, columns, ["m.measure = 'OSA'"])
    by = base.listed("store_id", "product_id")
    last = f"select distinct on ({by}) * from seen order by {by}, answered_at desc, answer_id"
    return (
        DECIDED,
        OWNED,
        periods(base),
        f"kept as ({kept})",
        f"universe as (select {base.listed('store_id')} from kept {base.grouped('store_id')})",
        f"seen as ({seen})",
        f"last as ({last})",
        f"""
        stocked as (
            select l.* from last l join universe u on {base.same("u", "l", "store_id")}
            where l.numerator > 0
        )
        """,
    )


def distribution(asking: Asking) -> str:
    """Of each group: active stores in which a product was there when it was checked last."""
    return f"""
    {asking.with_(*stocking_parts(asking))}
    select {asking.keys_of("d")} cast(null as text) as currency,
           count(distinct d.store_id) as stocking_stores
    from stocked d {asking.grouped_of("d")}
    """


# ---- tracks -----------------------------------------------------------------------------------------

# What of each day's way is each segment's, as the day is read whole: the way from one segment to the next is
# the later one's, and what came twice is there once.
TRACKS = Source(
    tables="track_part k",
    company="k.company_id",
    person="k.person_id",
    position="k.position_id",
    store=None,
    day="k.business_day",
)


def tracks(asking: Asking) -> str:
    """Of each group: the way of the days, and how many person-days have one."""
    facts = asking.facts(TRACKS, ["k.person_id", "k.business_day", "k.distance_cm"])
    day = ("person_id", "business_day")
    return f"""
    {asking.with_(f"tracked as ({facts})")}, person_day as (
        select {asking.listed(*day)}, sum(distance_cm) as distance_cm
        from tracked {asking.grouped(*day)}
    )
    select {asking.keys_of("d")} cast(null as text) as currency, count(*) as track_days,
           cast(coalesce(sum(distance_cm), 0) as bigint) as distance_cm
    from person_day d {asking.grouped_of("d")}
    """
