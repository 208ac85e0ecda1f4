"""What reps bring for activities in front of auditors: audit visits and photos as their phones send them, files as
rows, and auditors of other regions.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Engine, insert

from server.audits.claims import Claimed, claim_next
from server.audits.queue import look_at
from server.audits.shown import Shown, look
from server.audits.standing import let_stand
from server.audits.verdicts import ItemVerdict, NewVerdict, give_verdict
from server.identity.change_log import Actor
from server.identity.policy import change_policy
from sync.file_reading import file_reading
from sync.kinds.photo.publish import PhotoChange, set_photo_states
from sync.media import file
from sync.unit_of_work import Database, UnitOfWork
from tests.activities_factories import add_activity, add_activity_store
from tests.factories import Cast, Person, add_device, add_occupancy, add_person, add_position
from tests.sync.talking import HOUR, Json, Phone

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
"""Noon of TODAY, a Wednesday, in the cast's time zone."""

# What meets `STANDARDS` of activities_factories.
ANSWERS = [
    {"item": "END_CAP", "answer": "DONE"},
    {"item": "POSTER", "answer": "DONE"},
    {"item": "PRICE_TAG", "answer": "DONE"},
]
SHOWN = ("END_CAP", "END_CAP", "POSTER")


@dataclass(frozen=True, slots=True)
class Running:
    """An activity that each of Ana's and Ben's stores runs: store → its place in it."""

    activity: UUID
    taking_part: dict[UUID, UUID]


def add_running(cast: Cast, db: Database, **columns: Any) -> Running:
    """The activity, in a company that gives nothing to a second auditor unless a test says so."""
    with db.company(cast.company.id) as uow:
        change_policy(uow, Actor.command("test"), {"audit_second_percent": 0})
        activity = add_activity(uow, **columns)
        stores = [*cast.ana_stores, *cast.ben_stores]
        return Running(
            activity, {store: add_activity_store(uow, activity, store) for store in stores}
        )


def add_auditor(owner_engine: Engine, cast: Cast, name: str, region_id: UUID) -> Person:
    """An auditor of a region."""
    company = cast.company
    with owner_engine.begin() as connection:
        person_id = add_person(connection, company, name)
        position_id = add_position(
            connection, company, f"AUDITOR-{name}".upper(), role="auditor", region_id=region_id
        )
        add_occupancy(connection, company, position_id=position_id, person_id=person_id)
        device = add_device(connection, company, name, person_id=person_id)
    return Person(person_id, name, position_id, device)


def digest_of(word: object) -> str:
    return sha256(str(word).encode()).hexdigest()


def brought(
    phone: Phone,
    running: Running,
    store: UUID,
    *,
    ago: int = 2 * HOUR,
    answers: Sequence[Json] = ANSWERS,
    shown: Sequence[str] = SHOWN,
) -> tuple[list[Json], list[Json]]:
    """The items of a visit with what it brings and its photos; then those photos as they are in the manifest."""
    visit_id, id_ = uuid4(), uuid4()
    photos = [
        {"item": item, "sha256": digest_of(f"{id_} {place}"), "size": 1_000}
        for place, item in enumerate(shown)
    ]
    payload = {
        "activity_store_id": str(running.taking_part[store]),
        "visit_id": str(visit_id),
        "standards_version": 1,
        "occurred": phone.event(ago),
        "answers": list(answers),
        "photos": photos,
    }
    items = [
        phone.visit(store, visit=visit_id, ago=ago),
        phone.item("audit_visit", "create", id_, payload, at=phone.now - ago),
    ]
    items += [
        phone.item(
            "photo",
            "create",
            uuid4(),
            {
                "visit_id": str(visit_id),
                "sha256": each["sha256"],
                "size": each["size"],
                "role": "shelf",
                "occurred": phone.event(ago),
                "source": "CAMERA",
            },
            at=phone.now - ago,
        )
        for each in photos
    ]
    return items, photos


