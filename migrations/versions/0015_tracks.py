"""Tracks: a table partitioned by the month of receipt, and the function that keeps its partitions.

The application's role may neither create nor drop a table. `keep_track_partitions()` runs as the owner,
takes nothing from its caller, and does the same whoever calls it: it makes the months ahead, and drops
those that are past every company's retention. What comes in a month without a partition goes to the
default one and is moved when the month's is made. Partitions are granted to nobody and have the row-level
security of their parent.
"""

import os

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"

OF_COMPANY = "company_id = nullif(current_setting('roadbook.company', true), '')::integer"
OF_COMPANY_QUOTED = OF_COMPANY.replace("'", "''")

KEEP_PARTITIONS = f"""
create function keep_track_partitions() returns setof text
    language plpgsql security definer set search_path = public
    as $$
declare
    this_month constant date := date_trunc('month', now() at time zone 'UTC');
    month date;
    part text;
    longest_days integer;
begin
    -- One at a time; whoever comes second has nothing left to do.
    if not pg_try_advisory_xact_lock(hashtext('roadbook track partitions')) then
        return;
    end if;
    -- Better later than with every phone waiting behind a lock.
    perform set_config('lock_timeout', '3s', true);
    for month in select this_month + make_interval(months => n) from generate_series(0, 3) n loop
        part := 'track_' || to_char(month, 'YYYY_MM');
        continue when to_regclass(part) is not null;
        lock table track_default in access exclusive mode;
        execute format('create table %I (like track including defaults including constraints)', part);
        execute format('alter table %I enable row level security', part);
        execute format('create policy of_company on %I using ({OF_COMPANY_QUOTED})', part);
        execute format(
            'with moved as (delete from track_default where received_at >= %L and received_at < %L'
            ' returning *) insert into %I select * from moved',
            month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC', part);
        execute format(
            'alter table track attach partition %I for values from (%L) to (%L)',
            part, month::timestamp at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
        return next 'made ' || part;
    end loop;
    select coalesce(max(days), 180) into longest_days from (
        select distinct on (company_id) coalesce((settings ->> 'track_days')::integer, 180) as days
        from policy order by company_id, version desc) latest;
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'track'::regclass and c.relname ~ '^track_[0-9]{{4}}_[0-9]{{2}}$'
        order by c.relname
    loop
        month := to_date(right(part, 7), 'YYYY_MM');
        if (month + interval '1 month') at time zone 'UTC' < now() - make_interval(days => longest_days) then
            execute format('drop table %I', part);
            return next 'dropped ' || part;
        end if;
    end loop;
end $$
"""


def upgrade() -> None:
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    op.create_table(
        "track",
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position_id", sa.Uuid(), nullable=True),
        sa.Column("device_id", sa.Uuid(), nullable=False),
        sa.Column("business_day", sa.Date(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("datum", sa.Text(), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("packed_wgs84", sa.LargeBinary(), nullable=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("removed", sa.Integer(), nullable=False),
        sa.Column("distance_cm", sa.Integer(), nullable=False),
        sa.Column("dropped_coarse", sa.Integer(), nullable=False),
        sa.Column("dropped_zero", sa.Integer(), nullable=False),
        sa.Column("dropped_fast", sa.Integer(), nullable=False),
        sa.Column("dropped_repeated", sa.Integer(), nullable=False),
        sa.Column("gaps", postgresql.JSONB(), nullable=False),
        sa.Column("stops", postgresql.JSONB(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.CheckConstraint("datum in ('WGS84', 'GCJ02', 'BD09')", name=op.f("track_datum_ck")),
        sa.CheckConstraint(
            "(datum = 'WGS84') = (packed_wgs84 is null)", name=op.f("track_wgs84_ck")
        ),
        sa.PrimaryKeyConstraint("company_id", "received_at", "id", name=op.f("track_pk")),
        postgresql_partition_by="range (received_at)",
    )
    op.create_index("track_day_ix", "track", ["company_id", "person_id", "business_day"])
    op.execute("create table track_default partition of track default")
    for table in ("track", "track_default"):
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using ({OF_COMPANY})")
    op.execute(f'grant select, insert, delete on track to "{app}"')
    op.execute(KEEP_PARTITIONS)
    op.execute("revoke all on function keep_track_partitions() from public")
    op.execute(f'grant execute on function keep_track_partitions() to "{app}"')
    op.execute("select keep_track_partitions()")
