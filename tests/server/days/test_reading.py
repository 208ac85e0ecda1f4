"""Days read end to end: what phones push, in whatever order, and what the office then sees."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy

from server.days.person_day import FlagTold, PersonDay, StopState, VisitTold
from server.days.reading import read_day, read_days
from server.identity.errors import NoSuchPerson
from sync.engine import Engine as SyncEngine
from sync.kinds.attendance.day import State as DutyState
from sync.kinds.day_plan.publish import publish_day_plans
from sync.kinds.visit.day import Closing
from sync.kinds.visit.day import State as VisitState
from sync.scope import rescope
from sync.unit_of_work import Database
from tests.factories import (
    TODAY,
    Cast,
    Person,
    add_day_plan,
    add_occupancy,
    add_policy,
    make_cast,
)
from tests.server.days.conftest import MIDNIGHT, Reader
from tests.sync.talking import HOUR, MINUTE, SECOND, Json, Phone, counted_statements

PhoneOf = Callable[[Person], Phone]
ANCHOR = (313_500_000, 1_215_000_000)
BEACON = (313_520_000, 1_215_000_000)
HOME = (313_510_000, 1_215_000_000)
YESTERDAY = TODAY - timedelta(days=1)
FAR = (318_000_000, 1_215_000_000)  # 50 km north of every store, and outside of North


def ago(clock: str) -> int:
    """How long before 23:00, when the phones of these tests send, the clock showed this."""
    hour, minute = map(int, clock.split(":"))
    return (23 - hour) * HOUR - minute * MINUTE


def at(clock: str) -> int:
    return MIDNIGHT - HOUR - ago(clock)


@dataclass(slots=True)
class Pen:
    """Writes a day on a phone by the times of the company's clock."""

    phone: Phone
    cast: Cast

    def visit(
        self,
        store: int,
        come: str,
        leave: str | None = None,
        *,
        place: tuple[int, int] | None = None,
        leave_place: tuple[int, int] | None = None,
        **payload: Any,
    ) -> Json:
        if leave is not None:
            payload["check_out"] = self.phone.event(ago(leave), place=leave_place)
            payload.setdefault("closed_by", "PERSON")
        stores = self.cast.ana_stores
        return self.phone.visit(stores[store], ago=ago(come), place=place, **payload)

    def skip(self, store: int, when: str, plan: UUID) -> Json:
        return self.phone.item(
            "visit",
            "skip",
            uuid4(),
            {
                "store_id": str(self.cast.ana_stores[store]),
                "day_plan_id": str(plan),
                "reason": "CLOSED",
                "skipped": self.phone.event(ago(when)),
            },
            at=self.phone.now - ago(when),
        )

    def press(self, event: str, when: str, *, place: tuple[int, int] | None = None) -> Json:
        occurred = self.phone.event(ago(when), place=place)
        return self.phone.attendance(event, ago=ago(when), occurred=occurred)


@pytest.fixture
def pen(phone: PhoneOf, cast: Cast) -> Pen:
    return Pen(phone(cast.ana), cast)


def send(pen: Pen, *items: Json) -> None:
    for one in items:
        assert pen.phone.push_one(one)["status"] == "applied"


def plan(
    owner: sqlalchemy.Engine,
    db: Database,
    cast: Cast,
    stores: tuple[UUID, ...],
    position_id: UUID | None = None,
) -> UUID:
    with owner.begin() as connection:
        plan_id = add_day_plan(
            connection,
            cast.company,
            position_id=position_id or cast.ana.position_id,
            day=TODAY,
            store_ids=stores,
        )
    with db.company(cast.company.id) as uow:
        publish_day_plans(uow, [plan_id], TODAY)
    return plan_id


def told(day: PersonDay) -> list[tuple[str, str, str | None]]:
    return [(visit.store_name, visit.state, visit.closing) for visit in day.visits]


def stops(day: PersonDay) -> list[tuple[str, str]]:
    return [(stop.store_name, stop.state) for stop in day.stops]


