"""`roadbook work`: what the worker has given up on, for people at a terminal."""

import click

from server.cli import say
from server.identity.terminal import company_option, opened
from server.jobs.work import list_set_aside, try_set_aside_again


@click.group()
def work() -> None:
    """Work for the queue that failed again and again. Nothing here deletes it."""


@work.command("list")
@company_option
def list_command(company: str | None) -> None:
    """List what was given up, with what went wrong."""
    with opened(company) as found:
        given_up = list_set_aside(found.database, found.company_id)
    for row_id, topic, attempts, failure in given_up:
        say(f"{row_id}  {topic}  tried {attempts} times: {failure}")
    if not given_up:
        say("nothing was given up")


@work.command("again")
@company_option
def again_command(company: str | None) -> None:
    """Let the worker try all of it once more, when what went wrong has been put right."""
    with opened(company) as found:
        number = try_set_aside_again(found.database, found.company_id)
    say(f"{number} will be tried again")
