"""`roadbook quarantine`: see what could not be applied, mend it, release it, or set it aside."""

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click
from sqlalchemy.exc import DBAPIError

from mobile_contract.version import ITEM_BYTES
from server.cli import say, settings
from server.identity.companies import find_company
from server.identity.errors import NoSuchCompany
from server.jobs.work import list_set_aside, try_set_aside_again
from server.quarantine.kept import OPEN, count_kept, explain, find_kept, list_kept, pretty
from sync.errors import NotThere
from sync.unit_of_work import Database

if TYPE_CHECKING:
    from sync.engine import Engine

_STATES = (*OPEN, "RELEASED", "SET_ASIDE")


@click.group()
@click.option("--company", "code", help="The company's code; may be left out where there is one.")
@click.pass_context
def quarantine(context: click.Context, code: str | None) -> None:
    """Items that the server holds and could not apply. Nothing here deletes one."""
    context.obj = code


@quarantine.command("list")
@click.option("--state", "states", multiple=True, type=click.Choice(_STATES), help="Default: open.")
@click.option("--at-most", default=50, show_default=True, type=click.IntRange(1, 1000))
@click.pass_obj
def list_command(code: str | None, states: tuple[str, ...], at_most: int) -> None:
    """List kept items, the oldest first."""
    with _open(code) as (database, _, company_id), database.reading(company_id) as uow:
        items = list_kept(uow, states or OPEN, at_most)
        counts = count_kept(uow)
    for item in items:
        said = item.code or ("waits for " + ", ".join(str(one) for one in item.missing))
        about = f"{item.kind or '?'} of {item.person_name or '?'}"
        say(f"{item.op_id}  {item.received_at:%Y-%m-%d %H:%M}  {item.state:<11}  {about}: {said}")
    say(
        ", ".join(f"{number} {state}" for state, number in sorted(counts.items()))
        or "nothing is kept"
    )


@quarantine.command("show")
@click.argument("op_id", type=click.UUID)
@click.option(
    "--digest", default="", help="The first digits of the digest, where several have one op_id."
)
@click.pass_obj
def show_command(code: str | None, op_id: UUID, digest: str) -> None:
    """Show one item: what is wrong with it, in words, and what was sent."""
    with _open(code) as (database, _, company_id), database.reading(company_id) as uow:
        item = find_kept(uow, op_id, digest)
    for line in explain(item):
        say(line)
    say(f"digest    {item.digest.hex()}")
    say("")
    say(pretty(item.raw))
    if item.mended is not None:
        say("")
        say("mended:")
        say(pretty(item.mended))


@quarantine.command("mend")
@click.argument("op_id", type=click.UUID)
@click.option(
    "--file", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--digest", default="")
@click.option("--reason", help="What was changed and why.")
@click.pass_obj
def mend_command(
    code: str | None, op_id: UUID, path: Path, digest: str, reason: str | None
) -> None:
    """Put other bytes in an item's place and release it; what the phone sent stays as well."""
    mended = path.read_bytes()
    if len(mended) > ITEM_BYTES:
        raise click.ClickException(f"an item has at most {ITEM_BYTES} bytes")
    _release(code, op_id, digest, mended=mended, reason=reason)


@quarantine.command("release")
@click.argument("op_id", type=click.UUID)
@click.option("--digest", default="")
@click.option("--reason", help="Why it may be applied now.")
@click.pass_obj
def release_command(code: str | None, op_id: UUID, digest: str, reason: str | None) -> None:
    """Judge an item again as it was sent, because what was in its way has been put right."""
    _release(code, op_id, digest, mended=None, reason=reason)


@quarantine.command("set-aside")
@click.argument("op_id", type=click.UUID)
@click.option("--digest", default="")
@click.option("--reason", required=True, help="Why it is not to be applied; its sender reads this.")
@click.pass_obj
def set_aside_command(code: str | None, op_id: UUID, digest: str, reason: str) -> None:
    """Decide that an item is not to be applied. It stays, with the reason."""
    with _open(code) as (database, engine, company_id):
        with database.reading(company_id) as uow:
            item = find_kept(uow, op_id, digest)
        engine.set_aside(
            company_id, item.op_id, bytes(item.digest), decided_by=_operator(), reason=reason
        )
    say("set aside")


@quarantine.command("work")
@click.option("--again", is_flag=True, help="Let the worker try them once more.")
@click.pass_obj
def work_command(code: str | None, again: bool) -> None:
    """List what the worker has given up on, with what went wrong."""
    with _open(code) as (database, _, company_id):
        for row_id, topic, attempts, failure in list_set_aside(database, company_id):
            say(f"{row_id}  {topic}  tried {attempts} times: {failure}")
        if again:
            say(f"{try_set_aside_again(database, company_id)} will be tried again")


def _release(
    code: str | None, op_id: UUID, digest: str, *, mended: bytes | None, reason: str | None
) -> None:
    with _open(code) as (database, engine, company_id):
        with database.reading(company_id) as uow:
            item = find_kept(uow, op_id, digest)
        result = engine.release(
            company_id,
            item.op_id,
            bytes(item.digest),
            decided_by=_operator(),
            mended=mended,
            reason=reason,
        )
    if result.status in {"applied", "merged", "conflict"}:
        say(f"{result.status}, version {result.version}")
        return
    waits = f"waits for {', '.join(result.missing)}" if result.missing else ""
    raise click.ClickException(
        f"{result.status}: {result.code or ''} {result.detail or waits}".strip()
    )


def _operator() -> str:
    return f"operator {getpass.getuser()}"


@contextmanager
def _open(code: str | None) -> Iterator[tuple[Database, "Engine", int]]:
    """The database, the engine and the company; what is refused is one line."""
    from server.wiring import make_engine
    from sync.engine import Engine
    from sync.kinds import ALL_KINDS

    chosen = settings()
    connections = make_engine(chosen, application_name="roadbook-quarantine", pool_size=2)
    try:
        database = Database(connections)
        company_id = find_company(database, code)
        yield database, Engine(database, ALL_KINDS, chosen.secret_key.encode()), company_id
    except (NoSuchCompany, NotThere) as missing:
        raise click.ClickException(str(missing)) from missing
    except DBAPIError as error:
        first = str(error.orig).partition("\n")[0]
        raise click.ClickException(f"The database does not do it: {first}") from error
    finally:
        connections.dispose()
