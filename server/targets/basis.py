"""What a plan is split by, read from the company: its tree, last year, and the potential of each part.

The potential of a position is its active stores, each by the weight of its class; of a month its working
days; of a product group its active products of our own. Last year is what the measure itself says of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from server.language import Said
from server.measures.question import Question
from server.measures.reading import read_measures
from server.targets.errors import TargetInvalid
from server.targets.months import last_day, read_calendar
from server.targets.progress import GROUPS_MAX
from server.targets.splitting import Weights
from server.targets.tree import MONTHS, Basis, GroupBelow, PositionBelow, RegionBelow
from sync.organisation import ROLES
from sync.unit_of_work import UnitOfWork

CLASSES = ("A", "B", "C", "*")
POTENTIAL_MAX = 1_000
PRODUCT_GROUPS_MAX = 100

_REGIONS = """
with recursive below as (
    select id, code, parent_id from region where company_id = :company and id = :region
    union
    select r.id, r.code, r.parent_id from region r join below b on r.parent_id = b.id
    where r.company_id = :company
)
select id, code, parent_id from below
"""
_POSITIONS = """
with owned as (
    select s.id as store_id, s.position_id from store s
    where s.company_id = :company and s.position_id is not null
    union
    select t.store_id, r.position_id from route r
    join route_stop t on t.company_id = r.company_id and t.route_id = r.id
    where r.company_id = :company and r.is_active
)
select p.id, p.code, p.region_id,
       coalesce(sum(case s.store_class when 'A' then :a when 'B' then :b when 'C' then :c
                    else :other end) filter (where s.id is not null), 0) as potential
from position p
left join owned o on o.position_id = p.id
left join store s on s.company_id = p.company_id and s.id = o.store_id and s.status = 'ACTIVE'
where p.company_id = :company and p.region_id = any(:regions) and p.role = any(:roles)
  and (cast(:division as uuid) is null or p.division_id = :division)
group by p.id, p.code, p.region_id
"""
_GROUP_NAMES = """
select distinct category from product
where company_id = :company and is_own and status = 'ACTIVE' order by category limit :at_most
"""
_GROUPS = """
select category, count(*) as products from product
where company_id = :company and category = any(:groups) and is_own and status = 'ACTIVE'
group by category
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitBy:
    """How a plan is split. A store class that is not named has the potential of `*`."""

    weights: Weights = field(
        default_factory=lambda: Weights(last_year=600, potential=300, equal=100)
    )
    product_groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ("rep",)
    potential_by_class: Mapping[str, int] = field(default_factory=lambda: {"A": 4, "B": 2, "*": 1})

    def __post_init__(self) -> None:
        if not self.roles or set(self.roles) - set(ROLES):
            raise TargetInvalid(Said("roles: of {choices}", choices=", ".join(ROLES)))
        groups = self.product_groups
        if len(groups) > PRODUCT_GROUPS_MAX or len(set(groups)) < len(groups) or "" in groups:
            raise TargetInvalid(
                Said("product groups: at most {most}, each once", most=PRODUCT_GROUPS_MAX)
            )
        for name, weight in self.potential_by_class.items():
            if name not in CLASSES or type(weight) is not int or not 0 <= weight <= POTENTIAL_MAX:
                raise TargetInvalid(
                    Said(
                        "potential by class: of {choices}, from 0 to {most}",
                        choices=", ".join(CLASSES),
                        most=POTENTIAL_MAX,
                    )
                )

    def as_options(self) -> dict[str, Any]:
        """What a version keeps beside its weights."""
        return {
            "product_groups": list(self.product_groups),
            "roles": list(self.roles),
            "potential_by_class": dict(self.potential_by_class),
        }

    @classmethod
    def of_version(cls, version: Any) -> "SplitBy":
        """How a version that is kept was split."""
        return cls(
            weights=Weights(
                last_year=version.weight_last_year,
                potential=version.weight_potential,
                equal=version.weight_equal,
            ),
            product_groups=tuple(version.options["product_groups"]),
            roles=tuple(version.options["roles"]),
            potential_by_class=version.options["potential_by_class"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanScope:
    """What a plan is for."""

    year: int
    measure: str
    region_id: UUID
    division_id: UUID | None
    currency: str | None


def read_basis(uow: UnitOfWork, scope: PlanScope, by: SplitBy) -> Basis:
    """All that a split of a plan needs to know. Raises TargetInvalid for a group without products."""
    regions = uow.rows(_REGIONS, company=uow.company_id, region=scope.region_id)
    weight = by.potential_by_class
    other = weight.get("*", 0)
    positions = uow.rows(
        _POSITIONS,
        company=uow.company_id,
        regions=[row.id for row in regions],
        roles=list(by.roles),
        division=scope.division_id,
        a=weight.get("A", other),
        b=weight.get("B", other),
        c=weight.get("C", other),
        other=other,
    )
    calendar = read_calendar(uow, date(scope.year, 1, 1), date(scope.year, 12, 31))
    return Basis(
        root_region_id=scope.region_id,
        regions=[RegionBelow(row.id, row.code, row.parent_id) for row in regions],
        positions=[
            PositionBelow(row.id, row.code, row.region_id, int(row.potential)) for row in positions
        ],
        groups=_groups(uow, by.product_groups),
        last_year=_last_year(uow, scope, [row.id for row in positions], by.product_groups),
        working_days={
            number: calendar.in_month(date(scope.year, number, 1))
            for number in range(1, MONTHS + 1)
        },
    )


def list_product_groups(uow: UnitOfWork) -> list[str]:
    """The categories of active products of our own, as many as a plan can be split over. One query."""
    rows = uow.rows(_GROUP_NAMES, company=uow.company_id, at_most=PRODUCT_GROUPS_MAX)
    return [row.category for row in rows]


def _groups(uow: UnitOfWork, names: tuple[str, ...]) -> list[GroupBelow]:
    if not names:
        return []
    rows = uow.rows(_GROUPS, company=uow.company_id, groups=list(names))
    products = {row.category: row.products for row in rows}
    missing = [name for name in names if name not in products]
    if missing:
        raise TargetInvalid(
            Said("product group {missing}: no active product is in it", missing=missing[0])
        )
    return [GroupBelow(name, products[name]) for name in names]


def _last_year(
    uow: UnitOfWork, scope: PlanScope, positions: list[UUID], groups: tuple[str, ...]
) -> dict[tuple[UUID, int, str | None], int]:
    found: dict[tuple[UUID, int, str | None], int] = {}
    if not positions:
        return found
    for by in ((), ("product_group",)) if groups else ((),):
        question = Question(
            first_day=date(scope.year - 1, 1, 1),
            last_day=last_day(date(scope.year - 1, 12, 1)),
            group_by=("position", "month", *by),
            position_ids=positions,
        )
        for group in read_measures(uow, question, [scope.measure], groups_max=GROUPS_MAX):
            position, month, *product_group = group.key
            for figure in group.figures:
                if figure.currency == scope.currency:
                    place = (
                        UUID(position),
                        date.fromisoformat(f"{month}-01").month,
                        product_group[0] if by else None,
                    )
                    found[place] = figure.numerator
    return found
