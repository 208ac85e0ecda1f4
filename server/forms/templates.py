"""Form templates set from above: imported as a draft, published as a version that stays, retired.

What an answer is judged by is the version that it names, for ever. So nothing here changes a version:
a change is the next one.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from mobile_contract.forms.template import faults_in
from mobile_contract.schema import Fault
from server.forms.errors import FormInvalid, NoSuchForm, NothingToPublish, NotNow
from server.identity.change_log import Actor, log_change
from server.language import Said, sentence
from sync.document import encode_document
from sync.form_versions import version_id
from sync.kinds.form_template.publish import publish_form_templates
from sync.kinds.form_template.states import PUBLISHING
from sync.unit_of_work import UnitOfWork

_BY_CODE = """
select id, code, title, state, version, draft from form_template
where company_id = :company and code = :code for update
"""
_INSERT = """
insert into form_template (company_id, id, code, title, state, draft, drafted_at)
values (:company, :id, :code, :title, :state, cast(:draft as jsonb), now())
on conflict (company_id, code) do nothing
"""
_DRAFT = """
update form_template set state = :state, draft = cast(:draft as jsonb), drafted_at = now(),
       title = case when version is null then :title else title end
where company_id = :company and id = :id
"""
_IN_FORCE = """
select definition from form_template_version
where company_id = :company and template_id = :id and version = :version
"""
_ADD_VERSION = """
insert into form_template_version
    (company_id, id, template_id, version, definition, division_ids, published_by)
values (:company, :id, :template_id, :version, cast(:definition as jsonb), :division_ids, :by)
"""
_PUBLISHED = """
update form_template set state = :state, version = :version, title = :title, draft = null,
       drafted_at = null
where company_id = :company and id = :id
"""
_STATE = "update form_template set state = :state where company_id = :company and id = :id"
_PRODUCTS = """
select code, id from product where company_id = :company and code = any(:codes)
"""
_DIVISIONS = """
select code, id from division where company_id = :company and code = any(:codes)
"""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of an import. `is_changed` is false where the form is like this already."""

    template_id: UUID
    code: str
    is_new: bool
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Published:
    """A version that is now in force."""

    template_id: UUID
    code: str
    version: int


def import_template(
    uow: UnitOfWork, actor: Actor, definition: Any, *, new_id: UUID | None = None
) -> Imported:
    """Keep a definition as the draft of its form, which is made if there is none with its code, with
    this id or a new one.

    Raises FormInvalid with everything that is wrong with it; nothing is kept then.
    """
    faults = faults_in(definition)
    if faults:
        raise FormInvalid(faults)
    resolved = _Resolved(uow, definition)
    if resolved.faults:
        raise FormInvalid(resolved.faults)
    code, title = definition["code"], definition["title"]
    document = encode_document(definition).decode()
    new_id = new_id or uuid4()
    made = uow.run(
        _INSERT,
        company=uow.company_id,
        id=new_id,
        code=code,
        title=title,
        state=PUBLISHING.after(None, "import"),
        draft=document,
    )
    if made:
        log_change(uow, actor, "import", "form_template", new_id, after={"draft": definition})
        return Imported(new_id, code, is_new=True, is_changed=True)
    held = _held(uow, code)
    if held.draft == definition or (
        held.draft is None and _in_force(uow, held) == resolved.definition
    ):
        return Imported(held.id, code, is_new=False, is_changed=False)
    uow.run(
        _DRAFT,
        company=uow.company_id,
        id=held.id,
        state=_next_state(held, "import"),
        draft=document,
        title=title,
    )
    log_change(
        uow,
        actor,
        "import",
        "form_template",
        held.id,
        before={"draft": held.draft},
        after={"draft": definition},
    )
    return Imported(held.id, code, is_new=False, is_changed=True)


def all_faults(uow: UnitOfWork, definition: Any) -> list[Fault]:
    """Everything that keeps a definition from being imported: what the contract finds, then what the company lacks."""
    return faults_in(definition) or _Resolved(uow, definition).faults


