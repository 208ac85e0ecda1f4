"""Nobody changes one form in two edits: the one that was touched last stays."""

from alembic import op

revision = "0054"
down_revision = "0053"

_SECOND = """
delete from form_edit e using form_edit o
where o.company_id = e.company_id and o.person_id = e.person_id and o.template_id = e.template_id
  and (o.changed_at, o.id) > (e.changed_at, e.id)
"""


def upgrade() -> None:
    op.execute(_SECOND)
    op.create_unique_constraint(
        op.f("form_edit_company_id_person_id_template_id_uq"),
        "form_edit",
        ["company_id", "person_id", "template_id"],
    )
    # The key of the constraint begins with the same columns.
    op.drop_index("form_edit_person_id_ix", "form_edit")


def downgrade() -> None:
    op.create_index("form_edit_person_id_ix", "form_edit", ["company_id", "person_id"])
    op.drop_constraint(op.f("form_edit_company_id_person_id_template_id_uq"), "form_edit")
