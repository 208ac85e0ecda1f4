"""Bring a database to the newest migration, and say where it is."""

import os
from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from server.processes import CannotStart

_MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


def migrate(owner_database_url: str, *, app_role: str) -> bool:
    """Run what is missing, as the owner. True when there was anything to run.

    `app_role` is the role that the service connects as; migrations grant to it. Raises CannotStart
    for a database of a newer Roadbook.
    """
    before = current_revision(owner_database_url)
    if before == head_revision():
        return False
    if _is_of_newer(before):
        raise CannotStart(f"The database is at migration {before}: {way_to_head(before)}")
    # The migrations' one setting that is not a matter of the schema.
    os.environ["ROADBOOK_APP_ROLE"] = app_role
    command.upgrade(_config(owner_database_url), "head")
    return True


def head_revision() -> str:
    """The newest migration in this installation."""
    return _known()[0]


def current_revision(database_url: str) -> str | None:
    """The migration that a database is at; None when it never was migrated."""
    engine = create_engine(driver_url(database_url), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def revision_of(connection: Connection) -> str | None:
    """The migration that the database of a connection is at; None where it has none that can be seen."""
    can_be_seen = connection.execute(
        text(
            "select case when to_regclass('alembic_version') is null then false"
            " else has_table_privilege(to_regclass('alembic_version'), 'select') end"
        )
    ).scalar_one()
    if not can_be_seen:
        return None
    at: str | None = connection.execute(
        text("select max(version_num) from alembic_version")
    ).scalar_one()
    return at


def way_to_head(at: str | None) -> str:
    """What to do about a database that is at another migration than this program's newest."""
    if _is_of_newer(at):
        return "it is of a newer Roadbook: put that version in place"
    return "run roadbook migrate"


def _is_of_newer(at: str | None) -> bool:
    return at is not None and at not in _known()[1]


@cache
def _known() -> tuple[str, frozenset[str]]:
    """The newest migration and all. To find out takes as long as many a command: every file of them is loaded."""
    scripts = ScriptDirectory.from_config(_config(""))
    head = scripts.get_current_head()
    assert head is not None, "migrations/versions is empty"
    return head, frozenset(one.revision for one in scripts.walk_revisions())


def driver_url(url: str) -> str:
    """The address with the driver that Roadbook uses, whatever spelling the setting has."""
    return make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    # The value goes through configparser, where a percent sign is doubled.
    config.set_main_option("sqlalchemy.url", driver_url(url).replace("%", "%%") if url else "")
    return config
