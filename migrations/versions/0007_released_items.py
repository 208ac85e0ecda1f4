"""What releasing remembers: a review, the versions that a waiting item was judged by, whose remark."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# A remark came with the push of its item. What an item said under another's op_id was lost before.
_WHOSE = """
update remark r set digest = coalesce(
    (select l.digest from ledger l
     where l.company_id = r.company_id and l.op_id = r.op_id and l.received_at = r.received_at),
    (select min(k.digest) from kept_item k
     where k.company_id = r.company_id and k.op_id = r.op_id and k.received_at = r.received_at),
    '')
"""


def upgrade() -> None:
    op.add_column(
        "kept_item",
        sa.Column("is_reviewed", sa.Boolean(), server_default="false", nullable=False),
    )
    op.add_column("awaited", sa.Column("seen_version", sa.Integer(), nullable=True))
    op.add_column("remark", sa.Column("digest", sa.LargeBinary(), nullable=True))
    op.execute(_WHOSE)
    # Processes of the version before go on writing remarks until they are started again.
    op.alter_column("remark", "digest", nullable=False, server_default=sa.text("''"))
    op.drop_constraint("remark_pk", "remark", type_="primary")
    op.create_primary_key("remark_pk", "remark", ["company_id", "op_id", "digest", "person_id"])
