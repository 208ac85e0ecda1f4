"""`roadbook task`: what is asked of positions and people. Each command is one transaction, logged under
the operator's name; what cannot be done is one line.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import click

from mobile_contract.records.task import TASK_SORTS, TASK_STATES
from server.cli import say
from server.identity.aligned import NOTHING, say_list, told_moment
from server.identity.companies import company_day, company_zone
from server.identity.occupancies import position_by_code
from server.identity.people import person_by_email
from server.identity.prefixes import id_that_begins
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.tasks.errors import NoSuchTask, TaskError
from server.tasks.tasks import (
    NewTask,
    answers_to,
    give_tasks,
    list_tasks,
    open_tasks,
    withdraw_tasks,
)
from sync.kinds.task.table import task as task_table
from sync.unit_of_work import UnitOfWork

_seen_by = click.option(
    "--seen-by", metavar="E-MAIL", help="As this person sees it, by the positions they may see."
)


@click.group()
def task() -> None:
    """What the office asks of positions and people, and what they answer."""


@task.command("list")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(TASK_STATES, case_sensitive=False),
    default=("OPEN",),
    show_default=True,
)
@click.option("--position", "position_code", metavar="CODE")
@click.option("--person", "email", metavar="E-MAIL", help="Of this person alone.")
@click.option("--overdue", "only_overdue", is_flag=True, help="Open after their day.")
@_seen_by
@at_most_option
@company_option
def list_command(
    *,
    states: tuple[str, ...],
    position_code: str | None,
    email: str | None,
    only_overdue: bool,
    seen_by: str | None,
    at_most: int,
    company: str | None,
) -> None:
    """List tasks by their due day."""
    with company_of(company, TaskError) as uow:
        found = list_tasks(
            uow,
            today=company_day(uow),
            states=states,
            position_id=None if position_code is None else position_by_code(uow, position_code),
            person_id=None if email is None else person_by_email(uow, email),
            only_overdue=only_overdue,
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("ID", "DUE", "STATE", "OF", "WHAT", "STORE", "ANSWERS", "TEXT"),
        [
            (
                one.id.hex[:8],
                one.due_on.isoformat(),
                "OVERDUE" if one.is_overdue else one.state,
                one.position_code or one.person or NOTHING,
                one.sort,
                one.store_code or one.store_name or NOTHING,
                str(one.answers),
                " ".join(one.text.split()),
            )
            for one in found
        ],
        "No task is like this.",
        at_most=at_most,
    )


@task.command("open")
@_seen_by
@at_most_option
@company_option
def open_command(seen_by: str | None, at_most: int, company: str | None) -> None:
    """Say how many tasks are open, by position, and which are overdue."""
    with company_of(company, TaskError) as uow:
        found = open_tasks(
            uow,
            today=company_day(uow),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
    say_list(
        ("OF", "OPEN", "OVERDUE", "FIRST DUE"),
        [
            (
                one.position_code or one.person or NOTHING,
                str(one.open),
                str(one.overdue),
                one.first_due.isoformat(),
            )
            for one in found
        ],
        "No task is open.",
        at_most=at_most,
    )


@task.command("give")
@click.argument("text")
@click.option("--due", required=True, type=click.DateTime(["%Y-%m-%d"]), help="Its last day.")
@click.option("--position", "position_codes", multiple=True, metavar="CODE", help="One task each.")
@click.option("--person", "emails", multiple=True, metavar="E-MAIL", help="One task each.")
@click.option(
    "--sort",
    default="OTHER",
    show_default=True,
    type=click.Choice(TASK_SORTS, case_sensitive=False),
)
@click.option("--store", "store_code", metavar="CODE", help="The store that it is about.")
@click.option("--visit", "visit_id", type=click.UUID, help="The visit that it is about.")
@click.option("--order", "order_id", type=click.UUID, help="The order that it is about.")
@click.option("--photo", "photo_sha256", metavar="SHA-256", help="The photo that it is about.")
@company_option
def give_command(
    *,
    text: str,
    due: datetime,
    position_codes: tuple[str, ...],
    emails: tuple[str, ...],
    sort: str,
    store_code: str | None,
    visit_id: UUID | None,
    order_id: UUID | None,
    photo_sha256: str | None,
    company: str | None,
) -> None:
    """Give a task to positions, so that whoever holds them gets it, or to people."""
    if not position_codes and not emails:
        raise click.BadParameter("name a --position or a --person")
    with company_of(company, TaskError, PlanningError) as uow:
        store_id = None if store_code is None else stores_by_code(uow, [store_code])[0]
        owners: list[dict[str, UUID]] = [
            {"position_id": position_by_code(uow, code)} for code in position_codes
        ]
        owners += [{"person_id": person_by_email(uow, email)} for email in emails]
        ids = give_tasks(
            uow,
            operator(),
            [
                NewTask(
                    sort=sort,
                    text=text,
                    due_on=due.date(),
                    store_id=store_id,
                    visit_id=visit_id,
                    order_id=order_id,
                    photo_sha256=photo_sha256,
                    **owner,
                )
                for owner in owners
            ],
            today=company_day(uow),
        )
    say(f"Given: {', '.join(id_.hex[:8] for id_ in ids)}.")


@task.command("withdraw")
@click.argument("ids", metavar="ID…", nargs=-1, required=True)
@click.option("--reason", required=True, help="What phones show.")
@company_option
def withdraw_command(ids: tuple[str, ...], reason: str, company: str | None) -> None:
    """Take open tasks back."""
    with company_of(company, TaskError) as uow:
        withdraw_tasks(uow, operator(), _tasks(uow, ids), reason, today=company_day(uow))
    say(f"Withdrawn: {len(ids)}.")


@task.command("answers")
@click.argument("task_id", metavar="ID")
@_seen_by
@at_most_option
@company_option
def answers_command(task_id: str, seen_by: str | None, at_most: int, company: str | None) -> None:
    """List every answer to a task, as they came."""
    with company_of(company, TaskError) as uow:
        found = answers_to(
            uow,
            _tasks(uow, [task_id])[0],
            today=company_day(uow),
            asker_id=None if seen_by is None else person_by_email(uow, seen_by),
            at_most=at_most + 1,
        )
        zone = company_zone(uow)
    say_list(
        ("DONE", "BY", "SETTLES", "PHOTOS", "FLAGS", "NOTE"),
        [
            (
                told_moment(one.done_at, zone),
                one.person,
                "yes" if one.is_settling else "no",
                str(one.photos),
                ", ".join(one.flags) or NOTHING,
                one.note or NOTHING,
            )
            for one in found
        ],
        "Nobody has answered it.",
        at_most=at_most,
    )


def _tasks(uow: UnitOfWork, ids: Sequence[str]) -> list[UUID]:
    return [
        id_that_begins(uow, task_table.c.id, typed, what="such task", refusal=NoSuchTask)
        for typed in ids
    ]
