"""What became of an audit visit, item by item: the verdict, the appeal against it, and what another auditor said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from server.audits.case_list import CaseListed, find_case
from sync.document import decode_document
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

_BROUGHT = """
select r.doc, v.visit_id, i.items as standards
from audit_visit v
join record r on r.company_id = v.company_id and r.id = v.id
join lateral (
    select i.items from activity_standards i
    where i.company_id = v.company_id and i.activity_id = v.activity_id
    order by i.standards_version = v.standards_version desc, i.standards_version desc limit 1
) i on true
where v.company_id = :company and v.id = :audit_visit
"""


@dataclass(frozen=True, slots=True)
class ItemFound:
    """An item of the standards: what its verdict was, and what it is now, which differs where an appeal was upheld."""

    item: str
    text: str
    answer: str | None
    first: Mapping[str, Any] | None
    now: Mapping[str, Any] | None
    is_appealed: bool

    @property
    def is_failed(self) -> bool:
        return self.now is not None and self.now["verdict"] == "FAIL"


@dataclass(frozen=True, slots=True)
class CaseShown:
    """An audit visit with what was found; `reasons` are those of the company in words. No appeal: nobody appealed."""

    listed: CaseListed
    visit_id: UUID
    items: tuple[ItemFound, ...]
    appeal_reason: str | None
    is_judged: bool
    reasons: Mapping[str, str]


def read_case(
    uow: UnitOfWork, audit_visit_id: UUID, *, today: date, asker_id: UUID | None = None
) -> CaseShown:
    """One audit visit as its phone has it. Raises NoSuchAuditVisit, also where the asker may not see it."""
    listed = find_case(uow, audit_visit_id, today=today, asker_id=asker_id)
    (row,) = uow.rows(_BROUGHT, company=uow.company_id, audit_visit=audit_visit_id)
    fields = decode_document(row.doc)
    verdict = fields["verdict"]
    appeal = None if verdict is None else verdict["appeal"]
    now = _by_item([] if verdict is None else verdict["items"])
    first = now if appeal is None else _by_item(appeal["first"])
    answers = _by_item(fields["answers"])
    return CaseShown(
        listed,
        row.visit_id,
        tuple(
            ItemFound(
                each["item"],
                each["text"],
                answers.get(each["item"], {}).get("answer"),
                first.get(each["item"]),
                now.get(each["item"]),
                appeal is not None and each["item"] in appeal["items"],
            )
            for each in row.standards
        ),
        None if appeal is None else appeal["reason"],
        verdict is not None,
        {code: each["words"] for code, each in current_policy(uow)[1].audit_reasons.items()},
    )


def _by_item(listed: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {each["item"]: each for each in listed}
