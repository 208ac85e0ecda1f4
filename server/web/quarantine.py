"""The quarantine: what phones sent and could not be applied, why in plain words, and what somebody decides about it.

A list by reason, person, phone, age and state, with which several are released or set aside at once; and one item with what the
phone sent, the place of the fault marked, to be mended with the contract's answers beside it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import NotFound

from server.errands.asked import ask_errand
from server.errands.errors import TooManyErrands
from server.http.bodies import BodyBounds
from server.identity.sessions import Visitor
from server.language import sentence, tell, tell_number, told_moment
from server.quarantine.deciding import (
    REASON_MAX,
    Key,
    Released,
    faults_in,
    mend_kept,
    release_kept,
    release_several,
    set_aside_kept,
)
from server.quarantine.drawn import draw_item, set_out
from server.quarantine.errors import AlreadyDecided, FieldInvalid, NotThisItem, QuarantineError
from server.quarantine.kept import KeptItem, kept_themselves, read_kept, store_of
from server.quarantine.kept_list import (
    COUNTED_MAX,
    OPEN,
    Alike,
    KeptListed,
    KeptMark,
    KeptSender,
    count_alike,
    kept_reasons,
    kept_senders,
    list_kept,
)
from server.quarantine.release_errand import RELEASE, ReleaseAll, asked_release
from server.quarantine.words import CODES, KINDS, STATES, CodeWords, code_words, told_kind
from server.web.desk import FORM_BODY, Desk, draw
from server.web.errands import TOO_MANY_ERRANDS, errands_on_the_way
from server.web.listing import Badge, Column, Link, Listing, answer_listing, pages_of
from server.web.marks import moment
from server.web.menu import ADMIN
from server.web.typed import typed_uuid
from sync.errors import NotThere

if TYPE_CHECKING:
    from mobile_contract.answers import Result
    from mobile_contract.problems import ItemRefused

AT_ONCE_MAX = 100
# An item as a form brings it: set out in lines and with every sign written as three, below what Flask reads of a form.
ITEM_BODY = BodyBounds(wire_bytes=480 * 1024, unpacked_bytes=480 * 1024)
AGES = (1, 7, 30)
_DIGEST = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class AskedKept:
    """Which items: in which state, for which reason, whose, from which phone, and for how many days already."""

    state: str
    code: str
    person_id: UUID | None
    device_id: UUID | None
    days: int | None
    kind: str = ""

    @property
    def states(self) -> tuple[str, ...]:
        return (self.state,) if self.state else OPEN


EVERYTHING = AskedKept("", "", None, None, None)


def quarantine_routes(desk: Desk) -> Blueprint:
    """/quarantine and what is below it."""
    routes = Blueprint("quarantine", __name__, url_prefix="/quarantine")

    @routes.get("/")
    @desk.page(*ADMIN)
    def kept_list(visitor: Visitor) -> ResponseReturnValue:
        """What is kept, the longest first, and how much for which reason."""
        asked = _asked(request.args)
        with desk.database.reading(visitor.company_id) as uow:
            reasons = kept_reasons(uow)
            senders = kept_senders(uow, asked.states)
            errands = errands_on_the_way(uow, desk, visitor, RELEASE)
            alike = count_alike(uow, _alike(desk, asked)) if _is_of_some(asked) else 0
        return answer_listing(
            desk,
            visitor,
            kept_listing(desk, visitor, request.args),
            "quarantine/list.html",
            asked=asked,
            reasons=[
                (one.code or "", _told(one.state, one.code).title, one.items) for one in reasons
            ],
            is_more=sum(one.items for one in reasons) >= COUNTED_MAX,
            states=[
                ("", tell("open|item")),
                *((key, tell(words)) for key, (words, _) in STATES.items()),
            ],
            codes=[
                (code, tell(words.title))
                for code, words in CODES.items()
                if asked.state not in {"", *OPEN}
                or code == asked.code
                or any(one.code == code for one in reasons)
            ],
            people=_people(senders),
            phones=_phones(senders),
            ages=[
                (str(days), tell_number("one day and more", "{number} days and more", days))
                for days in AGES
            ],
            kinds=sorted(((key, tell(words)) for key, words in KINDS.items()), key=itemgetter(1)),
            alike=alike,
            errands=errands,
            told=_told(asked.states[0], asked.code) if asked.code else None,
            reason_max=REASON_MAX,
        )

    @routes.post("/")
    @desk.page(*ADMIN, body=FORM_BODY)
    def decide_several(visitor: Visitor) -> ResponseReturnValue:
        """Release the chosen items, each by itself, or set them aside."""
        form = request.form
        keys = [_key(typed) for typed in form.getlist("id")[: AT_ONCE_MAX + 1]]
        back = url_for("quarantine.kept_list", **_kept_filters(form))
        if not keys:
            flash(tell("No item was chosen."), "alert")
            return redirect(back, code=303)
        if len(keys) > AT_ONCE_MAX:
            flash(tell("At most {number} items at once.", number=AT_ONCE_MAX), "alert")
            return redirect(back, code=303)
        return _decided(desk, visitor, form, keys, back)

    _one_item_routes(desk, routes)
    _releasing_routes(desk, routes)
    return routes


def _releasing_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/release")
    @desk.page(*ADMIN)
    def ask_release(visitor: Visitor) -> ResponseReturnValue:
        """Ask once more before all items like these are released."""
        asked = _asked(request.args)
        if not _is_of_some(asked):
            raise NotFound
        return _asked_once_more(desk, visitor, asked)

    @routes.post("/release")
    @desk.page(*ADMIN, body=FORM_BODY)
    def release_all(visitor: Visitor) -> ResponseReturnValue:
        """Let a worker release all items like these, each by itself."""
        form, asked = request.form, _asked(request.form)
        if not _is_of_some(asked):
            raise NotFound
        try:
            wanted = asked_release(
                ReleaseAll(_alike(desk, asked), form.get("reason", "").strip() or None)
            )
            with desk.database.company(visitor.company_id) as uow:
                errand_id = ask_errand(
                    uow, visitor.person_id, RELEASE, wanted, is_shown_first=False
                )
        except FieldInvalid as refused:
            return _asked_once_more(desk, visitor, asked, _told_refusal(refused))
        except TooManyErrands:
            return _asked_once_more(desk, visitor, asked, tell(TOO_MANY_ERRANDS))
        return redirect(url_for("errands.errand_page", errand_id=errand_id), code=303)


def _asked_once_more(
    desk: Desk, visitor: Visitor, asked: AskedKept, fault: str | None = None
) -> ResponseReturnValue:
    with desk.database.reading(visitor.company_id) as uow:
        number = count_alike(uow, _alike(desk, asked))
        senders = kept_senders(uow, asked.states)
    kept = _kept_filters(request.values)
    if not number:
        flash(tell("Nothing like this is kept."), "alert")
        return redirect(url_for("quarantine.kept_list", **kept), code=303)
    which = [
        (tell("State"), tell(STATES[asked.state][0]) if asked.state else None),
        (tell("Why"), _told(asked.states[0], asked.code).title if asked.code else None),
        (tell("What"), told_kind(asked.kind) if asked.kind else None),
        (tell("Person"), dict(_people(senders)).get(str(asked.person_id))),
        (tell("Phone"), dict(_phones(senders)).get(str(asked.device_id))),
        (
            tell("Kept for"),
            None
            if asked.days is None
            else tell_number("one day and more", "{number} days and more", asked.days),
        ),
    ]
    return draw(
        "quarantine/release.html",
        422 if fault else 200,
        number=number,
        is_more=number >= COUNTED_MAX,
        which=[(name, words) for name, words in which if words],
        kept=kept,
        reason=request.form.get("reason", ""),
        reason_max=REASON_MAX,
        fault=fault,
    )


def _is_of_some(asked: AskedKept) -> bool:
    """Whether it is of open items that have something in common: not of everything at once."""
    return asked.state in {"", *OPEN} and asked not in {
        EVERYTHING,
        replace(EVERYTHING, state=asked.state),
    }


def _alike(desk: Desk, asked: AskedKept) -> Alike:
    return Alike(
        before=desk.clock() - timedelta(days=asked.days or 0),
        states=asked.states,
        code=asked.code or None,
        kind=asked.kind or None,
        person_id=asked.person_id,
        device_id=asked.device_id,
    )


def _one_item_routes(desk: Desk, routes: Blueprint) -> None:
    @routes.get("/<uuid:op_id>/<digest>")
    @desk.page(*ADMIN)
    def item_page(visitor: Visitor, op_id: UUID, digest: str) -> ResponseReturnValue:
        """One item: what the phone sent, where it is wrong, and what can be done."""
        item = _found(desk, visitor, op_id, digest)
        return _drawn(desk, visitor, item)

    @routes.post("/<uuid:op_id>/<digest>")
    @desk.page(*ADMIN, body=ITEM_BODY)
    def decide(visitor: Visitor, op_id: UUID, digest: str) -> ResponseReturnValue:
        """Check what was changed, mend and release, release as it is, or set aside."""
        item, form = _found(desk, visitor, op_id, digest), request.form
        act = form.get("act", "")
        back = url_for("quarantine.item_page", op_id=op_id, digest=digest)
        if act not in {"check", "mend"}:
            return _decided(desk, visitor, form, [(op_id, bytes(item.digest))], back)
        text = form.get("item", "").replace("\r\n", "\n")
        mended, engine = text.encode(), desk.service.engine
        faults = faults_in(item, mended)
        if act == "check" or faults is not None:
            return _drawn(desk, visitor, item, text=text, faults=faults, is_checked=True)
        try:
            result = mend_kept(
                engine,
                visitor.company_id,
                visitor.actor,
                item,
                mended,
                reason=form.get("reason", "").strip() or None,
            )
        except QuarantineError as refused:
            return _drawn(desk, visitor, item, text=text, refused=_told_refusal(refused))
        flash(*_told_result(result))
        return redirect(back, code=303)

    @routes.get("/<uuid:op_id>/<digest>/sent")
    @desk.page(*ADMIN)
    def sent(visitor: Visitor, op_id: UUID, digest: str) -> ResponseReturnValue:
        """The very bytes that came, as a file."""
        item = _found(desk, visitor, op_id, digest)
        return Response(
            bytes(item.raw),
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="item-{op_id.hex[:8]}.json"'},
        )


def kept_listing(desk: Desk, visitor: Visitor, arguments: Mapping[str, str]) -> Listing[KeptListed]:
    """The list of kept items that an address asks for. Raises NotFound."""
    asked = _asked(arguments)
    before = None if asked.days is None else desk.clock() - timedelta(days=asked.days)

    read = pages_of(
        lambda uow, after, at_most: list_kept(
            uow,
            asked.states,
            at_most,
            code=asked.code or None,
            kind=asked.kind or None,
            person_id=asked.person_id,
            device_id=asked.device_id,
            before=before,
            after=after,
        ),
        lambda item: f"{item.received_at.isoformat()}~{item.op_id}~{bytes(item.digest).hex()}",
        _mark,
    )

    is_open = asked.state == "" or asked.state in OPEN
    return Listing(
        name="quarantine",
        columns=_columns(visitor.policy.time_zone),
        read=read,
        key=(lambda item: f"{item.op_id}~{bytes(item.digest).hex()}") if is_open else None,
        nothing=sentence("Nothing is kept: all that phones sent was applied.")
        if asked == EVERYTHING
        else sentence("Nothing like this is kept."),
    )


def _columns(zone: str) -> tuple[Column[KeptListed], ...]:
    return (
        Column(
            sentence("Received"),
            lambda item: Link(
                told_moment(_ms(item.received_at), zone),
                url_for("quarantine.item_page", op_id=item.op_id, digest=bytes(item.digest).hex()),
            ),
            lambda item: item.received_at.isoformat(),
        ),
        Column(sentence("What"), lambda item: told_kind(item.kind), lambda item: item.kind or ""),
        Column(
            sentence("Why"), lambda item: words_of(item).title, lambda item: item.code or item.state
        ),
        Column(sentence("Place"), lambda item: item.where, lambda item: item.where or ""),
        Column(
            sentence("Person"), lambda item: item.person_name, lambda item: item.person_name or ""
        ),
        Column(
            sentence("Phone"), lambda item: item.device_model, lambda item: item.device_model or ""
        ),
        Column(
            sentence("State"),
            lambda item: Badge(tell(STATES[item.state][0]), STATES[item.state][1]),
            lambda item: item.state,
        ),
        Column(
            sentence("Decided by"), lambda item: item.decided_by, lambda item: item.decided_by or ""
        ),
        Column(sentence("Reason"), lambda item: item.reason, lambda item: item.reason or ""),
    )


def words_of(item: KeptListed) -> CodeWords:
    """Why an item is kept, in words."""
    return code_words(item.code, waits=item.state == "DEFERRED", in_vain=_is_in_vain(item))


def _is_in_vain(item: KeptListed) -> bool:
    return item.state == "DEFERRED" and bool(item.useless)


def _told(state: str, code: str | None) -> CodeWords:
    return code_words(code, waits=state == "DEFERRED" and not code)


def _found(desk: Desk, visitor: Visitor, op_id: UUID, digest: str) -> KeptItem:
    if _DIGEST.fullmatch(digest) is None:
        raise NotFound
    try:
        with desk.database.reading(visitor.company_id) as uow:
            return read_kept(uow, op_id, bytes.fromhex(digest))
    except NotThere:
        raise NotFound from None


def _drawn(
    desk: Desk,
    visitor: Visitor,
    item: KeptItem,
    *,
    text: str | None = None,
    faults: "ItemRefused | None" = None,
    is_checked: bool = False,
    refused: str | None = None,
) -> Response:
    """The page of an item; with a text that was typed, that text and what is said against it."""
    with desk.database.reading(visitor.company_id) as uow:
        themselves = kept_themselves(uow, item.missing)
        store = store_of(uow, item)
    held = bytes(item.raw if item.mended is None else item.mended)
    shown = draw_item(bytes(item.raw), [item.where] if item.mended is None else [])
    typed = held if text is None else text.encode()
    found = [] if faults is None else [fault for fault in faults.faults if fault.where]
    looked = draw_item(typed, [fault.where for fault in found])
    return draw(
        "quarantine/item.html",
        422 if refused is not None else 200,
        item=item,
        digest=bytes(item.digest).hex(),
        kind=told_kind(item.kind),
        store=store,
        words=words_of(item),
        state=STATES[item.state],
        shown=shown,
        text=set_out(held) if text is None else text,
        faults=faults,
        code=None if faults is None else code_words(faults.code),
        spot=looked.spot if faults is not None else None,
        fault_lines=looked.fault_lines if text is not None else [],
        is_checked=is_checked,
        refused=refused,
        waits=[
            (
                id_,
                next((one for one in themselves if one.entity_id == id_), None),
                id_ in item.useless,
            )
            for id_ in item.missing
        ],
        reason=request.form.get("reason", ""),
        reason_max=REASON_MAX,
        zone=visitor.policy.time_zone,
        ms=_ms,
        words_of=words_of,
        told_kind=told_kind,
    )


def _decided(
    desk: Desk, visitor: Visitor, form: MultiDict[str, str], keys: list[Key], back: str
) -> ResponseReturnValue:
    """Release these or set them aside; the latter only by somebody who was asked once more."""
    engine, reason = desk.service.engine, form.get("reason", "").strip()
    act = form.get("act", "")
    try:
        if act == "release" and len(keys) == 1:
            result = release_kept(
                engine, visitor.company_id, visitor.actor, keys[0], reason=reason or None
            )
            flash(*_told_result(result))
        elif act == "release":
            released = release_several(
                engine, visitor.company_id, visitor.actor, keys, reason=reason or None
            )
            flash(*_told_several(released))
        elif act == "set_aside" and (not reason or form.get("sure") != "1"):
            return draw(
                "sure.html",
                title=tell_number(
                    "Set this item aside?", "Set these {number} items aside?", len(keys)
                ),
                what=tell_number(
                    "It will never be applied, and this cannot be undone. It stays here with your reason.",
                    "They will never be applied, and this cannot be undone. They stay here with your reason.",
                    len(keys),
                ),
                keys=form.getlist("id") or [f"{op_id}~{digest.hex()}" for op_id, digest in keys],
                kept=_kept_filters(form),
                back=back,
                reason=reason,
                fault=tell("Say why: its sender reads this.") if form.get("sure") == "1" else None,
                about_reason=tell("Its sender's phone shows it."),
                reason_max=REASON_MAX,
                act="set_aside",
                button=tell("Set aside"),
            )
        elif act == "set_aside":
            number = set_aside_kept(engine, visitor.company_id, visitor.actor, keys, reason=reason)
            flash(
                tell_number(
                    "One item is set aside. Its sender's phone is told why.",
                    "{number} items are set aside. Their senders' phones are told why.",
                    number,
                ),
                "notice",
            )
        else:
            raise NotFound
    except QuarantineError as refused:
        flash(_told_refusal(refused), "alert")
    return redirect(back, code=303)


def _told_result(result: "Result") -> tuple[str, str]:
    """What came of one that was released, and the tone to say it in."""
    if result.status == "deferred":
        return tell("Still kept: it waits for something that has not come."), "alert"
    if result.status == "quarantined":
        why = code_words(result.code)
        where = f" ({result.where})" if result.where else ""
        return tell("Still kept: {why}{where}.", why=why.title, where=where), "alert"
    if result.status == "conflict":
        return tell("Applied, and it met another edit: somebody has to choose."), "notice"
    if result.proposal_id is not None:
        return tell("Released: it waits for approval among the proposals."), "notice"
    return tell("Applied. The phone is told at its next sync."), "notice"


def _told_several(released: Released) -> tuple[str, str]:
    parts = [tell_number("One item is applied.", "{number} items are applied.", released.done)]
    if released.kept:
        parts.append(tell_number("One is still kept.", "{number} are still kept.", released.kept))
    if released.waiting:
        parts.append(
            tell_number(
                "One waits for something.", "{number} wait for something.", released.waiting
            )
        )
    if released.decided_before:
        parts.append(
            tell_number(
                "One was decided before.", "{number} were decided before.", released.decided_before
            )
        )
    return " ".join(parts), "alert" if released.kept or released.waiting else "notice"


def _told_refusal(refused: QuarantineError) -> str:
    if isinstance(refused, AlreadyDecided):
        return tell("It was decided meanwhile.")
    if isinstance(refused, NotThisItem):
        return tell("This is another item: its op_id has to stay as the phone sent it.")
    if isinstance(refused, FieldInvalid):
        return tell("This cannot be taken: {why}", why=str(refused))
    return str(refused)


def _asked(arguments: Mapping[str, str]) -> AskedKept:
    state, code = arguments.get("state", ""), arguments.get("code", "")
    days = arguments.get("days", "")
    if (state and state not in STATES) or (code and code not in CODES):
        raise NotFound
    if days and days not in {str(one) for one in AGES}:
        raise NotFound
    person, device = arguments.get("person", ""), arguments.get("device", "")
    kind = arguments.get("kind", "")
    if kind and kind not in KINDS:
        raise NotFound
    return AskedKept(
        state,
        code,
        typed_uuid(person) if person else None,
        typed_uuid(device) if device else None,
        int(days) if days else None,
        kind,
    )


def _kept_filters(form: Mapping[str, str]) -> dict[str, Any]:
    names = ("state", "code", "kind", "person", "device", "days")
    return {name: form[name] for name in names if form.get(name)}


def _people(senders: Iterable[KeptSender]) -> list[tuple[str, str]]:
    found = {str(one.person_id): one.person or "?" for one in senders}
    return sorted(found.items(), key=lambda each: each[1])


def _phones(senders: Iterable[KeptSender]) -> list[tuple[str, str]]:
    return [(str(one.device_id), f"{one.person or '?'}: {one.phone or '?'}") for one in senders]


def _key(typed: str) -> Key:
    op_id, _, digest = typed.partition("~")
    if _DIGEST.fullmatch(digest) is None:
        raise NotFound
    return typed_uuid(op_id), bytes.fromhex(digest)


def _mark(typed: str) -> KeptMark:
    at, op_id, digest = typed.split("~")
    return KeptMark(moment(at), UUID(op_id), bytes.fromhex(digest))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
