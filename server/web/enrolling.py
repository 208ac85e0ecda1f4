"""Letting a phone in: a person is chosen, and gets a code once, as letters and as a picture that the app reads."""

from datetime import datetime, timedelta
from uuid import UUID

import segno
from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from mobile_contract.enrolment import enrolment_text
from server.identity.codes import HANDLE_LENGTH, read_code
from server.identity.device_list import NAME_MAX
from server.identity.devices import issue_enrolment_code
from server.identity.enrolling import (
    CANDIDATES_MAX,
    CodeListed,
    end_code,
    find_candidate,
    find_candidates,
    find_code,
    open_codes,
)
from server.identity.errors import HandlesExhausted, NoSuchPerson, PersonHasLeft
from server.identity.sessions import Visitor
from server.language import tell
from server.web.desk import FORM_BODY, Desk, draw
from server.web.menu import ADMIN
from server.web.spans import told_span
from server.web.typed import typed_uuid

# For how long a code may be valid, in minutes; the first is offered first.
VALID_MIN = (30, 120, 24 * 60, 7 * 24 * 60)


def enrolling_routes(desk: Desk, routes: Blueprint) -> None:
    """/devices/enrol and /devices/codes."""

    @routes.get("/enrol")
    @desk.page(*ADMIN)
    def enrol_page(visitor: Visitor) -> ResponseReturnValue:
        """Choose whose phone it becomes."""
        asked, person = request.args.get("name", "").strip(), request.args.get("person")
        if len(asked) > NAME_MAX or "\0" in asked:
            raise NotFound
        chosen = None if person is None else typed_uuid(person)
        return _form(desk, visitor, asked, chosen)

    @routes.post("/enrol")
    @desk.page(*ADMIN, body=FORM_BODY)
    def make_code(visitor: Visitor) -> ResponseReturnValue:
        """A code for one phone of one person. It stands in this answer and nowhere else."""
        form = request.form
        minutes = form.get("minutes", str(VALID_MIN[0]))
        if minutes not in map(str, VALID_MIN):
            raise NotFound
        if not form.get("person"):
            told = tell("Choose whose phone it becomes.")
            return _form(desk, visitor, form.get("name", "")[:NAME_MAX], None, told)
        person_id = typed_uuid(form["person"])
        now = desk.clock()
        valid_for = timedelta(minutes=int(minutes))
        try:
            with desk.database.company(visitor.company_id) as uow:
                code = issue_enrolment_code(
                    uow, person_id, visitor.actor, valid_for=valid_for, now=now
                )
                meant = read_code(code)
                assert meant is not None
                listed = find_code(uow, meant.handle)
        except NoSuchPerson:
            raise NotFound from None
        except PersonHasLeft:
            told = tell("This person has left: no phone can be given to them.")
            return _form(desk, visitor, "", None, told)
        except HandlesExhausted:
            return _form(desk, visitor, "", person_id, tell("Too many codes are kept. Try again."))
        assert listed is not None
        said = enrolment_text(desk.address, code)
        return draw(
            "devices/code.html",
            code=code,
            said=said,
            picture=picture_of(said),
            address=desk.address,
            is_plain_http=desk.address.startswith("http://"),
            person_id=person_id,
            valid_for=told_span(valid_for.total_seconds()),
            zone=visitor.policy.time_zone,
            **_standing(listed, now),
        )

    _code_routes(desk, routes)


def _code_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/codes/<handle>")
    @desk.page(*ADMIN)
    def code_standing(visitor: Visitor, handle: str) -> ResponseReturnValue:
        """What became of a code: a part of the page that follows it."""
        if len(handle) > HANDLE_LENGTH:
            raise NotFound
        with desk.database.reading(visitor.company_id) as uow:
            listed = find_code(uow, handle)
        if listed is None:
            raise NotFound
        return draw("devices/standing.html", **_standing(listed, desk.clock()))

    @routes.post("/codes/<handle>/end")
    @desk.page(*ADMIN, body=FORM_BODY)
    def end(visitor: Visitor, handle: str) -> ResponseReturnValue:
        """No phone is let in by this code any more."""
        with desk.database.company(visitor.company_id) as uow:
            is_ended = end_code(uow, visitor.actor, handle[: HANDLE_LENGTH + 1])
        if is_ended:
            flash(tell("The code is ended: no phone is let in by it."), "notice")
        else:
            flash(tell("The code was used or ended already."), "alert")
        return redirect(url_for("devices.enrol_page"), code=303)


def picture_of(text: str) -> Markup:
    """A QR code as SVG that stands in the page itself: its address would be a place where the code could be read."""
    made = segno.make(text, error="m", micro=False)
    drawn = made.svg_inline(scale=6, border=4, omitsize=True, svgclass=None, lineclass=None)
    label = tell("QR code for the app")
    return Markup(drawn.replace("<svg ", '<svg role="img" aria-label="{}" ', 1)).format(label)  # noqa: S704 - drawn here


def _form(
    desk: Desk, visitor: Visitor, asked: str, chosen: UUID | None, told: str | None = None
) -> Response:
    now = desk.clock()
    with desk.database.reading(visitor.company_id) as uow:
        person = None if chosen is None else find_candidate(uow, chosen, visitor.today)
        found = [] if chosen is not None else find_candidates(uow, asked, visitor.today)
        codes = open_codes(uow, now)
    if chosen is not None and person is None:
        raise NotFound
    return draw(
        "devices/enrol.html",
        200 if told is None else 422,
        person=person,
        found=found,
        is_cut=len(found) == CANDIDATES_MAX,
        asked=asked,
        told=told,
        valid=[(minutes, told_span(minutes * 60)) for minutes in VALID_MIN],
        codes=[(code, _left(code, now)) for code in codes],
    )


def _standing(code: CodeListed, now: datetime) -> dict[str, object]:
    return {"listed": code, "is_open": code.is_open(now), "left": _left(code, now)}


def _left(code: CodeListed, now: datetime) -> str:
    return told_span(max(0.0, (code.expires_at - now).total_seconds()))
