"""How much a rep of each kind of team does in a day (the domain's "A normal day, for sizing")."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Team:
    """What a day holds: visits and which part of them nobody planned, points of the track, orders with so many
    lines each, questions answered on forms, and photos of about so many kB each.
    """

    visits_a_day: int
    unplanned_share: float
    points_a_day: int
    orders_a_day: int
    lines_an_order: int
    answers_a_day: int
    photos_a_day: int = 0
    photo_kb: int = 120


TEAMS: Final = {
    "general": Team(40, 0.10, 320, 25, 5, 240, 10, 120),
    "terminal": Team(25, 0.15, 400, 12, 4, 625, 60, 200),
    "modern": Team(8, 0.05, 250, 1, 10, 960, 80, 350),
    "van": Team(35, 0.10, 350, 28, 8, 175, 20, 120),
}
