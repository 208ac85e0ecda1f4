"""`roadbook notice`: what people are told, and who has read it. Each command is one transaction, logged
under the operator's name; what cannot be done is one line.
"""

from datetime import datetime
from uuid import UUID

import click
from sqlalchemy import select

from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.companies import company_day, company_zone
from server.identity.occupancies import position_by_code
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.language import Said
from server.planning.errors import PlanningError
from server.planning.organisation import region_by_code
from server.tasks.errors import FieldInvalid, NoSuchNotice, TaskError
from server.tasks.notices import (
    NewNotice,
    Text,
    give_notice,
    list_notices,
    readers_of,
    recall_notice,
)
from sync.kinds.notice.table import notice as notice_table
from sync.organisation import division
from sync.unit_of_work import UnitOfWork

_day = click.DateTime(["%Y-%m-%d"])


@click.group()
def notice() -> None:
    """What people are told, and who has read it."""


@notice.command("list")
@click.option("--shown", "only_shown", is_flag=True, help="Those that phones show today.")
@click.option("--seen-by", metavar="E-MAIL", help="Those for positions this person may see.")
@at_most_option
@company_option
def list_command(only_shown: bool, seen_by: str | None, at_most: int, company: str | None) -> None:
    """List notices, the newest first."""
    with company_of(company, TaskError) as uow:
        found = list_notices(
            uow,
            today=company_day(uow),
            only_shown=only_shown,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("ID", "STATE", "FROM", "TO", "FOR", "IN", "READ BY", "TITLE"),
        [
            (
                one.id.hex[:8],
                one.state,
                one.starts_on.isoformat(),
                one.ends_on.isoformat(),
                one.audience.lower(),
                "+".join(one.languages),
                str(one.readers),
                one.title,
            )
            for one in found
        ],
        "There is no notice like this.",
        at_most=at_most,
    )


@notice.command("give")
@click.option("--en", nargs=2, metavar="TITLE TEXT", help="In English.")
@click.option("--zh", nargs=2, metavar="TITLE TEXT", help="In Chinese.")
@click.option("--from", "starts_on", type=_day, help="Its first day, today unless given.")
@click.option("--to", "ends_on", type=_day, required=True, help="Its last day.")
@click.option("--division", "division_code", metavar="CODE")
@click.option("--region", "regions", multiple=True, metavar="CODE", help="With all below it.")
@click.option("--position", "positions", multiple=True, metavar="CODE")
@company_option
def give_command(
    *,
    en: tuple[str, str] | None,
    zh: tuple[str, str] | None,
    starts_on: datetime | None,
    ends_on: datetime,
    division_code: str | None,
    regions: tuple[str, ...],
    positions: tuple[str, ...],
    company: str | None,
) -> None:
    """Tell the company something, or a division, regions, positions."""
    texts = [
        Text(language=language, title=given[0], body=given[1])
        for language, given in (("zh", zh), ("en", en))
        if given is not None
    ]
    if (division_code is not None) + bool(regions) + bool(positions) > 1:
        raise click.BadParameter("one of --division, --region and --position")
    with company_of(company, TaskError, PlanningError) as uow:
        today = company_day(uow)
        audience, ids = _audience(uow, division_code, regions, positions)
        made = give_notice(
            uow,
            operator(),
            NewNotice(
                texts=texts,
                starts_on=today if starts_on is None else starts_on.date(),
                ends_on=ends_on.date(),
                audience=audience,
                audience_ids=ids,
            ),
            today=today,
        )
    say(f"Given: notice {made.hex[:8]}.")


@notice.command("recall")
@click.argument("notice_id", metavar="ID")
@click.option("--reason", required=True, help="For the change log.")
@company_option
def recall_command(notice_id: str, reason: str, company: str | None) -> None:
    """Take a notice from all phones."""
    with company_of(company, TaskError) as uow:
        recall_notice(uow, operator(), _notice(uow, notice_id), reason, today=company_day(uow))
    say("Recalled.")


@notice.command("readers")
@click.argument("notice_id", metavar="ID")
@click.option("--unread", "only_unread", is_flag=True, help="Those alone who have not read it.")
@click.option("--seen-by", metavar="E-MAIL", help="Those whom this person may see.")
@at_most_option
@company_option
def readers_command(
    *,
    notice_id: str,
    only_unread: bool,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List who has read a notice and who has not; those who have not first."""
    with company_of(company, TaskError) as uow:
        found = readers_of(
            uow,
            _notice(uow, notice_id),
            today=company_day(uow),
            only_unread=only_unread,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("WHO", "POSITION", "READ"),
        [
            (
                one.person,
                one.position_code or NOTHING,
                NOTHING if one.read_at is None else told_moment(one.read_at, zone),
            )
            for one in found
        ],
        "Nobody is like this.",
        at_most=at_most,
    )


def _audience(
    uow: UnitOfWork,
    division_code: str | None,
    regions: tuple[str, ...],
    positions: tuple[str, ...],
) -> tuple[str, list[UUID]]:
    if division_code is not None:
        found = uow.connection.scalar(
            select(division.c.id).where(
                division.c.company_id == uow.company_id,
                division.c.code == division_code.strip(),
            )
        )
        if found is None:
            raise FieldInvalid(
                Said(
                    "there is no division {division_code!r} in this company",
                    division_code=division_code,
                )
            )
        return "DIVISION", [found]
    if regions:
        return "REGION", [region_by_code(uow, code) for code in regions]
    if positions:
        return "POSITIONS", [position_by_code(uow, code) for code in positions]
    return "COMPANY", []


def _notice(uow: UnitOfWork, typed: str) -> UUID:
    return id_that_begins(uow, notice_table.c.id, typed, what="such notice", refusal=NoSuchNotice)
