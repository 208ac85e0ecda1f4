"""Schemas of every request and every answer: what is around the records."""

from collections.abc import Iterable
from typing import Any, Final

from mobile_contract.fields import (
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Bool,
    Choice,
    FreeObject,
    Id,
    Int,
    ListOf,
    MapOf,
    Millis,
    PairOf,
    Part,
    Pattern,
    Sha256,
    Text,
    Uptime,
    WireField,
)
from mobile_contract.problems import ITEM_CODES, ITEM_STATUSES
from mobile_contract.records import KINDS
from mobile_contract.records.evidence import version
from mobile_contract.schema import WireSchema
from mobile_contract.version import (
    CONTRACT_MAX,
    DIGEST_BUCKETS,
    DIGEST_IDS,
    ITEMS_PER_PUSH,
    PULL_CHANGES,
)

KIND_MAX: Final = 40
DEPENDS_ON_MAX: Final = 16
MEDIA_MAX: Final = 20
MEDIA_BYTES_MAX: Final = 2**40
CURSOR_MAX: Final = 4_096
BUCKETS_PER_KIND: Final = 256
BUCKET_PATTERN: Final = r"[0-9a-f]{2}"
HASH_PATTERN: Final = r"[0-9a-f]{16}"


def contract() -> Int:
    """The contract that a body is written in."""
    return Int(1, CONTRACT_MAX, about="the contract that this is written in")


def epoch() -> Text:
    """The epoch of the server's database."""
    return Text(1, 100, about="changes when the server's database is restored; compare as text")


def watermark() -> Millis:
    """What backups cover."""
    return Millis(
        presence=NULLABLE,
        about="items with a receipt up to it are in the backups; null: not known",
    )


def received_at() -> Millis:
    """The server's clock when it read the request."""
    return Millis(about="the server's clock when it read the request")


def bucket() -> Pattern:
    """The first two digits of an id."""
    return Pattern(BUCKET_PATTERN, "two lowercase hexadecimal digits")


def short_hash() -> Pattern:
    """A record hash or a bucket digest."""
    return Pattern(HASH_PATTERN, "16 lowercase hexadecimal digits")


class Anything(WireField):
    """Any JSON value: its own schema checks it."""


# --- enrolment ----------------------------------------------------------------------------------


class DeviceFacts(WireSchema):
    """What the phone is."""

    model = Text(1, 100, about="maker and model")
    os = Text(1, 100, about="system and version")
    app_version = Text(1, 40, about="version of the app")


class EnrolRequest(WireSchema):
    """POST /v1/devices/enrol, without a token."""

    contract = contract()
    code = Text(1, 100, about="the one-time code, as the person typed it")
    device = Part(DeviceFacts, about="what the phone is")


class CompanyFacts(WireSchema):
    """The company of the device."""

    code = Text(1, 40, about="short code")
    name = Text(1, 200, about="name")
    time_zone = Text(1, 64, about="IANA name")


class PersonFacts(WireSchema):
    """The person of the device."""

    id = Id(about="person_id in records")
    name = Text(1, 200, about="name")


class Limits(WireSchema):
    """The bounds of requests; see Bounds."""

    body_bytes = Int(1, JSON_INT_MAX, about="body on the wire", unit="bytes")
    body_unpacked_bytes = Int(1, JSON_INT_MAX, about="body after unpacking", unit="bytes")
    items_per_push = Int(1, JSON_INT_MAX, about="items in one push")
    item_bytes = Int(1, JSON_INT_MAX, about="one item as sent", unit="bytes")
    json_depth = Int(1, JSON_INT_MAX, about="nesting of objects and lists")
    pull_changes = Int(1, JSON_INT_MAX, about="largest limit of a pull")
    digest_buckets = Int(1, JSON_INT_MAX, about="buckets in the second step of a digest")
    digest_ids = Int(1, JSON_INT_MAX, about="records in the second step of a digest")


class EnrolAnswer(WireSchema):
    """201 to an enrolment."""

    device_id = Id(about="goes into every push")
    token = Text(1, 400, about="bearer token; keep it in the system's key store")
    company = Part(CompanyFacts, about="the company")
    person = Part(PersonFacts, about="whose phone this is now")
    epoch = epoch()
    limits = Part(Limits, about="bounds of requests")


class TokenRequest(WireSchema):
    """POST /v1/devices/token: an empty object."""


class TokenAnswer(WireSchema):
    """200 to a rotation."""

    token = Text(1, 400, about="the new token; the old one works until this one was used in a push")


