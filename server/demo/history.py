"""Two weeks of work by the demo's reps, sent through the same push as any phone's.

Each rep's phone sends its day in the evening: attendance and visits along the day's plan, with the
misses and oddities of the field at their usual rates. What comes of them is judged by the
engine, so the demo's verdicts, flags, proposals and the one conflict are real.
"""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import insert

from mobile_contract.compiled import OutboxState, PushEnvelope
from server.demo.answering import Form
from server.demo.forms import products_of_stores
from server.demo.oddities import odd_items
from server.demo.shops import Shop
from server.demo.workday import (
    Sent,
    Workday,
    day_start_ms,
    first_edits,
    sent_by_the_way,
    supervisor_edit,
    walk,
)
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.organisation import device
from sync.price_book import StorePrices, load_price_book
from sync.senders import Claim
from sync.unit_of_work import Database

ITEMS_AT_ONCE = 400
DAY_MS = 24 * 3_600_000

_PLANS = """
select p.id, p.position_id, p.day,
       array(select s.store_id from day_plan_stop s where s.company_id = p.company_id
             and s.day_plan_id = p.id and s.plan_version = p.plan_version
             order by s.sequence) as stores
from day_plan p where p.company_id = :company and p.day >= :first_day and p.day < :today
"""
_RETIRE = """
update device set state = 'WIPED', token_hash = null, next_token_hash = null, wiped_at = last_seen_at
where company_id = :company
"""


@dataclass(frozen=True, slots=True)
class Rep:
    """Somebody whose past is made up."""

    name: str
    person_id: UUID
    position_id: UUID
    shops: tuple[Shop, ...]


@dataclass(frozen=True, slots=True)
class _Phone:
    """The phone on which a person's history was written."""

    id: UUID
    claim: Claim


def make_history(
    database: Database,
    company_id: int,
    company_key: UUID,
    reps: Sequence[Rep],
    *,
    supervisor_id: UUID,
    forms: Mapping[str, Form],
    first_day: date,
    today: date,
    seed: int,
) -> dict[str, int]:
    """Push the reps' days from the first day to yesterday, and what they propose; the counts.

    The supervisor of the first rep has edited one store at the same time as the rep.
    """
    people = [*(rep.person_id for rep in reps), supervisor_id]
    phones = _enrol(database, company_id, company_key, people)
    with database.reading(company_id) as uow:
        plans = {
            (row.position_id, row.day): (row.id, tuple(row.stores))
            for row in uow.rows(_PLANS, company=company_id, first_day=first_day, today=today)
        }
        must_stock = products_of_stores(uow)
    # No cursor leaves this process, so any key will do.
    engine = Engine(database, ALL_KINDS, secrets.token_bytes(32))
    counts: Counter[str] = Counter()
    for number in range((today - first_day).days):
        day = first_day + timedelta(days=number)
        for place, rep in enumerate(reps):
            plan_id, stores = plans.get((rep.position_id, day), (None, ()))
            if plan_id is None:
                continue
            workday = walk(
                Workday(
                    company_key=company_key,
                    person=rep.name,
                    position_id=rep.position_id,
                    place=place,
                    day=day,
                    plan_id=plan_id,
                    stores=stores,
                    shops={shop.id: shop for shop in rep.shops},
                    forms=forms,
                    must_stock=must_stock,
                    prices=_prices(database, company_id, rep.shops, day),
                    seed=seed,
                )
            )
            counts += _send(engine, phones[rep.person_id], come_by(day_start_ms(today), workday))
    evening = day_start_ms(today) - 2 * 3_600_000
    edit = supervisor_edit(company_key, reps[0].shops[0], evening)
    counts += _send(engine, phones[supervisor_id], sent_by_the_way([edit], evening))
    for place, rep in enumerate(reps):
        edits = first_edits(company_key, rep.name, rep.shops, place, evening)
        later = evening + 60_000 * (place + 1)
        counts += _send(engine, phones[rep.person_id], sent_by_the_way(edits, later))
        neighbour = reps[(place + 1) % len(reps)]
        odd = odd_items(company_key, rep.name, place, rep.shops, neighbour.shops, later)
        if odd:
            sent = _send(engine, phones[rep.person_id], sent_by_the_way(odd, later + 30_000))
            counts["items that are kept"] += sent.total()
    with database.company(company_id) as uow:
        uow.run(_RETIRE, company=company_id)
    return dict(sorted(counts.items()))


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


def _enrol(
    database: Database, company_id: int, company_key: UUID, people: Sequence[UUID]
) -> dict[UUID, _Phone]:
    """A phone for each of these people, with a token that nobody knows and that ends with this."""
    phones = {}
    rows = []
    for person_id in people:
        device_id = uuid5(company_key, f"device {person_id}")
        token_hash = sha256(secrets.token_bytes(32)).digest()
        phones[person_id] = _Phone(device_id, Claim(company_id, str(device_id), token_hash))
        rows.append(
            {
                "company_id": company_id,
                "id": device_id,
                "person_id": person_id,
                "state": "ACTIVE",
                "token_hash": token_hash,
                "model": "Demo phone",
                "os": "Android 14",
                "app_version": "2.0.0",
                "contract": 2,
            }
        )
    with database.company(company_id) as uow:
        uow.connection.execute(insert(device), rows)
    return phones


def _send(engine: Engine, phone: _Phone, sent: Sent) -> Counter[str]:
    """Push items as that phone, in batches; how many came out how, by kind."""
    counts: Counter[str] = Counter()
    for start in range(0, len(sent.items), ITEMS_AT_ONCE):
        batch = sent.items[start : start + ITEMS_AT_ONCE]
        raw = [msgspec.json.encode(item.wire) for item in batch]
        envelope = PushEnvelope(
            contract=2,
            device_id=str(phone.id),
            batch_id=str(uuid5(phone.id, f"batch {sent.sent_at} {start}")),
            sent_at=sent.sent_at,
            boot_id=str(sent.boot_id),
            uptime_ms=sent.received_at - sent.booted_at,
            app_version="2.0.0",
            outbox=OutboxState(
                count=len(batch),
                oldest_at=batch[0].wire["captured_at"],
                bytes=sum(map(len, raw)),
            ),
            items=raw,
        )
        answer = msgspec.json.decode(engine.push(phone.claim, envelope, sent.received_at).answer)
        for item, result in zip(batch, answer["results"], strict=True):
            counts[f"{item.wire['kind']} items {result['status']}"] += 1
    return counts
