"""The database's side of the count: every item that a phone was told is kept, is there, and once.

Reads as the application's role, bound to the company. It knows nothing of phones: it is handed
what they were promised, and says what is missing and what has had an effect more than once. It also reads
the days that were played, because what follows from a whole day stands in no record.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from server.days.person_day import PersonDay
from server.days.reading import AT_MOST_PEOPLE, read_days
from server.play.amounts import amounts_in_database
from server.play.facts import FACT_KINDS, FACTS, OWN_FACTS
from sync.unit_of_work import Database, UnitOfWork

_LEDGER = """
select op_id::text as id, count(*) as number from ledger
where company_id = :company and op_id = any(:ids) group by op_id
"""
_KEPT = """
select op_id::text as id from kept_item where company_id = :company and op_id = any(:ids)
union select op_id::text from conflict where company_id = :company and op_id = any(:ids)
"""
_RECORDS = """
select id::text as id, version from record
where company_id = :company and id = any(:ids) and doc is not null
"""
_ROWS_OF = (
    "select id::text as id, 1 as number from {} where company_id = :company and id = any(:ids)"
)
_ROWS = " union all ".join(_ROWS_OF.format(each.table) for each in FACT_KINDS)
_SENT = "select distinct id::text as id from {} where company_id = :company and device_id = any(:devices)"
_OF_DEVICES = " union all ".join(_SENT.format(each.sent_by) for each in FACT_KINDS)
_PLAYED = """
select person_id, business_day, id from visit
where company_id = :company and device_id = any(:devices)
union all
select person_id, business_day, id from attendance
where company_id = :company and device_id = any(:devices)
"""
_PROPOSALS = """
select op_id::text as id, count(*) as number from proposal
where company_id = :company and op_id = any(:ids) group by op_id
"""

_FILES = """
select f.sha256, count(*) as number,
       count(*) filter (where exists (select from file_reading r
           where r.company_id = f.company_id and r.sha256 = f.sha256)) as readings
from file f where f.company_id = :company and f.sha256 = any(:digests) group by f.sha256
"""

_APPLIED = frozenset({"applied", "merged"})
_KEPT_ASIDE = frozenset({"deferred", "quarantined", "conflict"})


@dataclass(frozen=True, slots=True)
class Promised:
    """An item that a phone was told is kept, with the first status that it was told."""

    op_id: str
    kind: str
    entity_id: str
    status: str


@dataclass(frozen=True, slots=True)
class Count:
    """What is missing and what is there more than once, each as a line for people."""

    lost: tuple[str, ...]
    twice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Amounts:
    """What the records of a play amount to: as its phones can tell too, and as only the server can."""

    told: Counter[str]
    by_server: Counter[str]


@dataclass(frozen=True, slots=True)
class FileCount:
    """The files of a play's photos: how many there are and were read, which are not there, and which twice."""

    files: int
    readings: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlayedDays:
    """The days of people that were played: the flags that follow from each as a whole.

    `shared` are those on which the person has visits from another phone too.
    """

    flags: Counter[str]
    days: int
    shared: int


