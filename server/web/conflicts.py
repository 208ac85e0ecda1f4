"""Where two edits met on one field: what it was before, both values side by side, and which shall count.

Whoever decides chooses field by field; both phones are told at their next sync.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from mobile_contract.records.store import CLASSES
from server.identity.permissions import positions_to_act_for
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_moment
from server.planning.conflicts import Choice, Conflict, Other, choose, find_conflict, list_conflicts
from server.planning.errors import AlreadyDecided, FieldInvalid, NoSuchConflict, PlanningError
from server.planning.named_stores import DEGREE_E7, told_pin
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import moment_and_id
from server.web.menu import PLANNERS
from server.web.refusals import refused_field
from server.web.route_words import told_refusal
from sync.unit_of_work import UnitOfWork

KINDS = {
    "store": sentence("store"),
    "visit": sentence("visit"),
    "attendance": sentence("attendance"),
}
STATES = {"OPEN": (sentence("open|conflict"), "warn"), "DECIDED": (sentence("decided"), "good")}
FIELDS = {
    "name": sentence("Name"),
    "code": sentence("Code"),
    "store_class": sentence("Class"),
    "channel": sentence("Channel"),
    "address": sentence("Address"),
    "contact_name": sentence("Contact"),
    "contact_phone": sentence("Telephone"),
    "opening_hours": sentence("Opening hours"),
    "delivery_note": sentence("For the driver"),
    "pin": sentence("Pin"),
    "note": sentence("Note"),
}
# What may be empty is nothing where nothing is typed.
_EMPTIED = frozenset(
    {"code", "store_class", "contact_name", "contact_phone", "opening_hours", "delivery_note"}
)
CHOICES = {
    "held": sentence("the value that is held"),
    "sent": sentence("the value that was sent"),
    "other": sentence("another value"),
}
_OTHER_MAX = 500


@dataclass(frozen=True, slots=True)
class FieldTold:
    """A field in dispute: what it was before, what is held, what was sent, and what it is now."""

    name: str
    title: str
    before: str
    held: str
    sent: str
    now: str
    chosen: str | None
    # What it became, where that is decided.
    decided: str | None
    options: tuple[str, ...]


def conflict_routes(desk: Desk) -> Blueprint:
    """/conflicts and what is below it."""
    routes = Blueprint("conflicts", __name__, url_prefix="/conflicts")

    @routes.get("/")
    @desk.page(*PLANNERS)
    def conflict_list(visitor: Visitor) -> ResponseReturnValue:
        """What waits for a choice, the longest first; or what was chosen."""
        state = request.args.get("state", "") or "OPEN"
        if state not in STATES:
            raise NotFound

        read = pages_of(
            lambda uow, after, at_most: list_conflicts(
                uow,
                state=state,  # type: ignore[arg-type]
                seen=_seen(uow, visitor),
                after=after,
                at_most=at_most,
            ),
            lambda one: f"{one.opened_at.isoformat()}~{one.id}",
            moment_and_id,
        )

        return answer_listing(
            desk,
            visitor,
            Listing(
                name="conflicts",
                columns=_columns(visitor.policy.time_zone),
                read=read,
                nothing=sentence("Nothing here: no two edits wait for a choice.")
                if state == "OPEN"
                else sentence("Nothing was decided yet."),
            ),
            "conflicts/list.html",
            states=[(key, tell(words)) for key, (words, _) in STATES.items()],
            state=state,
        )

    @routes.get("/<uuid:conflict_id>")
    @desk.page(*PLANNERS)
    def conflict_page(visitor: Visitor, conflict_id: UUID) -> ResponseReturnValue:
        """Both values of each field, side by side."""
        return _drawn(desk, visitor, conflict_id)

    @routes.post("/<uuid:conflict_id>")
    @desk.page(*PLANNERS, body=FORM_BODY)
    def decide(visitor: Visitor, conflict_id: UUID) -> ResponseReturnValue:
        """Choose for every field; what is wrong with another value is told beside the form."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                seen = _seen(uow, visitor)
                found = find_conflict(uow, conflict_id, seen=seen)
                choose(uow, visitor.actor, found.id, _choices(found, request.form), seen=seen)
        except NoSuchConflict:
            raise NotFound from None
        except AlreadyDecided:
            flash(tell("Somebody decided it meanwhile."), "alert")
            return redirect(url_for("conflicts.conflict_page", conflict_id=conflict_id), code=303)
        except PlanningError as refused:
            return _drawn(desk, visitor, conflict_id, refused=_told(refused))
        flash(tell("Decided. Both phones are told at their next sync."), "notice")
        return redirect(url_for("conflicts.conflict_list"), code=303)

    return routes


