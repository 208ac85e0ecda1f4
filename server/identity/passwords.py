"""Passwords are argon2id, compared in the same time for everybody, known or not.

The hash carries its own parameters: one made with older ones is made again at the next sign-in.
A password is read as NFKC, so that the same one typed on another keyboard is the same password
(NIST SP 800-63B, "Memorized Secret Verifiers"); nothing is cut off.
"""

import secrets
import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from uuid import UUID

import argon2
from sqlalchemy import select, update

from server.identity.change_log import Actor, log_change
from server.identity.errors import (
    NoSuchPerson,
    PasswordRefused,
    PasswordWrong,
    PersonHasLeft,
)
from server.identity.sessions import end_sessions_of
from server.identity.throttle import (
    SIGN_IN_ADDRESS,
    SIGN_IN_EMAIL,
    SIGN_IN_PAIR,
    Counter,
    Try,
    spend,
)
from server.language import Said
from sync.organisation import person as person_table
from sync.unit_of_work import UnitOfWork

MIN_LENGTH = 10
# Far above what anybody types or stores; a bound all the same, told when a password is set.
MAX_LENGTH = 1024

# Without i, l, o, 0 and 1.
_READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 4

# RFC 9106, section 4, the second recommended option, with as many lanes as it names.
HASHER = argon2.PasswordHasher(
    time_cost=3,
    memory_cost=65_536,
    parallelism=4,
    hash_len=32,
    salt_len=16,
    type=argon2.Type.ID,
)


@dataclass(frozen=True, slots=True)
class Person:
    """A person who proved who they are."""

    id: UUID
    name: str
    email: str

    @property
    def actor(self) -> Actor:
        return Actor(name=self.name, person_id=self.id)


def sign_in(
    uow: UnitOfWork, counter: Counter, *, email: str, password: str, address: str, today: date
) -> Person | None:
    """The person whose e-mail and password these are, or None; TooManyTries past the bounds.

    `address` is where the request came from, `today` the day in the company's time zone. A wrong
    password, an unknown e-mail, a person without a password and one who has left are the same None.
    """
    read_email = folded_email(email)
    subject = f"{uow.company_id}\0{read_email}"
    tries = (
        Try(SIGN_IN_PAIR, f"{subject}\0{address}"),
        Try(SIGN_IN_EMAIL, subject),
        Try(SIGN_IN_ADDRESS, address),
    )
    spend(counter, tries)
    person = verify(uow, email, password, today=today)
    if person is not None:
        counter.take_back(tries)
    return person


def verify(uow: UnitOfWork, email: str, password: str, *, today: date) -> Person | None:
    """The person whose e-mail and password these are, or None; unbounded: see `sign_in`."""
    row = uow.connection.execute(
        select(
            person_table.c.id,
            person_table.c.name,
            person_table.c.email,
            person_table.c.password_hash,
            person_table.c.left_on,
        ).where(
            person_table.c.company_id == uow.company_id,
            person_table.c.email == folded_email(email),
        )
    ).one_or_none()
    may_sign_in = (
        row is not None
        and row.password_hash is not None
        and (row.left_on is None or row.left_on > today)
    )
    held = row.password_hash if row is not None and may_sign_in else _nobodys_hash()
    if not _is_password(held, password) or row is None or not may_sign_in:
        return None
    if HASHER.check_needs_rehash(held):
        # Only where it is still the one compared: a password set meanwhile stays.
        uow.connection.execute(
            update(person_table)
            .where(
                person_table.c.company_id == uow.company_id,
                person_table.c.id == row.id,
                person_table.c.password_hash == held,
            )
            .values(password_hash=HASHER.hash(_read(password)))
        )
    return Person(id=row.id, name=row.name, email=row.email)


