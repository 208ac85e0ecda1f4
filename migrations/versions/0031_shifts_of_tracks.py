"""A track that came in another datum than WGS 84 is kept with how far its places move, in half the bytes.

Points are packed anew, as PROTOCOL.md says. No release has written the form before, and nothing reads it: rows
that have it go.
"""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.execute("delete from track")
    op.alter_column("track", "packed_wgs84", new_column_name="wgs84_shift")
