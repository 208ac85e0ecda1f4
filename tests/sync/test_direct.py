"""Statements sent straight over libpq, and what is done while the database works on them."""

import psycopg
import pytest

from sync.direct import Value, fetch, send
from sync.rows import array
from sync.unit_of_work import Database
from tests.factories import Cast

ASKED = b"select $1::integer + 1, array_length($2::uuid[], 1)"
VALUES: list[Value] = [41, array("uuid", ["00000000-0000-4000-8000-000000000000"])]


def test_what_is_done_meanwhile_is_done_before_the_answer_is_looked_at(
    db: Database, cast: Cast
) -> None:
    done: list[str] = []
    with db.reading(cast.company.id) as uow:
        for _ in range(2):
            rows = fetch(uow.driver, ASKED, VALUES, lambda: done.append("meanwhile"))
            assert rows == [("42", "1")]
    assert done == ["meanwhile"] * 2


def test_a_connection_is_usable_after_what_was_done_meanwhile_broke(
    db: Database, cast: Cast
) -> None:
    def breaks() -> None:
        raise ZeroDivisionError

    with db.reading(cast.company.id) as uow:
        with pytest.raises(ZeroDivisionError):
            send(uow.driver, ASKED, VALUES, breaks)
        assert fetch(uow.driver, ASKED, VALUES) == [("42", "1")]


def test_an_error_of_the_database_is_raised_once_the_meantime_is_over(
    db: Database, cast: Cast
) -> None:
    done: list[str] = []
    with pytest.raises(psycopg.errors.DivisionByZero), db.reading(cast.company.id) as uow:
        send(uow.driver, b"select 1 / $1::integer", [0], lambda: done.append("meanwhile"))
    assert done == ["meanwhile"]
    with db.reading(cast.company.id) as uow:
        assert fetch(uow.driver, ASKED, VALUES) == [("42", "1")]


def test_what_is_done_meanwhile_may_not_ask_the_same_connection(db: Database, cast: Cast) -> None:
    with db.reading(cast.company.id) as uow:
        driver = uow.driver
        with pytest.raises(RuntimeError):
            send(driver, ASKED, VALUES, lambda: fetch(driver, ASKED, VALUES))
