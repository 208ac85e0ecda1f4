"""Nothing crosses between companies: every table is walked as the application's role.

Rows of two companies are made for every table from the table's own columns, so a new table is
walked without being named here.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    Engine,
    ForeignKeyConstraint,
    MetaData,
    Table,
    create_engine,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import NullPool

from sync.schema import metadata
from sync.tables import INSTALLATION_TABLES
from tests.factories import make_company

COMPANY_TABLES = tuple(t for t in metadata.sorted_tables if t.name not in INSTALLATION_TABLES)
NAMES = tuple(table.name for table in COMPANY_TABLES)
# Alembic's own: which migration the database is at.
OF_THE_TOOLS = {"alembic_version"}
FUNCTIONS_OF_THE_OWNER = {
    "company_id_of",
    "company_ids",
    "companies_with_outbox",
    "keep_track_partitions",
    "analyse_records",
}

# A company's own number is given by the database: nobody can set it.
REFUSED = re.compile(r"row-level security|permission denied|can only be updated to DEFAULT")

_numbers = count(1)
_ONE_OF = re.compile(r"^(\w+) in \('([^']+)'")

Rows = dict[str, dict[str, Any]]


def tenant(table: Table) -> Column[Any]:
    """The column that says whose a row is."""
    return table.c.id if table.name == "company" else table.c.company_id


def row_for(table: Table, company_id: int, made: Rows) -> dict[str, Any]:
    """A new row of the company: what must be filled is, its references lead to `made`."""
    chosen = {
        match[1]: match[2]
        for constraint in table.constraints
        if isinstance(constraint, CheckConstraint)
        and (match := _ONE_OF.search(str(constraint.sqltext)))
    }
    referred = {
        element.parent.name: made[element.column.table.name][element.column.name]
        for constraint in table.constraints
        if isinstance(constraint, ForeignKeyConstraint)
        for element in constraint.elements
        if element.parent.name != "company_id" and element.column.table.name in made
    }
    row: dict[str, Any] = {}
    for column in table.columns:
        if column.name == "company_id":
            row[column.name] = company_id
        elif column.identity is not None or column.server_default is not None or column.nullable:
            continue
        elif column.name in referred:
            row[column.name] = referred[column.name]
        else:
            kind = column.type.__visit_name__.lower()
            row[column.name] = chosen.get(column.name) or VALUES[kind](next(_numbers))
    return row


VALUES: dict[str, Callable[[int], Any]] = {
    "uuid": lambda _: uuid4(),
    "text": lambda number: f"text {number}",
    "integer": lambda number: number,
    "small_integer": lambda number: number,
    "big_integer": lambda number: number,
    "boolean": lambda _: False,
    "datetime": lambda _: datetime.now(UTC),
    "date": lambda _: date(2026, 3, 4),
    "large_binary": lambda _: b"\x01",
    "jsonb": lambda _: {},
    "array": lambda _: [],
    "user_defined": str,  # Xid8
}


def fill(connection: Connection, company_id: int, made: Rows) -> None:
    """A row of the company in every table."""
    for table in COMPANY_TABLES:
        if table.name == "company":
            continue
        values = row_for(table, company_id, made)
        made[table.name] = dict(
            connection.execute(insert(table).values(**values).returning(table)).mappings().one()
        )


@pytest.fixture(scope="module")
def companies(owner_engine: Engine) -> tuple[int, int]:
    """Two companies, ours and theirs, each with a row in every table."""
    ours, theirs = make_company(owner_engine), make_company(owner_engine)
    with owner_engine.begin() as connection:
        for one in (ours, theirs):
            fill(connection, one.id, {})
    return ours.id, theirs.id


@contextmanager
def as_application(engine: Engine, company_id: int | None) -> Iterator[Connection]:
    """The application's role with a company set, rolled back at the end."""
    with engine.connect() as connection:
        if company_id is not None:
            connection.execute(
                text("select set_config('roadbook.company', :id, true)"), {"id": str(company_id)}
            )
        yield connection
        connection.rollback()


def touched(connection: Connection, statement: str, **values: Any) -> int:
    """How many rows the statement touched; none where the role may not do it at all."""
    try:
        return connection.execute(text(statement), values).rowcount
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        connection.rollback()
        return 0


@pytest.fixture(params=NAMES)
def table(request: pytest.FixtureRequest) -> Table:
    found: Table = metadata.tables[request.param]
    return found