def derived(day: PersonDay) -> list[FlagTold]:
    return [flag for flag in day.flags if flag.is_derived]


def without_ids(day: PersonDay) -> tuple[Any, ...]:
    """All that a reading says, without the ids that differ from company to company."""
    nobody = UUID(int=0)

    def bare(visit: VisitTold) -> VisitTold:
        return replace(visit, store_id=nobody, position_id=nobody)

    return (
        day.duty,
        tuple(map(bare, day.visits)),
        stops(day),
        day.trusts,
        day.verdicts,
        day.policy_version,
    )


# ---- the day as a whole -------------------------------------------------------------------------


def test_a_day_without_anything_odd_reads_as_it_was(cast: Cast, pen: Pen, read: Reader) -> None:
    send(
        pen,
        pen.press("ON", "08:00", place=HOME),
        pen.visit(0, "09:00", "09:20", place=ANCHOR),
        pen.press("BREAK", "12:00"),
        pen.press("ON", "12:45"),
        pen.visit(1, "13:00", "13:30", place=BEACON),
        pen.press("OFF", "17:30"),
    )
    day = read(cast.ana)
    assert told(day) == [("Anchor", "DONE", None), ("Beacon", "DONE", None)]
    assert [(visit.order, visit.began_at, visit.closed_at) for visit in day.visits] == [
        (1, at("09:00"), at("09:20")),
        (2, at("13:00"), at("13:30")),
    ]
    assert day.visits[0].verdict_says == "0 m from the pin, accuracy 9 m, fence 200 m"
    assert day.verdicts == {"ONSITE": 2}
    duty = day.duty
    assert (duty.state, duty.started_at, duty.ended_at) == (
        DutyState.OFF,
        at("08:00"),
        at("17:30"),
    )
    assert (duty.worked_min, duty.break_min) == (8 * 60 + 45, 45)
    assert [event.is_clock_in for event in duty.events] == [True, False, False, False]
    assert day.flags == ()
    assert day.trusts == {"CLOCK": 6}


@pytest.mark.slow
def test_the_reading_is_the_same_in_whatever_order_the_items_arrive(
    owner_engine: sqlalchemy.Engine, db: Database, roadbook: SyncEngine
) -> None:
    ids = [uuid4() for _ in range(8)]
    readings = []
    for seed in range(6):
        cast = make_cast(owner_engine, db)
        plan_id = plan(owner_engine, db, cast, cast.ana_stores)
        pen = Pen(Phone(roadbook, cast.ana.device, now=MIDNIGHT - HOUR), cast)
        items = [
            pen.press("ON", "08:00", place=HOME),
            pen.visit(0, "09:00", place=ANCHOR, day_plan_id=str(plan_id)),
            pen.visit(1, "09:30", "10:30", place=FAR, day_plan_id=str(plan_id)),
            pen.visit(1, "10:15", "10:40", place=FAR),
            pen.skip(2, "11:00", plan_id),
            pen.visit(0, "15:00", place=ANCHOR),
            pen.press("ON", "16:00", place=ANCHOR),
            pen.press("BREAK", "16:30"),
        ]
        for one, entity_id in zip(items, ids, strict=True):
            one["entity_id"] = str(entity_id)
        finish = pen.phone.finish(ids[5], ago=ago("15:20"))
        items.append(finish)
        if seed:
            Random(seed).shuffle(items)
        statuses = [pen.phone.push_one(one)["status"] for one in items]
        assert set(statuses) <= {"applied", "deferred"}
        roadbook.release_deferred(cast.company.id, ids)
        with db.reading(cast.company.id) as uow:
            readings.append(without_ids(read_day(uow, cast.ana.id, TODAY, MIDNIGHT)))
    assert all(before == after for before, after in pairwise(readings))
    visits = readings[0][1]
    assert [(visit.state, visit.closing) for visit in visits] == [
        (VisitState.AUTO_CLOSED, Closing.NEXT_CHECKIN),
        (VisitState.AUTO_CLOSED, Closing.NEXT_CHECKIN),
        (VisitState.DONE, None),
        (VisitState.SKIPPED, None),
        (VisitState.DONE, None),
    ]


