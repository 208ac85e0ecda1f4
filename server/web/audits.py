"""The auditors' review: what is claimed, one after the other, judged item by item from the keyboard.

The page of one has its pictures, the checklist with what the standards ask, what was found about each photo in words, and beside it
the store's earlier photos and those that look alike. The next ones' pictures are fetched while this one is looked at.
Everything works as a plain form too; `review.js` adds the keys.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.audits.auditors import read_auditors
from server.audits.beside import (
    AlikePhoto,
    EarlierPhoto,
    Picture,
    alike_photos,
    earlier_photos,
    pictures_of,
)
from server.audits.claims import Claimed, claim_next, give_back, list_claimed
from server.audits.errors import AuditError, ChangedMeanwhile, NoSuchTurn, NoSuchVerdict
from server.audits.shown import Shown, ShownPhoto, look
from server.audits.verdicts import ItemVerdict, NewVerdict, give_verdict, undo_verdict
from server.days.words import told_flag
from server.identity.sessions import Visitor
from server.language import sentence, tell
from server.vocabulary import told_audit_reason
from server.web.desk import FORM_BODY, Desk, draw
from server.web.typed import typed_uuid
from sync.unit_of_work import UnitOfWork

AUDITORS = ("auditor",)
TAKEN_AT_ONCE = 10
# Pictures of so many of those that follow are fetched ahead.
AHEAD = 3
_DAYS_OF_FIGURES = timedelta(days=30)
ANSWERS = {
    "DONE": sentence("done, says the rep"),
    "NOT_DONE": sentence("not done, says the rep"),
    "NOT_APPLICABLE": sentence("does not apply, says the rep"),
}


def audit_routes(desk: Desk) -> Blueprint:
    """/audits and what is below it."""
    routes = Blueprint("audits", __name__, url_prefix="/audits")

    @routes.get("/")
    @desk.page(*AUDITORS)
    def queue(visitor: Visitor) -> ResponseReturnValue:
        """What the auditor has at hand, and their own figures."""
        with desk.database.reading(visitor.company_id) as uow:
            held = list_claimed(uow, visitor.person_id, now=desk.clock())
            figures = read_auditors(
                uow,
                visitor.today - _DAYS_OF_FIGURES,
                visitor.today,
                today=visitor.today,
                asker_id=visitor.person_id,
            )
        return draw(
            "audits/queue.html",
            claimed=[one for one in held if one.state == "CLAIMED"],
            given=[one for one in held if one.state != "CLAIMED"],
            figures=figures[0] if figures else None,
            zone=visitor.policy.time_zone,
            ms=_ms,
        )

    @routes.post("/claim")
    @desk.page(*AUDITORS, body=FORM_BODY)
    def claim(visitor: Visitor) -> ResponseReturnValue:
        """Take the next of the queue, and begin with the first."""
        with desk.database.company(visitor.company_id) as uow:
            taken = claim_next(
                uow, visitor.actor, visitor.person_id, TAKEN_AT_ONCE, now=desk.clock()
            )
            held = list_claimed(uow, visitor.person_id, now=desk.clock())
        open_now = [one for one in held if one.state == "CLAIMED"]
        if not taken and not open_now:
            flash(tell("Nothing waits for you just now."), "notice")
            return redirect(url_for("audits.queue"), code=303)
        return redirect(url_for("audits.review", turn_id=open_now[0].id), code=303)

    @routes.post("/give-back")
    @desk.page(*AUDITORS, body=FORM_BODY)
    def back(visitor: Visitor) -> ResponseReturnValue:
        """Put everything that is claimed back into the queue."""
        try:
            with desk.database.company(visitor.company_id) as uow:
                held = list_claimed(uow, visitor.person_id, now=desk.clock())
                open_now = [one.id for one in held if one.state == "CLAIMED"]
                give_back(uow, visitor.actor, visitor.person_id, open_now)
        except NoSuchTurn:
            # The same button twice, or a verdict in another window meanwhile: the queue shows what is left.
            return redirect(url_for("audits.queue"), code=303)
        flash(tell("Given back."), "notice")
        return redirect(url_for("audits.queue"), code=303)

    _review_routes(desk, routes)
    return routes


def _review_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/turns/<uuid:turn_id>")
    @desk.page(*AUDITORS)
    def review(visitor: Visitor, turn_id: UUID) -> ResponseReturnValue:
        """One to be judged."""
        now = desk.clock()
        try:
            with desk.database.reading(visitor.company_id) as uow:
                shown = look(uow, visitor.person_id, turn_id, now=now)
                held = list_claimed(uow, visitor.person_id, now=now)
                earlier = earlier_photos(uow, shown.audit_visit_id)
                alike = alike_photos(uow, shown.audit_visit_id)
                pictures = pictures_of(uow, [shown.audit_visit_id])
                ahead = _pictures_ahead(uow, visitor, held, turn_id, desk)
        except NoSuchTurn:
            return redirect(url_for("audits.queue"), code=303)
        turn = next((one for one in held if one.id == turn_id), None)
        if turn is None or turn.state != "CLAIMED":
            return redirect(url_for("audits.queue"), code=303)
        return draw(
            "audits/review.html",
            **_page(desk, visitor, shown, pictures, earlier, alike),
            turn=turn,
            left=sum(one.state == "CLAIMED" for one in held),
            undo=_undoable(held),
            verdict_id=uuid4(),
            ahead=ahead,
            expires_ms=_ms(turn.expires_at),
            zone=visitor.policy.time_zone,
        )

    @routes.post("/turns/<uuid:turn_id>")
    @desk.page(*AUDITORS, body=FORM_BODY)
    def judge(visitor: Visitor, turn_id: UUID) -> ResponseReturnValue:
        """Give the verdict, and go on with the next."""
        form, now = request.form, desk.clock()
        new = NewVerdict(
            id=typed_uuid(form.get("verdict", "")),
            seen=form.get("seen", ""),
            items=_items(form),
            note=form.get("note", "").strip() or None,
        )
        try:
            with desk.database.company(visitor.company_id) as uow:
                give_verdict(uow, visitor.actor, visitor.person_id, turn_id, new, now=now)
        except NoSuchTurn:
            raise NotFound from None
        except ChangedMeanwhile:
            flash(tell("It has changed since you opened it. Look at it again."), "alert")
            return redirect(url_for("audits.review", turn_id=turn_id), code=303)
        except AuditError as refused:
            flash(str(refused), "alert")
            return redirect(url_for("audits.review", turn_id=turn_id), code=303)
        return _next(desk, visitor)

    @routes.post("/verdicts/<uuid:verdict_id>/undo")
    @desk.page(*AUDITORS, body=FORM_BODY)
    def undo(visitor: Visitor, verdict_id: UUID) -> ResponseReturnValue:
        """Take the verdict back and look at it again."""
        now = desk.clock()
        try:
            with desk.database.company(visitor.company_id) as uow:
                held = list_claimed(uow, visitor.person_id, now=now)
                undo_verdict(uow, visitor.actor, visitor.person_id, verdict_id, now=now)
        except NoSuchVerdict:
            raise NotFound from None
        except AuditError as refused:
            flash(str(refused), "alert")
            return redirect(url_for("audits.queue"), code=303)
        turn = next((one.id for one in held if one.verdict_id == verdict_id), None)
        if turn is None:
            return redirect(url_for("audits.queue"), code=303)
        return redirect(url_for("audits.review", turn_id=turn), code=303)


def _next(desk: Desk, visitor: Visitor) -> ResponseReturnValue:
    """The next that is claimed; where none is left, more are taken."""
    now = desk.clock()
    with desk.database.company(visitor.company_id) as uow:
        held = list_claimed(uow, visitor.person_id, now=now)
        open_now = [one for one in held if one.state == "CLAIMED"]
        if not open_now:
            open_now = claim_next(uow, visitor.actor, visitor.person_id, TAKEN_AT_ONCE, now=now)
    if not open_now:
        flash(tell("All done: nothing more waits for you."), "notice")
        return redirect(url_for("audits.queue"), code=303)
    return redirect(url_for("audits.review", turn_id=open_now[0].id), code=303)


def _page(
    desk: Desk,
    visitor: Visitor,
    shown: Shown,
    pictures: list[Picture],
    earlier: list[EarlierPhoto],
    alike: list[AlikePhoto],
) -> dict[str, Any]:
    """What the template takes of one, with links to its pictures that end by themselves."""
    link = partial(desk.picture, visitor)
    readers = {one.sha256: one.reader_version for one in pictures}
    zone = visitor.policy.time_zone
    answers = {each["item"]: each for each in shown.answers}
    return {
        "shown": shown,
        "items": [
            {
                "item": standard["item"],
                "text": standard["text"],
                "is_required": standard["is_required"],
                "photos": [p.sha256 for p in shown.photos if standard["item"] in p.items],
                "answer": _answer(answers.get(standard["item"])),
                "note": (answers.get(standard["item"]) or {}).get("note"),
                "is_asked": standard["item"] in shown.asked,
            }
            for standard in shown.standards
        ],
        "photos": [
            _photo(photo, readers.get(photo.sha256), link, alike, zone) for photo in shown.photos
        ],
        "flags": [told_flag(flag, zone) for flag in shown.flags],
        "earlier": [
            (link(one.sha256, one.reader_version, "thumb"), one.business_day, one.role)
            for one in earlier
        ],
        "reasons": [
            (code, told_audit_reason(each["words"])) for code, each in shown.reasons.items()
        ],
    }


def _photo(
    photo: ShownPhoto, reader: int | None, link: Any, alike: list[AlikePhoto], zone: str
) -> dict[str, Any]:
    return {
        "sha256": photo.sha256,
        "items": photo.items,
        "thumb": link(photo.sha256, reader, "thumb"),
        "screen": link(photo.sha256, reader, "screen"),
        "full": link(photo.sha256, reader, "full"),
        "why_not": photo.reason,
        "flags": [told_flag(flag, zone) for flag in photo.flags],
        "at_ms": None if photo.occurred_at is None else _ms(photo.occurred_at),
        "alike": [
            {
                "thumb": link(one.sha256, one.reader_version, "thumb"),
                "day": one.business_day,
                "store": one.store_name,
                "bits": one.distance_bits,
                "is_mirrored": one.is_mirrored,
            }
            for one in alike
            if one.of_sha256 == photo.sha256
        ],
    }


def _pictures_ahead(
    uow: UnitOfWork, visitor: Visitor, held: list[Claimed], turn_id: UUID, desk: Desk
) -> list[str]:
    """Links to the pictures of those that follow, so that the browser has them when they are shown."""
    ids = [one.audit_visit_id for one in held if one.state == "CLAIMED" and one.id != turn_id]
    link = partial(desk.picture, visitor)
    return [
        place
        for row in pictures_of(uow, ids[:AHEAD])
        if (place := link(row.sha256, row.reader_version, "screen")) is not None
    ]


def _undoable(held: list[Claimed]) -> Claimed | None:
    """The verdict that was given last and may still be undone."""
    given = [one for one in held if one.state != "CLAIMED" and one.undo_until is not None]
    return max(given, key=lambda one: one.undo_until or one.claimed_at, default=None)


def _items(form: MultiDict[str, str]) -> list[ItemVerdict]:
    """`item-CODE` is PASS, NOT_APPLICABLE or FAIL:REASON; `words-CODE` says more of one that fails."""
    found = []
    for name, value in form.items():
        if not name.startswith("item-"):
            continue
        item = name.removeprefix("item-")
        verdict, _, reason = value.partition(":")
        words = form.get(f"words-{item}", "").strip() or None
        found.append(
            ItemVerdict(item, verdict, reason or None, words if verdict == "FAIL" else None)
        )
    return found


def _answer(answer: Any) -> str:
    return tell("not answered") if answer is None else tell(ANSWERS[answer["answer"]])


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
