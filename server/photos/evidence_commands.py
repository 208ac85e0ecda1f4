"""`roadbook photo explain` and `judge-again`: the evidence of photos."""

from datetime import datetime

import click

from server.cli import say
from server.identity.companies import company_zone
from server.identity.people import person_by_email
from server.identity.terminal import company_of, company_option, operator
from server.photos.errors import PhotoError
from server.photos.explaining import explain, read_evidence, told_photo_flag
from server.photos.judging import judge_again, leave_to_judge_again
from server.photos.photo_list import photo_named


@click.command("explain")
@click.argument("named", metavar="PHOTO")
@click.option(
    "--version", type=click.IntRange(1), help="As it was judged then. Default: the latest."
)
@click.option("--seen-by", metavar="E-MAIL", help="As far as this person may see.")
@company_option
def explain_command(
    *, named: str, version: int | None, seen_by: str | None, company: str | None
) -> None:
    """Say in words what a photo was judged by, with all figures, and judge it again as it was judged."""
    with company_of(company, PhotoError) as uow:
        asker_id = None if seen_by is None else person_by_email(uow, seen_by)
        told = read_evidence(uow, photo_named(uow, named), version=version, asker_id=asker_id)
        zone = company_zone(uow)
    say(f"Photo     {told.evidence.inputs.taken.id}")
    for line in explain(told, zone):
        say(line)


@click.command("judge-again")
@click.argument("photos", nargs=-1, metavar="[PHOTO…]")
@click.option(
    "--since", type=click.DateTime(("%Y-%m-%d",)), help="All from this business day on, by workers."
)
@company_option
def judge_again_command(
    *, photos: tuple[str, ...], since: datetime | None, company: str | None
) -> None:
    """Judge photos by today's settings. What was found before stays; a verdict is never taken back."""
    if bool(photos) == (since is not None):
        raise click.UsageError("name photos, or give --since")
    with company_of(company, PhotoError) as uow:
        if since is not None:
            say(f"{leave_to_judge_again(uow, operator(), since.date())} will be judged again")
            return
        ids = [photo_named(uow, named) for named in photos]
        found = judge_again(uow, operator(), ids)
    for id_ in ids:
        if id_ not in found:
            say(f"{id_.hex[:8]}  its file was not read yet")
            continue
        flags = "; ".join(map(told_photo_flag, found[id_]))
        say(f"{id_.hex[:8]}  {flags or 'nothing is odd about its file'}")
