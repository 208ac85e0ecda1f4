"""Stores: outlets that are visited, with their pins, owners and divisions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from mobile_contract.records.store import (
    ADDRESS_MAX,
    CHANNEL_MAX,
    CLASSES,
    CODE_MAX,
    CONTACT_NAME_MAX,
    CONTACT_PHONE_MAX,
    DELIVERY_NOTE_MAX,
    NAME_MAX,
    OPENING_HOURS_MAX,
)
from mobile_contract.records.store_terms import ACCOUNT_CODE_MAX
from server.exchange.cells import Choice, Code, Codes, Scaled, Whole, Words
from server.exchange.references import References
from server.exchange.sheet import Change, Column, Record, Sheet, Told
from server.identity.change_log import Actor
from server.language import Said, sentence
from server.planning.regions import regions_of
from server.planning.store_divisions import set_store_divisions
from server.planning.stores import NewStore, close_stores, edit_stores, make_stores, reopen_stores
from sync.geo import Point
from sync.unit_of_work import UnitOfWork

ACTIVE, CLOSED = "ACTIVE", "CLOSED"
DIVISIONS_MAX = 50
_TAKEN = """
select code from store
where company_id = :company and code = any(:codes) and status in ('PROPOSED', 'REFUSED')
"""
# Columns of the sheet → those of the office, where they are called otherwise.
_FIELDS = {
    "code": "code",
    "name": "name",
    "channel": "channel",
    "class": "store_class",
    "address": "address",
    "contact_name": "contact_name",
    "contact_phone": "contact_phone",
    "opening_hours": "opening_hours",
    "delivery_note": "delivery_note",
    "lat": "lat_e7",
    "lon": "lon_e7",
    "fence_m": "fence_radius_m",
    "region": "region_id",
    "position": "position_id",
    "account": "account_id",
}


def apply(
    uow: UnitOfWork, actor: Actor, changes: Sequence[Change], references: References, today: date
) -> None:
    """Make, change, close and reopen stores as sets."""
    new = [change for change in changes if change.is_new]
    made = make_stores(uow, actor, _new_stores(uow, new, references))
    ids = dict(zip((id(change) for change in new), made, strict=True))
    ids |= {id(change): change.id for change in changes if not change.is_new}
    edits = {
        change.id: _columns(references.replaced(STORE, change, *_FIELDS))
        for change in changes
        if not change.is_new and change.after(*_FIELDS)
    }
    edit_stores(uow, actor, edits)
    set_store_divisions(
        uow,
        actor,
        {
            ids[id(change)]: [
                references.id("division", code) for code in change.values["divisions"] or ()
            ]
            for change in changes
            if "divisions" in change.fields
        },
    )
    for status, act in ((CLOSED, _close), (ACTIVE, _reopen)):
        chosen = [ids[id(c)] for c in changes if c.after("status").get("status") == status]
        if chosen:
            act(uow, actor, chosen, today)


def _close(uow: UnitOfWork, actor: Actor, ids: Iterable[UUID], today: date) -> None:
    close_stores(uow, actor, ids, today=today)


def _reopen(uow: UnitOfWork, actor: Actor, ids: Iterable[UUID], _today: date) -> None:
    reopen_stores(uow, actor, ids)


def _new_stores(
    uow: UnitOfWork, changes: Sequence[Change], references: References
) -> list[NewStore]:
    """New stores; one without a region is in that of its pin."""
    pinned = [c for c in changes if c.values["region"] is None and c.values["lat"] is not None]
    points = [Point(c.values["lat"], c.values["lon"]) for c in pinned]
    around = regions_of(uow, points) if points else []
    of_pin = {id(change): region for change, region in zip(pinned, around, strict=True)}
    stores = []
    for change in changes:
        values = dict(change.values)
        values["region"] = of_pin.get(id(change)) or references.id_or_none(
            "region", values["region"]
        )
        values["position"] = references.id_or_none("position", values["position"])
        values["account"] = references.id_or_none("account", values["account"])
        stores.append(NewStore(**_columns({name: values[name] for name in _FIELDS})))
    return stores


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    columns = {_FIELDS[name]: value for name, value in fields.items()}
    # A store has an address, also an empty one.
    if "address" in columns:
        columns["address"] = columns["address"] or ""
    return columns


def check(uow: UnitOfWork, changes: Sequence[Change], _today: date) -> Iterable[Told]:
    """A pin has both coordinates, and no store that a phone proposed has the code."""
    codes = sorted({change.values["code"] for change in changes if "code" in change.fields})
    taken = {row.code for row in uow.rows(_TAKEN, company=uow.company_id, codes=codes)}
    for change in changes:
        values = change.values
        if (values["lat"] is None) != (values["lon"] is None):
            missing = "lat" if values["lat"] is None else "lon"
            yield Told(
                change, missing, "conflicts", Said("a pin has both a latitude and a longitude")
            )
        if "code" in change.fields and values["code"] in taken:
            yield Told(change, "code", "conflicts", Said("a store that was proposed has this code"))


def closes(change: Change) -> bool:
    """Whether a store is closed."""
    return change.after("status").get("status") == CLOSED


def takes_turn(records: Sequence[Record]) -> bool:
    """Closing takes a store out of routes, whose turn comes before any lock."""
    return any(record.values.get("status") == CLOSED for record in records)


STORE = Sheet(
    name="store",
    about=sentence(
        "Outlets that are visited. Those that phones propose are decided with `roadbook proposal`."
    ),
    columns=(
        Column(
            name="code",
            cell=Code(CODE_MAX, has_spaces=True),
            about=sentence("its code"),
            is_required=True,
        ),
        Column(name="name", cell=Words(NAME_MAX), about=sentence("its name"), is_required=True),
        Column(
            name="channel",
            cell=Words(CHANNEL_MAX),
            about=sentence("as grocery or kiosk"),
            is_required=True,
        ),
        Column(name="class", cell=Choice(CLASSES), about=sentence("its class")),
        Column(
            name="address",
            cell=Words(ADDRESS_MAX, is_of_lines=True),
            about=sentence("where it is|store"),
        ),
        Column(
            name="contact_name", cell=Words(CONTACT_NAME_MAX), about=sentence("whom to ask for")
        ),
        Column(
            name="contact_phone",
            cell=Words(CONTACT_PHONE_MAX),
            about=sentence("and how to call them"),
        ),
        Column(
            name="opening_hours",
            cell=Words(OPENING_HOURS_MAX, is_of_lines=True),
            about=sentence("when it is open"),
        ),
        Column(
            name="delivery_note",
            cell=Words(DELIVERY_NOTE_MAX, is_of_lines=True),
            about=sentence("what a driver has to know"),
        ),
        Column(
            name="lat",
            cell=Scaled(7, -900_000_000, 900_000_000, sentence("degrees, WGS 84"), is_rounded=True),
            about=sentence("its pin's latitude"),
        ),
        Column(
            name="lon",
            cell=Scaled(
                7, -1_800_000_000, 1_800_000_000, sentence("degrees, WGS 84"), is_rounded=True
            ),
            about=sentence("its pin's longitude"),
        ),
        Column(
            name="fence_m",
            cell=Whole(10, 20_000),
            about=sentence("its own fence in metres; empty: that of its class or the company"),
        ),
        Column(
            name="region",
            cell=Code(),
            about=sentence("where it is; empty leaves it, and puts a new store where its pin lies"),
            refers_to="region",
            keeps_when_empty=True,
        ),
        Column(
            name="position",
            cell=Code(),
            about=sentence("the owner beside any route"),
            refers_to="position",
        ),
        Column(
            name="account",
            cell=Code(ACCOUNT_CODE_MAX, has_spaces=True),
            about=sentence("the customer that pays for it"),
            refers_to="account",
        ),
        Column(
            name="divisions",
            cell=Codes(DIVISIONS_MAX),
            about=sentence("the divisions that it buys from"),
            refers_to="division",
        ),
        Column(
            name="status",
            cell=Choice((ACTIVE, CLOSED)),
            about=sentence("empty leaves it, and a new store is active"),
            keeps_when_empty=True,
        ),
    ),
    key=("code",),
    select="""
        select s.id, s.code, s.name, s.channel, s.store_class as class, s.address, s.contact_name,
               s.contact_phone, s.opening_hours, s.delivery_note, s.lat_e7 as lat, s.lon_e7 as lon,
               s.fence_radius_m as fence_m, r.code as region, p.code as position, a.code as account,
               s.status,
               array(select d.code from store_division b
                     join division d on d.company_id = b.company_id and d.id = b.division_id
                     where b.company_id = s.company_id and b.store_id = s.id) as divisions
        from store s
        left join region r on r.company_id = s.company_id and r.id = s.region_id
        left join position p on p.company_id = s.company_id and p.id = s.position_id
        left join account a on a.company_id = s.company_id and a.id = s.account_id
        where s.company_id = :company and s.status in ('ACTIVE', 'CLOSED') and s.code is not null
    """,
    apply=apply,
    check=check,
    closes=closes,
    takes_turn=takes_turn,
    records_at_once=500,
)
