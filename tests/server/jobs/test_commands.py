"""A person at a terminal sees what the worker gave up, and has it tried again."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from server.cli import roadbook
from sync.unit_of_work import Database
from tests.factories import make_company

Run = Callable[..., Result]


@pytest.fixture
def company_id(owner_engine: Engine) -> int:
    return make_company(owner_engine).id


@pytest.fixture
def run(
    database: dict[str, str],
    owner_engine: Engine,
    company_id: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    with owner_engine.connect() as connection:
        code = connection.exec_driver_sql(
            "select code from company where id = %s", (company_id,)
        ).scalar_one()
    monkeypatch.setenv("DATABASE_URL", database["app"])
    monkeypatch.setenv("SECRET_KEY", "a secret of thirty-two characters and more")
    monkeypatch.setenv("ROADBOOK_VAR", str(tmp_path))
    return lambda word: CliRunner().invoke(roadbook, ["work", word, "--company", code])


def test_work_that_was_given_up_is_listed_and_tried_again(
    run: Run, company_id: int, engine: Engine
) -> None:
    with Database(engine).company(company_id) as uow:
        uow.run(
            "insert into outbox (company_id, topic, payload, attempts, failure, is_set_aside)"
            " values (:company, 'release_deferred', '{}', 8, 'KeyError: entity_ids', true)",
            company=company_id,
        )
    assert "tried 8 times: KeyError: entity_ids" in run("list").output
    assert run("again").output == "1 will be tried again\n"
    assert run("list").output == "nothing was given up\n"
