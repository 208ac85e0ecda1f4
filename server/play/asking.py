"""What the office asks of the people of a play, so that their phones have something to answer: a task, a notice, and
where they are. What nobody answered is taken back at the end.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from server.identity.change_log import Actor
from server.play.morning import work_dates, working_hours
from server.tasks.errors import AskedAlready, OutsideWorkingHours, WrongState
from server.tasks.location_checks import ask_location, withdraw_check
from server.tasks.notices import NewNotice, Text, give_notice, recall_notice
from server.tasks.tasks import NewTask, give_tasks, withdraw_tasks
from sync.policy import current_policy
from sync.unit_of_work import Database, UnitOfWork

_DUE_DAYS = 7
_OVER = "the play is over"


@dataclass(slots=True)
class Asked:
    """What was asked, by its ids."""

    tasks: list[UUID] = field(default_factory=list)
    checks: list[UUID] = field(default_factory=list)
    notices: list[UUID] = field(default_factory=list)


def ask_people(
    database: Database, company_id: int, actor: Actor, person_ids: Iterable[UUID]
) -> Asked:
    """A task for each of these people, a notice for everybody, and a question where each is, of the last day that
    is played.
    """
    asked = Asked()
    people = sorted(set(person_ids))
    with database.company(company_id) as uow:
        zone = current_policy(uow)[1].zone
        now = datetime.now(UTC).astimezone(zone)
        today = now.date()
        due_on = today + timedelta(days=_DUE_DAYS)
        tasks = [
            NewTask(
                sort="OTHER", text="Count the crates in the back", due_on=due_on, person_id=person
            )
            for person in people
        ]
        asked.tasks = give_tasks(uow, actor, tasks, today=today)
        texts = [
            Text(language="en", title="Stocktake on Friday", body="Finish your round by four.")
        ]
        new = NewNotice(texts=texts, starts_on=today, ends_on=due_on)
        asked.notices = [give_notice(uow, actor, new, today=today)]
        (day,) = work_dates(now, 1)
        morning_ms, _ = working_hours(day, zone)
        at = datetime.fromtimestamp(morning_ms / 1000, UTC)
        for person in people:
            # Somebody may be asked already, or the company may not work at this hour.
            with suppress(AskedAlready, OutsideWorkingHours):
                asked.checks.append(ask_location(uow, actor, person, now=at))
    return asked


def take_back(database: Database, company_id: int, actor: Actor, asked: Asked) -> None:
    """Withdraw what nobody answered, each by itself: what was answered meanwhile stays."""
    for one in (*asked.tasks, *asked.checks, *asked.notices):
        with suppress(WrongState), database.company(company_id) as uow:
            _take_back(uow, actor, asked, one)


def _take_back(uow: UnitOfWork, actor: Actor, asked: Asked, one: UUID) -> None:
    today = datetime.now(UTC).astimezone(current_policy(uow)[1].zone).date()
    if one in asked.tasks:
        withdraw_tasks(uow, actor, [one], _OVER, today=today)
    elif one in asked.checks:
        withdraw_check(uow, actor, one, today=today)
    else:
        recall_notice(uow, actor, one, _OVER, today=today)
