"""Form templates as those who write them see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.forms.errors import NoSuchForm
from server.language import Said
from sync.unit_of_work import UnitOfWork

_LIST = """
select t.id, t.code, t.title, t.state, t.version, t.draft is not null as has_draft,
       v.published_at, jsonb_array_length(coalesce(v.definition, t.draft) -> 'questions') as questions,
       coalesce(v.definition, t.draft) -> 'titles' as titles
from form_template t
left join form_template_version v
  on v.company_id = t.company_id and v.template_id = t.id and v.version = t.version
where t.company_id = :company and t.state = any(:states) and t.code > :after order by t.code limit :at_most
"""
_SHOWN = """
select id, code, title, state, version, draft, drafted_at from form_template
where company_id = :company and code = :code
"""
_VERSIONS = """
select version, published_at, published_by from form_template_version
where company_id = :company and template_id = :id order by version desc limit :at_most
"""
_DEFINITION = """
select definition from form_template_version
where company_id = :company and template_id = :id and version = :version
"""

VERSIONS_SHOWN = 100


@dataclass(frozen=True, slots=True)
class FormListed:
    """A form in a list; `questions` of the version in force, else of the draft."""

    id: UUID
    code: str
    title: str
    state: str
    version: int | None
    has_draft: bool
    published_at: datetime | None
    questions: int
    titles: dict[str, str] | None

    @property
    def words(self) -> dict[str, Any]:
        """Its title, with those in other languages."""
        return {"title": self.title, "titles": self.titles}


@dataclass(frozen=True, slots=True)
class VersionListed:
    """A version that was published."""

    version: int
    published_at: datetime
    published_by: str


@dataclass(frozen=True, slots=True)
class FormShown:
    """A form with its draft, where one waits, and its latest versions."""

    id: UUID
    code: str
    title: str
    state: str
    version: int | None
    draft: dict[str, Any] | None
    drafted_at: datetime | None
    versions: tuple[VersionListed, ...]

    @property
    def basis(self) -> str:
        """How it stands: what whoever changes it has looked at."""
        return basis_of(self)


def basis_of(form: Any) -> str:
    """How a form stands, as a text that changes with it."""
    return f"{form.state} {form.version} {form.drafted_at}"


def list_forms(
    uow: UnitOfWork, *, states: Sequence[str], after: str = "", at_most: int
) -> list[FormListed]:
    """The forms in these states, by code, after one."""
    rows = uow.rows(
        _LIST, company=uow.company_id, states=list(states), after=after, at_most=at_most
    )
    return [FormListed(**row._mapping) for row in rows]  # noqa: SLF001 - the row's columns by name


def show_form(uow: UnitOfWork, code: str) -> FormShown:
    """A form by its code. Raises NoSuchForm."""
    found = uow.rows(_SHOWN, company=uow.company_id, code=code)
    if not found:
        raise NoSuchForm(Said("there is no form {code}", code=code))
    versions = uow.rows(_VERSIONS, company=uow.company_id, id=found[0].id, at_most=VERSIONS_SHOWN)
    listed = tuple(VersionListed(*row) for row in versions)
    return FormShown(**found[0]._mapping, versions=listed)  # noqa: SLF001 - as above


def definition_of(uow: UnitOfWork, form: FormShown, version: int | None = None) -> dict[str, Any]:
    """A version's definition; without a number that in force, else the draft. Raises NoSuchForm."""
    number = form.version if version is None else version
    if number is None and form.draft is not None:
        return form.draft
    found = uow.rows(_DEFINITION, company=uow.company_id, id=form.id, version=number)
    if not found:
        raise NoSuchForm(
            Said("form {form_code} has no version {number}", form_code=form.code, number=number)
        )
    definition: dict[str, Any] = found[0].definition
    return definition
