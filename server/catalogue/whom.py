"""Whom a price list or a promotion is for: one level and its values, and the stores that come of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from mobile_contract.records.store import CHANNEL_MAX, CLASSES
from server.catalogue.checks import check_text
from server.catalogue.errors import FieldInvalid
from server.language import Said
from sync.rows import array
from sync.unit_of_work import UnitOfWork

VALUES_MAX = 5_000

# level → the columns that its values stand in
_COLUMNS = {
    "CUSTOMER": ("store_id", "account_id"),
    "CLASS": ("store_class",),
    "CHANNEL": ("channel",),
    "REGION": ("region_id",),
}
_NAMES = ("store_id", "account_id", "store_class", "channel", "region_id")
_KINDS = ("uuid", "uuid", "text", "text", "uuid")
_THERE = """
select (select count(*) from store where company_id = :company and id = any(:stores)) as stores,
       (select count(*) from account where company_id = :company and id = any(:accounts)) as accounts,
       (select count(*) from region where company_id = :company and id = any(:regions)) as regions
"""
_HELD = """
select store_id, account_id, store_class, channel, region_id from {kind}_for
where company_id = :company and {kind}_id = :id order by place
"""
_DROP = "delete from {kind}_for where company_id = :company and {kind}_id = :id"
_WRITE = """
insert into {kind}_for (company_id, {kind}_id, place, store_id, account_id, store_class, channel,
                        region_id)
select %s, %s, r.* from unnest(%s::int2[], %s::uuid[], %s::uuid[], %s::text[], %s::text[],
                               %s::uuid[])
     as r(place, store_id, account_id, store_class, channel, region_id)
"""
_CONCERNED = """
with recursive below as (
    select id from region where company_id = :company and id = any(:regions)
    union
    select r.id from region r join below b on r.parent_id = b.id where r.company_id = :company
)
select s.id from store s
where s.company_id = :company and s.status in ('ACTIVE', 'PROPOSED')
  and (:everybody or s.id = any(:stores) or s.account_id = any(:accounts)
       or s.store_class = any(:classes) or s.channel = any(:channels)
       or s.region_id in (select id from below))
order by s.id
"""


@dataclass(frozen=True, slots=True)
class Whom:
    """Values of exactly one level: those of the others are empty."""

    level: str
    store_ids: frozenset[UUID] = frozenset()
    account_ids: frozenset[UUID] = frozenset()
    classes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    region_ids: frozenset[UUID] = frozenset()

    def rows(self) -> list[tuple[Any, ...]]:
        """A row for each value, in a fixed order."""
        columns: tuple[frozenset[Any], ...] = (
            self.store_ids,
            self.account_ids,
            self.classes,
            self.channels,
            self.region_ids,
        )
        return [
            tuple(value if at == place else None for at in range(len(columns)))
            for place, values in enumerate(columns)
            for value in sorted(values)
        ]

    def told(self) -> dict[str, Any]:
        """As the change log has it: the level, and values only where there are any."""
        named = {
            "stores": self.store_ids,
            "accounts": self.account_ids,
            "classes": self.classes,
            "channels": self.channels,
            "regions": self.region_ids,
        }
        return {
            "level": self.level,
            **{name: sorted(map(str, values)) for name, values in named.items() if values},
        }


def check_whom(uow: UnitOfWork, whom: Whom) -> None:
    """Raise FieldInvalid where it is not values of one level, all of them there."""
    if whom.level not in _COLUMNS:
        raise FieldInvalid(
            Said("for whom: the level is one of {choices}", choices=", ".join(_COLUMNS))
        )
    rows = whom.rows()
    if not 1 <= len(rows) <= VALUES_MAX:
        raise FieldInvalid(
            Said(
                "for whom: 1 to {most} values of the level {level}",
                most=VALUES_MAX,
                level=whom.level,
            )
        )
    for row in rows:
        if not any(
            value is not None and name in _COLUMNS[whom.level]
            for name, value in zip(_NAMES, row, strict=True)
        ):
            raise FieldInvalid(
                Said("for whom: values of the level {level} and of no other", level=whom.level)
            )
    for channel in whom.channels:
        check_text("channel", channel, 1, CHANNEL_MAX)
    if not whom.classes <= set(CLASSES):
        raise FieldInvalid(Said("class: one of {choices}", choices=", ".join(CLASSES)))
    there = uow.rows(
        _THERE,
        company=uow.company_id,
        stores=list(whom.store_ids),
        accounts=list(whom.account_ids),
        regions=list(whom.region_ids),
    )[0]
    for name, asked in (
        ("store", whom.store_ids),
        ("account", whom.account_ids),
        ("region", whom.region_ids),
    ):
        if getattr(there, f"{name}s") < len(asked):
            raise FieldInvalid(
                Said("{name}: there is no such {name} in this company", name=Said(name))
            )


def write_whom(uow: UnitOfWork, kind: str, id_: UUID, whom: Whom | None) -> None:
    """Let a `price_list` or a `promotion` be for these and no others; None: a promotion for all."""
    uow.run(_DROP.format(kind=kind), company=uow.company_id, id=id_)
    rows = [] if whom is None else whom.rows()
    columns = [array(type_, [row[at] for row in rows]) for at, type_ in enumerate(_KINDS)]
    places = array("int2", list(range(len(rows))))
    uow.driver.execute(_WRITE.format(kind=kind), [uow.company_id, id_, places, *columns])


def read_whom(uow: UnitOfWork, kind: str, id_: UUID, level: str | None) -> Whom | None:
    """Whom a `price_list` or a `promotion` is for; None: for all."""
    if level is None:
        return None
    found: dict[str, set[Any]] = {name: set() for name in _NAMES}
    for row in uow.rows(_HELD.format(kind=kind), company=uow.company_id, id=id_):
        for name in _NAMES:
            found[name] |= {getattr(row, name)} - {None}
    return Whom(level, *(frozenset(found[name]) for name in _NAMES))


def stores_of(uow: UnitOfWork, *those: Whom | None) -> list[UUID]:
    """The stores that any of these mean."""

    def every(name: str) -> list[Any]:
        return sorted({each for whom in those if whom is not None for each in getattr(whom, name)})

    return _ids(
        uow.rows(
            _CONCERNED,
            company=uow.company_id,
            everybody=None in those,
            stores=every("store_ids"),
            accounts=every("account_ids"),
            classes=every("classes"),
            channels=every("channels"),
            regions=every("region_ids"),
        )
    )


def _ids(rows: Sequence[Any] | Iterable[Any]) -> list[UUID]:
    return [row.id for row in rows]
