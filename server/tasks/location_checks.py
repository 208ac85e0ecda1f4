"""Location checks: a supervisor asks where somebody is now, and sees what their phone answered.

Whoever asks sees the person by a position that the person holds today. Nobody is asked outside of
working hours: phones collect nothing then.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, update

from mobile_contract.records.location_check import CHECK_NOTE_MAX
from server.identity.change_log import Actor, log_change
from server.identity.permissions import (
    SEES_ELSEWHERE,
    Seat,
    may_see_position,
    positions_to_act_for,
    region_parents,
    seats_of,
)
from server.language import Said
from server.tasks.errors import (
    AskedAlready,
    FieldInvalid,
    NoSuchCheck,
    NoSuchPerson,
    OutsideWorkingHours,
    WrongState,
)
from sync.calendar import is_working_day
from sync.clock import is_within_window, minute_of_day
from sync.kinds.location_check.judge import LOCATION_CHECK, ROLES
from sync.kinds.location_check.publish import publish_new_check
from sync.kinds.location_check.states import CHECKING
from sync.kinds.location_check.table import location_check
from sync.policy import Policy, current_policy
from sync.publish import Draft, hold_documents, publish
from sync.unit_of_work import UnitOfWork

# The position in which a person is asked: one in the field that they hold today and the asker sees,
# of several the one that began last. The person is locked, so that two do not ask at once.
_SEAT = """
select o.position_id, p.role, p.region_id from person n
join occupancy o on o.company_id = n.company_id and o.person_id = n.id
join position p on p.company_id = o.company_id and p.id = o.position_id
where n.company_id = :company and n.id = :person and (n.left_on is null or n.left_on > :today)
  and o.starts_on <= :today and (o.ends_on is null or o.ends_on >= :today)
  and p.role = any(:roles) and (:sees_all or p.id = any(:positions))
order by o.starts_on desc, o.position_id limit 1
for no key update of n
"""
_ASKED = """
select 1 from location_check
where company_id = :company and person_id = :person and state = 'ASKED' and expires_at > :now
"""
_UNLIKE = "select is_worked from holiday where company_id = :company and day = :day"
_LIST = """
select c.id, n.name as person, q.code as position_code, c.state, c.asked_by, c.note, c.asked_at,
       c.expires_at, a.answered_at, a.trust, a.region, a.outside_cm, a.stores,
       s.code as nearest_store_code, s.name as nearest_store, a.nearest_cm, a.flags
from location_check c
join person n on n.company_id = c.company_id and n.id = c.person_id
left join position q on q.company_id = c.company_id and q.id = c.position_id
left join location_answer a on a.company_id = c.company_id and a.location_check_id = c.id
                           and a.is_settling
left join store s on s.company_id = a.company_id and s.id = a.nearest_store_id
where c.company_id = :company
  and (cast(:person as uuid) is null or c.person_id = :person)
  and (cast(:day as date) is null or c.business_day = :day)
  and (:sees_all or c.position_id = any(:positions) or c.person_id = :asker)
order by c.asked_at desc, c.id limit :at_most
"""
_LOCK = """
select id, state from location_check
where company_id = :company and id = :check
  and (:sees_all or position_id = any(:positions))
