"""`roadbook media`: whether files and their rows agree, what is being sent, links to files."""

import sys
from datetime import timedelta

import click

from server.cli import say
from server.identity.aligned import told_moment, told_size, told_span
from server.identity.companies import company_zone
from server.identity.terminal import at_most_option, company_of, company_option, opened, operator
from server.media.check import Checked, check_files
from server.media.installed import media_of
from server.media.keys import original_key
from server.media.links import LASTS_MAX, Links
from server.media.storage import StorageAway

_UPLOADS = """
select u.id, u.size, u.received, u.created_at, u.expires_at, u.sha256, n.name
from upload u left join person n on n.company_id = u.company_id and n.id = u.person_id
where u.company_id = :company and u.state = 'OPEN' order by u.created_at limit :at_most
"""
_FILES = """
select sha256 from file where company_id = :company and sha256 like :begins limit 2
"""


@click.group()
def media() -> None:
    """Files that phones send: their bytes, and what is on its way."""


@media.command("check")
@click.option(
    "--mend",
    is_flag=True,
    help="Ask for lost bytes again, and let found ones become files again or go.",
)
@click.option("--all", "is_meant", is_flag=True, help="Mend also where more than a tenth is lost.")
@company_option
def check_command(company: str | None, *, mend: bool, is_meant: bool) -> None:
    """Compare rows with bytes. Fails where they differ and nothing was mended."""
    with opened(company, StorageAway) as found:
        media_here = media_of(found.settings)
        checked = check_files(found.database, media_here, found.company_id)
        if mend and checked.is_doubtful and not is_meant:
            message = (
                f"{checked.lost} of {checked.files} files are not in the storage: are MEDIA_FOLDER or MEDIA_BUCKET right,"
                " and is the disk mounted? Nothing was changed. Where they are lost: --mend --all"
            )
            raise click.ClickException(message)
        if mend:
            checked = check_files(found.database, media_here, found.company_id, mender=operator())
    for line in _told(checked):
        say(line)
    sys.exit(0 if checked.is_well or mend else 1)


def _told(checked: Checked) -> list[str]:
    lines = [
        f"files: {checked.files}, {told_size(checked.bytes)}",
        f"rows without their bytes: {checked.lost}",
        *(f"    {digest}" for digest in checked.lost_digests),
        f"bytes without a row: {checked.found}",
        *(f"    {digest}" for digest in checked.found_digests),
        f"unfinished uploads: {checked.uploads_open}, {told_size(checked.upload_bytes)} of them are there"
        + (f"; the oldest {told_span(checked.upload_oldest_s)}" if checked.uploads_open else ""),
        f"left over of uploads that are over: {checked.staged_without_row}",
        f"free on the disk of uploads: {told_size(checked.free_bytes)}",
    ]
    if checked.mended:
        lines.append(f"mended: {checked.mended}")
    elif not checked.is_well:
        lines.append("roadbook media check --mend puts it right")
    return lines


@media.command("uploads")
@at_most_option
@company_option
def uploads_command(company: str | None, at_most: int) -> None:
    """List what is being sent and is not whole, the oldest first."""
    with company_of(company) as uow:
        rows = uow.rows(_UPLOADS, company=uow.company_id, at_most=at_most)
        zone = company_zone(uow)
    for row in rows:
        share = f"{told_size(row.received)} of {told_size(row.size)}"
        since, until = told_moment(row.created_at, zone), told_moment(row.expires_at, zone)
        say(f"{row.id}  {row.name or '?'}  {share}  since {since}, ends {until}")
    if not rows:
        say("nothing is being sent")


@media.command("link")
@click.argument("sha256")
@click.option(
    "--minutes",
    default=10,
    show_default=True,
    type=click.IntRange(1, round(LASTS_MAX.total_seconds() / 60)),
    help="For how long it is good.",
)
@company_option
def link_command(sha256: str, minutes: int, company: str | None) -> None:
    """Make a link to the original of a file; SHA256 is its digest, or the begin of it."""
    with opened(company, StorageAway) as found:
        with found.database.reading(found.company_id) as uow:
            begins = sha256.replace("%", "").replace("_", "") + "%"
            rows = uow.rows(_FILES, company=uow.company_id, begins=begins)
        if len(rows) != 1:
            raise click.ClickException(
                "several files begin so" if rows else "there is no such file"
            )
        links = Links(found.settings.secret_key.encode(), media_of(found.settings).storage)
        say(links.make(original_key(found.company_id, rows[0].sha256), timedelta(minutes=minutes)))
