"""`roadbook quarantine`: see what could not be applied, mend it, release it, or set it aside."""

import sys
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING
from uuid import uuid4

import click

from mobile_contract.version import ITEM_BYTES
from server.cli import say
from server.identity.aligned import told_moment
from server.identity.companies import company_zone
from server.identity.people import person_by_email
from server.identity.terminal import (
    Opened,
    at_most_option,
    company_of,
    company_option,
    opened,
    operator,
)
from server.quarantine.deciding import DONE, check_reason, mend_kept, release_kept, set_aside_kept
from server.quarantine.errors import QuarantineError
from server.quarantine.kept import KeptItem, explain, find_kept, in_one_line, pretty, standing
from server.quarantine.kept_list import OPEN, STATES, Alike, count_kept, list_kept
from server.quarantine.release_errand import CameOf, ReleaseAll, log_released, release_alike
from server.quarantine.words import CODES, KINDS

if TYPE_CHECKING:
    from mobile_contract.answers import Result
    from sync.engine import Engine


@click.group()
def quarantine() -> None:
    """Items that the server holds and could not apply. Nothing here deletes one."""


@quarantine.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="Default: open.")
@at_most_option
@company_option
def list_command(company: str | None, states: tuple[str, ...], at_most: int) -> None:
    """List kept items, the oldest first."""
    with company_of(company) as uow:
        items = list_kept(uow, states or OPEN, at_most)
        counts = count_kept(uow)
        zone = company_zone(uow)
    for item in items:
        at = told_moment(item.received_at, zone)
        about = f"{item.kind or '?'} of {item.person_name or '?'}: {standing(item, zone)}"
        line = f"{item.op_id}  {at}  {item.state:<11}  {about}"
        say(in_one_line(line + (", which will not do" if item.useless else "")))
    told = ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
    say(f"{told}. Times of {zone}." if told else "nothing is kept")


@quarantine.command("show")
@click.argument("op_id")
@click.option(
    "--digest", default="", help="The first digits of the digest, where several have one op_id."
)
@click.option(
    "--raw", "is_raw", is_flag=True, help="Only what was sent, to be changed and given to mend."
)
@company_option
def show_command(company: str | None, op_id: str, digest: str, *, is_raw: bool) -> None:
    """Show one item: what is wrong with it, in words, and what was sent."""
    with company_of(company) as uow:
        item = find_kept(uow, op_id, digest)
        zone = company_zone(uow)
    if is_raw:
        # To a program the very bytes; to a terminal nothing that could move its cursor.
        click.echo(pretty(item.raw) if sys.stdout.isatty() else item.raw, nl=sys.stdout.isatty())
        return
    for line in explain(item, zone):
        say(line)
    say(f"digest    {item.digest.hex()}")
    say("")
    say(pretty(item.raw))
    if item.mended is not None:
        say("")
        say("mended:")
        say(pretty(item.mended))


@quarantine.command("mend")
@click.argument("op_id")
@click.option("--file", required=True, type=click.File("rb"), help="- is the standard input.")
@click.option("--digest", default="")
@click.option("--reason", help="What was changed and why.")
@company_option
def mend_command(
    company: str | None, op_id: str, file: IO[bytes], digest: str, reason: str | None
) -> None:
    """Put other bytes in an item's place and release it; what the phone sent stays as well."""
    mended = file.read(ITEM_BYTES + 1)
    _release(company, op_id, digest, mended=mended, reason=reason)


@quarantine.command("release")
@click.argument("op_id")
@click.option("--digest", default="")
@click.option("--reason", help="Why it may be applied now.")
@company_option
def release_command(company: str | None, op_id: str, digest: str, reason: str | None) -> None:
    """Judge an item again as it was sent, because what was in its way has been put right."""
    _release(company, op_id, digest, mended=None, reason=reason)


