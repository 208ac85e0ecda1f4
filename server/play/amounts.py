"""What items amount to, counted on the phones from what they sent and in the database from what it holds.

The two are counted by different programs over different forms of the same work: packed points against what was kept and
removed, answers on the wire against answers in tables, lines and money against rows. A new kind is an entry in each.
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from mobile_contract.packed_points import unpack_columns
from sync.unit_of_work import UnitOfWork

Payload = Mapping[str, Any]


def _of_track(payload: Payload) -> Counter[str]:
    return Counter({"GPS points": len(unpack_columns(b64decode(payload["points"])).after_s)})


def _of_form(payload: Payload) -> Counter[str]:
    answers = payload["answers"].values()
    return Counter(
        {
            "questions answered": sum(
                sum(map(len, answer.values())) if isinstance(answer, dict) else 1
                for answer in answers
            )
        }
    )


def _of_order(payload: Payload) -> Counter[str]:
    currency = payload["currency"]
    return Counter(
        {
            "order lines": len(payload["lines"]),
            f"ordered, {currency} minor units": payload["total_minor"],
        }
    )


def _of_amendment(payload: Payload, before: Counter[str]) -> Counter[str]:
    """The order as it is now, in the currency that it was in."""
    return Counter(
        {
            name: len(payload["lines"]) if name == "order lines" else payload["total_minor"]
            for name in before
        }
    )


def _of_return(payload: Payload) -> Counter[str]:
    currency = payload["currency"]
    return Counter(
        {
            "returned lines": len(payload["lines"]),
            f"returned, {currency} minor units": payload["total_minor"],
        }
    )


def _of_audit_visit(payload: Payload) -> Counter[str]:
    return Counter({"standards answered": len(payload["answers"])})


def _of_photo(payload: Payload) -> Counter[str]:
    return Counter({"photos": 1, "bytes of photos": payload["size"]})


_ON_PHONES: Final[Mapping[tuple[str, str], Callable[[Payload], Counter[str]]]] = {
    ("track", "create"): _of_track,
    ("form_answer", "create"): _of_form,
    ("form_answer", "correct"): _of_form,
    ("order", "submit"): _of_order,
    ("order", "return"): _of_return,
    ("audit_visit", "create"): _of_audit_visit,
    ("photo", "create"): _of_photo,
}

_IN_DATABASE: Final = (
    """
select 'GPS points' as name, sum(points + removed) as number from track
where company_id = :company and id = any(:ids)
""",
    """
select 'questions answered' as name, sum(
    case jsonb_typeof(e.value) when 'object' then (
        select sum((select count(*) from jsonb_object_keys(r.value))) from jsonb_each(e.value) r
    ) else 1 end) as number
from form_answer a
join form_answer_version v on v.company_id = a.company_id and v.id = a.id and v.version = a.version
cross join jsonb_each(v.answers) e
where a.company_id = :company and a.id = any(:ids)
""",
    """
select case o.order_type when 'SALE' then 'order lines' else 'returned lines' end as name, count(*) as number
from order_header o
join order_line l on l.company_id = o.company_id and l.order_id = o.id
                 and l.order_version = o.order_version
where o.company_id = :company and o.id = any(:ids) group by o.order_type
""",
    """
select case o.order_type when 'SALE' then 'ordered, ' else 'returned, ' end || o.currency || ' minor units' as name,
       sum(o.total_minor) as number
from order_header o where o.company_id = :company and o.id = any(:ids)
group by o.order_type, o.currency
""",
    """
select 'standards answered' as name, sum(answers) as number from audit_visit
where company_id = :company and id = any(:ids)
""",
    """
select 'photos' as name, count(*) as number from photo where company_id = :company and id = any(:ids)
union all
-- The files' own sizes, and that of the record only where there is no file.
select 'bytes of photos', sum(coalesce(f.size, p.size)) from photo p
left join file f on f.company_id = p.company_id and f.sha256 = p.sha256
where p.company_id = :company and p.id = any(:ids)
""",
)
# What only the server can say.
_BY_SERVER: Final = """
select case order_type when 'SALE' then 'ordered' else 'returned' end
       || ', ' || currency || ' minor units, by the server''s prices' as name,
       sum(server_total_minor) as number
from order_header where company_id = :company and id = any(:ids) group by order_type, currency
"""


def amounts_of(
    kind: str, op: str, payload: Payload, before: Counter[str] | None = None
) -> Counter[str]:
    """What an item amounts to, after what an earlier one of its record did; nothing for what is only counted."""
    if (kind, op) == ("order", "amend"):
        return _of_amendment(payload, before or Counter())
    count = _ON_PHONES.get((kind, op))
    return Counter() if count is None else count(payload)


def amounts_in_database(
    uow: UnitOfWork, ids: Iterable[object]
) -> tuple[Counter[str], Counter[str]]:
    """What the records of these ids amount to: as phones can tell too, and as only the server can."""
    wanted = list(ids)
    told, beside = (
        Counter(
            {
                row.name: int(row.number)
                for statement in statements
                for row in uow.rows(statement, company=uow.company_id, ids=wanted)
                if row.number
            }
        )
        for statements in (_IN_DATABASE, (_BY_SERVER,))
    )
    return told, beside
