"""Divisions: parts of a company with a catalogue of their own. A seat of no division has them all."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import insert, select, update

from server.catalogue.checks import check_text
from server.catalogue.errors import CodeTaken, FieldInvalid
from server.identity.change_log import Actor, log_change
from server.language import Said
from sync.organisation import division
from sync.scope import rescope, take_turn
from sync.unit_of_work import UnitOfWork

CODE_MAX = 40
NAME_MAX = 200

# Whoever holds a seat of no division holds the new one's key, too.
_SEATED = """
select distinct o.person_id from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and p.division_id is null
  and (o.ends_on is null or o.ends_on >= :today)
order by o.person_id
"""


@dataclass(frozen=True, slots=True)
class Division:
    """A division as it is listed."""

    id: UUID
    code: str
    name: str


def add_division(uow: UnitOfWork, actor: Actor, *, code: str, name: str, today: date) -> UUID:
    """A new division. Raises FieldInvalid, CodeTaken."""
    take_turn(uow)
    check_text("code", code, 1, CODE_MAX)
    check_text("name", name, 1, NAME_MAX)
    if any(held.code == code for held in list_divisions(uow)):
        raise CodeTaken(Said("another division has the code {code}", code=code))
    division_id = uuid4()
    values = {"code": code, "name": name}
    uow.connection.execute(
        insert(division).values(company_id=uow.company_id, id=division_id, **values)
    )
    log_change(uow, actor, "division.add", "division", division_id, after=values)
    seated = uow.rows(_SEATED, company=uow.company_id, today=today)
    rescope(uow, [row.person_id for row in seated], today)
    return division_id


def rename_division(uow: UnitOfWork, actor: Actor, division_id: UUID, name: str) -> None:
    """Give a division another name. Raises FieldInvalid."""
    check_text("name", name, 1, NAME_MAX)
    this = (division.c.company_id == uow.company_id) & (division.c.id == division_id)
    held = uow.connection.execute(
        select(division.c.name).where(this).with_for_update(key_share=True)
    ).scalar_one_or_none()
    if held is None:
        raise FieldInvalid(Said("division: there is no such division in this company"))
    if held == name:
        return
    uow.connection.execute(update(division).where(this).values(name=name))
    log_change(
        uow,
        actor,
        "division.edit",
        "division",
        division_id,
        before={"name": held},
        after={"name": name},
    )


def list_divisions(uow: UnitOfWork) -> list[Division]:
    """Every division by code; a company has few."""
    rows = uow.connection.execute(
        select(division.c.id, division.c.code, division.c.name)
        .where(division.c.company_id == uow.company_id)
        .order_by(division.c.code)
    )
    return [Division(*row) for row in rows]


def division_by_code(uow: UnitOfWork, code: str) -> UUID:
    """The division with this code. Raises FieldInvalid."""
    for held in list_divisions(uow):
        if held.code == code:
            return held.id
    raise FieldInvalid(Said("division: there is none with the code {code}", code=code))
