"""Two weeks of work by the demo's reps, and the day of the demo as far as it has come, sent through the same push as any
phone's.

Each rep's phone sends its day in the evening: attendance and visits along the day's plan, with the
misses and oddities of the field at their usual rates. What comes of them is judged by the
engine, so the demo's verdicts, flags, proposals and the one conflict are real. On the day of the demo two phones are out of
reach since the morning.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from uuid import UUID

from server.demo.answering import Form, Product
from server.demo.forms import products_of_stores
from server.demo.oddities import odd_items
from server.demo.phones import DAY_MS, MINUTE_MS, Phone, make_engine, say_hello, send
from server.demo.shops import Shop
from server.demo.workday import (
    PLACE_OF_WRONG_CLOCK,
    WRONG_CLOCK_MS,
    Sent,
    Workday,
    day_start_ms,
    first_edits,
    sent_by_the_way,
    supervisor_edit,
    walk,
)
from sync.engine import Engine
from sync.price_book import StorePrices, load_price_book
from sync.unit_of_work import Database

# The places among the reps of the two whose phones are out of reach, and the minute of the day at which they were heard of
# last. The first could not send all that it held.
_PLACE_THAT_HOLDS, _PLACE_IN_NO_NETWORK = 1, 7
_LAST_HEARD_MIN = {_PLACE_THAT_HOLDS: 9 * 60 + 52, _PLACE_IN_NO_NETWORK: 9 * 60 + 7}
# A phone is missed after so long.
_MISSED_AFTER_MS = 45 * MINUTE_MS

_PLANS = """
select p.id, p.position_id, p.day,
       array(select s.store_id from day_plan_stop s where s.company_id = p.company_id
             and s.day_plan_id = p.id and s.plan_version = p.plan_version
             order by s.sequence) as stores
