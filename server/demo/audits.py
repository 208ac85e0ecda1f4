"""The demo's audits: reps have reported on price tags at their visits, some of it was drawn and judged by two auditors. One
verdict is appealed against and waits for the other auditor, one was decided by the other. Seeds follow from the company's
key, so that two makings come to the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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
from server.demo.phones import Phone, make_engine
from server.demo.photos import Taken, bring_files, photo_items, photograph_shelves, take_photos
from server.identity.change_log import Actor
from server.photos.read_files import ReadingRoom
from sync.kinds.audit_visit.audit_table import audit_draw
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork

# The activity of server/demo/activities.py that reps report on.
CODE = "YH-TAGS"
ITEMS = ("PRICE_TAG", "PROMO_PRICE", "PRICE_LIST")
WHY = {
    "PRICE_TAG": "Not a tag on half of the shelf / 半个货架没有价签",
    "PROMO_PRICE": "Only the old price is to be seen / 只看到原价",
    "PRICE_LIST": "No list is to be seen / 没有看到价目表",
}
# How many of ten of what an auditor has claimed they judge; the rest goes back. The second one comes first, and does less.
JUDGED_IN_TEN = 5
JUDGED_BY_SECOND_IN_TEN = 3
# At so many of their stores what reps brought is told with photos: of the one and the other in turn, as photos take their time.
STORES_OF = (2, 1)
PHOTOS_OF_LAST_DAY = 4

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
_DISTRICTS = """
select c.id, g.code from audit_case c
join position p on p.company_id = c.company_id and p.id = c.position_id
join region r on r.company_id = c.company_id and r.id = p.region_id
join region g on g.company_id = c.company_id and g.id = r.parent_id
where c.company_id = :company and c.id = any(:ids)
"""


@dataclass(frozen=True, slots=True)
class Auditor:
    """Who judges, and the code of the district that is their own."""

    actor: Actor
    person_id: UUID
    district: str


@dataclass(frozen=True, slots=True)
class _Failed:
    """An audit visit of which something failed, and what."""

    id: UUID
    items: list[str]


@dataclass(frozen=True, slots=True)
class _Audits:
    database: Database
    company_id: int
    key: UUID
    phones: Mapping[UUID, Phone]
    evening: datetime


def make_audits(
    database: Database,
    company_id: int,
    key: UUID,
    phones: Mapping[UUID, Phone],
    *,
    auditors: tuple[Auditor, Auditor],
    appellant: Actor,
    today: date,
    zone: ZoneInfo,
    room: ReadingRoom | None = None,
) -> dict[str, int]:
    """Report, draw, judge and appeal, on the evening before the demo's day; the counts. With photos where there is a
    room in which they are read. `phones` are those of the reps.
    """
    evening = datetime.combine(today - timedelta(days=1), time(20), zone)
    audits = _Audits(database, company_id, key, phones, evening)
    with database.reading(company_id) as uow:
        visits = uow.rows(_VISITS, company=company_id, code=CODE, today=today)
    visits = _some_stores(visits)
    answers = _answers_of(visits)
    taken: dict[UUID, list[Taken]] = {}
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
        untagged = {id_ for id_, said in answers.items() if said[ITEMS[0]] == "NOT_DONE"}
        taken = take_photos(key, visits, ITEMS, untagged, zone)
        taken |= photograph_shelves(key, [one for one in others if one.id not in taken], zone)
    ids = _report(audits, visits, others, answers, taken)
    files = 0
    if room is not None:
        senders = {
            visit.id: (phones[visit.person_id].id, visit.person_id) for visit in (*visits, *others)
        }
        files = bring_files(database, room, company_id, taken, senders)
    with database.company(company_id) as uow:
        _make_seeds(uow, key, today, evening)
        look_at(uow, ids, now=evening)
    draw_weeks(database, company_id, today, now=evening)
    one, other = auditors
    by_other = _judge(audits, other, JUDGED_BY_SECOND_IN_TEN)
    by_one = _judge(audits, one, JUDGED_IN_TEN)
    let_stand(database, company_id, now=evening + _HOUR)
    decided = _appeal(audits, appellant, by_one, other)
    if decided is not None:
        _decide(audits, other, decided)
    # The other one's verdict waits for the first auditor.
    _appeal(audits, appellant, by_other, one)
    return {"audit visits": len(ids), "photo files": files}


def _some_stores(visits: Sequence[Any]) -> list[Any]:
    """The visits at the first stores of each person, of one and of two in turn."""
    stores: dict[UUID, dict[UUID, None]] = {}
    for visit in visits:
        stores.setdefault(visit.person_id, {})[visit.store_id] = None
    chosen = {
        (person_id, store_id)
        for number, (person_id, of_person) in enumerate(stores.items())
        for store_id in list(of_person)[: STORES_OF[number % len(STORES_OF)]]
    }
    return [visit for visit in visits if (visit.person_id, visit.store_id) in chosen]


def _answers_of(visits: Sequence[Any]) -> dict[UUID, dict[str, str]]:
    """What is said at each of these visits, by its id: something lacks at three in four, one question in three visits
    stays open, which is flagged.
    """
    places: Counter[UUID] = Counter()
    answers = {}
    for visit in visits:
        place = places[visit.person_id]
        places[visit.person_id] += 1
        said = {
            item: "NOT_DONE" if place % 4 == number + 1 else "DONE"
            for number, item in enumerate(ITEMS)
        }
        if place % 3 == 1:
            del said[ITEMS[-1]]
        answers[visit.id] = said
    return answers


def _report(
    audits: _Audits,
    visits: Sequence[Any],
    others: Sequence[Any],
    answers: Mapping[UUID, Mapping[str, str]],
    taken: Mapping[UUID, Sequence[Taken]],
) -> list[UUID]:
    """Push what each visit brings, from each person's phone; the ids."""
    engine = make_engine(audits.database)
    by_person: dict[UUID, list[Any]] = {}
    for visit in visits:
        by_person.setdefault(visit.person_id, []).append(visit)
    sent_at = int(audits.evening.timestamp() * 1000) - 3_600_000
    ids: list[UUID] = []
    for person_id, of_person in by_person.items():
        phone = audits.phones[person_id]
        booted_at = min(visit.began_ms for visit in of_person) - 3_600_000
        items = [
            _item(audits.key, visit, answers[visit.id], booted_at, taken.get(visit.id, ()))
            for visit in of_person
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
            device_id=str(phone.id),
            batch_id=str(uuid5(audits.key, f"audit batch {person_id}")),
            sent_at=sent_at,
            boot_id=str(uuid5(audits.key, "audit boot")),
            uptime_ms=sent_at - booted_at,
            app_version="2.0.0",
            outbox=OutboxState(count=len(raw), oldest_at=sent_at, bytes=sum(map(len, raw))),
            items=raw,
        )
        engine.push(phone.claim, envelope, sent_at)
    return ids


