"""The demo's audits: reps have reported on price tags at their visits, some of it was drawn and judged, one verdict is
appealed against. Seeds follow from the company's key, so that two makings come to the same.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import insert

from mobile_contract.compiled import OutboxState, PushEnvelope
from server.audits.appeals import appeal_for, open_appeals
from server.audits.claims import CLAIMS_AT_ONCE, Claimed, claim_next, give_back
from server.audits.draws import draw_weeks, monday_of
from server.audits.queue import look_at
from server.audits.shown import Shown, look
from server.audits.standing import let_stand
from server.audits.verdicts import ItemVerdict, NewVerdict, give_verdict
from server.demo.photos import Taken, bring_files, photo_items, photograph_shelves, take_photos
from server.identity.change_log import Actor
from server.photos.read_files import ReadingRoom
from sync.engine import Engine
from sync.kinds import ALL_KINDS
from sync.kinds.audit_visit.audit_table import audit_draw
from sync.organisation import device
from sync.policy import current_policy
from sync.senders import Claim
from sync.unit_of_work import Database, UnitOfWork

# The activity of server/demo/activities.py that reps report on.
CODE = "YH-TAGS"
ITEMS = ("PRICE_TAG", "PROMO_PRICE", "PRICE_LIST")
# Of what the auditor claims this many in ten are judged; the rest goes back.
JUDGED_IN_TEN = 7
PHOTOS_JUDGED_ONE_IN = 4
PHOTOS_OF_LAST_DAY = 8

_HOUR = timedelta(hours=1)
# One visit at each store a week.
_VISITS = """
select distinct on (v.person_id, v.store_id, w.week) v.id, v.person_id, v.position_id, v.store_id,
       s.lat_e7, s.lon_e7, p.id as taking_part,
       (extract(epoch from v.began_at) * 1000)::bigint as began_ms
from visit v
join activity a on a.company_id = v.company_id and a.code = :code
join activity_store p on p.company_id = v.company_id and p.activity_id = a.id
                     and p.store_id = v.store_id and p.state = 'RUNNING'
join store s on s.company_id = v.company_id and s.id = v.store_id
cross join lateral (select date_trunc('week', v.business_day::timestamp) as week) w
where v.company_id = :company and v.state = 'DONE' and not v.is_by_phone
  and v.business_day >= a.starts_on and v.business_day < :today
order by v.person_id, v.store_id, w.week, v.began_at, v.id
"""
# What was called on at the day before the demo's, for photos of their own.
_LAST_DAY = """
select v.id, v.person_id, v.position_id, v.store_id, s.lat_e7, s.lon_e7,
       (extract(epoch from v.began_at) * 1000)::bigint as began_ms
from visit v
join store s on s.company_id = v.company_id and s.id = v.store_id
where v.company_id = :company and v.state = 'DONE' and not v.is_by_phone
  and v.business_day = :today - 1 and v.person_id = any(:people)
