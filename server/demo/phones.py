"""The phones of the demo: what they sent was sent by them, and they stand as phones of a company do.

Nearly all were heard of some minutes ago. Two have been out of reach since the morning, and one of them holds what it could
not send. Three older ones are on their way out or gone: one hands over what it holds, one is wiped, one was lost. No token
opens any of them: what made the past ended with it.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import UUID, uuid5

import msgspec
from sqlalchemy import insert

from mobile_contract.compiled import OutboxState, PushEnvelope
from server.demo.workday import Sent
from server.identity.change_log import Actor, log_change
from server.identity.device_states import drain, revoke
from server.identity.devices import issue_enrolment_code
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.organisation import device
from sync.senders import Claim
from sync.unit_of_work import Database, UnitOfWork

ITEMS_AT_ONCE = 400
MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
_APP = "2.0.0"
_CODE_VALID_FOR = timedelta(days=1)

# Whose token is known to nobody needs none.
_NO_TOKENS = (
    "update device set token_hash = null, next_token_hash = null where company_id = :company"
)


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone, with the token that it has while the past is made."""

    id: UUID
    claim: Claim


@dataclass(frozen=True, slots=True)
class OlderPhones:
    """Who has had another phone before, by what becomes of it, and who is given one just now."""

    draining: UUID
    wiped: UUID
    lost: UUID
    awaited: UUID


def make_engine(database: Database) -> Engine:
    """The engine by which phones of the demo send. No cursor leaves this process, so any key will do."""
    return Engine(database, ALL_KINDS, secrets.token_bytes(32))


def enrol_phones(
    database: Database,
    company_id: int,
    key: UUID,
    people: Mapping[UUID, str],
    *,
    at: datetime,
    name: str = "device",
) -> dict[UUID, Phone]:
    """A phone for each of these people, by their names, with a token that nobody knows."""
    phones = {}
    rows = []
    for person_id in people:
        device_id = uuid5(key, f"{name} {person_id}")
        token_hash = sha256(secrets.token_bytes(32)).digest()
        phones[person_id] = Phone(device_id, Claim(company_id, str(device_id), token_hash))
        rows.append(
            {
                "company_id": company_id,
                "id": device_id,
                "person_id": person_id,
                "state": "ACTIVE",
                "token_hash": token_hash,
                "model": "Demo phone",
                "os": "Android 14",
                "app_version": _APP,
                "contract": 2,
                "enrolled_at": at,
            }
        )
    with database.company(company_id) as uow:
        uow.connection.execute(insert(device), rows)
        for person_id, phone in phones.items():
            actor = Actor(people[person_id], person_id)
            after = {"person_id": person_id, "state": "ACTIVE"}
            log_change(uow, actor, "device.enrol", "device", phone.id, after=after)
    return phones


def send(engine: Engine, phone: Phone, sent: Sent, *, held: int = 0) -> Counter[str]:
    """Push items as that phone, in batches; how many came out how, by kind. The last `held` of them stay on the phone: the
    network was gone, and all that is known of them is that they are there.
    """
    counts: Counter[str] = Counter()
    going = sent.items[: len(sent.items) - held]
    for start in range(0, len(going), ITEMS_AT_ONCE):
        batch = going[start : start + ITEMS_AT_ONCE]
        raw = [msgspec.json.encode(item.wire) for item in batch]
        left = sent.items[start + len(batch) :] if held else []
        envelope = PushEnvelope(
            contract=2,
            device_id=str(phone.id),
            batch_id=str(uuid5(phone.id, f"batch {sent.sent_at} {start}")),
            sent_at=sent.sent_at,
            boot_id=str(sent.boot_id),
            uptime_ms=sent.received_at - sent.booted_at,
            app_version=_APP,
            outbox=OutboxState(
                count=len(batch) + len(left),
                oldest_at=(left or batch)[0].wire["captured_at"],
                bytes=sum(map(len, raw)),
            ),
            items=raw,
        )
        answer = msgspec.json.decode(engine.push(phone.claim, envelope, sent.received_at).answer)
        for item, result in zip(batch, answer["results"], strict=True):
            counts[f"{item.wire['kind']} items {result['status']}"] += 1
    return counts


def say_hello(
    engine: Engine, phone: Phone, at: int, *, holds: int = 0, since: int = 0, clock_error: int = 0
) -> None:
    """The phone is heard of: it has nothing to send, or says how much it holds and since when."""
    envelope = PushEnvelope(
        contract=2,
        device_id=str(phone.id),
        batch_id=str(uuid5(phone.id, f"hello {at}")),
        sent_at=at + clock_error,
        boot_id=str(uuid5(phone.id, "boot")),
        uptime_ms=DAY_MS,
        app_version=_APP,
        outbox=OutboxState(count=holds, oldest_at=since or at, bytes=1_200 * holds),
        items=[],
    )
    engine.push(phone.claim, envelope, at)


def make_older_phones(
    database: Database,
    company_id: int,
    key: UUID,
    actor: Actor,
    older: OlderPhones,
    names: Mapping[UUID, str],
    now: datetime,
) -> None:
    """A phone that drains, one that is wiped, one that is shut out, and a code that waits for one."""
    engine = make_engine(database)
    people = {who: names[who] for who in (older.draining, older.wiped, older.lost)}
    at = now - timedelta(days=200)
    phones = enrol_phones(database, company_id, key, people, at=at, name="older device")
    now_ms = round(now.timestamp() * 1000)
    seen_at = now_ms - 3 * DAY_MS
    say_hello(engine, phones[older.draining], seen_at, holds=4, since=seen_at - 90 * MINUTE_MS)
    say_hello(engine, phones[older.lost], now_ms - 9 * DAY_MS)
    with database.company(company_id) as uow:
        drain(uow, actor, phones[older.draining].id)
        drain(uow, actor, phones[older.wiped].id)
        revoke(uow, actor, phones[older.lost].id)
        issue_enrolment_code(uow, older.awaited, actor, valid_for=_CODE_VALID_FOR, now=now)
    # It had nothing left to hand over.
    say_hello(engine, phones[older.wiped], now_ms - 6 * DAY_MS)


def end_tokens(uow: UnitOfWork) -> None:
    """No token of the demo opens anything from now on."""
    uow.run(_NO_TOKENS, company=uow.company_id)
