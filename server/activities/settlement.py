"""What an activity came to, as it was when it was settled: a row for each store that was in it, kept for good.

A settlement is never made again from what is there by then: its rows are read, and their digest says whether they are
as they were. Amounts are whole minor units and add up to its total.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from server.activities.errors import NoSuchActivity
from server.activities.rights import must_run
from server.identity.change_log import Actor
from server.language import Said
from sync.document import encode_document
from sync.unit_of_work import UnitOfWork

ROWS_AT_ONCE = 1_000

# Whoever was refused because another request of the same store was in already never was in it.
_KEEP_ROWS = """
insert into activity_settlement_row (company_id, activity_id, place, activity_store_id, store_id, store_code,
                                     store_name, state, basis, passed, required, share, amount_minor, currency,
                                     verdict_ids)
select p.company_id, p.activity_id, row_number() over (order by s.code nulls last, p.id), p.id, s.id,
       s.code, s.name, p.state, r.basis, r.passed, r.required, r.share,
       case when p.state in ('PAID', 'REDUCED') then r.amount_minor
            when a.currency is not null and a.pay_minor is not null then 0 end,
       case when a.pay_minor is not null then a.currency end, coalesce(r.verdict_ids, '{}')
from activity_store p
join activity a on a.company_id = p.company_id and a.id = p.activity_id
join store s on s.company_id = p.company_id and s.id = p.store_id
left join lateral (
    select r.* from activity_result r
    where r.company_id = p.company_id and r.activity_store_id = p.id order by r.number desc limit 1
) r on true
where p.company_id = :company and p.activity_id = :activity
  and p.state in ('PAID', 'REDUCED', 'REFUSED') and p.refusal is distinct from 'ALREADY_IN'
"""
_KEEP = """
insert into activity_settlement (company_id, activity_id, code, name, stores, total_minor, currency, digest,
                                 made_at, made_by)
select a.company_id, a.id, a.code, a.name, :stores, cast(:total as bigint),
       case when cast(:total as bigint) is not null then a.currency end, :digest, now(), :made_by
from activity a where a.company_id = :company and a.id = :activity
"""
_HEAD = """
select t.activity_id, t.code, t.name, t.stores, t.total_minor, t.currency, t.digest, t.made_at, t.made_by
from activity_settlement t where t.company_id = :company and t.activity_id = :activity
"""
_ROWS = """
select place, activity_store_id, store_id, store_code, store_name, state, basis, passed, required, share,
       amount_minor, currency, verdict_ids
from activity_settlement_row
where company_id = :company and activity_id = :activity and place > :after
order by place limit :at_most
"""


@dataclass(frozen=True, slots=True)
class SettlementRow:
    """What one store came to. Of one that was refused before it was audited there is nothing from `basis` on."""

    place: int
    activity_store_id: UUID
    store_id: UUID
    store_code: str | None
    store_name: str
    state: str
    basis: str | None
    passed: int | None
    required: int | None
    share: str | None
    amount_minor: int | None
    currency: str | None
    verdict_ids: tuple[UUID, ...]

    @property
    def compliance_permille(self) -> int | None:
        """Passed ÷ required in thousandths, rounded down; a thousand where nothing was required."""
        if self.passed is None or self.required is None:
            return None
        return self.passed * 1_000 // self.required if self.required else 1_000


@dataclass(frozen=True, slots=True)
class Settlement:
    """What an activity came to. No total where it pays nothing."""

    activity_id: UUID
    code: str
    name: str
    stores: int
    total_minor: int | None
    currency: str | None
    digest: str
    made_at: datetime
    made_by: str


def keep_settlement(uow: UnitOfWork, actor: Actor, activity_id: UUID) -> None:
    """Keep what the activity, which is settled just now, came to."""
    uow.run(_KEEP_ROWS, company=uow.company_id, activity=activity_id)
    rows = list(settlement_rows(uow, activity_id))
    amounts = [row.amount_minor for row in rows if row.amount_minor is not None]
    uow.run(
        _KEEP,
        company=uow.company_id,
        activity=activity_id,
        stores=len(rows),
        total=sum(amounts) if amounts else None,
        digest=digest_of_rows(rows),
        made_by=actor.name,
    )


def find_settlement(
    uow: UnitOfWork, activity_id: UUID, *, today: date, asker_id: UUID | None = None
) -> Settlement:
    """The settlement of an activity. Raises NoSuchActivity where it has none, BeyondScope where the activity is
    not the asker's to run.
    """
    found = uow.rows(_HEAD, company=uow.company_id, activity=activity_id)
    if not found:
        raise NoSuchActivity(Said("there is no such activity in this company that is settled"))
    must_run(uow, activity_id, asker_id, today)
    return Settlement(**found[0]._mapping)  # noqa: SLF001 - SQLAlchemy's public name


def settlement_rows(uow: UnitOfWork, activity_id: UUID) -> Iterator[SettlementRow]:
    """The rows of a settlement in their order, page by page."""
    after = 0
    while True:
        page: list[Any] = uow.rows(
            _ROWS,
            company=uow.company_id,
            activity=activity_id,
            after=after,
            at_most=ROWS_AT_ONCE,
        )
        for row in page:
            yield SettlementRow(**{**row._mapping, "verdict_ids": tuple(row.verdict_ids)})  # noqa: SLF001
        if len(page) < ROWS_AT_ONCE:
            return
        after = page[-1].place


def digest_of_rows(rows: Iterable[SettlementRow]) -> str:
    """SHA-256 over the rows in their order, each as canonical JSON and a line feed, as hexadecimal digits."""
    whole = sha256()
    for row in rows:
        said = {name: getattr(row, name) for name in SettlementRow.__slots__}
        said["activity_store_id"] = str(row.activity_store_id)
        said["store_id"] = str(row.store_id)
        said["verdict_ids"] = [str(id_) for id_ in row.verdict_ids]
        whole.update(encode_document(said) + b"\n")
    return whole.hexdigest()
