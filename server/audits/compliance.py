"""What a store showed in an activity, by verdicts that are final, and what it gets for that.

    AUDITED    of each required item the last verdict: passed ÷ required
    REPORTED   nothing of it was ever drawn: of each required item what the rep reported last
    NOTHING    nothing was brought: none is passed

The required items are those of the standards that the activity has now. One whose last verdict is NOT_APPLICABLE, and
one that no verdict was about, is in neither count. `docs/FORMULAS.md`, "Compliance of a store in an activity".
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert

from server.activities.pay import pay_for
from server.activities.stores import mark_audited
from server.audits.errors import WrongState
from server.identity.change_log import Actor
from server.language import Said
from sync.kinds.activity_store.result_table import activity_result
from sync.policy import Policy, current_policy
from sync.unit_of_work import UnitOfWork

STORES_AT_ONCE = 200

_STORES = """
select p.id, p.activity_id, s.code as store_code, a.pay_minor, a.currency, i.items,
       (select count(*) from audit_case c
        where c.company_id = p.company_id and c.activity_store_id = p.id
          and c.state in ('CANDIDATE', 'WAITING', 'OPEN', 'JUDGED', 'APPEALED')) as open,
       (select count(*) from audit_visit v
        where v.company_id = p.company_id and v.activity_store_id = p.id
          and not exists (select from audit_case c where c.company_id = v.company_id and c.id = v.id)
       ) as unseen,
       (select max(r.number) from activity_result r
        where r.company_id = p.company_id and r.activity_store_id = p.id) as number
from activity_store p
join activity a on a.company_id = p.company_id and a.id = p.activity_id
join store s on s.company_id = p.company_id and s.id = p.store_id
join activity_standards i on i.company_id = a.company_id and i.activity_id = a.id
                         and i.standards_version = a.standards_version
where p.company_id = :company and p.id = any(:ids)
"""
# Of each item the verdict on what was brought last; where it was appealed against, that of the appeal.
_VERDICTS = """
select distinct on (c.activity_store_id, i.item) c.activity_store_id, i.item, i.verdict, i.verdict_id
from audit_case c
join audit_visit v on v.company_id = c.company_id and v.id = c.id
join audit_verdict_item i on i.company_id = c.company_id
                         and i.verdict_id in (c.verdict_id, c.appeal_verdict_id)
where c.company_id = :company and c.activity_store_id = any(:ids) and c.state = 'FINAL'
order by c.activity_store_id, i.item, v.occurred_at desc, v.id,
         i.verdict_id = c.appeal_verdict_id desc nulls last
"""
_REPORTED = """
select distinct on (v.activity_store_id) v.activity_store_id, v.id, v.version
from audit_visit v where v.company_id = :company and v.activity_store_id = any(:ids)
order by v.activity_store_id, v.occurred_at desc, v.id
"""
_BROUGHT = """
select v.activity_store_id, w.item, w.answer,
       (select count(*) from audit_photo m
        where m.company_id = v.company_id and m.audit_visit_id = v.id and m.version = v.version
          and m.item = w.item) as photos
from audit_visit v
join audit_answer w on w.company_id = v.company_id and w.audit_visit_id = v.id and w.version = v.version
where v.company_id = :company and v.id = any(:ids)
"""
_DUE = """
select p.id from activity_store p
where p.company_id = :company and p.activity_id = :activity and p.state = any(:states) and p.id > :after
  and not exists (select from audit_case c
                  where c.company_id = p.company_id and c.activity_store_id = p.id
                    and c.state in ('CANDIDATE', 'WAITING', 'OPEN', 'JUDGED', 'APPEALED'))
  and not exists (select from audit_visit v
                  where v.company_id = p.company_id and v.activity_store_id = p.id
                    and not exists (select from audit_case c
                                    where c.company_id = v.company_id and c.id = v.id))
  and (p.state = 'RUNNING'
       or exists (select from audit_case c
                  where c.company_id = p.company_id and c.activity_store_id = p.id
                    and c.judged_at > (select max(r.made_at) from activity_result r
                                       where r.company_id = p.company_id
                                         and r.activity_store_id = p.id)))