def test_only_the_own_companys_rows_are_seen(
    engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, theirs = companies
    with as_application(engine, ours) as connection:
        seen = set(connection.scalars(select(tenant(table)).distinct()))
        asked_for = connection.execute(
            select(func.count()).select_from(table).where(tenant(table) == theirs)
        ).scalar_one()
    assert seen == {ours}
    assert asked_for == 0


def test_without_a_company_nothing_is_seen(
    engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    for company_id in (None, "", 0, -1):
        with engine.connect() as connection:
            if company_id is not None:
                connection.execute(
                    text("select set_config('roadbook.company', :id, true)"),
                    {"id": str(company_id)},
                )
            counted = connection.execute(select(func.count()).select_from(table)).scalar_one()
            connection.rollback()
        assert counted == 0


def test_a_connection_that_served_one_company_shows_nothing_of_it_to_the_next(
    engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, theirs = companies
    with engine.connect() as connection:
        for company_id in (theirs, ours):
            connection.execute(
                text("select set_config('roadbook.company', :id, true)"), {"id": str(company_id)}
            )
            assert set(connection.scalars(select(tenant(table)).distinct())) == {company_id}
            connection.commit()
        assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0


def test_nothing_of_theirs_is_updated_or_deleted(
    engine: Engine, owner_engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, theirs = companies
    key = tenant(table).name
    column = next(c.name for c in table.columns if c.identity is None)
    whole = select(table).where(tenant(table) == theirs)
    with owner_engine.connect() as connection:
        before = connection.execute(whole).all()
    for statement in (
        f"update {table.name} set {column} = {column} where {key} = :theirs",
        f"delete from {table.name} where {key} = :theirs",
    ):
        with engine.connect() as connection:
            connection.execute(
                text("select set_config('roadbook.company', :id, true)"), {"id": str(ours)}
            )
            assert touched(connection, statement, theirs=theirs) == 0
            connection.commit()
    with owner_engine.connect() as connection:
        assert before
        assert connection.execute(whole).all() == before


def test_a_forgotten_filter_reaches_the_own_rows_only(
    engine: Engine, owner_engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, _ = companies
    with owner_engine.connect() as connection:
        own = connection.execute(
            select(func.count()).select_from(table).where(tenant(table) == ours)
        ).scalar_one()
    column = next(c.name for c in table.columns if c.identity is None)
    with as_application(engine, ours) as connection:
        assert touched(connection, f"update {table.name} set {column} = {column}") <= own


def test_a_row_for_them_is_refused(
    engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, theirs = companies
    values = row_for(table, theirs, {})
    with (
        pytest.raises(ProgrammingError, match=REFUSED),
        as_application(engine, ours) as connection,
    ):
        connection.execute(insert(table).values(**values))


def test_an_own_row_cannot_be_handed_to_them(
    engine: Engine, companies: tuple[int, int], table: Table
) -> None:
    ours, theirs = companies
    with (
        pytest.raises(ProgrammingError, match=REFUSED),
        as_application(engine, ours) as connection,
    ):
        connection.execute(
            text(f"update {table.name} set {tenant(table).name} = :theirs"), {"theirs": theirs}
        )


def test_a_reference_takes_its_company_along(table: Table) -> None:
    for constraint in table.foreign_key_constraints:
        led_to = {element.column.table.name for element in constraint.elements}
        if led_to != {"company"}:
            assert constraint.column_keys[0] == "company_id", constraint.name
            assert constraint.elements[0].column.name == "company_id", constraint.name


def test_an_own_row_cannot_refer_to_theirs(
    engine: Engine, owner_engine: Engine, companies: tuple[int, int]
) -> None:
    """One table with such a reference stands for all: the test above shows that all are alike."""
    ours, theirs = companies
    occupancy, person = metadata.tables["occupancy"], metadata.tables["person"]
    with owner_engine.connect() as connection:
        their_person = connection.scalar(select(person.c.id).where(person.c.company_id == theirs))
        our_position = connection.scalar(
            select(metadata.tables["position"].c.id).where(
                metadata.tables["position"].c.company_id == ours
            )
        )
    values = row_for(occupancy, ours, {})
    values |= {"person_id": their_person, "position_id": our_position}
    with (
        pytest.raises(Exception, match="foreign key"),
        as_application(engine, ours) as connection,
    ):
        connection.execute(insert(occupancy).values(**values))


def test_the_walk_notices_a_table_without_row_level_security(
    fresh_database: dict[str, str],
) -> None:
    owner, app = (
        create_engine(fresh_database[role], poolclass=NullPool) for role in ("owner", "app")
    )
    ours, theirs = make_company(owner), make_company(owner)
    with owner.begin() as connection:
        for one in (ours, theirs):
            fill(connection, one.id, {})
        connection.execute(text("alter table person disable row level security"))
    walked = (app, (ours.id, theirs.id), metadata.tables["person"])
    with pytest.raises(AssertionError):
        test_only_the_own_companys_rows_are_seen(*walked)
    with pytest.raises(AssertionError):
        test_without_a_company_nothing_is_seen(*walked)
    with pytest.raises(pytest.fail.Exception):
        test_a_row_for_them_is_refused(*walked)


# ---- what holds it ------------------------------------------------------------------------


def facts(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(statement), values))


def test_every_table_is_bound_to_a_company_or_named_as_the_installations(
    owner_engine: Engine,
) -> None:
    found = facts(
        owner_engine,
        """
        select c.relname, c.relrowsecurity, c.relispartition,
               exists (select from pg_attribute a where a.attrelid = c.oid
                       and a.attname = 'company_id' and a.attnotnull) as has_company,
               (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'm', 'f')
        """,
    )
    whole = {row.relname for row in found if not row.relispartition}
    assert whole == set(metadata.tables) | OF_THE_TOOLS
    assert len(whole) < len(found), "the walk meets partitions too"
    for row in found:
        if row.relname in OF_THE_TOOLS or row.relname in INSTALLATION_TABLES:
            assert not row.has_company
        else:
            assert row.relrowsecurity, row.relname
            assert row.policies == 1, row.relname
            assert row.has_company or row.relname == "company"


def test_a_partition_is_granted_to_nobody(engine: Engine) -> None:
    """What is asked of the table that it belongs to is asked under that table's rights."""
    held = facts(
        engine,
        """
        select c.relname,
               has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
                   as is_granted
        from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relispartition and c.relkind = 'r'
        """,
    )
    assert held
    assert not any(row.is_granted for row in held)


def test_a_partition_keeps_companies_apart_even_where_it_is_granted(
    fresh_database: dict[str, str],
) -> None:
    owner, app = (
        create_engine(fresh_database[role], poolclass=NullPool) for role in ("owner", "app")
    )
    ours, theirs = make_company(owner), make_company(owner)
    with owner.begin() as connection:
        for one in (ours, theirs):
            fill(connection, one.id, {})
        (part,) = connection.scalars(text("select distinct tableoid::regclass::text from track"))
        connection.execute(text(f"grant all on {part} to {application(app)}"))
    with as_application(app, ours.id) as connection:
        assert set(connection.scalars(text(f"select company_id from {part}"))) == {ours.id}
        assert touched(connection, f"delete from {part} where company_id = :id", id=theirs.id) == 0
        directly = metadata.tables["track"].to_metadata(MetaData(), name=part)
        with pytest.raises(ProgrammingError, match=REFUSED):
            connection.execute(insert(directly).values(**row_for(directly, theirs.id, {})))


def test_every_company_table_has_the_company_first_in_its_key(table: Table) -> None:
    assert next(iter(table.primary_key.columns)).name == tenant(table).name


def application(engine: Engine) -> str:
    return str(facts(engine, "select current_user as name")[0].name)


def test_the_application_owns_nothing(engine: Engine) -> None:
    owned = facts(
        engine,
        """
        select 'class' from pg_class where relowner = current_user::regrole
        union all select 'function' from pg_proc where proowner = current_user::regrole
        union all select 'schema' from pg_namespace where nspowner = current_user::regrole
        union all select 'type' from pg_type where typowner = current_user::regrole
        union all select 'database' from pg_database where datdba = current_user::regrole
        """,
    )
    assert owned == []


def test_the_application_cannot_step_over_row_level_security(engine: Engine) -> None:
    (role,) = facts(
        engine,
        """
        select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication
        from pg_roles where rolname = current_user
        """,
    )
    assert not any(role)
    member_of = facts(engine, "select 1 from pg_auth_members where member = current_user::regrole")
    assert member_of == []


def test_the_application_cannot_truncate_trigger_or_create(engine: Engine) -> None:
    """Truncation passes row-level security; a trigger or a function would run as somebody else."""
    held = facts(
        engine,
        """
        select c.relname from pg_class c
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
          and (has_table_privilege(c.oid, 'TRUNCATE') or has_table_privilege(c.oid, 'TRIGGER')
               or has_table_privilege(c.oid, 'REFERENCES'))
        """,
    )
    assert held == []
    (may,) = facts(engine, "select has_schema_privilege('public', 'CREATE') as create_there")
    assert not may.create_there


def test_only_the_known_functions_run_as_the_owner_and_with_a_fixed_path(engine: Engine) -> None:
    found = facts(
        engine,
        """
        select proname, proconfig from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef
        """,
    )
    assert {row.proname for row in found} == FUNCTIONS_OF_THE_OWNER
    for row in found:
        assert row.proconfig == ["search_path=public, pg_temp"]


def test_no_view_shows_what_its_owner_sees(engine: Engine) -> None:
    views = facts(
        engine,
        """
        select relname from pg_class
        where relnamespace = 'public'::regnamespace and relkind = 'v'
          and not coalesce(reloptions @> array['security_invoker=true'], false)
        """,
    )
    assert views == []


def test_the_history_of_the_installation_is_not_the_applications_to_write(engine: Engine) -> None:
    held = facts(
        engine,
        """
        select t from unnest(array['epoch', 'backup_watermark']) as t
        where has_table_privilege(t, 'INSERT') or has_table_privilege(t, 'UPDATE')
           or has_table_privilege(t, 'DELETE')
        """,
    )
    assert held == []
    assert application(engine) not in {"postgres", "roadbook_owner"}
