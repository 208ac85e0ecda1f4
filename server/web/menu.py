"""What there is to go to, and for whom."""

from dataclasses import dataclass

from server.identity.sessions import Visitor
from server.language import sentence, tell

OFFICE = ("supervisor", "regional_manager", "admin")
FIELD = ("rep", "driver")


@dataclass(frozen=True, slots=True)
class Area:
    """An area of work: its endpoint, who has it, and what it is called."""

    endpoint: str
    roles: tuple[str, ...]
    title: str


AREAS = (
    Area("days.map_page", (*OFFICE, *FIELD), sentence("Map")),
    Area("routes.position_list", OFFICE, sentence("Routes")),
    Area("overview.page", OFFICE, sentence("Overview")),
    Area("targets.progress", OFFICE, sentence("Targets")),
    Area("flags.flag_list", OFFICE, sentence("Flags")),
    Area("orders.order_list", OFFICE, sentence("Orders")),
    Area("audits.queue", ("auditor",), sentence("Photos to judge")),
)


def areas_of(visitor: Visitor) -> list[tuple[str, str]]:
    """The endpoints and names of the areas that somebody has, in their order."""
    return [(area.endpoint, tell(area.title)) for area in AREAS if visitor.has_role(*area.roles)]
