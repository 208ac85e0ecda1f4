"""Whoever changes people, devices or settings is in the change log, in the same transaction."""

import ast
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import server.identity
from server.identity import (
    device_states,
    devices,
    enrolling,
    external_ids,
    leaving,
    occupancies,
    passwords,
    people,
    policy,
    returning,
)
from server.identity.change_log import Actor, LoggedChange, changes_of
from server.identity.devices import DeviceInfo
from server.identity.throttle import LocalCounter
from sync.unit_of_work import Database, UnitOfWork
from tests.factories import TODAY, Cast

INFO = DeviceInfo(model="Testphone 3", os="Android 15", app_version="2.0.0")
LATER = TODAY + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Case:
    """A changing function, what to do with it, and the actions it must have logged."""

    function: Callable[..., Any]
    act: Callable[[UnitOfWork, Actor, Cast], Any]
    actions: tuple[str, ...]
    before: Callable[[UnitOfWork, Actor, Cast], Any] | None = None


def _occupancy(uow: UnitOfWork, cast: Cast) -> UUID:
    found: UUID = uow.rows(
        "select id from occupancy where person_id = :person", person=cast.ana.id
    )[0].id
    return found


def _issue(uow: UnitOfWork, actor: Actor, cast: Cast) -> str:
    return devices.issue_enrolment_code(uow, cast.ana.id, actor)


def _leave_later(uow: UnitOfWork, actor: Actor, cast: Cast) -> None:
    leaving.leave_person(uow, actor, cast.ana.id, left_on=LATER, today=TODAY)


def _give(uow: UnitOfWork, actor: Actor, cast: Cast) -> None:
    occupancies.give_occupancy(
        uow,
        actor,
        person_id=cast.ana.id,
        position_id=cast.ben.position_id,
        starts_on=TODAY,
        is_acting=True,
        today=TODAY,
    )


def _vacate(uow: UnitOfWork, actor: Actor, cast: Cast) -> None:
    held = occupancies.occupancy_of(uow, cast.ben.id, cast.ben.position_id, TODAY)
    occupancies.end_occupancy(uow, actor, held, last_day=TODAY - timedelta(days=1), today=TODAY)


def _move_into_vacant(uow: UnitOfWork, actor: Actor, cast: Cast) -> None:
    occupancies.move_person(
        uow,
        actor,
        person_id=cast.ana.id,
        position_id=cast.ben.position_id,
        first_day=TODAY,
        today=TODAY,
    )


CHANGING: tuple[Case, ...] = (
    Case(
        people.create_person, lambda u, a, _: people.create_person(u, a, "Zoe"), ("person.create",)
    ),
    Case(
        people.rename_person,
        lambda u, a, c: people.rename_person(u, a, c.ana.id, "Anna"),
        ("person.rename",),
    ),
    Case(
        people.change_email,
        lambda u, a, c: people.change_email(u, a, c.ana.id, "anna@example.com"),
        ("person.change_email",),
    ),
    Case(
        leaving.leave_person,
        lambda u, a, c: leaving.leave_person(u, a, c.ana.id, left_on=TODAY, today=TODAY),
        ("device.end_code", "person.leave", "occupancy.end", "device.drain"),
        before=_issue,
    ),
    Case(
        leaving.return_person,
        lambda u, a, c: leaving.return_person(u, a, c.ana.id, today=TODAY),
        ("person.return", "occupancy.reopen"),
        before=_leave_later,
    ),
    Case(
        returning.reopen_occupancies,
        lambda u, a, c: returning.reopen_occupancies(
            u, a, c.ana.id, returning.leaves_taken_back(u, c.ana.id), TODAY
        ),
        ("occupancy.reopen",),
        before=_leave_later,
    ),
    Case(
        leaving.drain_leavers,
        lambda u, a, _: leaving.drain_leavers(u, a, LATER),
        ("device.drain",),
        before=_leave_later,
    ),
    Case(
        external_ids.call_records,
        lambda u, a, c: external_ids.call_records(u, a, "ERP", "person", {c.ana.id: "4711"}),
        ("external_id.call",),
    ),
    Case(
        external_ids.call_record,
        lambda u, a, c: external_ids.call_record(u, a, "person", c.ana.id, ["ERP=4711"]),
        ("external_id.call",),
    ),
    Case(occupancies.give_occupancy, _give, ("occupancy.give",)),
    Case(
        occupancies.end_occupancy,
        lambda u, a, c: occupancies.end_occupancy(
            u, a, _occupancy(u, c), last_day=TODAY, today=TODAY
        ),
        ("occupancy.end",),
    ),
    Case(
        passwords.set_password,
        lambda u, a, c: passwords.set_password(
            u, a, c.ana.id, "correct horse battery", today=TODAY
        ),
        ("person.set_password",),
    ),
    Case(
        passwords.change_own_password,
        lambda u, a, c: passwords.change_own_password(
            u,
            a,
            LocalCounter(),
            c.ana.id,
            present="correct horse battery",
            new="another horse battery",
            address="10.0.0.1",
            today=TODAY,
        ),
        ("person.set_password",),
        before=lambda u, a, c: passwords.set_password(
            u, a, c.ana.id, "correct horse battery", today=TODAY
        ),
    ),
    Case(
        policy.change_policy,
        lambda u, a, _: policy.change_policy(u, a, {"min_visit_s": 180}),
        ("policy.change",),
    ),
    Case(devices.issue_enrolment_code, _issue, ("device.issue_code",)),
    Case(
        device_states.revoke,
        lambda u, a, c: device_states.revoke(u, a, c.ana.device.id),
        ("device.revoke",),
    ),
    Case(
        occupancies.move_person,
        _move_into_vacant,
        ("occupancy.end", "occupancy.give"),
        before=_vacate,
    ),
    Case(
        device_states.drain,
        lambda u, a, c: device_states.drain(u, a, c.ana.device.id),
        ("device.drain",),
    ),
    Case(
        device_states.drain_devices_of,
        lambda u, a, c: device_states.drain_devices_of(u, a, [c.ana.id]),
        ("device.drain",),
    ),
    Case(
        devices.end_codes_of,
        lambda u, a, c: devices.end_codes_of(u, a, [c.ana.id]),
        ("device.end_code",),
        before=_issue,
    ),
    Case(
        enrolling.end_code,
        lambda u, a, _: enrolling.end_code(u, a, u.rows("select handle from enrolment_code")[0][0]),
        ("device.end_code",),
        before=_issue,
    ),
)

