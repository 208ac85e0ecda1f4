"""What runs as the owner looks for its tables where nobody but the owner makes any.

A search path that does not name `pg_temp` has it first: a session's own temporary table `company` or
`policy` would stand before the real one, and its triggers would run as the owner.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

FUNCTIONS = (
    "company_id_of(text)",
    "company_ids()",
    "companies_with_outbox()",
    "keep_track_partitions()",
)


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"alter function {function} set search_path = public, pg_temp")
