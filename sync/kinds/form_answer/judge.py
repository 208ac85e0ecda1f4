"""Judging filled-in forms: each by the version of its template that it names, for ever.

What follows from the answers is worked out again, by the rules that the phone has (mobile_contract/forms).
A difference is a flag. Only what cannot be read as an answer to that version is kept for a person.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from mobile_contract.forms.filling import Filling, NotOfTemplate, fill_in
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import Template
from sync.clock import Moment, business_day
from sync.direct import Value, rows_of
from sync.document import encode_document
from sync.evidence import captured, witness
from sync.flag import Flag
from sync.form_versions import VERSIONS, version_id
from sync.kinds.form_answer.flags import form_flags
from sync.record_kind import (
    Accepted,
    Arrived,
    Context,
    Known,
    Load,
    Missing,
    Outcome,
    Record,
    RecordKind,
    Rejected,
)
from sync.rights import id_taken, in_scope, own_named, own_record, right_of
from sync.rows import RowSet, array
from sync.senders import Sender
from sync.unit_of_work import UnitOfWork

# Whoever makes visits fills in forms.
ROLES = frozenset({"rep", "supervisor", "regional_manager", "auditor", "driver"})
STORE, VISIT = 1, 4

ANSWERS = RowSet(
    "form_answer",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("template_id", "uuid"),
        ("template_version", "int4"),
        ("visit_id", "uuid"),
        ("store_id", "uuid"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("business_day", "date"),
        ("answered_at", "timestamptz"),
        ("score_over", "int8"),
        ("score_out_of", "int8"),
        ("score_e2", "int4"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version,"
    " score_over = excluded.score_over, score_out_of = excluded.score_out_of,"
    " score_e2 = excluded.score_e2, flags = excluded.flags",
)
ANSWER_VERSIONS = RowSet(
    "form_answer_version",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("device_id", "uuid"),
        ("reason", "text"),
        ("answered", "jsonb"),
        ("trust", "text"),
        ("answers", "jsonb"),
        ("computed", "jsonb"),
        ("points", "jsonb"),
        ("sent", "jsonb"),
        ("received_at", "timestamptz"),
    ),
    # Two phones that make one record meet at the record's own key, which tells a race from a refusal.
    "on conflict do nothing",
)
MEASURES = RowSet(
    "form_measure",
    (
        ("answer_id", "uuid"),
        ("measure", "text"),
        ("store_id", "uuid"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("business_day", "date"),
        ("numerator", "int8"),
        ("denominator", "int8"),
        ("product_ids", "uuid[]"),
        ("numerators", "int8[]"),
        ("denominators", "int8[]"),
    ),
    "on conflict (company_id, answer_id, measure) do update set"
    " numerator = excluded.numerator, denominator = excluded.denominator,"
    " product_ids = excluded.product_ids, numerators = excluded.numerators,"
    " denominators = excluded.denominators",
)


class NamedVersions:
    """The versions that a batch names: those that this process had read, and the others as they are
    stored. What the process keeps may change meanwhile; what a batch has does not.
    """

    def __init__(self, company_id: int, ids: Iterable[str]) -> None:
        self._company_id = company_id
        self._read: dict[str, Template] = {}
        self._definitions: dict[str, str] = {}
        self.unread: list[str] = []
        for id_ in sorted(set(ids)):
            template = VERSIONS.of(company_id, id_)
            if template is None:
                self.unread.append(id_)
            else:
                self._read[id_] = template

    def add(self, id_: str, definition: str) -> None:
        """Have a version by its definition; it is read when an answer is judged by it."""
        self._definitions[id_] = definition

    def of(self, template_id: str, version: int) -> Template | None:
        """The version, if the company has it."""
        id_ = version_id(template_id, version)
        template = self._read.get(id_) or VERSIONS.of(self._company_id, id_)
        if template is None and id_ in self._definitions:
            template = VERSIONS.read(self._company_id, id_, self._definitions[id_])
        return template


def _load_versions(
    uow: UnitOfWork, _sender: Sender, items: Sequence[Arrived], known: Mapping[str, Known]
) -> NamedVersions:
    """The version that each new answer names, and that of each answer which is corrected."""
    ids = []
    for item in items:
        if item.op == "create":
            ids.append(version_id(item.payload.template_id, item.payload.template_version))
            continue
        answer = known.get(item.entity_id)
        if answer is not None and answer.kind == FORM_ANSWER.number:
            fields = answer.fields
            ids.append(version_id(fields["template_id"], fields["template_version"]))
    named = NamedVersions(uow.company_id, ids)
    if named.unread:
        unread: dict[str, Value] = {
            "company": uow.company_id,
            "ids": array("uuid", named.unread),
        }
        for id_, definition in rows_of(uow.driver, _DEFINITIONS, unread):
            named.add(id_, definition)
    return named


_DEFINITIONS = (
    "select v.id::text, v.definition::text from form_template_version v"
    " where v.company_id = %(company)s and v.id = any(%(ids)s::uuid[])"
)
NAMED_VERSIONS = Load(name="form template versions", load=_load_versions)


class _Begun(NamedTuple):
    """What a new answer is about."""

    visit: Known
    template: Template


class _Judged(NamedTuple):
    """A version of an answer, as it is written."""

    fields: dict[str, Any]
    filling: Filling
    moment: Moment
    answered: dict[str, Any] | None
    reason: str | None
    photos: tuple[dict[str, Any], ...]


def mentions(item: Arrived) -> tuple[str, ...]:
    """The visit that a new answer names, and its store."""
    if item.op != "create":
        return ()
    return (item.payload.visit_id, item.payload.store_id)


def create(item: Arrived, context: Context) -> Outcome:
    """A form was filled in."""
    taken = id_taken(item, context)
    if taken is not None:
        return taken
    sender, payload, policy = context.sender, item.payload, context.policy
    answered = witness(payload.answered, item, policy)
    begun = _begin(item, context, answered.moment)
    if not isinstance(begun, _Begun):
        return begun
    day = business_day(answered.moment.corrected_at, policy.time_zone)
    fields = {
        "template_id": payload.template_id,
        "template_version": payload.template_version,
        "visit_id": payload.visit_id,
        "store_id": payload.store_id,
        "person_id": sender.person_id,
        "position_id": begun.visit.fields["position_id"],
        "business_day": day.isoformat(),
        "answered_at": answered.moment.corrected_at,
    }
    flags = list(answered.moment.flags)
    if answered.is_mock:
        flags.append({"flag": "mock_location", "answered": 1})
    if payload.store_id != begun.visit.fields["store_id"]:
        flags.append({"flag": "other_store"})
    judged = _judged(item, begun.template, fields, flags, answered.moment, answered.wire)
    if isinstance(judged, Rejected):
        return judged
    return _accepted(item, context, judged, 1, keys=(sender.person_id,))


def correct(item: Arrived, context: Context) -> Outcome:
    """A form was filled in wrongly: a new version says so, the old one stays.

    The sender's own answers only, so that a correction which knew an older version is no conflict
    of two people: the later one holds, says so, and each stays.
    """
    known = own_record(context, item, FORM_ANSWER.number)
    if not isinstance(known, Known):
        return known
    moment = captured(item, context.policy)
    right = right_of(context, item, moment, ROLES)
    if isinstance(right, Rejected):
        return right
    base_version = item.base_version or 0
    if base_version > known.version:
        return Rejected(
            "wrong_base_version",
            "base_version",
            f"The record is at version {known.version}; it never had version {base_version}.",
        )
    before = known.fields
    template = _template_of(context, before["template_id"], before["template_version"])
    if template is None:
        raise LookupError("the version that an answer was judged by is gone")
    flags = [flag for flag in before["flags"] if _is_of_first(flag)]
    if base_version < known.version:
        flags.append(
            {
                "flag": "corrected_meanwhile",
                "base_version": base_version,
                "version": known.version,
            }
        )
    judged = _judged(item, template, before, flags, moment, None)
    if isinstance(judged, Rejected):
        return judged
    return _accepted(item, context, judged, known.version + 1)


# ---- what the ops share ---------------------------------------------------------------------


def _is_of_first(flag: Flag) -> bool:
    """Whether a flag is about when and where the form was filled in: it stays."""
    name = str(flag["flag"])
    return name.startswith("clock_") or name in {"mock_location", "other_store"}


def _begin(item: Arrived, context: Context, moment: Moment) -> _Begun | Missing | Rejected:
    """The visit and the version, or what stands against them.

    The visit is the sender's own. Its store has been judged with it; another one has to be in scope.
    """
    payload = item.payload
    right = right_of(context, item, moment, ROLES)
    if isinstance(right, Rejected):
        return right
    visit = own_named(context, payload.visit_id, VISIT, "payload.visit_id")
    if not isinstance(visit, Known):
        return visit
    if payload.store_id != visit.fields["store_id"]:
        store = in_scope(context, item, moment, payload.store_id, STORE, "payload.store_id")
        if not isinstance(store, Known):
            return store
    template = _template_of(context, payload.template_id, payload.template_version)
    if template is None:
        words = "The form has no such version here."
        return Rejected("template_unknown", "payload.template_version", words)
    return _Begun(visit, template)


def _template_of(context: Context, template_id: str, version: int) -> Template | None:
    """The version of a template, if the company has it."""
    named: NamedVersions = context.reads[NAMED_VERSIONS.name]
    return named.of(template_id, version)


def _judged(
    item: Arrived,
    template: Template,
    fields: dict[str, Any],
    flags: list[Flag],
    moment: Moment,
    answered: dict[str, Any] | None,
) -> _Judged | Rejected:
    """What follows from the answers that an item brings."""
    payload = item.payload
    day = day_number(date.fromisoformat(fields["business_day"]))
    try:
        filling = fill_in(template, payload.answers, day)
    except NotOfTemplate as fault:
        return Rejected(fault.code, fault.where, f"{fault.where} {fault.words}")
    flags = flags + form_flags(filling, sent=payload.computed, sent_score_e2=payload.score_e2)
    reason = None if answered is not None else payload.reason
    return _Judged(
        {**fields, "score_e2": filling.score_e2, "flags": flags},
        filling,
        moment,
        answered,
        reason,
        _photos(template, filling, payload.answers),
    )


def _photos(
    template: Template, filling: Filling, answers: dict[str, Any]
) -> tuple[dict[str, Any], ...]:
    """The files that answer its questions, so that they stay as long as what names them."""
    shown = set(filling.shown)
    return tuple(
        {"sha256": digest, "role": question.code}
        for question in template.questions
        if question.type == "PHOTO" and question.code in shown
        for digest in answers.get(question.code) or ()
    )


def _accepted(
    item: Arrived,
    context: Context,
    judged: _Judged,
    version: int,
    *,
    keys: tuple[str, ...] | None = None,
) -> Accepted:
    """The answer's new document, and its rows for pages and measures."""
    fields, filling, payload = judged.fields, judged.filling, item.payload
    day = date.fromisoformat(fields["business_day"])
    id_ = item.entity_id
    answer = (
        id_,
        version,
        fields["template_id"],
        fields["template_version"],
        fields["visit_id"],
        fields["store_id"],
        fields["person_id"],
        fields["position_id"],
        day,
        fields["answered_at"],
        filling.score_over,
        filling.score_out_of,
        filling.score_e2,
        [flag["flag"] for flag in fields["flags"]],
        item.received_at,
    )
    points = {each.code: [each.weight, each.points, each.full] for each in filling.points}
    answers = (
        id_,
        version,
        context.sender.device_id,
        judged.reason,
        None if judged.answered is None else encode_document(judged.answered),
        judged.moment.trust.value,
        encode_document(payload.answers),
        encode_document(filling.computed),
        encode_document(points),
        encode_document({"computed": payload.computed or {}, "score_e2": payload.score_e2}),
        item.received_at,
    )
    measures = [
        (
            id_,
            each.measure,
            fields["store_id"],
            fields["person_id"],
            fields["position_id"],
            day,
            each.over,
            each.out_of,
            [product for product, _, _ in each.by_product],
            [str(over) for _, over, _ in each.by_product],
            [str(out_of) for _, _, out_of in each.by_product],
        )
        for each in filling.measured
    ]
    return Accepted(
        record=Record(id_, FORM_ANSWER, fields, keys),
        rows=(
            (ANSWERS, id_, answer),
            (ANSWER_VERSIONS, f"{id_} {version}", answers),
            *((MEASURES, f"{id_} {row[1]}", row) for row in measures),
        ),
        media=judged.photos,
    )


FORM_ANSWER = RecordKind(
    name="form_answer",
    number=11,
    ops={"create": create, "correct": correct},
    mentions=mentions,
    reads=(NAMED_VERSIONS,),
)
