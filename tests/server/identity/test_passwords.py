"""Passwords: who gets in, who does not, and that nobody can tell why not."""

from datetime import timedelta
from typing import Literal

import argon2
import pytest
from sqlalchemy import select, update

from server.identity import passwords
from server.identity.change_log import Actor
from server.identity.errors import NoSuchPerson, PasswordRefused, PersonHasLeft, TooManyTries
from server.identity.passwords import (
    HASHER,
    MAX_LENGTH,
    set_password,
    sign_in,
    verify,
)
from server.identity.throttle import SIGN_IN_PAIR, LocalCounter
from sync.organisation import person
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast

OPERATOR = Actor.command("test")
PASSWORD = "correct horse battery"


def email_of(cast: Cast, name: str = "ana") -> str:
    return f"{name}@{cast.company.code.lower()}.example"


def hash_of(uow: UnitOfWork, cast: Cast) -> str | None:
    held: str | None = uow.connection.execute(
        select(person.c.password_hash).where(
            person.c.company_id == cast.company.id, person.c.id == cast.ana.id
        )
    ).scalar_one()
    return held


def give_password(db: Database, cast: Cast, password: str = PASSWORD) -> None:
    with db.company(cast.company.id) as uow:
        set_password(uow, OPERATOR, cast.ana.id, password, today=TODAY)


def test_the_right_password_lets_the_person_in(db: Database, rows: Cast) -> None:
    give_password(db, rows)
    with db.company(rows.company.id) as uow:
        who = verify(uow, f"  {email_of(rows).upper()} ", PASSWORD, today=TODAY)
    assert who is not None
    assert (who.id, who.name, who.actor.person_id) == (rows.ana.id, "Ana", rows.ana.id)


@pytest.mark.parametrize(
    "password", ["", "wrong horse battery", PASSWORD + " ", "\ud800", PASSWORD * 500, "\0"]
)
def test_any_other_does_not(db: Database, rows: Cast, password: str) -> None:
    give_password(db, rows)
    with db.company(rows.company.id) as uow:
        assert verify(uow, email_of(rows), password, today=TODAY) is None


def test_the_password_of_one_company_opens_no_other(db: Database, rows: Cast, other: Cast) -> None:
    give_password(db, rows)
    with db.company(other.company.id) as uow:
        assert verify(uow, email_of(rows), PASSWORD, today=TODAY) is None


@pytest.mark.parametrize("email", ["nobody@example.com", "", "\ud800", "a\0b", "ben"])
def test_somebody_unknown_costs_one_comparison_like_everybody(
    db: Database, rows: Cast, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[str] = []

    class Counting(argon2.PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:  # noqa: A002
            compared.append(str(hash))
            return super().verify(hash, password)

    monkeypatch.setattr(passwords, "HASHER", Counting())
    with db.company(rows.company.id) as uow:
        assert verify(uow, email, PASSWORD, today=TODAY) is None
    parameters = [argon2.extract_parameters(held) for held in compared]
    assert parameters == [argon2.extract_parameters(HASHER.hash("anything at all"))]


def test_a_person_without_a_password_and_one_who_left_do_not_get_in(
    db: Database, rows: Cast
) -> None:
    with db.company(rows.company.id) as uow:
        assert verify(uow, email_of(rows), "", today=TODAY) is None
    give_password(db, rows)
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(person)
            .where(person.c.company_id == rows.company.id, person.c.id == rows.ana.id)
            .values(left_on=TODAY)
        )
        assert verify(uow, email_of(rows), PASSWORD, today=TODAY - timedelta(days=1)) is not None
        assert verify(uow, email_of(rows), PASSWORD, today=TODAY) is None
        with pytest.raises(PersonHasLeft):
            set_password(uow, OPERATOR, rows.ana.id, PASSWORD, today=TODAY)


def test_a_hash_made_with_older_parameters_is_made_again_at_sign_in(
    db: Database, rows: Cast
) -> None:
    older = argon2.PasswordHasher(time_cost=1, memory_cost=8_192, parallelism=1)
    with db.company(rows.company.id) as uow:
        uow.connection.execute(
            update(person)
            .where(person.c.company_id == rows.company.id, person.c.id == rows.ana.id)
            .values(password_hash=older.hash(PASSWORD))
        )
    with db.company(rows.company.id) as uow:
        assert verify(uow, email_of(rows), "wrong horse battery", today=TODAY) is None
        unchanged = hash_of(uow, rows)
        assert verify(uow, email_of(rows), PASSWORD, today=TODAY) is not None
    with db.company(rows.company.id) as uow:
        renewed = hash_of(uow, rows)
        assert renewed is not None
        assert renewed != unchanged
        assert not HASHER.check_needs_rehash(renewed)
        assert verify(uow, email_of(rows), PASSWORD, today=TODAY) is not None


def test_the_same_letters_from_another_keyboard_are_the_same_password(
    db: Database, rows: Cast
) -> None:
    give_password(db, rows, "crème brûlée")
    with db.company(rows.company.id) as uow:
        assert (
            verify(uow, email_of(rows), "cre\u0300me bru\u0302le\u0301e", today=TODAY) is not None
        )


def test_a_long_password_counts_to_its_last_letter(db: Database, rows: Cast) -> None:
    password = "x1" * 400
    give_password(db, rows, password)
    with db.company(rows.company.id) as uow:
        assert verify(uow, email_of(rows), password, today=TODAY) is not None
        assert verify(uow, email_of(rows), password[:-1] + "2", today=TODAY) is None


@pytest.mark.parametrize(
    "password", ["", "short", "aaaaaaaaaaaa", "x" * (MAX_LENGTH + 1), "\ud800" * 12]
)
def test_a_weak_or_endless_password_is_refused_when_set(
    db: Database, rows: Cast, password: str
) -> None:
    with (
        pytest.raises(PasswordRefused),
        db.company(rows.company.id) as uow,
    ):
        set_password(uow, OPERATOR, rows.ana.id, password, today=TODAY)


def test_the_e_mail_is_no_password(db: Database, rows: Cast) -> None:
    with pytest.raises(PasswordRefused), db.company(rows.company.id) as uow:
        set_password(uow, OPERATOR, rows.ana.id, email_of(rows), today=TODAY)


def test_a_password_cannot_be_set_across_companies(db: Database, rows: Cast, other: Cast) -> None:
    with pytest.raises(NoSuchPerson), db.company(other.company.id) as uow:
        set_password(uow, OPERATOR, rows.ana.id, PASSWORD, today=TODAY)


def test_guesses_are_bounded_and_then_the_right_password_waits_too(
    db: Database, rows: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = argon2.PasswordHasher(time_cost=1, memory_cost=1_024, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", quick)
    give_password(db, rows)
    counter = LocalCounter()

    def attempt(password: str, address: str = "192.0.2.1") -> bool:
        with db.company(rows.company.id) as uow:
            who = sign_in(
                uow,
                counter,
                email=email_of(rows),
                password=password,
                address=address,
                today=TODAY,
            )
        return who is not None

    for _ in range(SIGN_IN_PAIR.tries + 3):
        assert attempt(PASSWORD)
    for _ in range(SIGN_IN_PAIR.tries):
        assert not attempt("wrong horse battery")
    with pytest.raises(TooManyTries):
        attempt(PASSWORD)
    assert attempt(PASSWORD, address="192.0.2.2")
