"""audit_visit: what a rep brings for an activity at a visit. Append-only, with corrections; from contract 2 on."""

from collections.abc import Iterable
from typing import Any, Final

from msgspec import UNSET

from mobile_contract.fields import (
    CHANGE,
    CHANGE_NULLABLE,
    JSON_INT_MAX,
    NULLABLE,
    OPTIONAL,
    Choice,
    Day,
    Id,
    Int,
    ListOf,
    Millis,
    Part,
    Pattern,
    Sha256,
    Text,
)
from mobile_contract.records.activity import (
    ITEM_PATTERN,
    ITEM_SAID,
    STANDARDS_MAX,
    STANDARDS_VERSION_MAX,
)
from mobile_contract.records.contract import RecordContract
from mobile_contract.records.evidence import Clock, Event, Flag, HeldEvent
from mobile_contract.records.visit import FLAGS_MAX, changes_something
from mobile_contract.schema import WireSchema

AUDIT_ANSWERS: Final = ("DONE", "NOT_DONE", "NOT_APPLICABLE")
AUDIT_PHOTOS_MAX: Final = 200
AUDIT_PHOTO_BYTES_MAX: Final = 2**40
AUDIT_NOTE_MAX: Final = 400
APPEAL_REASON_MAX: Final = 1_000
VERDICT_REASON_MAX: Final = 400
ITEM_VERDICTS: Final = ("PASS", "FAIL", "NOT_APPLICABLE")
VERDICT_RESULTS: Final = ("PASS", "FAIL")
VERDICT_STATES: Final = ("JUDGED", "APPEALED", "FINAL")


def named_once(brought: Any) -> Iterable[tuple[str, str]]:
    """An item is answered at most once; a photo shows one item at most once."""
    if brought.answers is not UNSET and brought.answers is not None:
        items = [answer.item for answer in brought.answers]
        if len(set(items)) < len(items):
            yield "answers", "must answer each item at most once"
    if brought.photos is not UNSET and brought.photos is not None:
        shown = [(photo.item, photo.sha256) for photo in brought.photos]
        if len(set(shown)) < len(shown):
            yield "photos", "must name each photo of an item at most once"


class AuditAnswer(WireSchema):
    """What the rep says of one item of the checklist."""

    item = Pattern(ITEM_PATTERN, ITEM_SAID, about="the item of the standards")
    answer = Choice(AUDIT_ANSWERS, about="whether the store shows it")
    note = Text(0, AUDIT_NOTE_MAX, presence=OPTIONAL, about="free text")


class AuditPhoto(WireSchema):
    """A photo of one item; its bytes travel apart."""

    item = Pattern(ITEM_PATTERN, ITEM_SAID, about="the item of the standards that it shows")
    sha256 = Sha256(about="digest of the file's bytes")
    size = Int(0, AUDIT_PHOTO_BYTES_MAX, about="size of the file", unit="bytes")


class AuditVisitCreate(WireSchema):
    """What was brought for an activity at a visit."""

    rules = (named_once,)

    activity_store_id = Id(about="the store in the activity; waited for if the server lacks it")
    visit_id = Id(about="the visit at which it was brought; waited for if the server lacks it")
    position_id = Id(presence=OPTIONAL, about="the position it was brought for")
    standards_version = Int(
        1, STANDARDS_VERSION_MAX, about="version of the standards that the phone showed"
    )
    occurred = Part(Event, about="when and where")
    answers = ListOf(Part(AuditAnswer), STANDARDS_MAX, about="answers, each item at most once")
    photos = ListOf(Part(AuditPhoto), AUDIT_PHOTOS_MAX, about="the manifest of its photos")
    note = Text(0, 1_000, presence=OPTIONAL, about="free text")


class AuditVisitChanges(WireSchema):
    """The fields of an audit visit that a correction sets."""

    rules = (changes_something, named_once)

    answers = ListOf(
        Part(AuditAnswer), STANDARDS_MAX, presence=CHANGE, about="all answers, replacing the old"
    )
    photos = ListOf(
        Part(AuditPhoto),
        AUDIT_PHOTOS_MAX,
        presence=CHANGE,
        about="the whole manifest, replacing the old",
    )
    note = Text(0, 1_000, presence=CHANGE_NULLABLE, about="free text")


