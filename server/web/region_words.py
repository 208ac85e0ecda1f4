"""What the pages of regions say: why a line is refused, how large a piece of ground is, what their script says."""

from decimal import Decimal

from werkzeug.exceptions import NotFound

from server.language import in_english, sentence, tell, told_number
from server.planning.errors import (
    BoundaryInvalid,
    CodeTaken,
    FieldInvalid,
    NoSuchRegion,
    PlanningError,
)
from server.planning.organisation import CODE_LENGTH_MAX, NAME_LENGTH_MAX
from server.web.route_words import told_refusal

_HECTARES_A_KM2 = 100

_CROSSES = sentence("The line crosses itself here.")
_TROUBLES = {
    "self-intersection": _CROSSES,
    "ring self-intersection": sentence("The line touches itself here."),
    "hole lies outside shell": sentence("A hole lies outside of its part here."),
    "nested holes": sentence("One hole lies within another here."),
    "nested shells": sentence("One part lies within another here."),
    "interior is disconnected": sentence(
        "The line touches itself, so that the area falls apart here."
    ),
    "too few points in geometry component": sentence("A part has fewer than three corners."),
}
_REFUSED = {
    "no_area": sentence("This is no GeoJSON Polygon or MultiPolygon in degrees."),
    "corners": sentence("A line has at most {most} corners."),
    "beyond": sentence("It reaches beyond {name}, whose line is not yours to set."),
    "no_ground": sentence("{name} would have no ground left."),
}


def told_faults(refused: PlanningError) -> dict[str, str]:
    """Why a region is refused, by the field of the form; "" is the form itself. What is not there raises NotFound."""
    if isinstance(refused, NoSuchRegion):
        raise NotFound
    if isinstance(refused, BoundaryInvalid):
        return {"boundary": _told_line(refused)}
    if isinstance(refused, CodeTaken):
        return {"code": tell("Another region has this code.")}
    if not isinstance(refused, FieldInvalid):
        return {"": told_refusal(refused)}
    field = in_english(refused).partition(":")[0]
    known = {
        "code": tell(
            "1 to {most} printable characters without a space.", most=told_number(CODE_LENGTH_MAX)
        ),
        "name": tell("1 to {most} printable characters.", most=told_number(NAME_LENGTH_MAX)),
        "above": tell("It would be part of itself."),
    }
    return {field: known[field]} if field in known else {"": str(refused)}


def told_ground(hectares: int) -> str:
    """How large a piece of ground is: in hectares, from a square kilometre on in those."""
    if hectares < _HECTARES_A_KM2:
        return tell("{area} ha", area=told_number(max(hectares, 1)))
    return tell("{area} km²", area=told_number((Decimal(hectares) / 100).quantize(Decimal("0.1"))))


def editor_words() -> dict[str, str]:
    """What the editor's script says."""
    return {
        "data": tell("Land and borders: Natural Earth"),
        "zoom": tell("There are too many stores here to show each: zoom in."),
        "inside": tell("{number} of the stores shown lie inside."),
        "part": tell("Part {part}"),
        "hole": tell("Part {part}, hole {hole}"),
        "lat": tell("Latitude of corner {number}"),
        "lon": tell("Longitude of corner {number}"),
        "remove": tell("Take out corner {number}"),
        "add": tell("Add a corner after {number}"),
        "cut": tell("Only the first {number} corners are listed; the file has all of them."),
        "none": tell("No line yet."),
        "corners": tell("{number} corners"),
        "drawing": tell(
            "Click corner after corner; click the first one to close the line. Escape leaves it."
        ),
        "unread": tell("The file could not be read."),
    }


def _told_line(refused: BoundaryInvalid) -> str:
    figures = {
        name: told_number(value) if isinstance(value, int) else value
        for name, value in refused.figures.items()
    }
    if refused.why != "trouble":
        return tell(_REFUSED[refused.why], **figures)
    what = str(refused.figures["what"])
    if what in _TROUBLES:
        return tell(_TROUBLES[what])
    if refused.at is None:
        return tell("The line leaves the earth: longitude comes first, then latitude, in degrees.")
    return tell("The line cannot be used here: {what}.", what=what)
