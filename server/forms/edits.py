"""Edits of forms: what somebody is making of one, kept for them alone until it becomes the form's draft or a version.

An edit says from which version it was begun and how the form stood then. Where somebody else changed the form meanwhile
nothing is kept or published before they who edit have looked at it and said so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.records.form_template import TEMPLATE_CODE_PATTERN
from server.forms.editing import Definition, copied, new_definition
from server.forms.errors import ChangedMeanwhile, EditRefused, NoSuchEdit
from server.forms.form_list import FormShown, basis_of, definition_of
from server.forms.templates import (
    Imported,
    Published,
    import_template,
    publish_template,
    without_ids,
)
from server.identity.change_log import Actor
from server.identity.companies import company_day
from server.language import Said
from sync.document import encode_document
from sync.unit_of_work import Database, UnitOfWork

EDITS_MAX = 30
STAYS = timedelta(days=30)
_PURGED_AT_ONCE = 500
DEFINITION_BYTES_MAX = 1024 * 1024
_ONE = """
select id, person_id, template_id, basis_version, basis, definition, changed_at, before is not null
from form_edit
where company_id = :company and id = :id and person_id = :person
"""
_OF_PERSON = """
select id, person_id, template_id, basis_version, basis, definition, changed_at, before is not null
from form_edit
where company_id = :company and person_id = :person order by changed_at desc, id limit :at_most
"""
_OF_OTHERS = """
select n.name, e.changed_at from form_edit e
join person n on n.company_id = e.company_id and n.id = e.person_id
where e.company_id = :company and e.template_id = :id and e.person_id <> :person
order by e.changed_at desc limit 5
"""
_ADD = """
insert into form_edit (company_id, id, person_id, template_id, basis_version, basis, definition)
values (:company, :id, :person, :template, :version, :basis, cast(:definition as jsonb))
"""
_SET = """
update form_edit set before = definition, definition = cast(:definition as jsonb), changed_at = now()
where company_id = :company and id = :id
"""
_UNDO = """
update form_edit set definition = before, before = null, changed_at = now()
where company_id = :company and id = :id and person_id = :person and before is not null
"""
_REBASE = """
update form_edit set template_id = :template, basis_version = :version, basis = :basis, changed_at = now()
where company_id = :company and id = :id
"""
_OF_FORM = """
select id from form_edit where company_id = :company and person_id = :person and template_id = :template
"""
_FORGET = """
delete from form_edit where company_id = :company and id in (
    select e.id from form_edit e
    join person n on n.company_id = e.company_id and n.id = e.person_id
    where e.company_id = :company and (e.changed_at < :before or n.left_on <= :today)
    order by e.changed_at limit :at_most)
"""
_DROP = "delete from form_edit where company_id = :company and id = :id and person_id = :person"
_HELD = """
select id, state, version, drafted_at from form_template
where company_id = :company and code = :code
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """A form as somebody is making it. Without a `template_id` it is new."""

    id: UUID
    person_id: UUID
    template_id: UUID | None
    basis_version: int | None
    basis: str
    definition: Definition
    changed_at: datetime
    # Whether the last step can be taken back.
    has_before: bool

    @property
    def code(self) -> str:
        """The code of the form."""
        return str(self.definition["code"])

    @property
    def is_of_draft(self) -> bool:
        """Whether it was begun from a draft that waited."""
        return bool(self.basis) and not self.basis.endswith(" None")


@dataclass(frozen=True, slots=True)
class OtherEdit:
    """Somebody else who is changing the same form."""

    name: str
    changed_at: datetime


def begin_new(
    uow: UnitOfWork,
    person_id: UUID,
    *,
    code: str,
    title: str,
    titles: dict[str, str],
    like: Definition | None = None,
) -> UUID:
    """Begin a form that is not there yet: one that asks nothing, or what another one asks. Raises EditRefused."""
    if not title:
        raise EditRefused(Said("must be there"), "title")
    if not re.fullmatch(TEMPLATE_CODE_PATTERN, code):
        said = Said("capital letters, digits, hyphens and underscores, a letter first, at most 40")
        raise EditRefused(said, "code")
    if uow.rows(_HELD, company=uow.company_id, code=code):
        raise EditRefused(Said("another form has this code"), "code")
    definition = (
        new_definition(code, title, titles)
        if like is None
        else copied(without_ids(like), code, title, titles)
    )
    return _add(uow, person_id, definition, None, None, "")


def begin_change(uow: UnitOfWork, person_id: UUID, form: FormShown) -> UUID:
    """Go on with this person's edit of a form, or begin one: from its draft where one waits, else from the version in
    force.
    """
    # Of two tabs that begin at once the second finds the edit of the first.
    _lock(uow, form.code)
    held = uow.rows(_OF_FORM, company=uow.company_id, person=person_id, template=form.id)
    if held:
        edit_id: UUID = held[0].id
        return edit_id
    definition = form.draft or definition_of(uow, form)
    return _add(uow, person_id, without_ids(definition), form.id, form.version, form.basis)


def find_edit(uow: UnitOfWork, person_id: UUID, edit_id: UUID) -> Edit:
    """An edit of this person's. Raises NoSuchEdit, also for anybody else's."""
    return _read(uow, _ONE, person_id, edit_id)


def lock_edit(uow: UnitOfWork, person_id: UUID, edit_id: UUID) -> Edit:
    """`find_edit`, which nothing changes before this transaction ends. Raises NoSuchEdit."""
    return _read(uow, f"{_ONE} for update", person_id, edit_id)


