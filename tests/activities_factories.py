"""Activities, stores in them, tasks, notices and location checks, as rows with their records."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from sync.kinds.activity.publish import publish_activities
from sync.kinds.activity.table import activity, activity_standards
from sync.kinds.activity_store.publish import publish_entered
from sync.kinds.activity_store.table import activity_store
from sync.kinds.location_check.publish import publish_new_check
from sync.kinds.location_check.table import location_check
from sync.kinds.notice.publish import publish_notices
from sync.kinds.notice.table import notice
from sync.kinds.task.publish import publish_new_tasks
from sync.kinds.task.table import task
from sync.unit_of_work import UnitOfWork
from tests.factories import TODAY, Cast, Person

NOW = datetime(2026, 3, 4, 4, tzinfo=UTC)
"""Noon of TODAY in the cast's time zone."""

STANDARDS: tuple[dict[str, Any], ...] = (
    {
        "item": "END_CAP",
        "text": "An end cap beside the cooler",
        "is_required": True,
        "photos": 2,
        "pass_rule": "DONE_AND_PHOTOS",
    },
    {
        "item": "POSTER",
        "text": "The poster of the month",
        "is_required": True,
        "photos": 1,
        "pass_rule": "PHOTOS",
    },
    {
        "item": "PRICE_TAG",
        "text": "Price tags",
        "is_required": False,
        "photos": 0,
        "pass_rule": "DONE",
    },
)


def add_activity(
    uow: UnitOfWork,
    *,
    state: str = "OPEN",
    standards: Sequence[dict[str, Any]] = STANDARDS,
    today: date = TODAY,
    **columns: Any,
) -> UUID:
    """An activity in this state, published; every column can be given."""
    activity_id = uuid4()
    code = None if state == "DRAFT" else f"A-{activity_id.hex[:8]}"
    values: dict[str, Any] = {
        "code": code,
        "name": "End caps",
        "state": state,
        "starts_on": TODAY - timedelta(days=10),
        "ends_on": TODAY + timedelta(days=20),
        "channels": [],
        "region_ids": [],
        "standards_version": 1,
        **columns,
    }
    company = {"company_id": uow.company_id}
    uow.connection.execute(insert(activity).values(**company, id=activity_id, **values))
    add_standards(uow, activity_id, 1, standards)
    publish_activities(uow, [activity_id], today)
    return activity_id


def add_standards(
    uow: UnitOfWork, activity_id: UUID, version: int, standards: Sequence[dict[str, Any]]
) -> None:
    """A version of an activity's standards, as a row."""
    uow.connection.execute(
        insert(activity_standards).values(
            company_id=uow.company_id,
            activity_id=activity_id,
            standards_version=version,
            items=list(standards),
            since=NOW,
        )
    )


def add_activity_store(
    uow: UnitOfWork, activity_id: UUID, store_id: UUID, *, state: str = "RUNNING", **columns: Any
) -> UUID:
    """A store that the office put into an activity, published."""
    id_ = uuid4()
    uow.connection.execute(
        insert(activity_store).values(
            company_id=uow.company_id,
            id=id_,
            version=1,
            activity_id=activity_id,
            store_id=store_id,
            state=state,
            business_day=TODAY,
            requested_at=NOW,
            flags=[],
            photos=0,
            received_at=NOW,
            **columns,
        )
    )
    publish_entered(uow, [id_])
    return id_


def add_task(uow: UnitOfWork, position_id: UUID | None, **columns: Any) -> UUID:
    """An open task of a position, or of the person that is given, published."""
    id_ = uuid4()
    values = {
        "sort": "OTHER",
        "text": "Count the crates",
        "state": "OPEN",
        "due_on": TODAY,
        "given_by": "Sam",
        "given_at": NOW,
        **columns,
    }
    uow.connection.execute(
        insert(task).values(company_id=uow.company_id, id=id_, position_id=position_id, **values)
    )
    publish_new_tasks(uow, [id_])
    return id_


def add_notice(
    uow: UnitOfWork,
    audience: str = "COMPANY",
    audience_ids: Sequence[UUID] = (),
    *,
    today: date = TODAY,
    **columns: Any,
) -> UUID:
    """A notice that is shown from yesterday to tomorrow, published as of today."""
    id_ = uuid4()
    values = {
        "texts": [{"language": "en", "title": "Stocktake", "body": "On Friday."}],
        "state": "GIVEN",
        "starts_on": TODAY - timedelta(days=1),
        "ends_on": TODAY + timedelta(days=1),
        "given_by": "the office",
        "given_at": NOW,
        **columns,
    }
    uow.connection.execute(
        insert(notice).values(
            company_id=uow.company_id,
            id=id_,
            audience=audience,
            audience_ids=list(audience_ids),
            **values,
        )
    )
    publish_notices(uow, [id_], today)
    return id_


def add_location_check(
    uow: UnitOfWork, cast: Cast, person: Person, *, asker: Person | None = None, **columns: Any
) -> UUID:
    """A check that was asked an hour ago and lasts until half an hour from now, published."""
    id_ = uuid4()
    asker = asker or cast.sam
    values = {
        "position_id": person.position_id,
        "state": "ASKED",
        "asker_id": asker.id,
        "asked_by": asker.name,
        "business_day": TODAY,
        "asked_at": NOW - timedelta(hours=1),
        "expires_at": NOW + timedelta(minutes=30),
        **columns,
    }
    uow.connection.execute(
        insert(location_check).values(
            company_id=uow.company_id, id=id_, person_id=person.id, **values
        )
    )
    publish_new_check(uow, id_)
    return id_
