"""Phones: who has which, what each still holds, how one is let in by a picture, and how one is shown out."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.identity.device_list import (
    NAME_MAX,
    SORTS,
    DeviceListed,
    DevicesAsked,
    page_of_devices,
)
from server.identity.device_states import DEVICE_STATES, drain, revoke
from server.identity.errors import DeviceStateWrong, NoSuchDevice
from server.identity.one_device import read_device
from server.identity.sessions import Visitor
from server.language import sentence, tell, told_number
from server.quarantine.words import code_words, told_kind
from server.web.desk import FORM_BODY, Desk, draw
from server.web.device_words import ACTS, KEPT, STATES, STATUSES, told_state
from server.web.enrolling import enrolling_routes
from server.web.listing import (
    Badge,
    Column,
    Link,
    Listing,
    Shown,
    answer_listing,
    pages_of,
    told_pages,
)
from server.web.menu import ADMIN
from server.web.spans import told_age, told_offset, told_size

SILENT_DAYS = (1, 3, 7, 14, 30)
NOT_SHUT_OUT = ("ACTIVE", "DRAINING", "WIPED")


def device_routes(desk: Desk) -> Blueprint:
    """/devices and what is below it."""
    routes = Blueprint("devices", __name__, url_prefix="/devices")

    @routes.get("/")
    @desk.page(*ADMIN)
    def device_list(visitor: Visitor) -> ResponseReturnValue:
        """The company's phones."""
        asked = request.args
        return answer_listing(
            desk,
            visitor,
            device_listing(visitor, asked),
            "devices/list.html",
            states=[(key, tell(words)) for key, (words, _) in STATES.items()],
            state=asked.get("state", ""),
            silent=asked.get("silent", ""),
            silent_days=SILENT_DAYS,
            name=asked.get("name", ""),
        )

    _one_device_routes(desk, routes)
    enrolling_routes(desk, routes)
    return routes


def device_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[DeviceListed]:
    """The list of phones that an address asks for. Raises NotFound, also for whoever may not have it."""
    if not visitor.has_role(*ADMIN):
        raise NotFound
    now = datetime.now(UTC)
    asked = _asked(arguments, now)

    read = pages_of(
        lambda uow, after, at_most: page_of_devices(uow, asked, after, at_most),
        lambda row: f"{row[1]}~{row[0].id}",
        _mark,
    )

    def since(one: DeviceListed) -> Shown:
        if not one.outbox_count:
            return None
        return told_age(one.outbox_oldest_at, now)

    columns: tuple[Column[DeviceListed], ...] = (
        Column(
            sentence("Person"),
            lambda one: Link(one.person_name, url_for("devices.device_page", device_id=one.id)),
            lambda one: one.person_name,
        ),
        Column(sentence("Phone"), lambda one: one.model, lambda one: one.model),
        Column(
            sentence("State"),
            lambda one: Badge(*told_state(one.state)),
            lambda one: told_state(one.state)[0],
        ),
        Column(sentence("App"), lambda one: one.app_version, lambda one: one.app_version),
        Column(
            sentence("Contract"),
            lambda one: str(one.contract),
            lambda one: one.contract,
            is_number=True,
        ),
        Column(
            sentence("Heard of"),
            lambda one: told_age(one.last_seen_at, now) or tell("never"),
            lambda one: one.last_seen_at,
            sort="seen",
        ),
        Column(
            sentence("Holds|phone"),
            lambda one: None if one.outbox_count is None else told_number(one.outbox_count),
            lambda one: one.outbox_count,
            is_number=True,
            sort="held",
        ),
        Column(
            sentence("The oldest"),
            since,
            lambda one: one.outbox_oldest_at if one.outbox_count else None,
        ),
        Column(
            sentence("Clock"),
            lambda one: told_offset(one.clock_offset_ms),
            lambda one: one.clock_offset_ms,
            unit="ms",
        ),
        Column(
            sentence("Enrolled"),
            lambda one: told_age(one.enrolled_at, now),
            lambda one: one.enrolled_at,
            sort="enrolled",
        ),
    )
    return Listing(
        name="devices",
        columns=columns,
        read=told_pages(read, lambda _, rows: [one for one, _ in rows]),
        nothing=sentence("No phone is like this."),
        sorted_by=asked.sort,
        exporter="devices",
    )


