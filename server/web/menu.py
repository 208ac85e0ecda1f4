"""What there is to go to, and for whom.

The areas of everyday work stand in the bar by themselves. The rest stands in groups: the bar has the group, and a
second row the areas of the group that one is in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from server.identity.sessions import Visitor
from server.language import sentence, tell

OFFICE = ("supervisor", "regional_manager", "admin")
FIELD = ("rep", "driver")
ADMIN = ("admin",)
PLANNERS = ("regional_manager", "admin")

PEOPLE = sentence("People and phones")
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
    Area("routes.position_list", OFFICE, sentence("Routes")),
    Area("regions.region_list", PLANNERS, sentence("Regions")),
    Area("overview.page", OFFICE, sentence("Overview")),
    Area("targets.progress", OFFICE, sentence("Targets")),
    Area("flags.flag_list", OFFICE, sentence("Flags")),
    Area("orders.order_list", OFFICE, sentence("Orders")),
    Area("tasks.task_list", OFFICE, sentence("Tasks")),
    Area("audits.queue", ("auditor",), sentence("Photos to judge")),
    Area("appeals.case_list", (*OFFICE, *FIELD, "auditor"), sentence("Appeals")),
    Area("notices.notice_list", OFFICE, sentence("Notices"), PEOPLE),
    Area("quarantine.kept_list", ADMIN, sentence("Quarantine"), UPKEEP),
    Area("people.people_list", ("regional_manager", "admin"), sentence("People"), PEOPLE),
    Area("positions.position_list", ("regional_manager", "admin"), sentence("Positions"), PEOPLE),
    Area("devices.device_list", ADMIN, sentence("Phones"), PEOPLE),
    Area("holidays.year", ("regional_manager", "admin"), sentence("Calendar"), PEOPLE),
    Area("conflicts.conflict_list", PLANNERS, sentence("Conflicts"), UPKEEP),
    Area("forms.form_list", OFFICE, sentence("Forms"), MASTERS),
    Area("activities.activity_list", OFFICE, sentence("Activities"), MASTERS),
    Area("imports.import_list", ("regional_manager", "admin"), sentence("Imports"), UPKEEP),
    Area("exports.export_list", OFFICE, sentence("Exports"), UPKEEP),
    Area("settings.all_settings", ADMIN, sentence("Settings"), UPKEEP),
    Area("changes.change_list", ADMIN, sentence("Changes"), UPKEEP),
    Area("stores.store_list", OFFICE, sentence("Stores"), MASTERS),
    Area("products.product_list", ADMIN, sentence("Products"), MASTERS),
    Area("prices.price_lists", ADMIN, sentence("Prices"), MASTERS),
    Area("promotions.promotion_list", ADMIN, sentence("Promotions"), MASTERS),
    Area("accounts.account_list", OFFICE, sentence("Accounts"), MASTERS),
)


def menu_of(visitor: Visitor, blueprint: str | None) -> list[Place]:
    """What somebody may go to, in its order, from where they are (the blueprint of the page)."""
    return list(_places(visitor, blueprint))


def _places(visitor: Visitor, blueprint: str | None) -> Iterator[Place]:
    had = [area for area in AREAS if visitor.has_role(*area.roles)]
    for area in had:
        if area.group is None:
            yield _place(area, blueprint)
    for group in (PEOPLE, MASTERS, UPKEEP):
        below = tuple(_place(area, blueprint) for area in had if area.group == group)
        if below:
            is_here = any(place.is_here for place in below)
            yield Place(below[0].endpoint, tell(group), is_here, below)


def _place(area: Area, blueprint: str | None) -> Place:
    return Place(area.endpoint, tell(area.title), area.blueprint == blueprint)
