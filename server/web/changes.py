"""The log of changes: who changed what and when, what it was before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from flask import Blueprint, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import NotFound

from server.changes.change_list import (
    NAME_MAX,
    RECORD_MAX,
    ChangesAsked,
    Mark,
    find_change,
    kinds_logged,
    list_changes,
)
from server.changes.names import names_of
from server.changes.words import (
    SHORT,
    Difference,
    differences,
    told_action,
    told_differences,
    told_kind,
    told_subject,
)
from server.identity.change_log import LoggedChange
from server.identity.sessions import Visitor
from server.language import sentence, told_moment
from server.web.desk import Desk, draw
from server.web.listing import Column, Link, Listing, answer_listing, pages_of, told_pages
from server.web.marks import moment
from server.web.menu import ADMIN
from server.web.typed import typed_day
from sync.unit_of_work import UnitOfWork

_KIND_MAX = 60


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """An entry with what it is about and what differs, in words."""

    entry: LoggedChange
    subject: str
    differs: list[Difference]


def change_routes(desk: Desk) -> Blueprint:
    """/changes and what is below it."""
    routes = Blueprint("changes", __name__, url_prefix="/changes")

    @routes.get("/")
    @desk.page(*ADMIN)
    def change_list(visitor: Visitor) -> ResponseReturnValue:
        """The entries that are asked for, the latest first."""
        asked = _asked(request.args)
        with desk.database.reading(visitor.company_id) as uow:
            kinds = kinds_logged(uow)
        return answer_listing(
            desk,
            visitor,
            change_listing(visitor, request.args),
            "changes/list.html",
            asked=asked,
            kind=asked.kinds[0] if asked.kinds else "",
            kinds=sorted(((kind, told_kind(kind)) for kind in kinds), key=lambda one: one[1]),
        )

    @routes.get("/<int:change_id>")
    @desk.page(*ADMIN)
    def change_page(visitor: Visitor, change_id: int) -> ResponseReturnValue:
        """One entry, whole."""
        with desk.database.reading(visitor.company_id) as uow:
            entry = find_change(uow, change_id)
            if entry is None:
                raise NotFound
            names = names_of(uow, [entry])
        zone = visitor.policy.time_zone
        return draw(
            "changes/change.html",
            entry=entry,
            subject=told_subject(entry, names, zone),
            kind=told_kind(entry.subject_kind),
            action=told_action(entry.action),
            differs=differences(entry, names, zone),
            at=told_moment(round(entry.at.timestamp() * 1000), zone),
        )

    return routes


def change_listing(visitor: Visitor, arguments: Mapping[str, str]) -> Listing[ChangeTold]:
    """The list of entries that an address asks for. Raises NotFound, also for whoever may not have it."""
    if not visitor.has_role(*ADMIN):
        raise NotFound
    asked, zone = _asked(arguments), visitor.policy.time_zone

    def told(uow: UnitOfWork, shown: Sequence[LoggedChange]) -> list[ChangeTold]:
        names = names_of(uow, shown)
        return [
            ChangeTold(
                entry,
                told_subject(entry, names, zone),
                differences(entry, names, zone, at_most=SHORT),
            )
            for entry in shown
        ]

    read = pages_of(
        lambda uow, after, at_most: list_changes(uow, asked, ZoneInfo(zone), after, at_most),
        lambda one: f"{one.at.isoformat()}~{one.id}",
        _mark,
    )

    def subject_link(told: ChangeTold) -> Link:
        entry = told.entry
        place = url_for("changes.change_list", kind=entry.subject_kind, record=entry.subject_id)
        return Link(told.subject, place)

    return Listing(
        name="changes",
        columns=(
            Column(
                sentence("When"),
                lambda told: Link(
                    told_moment(round(told.entry.at.timestamp() * 1000), zone),
                    url_for("changes.change_page", change_id=told.entry.id),
                ),
                lambda told: told.entry.at,
            ),
            Column(sentence("Who"), lambda told: told.entry.actor, lambda told: told.entry.actor),
            Column(
                sentence("Kind"),
                lambda told: told_kind(told.entry.subject_kind),
                lambda told: told_kind(told.entry.subject_kind),
            ),
            Column(sentence("What"), subject_link, lambda told: told.subject),
            Column(
                sentence("What was done"),
                lambda told: told_action(told.entry.action),
                lambda told: told_action(told.entry.action),
            ),
            Column(
                sentence("Before → after"),
                lambda told: told_differences(told.differs, SHORT) or None,
                lambda told: told_differences(told.differs),
            ),
        ),
        read=told_pages(read, told),
        nothing=sentence("Nothing was changed like this."),
        exporter="changes",
    )


def _asked(arguments: Mapping[str, str]) -> ChangesAsked:
    who, kind = arguments.get("who", "").strip(), arguments.get("kind", "")
    record = arguments.get("record", "").strip()
    if len(who) > NAME_MAX or len(kind) > _KIND_MAX or len(record) > RECORD_MAX:
        raise NotFound
    if "\0" in who + kind + record:
        raise NotFound
    return ChangesAsked(
        first=_day(arguments.get("first")),
        last=_day(arguments.get("last")),
        who=who,
        kinds=(kind,) if kind else (),
        record=record,
    )


def _day(typed: str | None) -> date | None:
    return typed_day(typed) if typed else None


def _mark(typed: str) -> Mark:
    at, number = typed.split("~")
    if len(number) > 18:
        raise ValueError(typed)
    return moment(at), int(number)
