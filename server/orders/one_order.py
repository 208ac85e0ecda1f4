"""One order with everything that is known of it: each version, how each price came about, what was delivered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from server.language import Said
from server.orders.errors import NoSuchOrder
from server.orders.order_list import IS_SEEN, seen_by
from sync.document import decode_document
from sync.unit_of_work import UnitOfWork

_HEADER_OF = """
select o.id, o.number, o.order_type, o.state, o.order_version, o.business_day, o.ordered_at,
       o.person_id, o.store_id, o.account_id, o.currency, o.look_alike_of, o.returns_order_id,
       o.driver_position_id, o.delivered_minor, p.name as person, s.code as store_code,
       s.name as store_name, s.address, s.delivery_note, s.contact_name, s.contact_phone,
       a.code as account_code, a.name as account_name, d.code as driver_code, l.number as look_alike,
       b.number as returns_number, c.name as company_name, r.doc
from order_header o
join company c on c.id = o.company_id
join person p on p.company_id = o.company_id and p.id = o.person_id
join store s on s.company_id = o.company_id and s.id = o.store_id
join record r on r.company_id = o.company_id and r.id = o.id
left join account a on a.company_id = o.company_id and a.id = o.account_id
left join position d on d.company_id = o.company_id and d.id = o.driver_position_id
left join order_header l on l.company_id = o.company_id and l.id = o.look_alike_of
left join order_header b on b.company_id = o.company_id and b.id = o.returns_order_id
where o.company_id = :company and o.id = :order
"""
_HEADER = f"{_HEADER_OF} and {IS_SEEN}"
_VERSIONS = """
select order_version, origin, actor, reason, made_at, total_minor, server_total_minor, holds,
       prices_as_of, delivery_on, note
from order_version where company_id = :company and order_id = :order order by order_version
"""
_LINES = """
select l.order_version, l.line, l.product_id, p.code as product_code, p.name as product_name, l.unit,
       l.quantity, l.price_minor, l.discount_minor, l.total_minor, l.taken, l.reason,
       l.server_price_minor, l.server_discount_minor, l.server_total_minor,
       pl.code as price_list_code, l.price_list_version, l.from_quantity, l.server_taken,
       d.delivered, d.short, d.returned, d.reason as delivery_reason, d.delivered_minor
from order_line l
left join product p on p.company_id = l.company_id and p.id = l.product_id
left join price_list pl on pl.company_id = l.company_id and pl.id = l.price_list_id
left join order_delivery d on d.company_id = l.company_id and d.order_id = l.order_id
                          and d.line = l.line and d.order_version = l.order_version
