"""Let the office close what auditors do not get to, and drop its turns."""

from alembic import op

revision = "0039"
down_revision = "0038"

CASE = (
    "state in ('CANDIDATE', 'WAITING', 'LEFT_OUT', 'OPEN', 'FINAL', 'JUDGED', 'APPEALED', 'CLOSED')"
)
TURN = "state in ('READY', 'CLAIMED', 'GIVEN', 'STANDS', 'DROPPED')"
CLAIMED = "state in ('READY', 'DROPPED') or auditor_id is not null"


def upgrade() -> None:
    for table, name, condition in (
        ("audit_case", "state", CASE),
        ("audit_turn", "state", TURN),
        ("audit_turn", "claimed", CLAIMED),
    ):
        op.drop_constraint(op.f(f"{table}_{name}_ck"), table, type_="check")
        op.create_check_constraint(op.f(f"{table}_{name}_ck"), table, condition)
