"""Divisions: business units or brands of the company."""

from collections.abc import Sequence
from datetime import date

from server.catalogue.divisions import NAME_MAX, add_division, rename_division
from server.exchange.cells import Code, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Sheet
from server.identity.change_log import Actor
from server.language import sentence
from sync.unit_of_work import UnitOfWork


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], _references: References, today: date
) -> None:
    """Add and rename divisions."""
    for change in changes:
        if change.is_new:
            code, name = change.values["code"], change.values["name"]
            add_division(uow, actor, code=code, name=name, today=today)
        elif "name" in change.fields:
            rename_division(uow, actor, change.id, change.values["name"])


DIVISION = Sheet(
    name="division",
    about=sentence("Business units or brands."),
    columns=(
        Column(
            name="code", cell=Code(), about=sentence("its code"), is_required=True, is_fixed=True
        ),
        Column(name="name", cell=Words(NAME_MAX), about=sentence("its name"), is_required=True),
    ),
    key=("code",),
    select="select id, code, name from division where company_id = :company",
    apply=apply,
    records_at_once=50,
)