def test_a_later_check_in_that_arrived_first_closes_the_earlier(
    cast: Cast, pen: Pen, read: Reader
) -> None:
    send(pen, pen.visit(1, "10:00", "10:20"))
    send(pen, pen.visit(0, "09:30"))
    anchor, beacon = read(cast.ana).visits
    assert (anchor.state, anchor.closing) == (VisitState.AUTO_CLOSED, Closing.NEXT_CHECKIN)
    assert anchor.closed_at == beacon.began_at == at("10:00")
    assert anchor.closing_says == "closed by the next check-in"
    assert beacon.state is VisitState.DONE


def test_a_visit_stays_open_until_something_closes_it(cast: Cast, pen: Pen, read: Reader) -> None:
    send(pen, pen.visit(0, "09:30"))
    assert told(read(cast.ana, now=at("10:00"))) == [("Anchor", "OPEN", None)]
    (timed_out,) = read(cast.ana).visits
    assert timed_out.closed_at == at("13:30")
    assert timed_out.closing_says == "nobody checked out within 4 h"
    send(pen, pen.press("ON", "08:00"), pen.press("OFF", "11:00"))
    (off,) = read(cast.ana).visits
    assert off.closed_at == at("11:00")
    assert off.closing_says == "nobody checked out before going off duty"


def test_a_visit_that_the_phone_closed_says_how(cast: Cast, pen: Pen, read: Reader) -> None:
    send(pen, pen.visit(0, "09:30", "09:50", closed_by="LEFT_FENCE"))
    (visit,) = read(cast.ana).visits
    assert (visit.state, visit.closing) == (VisitState.AUTO_CLOSED, Closing.LEFT_FENCE)
    assert visit.closing_says == "closed by the phone on leaving the fence"


def test_a_correction_changes_the_reading_of_the_others(cast: Cast, pen: Pen, read: Reader) -> None:
    second = pen.visit(0, "11:00", "11:20")
    send(pen, pen.visit(0, "09:30", "09:50"), second)
    assert [flag.name for flag in derived(read(cast.ana))] == ["repeated_store"]
    send(pen, pen.phone.correct(second["entity_id"], 1, store_id=str(cast.ana_stores[1])))
    assert derived(read(cast.ana)) == []


# ---- every flag that follows from others ----------------------------------------------------------


def overlapping(pen: Pen) -> list[Json]:
    return [pen.visit(0, "09:00", "09:40"), pen.visit(1, "09:30", "10:00")]


def repeated_store(pen: Pen) -> list[Json]:
    return [pen.visit(0, "09:00", "09:20"), pen.visit(0, "12:02", "12:20")]


def implied_speed(pen: Pen) -> list[Json]:
    return [
        pen.visit(0, "09:00", "09:20", place=ANCHOR),
        pen.visit(1, "09:25", "09:45", place=FAR),
    ]


def implied_speed_on_duty(pen: Pen) -> list[Json]:
    return [
        pen.press("ON", "08:00"),
        pen.visit(0, "09:00", "09:20", place=ANCHOR),
        pen.press("OFF", "09:25", place=FAR),
    ]


def repeated_fix(pen: Pen) -> list[Json]:
    return [
        pen.visit(0, "09:00", "09:20", place=ANCHOR),
        pen.visit(1, "10:00", "10:20", place=ANCHOR),
    ]


def outside_region(pen: Pen) -> list[Json]:
    return [pen.press("ON", "08:00", place=FAR), pen.press("OFF", "17:00")]


def outside_start_window(pen: Pen) -> list[Json]:
    return [pen.press("ON", "06:12"), pen.press("OFF", "17:00")]


