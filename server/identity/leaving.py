"""People leave and return; what they did stays theirs.

`left_on` is the day after somebody's last. From then on they cannot sign in, hold no position, and
their phones may only push what they still hold. A leave that is dated back is asked about where it
would take back what has been.
"""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import delete, or_, select, update

from server.identity.admins import keep_an_admin
from server.identity.change_log import Actor, log_change, log_changes
from server.identity.device_states import drain_devices_of
from server.identity.devices import end_codes_of
from server.identity.errors import LeaveDoubtful, PersonHasLeft
from server.identity.people import locked_person
from server.identity.returning import (
    Returned,
    leaves_taken_back,
    not_given_back,
    reopen_occupancies,
)
from server.language import Said
from sync.organisation import device, occupancy, person
from sync.scope import people_concerned, rescope, take_turn
from sync.unit_of_work import UnitOfWork

DAYS_BACK_MAX = 31
"""How long after the day it is ordinary to hear that somebody has left."""

_HELD = """
select p.code, o.starts_on from occupancy o
join position p on p.company_id = o.company_id and p.id = o.position_id
where o.company_id = :company and o.person_id = :person and o.starts_on <= :today
  and (o.ends_on is null or o.ends_on >= :today) and o.starts_on >= :left_on
order by o.starts_on, p.code
"""
_LAST_WORK = """
select greatest(
    (select max(business_day) from visit
     where company_id = :company and person_id = :person and business_day <= :today),
    (select max(business_day) from attendance
     where company_id = :company and person_id = :person and business_day <= :today)) as day
"""


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
    would take back what has been, unless it is meant. The transaction ends in LastAdmin where nobody would be admin.
    """
    take_turn(uow)
    keep_an_admin(uow, today)
    is_gone = left_on <= today
    if is_gone:
        end_codes_of(uow, actor, [person_id])
    held = locked_person(uow, person_id)
    if held.left_on is not None and held.left_on <= today:
        raise PersonHasLeft(
            Said("{name} has already left, on {left_on}", name=held.name, left_on=held.left_on)
        )
    if not is_meant:
        _must_be_beyond_doubt(uow, person_id, held.name, left_on, today)
    _set_left_on(uow, person_id, left_on)
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
    held = locked_person(uow, person_id)
    if held.left_on is None:
        return Returned(was_gone=False)
    was_gone = held.left_on <= today
    moments = leaves_taken_back(uow, person_id)
    _set_left_on(uow, person_id, None)
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


def _must_be_beyond_doubt(
    uow: UnitOfWork, person_id: UUID, name: str, left_on: date, today: date
) -> None:
    """Raise LeaveDoubtful with what speaks against this day; nothing does for today, or a day that is to come."""
    if left_on >= today:
        return
    asked = {"company": uow.company_id, "person": person_id, "today": today}
    held = [(row.code, row.starts_on) for row in uow.rows(_HELD, **asked, left_on=left_on)]
    worked: date | None = uow.rows(_LAST_WORK, **asked)[0].day
    worked_on = worked if worked is not None and worked >= left_on else None
    days = (today - left_on).days
    days_ago = days if days > DAYS_BACK_MAX else None
    if held or worked_on is not None or days_ago is not None:
        raise LeaveDoubtful(left_on, name, held=held, worked_on=worked_on, days_ago=days_ago)


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


def _set_left_on(uow: UnitOfWork, person_id: UUID, left_on: date | None) -> None:
    uow.connection.execute(
        update(person)
        .where(person.c.company_id == uow.company_id, person.c.id == person_id)
        .values(left_on=left_on)
    )