class AuditVisitCorrect(WireSchema):
    """It was reported wrongly or in part; a new version says so, the old one stays."""

    reason = Text(1, 200, about="why, in words for the auditor")
    changes = Part(AuditVisitChanges, about="what is set")


def named_once_in_appeal(appeal: Any) -> Iterable[tuple[str, str]]:
    """An item is appealed about at most once."""
    if len(set(appeal.items)) < len(appeal.items):
        yield "items", "must name each item at most once"


class AuditVisitAppeal(WireSchema):
    """The rep does not accept a verdict: another auditor looks at it. Once for each audit visit."""

    rules = (named_once_in_appeal,)

    items = ListOf(
        Pattern(ITEM_PATTERN, ITEM_SAID),
        STANDARDS_MAX,
        minimum=1,
        about="the failed items that it is about",
    )
    reason = Text(1, APPEAL_REASON_MAX, about="why, in words for the other auditor")


class ItemVerdict(WireSchema):
    """What an auditor says of one item of the checklist."""

    item = Pattern(ITEM_PATTERN, ITEM_SAID, about="the item of the standards")
    verdict = Choice(ITEM_VERDICTS, about="whether it passes")
    reason_code = Pattern(
        ITEM_PATTERN, ITEM_SAID, presence=NULLABLE, about="why it fails: a code of the company's"
    )
    reason = Text(0, VERDICT_REASON_MAX, presence=NULLABLE, about="why it fails, in words")


class HeldAppeal(WireSchema):
    """An appeal against a verdict, and what the verdict was."""

    items = ListOf(Pattern(ITEM_PATTERN, ITEM_SAID), STANDARDS_MAX, about="what it is about")
    reason = Text(1, APPEAL_REASON_MAX, about="why")
    appealed_at = Int(
        -JSON_INT_MAX,
        JSON_INT_MAX,
        about="when, corrected",
        unit="ms since 1970-01-01T00:00Z",
    )
    first = ListOf(
        Part(ItemVerdict), STANDARDS_MAX, about="the verdict that it is against, item by item"
    )


class HeldVerdict(WireSchema):
    """What auditors found."""

    id = Id(about="the verdict that counts now")
    state = Choice(VERDICT_STATES, about="where it stands")
    result = Choice(VERDICT_RESULTS, about="FAIL where an item fails")
    version = Int(1, JSON_INT_MAX, about="the version of the audit visit that was judged")
    standards_version = Int(1, STANDARDS_VERSION_MAX, about="the standards it was judged by")
    items = ListOf(Part(ItemVerdict), STANDARDS_MAX, about="item by item, as it counts now")
    judged_at = Millis(about="when")
    appeal_until = Millis(
        presence=NULLABLE, about="an appeal is captured before this moment; null: there is none"
    )
    appeal = Part(HeldAppeal, presence=NULLABLE, about="the appeal against it")


class AuditVisitDown(WireSchema):
    """An audit visit as the server holds it."""

    activity_store_id = Id(about="the store in the activity")
    activity_id = Id(about="the activity")
    store_id = Id(about="the store in the activity")
    visit_id = Id(about="the visit")
    person_id = Id(about="who brought it")
    position_id = Id(presence=NULLABLE, about="the position it was brought for")
    business_day = Day(about="day of the corrected event time in the company's time zone")
    standards_version = Int(1, STANDARDS_VERSION_MAX, about="version that it was brought by")
    occurred = Part(HeldEvent, about="when and where")
    clock = Part(Clock, about="how its corrected time came about")
    answers = ListOf(Part(AuditAnswer), STANDARDS_MAX, about="answers, as sent")
    photos = ListOf(Part(AuditPhoto), AUDIT_PHOTOS_MAX, about="the manifest of its photos")
    note = Text(0, 1_000, presence=NULLABLE, about="free text")
    flags = ListOf(Flag(), FLAGS_MAX, about="what an auditor may want to look at")
    verdict = Part(
        HeldVerdict,
        presence=NULLABLE,
        about="what auditors found; null: nobody has judged it, and nobody may",
    )


AUDIT_VISIT: Final = RecordContract(
    kind="audit_visit",
    ops={
        1: {},
        2: {
            "create": AuditVisitCreate,
            "correct": AuditVisitCorrect,
            "appeal": AuditVisitAppeal,
        },
    },
    down={1: None, 2: AuditVisitDown},
    needs_base_version=frozenset({"correct"}),
)
