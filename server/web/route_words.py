"""What the pages of routes share: who may set them, what their scripts say, where a store lies on the map."""

from werkzeug.exceptions import NotFound

from server.language import tell, told_number
from server.planning.errors import (
    NoSuchPosition,
    NoSuchProposal,
    NoSuchRoute,
    NoSuchStore,
    PhoneTooFull,
    PlanningError,
)
from server.web.desk import BaseMap
from sync.geo import Point, from_wgs84


def placed(lat_e7: int | None, lon_e7: int | None, base: BaseMap) -> list[int] | None:
    """A pin on the base map, in 10⁻⁶ degrees."""
    if lat_e7 is None or lon_e7 is None:
        return None
    shifted = from_wgs84(Point(lat_e7, lon_e7), base.datum)
    return [shifted.lat_e7 // 10, shifted.lon_e7 // 10]


def map_words() -> dict[str, str]:
    """What the scripts of these pages say."""
    return {
        "data": tell("Land and borders: Natural Earth"),
        "failed": tell("This could not be fetched. Open the page anew."),
        "up": tell("Move {store} up"),
        "down": tell("Move {store} down"),
        "remove": tell("Take {store} out"),
        "choose": tell("Choose {store}"),
        "add": tell("Add"),
        "added": tell("on the route"),
        "no_pin": tell("no pin"),
        "stops": tell("{number} stops, {chosen} chosen"),
        "found_none": tell("No store is called so."),
        "lasso": tell("Draw around stores"),
        "lasso_ends": tell("Stop drawing"),
        "lassoed": tell("{number} stores chosen on the map"),
        "zoom": tell("There are too many stores here to show each: zoom in."),
        "unsaved": tell("Changed, not saved"),
    }


def told_refusal(refused: PlanningError) -> str:
    """Why a change is refused, to a person; what is not there is not there."""
    if isinstance(refused, NoSuchRoute | NoSuchPosition | NoSuchStore | NoSuchProposal):
        raise NotFound
    if isinstance(refused, PhoneTooFull):
        return tell(
            "The phone of {name} would hold {records} records; the company's limit is {limit}.",
            name=refused.name,
            records=told_number(refused.records),
            limit=told_number(refused.limit),
        )
    known = {
        "name_taken": tell("This position has a route of that name already."),
        "outdated": tell(
            "Somebody changed this meanwhile. Open it anew and look at it as it is now."
        ),
        "may_not_decide": tell("Nobody decides about their own: another does."),
        "already_decided": tell("This was decided meanwhile."),
    }
    return known.get(refused.code, str(refused))
