"""A supervisor replays a real track on the map: where a phone really was, with its jumps, repeats and gaps."""

import os
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from mobile_contract.packed_points import PackedPoint, pack_text
from server.demo.known import TIME_ZONE
from server.play.track import read_track
from tests.pages.conftest import Seat
from tests.pages.test_routes import phone_of

pytestmark = pytest.mark.slow
REP = "Zhou Lan"
HOUR_MS = 3_600_000


def working_day_before(day: date) -> date:
    """A day on which the demo company worked, and of which it has no tracks of its own."""
    day -= timedelta(days=1)
    while day.isoweekday() > 5:
        day -= timedelta(days=1)
    return day


@pytest.mark.parametrize("name", ["beijing_1", "beijing_2", "beijing_3"])
def test_a_real_track_is_replayed_from_its_first_point_to_its_last(
    sit_down: Callable[..., Seat], tmp_path: Path, name: str
) -> None:
    folder = os.environ.get("ROADBOOK_SAMPLE_DATA")
    if not folder:
        pytest.skip("ROADBOOK_SAMPLE_DATA names no folder with real tracks")
    read = read_track(Path(folder) / "tracks" / f"{name}.csv")
    seat = sit_down("wen.gao@demo.example")
    number = int(name[-1])
    day = seat.site.worked_on
    for _ in range(number):
        day = working_day_before(day)
    nine = round(datetime.combine(day, time(9), ZoneInfo(TIME_ZONE)).timestamp() * 1000)
    points = [
        PackedPoint(
            (each.at_ms - read[0].at_ms) // 1000,
            round(each.place.latitude * 1e6),
            round(each.place.longitude * 1e6),
            8,
        )
        for each in read
    ]
    with phone_of(seat.site, REP, tmp_path / "phone") as phone:
        began = {"at": nine, "uptime_ms": HOUR_MS, "boot_id": str(uuid4())}
        payload = {"began": began, "datum": "WGS84", "points": pack_text(points)}
        phone.capture("track", str(uuid4()), "create", payload)
        phone.sync()
    with seat.page.expect_response("**/days/places*") as answered:
        seat.go(f"/days/?day={day}")
    (person,) = [each for each in answered.value.json()["people"] if each["runs"]]
    # What the rules take out is a jump, or a place that is repeated; the rest is there, in its order.
    times = [at for run in person["runs"] for at in run[2]]
    assert len(points) - 60 < len(times) <= len(points)
    assert times == sorted(times)
    assert (times[0], times[-1]) == (9 * 3600, 9 * 3600 + points[-1].after_s)
    seat.page.wait_for_selector("#map-page[data-drawn]")
    whole = seat.page.screenshot()
    seat.page.select_option("#speed", "3600")
    seat.page.click("#play")
    seat.page.wait_for_selector("#play[aria-pressed=true]")
    assert seat.page.screenshot() != whole
    seat.page.wait_for_selector("#play[aria-pressed=false]")
    assert int(seat.page.input_value("#clock")) >= times[-1]
    seat.page.evaluate(
        "const clock = document.getElementById('clock'); clock.value = '86400';"
        " clock.dispatchEvent(new Event('input'))"
    )
    seat.page.wait_for_selector("#clock-told:text('24:00')")
