"""What there is to go to, and for whom.

Some areas stand in the bar by themselves, the others in groups: the bar has the group where its first area would
stand, and a second row has the areas of the group that one is in. Of whom only one area is seen, that one stands there.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from server.identity.sessions import Visitor
from server.language import sentence, tell

OFFICE = ("supervisor", "regional_manager", "admin")
FIELD = ("rep", "driver")
ADMIN = ("admin",)
PLANNERS = ("regional_manager", "admin")

DECISIONS = sentence("Decisions")
TASKS = sentence("Tasks")
PLANNING = sentence("Planning")
PEOPLE = sentence("People")
MASTERS = sentence("Master data")
UPKEEP = sentence("Upkeep")


@dataclass(frozen=True, slots=True)
class Area:
    """An area of work: its endpoint, who has it, what it is called, and the group that it is in."""

    endpoint: str
    roles: tuple[str, ...]
    title: str
    group: str | None = None

    @property
    def blueprint(self) -> str:
        """The routes that belong to it."""
        return self.endpoint.split(".")[0]


@dataclass(frozen=True, slots=True)
class Place:
    """A link of the menu, in the visitor's language; `below` are the areas of a group."""

    endpoint: str
    name: str
    is_here: bool
    below: tuple["Place", ...] = ()


AREAS = (
    Area("days.map_page", (*OFFICE, *FIELD), sentence("Map")),
    Area("audits.queue", ("auditor",), sentence("Photos to judge")),
    Area("orders.order_list", OFFICE, sentence("Orders")),
    Area("flags.flag_list", OFFICE, sentence("Flags"), DECISIONS),
    Area("appeals.case_list", (*OFFICE, *FIELD, "auditor"), sentence("Appeals"), DECISIONS),
    Area("conflicts.conflict_list", PLANNERS, sentence("Conflicts"), DECISIONS),
    Area("tasks.task_list", OFFICE, sentence("Tasks"), TASKS),
    Area("notices.notice_list", OFFICE, sentence("Notices"), TASKS),
    Area("routes.position_list", OFFICE, sentence("Routes"), PLANNING),
    Area("regions.region_list", PLANNERS, sentence("Regions"), PLANNING),
    Area("targets.progress", OFFICE, sentence("Targets"), PLANNING),
    Area("holidays.year", PLANNERS, sentence("Calendar"), PLANNING),
    Area("overview.page", OFFICE, sentence("Overview")),
    Area("people.people_list", PLANNERS, sentence("People"), PEOPLE),
    Area("positions.position_list", PLANNERS, sentence("Positions"), PEOPLE),
    Area("devices.device_list", ADMIN, sentence("Phones"), PEOPLE),
    Area("stores.store_list", OFFICE, sentence("Stores"), MASTERS),
    Area("accounts.account_list", OFFICE, sentence("Accounts"), MASTERS),
    Area("products.product_list", ADMIN, sentence("Products"), MASTERS),
    Area("prices.price_lists", ADMIN, sentence("Prices"), MASTERS),
    Area("promotions.promotion_list", ADMIN, sentence("Promotions"), MASTERS),
    Area("activities.activity_list", OFFICE, sentence("Activities"), MASTERS),
    Area("forms.form_list", OFFICE, sentence("Forms"), MASTERS),
    Area("quarantine.kept_list", ADMIN, sentence("Quarantine"), UPKEEP),
    Area("imports.import_list", PLANNERS, sentence("Imports"), UPKEEP),
    Area("exports.export_list", OFFICE, sentence("Exports"), UPKEEP),
    Area("settings.all_settings", ADMIN, sentence("Settings"), UPKEEP),
    Area("changes.change_list", ADMIN, sentence("Changes"), UPKEEP),
)


def menu_of(visitor: Visitor, blueprint: str | None) -> list[Place]:
    """What somebody may go to, in its order, from where they are (the blueprint of the page)."""
    seen = [area for area in AREAS if visitor.has_role(*area.roles)]
    return [
        _place(areas, blueprint)
        for _, areas in groupby(seen, key=lambda area: area.group or area.endpoint)
    ]


def _place(areas: Iterable[Area], blueprint: str | None) -> Place:
    """One area as it is; several as their group."""
    below = tuple(
        Place(area.endpoint, tell(area.title), area.blueprint == blueprint) for area in areas
    )
    if len(below) == 1:
        return below[0]
    group = next(area.group for area in AREAS if area.group and area.endpoint == below[0].endpoint)
    is_here = any(place.is_here for place in below)
    return Place(below[0].endpoint, tell(group), is_here, below)
