"""How much a rep of each kind of team does in a day (the domain's "A normal day, for sizing")."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Team:
    """What a day holds: visits and which part of them nobody planned, points of the track, orders with so many
    lines each, and questions answered on forms.
    """

    visits_a_day: int
    unplanned_share: float
    points_a_day: int
    orders_a_day: int
    lines_an_order: int
    answers_a_day: int


TEAMS: Final = {
    "general": Team(40, 0.10, 320, 25, 5, 240),
    "terminal": Team(25, 0.15, 400, 12, 4, 625),
    "modern": Team(8, 0.05, 250, 1, 10, 960),
    "van": Team(35, 0.10, 350, 28, 8, 175),
}
