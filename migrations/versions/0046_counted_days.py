"""The days on which stores were visited and planned are kept by month, for measures."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0046"
down_revision = "0045"

_TABLES = ("visited_days", "planned_days", "days_changed", "days_counted")
_MONTH = "{day} - (cast(extract(day from {day}) as integer) - 1)"
_OF_VISIT = _MONTH.format(day="v.business_day")
_OF_PLAN = _MONTH.format(day="q.day")

# What a visit counts by (server/measures/facts.py). That an open one is closed changes nothing.
_VISIT_FACTS = (
    "({v}.store_id, {v}.business_day, {v}.position_id, {v}.person_id, {v}.day_plan_id, {v}.state = 'SKIPPED',"
    " {v}.is_by_phone, {v}.verdict, {v}.flags)"
)
_FUNCTIONS = {
    "note_visits_added": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT} from added v
        where v.state <> 'SKIPPED' and not v.is_by_phone;
    """,
    "note_visits_changed": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT}
        from gone o join added n on n.company_id = o.company_id and n.id = o.id
        cross join lateral (
            select o.company_id, o.store_id, o.business_day
            union select n.company_id, n.store_id, n.business_day
        ) v
        where {_VISIT_FACTS.format(v="o")} is distinct from {_VISIT_FACTS.format(v="n")};
    """,
    "note_visits_gone": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT} from gone v;
    """,
    "note_flags_decided": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT}
        from touched d join visit v on v.company_id = d.company_id and v.id = d.visit_id;
    """,
    # A visit may name a plan before it is there.
    "note_plans_added": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct q.company_id, 'PLANS', q.position_id, {_OF_PLAN} from added q
        where q.frozen_at is not null;
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT}
        from added q join visit v on v.company_id = q.company_id and v.business_day = q.day
                                 and v.day_plan_id = q.id;
    """,
    "note_plans_changed": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct q.company_id, 'PLANS', q.position_id, {_OF_PLAN}
        from gone o join added q on q.company_id = o.company_id and q.id = o.id
        where (o.plan_version, o.frozen_at is null) is distinct from (q.plan_version, q.frozen_at is null);
    """,
    "note_plans_gone": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct q.company_id, 'PLANS', q.position_id, {_OF_PLAN} from gone q;
        insert into days_changed (company_id, about, owner_id, month)
        select distinct v.company_id, 'VISITS', v.store_id, {_OF_VISIT}
        from gone q join visit v on v.company_id = q.company_id and v.business_day = q.day
                                and v.day_plan_id = q.id;
    """,
    "note_stops": f"""
        insert into days_changed (company_id, about, owner_id, month)
        select distinct q.company_id, 'PLANS', q.position_id, {_OF_PLAN}
        from (select distinct company_id, day_plan_id from touched) t
        join day_plan q on q.company_id = t.company_id and q.id = t.day_plan_id
        where q.frozen_at is not null;
    """,
}
# table, when, which rows by which name, what notes it
_TRIGGERS = (
    ("visit", "insert", "new table as added", "note_visits_added"),
    ("visit", "update", "old table as gone new table as added", "note_visits_changed"),
    ("visit", "delete", "old table as gone", "note_visits_gone"),
    ("flag_decision", "insert", "new table as touched", "note_flags_decided"),
    ("flag_decision", "update", "new table as touched", "note_flags_decided"),
    ("flag_decision", "delete", "old table as touched", "note_flags_decided"),
    ("day_plan", "insert", "new table as added", "note_plans_added"),
    ("day_plan", "update", "old table as gone new table as added", "note_plans_changed"),
    ("day_plan", "delete", "old table as gone", "note_plans_gone"),
    ("day_plan_stop", "insert", "new table as touched", "note_stops"),
    ("day_plan_stop", "update", "new table as touched", "note_stops"),
    ("day_plan_stop", "delete", "old table as touched", "note_stops"),
)


def upgrade() -> None:
    op.create_table(
        "visited_days",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("is_by_plan", sa.Boolean(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("visited_days_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id",
            "month",
            "store_id",
            "position_id",
            "person_id",
            "is_by_plan",
            name=op.f("visited_days_pk"),
        ),
    )
    op.create_table(
        "planned_days",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("planned_days_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id", "month", "position_id", "store_id", name=op.f("planned_days_pk")
        ),
    )
    op.create_table(
        "days_changed",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.CheckConstraint("about in ('VISITS', 'PLANS')", name=op.f("days_changed_about_ck")),
        sa.PrimaryKeyConstraint("company_id", "number", name=op.f("days_changed_pk")),
    )
    op.create_table(
        "days_counted",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("to_accept", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("days_counted_company_id_fk")
        ),
        sa.PrimaryKeyConstraint("company_id", name=op.f("days_counted_pk")),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    for table in _TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        op.execute(f'grant select, insert, update, delete on {table} to "{app}"')
    for name, body in _FUNCTIONS.items():
        op.execute(
            f"create function {name}() returns trigger language plpgsql set search_path = public"
            f" as $$ begin {body} return null; end $$"
        )
    for table, when, rows, function in _TRIGGERS:
        op.execute(
            f"create trigger {function}_{when} after {when} on {table} referencing {rows}"
            f" for each statement execute function {function}()"
        )


def downgrade() -> None:
    for table, when, _, function in _TRIGGERS:
        op.execute(f"drop trigger {function}_{when} on {table}")
    for name in _FUNCTIONS:
        op.execute(f"drop function {name}()")
    for table in _TABLES:
        op.drop_table(table)
