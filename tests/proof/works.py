"""Kinds of work beside visits and attendance, as the model-based test does them: a kind is one entry.

An entry captures a valid item on a phone and says what it meant; the rules, the faults and the checks
are the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobile_contract.packed_points import PackedPoint, pack_text
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.forms import open_form, send_form
from mobile_contract.phone.phone import Phone
from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from tests.form_factories import definition

OFFICE = Actor.command("proof")


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody is who works: at a visit of theirs, which may be known to nobody yet."""

    visit: str
    store: str
    fix: Fix
    pick: int


@dataclass(frozen=True, slots=True)
class Meant:
    """What an item meant: fields that its record must have, and the records that it waits for beside the store."""

    fields: Mapping[str, Any]
    needs: tuple[str, ...] = ()
    store: str | None = None
    is_told: bool = True


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work. `capture` returns None where the phone has not what it takes."""

    kind: str
    capture: Callable[[Phone, Place], Meant | None]
    # What the company must have first, made once.
    prepare: Callable[[Any], None] = field(default=lambda _world: None)


def _track(phone: Phone, place: Place) -> Meant:
    """A stretch of so many points; none is a stretch like any other."""
    now = phone.read_clock()
    number = place.pick % 5
    lat_e6, lon_e6 = place.fix.lat_e7 // 10, place.fix.lon_e7 // 10
    points = [PackedPoint(60 * n, lat_e6 + 200 * n, lon_e6, 9) for n in range(number)]
    payload = {
        "began": {"at": now.wall_ms, "uptime_ms": now.uptime_ms},
        "datum": "WGS84",
        "points": pack_text(points),
        "gaps": [],
    }
    phone.capture("track", phone.new_id(), "create", payload)
    return Meant({}, is_told=False)


def _publish_form(world: Any) -> None:
    """The store check of the tests, for everybody."""
    with world.office_work() as uow:
        imported = import_template(uow, OFFICE, definition())
        publish_template(uow, OFFICE, imported.code)


def _form(phone: Phone, place: Place) -> Meant | None:
    """A form with something answered; what is missing is a flag and no more."""
    forms = phone.held("form_template")
    if not forms:
        return None
    form = open_form(phone, forms[0].id)
    form.answer("has_display", place.pick % 2 == 0)
    if place.pick % 3:
        form.answer("category_facings", place.pick % 40)
    send_form(phone, form, visit_id=place.visit, store_id=place.store, fix=place.fix)
    return Meant(
        {"template_id": forms[0].id, "store_id": place.store, "visit_id": place.visit},
        needs=(place.visit,),
        store=place.store,
    )


WORKS: tuple[Work, ...] = (
    Work("track", _track),
    Work("form_answer", _form, _publish_form),
)
WORK_KINDS = frozenset(work.kind for work in WORKS)
