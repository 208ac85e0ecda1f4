"""What the pages of masters share: how changes are told, for whom something is, and what scripts find."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec
from flask import Response

from server.changes.names import names_of
from server.changes.words import SHORT, Difference, differences, told_action
from server.identity.change_log import changes_of
from server.language import tell, told_clock, told_day
from server.web.desk import packed
from sync.unit_of_work import UnitOfWork

CHANGES_SHOWN = 12
FOUND_MAX = 20


@dataclass(frozen=True, slots=True)
class ChangesTold:
    """The last entries of the log of changes about a master, and where the others are."""

    entries: list["ChangeTold"]
    kind: str
    record: str


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """An entry of the log of changes, for a person: what was done, and what differs."""

    at_ms: int
    actor: str
    action: str
    differs: list[Difference]


def told_changes(
    uow: UnitOfWork, kind: str, subject_id: UUID, zone: str, currency: str | None = None
) -> ChangesTold:
    """The last changes of a master, its amounts in this currency. Two queries."""
    found = changes_of(uow, subject_kind=kind, subject_id=subject_id, at_most=CHANGES_SHOWN)
    names = names_of(uow, found)
    return ChangesTold(
        [
            ChangeTold(
                moment_ms(one.at),
                one.actor,
                told_action(one.action),
                # Of what was made new the fields are on the page already.
                []
                if one.before is None and one.action.endswith((".make", ".draft"))
                else differences(one, names, zone, at_most=SHORT, currency=currency),
            )
            for one in found
        ],
        kind,
        str(subject_id),
    )


def told_period(valid_from: datetime | None, valid_until: datetime | None, zone: str) -> str:
    """From when until when, in words. Of what ends with a day the day is told."""
    if valid_from is None:
        return "–"
    begin = told_hour(valid_from, zone)
    if valid_until is None:
        return tell("from {moment}", moment=begin)
    return tell("{begin} to {end}", begin=begin, end=told_end(valid_until, zone))


def told_hour(moment: datetime, zone: str) -> str:
    """A day, and the hour where that is not its begin."""
    there = moment.astimezone(ZoneInfo(zone))
    if (there.hour, there.minute) == (0, 0):
        return told_day(there.date())
    return f"{told_day(there.date())}, {told_clock(moment_ms(moment), zone)}"


def told_end(moment: datetime, zone: str) -> str:
    """The last day of what ends with a day, else the hour at which it ends."""
    there = moment.astimezone(ZoneInfo(zone))
    if (there.hour, there.minute) == (0, 0):
        return told_day(there.date() - timedelta(days=1))
    return told_hour(moment, zone)


def moment_ms(moment: datetime) -> int:
    """Milliseconds since 1970, as pages tell moments."""
    return round(moment.timestamp() * 1000)


def found_for_scripts(rows: Iterable[tuple[str, str]]) -> Response:
    """Codes with their names, for a field that completes what is typed."""
    return packed(msgspec.json.encode([list(row) for row in rows]))