@quarantine.command("release-all")
@click.option("--code", type=click.Choice(sorted(CODES)), help="Those that are kept for this.")
@click.option("--kind", type=click.Choice(sorted(KINDS)), help="Those of this kind of record.")
@click.option("--person", "email", help="Those of this person, by e-mail.")
@click.option("--reason", help="What was mended.")
@company_option
def release_all_command(
    company: str | None, code: str | None, kind: str | None, email: str | None, reason: str | None
) -> None:
    """Release all open items of a reason, kind or person, each by itself, because what held them was mended."""
    if code is None and kind is None and email is None:
        raise click.UsageError("say which: --code, --kind or --person")
    with opened(company, QuarantineError) as found:
        check_reason(reason)
        with found.database.reading(found.company_id) as uow:
            person_id = None if email is None else person_by_email(uow, email)
        alike = Alike(before=datetime.now(UTC), code=code, kind=kind, person_id=person_id)
        asked, came = ReleaseAll(alike, reason), CameOf()
        try:
            release_alike(
                _engine(found), found.database, found.company_id, operator(), asked, came, _nobody
            )
        finally:
            # Also of what was ended by a signal.
            with found.database.company(found.company_id) as uow:
                log_released(uow, operator(), uuid4(), asked, came)
    say(
        f"{came.items} items: {came.done} applied, {came.kept} still kept, {came.waiting} wait,"
        f" {came.before} decided before, {came.broken} could not be judged"
    )
    for name, number in sorted(came.codes.items()):
        say(f"  still kept, {name or 'no code'}: {number}")


def _nobody(_to_do: int) -> None:
    """Nobody watches how far it is."""


@quarantine.command("set-aside")
@click.argument("op_id")
@click.option("--digest", default="")
@click.option("--reason", required=True, help="Why it is not to be applied; its sender reads this.")
@company_option
def set_aside_command(company: str | None, op_id: str, digest: str, reason: str) -> None:
    """Decide that an item is not to be applied. It stays, with the reason."""
    with opened(company, QuarantineError) as found:
        item = _open_item(found, op_id, digest)
        key = (item.op_id, bytes(item.digest))
        done = set_aside_kept(_engine(found), found.company_id, operator(), [key], reason=reason)
    if not done:
        raise click.ClickException("it is decided already")
    say("set aside: its sender's phone is told the reason")


def _release(
    company: str | None, op_id: str, digest: str, *, mended: bytes | None, reason: str | None
) -> None:
    with opened(company, QuarantineError) as found:
        item = _open_item(found, op_id, digest)
        engine = _engine(found)
        if mended is None:
            key = (item.op_id, bytes(item.digest))
            result = release_kept(engine, found.company_id, operator(), key, reason=reason)
        else:
            result = mend_kept(engine, found.company_id, operator(), item, mended, reason=reason)
    if result.status not in DONE:
        raise click.ClickException(in_one_line(_why_kept(result)))
    say(in_one_line(_what_was_done(result)))


def _open_item(found: Opened, op_id: str, digest: str) -> KeptItem:
    """The item, if nobody has decided it."""
    with found.database.reading(found.company_id) as uow:
        item = find_kept(uow, op_id, digest)
        zone = company_zone(uow)
    if not item.is_open:
        said = f"it is {item.state} already, {standing(item, zone)}. Times of {zone}."
        raise click.ClickException(in_one_line(said))
    return item


def _what_was_done(result: "Result") -> str:
    done = result.status if result.version is None else f"{result.status}, version {result.version}"
    if result.merged:
        done += "; merged: " + ", ".join(sorted(result.merged))
    if result.conflict_id is not None:
        done += "; both values are kept until somebody chooses: roadbook conflict list"
    if result.proposal_id is not None:
        done += "; it waits for approval: roadbook proposal list"
    return done


def _why_kept(result: "Result") -> str:
    if result.missing:
        return (
            f"still kept, {result.status}: waits for {', '.join(result.missing)}, and is applied by"
            " itself when that comes"
        )
    where = f" at {result.where}" if result.where else ""
    detail = f": {result.detail}" if result.detail else ""
    return f"still kept, {result.status}: {result.code or 'no code'}{where}{detail}"


def _engine(found: Opened) -> "Engine":
    from sync.engine import Engine
    from sync.kinds import ALL_KINDS

    return Engine(found.database, ALL_KINDS, found.settings.secret_key.encode())
