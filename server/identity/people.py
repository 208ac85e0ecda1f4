"""People join and are named, and are listed; leaving and returning are in `leaving`.

Each change is in the change log of its transaction; `today` is the day in the company's time zone.
"""

from dataclasses import dataclass
from datetime import date
from uuid import UUID, uuid4

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server.identity.change_log import Actor, log_change
from server.identity.errors import (
    EmailInvalid,
    EmailTaken,
    NameInvalid,
    NoSuchPerson,
)
from server.identity.passwords import folded_email
from server.language import Said
from sync.organisation import device, occupancy, person, position
from sync.unit_of_work import UnitOfWork

MAX_NAME_LENGTH = 200
MAX_EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3


@dataclass(frozen=True, slots=True)
class PersonListed:
    """A person as the administration sees them: the codes of their positions, their active phones."""

    id: UUID
    name: str
    email: str | None
    left_on: date | None
    may_sign_in: bool
    positions: tuple[str, ...]
    phones: int


def create_person(uow: UnitOfWork, actor: Actor, name: str, email: str | None = None) -> UUID:
    """A new person of the company, who holds nothing yet. Raises EmailTaken."""
    person_id = uuid4()
    clean_name = _checked_name(name)
    clean_email = None if email is None else checked_email(email)
    made = uow.connection.execute(
        upsert(person)
        .values(company_id=uow.company_id, id=person_id, name=clean_name, email=clean_email)
        .on_conflict_do_nothing(index_elements=["company_id", "email"])
        .returning(person.c.id)
    ).one_or_none()
    if made is None:
        raise EmailTaken(
            Said("somebody in this company has the e-mail {clean_email}", clean_email=clean_email)
        )
    log_change(
        uow,
        actor,
        "person.create",
        "person",
        person_id,
        after={"name": clean_name, "email": clean_email},
    )
    return person_id


def rename_person(uow: UnitOfWork, actor: Actor, person_id: UUID, name: str) -> None:
    """Call a person by another name; what was recorded under the old one stays as it was."""
    held = locked_person(uow, person_id)
    clean_name = _checked_name(name)
    if clean_name == held.name:
        return
    _set(uow, person_id, name=clean_name)
    log_change(
        uow,
        actor,
        "person.rename",
        "person",
        person_id,
        before={"name": held.name},
        after={"name": clean_name},
    )


def change_email(uow: UnitOfWork, actor: Actor, person_id: UUID, email: str) -> None:
    """Give a person another e-mail to sign in with; the password stays. Raises EmailTaken."""
    held = locked_person(uow, person_id)
    clean_email = checked_email(email)
    if clean_email == held.email:
        return
    # Two who take the same one at once meet at the unique key; the second is told by its error.
    taken = uow.connection.execute(
        select(person.c.id).where(
            person.c.company_id == uow.company_id, person.c.email == clean_email
        )
    ).one_or_none()
    if taken is not None:
        raise EmailTaken(
            Said("somebody in this company has the e-mail {clean_email}", clean_email=clean_email)
        )
    _set(uow, person_id, email=clean_email)
    log_change(
        uow,
        actor,
        "person.change_email",
        "person",
        person_id,
        before={"email": held.email},
        after={"email": clean_email},
    )


def person_by_email(uow: UnitOfWork, email: str) -> UUID:
    """The person with this e-mail. Raises NoSuchPerson."""
    found: UUID | None = uow.connection.execute(
        select(person.c.id).where(
            person.c.company_id == uow.company_id, person.c.email == folded_email(email)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NoSuchPerson(Said("nobody in this company has the e-mail {email}", email=email))
    return found


def list_people(
    uow: UnitOfWork,
    today: date,
    person_id: UUID | None = None,
    *,
    is_with_leavers: bool = False,
    at_most: int | None = None,
) -> list[PersonListed]:
    """The company's people by name, or one of them, with what they hold today; leavers only where
    asked for.
    """
    holding = (
        select(func.array_agg(position.c.code).label("codes"))
        .select_from(occupancy)
        .join(
            position,
            (position.c.company_id == occupancy.c.company_id)
            & (position.c.id == occupancy.c.position_id),
        )
        .where(
            occupancy.c.company_id == person.c.company_id,
            occupancy.c.person_id == person.c.id,
            occupancy.c.starts_on <= today,
            or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= today),
        )
        .scalar_subquery()
    )
    phones = (
        select(func.count())
        .where(
            device.c.company_id == person.c.company_id,
            device.c.person_id == person.c.id,
            device.c.state == "ACTIVE",
        )
        .scalar_subquery()
    )
    asked = (
        select(
            person.c.id,
            person.c.name,
            person.c.email,
            person.c.left_on,
            person.c.password_hash.is_not(None).label("has_password"),
            holding.label("positions"),
            phones.label("phones"),
        )
        .where(person.c.company_id == uow.company_id)
        .order_by(person.c.name, person.c.id)
        .limit(at_most)
    )
    if person_id is not None:
        asked = asked.where(person.c.id == person_id)
    if not is_with_leavers:
        asked = asked.where(or_(person.c.left_on.is_(None), person.c.left_on > today))
    return [
        PersonListed(
            id=row.id,
            name=row.name,
            email=row.email,
            left_on=row.left_on,
            may_sign_in=row.has_password and (row.left_on is None or row.left_on > today),
            positions=tuple(sorted(row.positions or ())),
            phones=row.phones,
        )
        for row in uow.connection.execute(asked)
    ]


def locked_person(uow: UnitOfWork, person_id: UUID) -> Row[str, str | None, date | None]:
    """The name, e-mail and day of leaving of a person, whose row is locked. Raises NoSuchPerson."""
    row = uow.connection.execute(
        select(person.c.name, person.c.email, person.c.left_on)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NoSuchPerson(Said("there is no such person in this company"))
    return row


def _set(uow: UnitOfWork, person_id: UUID, **values: object) -> None:
    uow.connection.execute(
        update(person)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
        .values(**values)
    )


def _checked_name(name: str) -> str:
    clean = " ".join(name.split())
    if not 1 <= len(clean) <= MAX_NAME_LENGTH or not clean.isprintable():
        raise NameInvalid(Said("a name has 1 to {most} printable characters", most=MAX_NAME_LENGTH))
    return clean


def checked_email(email: str) -> str:
    clean = folded_email(email)
    local, at, domain = clean.rpartition("@")
    if (
        not (local and at and domain)
        or len(clean) > MAX_EMAIL_LENGTH
        or not clean.isprintable()
        or " " in clean
    ):
        raise EmailInvalid(Said("an e-mail address looks like name@example.com"))
    return clean
