"""`roadbook device` and `roadbook person`: what an operator does to phones and people.

Each command is one transaction and logs what it changed under the operator's name. What cannot
be done is one line.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import click

from server.cli import say
from server.identity import device_states, devices, leaving, occupancies, passwords, people
from server.identity.aligned import NOTHING, say_list, told_age, told_offset, told_size
from server.identity.companies import company_day
from server.identity.device_list import DeviceListed, count_ended, find_device, list_devices
from server.identity.errors import LeaveDoubtful, NoSuchDevice, NoSuchPerson
from server.identity.people import list_people, person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.language import Said
from sync.organisation import device as device_table
from sync.unit_of_work import UnitOfWork

SHORT_ID = 8
MAX_CODE_MINUTES = 7 * 24 * 60
_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def device() -> None:
    """Phones: see them, let them in, show them out."""


@device.command("list")
@click.option("--person", "whose", help="Only this person's: an e-mail address or an id.")
@click.option("--all", "is_with_ended", is_flag=True, help="Those revoked or wiped, too.")
@at_most_option
@company_option
def list_devices_command(
    whose: str | None, at_most: int, company: str | None, *, is_with_ended: bool
) -> None:
    """List phones, the latest enrolled first.

    State, version, when last seen, what they still hold, how far their clock is off.
    """
    with company_of(company) as uow:
        person_id = None if whose is None else _person(uow, whose)
        found = list_devices(uow, person_id, is_with_ended=is_with_ended, at_most=at_most + 1)
        ended = 0 if is_with_ended else count_ended(uow, person_id)
    now = datetime.now(UTC)
    header = (
        "DEVICE",
        "PERSON",
        "STATE",
        "APP",
        "CONTRACT",
        "SEEN",
        "HOLDS",
        "SINCE",
        "SIZE",
        "CLOCK",
    )
    rows = [
        _device_row(one, now, short) for one, short in zip(found, _short_ids(found), strict=True)
    ]
    nothing = "No phone works now." if ended else "No phone is enrolled yet."
    say_list(header, rows, nothing, at_most=at_most)
    if ended:
        say(f"{ended} revoked or wiped: --all shows them.")


@device.command("code")
@click.option("--person", "whose", required=True, help="An e-mail address or an id.")
@click.option("--minutes", default=30, show_default=True, type=click.IntRange(1, MAX_CODE_MINUTES))
@company_option
def code_command(whose: str, minutes: int, company: str | None) -> None:
    """Make a code with which one phone becomes a person's. It is shown once."""
    with company_of(company) as uow:
        made = devices.issue_enrolment_code(
            uow, _person(uow, whose), operator(), valid_for=timedelta(minutes=minutes)
        )
    say(made)
    say(f"For one phone, within {minutes} min.")


@device.command("revoke")
@click.argument("device_id")
@company_option
def revoke_command(device_id: str, company: str | None) -> None:
    """Shut a lost phone out at once. What it had not sent stays on it; prefer `drain`."""
    with company_of(company) as uow:
        found = _device(uow, device_id)
        device_states.revoke(uow, operator(), found.id)
    say(f"Revoked: {_named(found)}. {_still_held(found)}".rstrip())


@device.command("drain")
@click.argument("device_id")
@company_option
def drain_command(device_id: str, company: str | None) -> None:
    """Let a phone send what it holds and nothing more, then tell it to wipe."""
    with company_of(company) as uow:
        found = _device(uow, device_id)
        device_states.drain(uow, operator(), found.id)
    say(f"Draining: {_named(found)}. {_still_held(found)}".rstrip())


@click.group()
def person() -> None:
    """People: see them, add them, let them go."""


@person.command("list")
@click.option("--all", "is_with_leavers", is_flag=True, help="Those who have left, too.")
@at_most_option
@company_option
def list_people_command(at_most: int, company: str | None, *, is_with_leavers: bool) -> None:
    """List people by name with what they hold today."""
    with company_of(company) as uow:
        found = list_people(
            uow, company_day(uow), is_with_leavers=is_with_leavers, at_most=at_most + 1
        )
    rows = [
        (
            one.name,
            one.email or NOTHING,
            ", ".join(one.positions) or NOTHING,
            str(one.phones),
            "yes" if one.may_sign_in else "no",
            NOTHING if one.left_on is None else one.left_on.isoformat(),
            str(one.id),
        )
        for one in found
    ]
    say_list(
        ("NAME", "E-MAIL", "HOLDS", "PHONES", "PASSWORD", "LEAVES", "ID"),
        rows,
        "Nobody is here yet.",
        at_most=at_most,
    )


