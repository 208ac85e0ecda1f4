"""Stores as those who look after them see them: a bounded list, by place and code."""

from dataclasses import dataclass
from uuid import UUID

from sync.unit_of_work import UnitOfWork

# Those of a region are those of the regions below it too; those of a position are its own and those
# on its routes.
_LIST = """
with recursive below as (
    select id from region where company_id = :company and id = cast(:region as uuid)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select s.id, s.code, s.name, s.channel, s.store_class, s.status, s.lat_e7, s.lon_e7,
       s.fence_radius_m, r.code as region_code, p.code as position_code
from store s
left join region r on r.company_id = s.company_id and r.id = s.region_id
left join position p on p.company_id = s.company_id and p.id = s.position_id
where s.company_id = :company and s.status = any(:statuses)
  and (cast(:region as uuid) is null or s.region_id in (select id from below))
  and (cast(:position as uuid) is null or s.position_id = :position
       or exists (select from route_stop t
                  join route o on o.company_id = t.company_id and o.id = t.route_id and o.is_active
                  where t.company_id = s.company_id and t.store_id = s.id
                    and o.position_id = :position))
  and (cast(:begin as text) is null or starts_with(s.code, :begin))
order by s.code, s.name, s.id limit :at_most
"""


@dataclass(frozen=True, slots=True)
class StoreListed:
    """A store as its planner sees it; a fence of None is that of its class or the company."""

    id: UUID
    code: str | None
    name: str
    channel: str
    store_class: str | None
    status: str
    lat_e7: int | None
    lon_e7: int | None
    fence_radius_m: int | None
    region_code: str | None
    position_code: str | None


def list_stores(
    uow: UnitOfWork,
    *,
    statuses: tuple[str, ...] = ("ACTIVE",),
    region_id: UUID | None = None,
    position_id: UUID | None = None,
    code_begins: str | None = None,
    at_most: int = 100,
) -> list[StoreListed]:
    """Stores by code. One query."""
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        statuses=list(statuses),
        region=region_id,
        position=position_id,
        begin=code_begins,
        at_most=at_most,
    )
    return [StoreListed(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name


def list_channels(uow: UnitOfWork) -> list[str]:
    """The channels that the company's stores are of."""
    found = uow.rows(
        "select distinct channel from store where company_id = :company order by channel limit 200",
        company=uow.company_id,
    )
    return [row.channel for row in found]
