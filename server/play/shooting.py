"""Shelf photos that a rep takes at visits: how many, and which of them are not what they seem.

A visit has its share of the team's photos a day. Activities ask for photos too, which count as part of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from server.play.camera import Cheat
from server.play.morning import Morning
from server.play.places import Reading
from server.play.rep import OnCall, Rep
from server.play.teams import Team
from server.play.workday import Act, Visit

# Of the days, for each way to cheat.
_CHEATS_A_DAY = 0.35
_ELSEWHERE_M = (2_500.0, 9_000.0)


@dataclass(frozen=True, slots=True)
class TakePhotos:
    """The rep takes so many photos; the first of them may be none of the store as it is."""

    at_ms: int
    photos: int
    seed: int
    reading: Reading | None
    cheats: tuple[Cheat, ...] = ()


def plan_photos(random: Random, team: Team, visits: Sequence[Visit]) -> dict[int, list[Act]]:
    """Photos in every visit in person, after what the activities of the store asked for."""
    calls = [place for place, visit in enumerate(visits) if not visit.is_by_phone]
    if not calls or not team.photos_a_day:
        return {}
    cheats: dict[int, list[Cheat]] = {}
    for cheat in Cheat:
        # Drawn all the same, so that one way of cheating does not shift the others.
        is_done, place = random.random() < _CHEATS_A_DAY, random.choice(calls)
        if is_done:
            cheats.setdefault(place, []).append(cheat)
    share, over = divmod(team.photos_a_day, len(calls))
    return {
        place: [
            TakePhotos(
                visits[place].at_ms + (visits[place].until_ms - visits[place].at_ms) * 3 // 4,
                share + (number < over),
                random.getrandbits(32),
                visits[place].arrival,
                tuple(cheats.get(place, ())),
            )
        ]
        for number, place in enumerate(calls)
    }


def take_photos(rep: Rep, act: TakePhotos, morning: Morning, call: OnCall | None) -> None:
    """Take what is left of the share; whoever cheats takes at least that one."""
    assert call is not None
    camera = rep.camera
    if camera is None:
        return
    random = Random(act.seed)
    camera.due += act.photos
    cheats = list(act.cheats)
    while camera.due > 0 or cheats:
        cheat = cheats.pop() if cheats else None
        reading = act.reading
        if cheat is Cheat.TAKEN_ELSEWHERE and reading is not None:
            away_m = random.uniform(*_ELSEWHERE_M) * random.choice((-1, 1))
            reading = Reading(reading.place.moved(away_m, 0), reading.accuracy_m)
        elif cheat is Cheat.TAKEN_ELSEWHERE:
            cheat = None  # without a position nobody could tell
        camera.take(
            rep.phone,
            role="shelf",
            fix=rep.fix(reading),
            place=None if reading is None else reading.place,
            store_id=call.store_id,
            visit_id=call.visit_id,
            position_id=morning.position_id,
            cheat=cheat,
        )
        camera.due -= 1
