"""Files whose bytes were found without a row; when a file was announced again; whether a remark names a file."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    for table in ("file", "file_leaving"):
        for column in ("device_id", "person_id"):
            op.alter_column(table, column, nullable=True)
    op.alter_column("file", "unnamed_since", new_column_name="announced_at")
    op.create_index(
        "file_unread_ix", "file", ["company_id"], postgresql_where=sa.text("state = 'STORED'")
    )
    op.create_index(
        "upload_open_ix",
        "upload",
        ["company_id", "device_id"],
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_index(
        "remark_media_ix",
        "remark",
        ["media"],
        postgresql_using="gin",
        postgresql_ops={"media": "jsonb_path_ops"},
    )
