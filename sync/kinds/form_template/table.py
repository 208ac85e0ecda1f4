"""The tables of form templates: where each stands with its draft, and every version that was published."""

from sqlalchemy import CheckConstraint, Column, Integer, Text, UniqueConstraint, Uuid
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
