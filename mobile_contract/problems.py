"""Every status and code that a phone can meet, what it means, and what the phone must do then.

One table each for the statuses of items, the codes of quarantined items and the codes of refused
requests. PROTOCOL.md shows these tables. A retired code stays in RETIRED and is never used again.

Long because the words of the tables stand here and nowhere else.
"""

from dataclasses import dataclass
from typing import Any, Final

from mobile_contract.fields import FAULTS_NAMED
from mobile_contract.schema import Fault, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemStatus:
    """What became of one item, and what the phone does about it."""

    status: str
    meaning: str
    phone_must: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCode:
    """Why an item is quarantined: the server holds it, whole, and a person is shown it."""

    code: str
    title: str
    meaning: str
    phone_must: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestCode:
    """Why a whole request was refused: nothing of it has been kept."""

    code: str
    status: int
    title: str
    meaning: str
    phone_must: str


ITEM_STATUSES: Final = (
    ItemStatus(
        status="applied",
        meaning="The item is held and its effect is in the record, at `version`. A proposal that "
        "waits for approval is applied too, with `proposal_id`.",
        phone_must="Mark it acknowledged with its receipt. Keep it until the watermark passes.",
    ),
    ItemStatus(
        status="duplicate",
        meaning="The same bytes came before; nothing happened again. `first` is the first result.",
        phone_must="Act on `first` as if it came now; `receipt` is that of the first time.",
    ),
    ItemStatus(
        status="merged",
        meaning="Applied, and since `base_version` others had changed fields that the edit leaves "
        "alone. `merged` names these, not the edit's own; see Merged.",
        phone_must="As applied. The merged record comes with the next pull; show the person what "
        "was kept.",
    ),
    ItemStatus(
        status="conflict",
        meaning="Two edits met on one field. Both values are kept; a person decides.",
        phone_must="As applied. The record of kind `conflict` comes with the next pull; show it.",
    ),
    ItemStatus(
        status="deferred",
        meaning="The item is held and waits for the records in `missing`. It is applied by itself "
        "when they arrive.",
        phone_must="Mark it acknowledged. Send what is missing if it is in the outbox. Its later "
        "fate comes down as a record of kind `item`.",
    ),
    ItemStatus(
        status="quarantined",
        meaning="The item is held whole but not applied; `code`, `where` and `detail` say why. A "
        "person can mend and release it on the server.",
        phone_must="Mark it acknowledged; never resend it in a changed form under the same op_id. "
        "Show the person the reason. What becomes of it comes down as a record of kind `item`.",
    ),
    ItemStatus(
        status="retry",
        meaning="The item was not taken and is not held.",
        phone_must="Leave it in the outbox and send the same bytes again, not before "
        "`retry_after_ms`.",
    ),
)

