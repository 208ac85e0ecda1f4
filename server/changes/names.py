"""What the ids are called that entries name: one statement for all of a page."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from server.identity.change_log import LoggedChange
from sync.unit_of_work import UnitOfWork

IDS_MAX = 5_000

# What may be named by its id alone, with what it is called.
_NAMES = """
select id, name as name from person where company_id = :company and id = any(:ids)
union all select id, code from position where company_id = :company and id = any(:ids)
union all select id, name from region where company_id = :company and id = any(:ids)
union all select id, name from division where company_id = :company and id = any(:ids)
union all select id, coalesce(code || ' ', '') || name from store where company_id = :company and id = any(:ids)
union all select id, name from route where company_id = :company and id = any(:ids)
union all select id, code || ' ' || name from product where company_id = :company and id = any(:ids)
union all select id, name from account where company_id = :company and id = any(:ids)
union all select id, code || ' ' || name from price_list where company_id = :company and id = any(:ids)
union all select id, code || ' ' || name from promotion where company_id = :company and id = any(:ids)
union all select id, name from activity where company_id = :company and id = any(:ids)
union all select id, code from form_template where company_id = :company and id = any(:ids)
union all select id, coalesce(number, left(cast(id as text), 8)) from order_header where company_id = :company and id = any(:ids)
union all select id, model from device where company_id = :company and id = any(:ids)
union all select v.id, s.name from visit v join store s on s.company_id = v.company_id and s.id = v.store_id
          where v.company_id = :company and v.id = any(:ids)
union all select a.id, s.name from audit_visit a join store s on s.company_id = a.company_id and s.id = a.store_id
          where a.company_id = :company and a.id = any(:ids)
union all select u.id, s.name from audit_turn u
          join audit_visit a on a.company_id = u.company_id and a.id = u.audit_visit_id
          join store s on s.company_id = a.company_id and s.id = a.store_id
          where u.company_id = :company and u.id = any(:ids)
union all select u.id, s.name from audit_verdict u
          join audit_visit a on a.company_id = u.company_id and a.id = u.audit_visit_id
          join store s on s.company_id = a.company_id and s.id = a.store_id
          where u.company_id = :company and u.id = any(:ids)
union all select t.id, r.name || ' ' || t.year from target_plan t
          join region r on r.company_id = t.company_id and r.id = t.region_id
          where t.company_id = :company and t.id = any(:ids)
union all select t.id, p.code || ' ' || to_char(t.month, 'YYYY-MM') from target t
          join position p on p.company_id = t.company_id and p.id = t.position_id
          where t.company_id = :company and t.id = any(:ids)
"""


def names_of(uow: UnitOfWork, entries: Iterable[LoggedChange]) -> dict[str, str]:
    """The names of what these entries are about and of what they name, by the id as text."""
    found: set[UUID] = set()
    for entry in entries:
        _gather((entry.subject_id, entry.before, entry.after), found)
    if not found:
        return {}
    ids = sorted(found)[:IDS_MAX]
    return {str(row.id): row.name for row in uow.rows(_NAMES, company=uow.company_id, ids=ids)}


def _gather(value: Any, found: set[UUID]) -> None:
    """Every id that stands in a value of JSON."""
    match value:
        case dict():
            for name, one in value.items():
                _gather(name, found)
                _gather(one, found)
        case list() | tuple():
            for one in value:
                _gather(one, found)
        case str() if len(value) == 36:
            try:
                found.add(UUID(value))
            except ValueError:
                return