def publish_template(uow: UnitOfWork, actor: Actor, code: str) -> Published:
    """Make the draft of a form the version that is in force, and give it to phones.

    Products and divisions that it names by their codes are looked up now. Raises NothingToPublish
    where there is no draft, FormInvalid where one of them is no more.
    """
    held = _held(uow, code)
    if held.draft is None:
        raise NothingToPublish(Said("form {code} has no draft: import one first", code=code))
    resolved = _Resolved(uow, held.draft)
    if resolved.faults:
        raise FormInvalid(resolved.faults)
    version = (held.version or 0) + 1
    uow.run(
        _ADD_VERSION,
        company=uow.company_id,
        id=UUID(version_id(str(held.id), version)),
        template_id=held.id,
        version=version,
        definition=encode_document(resolved.definition).decode(),
        division_ids=resolved.division_ids,
        by=actor.name,
    )
    state = _next_state(held, "publish")
    uow.run(
        _PUBLISHED,
        company=uow.company_id,
        id=held.id,
        state=state,
        version=version,
        title=resolved.definition["title"],
    )
    _log_state(uow, actor, "publish", held, state, version)
    publish_form_templates(uow, [held.id])
    return Published(held.id, code, version)


def retire_template(uow: UnitOfWork, actor: Actor, code: str) -> None:
    """Take a form off the phones. Answers to it are taken for ever; a draft of it stays."""
    held = _held(uow, code)
    state = _next_state(held, "retire")
    uow.run(_STATE, company=uow.company_id, id=held.id, state=state)
    _log_state(uow, actor, "retire", held, state, held.version)
    publish_form_templates(uow, [held.id])


def without_ids(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A published definition as it can be imported: what the server put in is left out."""
    found = copy.deepcopy(dict(definition))
    for question in found["questions"]:
        for row in (question.get("rows") or {}).get("items") or ():
            row.pop("product_id", None)
    return found


def _held(uow: UnitOfWork, code: str) -> Any:
    found = uow.rows(_BY_CODE, company=uow.company_id, code=code)
    if not found:
        raise NoSuchForm(Said("there is no form {code}", code=code))
    return found[0]


def _in_force(uow: UnitOfWork, held: Any) -> Any:
    found = uow.rows(_IN_FORCE, company=uow.company_id, id=held.id, version=held.version)
    return found[0].definition if found and held.state == "PUBLISHED" else None


# What cannot be done to a form, said of it.
_DONE = {
    "import": sentence("imported"),
    "publish": sentence("published"),
    "retire": sentence("retired"),
}


def _next_state(held: Any, act: str) -> str:
    state = PUBLISHING.after(held.state, act)
    if state is None:
        raise NotNow(
            Said(
                "form {code} is {state}: it cannot be {done}",
                code=held.code,
                state=Said(held.state.lower()),
                done=Said(_DONE[act]),
            )
        )
    return state


def _log_state(
    uow: UnitOfWork, actor: Actor, action: str, held: Any, state: str, version: int | None
) -> None:
    log_change(
        uow,
        actor,
        action,
        "form_template",
        held.id,
        before={"state": held.state, "version": held.version},
        after={"state": state, "version": version},
    )


class _Resolved:
    """A definition with the ids of the products and divisions that it names by their codes."""

    def __init__(self, uow: UnitOfWork, definition: Any) -> None:
        self.definition = copy.deepcopy(definition)
        self.faults: list[Fault] = []
        rows = [
            (f"questions[{number}].rows.items[{place}]", row)
            for number, question in enumerate(self.definition["questions"])
            for place, row in enumerate((question.get("rows") or {}).get("items") or ())
            if (row.get("product_code"), row.get("product_id")) != (None, None)
        ]
        named = {row.get("product_code") for _, row in rows} - {None}
        products = self._ids(uow, _PRODUCTS, named)
        for place, row in rows:
            if row.get("product_code") is None:
                # An id that somebody wrote may be anybody's.
                words = "is put in by the server, from product_code"
                self.faults.append(Fault(f"{place}.product_id", words))
                continue
            found = products.get(row["product_code"])
            if found is None:
                words = f"is {row['product_code']}, which is no product of the company"
                self.faults.append(Fault(f"{place}.product_code", words))
            else:
                row["product_id"] = str(found)
        codes = self.definition.get("divisions") or []
        divisions = self._ids(uow, _DIVISIONS, set(codes))
        for number, code in enumerate(codes):
            if code not in divisions:
                words = f"is {code}, which is no division of the company"
                self.faults.append(Fault(f"divisions[{number}]", words))
        self.division_ids = sorted(divisions.values())

    def _ids(self, uow: UnitOfWork, statement: str, codes: set[str]) -> dict[str, UUID]:
        if not codes:
            return {}
        found = uow.rows(statement, company=uow.company_id, codes=sorted(codes))
        return {row.code: row.id for row in found}