order by p.id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a store showed, and what it gets. No amount where the activity pays nothing."""

    activity_store_id: UUID
    basis: str
    passed: int
    required: int
    share: str
    amount_minor: int | None
    currency: str | None
    verdict_ids: tuple[UUID, ...]
    audit_visit_id: UUID | None


def count_verdicts(
    standards: Iterable[Mapping[str, Any]], verdicts: Mapping[str, str]
) -> tuple[int, int]:
    """Passed and required items, by the last verdict of each."""
    said = [verdicts.get(each["item"]) for each in standards if each["is_required"]]
    return said.count("PASS"), said.count("PASS") + said.count("FAIL")


def count_reported(
    standards: Iterable[Mapping[str, Any]], brought: Mapping[str, tuple[str, int]]
) -> tuple[int, int]:
    """Passed and required items, by what a rep reported: item → (answer, photos). One that was not answered is not passed."""
    passed = required = 0
    for each in standards:
        answer, photos = brought.get(each["item"], ("NOT_DONE", 0))
        if not each["is_required"] or answer == "NOT_APPLICABLE":
            continue
        required += 1
        is_done, is_shown = answer == "DONE", photos >= each["photos"]
        rule = each["pass_rule"]
        passed += (is_done or rule == "PHOTOS") and (is_shown or rule == "DONE")
    return passed, required


def audit_stores(
    uow: UnitOfWork,
    actor: Actor,
    ids: Sequence[UUID],
    *,
    today: date,
    asker_id: UUID | None = None,
    now: datetime | None = None,
) -> list[Result]:
    """Work out what stores showed and say that auditors are done with them. All or none.

    Raises WrongState where something of one is in the queue, or may be appealed against; NoSuchActivityStore,
    BeyondScope and WrongState of server/activities. The number of statements does not grow with them.
    """
    names = mark_audited(uow, actor, ids, today=today, asker_id=asker_id)
    version, policy = current_policy(uow)
    rows = uow.rows(_STORES, company=uow.company_id, ids=list(names))
    for row in rows:
        if row.open or row.unseen:
            raise WrongState(
                Said(
                    "store {names}: {open} audit visits of it have no final verdict",
                    names=names[row.id],
                    open=row.open + row.unseen,
                )
            )
    results = _work_out(uow, rows, policy)
    numbers = {row.id: (row.number or 0) + 1 for row in rows}
    activities = {row.id: row.activity_id for row in rows}
    if results:
        uow.connection.execute(
            insert(activity_result),
            [
                {
                    "company_id": uow.company_id,
                    "activity_store_id": one.activity_store_id,
                    "number": numbers[one.activity_store_id],
                    "activity_id": activities[one.activity_store_id],
                    "basis": one.basis,
                    "passed": one.passed,
                    "required": one.required,
                    "share": one.share,
                    "amount_minor": one.amount_minor,
                    "currency": one.currency,
                    "policy_version": version,
                    "verdict_ids": list(one.verdict_ids),
                    "audit_visit_id": one.audit_visit_id,
                    "made_at": now or datetime.now(UTC),
                    "made_by": actor.name,
                }
                for one in results
            ],
        )
    return results


def stores_to_audit(uow: UnitOfWork, activity_id: UUID, after: UUID) -> list[UUID]:
    """The next stores of an activity of which everything is final and that were not worked out since."""
    rows = uow.rows(
        _DUE,
        company=uow.company_id,
        activity=activity_id,
        states=["RUNNING", "AUDITED"],
        after=after,
        at_most=STORES_AT_ONCE,
    )
    return [row.id for row in rows]


def _work_out(uow: UnitOfWork, rows: Sequence[Any], policy: Policy) -> list[Result]:
    ids = [row.id for row in rows]
    company = uow.company_id
    verdicts: dict[UUID, dict[str, tuple[str, UUID]]] = {}
    for row in uow.rows(_VERDICTS, company=company, ids=ids):
        verdicts.setdefault(row.activity_store_id, {})[row.item] = (row.verdict, row.verdict_id)
    reported = {
        row.activity_store_id: row.id for row in uow.rows(_REPORTED, company=company, ids=ids)
    }
    brought: dict[UUID, dict[str, tuple[str, int]]] = {}
    for row in uow.rows(_BROUGHT, company=company, ids=list(reported.values())):
        brought.setdefault(row.activity_store_id, {})[row.item] = (row.answer, row.photos)
    results = []
    for row in rows:
        said, visit_id = verdicts.get(row.id), reported.get(row.id)
        if said is not None:
            basis = "AUDITED"
            counts = count_verdicts(
                row.items, {item: verdict for item, (verdict, _) in said.items()}
            )
        elif visit_id is not None:
            basis, counts = "REPORTED", count_reported(row.items, brought.get(row.id, {}))
        else:
            basis, counts = "NOTHING", (0, sum(each["is_required"] for each in row.items))
        pay = pay_for(*counts, row.pay_minor or 0, policy)
        results.append(
            Result(
                row.id,
                basis,
                *counts,
                pay.share.value,
                None if row.pay_minor is None else pay.amount_minor,
                None if row.pay_minor is None else row.currency,
                tuple(sorted({verdict_id for _, verdict_id in said.values()})) if said else (),
                visit_id if basis == "REPORTED" else None,
            )
        )
    return results
