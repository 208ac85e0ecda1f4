"""Stores as people name them: which ones the codes mean, what a store is called, where its pin is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from server.language import Said
from server.planning.errors import NoSuchStore
from sync.unit_of_work import UnitOfWork

_BY_CODE = "select code, id from store where company_id = :company and code = any(:codes)"
_NAMES = "select id, code, name from store where company_id = :company and id = any(:ids)"
_CALLED = "select id, code, name from store where company_id = :company and code = :code"

DEGREE_E7 = 10_000_000


@dataclass(frozen=True, slots=True)
class StoreNamed:
    """How a store is told to a person; one that was only proposed has no code yet."""

    code: str | None
    name: str

    @property
    def short(self) -> str:
        """The code, by which commands take it."""
        return self.code or self.name

    def __str__(self) -> str:
        return f"{self.code} {self.name}" if self.code else self.name


def stores_by_code(uow: UnitOfWork, codes: Sequence[str]) -> list[UUID]:
    """The stores with these codes, in this order. Raises NoSuchStore, naming the first unknown."""
    found = {
        row.code: row.id for row in uow.rows(_BY_CODE, company=uow.company_id, codes=list(codes))
    }
    for code in codes:
        if code not in found:
            raise NoSuchStore(Said("there is no store {code!r} in this company", code=code))
    return [found[code] for code in codes]


def named_stores(uow: UnitOfWork, ids: Iterable[UUID]) -> dict[UUID, StoreNamed]:
    """What these stores are called; one that is not there is called by its id. One query."""
    wanted = set(ids)
    rows = uow.rows(_NAMES, company=uow.company_id, ids=sorted(wanted)) if wanted else []
    named = {id_: StoreNamed(None, str(id_)) for id_ in wanted}
    return named | {row.id: StoreNamed(row.code, row.name) for row in rows}


def find_store_named(uow: UnitOfWork, code: str) -> tuple[UUID, StoreNamed] | None:
    """The store with this code; None where there is none. One query."""
    rows = uow.rows(_CALLED, company=uow.company_id, code=code)
    return (rows[0].id, StoreNamed(rows[0].code, rows[0].name)) if rows else None


def told_pin(lat_e7: int, lon_e7: int) -> str:
    """A pin in degrees, to about a metre, as commands take it."""
    return f"{lat_e7 / DEGREE_E7:.5f} {lon_e7 / DEGREE_E7:.5f}"
