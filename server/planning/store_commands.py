"""`roadbook store`: stores set from above. Each command is one transaction, logged under the operator's name."""

from typing import Any
from uuid import UUID

import click

from server.cli import say
from server.identity.aligned import NOTHING, say_list
from server.identity.companies import company_day
from server.identity.occupancies import position_by_code
from server.identity.terminal import at_most_option, company_of, company_option, operator
from server.planning.errors import PlanningError
from server.planning.named_stores import DEGREE_E7, stores_by_code, told_pin
from server.planning.organisation import region_by_code
from server.planning.regions import regions_of
from server.planning.store_list import StoreListed, list_stores
from server.planning.stores import (
    NewStore,
    close_stores,
    edit_stores,
    make_stores,
    reopen_stores,
)
from sync.geo import Point
from sync.kinds.store.table import STATUSES
from sync.scope import take_turn
from sync.unit_of_work import UnitOfWork

_CLASSES = click.Choice(("A", "B", "C"))
# What a store may be without, as it is typed → its columns.
_WITHOUT = {
    "class": ("store_class",),
    "pin": ("lat_e7", "lon_e7"),
    "fence": ("fence_radius_m",),
    "region": ("region_id",),
    "position": ("position_id",),
    "account": ("account_id",),
}
_at = click.option("--at", nargs=2, type=float, metavar="LAT LON", help="Its pin, WGS-84 degrees.")
_class = click.option("--class", "store_class", type=_CLASSES)
_fence = click.option(
    "--fence", "fence_m", type=int, metavar="METRES", help="Its own fence, else its class's."
)
_position = click.option(
    "--position", "position_code", help="The code of the position that owns it."
)


@click.group()
def store() -> None:
    """Stores set from above; what phones propose is `roadbook proposal`."""


@store.command("list")
@click.option("--position", "position_code", help="Its own and those on its routes.")
@click.option("--region", "region_code", help="Those of this region and of the regions below.")
@click.option("--code", "code_begins", help="Those whose code begins like this.")
@click.option(
    "--status",
    default="ACTIVE",
    show_default=True,
    type=click.Choice(STATUSES, case_sensitive=False),
)
@at_most_option
@company_option
def list_stores_command(
    *,
    position_code: str | None,
    region_code: str | None,
    code_begins: str | None,
    status: str,
    at_most: int,
    company: str | None,
) -> None:
    """List stores by code."""
    with company_of(company, PlanningError) as uow:
        found = list_stores(
            uow,
            statuses=(status,),
            position_id=None if position_code is None else position_by_code(uow, position_code),
            region_id=None if region_code is None else region_by_code(uow, region_code),
            code_begins=code_begins,
            at_most=at_most + 1,
        )
    say_list(
        ("CODE", "NAME", "CHANNEL", "CLASS", "REGION", "POSITION", "PIN", "FENCE"),
        [_row(one) for one in found],
        f"No store like this is {status.lower()}.",
        at_most=at_most,
    )


@store.command("add")
@click.argument("code")
@click.argument("name")
@click.option("--channel", required=True, help="As in grocery or kiosk.")
@_class
@click.option("--address", default="")
@_at
@_fence
@_position
@click.option("--region", "region_code", help="The code of its region, if not its pin's.")
@company_option
def add_store_command(
    *,
    code: str,
    name: str,
    channel: str,
    store_class: str | None,
    address: str,
    at: tuple[float, float] | None,
    fence_m: int | None,
    position_code: str | None,
    region_code: str | None,
    company: str | None,
) -> None:
    """Add an active store."""
    pin = None if at is None else _pin(*at)
    with company_of(company, PlanningError) as uow:
        around = None if pin is None else regions_of(uow, [pin])[0]
        new = NewStore(
            code=code,
            name=name,
            channel=channel,
            address=address,
            store_class=store_class,
            lat_e7=None if pin is None else pin.lat_e7,
            lon_e7=None if pin is None else pin.lon_e7,
            fence_radius_m=fence_m,
            position_id=None if position_code is None else position_by_code(uow, position_code),
            region_id=around if region_code is None else region_by_code(uow, region_code),
        )
        make_stores(uow, operator(), [new])
    say(f"Added: store {code}.")


@store.command("edit")
@click.argument("code")
@click.option("--name")
@click.option("--code", "new_code", help="Another code.")
@click.option("--channel", help="As in grocery or kiosk.")
@_class
@click.option("--address")
@_at
@_fence
@_position
@click.option("--region", "region_code", help="The code of its region.")
@click.option(
    "--without",
    multiple=True,
    type=click.Choice(tuple(_WITHOUT)),
    help="Take it away; may be given again.",
)
@click.option(
    "--status",
    type=click.Choice(("ACTIVE", "CLOSED"), case_sensitive=False),
    help="A closed store leaves every route and the plans from today on.",
)
@company_option
def edit_store_command(
    *,
    code: str,
    at: tuple[float, float] | None,
    position_code: str | None,
    region_code: str | None,
    without: tuple[str, ...],
    status: str | None,
    company: str | None,
    **typed: Any,
) -> None:
    """Change a store; what is not given stays."""
    columns: dict[str, Any] = {
        "code": typed["new_code"],
        "fence_radius_m": typed["fence_m"],
        **{name: typed[name] for name in ("name", "channel", "store_class", "address")},
    }
    if at is not None:
        pin = _pin(*at)
        columns |= {"lat_e7": pin.lat_e7, "lon_e7": pin.lon_e7}
    with company_of(company, PlanningError) as uow:
        if status is not None:
            # Closing takes the store out of routes, whose turn comes before any lock.
            take_turn(uow)
        (store_id,) = stores_by_code(uow, [code])
        if position_code is not None:
            columns["position_id"] = position_by_code(uow, position_code)
        if region_code is not None:
            columns["region_id"] = region_by_code(uow, region_code)
        changes = {name: value for name, value in columns.items() if value is not None}
        for name in (column for what in without for column in _WITHOUT[what]):
            if name in changes:
                raise click.BadParameter("a store cannot be given what it is to be without")
            changes[name] = None
        is_changed = bool(edit_stores(uow, operator(), {store_id: changes}))
        is_changed |= _set_status(uow, store_id, status)
    say(f"Changed: store {code}." if is_changed else f"Store {code} is like this already.")


def _set_status(uow: UnitOfWork, store_id: UUID, status: str | None) -> bool:
    if status == "CLOSED":
        return bool(close_stores(uow, operator(), [store_id], today=company_day(uow)))
    return status == "ACTIVE" and bool(reopen_stores(uow, operator(), [store_id]))


def _row(one: StoreListed) -> tuple[str, ...]:
    pin = NOTHING
    if one.lat_e7 is not None and one.lon_e7 is not None:
        pin = told_pin(one.lat_e7, one.lon_e7)
    return (
        one.code or NOTHING,
        one.name,
        one.channel,
        one.store_class or NOTHING,
        one.region_code or NOTHING,
        one.position_code or NOTHING,
        pin,
        NOTHING if one.fence_radius_m is None else f"{one.fence_radius_m} m",
    )


def _pin(latitude: float, longitude: float) -> Point:
    # A NaN is in no range either.
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise click.BadParameter(
            f"--at {latitude:g} {longitude:g}: a latitude from -90 to 90 degrees, then a longitude "
            "from -180 to 180"
        )
    return Point(round(latitude * DEGREE_E7), round(longitude * DEGREE_E7))
