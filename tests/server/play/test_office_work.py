"""What a played rep does for activities and for the office follows from what the phone holds."""

from collections import Counter
from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.phone import Phone
from server.play.camera import Camera
from server.play.office_work import (
    AnswerTasks,
    BringForActivities,
    ReadFromOffice,
    answer_tasks,
    bring_for_activities,
    plan_in_day,
    plan_in_visits,
    read_from_office,
)
from server.play.rep import OnCall
from server.play.teams import TEAMS
from server.play.workday import Attend, Visit, make_workday
from tests.activities_factories import STANDARDS
from tests.mobile_contract.phone.fake_server import NOW, FakeServer, FakeTransport, seeded_ids
from tests.server.play.test_workday import sheet

STORE, VISIT, POSITION = "store-1", "5796a670-482c-490e-8d97-82bfcdc83011", "position-1"


@pytest.fixture
def server() -> FakeServer:
    return FakeServer(lambda: NOW)


@pytest.fixture
def rep(server: FakeServer) -> Iterator[Any]:
    clock = SimulatedClock(true_ms=NOW, booted_true_ms=NOW - 1_000)
    phone = Phone.open(
        ":memory:",
        FakeTransport(server),
        clock=clock,
        random=Random(7),
        make_id=seeded_ids(1),
        is_durable=False,
    )
    phone.enrol("CODE", model="M", os="O", app_version="1")
    yield SimpleNamespace(phone=phone, random=Random(1), camera=None)
    phone.close()


def captured(rep: Any) -> Counter[tuple[str, str]]:
    return Counter((item.kind, item.op) for item in rep.phone.outbox.items())


MORNING: Any = SimpleNamespace(position_id=POSITION)


def activity() -> dict[str, Any]:
    return {
        "name": "End caps",
        "state": "OPEN",
        "starts_on": "2026-11-01",
        "channels": [],
        "standards_version": 1,
        "standards": list(STANDARDS),
    }


def test_every_visit_in_person_looks_once_for_what_is_due() -> None:
    acts = make_workday(Random("a"), sheet(), TEAMS["general"])
    visits = [act for act in acts if isinstance(act, Visit)]
    planned = plan_in_visits(Random(1), TEAMS["general"], visits)
    assert set(planned) == {n for n, visit in enumerate(visits) if not visit.is_by_phone}
    for place, within in planned.items():
        assert visits[place].at_ms <= within[0].at_ms <= visits[place].until_ms


def test_the_office_is_read_after_going_on_duty_and_answered_before_going_off() -> None:
    acts = make_workday(Random("a"), sheet(), TEAMS["general"])
    reads, answers = plan_in_day(Random(1), TEAMS["general"], acts)
    duty = {act.what: act.at_ms for act in acts if isinstance(act, Attend)}
    assert isinstance(reads, ReadFromOffice)
    assert isinstance(answers, AnswerTasks)
    assert duty["clock_on"] < reads.at_ms < answers.at_ms < duty["clock_off"]


def test_a_visit_brings_what_runs_and_asks_for_what_does_not(rep: Any, server: FakeServer) -> None:
    server.put("activity", "a-1", activity())
    server.put("activity", "a-2", activity())
    running = {"activity_id": "a-1", "store_id": STORE, "state": "RUNNING"}
    server.put("activity_store", "p-1", running)
    rep.phone.sync()
    call = OnCall(VISIT, STORE)
    bring_for_activities(rep, BringForActivities(0, is_asked_for=False), MORNING, call)
    assert captured(rep) == {("audit_visit", "create"): 1}
    bring_for_activities(rep, BringForActivities(0, is_asked_for=True), MORNING, call)
    assert captured(rep)["activity_store", "request"] == 1
    assert rep.phone.outbox.items()[-1].parsed()["payload"]["activity_id"] == "a-2"
    bring_for_activities(rep, BringForActivities(0, is_asked_for=True), MORNING, None)
    assert captured(rep).total() == 3


def test_a_phone_with_a_camera_brings_photos_that_it_took(rep: Any, server: FakeServer) -> None:
    server.put("activity", "a-1", activity())
    running = {"activity_id": "a-1", "store_id": STORE, "state": "RUNNING"}
    server.put("activity_store", "p-1", running)
    rep.phone.sync()
    rep.camera, rep.fix = Camera("1/1", 20, Random(1)), lambda _reading: None
    act = BringForActivities(0, is_asked_for=False)
    bring_for_activities(rep, act, MORNING, OnCall(VISIT, STORE))
    *photos, brought = [item.parsed() for item in rep.phone.outbox.items()]
    named = [photo["sha256"] for photo in brought["payload"]["photos"]]
    assert named == [photo["payload"]["sha256"] for photo in photos]
    assert rep.camera.due == -len(named) < 0


def test_notices_checks_and_tasks_are_answered_once(rep: Any, server: FakeServer) -> None:
    person_id = rep.phone.device.enrolment.person["id"]
    server.put("notice", "n-1", {"ends_on": "2026-11-30"})
    server.put("location_check", "c-1", {"state": "ASKED", "person_id": person_id, "asked_at": NOW})
    for number in range(5):
        task = {"state": "OPEN", "due_on": "2026-11-30", "position_id": POSITION}
        server.put("task", f"t-{number}", task)
    rep.phone.sync()
    for _ in range(2):
        read_from_office(rep, ReadFromOffice(0), MORNING, None)
    answer_tasks(rep, AnswerTasks(0), MORNING, None)
    assert captured(rep) == {
        ("notice", "read"): 1,
        ("location_check", "answer"): 1,
        ("task", "answer"): 3,
    }
