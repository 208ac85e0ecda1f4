"""Statements sent straight over libpq, and what is done while the database works on them."""

from typing import Any

import psycopg
import pytest

from sync.direct import Flight, Value, fetch, send
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


def test_statements_of_one_flight_see_what_those_before_them_did(db: Database, cast: Cast) -> None:
    with db.rehearsal(cast.company.id) as uow:
        for expected in ("2", "4"):
            with Flight(uow.driver) as flight:
                for _ in range(2):
                    flight.send(
                        b"insert into awaited select $1::integer, gen_random_uuid(), gen_random_uuid(), 'x', null",
                        [cast.company.id],
                    )
                place = flight.send(b"select count(*) from awaited", [])
            assert flight.rows(place) == [(expected,)]
        assert fetch(uow.driver, ASKED, VALUES) == [("42", "1")]


def test_the_first_error_of_a_flight_is_raised_and_the_connection_can_be_used_again(
    db: Database, cast: Cast
) -> None:
    def fly(driver: psycopg.Connection[Any]) -> None:
        with Flight(driver) as flight:
            flight.send(ASKED, VALUES)
            flight.send(b"select 1 / $1::integer", [0])
            # Not tried any more; nor is its name taken for prepared.
            flight.send(b"select $1::integer * 6", [7])

    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero), db.reading(cast.company.id) as uow:
            fly(uow.driver)
    with db.reading(cast.company.id) as uow:
        with Flight(uow.driver) as flight:
            place = flight.send(b"select $1::integer * 6", [7])
        assert flight.rows(place) == [("42",)]


def test_what_breaks_on_the_way_is_raised_once_the_flight_is_over(db: Database, cast: Cast) -> None:
    def fly(driver: psycopg.Connection[Any]) -> None:
        with Flight(driver) as flight:
            flight.send(ASKED, VALUES)
            raise ZeroDivisionError

    with db.reading(cast.company.id) as uow:
        with pytest.raises(ZeroDivisionError):
            fly(uow.driver)
        assert fetch(uow.driver, ASKED, VALUES) == [("42", "1")]


def test_a_flight_larger_than_the_socket_takes_arrives_whole(db: Database, cast: Cast) -> None:
    long = "x" * 3_000_000
    with db.reading(cast.company.id) as uow:
        with Flight(uow.driver) as flight:
            places = [flight.send(b"select $1::text", [long]) for _ in range(3)]
        assert [flight.rows(place) for place in places] == [[(long,)]] * 3
