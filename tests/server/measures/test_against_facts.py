"""Every figure of visits, plans and orders, against a plain count over the same facts in Python."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, insert

from server.measures.question import Question
from server.measures.reading import read_measures
from sync.kinds.visit.table import flag_decision
from sync.policy import current_policy
from sync.unit_of_work import Database
from tests.factories import TODAY, Cast, Person
from tests.measures_factories import add_delivery, add_frozen_plan, add_order, add_visit

DAYS = [TODAY + timedelta(days=n) for n in range(4)]
FLAGS = ("mock_location", "too_short", "repeated")
UNITS = {"still": {"EA": 1, "CASE": 12}, "sparkling": {"EA": 1}, "crisps": {"EA": 1}}
GROUPS = {"still": "Water", "sparkling": "Water", "crisps": "Snacks"}
GROUPINGS = [(), ("person",), ("position",), ("day",), ("person", "day"), ("month", "position")]
PRODUCT_GROUPINGS = [("product_group",), ("product", "day"), ("person", "product_group")]

Key = tuple[str, ...]
Ratios = dict[str, dict[tuple[Key, str | None], tuple[int, int | None]]]


@dataclass(kw_only=True)
class Visited:
    """A visit as it was made up, and what was decided of its flags, in order."""

    person: Person
    store: UUID
    day: date
    state: str
    is_by_phone: bool
    judged: list[str]
    plan_of: UUID | None
    decided: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def counts(self, to_accept: Iterable[str]) -> bool:
        if self.state == "SKIPPED" or self.is_by_phone:
            return False
        last = {flag: each[-1] for flag, each in self.decided.items()}
        if any(decision == "REJECTED" and is_derived for decision, is_derived in last.values()):
            return False
        for flag in self.judged:
            decision = last.get(flag, (None, False))[0]
            if decision == "REJECTED" or (flag in to_accept and decision != "ACCEPTED"):
                return False
        return True


@dataclass(kw_only=True)
class Ordered:
    """An order as it was made up; lines of product, unit, quantity, total and what was delivered."""

    person: Person
    store: UUID
    day: date
    state: str
    order_type: str
    currency: str
    lines: list[tuple[str, str, int, int, int | None]]

    @property
    def value(self) -> int:
        return sum(line[3] for line in self.lines)

    @property
    def is_counted(self) -> bool:
        return self.state not in {"REJECTED", "CANCELLED"}


@dataclass(kw_only=True)
class Facts:
    """Two weeks of a small company."""

    visits: list[Visited]
    orders: list[Ordered]
    # position, day → stores
    plans: dict[tuple[UUID, date], set[UUID]]


def make_up(engine: Engine, cast: Cast, products: dict[str, UUID], seed: int) -> Facts:
    random = Random(seed)
    people = (cast.ana, cast.ben)
    stores = (*cast.ana_stores, *cast.ben_stores)
    facts = Facts(visits=[], orders=[], plans={})
    with engine.begin() as connection:
        plan_ids = {}
        for person in people:
            for day in DAYS:
                chosen = random.sample(stores, random.randint(1, 5))
                plan = add_frozen_plan(connection, cast.company, person.position_id, day, chosen)
                plan_ids[person.position_id, day] = plan
                facts.plans[person.position_id, day] = set(chosen)
        for _ in range(60):
            person, other = random.sample(people, 2)
            day = random.choice(DAYS)
            plan_of = random.choice([None, person.position_id, other.position_id])
            verdict = random.choice(["ONSITE"] * 6 + ["OFFSITE", "UNPINNED"])
            flags = random.sample(FLAGS, random.choice([0, 0, 0, 1, 2]))
            one = Visited(
                person=person,
                store=random.choice(stores),
                day=day,
                state=random.choice(["DONE"] * 6 + ["OPEN", "SKIPPED"]),
                is_by_phone=random.random() < 0.1,
                judged=[*flags, verdict.lower()],
                plan_of=plan_of,
            )
            visit_id = add_visit(
                connection,
                cast.company,
                person,
                one.store,
                day=day,
                hour=random.randint(8, 18),
                state=one.state,
                is_by_phone=one.is_by_phone,
                flags=flags,
                verdict=verdict,
                day_plan_id=None if plan_of is None else plan_ids[plan_of, day],
            )
            for flag in random.sample([*one.judged, "overlapping"], random.randint(0, 2)):
                is_derived = flag == "overlapping"
                one.decided[flag] = [
                    (random.choice(["ACCEPTED", "REJECTED"]), is_derived)
                    for _ in range(random.randint(1, 3))
                ]
                connection.execute(
                    insert(flag_decision),
                    [
                        {
                            "company_id": cast.company.id,
                            "visit_id": visit_id,
                            "flag": flag,
                            "number": number,
                            "decision": decision,
                            "business_day": day,
                            "is_derived": is_derived,
                            "reason": "seen",
                            "decided_by": "Sam",
                        }
                        for number, (decision, _) in enumerate(one.decided[flag], start=1)
                    ],
                )
            facts.visits.append(one)
        for _ in range(40):
            order = Ordered(
                person=random.choice(people),
                store=random.choice(stores),
                day=random.choice(DAYS),
                state=random.choice(["ACCEPTED", "HELD", "PARTIAL", "REJECTED", "CANCELLED"]),
                order_type=random.choice(["SALE", "SALE", "SALE", "RETURN"]),
                currency=random.choice(["CNY", "CNY", "EUR"]),
                lines=[],
            )
            for name in random.sample(sorted(products), random.randint(1, 3)):
                quantity = random.randint(1, 9)
                order.lines.append(
                    (
                        name,
                        random.choice([*UNITS[name], "ODD"]),
                        quantity,
                        random.choice([0, 100, 250]) * quantity,
                        random.randint(0, quantity) if order.state == "PARTIAL" else None,
                    )
                )
            order_id = add_order(
                connection,
                cast.company,
                order.person,
                order.store,
                [(products[name], quantity, total) for name, _, quantity, total, _ in order.lines],
                units=[unit for _, unit, *_ in order.lines],
                day=order.day,
                state=order.state,
                order_type=order.order_type,
                currency=order.currency,
                server_total_minor=random.choice([None, order.value]),
            )
            if order.state == "PARTIAL":
                add_delivery(
                    connection,
                    cast.company,
                    order_id,
                    [
                        (number, line[4] or 0, line[2] - (line[4] or 0))
                        for number, line in enumerate(order.lines, start=1)
                    ],
                )
            facts.orders.append(order)
    return facts


def plain_figures(  # noqa: C901, PLR0912  one pass over the facts, told plainly
    facts: Facts, group_by: tuple[str, ...], to_accept: Iterable[str], names: dict[UUID, str]
) -> Ratios:
    """Every measure by group and currency, counted as a person would."""

    def key(position: UUID, day: date, product: str = "") -> Key:
        of = {
            "person": names[position],
            "position": names[position].replace("Ana", "REP-ANA").replace("Ben", "REP-BEN"),
            "day": day.isoformat(),
            "month": f"{day:%Y-%m}",
            "product_group": GROUPS.get(product, ""),
            "product": product.upper(),
        }
        return tuple(of[name] for name in group_by)

    is_by_product = bool({"product", "product_group"} & set(group_by))
    base = [n for n, name in enumerate(group_by) if name not in {"product", "product_group"}]

    def kept(whole: Key) -> Key:
        return tuple(whole[n] for n in base)

    calls: dict[Key, set[tuple[UUID, date]]] = defaultdict(set)
    for visit in facts.visits:
        if visit.counts(to_accept):
            calls[kept(key(visit.person.position_id, visit.day))].add((visit.store, visit.day))
    planned: dict[Key, dict[tuple[UUID, date], bool]] = defaultdict(dict)
    for (position, day), stores in facts.plans.items():
        for store in stores:
            is_visited = any(
                v.counts(to_accept)
                and (v.store, v.day) == (store, day)
                and position in {v.person.position_id, v.plan_of}
                for v in facts.visits
            )
            held = planned[kept(key(position, day))]
            held[store, day] = held.get((store, day), False) or is_visited
    sold: dict[tuple[Key, str], dict[tuple[UUID, date], int]] = defaultdict(dict)
    sale_lines: dict[Key, int] = defaultdict(int)
    net: dict[tuple[Key, str | None], int] = defaultdict(int)
    lines: dict[Key, int] = defaultdict(int)
    units: dict[Key, int] = defaultdict(int)
    fill: dict[Key, list[int]] = defaultdict(lambda: [0, 0])
    for order in facts.orders:
        if not order.is_counted:
            continue
        sign = 1 if order.order_type == "SALE" else -1
        for name, unit, quantity, total, delivered in order.lines:
            whole = key(order.person.position_id, order.day, name)
            base_units = UNITS[name].get(unit, 0)
            net[whole, order.currency] += sign * total
            units[whole] += sign * quantity * base_units
            lines[whole] += sign > 0
            if sign > 0 and delivered is not None:
                fill[whole][0] += delivered * base_units
                fill[whole][1] += quantity * base_units
            at = (order.store, order.day)
            if sign > 0 and order.value > 0 and at in calls[kept(whole)]:
                sale_lines[whole] += 1
                days = sold[whole, order.currency]
                days[at] = days.get(at, 0) + total
    pc: dict[Key, set[tuple[UUID, date]]] = defaultdict(set)
    drop: dict[tuple[Key, str | None], tuple[int, int | None]] = {}
    for (whole, currency), days in sold.items():
        above = {at: value for at, value in days.items() if value > 0}
        pc[whole] |= set(above)
        if above:
            drop[whole, currency] = (sum(above.values()), len(above))
    every = {*pc, *sale_lines, *lines, *units, *fill, *(whole for whole, _ in net)}
    if not is_by_product:
        every |= {*calls, *planned}
    found: Ratios = {
        "LINES_PER_CALL": {(k, None): (sale_lines[k], len(pc[k])) for k in every},
        "STRIKE_RATE": {(k, None): (len(pc[k]), len(calls[kept(k)])) for k in every},
        "PC": {(k, None): (len(pc[k]), None) for k in every},
        "DROP_SIZE": drop,
        "NET_VALUE": {k: (value, None) for k, value in net.items()},
        "ORDER_LINES": {(k, None): (n, None) for k, n in lines.items()},
        "QUANTITY": {(k, None): (n, None) for k, n in units.items()},
        "FILL_RATE": {(k, None): (n[0], n[1]) for k, n in fill.items()},
    }
    if not is_by_product:
        found |= {
            "SC": {(k, None): (len(each), None) for k, each in planned.items()},
            "COVERAGE": {(k, None): (sum(e.values()), len(e)) for k, e in planned.items()},
            "STRIKE_RATE_PLANNED": {(k, None): (len(pc[k]), len(planned[k])) for k in every},
            "TC": {(k, None): (len(each), None) for k, each in calls.items()},
            "VISITED_STORES": {
                (k, None): (len({store for store, _ in each}), None) for k, each in calls.items()
            },
        }
    return found


@pytest.mark.parametrize("seed", range(4))
def test_every_figure_is_what_a_plain_count_over_the_facts_says(
    db: Database,
    cast: Cast,
    products: dict[str, UUID],
    owner_engine: Engine,
    seed: int,
) -> None:
    facts = make_up(owner_engine, cast, products, seed)
    names = {cast.ana.position_id: "Ana", cast.ben.position_id: "Ben"}
    with db.reading(cast.company.id) as uow:
        to_accept = current_policy(uow)[1].flags_to_accept
        for group_by in (*GROUPINGS, *PRODUCT_GROUPINGS):
            plain = plain_figures(facts, group_by, to_accept, names)
            question = Question(first_day=DAYS[0], last_day=DAYS[-1], group_by=group_by)
            read: Ratios = defaultdict(dict)
            for group in read_measures(uow, question, list(plain)):
                for figure in group.figures:
                    place = (group.names, figure.currency)
                    read[figure.measure][place] = (figure.numerator, figure.denominator)
            for measure, wanted in plain.items():
                assert _told(read[measure]) == _told(wanted), (group_by, measure)


def _told(figures: dict[Any, tuple[int, int | None]]) -> dict[Any, tuple[int, int | None]]:
    """Without the groups in which there is nothing."""
    return {place: each for place, each in figures.items() if any(each)}