ITEM_CODES: Final = (
    ItemCode(
        code="malformed_json",
        title="Not JSON",
        meaning="The bytes of this item are not strict JSON (NaN, Infinity, bad UTF-8, a comma too "
        "many).",
        phone_must="Mend the program: it will write the next one wrongly too.",
    ),
    ItemCode(
        code="invalid_field",
        title="A field is wrong",
        meaning="A field is missing, unknown, of the wrong type or out of its range. `where` is "
        "the place of the first, `detail` names up to ten.",
        phone_must="Check against this document before sending.",
    ),
    ItemCode(
        code="unknown_kind",
        title="Unknown kind",
        meaning="Phones of this contract send no items of this kind.",
        phone_must="Send only kinds of the contract that the envelope names.",
    ),
    ItemCode(
        code="unknown_op",
        title="Unknown op",
        meaning="The kind exists, but not with this op in this contract.",
        phone_must="Send only ops of the contract that the envelope names.",
    ),
    ItemCode(
        code="contract_too_new",
        title="Contract newer than the server",
        meaning="The envelope names a contract that this server does not have yet. The item is "
        "kept until the server has it, and is applied then.",
        phone_must="Nothing: it is applied by itself when the server is updated.",
    ),
    ItemCode(
        code="item_too_large",
        title="Item too large",
        meaning="The item is larger than `limits.item_bytes`.",
        phone_must="Keep texts and lists inside their bounds.",
    ),
    ItemCode(
        code="op_id_reused",
        title="op_id used for something else",
        meaning="This phone's person has sent this op_id before with other bytes. Both are kept; "
        "the first one counts.",
        phone_must="Never change the bytes of an item once it was sent. A change is a new "
        "item with a new op_id.",
    ),
    ItemCode(
        code="op_id_taken",
        title="op_id of another sender",
        meaning="Another person has sent this op_id.",
        phone_must="Make ids with a good source of randomness.",
    ),
    ItemCode(
        code="entity_taken",
        title="The id belongs to another record",
        meaning="A create names an id that another record has, of this person or another.",
        phone_must="Make a new random id for every record.",
    ),
    ItemCode(
        code="wrong_kind",
        title="A record of another kind",
        meaning="The id at `where` is that of a record of another kind, which the phone holds "
        "under that kind.",
        phone_must="Mend the program: it mixes up ids.",
    ),
    ItemCode(
        code="malformed_points",
        title="Packed points that cannot be read",
        meaning="The text at `where` is no base64, or its bytes are no packed points. `detail` says "
        "what is wrong and at which byte or point.",
        phone_must='Mend the program: pack points as "Packed points" says.',
    ),
    ItemCode(
        code="not_open",
        title="The visit is not open",
        meaning="A finish of a visit that has ended already, by an earlier finish or because it "
        "was sent whole, or that was skipped. The visit stays as it is.",
        phone_must="What was wrong in the visit is put right by a `correct`.",
    ),
    ItemCode(
        code="wrong_state",
        title="Not in this state",
        meaning="The record stands where this op does not lead on, like an amendment of an order that is "
        "confirmed. `detail` names the state. The record stays as it is.",
        phone_must="What is to be done now is done by the office.",
    ),
    ItemCode(
        code="lines_differ",
        title="Not the lines of the order",
        meaning="A delivery does not confirm every line of the order once and with its whole quantity. "
        "`where` is the first line at fault.",
        phone_must="Confirm again, under a new op_id, by the lines that the record has.",
    ),
    ItemCode(
        code="not_permitted",
        title="Not permitted",
        meaning="The person had no right to do this at the time of capture.",
        phone_must="The person may ask a supervisor to release it.",
    ),
    ItemCode(
        code="not_in_scope",
        title="Not in the person's scope",
        meaning="The record is not among those the person works with, and was not at the time of "
        "capture.",
        phone_must="The person may ask a supervisor to release it.",
    ),
    ItemCode(
        code="late_after_leave",
        title="Late after leaving",
        meaning="The person had left, or had given up the position, longer ago than work is taken "
        "without review.",
        phone_must="A supervisor reviews it.",
    ),
    ItemCode(
        code="wrong_base_version",
        title="No such base version",
        meaning="`base_version` names a version that the record never had.",
        phone_must="Repair by digest: the phone holds something that the server never "
        "gave it, or the server was restored.",
    ),
    ItemCode(
        code="template_unknown",
        title="No such version of a form",
        meaning="A form answer names a template, or a version of one, that the company never "
        "published.",
        phone_must="Repair by digest: the phone holds a form that the server never gave it.",
    ),
    ItemCode(
        code="not_in_template",
        title="Not asked by this form",
        meaning="A form answer has a question, a column, a row or an option that the version of the "
        "template it names does not have. `where` is its place.",
        phone_must="Mend the program: it fills in another version than it names.",
    ),
    ItemCode(
        code="wrong_answer_type",
        title="An answer of another type",
        meaning="A form answer has text where the template asks for a number, or the like. `where` "
        "is its place.",
        phone_must="Mend the program: see Types of questions.",
    ),
    ItemCode(
        code="refused_by_database",
        title="Refused by the database",
        meaning="The item passed every check of this document and could not be stored.",
        phone_must="Nothing is wrong with the phone; operators are told.",
    ),
    ItemCode(
        code="judgement_failed",
        title="The server failed to judge it",
        meaning="The item passed every check of this document and a fault of the server kept it "
        "from being judged.",
        phone_must="Nothing is wrong with the phone; operators are told.",
    ),
)

