"""The tables of form templates: where each stands with its draft, every version that was published, and what is being edited."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from sync.kinds.form_template.states import PUBLISHING
from sync.tables import Document, Moment, belongs_to, company_table, filled, stamped

_STATES = ", ".join(f"'{state}'" for state in PUBLISHING.stored_states)

form_template = company_table(
    "form_template",
    filled("id", Uuid),
    filled("code", Text),
    filled("title", Text),
    filled("state", Text),
    # The version in force, or the last one that was; null before the first.
    Column("version", Integer),
    # What the next publishing makes a version of; null where nothing waits.
    Column("draft", Document),
    Column("drafted_at", Moment),
    UniqueConstraint("company_id", "code"),
    CheckConstraint(f"state in ({_STATES})", name="state"),
    key=("id",),
)

# Append-only: answers are judged by the version that they name, for ever.
form_template_version = company_table(
    "form_template_version",
    # Of template and number (sync/form_versions.py).
    filled("id", Uuid),
    filled("template_id", Uuid),
    filled("version", Integer),
    filled("definition", Document),
    # Whose people get it; empty: everybody.
    filled("division_ids", ARRAY(Uuid)),
    filled("published_by", Text),
    stamped("published_at"),
    UniqueConstraint("company_id", "template_id", "version"),
    belongs_to("template_id", "form_template"),
    key=("id",),
)

# What somebody of the office is making of a form, whole or not. It is theirs alone until it becomes the form's draft.
form_edit = company_table(
    "form_edit",
    filled("id", Uuid),
    filled("person_id", Uuid),
    # Null where the form is not there yet.
    Column("template_id", Uuid),
    # The version that it was begun from, and how the form stood then: who else changed it meanwhile is told.
    Column("basis_version", Integer),
    filled("basis", Text),
    filled("definition", Document),
    # As it was before the last step, which can be taken back.
    Column("before", Document),
    stamped("changed_at"),
    # One of a person at a form; forms that are not there yet are as many as there are.
    UniqueConstraint("company_id", "person_id", "template_id"),
    belongs_to("person_id", "person"),
    belongs_to("template_id", "form_template"),
    key=("id",),
)
Index("form_edit_template_id_ix", form_edit.c.company_id, form_edit.c.template_id)