def _audit_visit_id(key: UUID, visit_id: UUID) -> UUID:
    return uuid5(key, f"audit visit {visit_id}")


def _item(
    key: UUID, visit: Any, said: Mapping[str, str], booted_at: int, taken: Sequence[Taken]
) -> dict[str, Any]:
    """What a visit brings."""
    at = visit.began_ms + 300_000
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
            "answers": [{"item": item, "answer": answer} for item, answer in said.items()],
            "photos": [
                {"item": one.item, "sha256": one.sha256, "size": len(one.data)} for one in taken
            ],
        },
    }


def _make_seeds(uow: UnitOfWork, key: UUID, today: date, now: datetime) -> None:
    """The seeds of the weeks before today's and of today's; nothing is given twice."""
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


def _judge(audits: _Audits, auditor: Auditor, in_ten: int) -> list[_Failed]:
    """Let an auditor judge some of what there is for them; what failed."""
    claimed = _claim_all(audits, auditor, audits.evening)
    judged = [turn for place, turn in enumerate(claimed) if 3 * place % 10 < in_ten]
    failed = []
    for turn in judged:
        items = _give(audits, auditor, turn, audits.evening + timedelta(minutes=2))
        wrong = [each.item for each in items if each.verdict == "FAIL"]
        if wrong:
            failed.append(_Failed(turn.audit_visit_id, wrong))
    _give_rest_back(audits, auditor, [turn for turn in claimed if turn not in judged])
    return failed


def _claim_all(audits: _Audits, auditor: Auditor, now: datetime) -> list[Claimed]:
    claimed: list[Claimed] = []
    while True:
        with audits.database.company(audits.company_id) as uow:
            some = claim_next(uow, auditor.actor, auditor.person_id, CLAIMS_AT_ONCE, now=now)
        claimed += some
        if not some:
            return sorted(claimed, key=lambda one: one.audit_visit_id)


def _give(
    audits: _Audits, auditor: Auditor, turn: Claimed, now: datetime, *, is_mild: bool = False
) -> list[ItemVerdict]:
    with audits.database.company(audits.company_id) as uow:
        shown = look(uow, auditor.person_id, turn.id, now=now)
        items = _verdicts(shown, is_mild=is_mild)
        verdict = NewVerdict(
            id=uuid5(audits.key, f"verdict {turn.audit_visit_id} {auditor.person_id}"),
            seen=shown.seen,
            items=items,
        )
        give_verdict(uow, auditor.actor, auditor.person_id, turn.id, verdict, now=now)
    return items


def _give_rest_back(audits: _Audits, auditor: Auditor, turns: Sequence[Claimed]) -> None:
    with audits.database.company(audits.company_id) as uow:
        give_back(uow, auditor.actor, auditor.person_id, [turn.id for turn in turns])


def _appeal(
    audits: _Audits, appellant: Actor, failed: Sequence[_Failed], decider: Auditor
) -> UUID | None:
    """Appeal against the first verdict that this auditor may decide about."""
    now = audits.evening + 2 * _HOUR
    with audits.database.company(audits.company_id) as uow:
        districts = {
            row.id: row.code
            for row in uow.rows(
                _DISTRICTS, company=audits.company_id, ids=[one.id for one in failed]
            )
        }
        for one in failed:
            if districts[one.id] != decider.district:
                reason = "The tags were there the day before / 前一天还在"
                appeal_for(uow, appellant, one.id, one.items, reason, now=now)
                open_appeals(uow, [one.id], now=now)
                return one.id
    return None


def _decide(audits: _Audits, auditor: Auditor, audit_visit_id: UUID) -> None:
    """The other auditor sees it otherwise."""
    now = audits.evening + 2 * _HOUR
    claimed = _claim_all(audits, auditor, now)
    for turn in claimed:
        if turn.audit_visit_id == audit_visit_id:
            _give(audits, auditor, turn, now + timedelta(minutes=2), is_mild=True)
    rest = [turn for turn in claimed if turn.audit_visit_id != audit_visit_id]
    _give_rest_back(audits, auditor, rest)
    let_stand(audits.database, audits.company_id, now=now + _HOUR)


def _verdicts(shown: Shown, *, is_mild: bool) -> list[ItemVerdict]:
    said = {each["item"]: each["answer"] for each in shown.answers}
    return [
        ItemVerdict(item, "PASS")
        if is_mild or said.get(item) == "DONE"
        else ItemVerdict(item, "FAIL", "NOT_THERE", WHY[item])
        for item in shown.asked
    ]
