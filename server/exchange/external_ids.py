"""What records are called elsewhere: an id in a system, as an ERP, for a record here and the other way.

Within a system an id means one record of a kind, and a record has one id.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sync.rows import array
from sync.unit_of_work import UnitOfWork

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


def call_records(uow: UnitOfWork, system: str, kind: str, names: Mapping[UUID, str]) -> None:
    """Let these records be called so in a system from now on, and what they were called be free."""
    if not names:
        return
    ids = sorted(names)
    uow.driver.execute(_LET_GO, [uow.company_id, system, kind, array("uuid", ids)])
    uow.driver.execute(
        _NAME,
        [
            uow.company_id,
            system,
            kind,
            array("text", [names[id_] for id_ in ids]),
            array("uuid", ids),
        ],
    )


def list_systems(uow: UnitOfWork) -> list[tuple[str, str, int]]:
    """The systems that are known, with how many records of each sheet have an id there."""
    return [tuple(row) for row in uow.rows(_SYSTEMS, company=uow.company_id)]