# --- push ---------------------------------------------------------------------------------------


class Outbox(WireSchema):
    """What the phone still holds unacknowledged, this batch included."""

    count = Int(0, JSON_INT_MAX, about="items not yet acknowledged, with those of this batch")
    oldest_at = Millis(presence=NULLABLE, about="captured_at of the oldest of them; null: none")
    bytes = Int(0, JSON_INT_MAX, about="their size", unit="bytes")


class PushRequest(WireSchema):
    """POST /v1/push."""

    contract = contract()
    device_id = Id(about="as given at enrolment")
    batch_id = Id(about="new for every request; only for finding it in logs")
    sent_at = Millis(about="wall clock of the phone at sending")
    boot_id = Id(about="made anew at every start of the phone")
    uptime_ms = Uptime(about="monotonic clock at sending")
    app_version = Text(1, 40, about="version of the app")
    outbox = Part(Outbox, about="what the phone holds")
    items = ListOf(
        Anything(presence=NULLABLE), ITEMS_PER_PUSH, about="the items, each judged by itself"
    )


class Media(WireSchema):
    """One file that belongs to the record; its bytes travel apart."""

    sha256 = Sha256(about="digest of the file's bytes")
    size = Int(0, MEDIA_BYTES_MAX, about="size of the file", unit="bytes")
    role = Text(1, 40, about="what the file is to the record, like storefront")


class ItemRequest(WireSchema):
    """One item of a push."""

    op_id = Id(about="made once for this item; the same for every sending of it")
    kind = Text(1, KIND_MAX, about="kind of the record")
    entity_id = Id(about="id of the record; for a create made by the phone")
    op = Text(1, KIND_MAX, about="what is done to it")
    base_version = version(
        presence=OPTIONAL, about="version that the person saw; required by some ops"
    )
    depends_on = ListOf(
        Id(),
        DEPENDS_ON_MAX,
        presence=OPTIONAL,
        about="entity ids that must be there first, beyond those that the payload names",
    )
    captured_at = Millis(about="wall clock when the person did it")
    captured_boot_id = Id(about="the start of the phone in which it was captured")
    captured_uptime_ms = Uptime(about="monotonic clock when it was captured")
    gps_time = Millis(presence=OPTIONAL, about="time by the satellites at capture, where known")
    payload = Anything(presence=NULLABLE, about="an object, by kind and op; never null")
    media = ListOf(Part(Media), MEDIA_MAX, presence=OPTIONAL, about="files of the record")


class ItemResult(WireSchema):
    """What became of one item. Names that do not apply are absent or null."""

    op_id = Id(presence=NULLABLE, about="null where it could not be read")
    status = Choice(tuple(each.status for each in ITEM_STATUSES), about="see Results")
    receipt = Millis(about="received_at of the push that first brought the item")
    version = version(presence=OPTIONAL, about="version of the record with the item's effect")
    code = Choice(
        tuple(each.code for each in ITEM_CODES), presence=OPTIONAL, about="why it is quarantined"
    )
    where = Text(0, 300, presence=OPTIONAL, about="place of the fault in the item")
    detail = Text(0, 1_000, presence=OPTIONAL, about="the fault in words, for logs")
    missing = ListOf(Id(), 100, presence=OPTIONAL, about="records that the item waits for")
    merged = MapOf(
        Text(1, KIND_MAX),
        FreeObject(),
        50,
        presence=OPTIONAL,
        about="what others had changed and the edit left alone: by field of the record {kept, lost}, "
        "the value now and the one that the base had",
    )
    conflict_id = Id(presence=OPTIONAL, about="the conflict that was opened")
    proposal_id = Id(presence=OPTIONAL, about="the proposal that was made")
    first = FreeObject(presence=OPTIONAL, about="of a duplicate: the first result, whole")
    retry_after_ms = Int(
        0, JSON_INT_MAX, presence=OPTIONAL, about="of a retry: not before", unit="ms"
    )


class PushAnswer(WireSchema):
    """200 to a push: it was committed before this was sent."""

    contract = contract()
    epoch = epoch()
    received_at = received_at()
    watermark = watermark()
    then = Choice(("wipe",), presence=NULLABLE, about="wipe: see Drain, then wipe")
    results = ListOf(
        Part(ItemResult), ITEMS_PER_PUSH, about="one for each item, in the order of the items"
    )


# --- pull and digest ----------------------------------------------------------------------------


