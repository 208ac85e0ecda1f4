"""People join, are named, leave and return; what they did stays theirs.

`left_on` is the day after somebody's last. From then on they cannot sign in, hold no position, and
their phones may only push what they still hold. Each change is in the change log of its
transaction; `today` is the day in the company's time zone.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID, uuid4

from sqlalchemy import Row, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from server.identity.change_log import Actor, log_change, log_changes
from server.identity.device_states import drain_devices_of
from server.identity.devices import end_codes_of
from server.identity.errors import (
    EmailInvalid,
    EmailTaken,
    LeaveDoubtful,
    NameInvalid,
    NoSuchPerson,
    PersonHasLeft,
)
from server.identity.leaving import doubts_about
from server.identity.passwords import folded_email
from server.identity.returning import (
    Returned,
    leaves_taken_back,
    not_given_back,
    reopen_occupancies,
)
from sync.organisation import device, occupancy, person, position
from sync.scope import people_concerned, rescope, take_turn
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
    clean_email = None if email is None else _checked_email(email)
    made = uow.connection.execute(
        upsert(person)
        .values(company_id=uow.company_id, id=person_id, name=clean_name, email=clean_email)
        .on_conflict_do_nothing(index_elements=["company_id", "email"])
        .returning(person.c.id)
    ).one_or_none()
    if made is None:
        raise EmailTaken(f"somebody in this company has the e-mail {clean_email}")
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
    held = _locked(uow, person_id)
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
    held = _locked(uow, person_id)
    clean_email = _checked_email(email)
    if clean_email == held.email:
        return
    # Two who take the same one at once meet at the unique key; the second is told by its error.
    taken = uow.connection.execute(
        select(person.c.id).where(
            person.c.company_id == uow.company_id, person.c.email == clean_email
        )
    ).one_or_none()
    if taken is not None:
        raise EmailTaken(f"somebody in this company has the e-mail {clean_email}")
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


def leave_person(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    *,
    left_on: date,
    today: date,
    is_meant: bool = False,
) -> None:
    """The person is gone from `left_on` on.

    What they hold ends the day before, what would only have begun later is taken away, and
    scopes follow in this transaction; what had ended stays as it was. If the day has come their
    phones drain now; otherwise `drain_leavers` does it then.

    Raises PersonHasLeft for somebody already gone, and LeaveDoubtful for a day in the past that
    would take back what has been, unless it is meant.
    """
    take_turn(uow)
    is_gone = left_on <= today
    if is_gone:
        end_codes_of(uow, actor, [person_id])
    held = _locked(uow, person_id)
    if held.left_on is not None and held.left_on <= today:
        raise PersonHasLeft(f"{held.name} has already left, on {held.left_on}")
    doubts = [] if is_meant else doubts_about(uow, person_id, left_on, today)
    if doubts:
        raise LeaveDoubtful(
            f"from {left_on} on {held.name} would have held nothing, but {', '.join(doubts)}"
        )
    _set(uow, person_id, left_on=left_on)
    log_change(
        uow,
        actor,
        "person.leave",
        "person",
        person_id,
        before={"left_on": held.left_on},
        after={"left_on": left_on},
    )
    positions = _end_occupancies(uow, actor, person_id, left_on, today)
    rescope(uow, {person_id} | people_concerned(uow, positions), today)
    if is_gone:
        drain_devices_of(uow, actor, [person_id])


def return_person(uow: UnitOfWork, actor: Actor, person_id: UUID, *, today: date) -> Returned:
    """A person who left, or was to leave, is with the company; what is not as it was before.

    Of who had left, positions and phones are given anew: what ended has ended, and a phone that
    drains drains. Who was only to leave keeps what they hold, as long as they would have held it,
    where nobody else was given it since.
    """
    take_turn(uow)
    held = _locked(uow, person_id)
    if held.left_on is None:
        return Returned(was_gone=False)
    was_gone = held.left_on <= today
    moments = leaves_taken_back(uow, person_id)
    _set(uow, person_id, left_on=None)
    log_change(
        uow,
        actor,
        "person.return",
        "person",
        person_id,
        before={"left_on": held.left_on},
        after={"left_on": None},
    )
    if not was_gone:
        reopen_occupancies(uow, actor, person_id, moments, today)
    rescope(uow, [person_id], today)
    return not_given_back(uow, person_id, moments, today, was_gone=was_gone)


def drain_leavers(uow: UnitOfWork, actor: Actor, today: date) -> list[UUID]:
    """Drain the phones of everybody whose day of leaving has come; the ids of the devices.

    For the job that begins the company's day: a leave that was dated ahead ends with nobody at work.
    """
    people = list(
        uow.connection.execute(
            select(person.c.id)
            .where(person.c.company_id == uow.company_id, person.c.left_on <= today)
            .where(
                select(device.c.id)
                .where(
                    device.c.company_id == person.c.company_id,
                    device.c.person_id == person.c.id,
                    device.c.state == "ACTIVE",
                )
                .exists()
            )
        ).scalars()
    )
    if not people:
        return []
    end_codes_of(uow, actor, people)
    return drain_devices_of(uow, actor, people)


def person_by_email(uow: UnitOfWork, email: str) -> UUID:
    """The person with this e-mail. Raises NoSuchPerson."""
    found: UUID | None = uow.connection.execute(
        select(person.c.id).where(
            person.c.company_id == uow.company_id, person.c.email == folded_email(email)
        )
    ).scalar_one_or_none()
    if found is None:
        raise NoSuchPerson(f"nobody in this company has the e-mail {email}")
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


def _end_occupancies(
    uow: UnitOfWork, actor: Actor, person_id: UUID, left_on: date, today: date
) -> set[UUID]:
    """End what they hold the day before; the positions concerned.

    What had ended stays as it was. What began after a day that is meant all the same has been held
    until yesterday.
    """
    last_day, yesterday = left_on - timedelta(days=1), today - timedelta(days=1)
    theirs = (occupancy.c.company_id == uow.company_id) & (occupancy.c.person_id == person_id)
    open_ones = uow.connection.execute(
        select(
            occupancy.c.id,
            occupancy.c.position_id,
            occupancy.c.starts_on,
            occupancy.c.ends_on,
            occupancy.c.is_acting,
        )
        .where(
            theirs, or_(occupancy.c.ends_on.is_(None), occupancy.c.ends_on >= max(left_on, today))
        )
        .order_by(occupancy.c.id)
        .with_for_update()
    ).all()
    begun = [one for one in open_ones if one.starts_on <= max(last_day, yesterday)]
    unbegun = [one for one in open_ones if one.starts_on > max(last_day, yesterday)]
    ends = {one.id: last_day if one.starts_on <= last_day else yesterday for one in begun}
    for day in set(ends.values()):
        uow.connection.execute(
            update(occupancy)
            .where(theirs, occupancy.c.id.in_([key for key, end in ends.items() if end == day]))
            .values(ends_on=day)
        )
    uow.connection.execute(
        delete(occupancy).where(theirs, occupancy.c.id.in_([one.id for one in unbegun]))
    )
    log_changes(
        uow,
        actor,
        "occupancy.end",
        "occupancy",
        [(one.id, {"ends_on": one.ends_on}, {"ends_on": ends[one.id]}) for one in begun],
    )
    log_changes(
        uow,
        actor,
        "occupancy.take_away",
        "occupancy",
        [
            (
                one.id,
                {
                    "person_id": person_id,
                    "position_id": one.position_id,
                    "starts_on": one.starts_on,
                    "ends_on": one.ends_on,
                    "is_acting": one.is_acting,
                },
                None,
            )
            for one in unbegun
        ],
    )
    return {one.position_id for one in open_ones}


def _locked(uow: UnitOfWork, person_id: UUID) -> Row[str, str | None, date | None]:
    row = uow.connection.execute(
        select(person.c.name, person.c.email, person.c.left_on)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
        .with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise NoSuchPerson("there is no such person in this company")
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
        raise NameInvalid(f"a name has 1 to {MAX_NAME_LENGTH} printable characters")
    return clean


def _checked_email(email: str) -> str:
    clean = folded_email(email)
    local, at, domain = clean.rpartition("@")
    if (
        not (local and at and domain)
        or len(clean) > MAX_EMAIL_LENGTH
        or not clean.isprintable()
        or " " in clean
    ):
        raise EmailInvalid("an e-mail address looks like name@example.com")
    return clean