def count_in_database(
    database: Database, company_id: int, promised: Iterable[Promised], device_ids: Iterable[str]
) -> Count:
    """Compare what was promised with what the database holds; `device_ids` sent all of it and nothing else."""
    wanted = list(promised)
    facts = [each for each in wanted if each.kind in FACTS]
    with database.reading(company_id) as uow:
        ledger = _numbers(uow, _LEDGER, [each.op_id for each in wanted])
        kept = _numbers(uow, _KEPT, [each.op_id for each in wanted])
        proposals = _numbers(uow, _PROPOSALS, [each.op_id for each in wanted])
        rows = _numbers(uow, _ROWS, [each.entity_id for each in facts])
        versions = {
            row.id: row.version
            for row in uow.rows(
                _RECORDS, company=company_id, ids=_ids(each.entity_id for each in wanted)
            )
        }
        of_devices = {
            row.id for row in uow.rows(_OF_DEVICES, company=company_id, devices=_ids(device_ids))
        }
    lost = [f"{_name(each)}: no receipt" for each in wanted if not ledger[each.op_id]]
    lost += [
        f"{_name(each)}: {each.status}, but not kept aside"
        for each in wanted
        if each.status in _KEPT_ASIDE and not kept[each.op_id]
    ]
    lost += [
        f"{_name(each)}: applied, but there is no record"
        for each in wanted
        if each.status in _APPLIED and each.entity_id not in versions
    ]
    lost += [
        f"{_name(each)}: applied, but there is no row"
        for each in facts
        if each.status in _APPLIED and not rows[each.entity_id]
    ]
    twice = [
        f"{_name(each)}: {ledger[each.op_id]} receipts" for each in wanted if ledger[each.op_id] > 1
    ]
    twice += [
        f"{_name(each)}: {proposals[each.op_id]} proposals"
        for each in wanted
        if proposals[each.op_id] > 1
    ]
    captured = {each.entity_id for each in facts}
    # Nobody but the phone writes these facts: each version is one item's effect.
    effects = Counter(each.entity_id for each in facts if each.kind in OWN_FACTS)
    twice += [
        f"{entity_id}: version {versions[entity_id]} from {number} items"
        for entity_id, number in effects.items()
        if versions.get(entity_id, 0) > number
    ]
    twice += [f"{entity_id}: nobody captured it" for entity_id in of_devices - captured]
    return Count(lost=tuple(lost), twice=tuple(twice))


def read_amounts(database: Database, company_id: int, promised: Iterable[Promised]) -> Amounts:
    """Add up what was applied of what was promised."""
    ids = _ids(each.entity_id for each in promised if each.status in _APPLIED)
    with database.reading(company_id) as uow:
        return Amounts(*amounts_in_database(uow, ids))


def count_files(database: Database, company_id: int, digests: Iterable[str]) -> FileCount:
    """Compare the digests of the photos that were taken with the files that there are."""
    wanted = sorted(set(digests))
    with database.reading(company_id) as uow:
        rows = uow.rows(_FILES, company=company_id, digests=wanted)
    there = {row.sha256 for row in rows}
    return FileCount(
        files=sum(row.number for row in rows),
        readings=sum(row.readings for row in rows),
        lost=tuple(digest for digest in wanted if digest not in there),
        twice=tuple(row.sha256 for row in rows if row.number > 1),
    )


def read_played_days(
    database: Database, company_id: int, device_ids: Iterable[str], now: int
) -> PlayedDays:
    """Read the days of which these devices sent facts; flags of other devices' facts are left out.

    Whoever had worked before they were played has, by these days, been in two places at once.
    """
    with database.reading(company_id) as uow:
        rows = uow.rows(_PLAYED, company=company_id, devices=_ids(device_ids))
    played = {row.id for row in rows}
    people: dict[date, set[UUID]] = {}
    for row in rows:
        people.setdefault(row.business_day, set()).add(row.person_id)
    flags: Counter[str] = Counter()
    shared = 0
    for day, person_ids in people.items():
        ordered = sorted(person_ids)
        for start in range(0, len(ordered), AT_MOST_PEOPLE):
            some = ordered[start : start + AT_MOST_PEOPLE]
            with database.reading(company_id) as uow:
                days = read_days(uow, day, now, person_ids=some)
            for each in days:
                flags.update(_day_flags(each, played))
                shared += any(visit.visit_id not in played for visit in each.visits)
    return PlayedDays(flags, days=sum(map(len, people.values())), shared=shared)


def _day_flags(day: PersonDay, played: Collection[UUID]) -> Iterator[str]:
    """The names of the flags that follow from the day, of what was played and of the day itself."""
    told = [flag for visit in day.visits if visit.visit_id in played for flag in visit.flags]
    told += [
        flag for event in day.duty.events if event.attendance_id in played for flag in event.flags
    ]
    yield from (flag.name for flag in (*told, *day.duty.flags) if flag.is_derived)


def _numbers(uow: UnitOfWork, statement: str, ids: Iterable[str]) -> Counter[str]:
    rows = uow.rows(statement, company=uow.company_id, ids=_ids(ids))
    return Counter({row.id: getattr(row, "number", 1) for row in rows})


def _ids(ids: Iterable[str]) -> list[UUID]:
    return [UUID(each) for each in set(ids)]


def _name(each: Promised) -> str:
    return f"{each.kind} {each.entity_id} (item {each.op_id})"