def _seen(uow: UnitOfWork, visitor: Visitor) -> frozenset[UUID] | None:
    """The positions whose conflicts somebody decides; an admin all, also those of nobody's position."""
    if visitor.has_role("admin"):
        return None
    return positions_to_act_for(uow, visitor.person_id, visitor.today)


def _drawn(
    desk: Desk, visitor: Visitor, conflict_id: UUID, *, refused: str | None = None
) -> Response:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            seen = _seen(uow, visitor)
            found = find_conflict(uow, conflict_id, seen=seen)
    except NoSuchConflict:
        raise NotFound from None
    return draw(
        "conflicts/conflict.html",
        200 if refused is None else 422,
        conflict=found,
        is_own=found.is_of(visitor.person_id),
        kind=tell(KINDS[found.kind]),
        state=STATES[found.state],
        fields=[_field(found, name) for name in sorted(found.fields)],
        choice_words={name: tell(words) for name, words in CHOICES.items()},
        classes=CLASSES,
        other_max=_OTHER_MAX,
        refused=refused,
        form=request.form,
        zone=visitor.policy.time_zone,
        ms=lambda at: round(at.timestamp() * 1000),
    )


def _columns(zone: str) -> tuple[Column[Conflict], ...]:
    def moment(at: datetime) -> str:
        return told_moment(round(at.timestamp() * 1000), zone)

    return (
        Column(
            sentence("Record"),
            lambda one: Link(one.subject, url_for("conflicts.conflict_page", conflict_id=one.id)),
            lambda one: one.subject,
        ),
        Column(sentence("What"), lambda one: tell(KINDS[one.kind]), lambda one: one.kind),
        Column(
            sentence("Fields"),
            lambda one: ", ".join(_title(name) for name in sorted(one.fields)),
            lambda one: " ".join(sorted(one.fields)),
        ),
        Column(sentence("Held by"), lambda one: one.held_by, lambda one: one.held_by),
        Column(sentence("Sent by"), lambda one: one.sent_by, lambda one: one.sent_by),
        Column(
            sentence("Since"), lambda one: moment(one.opened_at), lambda o: o.opened_at.isoformat()
        ),
        Column(
            sentence("State"),
            lambda one: Badge(tell(STATES[one.state][0]), STATES[one.state][1]),
            lambda one: one.state,
        ),
        Column(
            sentence("Decided by"), lambda one: one.decided_by, lambda one: one.decided_by or ""
        ),
    )


def _field(found: Conflict, name: str) -> FieldTold:
    sides = found.fields[name]
    return FieldTold(
        name,
        _title(name),
        _value(sides.get("base")),
        _value(sides.get("held")),
        _value(sides.get("sent")),
        _value(found.now.get(name)),
        (found.chosen or {}).get(name),
        None if found.decided is None else _value(found.decided.get(name)),
        ("held", "sent", "other") if found.kind == "store" else ("held",),
    )


def _title(name: str) -> str:
    return tell(FIELDS[name]) if name in FIELDS else name


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and {"lat_e7", "lon_e7"} <= value.keys():
        return told_pin(value["lat_e7"], value["lon_e7"])
    return "–" if value is None or value == "" else str(value)


def _choices(found: Conflict, form: MultiDict[str, str]) -> dict[str, Choice]:
    """`choice-FIELD` is held, sent or other; `other-FIELD` the other value."""
    chosen: dict[str, Choice] = {}
    for name in found.fields:
        typed = form.get(f"choice-{name}", "")
        if typed == "held":
            chosen[name] = "held"
        elif typed == "sent":
            chosen[name] = "sent"
        elif typed == "other":
            chosen[name] = Other(_other(name, form.get(f"other-{name}", "").strip()))
    return chosen


def _other(name: str, typed: str) -> Any:
    if name == "pin":
        return _pin(typed)
    return None if not typed and name in _EMPTIED else typed


def _pin(typed: str) -> dict[str, int]:
    """Latitude and longitude in degrees. Raises FieldInvalid."""
    parts = typed.replace(",", " ").split()
    try:
        lat, lon = (Decimal(part) for part in parts)
        is_on_earth = abs(lat) <= 90 and abs(lon) <= 180
    except (ValueError, ArithmeticError):
        raise FieldInvalid("pin") from None
    if not is_on_earth:
        raise FieldInvalid("pin")
    return {"lat_e7": round(lat * DEGREE_E7), "lon_e7": round(lon * DEGREE_E7)}


def _told(refused: PlanningError) -> str:
    if isinstance(refused, FieldInvalid):
        name, why = refused_field(refused)
        if "pin" in {name, str(refused)}:
            return tell("A pin is latitude and longitude in degrees, like 31.23040 121.47370.")
        return tell("{field} cannot be this: {why}", field=_title(name), why=why)
    if refused.code == "choice_invalid":
        return tell("Choose for each field.")
    return told_refusal(refused)