@person.command("add")
@click.argument("name")
@click.option("--email", help="Names them in commands.")
@company_option
def add_command(name: str, email: str | None, company: str | None) -> None:
    """Add a person, who holds nothing yet."""
    with company_of(company) as uow:
        person_id = people.create_person(uow, operator(), name, email)
    say(f"Added: {name} {person_id}")


@person.command("place")
@click.argument("whose", metavar="EMAIL-OR-ID")
@click.argument("position_code", metavar="POSITION-CODE")
@click.option("--from", "starts_on", type=_DAY, metavar="DAY", help="First day. Default: today.")
@click.option(
    "--until", "ends_on", type=_DAY, metavar="DAY", help="Last day. Default: without an end."
)
@click.option("--acting", "is_acting", is_flag=True, help="Beside the holder, or in for one.")
@company_option
def place_command(
    *,
    whose: str,
    position_code: str,
    starts_on: datetime | None,
    ends_on: datetime | None,
    is_acting: bool,
    company: str | None,
) -> None:
    """Give somebody a position, from day to day."""
    with company_of(company) as uow:
        today = company_day(uow)
        given = occupancies.give_occupancy(
            uow,
            operator(),
            person_id=_person(uow, whose),
            position_id=occupancies.position_by_code(uow, position_code),
            starts_on=today if starts_on is None else starts_on.date(),
            ends_on=None if ends_on is None else ends_on.date(),
            is_acting=is_acting,
            today=today,
        )
    say(f"Placed. Their phone holds {given.scope_records} records today.")


@person.command("move")
@click.argument("whose", metavar="EMAIL-OR-ID")
@click.argument("position_code", metavar="POSITION-CODE")
@click.option(
    "--from", "first_day", type=_DAY, metavar="DAY", help="First day there. Default: today."
)
@company_option
def move_command(
    whose: str, position_code: str, first_day: datetime | None, company: str | None
) -> None:
    """Give somebody a position instead of what they hold."""
    with company_of(company) as uow:
        today = company_day(uow)
        given = occupancies.move_person(
            uow,
            operator(),
            person_id=_person(uow, whose),
            position_id=occupancies.position_by_code(uow, position_code),
            first_day=today if first_day is None else first_day.date(),
            today=today,
        )
    say(f"Moved. Their phone holds {given.scope_records} records today.")


@person.command("end")
@click.argument("whose", metavar="EMAIL-OR-ID")
@click.argument("position_code", metavar="POSITION-CODE")
@click.option("--last-day", type=_DAY, metavar="DAY", help="Default: today.")
@company_option
def end_command(
    whose: str, position_code: str, last_day: datetime | None, company: str | None
) -> None:
    """End somebody's time in a position; they stay with the company."""
    with company_of(company) as uow:
        today = company_day(uow)
        day = today if last_day is None else last_day.date()
        person_id = _person(uow, whose)
        position_id = occupancies.position_by_code(uow, position_code)
        occupancies.end_occupancy(
            uow,
            operator(),
            occupancies.occupancy_of(uow, person_id, position_id, today),
            last_day=day,
            today=today,
        )
    say(f"Ends with {day}.")


