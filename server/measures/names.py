"""What people call the things by which figures are told apart: names for ids."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sync.unit_of_work import UnitOfWork

_STATEMENTS: Mapping[str, str] = {
    "person": "select id, name from person where company_id = :company and id = any(:ids)",
    "position": "select id, code || ' ' || name as name from position"
    " where company_id = :company and id = any(:ids)",
    "region": "select id, name from region where company_id = :company and id = any(:ids)",
    "division": "select id, name from division where company_id = :company and id = any(:ids)",
    "product": "select id, code || ' ' || name as name from product"
    " where company_id = :company and id = any(:ids)",
}


def name_things(uow: UnitOfWork, dimension: str, keys: Iterable[str]) -> dict[str, str]:
    """The names of these keys of groups (reading.py): of ids what they are called, all others as they are."""
    listed = sorted(set(keys))
    statement = _STATEMENTS.get(dimension)
    if statement is None:
        return {key: key for key in listed}
    ids = [UUID(key) for key in listed if key]
    rows = uow.rows(statement, company=uow.company_id, ids=ids) if ids else []
    return {key: key for key in listed} | {str(row.id): row.name for row in rows}
