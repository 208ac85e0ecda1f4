"""The rows of an order: where it stands, its version and lines, what was delivered."""

from datetime import date
from typing import Any

import msgspec

from mobile_contract.pricing import PricedLine
from sync.rows import RowSet

_json = msgspec.json.encode

Rows = tuple[tuple[RowSet, str, tuple[Any, ...]], ...]

HEADERS = RowSet(
    "order_header",
    (
        ("id", "uuid"),
        ("version", "int4"),
        ("order_version", "int4"),
        ("order_type", "text"),
        ("number", "text"),
        ("state", "text"),
        ("holds", "text[]"),
        ("person_id", "uuid"),
        ("position_id", "uuid"),
        ("device_id", "uuid"),
        ("store_id", "uuid"),
        ("account_id", "uuid"),
        ("visit_id", "uuid"),
        ("returns_order_id", "uuid"),
        ("currency", "text"),
        ("business_day", "date"),
        ("ordered_at", "timestamptz"),
        ("delivery_on", "date"),
        ("total_minor", "int8"),
        ("server_total_minor", "int8"),
        ("likeness", "uuid"),
        ("look_alike_of", "uuid"),
        ("driver_position_id", "uuid"),
        ("delivered_at", "timestamptz"),
        ("delivered_minor", "int8"),
        ("trust", "text"),
        ("flags", "text[]"),
        ("received_at", "timestamptz"),
    ),
    "on conflict (company_id, id) do update set version = excluded.version,"
    " order_version = excluded.order_version, state = excluded.state, holds = excluded.holds,"
    " account_id = excluded.account_id, delivery_on = excluded.delivery_on,"
    " total_minor = excluded.total_minor, server_total_minor = excluded.server_total_minor,"
    " likeness = excluded.likeness, driver_position_id = excluded.driver_position_id,"
    " delivered_at = excluded.delivered_at, delivered_minor = excluded.delivered_minor,"
    # Only a driver's confirmation writes over an order that was sent out.
    " delivery_known_at = case when excluded.delivered_at is not null then clock_timestamp() end,"
    " flags = excluded.flags",
)
VERSIONS = RowSet(
    "order_version",
    (
        ("order_id", "uuid"),
        ("order_version", "int4"),
        ("origin", "text"),
        ("person_id", "uuid"),
        ("actor", "text"),
        ("reason", "text"),
        ("made_at", "timestamptz"),
        ("total_minor", "int8"),
        ("server_total_minor", "int8"),
        ("holds", "text[]"),
        ("prices_as_of", "timestamptz"),
        ("price_lists", "jsonb"),
        ("promotions", "jsonb"),
        ("delivery_on", "date"),
        ("note", "text"),
    ),
)
LINES = RowSet(
    "order_line",
    (
        ("order_id", "uuid"),
        ("order_version", "int4"),
        ("line", "int4"),
        ("product_id", "uuid"),
        ("unit", "text"),
        ("quantity", "int4"),
        ("price_minor", "int8"),
        ("discount_minor", "int8"),
        ("total_minor", "int8"),
        ("taken", "jsonb"),
        ("reason", "text"),
        ("server_price_minor", "int8"),
        ("server_discount_minor", "int8"),
        ("server_total_minor", "int8"),
        ("price_list_id", "uuid"),
        ("price_list_version", "int4"),
        ("from_quantity", "int4"),
        ("server_taken", "jsonb"),
    ),
)
DELIVERIES = RowSet(
    "order_delivery",
    (
        ("order_id", "uuid"),
        ("line", "int4"),
        ("order_version", "int4"),
        ("delivered", "int4"),
        ("short", "int4"),
        ("returned", "int4"),
        ("reason", "text"),
        ("delivered_minor", "int8"),
    ),
)


def header_row(
    order_id: str,
    version: int,
    fields: dict[str, Any],
    *,
    device_id: str,
    likeness: str,
    received_at: int,
) -> tuple[Any, ...]:
    """Where an order stands, by the document that phones hold of it."""
    delivery = fields["delivery"]
    return (
        order_id,
        version,
        fields["order_version"],
        fields["order_type"],
        fields["number"],
        fields["state"],
        fields["holds"],
        fields["person_id"],
        fields["position_id"],
        device_id,
        fields["store_id"],
        fields["account_id"],
        fields["visit_id"],
        fields["returns_order_id"],
        fields["currency"],
        date.fromisoformat(fields["business_day"]),
        fields["ordered"]["corrected_at"],
        None if fields["delivery_on"] is None else date.fromisoformat(fields["delivery_on"]),
        fields["total_minor"],
        fields["server_total_minor"],
        likeness,
        fields["look_alike_of"],
        fields["driver_position_id"],
        None if delivery is None else delivery["event"]["corrected_at"],
        None if delivery is None else delivery["delivered_minor"],
        fields["clock"]["trust"],
        [flag["flag"] for flag in fields["flags"]],
        received_at,
    )


def version_row(
    order_id: str,
    fields: dict[str, Any],
    *,
    origin: str,
    person_id: str | None,
    actor: str,
    reason: str | None,
    made_at: int,
) -> tuple[Any, ...]:
    """A version of what is ordered, by the document that phones hold of it."""
    return (
        order_id,
        fields["order_version"],
        origin,
        person_id,
        actor,
        reason,
        made_at,
        fields["total_minor"],
        fields["server_total_minor"],
        fields["holds"],
        fields["prices_as_of"],
        _json(fields["price_lists"]),
        _json(fields["promotions"]),
        None if fields["delivery_on"] is None else date.fromisoformat(fields["delivery_on"]),
        fields["note"],
    )


def line_row(
    order_id: str,
    order_version: int,
    number: int,
    line: dict[str, Any],
    priced: PricedLine | None,
) -> tuple[Any, ...]:
    """A line of a version, with how the server's price came about where it has one."""
    taken = line["taken"]
    server = _NO_PRICE if priced is None or priced.price_minor is None else _server(priced)
    return (
        order_id,
        order_version,
        number,
        line["product_id"],
        line["unit"],
        line["quantity"],
        line["price_minor"],
        line["discount_minor"],
        line["total_minor"],
        _json(taken) if taken else None,
        line["reason"],
        server[0],
        server[1],
        line["server_total_minor"],
        *server[2:],
    )


_NO_PRICE = (None, None, None, None, None, None)


def _server(priced: PricedLine) -> tuple[Any, ...]:
    taken = [
        {
            "promotion_id": each.promotion_id,
            "version": each.version,
            "amount_minor": each.amount_minor,
        }
        for each in priced.taken
    ]
    return (
        priced.price_minor,
        priced.discount_minor,
        priced.list_id,
        priced.list_version,
        priced.from_quantity,
        _json(taken) if taken else None,
    )