order by v.began_at, v.id limit :at_most
"""
_RETIRE = """
update device set state = 'WIPED', token_hash = null, next_token_hash = null, wiped_at = last_seen_at
where company_id = :company and id = any(:ids)
"""


@dataclass(frozen=True, slots=True)
class _Audits:
    database: Database
    company_id: int
    key: UUID
    auditor: Actor
    evening: datetime

    @property
    def auditor_id(self) -> UUID:
        assert self.auditor.person_id is not None
        return self.auditor.person_id


def make_audits(
    database: Database,
    company_id: int,
    key: UUID,
    *,
    auditor: Actor,
    appellant: Actor,
    today: date,
    zone: ZoneInfo,
    room: ReadingRoom | None = None,
) -> dict[str, int]:
    """Report, draw, judge and appeal, on the evening before the demo's day; the counts. With photos where there is a
    room in which they are read.
    """
    evening = datetime.combine(today - timedelta(days=1), time(20), zone)
    audits = _Audits(database, company_id, key, auditor, evening)
    with database.reading(company_id) as uow:
        visits = uow.rows(_VISITS, company=company_id, code=CODE, today=today)
    taken: dict[UUID, list[Taken]] = {}
    with_photos: set[UUID] = set()
    others: Sequence[Any] = ()
    if room is not None:
        with database.reading(company_id) as uow:
            others = uow.rows(
                _LAST_DAY,
                company=company_id,
                today=today,
                people=list({visit.person_id for visit in visits}),
                at_most=PHOTOS_OF_LAST_DAY,
            )
        taken = take_photos(key, visits, ITEMS, zone)
        with_photos = {_audit_visit_id(key, visit_id) for visit_id in taken}
        taken |= photograph_shelves(key, [one for one in others if one.id not in taken], zone)
    ids = _report(audits, visits, others, taken)
    files = 0
    if room is not None:
        senders = {
            visit.id: (_device_id(key, visit.person_id), visit.person_id)
            for visit in (*visits, *others)
        }
        files = bring_files(database, room, company_id, taken, senders)
    with database.company(company_id) as uow:
        _make_seeds(uow, key, today, evening)
        look_at(uow, ids, now=evening)
    draw_weeks(database, company_id, today, now=evening)
    failed = _judge(audits, with_photos)
    let_stand(database, company_id, now=evening + _HOUR)
    if failed:
        with database.company(company_id) as uow:
            appeal_for(
                uow,
                appellant,
                failed[0][0],
                failed[0][1],
                "The tags were there the day before / 前一天还在",
                now=evening + 2 * _HOUR,
            )
            open_appeals(uow, [failed[0][0]], now=evening + 2 * _HOUR)
    return {"audit visits": len(ids), "photo files": files}


def _report(
    audits: _Audits,
    visits: Sequence[Any],
    others: Sequence[Any],
    taken: Mapping[UUID, Sequence[Taken]],
) -> list[UUID]:
    """Push what each visit brings, from a phone of its own for each person; the ids."""
    engine = Engine(audits.database, ALL_KINDS, secrets.token_bytes(32))
    by_person: dict[UUID, list[Any]] = {}
    for visit in visits:
        by_person.setdefault(visit.person_id, []).append(visit)
    sent_at = int(audits.evening.timestamp() * 1000) - 3_600_000
    ids: list[UUID] = []
    phones: list[UUID] = []
    for person_id, of_person in by_person.items():
        claim = _enrol(audits, person_id)
        phones.append(UUID(claim.device_id))
        booted_at = min(visit.began_ms for visit in of_person) - 3_600_000
        items = [
            _item(audits.key, visit, place, booted_at, taken.get(visit.id, ()))
            for place, visit in enumerate(of_person)
        ]
        ids += [UUID(item["entity_id"]) for item in items]
        items += [
            item
            for visit in {
                visit.id: visit for visit in (*of_person, *others) if visit.person_id == person_id
            }.values()
            for item in photo_items(audits.key, visit, taken.get(visit.id, ()), booted_at)
        ]
        raw = [msgspec.json.encode(item) for item in items]
        envelope = PushEnvelope(
            contract=2,
            device_id=claim.device_id,
            batch_id=str(uuid5(audits.key, f"audit batch {person_id}")),
            sent_at=sent_at,
            boot_id=str(uuid5(audits.key, "audit boot")),
            uptime_ms=sent_at - booted_at,
            app_version="2.0.0",
            outbox=OutboxState(count=len(raw), oldest_at=sent_at, bytes=sum(map(len, raw))),
            items=raw,
        )
        engine.push(claim, envelope, sent_at)
    with audits.database.company(audits.company_id) as uow:
        uow.run(_RETIRE, company=audits.company_id, ids=phones)
    return ids


def _enrol(audits: _Audits, person_id: UUID) -> Claim:
    """A phone with a token that nobody knows and that ends with this."""
    device_id = _device_id(audits.key, person_id)
    token_hash = sha256(secrets.token_bytes(32)).digest()
    with audits.database.company(audits.company_id) as uow:
        uow.connection.execute(
            insert(device).values(
                company_id=audits.company_id,
                id=device_id,
                person_id=person_id,
                state="ACTIVE",
                token_hash=token_hash,
                model="Demo phone",
                os="Android 14",
                app_version="2.0.0",
                contract=2,
            )
        )
    return Claim(audits.company_id, str(device_id), token_hash)


def _device_id(key: UUID, person_id: UUID) -> UUID:
    return uuid5(key, f"audit device {person_id}")


def _audit_visit_id(key: UUID, visit_id: UUID) -> UUID:
    return uuid5(key, f"audit visit {visit_id}")


def _item(
    key: UUID, visit: Any, place: int, booted_at: int, taken: Sequence[Taken]
) -> dict[str, Any]:
    """What a visit brings: every fourth lacks something, and every sixth, and what has photos, leaves a question open,
    which is flagged.
    """
    at = visit.began_ms + 300_000
    answers = [
        {"item": item, "answer": "NOT_DONE" if place % 4 == number + 1 else "DONE"}
        for number, item in enumerate(ITEMS)
    ]
    return {
        "op_id": str(uuid5(key, f"audit op {visit.id}")),
        "kind": "audit_visit",
        "entity_id": str(_audit_visit_id(key, visit.id)),
        "op": "create",
        "captured_at": at,
        "captured_boot_id": str(uuid5(key, "audit boot")),
        "captured_uptime_ms": at - booted_at,
        "payload": {
            "activity_store_id": str(visit.taking_part),
            "visit_id": str(visit.id),
            "position_id": str(visit.position_id),
            "standards_version": 1,
            "occurred": {"at": at, "uptime_ms": at - booted_at},
            "answers": answers[:-1] if taken or place % 6 == 5 else answers,
            "photos": [
                {"item": one.item, "sha256": one.sha256, "size": len(one.data)} for one in taken
            ],
        },
    }


def _make_seeds(uow: UnitOfWork, key: UUID, today: date, now: datetime) -> None:
    """The seeds of the weeks before today's and of today's; nothing is given twice, as there is one auditor."""
    version, policy = current_policy(uow)
    weeks = [monday_of(today) - timedelta(weeks=number) for number in range(4)]
    uow.connection.execute(
        insert(audit_draw),
        [
            {
                "company_id": uow.company_id,
                "week_starts_on": week,
                "draw": 0,
                "seed": sha256(f"{key} {week}".encode()).hexdigest(),
                "policy_version": version,
                "sample_percent": policy.audit_sample_percent,
                "second_percent": 0,
                "made_at": now,
            }
            for week in weeks
        ],
    )


def _judge(audits: _Audits, with_photos: Collection[UUID]) -> list[tuple[UUID, list[str]]]:
    """Let the auditor judge some of what there is for them, little of what has photos; what failed, what has photos
    first: (audit visit, its failed items).
    """
    claimed: list[Claimed] = []
    while True:
        with audits.database.company(audits.company_id) as uow:
            some = claim_next(
                uow, audits.auditor, audits.auditor_id, CLAIMS_AT_ONCE, now=audits.evening
            )
        claimed += some
        if not some:
            break
    claimed.sort(key=lambda one: (one.audit_visit_id not in with_photos, one.audit_visit_id))
    judged = [
        turn
        for place, turn in enumerate(claimed)
        if (place % PHOTOS_JUDGED_ONE_IN == 0)
        or (turn.audit_visit_id not in with_photos and place % 10 < JUDGED_IN_TEN)
    ]
    failed = []
    for turn in judged:
        with audits.database.company(audits.company_id) as uow:
            now = audits.evening + timedelta(minutes=2)
            shown = look(uow, audits.auditor_id, turn.id, now=now)
            items = _verdicts(shown)
            verdict = NewVerdict(
                id=uuid5(audits.key, f"verdict {turn.audit_visit_id}"), seen=shown.seen, items=items
            )
            give_verdict(uow, audits.auditor, audits.auditor_id, turn.id, verdict, now=now)
        wrong = [each.item for each in items if each.verdict == "FAIL"]
        if wrong:
            failed.append((turn.audit_visit_id, wrong))
    with audits.database.company(audits.company_id) as uow:
        left = [turn.id for turn in claimed if turn not in judged]
        give_back(uow, audits.auditor, audits.auditor_id, left)
    return failed


def _verdicts(shown: Shown) -> list[ItemVerdict]:
    said = {each["item"]: each["answer"] for each in shown.answers}
    return [
        ItemVerdict(item, "PASS")
        if said.get(item) == "DONE"
        else ItemVerdict(
            item, "FAIL", "NOT_THERE", "Not a tag on half of the shelf / 半个货架没有价签"
        )
        for item in shown.asked
    ]
