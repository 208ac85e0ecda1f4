"""What was answered to forms: lists, and one answer with all its versions.

With an asker only those answers are there that they may see: their own, and those of the positions
whose work they see. Denied and not there look the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from mobile_contract.fields import Id
from mobile_contract.forms.filling import Filling, fill_in
from mobile_contract.forms.rows import day_number
from mobile_contract.forms.template import read_published
from server.forms.errors import NoSuchAnswer
from server.identity.companies import company_day
from server.identity.permissions import visible_positions
from server.language import Said
from sync.document import decode_document
from sync.flag import Flag
from sync.unit_of_work import UnitOfWork

_SELECT = """
select a.id, a.version, t.code as form_code, a.template_version, v.definition ->> 'title' as title,
       v.definition -> 'titles' as titles,
       a.visit_id, a.store_id, s.code as store_code, s.name as store_name, a.person_id,
       n.name as person_name, a.business_day, a.answered_at, a.score_over, a.score_out_of,
       a.score_e2, a.flags, {answers} as answers
from ({picked}) a
join form_template t on t.company_id = a.company_id and t.id = a.template_id
join form_template_version v
  on v.company_id = a.company_id and v.template_id = a.template_id and v.version = a.template_version
left join store s on s.company_id = a.company_id and s.id = a.store_id
left join person n on n.company_id = a.company_id and n.id = a.person_id
order by a.business_day desc, a.answered_at desc, a.id desc
"""
# Which ones, before anything is looked up for them: definitions are long.
_PICKED = """
select a.* from form_answer a
where a.company_id = :company
  and (cast(:asker as uuid) is null or a.person_id = :asker or a.position_id = any(:seen))
"""
_is_id = Id().accepts
_NO_ANSWERS = "null::jsonb"
_ANSWERS = """
(select w.answers || w.computed from form_answer_version w
 where w.company_id = a.company_id and w.id = a.id and w.version = a.version)
"""
# Each restriction is there only where it is asked for, so that its index is used.
_ONLY = {
    "store_id": "and a.store_id = :store_id",
    "visit_id": "and a.visit_id = :visit_id",
    "person_id": "and a.person_id = :person_id",
    "day": "and a.business_day = :day",
    "form_code": "and a.template_id = (select f.id from form_template f"
    " where f.company_id = :company and f.code = :form_code)",
    "first_day": "and a.business_day >= :first_day",
    "last_day": "and a.business_day <= :last_day",
    "after_day": "and (a.business_day, a.answered_at, a.id) < (:after_day, :after_at, :after_id)",
}
_NEWEST = "order by a.business_day desc, a.answered_at desc, a.id desc limit :at_most"
_SINCE = """
select count(*) as answers from (
    select from form_answer a
    where a.company_id = :company and a.template_id = :template and a.business_day >= :first
    limit :at_most) q
"""
_ONE = _SELECT.format(answers=_NO_ANSWERS, picked=f"{_PICKED} and a.id = :id")
_VERSIONS = """
select v.version, v.reason, v.received_at, v.trust, v.answers, v.computed, v.points, v.sent
from form_answer_version v where v.company_id = :company and v.id = :id order by v.version
"""
PICTURES_MAX = 60
_PICTURES = """
select f.sha256, (select max(r.reader_version) from file_reading r
                  where r.company_id = f.company_id and r.sha256 = f.sha256) as reader_version
from file f
where f.company_id = :company and f.sha256 = any(:named)
  and not exists (select from photo p
                  where p.company_id = f.company_id and p.sha256 = f.sha256 and p.person_id <> :person)
"""
_REST = """
select r.doc, v.definition from form_answer a
join record r on r.company_id = a.company_id and r.id = a.id
join form_template_version v
  on v.company_id = a.company_id and v.template_id = a.template_id and v.version = a.template_version