def change_own_password(
    uow: UnitOfWork,
    actor: Actor,
    counter: Counter,
    person_id: UUID,
    *,
    present: str,
    new: str,
    address: str,
    today: date,
    kept_session: UUID | None = None,
) -> None:
    """Another password for who knows the present one; ends their sessions but the one that is kept.

    Raises PasswordWrong, PasswordRefused, and TooManyTries: guessing here is bounded as at the sign-in.
    """
    row = uow.connection.execute(
        select(person_table.c.email).where(
            person_table.c.company_id == uow.company_id, person_table.c.id == person_id
        )
    ).one_or_none()
    if row is None:
        raise NoSuchPerson(Said("there is no such person in this company"))
    known = sign_in(
        uow, counter, email=row.email or "", password=present, address=address, today=today
    )
    if known is None or known.id != person_id:
        raise PasswordWrong(Said("that is not the present password"))
    set_password(uow, actor, person_id, new, today=today, kept_session=kept_session)


def set_password(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    password: str,
    *,
    today: date,
    kept_session: UUID | None = None,
) -> None:
    """Give a person this password, and end their sessions but the one that is kept; PasswordRefused says what is wrong
    with it.
    """
    row = uow.connection.execute(
        select(person_table.c.email, person_table.c.left_on, person_table.c.password_hash)
        .where(person_table.c.company_id == uow.company_id, person_table.c.id == person_id)
        .with_for_update()
    ).one_or_none()
    if row is None:
        raise NoSuchPerson(Said("there is no such person in this company"))
    if row.left_on is not None and row.left_on <= today:
        raise PersonHasLeft(Said("somebody who has left cannot sign in"))
    if row.email is None:
        raise PasswordRefused(Said("a person signs in by e-mail, and this one has none"))
    check_password(password, email=row.email)
    uow.connection.execute(
        update(person_table)
        .where(person_table.c.company_id == uow.company_id, person_table.c.id == person_id)
        .values(password_hash=HASHER.hash(_read(password)))
    )
    end_sessions_of(uow, person_id, but=kept_session)
    log_change(
        uow,
        actor,
        "person.set_password",
        "person",
        person_id,
        before={"may_sign_in": row.password_hash is not None},
        after={"may_sign_in": True},
    )


def make_password() -> str:
    """A password of chance, to be said or written down: four times four of letters and digits that nobody mistakes, 79 bits."""
    return "-".join(
        "".join(secrets.choice(_READABLE) for _ in range(_GROUP)) for _ in range(_GROUPS)
    )


def check_password(password: str, *, email: str) -> None:
    """Raise PasswordRefused where a password is too short, too long, or the e-mail itself."""
    read = _readable(password)
    if read is None:
        raise PasswordRefused(Said("a password is text: this has a character that is none"))
    if len(read) < MIN_LENGTH:
        raise PasswordRefused(Said("a password has at least {least} characters", least=MIN_LENGTH))
    if len(read) > MAX_LENGTH:
        raise PasswordRefused(Said("a password has at most {most} characters", most=MAX_LENGTH))
    if len(set(read)) == 1 or folded_email(read) in {email, email.partition("@")[0]}:
        raise PasswordRefused(Said("that password is the first that anybody would try"))


def folded_email(email: str) -> str:
    """An e-mail address as it is stored and looked for: trimmed, in small letters.

    What cannot be an address (a NUL, a lone surrogate) becomes one that nobody has.
    """
    read = _readable(email)
    return "" if read is None or "\0" in read else read.strip().lower()


def _is_password(held: str, password: str) -> bool:
    read = _readable(password)
    is_readable = read is not None and len(read) <= MAX_LENGTH
    try:
        # An unreadable or endless password costs what a wrong one costs.
        HASHER.verify(held, read if read is not None and is_readable else "")
    except argon2.exceptions.VerifyMismatchError:
        return False
    return is_readable


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """What the unknown are compared with: made like any other, and no password opens it."""
    return HASHER.hash(secrets.token_urlsafe(32))


def _readable(text: str) -> str | None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return unicodedata.normalize("NFKC", text)


def _read(password: str) -> str:
    read = _readable(password)
    if read is None:
        raise PasswordRefused(Said("a password is text: this has a character that is none"))
    return read
