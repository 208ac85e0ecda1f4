"""How far people went on each day, by segment: what measures count, read from the segments by work."""

import os

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.create_table(
        "track_part",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("track_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("distance_cm", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(
            "company_id", "person_id", "business_day", "track_id", name=op.f("track_part_pk")
        ),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("track_part_company_id_fk")
        ),
    )
    op.create_index("track_part_day_ix", "track_part", ["company_id", "business_day"])
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table track_part enable row level security")
    op.execute(f"create policy of_company on track_part using (company_id = {current})")
    op.execute(f'grant select, insert, delete on track_part to "{app}"')
    # Work for what is held: whoever does it reads each day anew.
    op.execute(
        "insert into outbox (company_id, topic, payload)"
        " select company_id, 'track_day', jsonb_build_object('ids', jsonb_agg(person_id || ' ' || business_day))"
        " from (select distinct company_id, person_id, business_day from track) t"
        " group by company_id, person_id"
    )