class PullRequest(WireSchema):
    """POST /v1/pull."""

    contract = contract()
    cursor = Text(1, CURSOR_MAX, presence=NULLABLE, about="as last given; null: from nothing")
    limit = Int(
        1, PULL_CHANGES, presence=OPTIONAL, about="changes a page; absent: 500; may be cut short"
    )


class Change(WireSchema):
    """One change of the phone's scope."""

    kind = Choice(KINDS, about="kind of the record")
    id = Id(about="id of the record")
    version = Int(0, JSON_INT_MAX, about="ignore the change where the phone holds a higher one")
    op = Choice(("put", "evict", "delete"), about="see Pull")
    fields_ = FreeObject(
        presence=OPTIONAL, data_key="fields", about="of a put: the record, whole, by kind"
    )


class PullAnswer(WireSchema):
    """200 to a pull."""

    contract = contract()
    epoch = epoch()
    watermark = watermark()
    received_at = received_at()
    changes = ListOf(Part(Change), PULL_CHANGES, about="to be applied in this order")
    cursor = Text(1, CURSOR_MAX, about="save it with the changes, in one transaction")
    complete = Bool(about="false: pull again at once with this cursor")


def _one_step(request: Any) -> Iterable[tuple[str, str]]:
    if (request.buckets is None) == (request.held is None):
        yield "", "must have either buckets or held"


def _held_within_bounds(request: Any) -> Iterable[tuple[str, str]]:
    if not isinstance(request.held, dict):
        return
    kinds = [kind for kind in request.held.values() if isinstance(kind, dict)]
    if sum(map(len, kinds)) > DIGEST_BUCKETS:
        yield "held", f"must hold at most {DIGEST_BUCKETS} buckets over all kinds"
    rows = [len(rows) for kind in kinds for rows in kind.values() if isinstance(rows, list)]
    if sum(rows) > DIGEST_IDS:
        yield "held", f"must hold at most {DIGEST_IDS} records over all kinds"


class DigestRequest(WireSchema):
    """POST /v1/digest: buckets in the first step, held in the second."""

    rules = (_one_step,)
    bounds = (_held_within_bounds,)

    contract = contract()
    buckets = MapOf(
        Choice(KINDS),
        MapOf(bucket(), short_hash(), BUCKETS_PER_KIND),
        len(KINDS),
        presence=OPTIONAL,
        about="first step: kind → bucket → bucket digest; empty buckets are left out",
    )
    held = MapOf(
        Choice(KINDS),
        MapOf(bucket(), ListOf(PairOf(Id(), short_hash()), DIGEST_IDS), BUCKETS_PER_KIND),
        len(KINDS),
        presence=OPTIONAL,
        about="second step: kind → bucket → [[id, record hash], …]; an empty list is allowed",
    )


class DigestStepOneAnswer(WireSchema):
    """200 to the first step of a digest."""

    contract = contract()
    epoch = epoch()
    watermark = watermark()
    cursor = Text(1, CURSOR_MAX, about="adopt it when every bucket of differs is repaired")
    differs = MapOf(
        Choice(KINDS),
        ListOf(bucket(), BUCKETS_PER_KIND),
        len(KINDS),
        about="kind → buckets that differ",
    )
    records = Int(0, JSON_INT_MAX, about="number of records in the scope")


class DigestStepTwoAnswer(WireSchema):
    """200 to the second step of a digest. The number of changes is not bounded by a page."""

    contract = contract()
    epoch = epoch()
    watermark = watermark()
    changes = ListOf(
        Part(Change), JSON_INT_MAX, about="what makes the named buckets equal to the server's"
    )


class Problem(WireSchema):
    """Any answer of 4xx and 5xx: application/problem+json (RFC 9457)."""

    type = Text(1, 200, about="urn:roadbook:problem:<code>")
    title = Text(1, 100, about="the code in words")
    status = Int(400, 599, about="the HTTP status")
    code = Text(1, 40, about="see Refused requests; decide by this alone")
    detail = Text(0, 300, about="what happened, in words, for logs")
    where = Text(0, 300, presence=OPTIONAL, about="place of the fault in the request")
    limit = Int(0, JSON_INT_MAX, presence=OPTIONAL, about="the bound that was passed")
    retry_after_s = Int(
        0, JSON_INT_MAX, presence=OPTIONAL, about="as the header Retry-After", unit="s"
    )
    epoch = Text(1, 100, presence=OPTIONAL, about="of epoch_changed: the present epoch")