def edits_of(uow: UnitOfWork, person_id: UUID) -> list[Edit]:
    """What this person is making, the latest first."""
    rows = uow.rows(_OF_PERSON, company=uow.company_id, person=person_id, at_most=EDITS_MAX)
    return [Edit(*row) for row in rows]


def others_at(uow: UnitOfWork, edit: Edit) -> list[OtherEdit]:
    """Who else is changing the same form."""
    rows = uow.rows(_OF_OTHERS, company=uow.company_id, id=edit.template_id, person=edit.person_id)
    return [OtherEdit(*row) for row in rows]


def change_edit(
    uow: UnitOfWork, person_id: UUID, edit_id: UUID, act: Callable[[Definition], Definition]
) -> Edit:
    """Do something to what is being made. Raises NoSuchEdit, and what the act raises."""
    edit = lock_edit(uow, person_id, edit_id)
    definition = act(edit.definition)
    if definition == edit.definition:
        return edit
    document = encode_document(definition)
    if len(document) > DEFINITION_BYTES_MAX:
        raise EditRefused(Said("A form has at most {number} MiB.", number=1))
    uow.run(_SET, company=uow.company_id, id=edit.id, definition=document.decode())
    return edit


def undo_step(uow: UnitOfWork, person_id: UUID, edit_id: UUID) -> bool:
    """Take back the last step; whether there was one. Raises NoSuchEdit."""
    edit = find_edit(uow, person_id, edit_id)
    return bool(uow.run(_UNDO, company=uow.company_id, id=edit.id, person=person_id))


def take_basis(uow: UnitOfWork, person_id: UUID, edit_id: UUID, basis: str) -> None:
    """Go on upon the form as it stands now, which whoever edits has looked at. Raises ChangedMeanwhile, and EditRefused where
    they are changing it elsewhere.
    """
    edit = lock_edit(uow, person_id, edit_id)
    held = _lock(uow, edit.code)
    if held is None or basis_of(held) != basis:
        raise ChangedMeanwhile(_MEANWHILE)
    others = uow.rows(_OF_FORM, company=uow.company_id, person=person_id, template=held.id)
    if any(other.id != edit.id for other in others):
        raise EditRefused(
            Said("You are changing this form in another edit: finish that one, or throw it away.")
        )
    uow.run(
        _REBASE,
        company=uow.company_id,
        id=edit.id,
        template=held.id,
        version=held.version,
        basis=basis,
    )


def drop_edit(uow: UnitOfWork, person_id: UUID, edit_id: UUID) -> None:
    """Throw away what was being made; the form stays as it is. Raises NoSuchEdit."""
    if not uow.run(_DROP, company=uow.company_id, id=edit_id, person=person_id):
        raise NoSuchEdit(_NO_SUCH)


def keep_edit(uow: UnitOfWork, actor: Actor, person_id: UUID, edit_id: UUID) -> Imported:
    """Make it the draft of its form, for everybody to see. Raises ChangedMeanwhile, FormInvalid."""
    edit = lock_edit(uow, person_id, edit_id)
    held = _lock(uow, edit.code)
    if ("" if held is None else basis_of(held)) != edit.basis:
        raise ChangedMeanwhile(_MEANWHILE)
    imported = import_template(uow, actor, edit.definition)
    if edit.template_id is None and not imported.is_new:
        raise ChangedMeanwhile(_MEANWHILE)
    drop_edit(uow, person_id, edit_id)
    return imported


def purge_edits(database: Database, company_id: int, now: datetime) -> int:
    """Let go of what nobody touched for so long, and of what people who left were making; how many."""
    purged = 0
    while True:
        with database.company(company_id) as uow:
            gone = uow.run(
                _FORGET,
                company=company_id,
                before=now - STAYS,
                today=company_day(uow, now),
                at_most=_PURGED_AT_ONCE,
            )
        purged += gone
        if gone < _PURGED_AT_ONCE:
            return purged


def publish_edit(uow: UnitOfWork, actor: Actor, person_id: UUID, edit_id: UUID) -> Published:
    """Make it the version in force, and give it to phones. Raises ChangedMeanwhile, FormInvalid, NothingToPublish."""
    imported = keep_edit(uow, actor, person_id, edit_id)
    return publish_template(uow, actor, imported.code)


_NO_SUCH = Said("nothing of yours is being made here")
_MEANWHILE = Said("Somebody changed this form meanwhile: look at it as it is now.")


def _read(uow: UnitOfWork, statement: str, person_id: UUID, edit_id: UUID) -> Edit:
    rows = uow.rows(statement, company=uow.company_id, id=edit_id, person=person_id)
    if not rows:
        raise NoSuchEdit(_NO_SUCH)
    return Edit(*rows[0])


def _lock(uow: UnitOfWork, code: str) -> Any:
    """The form as it stands, which nobody changes before this transaction ends; None where there is none."""
    rows = uow.rows(f"{_HELD} for update", company=uow.company_id, code=code)
    return rows[0] if rows else None


def _add(
    uow: UnitOfWork,
    person_id: UUID,
    definition: Definition,
    template_id: UUID | None,
    version: int | None,
    basis: str,
) -> UUID:
    if len(edits_of(uow, person_id)) >= EDITS_MAX:
        raise EditRefused(
            Said("you are making {number} forms already: finish one first", number=EDITS_MAX)
        )
    edit_id = uuid4()
    uow.run(
        _ADD,
        company=uow.company_id,
        id=edit_id,
        person=person_id,
        template=template_id,
        version=version,
        basis=basis,
        definition=encode_document(definition).decode(),
    )
    return edit_id
