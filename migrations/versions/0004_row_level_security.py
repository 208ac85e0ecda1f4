"""Row-level security, and what the application's role may do.

The application's role owns nothing. Without `roadbook.company` set in the transaction it sees no
row of any company table; the setting is an empty string, not null, after a pooled connection used
it before, hence `nullif`. The three functions below run as the owner and say which companies there
are, never what is in them.
"""

import os

from alembic import op

revision = "0004"
down_revision = "0003"

COMPANY_TABLES = (
    "attendance",
    "awaited",
    "change",
    "change_log",
    "conflict",
    "day_plan",
    "day_plan_stop",
    "device",
    "division",
    "enrolment_code",
    "feed_horizon",
    "holder_change",
    "holder_key",
    "holder_key_past",
    "holiday",
    "kept_item",
    "ledger",
    "occupancy",
    "outbox",
    "person",
    "policy",
    "position",
    "proposal",
    "record",
    "record_key",
    "record_key_past",
    "record_version",
    "region",
    "route",
    "route_stop",
    "store",
    "store_division",
    "visit",
)
APPEND_ONLY = ("change_log", "policy", "record_version")

FUNCTIONS = """
create function company_id_of(asked text) returns integer
    language sql stable security definer set search_path = public
    as $$ select id from company where code = asked $$;
create function company_ids() returns setof integer
    language sql stable security definer set search_path = public
    as $$ select id from company order by id $$;
create function companies_with_outbox() returns setof integer
    language sql stable security definer set search_path = public
    as $$ select id from company c
          where exists (select from outbox o where o.company_id = c.id and not o.is_set_aside)
          order by id $$;
"""
FUNCTION_NAMES = ("company_id_of(text)", "company_ids()", "companies_with_outbox()")


def upgrade() -> None:
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    current = "nullif(current_setting('roadbook.company', true), '')::integer"
    op.execute(f'grant usage on schema public to "{app}"')
    for table in COMPANY_TABLES:
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"create policy of_company on {table} using (company_id = {current})")
        rights = "select, insert" if table in APPEND_ONLY else "select, insert, update, delete"
        op.execute(f'grant {rights} on {table} to "{app}"')
    op.execute("alter table company enable row level security")
    op.execute(f"create policy of_company on company using (id = {current})")
    op.execute(f'grant select, update on company to "{app}"')
    op.execute(f'grant select, insert on server_start to "{app}"')
    op.execute(f'grant select, insert, delete on xid_mark to "{app}"')
    op.execute(f'grant select on epoch, backup_watermark, alembic_version to "{app}"')
    op.execute(FUNCTIONS)
    for function in FUNCTION_NAMES:
        op.execute(f"revoke all on function {function} from public")
        op.execute(f'grant execute on function {function} to "{app}"')
    op.execute("insert into epoch (reason) values ('installed')")