_AGAIN: Final = "Send the same bytes again after Retry-After, else with back-off."

REQUEST_CODES: Final = (
    RequestCode(
        code="body_too_large",
        status=413,
        title="Body too large",
        meaning="The body is larger than `limit` bytes, on the wire or after unpacking.",
        phone_must="Halve the batch and send each half; see Splitting.",
    ),
    RequestCode(
        code="too_many_items",
        status=413,
        title="Too many items",
        meaning="The batch has more than `limit` items.",
        phone_must="Halve the batch and send each half; see Splitting.",
    ),
    RequestCode(
        code="too_deep",
        status=400,
        title="JSON nested too deep",
        meaning="Objects and lists are nested deeper than `limit`.",
        phone_must="Halve the batch to find the item; see Splitting.",
    ),
    RequestCode(
        code="malformed_json",
        status=400,
        title="Not JSON",
        meaning="The body is not strict JSON and no single item could be set apart as the cause, or "
        "it ends early: before its length, or inside its gzip or zstd.",
        phone_must="Halve the batch and send each half, which also sends again what was cut on the "
        "way; see Splitting.",
    ),
    RequestCode(
        code="invalid_request",
        status=422,
        title="A field of the request is wrong",
        meaning="A field outside the items is missing, unknown, of the wrong type or out of range, "
        "`items` itself too. `where` is its place.",
        phone_must="Halve the batch, down to an empty push; see Splitting. Where that is refused "
        "too, keep the items, report the fault, and go on with back-off.",
    ),
    RequestCode(
        code="unsupported_encoding",
        status=415,
        title="Encoding not supported",
        meaning="The body is not application/json, or its Content-Encoding is none of gzip, zstd "
        "and identity, or its bytes are not of that encoding.",
        phone_must="Send it again without compression.",
    ),
    RequestCode(
        code="token_invalid",
        status=401,
        title="Token not valid",
        meaning="The bearer token is missing, unknown, rotated away or revoked.",
        phone_must="Stop syncing, keep everything, ask the person to enrol again; items that were "
        "not acknowledged are sent after that.",
    ),
    RequestCode(
        code="code_invalid",
        status=401,
        title="Enrolment code not valid",
        meaning="The code is wrong, used, too old, or was tried too often.",
        phone_must="Ask the person for a new code; a device that is enrolled goes on.",
    ),
    RequestCode(
        code="device_draining",
        status=403,
        title="Device is draining",
        meaning="The device may still push what it holds, and may do nothing else, also after it was "
        "told to wipe.",
        phone_must="Stop pulling, digesting and rotating. Push, an empty batch where nothing is left, "
        'until a push answers `then: "wipe"`.',
    ),
    RequestCode(
        code="device_mismatch",
        status=403,
        title="Not the device of the token",
        meaning="`device_id` is not the device that the token belongs to.",
        phone_must="Use the device_id and the token of the same enrolment; until then back-off.",
    ),
    RequestCode(
        code="cursor_invalid",
        status=400,
        title="Cursor not valid",
        meaning="The cursor was not made by this server for this person.",
        phone_must="Repair by digest, which gives a new cursor.",
    ),
    RequestCode(
        code="cursor_too_old",
        status=409,
        title="Cursor too old",
        meaning="Changes since the cursor have been purged.",
        phone_must="Repair by digest, which gives a new cursor.",
    ),
    RequestCode(
        code="epoch_changed",
        status=409,
        title="The server was restored",
        meaning="The cursor belongs to another epoch: the server's database was restored. `epoch` is "
        "the present one.",
        phone_must="Resend every kept item that `epoch` has not answered, and repair by digest; see "
        "Receipts, watermark and epoch.",
    ),
    RequestCode(
        code="scope_too_large",
        status=409,
        title="Scope too large",
        meaning="The person is to work with more records than one phone may be given (`limit`).",
        phone_must="Keep what is held, go on pushing, tell the person to ask for a smaller scope, "
        "and try again after an hour.",
    ),
    RequestCode(
        code="contract_unknown",
        status=400,
        title="Contract not known",
        meaning="A pull, a digest or an enrolment names a contract that the server does not have. "
        "A push is never refused for that.",
        phone_must="Go on pushing, the rest with back-off, until the app or the server is updated.",
    ),
    RequestCode(
        code="busy",
        status=503,
        title="Busy",
        meaning="The server takes no more work just now.",
        phone_must=_AGAIN,
    ),
    RequestCode(
        code="too_slow",
        status=408,
        title="Request took too long",
        meaning="The body did not arrive, or was not dealt with, in time.",
        phone_must=_AGAIN + " After the third time halve the batch.",
    ),
    RequestCode(
        code="not_found",
        status=404,
        title="No such address",
        meaning="There is nothing at this path; or no record in the person's scope names this body; or this "
        "upload is none of the device's.",
        phone_must="Back-off; check the server address that was configured; keep everything. Of a "
        "body: pull; fetch it again only when a record comes that names it. Of an upload: announce the file anew.",
    ),
    RequestCode(
        code="method_not_allowed",
        status=405,
        title="Method not allowed",
        meaning="The path exists, but not with this method.",
        phone_must="Back-off. Use the method of this document; a proxy may have turned a POST into "
        "a GET.",
    ),
    RequestCode(
        code="internal",
        status=500,
        title="Something went wrong",
        meaning="A fault of the server. Whether the request had an effect is not known.",
        phone_must=_AGAIN,
    ),
    RequestCode(
        code="not_ready",
        status=503,
        title="Not ready",
        meaning="The server starts, stops, or cannot reach its database.",
        phone_must=_AGAIN,
    ),
    RequestCode(
        code="too_many_tries",
        status=429,
        title="Too many tries",
        meaning="Too many enrolments were tried from here.",
        phone_must="Wait for Retry-After before the person may try again.",
    ),
    RequestCode(
        code="tus_version",
        status=412,
        title="Another version of tus",
        meaning="An upload's request does not say `Tus-Resumable: 1.0.0`.",
        phone_must="Mend the program: every request of an upload says it, OPTIONS excepted.",
    ),
    RequestCode(
        code="upload_header",
        status=400,
        title="A header of an upload is wrong",
        meaning="A header of an upload's request is missing or cannot be read. `where` names it.",
        phone_must="Mend the program; set the file aside and go on with the others.",
    ),
    RequestCode(
        code="not_octets",
        status=415,
        title="Not application/offset+octet-stream",
        meaning="The bytes of an upload came under another Content-Type, or packed.",
        phone_must="Mend the program: files are sent as they are.",
    ),
    RequestCode(
        code="offset_differs",
        status=409,
        title="Not the offset of the upload",
        meaning="The bytes were to begin elsewhere than where the upload is, or another request has gone "
        "on with it meanwhile. Nothing of them was kept.",
        phone_must="Ask with HEAD how far the upload is, and go on from there.",
    ),
    RequestCode(
        code="upload_gone",
        status=410,
        title="The upload is over",
        meaning="The upload was ended, its bytes were dropped, or it has expired.",
        phone_must="Announce the file anew and send it from its begin.",
    ),
    RequestCode(
        code="file_too_large",
        status=413,
        title="File too large",
        meaning="The file is larger than `limit` bytes, or more bytes came than it was announced with.",
        phone_must="Take pictures in a smaller size. Set the file aside, and show the person why.",
    ),
    RequestCode(
        code="checksum_differs",
        status=460,
        title="The checksum differs",
        meaning="The bytes of this request do not have the checksum of `Upload-Checksum`. They were dropped, "
        "the upload is where it was.",
        phone_must="Send the same bytes again, at the same offset.",
    ),
    RequestCode(
        code="digest_differs",
        status=422,
        title="The digest differs",
        meaning="All bytes are there, and their SHA-256 is not the one that was announced: they were dropped, and "
        "the upload is over. Or a file of this digest is there with another size.",
        phone_must="Read the file anew. Where its digest is still the announced one, announce and send it once "
        "more; where it is not, the file was changed: set it aside and show the person.",
    ),
    RequestCode(
        code="too_many_uploads",
        status=429,
        title="Too many unfinished uploads",
        meaning="The phone has `limit` uploads that are not finished.",
        phone_must="Finish them or end them. Wait for Retry-After before another is announced.",
    ),
    RequestCode(
        code="quota_reached",
        status=429,
        title="Too many bytes within a day",
        meaning="The phone may announce `limit` bytes within 24 hours.",
        phone_must="Go on with what is announced; announce nothing before Retry-After.",
    ),
    RequestCode(
        code="disk_full",
        status=507,
        title="No room for files",
        meaning="The server has no room for files now. What it had kept of them stays.",
        phone_must="Keep the files; go on with pushing and pulling. Send no file before Retry-After.",
    ),
)

