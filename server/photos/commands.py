"""`roadbook photo`: photos with what became of them, and files that could not be read."""

from datetime import date, datetime
from typing import get_args
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from mobile_contract.records.photo import PHOTO_STATES
from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_moment, told_size
from server.identity.companies import company_zone
from server.identity.people import person_by_email
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.photos.errors import PhotoError
from server.photos.evidence_commands import explain_command, judge_again_command
from server.photos.facts import READER_VERSION, ReasonCode
from server.photos.photo_list import (
    FileRead,
    PhotoListed,
    ReadingRead,
    list_photos,
    photo_named,
    read_photo,
)
from server.photos.set_aside import (
    REREAD_AT_ONCE,
    RETRIED_AT_ONCE,
    file_named,
    list_files_set_aside,
    reread_files,
    retry_files,
)
from server.photos.words import told_reading
from server.planning.named_stores import stores_by_code
from sync.unit_of_work import UnitOfWork

_day = click.DateTime(("%Y-%m-%d",))
_seen_by = click.option(
    "--seen-by",
    metavar="E-MAIL",
    help="As far as this person may see, by the positions they may see.",
)
_reasons = click.option(
    "--reason",
    "codes",
    multiple=True,
    type=click.Choice(get_args(ReasonCode), case_sensitive=False),
    help="Set aside for this reason; may be given again.",
)


@click.group()
def photo() -> None:
    """Photos, what is in their files, and files that could not be read. PHOTO and FILE are the begin of an id."""


@photo.command("list")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(PHOTO_STATES, case_sensitive=False)
)
@click.option("--flag", help="With this flag.")
@click.option("--day", type=_day, help="Of this business day.")
@click.option("--since", type=_day, help="From this business day on.")
@click.option("--store", "store_code", help="Of this store.")
@click.option("--person", "email", metavar="E-MAIL", help="Taken by this person.")
@_seen_by
@at_most_option
@company_option
def list_command(
    *,
    states: tuple[str, ...],
    flag: str | None,
    day: datetime | None,
    since: datetime | None,
    store_code: str | None,
    email: str | None,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List photos, the latest first."""
    with company_of(company, PhotoError) as uow:
        found = list_photos(
            uow,
            states=states or None,
            flag=flag,
            first_day=_date(day or since),
            last_day=_date(day),
            store_id=None if store_code is None else stores_by_code(uow, [store_code])[0],
            person_id=None if email is None else person_by_email(uow, email),
            asker_id=_asker(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("PHOTO", "TAKEN", "STATE", "STORE", "BY", "OF", "SIZE", "FLAGS"),
        [_row(one, zone) for one in found],
        "There are no such photos.",
        at_most=at_most,
    )


@photo.command("show")
@click.argument("named", metavar="PHOTO")
@_seen_by
@company_option
def show_command(*, named: str, seen_by: str | None, company: str | None) -> None:
    """Show a photo: its record, its file, and what was found in it."""
    with company_of(company, PhotoError) as uow:
        found = read_photo(uow, photo_named(uow, named), _asker(uow, seen_by))
        zone = company_zone(uow)
    one = found.photo
    say(f"Photo     {one.id}")
    say(
        f"Taken     {told_moment(one.occurred_at, zone)} ({zone}) by {one.person}, of the {one.role}"
    )
    say(f"Store     {one.store_code or one.store_name or NOTHING}")
    say(f"State     {one.state}" + (f": {', '.join(one.flags)}" if one.flags else ""))
    say(f"Bytes     {told_size(one.size)}, SHA-256 {one.sha256}")
    _say_file(found.file, zone)
    _say_reading(found.reading)
    for other in found.same_bytes:
        taken = told_moment(other.occurred_at, zone)
        at = other.store_code or other.store_name or NOTHING
        say(f"Same as   {other.id}, taken {taken} by {other.person} at {at}")


@photo.command("set-aside")
@_reasons
@_seen_by
@at_most_option
@company_option
def set_aside_command(
    *, codes: tuple[str, ...], seen_by: str | None, at_most: int, company: str | None
) -> None:
    """List files that could not be read, and why."""
    with company_of(company, PhotoError) as uow:
        found = list_files_set_aside(
            uow, codes=codes or None, asker_id=_asker(uow, seen_by), at_most=at_most + 1
        )
        zone = company_zone(uow)
    say_list(
        ("FILE", "CAME", "FROM", "SIZE", "PHOTOS", "TRIED", "REASON", ""),
        [
            (
                one.id.hex[:8],
                told_moment(one.stored_at, zone),
                one.person or NOTHING,
                told_size(one.size),
                str(one.photos),
                str(one.attempts),
                one.reason_code,
                one.reason,
            )
            for one in found
        ],
        "No file is set aside.",
        at_most=at_most,
    )


@photo.command("retry")
@click.argument("files", nargs=-1, metavar="[FILE…]")
@click.option("--all", "is_all", is_flag=True, help="All that are set aside.")
@_reasons
@company_option
def retry_command(
    *, files: tuple[str, ...], is_all: bool, codes: tuple[str, ...], company: str | None
) -> None:
    """Let files that were set aside be read once more: those named, those of a reason, or all."""
    if bool(files) + is_all + bool(codes) != 1:
        raise click.UsageError("name files, or give --reason or --all")
    with company_of(company, PhotoError) as uow:
        ids = [file_named(uow, one) for one in files] if files else None
        again = retry_files(uow, operator(), ids, codes=codes or None)
    more = ", and there may be more: do it again" * (len(again) == RETRIED_AT_ONCE)
    say(f"{len(again)} will be read once more{more}")


@photo.command("reread")
@click.option(
    "--at-most",
    default=REREAD_AT_ONCE,
    show_default=True,
    type=click.IntRange(1, REREAD_AT_ONCE),
)
@company_option
def reread_command(*, at_most: int, company: str | None) -> None:
    """Let files that an older version of the reader read be read by this one; what was found stays beside it."""
    with company_of(company, PhotoError) as uow:
        number = reread_files(uow, operator(), at_most=at_most)
    more = ", and there may be more: do it again when they are done" * (number == at_most)
    say(f"{number} will be read by version {READER_VERSION} of the reader{more}")


photo.add_command(explain_command)
photo.add_command(judge_again_command)


def _row(one: PhotoListed, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        one.id.hex[:8],
        told_moment(one.occurred_at, zone),
        one.state,
        one.store_code or one.store_name or NOTHING,
        one.person,
        one.role,
        told_size(one.size),
        ", ".join(one.flags) or NOTHING,
    )


def _say_file(file: FileRead | None, zone: ZoneInfo) -> None:
    if file is None:
        say("File      has not come")
        return
    came = told_moment(file.stored_at, zone)
    match file.state:
        case "STORED":
            said = f"waits to be read, tried {file.attempts} times"
        case "SET_ASIDE":
            said = f"set aside after {file.attempts} tries: {file.reason} ({file.reason_code})"
        case _:
            said = "read"
            if file.reason_code is not None:
                said += f"; this version's reader could not: {file.reason} ({file.reason_code})"
    say(f"File      {file.id}, came {came}, {said}")


def _say_reading(reading: ReadingRead | None) -> None:
    if reading is not None:
        for line in told_reading(reading):
            say(line)


def _asker(uow: UnitOfWork, email: str | None) -> UUID | None:
    return None if email is None else person_by_email(uow, email)


def _date(day: datetime | None) -> date | None:
    return None if day is None else day.date()
