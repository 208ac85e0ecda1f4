"""How much a rep of each kind of team does in a day (the domain's "A normal day, for sizing")."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Team:
    """Visits a day, and which part of them nobody planned."""

    visits_a_day: int
    unplanned_share: float


TEAMS: Final = {
    "general": Team(visits_a_day=40, unplanned_share=0.10),
    "terminal": Team(visits_a_day=25, unplanned_share=0.15),
    "modern": Team(visits_a_day=8, unplanned_share=0.05),
    "van": Team(visits_a_day=35, unplanned_share=0.10),
}
