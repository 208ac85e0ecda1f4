"""Statistics of what phones pull, brought up while much is written at once.

The application's role owns no table and may not analyse one. `analyse_records()` runs as the owner and
takes nothing from its caller.
"""

import os

from alembic import op

revision = "0026"
down_revision = "0025"

ANALYSE = """
create function analyse_records() returns void
    language plpgsql security definer set search_path = public, pg_temp
    as $$
begin
    -- One at a time; whoever comes second has its statistics from the first.
    if pg_try_advisory_xact_lock(hashtext('roadbook statistics')) then
        -- Better later than behind a vacuum.
        perform set_config('lock_timeout', '1s', true);
        analyze record, record_key, companion, store;
    end if;
exception when lock_not_available then
    null;
end
$$
"""


def upgrade() -> None:
    app = os.environ.get("ROADBOOK_APP_ROLE", "roadbook_app")
    op.execute(ANALYSE)
    op.execute("revoke all on function analyse_records() from public")
    op.execute(f'grant execute on function analyse_records() to "{app}"')