where a.company_id = :company and a.id = :id
"""


@dataclass(frozen=True, slots=True)
class AnswerListed:
    """A filled-in form in a list, as it holds. Both sums of the score are exact; flags are names."""

    id: UUID
    version: int
    form_code: str
    template_version: int
    title: str
    titles: dict[str, str] | None
    visit_id: UUID
    store_id: UUID
    store_code: str | None
    store_name: str | None
    person_id: UUID
    person_name: str | None
    business_day: date
    answered_at: datetime
    score_over: int
    score_out_of: int
    score_e2: int | None
    flags: tuple[str, ...]
    # Question → answer or value that was worked out, where these were asked for.
    answers: dict[str, Any] | None = None

    @property
    def words(self) -> dict[str, Any]:
        """The title of its form, with those in other languages."""
        return {"title": self.title, "titles": self.titles}


@dataclass(frozen=True, slots=True)
class AnswerPicture:
    """A photo that answers a question; `reader_version` made the copies that can be shown, None: not yet."""

    question: Mapping[str, Any]
    sha256: str
    reader_version: int | None


AnswerMark = tuple[date, datetime, UUID]
"""Where a list stands: business day, moment and id of its last answer."""


@dataclass(frozen=True, slots=True)
class AnswerVersion:
    """One version of what was answered, with what the server and the phone worked out."""

    version: int
    reason: str | None
    received_at: datetime
    trust: str
    answers: dict[str, Any]
    computed: dict[str, Any]
    # code → [weight, points, full] of each score that applies
    points: dict[str, list[int]]
    sent: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AnswerShown:
    """A filled-in form: the version of it that is looked at, the form, and every version there is."""

    head: AnswerListed
    definition: dict[str, Any]
    looked_at: AnswerVersion
    # What followed from the answers: what was shown, missing, past a limit.
    filling: Filling
    flags: tuple[Flag, ...]
    versions: tuple[AnswerVersion, ...]


def list_answers(
    uow: UnitOfWork,
    *,
    store_id: UUID | None = None,
    visit_id: UUID | None = None,
    person_id: UUID | None = None,
    day: date | None = None,
    form_code: str | None = None,
    first_day: date | None = None,
    last_day: date | None = None,
    after: AnswerMark | None = None,
    asker_id: UUID | None = None,
    has_answers: bool = False,
    at_most: int,
) -> list[AnswerListed]:
    """What was filled in, the newest first, of those things that are named; after a mark, where one is given."""
    named = _named(
        store_id=store_id,
        visit_id=visit_id,
        person_id=person_id,
        day=day,
        form_code=form_code,
        first_day=first_day,
        last_day=last_day,
        after_day=None if after is None else after[0],
    )
    statement = _SELECT.format(
        answers=_ANSWERS if has_answers else _NO_ANSWERS,
        picked=" ".join([_PICKED, *(_ONLY[name] for name in named), _NEWEST]),
    )
    if after is not None:
        named |= {"after_at": after[1], "after_id": after[2]}
    rows = uow.rows(
        statement, company=uow.company_id, at_most=at_most, **_seen_by(uow, asker_id), **named
    )
    return [_listed(row) for row in rows]


def count_listed(
    uow: UnitOfWork, *, form_code: str | None, first_day: date, last_day: date, asker_id: UUID
) -> int:
    """How many answers such a list has."""
    named = _named(form_code=form_code, first_day=first_day, last_day=last_day)
    picked = " ".join([_PICKED, *(_ONLY[name] for name in named)])
    found = uow.rows(
        f"select count(*) as answers from ({picked}) a",  # noqa: S608  put together from constants
        company=uow.company_id,
        **_seen_by(uow, asker_id),
        **named,
    )
    answers: int = found[0].answers
    return answers


def count_answers(uow: UnitOfWork, template_id: UUID, first_day: date, *, at_most: int) -> int:
    """How often a form was filled in since a day; counted up to so many."""
    found = uow.rows(
        _SINCE, company=uow.company_id, template=template_id, first=first_day, at_most=at_most
    )
    answers: int = found[0].answers
    return answers


def show_answer(
    uow: UnitOfWork, answer_id: UUID, *, version: int | None = None, asker_id: UUID | None = None
) -> AnswerShown:
    """A filled-in form with what followed from it, in its last version unless one is named.

    Raises NoSuchAnswer. It is worked out by the template's version that it was judged by.
    """
    found = uow.rows(_ONE, company=uow.company_id, id=answer_id, **_seen_by(uow, asker_id))
    if not found:
        raise NoSuchAnswer(Said("there is no such form answer in this company"))
    head = _listed(found[0])
    rest = uow.rows(_REST, company=uow.company_id, id=answer_id)[0]
    versions = tuple(
        AnswerVersion(*row) for row in uow.rows(_VERSIONS, company=uow.company_id, id=answer_id)
    )
    number = head.version if version is None else version
    looked_at = next((each for each in versions if each.version == number), None)
    if looked_at is None:
        raise NoSuchAnswer(Said("this form answer has no version {number}", number=number))
    return AnswerShown(
        head=head,
        definition=rest.definition,
        looked_at=looked_at,
        filling=fill_in(
            read_published(rest.definition), looked_at.answers, day_number(head.business_day)
        ),
        flags=tuple(decode_document(rest.doc)["flags"]),
        versions=versions,
    )


def answer_pictures(uow: UnitOfWork, shown: AnswerShown) -> list[AnswerPicture]:
    """The photos that answer its questions, in their order. What is somebody else's photo is not shown by naming it."""
    named = [
        (question, sha256)
        for question in shown.definition["questions"]
        if question["type"] == "PHOTO"
        for sha256 in shown.looked_at.answers.get(question["code"]) or ()
    ][:PICTURES_MAX]
    if not named:
        return []
    rows = uow.rows(
        _PICTURES,
        company=uow.company_id,
        named=sorted({sha256 for _, sha256 in named}),
        person=shown.head.person_id,
    )
    readings = {row.sha256: row.reader_version for row in rows}
    return [
        AnswerPicture(question, sha256, readings[sha256])
        for question, sha256 in named
        if sha256 in readings
    ]


def product_names(uow: UnitOfWork, answers: Mapping[str, Any]) -> dict[str, str]:
    """The names of the products in the answers, by id."""
    named = {value for value in answers.values() if isinstance(value, str)}
    for value in answers.values():
        if isinstance(value, dict):
            named |= value.keys()
    rows = uow.rows(
        "select id::text, code, name from product where company_id = :company"
        " and id = any(cast(:named as uuid[]))",
        company=uow.company_id,
        named=sorted(filter(_is_id, named)),
    )
    return {row.id: f"{row.code} {row.name}" for row in rows}


def _named(**asked: Any) -> dict[str, Any]:
    """What is asked for, without what is not."""
    return {name: value for name, value in asked.items() if value is not None}


def _seen_by(uow: UnitOfWork, asker_id: UUID | None) -> dict[str, Any]:
    if asker_id is None:
        return {"asker": None, "seen": []}
    return {"asker": asker_id, "seen": list(visible_positions(uow, asker_id, company_day(uow)))}


def _listed(row: Any) -> AnswerListed:
    return AnswerListed(**{**row._mapping, "flags": tuple(row.flags)})  # noqa: SLF001 - its columns by name
