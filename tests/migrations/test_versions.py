"""What migrations do to rows that are there already."""

from importlib import import_module

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Engine, text

from tests.factories import Cast, make_cast_rows


def upgrade(connection: Connection, name: str) -> None:
    """What one migration does, on a database that has had it already."""
    with Operations.context(MigrationContext.configure(connection)):
        import_module(f"migrations.versions.{name}").upgrade()


def test_a_boundary_that_is_jsons_null_becomes_none(owner_engine: Engine) -> None:
    cast: Cast = make_cast_rows(owner_engine)
    ids = {"company": cast.company.id, "north": cast.regions.north, "south": cast.regions.south}
    with owner_engine.begin() as connection:
        connection.execute(
            text(
                "update region set boundary = case id when :north then 'null'::jsonb"
                ' else \'{"type": "Polygon"}\'::jsonb end'
                " where company_id = :company and id in (:north, :south)"
            ),
            ids,
        )
        upgrade(connection, "0008_no_boundary_is_null")
        rows = connection.execute(
            text(
                "select id, boundary is null from region"
                " where company_id = :company and id in (:north, :south)"
            ),
            ids,
        ).all()
    assert dict(map(tuple, rows)) == {cast.regions.north: True, cast.regions.south: False}


def test_a_process_of_the_version_before_may_still_write_a_remark(owner_engine: Engine) -> None:
    """It does not know the digest, and serves until it is started again."""
    cast: Cast = make_cast_rows(owner_engine)
    written = (
        "insert into remark (company_id, op_id, kind, op, entity_id, person_id, media, received_at)"
        " values (:company, :id, 'visit', 'create', :id, :id, '{}', now()) returning digest"
    )
    with owner_engine.begin() as connection:
        values = {"company": cast.company.id, "id": cast.ana.id}
        assert bytes(connection.execute(text(written), values).scalar_one()) == b""
