"""What records are called elsewhere: an id in a system, as an ERP, for a record here and the other way.

Within a system an id means one record of a kind, and a record has one id. A kind is named as its sheet.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from server.identity.change_log import Actor, log_changes
from server.identity.errors import ExternalIdInvalid, ExternalIdTaken
from server.language import Said
from sync.rows import array
from sync.unit_of_work import UnitOfWork

SYSTEM_MAX = 40
EXTERNAL_ID_MAX = 100

_BY_EXTERNAL = """
select external_id, record_id from external_id
where company_id = :company and system = :system and kind = :kind and external_id = any(:ids)
"""
_OF_RECORDS = """
select record_id, external_id from external_id
where company_id = :company and system = :system and kind = :kind and record_id = any(:ids)
"""
_LET_GO = """
delete from external_id where company_id = %s and system = %s and kind = %s
  and record_id = any(%s::uuid[])
"""
_NAME = """
insert into external_id (company_id, system, kind, external_id, record_id)
select %s, %s, %s, r.external_id, r.record_id from unnest(%s::text[], %s::uuid[]) as r(external_id, record_id)
"""
_ELSEWHERE = """
select system, external_id from external_id
where company_id = :company and kind = :kind and record_id = :record order by system
"""
_SYSTEMS = """
select system, kind, count(*) as ids from external_id where company_id = :company
group by 1, 2 order by 1, 2
"""


def records_called(
    uow: UnitOfWork, system: str, kind: str, external_ids: Sequence[str]
) -> dict[str, UUID]:
    """The records that these ids mean in a system. One query."""
    rows = uow.rows(
        _BY_EXTERNAL, company=uow.company_id, system=system, kind=kind, ids=list(external_ids)
    )
    return {row.external_id: row.record_id for row in rows}


def external_ids_of(
    uow: UnitOfWork, system: str, kind: str, record_ids: Sequence[UUID]
) -> dict[UUID, str]:
    """What these records are called in a system. One query."""
    rows = uow.rows(
        _OF_RECORDS, company=uow.company_id, system=system, kind=kind, ids=list(record_ids)
    )
    return {row.record_id: row.external_id for row in rows}


def call_records(
    uow: UnitOfWork, actor: Actor, system: str, kind: str, names: Mapping[UUID, str]
) -> int:
    """Let these records be called so in a system from now on, and what they were called be free; how many
    were called otherwise. Raises ExternalIdTaken, ExternalIdInvalid.
    """
    if not 1 <= len(system) <= SYSTEM_MAX or not system.isprintable():
        raise ExternalIdInvalid(
            Said("a system has a name of 1 to {most} characters", most=SYSTEM_MAX)
        )
    before = external_ids_of(uow, system, kind, list(names))
    wanted = {id_: name for id_, name in names.items() if before.get(id_) != name}
    if not wanted:
        return 0
    for name in wanted.values():
        if not 1 <= len(name) <= EXTERNAL_ID_MAX or not name.isprintable():
            raise ExternalIdInvalid(
                Said("an id there has 1 to {most} printable characters", most=EXTERNAL_ID_MAX)
            )
    taken = records_called(uow, system, kind, list(wanted.values()))
    for name, holder in taken.items():
        if holder not in wanted:
            raise ExternalIdTaken(
                Said(
                    "another {kind} is called {name!r} in {system}",
                    kind=kind,
                    name=name,
                    system=system,
                )
            )
    if len(set(wanted.values())) < len(wanted):
        raise ExternalIdTaken(
            Said(
                "two of kind {kind} would be called the same in {system}", kind=kind, system=system
            )
        )
    ids = sorted(wanted)
    uow.driver.execute(_LET_GO, [uow.company_id, system, kind, array("uuid", ids)])
    uow.driver.execute(
        _NAME,
        [
            uow.company_id,
            system,
            kind,
            array("text", [wanted[id_] for id_ in ids]),
            array("uuid", ids),
        ],
    )
    log_changes(
        uow,
        actor,
        "external_id.call",
        kind,
        [
            (id_, {system: before[id_]} if id_ in before else {}, {system: wanted[id_]})
            for id_ in ids
        ],
    )
    return len(ids)


def called_elsewhere(uow: UnitOfWork, kind: str, record_id: UUID) -> dict[str, str]:
    """What a record is called in each system that has a name for it. One query."""
    rows = uow.rows(_ELSEWHERE, company=uow.company_id, kind=kind, record=record_id)
    return {row.system: row.external_id for row in rows}


def call_record(
    uow: UnitOfWork, actor: Actor, kind: str, record_id: UUID, typed: Sequence[str]
) -> bool:
    """Call a record in other systems as somebody typed it, each SYSTEM=ID; whether any is another.

    Raises ExternalIdInvalid, ExternalIdTaken.
    """
    called: dict[str, str] = {}
    for text in typed:
        system, _, id_there = (part.strip() for part in text.partition("="))
        if not system or not id_there or system in called:
            raise ExternalIdInvalid(
                Said("external id {text}: SYSTEM=ID, as ERP=4711, once for a system", text=text)
            )
        called[system] = id_there
    changed = [
        call_records(uow, actor, system, kind, {record_id: id_there})
        for system, id_there in called.items()
    ]
    return any(changed)


def list_systems(uow: UnitOfWork) -> list[tuple[str, str, int]]:
    """The systems that are known, with how many records of each sheet have an id there."""
    return [tuple(row) for row in uow.rows(_SYSTEMS, company=uow.company_id)]
