"""The table of proposals: what people ask for from below, waiting for a decision."""

from sqlalchemy import CheckConstraint, Column, Index, Integer, Text, Uuid

from sync.tables import Document, Moment, company_table, filled

proposal = company_table(
    "proposal",
    filled("id", Uuid),
    filled("kind", Text),
    filled("entity_id", Uuid),
    Column("base_version", Integer),
    filled("person_id", Uuid),
    filled("op_id", Uuid),
    filled("changes", Document),
    Column("reason", Text),
    # Why it waits, with the figures of the rule that held it.
    Column("waits_for", Document),
    filled("state", Text),
    Column("answer", Text),
    filled("proposed_at", Moment),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    CheckConstraint("state in ('WAITING', 'APPROVED', 'REFUSED', 'AMENDED')", name="state"),
    key=("id",),
)
Index("proposal_state_ix", proposal.c.company_id, proposal.c.state)