# A phone changes its own device; the person it belongs to is the actor. Tested below.
BY_THE_PHONE = {"enrol", "rotate"}
# A hash made again with newer parameters is no change that anybody made.
NOT_A_CHANGE = {"verify", "sign_in"}
# Made before there is a company to be in; test_founding.py.
AS_THE_OWNER = {"found_company"}
WRITES = {"insert", "update", "delete", "upsert"}


def logged_since(uow: UnitOfWork, last_id: int) -> list[LoggedChange]:
    return [one for one in reversed(changes_of(uow)) if one.id > last_id]


def last_id(uow: UnitOfWork) -> int:
    return max((one.id for one in changes_of(uow)), default=0)


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.function.__name__)
def test_a_change_is_logged_with_who_and_what(db: Database, cast: Cast, case: Case) -> None:
    actor = Actor(name="Ada", person_id=cast.ada.id)
    with db.company(cast.company.id) as uow:
        if case.before is not None:
            case.before(uow, Actor.command("before"), cast)
        since = last_id(uow)
        case.act(uow, actor, cast)
        entries = logged_since(uow, since)
    assert tuple(one.action for one in entries) == case.actions
    for one in entries:
        assert (one.actor, one.person_id) == ("Ada", cast.ada.id)
        assert one.before is not None or one.after is not None


@pytest.mark.parametrize("case", CHANGING, ids=lambda case: case.function.__name__)
def test_a_change_that_is_rolled_back_leaves_no_entry(db: Database, cast: Cast, case: Case) -> None:
    class BrokenOff(Exception):
        pass

    def break_off() -> None:
        with db.company(cast.company.id) as uow:
            if case.before is not None:
                case.before(uow, Actor.command("before"), cast)
            case.act(uow, Actor.command("test"), cast)
            raise BrokenOff

    with pytest.raises(BrokenOff):
        break_off()
    with db.reading(cast.company.id) as uow:
        assert changes_of(uow) == []


def test_a_phone_that_enrols_and_rotates_is_logged_under_its_person(
    db: Database, rows: Cast
) -> None:
    now = datetime.now(UTC)
    with db.company(rows.company.id) as uow:
        code = devices.issue_enrolment_code(uow, rows.ana.id, Actor.command("test"), now=now)
    answer = devices.enrol(db, code, INFO, 2, now=now)
    with db.company(rows.company.id) as uow:
        devices.rotate(uow, rows.ana.device.claim)
    with db.reading(rows.company.id) as uow:
        rotated, enrolled, _ = changes_of(uow)
    assert (enrolled.action, enrolled.actor, enrolled.person_id) == (
        "device.enrol",
        "Ana",
        rows.ana.id,
    )
    assert enrolled.subject_id == str(answer.device_id)
    assert enrolled.after is not None
    assert enrolled.after["code_issued_by"] == "test"
    assert (rotated.action, rotated.actor, rotated.subject_id) == (
        "device.rotate",
        "Ana",
        str(rows.ana.device.id),
    )


def changing_functions() -> set[str]:
    """Public functions of server/identity that write, themselves or by a private one of theirs,
    or that say who does it."""
    found: set[str] = set()
    for path in Path(server.identity.__path__[0]).glob("*.py"):
        if path.stem in {"change_log", "commands"}:
            continue
        functions = {
            node.name: node
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        writing = {name for name, node in functions.items() if called(node) & WRITES}
        while True:
            more = {name for name, node in functions.items() if called(node) & writing} - writing
            if not more:
                break
            writing |= more
        acting = {
            name
            for name, node in functions.items()
            if {arg.arg for arg in node.args.args} & {"actor", "issued_by"}
        }
        found |= {name for name in writing | acting if not name.startswith("_")}
    return found


def called(node: ast.AST) -> set[str]:
    return {
        one.func.id
        for one in ast.walk(node)
        if isinstance(one, ast.Call) and isinstance(one.func, ast.Name)
    }


def test_every_function_that_changes_something_has_its_case() -> None:
    listed = {case.function.__name__ for case in CHANGING}
    assert changing_functions() == listed | BY_THE_PHONE | NOT_A_CHANGE | AS_THE_OWNER