def _asked(arguments: Mapping[str, str], now: datetime) -> DevicesAsked:
    state, silent = arguments.get("state", ""), arguments.get("silent", "")
    name, sort = arguments.get("name", "").strip(), arguments.get("sort", "-enrolled")
    if state not in (*STATES, "", "all") or sort.lstrip("-") not in SORTS or sort.startswith("--"):
        raise NotFound
    if len(name) > NAME_MAX or "\0" in name:
        raise NotFound
    if silent and silent not in map(str, SILENT_DAYS):
        raise NotFound
    return DevicesAsked(
        states={"": NOT_SHUT_OUT, "all": ()}.get(state, (state,)),
        silent_since=now - timedelta(days=int(silent)) if silent else None,
        name=name,
        sort=sort,
    )


def _mark(typed: str) -> tuple[int, UUID]:
    number, device_id = typed.split("~")
    if len(number) > 18:
        raise ValueError(number)
    return int(number), UUID(device_id)


def _one_device_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:device_id>")
    @desk.page(*ADMIN)
    def device_page(visitor: Visitor, device_id: UUID) -> ResponseReturnValue:
        """One phone: what it holds, what it sent last, what became of it."""
        return _draw(desk, visitor, device_id, "devices/device.html")

    @routes.get("/<uuid:device_id>/drain")
    @desk.page(*ADMIN)
    def ask_drain(visitor: Visitor, device_id: UUID) -> ResponseReturnValue:
        """What draining does to this phone and its person."""
        return _draw(desk, visitor, device_id, "devices/drain.html", wants="drain")

    @routes.post("/<uuid:device_id>/drain")
    @desk.page(*ADMIN, body=FORM_BODY)
    def do_drain(visitor: Visitor, device_id: UUID) -> ResponseReturnValue:
        """The phone hands over what it holds and is then told to wipe itself."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                drain(uow, visitor.actor, device_id)
        except NoSuchDevice:
            raise NotFound from None
        except DeviceStateWrong:
            flash(tell("This phone is let in no more: there is nothing to hand over."), "alert")
        else:
            flash(tell("From its next contact on, the phone hands over what it holds."), "notice")
        return redirect(url_for("devices.device_page", device_id=device_id), code=303)

    @routes.get("/<uuid:device_id>/revoke")
    @desk.page(*ADMIN)
    def ask_revoke(visitor: Visitor, device_id: UUID) -> ResponseReturnValue:
        """What would be lost by shutting this phone out now."""
        return _draw(desk, visitor, device_id, "devices/revoke.html", wants="revoke")

    @routes.post("/<uuid:device_id>/revoke")
    @desk.page(*ADMIN, body=FORM_BODY)
    def do_revoke(visitor: Visitor, device_id: UUID) -> ResponseReturnValue:
        """The phone's token opens nothing any more."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                revoke(uow, visitor.actor, device_id)
        except NoSuchDevice:
            raise NotFound from None
        flash(tell("The phone is shut out."), "notice")
        return redirect(url_for("devices.device_page", device_id=device_id), code=303)


def _draw(
    desk: Desk, visitor: Visitor, device_id: UUID, template: str, *, wants: str | None = None
) -> ResponseReturnValue:
    """A page about one phone; one about an act is there only where the act may happen."""
    try:
        with desk.database.reading(visitor.company_id) as uow:
            seen = read_device(uow, device_id)
    except NoSuchDevice:
        raise NotFound from None
    one = seen.listed
    acts = DEVICE_STATES.acts_from(one.state)
    if wants is not None and wants not in acts:
        return redirect(url_for("devices.device_page", device_id=device_id), code=303)
    now = desk.clock()
    return draw(
        template,
        one=one,
        seen=seen,
        state=told_state(one.state),
        may=acts,
        heard=told_age(one.last_seen_at, now),
        enrolled=told_age(one.enrolled_at, now),
        since=told_age(one.outbox_oldest_at, now) if one.outbox_count else None,
        size=told_size(one.outbox_bytes),
        clock=told_offset(one.clock_offset_ms),
        draining=told_age(seen.draining_since, now),
        wiped=told_age(one.wiped_at, now),
        history=[
            (entry.at, tell(ACTS[entry.action]), entry.actor)
            for entry in seen.history
            if entry.action in ACTS
        ],
        pushes=[
            (
                push.received_at,
                [
                    (told_number(number), *_told_status(status))
                    for status, number in sorted(push.items.items())
                ],
            )
            for push in seen.pushes
        ],
        kept=[
            (
                item,
                told_kind(item.kind),
                code_words(item.code, waits=item.state == "DEFERRED").title,
                (tell(KEPT[item.state][0]), KEPT[item.state][1]),
            )
            for item in seen.kept
        ],
        ms=lambda at: round(at.timestamp() * 1000),
        zone=visitor.policy.time_zone,
    )


def _told_status(status: str) -> tuple[str, str]:
    words, tone = STATUSES.get(status, (status, ""))
    return tell(words), tone
