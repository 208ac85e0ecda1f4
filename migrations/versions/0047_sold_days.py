"""The days on which stores bought something are kept by month as well."""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0047"
down_revision = "0046"

_MONTH = "o.business_day - (cast(extract(day from o.business_day) as integer) - 1)"
_NOTED = f"""
    insert into days_changed (company_id, about, owner_id, month)
    select distinct o.company_id, 'SALES', o.store_id, {_MONTH}
"""
# What an order counts by (server/measures/facts.py). That it goes on its way changes nothing.
_FACTS = (
    "({o}.store_id, {o}.business_day, {o}.position_id, {o}.person_id, {o}.order_type, {o}.currency,"
    " {o}.total_minor, {o}.server_total_minor, {o}.state in ('REJECTED', 'CANCELLED'))"
)
_FUNCTIONS = {
    "note_orders_added": f"{_NOTED} from added o;",
    "note_orders_changed": f"""
        {_NOTED}
        from gone b join added a on a.company_id = b.company_id and a.id = b.id
        cross join lateral (
            select b.company_id, b.store_id, b.business_day
            union select a.company_id, a.store_id, a.business_day
        ) o
        where {_FACTS.format(o="b")} is distinct from {_FACTS.format(o="a")};
    """,
    "note_orders_gone": f"{_NOTED} from gone o;",
}
_TRIGGERS = (
    ("insert", "new table as added", "note_orders_added"),
    ("update", "old table as gone new table as added", "note_orders_changed"),
    ("delete", "old table as gone", "note_orders_gone"),
)


def upgrade() -> None:
    op.create_table(
        "sold_days",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("store_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("numbers", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("amounts", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.ForeignKeyConstraint(
            ["company_id"], ["company.id"], name=op.f("sold_days_company_id_fk")
        ),
        sa.PrimaryKeyConstraint(
            "company_id",
            "month",
            "store_id",
            "position_id",
            "person_id",
            "currency",
            name=op.f("sold_days_pk"),
        ),
    )
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute("alter table sold_days enable row level security")
    op.execute(f"create policy of_company on sold_days using (company_id = {current})")
    op.execute(f'grant select, insert, update, delete on sold_days to "{app}"')
    op.drop_constraint(op.f("days_changed_about_ck"), "days_changed")
    op.create_check_constraint(
        op.f("days_changed_about_ck"), "days_changed", "about in ('VISITS', 'PLANS', 'SALES')"
    )
    for name, body in _FUNCTIONS.items():
        op.execute(
            f"create function {name}() returns trigger language plpgsql set search_path = public"
            f" as $$ begin {body} return null; end $$"
        )
    for when, rows, function in _TRIGGERS:
        op.execute(
            f"create trigger {function}_{when} after {when} on order_header referencing {rows}"
            f" for each statement execute function {function}()"
        )
    # Everything is counted anew.
    op.execute("delete from days_counted")


def downgrade() -> None:
    for when, _, function in _TRIGGERS:
        op.execute(f"drop trigger {function}_{when} on order_header")
    for name in _FUNCTIONS:
        op.execute(f"drop function {name}()")
    op.execute("delete from days_changed where about = 'SALES'")
    op.drop_constraint(op.f("days_changed_about_ck"), "days_changed")
    op.create_check_constraint(
        op.f("days_changed_about_ck"), "days_changed", "about in ('VISITS', 'PLANS')"
    )
    op.drop_table("sold_days")
