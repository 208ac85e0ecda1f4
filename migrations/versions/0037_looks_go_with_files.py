"""What a picture looks like goes with its file."""

from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.execute(
        "delete from photo_hash h where not exists"
        " (select from file f where f.company_id = h.company_id and f.sha256 = h.sha256)"
    )
    op.create_foreign_key(
        "photo_hash_company_id_sha256_fk",
        "photo_hash",
        "file",
        ["company_id", "sha256"],
        ["company_id", "sha256"],
        ondelete="CASCADE",
    )


def downgrade() -> None:
    op.drop_constraint("photo_hash_company_id_sha256_fk", "photo_hash")