from day_plan p where p.company_id = :company and p.day >= :first_day and p.day <= :today
"""


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody whose past is made up."""

    name: str
    person_id: UUID
    position_id: UUID
    shops: tuple[Shop, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """Whose past is made, on which phones, from what."""

    database: Database
    company_id: int
    key: UUID
    reps: Sequence[Rep]
    phones: Mapping[UUID, Phone]
    supervisor_id: UUID
    forms: Mapping[str, Form]
    first_day: date
    today: date
    seed: int

    @cached_property
    def engine(self) -> Engine:
        """What phones push to."""
        return make_engine(self.database)

    @cached_property
    def plans(self) -> Mapping[tuple[UUID, date], tuple[UUID, tuple[UUID, ...]]]:
        """The id and the stores of each plan, by position and day."""
        days = {"first_day": self.first_day, "today": self.today}
        with self.database.reading(self.company_id) as uow:
            rows = uow.rows(_PLANS, company=self.company_id, **days)
        return {(row.position_id, row.day): (row.id, tuple(row.stores)) for row in rows}

    @cached_property
    def must_stock(self) -> Mapping[UUID, Sequence[Product]]:
        """What each store must stock."""
        with self.database.reading(self.company_id) as uow:
            return products_of_stores(uow)

    def went(self, place: int, day: date, *, until: int | None = None) -> Sent | None:
        """The day of the rep at this place, to the end or as far as it has come; None where nothing was planned."""
        rep = self.reps[place]
        plan_id, stores = self.plans.get((rep.position_id, day), (None, ()))
        if plan_id is None:
            return None
        return walk(
            Workday(
                company_key=self.key,
                person=rep.name,
                position_id=rep.position_id,
                place=place,
                day=day,
                plan_id=plan_id,
                stores=stores,
                shops={shop.id: shop for shop in rep.shops},
                forms=self.forms,
                must_stock=self.must_stock,
                prices=_prices(self.database, self.company_id, rep.shops, day),
                seed=self.seed,
                until=until,
            )
        )


def make_history(history: History) -> Counter[str]:
    """Push the reps' days from the first day to yesterday, and what they propose; the counts.

    The supervisor of the first rep has edited one store at the same time as the rep.
    """
    key, reps, phones, engine = history.key, history.reps, history.phones, history.engine
    today, first_day = history.today, history.first_day
    counts: Counter[str] = Counter()
    for number in range((today - first_day).days):
        day = first_day + timedelta(days=number)
        for place, rep in enumerate(reps):
            workday = history.went(place, day)
            if workday is not None:
                sent = come_by(day_start_ms(today), workday)
                counts += send(engine, phones[rep.person_id], sent)
    evening = day_start_ms(today) - 2 * 3_600_000
    edit = supervisor_edit(key, reps[0].shops[0], evening)
    counts += send(engine, phones[history.supervisor_id], sent_by_the_way([edit], evening))
    for place, rep in enumerate(reps):
        edits = first_edits(key, rep.name, rep.shops, place, evening)
        later = evening + 60_000 * (place + 1)
        counts += send(engine, phones[rep.person_id], sent_by_the_way(edits, later))
        neighbour = reps[(place + 1) % len(reps)]
        odd = odd_items(key, rep.name, place, rep.shops, neighbour.shops, later)
        if odd:
            of_odd = send(engine, phones[rep.person_id], sent_by_the_way(odd, later + 30_000))
            counts["items that are kept"] += of_odd.total()
    return counts


def make_today(history: History, now: datetime) -> Counter[str]:
    """Push what there is of today at this moment; the counts. Phones that have nothing to send are heard of all the same."""
    now_ms = round(now.timestamp() * 1000)
    begins = day_start_ms(history.today)
    counts: Counter[str] = Counter()
    for place, rep in enumerate(history.reps):
        told_at = _told_at(place, history.today, now_ms)
        so_far = history.went(place, history.today, until=told_at) if told_at > begins else None
        phone = history.phones[rep.person_id]
        counts += _send_today(history.engine, phone, place, so_far, begins, told_at, now_ms)
    supervisor = history.phones[history.supervisor_id]
    say_hello(history.engine, supervisor, now_ms - 3 * MINUTE_MS)
    return counts


def _told_at(place: int, today: date, now_ms: int) -> int:
    """When the phone of the rep at this place was heard of last: some minutes ago, or in the morning."""
    heard_min = _LAST_HEARD_MIN.get(place)
    if heard_min is not None:
        heard_at = day_start_ms(today) + heard_min * MINUTE_MS
        # Before that hour, or at night, they are like the others.
        if heard_at + _MISSED_AFTER_MS <= now_ms:
            return heard_at
    return now_ms - (2 + 5 * place % 11) * MINUTE_MS


def _send_today(
    engine: Engine,
    phone: Phone,
    place: int,
    sent: Sent | None,
    begins: int,
    told_at: int,
    now_ms: int,
) -> Counter[str]:
    """What a phone has sent of the day; one that has nothing to send is heard of all the same."""
    clock_error = WRONG_CLOCK_MS if place == PLACE_OF_WRONG_CLOCK else 0
    if sent is not None and sent.items:
        holds = place == _PLACE_THAT_HOLDS and now_ms - told_at >= _MISSED_AFTER_MS
        counts = send(engine, phone, sent, held=len(sent.items) // 3 if holds else 0)
        if sent.received_at < told_at:
            # The day is over; the phone goes on.
            say_hello(engine, phone, told_at, clock_error=clock_error)
        return counts
    # On a day without work those two are out of reach since the night.
    night = begins - 60 * MINUTE_MS
    say_hello(
        engine,
        phone,
        min(told_at, night) if place in _LAST_HEARD_MIN else told_at,
        holds=5 if place == _PLACE_THAT_HOLDS else 0,
        since=night - 40 * MINUTE_MS,
        clock_error=clock_error,
    )
    return Counter()


def _prices(
    database: Database, company_id: int, shops: Sequence[Shop], day: date
) -> dict[str, StorePrices]:
    """What each store bought on when the day began, as the phone had it that morning."""
    at = day_start_ms(day)
    with database.reading(company_id) as uow:
        book = load_price_book(uow, [(str(shop.id), at) for shop in shops])
    return {store_id: prices for (store_id, _), prices in book.items()}


def come_by(moment: int, sent: Sent) -> Sent:
    """A day that was sent the evening after has come the same evening, where that is still ahead."""
    if sent.received_at < moment:
        return sent
    return replace(sent, sent_at=sent.sent_at - DAY_MS, received_at=sent.received_at - DAY_MS)
