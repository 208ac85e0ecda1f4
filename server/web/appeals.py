"""Verdicts and appeals: what auditors found of what reps brought, what is appealed against, and what came of it.

Whoever oversees a position appeals for its holder, in words and item by item; another auditor decides. Where no other is there an
admin closes the appeal, and the first verdict counts. Reps see what was found of their own, auditors of what they judged.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from mobile_contract.records.audit_visit import APPEAL_REASON_MAX
from server.audits.appeals import appeal_for, may_appeal_for
from server.audits.beside import pictures_of
from server.audits.case_list import CaseListed, list_cases
from server.audits.closing import REASON_MAX, close_cases
from server.audits.errors import AuditError, BeyondScope, FieldInvalid, NoSuchAuditVisit
from server.audits.one_case import ItemFound, read_case
from server.identity.sessions import Visitor
from server.language import joined_words, sentence, tell, told_day, told_moment
from server.vocabulary import told_audit_reason
from server.web.audits import ANSWERS
from server.web.desk import FORM_BODY, Desk, draw
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import day_and_id
from server.web.menu import FIELD, OFFICE
from server.web.refusals import refused_field

READERS = (*OFFICE, *FIELD, "auditor")
# What is asked for: the states, and whether an appeal was made.
WHICH: Mapping[str, tuple[str, tuple[str, ...], bool | None]] = {
    "": (sentence("may be appealed against"), ("JUDGED",), None),
    "appealed": (sentence("appealed, to be decided"), ("APPEALED",), None),
    "decided": (sentence("appealed and decided"), ("FINAL",), True),
    "all": (sentence("all verdicts"), ("JUDGED", "APPEALED", "FINAL"), None),
}
# The columns that say the same of each row that is asked for so.
_SAME_IN: Mapping[str, tuple[str, ...]] = {
    "": (sentence("State"), sentence("Appealed by")),
    "appealed": (sentence("State"), sentence("Appeal until")),
    "decided": (sentence("State"), sentence("Appeal until")),
}
STATES = {
    "JUDGED": (sentence("may be appealed against"), "warn"),
    "APPEALED": (sentence("appealed"), "warn"),
    "FINAL": (sentence("final"), ""),
}
RESULTS = {"PASS": (sentence("passed"), "good"), "FAIL": (sentence("did not pass"), "bad")}
VERDICTS = {
    "PASS": (sentence("passes"), "good"),
    "FAIL": (sentence("fails"), "bad"),
    "NOT_APPLICABLE": (sentence("does not apply"), ""),
}


def appeal_routes(desk: Desk) -> Blueprint:
    """/appeals and what is below it."""
    routes = Blueprint("appeals", __name__, url_prefix="/appeals")

    @routes.get("/")
    @desk.page(*READERS)
    def case_list(visitor: Visitor) -> ResponseReturnValue:
        """What was found, of what the visitor may see; the latest first."""
        return answer_listing(
            desk,
            visitor,
            case_listing(visitor, request.args),
            "appeals/list.html",
            which=request.args.get("which", ""),
            choices=[(key, tell(words)) for key, (words, _, _) in WHICH.items()],
        )

    @routes.get("/<uuid:audit_visit_id>")
    @desk.page(*READERS)
    def case_page(visitor: Visitor, audit_visit_id: UUID) -> ResponseReturnValue:
        """What was found, item by item, beside what an appeal changed."""
        return _drawn(desk, visitor, audit_visit_id)

    @routes.post("/<uuid:audit_visit_id>")
    @desk.page(*OFFICE, body=FORM_BODY)
    def decide(visitor: Visitor, audit_visit_id: UUID) -> ResponseReturnValue:
        """Appeal for whoever brought it, or close what nobody decides."""
        form = request.form
        act, reason = form.get("act", ""), form.get("reason", "").strip()
        back = url_for("appeals.case_page", audit_visit_id=audit_visit_id)
        try:
            if act == "appeal":
                with desk.database.company(visitor.company_id) as uow:
                    appeal_for(
                        uow,
                        visitor.actor,
                        audit_visit_id,
                        form.getlist("item"),
                        reason,
                        now=desk.clock(),
                        asker_id=visitor.person_id,
                    )
                flash(tell("Appealed. Another auditor looks at it."), "notice")
            elif act == "close" and visitor.has_role("admin"):
                if not reason or form.get("sure") != "1":
                    return _asked_again(desk, visitor, audit_visit_id, reason, back)
                with desk.database.company(visitor.company_id) as uow:
                    close_cases(
                        uow,
                        visitor.actor,
                        [audit_visit_id],
                        reason,
                        today=visitor.today,
                        asker_id=visitor.person_id,
                    )
                flash(tell("Closed: the first verdict counts."), "notice")
            else:
                raise NotFound
        except (NoSuchAuditVisit, BeyondScope):
            raise NotFound from None
        except AuditError as refused:
            return _drawn(desk, visitor, audit_visit_id, refused=_told(refused))
        return redirect(back, code=303)

    return routes


def case_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[CaseListed]:
    """The list of verdicts that an address asks for. Raises NotFound."""
    which = arguments.get("which", "")
    if which not in WHICH:
        raise NotFound
    _, states, is_appealed = WHICH[which]

    read = pages_of(
        lambda uow, after, at_most: list_cases(
            uow,
            today=visitor.today,
            states=states,
            is_appealed=is_appealed,
            asker_id=visitor.person_id,
            after=after,
            at_most=at_most,
        ),
        lambda one: f"{one.business_day}~{one.id}",
        day_and_id,
    )

    return Listing(
        name="verdicts",
        columns=[
            column
            for column in _columns(visitor.policy.time_zone)
            # What is the same of all rows is only in files.
            if arguments.get("format") or column.title not in _SAME_IN.get(which, ())
        ],
        read=read,
        nothing=sentence("Nothing here."),
    )


def _until(one: CaseListed, zone: str) -> str | None:
    if one.state != "JUDGED" or one.appeal_until is None:
        return None
    return told_moment(round(one.appeal_until.timestamp() * 1000), zone)


def _columns(zone: str) -> tuple[Column[CaseListed], ...]:
    return (
        Column(
            sentence("Store"),
            lambda one: Link(one.store_name, url_for("appeals.case_page", audit_visit_id=one.id)),
            lambda one: one.store_name,
        ),
        Column(
            sentence("Activity"), lambda one: one.activity_code, lambda one: one.activity_code or ""
        ),
        Column(sentence("Brought by"), lambda one: one.person, lambda one: one.person),
        Column(
            sentence("Day"), lambda one: told_day(one.business_day), lambda one: one.business_day
        ),
        Column(
            sentence("Result"),
            lambda one: (
                None
                if one.result is None
                else Badge(tell(RESULTS[one.result][0]), RESULTS[one.result][1])
            ),
            lambda one: one.result or "",
        ),
        Column(
            sentence("Failed"),
            lambda one: joined_words(one.failed_words) or None,
            lambda one: " ".join(one.failed),
        ),
        Column(
            sentence("State"),
            lambda one: Badge(tell(STATES[one.state][0]), STATES[one.state][1]),
            lambda one: one.state,
        ),
        Column(
            sentence("Appeal until"),
            lambda one: _until(one, zone),
            lambda one: one.appeal_until if one.state == "JUDGED" else None,
        ),
        Column(
            sentence("Appealed by"),
            lambda one: one.appealed_by,
            lambda one: one.appealed_by or "",
        ),
    )


def _drawn(
    desk: Desk, visitor: Visitor, audit_visit_id: UUID, *, refused: str | None = None
) -> Response:
    try:
        with desk.database.reading(visitor.company_id) as uow:
            found = read_case(uow, audit_visit_id, today=visitor.today, asker_id=visitor.person_id)
            is_theirs = may_appeal_for(
                uow, audit_visit_id, today=visitor.today, asker_id=visitor.person_id
            )
            pictures = pictures_of(uow, [audit_visit_id])
    except NoSuchAuditVisit:
        raise NotFound from None
    listed = found.listed
    if listed.state not in STATES:
        raise NotFound
    is_in_time = listed.appeal_until is not None and desk.clock() < listed.appeal_until
    is_office = visitor.has_role(*OFFICE)
    may_close = visitor.has_role("admin") and listed.state == "APPEALED"
    is_own = listed.person_id == visitor.person_id
    return draw(
        "appeals/case.html",
        200 if refused is None else 422,
        case=listed,
        found=found,
        state=STATES[listed.state],
        result=RESULTS.get(listed.result or ""),
        items=[_item(each, found.reasons) for each in found.items],
        photos=[
            (
                desk.picture(visitor, one.sha256, one.reader_version, "thumb"),
                desk.picture(visitor, one.sha256, one.reader_version, "full"),
            )
            for one in pictures
        ],
        may_appeal=is_office and is_theirs and listed.state == "JUDGED" and is_in_time,
        may_close=may_close and not is_own,
        is_own=may_close and is_own,
        is_in_time=listed.state == "JUDGED" and is_in_time,
        is_reps=not is_office and visitor.has_role(*FIELD),
        chosen=set(request.form.getlist("item")),
        reason=request.form.get("reason", ""),
        reason_max=APPEAL_REASON_MAX,
        refused=refused,
        zone=visitor.policy.time_zone,
        ms=lambda at: round(at.timestamp() * 1000),
    )


def _item(found: ItemFound, reasons: Mapping[str, str]) -> dict[str, Any]:
    """An item as the template takes it: each verdict as its words, tone and why."""
    return {
        "item": found.item,
        "text": found.text,
        "answer": tell("not answered") if found.answer is None else tell(ANSWERS[found.answer]),
        "first": _verdict(found.first, reasons),
        "now": _verdict(found.now, reasons),
        "is_appealed": found.is_appealed,
        "is_failed": found.is_failed,
    }


def _verdict(
    said: Mapping[str, Any] | None, reasons: Mapping[str, str]
) -> tuple[str, str, str] | None:
    if said is None:
        return None
    words, tone = VERDICTS[said["verdict"]]
    code = said["reason_code"]
    why = [told_audit_reason(reasons.get(code, code)) if code else "", said["reason"] or ""]
    return tell(words), tone, ": ".join(filter(None, why))


def _asked_again(
    desk: Desk, visitor: Visitor, audit_visit_id: UUID, reason: str, back: str
) -> Response:
    """Raises NoSuchAuditVisit."""
    with desk.database.reading(visitor.company_id) as uow:
        found = read_case(uow, audit_visit_id, today=visitor.today, asker_id=visitor.person_id)
    return draw(
        "sure.html",
        title=tell("Close this appeal?"),
        what=tell(
            "No other auditor looks at what {person} brought from {store}. The first verdict counts, the phone is told, and this cannot be undone.",
            person=found.listed.person,
            store=found.listed.store_name,
        ),
        keys=[],
        kept={},
        back=back,
        reason=reason,
        fault=tell("Say why.") if request.form.get("sure") == "1" else None,
        about_reason=tell("For the log of changes."),
        reason_max=REASON_MAX,
        act="close",
        button=tell("Close"),
    )


def _told(refused: AuditError) -> str:
    if isinstance(refused, FieldInvalid):
        if refused_field(refused)[0] == "items":
            return tell("Choose what the appeal is about.")
        return tell("Say why, in at most {number} letters.", number=APPEAL_REASON_MAX)
    return tell("This is not possible any more: {why}", why=str(refused))