RETIRED: Final[tuple[str, ...]] = ()
"""Codes that were once sent, and never will be again."""

REQUEST_CODES_BY_NAME: Final = {each.code: each for each in REQUEST_CODES}
ITEM_CODES_BY_NAME: Final = {each.code: each for each in ITEM_CODES}


def said(faults: tuple[Fault, ...], whole: str) -> str:
    """Several faults as one text, the first ones in full; ``whole`` is what has them."""
    words = "; ".join(fault.said_of(whole) for fault in faults[:FAULTS_NAMED])
    return words if len(faults) <= FAULTS_NAMED else f"{words}; and more"


class RequestRefused(Exception):
    """A whole request was refused: nothing of it is kept. ``code`` is one of REQUEST_CODES."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        where: str | None = None,
        limit: int | None = None,
        retry_after_s: int | None = None,
        epoch: str | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.known = REQUEST_CODES_BY_NAME[code]
        self.code = code
        self.status = self.known.status
        self.detail = detail
        self.where = where
        self.limit = limit
        self.retry_after_s = retry_after_s
        self.epoch = epoch

    def document(self) -> dict[str, Any]:
        """The body of the answer, application/problem+json (RFC 9457)."""
        said_too = {
            "where": self.where,
            "limit": self.limit,
            "retry_after_s": self.retry_after_s,
            "epoch": self.epoch,
        }
        return {
            "type": f"urn:roadbook:problem:{self.code}",
            "title": self.known.title,
            "status": self.status,
            "code": self.code,
            "detail": plain(self.detail),
            **{name: value for name, value in said_too.items() if value is not None},
        }


class ItemRefused(Exception):
    """One item cannot be read: it is to be quarantined. ``code`` is one of ITEM_CODES.

    ``op_id``, ``kind`` and ``entity_id`` are there whenever they could be read, else None. All
    texts are safe to store and to send: no NUL, no lone surrogates, bounded.
    """

    def __init__(
        self,
        code: str,
        faults: tuple[Fault, ...],
        *,
        op_id: str | None = None,
        kind: str | None = None,
        entity_id: str | None = None,
    ) -> None:
        super().__init__(code, faults)
        self.known = ITEM_CODES_BY_NAME[code]
        self.code = code
        self.faults = faults
        self.where = faults[0].where or None
        self.detail = said(faults, "The item")[:1_000]
        self.op_id = op_id
        self.kind = kind
        self.entity_id = entity_id
