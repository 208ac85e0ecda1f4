"""Photos at visits: the team's number of them, each with its bytes on the phone, and cheats that are remembered."""

from collections.abc import Iterator
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from mobile_contract.phone.captured import Fix
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.phone import Phone
from server.play.camera import Camera, Cheat
from server.play.photo_tally import PhotoTally
from server.play.places import Place, Reading
from server.play.rep import OnCall
from server.play.shooting import TakePhotos, plan_photos, take_photos
from server.play.teams import TEAMS
from server.play.workday import Visit, make_workday
from tests.mobile_contract.phone.fake_server import NOW, FakeServer, FakeTransport, seeded_ids
from tests.server.play.test_workday import sheet

READING = Reading(Place(31.23, 121.47), 10.0)
MORNING: Any = SimpleNamespace(position_id="position-1")
FIRST, SECOND = OnCall("visit-1", "store-1"), OnCall("visit-2", "store-2")


@pytest.fixture
def rep() -> Iterator[Any]:
    clock = SimulatedClock(true_ms=NOW, booted_true_ms=NOW - 1_000)
    phone = Phone.open(
        ":memory:",
        FakeTransport(FakeServer(lambda: NOW)),
        clock=clock,
        random=Random(7),
        make_id=seeded_ids(1),
        is_durable=False,
    )
    phone.enrol("CODE", model="M", os="O", app_version="1")

    def fix(reading: Reading | None) -> Fix | None:
        if reading is None:
            return None
        return Fix.from_degrees(reading.place.latitude, reading.place.longitude, accuracy_m=9)

    camera = Camera("1/1", 20, Random(1))
    yield SimpleNamespace(number=1, phone=phone, camera=camera, fix=fix, uploads=SimpleNamespace())
    phone.close()


def taken(rep: Any) -> list[dict[str, Any]]:
    return [item.parsed()["payload"] for item in rep.phone.outbox.items()]


def test_the_visits_of_a_day_have_the_teams_photos() -> None:
    visits = [
        a for a in make_workday(Random("a"), sheet(), TEAMS["terminal"]) if isinstance(a, Visit)
    ]
    planned = plan_photos(Random(1), TEAMS["terminal"], visits)
    acts = [act for acts in planned.values() for act in acts]
    assert sum(act.photos for act in acts if isinstance(act, TakePhotos)) == 60
    for place, (act,) in planned.items():
        assert not visits[place].is_by_phone
        assert visits[place].at_ms <= act.at_ms <= visits[place].until_ms


def test_each_way_to_cheat_is_gone_on_some_days() -> None:
    visits = [
        a for a in make_workday(Random("a"), sheet(), TEAMS["general"]) if isinstance(a, Visit)
    ]
    cheats = {
        cheat
        for day in range(20)
        for acts in plan_photos(Random(day), TEAMS["general"], visits).values()
        for act in acts
        if isinstance(act, TakePhotos)
        for cheat in act.cheats
    }
    assert cheats == set(Cheat)


def test_a_photo_is_of_its_visit_and_its_bytes_are_kept(rep: Any) -> None:
    take_photos(rep, TakePhotos(NOW, 2, 1, READING), MORNING, FIRST)
    for payload in taken(rep):
        picture = rep.phone.pictures.get(payload["sha256"])
        assert picture.size == payload["size"]
        assert (payload["visit_id"], payload["occurred"]["fix"]["lat_e7"]) == (
            "visit-1",
            312_300_000,
        )
    assert len(rep.camera.shots) == 2
    assert rep.camera.due == 0


def test_what_an_activity_asked_for_is_part_of_the_share(rep: Any) -> None:
    rep.camera.due = -1
    take_photos(rep, TakePhotos(NOW, 2, 1, READING), MORNING, FIRST)
    assert len(rep.camera.shots) == 1


def test_cheats_send_what_they_say(rep: Any) -> None:
    cheats = (Cheat.REUSED, Cheat.TAKEN_ELSEWHERE)
    take_photos(rep, TakePhotos(NOW, 1, 1, READING), MORNING, FIRST)
    take_photos(rep, TakePhotos(NOW, 2, 1, READING, cheats), MORNING, SECOND)
    honest, elsewhere, reused = rep.camera.shots
    assert (honest.cheat, elsewhere.cheat, reused.cheat) == (None, *cheats[::-1])
    first, far, again = taken(rep)
    apart = abs(far["occurred"]["fix"]["lat_e7"] - 312_300_000)
    assert 200_000 < apart < 1_000_000
    assert (first["visit_id"], again["visit_id"]) == ("visit-1", "visit-2")


def test_nobody_reuses_a_photo_at_its_own_store_or_moves_without_a_position(rep: Any) -> None:
    take_photos(rep, TakePhotos(NOW, 1, 1, None, (Cheat.TAKEN_ELSEWHERE,)), MORNING, FIRST)
    take_photos(rep, TakePhotos(NOW, 1, 1, READING, (Cheat.REUSED,)), MORNING, FIRST)
    assert [shot.cheat for shot in rep.camera.shots] == [None, None]


def test_the_tally_says_which_photos_are_lost_wait_and_were_found_out(rep: Any) -> None:
    rep.uploads = SimpleNamespace(uploaded=3, at_once=0, resumed=1)
    cheats = (Cheat.DARK, Cheat.BLURRED)
    take_photos(rep, TakePhotos(NOW, 5, 1, READING, cheats), MORNING, FIRST)
    blurred, dark, honest, waits, _lost = rep.camera.shots
    changes = [
        _change(blurred, "FLAGGED", "blurred"),
        _change(dark, "OK"),
        _change(honest, "FLAGGED", "edited"),
        _change(waits, "STORED"),
    ]
    rep.phone.scope.apply_page(changes, cursor="c")
    tally = PhotoTally()
    (lost,) = tally.count(rep)
    assert "EXPECTED at the end" in lost
    assert (tally.taken, tally.waiting) == (5, 1)
    assert tally.cheats == {Cheat.DARK: 1, Cheat.BLURRED: 1}
    assert tally.found_out == {Cheat.DARK: 0, Cheat.BLURRED: 1}
    told = dict(tally.lines())
    assert told["  cheats found out"] == "1 of 1 blurred, 0 of 1 dark"
    assert told["  flags of honest ones"] == "1 edited"
    assert told["  stored"].startswith("4; looked at 3")


def _change(shot: Any, state: str, *flags: str) -> dict[str, Any]:
    fields = {"state": state, "flags": [{"flag": flag} for flag in flags]}
    return {"kind": "photo", "id": shot.photo_id, "version": 2, "op": "put", "fields": fields}
