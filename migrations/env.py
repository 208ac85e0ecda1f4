"""Alembic's environment: runs migrations as the owner, one transaction each, with time limits."""

from alembic import context
from sqlalchemy import create_engine, text

from sync.schema import metadata
from sync.tables import is_partition

LOCK_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 600


def run() -> None:
    config = context.config
    url = config.get_main_option("sqlalchemy.url")
    if url is None:
        message = "set sqlalchemy.url to the owner's database address; `roadbook migrate` does"
        raise RuntimeError(message)
    engine = create_engine(url)
    with engine.connect() as connection:
        # One migration at a time, also when two machines start together.
        connection.execute(text("select pg_advisory_lock(hashtext('roadbook migrations'))"))
        connection.execute(text(f"set lock_timeout = '{LOCK_TIMEOUT_S}s'"))
        connection.execute(text(f"set statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=False,
            include_name=lambda name, kind, _: kind != "table" or not is_partition(str(name)),
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
