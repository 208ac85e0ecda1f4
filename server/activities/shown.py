"""One activity as the office sees it: its terms, its standards, and whether the asker runs it."""

from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from server.activities.errors import NoSuchActivity
from server.activities.rights import IS_RUN, IS_SEEN, SEATS
from server.language import Said
from sync.kinds.activity.states import RUNNING_ACTIVITY
from sync.unit_of_work import UnitOfWork

_ONE = f"""
{SEATS}
select a.id, a.code, a.name, a.about, a.state, a.division_id, d.code as division_code, a.starts_on, a.ends_on,
       a.channels, a.region_ids, a.pay_minor, a.currency, a.standards_version, i.items as standards,
       {IS_RUN} as is_run, case when {IS_RUN} then a.budget_minor end as budget_minor, a.settled_on,
       array(select g.name from region g
             where g.company_id = a.company_id and g.id = any(a.region_ids) order by g.name) as regions
from activity a
join activity_standards i on i.company_id = a.company_id and i.activity_id = a.id
                         and i.standards_version = a.standards_version
left join division d on d.company_id = a.company_id and d.id = a.division_id
where a.company_id = :company and a.id = :activity and {IS_SEEN}
"""  # noqa: S608  put together from constants
_CHANNELS = """
select distinct channel from store where company_id = :company order by channel limit 50
"""


@dataclass(frozen=True, slots=True)
class ActivityShown:
    """An activity with its checklist as it holds; the budget only for who runs it."""

    id: UUID
    code: str | None
    name: str
    about: str | None
    state: str
    division_id: UUID | None
    division_code: str | None
    starts_on: date
    ends_on: date
    channels: tuple[str, ...]
    region_ids: tuple[UUID, ...]
    pay_minor: int | None
    currency: str | None
    standards_version: int
    standards: tuple[dict[str, Any], ...]
    is_run: bool
    budget_minor: int | None
    settled_on: date | None
    regions: tuple[str, ...]

    @property
    def acts(self) -> tuple[str, ...]:
        """What whoever runs it may do with it now."""
        return RUNNING_ACTIVITY.acts_from(self.state) if self.is_run else ()

    @property
    def told(self) -> str:
        """Its code, where it has one, and its name."""
        return f"{self.code} {self.name}" if self.code else self.name


def show_activity(
    uow: UnitOfWork, activity_id: UUID, *, today: date, asker_id: UUID | None = None
) -> ActivityShown:
    """An activity. Raises NoSuchActivity, also where the asker may not see it."""
    found = uow.rows(
        _ONE, company=uow.company_id, activity=activity_id, asker=asker_id, today=today
    )
    if not found:
        raise NoSuchActivity(Said("there is no such activity in this company"))
    lists = ("channels", "region_ids", "standards", "regions")
    values = dict(found[0]._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    return ActivityShown(**{**values, **{name: tuple(values[name]) for name in lists}})


def channels_of_stores(uow: UnitOfWork) -> list[str]:
    """The channels that stores of the company are of."""
    return [row.channel for row in uow.rows(_CHANNELS, company=uow.company_id)]