where l.company_id = :company and l.order_id = :order order by l.order_version, l.line
"""
_PROMOTIONS = "select id::text, code from promotion where company_id = :company and id = any(:ids)"


@dataclass(frozen=True, slots=True)
class Taken:
    """What a promotion took off a line; `version` only where the server applied it."""

    promotion: str
    version: int | None
    amount_minor: int


@dataclass(frozen=True, slots=True)
class LineRead:
    """A line of a version: as it was sent, as the server prices it, what was delivered of it."""

    line: int
    product_id: UUID
    product_code: str
    product_name: str
    unit: str
    quantity: int
    price_minor: int
    discount_minor: int
    total_minor: int
    taken: tuple[Taken, ...]
    reason: str | None
    server_price_minor: int | None
    server_discount_minor: int | None
    server_total_minor: int | None
    price_list_code: str | None
    price_list_version: int | None
    from_quantity: int | None
    server_taken: tuple[Taken, ...]
    delivered: int | None
    short: int | None
    returned: int | None
    delivery_reason: str | None
    delivered_minor: int | None


@dataclass(frozen=True, slots=True)
class VersionRead:
    """A version of what was ordered: who made it by which op, why, and its lines."""

    order_version: int
    origin: str
    actor: str
    reason: str | None
    made_at: datetime
    total_minor: int
    server_total_minor: int | None
    holds: tuple[str, ...]
    prices_as_of: datetime | None
    delivery_on: date | None
    note: str | None
    lines: tuple[LineRead, ...]


@dataclass(frozen=True, slots=True)
class OrderRead:
    """An order with its versions, the first first. `fields` is the document that phones hold."""

    id: UUID
    number: str | None
    order_type: str
    state: str
    business_day: date
    ordered_at: datetime
    person_id: UUID
    person: str
    store_id: UUID
    store_code: str | None
    store_name: str
    address: str
    delivery_note: str | None
    contact_name: str | None
    contact_phone: str | None
    account_id: UUID | None
    account_code: str | None
    account_name: str | None
    currency: str
    look_alike: str | None
    returns_number: str | None
    driver_code: str | None
    delivered_minor: int | None
    company_name: str
    fields: dict[str, Any]
    versions: tuple[VersionRead, ...]

    def version(self, order_version: int | None = None) -> VersionRead:
        """One of its versions, the one that holds unless it is named. Raises NoSuchOrder."""
        number = self.versions[-1].order_version if order_version is None else order_version
        for one in self.versions:
            if one.order_version == number:
                return one
        raise NoSuchOrder(
            Said("order {number} has no version {number_2}", number=self.number, number_2=number)
        )


@dataclass(frozen=True, slots=True)
class LineChange:
    """How a product and unit differs between two versions; None where it is not in one of them."""

    product_code: str
    unit: str
    quantities: tuple[int | None, int | None]
    totals_minor: tuple[int | None, int | None]


def read_order(uow: UnitOfWork, order_id: UUID, *, asker_id: UUID | None = None) -> OrderRead:
    """An order with all its versions. Raises NoSuchOrder, also where the asker may not see it."""
    values = {"company": uow.company_id, "order": order_id}
    found = uow.rows(_HEADER, **values, **seen_by(uow, asker_id))
    if not found:
        raise NoSuchOrder(Said("there is no such order in this company"))
    header = found[0]
    rows = uow.rows(_LINES, **values)
    codes = _promotion_codes(uow, rows)
    lines: dict[int, list[LineRead]] = {}
    for row in rows:
        lines.setdefault(row.order_version, []).append(_line(row, codes))
    versions = tuple(
        VersionRead(
            **{
                **row._asdict(),
                "holds": tuple(row.holds),
                "lines": tuple(lines.get(row.order_version, ())),
            }
        )
        for row in uow.rows(_VERSIONS, **values)
    )
    told = {name: value for name, value in header._asdict().items() if name in OrderRead.__slots__}
    return OrderRead(**told, fields=decode_document(header.doc), versions=versions)


def compare_versions(before: VersionRead, after: VersionRead) -> list[LineChange]:
    """What of the lines differs between two versions, by product and unit."""
    found = [_by_product(before), _by_product(after)]
    changes = []
    for named in sorted(found[0].keys() | found[1].keys()):
        old, new = (side.get(named) for side in found)
        if old != new:
            changes.append(
                LineChange(
                    *named,
                    (None if old is None else old[0], None if new is None else new[0]),
                    (None if old is None else old[1], None if new is None else new[1]),
                )
            )
    return changes


def _by_product(version: VersionRead) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for line in version.lines:
        quantity, total = found.get((line.product_code, line.unit), (0, 0))
        found[line.product_code, line.unit] = (
            quantity + line.quantity,
            total + line.total_minor,
        )
    return found


def _promotion_codes(uow: UnitOfWork, rows: Sequence[Any]) -> dict[str, str]:
    ids = {
        each["promotion_id"]
        for row in rows
        for taken in (row.taken, row.server_taken)
        for each in taken or ()
    }
    if not ids:
        return {}
    found = uow.rows(_PROMOTIONS, company=uow.company_id, ids=[UUID(id_) for id_ in sorted(ids)])
    return {row.id: row.code for row in found}


def _line(row: Any, codes: dict[str, str]) -> LineRead:
    told = {name: value for name, value in row._asdict().items() if name != "order_version"}
    for name in ("taken", "server_taken"):
        told[name] = tuple(
            Taken(
                codes.get(each["promotion_id"], each["promotion_id"][:8]),
                each.get("version"),
                each["amount_minor"],
            )
            for each in told[name] or ()
        )
    told["product_code"] = row.product_code or str(row.product_id)[:8]
    told["product_name"] = row.product_name or ""
    return LineRead(**told)