def bring(
    phone: Phone,
    db: Database,
    running: Running,
    *stores: UUID,
    are_read: bool = True,
    flagged: bool = False,
    now: datetime = NOW,
    **brings: Any,
) -> list[UUID]:
    """Push what these stores' visits bring, with the files of the photos read and judged, and let the queue look
    at it; the ids of the audit visits.
    """
    items: list[Json] = []
    photos: list[Json] = []
    for store in stores:
        some, shown = brought(phone, running, store, **brings)
        items += some
        photos += shown
    results = phone.push(*items)
    assert {result["status"] for result in results} == {"applied"}, results
    of_kind = {"audit_visit": [], "photo": []}  # type: dict[str, list[UUID]]
    for each in items:
        of_kind.get(each["kind"], []).append(UUID(each["entity_id"]))
    with db.company(phone.device.company_id) as uow:
        if are_read:
            read_files(uow, phone, photos, of_kind["photo"], flagged=flagged)
        look_at(uow, of_kind["audit_visit"], now=now)
    return of_kind["audit_visit"]


def read_files(
    uow: UnitOfWork,
    phone: Phone,
    photos: Sequence[Json],
    photo_ids: Sequence[UUID],
    *,
    flagged: bool = False,
) -> None:
    """The bytes of these photos came, were read and judged: nothing was found, or that they are dark."""
    rows = uow.rows("select person_id from device where id = :id", id=phone.device.id)
    if photos:
        uow.connection.execute(
            insert(file),
            [
                {
                    "company_id": uow.company_id,
                    "id": uuid4(),
                    "sha256": each["sha256"],
                    "size": each["size"],
                    "state": "READ",
                    "device_id": phone.device.id,
                    "person_id": rows[0].person_id,
                    "read_at": NOW,
                }
                for each in photos
            ],
        )
    set_photo_states(uow, dict.fromkeys(photo_ids, PhotoChange("STORED")))
    found = (
        PhotoChange("FLAGGED", [{"flag": "dark", "darkness": 900}])
        if flagged
        else PhotoChange("OK", [])
    )
    set_photo_states(uow, dict.fromkeys(photo_ids, found))


def add_readings(uow: UnitOfWork, *, darkness: int) -> None:
    """What was read in every file of the company that has no reading: a sharp picture, as dark as that."""
    rows = uow.rows(
        "select f.sha256 from file f where not exists"
        " (select from file_reading r where r.company_id = f.company_id and r.sha256 = f.sha256)"
    )
    uow.connection.execute(
        insert(file_reading),
        [
            {
                "company_id": uow.company_id,
                "sha256": row.sha256,
                "reader_version": 1,
                "media_type": "image/jpeg",
                "width": 1_000,
                "height": 1_000,
                "sharpness": 5_000,
                "darkness": darkness,
                "remarks": [],
                "copies": [],
                "took_ms": 10,
            }
            for row in rows
        ],
    )


def acting(person: Person) -> Actor:
    return Actor(person.name, person.id)


def claim(db: Database, auditor: Person, number: int = 20, *, now: datetime = NOW) -> list[Claimed]:
    """What the auditor gets of the queue."""
    with db.company(auditor.device.company_id) as uow:
        return claim_next(uow, acting(auditor), auditor.id, number, now=now)


def states_of(db: Database, cast: Cast) -> dict[UUID, str]:
    """Where every audit visit stands on its way to a verdict."""
    with db.reading(cast.company.id) as uow:
        return {row.id: row.state for row in uow.rows("select id, state from audit_case")}


def judged(
    db: Database,
    auditor: Person,
    claimed: Claimed,
    *,
    now: datetime = NOW,
    verdict_id: UUID | None = None,
    **failed: str,
) -> UUID:
    """The auditor passes it, but for the items that fail, each with the code of its reason; the verdict's id."""
    verdict_id = verdict_id or uuid4()
    with db.company(auditor.device.company_id) as uow:
        shown = look(uow, auditor.id, claimed.id, now=now)
        give_verdict(
            uow,
            acting(auditor),
            auditor.id,
            claimed.id,
            verdict_of(shown, verdict_id, **failed),
            now=now,
        )
    return verdict_id


def verdict_of(shown: Shown, verdict_id: UUID, **failed: str) -> NewVerdict:
    """A verdict on what is shown: all passes but what fails."""
    return NewVerdict(
        id=verdict_id,
        seen=shown.seen,
        items=[
            ItemVerdict(item, "FAIL", failed[item], f"{item} as it stands")
            if item in failed
            else ItemVerdict(item, "PASS")
            for item in shown.asked
        ],
    )


def stand(db: Database, cast: Cast, *, now: datetime = NOW + timedelta(minutes=10)) -> int:
    """Let verdicts stand that were given ten minutes ago."""
    return let_stand(db, cast.company.id, now=now)
