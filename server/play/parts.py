"""What a rep does beside calling and clocking: a part of the day for each kind of work.

A part plans its acts from the day's visits and carries each out on the phone. A new kind is a module with
its part, and a line in PARTS.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from server.play.filling import FillForms, fill_forms, plan_forms
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
from server.play.ordering import TakeOrder, plan_orders, take_order
from server.play.rep import Do
from server.play.shooting import TakePhotos, plan_photos, take_photos
from server.play.teams import Team
from server.play.walking import RecordTrack, plan_tracks, record_track
from server.play.workday import Act, Visit


def _nothing(_random: Random, _team: Team, _acts: Sequence[Any]) -> dict[int, list[Act]]:
    return {}


@dataclass(frozen=True, slots=True)
class Part:
    """A kind of work of a rep.

    `in_visits` plans what is done in visits: by the place of the visit in the list that it is given, the
    acts. `in_day` plans what is done between other acts.
    `doing` has for each sort of act how it is carried out.
    """

    doing: Mapping[type, Do]
    in_visits: Callable[[Random, Team, Sequence[Visit]], Mapping[int, Sequence[Act]]] = _nothing
    in_day: Callable[[Random, Team, Sequence[Act]], Sequence[Act]] = field(
        default=lambda _random, _team, _acts: ()
    )


PARTS: Final[tuple[Part, ...]] = (
    Part(doing={RecordTrack: record_track}, in_day=plan_tracks),
    Part(doing={FillForms: fill_forms}, in_visits=plan_forms),
    Part(doing={TakeOrder: take_order}, in_visits=plan_orders),
    Part(
        doing={
            BringForActivities: bring_for_activities,
            ReadFromOffice: read_from_office,
            AnswerTasks: answer_tasks,
        },
        in_visits=plan_in_visits,
        in_day=plan_in_day,
    ),
    Part(doing={TakePhotos: take_photos}, in_visits=plan_photos),
)
DOING: Final[Mapping[type, Do]] = {kind: do for part in PARTS for kind, do in part.doing.items()}


def fill_workday(
    seed: str, acts: Sequence[Act], team: Team, parts: Sequence[Part] = PARTS
) -> list[Act]:
    """The day with every part of it, in the order of true times."""
    filled = list(acts)
    places = [n for n, act in enumerate(filled) if isinstance(act, Visit)]
    for number, part in enumerate(parts):
        random = Random(f"{seed}/{number}")
        calls = [act for act in (filled[n] for n in places) if isinstance(act, Visit)]
        for call, within in part.in_visits(random, team, calls).items():
            place, visit = places[call], calls[call]
            both = sorted((*visit.within, *within), key=lambda act: act.at_ms)
            filled[place] = replace(visit, within=tuple(both))
    for number, part in enumerate(parts):
        filled += part.in_day(Random(f"{seed}/{number}/day"), team, filled)
    return sorted(filled, key=lambda act: act.at_ms)
