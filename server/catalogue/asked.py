"""What commands about price lists and promotions ask alike: for whom, and from when until when."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select

from server.catalogue.accounts import account_by_code
from server.catalogue.errors import CatalogueError, PeriodInvalid
from server.catalogue.whom import Whom
from server.identity.aligned import NOTHING, told_moment
from server.language import Said
from server.planning.errors import PlanningError
from server.planning.named_stores import stores_by_code
from server.planning.organisation import region_by_code
from sync.accounts import account
from sync.kinds.store.table import store
from sync.organisation import region
from sync.policy import current_policy
from sync.unit_of_work import UnitOfWork

Command = TypeVar("Command", bound=Callable[..., Any])

REFUSALS = (CatalogueError, PlanningError)
_MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"])

_WHOM = (
    click.option("--store", "stores", multiple=True, metavar="CODE", help="This store."),
    click.option("--account", "accounts", multiple=True, metavar="CODE", help="Its stores."),
    click.option("--class", "classes", multiple=True, help="Stores of this class."),
    click.option("--channel", "channels", multiple=True, help="Stores of this channel."),
    click.option(
        "--region", "regions", multiple=True, metavar="CODE", help="Of it and those below."
    ),
)
_PERIOD = (
    click.option(
        "--from",
        "starts",
        type=_MOMENT,
        metavar="DAY",
        help="From its begin, or from DAYThh:mm, in the company's time. Default: now.",
    ),
    click.option(
        "--until", "ends", type=_MOMENT, metavar="DAY", help="The last day, or until DAYThh:mm."
    ),
    click.option("--past", "may_be_past", is_flag=True, help="It may begin in the past."),
)


def whom_options(command: Command) -> Command:
    """The options that `read_whom_options` reads."""
    for option in reversed(_WHOM):
        command = option(command)
    return command


def period_options(command: Command) -> Command:
    """The options that `read_period` reads."""
    for option in reversed(_PERIOD):
        command = option(command)
    return command


def read_whom_options(uow: UnitOfWork, typed: dict[str, Any]) -> Whom | None:
    """For whom, of one level; None where nothing was said."""
    levels = {
        "CUSTOMER": (*typed["stores"], *typed["accounts"]),
        "CLASS": typed["classes"],
        "CHANNEL": typed["channels"],
        "REGION": typed["regions"],
    }
    said = [level for level, values in levels.items() if values]
    if not said:
        return None
    if len(said) > 1:
        raise click.BadParameter("for stores and accounts, or classes, or channels, or regions")
    return Whom(
        said[0],
        store_ids=frozenset(stores_by_code(uow, typed["stores"])),
        account_ids=frozenset(account_by_code(uow, code) for code in typed["accounts"]),
        classes=frozenset(typed["classes"]),
        channels=frozenset(typed["channels"]),
        region_ids=frozenset(region_by_code(uow, code) for code in typed["regions"]),
    )


@dataclass(frozen=True, slots=True)
class AskedPeriod:
    """From when until when, as moments."""

    valid_from: datetime
    valid_until: datetime | None
    may_be_past: bool


def read_period(
    uow: UnitOfWork, starts: datetime | None, ends: datetime | None, *, may_be_past: bool
) -> AskedPeriod:
    """What was typed as moments; a day that is typed as the end is included.

    Of today the begin is meant: what begins today at once begins now.
    """
    zone = current_policy(uow)[1].zone
    now = datetime.now(UTC)
    try:
        begins = now if starts is None else starts.replace(tzinfo=zone).astimezone(UTC)
    except OverflowError as error:
        raise PeriodInvalid(Said("the calendar begins there")) from error
    is_today = starts is not None and starts.date() == now.astimezone(zone).date()
    if is_today and starts == starts.replace(hour=0, minute=0) and not may_be_past:  # type: ignore[union-attr]
        begins = max(begins, now)
    # The moment of asking is not in the past of the moment of doing.
    return AskedPeriod(begins, read_end(uow, ends), may_be_past or begins == now)


def read_end(uow: UnitOfWork, ends: datetime | None) -> datetime | None:
    """The moment from which something is over: after the day that was typed, or at its hour."""
    if ends is None:
        return None
    zone = current_policy(uow)[1].zone
    is_day = (ends.hour, ends.minute) == (0, 0)
    try:
        return (ends + timedelta(days=is_day)).replace(tzinfo=zone).astimezone(UTC)
    except OverflowError as error:
        raise PeriodInvalid(Said("the calendar ends there; what never ends has no end")) from error


def told_period(valid_from: datetime | None, valid_until: datetime | None, zone: ZoneInfo) -> str:
    """From when until when, for a person."""
    if valid_from is None:
        return NOTHING
    end = "" if valid_until is None else f" – {told_moment(valid_until, zone)}"
    return (
        f"{told_moment(valid_from, zone)}{end}" if end else f"from {told_moment(valid_from, zone)}"
    )


def told_whom(uow: UnitOfWork, whom: Whom | None) -> str:
    """For whom, by the codes that commands take."""
    if whom is None:
        return "every store"
    company = uow.company_id
    named = [
        uow.connection.scalars(
            select(table.c.code)
            .where(table.c.company_id == company, table.c.id.in_(ids))
            .order_by(table.c.code)
        ).all()
        for table, ids in (
            (store, whom.store_ids),
            (account, whom.account_ids),
            (region, whom.region_ids),
        )
    ]
    parts = (
        ("store", [code or NOTHING for code in named[0]]),
        ("account", list(named[1])),
        ("class", sorted(whom.classes)),
        ("channel", sorted(whom.channels)),
        ("region", list(named[2])),
    )
    return "; ".join(f"{name} {', '.join(codes)}" for name, codes in parts if codes)
