"""One visit with all that was done at it: its evidence, decisions about its flags, orders, answers, photos.

Seven statements more than the reading of its day. What the asker may not see is not there; what they see only as an auditor
is not theirs to decide or to open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from server.days.person_day import PersonDay, VisitTold
from server.days.reading import read_days
from server.identity.companies import company_day
from server.identity.permissions import positions_to_act_for
from sync.unit_of_work import UnitOfWork

_VISIT = """
select person_id, business_day from visit where company_id = :company and id = :visit
"""
_DECISIONS = """
select distinct on (flag) flag, decision, reason, decided_by, decided_at
from flag_decision where company_id = :company and visit_id = :visit
order by flag, number desc
"""
_ORDERS = """
select id, number, state, order_type, currency, coalesce(server_total_minor, total_minor) as total_minor,
       holds, person_id, position_id from order_header
where company_id = :company and visit_id = :visit order by ordered_at, id limit :at_most
"""
_ANSWERS = """
select a.id, t.title, a.score_e2, a.flags from form_answer a
join form_template t on t.company_id = a.company_id and t.id = a.template_id
where a.company_id = :company and a.visit_id = :visit order by a.answered_at, a.id limit :at_most
"""
_PHOTOS = """
select p.id, p.sha256, p.role, p.state, p.flags,
       round(extract(epoch from p.occurred_at) * 1000)::bigint as occurred_ms,
       (select max(r.reader_version) from file_reading r
        where r.company_id = p.company_id and r.sha256 = p.sha256) as reader_version
from photo p where p.company_id = :company and p.visit_id = :visit
order by p.occurred_at, p.id limit :at_most
"""
MOST = 200


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided last about a flag."""

    decision: str
    reason: str
    decided_by: str
    decided_at: int


@dataclass(frozen=True, slots=True)
class OrderDone:
    """An order of the visit; the server's total where it has one."""

    order_id: UUID
    number: str | None
    state: str
    is_return: bool
    currency: str
    total_minor: int
    holds: tuple[str, ...]
    # Whether the asker finds it among the orders.
    may_open: bool


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """A form that was answered; the score in hundredths, None where nothing applied."""

    answer_id: UUID
    title: str
    score_e2: int | None
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PhotoDone:
    """A photo that was taken at the visit."""

    photo_id: UUID
    sha256: str
    role: str
    state: str
    flags: tuple[str, ...]
    occurred_ms: int
    # By which its copies were made; None while there are none.
    reader_version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitFacts:
    """The visit as its day reads it, and what was done at it."""

    person: PersonDay
    visit: VisitTold
    # Whether its flags are the asker's to decide about.
    may_decide: bool
    decisions: Mapping[str, Decision]
    orders: tuple[OrderDone, ...]
    answers: tuple[AnswerDone, ...]
    photos: tuple[PhotoDone, ...]


def read_visit_facts(
    uow: UnitOfWork, visit_id: UUID, now: int, *, asker_id: UUID | None = None
) -> VisitFacts | None:
    """The visit at the moment `now`; None where there is none, or the asker may not see it."""
    found = uow.rows(_VISIT, company=uow.company_id, visit=visit_id)
    if not found:
        return None
    days = read_days(
        uow, found[0].business_day, now, person_ids=[found[0].person_id], asker_id=asker_id
    )
    seen = [(day, visit) for day in days for visit in day.visits if visit.visit_id == visit_id]
    if not seen:
        return None
    person, visit = seen[0]
    asked = {"company": uow.company_id, "visit": visit_id}
    theirs = positions_to_act_for(uow, asker_id, company_day(uow))

    def is_theirs(position_id: UUID | None) -> bool:
        return theirs is None or position_id in theirs

    return VisitFacts(
        person=person,
        visit=visit,
        may_decide=is_theirs(visit.position_id) and asker_id != person.person_id,
        decisions={
            row.flag: Decision(
                row.decision,
                row.reason,
                row.decided_by,
                round(row.decided_at.timestamp() * 1000),
            )
            for row in uow.rows(_DECISIONS, **asked)
        },
        orders=tuple(
            OrderDone(
                row.id,
                row.number,
                row.state,
                row.order_type == "RETURN",
                row.currency,
                row.total_minor,
                tuple(row.holds),
                may_open=asker_id == row.person_id or is_theirs(row.position_id),
            )
            for row in uow.rows(_ORDERS, at_most=MOST, **asked)
        ),
        answers=tuple(
            AnswerDone(row.id, row.title, row.score_e2, tuple(row.flags))
            for row in uow.rows(_ANSWERS, at_most=MOST, **asked)
        ),
        photos=tuple(
            PhotoDone(
                row.id,
                row.sha256,
                row.role,
                row.state,
                tuple(row.flags),
                row.occurred_ms,
                row.reader_version,
            )
            for row in uow.rows(_PHOTOS, at_most=MOST, **asked)
        ),
    )
