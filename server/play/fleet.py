"""A fleet of reference phones that works through its days and talks to a real server.

Every phone has its own random numbers, drawn from the seed and its number, so that what a rep
does does not depend on the order in which threads run. Ids are made from the run as well: two
plays with one seed are two different sets of work to the server.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from threading import BoundedSemaphore, Lock
from zoneinfo import ZoneInfo

from mobile_contract.phone.catalogue import fetch_prices
from mobile_contract.phone.clock import SimulatedClock
from mobile_contract.phone.device_state import Enrolment
from mobile_contract.phone.link import Problem
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.sync_loop import SendingHabits
from mobile_contract.phone.transport import HttpTransport, LinkFailure
from server.play.camera import Camera
from server.play.enrolment import Seat
from server.play.faults import FaultRates, PhoneFaults, draw_phone_faults
from server.play.morning import read_morning, work_dates, working_hours
from server.play.parts import DOING, fill_workday
from server.play.played_clock import PlayedClock, now_ms
from server.play.rep import Rep
from server.play.rough_link import RoughTransport
from server.play.teams import Team
from server.play.track import TrackPoint, walk_track
from server.play.workday import HOUR_MS, Act, make_workday

_AT_ONCE = 16
_SYNCS_ON_THE_WAY = 0.4
_SYNCS_IN_THE_EVENING = 0.9
_SWITCHED_ON_BEFORE_MS = 72 * HOUR_MS
_OLDEST_WORK_MS = 40 * 24 * HOUR_MS
_ENROL_TRIES = 4
_EVENING_TRIES = 8
_LAST_TRIES = 12
_FETCH_TRIES = 6
_COMPARISONS = 8
# How many read a whole scope at once, as a server lets in without sending any away.
_WHOLE_AT_ONCE = 4
# What was deferred is applied by the server's worker, soon but not at once.
_WORKER_MS = 1_000
_LOOKING_MS = 2_000
_PATIENCE_S = 60.0
_MODELS = ("Redmi 9A", "Galaxy A04", "Pixel 4a", "Moto E13", "Honor X6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What is to be played; `run_id` makes the ids of this run its own."""

    url: str
    days: int
    team: Team
    rates: FaultRates
    seed: int
    run_id: str
    folder: Path
    track: Sequence[TrackPoint] | None = None


def play_fleet(play: Play, seats: Sequence[Seat], *, note: Callable[[str], None]) -> list[Rep]:
    """Let every rep work and sync until nothing is left, then compare every phone with its scope.

    `note` is called with a word for each stage that a phone has finished, from several threads.
    """
    drawn = draw_phone_faults(Random(f"{play.seed}/fleet"), play.rates, len(seats))
    reps = [
        _make_rep(play, number, seat, faults)
        for number, (seat, faults) in enumerate(zip(seats, drawn, strict=True))
    ]
    whole = BoundedSemaphore(_WHOLE_AT_ONCE)
    pace = _Pace()
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, max(1, len(reps)))) as pool:
        list(pool.map(lambda rep: _live_through(play, rep, seats[rep.number], whole, note), reps))
        list(pool.map(lambda rep: _wait_for_photos(rep, pace), reps))
        # Only now, when nobody writes any more, does every phone have a scope that stands still.
        list(pool.map(lambda rep: _settle(rep, whole, note), reps))
    return reps


class _Pace:
    """How many photos of the fleet are not looked at yet, and when that last became fewer."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._left: dict[int, int] = {}
        self._went_on_s = time.monotonic()

    def note(self, number: int, left: int) -> bool:
        """Whether it is worth waiting for more of this rep's."""
        with self._lock:
            if left < self._left.get(number, left + 1):
                self._went_on_s = time.monotonic()
            self._left[number] = left
            return left > 0 and time.monotonic() - self._went_on_s < _PATIENCE_S


def _wait_for_photos(rep: Rep, pace: _Pace) -> None:
    """Let the server's worker look at every photo, for as long as it goes on with those of anybody."""
    while pace.note(rep.number, rep.unlooked_at()):
        rep.clock.wait_ms(_LOOKING_MS)
        rep.sync(most_tries=_EVENING_TRIES)


def _make_rep(play: Play, number: int, seat: Seat, faults: PhoneFaults) -> Rep:
    random = Random(f"{play.seed}/{number}")
    ids = Random(f"{play.seed}/{number}/{play.run_id}")
    line = SimulatedClock(
        true_ms=now_ms(),
        booted_true_ms=now_ms() - _OLDEST_WORK_MS - random.randint(0, _SWITCHED_ON_BEFORE_MS),
        wall_offset_ms=0 if faults.is_clock_set_at_work else faults.clock_offset_ms,
        boot_id=_make_id(ids),
    )
    clock = PlayedClock(line)
    link = RoughTransport(HttpTransport(play.url), play.rates, Random(f"{play.seed}/{number}/link"))
    habits_random = Random(f"{play.seed}/{number}/habits")

    def turns_the_batch() -> bool:
        link.is_newest_first = habits_random.random() < play.rates.newest_first
        return link.is_newest_first

    phone = Phone.open(
        play.folder / f"phone-{number:04d}.sqlite",
        link,
        clock=clock,
        random=Random(f"{play.seed}/{number}/jitter"),
        make_id=lambda: _make_id(ids),
        habits=SendingHabits(
            max_items=random.randint(10, 60),
            app_version=f"1.{9 if faults.contract > 1 else 4}.0",
            first_backoff_ms=300,
            is_newest_first=turns_the_batch,
        ),
        encoding=random.choice(("gzip", "zstd")),
        is_durable=False,
    )
    return Rep(
        number=number,
        name=seat.name,
        phone=phone,
        clock=clock,
        link=link,
        faults=faults,
        random=random,
        camera=_make_camera(play, number, faults),
        doing=DOING,
    )