def out_of_sequence(pen: Pen) -> list[Json]:
    return [pen.press("ON", "08:00"), pen.press("ON", "08:03"), pen.press("OFF", "17:00")]


def forgotten_close(pen: Pen) -> list[Json]:
    return [pen.press("ON", "08:00"), pen.visit(0, "16:00", "16:20")]


@pytest.mark.parametrize(
    ("story", "flag", "says"),
    [
        (
            overlapping,
            {"flag": "overlapping", "visits": 1, "overlap_ms": 10 * MINUTE},
            "shares 10 min with another visit",
        ),
        (
            repeated_store,
            {"flag": "repeated_store", "nth": 2, "since_ms": 3 * HOUR + 2 * MINUTE},
            "the 2nd call at this store that day, 3 h 2 min after the one before",
        ),
        (
            implied_speed,
            {
                "flag": "implied_speed",
                "distance_cm": 4_989_573,
                "accuracy_cm": 1_800,
                "elapsed_ms": 25 * MINUTE,
                "speed_kmh": 120,
                "limit_kmh": 90,
            },
            (
                "49.9 km in 25 min since the position before: at least 120 km/h, limit 90 km/h"
                " (18 m of accuracy allowed for)"
            ),
        ),
        (
            implied_speed_on_duty,
            {
                "flag": "implied_speed",
                "distance_cm": 4_989_573,
                "accuracy_cm": 1_800,
                "elapsed_ms": 25 * MINUTE,
                "speed_kmh": 120,
                "limit_kmh": 90,
            },
            (
                "49.9 km in 25 min since the position before: at least 120 km/h, limit 90 km/h"
                " (18 m of accuracy allowed for)"
            ),
        ),
        (
            repeated_fix,
            {"flag": "repeated_fix", "nth": 2, "since_ms": HOUR},
            "exactly the position of 1 h before, for the 2nd time",
        ),
        (
            outside_region,
            {"flag": "outside_region", "outside_cm": 4_435_333, "accuracy_cm": 900},
            "went on duty 44.4 km outside of the region, accuracy 9 m",
        ),
        (
            outside_start_window,
            {
                "flag": "outside_start_window",
                "minute": 6 * 60 + 12,
                "from_min": 420,
                "until_min": 1200,
            },
            "went on duty at 06:12, outside of 07:00–20:00",
        ),
        (
            out_of_sequence,
            {"flag": "out_of_sequence", "since_ms": 3 * MINUTE},
            "changes nothing: pressed 3 min after the event before",
        ),
        (
            forgotten_close,
            {
                "flag": "forgotten_close",
                "closed_at": at("16:20"),
                "silent_ms": 7 * HOUR + 40 * MINUTE,
            },
            (
                "nobody went off duty: closed at 16:20, the last sign of work, 7 h 40 min before the day"
                " ended"
            ),
        ),
    ],
)
def test_what_follows_from_others_is_flagged_with_its_figures(
    story: Callable[[Pen], list[Json]],
    flag: Json,
    says: str,
    cast: Cast,
    pen: Pen,
    read: Reader,
    owner_engine: sqlalchemy.Engine,
) -> None:
    if flag["flag"] == "implied_speed":
        with owner_engine.begin() as connection:
            add_policy(connection, cast.company, version=2, max_speed_kmh=90)
            connection.execute(
                sqlalchemy.text("update policy set since = :since where company_id = :company"),
                {
                    "since": datetime.fromtimestamp(at("00:00") / 1000, UTC),
                    "company": cast.company.id,
                },
            )
    send(pen, *story(pen))
    day = read(cast.ana)
    found = {each.says: each.flag for each in derived(day)}
    assert found == {says: flag}
    assert [each.says for each in day.flags if not each.is_derived] == []


