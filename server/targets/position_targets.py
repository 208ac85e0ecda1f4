"""The targets of positions, brought up to the version of a plan that is in force."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from server.language import Said
from server.targets.basis import PlanScope
from server.targets.errors import PlansOverlap
from server.targets.progress import PUBLISHED_AT_ONCE, set_progress
from server.targets.tree import Node
from sync.kinds.target.publish import is_on_phone, months_on_phone, publish_targets
from sync.kinds.target.table import target_id
from sync.unit_of_work import UnitOfWork

WRITTEN_AT_ONCE = 5_000

_TAKEN = """
select p.code, t.month from target t
join position p on p.company_id = t.company_id and p.id = t.position_id
where t.company_id = :company and t.id = any(:ids) and t.target_plan_id <> :plan
order by t.month, p.code limit 1
"""
_HELD = """
select id, month from target
where company_id = :company and target_plan_id = :plan order by id for update
"""
_WRITE = """
insert into target (company_id, id, position_id, month, measure, product_group, currency,
                    target_plan_id, amount, actual, working_days_gone, working_days, as_of)
select :company, r.id, r.position_id, r.month, :measure, r.product_group, :currency, :plan, r.amount,
       0, 0, 0, :now
from unnest(cast(:ids as uuid[]), cast(:positions as uuid[]), cast(:months as date[]),
            cast(:groups as text[]), cast(:amounts as bigint[]))
     as r(id, position_id, month, product_group, amount)
on conflict (company_id, id) do update set amount = excluded.amount
"""
_TAKE_AWAY = """
delete from target where company_id = :company and target_plan_id = :plan and id = any(:ids)
"""
_ON_PHONES = """
select id, position_id, month, measure, product_group, currency, amount, actual,
       working_days_gone, working_days
from target
where company_id = :company and target_plan_id = :plan
  and month between :first_month and :last_month
order by id for update
"""


def bring_up_targets(
    uow: UnitOfWork,
    plan_id: UUID,
    scope: PlanScope,
    leaves: Sequence[Node],
    today: date,
    now: datetime,
) -> int:
    """Let the targets of a plan be these nodes of positions and product groups, and tell the phones.

    How many targets there were that are no more. Raises PlansOverlap.
    """
    company = uow.company_id
    wanted = {_target_id(scope, node): node for node in leaves}
    for ids in _slices(list(wanted)):
        taken = uow.rows(_TAKEN, company=company, plan=plan_id, ids=ids)
        if taken:
            month = taken[0].month.isoformat()[:7]
            raise PlansOverlap(
                Said(
                    "another plan sets the same for {code} in {month}",
                    code=taken[0].code,
                    month=month,
                )
            )
    held = {row.id: row.month for row in uow.rows(_HELD, company=company, plan=plan_id)}
    for ids in _slices(list(wanted)):
        nodes = [wanted[id_] for id_ in ids]
        uow.run(
            _WRITE,
            company=company,
            plan=plan_id,
            measure=scope.measure,
            currency=scope.currency,
            now=now,
            ids=ids,
            positions=[node.place.position_id for node in nodes],
            months=[node.place.month for node in nodes],
            groups=[node.place.product_group for node in nodes],
            amounts=[node.amount for node in nodes],
        )
    gone = sorted(held.keys() - wanted.keys())
    for ids in _slices(gone):
        uow.run(_TAKE_AWAY, company=company, plan=plan_id, ids=ids)
    first, last = months_on_phone(today)
    rows = uow.rows(_ON_PHONES, company=company, plan=plan_id, first_month=first, last_month=last)
    set_progress(uow, rows, today, now)
    told = sorted([row.id for row in rows] + [id_ for id_ in gone if is_on_phone(held[id_], today)])
    for start in range(0, len(told), PUBLISHED_AT_ONCE):
        publish_targets(uow, told[start : start + PUBLISHED_AT_ONCE], today)
    return len(gone)


def _target_id(scope: PlanScope, node: Node) -> UUID:
    position_id, month = node.place.position_id, node.place.month
    assert position_id is not None
    assert month is not None
    return target_id(position_id, month, scope.measure, node.place.product_group)


def _slices(ids: Sequence[UUID]) -> list[list[UUID]]:
    return [
        list(ids[start : start + WRITTEN_AT_ONCE]) for start in range(0, len(ids), WRITTEN_AT_ONCE)
    ]