for update
"""


@dataclass(frozen=True, slots=True)
class CheckListed:
    """A location check as who asks sees it, with the answer that settled it.

    `state` is ASKED, EXPIRED, ANSWERED or WITHDRAWN as of now. The figures are those of the verdict.
    """

    id: UUID
    person: str
    position_code: str | None
    state: str
    asked_by: str
    note: str | None
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    trust: str | None
    region: str | None
    outside_cm: int | None
    stores: int | None
    nearest_store_code: str | None
    nearest_store: str | None
    nearest_cm: int | None
    flags: tuple[str, ...]


def ask_location(
    uow: UnitOfWork,
    actor: Actor,
    person_id: UUID,
    *,
    asker_id: UUID | None = None,
    note: str | None = None,
    now: datetime | None = None,
) -> UUID:
    """Ask a person where they are; their phone hears of it with its next pull.

    Raises NoSuchPerson where the asker may not see them, OutsideWorkingHours, AskedAlready, FieldInvalid.
    """
    if note is not None and (not 1 <= len(note) <= CHECK_NOTE_MAX or "\x00" in note):
        raise FieldInvalid(Said("note: a text of 1 to {most} characters", most=CHECK_NOTE_MAX))
    asked_at = now or datetime.now(UTC)
    policy = current_policy(uow)[1]
    today = asked_at.astimezone(policy.zone).date()
    if person_id == asker_id:
        raise NoSuchPerson(Said("nobody asks themselves"))
    seats = uow.rows(
        _SEAT,
        company=uow.company_id,
        person=person_id,
        today=today,
        roles=sorted(ROLES),
        **_seen(uow, asker_id, today),
    )
    if not seats:
        raise NoSuchPerson(Said("there is no such person to be asked in this company"))
    _must_be_working(uow, policy, asked_at, today)
    if uow.rows(_ASKED, company=uow.company_id, person=person_id, now=asked_at):
        raise AskedAlready(Said("they are asked already, and have time left to answer"))
    check_id = uuid4()
    columns = {
        "person_id": person_id,
        "position_id": seats[0].position_id,
        "state": CHECKING.after(None, "ask"),
        "asker_id": asker_id,
        "asked_by": actor.name if actor.person_id is not None else "the office",
        "note": note,
        "business_day": today,
        "asked_at": asked_at,
        "expires_at": asked_at + timedelta(minutes=policy.location_check_min),
    }
    uow.connection.execute(
        insert(location_check).values(company_id=uow.company_id, id=check_id, **columns)
    )
    publish_new_check(uow, check_id, _asked_from(uow, asker_id, seats[0], today))
    log_change(uow, actor, "location_check.ask", "location_check", check_id, after=columns)
    return check_id


def withdraw_check(
    uow: UnitOfWork,
    actor: Actor,
    check_id: UUID,
    *,
    today: date,
    asker_id: UUID | None = None,
) -> None:
    """Ask no more. Raises NoSuchCheck, WrongState where it is answered or withdrawn by now."""
    documents = hold_documents(uow, [check_id])
    rows = uow.rows(_LOCK, company=uow.company_id, check=check_id, **_seen(uow, asker_id, today))
    if not rows:
        raise NoSuchCheck(Said("there is no such location check in this company"))
    state = CHECKING.after(rows[0].state, "withdraw")
    if state is None:
        raise WrongState(Said("the check is {state} by now", state=Said(rows[0].state.lower())))
    uow.connection.execute(
        update(location_check)
        .where(location_check.c.company_id == uow.company_id, location_check.c.id == check_id)
        .values(state=state, over_at=datetime.now(UTC))
    )
    publish(uow, [Draft(LOCATION_CHECK, check_id, {**documents[check_id], "state": state})])
    log_change(
        uow,
        actor,
        "location_check.withdraw",
        "location_check",
        check_id,
        before={"state": rows[0].state},
        after={"state": state},
    )


def list_checks(
    uow: UnitOfWork,
    *,
    today: date,
    now: datetime | None = None,
    person_id: UUID | None = None,
    day: date | None = None,
    asker_id: UUID | None = None,
    at_most: int = 100,
) -> list[CheckListed]:
    """Location checks, the latest first: those of positions that the asker may see, and their own.

    One query, and one for the asker's scope.
    """
    rows = uow.rows(
        _LIST,
        company=uow.company_id,
        person=person_id,
        day=day,
        asker=asker_id,
        at_most=at_most,
        **_seen(uow, asker_id, today),
    )
    moment = now or datetime.now(UTC)
    return [_listed(row, moment) for row in rows]


def _asked_from(uow: UnitOfWork, asker_id: UUID | None, row: Any, today: date) -> UUID | None:
    """The seat from which the asker sees the position: with it goes what was answered."""
    if asker_id is None:
        return None
    asked, parents = Seat(row.position_id, row.role, row.region_id), region_parents(uow)
    for seat in seats_of(uow, asker_id, today):
        if seat.role not in SEES_ELSEWHERE and may_see_position((seat,), asked, parents):
            return seat.position_id
    return None


def _listed(row: Any, now: datetime) -> CheckListed:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    if row.state == "ASKED" and row.expires_at <= now:
        values["state"] = CHECKING.after("ASKED", "pass the time")
    return CheckListed(**{**values, "flags": tuple(row.flags or ())})


def _must_be_working(uow: UnitOfWork, policy: Policy, asked_at: datetime, today: date) -> None:
    unlike = uow.rows(_UNLIKE, company=uow.company_id, day=today)
    is_worked = bool(unlike) and unlike[0].is_worked
    is_day = is_working_day(
        today,
        working_weekdays=policy.working_weekdays,
        holidays=frozenset({today}) if unlike and not is_worked else frozenset(),
        worked_days=frozenset({today}) if is_worked else frozenset(),
    )
    minute = minute_of_day(int(asked_at.timestamp() * 1000), policy.time_zone)
    if not is_day or not is_within_window(
        minute, policy.working_from_min, policy.working_until_min
    ):
        raise OutsideWorkingHours(Said("nobody is asked where they are outside of working hours"))


def _seen(uow: UnitOfWork, asker_id: UUID | None, today: date) -> dict[str, Any]:
    positions = positions_to_act_for(uow, asker_id, today)
    return {"sees_all": positions is None, "positions": sorted(positions or ())}