def test_a_flag_of_the_record_stands_beside_those_that_follow(
    cast: Cast, pen: Pen, read: Reader
) -> None:
    send(pen, pen.visit(0, "09:00", "09:01"), pen.visit(0, "10:00", "10:20"))
    flags = read(cast.ana).flags
    assert [(flag.name, flag.is_derived) for flag in flags] == [
        ("too_short", False),
        ("repeated_store", True),
    ]
    assert flags[0].says == "lasted 1 min, at least 2 min expected"


# ---- the plan -----------------------------------------------------------------------------------


def test_planned_stops_are_visited_skipped_or_missed(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan_id = plan(owner_engine, db, cast, cast.ana_stores)
    send(pen, pen.visit(1, "10:00", "10:20"), pen.skip(0, "11:00", plan_id))
    assert stops(read(cast.ana, now=at("12:00"))) == [
        ("Anchor", "SKIPPED"),
        ("Beacon", "VISITED"),
        ("Compass", "DUE"),
    ]
    day = read(cast.ana)
    assert [stop.store_name for stop in day.missed] == ["Compass"]
    assert all(visit.is_planned for visit in day.visits)


def test_a_call_by_phone_does_not_make_up_for_a_planned_visit(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan(owner_engine, db, cast, cast.ana_stores[:1])
    send(pen, pen.visit(0, "10:00", "10:20", is_by_phone=True))
    day = read(cast.ana)
    assert stops(day) == [("Anchor", "MISSED")]
    assert day.visits[0].verdict is None


def test_the_latest_version_of_the_plan_is_in_force(
    cast: Cast, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan_id = plan(owner_engine, db, cast, cast.ana_stores)
    with db.company(cast.company.id) as uow:
        uow.run("update day_plan set plan_version = 2 where id = :id", id=plan_id)
        uow.run(
            "insert into day_plan_stop (company_id, day_plan_id, plan_version, sequence, store_id)"
            " values (:company, :plan, 2, 0, :store)",
            company=cast.company.id,
            plan=plan_id,
            store=cast.ana_stores[2],
        )
    assert stops(read(cast.ana)) == [("Compass", "MISSED")]


def test_a_made_up_day_plan_makes_no_visit_planned(cast: Cast, pen: Pen, read: Reader) -> None:
    send(pen, pen.visit(0, "10:00", "10:20", day_plan_id=str(uuid4())))
    assert [visit.is_planned for visit in read(cast.ana).visits] == [False]


def test_a_plan_of_another_position_day_or_store_makes_no_visit_planned(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    bens = plan(owner_engine, db, cast, cast.ana_stores, cast.ben.position_id)
    anas = plan(owner_engine, db, cast, cast.ana_stores[:1])
    with db.company(cast.company.id) as uow:
        uow.run("update day_plan set day = :day where id = :id", id=anas, day=YESTERDAY)
    send(
        pen,
        pen.visit(0, "09:00", "09:20", day_plan_id=str(bens)),
        pen.visit(0, "10:00", "10:20", day_plan_id=str(anas)),
    )
    assert [visit.is_planned for visit in read(cast.ana).visits] == [False, False]
    with db.company(cast.company.id) as uow:
        uow.run("update day_plan set day = :day where id = :id", id=anas, day=TODAY)
    send(pen, pen.visit(1, "11:00", "11:20", day_plan_id=str(anas)))
    assert [visit.is_planned for visit in read(cast.ana).visits] == [True, True, False]


def test_a_visit_stays_planned_when_a_later_plan_leaves_out_its_store(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan_id = plan(owner_engine, db, cast, cast.ana_stores)
    send(pen, pen.visit(0, "10:00", "10:20", day_plan_id=str(plan_id)))
    with db.company(cast.company.id) as uow:
        uow.run("update day_plan set plan_version = 2 where id = :id", id=plan_id)
    day = read(cast.ana)
    assert [visit.is_planned for visit in day.visits] == [True]
    assert stops(day) == []


def test_a_plan_is_the_acting_holders_while_there_is_one(
    cast: Cast, phone: PhoneOf, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan(owner_engine, db, cast, cast.ana_stores)
    with owner_engine.begin() as connection:
        add_occupancy(
            connection,
            cast.company,
            position_id=cast.ana.position_id,
            person_id=cast.ben.id,
            starts_on=TODAY,
            is_acting=True,
        )
    with db.company(cast.company.id) as uow:
        rescope(uow, [cast.ben.id], TODAY)
    # Ana went to a store before she was taken ill.
    ana = Pen(phone(cast.ana), cast)
    send(ana, ana.visit(0, "08:00", "08:20"))
    ben = Pen(phone(cast.ben), cast)
    position = str(cast.ana.position_id)
    send(ben, ben.visit(1, "10:00", "10:20", position_id=position))
    assert read(cast.ana).stops == ()
    assert stops(read(cast.ben)) == [
        ("Anchor", "COVERED"),
        ("Beacon", "VISITED"),
        ("Compass", "MISSED"),
    ]


# ---- settings -------------------------------------------------------------------------------------


def test_a_day_is_read_by_the_settings_in_force_when_it_ended(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine
) -> None:
    with owner_engine.begin() as connection:
        for version, since, limit_s in ((1, -30, 3600), (2, -1, 7200), (3, 1, 10_800)):
            if version > 1:
                add_policy(connection, cast.company, version=version, visit_timeout_s=limit_s)
            connection.execute(
                sqlalchemy.text(
                    "update policy set since = :since"
                    " where company_id = :company and version = :version"
                ),
                {
                    "since": datetime.fromtimestamp(MIDNIGHT / 1000, UTC)
                    + timedelta(days=since, hours=-12),
                    "company": cast.company.id,
                    "version": version,
                },
            )
    send(pen, pen.visit(0, "09:00"))
    day = read(cast.ana)
    assert day.policy_version == 2
    assert day.visits[0].closed_at == at("11:00")
    assert read(cast.ana, day=TODAY - timedelta(days=300)).policy_version == 1
    assert read(cast.ana, day=TODAY + timedelta(days=2)).policy_version == 3


# ---- who may see what -----------------------------------------------------------------------------


def test_a_day_of_another_company_is_not_there(
    cast: Cast, pen: Pen, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    other = make_cast(owner_engine, db)
    send(pen, pen.visit(0, "09:00", "09:20"))
    with pytest.raises(NoSuchPerson):
        read(other.ana)
    with db.reading(other.company.id) as uow:
        days = read_days(uow, TODAY, MIDNIGHT)
        assert read_days(uow, TODAY, MIDNIGHT, person_ids=[cast.ana.id]) == []
    assert [(day.person_id, day.visits) for day in days] == [(other.ana.id, ()), (other.ben.id, ())]


def test_only_days_that_the_asker_may_see_are_there(
    cast: Cast, pen: Pen, read: Reader, db: Database
) -> None:
    send(pen, pen.visit(0, "09:00", "09:20"))

    def seen_by(asker: Person) -> list[str]:
        with db.reading(cast.company.id) as uow:
            return [day.name for day in read_days(uow, TODAY, MIDNIGHT, asker_id=asker.id)]

    assert seen_by(cast.ana) == ["Ana"]
    assert seen_by(cast.ben) == ["Ben"]
    assert seen_by(cast.sam) == seen_by(cast.ada) == ["Ana", "Ben"]
    assert len(read(cast.ana, asker_id=cast.sam.id).visits) == 1
    with pytest.raises(NoSuchPerson):
        read(cast.ana, asker_id=cast.ben.id)


def test_visits_and_stops_of_positions_that_the_asker_may_not_see_are_left_out(
    cast: Cast, phone: PhoneOf, read: Reader, owner_engine: sqlalchemy.Engine, db: Database
) -> None:
    plan(owner_engine, db, cast, cast.ana_stores[:1])
    plan(owner_engine, db, cast, cast.ben_stores[:1], cast.ben.position_id)
    with owner_engine.begin() as connection:
        add_occupancy(
            connection, cast.company, position_id=cast.ben.position_id, person_id=cast.ana.id
        )
    with db.company(cast.company.id) as uow:
        rescope(uow, [cast.ana.id], TODAY)
    pen = Pen(phone(cast.ana), cast)
    dock = pen.phone.visit(
        cast.ben_stores[0], ago=ago("10:00"), position_id=str(cast.ben.position_id)
    )
    send(pen, pen.visit(0, "09:00", "09:20", position_id=str(cast.ana.position_id)), dock)
    day = read(cast.ana, asker_id=cast.ben.id)
    assert [visit.store_name for visit in day.visits] == ["Dock"]
    assert stops(day) == [("Dock", "VISITED")]
    assert day.visits[0].order == 2
    assert len(read(cast.ana, asker_id=cast.ana.id).visits) == 2


def test_who_moved_since_still_sees_their_own_day(
    cast: Cast, pen: Pen, read: Reader, db: Database
) -> None:
    send(pen, pen.visit(0, "09:00", "09:20"))
    with db.company(cast.company.id) as uow:
        uow.run(
            "update occupancy set ends_on = :day where person_id = :ana", day=TODAY, ana=cast.ana.id
        )
    later = MIDNIGHT + 72 * HOUR
    assert len(read(cast.ana, now=later, asker_id=cast.ana.id).visits) == 1
    assert len(read(cast.ana, now=later, asker_id=cast.sam.id).visits) == 1


def test_who_has_facts_has_a_day_whatever_they_hold(
    cast: Cast, phone: PhoneOf, db: Database
) -> None:
    sam = phone(cast.sam)
    assert sam.push_one(sam.attendance("ON", ago=ago("09:00")))["status"] == "applied"
    with db.reading(cast.company.id) as uow:
        assert [day.name for day in read_days(uow, TODAY, MIDNIGHT)] == ["Ana", "Ben", "Sam"]


def test_a_page_begins_after_the_last_of_the_one_before(cast: Cast, db: Database) -> None:
    with db.reading(cast.company.id) as uow:
        (first,) = read_days(uow, TODAY, MIDNIGHT, at_most=1)
        after = (first.name, first.person_id)
        (second,) = read_days(uow, TODAY, MIDNIGHT, at_most=1, after=after)
        assert (first.name, second.name) == ("Ana", "Ben")
        after = (second.name, second.person_id)
        assert read_days(uow, TODAY, MIDNIGHT, at_most=1, after=after) == []


# ---- cost -----------------------------------------------------------------------------------------


def test_the_statements_of_a_reading_grow_with_nothing(
    cast: Cast,
    pen: Pen,
    phone: PhoneOf,
    db: Database,
    owner_engine: sqlalchemy.Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def statements(asker_id: UUID | None = None) -> int:
        with db.reading(cast.company.id) as uow, counted_statements(monkeypatch) as sent:
            read_days(uow, TODAY, MIDNIGHT, asker_id=asker_id)
        return len(sent)

    send(pen, pen.visit(0, "09:00", "09:20"))
    before, before_asked = statements(), statements(cast.sam.id)
    plan(owner_engine, db, cast, cast.ana_stores)
    send(pen, *(pen.visit(n % 3, f"{10 + n // 6}:{n % 6}0") for n in range(30)))
    send(pen, pen.press("ON", "08:00"), pen.press("OFF", "18:00"))
    for person in (cast.ben, cast.sam, cast.mia):
        other = phone(person)
        other.push(other.attendance("ON", ago=9 * HOUR), other.attendance("OFF", ago=SECOND))
    assert statements() == before == 7
    assert statements(cast.sam.id) == before_asked == 8


def test_an_empty_day_of_somebody_is_empty(cast: Cast, read: Reader) -> None:
    day = read(cast.mia)
    assert (day.visits, day.stops, day.flags) == ((), (), ())
    assert day.duty.state is DutyState.OFF
    assert StopState.MISSED not in {stop.state for stop in day.stops}
