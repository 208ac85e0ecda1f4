"""Kinds of work beside visits and attendance, as the model-based test does them: a kind is one entry.

An entry captures a valid item on a phone and says what it meant; the rules, the faults and the checks
are the same for all.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any

from mobile_contract.packed_points import PackedPoint, pack_text
from mobile_contract.phone.activities import activities_for, bring, due_at, request_store
from mobile_contract.phone.captured import Fix
from mobile_contract.phone.catalogue import products_offered
from mobile_contract.phone.contract_two import event_fields
from mobile_contract.phone.forms import open_form, send_form
from mobile_contract.phone.orders import Wanted, submit_order
from mobile_contract.phone.phone import Phone
from mobile_contract.phone.tasks import (
    answer_check,
    answer_task,
    open_checks,
    open_tasks,
    read_notice,
)
from server.forms.templates import import_template, publish_template
from server.identity.change_log import Actor
from sync.kinds.store_terms.publish import publish_store_terms
from tests.activities_factories import (
    add_activity,
    add_activity_store,
    add_location_check,
    add_notice,
    add_task,
)
from tests.catalogue_factories import add_goods
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
    # Whether the model knows who sees its records; else only what their items are answered.
    is_seen_by_model: bool = True


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


def _sell(world: Any) -> None:
    """Three products with a base list, and what is told of it to every store."""
    with world.office_work() as uow:
        add_goods(uow, world.cast)
        publish_store_terms(uow, (*world.cast.ana_stores, *world.cast.ben_stores))


def _order(phone: Phone, place: Place) -> Meant | None:
    """An order of whatever is sold; the phone has no prices, so the server holds it."""
    products = products_offered(phone)
    if not products:
        return None
    product = products[place.pick % len(products)]
    wanted = [Wanted(product["id"], product["units"][0]["unit"], 1 + place.pick % 20)]
    submit_order(phone, place.store, wanted, visit_id=place.visit)
    return Meant(
        {"order_type": "SALE", "store_id": place.store, "visit_id": place.visit},
        needs=(place.visit,),
        store=place.store,
    )


def _run_activity(world: Any) -> None:
    """An activity that some stores run, and that others may be asked for."""
    with world.office_work() as uow:
        activity = add_activity(uow, today=world.today)
        for store in (world.cast.ana_stores[0], world.cast.ben_stores[0]):
            add_activity_store(uow, activity, store)


def _audit_visit(phone: Phone, place: Place) -> Meant | None:
    """What a visit brings for an activity that its store runs."""
    due = due_at(phone, place.store)
    if not due:
        return None
    answers = [{"item": each["item"], "answer": "DONE"} for each in due[0].standards[:2]]
    bring(phone, due[0].taking_part_id, place.visit, answers, [], place.fix)
    told = {"activity_store_id": due[0].taking_part_id, "visit_id": place.visit}
    return Meant(told, needs=(place.visit,))


def _photo(phone: Phone, place: Place) -> Meant:
    """The record of a photo; files are the business of tests of their own. Two may be of one file."""
    event = phone.event(place.fix)
    payload = {
        "visit_id": place.visit,
        "sha256": sha256(str(place.pick % 7).encode()).hexdigest(),
        "size": 1_000,
        "role": "shelf",
        "occurred": event_fields(event, event.moment.boot_id),
    }
    phone.capture(
        "photo", phone.new_id(), "create", payload, depends_on=phone.unsent_parents(place.visit)
    )
    told = {"visit_id": place.visit, "store_id": place.store, "state": "EXPECTED"}
    return Meant(told, needs=(place.visit,))


def _activity_store(phone: Phone, place: Place) -> Meant | None:
    """A store is asked for; once the queue is worked off it is with all who have the store."""
    found = activities_for(phone, place.store)
    if not found:
        return None
    request_store(phone, found[0].id, place.store, place.fix)
    return Meant({}, store=place.store, is_told=False)


def _ask(world: Any) -> None:
    """Tasks and location checks for each person, and a notice for everybody."""
    truth, cast = world.truth, world.cast
    with world.office_work() as uow:
        for person in (cast.ana, cast.ben, cast.sam):
            for _ in range(3):
                task = add_task(uow, None, person_id=person.id, due_on=world.today)
                truth.put(str(task), "task", {"state": "OPEN"}, {str(person.id)})
                check = add_location_check(uow, cast, person)
                keys = {str(person.id), str(cast.sam.id)}
                truth.put(str(check), "location_check", {"state": "ASKED"}, keys)
        until = world.today + timedelta(days=30)
        notice = add_notice(uow, today=world.today, ends_on=until)
        truth.put(str(notice), "notice", {}, {truth.company_key})
    truth.look()


def _task(phone: Phone, place: Place) -> Meant | None:
    found = open_tasks(phone)
    if not found:
        return None
    answer_task(phone, found[0].id, place.fix, visit_id=place.visit, note="done")
    return Meant({"state": "DONE"}, needs=(place.visit,))


def _notice(phone: Phone, _place: Place) -> Meant | None:
    found = [each for each in phone.held("notice") if each.id not in phone.device.read_notices]
    if not found:
        return None
    read_notice(phone, found[0].id)
    return Meant({})


def _location_check(phone: Phone, place: Place) -> Meant | None:
    found = open_checks(phone)
    if not found:
        return None
    answer_check(phone, found[0].id, place.fix)
    return Meant({"state": "ANSWERED"})


WORKS: tuple[Work, ...] = (
    Work("track", _track),
    Work("form_answer", _form, _publish_form),
    Work("order", _order, _sell),
    Work("audit_visit", _audit_visit, _run_activity),
    Work("photo", _photo),
    Work("activity_store", _activity_store, is_seen_by_model=False),
    Work("task", _task, _ask),
    Work("notice", _notice),
    Work("location_check", _location_check),
)
# Those of which the model says who sees what.
WORK_KINDS = frozenset(work.kind for work in WORKS if work.is_seen_by_model)