def _make_camera(play: Play, number: int, faults: PhoneFaults) -> Camera | None:
    """Its camera, unless the team takes no photos or the phone's app is too old for them."""
    if not play.team.photos_a_day or faults.contract == 1:
        return None
    # The seed alone would make every run's pictures those of the one before: reused, all of them.
    seed = f"{play.seed}/{number}/{play.run_id}"
    return Camera(seed, play.team.photo_kb, Random(f"{play.seed}/{number}/camera"))


def _live_through(
    play: Play, rep: Rep, seat: Seat, whole: BoundedSemaphore, note: Callable[[str], None]
) -> None:
    with whole:
        enrolment = _enrol(rep, seat)
        rep.sync(most_tries=_EVENING_TRIES)
        _fetch_prices(rep)
    note("enrolled")
    zone = ZoneInfo(enrolment.company["time_zone"])
    dates = work_dates(
        datetime.fromtimestamp(now_ms() / 1000, UTC).astimezone(zone),
        play.days,
        late_days=rep.faults.late_days,
    )
    rep.dates = dates
    _schedule_clock_faults(rep, working_hours(dates[0], zone)[0], working_hours(dates[-1], zone)[0])
    syncs_on_the_way = rep.random.random() < _SYNCS_ON_THE_WAY
    for number, day in enumerate(dates):
        morning = read_morning(rep.phone, day, zone, syncs_on_the_way=syncs_on_the_way)
        random = Random(f"{play.seed}/{rep.number}/{number}")
        acts: list[Act]
        if play.track is None:
            acts = make_workday(random, morning.sheet, play.team)
            acts = fill_workday(f"{play.seed}/{rep.number}/{number}", acts, play.team)
        else:
            walk = walk_track(
                random, play.track, morning.sheet.others, ends_ms=morning.sheet.ends_ms
            )
            acts, rep.track_moved_m = walk.acts, walk.moved_m
        rep.work(acts, morning)
        if day != dates[-1] and rep.random.random() < _SYNCS_IN_THE_EVENING:
            rep.sync(most_tries=3)
        note("worked")
    rep.sync(most_tries=_EVENING_TRIES)
    rep.link.is_rough = False
    rep.sync(most_tries=_LAST_TRIES)
    note("synced")


def _fetch_prices(rep: Rep) -> None:
    """Fetch what the phone needs to price by; with a bad network it may stay without."""
    with rep.clock.live():
        for _ in range(_FETCH_TRIES):
            try:
                fetch_prices(rep.phone)
            except LinkFailure:
                continue
            except Problem as problem:
                rep.clock.wait_ms(int(1000 * (problem.retry_after_s or 0)))
            else:
                return


def _enrol(rep: Rep, seat: Seat) -> Enrolment:
    """Become a phone of the rep; a server that is not ready is asked again when it says."""
    model = rep.random.choice(_MODELS)
    tries_left = _ENROL_TRIES
    with rep.clock.live():
        while True:
            tries_left -= 1
            try:
                return rep.phone.enrol(
                    seat.code,
                    model=model,
                    os="Android 13",
                    app_version="1.9.0",
                    contract=rep.contract,
                )
            except Problem as problem:
                if problem.status < 500 or not tries_left:
                    raise
                rep.clock.wait_ms(int(1000 * (problem.retry_after_s or 1)))


def _schedule_clock_faults(rep: Rep, first_starts_ms: int, last_starts_ms: int) -> None:
    """Set the clock in the first day's noon, switch the phone off and on in the last day's afternoon."""
    if rep.faults.is_clock_set_at_work:
        rep.clock.line.set_wall_offset(
            rep.faults.clock_offset_ms, from_true_ms=first_starts_ms + 4 * HOUR_MS
        )
    if rep.faults.is_rebooted:
        rep.clock.line.reboot(at_true_ms=last_starts_ms + 6 * HOUR_MS)


def _settle(rep: Rep, whole: BoundedSemaphore, note: Callable[[str], None]) -> None:
    """Pull what the others' work brought and what the worker applied, and compare.

    `is_equal` is None where the server could not be asked.
    """
    for _ in range(_COMPARISONS):
        rep.sync(most_tries=_LAST_TRIES)
        with rep.clock.live():
            try:
                with whole:
                    rep.is_equal = rep.phone.is_equal()
            except LinkFailure:
                rep.is_equal = None
            except Problem as problem:
                rep.is_equal = None
                rep.clock.wait_ms(int(1000 * (problem.retry_after_s or 0)))
            if rep.is_equal and not rep.is_waiting:
                break
            if rep.is_equal:
                rep.clock.wait_ms(_WORKER_MS)
    rep.phone.link.close()
    note("compared")


def _make_id(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))
