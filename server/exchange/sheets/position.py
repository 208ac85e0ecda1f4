"""Positions: seats in the organisation, whoever holds them."""

from collections.abc import Sequence
from datetime import date

from server.exchange.cells import Choice, Code, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet
from server.identity.change_log import Actor
from server.language import sentence
from server.planning.organisation import NAME_LENGTH_MAX, add_position, edit_position
from sync.organisation import ROLES
from sync.unit_of_work import UnitOfWork


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Add positions, and change their names, roles, regions and divisions."""
    for change in changes:
        region_id = references.id("region", change.values["region"])
        division_id = references.id_or_none("division", change.values["division"])
        if change.is_new:
            add_position(
                uow,
                actor,
                code=change.values["code"],
                name=change.values["name"],
                role=change.values["role"],
                region_id=region_id,
                division_id=division_id,
                today=today,
            )
        else:
            edit_position(
                uow,
                actor,
                change.id,
                name=change.values["name"],
                role=change.values["role"],
                region_id=region_id,
                division_id=division_id,
                today=today,
            )


POSITION = Sheet(
    name="position",
    about=sentence("Seats in the organisation."),
    columns=(
        Column(
            name="code", cell=Code(), about=sentence("its code"), is_required=True, is_fixed=True
        ),
        Column(
            name="name", cell=Words(NAME_LENGTH_MAX), about=sentence("its name"), is_required=True
        ),
        Column(
            name="role",
            cell=Choice(ROLES),
            about=sentence("what its holder does"),
            is_required=True,
        ),
        Column(
            name="region",
            cell=Code(),
            about=sentence("where it is"),
            is_required=True,
            refers_to="region",
        ),
        Column(
            name="division",
            cell=Code(),
            about=sentence("whose it is; empty: of all"),
            refers_to="division",
        ),
    ),
    key=("code",),
    select="""
        select p.id, p.code, p.name, p.role, r.code as region, d.code as division from position p
        join region r on r.company_id = p.company_id and r.id = p.region_id
        left join division d on d.company_id = p.company_id and d.id = p.division_id
        where p.company_id = :company
    """,
    apply=apply,
    records_at_once=100,
)