@person.command("leave")
@click.argument("whose", metavar="EMAIL-OR-ID")
@click.option(
    "--on",
    "left_on",
    type=_DAY,
    metavar="DAY",
    help="The day after their last, in the company's time zone. Default: today.",
)
@click.option(
    "--day-is-meant",
    "is_meant",
    is_flag=True,
    help="They left before they last worked, or long ago: what they held since is theirs no more, "
    "and work of theirs from then on waits for review.",
)
@company_option
def leave_command(
    whose: str, left_on: datetime | None, company: str | None, *, is_meant: bool
) -> None:
    """Let a person go: positions end, phones send what they hold and are wiped."""
    with company_of(company) as uow:
        today = company_day(uow)
        day: date = today if left_on is None else left_on.date()
        person_id = _person(uow, whose)
        try:
            leaving.leave_person(
                uow, operator(), person_id, left_on=day, today=today, is_meant=is_meant
            )
        except LeaveDoubtful as refused:
            raise click.ClickException(
                f"{refused}. Their phones would be wiped, and no command gives the days back that they "
                "held since. If it is so, add --day-is-meant"
            ) from refused
        phones = [one for one in list_devices(uow, person_id) if one.state == "DRAINING"]
    say(f"Gone from {day} on.")
    for one in phones:
        say(f"Draining: {_named(one)}. {_still_held(one)}".rstrip())


@person.command("return")
@click.argument("whose", metavar="EMAIL-OR-ID")
@company_option
def return_command(whose: str, company: str | None) -> None:
    """Take a person back who left, or was to leave.

    Who had left is given positions and phones anew. Who was only to leave keeps what they hold.
    """
    with company_of(company) as uow:
        today = company_day(uow)
        person_id = _person(uow, whose)
        returned = leaving.return_person(uow, operator(), person_id, today=today)
        (found,) = list_people(uow, today, person_id)
    say(f"{found.name} is with the company and holds {', '.join(found.positions) or 'nothing'}.")
    for end in returned.ending:
        then = end.last_day + timedelta(days=1)
        further = f"place them again from {then}" if end.next_holder is None else end.next_holder
        say(f"{end.code} until {end.last_day}, then {further}.")
    for taken in returned.taken_away:
        say(f"{taken.code} from {taken.first_day} was taken away by the leave: place them again.")
    if returned.was_gone:
        say("Next: roadbook person place, and roadbook device code for each phone that was wiped.")


@person.command("password")
@click.argument("whose", metavar="EMAIL-OR-ID")
@company_option
def password_command(whose: str, company: str | None) -> None:
    """Give a person a password, with which they sign in at the pages. Sessions of an older one end.

    Asked for twice, or the first line of what is piped in.
    """
    with company_of(company) as uow:
        # Before the question, so that nobody types a password for nobody.
        person_id = _person(uow, whose)
    password = _asked_password()
    with company_of(company) as uow:
        passwords.set_password(uow, operator(), person_id, password, today=company_day(uow))
    say("The password is set.")


def _person(uow: UnitOfWork, whose: str) -> UUID:
    try:
        named = UUID(whose)
    except ValueError:
        return person_by_email(uow, whose)
    if not uow.rows("select 1 from person where id = :id", id=named):
        raise NoSuchPerson(Said("there is no such person in this company"))
    return named


def _device(uow: UnitOfWork, typed: str) -> DeviceListed:
    """The one device whose id begins like this."""
    device_id = id_that_begins(
        uow, device_table.c.id, typed, what="such device", refusal=NoSuchDevice
    )
    return find_device(uow, device_id)


def _short_ids(found: list[DeviceListed]) -> list[str]:
    """The first letters of each id, or the whole where these would not tell it from another."""
    shorts = [str(one.id)[:SHORT_ID] for one in found]
    return [
        short if shorts.count(short) == 1 else str(one.id)
        for one, short in zip(found, shorts, strict=True)
    ]


def _device_row(one: DeviceListed, now: datetime, short: str) -> tuple[str, ...]:
    return (
        short,
        one.person_name,
        one.state,
        one.app_version,
        str(one.contract),
        told_age(one.last_seen_at, now) if one.last_seen_at else "never",
        NOTHING if one.outbox_count is None else str(one.outbox_count),
        told_age(one.outbox_oldest_at, now),
        told_size(one.outbox_bytes),
        told_offset(one.clock_offset_ms),
    )


def _named(one: DeviceListed) -> str:
    return f"{one.person_name}'s {one.model} ({str(one.id)[:SHORT_ID]})"


def _still_held(one: DeviceListed) -> str:
    if not one.outbox_count:
        return ""
    items = "1 item" if one.outbox_count == 1 else f"{one.outbox_count} items"
    return f"It last said that it holds {items} ({told_size(one.outbox_bytes)})."


def _asked_password() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")
